//! Mixing of predictions of a bit: a [`Mixer`] weighs several; a [`Refinement`] maps one to the frequency
//! with which it came true in its context.
//!
//! Both come from PAQ and lpaq (Mahoney 2002 to 2007: "Adaptive weighing of context models for lossless data
//! compression", and the APM stages of the programs). All arithmetic is integer, so every machine gets the
//! same bits.

use crate::logistic::{MOST, squash};
use crate::prefetch::prefetch;

/// The weight 1 of a [`Mixer`].
pub const ONE: i16 = 1 << 14;

/// A gated linear mixer of `N` predictions: the context selects one of several weight sets.
pub struct Mixer<const N: usize> {
    sets: Vec<Set<N>>,
    chosen: usize,
    /// The probability predicted last, in units of 2^-16; the update needs its error.
    one: i32,
}

#[derive(Clone)]
struct Set<const N: usize> {
    weights: [i16; N],
    /// Number of updates, up to 255.
    seen: u8,
}

impl<const N: usize> Mixer<N> {
    /// A mixer of `sets` weight sets, in which every weight begins as `weight`, in units of 1/[`ONE`].
    pub fn new(sets: usize, weight: i16) -> Self {
        Self { sets: vec![Set { weights: [weight; N], seen: 0 }; sets], chosen: 0, one: 0 }
    }

    /// The weighted sum of `inputs` by the set `chosen`; inputs and sum are in the logistic domain. An `i32`
    /// holds it for up to 32 inputs: 32 * 2^15 * 2^11 = 2^31.
    #[inline]
    pub fn mix(&mut self, inputs: &[i16; N], chosen: usize) -> i32 {
        self.chosen = chosen;
        let mut sum = 0;
        for (&weight, &input) in self.sets[chosen].weights.iter().zip(inputs) {
            sum += i32::from(weight) * i32::from(input);
        }
        let sum = (sum >> 14).clamp(-MOST, MOST);
        self.one = i32::from(squash(sum));
        sum
    }

    /// Moves the chosen weights down the gradient of the coding cost of `bit`, which is error times input: by
    /// `rate / 2^22` of it. `extra` speeds up new sets, falling as 1/n. `rate + extra` is at most 1024.
    #[inline]
    pub fn update(&mut self, inputs: &[i16; N], bit: bool, rate: i32, extra: i32) {
        let set = &mut self.sets[self.chosen];
        let seen = i32::from(set.seen);
        // extra / (1 + seen) is 0 once seen reaches extra: the test saves nearly every division.
        let rate = if seen < extra { rate + extra / (1 + seen) } else { rate };
        set.seen += u8::from(set.seen < u8::MAX);
        // The error is within 2^16 and the rate within 2^10, so the product fits into 32 bits. Clamped, so
        // does the product with an input.
        let error = ((((i32::from(bit) << 16) - self.one) * rate) >> 6).clamp(-32_767, 32_767);
        for (weight, &input) in set.weights.iter_mut().zip(inputs) {
            // Rounded to the nearest: rounding down would drift all weights towards negative values.
            let step = (i32::from(input) * error + (1 << 15)) >> 16;
            *weight = weight.saturating_add(step as i16);
        }
    }
}

/// Points of the domain that a [`Refinement`] adapts in each context: one every 128 units, both ends
/// included.
const POINTS: usize = 33;

/// Adaptive maps from a prediction to a probability, by context (adaptive probability map, secondary symbol
/// estimation).
pub struct Refinement {
    points: Vec<u16>,
    /// The nearer of the two points last interpolated, which the update moves.
    nearer: usize,
}

impl Refinement {
    /// Maps for `contexts` contexts, all of which begin as [`squash`].
    pub fn new(contexts: usize) -> Self {
        let map = std::array::from_fn::<u16, POINTS, _>(|i| squash((i as i32 - 16) * 128));
        Self { points: map.repeat(contexts), nearer: 0 }
    }

    /// Prefetches the map of a context that will be used soon.
    #[inline]
    pub fn touch(&self, context: usize) {
        // A map is 66 bytes at an even address, so it lies in two cache lines. These are the lines of points
        // 8 and 25: a line that holds none but the outermost points is left out.
        prefetch(&self.points, context * POINTS + 8);
        prefetch(&self.points, context * POINTS + POINTS - 8);
    }

    /// The probability of `x`, a prediction in the logistic domain, in a context: interpolated between two
    /// points.
    #[inline]
    pub fn refine(&mut self, x: i32, context: usize) -> u16 {
        let x = (x.clamp(-MOST, MOST) + 2048) as usize;
        let (point, part) = (context * POINTS + (x >> 7), (x & 127) as u32);
        self.nearer = point + usize::from(part >= 64);
        let (below, above) = (u32::from(self.points[point]), u32::from(self.points[point + 1]));
        ((below * (128 - part) + above * part) >> 7) as u16
    }

    /// Moves the nearer point towards `bit` by `1 / 2^rate` of the distance.
    #[inline]
    pub fn update(&mut self, bit: bool, rate: u32) {
        let one = &mut self.points[self.nearer];
        if bit {
            *one += (u16::MAX - *one) >> rate;
        } else {
            *one -= *one >> rate;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_mixer_learns_which_input_is_right() {
        let mut mixer = Mixer::<8>::new(2, ONE / 4);
        let mut inputs = [0; 8];
        let mut state = 1u32;
        let mut right = 0;
        for i in 0..4000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let bit = state >> 31 != 0;
            for (j, input) in inputs.iter_mut().enumerate() {
                // The third input is always right, the others are random.
                let guess = if j == 2 { bit } else { state >> j & 1 != 0 };
                *input = if guess { 700 } else { -700 };
            }
            let x = mixer.mix(&inputs, 1);
            right += usize::from(i >= 1000 && (x > 0) == bit && x.abs() > 500);
            mixer.update(&inputs, bit, 14, 20);
        }
        assert!(right > 2950, "{right}");
        // The other set is unchanged.
        assert_eq!(mixer.mix(&[100; 8], 0), 200);
    }

    #[test]
    fn a_refinement_starts_as_squash_and_learns() {
        let mut refinement = Refinement::new(3);
        for x in -MOST..=MOST {
            let (given, refined) = (i32::from(squash(x)), i32::from(refinement.refine(x, 1)));
            assert!((given - refined).abs() <= 1 + given.min(65_536 - given) / 50, "{x}");
        }
        for _ in 0..1000 {
            refinement.refine(300, 2);
            refinement.update(false, 6);
        }
        assert!(refinement.refine(300, 2) < 20_000);
        assert!(refinement.refine(300, 1) > 40_000);
    }

    proptest! {
        #[test]
        fn no_inputs_overflow(
            steps in proptest::collection::vec((any::<[i16; 8]>(), any::<bool>()), 0..300),
        ) {
            let mut mixer = Mixer::<8>::new(1, i16::MAX);
            let mut refinement = Refinement::new(1);
            for (inputs, bit) in steps {
                let inputs = inputs.map(|x| x.clamp(-2047, 2047));
                let x = mixer.mix(&inputs, 0);
                prop_assert!((-MOST..=MOST).contains(&x));
                mixer.update(&inputs, bit, 14, 20);
                refinement.refine(x, 0);
                refinement.update(bit, 6);
            }
        }
    }
}
