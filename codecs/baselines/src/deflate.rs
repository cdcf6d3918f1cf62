//! `deflate`: raw DEFLATE (RFC 1951) by libdeflate, which compresses whole buffers.
//!
//! Chosen over `flate2` (zlib-rs, miniz_oxide): a segment is a whole buffer, and for that libdeflate is both
//! the fastest and, with its near-optimal parsing at 10 to 12, the smallest; it is maintained and fuzzed, and
//! needs no more than the C compiler that the project needs anyway. Levels 0 to 9 correspond to zlib's. No
//! zlib or gzip wrapper: the container has its own checksums.

use std::sync::Arc;

use lab_codec::{Codec, Context, Entry, Error, Info, Memory, Param, Params, Resources, Result, Worker};
use libdeflater::{CompressionLvl, Compressor};

use crate::inflate::Inflater;
use crate::parts::{codec, room};

const LEVEL: Param = Param::int(
    "level",
    0,
    12,
    6,
    "effort: 0 stores, 1 is fastest, 9 like zlib's, 10 to 12 near-optimal parsing",
);

static INFO: Info = Info::new("deflate", "raw DEFLATE: LZ77 with a window of 32 KiB, Huffman coding")
    .params(&[LEVEL])
    .memory(|params, _| Memory::new(if params.int(&LEVEL) >= 10 { 10 << 20 } else { 2 << 20 }, 64 << 10));

/// The registry entry.
pub const DEFLATE: Entry = Entry::codec(&INFO, build);

fn build(params: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    let level = params.int(&LEVEL) as i32;
    let level = CompressionLvl::new(level).map_err(|_| Error::usage(format!("deflate: no level {level}")))?;
    Ok(codec(move || Deflate { level, compressor: None, inflater: None }))
}

/// Contexts are made when first needed: a worker usually either encodes or decodes.
struct Deflate {
    level: CompressionLvl,
    compressor: Option<Compressor>,
    inflater: Option<Inflater>,
}

impl Worker for Deflate {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.check()?;
        let compressor = self.compressor.get_or_insert_with(|| Compressor::new(self.level));
        let start = out.len();
        let space = room(out, compressor.deflate_compress_bound(input.len()))?;
        let length = compressor
            .deflate_compress(input, space)
            .map_err(|_| Error::limit("deflate: the result does not fit its bound"))?;
        out.truncate(start + length);
        Ok(())
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.check()?;
        let inflater = match &mut self.inflater {
            Some(ready) => ready,
            empty => empty.insert(Inflater::new()?),
        };
        inflater.inflate(input, raw_len, out)
    }
}
