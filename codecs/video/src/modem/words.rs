//! The error correction of a frame: payload to coded bytes and back, by checksum, interleaved Reed-Solomon
//! codewords and whitening.
//!
//! `n` coded bytes hold `w = ceil(n / 255)` codewords. Codeword `i` has the bytes at `i`, `i + w`, `i + 2 w`
//! and so on; the last of them are its parity. So the first `n - w * parity` bytes are the message: payload,
//! zeros up to the capacity, and CRC32C of both. The bytes are then shuffled, so that a damaged spot, row or
//! column of the picture spreads over all codewords alike.

use super::reed_solomon::{MAX_CODEWORD, ReedSolomon};
use crate::splitmix::splitmix64;

/// The seed of the frame keys: `lab modm` in ASCII, big-endian.
const FRAME_SEED: u64 = 0x6C61_6220_6D6F_646D;

/// The seed of the shuffle: `lab shuf` in ASCII, big-endian.
const SHUFFLE_SEED: u64 = 0x6C61_6220_7368_7566;

/// Parity bytes that guessed erasures leave free. With as many erasures as parity bytes, any bytes would
/// decode to some codeword; the frame's checksum refuses the wrong guesses that remain
/// (docs/decisions/video.md).
const RESERVED_PARITY: usize = 8;

/// Bytes of the checksum, CRC32C, behind the payload.
const CHECKSUM: usize = 4;

/// The layout of the codewords of a frame.
#[derive(Debug, Clone)]
pub struct Codewords {
    code: ReedSolomon,
    coded: usize,
    codewords: usize,
    /// The place of each coded byte in the picture.
    places: Vec<u32>,
}

/// How much of its parity the error correction of a frame needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Margin {
    /// Parity bytes of a codeword. An error takes two of them, an erasure one.
    pub parity: usize,
    /// Parity bytes that the worst codeword needed; more than `parity` where one could not be corrected.
    pub worst: usize,
    /// Wrong bytes in all codewords that were corrected.
    pub corrected: usize,
    /// Number of codewords.
    pub codewords: usize,
    /// Codewords that could not be corrected.
    pub lost: usize,
}

impl Codewords {
    /// A layout of `coded` bytes in codewords with `parity` parity bytes; `None` where no byte would be left
    /// for payload.
    pub fn new(coded: usize, parity: usize) -> Option<Self> {
        let codewords = coded.div_ceil(MAX_CODEWORD).max(1);
        let fits = (1..MAX_CODEWORD).contains(&parity) && coded > codewords * parity + CHECKSUM;
        fits.then(|| Self { code: ReedSolomon::new(parity), coded, codewords, places: shuffled(coded) })
    }

    /// Number of coded bytes.
    pub fn coded(&self) -> usize {
        self.coded
    }

    /// Parity bytes of a codeword.
    pub fn parity(&self) -> usize {
        self.code.parity()
    }

    /// Capacity in payload bytes.
    pub fn capacity(&self) -> usize {
        self.message() - CHECKSUM
    }

    fn message(&self) -> usize {
        self.coded - self.codewords * self.parity()
    }

