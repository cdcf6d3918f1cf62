//! Damaged and hostile files: an error, a reported loss or the right bytes, never anything else.
//! Needs ffmpeg (apt-get install ffmpeg) for the Matroska files.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::sync::Arc;

use common::{fragmented, random, read_all, summary, tool, video};
use lab_codec::{Context, ErrorKind, Limits, StreamReader};
use lab_video::exact::Reader;
use lab_video::exact::size::LARGEST;
use proptest::prelude::*;

/// What a damaged file gave.
#[derive(Debug, PartialEq)]
enum Outcome {
    Refused,
    Lost,
    Right,
}

/// Reads `file`, which is a damaged video of `content`; panics where it gives wrong bytes.
fn read(file: &[u8], content: &[u8]) -> Outcome {
    let Ok((back, lost, about)) = read_all(file) else { return Outcome::Refused };
    if let Some(about) = about {
        assert_eq!(about, summary(content));
        assert_eq!(back.len(), content.len());
    }
    let mut kept = vec![true; back.len()];
    for (i, range) in lost.iter().enumerate() {
        assert!(range.start < range.end && (i == 0 || range.start > lost[i - 1].end), "{lost:?}");
        kept[range.start as usize..range.end as usize].fill(false);
    }
    for (i, (&byte, kept)) in back.iter().zip(kept).enumerate() {
        assert_eq!(Some(&byte), if kept { content.get(i) } else { Some(&0) });
    }
    if lost.is_empty() {
        assert_eq!(back.len(), content.len());
        Outcome::Right
    } else {
        Outcome::Lost
    }
}

/// A small video in Matroska.
fn matroska(content: &[u8]) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let (from, to) = (directory.path().join("a.mp4"), directory.path().join("a.mkv"));
    std::fs::write(&from, video(content)).unwrap();
    tool("ffmpeg", &["-i", from.to_str().unwrap(), "-c", "copy", to.to_str().unwrap()]);
    std::fs::read(to).unwrap()
}

fn small_videos() -> [(Vec<u8>, Vec<u8>); 3] {
    let content = random(1, 1500);
    [video(&content), fragmented(&content), matroska(&content)].map(|file| (content.clone(), file))
}

#[test]
fn truncation_at_every_byte() {
    for (content, file) in small_videos() {
        assert_eq!(read(&file, &content), Outcome::Right);
        for length in 0..file.len() {
            read(&file[..length], &content);
        }
    }
}

#[test]
fn every_flipped_bit() {
    for (content, file) in small_videos() {
        let mut right = 0;
        for bit in 0..8 * file.len() {
            let mut damaged = file.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            right += usize::from(read(&damaged, &content) == Outcome::Right);
        }
        // Most of the payload's bits, and few others, cost the frame.
        assert!(right > 500 && 8 * file.len() - right > 8 * content.len(), "{right} of {}", 8 * file.len());
    }
}

#[test]
fn damage_is_confined_to_its_frame() {
    let content = random(2, 2 * LARGEST.capacity() + 100);
    let capacity = LARGEST.capacity() as u64;
    for file in [video(&content), fragmented(&content)] {
        let mut damaged = file.clone();
        damaged[5_000_000] ^= 1;
        let reader = Reader::open_at(Arc::new(damaged), &Context::default()).unwrap();
        let mut back = vec![0xEE; content.len()];
        assert_eq!(reader.read_at(0, &mut back).unwrap(), vec![capacity..2 * capacity]);
        assert!(back[..capacity as usize] == content[..capacity as usize]);
        assert!(back[2 * capacity as usize..] == content[2 * capacity as usize..]);
        // Small reads of a lost frame are lost, too, every time.
        for at in [capacity, capacity + 1000, capacity] {
            assert_eq!(reader.read_at(at, &mut [1; 100]).unwrap(), vec![at..at + 100]);
        }
    }
}

#[test]
fn truncated_streams_never_look_complete() {
    let content = random(3, 3 * LARGEST.capacity() + 100);
    let file = fragmented(&content);
    for length in (0..file.len()).rev().step_by(400_000) {
        match read(&file[..length], &content) {
            Outcome::Right => panic!("{length} of {} bytes look complete", file.len()),
            Outcome::Lost | Outcome::Refused => {}
        }
    }
}

#[test]
fn a_video_without_its_index_keeps_its_frames() {
    let content = random(5, 3 * LARGEST.capacity() + 100);
    let capacity = LARGEST.capacity() as u64;
    let file = video(&content);
    // Two frames and a half.
    let (back, lost, about) = read_all(&file[..7_900_000]).unwrap();
    let end = 2 * capacity;
    assert_eq!((back.len() as u64, lost.first(), about), (end + 1, Some(&(end..end + 1)), None));
    assert!(back[..2 * capacity as usize] == content[..2 * capacity as usize]);
    // All frames, as an interrupted writer leaves them: `mdat` up to the end of the file.
    let index = file.windows(4).rposition(|w| w == b"moov").unwrap() - 4;
    let mut interrupted = file[..index].to_vec();
    interrupted[40..44].fill(0);
    assert_eq!(read(&interrupted, &content), Outcome::Right);
    assert_eq!(read_all(&file[..1000]).unwrap_err().kind(), ErrorKind::Truncated);
}

