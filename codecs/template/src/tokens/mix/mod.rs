//! The `mix` coder: tokens as binary decisions, each predicted in many contexts at once.
//!
//! A symbol is found bit by bit along its spelling. Contexts of the text, byte by byte, then predict the
//! choice among rules as they would predict bytes. A bit that all remaining symbols share costs neither bits
//! nor time.
//!
//! The contexts' predictions and the expected uses on either side of a decision are mixed as in PAQ
//! ([`lab_entropy::mix`]). docs/decisions/repair-mix.md lists what each part gains.

mod context;
mod live;
mod model;

use lab_codec::{Context, Error, Result};
use lab_entropy::meter::Meter;
use lab_entropy::range::{Decoder, Encoder};

use self::context::{Text, Tokens};
use self::live::{Live, Symbol};
use self::model::Model;
use super::expand::{self, Expansion, Place};
use super::model::{CLASSES, class_of, least_uses};
use super::walk::{Visitor, walk};
use crate::grammar::utility::Utility;
use crate::grammar::{Grammar, TERMINALS};

struct Writer<'a> {
    input: &'a [u8],
    at: usize,
    text: Text,
    utility: &'a Utility,
    encoder: Encoder,
    model: Model,
    tokens: Tokens,
    live: Live,
    /// The offset of each rule's definition while it is open, then its symbol number.
    rules: Vec<u32>,
}

impl Writer<'_> {
    fn token(&mut self, number: u32) {
        let output = &self.input[..self.at];
        self.model.new_flag(&mut self.encoder, &self.text, &self.tokens, false);
        let (encoder, before) = (&mut self.encoder, self.tokens.symbol);
        self.model.symbol(encoder, &mut self.live, output, self.text, before, Some(number));
        self.at += self.live.use_again(number).len as usize;
        self.text = Text::end_of(&self.input[..self.at]);
        self.tokens.symbol(number, number < TERMINALS);
    }
}

impl Visitor for Writer<'_> {
    fn byte(&mut self, byte: u8) {
        self.token(u32::from(byte));
    }

    fn open(&mut self, rule: usize, width: u32) {
        let class = class_of(self.utility.uses[rule] - 1);
        self.model.new_flag(&mut self.encoder, &self.text, &self.tokens, true);
        self.model.class(&mut self.encoder, self.tokens.class(), class);
        self.model.width(&mut self.encoder, class, width);
        self.tokens.open(width, class);
        self.rules[rule] = self.at as u32;
    }

    fn close(&mut self, rule: usize) {
        let start = self.rules[rule];
        let symbol = Symbol::rule(start, self.at as u32 - start, self.tokens.class());
        self.tokens.close();
        self.rules[rule] = self.live.insert(&self.input[..self.at], symbol);
    }

    fn again(&mut self, rule: usize) {
        self.token(self.rules[rule]);
    }
}

/// Appends the tokens of `grammar`, which derives `input`, to `out`.
///
/// # Errors
/// Cancellation.
pub fn encode(
    input: &[u8],
    grammar: &Grammar,
    utility: &Utility,
    out: Vec<u8>,
    cx: &Context,
) -> Result<Vec<u8>> {
    let mut writer = Writer {
        input,
        at: 0,
        text: Text::default(),
        utility,
        encoder: Encoder::new(out),
        model: Model::new(input.len()),
        tokens: Tokens::default(),
        live: Live::default(),
        rules: vec![0; grammar.rules.len()],
    };
    walk(grammar, utility, &mut writer, cx)?;
    Ok(writer.encoder.finish())
}

/// Decodes the tokens in `input`, of a text of `raw_len` bytes, until `output` has the requested text, and
/// returns its sink. `meter` receives the decisions of a token before the sink receives the token.
///
/// # Errors
/// Corrupt or truncated tokens; [`Limit`](lab_codec::ErrorKind::Limit); cancellation.
pub fn decode<S: expand::Text>(
    input: &[u8],
    raw_len: usize,
    meter: impl Meter,
    mut output: Expansion<S, u8>,
    cx: &Context,
) -> Result<S> {
    let mut decoder = Decoder::metered(input, meter);
    let mut model = Model::new(raw_len);
    let mut live = Live::default();
    let mut tokens = Tokens::default();
    let mut text = Text::default();
    let mut promised = 0;
    while !output.is_enough() {
        if output.tick(cx)? {
            decoder.check()?;
            cx.limits().check_memory(live.memory() + output.memory(), "the grammar")?;
        }
        if model.new_flag(&mut decoder, &text, &tokens, false) {
            let class = model.class(&mut decoder, tokens.class(), 0);
            let width = model.width(&mut decoder, class, 0);
            if class == 0 || usize::from(class) >= CLASSES {
                return Err(Error::corrupt(format!("a rule of class {class}; classes are 1 to 30")));
            }
            // Each use appends at least two bytes, so a valid stream announces fewer uses than bytes. The
            // bound also keeps the sums of weights within 32 bits (`live`).
            promised += u64::from(least_uses(class));
            if promised > raw_len as u64 {
                return Err(Error::corrupt("more uses of rules than the segment has bytes"));
            }
            output.open(width, class)?;
            tokens.open(width, class);
            continue;
        }
        let number = model.symbol(&mut decoder, &mut live, output.text(), text, tokens.symbol, None);
        let Symbol { start, len, .. } = live.use_again(number);
        if number < TERMINALS {
            output.byte(number as u8)?;
        } else {
            output.copy(Place { start, len, name: S::name(number - TERMINALS), tail: 0 }, 0)?;
        }
        text = Text::end_of(output.text());
        tokens.symbol(number, number < TERMINALS);
        while let Some(closed) = output.settle() {
            let Place { start, len, .. } = closed.place;
            tokens.close();
            live.insert(output.text(), Symbol::rule(start, len, closed.note));
        }
    }
    let complete = output.is_complete();
    let sink = output.finish()?;
    if complete {
        decoder.finish()?;
    }
    Ok(sink)
}
