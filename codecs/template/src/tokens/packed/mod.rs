//! The `packed` coder: symbols of equal size, each to be found without reading what stands before it.
//!
//! Rules are numbered by the length of their text, then by their width. A list of these groups gives the
//! length and the symbols of any rule by one binary search. With the offset of every 256th symbol, a reader
//! finds any offset of the text in logarithmic time; a range then costs time proportional to its length.
//! Costs and sizes are in docs/decisions/repair-packed.md.

mod layout;

use std::ops::Range;

use lab_bits::varint;
use lab_codec::{Context, Error, Result};
use lab_entropy::meter::Meter;

use self::layout::{Layout, SAMPLE, Side, Writer};
use super::expand::{Expansion, Place, Sink};
use crate::grammar::utility::Utility;
use crate::grammar::{Grammar, TERMINALS};

/// Steps between two looks at the cancellation flag.
const CHECK_EVERY: usize = 1 << 16;

/// Appends `grammar` to `out`.
///
/// # Errors
/// Cancellation.
pub fn encode(grammar: &Grammar, utility: &Utility, mut out: Vec<u8>, cx: &Context) -> Result<Vec<u8>> {
    let mut lens = Vec::with_capacity(grammar.rules.len());
    for &[a, b] in &grammar.rules {
        let of = |symbol: u32| symbol.checked_sub(TERMINALS).map_or(1, |rule| lens[rule as usize]);
        lens.push(of(a) + of(b));
    }
    // Sorted by length, a rule comes after all rules it uses: those are shorter. Its symbols are then below
    // its number.
    let mut order: Vec<u32> =
        (0..grammar.rules.len() as u32).filter(|&rule| utility.uses[rule as usize] > 1).collect();
    let key = |rule: u32| (lens[rule as usize], utility.width[rule as usize]);
    order.sort_by_key(|&rule| key(rule));
    cx.check()?;
    let mut names: Vec<u32> = vec![0; grammar.rules.len()];
    for (&rule, name) in order.iter().zip(TERMINALS..) {
        names[rule as usize] = name;
    }

    let mut groups = Writer::default();
    let mut writer = Writer::default();
    let mut samples = Vec::new();
    let (mut symbols, mut text) = (0usize, 0u32);
    let mut stack: Vec<u32> = Vec::new();
    // Writes the symbols of one side. Unnamed rules are expanded in place.
    let mut write = |side: &[u32], below: u32| {
        stack.extend(side.iter().rev());
        let mut width = 0;
        while let Some(symbol) = stack.pop() {
            let (name, len) = match symbol.checked_sub(TERMINALS).map(|rule| rule as usize) {
                None => (symbol, 1),
                Some(rule) if names[rule] != 0 => (names[rule], lens[rule]),
                Some(rule) => {
                    let [a, b] = grammar.rules[rule];
                    stack.extend([b, a]);
                    continue;
                }
            };
            if symbols > 0 && symbols.is_multiple_of(SAMPLE) {
                samples.extend(text.to_le_bytes());
            }
            writer.symbol(name, below);
            symbols += 1;
            width += 1;
            text = text.wrapping_add(len);
        }
        width
    };
    let mut number = TERMINALS;
    let mut before = (0, 0);
    let mut count = 0u64;
    for group in order.chunk_by(|&a, &b| key(a) == key(b)) {
        cx.check()?;
        let (len, width) = key(group[0]);
        // Lengths and widths ascend, so gamma codes store differences: short ones where groups are dense.
        let wider = if len == before.0 { width - before.1 } else { width - 1 };
        for value in [len - before.0 + 1, wider, group.len() as u32] {
            groups.gamma(value);
        }
        for &rule in group {
            write(&grammar.rules[rule as usize], number);
        }
        number += group.len() as u32;
        before = (len, width);
        count += 1;
    }
    let mut start = 0u64;
    for piece in grammar.start.chunks(CHECK_EVERY) {
        cx.check()?;
        start += write(piece, number);
    }
    varint::write(&mut out, start);
    varint::write(&mut out, count);
    groups.finish(&mut out);
    out.append(&mut samples);
    writer.finish(&mut out);
    Ok(out)
}

/// The number of bytes before the symbols of `input`.
///
/// # Errors
/// As [`decode`].
pub fn head(input: &[u8], raw_len: usize, cx: &Context) -> Result<usize> {
    Ok(Layout::open(input, raw_len, cx)?.head())
}

