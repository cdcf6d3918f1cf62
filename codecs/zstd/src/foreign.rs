//! Reads plain `.zst` files of other programs as a stream.

use std::io::{ErrorKind, Read, Write};

use lab_codec::{Context, Error, Result};
use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer};

use crate::{error, memory};

/// Window sizes that the library accepts, as powers of two.
const WINDOW_LOGS: std::ops::RangeInclusive<u32> = 10..=31;

/// Decodes a `.zst` stream of any number of frames, skippable frames included; returns the number of decoded
/// bytes. Memory is the frame's window plus two buffers of 128 KiB.
///
/// # Errors
/// [`Unsupported`](lab_codec::ErrorKind::Unsupported) for other formats and for frames that need a
/// dictionary; corrupt and truncated input; [`Limit`](lab_codec::ErrorKind::Limit) where the output or the
/// window is larger than the limits of `cx`; cancellation; errors of `reader` and `writer`.
pub fn decode_foreign(mut reader: impl Read, writer: &mut dyn Write, cx: &Context) -> Result<u64> {
    let largest = WINDOW_LOGS.rev().find(|log| memory::range_decoder(1 << log) <= cx.limits().memory);
    let Some(largest) = largest else {
        return Err(Error::limit("the memory limit is too small for any zstd window"));
    };
    let mut context = DCtx::try_create().ok_or_else(|| Error::limit("zstd: no memory for a context"))?;
    context.set_parameter(DParameter::WindowLogMax(largest)).map_err(error::decoding)?;

    let mut input = vec![0; DCtx::in_size()];
    let mut output = Vec::with_capacity(DCtx::out_size());
    let mut total = 0_u64;
    let mut read_any = false;
    let mut within_frame = true; // an empty stream is not a zstd stream
    loop {
        let length = match reader.read(&mut input) {
            Ok(length) => length,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(e.into()),
        };
        if length == 0 {
            break;
        }
        read_any = true;
        let mut source = InBuffer::around(&input[..length]);
        loop {
            cx.check()?;
            output.clear();
            let mut sink = OutBuffer::around(&mut output);
            let wanted = context.decompress_stream(&mut sink, &mut source).map_err(error::decoding)?;
            total += output.len() as u64;
            cx.limits().check_output(total, "the content")?;
            writer.write_all(&output)?;
            within_frame = wanted != 0;
            // A full output buffer may leave more bytes inside the context.
            if source.pos() == length && (output.len() < DCtx::out_size() || !within_frame) {
                break;
            }
        }
    }
    match (read_any, within_frame) {
        (true, false) => Ok(total),
        (true, true) => Err(Error::truncated("the zstd stream ends within a frame")),
        (false, _) => Err(Error::truncated("the zstd stream is empty")),
    }
}
