//! The `sequitur` codec: Sequitur's grammar, then what all grammar codecs do.

use std::ops::Range;
use std::sync::Arc;

use lab_codec::{Capabilities, Codec, Context, Entry, Info, Memory, Params, Resources, Result, Worker};

use crate::grammar::sequitur::{self, sequitur};
use crate::segment::{self, CODER, Coder};

static INFO: Info = Info {
    id: "sequitur",
    summary: "Sequitur: a grammar that grows byte by byte, online and in linear time",
    params: &[CODER],
    formats: &[1],
    memory,
    capabilities: Capabilities { range_decode: true, identity: false, external: false, pipe: false },
    tools: &[],
};

/// Sequitur as a codec.
pub const SEQUITUR: Entry = Entry::codec(&INFO, build);

fn memory(_: &Params, len: u64) -> Memory {
    Memory { encode: encoder_memory(len), decode: segment::decoder_memory(len) }
}

fn encoder_memory(len: u64) -> u64 {
    sequitur::memory(len) + (8 << 20)
}

#[derive(Debug, Clone, Copy)]
struct Sequitur {
    coder: Coder,
}

fn build(params: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    Ok(Arc::new(Sequitur { coder: Coder::of(params) }))
}

impl Codec for Sequitur {
    fn worker(&self) -> Box<dyn Worker> {
        Box::new(*self)
    }
}

impl Worker for Sequitur {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        if input.is_empty() {
            return Ok(());
        }
        let need = encoder_memory(input.len() as u64);
        cx.limits().check_memory(need, "Sequitur on a segment of this size")?;
        segment::encode(input, &sequitur(input, cx)?, self.coder, out, cx)
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        segment::decode(input, raw_len, out, cx)
    }

    fn decode_range(
        &mut self,
        input: &[u8],
        raw_len: usize,
        range: Range<usize>,
        out: &mut Vec<u8>,
        cx: &Context,
    ) -> Result<()> {
        segment::decode_range(input, raw_len, range, out, cx)
    }
}
