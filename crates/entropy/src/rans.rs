//! Range asymmetric numeral systems (Duda 2013): a 64-bit state that moves 32 bits at a time.
//!
//! A decision is an interval `start..start + freq` of a scale of `2^bits`. rANS decodes in the reverse order
//! of encoding, so the [`Encoder`] collects decisions and codes them backwards, a block of [`BLOCK`] at a
//! time; memory stays bounded and adaptive models cost nothing extra. A block is the final state (8 bytes)
//! followed by 32-bit words, all little-endian. The state that the encoder starts a block with, `2^31`, is
//! the one that the decoder must end it with: damage shows there.

use lab_codec::{Error, Result};

use crate::meter::Meter;

/// Decisions in a block; only the last block of a stream has fewer.
pub const BLOCK: usize = 1 << 16;

/// The widest scale of a decision, in bits.
pub const MAX_BITS: u32 = 16;

/// The widest field of [`Encoder::raw`], in bits.
pub const MAX_RAW_BITS: u32 = 24;

/// The smallest state between two decisions, and the initial one of each block. States are `LOW..LOW << 32`,
/// so one 32-bit word always refills one.
const LOW: u64 = 1 << 31;

/// Leading bits of a uniform value that are coded with exact probabilities; the bits below are raw. Intervals
/// of at most 2^12 values on a scale of 2^16 are at least 16 wide, and their widths differ by at most 1.
const UNIFORM_BITS: u32 = 12;

#[derive(Debug, Clone, Copy)]
struct Decision {
    start: u32,
    freq: u32,
    bits: u32,
}

/// Collects decisions in decoding order.
#[derive(Debug, Default)]
pub struct Encoder {
    out: Vec<u8>,
    pending: Vec<Decision>,
    words: Vec<u32>,
}

impl Encoder {
    /// An encoder that appends to `out`.
    pub fn new(out: Vec<u8>) -> Self {
        Self { out, ..Self::default() }
    }

    /// Adds the decision `start..start + freq` on a scale of `2^bits`; `freq` is at least 1.
    #[inline]
    pub fn interval(&mut self, start: u32, freq: u32, bits: u32) {
        debug_assert!(freq > 0 && bits <= MAX_RAW_BITS && u64::from(start) + u64::from(freq) <= 1 << bits);
        self.pending.push(Decision { start, freq, bits });
        if self.pending.len() == BLOCK {
            self.flush();
        }
    }

    /// Adds `bits` (at most [`MAX_RAW_BITS`]) equally likely bits; nothing for 0 bits.
    #[inline]
    pub fn raw(&mut self, value: u32, bits: u32) {
        if bits > 0 {
            self.interval(value, 1, bits);
        }
    }

    /// Adds one of `bound` equally likely values; nothing where `bound` is 1.
    #[inline]
    pub fn uniform(&mut self, value: u32, bound: u32) {
        debug_assert!(value < bound);
        if bound > 1 {
            let low = low_bits(bound);
            let top = ((bound - 1) >> low) + 1;
            let start = uniform_start(value >> low, top);
            let end = uniform_start((value >> low) + 1, top);
            self.interval(start, end - start, MAX_BITS);
            self.raw(value & ((1 << low) - 1), low);
        }
    }

    /// Codes the pending decisions backwards, from the last to the first.
    fn flush(&mut self) {
        let mut state = LOW;
        self.words.clear();
        for d in self.pending.drain(..).rev() {
            // From this state on, coding the decision would pass LOW << 32, so a word leaves first.
            if state >= ((LOW >> d.bits) << 32) * u64::from(d.freq) {
                self.words.push(state as u32);
                state >>= 32;
            }
            let freq = u64::from(d.freq);
            state = ((state / freq) << d.bits) + state % freq + u64::from(d.start);
        }
        self.out.extend_from_slice(&state.to_le_bytes());
        self.out.extend(self.words.iter().rev().flat_map(|w| w.to_le_bytes()));
    }

