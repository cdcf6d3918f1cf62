//! `lzfse`: Apple's LZFSE by `lzfse_rust`.

use std::sync::Arc;

use lab_codec::{Codec, Context, Entry, Error, Info, Memory, Params, Resources, Result, Worker};
use lzfse_rust::{LzfseEncoder, LzfseRingDecoder};

use crate::parts::{Bounded, Watched, codec, exactly, reserve};

static INFO: Info = Info::new("lzfse", "LZFSE: LZ77 with finite state entropy coding")
    .memory(|_, _| Memory::new(4 << 20, 2 << 20));

/// The registry entry.
pub const LZFSE: Entry = Entry::codec(&INFO, build);

fn build(_: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    Ok(codec(Lzfse::default))
}

/// Contexts are created at first use: a worker usually either encodes or decodes.
#[derive(Default)]
struct Lzfse {
    encoder: Option<Box<LzfseEncoder>>,
    decoder: Option<Box<LzfseRingDecoder>>,
}

impl Worker for Lzfse {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.check()?;
        if i32::try_from(input.len()).is_err() {
            return Err(Error::limit("lzfse takes segments below 2 GiB"));
        }
        reserve(out, input.len() / 2 + 4096)?;
        self.encoder.get_or_insert_default().encode_bytes(input, out)?;
        Ok(())
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.check()?;
        reserve(out, raw_len)?;
        // The ring decoder writes piece by piece, so a decompression bomb stops at the first surplus byte.
        // The decoder into a vector would let it grow.
        let mut sink = Bounded { out, left: raw_len };
        let result = self.decoder.get_or_insert_default().decode(&mut Watched(input, cx), &mut sink);
        let left = sink.left;
        cx.check()?;
        result.map_err(|e| Error::corrupt(format!("lzfse: {e}")))?;
        exactly(raw_len - left, raw_len)
    }
}
