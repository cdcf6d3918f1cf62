//! The vectors in the format's documentation are what the code reads and writes.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use common::read_all;
use lab_codec::{Context, Digest, StreamWriter, Summary, Target};
use lab_video::exact::Writer;
use lab_video::exact::header::stream_id;
use lab_video::exact::whiten::{FrameKey, TABLE};
use sha2::{Digest as _, Sha256};

const DOCUMENT: &str = include_str!("../../../docs/formats/video-exact.md");

/// The bytes of the fenced block behind the line that is `title`.
fn vector(title: &str) -> Vec<u8> {
    let block = DOCUMENT
        .split_once(&format!("\n{title}\n"))
        .and_then(|(_, rest)| rest.split_once("```hex\n"))
        .and_then(|(_, rest)| rest.split_once("```"))
        .unwrap_or_else(|| panic!("the document has no vector {title:?}"))
        .0;
    block.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    let line = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ");
    bytes.chunks(16).map(line).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn assert_vector(title: &str, bytes: &[u8]) {
    assert!(vector(title) == bytes, "{title}:\n{}", hex(bytes));
}

/// The example of the document.
fn example() -> Vec<u8> {
    let content = b"exact";
    let summary = Summary {
        name: "a.txt".to_string(),
        chain: "video".to_string(),
        bytes: content.len() as u64,
        sha256: Digest(Sha256::digest(content).into()),
    };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.mp4");
    let target = Target::Path(&path);
    let mut writer =
        Box::new(Writer::create(target, &summary.name, &summary.chain, &Context::default()).unwrap());
    writer.write(content).unwrap();
    writer.finish(&summary).unwrap();
    std::fs::read(path).unwrap()
}

#[test]
fn the_whitening_sequence() {
    assert_vector("The table, all 384 bytes:", &TABLE);
    assert_vector(
        "The keys of frame 0, macroblocks 0, 1 and 2:",
        &[0, 1, 2].map(|mb| FrameKey::new(0).macroblock(mb)).concat(),
    );
    assert_vector(
        "The keys of frame 4,000,000,000, macroblocks 0, 1 and 8159:",
        &[0, 1, 8159].map(|mb| FrameKey::new(4_000_000_000).macroblock(mb)).concat(),
    );
}

#[test]
fn the_example() {
    let file = example();
    let length = u32::from_be_bytes(*file[48..].first_chunk().unwrap()) as usize;
    assert_vector("The stream id:", &stream_id(b"exact", "a.txt", "video"));
    assert_vector("The sample, from its length on:", &file[48..52 + length]);
    assert_vector("The whole file's SHA-256:", &Sha256::digest(&file));
}

/// A video of the first version, made from nothing but the document's vector, stays readable.
#[test]
fn the_documents_sample_reads_back() {
    let sample = vector("The sample, from its length on:");
    // The writer's file up to the samples, and no index: the reader finds the sample by itself.
    let file = [&b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\0mdat"[..], &sample].concat();
    let (content, lost, summary) = read_all(&file).unwrap();
    assert_eq!((&content[..], lost.is_empty()), (&b"exact"[..], true));
    let summary = summary.unwrap();
    assert_eq!((summary.name.as_str(), summary.chain.as_str(), summary.bytes), ("a.txt", "video", 5));
}
