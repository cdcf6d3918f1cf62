//! `snappy`: the raw Snappy format by `snap`.

use std::sync::Arc;

use lab_codec::{Codec, Context, Entry, Error, Info, Memory, Params, Resources, Result, Worker};
use snap::raw::{Decoder, Encoder, decompress_len, max_compress_len};

use crate::parts::{codec, exactly, room};

static INFO: Info = Info::new("snappy", "Snappy: LZ77 in bytes within blocks of 64 KiB")
    .memory(|_, _| Memory::new(64 << 10, 0));

/// The registry entry.
pub const SNAPPY: Entry = Entry::codec(&INFO, build);

fn build(_: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    Ok(codec(|| Snappy { encoder: Encoder::new(), decoder: Decoder::new() }))
}

struct Snappy {
    encoder: Encoder,
    decoder: Decoder,
}

fn corrupt(e: snap::Error) -> Error {
    Error::corrupt(format!("{e}"))
}

impl Worker for Snappy {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.check()?;
        let start = out.len();
        // The bound is 0 for inputs too long for the format; `compress` then returns the error.
        let space = room(out, max_compress_len(input.len()))?;
        let length = self.encoder.compress(input, space).map_err(|e| Error::limit(format!("{e}")))?;
        out.truncate(start + length);
        Ok(())
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.check()?;
        if input.is_empty() {
            return Err(Error::truncated("the Snappy block ends before its length field"));
        }
        exactly(decompress_len(input).map_err(corrupt)?, raw_len)?;
        let length = self.decoder.decompress(input, room(out, raw_len)?).map_err(corrupt)?;
        exactly(length, raw_len)
    }
}
