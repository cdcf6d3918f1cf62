//! Frames without a header: samples, one frame after the other.

use std::io::{self, Read, Write};

use lab_codec::{Error, Result};

use crate::Frame;

/// Reads the next frame into `frame`, whose shape determines its size; `false` at the end.
///
/// # Errors
/// [`Truncated`](lab_codec::ErrorKind::Truncated) if the data ends inside a frame; I/O errors.
pub fn read(source: &mut impl Read, frame: &mut Frame) -> Result<bool> {
    let shape = frame.shape();
    match fill(source, frame.data_mut())? {
        0 => Ok(false),
        n if n == shape.bytes() => Ok(true),
        n => {
            Err(Error::truncated(format!("{n} bytes left for a frame of {} bytes ({shape})", shape.bytes())))
        }
    }
}

/// Writes the samples of `frame`.
///
/// # Errors
/// I/O errors.
pub fn write(sink: &mut impl Write, frame: &Frame) -> Result<()> {
    Ok(sink.write_all(frame.data())?)
}

/// Reads until `buf` is full or the source ends; returns the number of bytes.
pub(crate) fn fill(source: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buf.len() {
        match source.read(&mut buf[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}
