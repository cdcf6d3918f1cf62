//! `bzip2`: Burrows-Wheeler transform, move to front and Huffman coding, by libbz2-rs (the library in Rust).

use std::sync::Arc;

use bzip2::{Action, Compress, Compression, Decompress, Status};
use lab_codec::{Codec, Context, Entry, Error, Info, Memory, Param, Params, Resources, Result, Worker};

use crate::parts::{PIECE, PLAIN, codec, exactly, reserve, used_up};

const LEVEL: Param = Param::int("level", 1, 9, 9, "block size in units of 100,000 bytes");

/// What a decoder takes for the largest blocks, which any input may ask for.
const DECODER: u64 = 4 << 20;

static INFO: Info = Info {
    id: "bzip2",
    summary: "bzip2: Burrows-Wheeler transform, move to front, Huffman coding",
    params: &[LEVEL],
    formats: &[1],
    // The manual: 400,000 bytes and 8 for each byte of a block; the smaller buffers are ours.
    memory: |params, _| Memory { encode: 500_000 + 800_000 * params.int(&LEVEL) as u64, decode: DECODER },
    capabilities: PLAIN,
    tools: &[],
};

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
        reserve(out, input.len() / 3 + 4096)?;
        loop {
            cx.check()?;
            let at = stream.total_in() as usize;
            let piece = &input[at..input.len().min(at + PIECE)];
            let action = if at + piece.len() == input.len() { Action::Finish } else { Action::Run };
            if out.spare_capacity_mut().len() < 4096 {
                reserve(out, (input.len() - at) / 2 + 4096)?;
            }
            match stream.compress_vec(piece, out, action).map_err(corrupt)? {
                Status::StreamEnd => return Ok(()),
                _ => cx.observer().advance(stream.total_in() - at as u64),
            }
        }
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.limits().check_memory(DECODER, "bzip2")?;
        let mut stream = Decompress::new(false);
        let start = out.len();
        // One byte more, so that a stream that is too long shows without a further call.
        reserve(out, raw_len + 1)?;
        loop {
            cx.check()?;
            let (at, done) = (stream.total_in() as usize, out.len() - start);
            let space = &mut out.spare_capacity_mut()[..(raw_len + 1 - done).min(PIECE)];
            let status = stream.decompress_uninit(&input[at..], space);
            // SAFETY: the library has written all bytes that it counts, which are within the space.
            unsafe { out.set_len(start + stream.total_out() as usize) };
            let status = status.map_err(corrupt)?;
            let (used, found) = (stream.total_in() as usize, out.len() - start);
            match status {
                Status::StreamEnd => {
                    used_up(input.len() - used)?;
                    return exactly(found, raw_len);
                }
                Status::MemNeeded => return Err(Error::limit("bzip2: no memory for a context")),
                _ => exactly(found.min(raw_len), found)?,
            }
            if used == input.len() && found == done {
                return Err(Error::truncated("the bzip2 stream ends early"));
            }
        }
    }
}
