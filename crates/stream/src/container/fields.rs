//! Reads fields from the front of a slice, and the checksums around them.

use lab_codec::{Error, Result};

/// Takes `N` bytes from the front.
pub(super) fn take<const N: usize>(input: &mut &[u8], what: &str) -> Result<[u8; N]> {
    let (head, rest) = input
        .split_first_chunk::<N>()
        .ok_or_else(|| Error::truncated(format!("the data ends inside {what}")))?;
    *input = rest;
    Ok(*head)
}

/// Takes a little-endian `u32`.
pub(super) fn u32(input: &mut &[u8], what: &str) -> Result<u32> {
    take(input, what).map(u32::from_le_bytes)
}

/// Takes a little-endian `u64`.
pub(super) fn u64(input: &mut &[u8], what: &str) -> Result<u64> {
    take(input, what).map(u64::from_le_bytes)
}

/// A length as an index; an error where this machine's addresses are too short for it.
pub(super) fn size(len: u64) -> Result<usize> {
    usize::try_from(len).map_err(|_| Error::limit(format!("{len} bytes exceed this machine's memory")))
}

/// Appends the CRC32C of `out[start..]`.
pub(super) fn seal(out: &mut Vec<u8>, start: usize) {
    let crc = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(&crc.to_le_bytes());
}

/// Splits the trailing CRC32C off `bytes` and verifies it.
pub(super) fn unseal<'a>(bytes: &'a [u8], what: &str) -> Result<&'a [u8]> {
    let (body, crc) = bytes
        .split_last_chunk::<4>()
        .ok_or_else(|| Error::truncated(format!("the data ends inside {what}")))?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*crc) {
        return Err(Error::corrupt(format!("{what} does not match its checksum")));
    }
    Ok(body)
}

/// Refuses bytes after the last field.
pub(super) fn nothing_left(rest: &[u8], what: &str) -> Result<()> {
    if rest.is_empty() {
        Ok(())
    } else {
        Err(Error::corrupt(format!("{} bytes left over in {what}", rest.len())))
    }
}
