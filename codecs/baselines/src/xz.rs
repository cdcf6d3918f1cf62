//! `xz`: LZMA2 by liblzma, built from its C source. The bytes are those of `xz -LEVEL[e] -T1 --check=none`.

use std::sync::Arc;

use lab_codec::{Codec, Context, Entry, Error, Hint, Info, Memory, Param, Params, Resources, Result, Worker};
use liblzma::stream::{Action, Check, Error as LzmaError, PRESET_EXTREME, Status, Stream};

use crate::parts::{codec, decode_stream, encode_stream};

const LEVEL: Param = Param::int("level", 0, 9, 6, "effort and dictionary size, as of the xz tool");
const EXTREME: Param = Param::flag("extreme", false, "a slower search that sometimes finds more");

/// Memory of the library in MiB to encode and to decode at each level, from the table in xz(1).
const MEBIBYTES: [(u64, u64); 10] =
    [(5, 1), (10, 2), (18, 3), (33, 5), (50, 5), (96, 9), (96, 9), (187, 17), (371, 33), (676, 65)];

static INFO: Info =
    Info::new("xz", "xz: LZ77 with a large dictionary and a range coder with contexts (LZMA2)")
        .params(&[LEVEL, EXTREME])
        .memory(|params, _| memory(params.int(&LEVEL) as usize));

/// The registry entry.
pub const XZ: Entry = Entry::codec(&INFO, build);

fn memory(level: usize) -> Memory {
    let (encode, decode) = MEBIBYTES[level];
    Memory::new(encode << 20, decode << 20)
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
        LzmaError::MemLimit => {
            let limit = cx.limits().memory;
            Error::limit(format!("the xz dictionary exceeds the limit of {limit} bytes"))
                .with_hint(Hint::RaiseMemoryLimit)
        }
        LzmaError::Mem => Error::limit("xz: no memory for a context"),
        e => Error::corrupt(format!("xz: {e}")),
    }
}

impl Worker for Xz {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.limits().check_memory(memory(self.level as usize).encode, "xz at this level")?;
        let preset = self.level | if self.extreme { PRESET_EXTREME } else { 0 };
        let mut stream = Stream::new_easy_encoder(preset, Check::None).map_err(|e| error(e, cx))?;
        encode_stream(input, out, cx, |piece, last, out| {
            let before = stream.total_in();
            let action = if last { Action::Finish } else { Action::Run };
            let status = stream.process_vec(piece, out, action).map_err(|e| error(e, cx))?;
            Ok(((stream.total_in() - before) as usize, status == Status::StreamEnd))
        })
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        let mut stream = Stream::new_stream_decoder(cx.limits().memory, 0).map_err(|e| error(e, cx))?;
        decode_stream(input, raw_len, out, cx, |piece, out| {
            let before = stream.total_in();
            let status = stream.process_vec(piece, out, Action::Run).map_err(|e| error(e, cx))?;
            Ok(((stream.total_in() - before) as usize, status == Status::StreamEnd))
        })
    }
}
