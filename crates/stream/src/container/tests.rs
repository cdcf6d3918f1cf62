//! The container as a specification: layout, limits, damage.
#![allow(clippy::cast_possible_truncation)] // offsets of streams in memory

use std::sync::{Arc, Mutex};

use lab_codec::{Context, Digest, ErrorKind, Limits, Lost, Result, StreamReader, StreamWriter, Summary};

use super::*;

/// A carrier in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl StreamWriter for Memory {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>, _: &Summary) -> Result<()> {
        Ok(())
    }
}

struct Bytes(Vec<u8>);

impl StreamReader for Bytes {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<Lost> {
        buf.copy_from_slice(&self.0[offset as usize..offset as usize + buf.len()]);
        Ok(Lost::new())
    }
}

fn header() -> Header {
    Header { tag: 0, chain: "store,store".into(), formats: vec![1, 1], segment_size: 4, resources: vec![] }
}

/// Segments of four bytes through two identity stages, every other segment bypassed.
fn stream(content: &[u8]) -> Vec<u8> {
    let memory = Memory::default();
    let mut writer = Writer::new(Box::new(memory.clone()), header());
    for piece in content.chunks(4) {
        let (number, raw_offset) = writer.next();
        let raw_len = piece.len() as u64;
        let bypassed = number % 2 == 1;
        let stage_lens = if bypassed { vec![] } else { vec![raw_len, raw_len] };
        let raw_crc = crc32c::crc32c(piece);
        let segment = SegmentHeader {
            tag: 0,
            number,
            raw_offset,
            raw_len,
            bypassed,
            stage_lens,
            raw_crc,
            stored_crc: raw_crc,
        };
        writer.segment(segment, piece).unwrap();
    }
    writer.finish("name", "store,store", Digest([9; 32])).unwrap();
    memory.0.lock().unwrap().clone()
}

/// Reads the content front to back; returns it or the error.
fn read_through(feed: Feed) -> Result<Vec<u8>> {
    let mut sequence = Sequence::open(feed, Limits::default())?;
    let mut content = Vec::new();
    while let Some(stored) = sequence.next_segment(vec![0xEE; 100])? {
        stored.check()?;
        content.extend_from_slice(&stored.bytes);
    }
    assert_eq!(sequence.ending().unwrap().trailer.bytes, content.len() as u64);
    Ok(content)
}

fn pipe(bytes: &[u8]) -> Feed<'_> {
    Feed::Pipe(Box::new(bytes))
}

fn carrier(bytes: &[u8]) -> Feed<'static> {
    Feed::Carrier(Arc::new(Bytes(bytes.to_vec())), 0)
}

#[test]
fn both_feeds_give_the_content_back() {
    for content in [&b""[..], b"a", b"abcd", b"abcde", b"0123456789abcdef"] {
        let bytes = stream(content);
        assert_eq!(read_through(pipe(&bytes)).unwrap(), content);
        assert_eq!(read_through(carrier(&bytes)).unwrap(), content);
        let reader = Reader::open(Arc::new(Bytes(bytes)), Limits::default()).unwrap();
        assert_eq!(reader.trailer().bytes, content.len() as u64);
        for (number, piece) in content.chunks(4).enumerate() {
            assert_eq!(reader.segment(number).unwrap().bytes, piece);
        }
        assert!(reader.segment(content.len().div_ceil(4)).is_err());
    }
}

#[test]
fn every_truncation_and_every_extension_is_an_error() {
    let bytes = stream(b"0123456789");
    for len in 0..bytes.len() {
        for feed in [pipe(&bytes[..len]), carrier(&bytes[..len])] {
            assert!(read_through(feed).is_err(), "{len} bytes");
        }
        assert!(
            Reader::open(Arc::new(Bytes(bytes[..len].to_vec())), Limits::default()).is_err(),
            "{len} bytes"
        );
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(read_through(pipe(&longer)).unwrap_err().kind(), ErrorKind::Corrupt);
    assert!(Reader::open(Arc::new(Bytes(longer)), Limits::default()).is_err());
}

#[test]
fn every_bit_flip_is_noticed() {
    let bytes = stream(b"0123456789");
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(read_through(pipe(&bad)).is_err(), "bit {bit}");
        let random = Reader::open(Arc::new(Bytes(bad)), Limits::default())
            .and_then(|r| (0..3).try_for_each(|n| r.segment(n)?.check()));
        // The repeated header is the only part that random access does not look at.
        let reader = Reader::open(Arc::new(Bytes(bytes.clone())), Limits::default()).unwrap();
        let trailer = reader.trailer();
        let repeated = (trailer.header_offset * 8..trailer.index_offset * 8).contains(&(bit as u64));
        assert!(random.is_err() || repeated, "bit {bit}");
    }
}

