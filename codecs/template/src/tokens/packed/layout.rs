//! Where everything stands: which rules are how long and how wide, and their symbols, at places that can be computed.

use std::ops::Range;

use lab_bits::lsb::BitWriter;
use lab_bits::varint;
use lab_codec::{Context, Error, Result};

use crate::grammar::TERMINALS;

/// How many symbols share an offset.
pub const SAMPLE: usize = 256;

/// Rules that are numbered one after the other: equally long, and with equally many symbols on their right-hand sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// The first of them: a symbol, from [`TERMINALS`] on.
    pub symbol: u32,
    /// Bytes of the text of each.
    pub len: u32,
    /// Symbols of each.
    pub width: u32,
    /// Where the symbols of the first of them stand among all.
    first: usize,
    /// The bit at which they begin.
    bit: usize,
    /// Bits of each symbol.
    bits: u32,
}

/// Symbols that stand side by side, of equal size.
#[derive(Debug, Clone, Copy)]
pub struct Side {
    first: usize,
    width: usize,
    bit: usize,
    bits: u32,
    /// They are below this.
    below: u32,
}

/// Bits of a symbol below `below`, which is at least [`TERMINALS`].
fn bits_below(below: u32) -> u32 {
    32 - (below - 1).leading_zeros()
}

/// Collects symbols and numbers.
#[derive(Debug, Default)]
pub struct Writer(BitWriter);

impl Writer {
    /// Adds a symbol below `below`.
    #[inline]
    pub fn symbol(&mut self, symbol: u32, below: u32) {
        self.0.write(symbol, bits_below(below));
    }

    /// Adds a number, at least 1 and below 2^31, as an Elias gamma code (IEEE Trans. Inf. Theory 21(2), 1975): one zero
    /// less than it has bits, then its highest bit, then the others.
    pub fn gamma(&mut self, number: u32) {
        let more = number.ilog2();
        self.0.write(1 << more, more + 1);
        self.0.write(number & !(1 << more), more);
    }

    /// Appends the bits to `out`, filled up to a byte with zeros.
    pub fn finish(self, out: &mut Vec<u8>) {
        out.append(&mut self.0.finish());
    }
}

/// The bits from the one numbered `bit` on, 57 at least; zeros behind the end.
#[inline]
fn bits_at(bytes: &[u8], bit: usize) -> u64 {
    let word = match bytes.get(bit / 8..bit / 8 + 8) {
        Some(bytes) => bytes.try_into().map_or(0, u64::from_le_bytes),
        None => last_bits(bytes, bit / 8),
    };
    word >> (bit % 8)
}

#[cold]
fn last_bits(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    let bytes = bytes.get(at..).unwrap_or(&[]);
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(word)
}

/// Takes [`Writer::gamma`] codes.
struct Gammas<'a> {
    bytes: &'a [u8],
    bit: usize,
}

impl<'a> Gammas<'a> {
    fn next(&mut self) -> Result<u64> {
        let more = bits_at(self.bytes, self.bit).trailing_zeros().min(31);
        self.bit += more as usize + 1;
        let rest = bits_at(self.bytes, self.bit) & ((1 << more) - 1);
        self.bit += more as usize;
        // Behind the end there are zeros, as at the start of a number that is too large.
        if more > 30 || self.bit > self.bytes.len() * 8 {
            return Err(Error::corrupt("the list of rules ends early"));
        }
        Ok(1 << more | rest)
    }

    /// What follows; the last byte is filled up with zeros.
    fn finish(self) -> Result<&'a [u8]> {
        let (before, rest) = self.bytes.split_at(self.bit.div_ceil(8));
        if !self.bit.is_multiple_of(8) && before.last().is_some_and(|last| last >> (self.bit % 8) != 0) {
            return Err(Error::corrupt("the list of rules has bits that mean nothing"));
        }
        Ok(rest)
    }
}

/// An encoded segment, of which nothing has been read but the list of its groups.
#[derive(Debug)]
pub struct Layout<'a> {
    /// By ascending length, then width.
    groups: Vec<Group>,
    start: Side,
    samples: &'a [u8],
    packed: &'a [u8],
    /// Bytes before the symbols.
    head: usize,
}

impl<'a> Layout<'a> {
    /// Opens the segment `input`, of a text of `raw_len` bytes.
    ///
    /// # Errors
    /// Where the groups cannot be, or there are more or less bytes than they say;
    /// [`Limit`](lab_codec::ErrorKind::Limit).
    pub fn open(input: &'a [u8], raw_len: usize, cx: &Context) -> Result<Self> {
        let mut rest = input;
        let start = varint::read(&mut rest)?;
        let count = varint::read(&mut rest)?;
        // A group takes three bits at least.
        if count > input.len() as u64 * 8 / 3 || start == 0 || start > raw_len as u64 {
            return Err(Error::corrupt(format!("{count} groups of rules, {start} symbols to start from")));
        }
        cx.limits().check_memory(count * size_of::<Group>() as u64, "the grammar")?;
        let mut groups = Vec::with_capacity(count as usize);
        let (mut symbol, mut len, mut width) = (TERMINALS, 0u64, 0u64);
        let (mut first, mut bit) = (0u64, 0u64);
        let mut gammas = Gammas { bytes: rest, bit: 0 };
        for _ in 0..count {
            let (longer, wider, rules) = (gammas.next()? - 1, gammas.next()?, gammas.next()?);
            (len, width) = if longer == 0 { (len, width + wider) } else { (len + longer, 1 + wider) };
            // A rule has a byte of text at least for each symbol, and comes with a byte at least for each.
            let symbols = rules.saturating_mul(width);
            if len > raw_len as u64 || width > len || width < 2 || symbols > input.len() as u64 {
                return Err(Error::corrupt(format!("{rules} rules of {len} bytes and {width} symbols")));
            }
            let bits = bits_below(symbol);
            groups.push(Group {
                symbol,
                len: len as u32,
                width: width as u32,
                first: first as usize,
                bit: bit as usize,
                bits,
            });
            first += symbols;
            bit += symbols * u64::from(bits);
            // All sums stay small: there are no more symbols than bytes.
            if first > input.len() as u64 {
                return Err(Error::corrupt("more symbols than bytes"));
            }
            symbol += rules as u32;
        }
        let bits = bits_below(symbol);
        let side =
            Side { first: first as usize, width: start as usize, bit: bit as usize, bits, below: symbol };
        let all = first + start;
        let rest = gammas.finish()?;
        let samples = ((all - 1) / SAMPLE as u64) as usize * 4;
        let packed = (bit + start * u64::from(bits)).div_ceil(8);
        if rest.len() as u64 != samples as u64 + packed {
            return Err(Error::corrupt(format!("{} bytes for {all} symbols", rest.len())));
        }
        let (samples, packed) = rest.split_at(samples);
        Ok(Self { groups, start: side, samples, packed, head: input.len() - packed.len() })
    }

