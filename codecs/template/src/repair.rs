//! The `repair` codec: Re-Pair's grammar, then what all grammar codecs do.

use std::ops::Range;
use std::sync::Arc;

use lab_codec::{
    Capabilities, Codec, Context, Entry, Info, Memory, Param, Params, Resources, Result, Worker,
};

use crate::grammar::MAX_LEN;
use crate::grammar::repair::{Stop, repair};
use crate::segment::{self, CODER, Coder};

const MIN_FREQ: Param =
    Param::int("min_freq", 2, 1 << 20, 2, "replace pairs that occur at least this often, without overlaps")
        .or_called(&["min_pair_freq"]);
const MAX_RULES: Param =
    Param::int("max_rules", 0, MAX_LEN as i64, MAX_LEN as i64, "stop after this many replacements");

static INFO: Info = Info {
    id: "repair",
    summary: "Re-Pair: a grammar from repeatedly replacing the most frequent pair, exact and in linear time",
    params: &[MIN_FREQ, CODER, MAX_RULES],
    formats: &[1],
    memory,
    capabilities: Capabilities { range_decode: true, identity: false, external: false, pipe: false },
    tools: &[],
};

/// Re-Pair as a codec.
pub const REPAIR: Entry = Entry::codec(&INFO, build);

fn memory(params: &Params, len: u64) -> Memory {
    memory_for(Coder::of(params), len)
}

fn memory_for(coder: Coder, len: u64) -> Memory {
    coder.memory(len, len * 14)
}

#[derive(Debug, Clone, Copy)]
struct Repair {
    stop: Stop,
    coder: Coder,
}

fn build(params: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    Ok(Arc::new(Repair {
        stop: Stop { min_freq: params.int(&MIN_FREQ) as u32, max_rules: params.int(&MAX_RULES) as u32 },
        coder: Coder::of(params),
    }))
}

impl Codec for Repair {
    fn worker(&self) -> Box<dyn Worker> {
        Box::new(*self)
    }
}

impl Worker for Repair {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        if input.is_empty() {
            return Ok(());
        }
        let need = memory_for(self.coder, input.len() as u64).encode;
        cx.limits().check_memory(need, "Re-Pair on a segment of this size")?;
        let grammar = repair(input, self.stop, cx)?;
        segment::encode(input, &grammar, self.coder, out, cx)?;
        cx.observer().advance(grammar.start.len() as u64);
        Ok(())
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