#[test]
fn sizes_beyond_the_limits_are_refused_before_anything_is_allocated() {
    let huge = SegmentHeader {
        tag: 0,
        number: 0,
        raw_offset: 0,
        raw_len: 3,
        bypassed: false,
        stage_lens: vec![1 << 60, 3],
        raw_crc: 0,
        stored_crc: 0,
    };
    let mut bytes = header().encode();
    bytes.extend_from_slice(&huge.encode());
    for feed in [pipe(&bytes), carrier(&bytes)] {
        assert_eq!(read_through(feed).unwrap_err().kind(), ErrorKind::Limit);
    }
    for wrong in [
        SegmentHeader { raw_len: 5, stage_lens: vec![5, 5], ..huge.clone() },
        SegmentHeader { tag: 1, stage_lens: vec![3, 3], ..huge.clone() },
        SegmentHeader { number: 1, raw_offset: 3, stage_lens: vec![3, 3], ..huge.clone() },
    ] {
        let mut bytes = header().encode();
        bytes.extend_from_slice(&wrong.encode());
        assert_eq!(read_through(pipe(&bytes)).unwrap_err().kind(), ErrorKind::Corrupt);
    }
    // A false length within the limits: memory grows only with the bytes that arrive.
    let whole = Header { segment_size: 0, ..header() };
    let missing = SegmentHeader { raw_len: 1 << 32, stage_lens: vec![1 << 32; 2], ..huge };
    let mut bytes = whole.encode();
    bytes.extend_from_slice(&missing.encode());
    for feed in [pipe(&bytes), carrier(&bytes)] {
        assert_eq!(read_through(feed).unwrap_err().kind(), ErrorKind::Truncated);
    }
}

#[test]
fn salvage_finds_what_is_intact() {
    let content = b"0123456789abcdef";
    let bytes = stream(content);
    let found = |bytes: &[u8]| {
        let found = scan(&Bytes(bytes.to_vec()), &Context::default()).unwrap();
        found.map_or(vec![], |f| f.segments.iter().map(|(s, _)| s.number).collect::<Vec<_>>())
    };
    assert_eq!(found(&bytes), [0, 1, 2, 3]);
    let reader = Reader::open(Arc::new(Bytes(bytes.clone())), Limits::default()).unwrap();
    let entries = reader.index().entries.clone();
    // The front is gone: the repeated header serves.
    assert_eq!(found(&bytes[1..]), [0, 1, 2, 3]);
    // The end is gone.
    assert_eq!(found(&bytes[..entries[3].offset as usize]), [0, 1, 2]);
    // The middle is damaged.
    let mut bad = bytes.clone();
    bad[entries[1].offset as usize + 20] ^= 1;
    assert_eq!(found(&bad), [0, 2, 3]);
    assert!(found(b"nothing of ours").is_empty());
    assert!(found(b"").is_empty());
}

/// A byte is lost in the segment that stores an inner stream. The intact inner segments must not be reported.
#[test]
fn a_damaged_segment_does_not_expose_what_is_stored_in_it() {
    let inner = stream(b"inner content, four by four");
    let memory = Memory::default();
    let mut writer = Writer::new(Box::new(memory.clone()), Header { segment_size: 64, ..header() });
    for piece in inner.chunks(64) {
        let (number, raw_offset) = writer.next();
        let (raw_len, crc) = (piece.len() as u64, crc32c::crc32c(piece));
        let stage_lens = vec![raw_len; 2];
        let segment = SegmentHeader {
            tag: 0,
            number,
            raw_offset,
            raw_len,
            bypassed: false,
            stage_lens,
            raw_crc: crc,
            stored_crc: crc,
        };
        writer.segment(segment, piece).unwrap();
    }
    writer.finish("", "", Digest([0; 32])).unwrap();
    let mut bytes = memory.0.lock().unwrap().clone();
    let count = inner.len().div_ceil(64);
    let first = memchr::memmem::find(&bytes, &SEGMENT_MARK).unwrap();
    bytes[first + 60] ^= 1;
    let found = scan(&Bytes(bytes), &Context::default()).unwrap().unwrap();
    let numbers: Vec<u64> = found.segments.iter().map(|(s, _)| s.number).collect();
    assert_eq!(numbers, (1..count as u64).collect::<Vec<_>>());
}

#[test]
fn a_stream_inside_a_stream_is_content() {
    let inner = stream(b"inner content, four by four");
    let memory = Memory::default();
    let outer = Header { segment_size: 0, ..header() };
    let mut writer = Writer::new(Box::new(memory.clone()), outer);
    let crc = crc32c::crc32c(&inner);
    let len = inner.len() as u64;
    let segment = SegmentHeader {
        tag: 0,
        number: 0,
        raw_offset: 0,
        raw_len: len,
        bypassed: true,
        stage_lens: vec![],
        raw_crc: crc,
        stored_crc: crc,
    };
    writer.segment(segment.clone(), &inner).unwrap();
    writer.finish("", "", Digest([0; 32])).unwrap();
    let bytes = memory.0.lock().unwrap().clone();
    let found = scan(&Bytes(bytes), &Context::default()).unwrap().unwrap();
    assert_eq!(found.segments.len(), 1);
    assert_eq!(found.segments[0].0, SegmentHeader { tag: crc, ..segment });
}
