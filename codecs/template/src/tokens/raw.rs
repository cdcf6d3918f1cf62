//! The `raw` coder: tokens as plain bytes, laid out for a general compressor that follows in the chain.
//!
//! It codes the same tokens as `rans`, but sorts their parts by what predicts them, each into its own lane of
//! bytes: first bytes by the previous byte, classes by first byte, and so on. Statistics inside a lane are
//! local, which a compressor without contexts exploits. Only the index into a class's list, which is close to
//! random, is packed into bits.

use std::ops::Range;

use lab_bits::lsb::BitWriter;
use lab_bits::varint;
use lab_codec::{Context, Error, Result};
use lab_entropy::meter::Meter;

use super::expand::{Expansion, Place, Sink};
use super::lists::{Lists, Member, Ranked};
use super::model::{class_after_use, class_of};
use super::walk::{Visitor, walk};
use crate::grammar::Grammar;
use crate::grammar::utility::Utility;

/// Lanes: 256 for first bytes, by the last byte of the output; 256 for classes, by first byte; one each for
/// classes of new rules, widths of new rules, and choices.
const LANES: usize = 256 + 256 + 3;
const CLASS: usize = 256;
const USES: usize = 512;
const WIDTH: usize = 513;
const CHOICE: usize = 514;

/// What follows the escape byte: the byte itself, or NEW.
const IS_BYTE: u8 = 0;
const IS_NEW: u8 = 1;

struct Writer<'a> {
    utility: &'a Utility,
    lanes: Vec<Vec<u8>>,
    choices: ChoiceWriter,
    escape: u8,
    tail: u16,
    ranked: Ranked,
}

impl Writer<'_> {
    fn first(&mut self, byte: u8) {
        let lane = &mut self.lanes[usize::from(self.tail as u8)];
        lane.push(byte);
        if byte == self.escape {
            lane.push(IS_BYTE);
        }
    }
}

impl Visitor for Writer<'_> {
    fn byte(&mut self, byte: u8) {
        self.first(byte);
        self.lanes[CLASS + usize::from(byte)].push(0);
        self.tail = self.tail << 8 | u16::from(byte);
        self.ranked.said(byte);
    }

    fn open(&mut self, rule: usize, width: u32) {
        let class = class_of(self.utility.uses[rule] - 1);
        self.ranked.open(rule, class);
        self.lanes[usize::from(self.tail as u8)].extend([self.escape, IS_NEW]);
        self.lanes[USES].push(class);
        varint::write(&mut self.lanes[WIDTH], u64::from(width - 2));
    }

    fn close(&mut self, rule: usize) {
        self.ranked.close(rule, self.tail);
    }

    fn again(&mut self, rule: usize) {
        let Member { tail, first, class, .. } = self.ranked.member(rule);
        self.first(first);
        self.lanes[CLASS + usize::from(first)].push(class);
        let (at, len) = self.ranked.use_again(rule);
        self.choices.write(at, len);
        self.tail = tail;
        self.ranked.said(first);
    }
}

/// Appends the tokens of `grammar` to `out`.
///
/// # Errors
/// Cancellation.
pub fn encode(grammar: &Grammar, utility: &Utility, mut out: Vec<u8>, cx: &Context) -> Result<Vec<u8>> {
    // The byte that is rarest as a terminal serves as the escape: each of its literal uses costs one more
    // byte.
    let mut seen = [0usize; 256];
    for &symbol in grammar.start.iter().chain(grammar.rules.iter().flatten()) {
        if let Ok(byte) = u8::try_from(symbol) {
            seen[usize::from(byte)] += 1;
        }
    }
    let escape = (0..=255u8).min_by_key(|&byte| seen[usize::from(byte)]).unwrap_or(0);
    let mut writer = Writer {
        utility,
        lanes: vec![Vec::new(); LANES],
        choices: ChoiceWriter::default(),
        escape,
        tail: 0,
        ranked: Ranked::new(grammar.rules.len()),
    };
    walk(grammar, utility, &mut writer, cx)?;
    writer.lanes[CHOICE] = writer.choices.finish();
    out.push(escape);
    let used = || writer.lanes.iter().enumerate().filter(|(_, lane)| !lane.is_empty());
    varint::write(&mut out, used().count() as u64);
    let mut next = 0;
    for (number, lane) in used() {
        varint::write(&mut out, (number - next) as u64);
        varint::write(&mut out, lane.len() as u64);
        next = number + 1;
    }
    for lane in &writer.lanes {
        out.extend_from_slice(lane);
    }
    Ok(out)
}

