//! EBML elements: identifier, size, data.

use lab_codec::{Error, Result};

/// Appends an element.
pub(super) fn put(out: &mut Vec<u8>, id: u32, data: &[u8]) {
    put_header(out, id, data.len() as u64);
    out.extend_from_slice(data);
}

/// Appends an element with an integer, in as few bytes as possible.
pub(super) fn put_number(out: &mut Vec<u8>, id: u32, value: u64) {
    let bytes = value.to_be_bytes();
    let skip = (value.leading_zeros() as usize / 8).min(7);
    put(out, id, &bytes[skip..]);
}

/// Appends an identifier and a size, in as few bytes as possible.
pub(super) fn put_header(out: &mut Vec<u8>, id: u32, size: u64) {
    put_id(out, id);
    // A size of n bytes holds 7n bits; all ones are reserved.
    let length = (1..8).find(|n| size < (1 << (7 * n)) - 1).unwrap_or(8);
    put_size(out, size, length);
}

/// Appends an identifier and a size of eight bytes.
pub(super) fn put_long_header(out: &mut Vec<u8>, id: u32, size: u64) {
    put_id(out, id);
    put_size(out, size, 8);
}

pub(super) fn put_id(out: &mut Vec<u8>, id: u32) {
    let skip = id.leading_zeros() as usize / 8;
    out.extend_from_slice(&id.to_be_bytes()[skip..]);
}

fn put_size(out: &mut Vec<u8>, size: u64, length: usize) {
    let marked = size | 1 << (7 * length);
    out.extend_from_slice(&marked.to_be_bytes()[8 - length..]);
}

/// Reads a variable-length integer (RFC 8794, 4) at the start of `bytes`: its value and its length in bytes.
/// The largest value of each length means "unknown" in a size and is returned as `None`.
///
/// # Errors
/// [`Truncated`](lab_codec::ErrorKind::Truncated), [`Corrupt`](lab_codec::ErrorKind::Corrupt).
pub(super) fn variable(bytes: &[u8]) -> Result<(Option<u64>, usize)> {
    let short = || Error::truncated("the Matroska file ends within the header of an element");
    let length = bytes.first().ok_or_else(short)?.leading_zeros() as usize + 1;
    if length > 8 {
        return Err(Error::corrupt("the Matroska file has a number longer than eight bytes"));
    }
    let marker = 1 << (7 * length);
    let value = big_endian(bytes.get(..length).ok_or_else(short)?) & !marker;
    Ok(((value != marker - 1).then_some(value), length))
}

/// Reads a header at the start of `bytes`: identifier, size, and the header's length in bytes. An unknown
/// size is `None`.
///
/// # Errors
/// [`Truncated`](lab_codec::ErrorKind::Truncated), [`Corrupt`](lab_codec::ErrorKind::Corrupt).
pub(super) fn header(bytes: &[u8]) -> Result<(u32, Option<u64>, usize)> {
    let (_, id_length) = variable(bytes)?;
    if id_length > 4 {
        return Err(Error::corrupt("the Matroska file has an element without an identifier"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "an identifier has at most four bytes")]
    let id = big_endian(&bytes[..id_length]) as u32;
    let (size, length) = variable(&bytes[id_length..])?;
    Ok((id, size, id_length + length))
}

/// Maximum length of a header, in bytes.
pub(super) const HEADER: usize = 12;

/// Splits `bytes` into elements.
///
/// # Errors
/// As for [`header`]; [`Corrupt`](lab_codec::ErrorKind::Corrupt) if an element extends beyond `bytes`.
pub(super) fn children(mut bytes: &[u8]) -> Result<Vec<(u32, &[u8])>> {
    let mut list = Vec::new();
    while !bytes.is_empty() {
        let (id, size, length) = header(bytes)?;
        let size = size.and_then(|size| usize::try_from(size).ok());
        let end = size.and_then(|size| size.checked_add(length)).filter(|end| *end <= bytes.len());
        let end =
            end.ok_or_else(|| Error::corrupt("an element of the Matroska file reaches beyond its parent"))?;
        list.push((id, &bytes[length..end]));
        bytes = &bytes[end..];
    }
    Ok(list)
}

/// The integer in an element's data.
///
/// # Errors
/// [`Corrupt`](lab_codec::ErrorKind::Corrupt) if it has more than eight bytes.
pub(super) fn number(data: &[u8]) -> Result<u64> {
    if data.len() > 8 {
        return Err(Error::corrupt("the Matroska file has a number longer than eight bytes"));
    }
    Ok(big_endian(data))
}

fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}
