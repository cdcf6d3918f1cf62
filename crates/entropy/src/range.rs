//! A binary range coder with carry propagation and byte output, as in LZMA (Pavlov; after Martin 1979), for
//! probabilities of 16 bits; and an adaptive probability.
//!
//! The encoder keeps an interval `low..low + range` of the numbers below `2^32`; a set bit takes the lower
//! part. Whenever the range falls below `2^24`, the top byte of `low` leaves. A carry may still run through
//! bytes 0xFF, so those are counted before they are written. The decoder reads four bytes, then one for
//! each that left: a stream has exactly the bytes that it needs, so a missing or a surplus one shows.

use lab_codec::{Error, Result};

use crate::meter::Meter;

/// The width of a probability in bits.
pub const BITS: u32 = 16;
/// Lower bound of the range between two bits. 2^24 times the smallest probability, 2^-16, is still 256, so
/// neither part of the interval is ever empty.
const BOTTOM: u32 = 1 << 24;

/// Codes bits in either direction, so that one model function serves the encoder and the decoder.
pub trait BitCoder {
    /// Encodes `bit`, or ignores it and returns the decoded one. A bit is set with probability `one / 2^16`.
    fn code(&mut self, bit: bool, one: u32) -> bool;
}

impl BitCoder for Encoder {
    #[inline]
    fn code(&mut self, bit: bool, one: u32) -> bool {
        self.bit(bit, one);
        bit
    }
}

impl<M: Meter> BitCoder for Decoder<'_, M> {
    #[inline]
    fn code(&mut self, _: bool, one: u32) -> bool {
        self.bit(one)
    }
}

/// Collects bits.
#[derive(Debug)]
pub struct Encoder {
    out: Vec<u8>,
    low: u64,
    range: u32,
    /// The last byte that left `low` and may still receive a carry; `None` before the first.
    cache: Option<u8>,
    /// Number of bytes 0xFF after the cached one.
    pending: usize,
}

impl Encoder {
    /// An encoder that appends to `out`.
    pub fn new(out: Vec<u8>) -> Self {
        Self { out, low: 0, range: u32::MAX, cache: None, pending: 0 }
    }

    /// Codes `bit`, which is set with probability `one / 2^16`; `one` is neither 0 nor 2^16.
    #[inline]
    pub fn bit(&mut self, bit: bool, one: u32) {
        debug_assert!(one > 0 && one < 1 << BITS);
        let bound = ((u64::from(self.range) * u64::from(one)) >> BITS) as u32;
        if bit {
            self.range = bound;
        } else {
            self.low += u64::from(bound);
            self.range -= bound;
        }
        while self.range < BOTTOM {
            self.range <<= 8;
            self.shift();
        }
    }

    /// Removes the top byte of `low`. Bit 32 is the carry.
    #[inline]
    fn shift(&mut self) {
        let carry = (self.low >> 32) as u8;
        let top = (self.low >> 24) as u8;
        if top == 0xFF && carry == 0 {
            self.pending += 1;
        } else {
            // The code is a fraction below 1, so a carry never passes the first byte.
            if let Some(cache) = self.cache {
                self.out.push(cache.wrapping_add(carry));
            }
            let filler = 0xFF_u8.wrapping_add(carry);
            self.out.extend(std::iter::repeat_n(filler, std::mem::take(&mut self.pending)));
            self.cache = Some(top);
        }
        self.low = (self.low & 0x00FF_FFFF) << 8;
    }

    /// Ends the stream, and returns the bytes.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        // Four bytes of `low`, and one more shift that pushes the last of them past the cache.
        for _ in 0..5 {
            self.shift();
        }
        self.out
    }
}

/// Gives the bits back.
#[derive(Debug)]
pub struct Decoder<'a, M = ()> {
    input: &'a [u8],
    code: u32,
    range: u32,
    overrun: bool,
    meter: M,
}

impl<'a> Decoder<'a> {
    /// A decoder of the stream `input`.
    pub fn new(input: &'a [u8]) -> Self {
        Self::metered(input, ())
    }
}

impl<'a, M: Meter> Decoder<'a, M> {
    /// A decoder of the stream `input` that tells `meter` what it decodes.
    pub fn metered(input: &'a [u8], meter: M) -> Self {
        let mut new = Self { input, code: 0, range: u32::MAX, overrun: false, meter };
        for _ in 0..4 {
            new.code = new.code << 8 | new.byte();
        }
        new
    }

    /// The next byte; zeros past the end, which [`check`](Self::check) reports.
    #[inline]
    fn byte(&mut self) -> u32 {
        let Some((byte, rest)) = self.input.split_first() else {
            self.overrun = true;
            return 0;
        };
        self.input = rest;
        u32::from(*byte)
    }

    /// The next bit, which is set with probability `one / 2^16`.
    #[inline]
    pub fn bit(&mut self, one: u32) -> bool {
        let bound = ((u64::from(self.range) * u64::from(one)) >> BITS) as u32;
        let bit = self.code < bound;
        self.meter.decided(if bit { one } else { (1 << BITS) - one }, BITS);
        if bit {
            self.range = bound;
        } else {
            self.code -= bound;
            self.range -= bound;
        }
        while self.range < BOTTOM {
            self.range <<= 8;
            self.code = self.code << 8 | self.byte();
        }
        bit
    }

