//! What the codec promises beyond a round trip: its frame, its checks, its memory.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use lab_codec::{Build, Codec, Context, ErrorKind, Limits, Params, Resources, Value};
use lab_zstd::{ZSTD, decode_foreign};

const LEVEL: usize = 0;
const WINDOW_LOG: usize = 1;
const LONG: usize = 2;

fn params(values: &[(usize, Value)]) -> Params {
    let mut params = Params::defaults(ZSTD.info);
    for (index, value) in values {
        params.set(*index, value.clone());
    }
    params
}

fn try_codec(values: &[(usize, Value)]) -> lab_codec::Result<Arc<dyn Codec>> {
    match ZSTD.build {
        Build::Codec(build) => build(&params(values), &Resources::default()),
        Build::Carrier(_) => unreachable!(),
    }
}

fn encode(values: &[(usize, Value)], input: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    try_codec(values).unwrap().worker().encode(input, &mut out, &Context::default()).unwrap();
    out
}

/// Text-like bytes with repeats near and far.
fn sample(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let word = (state >> 22).to_string();
        bytes.extend_from_slice(word.as_bytes());
        bytes.push(b' ');
    }
    bytes.truncate(length);
    bytes
}

fn kind(result: lab_codec::Result<()>) -> ErrorKind {
    result.unwrap_err().kind()
}

fn decode(input: &[u8], raw_len: usize) -> lab_codec::Result<()> {
    try_codec(&[])?.worker().decode(input, raw_len, &mut Vec::new(), &Context::default())
}

#[test]
fn the_frame_carries_its_size_and_no_checksum() {
    let encoded = encode(&[], &sample(1000));
    assert_eq!(encoded[..4], [0x28, 0xB5, 0x2F, 0xFD]);
    // Two bytes of content size, single segment, no checksum, no dictionary id.
    assert_eq!(encoded[4], 0x60);
    assert_eq!(u16::from_le_bytes([encoded[5], encoded[6]]), 1000 - 256);
}

#[test]
fn every_level_round_trips_behind_what_the_output_holds() {
    let raw = sample(300_000);
    for level in [-7, -1, 0, 1, 3, 9, 16, 22] {
        let values = [(LEVEL, Value::Int(level)), (LONG, Value::Flag(level % 2 == 0))];
        let encoded = encode(&values, &raw);
        let mut out = b"before".to_vec();
        let mut worker = try_codec(&values).unwrap().worker();
        worker.decode(&encoded, raw.len(), &mut out, &Context::default()).unwrap();
        assert_eq!(&out[..6], b"before");
        assert!(out[6..] == raw, "level {level}");
    }
}

#[test]
fn declared_memory_covers_what_the_library_takes() {
    let raw = sample(3_000_000);
    for level in [-7, 1, 3, 6, 12, 15, 17, 22] {
        for long in [false, true] {
            let mut context = zstd_safe::CCtx::create();
            context.set_parameter(zstd_safe::CParameter::CompressionLevel(level)).unwrap();
            context.set_parameter(zstd_safe::CParameter::EnableLongDistanceMatching(long)).unwrap();
            let mut out = Vec::with_capacity(zstd_safe::compress_bound(raw.len()));
            context.compress2(&mut out, &raw).unwrap();
            let values = params(&[(LEVEL, Value::Int(level.into())), (LONG, Value::Flag(long))]);
            let declared = (ZSTD.info.memory)(&values, raw.len() as u64).encode;
            let taken = context.sizeof() as u64;
            assert!(
                declared >= taken && declared <= taken * 2,
                "level {level}, long {long}: {declared}, {taken}"
            );
        }
    }
}

#[test]
fn windows_below_the_formats_smallest_are_refused() {
    for window_log in [1, 9] {
        let error = try_codec(&[(WINDOW_LOG, Value::Int(window_log))]).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Param);
    }
    for window_log in [0, 10, 27] {
        let values = [(WINDOW_LOG, Value::Int(window_log))];
        let raw = sample(100_000);
        let encoded = encode(&values, &raw);
        decode(&encoded, raw.len()).unwrap();
    }
}

