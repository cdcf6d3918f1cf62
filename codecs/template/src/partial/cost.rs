//! The cost of each part of a text in its grammar's tokens: bits by offset.

use std::ops::Range;

use lab_codec::{Context, Result};
use lab_entropy::meter::Bits;

use crate::segment::{Coder, Stored, read_metered};
use crate::tokens::expand::{Place, Sink};
use crate::tokens::{packed, raw};

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Raw bytes of a stored segment, without tokens.
    Stored,
    /// A byte.
    Byte,
    /// A use of a rule, by number.
    Use(u32),
    /// A dictionary note, by number.
    Entry(u32),
    /// A repeated local note, by number.
    Again(u32),
}

/// A token that produces bytes, and its cost.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    /// Offset of its first byte in the text.
    pub start: u32,
    /// Number of bytes, at least 1.
    pub len: u32,
    /// Its kind.
    pub kind: Kind,
    /// The innermost rule whose definition contains it.
    pub inside: Option<u32>,
    /// Its own bits.
    pub bits: f64,
    /// Bits for each of its bytes: its own, spread over them, and those of the definitions that contain it,
    /// spread over their text.
    pub per_byte: f64,
}

/// A rule, with the cost of its definition apart from the tokens on its right-hand side.
#[derive(Debug, Clone, Copy)]
pub struct Defined {
    /// Offset of its definition in the text, or in [`Costs::said`].
    pub start: u32,
    /// Bytes of its text.
    pub len: u32,
    /// Symbols on its right-hand side.
    pub width: u32,
    /// Its uses, including the definition.
    pub uses: u32,
    /// 1 if its symbols are bytes, else 1 more than the deepest of them.
    pub depth: u32,
    /// Bits of NEW, class and width.
    pub bits: f64,
}

/// The costs of a segment.
#[derive(Debug)]
pub struct Costs {
    /// The text.
    pub text: Vec<u8>,
    /// The text that rules refer to, if it is another one: the local notes of a template.
    pub said: Option<Vec<u8>>,
    /// The tokens that touch the requested range, in order.
    pub tokens: Vec<Token>,
    /// All rules, in the order in which they are complete.
    pub rules: Vec<Defined>,
    /// Bits of all tokens and definitions.
    pub bits: f64,
    /// Bytes of the encoded segment before those: the method, and the lengths of lanes or rules. The
    /// difference to the whole is the coder's rounding.
    pub head: u64,
}

impl Costs {
    /// Reads an encoded segment of `raw_len` bytes. Costs are -log2 of the probabilities that the coder gave
    /// to its decisions; for `raw`, the bits of the tokens. Outside `range` only sums are kept.
    ///
    /// # Errors
    /// As [`Worker::decode`](lab_codec::Worker::decode).
    pub fn new(input: &[u8], raw_len: usize, range: Range<usize>, cx: &Context) -> Result<Self> {
        let tokens = match Stored::open(input, raw_len)? {
            Stored::Bytes(bytes) => return Ok(Self { head: 1, ..Self::of_bytes(bytes.to_vec()) }),
            Stored::Tokens(coder, tokens) => (coder, tokens),
        };
        let head = 1 + match tokens.0 {
            Coder::Raw => raw::head(tokens.1)? as u64,
            Coder::Packed => packed::head(tokens.1, raw_len, cx)? as u64,
            Coder::Rans | Coder::Mix => 0,
        };
        cx.limits().check_memory(raw_len as u64, "the text")?;
        let mut text = Vec::new();
        let bits = Bits::default();
        let shown = range.start as u32..range.end.min(raw_len) as u32;
        let counter = Counter::new(&bits, shown);
        let counter = read_metered(tokens, raw_len, &bits, counter, &mut text, cx)?;
        Ok(Self { head, ..counter.finish(text) })
    }

    /// Costs of raw bytes: 8 bits each.
    pub fn of_bytes(text: Vec<u8>) -> Self {
        let bits = 8.0 * text.len() as f64;
        let all =
            Token { start: 0, len: text.len() as u32, kind: Kind::Stored, inside: None, bits, per_byte: 8.0 };
        let tokens = if text.is_empty() { Vec::new() } else { vec![all] };
        Self { text, said: None, tokens, rules: Vec::new(), bits, head: 0 }
    }