    /// Checks that no read went past the end of the stream. Call it now and then, so that a truncated stream
    /// stops early.
    ///
    /// # Errors
    /// [`Truncated`](lab_codec::ErrorKind::Truncated).
    #[inline]
    pub fn check(&self) -> Result<()> {
        if self.overrun { Err(Error::truncated("the coded data ends early or is damaged")) } else { Ok(()) }
    }

    /// Ends decoding; the stream must be read completely.
    ///
    /// # Errors
    /// As [`check`](Self::check); [`Corrupt`](lab_codec::ErrorKind::Corrupt) where bytes are left.
    pub fn finish(self) -> Result<()> {
        self.check()?;
        if self.input.is_empty() {
            return Ok(());
        }
        Err(Error::corrupt(format!("{} bytes follow the coded data", self.input.len())))
    }
}

/// The probability of a set bit in one context: the mean of all bits at first, an exponential moving average
/// later. It has 22 bits, since at a limit of 1023 one of 16 bits would stop 1,024 units short of its target.
#[derive(Debug, Clone, Copy)]
pub struct Bit(u32); // The probability above 10 bits of count.

impl Default for Bit {
    fn default() -> Self {
        Self(1 << 31)
    }
}

/// The largest limit of [`Bit::update`].
pub const MAX_LIMIT: u32 = 1023;

/// `2^16 / (n + 1.5)`, rounded down: step sizes without a division.
const RATES: [u32; MAX_LIMIT as usize + 1] = {
    let mut rates = [0; MAX_LIMIT as usize + 1];
    let mut n = 0;
    while n < rates.len() {
        rates[n] = (1 << 17) / (2 * n as u32 + 3);
        n += 1;
    }
    rates
};

impl Bit {
    /// The probability in units of 2^-16, as [`Encoder::bit`] takes it.
    #[inline]
    pub fn one(self) -> u32 {
        (self.0 >> 16).clamp(1, (1 << BITS) - 1)
    }

    /// Moves towards `bit` by `1 / (n + 1.5)` of the distance at the n-th use, for n up to `limit`.
    #[inline]
    pub fn update(&mut self, bit: bool, limit: u32) {
        let (one, count) = (i64::from(self.0 >> 10), self.0 & MAX_LIMIT);
        let target = if bit { (1 << 22) - 1 } else { 0 };
        let moved = one + (((target - one) * i64::from(RATES[count as usize])) >> 16);
        self.0 = (moved as u32) << 10 | (count + u32::from(count < limit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(bits: &[(bool, u32)]) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new());
        bits.iter().for_each(|(bit, one)| encoder.bit(*bit, *one));
        encoder.finish()
    }

    proptest! {
        #[test]
        fn round_trip(bits in proptest::collection::vec((any::<bool>(), 1u32..65_536), 0..5000)) {
            let bytes = encode(&bits);
            let mut decoder = Decoder::new(&bytes);
            for (bit, one) in &bits {
                prop_assert_eq!(decoder.bit(*one), *bit);
            }
            decoder.finish().unwrap();
        }

        #[test]
        fn probabilities_stay_inside(
            bits in proptest::collection::vec(any::<bool>(), 0..200),
            limit in 0u32..=1023,
        ) {
            let mut model = Bit::default();
            for bit in bits {
                for _ in 0..50 {
                    model.update(bit, limit);
                    prop_assert!((1..65_536).contains(&model.one()));
                }
            }
        }
    }

    #[test]
    fn carries_run_through() {
        // Unlikely clear bits put `low` near the top of its range again and again.
        for one in [65_535, 65_534, 65_000, 32_768, 1] {
            let bits: Vec<_> =
                (0..20_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 29 != 0, one)).collect();
            let bytes = encode(&bits);
            let mut decoder = Decoder::new(&bytes);
            assert!(bits.iter().all(|(bit, one)| decoder.bit(*one) == *bit));
            decoder.finish().unwrap();
        }
        // As long as the interval holds the next carry, whether it comes stays open: here for 2,000 bits.
        for last in [false, true] {
            let mut encoder = Encoder::new(Vec::new());
            let mut bits = Vec::new();
            while encoder.pending < 240 {
                let upper = u64::from(encoder.range / 2) + encoder.low;
                let open = encoder.low + u64::from(encoder.range) > 1 << 32;
                bits.push(open && upper > 1 << 32);
                encoder.bit(bits[bits.len() - 1], 1 << 15);
            }
            bits.push(last);
            encoder.bit(last, 1 << 15);
            let bytes = encoder.finish();
            let mut decoder = Decoder::new(&bytes);
            assert!(bits.iter().all(|bit| decoder.bit(1 << 15) == *bit));
            decoder.finish().unwrap();
        }
    }

    #[test]
    fn lengths_are_exact() {
        let bytes = encode(&[(true, 40_000); 3000]);
        let decode = |bytes: &[u8]| {
            let mut decoder = Decoder::new(bytes);
            (0..3000).for_each(|_| _ = decoder.bit(40_000));
            decoder.finish()
        };
        decode(&bytes).unwrap();
        assert_eq!(decode(&bytes[..bytes.len() - 1]).unwrap_err().kind(), lab_codec::ErrorKind::Truncated);
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(decode(&longer).unwrap_err().kind(), lab_codec::ErrorKind::Corrupt);
        assert!((bytes.len() as f64 - 3000.0 / 8.0 * (65_536.0_f64 / 40_000.0).log2()).abs() < 6.0);
    }
}
