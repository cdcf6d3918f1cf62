//! The vectors of the format page: the bytes there are what the codecs write and read.
#![allow(clippy::unwrap_used, clippy::panic)]

use lab_codec::{Build, Context, Entry, Params, Resources, Worker};

const DOCUMENT: &str = include_str!("../../../docs/formats/codecs.md");

const ENTRIES: [Entry; 17] = [
    lab_baselines::BITSHUFFLE,
    lab_baselines::BROTLI,
    lab_baselines::BWT,
    lab_baselines::BZIP2,
    lab_baselines::DEFLATE,
    lab_baselines::DELTA,
    lab_baselines::LZ4,
    lab_baselines::LZFSE,
    lab_baselines::MEMCPY,
    lab_baselines::MTF,
    lab_baselines::PPMD,
    lab_baselines::RANGE,
    lab_baselines::RANS0,
    lab_baselines::RLE,
    lab_baselines::SNAPPY,
    lab_baselines::STORE,
    lab_baselines::XZ,
];

/// A worker for a stage such as `delta:stride=4`.
fn worker(stage: &str) -> Box<dyn Worker> {
    let mut words = stage.split(':');
    let id = words.next().unwrap();
    let entry = ENTRIES.iter().find(|entry| entry.info.id == id).unwrap_or_else(|| panic!("no {id}"));
    let mut params = Params::defaults(entry.info);
    for (key, value) in words.map(|word| word.split_once('=').unwrap()) {
        let (index, param) = entry.info.param(key).unwrap();
        params.set(index, param.parse(value).unwrap());
    }
    let Build::Codec(build) = entry.build else { panic!("{id} is no codec") };
    build(&params, &Resources::default()).unwrap().worker()
}

/// Hexadecimal bytes, `"text"`, and `*N` behind either for repetition.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        let (unit, count) = word.split_once('*').unwrap_or((word, "1"));
        let unit = match unit.strip_prefix('"') {
            Some(quoted) => quoted.trim_end_matches('"').as_bytes().to_vec(),
            None => vec![u8::from_str_radix(unit, 16).unwrap()],
        };
        bytes.extend(unit.repeat(count.parse().unwrap()));
    }
    bytes
}

#[test]
fn documented_bytes_are_written_and_read() {
    let (_, block) = DOCUMENT.split_once("```vectors\n").expect("a block of vectors");
    let (block, _) = block.split_once("```").expect("its end");
    let cx = Context::default();
    let mut seen = Vec::new();
    for line in block.lines() {
        let [stage, raw, stored] = line.split('|').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (raw, stored) = (bytes(raw), bytes(stored));
        let mut worker = worker(stage.trim());
        let mut out = Vec::new();
        worker.encode(&raw, &mut out, &cx).unwrap();
        let hex: Vec<String> = out.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(out, stored, "{line}: {}", hex.join(" "));
        out.clear();
        worker.decode(&stored, raw.len(), &mut out, &cx).unwrap();
        assert_eq!(out, raw, "{line}");
        seen.push(stage.split(':').next().unwrap().trim());
    }
    for entry in &ENTRIES {
        assert!(seen.contains(&entry.info.id), "no vector for {}", entry.info.id);
    }
}
