//! Active pairs by falling count: a bucket for each count up to the square root of the length, and an
//! overflow list for larger counts.
//!
//! A count only falls, and a pair stays in its bucket until that is reached. It is then taken if the count
//! still matches; otherwise it moves down, or is dropped if it is no longer active. A decrement pays for each
//! move, and a falling count touches nothing here. The overflow list holds at most sqrt(n) pairs and is
//! popped at most sqrt(n) times, since each of these pairs occurs more than sqrt(n) times: scanning it is
//! linear.

use super::pairs::{Pair, PairTable};

/// The order in which pairs are replaced.
#[derive(Debug)]
pub(super) struct Queue {
    overflow: Vec<Pair>,
    buckets: Vec<Vec<Pair>>,
}

impl Queue {
    /// A queue for a sequence of `len` symbols.
    pub(super) fn new(len: usize) -> Self {
        Self { overflow: Vec::new(), buckets: vec![Vec::new(); len.isqrt() + 2] }
    }

    /// Adds a pair. `count` must not exceed that of the pair popped last.
    #[inline]
    pub(super) fn push(&mut self, pair: Pair, count: u32) {
        match self.buckets.get_mut(count as usize) {
            Some(bucket) => bucket.push(pair),
            None => self.overflow.push(pair),
        }
    }

    /// The pair that comes up after `n` others, unless these create more frequent ones.
    pub(super) fn peek(&self, n: usize) -> Option<Pair> {
        let bucket = self.buckets.last()?;
        bucket.len().checked_sub(n + 1).map(|i| bucket[i])
    }

    /// Takes a pair of the highest count.
    pub(super) fn pop(&mut self, table: &PairTable) -> Option<Pair> {
        self.pop_overflow(table).or_else(|| self.pop_bucket(table))
    }

    // A linear scan for the largest count; pairs that have fallen below the threshold move to the buckets.
    fn pop_overflow(&mut self, table: &PairTable) -> Option<Pair> {
        let mut best = None;
        let mut i = 0;
        while let Some(&pair) = self.overflow.get(i) {
            let count = table.get(pair).map_or(0, |e| e.count);
            if (count as usize) < self.buckets.len() {
                self.overflow.swap_remove(i);
                if count > 0 {
                    self.push(pair, count);
                }
                continue;
            }
            if best.is_none_or(|(most, _)| count > most) {
                best = Some((count, i));
            }
            i += 1;
        }
        best.map(|(_, i)| self.overflow.swap_remove(i))
    }

    fn pop_bucket(&mut self, table: &PairTable) -> Option<Pair> {
        // Buckets above the last nonempty one are never needed again, since counts only fall.
        while let Some(bucket) = self.buckets.last_mut() {
            let Some(pair) = bucket.pop() else {
                self.buckets.pop();
                continue;
            };
            let Some(entry) = table.get(pair) else { continue };
            if entry.count as usize + 1 == self.buckets.len() {
                return Some(pair);
            }
            self.push(pair, entry.count);
        }
        None
    }
}