    /// Encodes `payload`, at most [`capacity`](Self::capacity) bytes, for frame number `frame`.
    pub fn encode(&self, frame: u32, payload: &[u8]) -> Vec<u8> {
        let mut coded = vec![0; self.coded];
        let capacity = self.capacity();
        coded[..payload.len()].copy_from_slice(payload);
        let crc = crc32c::crc32c(&coded[..capacity]);
        coded[capacity..capacity + CHECKSUM].copy_from_slice(&crc.to_le_bytes());
        let (message, parity) = coded.split_at_mut(capacity + CHECKSUM);
        let mut column = [0; MAX_CODEWORD];
        let column = &mut column[..self.code.parity()];
        for codeword in 0..self.codewords {
            self.code.encode(message.iter().skip(codeword).step_by(self.codewords).copied(), column);
            // The parity bytes follow the codeword's last message byte in the same interleaving.
            let first = (codeword + self.codewords - message.len() % self.codewords) % self.codewords;
            for (place, &byte) in parity.iter_mut().skip(first).step_by(self.codewords).zip(&*column) {
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

    /// Decodes the payload, zero-padded to the capacity, from the coded bytes at their places, and overwrites
    /// them. `confidence` rates each byte; 0 marks an erasure. `None` where a codeword cannot be corrected or
    /// the checksum fails.
    ///
    /// Where a codeword has too many errors, its least confident bytes are erased, more and more of them: an
    /// erasure costs half the parity of an error (Forney, "Generalized minimum distance decoding", 1966). On
    /// channels measured in experiments/video-channels that saves about a tenth of the parity.
    pub fn decode(&self, frame: u32, placed: &mut [u8], confidence: &[u8]) -> (Option<Vec<u8>>, Margin) {
        let mut margin = Margin { parity: self.parity(), codewords: self.codewords, ..Margin::default() };
        if placed.len() != self.coded || confidence.len() != self.coded {
            margin.lost = self.codewords;
            return (None, margin);
        }
        whiten(frame, placed);
        let mut coded: Vec<u8> = self.places.iter().map(|&place| placed[place as usize]).collect();
        let mut bytes = Vec::with_capacity(MAX_CODEWORD);
        for codeword in 0..self.codewords {
            let places = || (codeword..self.coded).step_by(self.codewords);
            bytes.clear();
            bytes.extend(places().map(|at| coded[at]));
            let confidence_of =
                |i: u8| confidence[self.places[codeword + usize::from(i) * self.codewords] as usize];
            let Some(needed) = self.decode_codeword(&mut bytes, confidence_of) else {
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
        let is_valid = margin.lost == 0 && rest.starts_with(&crc32c::crc32c(payload).to_le_bytes());
        (is_valid.then(|| payload.to_vec()), margin)
    }

    /// Corrects a codeword. Returns the number of parity bytes that it took: two for each error, one for each
    /// erasure.
    fn decode_codeword(&self, codeword: &mut [u8], confidence_of: impl Fn(u8) -> u8) -> Option<usize> {
        let received: [u8; MAX_CODEWORD] = std::array::from_fn(|i| codeword.get(i).copied().unwrap_or(0));
        let needed = |codeword: &[u8], erased: &[u8]| {
            let wrong = |i: u8| codeword[usize::from(i)] != received[usize::from(i)];
            let errors = (0..codeword.len() as u8).filter(|&i| wrong(i) && !erased.contains(&i)).count();
            erased.len() + 2 * errors
        };
        let mut order: Vec<u8> = (0..codeword.len() as u8).collect();
        let erased_places: Vec<u8> = order.iter().copied().filter(|&i| confidence_of(i) == 0).collect();
        if self.code.decode(codeword, &erased_places).is_some() {
            return Some(needed(codeword, &erased_places));
        }
        // The known erasures have confidence 0 and come first in this order.
        order.sort_by_key(|&i| confidence_of(i));
        // At most eight further attempts: each decodes the codeword once more.
        let step = (self.parity() / 8).max(1);
        let max_erasures = self.parity().saturating_sub(RESERVED_PARITY);
        (erased_places.len() + step..=max_erasures).step_by(step).find_map(|count| {
            let erased = order.get(..count)?;
            self.code.decode(codeword, erased).map(|_| needed(codeword, erased))
        })
    }
}

/// The numbers below `count` in a fixed random order (Fisher and Yates; Durstenfeld, 1964).
fn shuffled(count: usize) -> Vec<u32> {
    let mut places: Vec<u32> = (0..count as u32).collect();
    for i in (1..count as u64).rev() {
        places.swap(i as usize, (splitmix64(SHUFFLE_SEED, i) % (i + 1)) as usize);
    }
    places
}

/// Combines `bytes` by exclusive or with the whitening sequence of `frame`: number `i`, from 1, of splitmix64
/// from the frame's key, little-endian, on the `i`-th eight bytes. Applied twice it restores them. Every
/// frame has its own key, so equal payloads give different pictures.
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
            let codewords = Codewords::new(coded, parity).unwrap();
            let random = |i: usize| splitmix64(seed, i as u64);
            let payload: Vec<u8> =
                (0..(fill * codewords.capacity() as f64) as usize).map(|i| random(i) as u8).collect();
            let mut bytes = codewords.encode(frame, &payload);
            prop_assert_eq!(bytes.len(), coded);
            // A scratch: consecutive bytes, or single bytes at equal distances, as a damaged column gives.
            let count = codewords.codewords * (parity / 16);
            let distance = 1 + random(8) as usize % (coded / count);
            let from = random(9) as usize % (coded - (count - 1) * distance);
            let mut confidence = vec![9; coded];
            for at in (from..).step_by(distance).take(count) {
                bytes[at] ^= 0x5A;
                if seed.is_multiple_of(2) { confidence[at] = 0; }
            }
            let (back, margin) = codewords.decode(frame, &mut bytes, &confidence);
            let back = back.unwrap();
            prop_assert_eq!(&back[..payload.len()], &payload[..]);
            prop_assert!(back[payload.len()..].iter().all(|&b| b == 0));
            prop_assert_eq!(margin.corrected, count);
            prop_assert!(margin.worst >= parity / 16 && margin.worst <= parity);
        }
    }

    #[test]
    fn bytes_that_are_not_sure_help() {
        let codewords = Codewords::new(250, 32).unwrap();
        let sent = codewords.encode(1, b"payload");
        let (mut bytes, mut confidence) = (sent.clone(), [200; 250]);
        // Eighteen wrong bytes exceed the radius of sixteen, but fourteen of them have low confidence.
        for at in (0..18).map(|i| 13 * i) {
            bytes[at] ^= 1;
            confidence[at] = if at < 13 * 14 { 3 } else { 200 };
        }
        confidence[5..7].fill(3);
        let (payload, margin) = codewords.decode(1, &mut bytes.clone(), &confidence);
        assert!(payload.is_some_and(|p| p.starts_with(b"payload")));
        assert_eq!((margin.corrected, margin.lost), (18, 0));
        assert_eq!(codewords.decode(1, &mut bytes, &[200; 250]).1.lost, 1);
    }

    #[test]
    fn too_many_errors_and_another_frame_are_seen() {
        let codewords = Codewords::new(1000, 20).unwrap();
        let bytes = codewords.encode(7, b"payload");
        let mut broken = bytes.clone();
        broken[..200].fill(0);
        let (payload, margin) = codewords.decode(7, &mut broken, &[1; 1000]);
        assert_eq!((payload, margin.lost, margin.worst), (None, 4, 21), "an error in every fifth byte");
        assert_eq!(codewords.decode(8, &mut bytes.clone(), &[1; 1000]).0, None);
        assert_eq!(codewords.decode(7, &mut [], &[]).0, None);
        assert!(Codewords::new(24, 20).is_none() && Codewords::new(25, 20).is_some());
    }
}
