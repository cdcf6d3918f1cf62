//! `bwt`: the Burrows-Wheeler transform of a whole segment, by the suffix array that libsais builds in linear
//! time.
//!
//! The inverse follows a chain of links through memory, with one cache miss for each byte. So the encoder
//! stores sixteen starting points, and the decoder follows sixteen chains at once, whose cache misses
//! overlap.

use std::sync::Arc;

use lab_codec::{Codec, Context, Entry, Error, Info, Memory, Params, Resources, Result, Worker};
use libsais::SuffixArrayConstruction;

use crate::parts::{codec, reserve, room};

/// Starting points of a large segment.
const PARTS: usize = 16;
/// Segments below this size have one starting point: their links fit the cache.
const LARGE: usize = 32 << 10;
/// Maximum size at which a link (24 bits) and its byte share 32 bits.
const PACKED: usize = 1 << 24;
/// Maximum segment size: the suffix array holds signed numbers of 32 bits.
const MAX_INPUT: usize = i32::MAX as usize - 1024;

static INFO: Info = Info::new(
    "bwt",
    "Burrows-Wheeler transform: bytes with similar contexts together, for mtf or an entropy coder",
)
.memory(|_: &Params, segment| memory(segment));

/// The registry entry.
pub const BWT: Entry = Entry::codec(&INFO, build);

fn memory(segment: u64) -> Memory {
    // Encoding: the suffix array and the library's own buffers for repetitive inputs. Decoding: the links.
    Memory::new(5 * segment + (1 << 20), 4 * segment + (64 << 10))
}

fn build(_: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    Ok(codec(Bwt::default))
}

#[derive(Default)]
struct Bwt {
    suffixes: Vec<i32>,
    links: Vec<u32>,
}

/// Number of parts in which a segment is decoded, and their length; the last may be shorter.
fn parts(length: usize) -> (usize, usize) {
    let parts = if length < LARGE { 1 } else { PARTS };
    (parts, length.div_ceil(parts))
}

impl Bwt {
    /// Fills `suffixes` with the suffix array of `input`; the end of the input sorts before any byte.
    fn sort(&mut self, input: &[u8]) -> Result<()> {
        let missing = input.len().saturating_sub(self.suffixes.len());
        reserve(&mut self.suffixes, missing)?;
        self.suffixes.resize(input.len(), 0);
        SuffixArrayConstruction::for_text(input)
            .in_borrowed_buffer(&mut self.suffixes)
            .single_threaded()
            .run()
            .map_err(|_| Error::limit("bwt: no memory for sorting"))?;
        Ok(())
    }
}

impl Worker for Bwt {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.check()?;
        let Some(last) = input.len().checked_sub(1) else { return Ok(()) };
        if input.len() > MAX_INPUT {
            return Err(Error::limit("bwt takes segments below 2 GiB"));
        }
        cx.limits().check_memory(memory(input.len() as u64).encode, "bwt on a segment of this size")?;
        self.sort(input)?;
        cx.check()?;
        let (parts, part) = parts(input.len());
        reserve(out, input.len() + 4 * parts)?;
        let mut starts = [0_u32; PARTS];
        let begin = out.len();
        out.resize(begin + 4 * parts, 0);
        out.extend(self.suffixes.iter().map(|suffix| {
            let suffix = *suffix as usize;
            input[if suffix == 0 { last } else { suffix - 1 }]
        }));
        for (row, suffix) in self.suffixes.iter().enumerate() {
            let suffix = *suffix as usize;
            if suffix.is_multiple_of(part) {
                starts[suffix / part] = row as u32;
            }
        }
        for (place, start) in out[begin..].chunks_exact_mut(4).zip(&starts[..parts]) {
            place.copy_from_slice(&start.to_le_bytes());
        }
        Ok(())
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.check()?;
        let (parts, part) = parts(raw_len);
        let header = if raw_len == 0 { 0 } else { 4 * parts };
        if input.len() != raw_len + header {
            return Err(Error::corrupt(format!(
                "a bwt of {} bytes cannot hold {raw_len} bytes",
                input.len()
            )));
        }
        if raw_len == 0 {
            return Ok(());
        }
        if raw_len > MAX_INPUT {
            return Err(Error::limit("bwt takes segments below 2 GiB"));
        }
        cx.limits().check_memory(memory(raw_len as u64).decode, "bwt on a segment of this size")?;
        let (header, last) = input.split_at(header);
        let mut starts = [0; PARTS];
        for (start, bytes) in starts.iter_mut().zip(header.as_chunks::<4>().0) {
            *start = u32::from_le_bytes(*bytes);
            if *start as usize >= raw_len {
                return Err(Error::corrupt("a starting point of the bwt lies outside its rows"));
            }
        }
        link(last, starts[0] as usize, &mut self.links)?;
        cx.check()?;
        let links = self.links.as_slice();
        let packed = |row: u32| (links[row as usize] >> 8, links[row as usize] as u8);
        let wide = |row: u32| (links[row as usize], last[links[row as usize] as usize]);
        let out = room(out, raw_len)?;
        let ends = match (parts, raw_len <= PACKED) {
            (1, _) => [follow([starts[0]], out, part, packed)[0]; PARTS],
            (_, true) => follow(starts, out, part, packed),
            (_, false) => follow(starts, out, part, wide),
        };
        // Each part ends where the next one begins, and the last where the first one does.
        if ends[..parts].iter().eq(starts[1..parts].iter().chain(&starts[..1])) {
            Ok(())
        } else {
            Err(Error::corrupt("the links of the bwt do not visit every row"))
        }
    }
}

