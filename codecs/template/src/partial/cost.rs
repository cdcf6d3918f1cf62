//! The cost of each part of a text in its grammar's tokens: bits by offset.

use std::ops::Range;

use lab_codec::costs::{Costs, Defined, Kind, Token};
use lab_codec::{Context, Result};
use lab_entropy::meter::Bits;

use crate::segment::{Coder, Stored, read_metered};
use crate::tokens::expand::{Place, Sink};
use crate::tokens::{packed, raw};

/// Reads an encoded segment of `raw_len` bytes. Costs are -log2 of the probabilities that the coder gave to
/// its decisions; for the `raw` coder, the bits of the tokens. Outside `range` only sums are kept.
///
/// # Errors
/// As [`Worker::decode`](lab_codec::Worker::decode).
pub fn costs(input: &[u8], raw_len: usize, range: Range<usize>, cx: &Context) -> Result<Costs> {
    let tokens = match Stored::open(input, raw_len)? {
        Stored::Bytes(bytes) => return Ok(Costs { head: 1, ..Costs::of_bytes(bytes.to_vec()) }),
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
    Ok(Costs { head, ..counter.finish(text) })
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