/// The lanes of an encoded segment: the unread range of each.
struct Reader<'a> {
    input: &'a [u8],
    lanes: Vec<Range<usize>>,
}

impl<'a> Reader<'a> {
    fn new(mut input: &'a [u8]) -> Result<Self> {
        let mut lengths = [0; LANES];
        let used = varint::read(&mut input)?;
        let mut next = 0u64;
        for _ in 0..used.min(LANES as u64 + 1) {
            let number = next.saturating_add(varint::read(&mut input)?);
            let length = varint::read(&mut input)?;
            let lane = usize::try_from(number).ok().and_then(|i| lengths.get_mut(i));
            match lane {
                Some(lane) if length > 0 => *lane = length,
                _ => return Err(Error::corrupt(format!("lane {number} of {LANES}, {length} bytes long"))),
            }
            next = number + 1;
        }
        let mut lanes = Vec::with_capacity(LANES);
        let mut start = 0usize;
        for length in lengths {
            let end = usize::try_from(length).ok().and_then(|n| start.checked_add(n));
            let end = end.filter(|&end| end <= input.len());
            let end = end.ok_or_else(|| Error::truncated("the data ends inside a lane"))?;
            lanes.push(start..end);
            start = end;
        }
        if start != input.len() {
            return Err(Error::corrupt(format!("{} bytes follow the last lane", input.len() - start)));
        }
        Ok(Self { input, lanes })
    }

    #[inline]
    fn byte(&mut self, lane: usize) -> Result<u8> {
        let range = &mut self.lanes[lane];
        if range.start == range.end {
            return Err(Error::corrupt("a lane ends early"));
        }
        let byte = self.input[range.start];
        range.start += 1;
        Ok(byte)
    }

    fn varint(&mut self, lane: usize) -> Result<u64> {
        let range = &mut self.lanes[lane];
        let mut rest = &self.input[range.clone()];
        let value = varint::read(&mut rest)?;
        range.start = range.end - rest.len();
        Ok(value)
    }
}

/// The number of bytes before the lanes in `input`.
///
/// # Errors
/// As [`decode`].
pub fn head(input: &[u8]) -> Result<usize> {
    let lanes = Reader::new(input.get(1..).unwrap_or_default())?.input.len();
    Ok(input.len() - lanes)
}

/// Decodes the tokens in `input` until `output` has the requested text, and returns its sink. `meter`
/// receives the bits that a token takes in the lanes before the sink receives the token.
///
/// # Errors
/// Corrupt or truncated tokens; [`Limit`](lab_codec::ErrorKind::Limit); cancellation.
pub fn decode<S: Sink>(
    input: &[u8],
    mut meter: impl Meter,
    mut output: Expansion<S, u8>,
    cx: &Context,
) -> Result<S> {
    let Some((&escape, input)) = input.split_first() else {
        return Err(Error::truncated("the data ends before the lanes"));
    };
    let mut reader = Reader::new(input)?;
    let mut choices = ChoiceReader::new(&reader.input[reader.lanes[CHOICE].clone()]);
    let mut lists = Lists::<Place<S::Name>>::default();
    while !output.is_enough() {
        if output.tick(cx)? {
            cx.limits().check_memory(lists.memory() + output.memory(), "the grammar")?;
        }
        let lane = usize::from(output.tail() as u8);
        let first = reader.byte(lane)?;
        meter.decided(1, 8);
        if first == escape {
            meter.decided(1, 8);
            match reader.byte(lane)? {
                IS_BYTE => {}
                IS_NEW => {
                    let class = reader.byte(USES)?;
                    let left = reader.lanes[WIDTH].len();
                    let width = reader.varint(WIDTH)?.checked_add(2).and_then(|n| u32::try_from(n).ok());
                    meter.decided(1, 8 + 8 * (left - reader.lanes[WIDTH].len()) as u32);
                    output.open(width.unwrap_or(u32::MAX), class)?;
                    continue;
                }
                other => {
                    return Err(Error::corrupt(format!(
                        "byte {other} after the escape, where only 0 or 1 may stand"
                    )));
                }
            }
        }
        meter.decided(1, 8);
        match reader.byte(CLASS + usize::from(first))? {
            0 => output.byte(first)?,
            class => {
                let len = lists.len(first, class)?;
                let at = choices.read(len)?;
                let (bits, short) = truncated(len);
                meter.decided(1, bits + u32::from(at >= short));
                output.copy(lists.take(first, class, at, class_after_use(class))?, first)?;
            }
        }
        while let Some(closed) = output.settle() {
            lists.insert(closed.first, closed.note, closed.place)?;
        }
    }
    let complete = output.is_complete();
    let sink = output.finish()?;
    if !complete {
        return Ok(sink);
    }
    if !choices.is_used_up() || reader.lanes[..CHOICE].iter().any(|lane| lane.start < lane.end) {
        return Err(Error::corrupt("the lanes hold more tokens than the segment needs"));
    }
    Ok(sink)
}

