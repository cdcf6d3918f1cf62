//! The `rans` coder: tokens with adaptive models, entropy coded.
//!
//! Rules are grouped by first byte and, within that, by the uses to come, which NEW announces. A token is
//! then its first byte, which the text before predicts well, its class, and an index into that class's list.
//! A rule that is used up leaves the lists, so it costs nothing more.

use lab_codec::{Context, Result};
use lab_entropy::meter::Meter;
use lab_entropy::rans::{Decoder, Encoder};

use super::expand::{Expansion, Place, Sink};
use super::lists::{Lists, Member, Ranked};
use super::model::{Before, Model, class_after_use, class_of};
use super::walk::{Visitor, walk};
use crate::grammar::Grammar;
use crate::grammar::utility::Utility;

struct Writer<'a> {
    utility: &'a Utility,
    encoder: Encoder,
    model: Model,
    before: Before,
    ranked: Ranked,
}

impl Writer<'_> {
    fn token(&mut self, first: u8, class: u8) {
        let (model, encoder, before) = (&mut self.model, &mut self.encoder, self.before);
        model.new_flag(encoder, before, false);
        model.first_byte(encoder, before, first);
        model.class(encoder, before, first, class);
        self.ranked.said(first);
    }
}

impl Visitor for Writer<'_> {
    fn byte(&mut self, byte: u8) {
        self.token(byte, 0);
        self.before = Before { tail: self.before.tail << 8 | u16::from(byte), kind: 0 };
    }

    fn open(&mut self, rule: usize, width: u32) {
        let class = class_of(self.utility.uses[rule] - 1);
        self.model.new_flag(&mut self.encoder, self.before, true);
        self.model.uses(&mut self.encoder, class);
        self.model.width(&mut self.encoder, width);
        self.ranked.open(rule, class);
        self.before.kind = 2;
    }

    fn close(&mut self, rule: usize) {
        self.ranked.close(rule, self.before.tail);
    }

    fn again(&mut self, rule: usize) {
        let Member { tail, first, class, .. } = self.ranked.member(rule);
        self.token(first, class);
        let (at, len) = self.ranked.use_again(rule);
        self.encoder.uniform(at, len);
        self.before = Before { tail, kind: 1 };
    }
}

/// Appends the tokens of `grammar` to `out`.
///
/// # Errors
/// Cancellation.
pub fn encode(grammar: &Grammar, utility: &Utility, out: Vec<u8>, cx: &Context) -> Result<Vec<u8>> {
    let mut writer = Writer {
        utility,
        encoder: Encoder::new(out),
        model: Model::default(),
        before: Before::default(),
        ranked: Ranked::new(grammar.rules.len()),
    };
    walk(grammar, utility, &mut writer, cx)?;
    Ok(writer.encoder.finish())
}

/// Decodes the tokens in `input` until `output` has the requested text, and returns its sink. `meter`
/// receives the decisions of a token before the sink receives the token.
///
/// # Errors
/// Corrupt or truncated tokens; [`Limit`](lab_codec::ErrorKind::Limit); cancellation.
pub fn decode<S: Sink>(
    input: &[u8],
    meter: impl Meter,
    mut output: Expansion<S, u8>,
    cx: &Context,
) -> Result<S> {
    let mut decoder = Decoder::metered(input, meter);
    let mut model = Model::default();
    let mut lists = Lists::<Place<S::Name>>::default();
    let mut kind = 0;
    while !output.is_enough() {
        if output.tick(cx)? {
            // Past its end the decoder yields zeros: this check keeps a truncated stream from running on.
            decoder.check()?;
            cx.limits().check_memory(lists.memory() + output.memory(), "the grammar")?;
        }
        let before = Before { tail: output.tail(), kind };
        if model.new_flag(&mut decoder, before, false) {
            let class = model.uses(&mut decoder, 0);
            let width = model.width(&mut decoder, 0);
            output.open(width, class)?;
            kind = 2;
            continue;
        }
        let first = model.first_byte(&mut decoder, before, 0);
        let class = model.class(&mut decoder, before, first, 0);
        if class == 0 {
            output.byte(first)?;
            kind = 0;
        } else {
            let at = decoder.uniform(lists.len(first, class)?);
            output.copy(lists.take(first, class, at, class_after_use(class))?, first)?;
            kind = 1;
        }
        while let Some(closed) = output.settle() {
            lists.insert(closed.first, closed.note, closed.place)?;
        }
    }
    let complete = output.is_complete();
    let sink = output.finish()?;
    if complete {
        decoder.finish()?;
    }
    Ok(sink)
}
