//! Mixing predictions of a bit: a [`Mixer`] weighs several of them, a [`Refinement`] corrects one by what it has meant.
//!
//! Both are those of PAQ and lpaq (Mahoney 2002 to 2007: "Adaptive weighing of context models for lossless data
//! compression", and the APM stages of the programs), in whole numbers throughout: the same on every machine.

use crate::logistic::{MOST, squash};
use crate::prefetch::prefetch;

/// The weight 1 of a [`Mixer`].
pub const ONE: i16 = 1 << 14;

/// Weights for `N` predictions, in many sets of which the context chooses one.
pub struct Mixer<const N: usize> {
    sets: Vec<Set<N>>,
    chosen: usize,
    /// What was predicted.
    one: i32,
}

#[derive(Clone)]
struct Set<const N: usize> {
    weights: [i16; N],
    /// Updates, up to 255.
    seen: u8,
}

impl<const N: usize> Mixer<N> {
    /// A mixer of `sets` sets, all `weights` (in units of 1/[`ONE`]) at first.
    pub fn new(sets: usize, weight: i16) -> Self {
        Self { sets: vec![Set { weights: [weight; N], seen: 0 }; sets], chosen: 0, one: 0 }
    }

    /// The sum of `inputs`, weighed by the set `chosen`; inputs and sum are in the logistic domain.
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

    /// Moves the weights that were used towards those that would have predicted `bit` better: down the gradient of
    /// its cost, by `rate / 2^22` of it, at first by up to `extra` more (at most 1024 in all).
    #[inline]
    pub fn update(&mut self, inputs: &[i16; N], bit: bool, rate: i32, extra: i32) {
        let set = &mut self.sets[self.chosen];
        let seen = i32::from(set.seen);
        // Mostly there is nothing to divide.
        let rate = if seen < extra { rate + extra / (1 + seen) } else { rate };
        set.seen += u8::from(set.seen < u8::MAX);
        let error = ((((i32::from(bit) << 16) - self.one) * rate) >> 6).clamp(-32_767, 32_767);
        for (weight, &input) in set.weights.iter_mut().zip(inputs) {
            let step = (i32::from(input) * error + (1 << 15)) >> 16;
            *weight = weight.saturating_add(step as i16);
        }
    }
}

/// How many points of the domain a [`Refinement`] knows in each context.
const POINTS: usize = 33;

/// Adaptive maps from a prediction to a better one, by context.
pub struct Refinement {
    points: Vec<u16>,
    /// The nearer of the points last used.
    nearer: usize,
}

impl Refinement {
    /// Maps for `contexts` contexts, which change nothing at first.
    pub fn new(contexts: usize) -> Self {
        let map = std::array::from_fn::<u16, POINTS, _>(|i| squash((i as i32 - 16) * 128));
        Self { points: map.repeat(contexts), nearer: 0 }
    }

    /// Asks for the memory of a context, which will be asked for soon.
    #[inline]
    pub fn touch(&self, context: usize) {
        // 66 bytes: two lines, or seldom three.
        prefetch(&self.points, context * POINTS + 8);
        prefetch(&self.points, context * POINTS + POINTS - 8);
    }

    /// The probability that `x` of the logistic domain stands for in a context.
    #[inline]
    pub fn refine(&mut self, x: i32, context: usize) -> u16 {
        let x = (x.clamp(-MOST, MOST) + 2048) as usize;
        let (point, part) = (context * POINTS + (x >> 7), (x & 127) as u32);
        self.nearer = point + usize::from(part >= 64);
        let (below, above) = (u32::from(self.points[point]), u32::from(self.points[point + 1]));
        ((below * (128 - part) + above * part) >> 7) as u16
    }

    /// Moves the point that was nearer by `1 / 2^rate` of the way.
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
    fn a_mixer_finds_out_whom_to_trust() {
        let mut mixer = Mixer::<8>::new(2, ONE / 4);
        let mut inputs = [0; 8];
        let mut state = 1u32;
        let mut right = 0;
        for i in 0..4000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let bit = state >> 31 != 0;
            for (j, input) in inputs.iter_mut().enumerate() {
                // The third knows, the others guess.
                let guess = if j == 2 { bit } else { state >> j & 1 != 0 };
                *input = if guess { 700 } else { -700 };
            }
            let x = mixer.mix(&inputs, 1);
            right += usize::from(i >= 1000 && (x > 0) == bit && x.abs() > 500);
            mixer.update(&inputs, bit, 14, 20);
        }
        assert!(right > 2950, "{right}");
        // The other set has learnt nothing.
        assert_eq!(mixer.mix(&[100; 8], 0), 200);
    }

    #[test]
    fn a_refinement_starts_from_what_it_is_given_and_learns() {
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
        fn no_inputs_overflow(steps in proptest::collection::vec((any::<[i16; 8]>(), any::<bool>()), 0..300)) {
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
