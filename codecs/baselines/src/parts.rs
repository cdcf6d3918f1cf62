//! What the codecs of this crate share: room for results, lengths that must be right, workers from a closure.

use std::sync::Arc;

use lab_codec::{Capabilities, Codec, Context, Error, Result, Worker};

/// A codec that encodes and decodes whole segments, in this process, and nothing more.
pub const PLAIN: Capabilities =
    Capabilities { range_decode: false, identity: false, external: false, pipe: false };

/// Bytes between two looks at the cancellation flag.
pub const PIECE: usize = 1 << 20;

/// The codec whose workers `make` makes.
pub fn codec<W: Worker + 'static>(make: impl Fn() -> W + Send + Sync + 'static) -> Arc<dyn Codec> {
    struct Maker<F>(F);
    impl<W: Worker + 'static, F: Fn() -> W + Send + Sync> Codec for Maker<F> {
        fn worker(&self) -> Box<dyn Worker> {
            Box::new(self.0())
        }
    }
    Arc::new(Maker(make))
}

/// Makes room for `additional` bytes, or says that there is none.
pub fn reserve(out: &mut Vec<u8>, additional: usize) -> Result<()> {
    out.try_reserve(additional).map_err(|_| Error::limit(format!("no memory for {additional} bytes")))
}

/// Appends `length` zeros to be overwritten, and returns them.
pub fn room(out: &mut Vec<u8>, length: usize) -> Result<&mut [u8]> {
    reserve(out, length)?;
    let start = out.len();
    out.resize(start + length, 0);
    Ok(&mut out[start..])
}

/// Fails unless as many bytes were `found` as the segment has.
pub fn exactly(found: usize, raw_len: usize) -> Result<()> {
    if found == raw_len {
        return Ok(());
    }
    Err(Error::corrupt(format!("the segment decodes to {found} bytes where {raw_len} are expected")))
}

/// Fails where bytes are left behind the coded data.
pub fn used_up(left: usize) -> Result<()> {
    if left == 0 { Ok(()) } else { Err(Error::corrupt(format!("{left} bytes follow the coded data"))) }
}

/// A reader or writer that ends with an error once the work was cancelled. Call [`Context::check`] behind it.
pub struct Watched<'a, T>(pub T, pub &'a Context);

impl<T: std::io::Read> std::io::Read for Watched<'_, T> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.1.check().map_err(std::io::Error::other)?;
        self.0.read(buf)
    }
}

/// Takes as many bytes as a segment has, and refuses more.
pub struct Bounded<'a> {
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
