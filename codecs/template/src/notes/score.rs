//! A segment as notes: the encoder finds them, the decoder renders them in any declared context.

use std::collections::HashMap;
use std::ops::Range;

use lab_bits::varint;
use lab_codec::{Context, Digest, Error, Result, check_range};

use super::cid;
use super::cut::Cutting;
use super::dictionary::{Dictionary, Piece};
use super::sequence::{Sequence, max_bytes};
use crate::partial::Parsed;
use crate::segment;

/// A dictionary, with the context of the content.
#[derive(Debug, Clone, Copy)]
pub struct Voice<'a> {
    /// The dictionary.
    pub dictionary: &'a Dictionary,
    /// The number of the context.
    pub context: usize,
}

impl Voice<'_> {
    pub(super) fn piece(&self, entry: u32) -> Piece {
        self.dictionary.piece(entry as usize, self.context)
    }
}

pub(super) fn entries(voice: Option<Voice>) -> u32 {
    voice.map_or(0, |voice| voice.dictionary.entries() as u32)
}

/// The notes of a segment, as the encoder finds them.
#[derive(Debug)]
pub struct Found {
    /// The notes.
    pub sequence: Sequence,
    /// Bytes covered by notes of the dictionary.
    pub known: usize,
    /// Bytes covered by repeated local notes.
    pub repeated: usize,
}

/// Cuts a segment into notes. `known` maps digests to entries of the dictionary.
///
/// # Errors
/// Cancellation.
pub fn find(
    input: &[u8],
    cutting: Cutting,
    known: &HashMap<Digest, u32>,
    entries: u32,
    cx: &Context,
) -> Result<Found> {
    let mut found = Found { sequence: Sequence::default(), known: 0, repeated: 0 };
    let mut local: HashMap<&[u8], u32> = HashMap::new();
    for range in cutting.cut(input) {
        cx.check()?;
        let bytes = &input[range];
        let entry = if known.is_empty() { None } else { known.get(&cid::digest(bytes)).copied() };
        let note = entry.unwrap_or_else(|| {
            let lengths = &mut found.sequence.lengths;
            let next = entries + lengths.len() as u32;
            let note = *local.entry(bytes).or_insert(next);
            if note == next {
                lengths.push(bytes.len() as u32);
            } else {
                found.repeated += bytes.len();
            }
            note
        });
        if entry.is_some() {
            found.known += bytes.len();
        }
        found.sequence.notes.push(note);
    }
    Ok(found)
}

impl Sequence {
    /// The bytes of the local notes, in order.
    pub fn local_bytes(&self, input: &[u8], voice: Option<Voice>) -> Vec<u8> {
        let entries = entries(voice);
        let (mut out, mut fresh, mut at) = (Vec::new(), entries, 0);
        for &note in &self.notes {
            let len = length(self, voice, note);
            if note == fresh {
                out.extend_from_slice(&input[at..at + len]);
                fresh += 1;
            }
            at += len;
        }
        out
    }
}

pub(super) fn length(sequence: &Sequence, voice: Option<Voice>, note: u32) -> usize {
    match (note.checked_sub(entries(voice)), voice) {
        (Some(local), _) => sequence.lengths[local as usize] as usize,
        (None, Some(voice)) => voice.piece(note).len as usize,
        (None, None) => 0,
    }
}

/// Length and digest of a segment's rendering in another context or by a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rendering {
    /// The number of a context in the dictionary; maps of the template are numbered after these.
    pub number: u64,
    /// Its length in bytes.
    pub len: u64,
    /// Its SHA-256.
    pub digest: Digest,
}