/// Values below a bound as truncated binary codes, least significant bit first.
#[derive(Debug, Default)]
struct ChoiceWriter(BitWriter);

impl ChoiceWriter {
    /// With `k` bits there are `2^k` codes. The first `2^(k+1) - bound` of them stand for a value each; the
    /// others take one more bit for two values.
    fn write(&mut self, value: u32, bound: u32) {
        let (k, short) = truncated(bound);
        if value < short {
            self.0.write(value, k);
        } else {
            let value = value + short;
            self.0.write(value >> 1, k);
            self.0.write(value & 1, 1);
        }
    }

    fn finish(self) -> Vec<u8> {
        self.0.finish()
    }
}

/// `k`, the bits of the short codes for values below `bound` (at least 1), and the number of values that have
/// one.
#[inline]
fn truncated(bound: u32) -> (u32, u32) {
    let k = 31 - bound.leading_zeros();
    (k, ((2u64 << k) - u64::from(bound)) as u32)
}

struct ChoiceReader<'a> {
    input: &'a [u8],
    held: u64,
    bits: u32,
}

impl<'a> ChoiceReader<'a> {
    fn new(input: &'a [u8]) -> Self {
        Self { input, held: 0, bits: 0 }
    }

    #[inline]
    fn read(&mut self, bound: u32) -> Result<u32> {
        let (k, short) = truncated(bound);
        let value = self.take(k)?;
        if value < short { Ok(value) } else { Ok((value << 1 | self.take(1)?) - short) }
    }

    #[inline]
    fn take(&mut self, bits: u32) -> Result<u32> {
        while self.bits < bits {
            let Some((&byte, rest)) = self.input.split_first() else {
                return Err(Error::corrupt("the lane of choices ends early"));
            };
            self.held |= u64::from(byte) << self.bits;
            self.bits += 8;
            self.input = rest;
        }
        let value = self.held & ((1 << bits) - 1);
        self.held >>= bits;
        self.bits -= bits;
        Ok(value as u32)
    }

    /// Whether only zero bits are left, which fill up the last byte.
    fn is_used_up(&self) -> bool {
        self.input.is_empty() && self.held == 0 && self.bits < 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn choices_round_trip(items in proptest::collection::vec((1u32..1 << 31, any::<u32>(), 0u32..31), 0..300)) {
            let items: Vec<_> = items
                .into_iter()
                .map(|(bound, value, shift)| ((bound >> shift).max(1), value))
                .map(|(bound, value)| (value % bound, bound))
                .collect();
            let mut writer = ChoiceWriter::default();
            items.iter().for_each(|&(value, bound)| writer.write(value, bound));
            let bytes = writer.finish();
            let mut reader = ChoiceReader::new(&bytes);
            for &(value, bound) in &items {
                prop_assert_eq!(reader.read(bound).unwrap(), value);
            }
            prop_assert!(reader.is_used_up());
        }
    }
}
