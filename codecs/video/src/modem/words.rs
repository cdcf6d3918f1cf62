//! From payload to the coded bytes of a frame and back: checksum, interleaved Reed-Solomon words, whitening.
//!
//! `n` coded bytes hold `w = ceil(n / 255)` words. Word `i` has the bytes at `i`, `i + w`, `i + 2 w` and so on,
//! its last ones are its parity. So the first `n - w * parity` bytes are the message: payload, zeros up to
//! the capacity, and CRC32C of both. A disturbed spot of the picture falls on many words.

use super::reed_solomon::{MAX_WORD, ReedSolomon};
use crate::splitmix::splitmix64;

/// The seed of the frame keys: `lab modm` in ASCII, big-endian.
const FRAME_SEED: u64 = 0x6C61_6220_6D6F_646D;

/// Bytes of the checksum behind the payload.
const CHECKSUM: usize = 4;

/// How the words of a frame are laid out.
#[derive(Debug, Clone)]
pub struct Words {
    code: ReedSolomon,
    coded: usize,
    words: usize,
}

/// How close to failing a frame was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Margin {
    /// Parity bytes of a word: two for each wrong byte, one for each erased byte.
    pub parity: usize,
    /// Parity bytes that the worst word needed; more than `parity` where it could not be put right.
    pub worst: usize,
    /// Wrong bytes in all words that could be put right.
    pub corrected: usize,
    /// Words.
    pub words: usize,
    /// Words that could not be put right.
    pub lost: usize,
}

impl Words {
    /// A layout of `coded` bytes in words with `parity` bytes of parity; `None` where nothing would be left for
    /// payload.
    pub fn new(coded: usize, parity: usize) -> Option<Self> {
        let words = coded.div_ceil(MAX_WORD).max(1);
        let fits = (1..MAX_WORD).contains(&parity) && coded > words * parity + CHECKSUM;
        fits.then(|| Self { code: ReedSolomon::new(parity), coded, words })
    }

    /// Coded bytes.
    pub fn coded(&self) -> usize {
        self.coded
    }

    /// Parity bytes of a word.
    pub fn parity(&self) -> usize {
        self.code.parity()
    }

    /// Payload bytes.
    pub fn capacity(&self) -> usize {
        self.message() - CHECKSUM
    }

    fn message(&self) -> usize {
        self.coded - self.words * self.parity()
    }

    /// The whitened words of `payload`, at most as long as the capacity, for frame number `frame`.
    pub fn encode(&self, frame: u32, payload: &[u8]) -> Vec<u8> {
        let mut coded = vec![0; self.coded];
        let capacity = self.capacity();
        coded[..payload.len()].copy_from_slice(payload);
        let crc = crc32c::crc32c(&coded[..capacity]);
        coded[capacity..capacity + CHECKSUM].copy_from_slice(&crc.to_le_bytes());
        let (message, parity) = coded.split_at_mut(capacity + CHECKSUM);
        let mut column = [0; MAX_WORD];
        let column = &mut column[..self.code.parity()];
        for word in 0..self.words {
            self.code.encode(message.iter().skip(word).step_by(self.words).copied(), column);
            // The word goes on behind its last byte of the message.
            let first = (word + self.words - message.len() % self.words) % self.words;
            for (place, &byte) in parity.iter_mut().skip(first).step_by(self.words).zip(&*column) {
                *place = byte;
            }
        }
        whiten(frame, &mut coded);
        coded
    }

