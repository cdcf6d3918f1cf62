//! `memcpy`: a plain copy, the upper limit of every rate. Pipelines skip `store`, but always run this one.

use std::sync::Arc;

use lab_codec::{Codec, Context, Entry, Info, Params, Resources, Result, Worker};

use crate::parts::{PIECE, codec, exactly, reserve};

static INFO: Info = Info::new("memcpy", "a plain copy: the upper limit of every rate");

/// The registry entry.
pub const MEMCPY: Entry = Entry::codec(&INFO, build);

fn build(_: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    Ok(codec(|| Memcpy))
}

struct Memcpy;

fn copy(input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
    reserve(out, input.len())?;
    for piece in input.chunks(PIECE) {
        cx.check()?;
        out.extend_from_slice(piece);
        cx.observer().advance(piece.len() as u64);
    }
    Ok(())
}

impl Worker for Memcpy {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        copy(input, out, cx)
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        exactly(input.len(), raw_len)?;
        copy(input, out, cx)
    }
}
