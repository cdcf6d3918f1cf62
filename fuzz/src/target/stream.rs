//! The `.lab` stream, read front to back, at random and by salvage; chain text.

use std::sync::Arc;

use lab_codec::{Error, StreamReader};
use lab_stream::chain::Chain;
use lab_stream::container::{
    Feed, Header, INDEX_MARK, Index, MAGIC, Reader, SEGMENT_MARK, SegmentHeader, Sequence, TRAILER_LEN,
    TRAILER_MARK,
};
use lab_stream::decode::{self, pipeline_of};
use lab_stream::resource::Store;

use crate::surroundings::{Memory, OUTPUT, Sink, context, registry};

/// Reads a stream front to back and at random. The results must not contradict each other.
pub(super) fn whole(bytes: &[u8]) {
    let front = front_to_back(bytes).ok();
    if let Ok((start, random)) = at_random(bytes)
        && let Some(content) = front
    {
        assert_eq!(content.get(start..start + random.len()), Some(&random[..]), "random access differs");
    }
}

fn front_to_back(bytes: &[u8]) -> lab_codec::Result<Vec<u8>> {
    let cx = context();
    let mut sequence = Sequence::open(Feed::Pipe(Box::new(bytes)), *cx.limits())?;
    let pipeline = pipeline_of(sequence.header(), registry(), &Store::new(registry(), &[], None))?;
    let mut sink = Sink::default();
    let ending = decode::decode(&mut sequence, &pipeline, &mut sink, 1, &cx)?;
    assert_eq!(ending.trailer.bytes, sink.0.len() as u64, "the trailer's length");
    Ok(sink.0)
}

/// Reads the middle half of the content; returns its offset too.
fn at_random(bytes: &[u8]) -> lab_codec::Result<(usize, Vec<u8>)> {
    let cx = context();
    let reader = Reader::open(Arc::new(Memory(bytes.to_vec())), *cx.limits())?;
    let pipeline = pipeline_of(reader.header(), registry(), &Store::new(registry(), &[], None))?;
    let length = reader.trailer().bytes;
    let start = length / 4;
    let end = (length - length / 4).min(start + OUTPUT as u64);
    let mut sink = Sink::default();
    decode::extract(&reader, &pipeline, (start, end), &mut sink, &cx)?;
    assert_eq!(sink.0.len() as u64, end - start, "the length of a range");
    Ok((start as usize, sink.0))
}

/// Salvages the intact segments.
pub(super) fn salvage(bytes: &[u8]) {
    let stream: Arc<dyn StreamReader> = Arc::new(Memory(bytes.to_vec()));
    let store = Store::new(registry(), &[], None);
    let mut sink = Sink::default();
    if let Ok(found) = decode::salvage(&stream, registry(), &store, &mut sink, &context()) {
        assert_eq!(found.bytes, sink.0.len() as u64, "the number of salvaged bytes");
    }
}

/// Chain text: an accepted text has a canonical form, which is accepted and stays the same.
pub(super) fn chain(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut refuse = |_: &str| Err(Error::usage("no files"));
    let Ok(chains) = Chain::parse_sweep(registry(), text, &mut refuse) else { return };
    for chain in chains.iter().take(16) {
        let canonical = chain.to_string();
        let again = Chain::parse_with(registry(), &canonical, &mut refuse).map(|chain| chain.to_string());
        assert_eq!(again.as_ref().ok(), Some(&canonical), "{again:?}");
    }
}

/// Recomputes the checksums of every part of a stream, found by its mark.
pub(super) fn repair(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(mark) = bytes.get(at..at + 8) {
        let header = bytes[at..].first_chunk().map(Header::length);
        let segment = bytes[at..].first_chunk().map(SegmentHeader::length);
        let index = bytes[at..].first_chunk().map(Index::length);
        let length = if mark == MAGIC {
            header.and_then(Result::ok)
        } else if mark == SEGMENT_MARK {
            segment.and_then(Result::ok)
        } else if mark == INDEX_MARK {
            index.and_then(Result::ok).and_then(|length| usize::try_from(length).ok())
        } else if mark == TRAILER_MARK {
            Some(TRAILER_LEN)
        } else {
            None
        };
        let end = length.and_then(|length| at.checked_add(length)).filter(|end| *end <= bytes.len());
        let Some(end) = end.filter(|end| *end >= at + 12) else {
            at += 1;
            continue;
        };
        if bytes[at..].starts_with(&SEGMENT_MARK) {
            stored_checksum(bytes, at, end);
        }
        let crc = crc32c::crc32c(&bytes[at..end - 4]);
        bytes[end - 4..end].copy_from_slice(&crc.to_le_bytes());
        at = end;
    }
}

/// The checksum of the stored bytes, from the end of the header to the next mark.
fn stored_checksum(bytes: &mut [u8], at: usize, end: usize) {
    let marks = [MAGIC, SEGMENT_MARK];
    let is_mark = |window: &[u8]| marks.iter().any(|mark| window == mark);
    let stored = bytes[end..].windows(8).position(is_mark).unwrap_or(bytes.len() - end);
    let crc = crc32c::crc32c(&bytes[end..end + stored]);
    if end >= at + 18 {
        bytes[end - 8..end - 4].copy_from_slice(&crc.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_stream_is_not_changed_and_a_damaged_one_is_sealed() {
        let target = crate::target::find("lab").unwrap();
        for (name, seed) in crate::driver::seeds(target).unwrap() {
            let mut bytes = seed.clone();
            repair(&mut bytes);
            assert_eq!(bytes, seed, "{name}");
            assert!(front_to_back(&bytes).is_ok(), "{name}");
            // The tag in the first header, and the header's checksum.
            bytes[14] ^= 1;
            repair(&mut bytes);
            let error = front_to_back(&bytes).unwrap_err().to_string();
            assert!(!error.contains("match its checksum"), "{name}: {error}");
        }
    }
}
