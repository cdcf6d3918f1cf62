//! `bitshuffle`: transposes the bit matrix of an array, one element a row, so bits of equal weight become
//! adjacent (Masui and others 2015; the layout here is our own).

use std::sync::Arc;

use lab_codec::{Codec, Context, Entry, Info, Memory, Param, Params, Resources, Result, Worker};

use crate::parts::{codec, exactly, reserve};

const SIZE: Param = Param::int("size", 1, 64, 4, "bytes of an element");

/// Elements that are transposed together. A bit plane of them has 1 KiB, so a block of elements of up to 4
/// bytes fits the first-level cache.
const BLOCK: usize = 8192;

static INFO: Info = Info::new("bitshuffle", "bits of equal weight together, for arrays of numbers")
    .params(&[SIZE])
    .memory(|_, _| Memory::new(2 * 64 * BLOCK as u64, 2 * 64 * BLOCK as u64));

/// The registry entry.
pub const BITSHUFFLE: Entry = Entry::codec(&INFO, build);

fn build(params: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    let size = params.int(&SIZE) as usize;
    Ok(codec(move || Bitshuffle { size, column: Vec::new(), block: Vec::new() }))
}

struct Bitshuffle {
    size: usize,
    /// One byte column of a block: the same byte of every element.
    column: Vec<u8>,
    /// The transposed block.
    block: Vec<u8>,
}

impl Bitshuffle {
    fn run(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        cx: &Context,
        turn: fn(&[u8], &mut [u8], &mut [u8], usize),
    ) -> Result<()> {
        reserve(out, input.len())?;
        self.column.resize(BLOCK, 0);
        self.block.resize(BLOCK * self.size, 0);
        let whole = input.len() / (8 * self.size) * 8 * self.size;
        let (head, tail) = input.split_at(whole);
        for block in head.chunks(BLOCK * self.size) {
            cx.check()?;
            let turned = &mut self.block[..block.len()];
            turn(block, turned, &mut self.column[..block.len() / self.size], self.size);
            out.extend_from_slice(turned);
        }
        out.extend_from_slice(tail);
        Ok(())
    }
}

impl Worker for Bitshuffle {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        self.run(input, out, cx, shuffle)
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        exactly(input.len(), raw_len)?;
        self.run(input, out, cx, unshuffle)
    }
}

/// Transposes elements of `size` bytes to bit planes; their number is a multiple of 8.
fn shuffle(elements: &[u8], planes: &mut [u8], column: &mut [u8], size: usize) {
    let plane = column.len() / 8;
    for (place, planes) in planes.chunks_exact_mut(8 * plane).enumerate() {
        for (byte, element) in column.iter_mut().zip(elements.chunks_exact(size)) {
            *byte = element[place];
        }
        let mut rows: [&mut [u8]; 8] = split(planes);
        for (i, bytes) in column.as_chunks::<8>().0.iter().enumerate() {
            let turned = transpose(u64::from_le_bytes(*bytes)).to_le_bytes();
            for (row, byte) in rows.iter_mut().zip(turned) {
                row[i] = byte;
            }
        }
    }
}

/// The inverse of [`shuffle`].
fn unshuffle(planes: &[u8], elements: &mut [u8], column: &mut [u8], size: usize) {
    let plane = column.len() / 8;
    for (place, planes) in planes.chunks_exact(8 * plane).enumerate() {
        let rows: [&[u8]; 8] = std::array::from_fn(|bit| &planes[bit * plane..(bit + 1) * plane]);
        for (i, bytes) in column.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            *bytes = transpose(u64::from_le_bytes(rows.map(|row| row[i]))).to_le_bytes();
        }
        for (byte, element) in column.iter().zip(elements.chunks_exact_mut(size)) {
            element[place] = *byte;
        }
    }
}

fn split(planes: &mut [u8]) -> [&mut [u8]; 8] {
    let plane = planes.len() / 8;
    let mut rows = planes.chunks_exact_mut(plane);
    std::array::from_fn(|_| rows.next().unwrap_or_default())
}

/// Transposes a matrix of 8 x 8 bits: bit `c` of byte `r` and bit `r` of byte `c` change places (Warren,
/// "Hacker's Delight", 7-3). Three steps swap blocks of 1, 2 and 4 bits in all rows at once.
#[inline]
fn transpose(x: u64) -> u64 {
    let swap = |x: u64, mask: u64, by: u32| {
        let t = (x ^ (x >> by)) & mask;
        x ^ t ^ (t << by)
    };
    let x = swap(x, 0x00AA_00AA_00AA_00AA, 7);
    let x = swap(x, 0x0000_CCCC_0000_CCCC, 14);
    swap(x, 0x0000_0000_F0F0_F0F0, 28)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrix_is_turned_over() {
        for (row, column) in [(0, 0), (0, 7), (3, 5), (7, 1), (6, 6)] {
            assert_eq!(transpose(1 << (8 * row + column)), 1 << (8 * column + row));
        }
    }

    #[test]
    fn a_plane_holds_bits_of_equal_weight() {
        // Eight numbers of 16 bits, 0x0100 and seven zeros: plane 8 begins with a set bit.
        let mut planes = [0; 16];
        let elements = [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        shuffle(&elements, &mut planes, &mut [0; 8], 2);
        assert_eq!(planes, [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    }
}
