//! Re-Pair (Larsson & Moffat, "Off-line dictionary-based compression", Proc. IEEE 88(11), 2000), exact and in
//! linear time: replace a pair of the highest count everywhere, until no pair occurs often enough.
//!
//! The count of a pair is the most occurrences that do not overlap: for two different symbols, all of them;
//! for a run of n equal symbols, n / 2. Counts are exact at every step. What differs from the paper is that
//! no lists are threaded through the sequence. A pair's occurrences are written down once (`arena`), stale
//! ones are skipped when their turn comes, and a pair waits in the frequency bucket that it was put in until
//! it comes up (`queue`), so that a count that falls costs one access to the `pairs` table and nothing else.
//! A position is in at most one list at any time and each replacement adds two at most: all work is linear.
//!
//! Runs cost no more. Their ends are eaten by pairs at least as frequent as the run's own pair, so measuring
//! the runs that a replacement touches takes time proportional to its count.
//!
//! Memory is 4 bytes a symbol for the sequence, 4 for the lists and 2 for new ones, plus the pair table; both
//! vectors are compacted, and shrink, whenever half of the symbols have gone.

mod arena;
mod batch;
mod listing;
mod pairs;
mod queue;
mod sequence;

use lab_codec::{Context, Error, Result};

use self::arena::Arena;
use self::listing::Beside;
use self::pairs::{Pair, PairTable};
use self::queue::Queue;
use self::sequence::{END, Sequence};
use super::{Grammar, MAX_LEN, TERMINALS};

/// How many replacements pass between two looks at the cancellation flag.
const CHECK_EVERY: usize = 1 << 15;

/// How many occurrences ahead memory is touched.
const AHEAD: usize = 12;

/// When Re-Pair stops.
#[derive(Debug, Clone, Copy)]
pub struct Stop {
    /// Pairs of a lower count are not replaced; at least 2.
    pub min_freq: u32,
    /// No more rules than this.
    pub max_rules: u32,
}

/// Makes the grammar of `input`. Reports one byte of progress for each symbol that goes away.
///
/// # Errors
/// [`Limit`](lab_codec::ErrorKind::Limit) beyond [`MAX_LEN`] bytes; cancellation.
pub fn repair(input: &[u8], stop: Stop, cx: &Context) -> Result<Grammar> {
    check_len(input)?;
    finish(State::new(input, stop.min_freq.max(2), cx)?, stop)
}

/// The same, but as long as some pairs are much more frequent than others, all of these are replaced at once, by counts that need
/// not be exact. Faster and with half the memory, for a grammar that is some per cent larger.
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
        return Err(Error::limit(format!(
            "Re-Pair takes segments of at most {MAX_LEN} bytes, not {}; use a smaller --segment",
            input.len()
        )));
    }
    Ok(())
}

/// Replaces what is frequent enough, exactly.
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
    /// By symbol; all zero between replacements.
    beside: Vec<Beside>,
    /// Where the next position of each list goes that is being filled.
    cursors: Vec<u32>,
    /// Where the pair at hand was replaced.
    places: Vec<u32>,
    /// Symbols gone and not yet reported.
    removed: usize,
    unchecked: usize,
}

impl<'a> State<'a> {
    /// Begins with bytes.
    fn new(input: &[u8], min_freq: u32, cx: &'a Context) -> Result<Self> {
        let mut state = Self::with(Sequence::new(input), Vec::new(), min_freq, cx);
        state.list_byte_pairs(input)?;
        Ok(state)
    }

    /// Begins with symbols, for which there are rules.
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

    /// Most pairs are rare, and all that is known of one is far from what is known of the next. Touching
    /// what the next pairs will need, each a step later than what leads to it, takes the waiting out.
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

    /// Replaces `pair` by a new symbol everywhere and brings table, queue and lists up to date.
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
        if self.sequence.len() * 2 < self.sequence.span() && self.sequence.span() > 1 << 10 {
            self.compact()?;
        }
        Ok(())
    }

    /// Closes the holes in the sequence and drops what is out of date in the lists.
    fn compact(&mut self) -> Result<()> {
        let ranks = self.sequence.ranks();
        self.arena.sweep(&self.sequence, &mut self.table, Some(&ranks), self.cx)?;
        for place in &mut self.places {
            *place = ranks.map(*place);
        }
        self.sequence.compact();
        // Once the lists have doubled there is enough out of date to make the next sweep worth its time.
        self.arena.shrink(self.sequence.span());
        Ok(())
    }

    /// Makes room for lists of `cells` cells.
    fn make_room(&mut self, cells: usize) -> Result<()> {
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

    /// Replaces the pair of two different symbols.
    fn replace_all(&mut self, (a, b): Pair, new: u32, block: u32) -> Result<()> {
        self.places.clear();
        for i in 0..self.arena.positions(block).len() {
            let positions = self.arena.positions(block);
            let p = positions[i];
            if let Some(&ahead) = positions.get(i + AHEAD) {
                self.sequence.touch(ahead);
            }
            if self.sequence.pair(p) != Some((a, b)) {
                continue;
            }
            let q = self.sequence.next(p);
            let before = self.sequence.get(self.sequence.prev(p));
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

    /// Replaces the pair of `a` with itself, from the start of every run.
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
                    break; // the last of an odd run stays
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

    /// One occurrence of `pair` has gone.
    #[inline]
    fn lose(&mut self, pair: Pair) {
        if let Some(block) = self.table.decrement(pair, self.min_freq) {
            self.arena.release(block);
        }
    }

    /// A run of `a`, of the length that `measure` finds, is about to lose one symbol at an end.
    #[inline]
    fn shorten(&mut self, a: u32, measure: impl Fn(&Sequence) -> usize) {
        if self.table.get((a, a)).is_some() && measure(&self.sequence).is_multiple_of(2) {
            self.lose((a, a));
        }
    }
}

#[cfg(test)]
mod tests;
