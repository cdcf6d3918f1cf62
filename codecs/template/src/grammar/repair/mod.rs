//! Re-Pair (Larsson & Moffat, "Off-line dictionary-based compression", Proc. IEEE 88(11), 2000), exact and in
//! linear time: replace a pair of the highest count everywhere, until no pair occurs often enough.
//!
//! A pair's count is the largest number of occurrences without overlaps: all of them for two different
//! symbols, n / 2 for a run of n equal symbols. Counts are exact at every step.
//!
//! Unlike the paper, no lists are threaded through the sequence. A pair's occurrences are written down once
//! (`arena`), and stale ones are skipped when the pair is replaced. A pair waits in its first frequency
//! bucket until that is reached (`queue`), so a falling count costs one access to the `pairs` table. A
//! position is in at most one list at a time and each replacement adds at most two: all work is linear.
//!
//! Runs keep that bound. Only pairs at least as frequent as the run's own pair shorten its ends, so measuring
//! the runs that a replacement touches takes time proportional to its count.
//!
//! Memory is 4 bytes a symbol for the sequence, 4 for the lists and 2 for new ones, plus the pair table. Both
//! vectors are compacted, and shrink, whenever half of the symbols have gone.

mod arena;
mod batch;
mod listing;
mod pairs;
mod queue;
mod sequence;

use lab_codec::{Context, Error, Hint, Result};

use self::arena::Arena;
use self::listing::Beside;
use self::pairs::{Pair, PairTable};
use self::queue::Queue;
use self::sequence::{END, Sequence};
use super::{Grammar, MAX_LEN, TERMINALS};

/// Replacements between two looks at the cancellation flag.
const CHECK_EVERY: usize = 1 << 15;

/// Prefetch distance along a list, in occurrences.
const AHEAD: usize = 12;

/// When Re-Pair stops.
#[derive(Debug, Clone, Copy)]
pub struct Stop {
    /// Pairs of a lower count are not replaced; at least 2.
    pub min_freq: u32,
    /// Maximum number of rules.
    pub max_rules: u32,
}

/// Builds the grammar of `input`. Reports one byte of progress for each symbol removed.
///
/// # Errors
/// [`Limit`](lab_codec::ErrorKind::Limit) beyond [`MAX_LEN`] bytes; cancellation.
pub fn repair(input: &[u8], stop: Stop, cx: &Context) -> Result<Grammar> {
    check_len(input)?;
    finish(State::new(input, stop.min_freq.max(2), cx)?, stop)
}

/// As [`repair`], but rounds of approximate counting replace all very frequent pairs at once, as long as
/// there are some. Faster and with half the memory; the grammar is up to 3 % larger
/// (docs/decisions/repair-strategy.md).
///
/// # Errors
/// As [`repair`].
pub fn repair_in_rounds(input: &[u8], stop: Stop, cx: &Context) -> Result<Grammar> {
    check_len(input)?;
    let stop = Stop { min_freq: stop.min_freq.max(2), ..stop };
    let (symbols, rules) = batch::batch(input, stop, cx)?;
    finish(State::go_on(symbols, rules, stop.min_freq, cx)?, stop)
}

fn check_len(input: &[u8]) -> Result<()> {
    if input.len() > MAX_LEN {
        let text = format!("Re-Pair takes segments of at most {MAX_LEN} bytes, not {}", input.len());
        return Err(Error::limit(text).with_hint(Hint::SmallerSegments));
    }
    Ok(())
}

/// Replaces the remaining frequent pairs exactly.
fn finish(mut state: State<'_>, stop: Stop) -> Result<Grammar> {
    let cx = state.cx;
    while state.rules.len() < stop.max_rules as usize {
        let Some(pair) = state.queue.pop(&state.table) else { break };
        state.look_ahead();
        state.substitute(pair)?;
    }
    let State { rules, sequence, mut removed, .. } = state;
    report(&mut removed, cx);
    Ok(Grammar { rules, start: sequence.into_symbols() })
}

