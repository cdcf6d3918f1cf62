//! Files with uncompressed samples: PGM, PPM and PAM, and Windows bitmaps of 24 and 32 bits.

use lab_bits::varint;
use lab_codec::{Context, Error, Result};

use super::{Apart, Recipe, bits_in_use, put_bytes, take, take_bytes, take_number};
use crate::kind::{Decoded, Kind};
use crate::pixels::Shape;

/// The layout of a file, and its bytes before and after the samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raster {
    before: Vec<u8>,
    after: Vec<u8>,
    /// Zero bytes at the end of each row: bitmaps align rows to 4 bytes.
    padding: usize,
    /// The last row is stored first.
    bottom_up: bool,
    /// Channels are stored as blue, green, red.
    blue_first: bool,
    /// The upper byte of a sample is stored first.
    big_endian: bool,
}

/// Splits a file. A bitmap names the offset of its samples (byte 10) and has a negative height (byte 22) when
/// it is stored top-down; Netpbm samples end with the file.
pub(super) fn take_apart(kind: Kind, bytes: &[u8], decoded: &Decoded) -> Option<Apart> {
    let shape = decoded.shape;
    let row = shape.bytes() / shape.height as usize;
    let mut raster = Raster {
        before: Vec::new(),
        after: Vec::new(),
        padding: 0,
        bottom_up: false,
        blue_first: false,
        big_endian: false,
    };
    let start = if kind == Kind::Bmp {
        let number = |at: usize| bytes.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        raster.padding = row.next_multiple_of(4) - row;
        raster.bottom_up = number(22)? < 1 << 31;
        raster.blue_first = true;
        number(10)? as usize
    } else {
        raster.big_endian = shape.bits > 8;
        bytes.len().checked_sub(shape.bytes())?
    };
    let end = start.checked_add((row + raster.padding).checked_mul(shape.height as usize)?)?;
    raster.before = bytes.get(..start)?.to_vec();
    raster.after = bytes.get(end..)?.to_vec();
    let samples = raster.samples(shape, &bytes[start..end]);
    let shape = if shape.bits > 8 { Shape { bits: bits_in_use(&samples), ..shape } } else { shape };
    Some(Apart { shape, samples, recipe: Recipe::Raster(raster) })
}

impl Raster {
    /// Extracts the samples from stored rows.
    fn samples(&self, shape: Shape, rows: &[u8]) -> Vec<u8> {
        let row = shape.bytes() / shape.height as usize;
        let mut samples = Vec::with_capacity(shape.bytes());
        let count = shape.height as usize;
        for y in 0..count {
            let y = if self.bottom_up { count - 1 - y } else { y };
            samples.extend_from_slice(&rows[y * (row + self.padding)..][..row]);
        }
        self.swap_order(shape, &mut samples);
        samples
    }

    /// Swaps channels and bytes between the file's order and ours. It is its own inverse.
    fn swap_order(&self, shape: Shape, samples: &mut [u8]) {
        if self.blue_first && shape.bits == 8 && shape.channels >= 3 {
            samples.chunks_exact_mut(shape.channels.into()).for_each(|pixel| pixel.swap(0, 2));
        }
        if self.big_endian && shape.bits > 8 {
            samples.as_chunks_mut::<2>().0.iter_mut().for_each(|sample| sample.reverse());
        }
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        put_bytes(out, &self.before);
        put_bytes(out, &self.after);
        varint::write(out, self.padding as u64);
        out.push(u8::from(self.bottom_up) | u8::from(self.blue_first) << 1 | u8::from(self.big_endian) << 2);
    }

    pub fn read(input: &mut &[u8]) -> Result<Self> {
        let (before, after) = (take_bytes(input)?.to_vec(), take_bytes(input)?.to_vec());
        let padding = take_number(input)?;
        let flags = take(input, 1)?[0];
        if padding > 3 || flags > 7 {
            return Err(Error::corrupt("the recipe of a raster has an invalid padding or flag"));
        }
        Ok(Self {
            before,
            after,
            padding,
            bottom_up: flags & 1 != 0,
            blue_first: flags & 2 != 0,
            big_endian: flags & 4 != 0,
        })
    }

    pub fn file(&self, shape: Shape, samples: &[u8], cx: &Context) -> Result<Vec<u8>> {
        if samples.len() != shape.bytes() {
            return Err(Error::corrupt("a raster has another number of samples than its shape"));
        }
        cx.limits().check_memory(samples.len() as u64 * 3, "a raster")?;
        let mut swapped = samples.to_vec();
        self.swap_order(shape, &mut swapped);
        let row = shape.bytes() / shape.height as usize;
        let mut out = self.before.clone();
        let count = shape.height as usize;
        for y in 0..count {
            let y = if self.bottom_up { count - 1 - y } else { y };
            out.extend_from_slice(&swapped[y * row..(y + 1) * row]);
            out.resize(out.len() + self.padding, 0);
        }
        out.extend_from_slice(&self.after);
        Ok(out)
    }
}
