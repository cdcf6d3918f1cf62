//! Versions of one document, as in a repository or a backup: each has a round of edits over the last.

use super::text::Writer;
use super::{Generator, Pieces, Prng, Values};

pub(super) struct Versioned;

impl Generator for Versioned {
    fn name(&self) -> &'static str {
        "versioned"
    }

    fn summary(&self) -> &'static str {
        "versions of a text of 100 to 200 KiB, each with a few dozen edits of words and lines"
    }

    fn start(&self, seed: u64, _: &Values) -> Box<dyn Pieces> {
        let mut writer = Writer::new(Prng::new(seed));
        let mut document = Vec::new();
        while document.len() < FIRST_LENGTH {
            writer.running_word(&mut document);
        }
        Box::new(Stream { writer, document, next: Vec::new(), edits: Vec::new(), first: true })
    }
}

/// Length of the first version, in bytes.
const FIRST_LENGTH: usize = 144 << 10;
/// Lengths outside this range are only extended or only shortened.
const LENGTH_RANGE: std::ops::Range<usize> = 112 << 10..176 << 10;
/// Minimum edits between two versions; the maximum is twice this number.
const MIN_EDITS: usize = 16;

struct Stream {
    writer: Writer,
    document: Vec<u8>,
    /// Buffer of the next version.
    next: Vec<u8>,
    /// Ascending offsets of the next edits.
    edits: Vec<usize>,
    first: bool,
}

impl Pieces for Stream {
    fn next(&mut self) -> &[u8] {
        if !std::mem::take(&mut self.first) {
            self.edit();
        }
        &self.document
    }
}

impl Stream {
    fn edit(&mut self) {
        let length = self.document.len();
        let prng = self.writer.prng();
        let count = MIN_EDITS + prng.below(MIN_EDITS + 1);
        self.edits.clear();
        self.edits.extend((0..count).map(|_| prng.below(length)));
        self.edits.sort_unstable();

        self.next.clear();
        let mut copied = 0;
        for index in 0..self.edits.len() {
            let at = after(&self.document, self.edits[index], 1, b' ');
            if at < copied {
                continue; // the edit before this one took its place away
            }
            self.next.extend_from_slice(&self.document[copied..at]);
            copied = self.apply(at);
        }
        self.next.extend_from_slice(&self.document[copied..]);
        std::mem::swap(&mut self.document, &mut self.next);
    }

    /// Makes one edit at the start of a word; returns the offset where the old text continues.
    fn apply(&mut self, at: usize) -> usize {
        let words = 1 + self.writer.prng().below(8);
        let choice = match self.document.len() {
            length if length < LENGTH_RANGE.start => 6 + self.writer.prng().below(4),
            length if length >= LENGTH_RANGE.end => 4 + self.writer.prng().below(2),
            _ => self.writer.prng().below(10),
        };
        match choice {
            0..=3 => {
                // Replaces words by the same number of other words.
                self.insert(words.min(3));
                after(&self.document, at, words.min(3), b' ')
            }
            4 => after(&self.document, at, words, b' '),
            5 => after(&self.document, at, 1, b'\n'),
            6..=7 => {
                self.insert(words);
                at
            }
            8 => {
                self.insert(2 * words);
                self.next.push(b'\n');
                at
            }
            _ => {
                // Repeats a line from elsewhere.
                let length = self.document.len();
                let start = after(&self.document, self.writer.prng().below(length), 1, b'\n');
                let end = after(&self.document, start, 1, b'\n');
                self.next.extend_from_slice(&self.document[start..end]);
                at
            }
        }
    }

    fn insert(&mut self, words: usize) {
        for _ in 0..words {
            self.writer.word(&mut self.next);
            self.next.push(b' ');
        }
    }
}

/// Position after the `count`-th `separator` from `at` on, or the end.
fn after(text: &[u8], at: usize, count: usize, separator: u8) -> usize {
    text[at..]
        .iter()
        .enumerate()
        .filter(|(_, b)| **b == separator)
        .nth(count - 1)
        .map_or(text.len(), |(i, _)| at + i + 1)
}
