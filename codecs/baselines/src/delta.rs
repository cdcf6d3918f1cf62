//! `delta`: subtracts from each byte the one `stride` before it, modulo 256.

use std::sync::Arc;

use lab_codec::{Codec, Context, Entry, Info, Param, Params, Resources, Result, Worker};

use crate::parts::{PIECE, codec, exactly, reserve};

const STRIDE: Param = Param::int("stride", 1, 256, 1, "how many bytes apart: the size of a number or record");

static INFO: Info =
    Info::new("delta", "each byte less the one a stride before it, for tables and samples").params(&[STRIDE]);

/// The registry entry.
pub const DELTA: Entry = Entry::codec(&INFO, build);

fn build(params: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    let stride = params.int(&STRIDE) as usize;
    Ok(codec(move || Delta { stride }))
}

struct Delta {
    stride: usize,
}

impl Worker for Delta {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.check()?;
        reserve(out, input.len())?;
        let (first, rest) = input.split_at(self.stride.min(input.len()));
        out.extend_from_slice(first);
        out.extend(rest.iter().zip(input).map(|(byte, before)| byte.wrapping_sub(*before)));
        Ok(())
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        exactly(input.len(), raw_len)?;
        reserve(out, raw_len)?;
        let start = out.len();
        out.extend_from_slice(input);
        let bytes = &mut out[start..];
        let mut at = self.stride;
        while at < bytes.len() {
            cx.check()?;
            let end = bytes.len().min(at + PIECE);
            undo(bytes, at..end, self.stride);
            at = end;
        }
        Ok(())
    }
}

/// The inverse for a range: adds to each byte the one `stride` before it.
fn undo(bytes: &mut [u8], range: std::ops::Range<usize>, stride: usize) {
    // With a constant stride of a common number size, the last values stay in registers.
    match stride {
        1 => undo_fixed::<1>(bytes, range),
        2 => undo_fixed::<2>(bytes, range),
        3 => undo_fixed::<3>(bytes, range),
        4 => undo_fixed::<4>(bytes, range),
        8 => undo_fixed::<8>(bytes, range),
        _ => {
            for start in range.clone().step_by(stride) {
                let (before, after) = bytes[start - stride..range.end].split_at_mut(stride);
                after.iter_mut().zip(before).for_each(|(byte, before)| *byte = byte.wrapping_add(*before));
            }
        }
    }
}

fn undo_fixed<const N: usize>(bytes: &mut [u8], range: std::ops::Range<usize>) {
    let (before, after) = bytes[range.start - N..range.end].split_at_mut(N);
    let mut last = [0; N];
    last.copy_from_slice(before);
    let (groups, rest) = after.as_chunks_mut::<N>();
    for group in groups {
        last = std::array::from_fn(|i| last[i].wrapping_add(group[i]));
        *group = last;
    }
    rest.iter_mut().zip(last).for_each(|(byte, last)| *byte = byte.wrapping_add(last));
}