    /// Ends the stream and returns the bytes. A stream without decisions is empty.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        if !self.pending.is_empty() {
            self.flush();
        }
        self.out
    }
}

/// Number of low bits of a uniform value below `bound` that are stored raw.
#[inline]
fn low_bits(bound: u32) -> u32 {
    (32 - (bound - 1).leading_zeros()).saturating_sub(UNIFORM_BITS)
}

/// Start of the interval of value `i` of `n` on the scale of `2^16`. Rounding up makes
/// `point * n >> 16` the exact inverse in the decoder.
#[inline]
fn uniform_start(i: u32, n: u32) -> u32 {
    (i << MAX_BITS).div_ceil(n)
}

/// Decodes decisions in the order in which they were added.
#[derive(Debug)]
pub struct Decoder<'a, M = ()> {
    state: u64,
    /// Decisions left in the current block.
    left: usize,
    input: &'a [u8],
    /// Whether the stream ended early or a block did not end in [`LOW`].
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
        Self { state: LOW, left: 0, input, overrun: false, meter }
    }

    /// The point on a scale of `2^bits` that lies in the next decision's interval. Follow each call by one of
    /// [`take`](Self::take) with the same `bits`.
    ///
    /// Past the end of the stream the points are arbitrary; [`check`](Self::check) reports that.
    #[inline]
    pub fn point(&mut self, bits: u32) -> u32 {
        if self.left == 0 {
            self.next_block();
        }
        (self.state & ((1 << bits) - 1)) as u32
    }

    /// Removes the decision `start..start + freq`, which contains the point just seen.
    #[inline]
    pub fn take(&mut self, start: u32, freq: u32, bits: u32) {
        self.meter.decided(freq, bits);
        let low = self.state & ((1 << bits) - 1);
        let state = u64::from(freq) * (self.state >> bits) + low.wrapping_sub(u64::from(start));
        self.left -= 1;
        self.state = if state < LOW { self.refill(state) } else { state };
    }

    #[inline]
    fn refill(&mut self, state: u64) -> u64 {
        let Some((word, rest)) = self.input.split_first_chunk() else {
            self.overrun = true;
            return LOW;
        };
        self.input = rest;
        state << 32 | u64::from(u32::from_le_bytes(*word))
    }

    /// Decodes [`Encoder::raw`] bits.
    #[inline]
    pub fn raw(&mut self, bits: u32) -> u32 {
        if bits == 0 {
            return 0;
        }
        let value = self.point(bits);
        self.take(value, 1, bits);
        value
    }

    /// Decodes an [`Encoder::uniform`] value. A damaged stream may yield one at or above `bound`.
    #[inline]
    pub fn uniform(&mut self, bound: u32) -> u32 {
        if bound <= 1 {
            return 0;
        }
        let low = low_bits(bound);
        let top = ((bound - 1) >> low) + 1;
        let value = (self.point(MAX_BITS) * top) >> MAX_BITS;
        let start = uniform_start(value, top);
        self.take(start, uniform_start(value + 1, top) - start, MAX_BITS);
        value << low | self.raw(low)
    }

    #[cold]
    fn next_block(&mut self) {
        self.left = BLOCK;
        let ended_well = self.state == LOW;
        match self.input.split_first_chunk() {
            Some((state, rest)) if ended_well => {
                self.state = u64::from_le_bytes(*state);
                self.input = rest;
                self.overrun |= self.state < LOW || self.state >= LOW << 32;
            }
            _ => {
                self.state = LOW;
                self.overrun = true;
            }
        }
    }

    /// Checks that the stream was sound so far. Call it now and then, so that a damaged stream stops early.
    ///
    /// # Errors
    /// [`Truncated`](lab_codec::ErrorKind::Truncated) where the stream ended early, or one of its blocks did
    /// not end in the state that the encoder started from.
    #[inline]
    pub fn check(&self) -> Result<()> {
        if self.overrun { Err(overrun()) } else { Ok(()) }
    }

    /// Ends decoding; the stream must be read completely.
    ///
    /// # Errors
    /// As [`check`](Self::check); [`Corrupt`](lab_codec::ErrorKind::Corrupt) where bytes are left or the
    /// final state is wrong.
    pub fn finish(self) -> Result<()> {
        self.check()?;
        if !self.input.is_empty() {
            return Err(Error::corrupt(format!("{} bytes follow the coded data", self.input.len())));
        }
        if self.state != LOW {
            return Err(Error::corrupt("the entropy coder ends in a wrong state"));
        }
        Ok(())
    }
}

