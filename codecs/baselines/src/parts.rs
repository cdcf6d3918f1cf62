//! Shared by the codecs of this crate: output buffers, length checks, workers from a closure, stream loops.

use std::sync::Arc;

use lab_codec::{Codec, Context, Error, Result, Worker};

/// Bytes between two tests of the cancellation flag.
pub(crate) const PIECE: usize = 1 << 20;

/// A codec whose workers come from the closure `make`.
pub(crate) fn codec<W: Worker + 'static>(make: impl Fn() -> W + Send + Sync + 'static) -> Arc<dyn Codec> {
    struct Maker<F>(F);
    impl<W: Worker + 'static, F: Fn() -> W + Send + Sync> Codec for Maker<F> {
        fn worker(&self) -> Box<dyn Worker> {
            Box::new(self.0())
        }
    }
    Arc::new(Maker(make))
}

pub(crate) use lab_codec::reserve;

/// Appends `length` zeros to `out` and returns them, to be overwritten.
pub(crate) fn room(out: &mut Vec<u8>, length: usize) -> Result<&mut [u8]> {
    reserve(out, length)?;
    let start = out.len();
    out.resize(start + length, 0);
    Ok(&mut out[start..])
}

/// Fails unless the number of decoded bytes, `found`, is the segment's length.
pub(crate) fn exactly(found: usize, raw_len: usize) -> Result<()> {
    if found == raw_len {
        return Ok(());
    }
    Err(Error::corrupt(format!("the segment decodes to {found} bytes where {raw_len} are expected")))
}

/// Fails if bytes follow the coded data.
pub(crate) fn used_up(left: usize) -> Result<()> {
    if left == 0 { Ok(()) } else { Err(Error::corrupt(format!("{left} bytes follow the coded data"))) }
}

/// Progress of one call into a stream library: input bytes consumed, and whether the stream has ended.
pub(crate) type Step = (usize, bool);

/// Encodes by a stream library. `step` gets a piece of input, whether it is the last, and an output with a
/// spare capacity of at least 4096 bytes.
pub(crate) fn encode_stream(
    input: &[u8],
    out: &mut Vec<u8>,
    cx: &Context,
    mut step: impl FnMut(&[u8], bool, &mut Vec<u8>) -> Result<Step>,
) -> Result<()> {
    reserve(out, input.len() / 3 + 4096)?;
    let mut at = 0;
    loop {
        cx.check()?;
        let piece = &input[at..input.len().min(at + PIECE)];
        let last = at + piece.len() == input.len();
        if out.capacity() - out.len() < 4096 {
            reserve(out, (input.len() - at) / 2 + 4096)?;
        }
        let (used, ended) = step(piece, last, out)?;
        if ended {
            return Ok(());
        }
        at += used;
        cx.observer().advance(used as u64);
    }
}

/// Decodes exactly `raw_len` bytes from all of `input` by a stream library. `step` fills the spare capacity
/// of the output, which is one byte larger than needed, so that a stream which is too long is detected.
pub(crate) fn decode_stream(
    input: &[u8],
    raw_len: usize,
    out: &mut Vec<u8>,
    cx: &Context,
    mut step: impl FnMut(&[u8], &mut Vec<u8>) -> Result<Step>,
) -> Result<()> {
    let start = out.len();
    reserve(out, raw_len + 1)?;
    let mut at = 0;
    loop {
        cx.check()?;
        let before = out.len();
        let (used, ended) = step(&input[at..input.len().min(at + PIECE)], out)?;
        at += used;
        let found = out.len() - start;
        if ended {
            used_up(input.len() - at)?;
            return exactly(found, raw_len);
        }
        exactly(found.min(raw_len), found)?;
        if used == 0 && out.len() == before {
            return Err(Error::truncated("the stream ends early"));
        }
    }
}

/// A reader or writer that fails once the work is cancelled. Call [`Context::check`] afterwards to get that
/// error.
pub(crate) struct Watched<'a, T>(pub T, pub &'a Context);

impl<T: std::io::Read> std::io::Read for Watched<'_, T> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.1.check().map_err(std::io::Error::other)?;
        self.0.read(buf)
    }
}

/// A writer that accepts the segment's length and refuses more.
pub(crate) struct Bounded<'a> {
    pub out: &'a mut Vec<u8>,
    pub left: usize,
}

impl std::io::Write for Bounded<'_> {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.left = self.left.checked_sub(buf.len()).ok_or(std::io::ErrorKind::WriteZero)?;
        self.out.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
