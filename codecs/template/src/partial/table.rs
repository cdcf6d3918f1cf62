//! A grammar with random access: all right-hand sides in one vector, the length of each rule, and the text
//! offset of every 64th symbol of the start sequence.

use std::ops::Range;

use lab_codec::{Context, Result};

use crate::grammar::TERMINALS;
use crate::tokens::expand::{Place, Sink};

/// Symbols of the start sequence per stored offset: at most 63 lengths to add up before a range.
const SAMPLE: usize = 64;

#[derive(Debug, Clone, Copy)]
struct Rule {
    /// End of its right-hand side in `symbols`; the previous rule's end is its start.
    end: u32,
    /// Bytes of its text.
    len: u32,
}

/// A grammar with the lengths of its symbols. The text is shorter than 2^31 bytes, so no sum overflows.
///
/// Symbol `s < 256` is the byte `s`; symbol `256 + i` is rule `i`, whose symbols are smaller than it.
#[derive(Debug, Default)]
pub struct Table {
    rules: Vec<Rule>,
    symbols: Vec<u32>,
    start: Vec<u32>,
    /// Offset of every [`SAMPLE`]th symbol of the start sequence.
    samples: Vec<u32>,
    len: u32,
}

impl Table {
    /// Bytes of the text.
    pub fn bytes(&self) -> u32 {
        self.len
    }

    /// The number of rules.
    pub fn rules(&self) -> usize {
        self.rules.len()
    }

    /// The start sequence.
    pub fn start(&self) -> &[u32] {
        &self.start
    }

    /// The right-hand side of rule `rule`.
    #[inline]
    pub fn side(&self, rule: usize) -> &[u32] {
        let begin = rule.checked_sub(1).map_or(0, |before| self.rules[before].end);
        &self.symbols[begin as usize..self.rules[rule].end as usize]
    }

    /// Bytes of a symbol's text.
    #[inline]
    pub fn len_of(&self, symbol: u32) -> u32 {
        symbol.checked_sub(TERMINALS).map_or(1, |rule| self.rules[rule as usize].len)
    }

    /// Appends the bytes `range` of the text to `out`.
    ///
    /// # Errors
    /// Cancellation.
    pub fn expand(&self, range: Range<usize>, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        let sample = self.samples.partition_point(|&offset| offset as usize <= range.start).saturating_sub(1);
        let offset = self.samples.get(sample).map_or(0, |&offset| offset as usize);
        self.expand_from(&self.start[sample * SAMPLE..], range.start - offset..range.end - offset, out, cx)
    }

    /// Appends the bytes `range` of a symbol's text to `out`.
    ///
    /// # Errors
    /// Cancellation.
    pub fn expand_symbol(
        &self,
        symbol: u32,
        range: Range<usize>,
        out: &mut Vec<u8>,
        cx: &Context,
    ) -> Result<()> {
        self.expand_from(&[symbol], range, out, cx)
    }

    /// Appends the bytes `range` of the text of `symbols` to `out`.
    fn expand_from(
        &self,
        symbols: &[u32],
        range: Range<usize>,
        out: &mut Vec<u8>,
        cx: &Context,
    ) -> Result<()> {
        let (mut skip, mut left) = (range.start, range.len());
        let mut stack = vec![symbols.iter()];
        let mut steps = 0u32;
        while let Some(top) = stack.last_mut().filter(|_| left > 0) {
            steps += 1;
            if steps.is_multiple_of(1 << 16) {
                cx.check()?;
            }
            let Some(&symbol) = top.next() else {
                stack.pop();
                continue;
            };
            let len = self.len_of(symbol) as usize;
            if len <= skip {
                skip -= len;
            } else if let Some(rule) = symbol.checked_sub(TERMINALS) {
                stack.push(self.side(rule as usize).iter());
            } else {
                out.push(symbol as u8);
                left -= 1;
            }
        }
        Ok(())
    }
}