#[test]
fn limits_hold() {
    let content = random(4, 1000);
    let limits = Limits::default().with_memory(100);
    let cx = Context::default().with_limits(limits);
    for file in [video(&content), fragmented(&content)] {
        let error = Reader::open_at(Arc::new(file), &cx).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Limit);
    }
}

/// A box.
fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut out = (content.len() as u32 + 8).to_be_bytes().to_vec();
    out.extend(kind);
    out.extend(content);
    out
}

/// An MP4 file whose sample table is `tables`, with `extra` in front of the samples.
fn with_tables(tables: &[u8], extra: &[u8], samples: usize) -> Vec<u8> {
    let tkhd = boxed(b"tkhd", &[&[0; 12][..], &[0, 0, 0, 1], &[0; 68]].concat());
    let avc1 = boxed(b"avc1", &[&[0; 78][..], &boxed(b"avcC", &[1, 66, 0xC0, 12, 0xFF, 0xE0, 0])].concat());
    let stsd = boxed(b"stsd", &[&[0, 0, 0, 0, 0, 0, 0, 1][..], &avc1].concat());
    let stbl = boxed(b"stbl", &[&stsd[..], tables].concat());
    let trak = boxed(b"trak", &[&tkhd[..], &boxed(b"mdia", &boxed(b"minf", &stbl))].concat());
    [&boxed(b"ftyp", b"isom\0\0\0\0")[..], &boxed(b"moov", &trak), extra, &boxed(b"mdat", &vec![0; samples])]
        .concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

#[test]
fn hostile_tables_cost_neither_time_nor_memory() {
    let all = u32::MAX;
    let tables = [
        // As many samples of any fixed size as a chunk can be said to have.
        [
            boxed(b"stsz", &words(&[0, 1, all])),
            boxed(b"stsc", &words(&[0, 1, 1, all, 1])),
            boxed(b"stco", &words(&[0, 1, 0])),
        ],
        [
            boxed(b"stsz", &words(&[0, 256, all])),
            boxed(b"stsc", &words(&[0, 1, 1, all, 1])),
            boxed(b"stco", &words(&[0, 3, 0, 0, 0])),
        ],
        [
            boxed(b"stsz", &words(&[0, all, all])),
            boxed(b"stsc", &words(&[0, 1, 1, all, 1])),
            boxed(b"co64", &words(&[0, 2, all, all, 0, 0])),
        ],
        // Counts beyond their boxes, no chunks, no samples.
        [
            boxed(b"stsz", &words(&[0, 0, all, 300])),
            boxed(b"stsc", &words(&[0, all, 1, 0, 1])),
            boxed(b"stco", &words(&[0, all, 0])),
        ],
        [
            boxed(b"stz2", &words(&[0, 4, all, all])),
            boxed(b"stsc", &words(&[0, 1, 1, all, 1])),
            boxed(b"stco", &words(&[0, 1, 0])),
        ],
        [boxed(b"stz2", &words(&[0, 99, all])), boxed(b"stsc", &[]), boxed(b"co64", &words(&[0, 1, 0]))],
    ];
    for (i, tables) in tables.iter().enumerate() {
        let file = with_tables(&tables.concat(), &[], 100_000);
        let start = std::time::Instant::now();
        assert!(
            matches!(read_all(&file).unwrap_err().kind(), ErrorKind::Unsupported | ErrorKind::Corrupt),
            "{i}"
        );
        assert!(start.elapsed().as_secs() < 2, "{i}");
    }
    // Fragments with as many samples of a default size as can be said.
    for size in [0, 1, 255, 256, all] {
        let tfhd = boxed(b"tfhd", &words(&[0x10, 1, size]));
        let trun = boxed(b"trun", &words(&[1, all, 0]));
        let moof = boxed(b"moof", &boxed(b"traf", &[tfhd, trun.repeat(1000)].concat()));
        let file = with_tables(&[], &moof.repeat(20), 1_000_000);
        let start = std::time::Instant::now();
        assert!(
            matches!(read_all(&file).unwrap_err().kind(), ErrorKind::Unsupported | ErrorKind::Corrupt),
            "{size}"
        );
        assert!(start.elapsed().as_secs() < 2, "{size}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Anything may be overwritten, cut out or doubled.
    #[test]
    fn mutations(
        which in 0usize..3,
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0usize..40, any::<[u8; 8]>(), 0u8..4), 1..6),
    ) {
        static FILES: std::sync::OnceLock<[(Vec<u8>, Vec<u8>); 3]> = std::sync::OnceLock::new();
        let (content, file) = &FILES.get_or_init(small_videos)[which];
        let mut file = file.clone();
        for (at, length, bytes, kind) in edits {
            if file.is_empty() { break }
            let at = at.index(file.len());
            let end = (at + length).min(file.len());
            match kind {
                0 => { file.drain(at..end); }
                1 => { let part = file[at..end].to_vec(); file.splice(at..at, part); }
                2 => for (to, from) in file[at..].iter_mut().zip(bytes) { *to = from },
                _ => file[at] = bytes[0],
            }
        }
        read(&file, content);
    }

    #[test]
    fn garbage(head in 0usize..3, garbage in prop::collection::vec(any::<u8>(), 0..2000)) {
        let head: &[u8] = [&b""[..], b"\0\0\0\x10ftypisom\0\0\0\0", b"\x1A\x45\xDF\xA3"][head];
        prop_assert!(read_all(&[head, &garbage].concat()).is_err());
    }
}
