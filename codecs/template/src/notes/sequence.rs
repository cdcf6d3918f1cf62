//! The sequence of notes of a segment as bytes: the lengths of the new notes, then a symbol for each note.
//!
//! A symbol is NEW, FOLLOWING (the note that followed the previous note last time), or a number. A repeated
//! passage is thus a run of one symbol, whatever notes it consists of.

use std::collections::HashMap;

use lab_bits::varint;
use lab_codec::{Context, Error, Result};

/// The next note that has not occurred yet.
const NEW: u64 = 0;
/// The note that followed the previous note at its last occurrence.
const FOLLOWING: u64 = 1;
/// First symbol of note numbers.
const NUMBERS: u64 = 2;

/// Notes in order. Entries of the dictionary have the first numbers, then local notes in order of first use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sequence {
    /// Bytes of each local note.
    pub lengths: Vec<u32>,
    /// The numbers of the notes.
    pub notes: Vec<u32>,
}

/// The last successor of each note.
struct Followers {
    entries: u32,
    last: HashMap<u32, u32>,
    before: Option<u32>,
}

impl Followers {
    fn new(entries: u32) -> Self {
        Self { entries, last: HashMap::new(), before: None }
    }

    /// The expected note: the last successor, or before there is one, the next entry of the dictionary, whose
    /// entries keep the order of the samples.
    fn expected(&self) -> Option<u32> {
        let Some(before) = self.before else { return (self.entries > 0).then_some(0) };
        let next = (before + 1 < self.entries).then_some(before + 1);
        self.last.get(&before).copied().or(next)
    }

    fn came(&mut self, note: u32) {
        if let Some(before) = self.before.replace(note) {
            self.last.insert(before, note);
        }
    }
}

/// Maximum size of a sequence for a segment of `raw_len` bytes: a longer one saves nothing.
pub fn max_bytes(raw_len: usize) -> usize {
    raw_len / 8 + 64
}

impl Sequence {
    /// The sequence as bytes, for a dictionary of `entries` entries.
    pub fn to_bytes(&self, entries: u32) -> Vec<u8> {
        let mut out = Vec::new();
        varint::write(&mut out, self.lengths.len() as u64);
        for &length in &self.lengths {
            varint::write(&mut out, length.into());
        }
        let mut followers = Followers::new(entries);
        let mut fresh = entries;
        for &note in &self.notes {
            let symbol = if note == fresh {
                fresh += 1;
                NEW
            } else if followers.expected() == Some(note) {
                FOLLOWING
            } else {
                NUMBERS + u64::from(note)
            };
            varint::write(&mut out, symbol);
            followers.came(note);
        }
        out
    }

    /// Reads a sequence for a segment of `raw_len` bytes; `length` gives the size of a dictionary entry.
    ///
    /// # Errors
    /// Corrupt or truncated bytes; cancellation.
    pub fn read(
        mut input: &[u8],
        raw_len: usize,
        entries: u32,
        length: impl Fn(u32) -> u32,
        cx: &Context,
    ) -> Result<Self> {
        let count = varint::read(&mut input)?;
        // Each length takes at least a byte: the count is bounded before allocation.
        if count > input.len() as u64 {
            return Err(Error::corrupt(format!("{count} lengths in {} bytes", input.len())));
        }
        let mut lengths = Vec::with_capacity(count as usize);
        let mut local = 0;
        for _ in 0..count {
            let length = varint::read(&mut input)?;
            local += length.min(raw_len as u64 + 1);
            if length == 0 || local > raw_len as u64 {
                return Err(Error::corrupt(format!(
                    "new notes of at least {local} bytes in a segment of {raw_len}"
                )));
            }
            lengths.push(length as u32);
        }
        let mut notes = Vec::with_capacity(input.len());
        let mut followers = Followers::new(entries);
        let mut fresh = 0;
        let mut left = raw_len;
        while !input.is_empty() {
            if notes.len() % (1 << 14) == 0 {
                cx.check()?;
            }
            let note = match varint::read(&mut input)? {
                NEW if fresh < lengths.len() => {
                    fresh += 1;
                    entries + (fresh - 1) as u32
                }
                FOLLOWING => followers
                    .expected()
                    .ok_or_else(|| Error::corrupt("a FOLLOWING symbol without a previous note"))?,
                number if (NUMBERS..NUMBERS + u64::from(entries) + fresh as u64).contains(&number) => {
                    (number - NUMBERS) as u32
                }
                symbol => {
                    let unborn = symbol.checked_sub(NUMBERS + u64::from(entries));
                    let unborn = unborn.filter(|&local| local < lengths.len() as u64);
                    return Err(Error::corrupt(match unborn {
                        Some(local) => format!("local note {local} is used before it is NEW"),
                        None => format!("symbol {symbol} has no note"),
                    }));
                }
            };
            let length = match note.checked_sub(entries) {
                Some(local) => lengths[local as usize],
                None => length(note),
            };
            left = match left.checked_sub(length as usize) {
                Some(left) if length > 0 => left,
                _ => return Err(Error::corrupt("the notes exceed the segment, or one is empty")),
            };
            notes.push(note);
            followers.came(note);
        }
        if left > 0 || fresh < lengths.len() {
            return Err(Error::corrupt(format!(
                "the notes are {left} bytes short, or some local notes are unused"
            )));
        }
        Ok(Self { lengths, notes })
    }

