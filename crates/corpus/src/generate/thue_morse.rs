//! The Thue-Morse word: highly regular but cube-free, that is, no factor occurs three times in a row.

use super::morphism::{FixedPoint, Morphism};
use super::{Generator, Pieces, Values};

pub(super) struct ThueMorse;

/// a -> ab, b -> ba (OEIS A010060).
const MORPHISM: Morphism = Morphism { rules: &[&[0, 1], &[1, 0]], bytes: &[b"a", b"b"] };

impl Generator for ThueMorse {
    fn name(&self) -> &'static str {
        "thue-morse"
    }

    fn summary(&self) -> &'static str {
        "the Thue-Morse word abbabaab...: regular without cubes (the same for every seed)"
    }

    fn start(&self, _: u64, _: &Values) -> Box<dyn Pieces> {
        Box::new(FixedPoint::new(&MORPHISM))
    }
}
