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

fn memory(params: &Params, len: u64) -> Memory {
    memory_for(Coder::of(params), len)
}

fn memory_for(coder: Coder, len: u64) -> Memory {
    coder.memory(len, sequitur::memory(len))
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
        let need = memory_for(self.coder, input.len() as u64).encode;
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