/// Construction from other tables.
impl Table {
    /// The table of a text without rules.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        let mut table = Self::default();
        table.begin_with(bytes.iter().map(|&byte| byte.into()).collect());
        table
    }

    /// Adds a rule with existing symbols as its right-hand side, and returns its symbol. A single symbol
    /// needs no rule.
    pub(crate) fn define(&mut self, side: &[u32]) -> u32 {
        if let [symbol] = *side {
            return symbol;
        }
        let len = side.iter().map(|&symbol| self.len_of(symbol)).sum();
        self.symbols.extend_from_slice(side);
        self.rules.push(Rule { end: self.symbols.len() as u32, len });
        TERMINALS + (self.rules.len() - 1) as u32
    }

    /// As [`define`](Self::define), with bytes as the right-hand side.
    pub(crate) fn define_bytes(&mut self, bytes: &[u8]) -> u32 {
        if let [byte] = *bytes {
            return byte.into();
        }
        self.symbols.extend(bytes.iter().map(|&byte| u32::from(byte)));
        self.rules.push(Rule { end: self.symbols.len() as u32, len: bytes.len() as u32 });
        TERMINALS + (self.rules.len() - 1) as u32
    }

    /// Replaces the start sequence, and thus the text.
    pub(crate) fn begin_with(&mut self, start: Vec<u32>) {
        self.start = start;
        self.measure();
    }

    /// A cursor at the start of the text.
    pub(crate) fn cursor(&self) -> Cursor<'_> {
        Cursor { table: self, stack: vec![self.start.iter()] }
    }

    fn measure(&mut self) {
        self.samples.clear();
        self.len = 0;
        for (i, &symbol) in self.start.iter().enumerate() {
            if i % SAMPLE == 0 {
                self.samples.push(self.len);
            }
            self.len += symbol.checked_sub(TERMINALS).map_or(1, |rule| self.rules[rule as usize].len);
        }
    }
}

/// A cursor along the text, which yields the longest symbols that fit. In all it takes at most twice as many
/// steps as the text has bytes.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    table: &'a Table,
    stack: Vec<std::slice::Iter<'a, u32>>,
}

impl Cursor<'_> {
    /// Appends the symbols of the next `len` bytes to `out`.
    pub(crate) fn take(&mut self, len: usize, out: &mut Vec<u32>) {
        let mut left = len;
        while let Some(top) = self.stack.last_mut().filter(|_| left > 0) {
            let Some(&symbol) = top.next() else {
                self.stack.pop();
                continue;
            };
            let len = self.table.len_of(symbol) as usize;
            if len <= left {
                out.push(symbol);
                left -= len;
            } else if let Some(rule) = symbol.checked_sub(TERMINALS) {
                self.stack.push(self.table.side(rule as usize).iter());
            }
        }
    }
}

/// Builds a [`Table`] from tokens.
///
/// Tokens are appended to the start sequence. When a rule is complete, its right-hand side moves from the end
/// of the start sequence to `symbols`, and the rule takes its place.
#[derive(Debug, Default)]
pub(super) struct Builder {
    table: Table,
}

impl Builder {
    /// The table.
    pub(super) fn finish(self) -> Table {
        let mut table = self.table;
        table.measure();
        table
    }
}

impl Sink for Builder {
    type Name = u32;

    fn name(number: u32) -> u32 {
        number
    }

    #[inline]
    fn byte(&mut self, byte: u8) {
        self.table.start.push(u32::from(byte));
    }

    #[inline]
    fn rule(&mut self, place: Place<u32>) {
        self.table.start.push(TERMINALS + place.name);
    }

    fn memory(&self) -> u64 {
        let Table { rules, symbols, start, .. } = &self.table;
        (size_of::<Rule>() * rules.capacity() + size_of::<u32>() * (symbols.capacity() + start.capacity()))
            as u64
    }

    #[inline]
    fn close(&mut self, width: u32, len: u32) {
        let Table { rules, symbols, start, .. } = &mut self.table;
        symbols.extend(start.drain(start.len() - width as usize..));
        start.push(TERMINALS + rules.len() as u32);
        rules.push(Rule { end: symbols.len() as u32, len });
    }
}
