//! General-purpose compressors as the types use them: LZFSE, zlib and Zstandard, all bounded when they
//! decode.

use std::io::Read;

use lzfse_rust::{LzfseEncoder, LzfseRingDecoder};

use crate::error::{Error, Result};

/// Level of type 2. The streams of other levels are as valid.
const ZLIB_LEVEL: u32 = 6;

/// Compresses with LZFSE.
///
/// # Errors
/// [`Code::Memory`](crate::error::Code::Memory) for 2 GiB and more, which the encoder does not take.
pub(crate) fn lzfse(input: &[u8]) -> Result<Vec<u8>> {
    if i32::try_from(input.len()).is_err() {
        return Err(Error::memory("LZFSE takes pictures below 2 GiB"));
    }
    let mut out = Vec::with_capacity(input.len() / 2 + 4096);
    LzfseEncoder::default().encode_bytes(input, &mut out)?;
    Ok(out)
}

/// Decompresses LZFSE to `length` bytes at most.
///
/// # Errors
/// [`Code::Compression`](crate::error::Code::Compression) for damage, or a result of more bytes.
pub(crate) fn un_lzfse(input: &[u8], length: usize) -> Result<Vec<u8>> {
    let mut sink = Bounded { out: Vec::new(), left: length };
    let mut source = input;
    LzfseRingDecoder::default()
        .decode(&mut source, &mut sink)
        .map_err(|e| Error::compression(format!("LZFSE data is damaged or too long: {e}")))?;
    Ok(sink.out)
}

/// Takes bytes up to a limit, so that a bomb ends there.
struct Bounded {
    out: Vec<u8>,
    left: usize,
}

impl std::io::Write for Bounded {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.left = self
            .left
            .checked_sub(buf.len())
            .ok_or_else(|| std::io::Error::other("more bytes than the picture has"))?;
        self.out.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Compresses with zlib.
///
/// # Errors
/// None in practice; those of writing to memory.
pub(crate) fn zlib(input: &[u8]) -> Result<Vec<u8>> {
    let out = Vec::with_capacity(input.len() / 2 + 64);
    let mut encoder = flate2::write::ZlibEncoder::new(out, flate2::Compression::new(ZLIB_LEVEL));
    std::io::Write::write_all(&mut encoder, input)?;
    Ok(encoder.finish()?)
}

/// Decompresses zlib to `length` bytes at most.
///
/// # Errors
/// [`Code::Compression`](crate::error::Code::Compression) for damage, a result of more bytes, or bytes
/// behind it.
pub(crate) fn un_zlib(input: &[u8], length: usize) -> Result<Vec<u8>> {
    let mut decoder = flate2::bufread::ZlibDecoder::new(input);
    let out = read_bounded(&mut decoder, length, "zlib")?;
    ends(decoder.into_inner(), out, "zlib")
}

/// Compresses with Zstandard, without a checksum: the prefix of a frame has one.
///
/// # Errors
/// Those of the library, for want of memory.
pub(crate) fn zstd(input: &[u8], level: i32) -> Result<Vec<u8>> {
    Ok(zstd::bulk::compress(input, level)?)
}

/// Decompresses one Zstandard frame to `length` bytes at most.
///
/// # Errors
/// [`Code::Compression`](crate::error::Code::Compression) for damage, or a result of more bytes.
pub(crate) fn un_zstd(input: &[u8], length: usize) -> Result<Vec<u8>> {
    // The stream decoder grows its output as it goes: a small frame cannot ask for much memory.
    let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?.single_frame();
    let out = read_bounded(&mut decoder, length, "Zstandard")?;
    ends(decoder.finish(), out, "Zstandard")
}

/// Reads a decoder's output of at most `length` bytes.
fn read_bounded(decoder: &mut impl Read, length: usize, name: &str) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    decoder
        .take(length as u64 + 1)
        .read_to_end(&mut out)
        .map_err(|e| Error::compression(format!("{name} data is damaged: {e}")))?;
    if out.len() > length {
        return Err(Error::compression(format!("{name} data has more than {length} bytes")));
    }
    Ok(out)
}

/// Demands that no input is left.
fn ends(rest: &[u8], out: Vec<u8>, name: &str) -> Result<Vec<u8>> {
    if rest.is_empty() { Ok(out) } else { Err(Error::compression(format!("bytes follow the {name} data"))) }
}

/// Demands that exactly `length` bytes came out.
///
/// # Errors
/// [`Code::Compression`](crate::error::Code::Compression) where they did not.
pub(crate) fn exactly(bytes: Vec<u8>, length: usize) -> Result<Vec<u8>> {
    if bytes.len() == length {
        return Ok(bytes);
    }
    Err(Error::compression(format!("{} bytes came out instead of {length}", bytes.len())))
}
