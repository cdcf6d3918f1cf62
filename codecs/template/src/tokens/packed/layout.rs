//! The layout of a `packed` segment: groups of rules of equal length and width, and their symbols at offsets
//! that can be computed.

use std::ops::Range;

use lab_bits::lsb::BitWriter;
use lab_bits::varint;
use lab_codec::{Context, Error, Result};

use crate::grammar::TERMINALS;

/// Symbols per stored offset: 4 bytes for each 256 symbols, and at most 255 lengths to add up in a seek.
pub(super) const SAMPLE: usize = 256;

/// Rules of equal length and equal width, numbered one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    /// The first of them: a symbol, from [`TERMINALS`] on.
    pub symbol: u32,
    /// Bytes of the text of each.
    pub len: u32,
    /// Symbols of each.
    pub width: u32,
    /// Index of the group's first symbol among all symbols.
    first: usize,
    /// Bit offset of that symbol.
    bit: usize,
    /// Bits of each symbol.
    bits: u32,
}

/// Consecutive symbols of equal size: the right-hand side of a rule, or the start sequence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side {
    first: usize,
    width: usize,
    bit: usize,
    bits: u32,
    /// All symbols are below this: a rule refers to earlier ones only, so expansion ends.
    below: u32,
}

/// Bits of a symbol below `below`, which is at least [`TERMINALS`].
fn bits_below(below: u32) -> u32 {
    32 - (below - 1).leading_zeros()
}

/// Writes symbols and numbers as bits.
#[derive(Debug, Default)]
pub(super) struct Writer(BitWriter);

impl Writer {
    /// Adds a symbol below `below`.
    #[inline]
    pub(super) fn symbol(&mut self, symbol: u32, below: u32) {
        self.0.write(symbol, bits_below(below));
    }

    /// Adds a number, at least 1 and below 2^31, as an Elias gamma code (IEEE Trans. Inf. Theory 21(2),
    /// 1975): as many zeros as it has bits, less one, then its highest bit, then the others.
    pub(super) fn gamma(&mut self, number: u32) {
        let more = number.ilog2();
        self.0.write(1 << more, more + 1);
        self.0.write(number & !(1 << more), more);
    }

    /// Appends the bits to `out`, filled up to a byte with zeros.
    pub(super) fn finish(self, out: &mut Vec<u8>) {
        out.append(&mut self.0.finish());
    }
}

/// The bits from bit offset `bit` on, at least 57; zeros after the end. A symbol has at most 32, so one load
/// serves.
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

/// Reads [`Writer::gamma`] codes.
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
        // After the end there are zeros, which look like the start of a number that is too large.
        if more > 30 || self.bit > self.bytes.len() * 8 {
            return Err(Error::corrupt("the list of rules ends early"));
        }
        Ok(1 << more | rest)
    }

    /// The bytes that follow; the last byte of the codes is filled up with zeros.
    fn finish(self) -> Result<&'a [u8]> {
        let (before, rest) = self.bytes.split_at(self.bit.div_ceil(8));
        if !self.bit.is_multiple_of(8) && before.last().is_some_and(|last| last >> (self.bit % 8) != 0) {
            return Err(Error::corrupt("the list of rules has nonzero padding bits"));
        }
        Ok(rest)
    }
}

