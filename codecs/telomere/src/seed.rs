//! Seeds, their indices, salts, and the expansion of a seed by SHA-256.

use lab_bits::{arity, evql};
use lab_codec::{Error, Result};
use sha2::{Digest as _, Sha256};

/// Longest seed in bytes.
pub const MAX_SEED_LEN: u8 = 3;
/// Longest salt in bytes: with the longest seed it fills the first two words of a SHA-256 block.
pub const MAX_SALT_LEN: usize = 5;
/// Bytes of one link of an expansion: a SHA-256 digest.
pub const DIGEST: usize = 32;

/// The number of seeds of at most `len` bytes (0 to 3): 256, plus 256^2, plus 256^3.
pub const fn seeds_up_to(len: u8) -> u32 {
    match len {
        0 => 0,
        1 => 256,
        2 => 65_792,
        _ => 16_843_008,
    }
}

/// A seed of one to three bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seed {
    /// The bytes as a big-endian number.
    pub value: u32,
    /// Length in bytes.
    pub len: u8,
}

impl Seed {
    /// The seed with an index: all seeds of one byte by value, then those of two, then those of three. `None`
    /// above.
    pub fn at(index: u32) -> Option<Self> {
        let len = (1..=MAX_SEED_LEN).find(|len| index < seeds_up_to(*len))?;
        Some(Self { value: index - seeds_up_to(len - 1), len })
    }

    /// The seed's index.
    pub fn index(self) -> u32 {
        seeds_up_to(self.len - 1) + self.value
    }

    /// The bytes.
    pub fn bytes(self) -> Vec<u8> {
        self.value.to_be_bytes()[4 - usize::from(self.len)..].to_vec()
    }

    /// Bits of the record of this seed with an arity.
    pub fn cost(index: u32, arity: u8) -> u32 {
        arity::len(arity) + evql::len(u64::from(index))
    }
}

/// The bytes hashed before every seed: zero to five.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Salt {
    bytes: [u8; MAX_SALT_LEN],
    len: u8,
}

impl Salt {
    /// A salt of these bytes.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) for more than five bytes.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        let mut salt = Self { bytes: [0; MAX_SALT_LEN], len: bytes.len() as u8 };
        let place = salt.bytes.get_mut(..bytes.len());
        place
            .ok_or_else(|| {
                Error::corrupt(format!("a salt of {} bytes; the longest allowed has 5", bytes.len()))
            })?
            .copy_from_slice(bytes);
        Ok(salt)
    }

    /// Parses hexadecimal digits, two for each byte.
    pub fn from_hex(text: &str) -> Option<Self> {
        if !text.is_ascii() || !text.len().is_multiple_of(2) {
            return None;
        }
        let byte = |at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(byte).collect();
        Self::new(&bytes?).ok().filter(|_| text.bytes().all(|b| b.is_ascii_hexdigit()))
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The bytes as hexadecimal digits.
    pub fn hex(&self) -> String {
        self.bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Salt and seed as [`Route::heads`](crate::sha::Route::heads) takes them: the bytes at the upper end of
    /// a word, and their number.
    pub fn message(&self, seed: Seed) -> (u64, usize) {
        let length = usize::from(self.len) + usize::from(seed.len);
        let salt = self.bytes().iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        let bits = salt << (8 * seed.len) | u64::from(seed.value);
        (bits << (64 - 8 * length), length)
    }

    /// The first link of a seed's expansion.
    pub fn first_link(&self, seed: Seed) -> [u8; DIGEST] {
        let (message, length) = self.message(seed);
        Sha256::digest(&message.to_be_bytes()[..length]).into()
    }
}

/// The next link of an expansion.
pub fn next_link(link: &[u8; DIGEST]) -> [u8; DIGEST] {
    Sha256::digest(link).into()
}

/// Appends the first `length` bytes of a seed's expansion: SHA-256 of salt and seed, then SHA-256 of each
/// digest before. Later links leave the salt out, so that extending an expansion needs only its last link.
pub fn expand(salt: &Salt, seed: Seed, length: usize, out: &mut Vec<u8>) {
    let mut link = salt.first_link(seed);
    let mut left = length;
    loop {
        let take = left.min(DIGEST);
        out.extend_from_slice(&link[..take]);
        left -= take;
        if left == 0 {
            return;
        }
        link = next_link(&link);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions() {
        let edges = [(0, 0, 1), (255, 255, 1), (256, 0, 2), (65_791, 65_535, 2), (65_792, 0, 3)];
        for (index, value, len) in edges.into_iter().chain([(16_843_007, 0xFF_FFFF, 3)]) {
            assert_eq!(Seed::at(index), Some(Seed { value, len }));
            assert_eq!(Seed { value, len }.index(), index);
        }
        assert_eq!(Seed::at(16_843_008), None);
        assert_eq!(Seed { value: 0x0102, len: 2 }.bytes(), [1, 2]);
    }

    #[test]
    fn the_vectors_of_the_format() {
        let head = |value, len| {
            let mut out = Vec::new();
            expand(&Salt::default(), Seed { value, len }, 8, &mut out);
            out.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        assert_eq!(head(0, 1), "6e340b9cffb37a98");
        assert_eq!(head(0, 2), "96a296d224f285c6");
    }

    #[test]
    fn an_expansion_is_a_chain_of_digests() {
        let salt = Salt::from_hex("0a0B").unwrap();
        let mut out = vec![7];
        expand(&salt, Seed { value: 0x010203, len: 3 }, 70, &mut out);
        let first = Sha256::digest([0x0a, 0x0b, 1, 2, 3]);
        let second = Sha256::digest(first);
        let third = Sha256::digest(second);
        assert_eq!(out, [&[7], &first[..], &second[..], &third[..6]].concat());
        assert_eq!(salt.message(Seed { value: 0x010203, len: 3 }), (0x0a0b_0102_0300_0000, 5));
    }

    #[test]
    fn salts_are_read_as_written() {
        for text in ["", "00", "0102030405", "ff"] {
            assert_eq!(Salt::from_hex(text).unwrap().hex(), text);
        }
        for bad in ["0", "zz", "010203040506", "+1", "é0"] {
            assert!(Salt::from_hex(bad).is_none(), "{bad}");
        }
        let full = Salt::from_hex("0102030405").unwrap();
        assert_eq!(full.message(Seed { value: 0x060708, len: 3 }), (0x0102_0304_0506_0708, 8));
    }
}
