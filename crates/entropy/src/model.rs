//! Adaptive models for rANS: a binary one, and one of sixteen symbols, alone or two of them averaged.

use crate::lanes::last_at_most;
use crate::meter::Meter;
use crate::rans::{Decoder, Encoder};

/// Scales of the two models, as powers of two. A nibble has one bit less, so that the sum of two fits the
/// coder's 16.
const BIT_SCALE: u32 = 16;
const NIBBLE_SCALE: u32 = 15;

/// The probability of a bit. The n-th use, counted from 0, moves it by `1 / (n + 1.5)` of its error; from
/// `limit` uses on the step stays the same.
#[derive(Debug, Clone, Copy)]
pub struct Bit {
    /// Probability of a set bit in units of 2^-16, kept within 32 to 65,504: neither interval is ever empty,
    /// and a surprise costs at most 11 bits.
    one: u16,
    seen: u8,
}

impl Default for Bit {
    fn default() -> Self {
        Self { one: 1 << 15, seen: 0 }
    }
}

/// `65536 / (n + 1.5)`, rounded down: step sizes without a division.
const BIT_RATES: [u32; 128] = {
    let mut rates = [0; 128];
    let mut n = 0;
    while n < 128 {
        rates[n] = 131_072 / (2 * n as u32 + 3);
        n += 1;
    }
    rates
};

impl Bit {
    /// Codes `bit`; `limit` (at most 127) is the number of uses at which adaptation stops slowing down.
    #[inline]
    pub fn encode(&mut self, bit: bool, limit: u8, out: &mut Encoder) {
        let one = u32::from(self.one);
        if bit {
            out.interval(0, one, BIT_SCALE);
        } else {
            out.interval(one, (1 << BIT_SCALE) - one, BIT_SCALE);
        }
        self.learn(bit, limit);
    }

    /// Decodes a bit that was coded with the same `limit`.
    #[inline]
    pub fn decode(&mut self, limit: u8, input: &mut Decoder<'_, impl Meter>) -> bool {
        let one = u32::from(self.one);
        let bit = input.point(BIT_SCALE) < one;
        if bit {
            input.take(0, one, BIT_SCALE);
        } else {
            input.take(one, (1 << BIT_SCALE) - one, BIT_SCALE);
        }
        self.learn(bit, limit);
        bit
    }

    /// Adapts to `bit` without coding it.
    #[inline]
    pub fn learn(&mut self, bit: bool, limit: u8) {
        let rate = BIT_RATES[usize::from(self.seen & 127)];
        let one = u32::from(self.one);
        let moved =
            if bit { one + (((65_504 - one) * rate) >> 16) } else { one - (((one - 32) * rate) >> 16) };
        self.one = moved as u16;
        self.seen += u8::from(self.seen < limit.min(127));
    }
}

/// An adaptive distribution of symbols below 16, in cumulative form. Aligned to its size, so it never
/// straddles two cache lines.
#[derive(Debug, Clone, Copy)]
#[repr(align(32))]
pub struct Nibble {
    /// Start of each symbol's interval on a scale of 2^15, strictly ascending. The first start is always 0,
    /// so its cell holds the number of updates instead, up to 63.
    cells: [i16; 16],
}

impl Default for Nibble {
    fn default() -> Self {
        Self { cells: std::array::from_fn(|i| (i as i16) << 11) }
    }
}

impl Nibble {
    /// Codes `symbol` (below 16). Adaptation slows down until a step is `2^-limit` of the distance.
    #[inline]
    pub fn encode(&mut self, symbol: u8, limit: u8, out: &mut Encoder) {
        let i = usize::from(symbol & 15);
        let start = self.start(i);
        out.interval(start, self.end(i) - start, NIBBLE_SCALE);
        self.update(symbol, limit);
    }

    /// Decodes a symbol that was coded with the same `limit`.
    #[inline]
    pub fn decode(&mut self, limit: u8, input: &mut Decoder<'_, impl Meter>) -> u8 {
        let point = input.point(NIBBLE_SCALE) as u16;
        let i = last_at_most(self.cells, point);
        let start = self.start(i);
        input.take(start, self.end(i) - start, NIBBLE_SCALE);
        self.update(i as u8, limit);
        i as u8
    }

    #[inline]
    fn start(&self, i: usize) -> u32 {
        if i == 0 { 0 } else { self.cells[i] as u32 }
    }

    #[inline]
    fn end(&self, i: usize) -> u32 {
        self.cells.get(i + 1).map_or(1 << NIBBLE_SCALE, |&s| s as u32)
    }