/// A parsed segment of notes, ready to render.
#[derive(Debug)]
pub struct Score<'a> {
    /// The notes.
    pub sequence: Sequence,
    /// Its renderings in other contexts.
    pub renderings: Vec<Rendering>,
    /// The encoded sequence, and its decoded length.
    pub(super) stored: (&'a [u8], usize),
    /// The encoded local notes, and their decoded length.
    pub(super) local: (&'a [u8], usize),
}

impl<'a> Score<'a> {
    /// Reads a segment of `raw_len` bytes; `input` follows the form byte. Renderings have numbers below
    /// `numbers`.
    ///
    /// # Errors
    /// As [`Worker::decode`](lab_codec::Worker::decode).
    pub fn read(
        mut input: &'a [u8],
        raw_len: usize,
        voice: Option<Voice>,
        numbers: usize,
        cx: &Context,
    ) -> Result<Self> {
        let renderings = read_renderings(&mut input, voice, numbers)?;
        let len = varint::read(&mut input)?;
        if len == 0 || len > max_bytes(raw_len) as u64 {
            return Err(Error::corrupt(format!("a sequence of {len} bytes for a segment of {raw_len}")));
        }
        let stored = varint::read(&mut input)?;
        let stored = usize::try_from(stored).ok().and_then(|stored| input.split_off(..stored));
        let stored = stored.ok_or_else(|| Error::truncated("the sequence of notes ends too early"))?;
        let mut bytes = Vec::new();
        segment::decode(stored, len as usize, &mut bytes, cx).map_err(|e| e.at("the sequence of notes"))?;
        let piece_len = |entry| voice.map_or(0, |voice| voice.piece(entry).len);
        let sequence = Sequence::read(&bytes, raw_len, entries(voice), piece_len, cx)?;
        let local = sequence.lengths.iter().map(|&length| length as usize).sum();
        Ok(Self { sequence, renderings, stored: (stored, len as usize), local: (input, local) })
    }

    fn local_bytes(&self, cx: &Context) -> Result<Vec<u8>> {
        let mut local = Vec::new();
        segment::decode(self.local.0, self.local.1, &mut local, cx).map_err(|e| e.at("the local notes"))?;
        Ok(local)
    }

    /// Offsets of the local notes in their bytes.
    fn starts(&self) -> Vec<usize> {
        let mut at = 0;
        let lengths = self.sequence.lengths.iter();
        lengths
            .map(|&length| {
                at += length as usize;
                at - length as usize
            })
            .collect()
    }

    /// Appends the whole segment to `out`, with the piece that `piece` selects for each entry of the
    /// dictionary, and returns the number of bytes.
    ///
    /// # Errors
    /// As [`Worker::decode`](lab_codec::Worker::decode).
    pub fn play(
        &self,
        voice: Option<Voice>,
        piece: impl Fn(&Dictionary, u32) -> Piece,
        out: &mut Vec<u8>,
        cx: &Context,
    ) -> Result<u64> {
        let entries = entries(voice);
        let piece = |note| voice.map(|voice| (voice.dictionary, piece(voice.dictionary, note)));
        let mut total = 0u64;
        for &note in &self.sequence.notes {
            let len = match note.checked_sub(entries) {
                Some(local) => self.sequence.lengths[local as usize],
                None => piece(note).map_or(0, |(_, piece)| piece.len),
            };
            total = total.saturating_add(len.into());
        }
        // The sum is checked before any allocation: a few entries can be very long in another context.
        cx.limits().check_output(total, "a segment in this context")?;
        let local = self.local_bytes(cx)?;
        let starts = self.starts();
        let mut first = HashMap::new();
        out.reserve(total as usize);
        for (i, &note) in self.sequence.notes.iter().enumerate() {
            if i % 256 == 0 {
                cx.check()?;
            }
            if let Some(number) = note.checked_sub(entries) {
                let start = starts[number as usize];
                out.extend_from_slice(&local[start..start + self.sequence.lengths[number as usize] as usize]);
            // A repeated note is copied from the output, which saves a look-up of its blob.
            } else if let Some((dictionary, piece)) = piece(note) {
                let place = *first.entry(note).or_insert(out.len());
                if place == out.len() {
                    dictionary.with_bytes(&piece, |bytes| out.extend_from_slice(bytes))?;
                } else {
                    out.extend_from_within(place..place + piece.len as usize);
                }
            }
        }
        Ok(total)
    }

    /// Appends the bytes `range` of a segment of `raw_len` bytes to `out`.
    ///
    /// # Errors
    /// As [`Worker::decode_range`](lab_codec::Worker::decode_range).
    pub fn play_range(
        &self,
        voice: Option<Voice>,
        raw_len: usize,
        range: Range<usize>,
        out: &mut Vec<u8>,
        cx: &Context,
    ) -> Result<()> {
        check_range(&range, raw_len)?;
        let entries = entries(voice);
        let mut at = 0;
        let mut parts = Vec::new();
        for &note in &self.sequence.notes {
            let len = length(&self.sequence, voice, note);
            let part = range.start.clamp(at, at + len) - at..range.end.clamp(at, at + len) - at;
            if !part.is_empty() {
                parts.push((note, part));
            }
            at += len;
        }
        let starts = self.starts();
        let within = |note: u32, part: &Range<usize>| {
            let start = note.checked_sub(entries).map(|number| starts[number as usize])?;
            Some(start + part.start..start + part.end)
        };
        let wanted = parts.iter().filter_map(|(note, part)| within(*note, part)).map(|r| r.end).max();
        let parsed = match wanted {
            Some(wanted) => Some(Parsed::up_to(self.local.0, self.local.1, wanted, cx)?),
            None => None,
        };
        for (note, part) in parts {
            match (within(note, &part), &parsed, voice) {
                (Some(place), Some(parsed), _) => parsed.expand(place, out, cx)?,
                (None, _, Some(voice)) => {
                    let piece = voice.piece(note);
                    voice.dictionary.with_bytes(&piece, |bytes| out.extend_from_slice(&bytes[part]))?;
                }
                _ => return Err(Error::corrupt("a note without content")),
            }
        }
        Ok(())
    }
}

/// Appends the renderings, which stand before the sequence.
pub fn write_renderings(renderings: &[Rendering], out: &mut Vec<u8>) {
    varint::write(out, renderings.len() as u64);
    for rendering in renderings {
        varint::write(out, rendering.number);
        varint::write(out, rendering.len);
        out.extend_from_slice(&rendering.digest.0);
    }
}

fn read_renderings(input: &mut &[u8], voice: Option<Voice>, numbers: usize) -> Result<Vec<Rendering>> {
    let count = varint::read(input)?;
    if count > numbers.saturating_sub(1) as u64 {
        return Err(Error::corrupt(format!("{count} renderings in {numbers} contexts and maps")));
    }
    let mut renderings = Vec::<Rendering>::new();
    for _ in 0..count {
        let (number, len) = (varint::read(input)?, varint::read(input)?);
        let digest =
            input.split_off(..32).ok_or_else(|| Error::truncated("a rendering without its digest"))?;
        let mut rendering = Rendering { number, len, digest: Digest([0; 32]) };
        rendering.digest.0.copy_from_slice(digest);
        let refuse = if number >= numbers as u64 {
            "but contexts and maps have smaller numbers"
        } else if voice.is_some_and(|voice| voice.context as u64 == number) {
            "but the content has that number"
        } else if renderings.iter().any(|known| known.number == number) {
            "which occurs twice"
        } else {
            renderings.push(rendering);
            continue;
        };
        return Err(Error::corrupt(format!("a rendering with number {number}, {refuse}")));
    }
    Ok(renderings)
}