    /// Bytes before the symbols.
    pub fn head(&self) -> usize {
        self.head
    }

    /// The number of rules.
    pub fn rules(&self) -> usize {
        (self.start.below - TERMINALS) as usize
    }

    /// The groups, by the numbers of their rules.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The memory in use, in bytes.
    pub fn memory(&self) -> u64 {
        (self.groups.len() * size_of::<Group>()) as u64
    }

    /// The start sequence.
    pub fn start(&self) -> Side {
        self.start
    }

    /// The group of a rule.
    #[inline]
    pub fn group(&self, symbol: u32) -> &Group {
        &self.groups[self.groups.partition_point(|group| group.symbol <= symbol) - 1]
    }

    /// Bytes of a symbol's text.
    #[inline]
    pub fn len_of(&self, symbol: u32) -> u32 {
        if symbol < TERMINALS { 1 } else { self.group(symbol).len }
    }

    /// The right-hand side of a rule.
    #[inline]
    pub fn side(&self, symbol: u32) -> Side {
        self.side_in(self.group(symbol), symbol)
    }

    /// The right-hand side of a rule of a group.
    #[inline]
    pub fn side_in(&self, group: &Group, symbol: u32) -> Side {
        let before = (symbol - group.symbol) as usize * group.width as usize;
        Side {
            first: group.first + before,
            width: group.width as usize,
            bit: group.bit + before * group.bits as usize,
            bits: group.bits,
            below: group.symbol,
        }
    }

    /// Symbol `i` of a side.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where there is no such symbol, or only a later one.
    #[inline]
    pub fn symbol(&self, side: &Side, i: usize) -> Result<u32> {
        let bit = side.bit + i * side.bits as usize;
        let symbol = (bits_at(self.packed, bit) & ((1 << side.bits) - 1)) as u32;
        if symbol < side.below { Ok(symbol) } else { Err(unknown(symbol)) }
    }

    /// Whether the bits that fill up the last byte are 0.
    pub fn ends_well(&self) -> bool {
        let end = self.start.bit + self.start.width * self.start.bits as usize;
        end.is_multiple_of(8) || self.packed.last().is_some_and(|last| last >> (end % 8) == 0)
    }

    /// The lengths of all symbols before the one at `at`, a multiple of [`SAMPLE`], modulo 2^32.
    #[inline]
    pub fn sample(&self, at: usize) -> u32 {
        match (at / SAMPLE).checked_sub(1).and_then(|i| self.samples.get(4 * i..4 * i + 4)) {
            Some(bytes) => bytes.try_into().map_or(0, u32::from_le_bytes),
            None => 0,
        }
    }

    /// Where on a side the byte `skip` of its text is to be looked for: the number of a symbol at which or behind which
    /// it stands, by less than [`SAMPLE`], and what is left to skip from there on.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where there is an unknown symbol on the way.
    pub fn seek(&self, side: &Side, skip: u32) -> Result<(usize, u32)> {
        let inside: Range<usize> = side.first / SAMPLE + 1..(side.first + side.width - 1) / SAMPLE + 1;
        if skip == 0 || inside.is_empty() {
            return Ok((0, skip));
        }
        // The text of the side up to the first sample in it; from there on samples tell.
        let mut before = 0u32;
        for i in 0..inside.start * SAMPLE - side.first {
            before = before.wrapping_add(self.len_of(self.symbol(side, i)?));
        }
        let base = self.sample(inside.start * SAMPLE);
        let offset = |k: usize| self.sample(k * SAMPLE).wrapping_sub(base).wrapping_add(before);
        let (mut low, mut high) = (inside.start, inside.end);
        while low < high {
            let middle = (low + high) / 2;
            if offset(middle) <= skip {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let k = low - 1;
        if k < inside.start {
            return Ok((0, skip));
        }
        Ok((k * SAMPLE - side.first, skip.wrapping_sub(offset(k))))
    }
}

impl Side {
    /// The number of symbols.
    #[inline]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Bits of each symbol.
    #[inline]
    pub fn bits(&self) -> u32 {
        self.bits
    }
}

#[cold]
fn unknown(symbol: u32) -> Error {
    Error::corrupt(format!("symbol {symbol} before its rule"))
}
