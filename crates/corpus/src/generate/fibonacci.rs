//! The Fibonacci word, a best case for grammars and run-length coded transforms.

use super::morphism::{FixedPoint, Morphism};
use super::{Generator, Pieces, Values};

pub(super) struct Fibonacci;

/// a -> ab, b -> a (OEIS A003849).
const MORPHISM: Morphism = Morphism { rules: &[&[0, 1], &[0]], bytes: &[b"a", b"b"] };

impl Generator for Fibonacci {
    fn name(&self) -> &'static str {
        "fibonacci"
    }

    fn summary(&self) -> &'static str {
        "the Fibonacci word abaababa...: a grammar of logarithmic size (the same for every seed)"
    }

    fn start(&self, _: u64, _: &Values) -> Box<dyn Pieces> {
        Box::new(FixedPoint::new(&MORPHISM))
    }
}
