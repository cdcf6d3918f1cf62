//! SHA-256 of many short messages: the search spends nearly all its time here.
//!
//! Several routes compute the same digests. The fastest depends on the processor, so [`Route::fastest`]
//! measures the available ones once per process. Digests, and so encoded bytes, do not depend on the choice.

mod kernel;
mod routes;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub use routes::Route;

/// Longest message in bytes: it fits into the first two words of a block.
pub const MAX_MESSAGE: usize = 8;

/// Messages hashed in one trial, and trials of each route. The best of five counts: other load only slows a
/// trial down.
const TRIAL_MESSAGES: usize = 2048;
const TRIALS: usize = 5;

impl Route {
    /// The head of each message: the first eight bytes of its SHA-256 as a big-endian number. A message is a
    /// number, too, with `length` bytes at its upper end and zeros below.
    ///
    /// # Panics
    /// If `length` exceeds [`MAX_MESSAGE`], or `out` and `messages` differ in length.
    pub fn heads(self, messages: &[u64], length: usize, out: &mut [u64]) {
        assert!(length <= MAX_MESSAGE && messages.len() == out.len());
        routes::run(self, messages, Padding::of(length), out);
    }

    /// The fastest route of this machine, measured on the first call.
    pub fn fastest() -> Self {
        static FASTEST: OnceLock<Route> = OnceLock::new();
        *FASTEST.get_or_init(|| {
            let messages: Vec<u64> = (0..TRIAL_MESSAGES as u64).map(|i| i << 40).collect();
            let mut out = vec![0; TRIAL_MESSAGES];
            let mut trial = |route: &Route| {
                let mut least = Duration::MAX;
                for _ in 0..TRIALS {
                    let start = Instant::now();
                    route.heads(&messages, 3, &mut out);
                    std::hint::black_box(&mut out);
                    least = least.min(start.elapsed());
                }
                least
            };
            Route::available().min_by_key(|route| trial(route)).unwrap_or(Route::Lanes)
        })
    }

    /// The routes that this processor supports.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|route| routes::is_available(*route))
    }
}

/// The padding of a message of a given length (FIPS 180-4, section 5.1.1).
#[derive(Debug, Clone, Copy)]
struct Padding {
    /// The bit 1 behind the message, where that lies in the first two words.
    mark: u64,
    /// Word 2: holds the bit 1 where the message fills both words.
    word2: u32,
    /// The message length in bits.
    bits: u32,
}

impl Padding {
    fn of(length: usize) -> Self {
        let bits = length as u32 * 8;
        if length == MAX_MESSAGE {
            Self { mark: 0, word2: 0x8000_0000, bits }
        } else {
            Self { mark: 0x8000_0000_0000_0000 >> bits, word2: 0, bits }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest as _, Sha256};

    fn oracle(message: u64, length: usize) -> u64 {
        let digest = Sha256::digest(&message.to_be_bytes()[..length]);
        u64::from_be_bytes(digest[..8].try_into().unwrap())
    }

    /// Every message of one and two bytes by every route.
    #[test]
    fn all_short_seeds() {
        for length in [1, 2] {
            let messages: Vec<u64> = (0..1_u64 << (8 * length)).map(|v| v << (64 - 8 * length)).collect();
            let expected: Vec<u64> = messages.iter().map(|m| oracle(*m, length)).collect();
            for route in Route::available() {
                let mut out = vec![0; messages.len()];
                route.heads(&messages, length, &mut out);
                assert!(out == expected, "{route:?}, {length} bytes");
            }
        }
    }

    /// Every length, and every number of messages around the widths of the routes.
    #[test]
    fn all_lengths_and_rests() {
        for length in 0..=MAX_MESSAGE {
            for count in (0..=70).chain([1000]) {
                let message = |i: u64| {
                    let bits = (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                    if length == 0 { 0 } else { bits >> (64 - 8 * length) << (64 - 8 * length) }
                };
                let messages: Vec<u64> = (0..count).map(message).collect();
                let expected: Vec<u64> = messages.iter().map(|m| oracle(*m, length)).collect();
                for route in Route::available() {
                    let mut out = vec![0; messages.len()];
                    route.heads(&messages, length, &mut out);
                    assert!(out == expected, "{route:?}, {count} of {length} bytes");
                }
            }
        }
    }

    #[test]
    fn the_choice_is_one_of_those_there_are() {
        assert!(Route::available().any(|route| route == Route::fastest()));
        assert!(Route::available().any(|route| route == Route::Scalar));
    }
}
