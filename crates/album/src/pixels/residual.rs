//! Differences from a prediction as binary decisions, whose probabilities are mixed from several contexts.

use lab_entropy::logistic::{squash, stretch};
use lab_entropy::mix::{Mixer, Refinement};
use lab_entropy::prefetch::prefetch;
use lab_entropy::range::{Bit, BitCoder};

/// Contexts that have a say.
pub const INPUTS: usize = 16;
/// How many values a context may have.
pub const VALUES: usize = 2048;
/// Mixers, whose results are averaged.
const MIXERS: usize = 3;
/// Sets of weights that the caller chooses from.
pub const SETS: usize = 32;

/// The weight of every context at first, in units of 2^-14.
const WEIGHT: i16 = 1500;
/// How fast weights follow, and how much faster at first.
const RATE: i32 = 14;
const EXTRA: i32 = 60;
/// How long a context remembers.
const LIMIT: u32 = 250;

/// Decisions of one difference: the sign, a tree of tokens from 1 on, the first of the bits that a token leaves open.
const NODES: usize = 128;
const SIGN: usize = 0;
const OPEN: usize = 64;
/// Magnitudes below this are tokens of their own; above, there are four tokens for each power of two.
const EXACT: u32 = 8;

/// What is known of a sample before it is coded.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known {
    /// The value of each context, below [`VALUES`].
    pub contexts: [usize; INPUTS],
    /// Which weights each mixer takes; below [`SETS`].
    pub sets: [usize; MIXERS],
}

/// So many decisions of a context are one line of the cache.
const LINE: usize = 16;

#[derive(Clone)]
#[repr(align(64))]
struct Line([Bit; LINE]);

/// Codes differences.
pub struct Residuals {
    levels: u32,
    tables: [Vec<Line>; INPUTS],
    mixers: [Mixer<INPUTS>; MIXERS],
    refinement: Refinement,
    open: Vec<Bit>,
}

impl Residuals {
    /// For samples of `bits` bits.
    pub fn new(bits: u8) -> Self {
        Self {
            levels: if bits > 8 { 6 } else { 5 },
            tables: std::array::from_fn(|_| vec![Line([Bit::default(); LINE]); VALUES * NODES / LINE]),
            mixers: std::array::from_fn(|_| Mixer::new(SETS * NODES, WEIGHT)),
            refinement: Refinement::new(SETS * NODES),
            open: vec![Bit::default(); 64 * 16],
        }
    }

    /// Codes `difference`, or ignores it and returns the decoded one.
    pub fn code(&mut self, coder: &mut impl BitCoder, difference: i32, known: &Known) -> i32 {
        let magnitude = difference.unsigned_abs();
        let (token, _) = token(magnitude);
        // The first decisions need one line of every table at once, the last of a small token the next one.
        for (table, context) in self.tables.iter().zip(known.contexts) {
            prefetch(table, context * (NODES / LINE) + 1);
        }
        let mut node = 1;
        for level in (0..self.levels).rev() {
            let bit = self.bit(coder, token >> level & 1 != 0, node, known);
            node = node * 2 + usize::from(bit);
        }
        let token = node as u32 - (1 << self.levels);
        let magnitude = self.rest(coder, token, magnitude, known);
        if magnitude == 0 {
            return 0;
        }
        let negative = self.bit(coder, difference < 0, SIGN, known);
        if negative { -(magnitude as i32) } else { magnitude as i32 }
    }

    /// The bits of a magnitude that its token leaves open.
    fn rest(&mut self, coder: &mut impl BitCoder, token: u32, magnitude: u32, known: &Known) -> u32 {
        let (base, bits) = token_range(token);
        let rest = magnitude.wrapping_sub(base);
        let mut value = 0;
        for level in (0..bits).rev() {
            let bit = rest >> level & 1 != 0;
            let bit = if level + 1 == bits {
                self.bit(coder, bit, OPEN + token as usize, known)
            } else {
                let model = &mut self.open[(token as usize * 16 + level as usize) & 1023];
                let bit = coder.code(bit, model.one());
                model.update(bit, 255);
                bit
            };
            value = value * 2 + u32::from(bit);
        }
        base + value
    }

    #[inline]
    fn bit(&mut self, coder: &mut impl BitCoder, bit: bool, node: usize, known: &Known) -> bool {
        let node = node & (NODES - 1);
        let mut inputs = [0; INPUTS];
        let places: [usize; INPUTS] = std::array::from_fn(|i| known.contexts[i] * NODES + node);
        for ((input, table), place) in inputs.iter_mut().zip(&self.tables).zip(places) {
            *input = stretch(table[place / LINE].0[place % LINE].one() as u16);
        }
        let mixers = self.mixers.iter_mut().zip(known.sets);
        let sum: i32 = mixers.map(|(mixer, set)| mixer.mix(&inputs, set * NODES + node)).sum();
        let (mixed, set) = (sum / MIXERS as i32, known.sets[0] * NODES + node);
        let plain = u32::from(squash(mixed));
        let refined = u32::from(self.refinement.refine(mixed, set));
        let bit = coder.code(bit, ((plain + refined) / 2).clamp(1, 65_535));
        self.refinement.update(bit, 6);
        for mixer in &mut self.mixers {
            mixer.update(&inputs, bit, RATE, EXTRA);
        }
        for (table, place) in self.tables.iter_mut().zip(places) {
            table[place / LINE].0[place % LINE].update(bit, LIMIT);
        }
        bit
    }
}

/// The token of a magnitude, and how many bits it leaves open.
fn token(magnitude: u32) -> (u32, u32) {
    if magnitude < EXACT {
        return (magnitude, 0);
    }
    let octave = magnitude.ilog2() - 3;
    let bits = octave + 1;
    (EXACT + octave * 4 + (magnitude >> bits & 3), bits)
}

/// The least magnitude of a token, and how many bits it leaves open.
fn token_range(token: u32) -> (u32, u32) {
    if token < EXACT {
        return (token, 0);
    }
    let octave = (token - EXACT) / 4;
    let bits = octave + 1;
    ((4 + (token - EXACT) % 4) << bits, bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_cover_all_magnitudes_once() {
        let mut next = 0;
        for number in 0..64 {
            let (base, bits) = token_range(number);
            assert_eq!(base, next);
            assert_eq!(token(base), (number, bits));
            assert_eq!(token(base + (1 << bits) - 1), (number, bits));
            next = base + (1 << bits);
        }
        assert_eq!(next, 131_072);
        assert!(token(255).0 < 32);
    }
}
