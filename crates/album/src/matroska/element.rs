//! EBML elements: identifier, size, data.

use lab_codec::{Error, Result};

/// Appends an element.
pub fn put(out: &mut Vec<u8>, id: u32, data: &[u8]) {
    put_header(out, id, data.len() as u64);
    out.extend_from_slice(data);
}

/// Appends an element that holds a number, in as few bytes as it needs, at least one.
pub fn put_number(out: &mut Vec<u8>, id: u32, value: u64) {
    let bytes = value.to_be_bytes();
    let skip = (value.leading_zeros() as usize / 8).min(7);
    put(out, id, &bytes[skip..]);
}

/// Appends an identifier and a size, in as few bytes as they need.
pub fn put_header(out: &mut Vec<u8>, id: u32, size: u64) {
    put_id(out, id);
    // A size of n bytes holds 7n bits; all ones are reserved.
    let length = (1..8).find(|n| size < (1 << (7 * n)) - 1).unwrap_or(8);
    put_size(out, size, length);
}

/// Appends an identifier and a size of eight bytes, which can be written over later.
pub fn put_long_header(out: &mut Vec<u8>, id: u32, size: u64) {
    put_id(out, id);
    put_size(out, size, 8);
}

pub fn put_id(out: &mut Vec<u8>, id: u32) {
    let skip = id.leading_zeros() as usize / 8;
    out.extend_from_slice(&id.to_be_bytes()[skip..]);
}

fn put_size(out: &mut Vec<u8>, size: u64, length: usize) {
    let marked = size | 1 << (7 * length);
    out.extend_from_slice(&marked.to_be_bytes()[8 - length..]);
}

/// Reads a header at the beginning of `bytes`: identifier, size, and how many bytes they took. `None` for the size
/// stands for "unknown".
///
/// # Errors
/// [`Truncated`](lab_codec::ErrorKind::Truncated), [`Corrupt`](lab_codec::ErrorKind::Corrupt).
pub fn header(bytes: &[u8]) -> Result<(u32, Option<u64>, usize)> {
    let short = || Error::truncated("the Matroska file ends within the header of an element");
    let first = *bytes.first().ok_or_else(short)?;
    let id_length = first.leading_zeros() as usize + 1;
    if id_length > 4 {
        return Err(Error::corrupt("the Matroska file has an element without an identifier"));
    }
    let id = bytes.get(..id_length).ok_or_else(short)?;
    let id = id.iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
    let rest = &bytes[id_length..];
    let first = *rest.first().ok_or_else(short)?;
    let length = first.leading_zeros() as usize + 1;
    if length > 8 {
        return Err(Error::corrupt("the Matroska file has an element without a size"));
    }
    let size = rest.get(..length).ok_or_else(short)?;
    let size = size.iter().fold(0, |size, byte| size << 8 | u64::from(*byte)) & !(1 << (7 * length));
    let unknown = size == (1 << (7 * length)) - 1;
    Ok((id, (!unknown).then_some(size), id_length + length))
}

/// The longest header.
pub const HEADER: usize = 12;

/// The elements in `bytes`.
///
/// # Errors
/// As [`header`]; an element may not reach beyond the one that it is in.
pub fn children(mut bytes: &[u8]) -> Result<Vec<(u32, &[u8])>> {
    let mut list = Vec::new();
    while !bytes.is_empty() {
        let (id, size, length) = header(bytes)?;
        let size = size.and_then(|size| usize::try_from(size).ok());
        let end = size.and_then(|size| size.checked_add(length)).filter(|end| *end <= bytes.len());
        let end = end.ok_or_else(|| Error::corrupt("an element reaches beyond the one that it is in"))?;
        list.push((id, &bytes[length..end]));
        bytes = &bytes[end..];
    }
    Ok(list)
}

/// The number in the data of an element.
///
/// # Errors
/// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where it has more than eight bytes.
pub fn number(data: &[u8]) -> Result<u64> {
    if data.len() > 8 {
        return Err(Error::corrupt("a number of more than eight bytes in the Matroska file"));
    }
    Ok(data.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}
