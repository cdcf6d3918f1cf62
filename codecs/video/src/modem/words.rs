//! From payload to the coded bytes of a frame and back: checksum, interleaved Reed-Solomon words, whitening.
//!
//! `n` coded bytes hold `w = ceil(n / 255)` words. Word `i` has the bytes at `i`, `i + w`, `i + 2 w` and so on,
//! its last ones are its parity. So the first `n - w * parity` bytes are the message: payload, zeros up to
//! the capacity, and CRC32C of both. The bytes are then shuffled: a disturbed spot, row or column of
//! the picture falls on all words alike.

use super::reed_solomon::{MAX_WORD, ReedSolomon};
use crate::splitmix::splitmix64;

/// The seed of the frame keys: `lab modm` in ASCII, big-endian.
const FRAME_SEED: u64 = 0x6C61_6220_6D6F_646D;

/// The seed of the places: `lab shuf` in ASCII, big-endian.
const SHUFFLE_SEED: u64 = 0x6C61_6220_7368_7566;

/// Parity bytes that are not given to bytes that are merely not sure: with as many erased bytes as parity bytes, any word
/// would do.
const CHECKS: usize = 8;

/// Bytes of the checksum behind the payload.
const CHECKSUM: usize = 4;

/// How the words of a frame are laid out.
#[derive(Debug, Clone)]
pub struct Words {
    code: ReedSolomon,
    coded: usize,
    words: usize,
    /// Where each byte is in the picture.
    places: Vec<u32>,
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
        fits.then(|| Self { code: ReedSolomon::new(parity), coded, words, places: shuffled(coded) })
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
        let mut placed = vec![0; self.coded];
        for (byte, &place) in coded.into_iter().zip(&self.places) {
            placed[place as usize] = byte;
        }
        whiten(frame, &mut placed);
        placed
    }

    /// The payload, as long as the capacity, of the bytes at their places, which are used up; `confidence` says how far each
    /// of them is from being another one, 0 where it is not known at all. `None` where a word could not be put right
    /// or the checksum is wrong.
    ///
    /// Where a word has too many wrong bytes, the least sure ones are taken for erased, more and more of them: an erased
    /// byte costs half of what a wrong one does (Forney, "Generalized minimum distance decoding", 1966).
    pub fn decode(&self, frame: u32, placed: &mut [u8], confidence: &[u8]) -> (Option<Vec<u8>>, Margin) {
        let mut margin = Margin { parity: self.parity(), words: self.words, ..Margin::default() };
        if placed.len() != self.coded || confidence.len() != self.coded {
            margin.lost = self.words;
            return (None, margin);
        }
        whiten(frame, placed);
        let mut coded: Vec<u8> = self.places.iter().map(|&place| placed[place as usize]).collect();
        let mut bytes = Vec::with_capacity(MAX_WORD);
        for word in 0..self.words {
            let places = || (word..self.coded).step_by(self.words);
            bytes.clear();
            bytes.extend(places().map(|at| coded[at]));
            let sure = |i: u8| confidence[self.places[word + usize::from(i) * self.words] as usize];
            let Some(needed) = self.decode_word(&mut bytes, sure) else {
                margin.lost += 1;
                margin.worst = margin.worst.max(margin.parity + 1);
                continue;
            };
            margin.worst = margin.worst.max(needed);
            for (at, &byte) in places().zip(&bytes) {
                margin.corrected += usize::from(coded[at] != byte);
                coded[at] = byte;
            }
        }
        let (payload, rest) = coded.split_at(self.capacity());
        let right = margin.lost == 0 && rest.starts_with(&crc32c::crc32c(payload).to_le_bytes());
        (right.then(|| payload.to_vec()), margin)
    }

    /// Puts a word right; `sure` is the confidence of its bytes. How many bytes of parity that took.
    fn decode_word(&self, word: &mut [u8], sure: impl Fn(u8) -> u8) -> Option<usize> {
        let received: [u8; MAX_WORD] = std::array::from_fn(|i| word.get(i).copied().unwrap_or(0));
        let needed = |word: &[u8], erased: &[u8]| {
            let wrong = |i: u8| word[usize::from(i)] != received[usize::from(i)];
            let errors = (0..word.len() as u8).filter(|&i| wrong(i) && !erased.contains(&i)).count();
            erased.len() + 2 * errors
        };
        let mut order: Vec<u8> = (0..word.len() as u8).collect();
        let unknown: Vec<u8> = order.iter().copied().filter(|&i| sure(i) == 0).collect();
        if self.code.decode(word, &unknown).is_some() {
            return Some(needed(word, &unknown));
        }
        order.sort_by_key(|&i| sure(i));
        let step = (self.parity() / 8).max(1);
        let most = self.parity().saturating_sub(CHECKS);
        (unknown.len() + step..=most).step_by(step).find_map(|count| {
            let erased = order.get(..count)?;
            self.code.decode(word, erased).map(|_| needed(word, erased))
        })
    }
}