    /// The payload, as long as the capacity, of `coded` bytes; `erased` says which of them are not known. `None` where
    /// a word could not be put right or the checksum is wrong.
    pub fn decode(&self, frame: u32, coded: &mut [u8], erased: &[bool]) -> (Option<Vec<u8>>, Margin) {
        let mut margin = Margin { parity: self.parity(), words: self.words, ..Margin::default() };
        if coded.len() != self.coded || erased.len() != self.coded {
            margin.lost = self.words;
            return (None, margin);
        }
        whiten(frame, coded);
        let mut bytes = Vec::with_capacity(MAX_WORD);
        let mut places = Vec::with_capacity(MAX_WORD);
        for word in 0..self.words {
            let word_of = || (word..self.coded).step_by(self.words);
            bytes.clear();
            places.clear();
            bytes.extend(word_of().map(|at| coded[at]));
            places.extend((0..=u8::MAX).zip(word_of()).filter(|&(_, at)| erased[at]).map(|(i, _)| i));
            let before = bytes.clone();
            let Some(corrected) = self.code.decode(&mut bytes, &places) else {
                margin.lost += 1;
                margin.worst = margin.worst.max(margin.parity + 1);
                continue;
            };
            let wrong = before.iter().zip(&bytes).zip(word_of());
            let errors = wrong.filter(|&((a, b), at)| a != b && !erased[at]).count();
            margin.worst = margin.worst.max(2 * errors + places.len());
            margin.corrected += corrected;
            if corrected > 0 {
                for (at, &byte) in word_of().zip(&bytes) {
                    coded[at] = byte;
                }
            }
        }
        let (payload, rest) = coded.split_at(self.capacity());
        let right = margin.lost == 0 && rest.starts_with(&crc32c::crc32c(payload).to_le_bytes());
        (right.then(|| payload.to_vec()), margin)
    }
}

/// Combines `bytes` with the whitening sequence of `frame`: number `i`, from 1, of splitmix64 from the frame's key,
/// little-endian, on the `i`-th eight bytes. Applied twice it leaves everything as it was.
pub fn whiten(frame: u32, bytes: &mut [u8]) {
    let key = splitmix64(FRAME_SEED, u64::from(frame) + 1);
    for (i, bytes) in (1..).zip(bytes.chunks_mut(8)) {
        for (byte, k) in bytes.iter_mut().zip(splitmix64(key, i).to_le_bytes()) {
            *byte ^= k;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn payload_survives_erasures_and_errors(
            coded in 60usize..3000, parity in 2usize..40, frame: u32, seed: u64, fill in 0f64..1.0,
        ) {
            let words = Words::new(coded, parity).unwrap();
            let random = |i: usize| splitmix64(seed, i as u64);
            let payload: Vec<u8> =
                (0..(fill * words.capacity() as f64) as usize).map(|i| random(i) as u8).collect();
            let mut bytes = words.encode(frame, &payload);
            prop_assert_eq!(bytes.len(), coded);
            // One stretch: it falls on all words alike.
            let stretch = words.words * (parity / 2);
            let from = random(9) as usize % (coded - stretch + 1);
            for byte in &mut bytes[from..from + stretch] { *byte ^= 0x5A; }
            let mut erased = vec![false; coded];
            if seed % 2 == 0 { erased[from..from + stretch].fill(true); }
            let (back, margin) = words.decode(frame, &mut bytes, &erased);
            let back = back.unwrap();
            prop_assert_eq!(&back[..payload.len()], &payload[..]);
            prop_assert!(back[payload.len()..].iter().all(|&b| b == 0));
            prop_assert_eq!(margin.corrected, stretch);
            prop_assert_eq!(margin.worst, if seed % 2 == 0 { parity / 2 } else { parity / 2 * 2 });
        }
    }

    #[test]
    fn too_many_errors_and_another_frame_are_seen() {
        let words = Words::new(1000, 20).unwrap();
        let bytes = words.encode(7, b"payload");
        let mut broken = bytes.clone();
        broken[..200].fill(0);
        let (payload, margin) = words.decode(7, &mut broken, &[false; 1000]);
        assert_eq!((payload, margin.lost, margin.worst), (None, 4, 21));
        assert_eq!(words.decode(8, &mut bytes.clone(), &[false; 1000]).0, None);
        assert_eq!(words.decode(7, &mut [], &[]).0, None);
        assert!(Words::new(24, 20).is_none() && Words::new(25, 20).is_some());
    }
}
