//! `bzip2`: Burrows-Wheeler transform, move to front and Huffman coding, by libbz2-rs (the library in Rust).

use std::sync::Arc;

use bzip2::{Action, Compress, Compression, Decompress, Status};
use lab_codec::{Codec, Context, Entry, Error, Info, Memory, Param, Params, Resources, Result, Worker};

use crate::parts::{codec, decode_stream, encode_stream};

const LEVEL: Param = Param::int("level", 1, 9, 9, "block size in units of 100,000 bytes");

/// Memory of a decoder for the largest block size, which any stream may request.
const DECODER: u64 = 4 << 20;

static INFO: Info = Info::new("bzip2", "bzip2: Burrows-Wheeler transform, move to front, Huffman coding")
    .params(&[LEVEL])
    // By the manual of bzip2: 400,000 bytes plus 8 for each byte of a block. The smaller buffers are ours.
    .memory(|params, _| Memory::new(500_000 + 800_000 * params.int(&LEVEL) as u64, DECODER));

/// The registry entry.
pub const BZIP2: Entry = Entry::codec(&INFO, build);

fn build(params: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    let level = params.int(&LEVEL) as u32;
    Ok(codec(move || Bzip2 { level }))
}

struct Bzip2 {
    level: u32,
}

fn corrupt(e: bzip2::Error) -> Error {
    Error::corrupt(format!("bzip2: {e}"))
}

impl Worker for Bzip2 {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        let mut stream = Compress::new(Compression::new(self.level), 0);
        encode_stream(input, out, cx, |piece, last, out| {
            let before = stream.total_in();
            let action = if last { Action::Finish } else { Action::Run };
            let status = stream.compress_vec(piece, out, action).map_err(corrupt)?;
            Ok(((stream.total_in() - before) as usize, status == Status::StreamEnd))
        })
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.limits().check_memory(DECODER, "bzip2")?;
        let mut stream = Decompress::new(false);
        decode_stream(input, raw_len, out, cx, |piece, out| {
            let before = stream.total_in();
            let status = stream.decompress_vec(piece, out).map_err(corrupt)?;
            if status == Status::MemNeeded {
                return Err(Error::limit("bzip2: no memory for a context"));
            }
            Ok(((stream.total_in() - before) as usize, status == Status::StreamEnd))
        })
    }
}
