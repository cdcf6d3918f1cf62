//! Templates that were made to do harm: each is refused with an error of its own, in little memory.
#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod common;

use std::path::{Path, PathBuf};

use common::{arg, error_line, file, ok, run};
use lab_bits::varint;
use lab_codec::Digest;
use lab_stream::container::{Header, Index, SegmentHeader, TRAILER_LEN, Trailer};
use nix::sys::resource::{UsageWho, getrusage};

/// A complete stream of one segment that claims to be `raw_len` bytes of content.
fn stream(chain: &str, resources: &[Digest], raw_len: u64, stored: &[u8]) -> Vec<u8> {
    let header = Header {
        tag: 0,
        chain: chain.into(),
        formats: vec![1],
        segment_size: 0,
        resources: resources.to_vec(),
    };
    let segment = SegmentHeader {
        tag: 0,
        number: 0,
        raw_offset: 0,
        raw_len,
        bypassed: false,
        stage_lens: vec![stored.len() as u64],
        raw_crc: 0,
        stored_crc: crc32c::crc32c(stored),
    };
    let header = header.encode();
    let record = [segment.encode(), stored.to_vec()].concat();
    let mut index = Index::default();
    index.push(header.len() as u64, record.len() as u64, raw_len);
    let index = index.encode();
    let header_offset = (header.len() + record.len()) as u64;
    let trailer = Trailer {
        bytes: raw_len,
        sha256: Digest([0; 32]),
        segments: 1,
        header_offset,
        index_offset: header_offset + header.len() as u64,
        stream_len: header_offset + (header.len() + index.len() + TRAILER_LEN) as u64,
    };
    [&header[..], &record, &header, &index, &trailer.encode()].concat()
}

/// A template without a dictionary, of one segment.
fn template(dir: &Path, raw_len: u64, stored: &[u8]) -> PathBuf {
    file(dir, "hostile.lab", &stream("template", &[], raw_len, stored))
}

/// The error of decoding; no child of this process has ever taken much memory.
#[track_caller]
fn refused(path: &Path, code: i32, said: &str) {
    let line = error_line(&run(["template", "decode", arg(path), "-o", "-", "--memory-limit", "64M"]), code);
    assert!(line.contains(said), "{line}");
    little_memory();
}

#[track_caller]
fn little_memory() {
    let peak = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss() * 1024;
    assert!(peak > 0 && peak < 100_000_000, "{peak} bytes");
}

/// A segment of `repair` with coder `raw`, from its lanes.
fn raw(lanes: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut out = vec![2, 0xFF];
    varint::write(&mut out, lanes.len() as u64);
    let mut next = 0;
    for (number, lane) in lanes {
        varint::write(&mut out, number - next);
        varint::write(&mut out, lane.len() as u64);
        next = number + 1;
    }
    lanes.iter().for_each(|(_, lane)| out.extend(lane));
    out
}

const NEW: [u8; 2] = [0xFF, 1];

/// As many rules, each of them twice the one within it: 2^rules times the letter a, as a template.
fn doubling(rules: usize) -> Vec<u8> {
    let grammar = raw(&[
        (0, [NEW.repeat(rules), b"a".to_vec()].concat()),
        (97, vec![b'a'; rules]),
        (256 + 97, [vec![0; 2], vec![1; rules - 1]].concat()),
        (512, vec![1; rules]),
        (513, vec![0; rules]),
    ]);
    [vec![0], grammar].concat()
}

/// So many definitions, one within the other, and then letters.
fn nested(rules: usize) -> Vec<u8> {
    let grammar = raw(&[
        (0, [NEW.repeat(rules), b"a".to_vec()].concat()),
        (97, vec![b'a'; rules]),
        (256 + 97, vec![0; rules + 1]),
        (512, vec![1; rules]),
        (513, vec![0; rules]),
    ]);
    [vec![0], grammar].concat()
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let dir = tempfile::tempdir().unwrap();
    // What it would be is known from its length.
    let bomb = template(dir.path(), 1 << 30, &doubling(30));
    refused(&bomb, 5, "--memory-limit");
    // A content of that length is worked on without expanding it.
    let count = |pattern| String::from_utf8(ok(["template", "count", pattern, arg(&bomb)])).unwrap();
    assert_eq!(count("a"), format!("{}\n", 1 << 30));
    assert_eq!(count("aa"), format!("{}\n", (1 << 30) - 1));
    let found = ok(["template", "search", &"a".repeat(1000), arg(&bomb), "--limit", "2"]);
    assert_eq!(found, b"0\n1\n");
    let inspected = String::from_utf8(ok(["template", "inspect", arg(&bomb), "--json"])).unwrap();
    assert!(inspected.contains("\"rules\": 30"), "{inspected}");
    let line = error_line(&run(["inspect", "--heat", arg(&bomb), "-o", "-", "--memory-limit", "64M"]), 5);
    assert!(line.contains("--memory-limit"), "{line}");
    little_memory();
    // Forty rules would be 2^40 bytes; the segment says fewer.
    for raw_len in [1000, (1 << 20) - 1] {
        refused(
            &template(dir.path(), raw_len, &doubling(40)),
            3,
            "the tokens expand to more bytes than the segment has",
        );
    }
    // No segment is that long.
    refused(&template(dir.path(), 1 << 31, &doubling(31)), 5, "--memory-limit");
    let long = template(dir.path(), 1 << 31, &doubling(31));
    let line = error_line(&run(["template", "count", "a", arg(&long)]), 3);
    assert!(line.contains("notes for 2147483648 bytes"), "{line}");
}