#[cold]
fn overrun() -> Error {
    Error::truncated("the coded data ends early or is damaged")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Item {
        Interval(u32, u32, u32),
        Raw(u32, u32),
        Uniform(u32, u32),
    }

    fn item() -> impl Strategy<Value = Item> {
        prop_oneof![
            (1u32..=MAX_BITS, any::<u32>(), any::<u32>()).prop_map(|(bits, a, b)| {
                let (a, b) = (a & ((1 << bits) - 1), b & ((1 << bits) - 1));
                Item::Interval(a.min(b), a.abs_diff(b).max(1), bits)
            }),
            (0u32..=MAX_RAW_BITS, any::<u32>()).prop_map(|(bits, v)| Item::Raw(v & ((1 << bits) - 1), bits)),
            (1u32..1 << 31, any::<u32>(), 0u32..31).prop_map(|(bound, v, shift)| {
                let bound = (bound >> shift).max(1);
                Item::Uniform(v % bound, bound)
            }),
        ]
    }

    fn encode(items: &[Item]) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new());
        for item in items {
            match *item {
                Item::Interval(start, freq, bits) => encoder.interval(start, freq, bits),
                Item::Raw(value, bits) => encoder.raw(value, bits),
                Item::Uniform(value, bound) => encoder.uniform(value, bound),
            }
        }
        encoder.finish()
    }

    fn check(items: &[Item]) {
        let bytes = encode(items);
        let mut decoder = Decoder::new(&bytes);
        for item in items {
            match *item {
                Item::Interval(start, freq, bits) => {
                    let point = decoder.point(bits);
                    assert!((start..start + freq).contains(&point));
                    decoder.take(start, freq, bits);
                }
                Item::Raw(value, bits) => assert_eq!(decoder.raw(bits), value),
                Item::Uniform(value, bound) => assert_eq!(decoder.uniform(bound), value, "{bound}"),
            }
        }
        decoder.finish().unwrap();
    }

    proptest! {
        #[test]
        fn round_trip(items in proptest::collection::vec(item(), 0..400)) {
            check(&items);
        }

        #[test]
        fn damage_never_panics(
            items in proptest::collection::vec(item(), 1..100),
            at in any::<prop::sample::Index>(),
            flip in 1u8..,
        ) {
            let mut bytes = encode(&items);
            prop_assume!(!bytes.is_empty());
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            let mut decoder = Decoder::new(&bytes);
            for _ in 0..1000 {
                decoder.uniform(1000);
            }
            prop_assert!(decoder.finish().is_err());
        }
    }

    #[test]
    fn blocks_follow_each_other() {
        let items: Vec<_> = (0..3 * BLOCK as u32).map(|i| Item::Uniform(i % 77, 77 + i % 5000)).collect();
        check(&items);
        check(&items[..BLOCK]);
        check(&[]);
    }

    #[test]
    fn probable_decisions_are_cheap() {
        let items = vec![Item::Interval(0, 65_000, 16); 50_000];
        let bits = 50_000.0 * (65_536.0 / 65_000.0_f64).log2();
        let size = encode(&items).len();
        assert!(size as f64 * 8.0 < bits + 64.0 + 32.0, "{size}");
    }
}