/// Passes the tokens of `input` to the sink of `output` until the requested text is there, and returns the
/// sink. `meter` receives the bits of a symbol before the sink receives the token.
///
/// # Errors
/// Corrupt or truncated data; [`Limit`](lab_codec::ErrorKind::Limit); cancellation.
pub fn decode<S: Sink>(
    input: &[u8],
    raw_len: usize,
    mut meter: impl Meter,
    mut output: Expansion<S, u32>,
    cx: &Context,
) -> Result<S> {
    let layout = Layout::open(input, raw_len, cx)?;
    let rules = layout.rules();
    let memory = layout.memory() + rules as u64 * size_of::<(u32, Place<S::Name>)>() as u64;
    cx.limits().check_memory(memory + output.memory(), "the grammar")?;
    check(&layout, raw_len, cx)?;
    // Length 0 marks a rule that is not complete yet.
    let empty = Place { start: 0, len: 0, name: S::name(0), tail: 0 };
    let mut places = vec![empty; rules];
    let mut open: Vec<(Side, usize)> = Vec::new();
    let (mut side, mut at) = (layout.start(), 0);
    while !output.is_enough() {
        if output.tick(cx)? {
            cx.limits().check_memory(memory + output.memory(), "the grammar")?;
        }
        if at == side.width() {
            // The start sequence has been checked to be as long as the text.
            let Some(outer) = open.pop() else { break };
            (side, at) = outer;
            continue;
        }
        let symbol = layout.symbol(&side, at)?;
        meter.decided(1, side.bits());
        at += 1;
        match symbol.checked_sub(TERMINALS) {
            None => output.byte(symbol as u8)?,
            Some(rule) => {
                let place = places[rule as usize];
                if place.len == 0 {
                    let inner = layout.side(symbol);
                    output.open(inner.width() as u32, rule)?;
                    open.push((std::mem::replace(&mut side, inner), std::mem::take(&mut at)));
                    continue;
                }
                output.copy(place, 0)?;
            }
        }
        while let Some(closed) = output.settle() {
            places[closed.note as usize] = closed.place;
        }
    }
    if output.is_complete() && places.iter().any(|place| place.len == 0) {
        return Err(Error::corrupt("a rule is never used"));
    }
    output.finish()
}

/// Checks the length of every side, all offsets, and the padding bits. Rules ascend by length, so each refers
/// to lengths that are known by then.
fn check(layout: &Layout, raw_len: usize, cx: &Context) -> Result<()> {
    let mut lens = vec![1; TERMINALS as usize];
    lens.reserve_exact(layout.rules());
    let (mut symbols, mut text) = (0usize, 0u32);
    let mut unchecked = 0;
    let mut sum = |lens: &[u32], side: &Side, len: usize| {
        let mut left = len as u64;
        for i in 0..side.width() {
            if symbols.is_multiple_of(SAMPLE) && layout.sample(symbols) != text {
                return Err(Error::corrupt(format!("the offset of symbol {symbols} is wrong")));
            }
            let one = lens[layout.symbol(side, i)? as usize];
            left = left.checked_sub(u64::from(one)).ok_or_else(wrong_length)?;
            text = text.wrapping_add(one);
            symbols += 1;
        }
        unchecked += side.width();
        if unchecked >= CHECK_EVERY {
            unchecked = 0;
            cx.check()?;
        }
        if left > 0 { Err(wrong_length()) } else { Ok(()) }
    };
    let ends =
        layout.groups().iter().skip(1).map(|group| group.symbol).chain([layout.rules() as u32 + TERMINALS]);
    for (group, end) in layout.groups().iter().zip(ends) {
        for symbol in group.symbol..end {
            sum(&lens, &layout.side_in(group, symbol), group.len as usize)?;
        }
        lens.resize(end as usize, group.len);
    }
    sum(&lens, &layout.start(), raw_len)?;
    if layout.ends_well() { Ok(()) } else { Err(Error::corrupt("the last byte has nonzero padding bits")) }
}

#[cold]
fn wrong_length() -> Error {
    Error::corrupt("the symbols of a rule do not add up to its length")
}

/// Appends the bytes `range` (within the text) to `out`. Reads the list of groups and only the symbols on
/// the way.
///
/// # Errors
/// Corrupt or truncated data in the part that is read; [`Limit`](lab_codec::ErrorKind::Limit); cancellation.
pub fn range(
    input: &[u8],
    raw_len: usize,
    range: Range<usize>,
    out: &mut Vec<u8>,
    cx: &Context,
) -> Result<()> {
    let layout = Layout::open(input, raw_len, cx)?;
    let end = out.len() + range.len();
    if range.is_empty() {
        return Ok(());
    }
    let mut side = layout.start();
    let (mut at, mut skip) = layout.seek(&side, range.start as u32)?;
    // Every symbol on a side is below its rule, so the descent ends.
    let mut open: Vec<(Side, usize)> = Vec::new();
    let mut steps = 0usize;
    while out.len() < end {
        steps += 1;
        if steps.is_multiple_of(CHECK_EVERY) {
            cx.check()?;
        }
        if at == side.width() {
            let Some(outer) = open.pop() else {
                return Err(Error::corrupt("the symbols expand to fewer bytes than the segment has"));
            };
            (side, at) = outer;
            continue;
        }
        let symbol = layout.symbol(&side, at)?;
        at += 1;
        if skip > 0 {
            let len = layout.len_of(symbol);
            if len <= skip {
                skip -= len;
                continue;
            }
        }
        if symbol < TERMINALS {
            out.push(symbol as u8);
            continue;
        }
        if at < side.width() {
            open.push((side, at));
        }
        side = layout.side(symbol);
        (at, skip) = layout.seek(&side, skip)?;
    }
    Ok(())
}