#[test]
fn depth_is_no_recursion() {
    let dir = tempfile::tempdir().unwrap();
    let deep = template(dir.path(), 400_001, &nested(400_000));
    let count = ok(["template", "count", "a", arg(&deep)]);
    assert_eq!(count, b"400001\n");
    ok(["template", "inspect", arg(&deep), "--json"]);
    // The stream says nothing true of the content, and that is found only when all of it is there.
    refused(&deep, 3, "do not match their checksum");
    refused(&template(dir.path(), 300_000, &nested(400_000)), 3, "a rule of 2 symbols at offset 0");
    refused(&template(dir.path(), 400_000, &nested(400_000)), 3, "a rule of 2 symbols at offset 0");
}

#[test]
fn rules_that_are_not_there_yet() {
    let dir = tempfile::tempdir().unwrap();
    // A use before any rule, and one within the definition of the rule itself.
    let forward = raw(&[(0, b"a".to_vec()), (353, vec![1])]);
    let within = raw(&[
        (0, [&NEW[..], b"a"].concat()),
        (97, b"a".to_vec()),
        (353, vec![0, 1]),
        (512, vec![1]),
        (513, vec![0]),
    ]);
    for grammar in [forward, within] {
        let path = template(dir.path(), 3, &[vec![0], grammar].concat());
        refused(&path, 3, "no rule of class 1 begins with byte 97, or its index is too large");
    }
}

/// A segment of notes: no renderings, the sequence and the local notes stored as they are.
fn notes(sequence: &[u8], local: &[u8]) -> Vec<u8> {
    let mut out = vec![1, 0];
    varint::write(&mut out, sequence.len() as u64);
    varint::write(&mut out, sequence.len() as u64 + 1);
    out.push(0);
    out.extend_from_slice(sequence);
    out.push(0);
    out.extend_from_slice(local);
    out
}

#[test]
fn sequences_that_cannot_be() {
    let dir = tempfile::tempdir().unwrap();
    for (sequence, raw_len, said) in [
        (&[2, 2, 2, 3, 0][..], 4, "local note 1 is used before it is NEW"),
        (&[1, 4, 1], 4, "a FOLLOWING symbol without a previous note"),
        (&[1, 4, 9], 4, "symbol 9 has no note"),
        (&[1, 4, 0, 0], 4, "symbol 0 has no note"),
        (&[1, 4, 0, 2], 4, "the notes exceed the segment"),
        (&[1, 4, 0], 9, "the notes are 5 bytes short"),
        (&[1, 4], 4, "the notes are 4 bytes short"),
        (&[1, 0, 0], 4, "new notes of at least 0 bytes"),
        (&[2, 3, 3, 0, 0], 4, "new notes of at least 6 bytes in a segment of 4"),
        (&[9, 4, 0], 4, "9 lengths in 2 bytes"),
    ] {
        refused(&template(dir.path(), raw_len, &notes(sequence, b"abcd")), 3, said);
    }
    // A length that would be a bomb, and one that is not there.
    let claims = [vec![1, 0], vec![0xFF; 8], vec![0x7F]].concat();
    refused(&template(dir.path(), 4, &claims), 3, "bytes for a segment of 4");
    refused(&template(dir.path(), 4, &[1, 0, 3, 0x90, 0x4E, 0]), 3, "the sequence of notes ends too early");
    refused(&template(dir.path(), 4, &[7]), 3, "form 7 of a template");
    refused(&template(dir.path(), 4, &[]), 3, "an empty segment");
}

