//! Expansions of short seeds among random bytes: what a seed search can find, at a known density.
//!
//! The stream is a sequence of places of `arity` blocks. A place holds, with the chance `density` / 1000, the
//! expansion of a seed of `seed_len` random bytes, and random bytes otherwise. The expansion of a seed is H1 | H2 | ...
//! with H1 = SHA-256(seed) and H(i+1) = SHA-256(H(i)), cut to the length of the place.

use lab_codec::Param;
use sha2::{Digest as _, Sha256};

use super::{Generator, Pieces, Prng, Values};

pub struct PlantedSeeds;

const BLOCK_SIZE: Param = Param::int("block_size", 1, 64, 3, "bytes of a block");
const DENSITY: Param = Param::int("density", 0, 1000, 500, "expansions in 1000 places");
const ARITY: Param = Param::int("arity", 1, 64, 1, "blocks of a place");
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
        // All values are small and not negative: their ranges say so.
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

/// Places are put together until a piece has this many bytes.
const PIECE: usize = 1 << 16;

struct Stream {
    prng: Prng,
    /// Bytes of a place.
    place: usize,
    density: usize,
    seed_len: usize,
    piece: Vec<u8>,
}

impl Pieces for Stream {
    fn next(&mut self) -> &[u8] {
        self.piece.clear();
        while self.piece.len() < PIECE {
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
