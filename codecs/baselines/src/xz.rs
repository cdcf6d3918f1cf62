//! `xz`: LZMA2 by liblzma, built from its C source. The bytes are those of `xz -LEVEL[e] -T1 --check=none`.

use std::sync::Arc;

use lab_codec::{Codec, Context, Entry, Error, Info, Memory, Param, Params, Resources, Result, Worker};
use liblzma::stream::{Action, Check, Error as LzmaError, PRESET_EXTREME, Status, Stream};

use crate::parts::{PIECE, PLAIN, codec, exactly, reserve, used_up};

const LEVEL: Param = Param::int("level", 0, 9, 6, "effort and dictionary size, as of the xz tool");
const EXTREME: Param = Param::flag("extreme", false, "a slower search that sometimes finds more");

/// MiB that the library takes to encode and to decode at each level (xz(1), its own figures).
const MEBIBYTES: [(u64, u64); 10] =
    [(5, 1), (10, 2), (18, 3), (33, 5), (50, 5), (96, 9), (96, 9), (187, 17), (371, 33), (676, 65)];

static INFO: Info = Info {
    id: "xz",
    summary: "xz: LZ77 with a large dictionary and a range coder with contexts (LZMA2)",
    params: &[LEVEL, EXTREME],
    formats: &[1],
    memory: |params, _| memory(params.int(&LEVEL) as usize),
    capabilities: PLAIN,
    tools: &[],
};

/// The registry entry.
pub const XZ: Entry = Entry::codec(&INFO, build);

fn memory(level: usize) -> Memory {
    let (encode, decode) = MEBIBYTES[level];
    Memory { encode: encode << 20, decode: decode << 20 }
}

fn build(params: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    let (level, extreme) = (params.int(&LEVEL) as u32, params.flag(&EXTREME));
    Ok(codec(move || Xz { level, extreme }))
}

struct Xz {
    level: u32,
    extreme: bool,
}

fn error(e: LzmaError, cx: &Context) -> Error {
    match e {
        LzmaError::MemLimit => Error::limit(format!(
            "the xz dictionary exceeds the limit of {} bytes (raise it with --memory-limit)",
            cx.limits().memory
        )),
        LzmaError::Mem => Error::limit("xz: no memory for a context"),
        e => Error::corrupt(format!("xz: {e}")),
    }
}

impl Worker for Xz {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.limits().check_memory(memory(self.level as usize).encode, "xz at this level")?;
        let preset = self.level | if self.extreme { PRESET_EXTREME } else { 0 };
        let mut stream = Stream::new_easy_encoder(preset, Check::None).map_err(|e| error(e, cx))?;
        // Headers and index take under 100 bytes, incompressible data 3 bytes for each 64 KiB.
        reserve(out, input.len() / 4 + 4096)?;
        loop {
            cx.check()?;
            let at = stream.total_in() as usize;
            let piece = &input[at..input.len().min(at + PIECE)];
            let action = if at + piece.len() == input.len() { Action::Finish } else { Action::Run };
            if out.spare_capacity_mut().len() < 4096 {
                reserve(out, (input.len() - at) / 2 + 4096)?;
            }
            match stream.process_vec(piece, out, action).map_err(|e| error(e, cx))? {
                Status::StreamEnd => return Ok(()),
                _ => cx.observer().advance(stream.total_in() - at as u64),
            }
        }
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        let mut stream = Stream::new_stream_decoder(cx.limits().memory, 0).map_err(|e| error(e, cx))?;
        let start = out.len();
        // One byte more, so that a stream that is too long shows without a further call.
        reserve(out, raw_len + 1)?;
        loop {
            cx.check()?;
            let (at, done) = (stream.total_in() as usize, out.len() - start);
            let space = &mut out.spare_capacity_mut()[..(raw_len + 1 - done).min(PIECE)];
            let status = stream.process_uninit(&input[at..], space, Action::Run);
            // SAFETY: the library has written all bytes that it counts, which are within the space.
            unsafe { out.set_len(start + stream.total_out() as usize) };
            let status = status.map_err(|e| error(e, cx))?;
            let (used, found) = (stream.total_in() as usize, out.len() - start);
            if status == Status::StreamEnd {
                used_up(input.len() - used)?;
                return exactly(found, raw_len);
            }
            exactly(found.min(raw_len), found)?;
            if used == input.len() && found == done {
                return Err(Error::truncated("the xz stream ends early"));
            }
        }
    }
}
