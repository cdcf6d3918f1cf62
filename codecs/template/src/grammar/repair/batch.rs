//! Re-Pair in rounds: one pass over the sequence replaces all frequent pairs, and counts those of the next
//! round.
//!
//! A few rounds remove most of the symbols, in sequential order and without lists. Counts are lower bounds
//! from a table that forgets rare pairs (Misra and Gries, "Finding repeated elements", Science of Computer
//! Programming 2(2), 1982, applied to each slot), so memory is fixed. Exact counts are not needed here: exact
//! Re-Pair replaces what is left.

use lab_codec::{Context, Result};

use super::{Stop, report};
use crate::grammar::TERMINALS;

/// Pairs below this count are left to exact Re-Pair.
const LEAST: u32 = 16;

/// A round takes the pairs of at least 1 / `SHARE` of the highest count. From 0.7 on the result is 1 %
/// smaller on dickens and less is gained (docs/decisions/repair-strategy.md).
const SHARE: u32 = 2;

/// Rounds end when the chosen pairs are fewer than 1 / `ENOUGH` of the symbols: too few to pay for
/// another pass.
const ENOUGH: usize = 32;

/// Symbols between two looks at the cancellation flag.
const CHECK_EVERY: usize = 1 << 18;

/// Rule of a slot whose pair is not replaced, and of one whose pair is chosen but has no rule yet.
const KEPT: u32 = u32::MAX;
const CHOSEN: u32 = u32::MAX - 1;

#[derive(Debug, Clone, Copy)]
struct Slot {
    pair: (u32, u32),
    count: u32,
    rule: u32,
}

const EMPTY: Slot = Slot { pair: (0, 0), count: 0, rule: KEPT };

/// Approximate counts of frequent pairs.
#[derive(Debug)]
struct Tally {
    slots: Vec<Slot>,
    shift: u32,
}

impl Tally {
    fn new(bits: u32) -> Self {
        Self { slots: vec![EMPTY; 1 << bits], shift: 64 - bits }
    }

    #[inline]
    fn slot(&mut self, pair: (u32, u32)) -> &mut Slot {
        let key = u64::from(pair.0) << 32 | u64::from(pair.1);
        let mixed = (key ^ key >> 29).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mask = self.slots.len() - 1;
        &mut self.slots[(mixed >> self.shift) as usize & mask]
    }

    #[inline]
    fn add(&mut self, pair: (u32, u32)) {
        let slot = self.slot(pair);
        if slot.pair == pair {
            slot.count += 1;
        // Misra-Gries: another pair in the slot lowers the count, and takes the slot once that is 0.
        } else if slot.count == 0 {
            *slot = Slot { pair, count: 1, rule: KEPT };
        } else {
            slot.count -= 1;
        }
    }

    /// Chooses the pairs of a round, each with a count of at least `least`. Returns their number and the sum
    /// of their counts.
    fn choose(&mut self, least: u32) -> (usize, usize) {
        let most = self.slots.iter().map(|slot| slot.count).max().unwrap_or(0);
        let least = least.max(most.div_ceil(SHARE));
        let (mut chosen, mut sum) = (0, 0);
        for slot in self.slots.iter_mut().filter(|slot| slot.count >= least) {
            slot.rule = CHOSEN;
            chosen += 1;
            sum += slot.count as usize;
        }
        (chosen, sum)
    }
}

/// Counts the pairs of a sequence as it grows; in runs, only pairs that do not overlap.
#[derive(Debug)]
struct Counter {
    tally: Tally,
    last: u32,
    /// Whether the last symbol ends a counted pair of equal symbols.
    paired: bool,
}

impl Counter {
    fn new(bits: u32) -> Self {
        Self { tally: Tally::new(bits), last: u32::MAX, paired: false }
    }

    #[inline]
    fn push(&mut self, symbol: u32) {
        self.paired = symbol == self.last && !self.paired;
        if (symbol != self.last || self.paired) && self.last != u32::MAX {
            self.tally.add((self.last, symbol));
        }
        self.last = symbol;
    }
}

/// Replaces frequent pairs of `input` in rounds, as long as each removes enough symbols. Returns the
/// remaining sequence and the rules. Reports one byte of progress for each symbol removed.
///
/// # Errors
/// Cancellation.
pub(super) fn batch(input: &[u8], stop: Stop, cx: &Context) -> Result<(Vec<u32>, Vec<[u32; 2]>)> {
    // 2^16 slots of 16 bytes, 1 MiB; fewer for a short input.
    let bits = (input.len() / 16).max(1).ilog2().clamp(8, 16);
    let mut counter = Counter::new(bits);
    let mut symbols: Vec<u32> = Vec::with_capacity(input.len());
    for piece in input.chunks(CHECK_EVERY) {
        cx.check()?;
        for &byte in piece {
            counter.push(u32::from(byte));
            symbols.push(u32::from(byte));
        }
    }
    let mut rules = Vec::new();
    loop {
        let mut chosen = std::mem::replace(&mut counter, Counter::new(bits)).tally;
        let (pairs, sum) = chosen.choose(stop.min_freq.max(LEAST));
        if pairs == 0 || sum < symbols.len() / ENOUGH || rules.len() + pairs > stop.max_rules as usize {
            break;
        }
        let mut removed = replace(&mut symbols, &mut chosen, &mut counter, &mut rules, cx)?;
        report(&mut removed, cx);
    }
    Ok((symbols, rules))
}

/// Replaces the chosen pairs, and counts the pairs of the result. Returns the number of symbols removed.
fn replace(
    symbols: &mut Vec<u32>,
    chosen: &mut Tally,
    counter: &mut Counter,
    rules: &mut Vec<[u32; 2]>,
    cx: &Context,
) -> Result<usize> {
    let len = symbols.len();
    let (mut read, mut write, mut check_at) = (0, 0, 0);
    while read < len {
        if read >= check_at {
            cx.check()?;
            check_at = read + CHECK_EVERY;
        }
        let mut symbol = symbols[read];
        let mut taken = 1;
        if let Some(&second) = symbols.get(read + 1) {
            let pair = (symbol, second);
            let slot = chosen.slot(pair);
            if slot.pair == pair && slot.rule != KEPT {
                let count = slot.count;
                // Of two overlapping pairs the more frequent one wins.
                let outdone = symbols.get(read + 2).is_some_and(|&third| {
                    let next = chosen.slot((second, third));
                    next.pair == (second, third) && next.rule != KEPT && next.count > count
                });
                if !outdone {
                    let slot = chosen.slot(pair);
                    if slot.rule == CHOSEN {
                        slot.rule = TERMINALS + rules.len() as u32;
                        rules.push([pair.0, pair.1]);
                    }
                    symbol = slot.rule;
                    taken = 2;
                }
            }
        }
        read += taken;
        symbols[write] = symbol;
        write += 1;
        counter.push(symbol);
    }
    symbols.truncate(write);
    Ok(len - write)
}
