//! The carrier as its callers see it: round trips, boundaries, random access, sizes, determinism.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::sync::Arc;

use common::{assert_holds, carrier, fragmented, open_file, random, read_all, summary, video, write_file};
use lab_codec::{Context, ErrorKind, Lost, Probe, Source, StreamReader, Target};
use lab_video::exact::Reader;
use lab_video::exact::size::{LADDER, LARGEST};
use lab_video::exact::whiten::FrameKey;

/// What the whitening sequence is for the first `length` payload bytes: payload that equals it gives samples
/// of zeros only, the worst case for emulation prevention.
fn whitening(length: usize) -> Vec<u8> {
    let mut content = Vec::new();
    for frame in 0.. {
        let mut bytes = vec![0; LARGEST.capacity() + 256];
        for (mb, bytes) in (0..).zip(bytes.chunks_mut(384)) {
            FrameKey::new(frame).apply(mb, 0, bytes);
        }
        content.extend(&bytes[256..]);
        if content.len() >= length {
            content.truncate(length);
            return content;
        }
    }
    unreachable!()
}

#[test]
fn every_boundary_round_trips_from_file_and_pipe() {
    let mut lengths = vec![0, 1, 127, 128, 129, 511, 512, 513];
    for size in LADDER {
        lengths.extend([size.capacity() - 1, size.capacity(), size.capacity() + 1]);
    }
    let largest = LARGEST.capacity();
    lengths.extend([2 * largest - 1, 2 * largest, 2 * largest + 1, 3 * largest + 12_345]);
    for length in lengths {
        let content = random(length as u64, length);
        for file in [video(&content), fragmented(&content)] {
            let (back, lost, about) = read_all(&file).unwrap();
            assert!(back == content && lost.is_empty(), "{length}");
            assert_eq!(about, Some(summary(&content)));
        }
    }
}

#[test]
fn zeros_and_the_whitening_sequence_itself_round_trip() {
    let length = 2 * LARGEST.capacity() + 1000;
    for content in [vec![0; length], vec![0xFF; length], whitening(length)] {
        let (back, lost, _) = read_all(&video(&content)).unwrap();
        assert!(back == content && lost.is_empty());
    }
    assert!(video(&whitening(length)).len() > length * 149 / 100, "the worst case is the worst case");
}

#[test]
fn the_size_of_the_video_is_close_to_that_of_the_payload() {
    let ratio = |length: usize, content: &[u8]| video(content).len() as f64 / length as f64;
    for length in [40_000_000, 100_000_000] {
        assert!(ratio(length, &random(1, length)) < 1.0058);
        assert!(ratio(length, &vec![0; length]) < 1.0058);
    }
    for length in [300_000, 1_000_000, 3_000_000] {
        assert!(ratio(length, &random(1, length)) < 1.012);
    }
    assert!(video(&random(1, 0)).len() < 2000);
    assert!(video(&random(1, 4096)).len() < 6000);
}

#[test]
fn output_depends_on_nothing_but_the_input() {
    let directory = tempfile::tempdir().unwrap();
    let content = random(5, 7_000_000);
    let paths = [1, 4096, 16 << 20].map(|piece| {
        let path = directory.path().join(format!("{piece}.mp4"));
        // Pieces of a byte take long: only the first ones.
        let content = if piece == 1 { &content[..50_000] } else { &content };
        write_file(&path, content, piece);
        path
    });
    let [bytewise, small, large] = paths.map(|path| std::fs::read(path).unwrap());
    assert!(small == large);
    assert!(bytewise == video(&content[..50_000]));
}

#[test]
fn any_range_is_read_from_several_threads() {
    let content = random(9, 3 * LARGEST.capacity() + 777);
    let file = video(&content);
    let reader = Reader::open_at(Arc::new(file), &Context::default()).unwrap();
    let capacity = LARGEST.capacity();
    let around = |at: usize| (at.saturating_sub(1000)..at + 1000).step_by(333);
    let starts: Vec<usize> =
        (0..3).flat_map(|i| around(i * capacity)).chain([capacity / 2, content.len() - 5]).collect();
    std::thread::scope(|scope| {
        for shift in 0..4 {
            let (reader, content, starts) = (&reader, &content, &starts);
            scope.spawn(move || {
                for (i, &start) in starts.iter().enumerate() {
                    let length = [0, 1, 5, 4096, capacity, 2 * capacity + 3][(i + shift) % 6];
                    let end = (start + length).min(content.len());
                    let mut buffer = vec![0xEE; end - start];
                    assert_eq!(reader.read_at(start as u64, &mut buffer).unwrap(), Lost::new());
                    assert!(buffer == content[start..end], "{start}..{end}");
                }
            });
        }
    });
    let past = reader.read_at(content.len() as u64, &mut [0]).unwrap_err();
    assert_eq!(past.kind(), ErrorKind::Truncated);
    assert_eq!(reader.read_at(u64::MAX, &mut [0]).unwrap_err().kind(), ErrorKind::Truncated);
}

#[test]
fn foreign_files_are_told_apart() {
    let path = std::path::Path::new("any");
    let probe = |head: &[u8]| carrier().probe(&Source { path, head });
    assert_eq!(probe(b""), Probe::No);
    assert_eq!(probe(b"plain text"), Probe::No);
    assert_eq!(probe(b"\x1A\x45\xDF\xA3\xA3"), Probe::Maybe);
    assert_eq!(probe(&video(b"x")), Probe::Maybe);
    let empty_movie = b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x08moov";
    let error = read_all(empty_movie).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Unsupported, "a video, but no lab stream in it"));
}

#[test]
fn files_go_through_the_carrier() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.mp4");
    let content = random(3, 100_000);
    write_file(&path, &content, 4096);
    assert_holds(&path, &content);
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    let reader = open_file(&path).unwrap();
    file.set_len(50_000).unwrap();
    let mut buffer = vec![1; 100_000];
    assert_eq!(reader.read_at(0, &mut buffer).unwrap(), vec![0..100_000], "cut off while open");
    assert!(buffer.iter().all(|&byte| byte == 0));
    let nowhere = directory.path().join("no/such/folder.mp4");
    let missing = carrier().create(Target::Path(&nowhere), "", "video", &Context::default());
    assert_eq!(missing.err().unwrap().kind(), ErrorKind::Io);
}
