//! Files that hold their samples as they are: PGM, PPM and PAM, and bitmaps of 24 and 32 bits.

use lab_bits::varint;
use lab_codec::{Context, Error, Result};

use super::{Apart, Recipe, bits_in_use, put_bytes, take, take_bytes, take_number};
use crate::kind::{Decoded, Kind};
use crate::pixels::Shape;

/// What a file has beside its samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raster {
    before: Vec<u8>,
    after: Vec<u8>,
    /// Zeros at the end of each row.
    padding: usize,
    /// The last row comes first.
    bottom_up: bool,
    /// Blue comes first.
    blue_first: bool,
    /// The upper byte comes first.
    big_endian: bool,
}

/// Takes a file apart.
pub fn take_apart(kind: Kind, bytes: &[u8], decoded: &Decoded) -> Option<Apart> {
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
    /// The samples of rows with padding.
    fn samples(&self, shape: Shape, rows: &[u8]) -> Vec<u8> {
        let row = shape.bytes() / shape.height as usize;
        let mut samples = Vec::with_capacity(shape.bytes());
        let count = shape.height as usize;
        for y in 0..count {
            let y = if self.bottom_up { count - 1 - y } else { y };
            samples.extend_from_slice(&rows[y * (row + self.padding)..][..row]);
        }
        self.turn(shape, &mut samples);
        samples
    }

    /// Turns channels and bytes round; twice is nothing.
    fn turn(&self, shape: Shape, samples: &mut [u8]) {
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
            return Err(Error::corrupt("the recipe of a raster is broken"));
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
            return Err(Error::corrupt("the recipe of a raster does not fit its samples"));
        }
        cx.limits().check_memory(samples.len() as u64 * 3, "a raster")?;
        let mut turned = samples.to_vec();
        self.turn(shape, &mut turned);
        let row = shape.bytes() / shape.height as usize;
        let mut out = self.before.clone();
        let count = shape.height as usize;
        for y in 0..count {
            let y = if self.bottom_up { count - 1 - y } else { y };
            out.extend_from_slice(&turned[y * row..(y + 1) * row]);
            out.resize(out.len() + self.padding, 0);
        }
        out.extend_from_slice(&self.after);
        Ok(out)
    }
}
