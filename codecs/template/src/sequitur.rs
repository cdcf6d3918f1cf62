//! The `sequitur` codec: grammars built by Sequitur.

use std::sync::Arc;

use lab_codec::{Codec, Context, Entry, Info, Params, Resources, Result};

use crate::grammar::Grammar;
use crate::grammar::sequitur::{self, sequitur};
use crate::maker::{self, Maker};
use crate::segment::CODER;
use crate::select::SELECTION;

static INFO: Info =
    Info::new("sequitur", "Sequitur: a grammar that grows byte by byte, online and in linear time")
        .params(&[CODER, SELECTION])
        .memory(maker::memory::<Sequitur>)
        .range_decode();

/// Sequitur as a codec.
pub const SEQUITUR: Entry = Entry::codec(&INFO, build);

#[derive(Debug, Clone, Copy)]
struct Sequitur;

fn build(params: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    Ok(maker::codec(Sequitur, params))
}

impl Maker for Sequitur {
    const NAME: &str = "Sequitur";

    fn memory(len: u64) -> u64 {
        sequitur::memory(len)
    }

    fn grammar(self, input: &[u8], cx: &Context) -> Result<Grammar> {
        sequitur(input, cx)
    }
}
