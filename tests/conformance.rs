//! Every registered codec and carrier, through the one suite, with the memory of the whole process on watch.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use lab_codec::{Context, Resources};
use lab_template::notes::build::Builder;
use lab_template::notes::cid;
use lab_template::notes::cut::{Chunking, Cutting};
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// The highest number of live heap bytes since the last call.
fn peak() -> u64 {
    let peak = HEAP.peak_usage() as u64;
    HEAP.reset_peak_usage();
    peak
}

#[test]
fn every_entry_conforms() {
    let options = lab_conformance::Options { memory_probe: Some(peak), ..Default::default() };
    let report = lab_conformance::check(&lab::registry::builtin(), &options);
    println!("{report}");
    assert!(report.is_ok(), "{report}");

    let (dictionary, texts) = dictionary();
    let options =
        lab_conformance::Options { resources: dictionary, texts, only: vec!["template".into()], ..options };
    let report = lab_conformance::check(&lab::registry::builtin(), &options);
    println!("with a dictionary: {report}");
    assert!(report.is_ok(), "{report}");
}

/// A dictionary in two contexts of notes that the suite's inputs have, and the parameters that name it.
fn dictionary() -> (Resources, Vec<(String, String, String)>) {
    let cutting = Cutting::new(Chunking::Content, 256).unwrap();
    let mut builder = Builder::new(cutting, vec!["PLAIN".into(), "LOUD".into()]);
    let text = lab_conformance::text(40_000);
    let loud = String::from_utf8_lossy(&text).replace(' ', "! ").to_uppercase().into_bytes();
    builder.add(&[text.clone(), loud.clone()], &Context::default()).unwrap();
    let (table, places) = builder.finish(1, 1 << 20);
    let mut file = table.to_bytes(true);
    for place in places {
        let text = if place.context == 0 { &text } else { &loud };
        file.extend_from_slice(&text[place.range.start as usize..place.range.end as usize]);
    }
    let digest = cid::digest(&file);
    let mut resources = Resources::default();
    resources.insert(digest, Arc::from(file));
    let texts = [("dict", format!("sha256:{digest}")), ("contexts", "PLAIN+LOUD".into())];
    (resources, texts.map(|(name, value)| ("template".to_string(), name.to_string(), value)).into())
}
