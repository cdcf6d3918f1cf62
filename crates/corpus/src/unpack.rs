//! Unpacks the stored form of a file as a stream, in bounded memory, and computes both digests.

use std::io::{self, BufReader, Read, Write};

use lab_codec::{Context, Digest, Error, ErrorKind, Result};
use lzma_rust2::XzReader;
use sha2::{Digest as _, Sha256};

use super::StoredAs;

const PIECE_BYTES: usize = 128 << 10;

/// Writes the original form of the data in `reader` and returns its length in bytes.
///
/// # Errors
/// Corrupt and truncated input; [`Limit`](ErrorKind::Limit) if decoding exceeds the memory limit; errors of
/// `reader` and `writer`.
pub(crate) fn unpack(
    stored_as: StoredAs,
    reader: impl Read,
    writer: &mut dyn Write,
    cx: &Context,
) -> Result<u64> {
    match stored_as {
        StoredAs::Raw => copy(reader, writer, cx),
        StoredAs::Zstd => lab_zstd::decode_foreign(reader, writer, &mut |_| Ok(None), cx),
        StoredAs::Xz => copy(xz(reader, cx), writer, cx),
    }
}

/// Decodes all xz streams in `reader`, within the memory limit.
pub(super) fn xz<R: Read>(reader: R, cx: &Context) -> XzReader<BufReader<R>> {
    let kibibytes = u32::try_from(cx.limits().memory >> 10).unwrap_or(u32::MAX);
    // The buffer serves a decoder that reads single bytes.
    XzReader::new_mem_limit(BufReader::with_capacity(PIECE_BYTES, reader), true, kibibytes)
}

/// Copies all of `reader` and returns the number of bytes.
///
/// # Errors
/// As for [`unpack`].
pub(super) fn copy(mut reader: impl Read, writer: &mut dyn Write, cx: &Context) -> Result<u64> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut total = 0;
    loop {
        cx.check()?;
        match reader.read(&mut piece) {
            Ok(0) => return Ok(total),
            Ok(length) => {
                total += length as u64;
                writer.write_all(&piece[..length])?;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(decoding(e)),
        }
    }
}

/// The xz decoder reports damage as I/O errors; this gives them the right kind.
fn decoding(error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => ErrorKind::Corrupt,
        io::ErrorKind::Unsupported => ErrorKind::Unsupported,
        io::ErrorKind::OutOfMemory => ErrorKind::Limit,
        _ => return error.into(),
    };
    Error::new(kind, error.to_string())
}

/// A reader that counts and hashes what is read through it.
pub(crate) struct HashingReader<'a, R> {
    inner: R,
    hash: Sha256,
    bytes: u64,
    cx: &'a Context,
}

impl<'a, R: Read> HashingReader<'a, R> {
    /// Reports the bytes read as progress.
    pub(crate) fn new(inner: R, cx: &'a Context) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0, cx }
    }

    /// Reads to the end; returns length and digest of the whole input.
    pub(crate) fn finish(mut self) -> Result<(u64, Digest)> {
        let cx = self.cx;
        copy(&mut self, &mut io::sink(), cx)?;
        Ok((self.bytes, Digest(self.hash.finalize().into())))
    }
}

impl<R: Read> Read for HashingReader<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buf)?;
        self.hash.update(&buf[..length]);
        self.bytes += length as u64;
        self.cx.observer().advance(length as u64);
        Ok(length)
    }
}

/// A writer that counts and hashes what is written, up to a limit.
pub(crate) struct HashingWriter<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
    limit: u64,
}

impl<W: Write> HashingWriter<W> {
    /// Refuses writes beyond `limit` bytes.
    pub(crate) fn new(inner: W, limit: u64) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0, limit }
    }

    /// Whether a write exceeded the limit.
    pub(crate) fn overflowed(&self) -> bool {
        self.bytes > self.limit
    }

    /// Length and digest of all bytes written.
    pub(crate) fn finish(self) -> (u64, Digest) {
        (self.bytes, Digest(self.hash.finalize().into()))
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.bytes += buf.len() as u64;
        if self.overflowed() {
            return Err(io::Error::other("more bytes than expected"));
        }
        self.inner.write_all(buf)?;
        self.hash.update(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{HELLO, HELLO_XZ};
    use super::*;
    use lab_codec::Limits;

    fn xz(input: &[u8], memory: u64) -> Result<Vec<u8>> {
        let cx = Context::default().with_limits(Limits::new(1 << 20, memory));
        let mut out = Vec::new();
        unpack(StoredAs::Xz, input, &mut out, &cx).map(|_| out)
    }

    #[test]
    fn xz_streams_are_undone_within_the_memory_limit() {
        assert_eq!(xz(HELLO_XZ, 1 << 30).unwrap(), HELLO);
        assert_eq!(xz(&[HELLO_XZ, HELLO_XZ].concat(), 1 << 30).unwrap(), [HELLO, HELLO].concat());
        assert_eq!(xz(HELLO_XZ, 1 << 20).unwrap_err().kind(), ErrorKind::Limit);
    }

    #[test]
    fn damaged_xz_streams_are_errors() {
        for cut in 0..HELLO_XZ.len() {
            assert!(xz(&HELLO_XZ[..cut], 1 << 30).is_err(), "cut at {cut}");
        }
        for bit in 0..HELLO_XZ.len() * 8 {
            let mut flipped = HELLO_XZ.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // Damage that the decoder does not detect must not change the output.
            if let Ok(out) = xz(&flipped, 1 << 30) {
                assert_eq!(out, HELLO, "bit {bit}");
            }
        }
    }
}