/// An encoded segment of which only the list of groups has been read.
#[derive(Debug)]
pub(super) struct Layout<'a> {
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
    /// Where the groups are inconsistent, or the number of bytes does not match them;
    /// [`Limit`](lab_codec::ErrorKind::Limit).
    pub(super) fn open(input: &'a [u8], raw_len: usize, cx: &Context) -> Result<Self> {
        let mut rest = input;
        let start = varint::read(&mut rest)?;
        let count = varint::read(&mut rest)?;
        // A group takes at least three bits: three gamma codes of one bit. So the count is bounded before
        // allocation.
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
            // Each symbol of a rule yields at least one byte of text. Symbols of at least 8 bits take a byte
            // each of input.
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
            // All sums stay within 32 bits of symbols: the input has at least one byte for each of them.
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
        // Offsets for symbols 256, 512, ...: the offset of symbol 0 is 0 and not stored.
        let samples = ((all - 1) / SAMPLE as u64) as usize * 4;
        let packed = (bit + start * u64::from(bits)).div_ceil(8);
        if rest.len() as u64 != samples as u64 + packed {
            return Err(Error::corrupt(format!("{} bytes for {all} symbols", rest.len())));
        }
        let (samples, packed) = rest.split_at(samples);
        Ok(Self { groups, start: side, samples, packed, head: input.len() - packed.len() })
    }

    /// Bytes before the symbols.
    pub(super) fn head(&self) -> usize {
        self.head
    }

    /// The number of rules.
    pub(super) fn rules(&self) -> usize {
        (self.start.below - TERMINALS) as usize
    }

    /// The groups, by the numbers of their rules.
    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The memory in use, in bytes.
    pub(super) fn memory(&self) -> u64 {
        (self.groups.len() * size_of::<Group>()) as u64
    }

    /// The start sequence.
    pub(super) fn start(&self) -> Side {
        self.start
    }

    /// The group of a rule, by binary search.
    #[inline]
    pub(super) fn group(&self, symbol: u32) -> &Group {
        &self.groups[self.groups.partition_point(|group| group.symbol <= symbol) - 1]
    }

    /// Bytes of a symbol's text.
    #[inline]
    pub(super) fn len_of(&self, symbol: u32) -> u32 {
        if symbol < TERMINALS { 1 } else { self.group(symbol).len }
    }

    /// The right-hand side of a rule.
    #[inline]
    pub(super) fn side(&self, symbol: u32) -> Side {
        self.side_in(self.group(symbol), symbol)
    }

    /// The right-hand side of a rule of a group.
    #[inline]
    pub(super) fn side_in(&self, group: &Group, symbol: u32) -> Side {
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
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where the symbol does not exist or comes later.
    #[inline]
    pub(super) fn symbol(&self, side: &Side, i: usize) -> Result<u32> {
        let bit = side.bit + i * side.bits as usize;
        let symbol = (bits_at(self.packed, bit) & ((1 << side.bits) - 1)) as u32;
        if symbol < side.below { Ok(symbol) } else { Err(unknown(symbol)) }
    }

    /// Whether the padding bits of the last byte are 0.
    pub(super) fn ends_well(&self) -> bool {
        let end = self.start.bit + self.start.width * self.start.bits as usize;
        end.is_multiple_of(8) || self.packed.last().is_some_and(|last| last >> (end % 8) == 0)
    }

    /// The summed lengths of all symbols before symbol `at`, a multiple of [`SAMPLE`], modulo 2^32.
    /// Right-hand sides count too, so the sum can wrap; only differences within one side are used, and these
    /// fit.
    #[inline]
    pub(super) fn sample(&self, at: usize) -> u32 {
        match (at / SAMPLE).checked_sub(1).and_then(|i| self.samples.get(4 * i..4 * i + 4)) {
            Some(bytes) => bytes.try_into().map_or(0, u32::from_le_bytes),
            None => 0,
        }
    }

    /// Finds byte `skip` of a side's text: the index of a symbol at or before it, by less than [`SAMPLE`]
    /// symbols, and the bytes left to skip from there.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where an unknown symbol stands on the way.
    pub(super) fn seek(&self, side: &Side, skip: u32) -> Result<(usize, u32)> {
        let inside: Range<usize> = side.first / SAMPLE + 1..(side.first + side.width - 1) / SAMPLE + 1;
        if skip == 0 || inside.is_empty() {
            return Ok((0, skip));
        }
        // Lengths up to the first sample inside the side are added up; from there on the samples give them.
        let mut before = 0u32;
        for i in 0..inside.start * SAMPLE - side.first {
            before = before.wrapping_add(self.len_of(self.symbol(side, i)?));
        }
        let base = self.sample(inside.start * SAMPLE);
        let offset = |k: usize| self.sample(k * SAMPLE).wrapping_sub(base).wrapping_add(before);
        // Offsets ascend within a side: binary search for the last sample at or before `skip`.
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
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Bits of each symbol.
    #[inline]
    pub(super) fn bits(&self) -> u32 {
        self.bits
    }
}

#[cold]
fn unknown(symbol: u32) -> Error {
    Error::corrupt(format!("symbol {symbol} is used before its rule is defined"))
}
