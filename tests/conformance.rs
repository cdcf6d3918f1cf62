//! Every registered codec and carrier, through the one suite, with the memory of the whole process on watch.
//!
//! Each entry has a process of its own, since the heap of a process is counted as a whole; as many run at
//! once as there are processors.
#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::sync::{Arc, Mutex};

use lab_codec::{Context, Resources};
use lab_template::notes::build::Builder;
use lab_template::notes::cid;
use lab_template::notes::cut::{Chunking, Cutting};
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Names the entry that a child tries.
const ENTRY: &str = "LAB_CONFORMANCE_ENTRY";

/// `template` once more, with a dictionary.
const WITH_DICTIONARY: &str = "template with a dictionary";

/// `video` once more. Without ffmpeg every damage to its own profile is tried, and the others are absent;
/// with it a damaged medium starts processes, and there are samples.
const WITH_FFMPEG: &str = "video with ffmpeg";

/// The highest number of live heap bytes since the last call.
fn peak() -> u64 {
    let peak = HEAP.peak_usage() as u64;
    HEAP.reset_peak_usage();
    peak
}

#[test]
fn every_entry_conforms() {
    let registry = lab::registry::builtin();
    let ids = registry.entries().iter().map(|entry| entry.info.id).rev();
    let ids = Mutex::new(ids.chain([WITH_DICTIONARY, WITH_FFMPEG]).collect::<Vec<_>>());
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, Into::into) {
            scope.spawn(|| {
                loop {
                    let Some(id) = ids.lock().unwrap().pop() else { break };
                    let mut child = Command::new(std::env::current_exe().unwrap());
                    child.args(["--exact", "one_entry_conforms", "--ignored", "--nocapture"]).env(ENTRY, id);
                    if id == "video" {
                        child.env("LAB_FFMPEG", "none");
                    }
                    let output = child.output().unwrap();
                    let said = String::from_utf8_lossy(&output.stdout);
                    println!("{said}");
                    // A process that ran no test has tried nothing.
                    if !output.status.success() || !said.contains("1 passed") {
                        failed.lock().unwrap().push(id);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
#[ignore = "run by every_entry_conforms, once for each entry"]
fn one_entry_conforms() {
    let id = std::env::var(ENTRY).unwrap();
    let (resources, mut texts) = if id == WITH_DICTIONARY { dictionary() } else { Default::default() };
    // Small pictures do as well as large ones, and a poster that stands for a second takes five of them.
    for (name, value) in [("size", "384x240"), ("fps", "5")] {
        texts.push(("video".into(), name.into(), value.into()));
    }
    let options = lab_conformance::Options {
        memory_probe: Some(peak),
        only: id.split(' ').take(1).map(Into::into).collect(),
        exhaustive: id != WITH_FFMPEG,
        resources,
        texts,
        ..lab_conformance::Options::default()
    };
    let report = lab_conformance::check(&lab::registry::builtin(), &options);
    println!("{report}");
    assert!(report.is_ok(), "{report}");
    assert!(report.entries.len() == 1 && report.entries[0].cases > 0, "{id} was not tried");
}

/// A dictionary in two contexts of notes that the suite's inputs have, and the parameters that name it.
fn dictionary() -> (Resources, Vec<(String, String, String)>) {
    let cutting = Cutting::new(Chunking::Content, 256).unwrap();
    let mut builder = Builder::new(cutting, vec!["PLAIN".into(), "LOUD".into()], 1 << 20).unwrap();
    let text = lab_conformance::text(40_000);
    let loud = String::from_utf8_lossy(&text).replace(' ', "! ").to_uppercase().into_bytes();
    builder.add(vec![text[..].into(), loud[..].into()], &Context::default()).unwrap();
    let (table, places) = builder.finish(1, 1 << 20);
    let mut file = table.to_bytes(true);
    for place in places {
        let text = if place.context == 0 { &text } else { &loud };
        file.extend_from_slice(&text[place.range.start as usize..place.range.end as usize]);
    }
    let digest = cid::digest(&file);
    let mut resources = Resources::default();
    resources.insert(digest, Arc::from(file));
    let texts = [
        ("dict", format!("sha256:{digest}")),
        ("contexts", "PLAIN+LOUD".into()),
        ("maps", "SOME.PLAIN.0.LOUD.2-3.LOUD".into()),
    ];
    (resources, texts.map(|(name, value)| ("template".to_string(), name.to_string(), value)).into())
}