/// The link of each row: the row of the suffix that is one byte shorter. The byte before that suffix is the
/// first of this row; the packed form holds it in the low bits. The links are a permutation for any bytes, so
/// a damaged segment still yields rows in range.
fn link(last: &[u8], first: usize, links: &mut Vec<u32>) -> Result<()> {
    links.clear();
    reserve(links, last.len())?;
    links.resize(last.len(), 0);
    let mut next = [0_usize; 256];
    last.iter().for_each(|byte| next[usize::from(*byte)] += 1);
    let mut sum = 0;
    for slot in &mut next {
        sum += std::mem::replace(slot, sum);
    }
    let packed = last.len() <= PACKED;
    let mut put = |row: usize| {
        let byte = last[row];
        let slot = &mut next[usize::from(byte)];
        links[*slot] = if packed { (row as u32) << 8 | u32::from(byte) } else { row as u32 };
        *slot += 1;
    };
    // The row of the whole segment holds its last byte, by wrapping around. The suffix of that byte alone is
    // the shortest, so it sorts first among those that begin with it.
    put(first);
    (0..first).for_each(&mut put);
    (first + 1..last.len()).for_each(&mut put);
    Ok(())
}

/// Writes all parts at once and returns the rows in which they end. `step` returns the next row and the byte
/// of a row.
fn follow<const N: usize>(
    mut rows: [u32; N],
    out: &mut [u8],
    part: usize,
    step: impl Fn(u32) -> (u32, u8),
) -> [u32; N] {
    let short = out.len() - part * (N - 1);
    let mut parts = out.chunks_mut(part);
    let mut parts: [&mut [u8]; N] = std::array::from_fn(|_| parts.next().unwrap_or_default());
    for i in 0..short {
        for (row, part) in rows.iter_mut().zip(&mut parts) {
            (*row, part[i]) = step(*row);
        }
    }
    // The last part may be shorter than the others.
    for i in short..part {
        for (row, part) in rows.iter_mut().zip(&mut parts).take(N - 1) {
            (*row, part[i]) = step(*row);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(input: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Bwt::default().encode(input, &mut out, &Context::default()).unwrap();
        out
    }

    fn decode(input: &[u8], raw_len: usize) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        Bwt::default().decode(input, raw_len, &mut out, &Context::default())?;
        Ok(out)
    }

    #[test]
    fn rows_are_the_sorted_suffixes() {
        // a, ana, anana, banana, na, nana; banana is row 3, and a stands before it when the ends are joined.
        assert_eq!(encode(b"banana"), b"\x03\0\0\0nnbaaa");
        assert_eq!(decode(b"\x03\0\0\0nnbaaa", 6).unwrap(), b"banana");
    }

    #[test]
    fn parts_of_every_length() {
        for length in (LARGE - 3..LARGE + 20).chain([100_003, PACKED, PACKED + 1]) {
            let mut state = 1_u32;
            let input: Vec<u8> = (0..length)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 30) as u8
                })
                .collect();
            assert!(decode(&encode(&input), length).unwrap() == input, "{length}");
        }
    }

    #[test]
    fn wrong_starts_are_refused() {
        let input = [b"abracadabra".as_slice(); 5000].concat();
        let mut bytes = encode(&input);
        bytes[4] ^= 1;
        assert!(decode(&bytes, input.len()).is_err());
        bytes[7] = 1;
        assert!(decode(&bytes, input.len()).is_err());
    }
}
