//! Checks the vectors of docs/formats/tlmr.md against the page itself.
#![allow(clippy::unwrap_used, missing_docs)]

use lab_bits::{arity, evql, msb::BitWriter};
use lab_codec::{Build, Context, Params, Resources};
use lab_telomere::format;
use lab_telomere::seed::{Salt, Seed, expand};
use lab_telomere::{INFO, TELOMERE};

/// The lines of a block of the page.
fn block(name: &str) -> Vec<Vec<String>> {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/formats/tlmr.md")).unwrap();
    let lines = lab_conformance::vectors(&page, name);
    assert!(!lines.is_empty(), "the page has no block {name}");
    lines
}

/// Bytes as the page writes them: hexadecimal, or text in quotes; `*N` repeats the word before it.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        let (word, times) = word.split_once('*').map_or((word, 1), |(w, n)| (w, n.parse().unwrap()));
        let piece: Vec<u8> = match word.strip_prefix('"') {
            Some(text) => text.strip_suffix('"').unwrap().replace('_', " ").into_bytes(),
            None => word
                .as_bytes()
                .chunks(2)
                .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
                .collect(),
        };
        bytes.extend(piece.repeat(times));
    }
    bytes
}

/// Formats bytes as [`bytes()`] reads them.
fn words(bytes: &[u8]) -> String {
    let mut words: Vec<String> = Vec::new();
    for run in bytes.chunk_by(|a, b| a == b) {
        match run.len() {
            1..=3 => words.extend(run.iter().map(|byte| format!("{byte:02x}"))),
            n => words.push(format!("{:02x}*{n}", run[0])),
        }
    }
    words.join(" ")
}

fn bits(writer: BitWriter) -> String {
    let length = writer.bit_len() as usize;
    let text: String = writer.finish().iter().map(|byte| format!("{byte:08b}")).collect();
    text[..length].to_string()
}

#[test]
fn codes() {
    for line in block("evql") {
        let mut writer = BitWriter::default();
        evql::write(&mut writer, line[0].parse().unwrap());
        assert_eq!(bits(writer), line[1].replace(' ', ""), "{}", line[0]);
    }
    for line in block("arity") {
        let kind = line[0].parse().map_or(arity::Kind::Literal, arity::Kind::Seed);
        let mut writer = BitWriter::default();
        arity::write(&mut writer, kind);
        assert_eq!(bits(writer), line[1].replace(' ', ""), "{}", line[0]);
    }
}

#[test]
fn expansions() {
    for line in block("seeds") {
        let seed = Seed::at(line[1].parse().unwrap()).unwrap();
        assert_eq!(seed.bytes(), bytes(&line[2]));
        let expected = bytes(&line[3]);
        let mut out = Vec::new();
        expand(&Salt::new(&bytes(&line[0])).unwrap(), seed, expected.len(), &mut out);
        assert_eq!(out, expected, "{line:?}: {}", words(&out));
    }
}

fn read(file: &[u8]) -> lab_codec::Result<Vec<u8>> {
    let mut out = Vec::new();
    format::read(file, None, &mut out, &Context::default()).map(|_| out)
}

#[test]
fn files() {
    let lines = block("files");
    assert!(lines.len() >= 10);
    let mut mismatches = Vec::new();
    for line in lines {
        let [settings, content, file] = &line[..] else { panic!("{line:?}") };
        let content = bytes(content);
        if settings != "-" {
            let mut params = Params::defaults(&INFO);
            for setting in settings.split(':').filter(|setting| !setting.is_empty()) {
                let (key, value) = setting.split_once('=').unwrap();
                let (index, param) = INFO.param(key).unwrap();
                params.set(index, param.parse(value).unwrap());
            }
            let Build::Codec(build) = TELOMERE.build else { panic!("a codec") };
            let mut out = Vec::new();
            let mut worker = build(&params, &Resources::default()).unwrap().worker();
            worker.encode(&content, &mut out, &Context::default()).unwrap();
            if out != bytes(file) {
                mismatches.push(format!("{} | {} | {}", line[0], line[1], words(&out)));
            }
            assert_eq!(read(&out).unwrap(), content);
        } else {
            assert_eq!(read(&bytes(file)).unwrap(), content, "{line:?}");
        }
    }
    assert!(mismatches.is_empty(), "{}", mismatches.join("\n"));
}

#[test]
fn refused() {
    for line in block("refused") {
        let error = read(&bytes(&line[0])).map(|out| words(&out)).unwrap_err().to_string();
        assert!(error.contains(&line[1]), "{}: {error}", line[0]);
    }
}
