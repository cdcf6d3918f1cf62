//! Seed expansions among random bytes, at a known density: the hits that a seed search should find.
//!
//! The stream is a sequence of spans of `arity` blocks. With probability `density` / 1000 a span is the
//! expansion of a seed of `seed_len` random bytes; otherwise it is random. The expansion of a seed is H1 | H2
//! | ... with H1 = SHA-256(seed) and H(i+1) = SHA-256(H(i)), cut to the length of the span.

use lab_codec::Param;
use sha2::{Digest as _, Sha256};

use super::{Generator, Pieces, Prng, Values};

pub(super) struct PlantedSeeds;

const BLOCK_SIZE: Param = Param::int("block_size", 1, 64, 3, "bytes of a block");
const DENSITY: Param = Param::int("density", 0, 1000, 500, "expansions per 1000 spans");
const ARITY: Param = Param::int("arity", 1, 64, 1, "blocks of a span");
const SEED_LEN: Param = Param::int("seed_len", 1, 3, 2, "bytes of a seed");
static PARAMS: [Param; 4] = [BLOCK_SIZE, DENSITY, ARITY, SEED_LEN];

impl Generator for PlantedSeeds {
    fn name(&self) -> &'static str {
        "planted-seeds"
    }

    fn summary(&self) -> &'static str {
        "random blocks, and among them SHA-256 expansions of short seeds"
    }

    fn params(&self) -> &'static [Param] {
        &PARAMS
    }

    fn start(&self, seed: u64, values: &Values) -> Box<dyn Pieces> {
        // The declared ranges are small and not negative.
        let value = |param| values.int(param) as usize;
        Box::new(Stream {
            prng: Prng::new(seed),
            place: value(&BLOCK_SIZE) * value(&ARITY),
            density: value(&DENSITY),
            seed_len: value(&SEED_LEN),
            piece: Vec::new(),
        })
    }
}

/// Minimum bytes of a piece; it holds whole spans.
const PIECE_BYTES: usize = 1 << 16;

struct Stream {
    prng: Prng,
    /// Bytes of a span.
    place: usize,
    density: usize,
    seed_len: usize,
    piece: Vec<u8>,
}

impl Pieces for Stream {
    fn next(&mut self) -> &[u8] {
        self.piece.clear();
        while self.piece.len() < PIECE_BYTES {
            let end = self.piece.len() + self.place;
            if self.prng.below(1000) < self.density {
                let seed = self.prng.bits().to_le_bytes();
                let mut state = Sha256::digest(&seed[..self.seed_len]);
                while self.piece.len() < end {
                    let length = state.len().min(end - self.piece.len());
                    self.piece.extend_from_slice(&state[..length]);
                    state = Sha256::digest(state);
                }
            } else {
                while self.piece.len() < end {
                    let bytes = self.prng.bits().to_le_bytes();
                    let length = bytes.len().min(end - self.piece.len());
                    self.piece.extend_from_slice(&bytes[..length]);
                }
            }
        }
        &self.piece
    }
}