    /// The first bytes of a rule's text, at most `most`.
    pub fn rule_text(&self, rule: &Defined, most: usize) -> &[u8] {
        let (start, len) = (rule.start as usize, rule.len as usize);
        self.said.as_ref().unwrap_or(&self.text).get(start..start + len.min(most)).unwrap_or_default()
    }
}

/// A definition that is not complete.
#[derive(Debug)]
struct Open {
    /// Its number in the order in which definitions begin.
    number: u32,
    /// Index of its first token among those kept.
    first: usize,
    start: u32,
    depth: u32,
    bits: f64,
}

/// Adds up bits token by token.
struct Counter<'a> {
    bits: &'a Bits,
    shown: Range<u32>,
    at: u32,
    tokens: Vec<Token>,
    /// Changes of the bits per byte that definitions add, at each token and at the next one: prefix sums in
    /// `finish` spread each definition over its text in constant time.
    steps: Vec<f64>,
    step: f64,
    rules: Vec<Defined>,
    open: Vec<Open>,
    /// Numbers of rules in the order in which their definitions begin.
    numbers: Vec<u32>,
    total: f64,
}

impl<'a> Counter<'a> {
    fn new(bits: &'a Bits, shown: Range<u32>) -> Self {
        Self {
            bits,
            shown,
            at: 0,
            tokens: Vec::new(),
            steps: Vec::new(),
            step: 0.0,
            rules: Vec::new(),
            open: Vec::new(),
            numbers: Vec::new(),
            total: 0.0,
        }
    }

    fn token(&mut self, len: u32, kind: Kind) {
        let (start, bits) = (self.at, self.bits.take());
        self.at += len;
        self.total += bits;
        if start < self.shown.end && self.at > self.shown.start {
            let inside = self.open.last().map(|open| open.number);
            self.tokens.push(Token { start, len, kind, inside, bits, per_byte: bits / f64::from(len) });
            self.steps.push(std::mem::take(&mut self.step));
        }
    }

    fn finish(self, text: Vec<u8>) -> Costs {
        let Self { mut tokens, steps, rules, numbers, total, .. } = self;
        let mut added = 0.0;
        for (token, step) in tokens.iter_mut().zip(steps) {
            added += step;
            // Rounding can leave a sum slightly below 0 after the last definition.
            token.per_byte += f64::max(added, 0.0);
            token.inside = token.inside.map(|number| numbers[number as usize]);
        }
        Costs { text, said: None, tokens, rules, bits: total, head: 0 }
    }
}

impl Sink for Counter<'_> {
    type Name = u32;

    fn name(number: u32) -> u32 {
        number
    }

    fn open(&mut self) {
        let bits = self.bits.take();
        self.total += bits;
        let number = self.numbers.len() as u32;
        self.numbers.push(0);
        self.open.push(Open { number, first: self.tokens.len(), start: self.at, depth: 0, bits });
    }

    fn byte(&mut self, _: u8) {
        self.token(1, Kind::Byte);
    }

    fn rule(&mut self, place: Place<u32>) {
        let rule = &mut self.rules[place.name as usize];
        rule.uses += 1;
        if let Some(open) = self.open.last_mut() {
            open.depth = open.depth.max(rule.depth);
        }
        self.token(place.len, Kind::Use(place.name));
    }

    fn close(&mut self, width: u32, len: u32) {
        let Some(Open { number, first, start, depth, bits }) = self.open.pop() else { return };
        let depth = depth + 1;
        if let Some(outer) = self.open.last_mut() {
            outer.depth = outer.depth.max(depth);
        }
        self.numbers[number as usize] = self.rules.len() as u32;
        self.rules.push(Defined { start, len, width, uses: 1, depth, bits });
        if let Some(step) = self.steps.get_mut(first) {
            let per_byte = bits / f64::from(len);
            *step += per_byte;
            self.step -= per_byte;
        }
    }

    fn memory(&self) -> u64 {
        (size_of::<Token>() * self.tokens.capacity()
            + size_of::<f64>() * self.steps.capacity()
            + size_of::<Defined>() * self.rules.capacity()
            + size_of::<Open>() * self.open.capacity()
            + size_of::<u32>() * self.numbers.capacity()) as u64
    }
}
