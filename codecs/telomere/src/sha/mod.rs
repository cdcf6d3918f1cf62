//! SHA-256 of very many, very short messages: the search is nothing else.
//!
//! Several routes compute the same digests; which is fastest depends on the processor, so [`Route::fastest`] measures
//! those that are there, once per process. The digests do not depend on it.

mod kernel;
mod routes;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub use routes::Route;

/// The longest message: it fits into the first two words of a block.
pub const MAX_MESSAGE: usize = 8;

/// How many messages a trial hashes, and how many trials each route has.
const TRIAL: usize = 2048;
const TRIALS: usize = 5;

impl Route {
    /// The first eight bytes, as a big-endian number, of SHA-256 of every message. A message is a big-endian number,
    /// too, that holds `length` bytes in its upper end and zeros below.
    ///
    /// # Panics
    /// Where `length` exceeds [`MAX_MESSAGE`] or `out` is not as long as `messages`.
    pub fn heads(self, messages: &[u64], length: usize, out: &mut [u64]) {
        assert!(length <= MAX_MESSAGE && messages.len() == out.len());
        routes::run(self, messages, Padding::of(length), out);
    }

    /// The route that was fastest on this machine when it was first asked for.
    pub fn fastest() -> Self {
        static FASTEST: OnceLock<Route> = OnceLock::new();
        *FASTEST.get_or_init(|| {
            let messages: Vec<u64> = (0..TRIAL as u64).map(|i| i << 40).collect();
            let mut out = vec![0; TRIAL];
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

    /// The routes that this processor has.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|route| routes::is_available(*route))
    }
}

/// What follows a message of a given length in its block.
#[derive(Debug, Clone, Copy)]
struct Padding {
    /// The mark behind the message, in its first two words.
    mark: u64,
    /// Word 2: the mark again, where the message fills both words.
    word2: u32,
    /// The length in bits.
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
