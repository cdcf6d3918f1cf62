//! Text formats: benchmark results, manifests and descriptions of corpora, and `y4m`, which begins with text.

use std::path::Path;

use lab_bench::export::EXPORTERS;
use lab_corpus::Manifest;
use lab_corpus::published::Sources;
use lab_media::{Frame, y4m};
use lab_report::compare::Comparison;
use lab_report::interchange;

use crate::surroundings::context;

/// Results of this or another program: a readable document can be exported and compared.
pub(super) fn results(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(input) = interchange::read(text, "fuzz") else { return };
    for format in EXPORTERS {
        let _ = format.export(&input.results);
    }
    let compared = Comparison::new(&input.results, &input.results);
    std::hint::black_box(compared.pairs.len());
    for format in interchange::FORMATS {
        let _ = format.export(&input.results);
    }
}

/// A corpus manifest: all paths stay below its directory.
pub(super) fn manifest(bytes: &[u8]) {
    let directory = Path::new("corpus");
    let Ok(manifest) = Manifest::parse(bytes, directory) else { return };
    for file in &manifest.files {
        let mut parts = file.stored.components();
        let inside = parts.all(|part| matches!(part, std::path::Component::Normal(_)));
        assert!(inside, "{:?} leaves the directory", file.stored);
    }
}

/// A description of a corpus's sources.
pub(super) fn sources(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(sources) = Sources::parse(text) {
        assert!(!sources.files.is_empty(), "a description of no file");
    }
}

/// A `y4m` stream: reads all frames.
pub(super) fn y4m(bytes: &[u8]) {
    let Ok(mut reader) = y4m::Reader::new(bytes, &context()) else { return };
    let mut frame = Frame::new(reader.video().shape);
    while reader.read(&mut frame).is_ok_and(|more| more) {}
}