    /// Moves every boundary towards the distribution in which `symbol` takes everything but one unit for each
    /// other symbol. Boundaries and targets ascend by at least 1 each. A step with rounding down,
    /// `b + ((t - b) >> r)`, is `floor(((2^r - 1) b + t) / 2^r)`: where b and t both grow by 1, so does the
    /// result. No interval becomes empty.
    #[inline]
    fn update(&mut self, symbol: u8, limit: u8) {
        let seen = self.cells[0];
        let rate = RATES[seen as usize & 63].min(limit);
        let targets = &TARGETS[usize::from(symbol & 15)];
        // All sixteen cells at once, so that the loop is one vector operation. The first boundary and its
        // target are 0.
        let mut cells = self.cells;
        cells[0] = 0;
        for (cell, target) in cells.iter_mut().zip(targets) {
            *cell += (target - *cell) >> rate;
        }
        cells[0] += seen + i16::from(seen < 63);
        self.cells = cells;
    }
}

/// For each symbol, the targets of all boundaries: 0, 1, 2 ... up to the symbol's own start, then from the
/// top down.
const TARGETS: [[i16; 16]; 16] = {
    let mut targets = [[0; 16]; 16];
    let mut i = 0;
    while i < 256 {
        let (symbol, boundary) = (i / 16, (i % 16) as i16);
        targets[symbol][i % 16] = if i % 16 <= symbol { boundary } else { i16::MAX - 15 + boundary };
        i += 1;
    }
    targets
};

/// The n-th update's step as a negative power of two: about 1 / (n + 2), rounded down to a power of two,
/// since a shift by one amount is all that the vector loop needs.
const RATES: [u8; 64] = {
    let mut rates = [7; 64];
    let mut n = 0;
    while n < 64 {
        rates[n] = match n {
            0 | 1 => 2,
            2..=5 => 3,
            6..=14 => 4,
            15..=31 => 5,
            32..=62 => 6,
            _ => 7,
        };
        n += 1;
    }
    rates
};

/// Codes `symbol` (below 16) with the mean of two distributions, and updates both. The sum of the boundaries,
/// on a scale of 2^16, is that mean.
#[inline]
pub fn encode_mean(a: &mut Nibble, b: &mut Nibble, symbol: u8, limits: (u8, u8), out: &mut Encoder) {
    let i = usize::from(symbol & 15);
    let start = a.start(i) + b.start(i);
    out.interval(start, a.end(i) + b.end(i) - start, NIBBLE_SCALE + 1);
    a.update(symbol, limits.0);
    b.update(symbol, limits.1);
}

/// Decodes what [`encode_mean`] coded with the same `limits`.
#[inline]
pub fn decode_mean(
    a: &mut Nibble,
    b: &mut Nibble,
    limits: (u8, u8),
    input: &mut Decoder<'_, impl Meter>,
) -> u8 {
    let point = input.point(NIBBLE_SCALE + 1) as u16;
    let i = last_at_most(std::array::from_fn(|i| a.cells[i].wrapping_add(b.cells[i])), point);
    let start = a.start(i) + b.start(i);
    input.take(start, a.end(i) + b.end(i) - start, NIBBLE_SCALE + 1);
    a.update(i as u8, limits.0);
    b.update(i as u8, limits.1);
    i as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trip(
            symbols in proptest::collection::vec((0u8..16, any::<bool>()), 0..3000),
            skew in 0u8..4,
        ) {
            let symbols: Vec<_> = symbols.into_iter().map(|(s, b)| (s >> skew, b)).collect();
            let mut models = ([Nibble::default(); 3], Bit::default());
            let mut encoder = Encoder::new(Vec::new());
            for &(symbol, bit) in &symbols {
                let [a, b, c] = &mut models.0;
                a.encode(symbol, 5, &mut encoder);
                encode_mean(b, c, symbol, (7, 4), &mut encoder);
                models.1.encode(bit, 60, &mut encoder);
            }
            let bytes = encoder.finish();
            let mut models = ([Nibble::default(); 3], Bit::default());
            let mut decoder = Decoder::new(&bytes);
            for &(symbol, bit) in &symbols {
                let [a, b, c] = &mut models.0;
                prop_assert_eq!(a.decode(5, &mut decoder), symbol);
                prop_assert_eq!(decode_mean(b, c, (7, 4), &mut decoder), symbol);
                prop_assert_eq!(models.1.decode(60, &mut decoder), bit);
            }
            decoder.finish().unwrap();
        }

        #[test]
        fn boundaries_stay_apart(symbols in proptest::collection::vec(0u8..16, 0..500), limit in 1u8..8) {
            let mut model = Nibble::default();
            for symbol in symbols {
                for _ in 0..20 {
                    model.update(symbol, limit);
                    prop_assert!(model.cells[1] > 0);
                    prop_assert!(model.cells[1..].windows(2).all(|w| w[0] < w[1]));
                }
            }
        }
    }

    #[test]
    fn a_constant_becomes_cheap() {
        let mut encoder = Encoder::new(Vec::new());
        let (mut nibble, mut bit) = (Nibble::default(), Bit::default());
        for _ in 0..10_000 {
            nibble.encode(3, 7, &mut encoder);
            bit.encode(true, 127, &mut encoder);
        }
        assert!(encoder.finish().len() < 90);
    }
}