/// A dictionary with two contexts, and its digest: a few letters, which are a mebibyte in the other one.
fn dictionary(dir: &Path) -> (PathBuf, Digest) {
    for (name, text) in [("SMALL", b"small and simple".to_vec()), ("LARGE", vec![b'L'; 1 << 20])] {
        std::fs::create_dir(dir.join(name)).unwrap();
        file(&dir.join(name), "sample", &text);
    }
    let path = dir.join("dict");
    let contexts = ["SMALL", "LARGE"].map(|name| format!("{name}={}", dir.join(name).display()));
    let args = ["template", "build-dict", "--json", "-o", arg(&path), "--context", &contexts[0], "--context"];
    let report: serde_json::Value =
        serde_json::from_slice(&ok(args.into_iter().chain([&*contexts[1]]))).unwrap();
    (path, Digest::from_hex(report["sha256"].as_str().unwrap()).unwrap())
}

#[test]
fn renderings_have_limits() {
    let dir = tempfile::tempdir().unwrap();
    let (_, digest) = dictionary(dir.path());
    // No local note, and forty thousand times entry 0, which is 40 GB in the other context.
    let sequence = [vec![0], vec![2; 40_000]].concat();
    let mut stored = vec![1, 1];
    varint::write(&mut stored, 1);
    varint::write(&mut stored, 40_000 << 20);
    stored.extend([0; 32]);
    varint::write(&mut stored, sequence.len() as u64);
    varint::write(&mut stored, sequence.len() as u64 + 1);
    stored.push(0);
    stored.extend(&sequence);
    let chain = format!("template:dict=sha256:{digest}:contexts=SMALL+LARGE");
    let bomb = stream(&chain, &[digest], 16 * 40_000, &stored);
    let bomb = file(dir.path(), "bomb.lab", &bomb);
    let args = ["template", "decode", arg(&bomb), "-o", "-", "--context"];
    let line = error_line(&run(args.into_iter().chain(["LARGE"])), 5);
    assert!(line.contains("a segment in this context"), "{line}");
    let line = error_line(&run(args.into_iter().chain(["MEDIUM"])), 2);
    assert!(line.contains("does not declare the context \"MEDIUM\"; it declares SMALL, LARGE"), "{line}");
    little_memory();
}

#[test]
fn renderings_that_cannot_be() {
    let dir = tempfile::tempdir().unwrap();
    let (_, digest) = dictionary(dir.path());
    let rendering = |number: u8| [vec![number, 5], vec![0; 32]].concat();
    let of = |count: u8, renderings: &[u8]| {
        let mut stored = [&[1, count], renderings].concat();
        stored.extend([2, 3, 0, 0, 2]); // no local note, and entry 0
        stored
    };
    let try_it = |chain: &str, stored: &[u8], code, said: &str| {
        let chain = format!("template:dict=sha256:{digest}{chain}");
        let path = file(dir.path(), "x.lab", &stream(&chain, &[digest], 16, stored));
        let line =
            error_line(&run(["template", "decode", arg(&path), "-o", "-", "--context", "LARGE"]), code);
        assert!(line.contains(said), "{line}");
        little_memory();
    };
    let contexts = ":contexts=SMALL+LARGE";
    try_it(
        contexts,
        &of(2, &[rendering(1), rendering(1)].concat()),
        3,
        "2 renderings in 2 contexts and maps",
    );
    try_it(contexts, &of(1, &rendering(0)), 3, "number 0, but the content has that number");
    try_it(contexts, &of(1, &rendering(2)), 3, "number 2, but contexts and maps have smaller numbers");
    try_it(contexts, &of(1, &[1, 5, 0]), 3, "a rendering without its digest");
    try_it(contexts, &of(0, &[]), 3, "rendering 1 is missing");
    try_it(contexts, &of(1, &rendering(1)), 3, "the rendering differs from the template's digest");
    let maps = ":contexts=SMALL+LARGE:maps=M.LARGE+N.SMALL";
    try_it(
        maps,
        &of(3, &[rendering(2), rendering(3), rendering(2)].concat()),
        3,
        "number 2, which occurs twice",
    );
    // What a header may not say.
    try_it(":contexts=SMALL+DUSK", &of(0, &[]), 3, "no context \"DUSK\"");
    try_it(
        ":maps=M.LARGE",
        &of(0, &[]),
        3,
        "the map \"M\": the template does not declare the context \"LARGE\"",
    );
    try_it(
        ":contexts=SMALL+LARGE:maps=M.LARGE.1.SMALL",
        &of(0, &[]),
        3,
        "symbol 1 does not exist; the dictionary has 1, from 0",
    );
}