    /// Joins local notes that always occur side by side, in the same order.
    pub fn join(&mut self, entries: u32) {
        const NONE: u32 = u32::MAX;
        const MANY: u32 = u32::MAX - 1;
        let locals = self.lengths.len();
        let (mut before, mut after) = (vec![NONE; locals], vec![NONE; locals]);
        let note = |known: &mut u32, neighbour: u32| match *known {
            NONE => *known = neighbour,
            same if same == neighbour => {}
            _ => *known = MANY,
        };
        let local = |note: u32| note.checked_sub(entries).map(|n| n as usize);
        for (i, &now) in self.notes.iter().enumerate() {
            let Some(now) = local(now) else { continue };
            // The ends of the segment and notes of the dictionary count as many neighbours: never joined.
            let neighbour = |i: Option<usize>| {
                let neighbour = i.and_then(|i| self.notes.get(i));
                neighbour.copied().filter(|&n| n >= entries).unwrap_or(MANY)
            };
            note(&mut before[now], neighbour(i.checked_sub(1)));
            note(&mut after[now], neighbour(Some(i + 1)));
        }
        // A local note joins the previous one where each is the other's only neighbour.
        let joined = |now: usize| {
            let before = local(before[now]).filter(|&before| before < locals && before != now);
            before.filter(|&before| after[before] == entries + now as u32)
        };
        let mut number = vec![0; locals];
        let mut lengths: Vec<u32> = Vec::new();
        for now in 0..locals {
            // Local notes are numbered by first use, so the previous one is done by now.
            if let Some(before) = joined(now) {
                number[now] = number[before];
                lengths[number[now]] += self.lengths[now];
            } else {
                number[now] = lengths.len();
                lengths.push(self.lengths[now]);
            }
        }
        self.notes = self
            .notes
            .iter()
            .filter_map(|&note| match local(note) {
                Some(now) => joined(now).is_none().then(|| entries + number[now] as u32),
                None => Some(note),
            })
            .collect();
        self.lengths = lengths;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Numbers the notes from `entries` on by first use.
    fn sequence(wanted: &[u32], entries: u32) -> Sequence {
        let mut sequence = Sequence::default();
        let mut numbers = HashMap::new();
        for &note in wanted {
            let number = if note < entries {
                note
            } else {
                *numbers.entry(note).or_insert_with(|| {
                    sequence.lengths.push(note + 1);
                    entries + sequence.lengths.len() as u32 - 1
                })
            };
            sequence.notes.push(number);
        }
        sequence
    }

    fn total(sequence: &Sequence, entries: u32) -> usize {
        let length = |&n: &u32| n.checked_sub(entries).map_or(7, |n| sequence.lengths[n as usize]) as usize;
        sequence.notes.iter().map(length).sum()
    }

    proptest! {
        #[test]
        fn round_trip(notes in proptest::collection::vec(0u32..12, 0..60), entries in 0u32..8) {
            let mut sequence = sequence(&notes, entries);
            for _ in 0..2 {
                let bytes = sequence.to_bytes(entries);
                let raw_len = total(&sequence, entries);
                let read = Sequence::read(&bytes, raw_len, entries, |_| 7, &Context::default());
                prop_assert_eq!(read.unwrap(), sequence.clone());
                sequence.join(entries);
                prop_assert_eq!(total(&sequence, entries), raw_len);
            }
        }

        #[test]
        fn any_bytes_are_refused_or_fit(bytes in proptest::collection::vec(0u8..6, 0..40), raw_len in 0usize..60) {
            if let Ok(sequence) = Sequence::read(&bytes, raw_len, 3, |_| 7, &Context::default()) {
                prop_assert_eq!(total(&sequence, 3), raw_len);
            }
        }
    }

    #[test]
    fn neighbours_that_never_part_are_one() {
        let mut once = sequence(&[10, 11, 12], 3);
        once.join(3);
        assert_eq!(once, Sequence { lengths: vec![11 + 12 + 13], notes: vec![3] });
        let mut passages = sequence(&[10, 11, 0, 12, 10, 11, 2, 12, 12], 3);
        passages.join(3);
        assert_eq!(passages, Sequence { lengths: vec![11 + 12, 13], notes: vec![3, 0, 4, 3, 2, 4, 4] });
    }
}
