//! Random bytes, which are incompressible.

use super::{Generator, Pieces, Prng, Values};

pub(super) struct Random;

impl Generator for Random {
    fn name(&self) -> &'static str {
        "random"
    }

    fn summary(&self) -> &'static str {
        "uniformly random bytes: incompressible"
    }

    fn start(&self, seed: u64, _: &Values) -> Box<dyn Pieces> {
        Box::new(Stream { prng: Prng::new(seed), piece: vec![0; 1 << 16] })
    }
}

struct Stream {
    prng: Prng,
    piece: Vec<u8>,
}

impl Pieces for Stream {
    fn next(&mut self) -> &[u8] {
        for word in self.piece.chunks_exact_mut(8) {
            word.copy_from_slice(&self.prng.bits().to_le_bytes());
        }
        &self.piece
    }
}
