//! Residuals as binary decisions, whose probabilities are mixed from several contexts as in PAQ.
//!
//! A residual is its magnitude, then its sign. The magnitude is a token, coded from its top bit along a
//! binary tree, and for large magnitudes the low bits that the token leaves open. Each node of that tree has
//! one adaptive probability per context value; three mixers weigh the sixteen of them.

use lab_entropy::logistic::{squash, stretch};
use lab_entropy::mix::{Mixer, Refinement};
use lab_entropy::prefetch::prefetch;
use lab_entropy::range::{Bit, BitCoder};

/// Contexts that predict each decision.
pub(super) const INPUTS: usize = 16;
/// Values of one context. The largest in use is 431 * 4 + 3 (predictor disagreement, in the fourth channel),
/// so 2048 bounds all of them.
pub(super) const VALUES: usize = 2048;
/// Mixers. Each picks its weights by another property of the neighbourhood; their mean is the prediction.
const MIXERS: usize = 3;
/// Weight sets of each mixer that the caller chooses from: eight classes for each of four channels.
pub(super) const SETS: usize = 32;

/// Initial weight of every context, in units of 2^-14. Sixteen of them sum to 1.46, so a new weight set
/// predicts with 1.46 times the mean of its inputs: a little more confident than a context alone.
const INITIAL_WEIGHT: i16 = 1500;
/// Learning rate of the mixers, and what the first update of a weight set adds to it; the addition falls as
/// 1/n.
const RATE: i32 = 14;
const EXTRA_RATE: i32 = 60;
/// Counts at which a probability stops slowing down: from then on it moves by 1 / 251.5 of its error.
const LIMIT: u32 = 250;

/// Nodes of one residual: 0 is the sign, 1 to 63 are the tree of up to 6 token bits, 64 to 127 the first open
/// bit of each token.
const NODES: usize = 128;
const SIGN: usize = 0;
const OPEN: usize = 64;
/// Magnitudes below this have a token each. Above, each power of two has four tokens, so a token's magnitudes
/// differ by at most a quarter, and only their lower bits are close to uniform.
const EXACT: u32 = 8;

/// The contexts of one sample, formed before it is coded.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SampleContexts {
    /// The value of each context, below [`VALUES`].
    pub values: [usize; INPUTS],
    /// The weight set of each mixer, below [`SETS`].
    pub sets: [usize; MIXERS],
}

/// Nodes per cache line: 16 probabilities of 4 bytes.
const LINE: usize = 16;

#[derive(Clone)]
#[repr(align(64))]
struct Line([Bit; LINE]);

/// Models of residuals, for all channels.
pub(super) struct Residuals {
    /// Bits of a token: 5 reach magnitude 255, 6 reach 131,071.
    levels: u32,
    /// For each context, [`NODES`] probabilities for each of its values.
    tables: [Vec<Line>; INPUTS],
    mixers: [Mixer<INPUTS>; MIXERS],
    refinement: Refinement,
    /// Open bits below the first, by token and level. They are nearly uniform, so they are not mixed.
    open: Vec<Bit>,
}

impl Residuals {
    /// New models for samples of `bits` bits.
    pub(super) fn new(bits: u8) -> Self {
        Self {
            levels: if bits > 8 { 6 } else { 5 },
            tables: std::array::from_fn(|_| vec![Line([Bit::default(); LINE]); VALUES * NODES / LINE]),
            mixers: std::array::from_fn(|_| Mixer::new(SETS * NODES, INITIAL_WEIGHT)),
            refinement: Refinement::new(SETS * NODES),
            open: vec![Bit::default(); 64 * 16],
        }
    }

    /// Encodes `difference`, or ignores it and returns the decoded one.
    pub(super) fn code(
        &mut self,
        coder: &mut impl BitCoder,
        difference: i32,
        contexts: &SampleContexts,
    ) -> i32 {
        let magnitude = difference.unsigned_abs();
        let (token, _) = token(magnitude);
        // Nodes 1 to 15, the first four token bits, share the first cache line of a context value and are
        // needed at once. Nodes 16 to 31, the fifth bit, are in the second line: ask for it while the first
        // is in use.
        for (table, context) in self.tables.iter().zip(contexts.values) {
            prefetch(table, context * (NODES / LINE) + 1);
        }
        let mut node = 1;
        for level in (0..self.levels).rev() {
            let bit = self.bit(coder, token >> level & 1 != 0, node, contexts);
            node = node * 2 + usize::from(bit);
        }
        let token = node as u32 - (1 << self.levels);
        let magnitude = self.rest(coder, token, magnitude, contexts);
        if magnitude == 0 {
            return 0;
        }
        let negative = self.bit(coder, difference < 0, SIGN, contexts);
        if negative { -(magnitude as i32) } else { magnitude as i32 }
    }

    /// Codes the bits of a magnitude that its token leaves open, and returns the magnitude.
    fn rest(
        &mut self,
        coder: &mut impl BitCoder,
        token: u32,
        magnitude: u32,
        contexts: &SampleContexts,
    ) -> u32 {
        let (base, bits) = token_range(token);
        let rest = magnitude.wrapping_sub(base);
        let mut value = 0;
        for level in (0..bits).rev() {
            let bit = rest >> level & 1 != 0;
            // The distribution falls inside a token, too. That skews its first open bit most, so that one is
            // mixed.
            let bit = if level + 1 == bits {
                self.bit(coder, bit, OPEN + token as usize, contexts)
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

    /// Codes the decision at `node` with mixed probabilities, and updates everything that predicted it.
    #[inline]
    fn bit(&mut self, coder: &mut impl BitCoder, bit: bool, node: usize, contexts: &SampleContexts) -> bool {
        let node = node & (NODES - 1);
        let mut inputs = [0; INPUTS];
        let places: [usize; INPUTS] = std::array::from_fn(|i| contexts.values[i] * NODES + node);
        for ((input, table), place) in inputs.iter_mut().zip(&self.tables).zip(places) {
            *input = stretch(table[place / LINE].0[place % LINE].one() as u16);
        }
        let mixers = self.mixers.iter_mut().zip(contexts.sets);
        let sum: i32 = mixers.map(|(mixer, set)| mixer.mix(&inputs, set * NODES + node)).sum();
        let (mixed, set) = (sum / MIXERS as i32, contexts.sets[0] * NODES + node);
        // Half of the probability is refined, as in lpaq's last stage: a refinement context that has seen
        // little cannot do much harm.
        let plain = u32::from(squash(mixed));
        let refined = u32::from(self.refinement.refine(mixed, set));
        let bit = coder.code(bit, ((plain + refined) / 2).clamp(1, 65_535));
        self.refinement.update(bit, 6);
        for mixer in &mut self.mixers {
            mixer.update(&inputs, bit, RATE, EXTRA_RATE);
        }
        for (table, place) in self.tables.iter_mut().zip(places) {
            table[place / LINE].0[place % LINE].update(bit, LIMIT);
        }
        bit
    }
}

/// The token of a magnitude, and the number of bits that it leaves open.
///
/// Below [`EXACT`] the token is the magnitude. Above, with magnitude = 2^e + ..., the token holds e and the
/// two bits below the leading one, and e - 2 bits stay open.
fn token(magnitude: u32) -> (u32, u32) {
    if magnitude < EXACT {
        return (magnitude, 0);
    }
    let octave = magnitude.ilog2() - 3;
    let bits = octave + 1;
    (EXACT + octave * 4 + (magnitude >> bits & 3), bits)
}

/// The least magnitude of a token, and the number of bits that it leaves open.
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
