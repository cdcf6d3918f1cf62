//! `rans0`: static order-0 rANS with a frequency table for each block: the plain entropy coder after
//! transforms.

use std::sync::Arc;

use lab_codec::{Codec, Context, Entry, Info, Memory, Param, Params, Resources, Result, Worker};
use lab_entropy::order0::{Decoder, Encoder};

use crate::parts::{codec, reserve, used_up};

const BLOCK: Param = Param::size("block", 1 << 10, 16 << 20, 32 << 10, "bytes that share a frequency table");

static INFO: Info = Info::new("rans0", "static order-0 rANS: each block coded by its own byte frequencies")
    .params(&[BLOCK])
    .memory(|params, segment| Memory::new(2 * segment.min(params.size(&BLOCK)) + (64 << 10), 64 << 10));

/// The registry entry.
pub const RANS0: Entry = Entry::codec(&INFO, build);

fn build(params: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    let block = params.size(&BLOCK) as usize;
    Ok(codec(move || Rans0 { block, encoder: Encoder::default(), decoder: Decoder::default() }))
}

struct Rans0 {
    block: usize,
    encoder: Encoder,
    decoder: Decoder,
}

impl Worker for Rans0 {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        reserve(out, input.len() + input.len().div_ceil(self.block))?;
        for block in input.chunks(self.block) {
            cx.check()?;
            self.encoder.encode(block, out);
            cx.observer().advance(block.len() as u64);
        }
        Ok(())
    }

    fn decode(&mut self, mut input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        reserve(out, raw_len)?;
        for at in (0..raw_len).step_by(self.block) {
            cx.check()?;
            self.decoder.decode(&mut input, self.block.min(raw_len - at), out)?;
        }
        used_up(input.len())
    }
}
