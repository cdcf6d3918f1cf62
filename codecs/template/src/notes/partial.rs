//! Reads a segment of notes without expanding it: its grammar, in which each note is a rule, and its costs.

use std::ops::Range;

use lab_bits::varint;
use lab_codec::{Context, Result};

use super::score::{Score, Voice, entries, length};
use crate::partial::{Costs, Kind, Parsed, Table, Token, costs};

/// Counts of a segment's notes by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Notes {
    /// All notes.
    pub played: u64,
    /// Notes of the dictionary.
    pub known: u64,
    /// Bytes of these.
    pub known_bytes: u64,
    /// Distinct local notes.
    pub local: u64,
    /// Bytes of these, each counted once.
    pub local_bytes: u64,
}

impl std::ops::AddAssign for Notes {
    fn add_assign(&mut self, other: Self) {
        self.played += other.played;
        self.known += other.known;
        self.known_bytes += other.known_bytes;
        self.local += other.local;
        self.local_bytes += other.local_bytes;
    }
}

impl Score<'_> {
    /// Counts the notes of the segment.
    pub fn notes(&self, voice: Option<Voice>) -> Notes {
        let entries = entries(voice);
        let known = self.sequence.notes.iter().filter(|&&note| note < entries);
        let lengths = known.clone().map(|&note| length(&self.sequence, voice, note) as u64);
        Notes {
            played: self.sequence.notes.len() as u64,
            known: known.count() as u64,
            known_bytes: lengths.sum(),
            local: self.sequence.lengths.len() as u64,
            local_bytes: self.local.1 as u64,
        }
    }

    /// The grammar of the segment: that of the local notes, cut where notes end, with a rule for each note.
    /// Notes of the dictionary become rules of bytes.
    ///
    /// # Errors
    /// As [`Worker::decode`](lab_codec::Worker::decode).
    pub fn parse(&self, voice: Option<Voice>, cx: &Context) -> Result<Parsed<'static>> {
        let mut symbols = Vec::new();
        let mut ends = Vec::with_capacity(self.sequence.lengths.len());
        let check = |symbols: usize| {
            cx.check()?;
            cx.limits().check_memory(symbols as u64 * 8, "the notes as a grammar")
        };
        let mut table = match Parsed::new(self.local.0, self.local.1, cx)? {
            Parsed::Grammar(table) => table,
            Parsed::Bytes(bytes) => Table::of_bytes(&bytes),
        };
        let mut cursor = table.cursor();
        for &len in &self.sequence.lengths {
            cursor.take(len as usize, &mut symbols);
            ends.push(symbols.len());
            if ends.len() % 256 == 0 {
                check(symbols.len())?;
            }
        }
        let mut start = 0;
        let mut local = Vec::with_capacity(ends.len());
        for end in ends {
            local.push(table.define(&symbols[start..end]));
            start = end;
        }
        let mut known = std::collections::HashMap::new();
        let entries = entries(voice);
        let mut said = symbols.len();
        drop(symbols);
        let mut notes = Vec::with_capacity(self.sequence.notes.len());
        for &note in &self.sequence.notes {
            notes.push(match (note.checked_sub(entries), voice) {
                (Some(number), _) => local[number as usize],
                (None, Some(voice)) => match known.get(&note) {
                    Some(&symbol) => symbol,
                    None => {
                        let piece = voice.piece(note);
                        said += piece.len as usize;
                        check(said)?;
                        let symbol =
                            voice.dictionary.with_bytes(&piece, |bytes| table.define_bytes(bytes))?;
                        known.insert(note, symbol);
                        symbol
                    }
                },
                // Without a dictionary every note is local, so this arm has no notes.
                (None, None) => continue,
            });
        }
        table.begin_with(notes);
        Ok(Parsed::Grammar(table))
    }

    /// Bytes of the segment `input` outside the sequence and the local notes.
    pub fn head(&self, input: &[u8]) -> usize {
        input.len() - self.stored.0.len() - self.local.0.len()
    }

    /// Costs of the parts of the segment; `head` are the bytes before its notes. A known note costs its
    /// symbol in the sequence. A new one costs its bytes among the local notes as well, spread over them.
    ///
    /// # Errors
    /// As [`Worker::decode`](lab_codec::Worker::decode).
    pub fn costs(
        &self,
        voice: Option<Voice>,
        head: usize,
        range: Range<usize>,
        cx: &Context,
    ) -> Result<Costs> {
        let entries = entries(voice);
        let named = costs(self.stored.0, self.stored.1, 0..self.stored.1, cx)?;
        let naming = Naming::new(&named, self.sequence.lengths.len())?;
        let notes = self.sequence.notes.iter().map(|&note| (note, length(&self.sequence, voice, note)));

        // New notes have their bytes in order of their numbers, so those of a range form one range, too.
        let (mut at, mut fresh, mut place) = (0, entries, 0);
        let mut wanted: Option<Range<usize>> = None;
        for (note, len) in notes.clone() {
            if note == fresh {
                if at < range.end && at + len > range.start {
                    wanted = Some(wanted.map_or(place, |wanted| wanted.start)..place + len);
                }
                fresh += 1;
                place += len;
            }
            at += len;
        }
        let mut local = match self.local.1 {
            0 => Costs::of_bytes(Vec::new()),
            len => costs(self.local.0, len, wanted.unwrap_or_default(), cx)?,
        };
        let mut text = Vec::new();
        self.play(
            voice,
            |d, entry| d.piece(entry as usize, voice.map_or(0, |voice| voice.context)),
            &mut text,
            cx,
        )?;

        let mut tokens = Vec::new();
        let (mut at, mut fresh, mut place) = (0, entries, 0);
        for (i, (note, len)) in notes.enumerate() {
            let shown = at < range.end && at + len > range.start;
            let mut bits = naming.symbols[i];
            if note != fresh {
                let kind = if note < entries { Kind::Entry(note) } else { Kind::Again(note - entries) };
                let per_byte = bits / len as f64;
                let token = Token { start: at as u32, len: len as u32, kind, inside: None, bits, per_byte };
                tokens.extend(shown.then_some(token));
            } else {
                bits += naming.lengths[(note - entries) as usize];
                let all = &local.tokens;
                let first = all.partition_point(|token| (token.start + token.len) as usize <= place);
                for token in
                    all[first..].iter().take_while(|token| shown && (token.start as usize) < place + len)
                {
                    let from = (token.start as usize).max(place);
                    let to = ((token.start + token.len) as usize).min(place + len);
                    tokens.push(Token {
                        start: (at + from - place) as u32,
                        len: (to - from) as u32,
                        bits: token.bits * (to - from) as f64 / f64::from(token.len),
                        per_byte: token.per_byte + bits / len as f64,
                        ..*token
                    });
                }
                fresh += 1;
                place += len;
            }
            at += len;
        }
        local.said = Some(std::mem::replace(&mut local.text, text));
        local.tokens = tokens;
        local.bits += named.bits;
        local.head += head as u64 + named.head;
        Ok(local)
    }
}

/// Costs of the sequence of notes, in bits.
struct Naming {
    /// For each local note, the bits of its length.
    lengths: Vec<f64>,
    /// For each note, the bits of its symbol; the first one includes the number of local notes.
    symbols: Vec<f64>,
}

impl Naming {
    fn new(costs: &Costs, locals: usize) -> Result<Self> {
        let mut tokens = costs.tokens.iter().peekable();
        let mut rest = &costs.text[..];
        let mut bits = Vec::new();
        let mut at = 0;
        while !rest.is_empty() {
            varint::read(&mut rest)?;
            let end = costs.text.len() - rest.len();
            let mut sum = 0.0;
            while at < end {
                while tokens.next_if(|token| (token.start + token.len) as usize <= at).is_some() {}
                sum += tokens.peek().map_or(0.0, |token| token.per_byte);
                at += 1;
            }
            bits.push(sum);
        }
        let mut symbols = bits.split_off((1 + locals).min(bits.len()));
        let mut lengths = bits;
        let count = lengths.remove(0);
        if let Some(first) = symbols.first_mut() {
            *first += count;
        }
        Ok(Self { lengths, symbols })
    }
}
