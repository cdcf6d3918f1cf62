//! What the grammars of a file are like: sums over its segments, and the rules that save most.

use std::cmp::Reverse;

use lab_codec::text::readable;
use lab_codec::{Context, Result};
use serde::Serialize;

use crate::notes::partial::Notes;
use crate::partial::{Parsed, Statistics, beginning};

/// Bytes of a rule that are shown.
const SHOWN: usize = 60;

/// Sums over all segments of a file.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Bytes of the content.
    pub bytes: u64,
    /// Number of segments.
    pub segments: u64,
    /// Bytes of the grammars, before any codec that follows.
    pub grammar_bytes: u64,
    /// Bytes of the content in segments without a grammar.
    pub stored_bytes: u64,
    /// Notes of `template`.
    pub notes: u64,
    /// Notes of the dictionary among them.
    pub known_notes: u64,
    /// Bytes of the content that the dictionary's notes stand for.
    pub known_bytes: u64,
    /// Different notes that the segments bring along.
    pub local_notes: u64,
    /// Their bytes.
    pub local_bytes: u64,
    /// Rules of all grammars.
    pub rules: u64,
    /// Symbols of the start sequences.
    pub start_symbols: u64,
    /// Symbols on the right-hand sides of all rules.
    pub rule_symbols: u64,
    /// The share of the content that rules in the start sequences stand for; `None` for an empty content.
    pub coverage: Option<f64>,
    /// Bytes of the longest rule.
    pub longest_rule: u64,
    /// Rules by depth, from 1 on.
    pub depths: Vec<u64>,
    /// Rules by length: from 2^i bytes up to 2^(i+1) at index i.
    pub lengths: Vec<u64>,
    /// The rules that save most, the best first.
    pub top: Vec<Top>,
}

/// A rule that saves much.
#[derive(Debug, Serialize)]
pub struct Top {
    /// The number of its segment.
    pub segment: u64,
    /// Its number in the segment.
    pub rule: u32,
    /// Tokens that it saves, as [`Rule::saves`](crate::partial::Rule::saves).
    pub saves: i64,
    /// Uses on right-hand sides and in the start sequence.
    pub uses: u32,
    /// Occurrences in the expanded content.
    pub occurrences: u32,
    /// Symbols on its right-hand side.
    pub symbols: u32,
    /// Bytes of its text.
    pub bytes: u32,
    /// 1 where its symbols are bytes, else 1 more than the deepest of them.
    pub depth: u32,
    /// The beginning of its text, escaped as in Rust.
    pub text: String,
    /// Whether the text goes on.
    pub cut: bool,
}

/// Collects a [`Report`], segment by segment.
#[derive(Debug, Default)]
pub struct Reporter {
    most: usize,
    statistics: Statistics,
    notes: Notes,
    segments: u64,
    grammar_bytes: u64,
    top: Vec<Top>,
}

impl Reporter {
    /// A report with at most `most` rules.
    pub fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// Adds the next segment: its grammar, its notes where it is made of them, and the bytes of its encoded
    /// form.
    ///
    /// # Errors
    /// [`Limit`](lab_codec::ErrorKind::Limit), cancellation.
    pub fn add(&mut self, segment: &Parsed, notes: Option<Notes>, encoded: u64, cx: &Context) -> Result<()> {
        let mut rules = self.statistics.add(segment, cx)?;
        rules.sort_by_key(|rule| (Reverse(rule.saves), rule.number));
        rules.truncate(self.most);
        for rule in rules {
            let bytes = beginning(segment, &rule, SHOWN, cx)?;
            self.top.push(Top {
                segment: self.segments,
                rule: rule.number,
                saves: rule.saves,
                uses: rule.uses,
                occurrences: rule.occurrences,
                symbols: rule.width,
                bytes: rule.len,
                depth: rule.depth,
                text: readable(&bytes),
                cut: bytes.len() < rule.len as usize,
            });
        }
        // A stable sort: of rules that save the same, the first segment's come first.
        self.top.sort_by_key(|rule| Reverse(rule.saves));
        self.top.truncate(self.most);
        self.segments += 1;
        self.grammar_bytes += encoded;
        self.notes += notes.unwrap_or_default();
        Ok(())
    }

    /// The sums.
    pub fn finish(self) -> Report {
        let Self { statistics, notes, .. } = self;
        let bytes = statistics.bytes;
        Report {
            bytes,
            segments: self.segments,
            grammar_bytes: self.grammar_bytes,
            stored_bytes: statistics.stored,
            notes: notes.played,
            known_notes: notes.known,
            known_bytes: notes.known_bytes,
            local_notes: notes.local,
            local_bytes: notes.local_bytes,
            rules: statistics.rules,
            start_symbols: statistics.start,
            rule_symbols: statistics.sides,
            coverage: (bytes > 0).then(|| statistics.covered as f64 / bytes as f64),
            longest_rule: statistics.longest,
            depths: statistics.depths,
            lengths: statistics.lengths,
            top: self.top,
        }
    }
}

impl Report {
    /// Depths in classes that double: 1, 2 and 3, 4 to 7, and so on, as first, last and number of rules.
    pub fn depth_classes(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        let depths = &self.depths;
        (0..=depths.len().checked_ilog2().unwrap_or(0)).map_while(move |class| {
            let (first, last) = (1 << class, (2 << class) - 1);
            let rules = depths.get(first - 1..)?.iter().take(last + 1 - first).sum();
            (first <= depths.len()).then_some((first as u64, last.min(depths.len()) as u64, rules))
        })
    }

    /// Lengths in classes that double, as first, last and number of rules; classes without rules are left
    /// out.
    pub fn length_classes(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        let classes = self.lengths.iter().enumerate().map(|(i, &rules)| (1 << i, (2 << i) - 1, rules));
        classes.filter(|&(.., rules)| rules > 0)
    }
}
