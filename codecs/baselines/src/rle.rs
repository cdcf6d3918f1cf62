//! `rle`: run-length coding. After a fixed number of equal bytes a count of the further ones follows, as in
//! the first step of bzip2, where that number is 4.

use std::sync::Arc;

use lab_codec::{Codec, Context, Entry, Error, Info, Param, Params, Resources, Result, Worker};

use crate::parts::{codec, exactly, reserve};

const AFTER: Param = Param::int("after", 1, 255, 3, "a count follows this many equal bytes");

static INFO: Info =
    Info::new("rle", "run lengths: after a few equal bytes, one that counts the further ones")
        .params(&[AFTER]);

/// The registry entry.
pub const RLE: Entry = Entry::codec(&INFO, build);

fn build(params: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    let after = params.int(&AFTER) as usize;
    Ok(codec(move || Rle { after }))
}

struct Rle {
    after: usize,
}

/// Length of the run that begins `bytes`, which is not empty; at most `limit`.
#[inline]
fn run(bytes: &[u8], limit: usize) -> usize {
    let first = bytes[0];
    bytes.iter().take(limit).take_while(|byte| **byte == first).count()
}

impl Worker for Rle {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.check()?;
        reserve(out, input.len() / 2)?;
        let mut rest = input;
        while !rest.is_empty() {
            let length = run(rest, self.after + 255);
            let shown = length.min(self.after);
            out.extend_from_slice(&rest[..shown]);
            if shown == self.after {
                out.push((length - shown) as u8);
            }
            rest = &rest[length..];
        }
        Ok(())
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.check()?;
        reserve(out, raw_len)?;
        let end = out.len() + raw_len;
        let mut rest = input;
        while !rest.is_empty() {
            let shown = run(rest, self.after);
            let mut length = shown;
            let (bytes, mut behind) = rest.split_at(shown);
            if shown == self.after {
                let (count, next) =
                    behind.split_first().ok_or_else(|| Error::truncated("a run ends before its count"))?;
                length += usize::from(*count);
                behind = next;
            }
            exactly(length.min(end - out.len()), length)?;
            out.resize(out.len() + length, bytes[0]);
            rest = behind;
        }
        exactly(raw_len - (end - out.len()), raw_len)
    }
}
