//! `lz4`: the LZ4 block format by `lz4_flex`, which has one effort only: no HC levels and no acceleration
//! factor.

use std::sync::Arc;

use lab_codec::{Codec, Context, Entry, Error, Info, Memory, Params, Resources, Result, Worker};
use lz4_flex::block::{CompressTable, compress_into_with_table, decompress_into, get_maximum_output_size};

use crate::parts::{codec, exactly, room};

/// The format's own limit on a block.
const MAX_INPUT: usize = 0x7E00_0000;
/// Inputs below this size use 16-bit table entries. The entry size changes the coded bytes, so it depends on
/// the length only, and never on the table left by an earlier segment.
const SMALL: usize = u16::MAX as usize;

static INFO: Info = Info::new("lz4", "LZ4 block: LZ77 in bytes, without an entropy coder")
    .memory(|_, _| Memory::new(64 << 10, 0));

/// The registry entry.
pub const LZ4: Entry = Entry::codec(&INFO, build);

fn build(_: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    Ok(codec(Lz4::default))
}

#[derive(Default)]
struct Lz4 {
    small: Option<CompressTable>,
    large: Option<CompressTable>,
}

impl Worker for Lz4 {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.check()?;
        if input.len() > MAX_INPUT {
            return Err(Error::limit(format!(
                "a segment of {} bytes exceeds an LZ4 block, which holds {MAX_INPUT}",
                input.len()
            )));
        }
        let table = if input.len() < SMALL {
            self.small.get_or_insert_with(CompressTable::small)
        } else {
            self.large.get_or_insert_with(CompressTable::large)
        };
        let start = out.len();
        let space = room(out, get_maximum_output_size(input.len()))?;
        let length =
            compress_into_with_table(input, space, table).map_err(|e| Error::limit(format!("lz4: {e}")))?;
        out.truncate(start + length);
        Ok(())
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.check()?;
        let length =
            decompress_into(input, room(out, raw_len)?).map_err(|e| Error::corrupt(format!("lz4: {e}")))?;
        exactly(length, raw_len)
    }
}