fn report(removed: &mut usize, cx: &Context) {
    cx.observer().advance(std::mem::take(removed) as u64);
}

struct State<'a> {
    cx: &'a Context,
    min_freq: u32,
    sequence: Sequence,
    table: PairTable,
    queue: Queue,
    arena: Arena,
    rules: Vec<[u32; 2]>,
    /// Per symbol: its counts beside the new one; all zero between replacements.
    beside: Vec<Beside>,
    /// For each list being filled, the cell of its next position.
    cursors: Vec<u32>,
    /// Positions at which the current pair was replaced.
    places: Vec<u32>,
    /// Symbols removed and not yet reported.
    removed: usize,
    unchecked: usize,
}

impl<'a> State<'a> {
    /// The state for a sequence of bytes.
    fn new(input: &[u8], min_freq: u32, cx: &'a Context) -> Result<Self> {
        let mut state = Self::with(Sequence::new(input), Vec::new(), min_freq, cx);
        state.list_byte_pairs(input)?;
        Ok(state)
    }

    /// The state for a sequence of symbols with their rules.
    fn go_on(symbols: Vec<u32>, rules: Vec<[u32; 2]>, min_freq: u32, cx: &'a Context) -> Result<Self> {
        let mut state = Self::with(Sequence::of(symbols), rules, min_freq, cx);
        state.list_pairs()?;
        Ok(state)
    }

    fn with(sequence: Sequence, rules: Vec<[u32; 2]>, min_freq: u32, cx: &'a Context) -> Self {
        Self {
            cx,
            min_freq,
            table: PairTable::default(),
            queue: Queue::new(sequence.len()),
            sequence,
            arena: Arena::with_capacity(0),
            beside: vec![Beside::default(); TERMINALS as usize + rules.len()],
            rules,
            cursors: Vec::new(),
            places: Vec::new(),
            removed: 0,
            unchecked: 0,
        }
    }

    /// Prefetches for the next pairs. Most pairs are rare, and table entry, list and sequence of each are
    /// cache misses. Each step touches what the previous one, two pairs earlier, has fetched the address of.
    fn look_ahead(&mut self) {
        if let Some(entry) = self.queue.peek(4).and_then(|pair| self.table.get(pair)) {
            self.arena.touch(entry.block);
        }
        if let Some(entry) = self.queue.peek(2).and_then(|pair| self.table.get(pair)) {
            for &position in self.arena.positions(entry.block).iter().take(AHEAD) {
                self.sequence.touch(position);
            }
        }
    }

    /// Replaces `pair` by a new symbol everywhere, and updates table, queue and lists.
    fn substitute(&mut self, pair: Pair) -> Result<()> {
        let new = TERMINALS + self.rules.len() as u32;
        self.rules.push([pair.0, pair.1]);
        self.beside.push(Beside::default());
        if let Some(block) = self.table.get(pair).map(|e| e.block) {
            self.table.remove(pair);
            if pair.0 == pair.1 {
                self.replace_runs(pair.0, new, block)?;
            } else {
                self.replace_all(pair, new, block)?;
            }
            self.arena.release(block);
        }
        self.removed += self.places.len();
        self.list_new_pairs(new)?;
        // Half of the cells are holes: compaction costs time in proportion to the symbols that went, so it
        // stays linear.
        if self.sequence.len() * 2 < self.sequence.span() && self.sequence.span() > 1 << 10 {
            self.compact()?;
        }
        Ok(())
    }

    /// Closes the holes in the sequence and drops stale positions from the lists.
    fn compact(&mut self) -> Result<()> {
        let ranks = self.sequence.ranks();
        self.arena.sweep(&self.sequence, &mut self.table, Some(&ranks), self.cx)?;
        for place in &mut self.places {
            *place = ranks.map(*place);
        }
        self.sequence.compact();
        // The spare cells let the lists double: the next sweep then finds enough stale positions to pay.
        self.arena.shrink(self.sequence.span());
        Ok(())
    }