#[test]
fn a_frame_that_is_not_exactly_the_segment_is_refused() {
    let raw = sample(5000);
    let encoded = encode(&[], &raw);
    assert_eq!(kind(decode(&encoded, raw.len() - 1)), ErrorKind::Corrupt);
    assert_eq!(kind(decode(&encoded, raw.len() + 1)), ErrorKind::Corrupt);
    assert_eq!(kind(decode(&[&encoded[..], &[0]].concat(), raw.len())), ErrorKind::Corrupt);
    assert_eq!(kind(decode(&[&encoded[..], &encoded[..]].concat(), raw.len())), ErrorKind::Corrupt);
    assert_eq!(kind(decode(&encoded[..encoded.len() - 1], raw.len())), ErrorKind::Truncated);
    assert_eq!(kind(decode(&[], 0)), ErrorKind::Truncated);
    // A skippable frame holds no segment.
    assert_eq!(kind(decode(&[0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0], 0)), ErrorKind::Corrupt);
}

#[test]
fn ranges_equal_slices_and_need_the_window_only() {
    let raw = sample(1_000_000);
    let encoded = encode(&[(WINDOW_LOG, Value::Int(16))], &raw);
    let mut worker = try_codec(&[]).unwrap().worker();
    let small = Context::default().with_limits(Limits::new(1 << 30, 1 << 20));
    for (start, end) in [(0, 0), (0, 1), (0, 131_072), (131_071, 131_073), (999_999, 1_000_000), (5, 999_999)]
    {
        let mut out = b"x".to_vec();
        worker.decode_range(&encoded, raw.len(), start..end, &mut out, &small).unwrap();
        assert!(out[1..] == raw[start..end], "{start}..{end}");
    }
    let whole_window = encode(&[(LEVEL, Value::Int(19))], &sample(4_000_000));
    let result = worker.decode_range(&whole_window, 4_000_000, 0..10, &mut Vec::new(), &small);
    assert_eq!(kind(result), ErrorKind::Limit);
}

#[test]
fn encoding_keeps_within_the_memory_limit() {
    let cx = Context::default().with_limits(Limits::new(1 << 30, 1 << 20));
    let mut worker = try_codec(&[(LEVEL, Value::Int(22))]).unwrap().worker();
    assert_eq!(kind(worker.encode(&sample(4 << 20), &mut Vec::new(), &cx)), ErrorKind::Limit);
}

fn foreign(input: &[u8], cx: &Context) -> lab_codec::Result<Vec<u8>> {
    let mut out = Vec::new();
    let total = decode_foreign(input, &mut out, &mut |_| Ok(None), cx)?;
    assert_eq!(total, out.len() as u64);
    Ok(out)
}

#[test]
fn foreign_streams_of_several_frames_are_read() {
    let (one, two) = (sample(400_000), vec![7; 1_000_000]);
    let skippable = [0x5A, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3];
    let stream = [&encode(&[], &one)[..], &skippable, &encode(&[], b""), &encode(&[], &two)].concat();
    let cx = Context::default();
    assert!(foreign(&stream, &cx).unwrap() == [&one[..], &two[..]].concat());
    assert_eq!(foreign(&skippable, &cx).unwrap(), b"");
    for cut in [1, 5, stream.len() - 1, encode(&[], &one).len() + 4] {
        assert_eq!(foreign(&stream[..cut], &cx).unwrap_err().kind(), ErrorKind::Truncated, "{cut}");
    }
    assert_eq!(foreign(b"", &cx).unwrap_err().kind(), ErrorKind::Truncated);
    assert_eq!(foreign(b"plain text", &cx).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn foreign_streams_are_held_to_the_limits() {
    let bomb = encode(&[], &vec![0; 10 << 20]);
    let cx = Context::default().with_limits(Limits::new(1 << 20, 1 << 30));
    assert_eq!(foreign(&bomb, &cx).unwrap_err().kind(), ErrorKind::Limit);
    // A frame header that asks for a window of 2 GiB.
    let header = [0x28, 0xB5, 0x2F, 0xFD, 0x00, (31 - 10) << 3, 1, 0, 0];
    let cx = Context::default().with_limits(Limits::new(1 << 20, 1 << 24));
    assert_eq!(foreign(&header, &cx).unwrap_err().kind(), ErrorKind::Limit);
    assert_eq!(foreign(&header, &Context::default()).unwrap(), b"");
}