/// The numbers below `count`, shuffled (Fisher and Yates; Durstenfeld, 1964).
fn shuffled(count: usize) -> Vec<u32> {
    let mut places: Vec<u32> = (0..count as u32).collect();
    for i in (1..count as u64).rev() {
        places.swap(i as usize, (splitmix64(SHUFFLE_SEED, i) % (i + 1)) as usize);
    }
    places
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
            coded in 70usize..3000, parity in 16usize..60, frame: u32, seed: u64, fill in 0f64..1.0,
        ) {
            let words = Words::new(coded, parity).unwrap();
            let random = |i: usize| splitmix64(seed, i as u64);
            let payload: Vec<u8> =
                (0..(fill * words.capacity() as f64) as usize).map(|i| random(i) as u8).collect();
            let mut bytes = words.encode(frame, &payload);
            prop_assert_eq!(bytes.len(), coded);
            // A scratch: everything in one stretch, or single bytes at equal distances, as a column has them.
            let count = words.words * (parity / 16);
            let distance = 1 + random(8) as usize % (coded / count);
            let from = random(9) as usize % (coded - (count - 1) * distance);
            let mut confidence = vec![9; coded];
            for at in (from..).step_by(distance).take(count) {
                bytes[at] ^= 0x5A;
                if seed.is_multiple_of(2) { confidence[at] = 0; }
            }
            let (back, margin) = words.decode(frame, &mut bytes, &confidence);
            let back = back.unwrap();
            prop_assert_eq!(&back[..payload.len()], &payload[..]);
            prop_assert!(back[payload.len()..].iter().all(|&b| b == 0));
            prop_assert_eq!(margin.corrected, count);
            prop_assert!(margin.worst >= parity / 16 && margin.worst <= parity);
        }
    }

    #[test]
    fn bytes_that_are_not_sure_help() {
        let words = Words::new(250, 32).unwrap();
        let sent = words.encode(1, b"payload");
        let (mut bytes, mut confidence) = (sent.clone(), [200; 250]);
        // Eighteen wrong bytes are more than sixteen, but fourteen of them are not sure.
        for at in (0..18).map(|i| 13 * i) {
            bytes[at] ^= 1;
            confidence[at] = if at < 13 * 14 { 3 } else { 200 };
        }
        confidence[5..7].fill(3);
        let (payload, margin) = words.decode(1, &mut bytes.clone(), &confidence);
        assert!(payload.is_some_and(|p| p.starts_with(b"payload")));
        assert_eq!((margin.corrected, margin.lost), (18, 0));
        assert_eq!(words.decode(1, &mut bytes, &[200; 250]).1.lost, 1);
    }

    #[test]
    fn too_many_errors_and_another_frame_are_seen() {
        let words = Words::new(1000, 20).unwrap();
        let bytes = words.encode(7, b"payload");
        let mut broken = bytes.clone();
        broken[..200].fill(0);
        let (payload, margin) = words.decode(7, &mut broken, &[1; 1000]);
        assert_eq!((payload, margin.lost, margin.worst), (None, 4, 21), "an error in every fifth byte");
        assert_eq!(words.decode(8, &mut bytes.clone(), &[1; 1000]).0, None);
        assert_eq!(words.decode(7, &mut [], &[]).0, None);
        assert!(Words::new(24, 20).is_none() && Words::new(25, 20).is_some());
    }
}