    /// Makes room for `cells` cells of lists.
    fn make_room(&mut self, cells: usize) -> Result<()> {
        // Closing holes rewrites the sequence, too: only worth it where at least an eighth of it is holes.
        if self.arena.room() < cells {
            if self.sequence.len() * 8 < self.sequence.span() * 7 {
                self.compact()?;
            } else {
                self.arena.sweep(&self.sequence, &mut self.table, None, self.cx)?;
            }
            self.arena.reserve(cells);
        }
        Ok(())
    }

    #[inline]
    fn tick(&mut self) -> Result<()> {
        self.unchecked += 1;
        if self.unchecked == CHECK_EVERY {
            self.unchecked = 0;
            report(&mut self.removed, self.cx);
            self.cx.check()?;
        }
        Ok(())
    }

    /// Replaces a pair of two different symbols.
    fn replace_all(&mut self, (a, b): Pair, new: u32, block: u32) -> Result<()> {
        self.places.clear();
        for i in 0..self.arena.positions(block).len() {
            let positions = self.arena.positions(block);
            let p = positions[i];
            if let Some(&ahead) = positions.get(i + AHEAD) {
                self.sequence.touch(ahead);
            }
            // A stale position: another pair has taken one of the symbols.
            if self.sequence.pair(p) != Some((a, b)) {
                continue;
            }
            let q = self.sequence.next(p);
            let before = self.sequence.get(self.sequence.prev(p));
            // The left neighbour of the same symbol belongs to a run of `a`, which loses its last symbol.
            if before == a {
                self.shorten(a, |s| s.run_before(p));
            } else if before != new && before != END {
                self.lose((before, a));
            }
            let r = self.sequence.next(q);
            let after = self.sequence.get(r);
            if after == b {
                self.shorten(b, |s| s.run_after(q));
            } else if after != END {
                self.lose((b, after));
            }
            self.sequence.replace(p, q, r, new);
            self.places.push(p);
            self.tick()?;
        }
        Ok(())
    }

    /// Replaces the pair of `a` with itself, from the start of every run: there the greedy pairing reaches n
    /// / 2.
    fn replace_runs(&mut self, a: u32, new: u32, block: u32) -> Result<()> {
        self.places.clear();
        for i in 0..self.arena.positions(block).len() {
            let mut p = self.arena.positions(block)[i];
            if self.sequence.pair(p) != Some((a, a)) {
                continue;
            }
            let mut before = self.sequence.prev(p);
            while self.sequence.get(before) == a {
                p = before;
                before = self.sequence.prev(p);
            }
            let before = self.sequence.get(before);
            if before != END {
                self.lose((before, a));
            }
            loop {
                let q = self.sequence.next(p);
                if self.sequence.get(q) != a {
                    break; // the last symbol of an odd run stays
                }
                let r = self.sequence.next(q);
                self.sequence.replace(p, q, r, new);
                self.places.push(p);
                self.tick()?;
                p = r;
                let after = self.sequence.get(r);
                if after != a {
                    if after != END {
                        self.lose((a, after));
                    }
                    break;
                }
            }
        }
        Ok(())
    }

    /// Subtracts one occurrence of `pair`, and releases its list once the pair is too rare.
    #[inline]
    fn lose(&mut self, pair: Pair) {
        if let Some(block) = self.table.decrement(pair, self.min_freq) {
            self.arena.release(block);
        }
    }

    /// Accounts for a run of `a`, whose length `measure` finds, that loses a symbol at one end: n / 2 falls
    /// only where n is even.
    #[inline]
    fn shorten(&mut self, a: u32, measure: impl Fn(&Sequence) -> usize) {
        if self.table.get((a, a)).is_some() && measure(&self.sequence).is_multiple_of(2) {
            self.lose((a, a));
        }
    }
}

#[cfg(test)]
mod tests;
