//! Zero bytes, the most compressible input.

use super::{Generator, Pieces, Values};

pub(super) struct Zeros;

impl Generator for Zeros {
    fn name(&self) -> &'static str {
        "zeros"
    }

    fn summary(&self) -> &'static str {
        "zero bytes (the same for every seed)"
    }

    fn start(&self, _: u64, _: &Values) -> Box<dyn Pieces> {
        Box::new(Stream(vec![0; 1 << 16]))
    }
}

struct Stream(Vec<u8>);

impl Pieces for Stream {
    fn next(&mut self) -> &[u8] {
        &self.0
    }
}
