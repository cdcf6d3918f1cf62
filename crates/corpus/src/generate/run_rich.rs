//! A word with nearly the maximum number of runs (maximal repetitions).
//!
//! J. Simpson, "Modified Padovan words and the maximum number of runs in a word", Australasian Journal of
//! Combinatorics 46 (2010): with f(a) = aacab, f(b) = acab, f(c) = ac and R the reversal, the words
//! p(n) = R(f(p(n-5))), coded by h below, have 0.9446 runs per letter in the limit. Two such steps are one
//! morphism without a reversal, R(f(R(f(w)))) = g(w), and g has a fixed point that begins with b.

use super::morphism::{FixedPoint, Morphism};
use super::{Generator, Pieces, Values};

pub(super) struct RunRich;

/// g, with the letters b, a, c as 0, 1, 2: each letter of f(x) replaced by its image under f, reversed.
const MORPHISM: Morphism = Morphism {
    rules: &[
        &[0, 1, 2, 1, 1, 2, 1, 0, 1, 2, 1, 1, 0, 1, 2, 1],
        &[0, 1, 2, 1, 1, 0, 1, 2, 1, 1, 2, 1, 0, 1, 2, 1, 1, 0, 1, 2, 1],
        &[0, 1, 2, 1, 1, 2, 1],
    ],
    bytes: &[b"1010010110100", b"101001011001010010110100", b"10100101"],
};

impl Generator for RunRich {
    fn name(&self) -> &'static str {
        "run-rich"
    }

    fn summary(&self) -> &'static str {
        "a binary word with 0.94 runs per byte: repeats of every length (the same for every seed)"
    }

    fn start(&self, _: u64, _: &Values) -> Box<dyn Pieces> {
        Box::new(FixedPoint::new(&MORPHISM))
    }
}
