//! Pixels as wholes, for pictures that were drawn and not filmed: text, windows, enlarged or vector-quantised pictures.
//!
//! A pixel is first asked for among colours that were seen: those that followed the same neighbours before (four tables
//! by hashes of neighbours, as in the order-k contexts of PPM; Cleary and Witten 1984), that of the reference, and those
//! of the neighbours themselves. Where none of them is right, the channels are coded one by one, each by those before it. Contexts know
//! whether row and column are even, which finds the grain of pictures that are made of squares of two by two.

mod pixel;

use std::ops::Range;

use lab_entropy::model::Bit;
use lab_entropy::rans::{Decoder, Encoder};
use rayon::prelude::*;

use crate::bands::{self, BLOCK};
use crate::error::{Error, Result};
use crate::header::Shape;
use pixel::{Around, Band, Coder, HIT_LIMIT, Learner, Models, Pixel};

/// Codes a band: `now` is coded, or filled where the coder decodes. `learn` tells to begin with the reference.
fn code(
    coder: &mut impl Coder,
    (width, channels): (usize, usize),
    now: &mut [Pixel],
    before: Option<&[Pixel]>,
    learn: bool,
) -> Result<()> {
    let height = now.len() / width;
    let copied = match before {
        Some(before) => copied(coder, width, now, before)?,
        None => vec![false; width.div_ceil(BLOCK) * height.div_ceil(BLOCK)],
    };
    let across = width.div_ceil(BLOCK);
    let mut models = Models::new(channels);
    if let Some(before) = before.filter(|_| learn) {
        let mut learner = Learner;
        let mut band = Band::new(&mut learner, &mut models, channels);
        for y in (0..height).filter(|y| copied[y / BLOCK * across..][..across].contains(&false)) {
            for x in 0..width {
                let (around, pixel) = (Around::of(before, width, x, y), before[y * width + x]);
                // Flat ground has nothing to teach.
                if !(around.is_flat() && pixel == around.left) {
                    band.pixel(around, None, (x, y), pixel);
                }
            }
        }
    }
    let mut band = Band::new(coder, &mut models, channels);
    for y in 0..height {
        let mut start = 0;
        for run in copied[y / BLOCK * across..][..across].chunk_by(|a, b| a == b) {
            let range = start..(start + run.len() * BLOCK).min(width);
            start = range.end;
            let row = y * width + range.start..y * width + range.end;
            match before {
                Some(before) if run[0] => now[row.clone()].copy_from_slice(&before[row]),
                _ => {
                    for x in range {
                        let at = y * width + x;
                        let around = Around::of(now, width, x, y);
                        now[at] = band.pixel(around, before.map(|before| before[at]), (x, y), now[at]);
                    }
                }
            }
        }
        band.coder.check()?;
    }
    Ok(())
}

/// Which blocks are as in the reference, each by those to the left and above.
fn copied(coder: &mut impl Coder, width: usize, now: &[Pixel], before: &[Pixel]) -> Result<Vec<bool>> {
    let (across, height) = (width.div_ceil(BLOCK), now.len() / width);
    let mut models = [Bit::default(); 4];
    let mut copied: Vec<bool> = Vec::with_capacity(across * height.div_ceil(BLOCK));
    for i in 0..across * height.div_ceil(BLOCK) {
        let (x, y) = (i % across * BLOCK, i / across * BLOCK);
        let same = (y..(y + BLOCK).min(height)).all(|y| {
            let row = y * width + x..y * width + (x + BLOCK).min(width);
            now[row.clone()] == before[row]
        });
        let (left, above) = (x > 0 && copied[i - 1], y > 0 && copied[i - across]);
        let model = &mut models[usize::from(left) << 1 | usize::from(above)];
        copied.push(coder.bit(model, HIT_LIMIT, same));
    }
    coder.check()?;
    Ok(copied)
}

/// How many pixels in `changed` blocks are not as all their neighbours, and so take most of the time; nothing where they
/// are more than `most`, or have so many colours that they were filmed.
pub fn busy(shape: Shape, now: &[u8], changed: &[bool], most: u64) -> Option<u64> {
    /// Colours are counted by a hash of so many bits.
    const HASH: u32 = 16;
    /// So many pixels have each colour on average, or there are but few colours.
    const PIXELS: u64 = 8;
    const FEW: u64 = 1024;
    let (width, channels) = (shape.width as usize, shape.channels as usize);
    let across = width.div_ceil(BLOCK);
    let (mut busy, mut colours) = (0, 0);
    let mut met = vec![false; 1 << HASH];
    let row = |y: usize| pack(&now[y * width * channels..][..width * channels], channels);
    let mut pair = Vec::new();
    for (y, blocks) in (0..shape.height as usize).map(|y| (y, &changed[y / BLOCK * across..][..across])) {
        if !blocks.contains(&true) {
            continue;
        }
        pair.clear();
        pair.extend(row(y.saturating_sub(1)));
        pair.extend(row(y));
        for x in (0..width).filter(|x| blocks[x / BLOCK]) {
            let (around, pixel) = (Around::of(&pair, width, x, 1), pair[width + x]);
            if around.is_flat() && around.left == pixel {
                continue;
            }
            busy += 1;
            let met = &mut met[(pixel.wrapping_mul(0x9E37_79B1) >> (32 - HASH)) as usize];
            colours += u64::from(!std::mem::replace(met, true));
        }
        if busy > most {
            return None;
        }
    }
    (colours <= FEW.max(busy / PIXELS)).then_some(busy)
}

/// The pixels of some bytes.
fn pack(bytes: &[u8], channels: usize) -> Vec<Pixel> {
    let pixel = |bytes: &[u8]| {
        let mut pixel = [0; 4];
        pixel[..bytes.len()].copy_from_slice(bytes);
        Pixel::from_le_bytes(pixel)
    };
    match channels {
        3 => bytes.as_chunks::<3>().0.iter().map(|b| Pixel::from_le_bytes([b[0], b[1], b[2], 0])).collect(),
        _ => bytes.chunks_exact(channels).map(pixel).collect(),
    }
}

/// The bytes of a band in a picture.
fn bytes_of(shape: Shape, rows: Range<usize>) -> Range<usize> {
    let row = shape.width as usize * shape.channels as usize;
    let height = shape.height as usize;
    (rows.start * BLOCK).min(height) * row..(rows.end * BLOCK).min(height) * row
}

/// Codes a picture in `count` bands, with `learn` after learning what the reference looks like where something changed.
pub fn encode(shape: Shape, now: &[u8], before: Option<&[u8]>, count: usize, learn: bool) -> Vec<u8> {
    let (width, channels) = (shape.width as usize, shape.channels as usize);
    let down = (shape.height as usize).div_ceil(BLOCK);
    let learn = learn && before.is_some();
    let coded: Vec<Vec<u8>> = (0..count)
        .into_par_iter()
        .map(|i| {
            let at = bytes_of(shape, bands::rows(i, count, down));
            let mut coder = Encoder::new(Vec::new());
            let before = before.map(|before| pack(&before[at.clone()], channels));
            // An encoder refuses nothing.
            let _ =
                code(&mut coder, (width, channels), &mut pack(&now[at], channels), before.as_deref(), learn);
            coder.finish()
        })
        .collect();
    let mut out = vec![u8::from(learn)];
    bands::write(&coded, &mut out);
    out
}

/// The picture that [`encode`] was given.
///
/// # Errors
/// [`Code::Compression`](crate::error::Code::Compression) for damage.
pub fn decode(input: &[u8], shape: Shape, before: Option<&[u8]>) -> Result<Vec<u8>> {
    let (width, height) = (shape.width as usize, shape.height as usize);
    let channels = shape.channels as usize;
    let learn = match (input.first(), before) {
        (Some(0), _) => false,
        (Some(1), Some(_)) => true,
        (None, _) => return Err(bands::ends_early()),
        _ => return Err(Error::compression("the byte for learning from the reference is wrong")),
    };
    let parts = bands::read(&input[1..], height)?;
    let mut pixels = vec![0; width * height * channels];
    let mut targets = Vec::with_capacity(parts.len());
    let mut rest = pixels.as_mut_slice();
    for i in 0..parts.len() {
        let at = bytes_of(shape, bands::rows(i, parts.len(), height.div_ceil(BLOCK)));
        let (target, behind) = rest.split_at_mut(at.len());
        targets.push((at, target));
        rest = behind;
    }
    let decoded: Vec<Result<()>> = targets
        .into_par_iter()
        .zip(parts)
        .map(|((at, target), part)| {
            let mut now = vec![0; target.len() / channels];
            let before = before.map(|before| pack(&before[at], channels));
            let mut coder = Decoder::new(part);
            code(&mut coder, (width, channels), &mut now, before.as_deref(), learn)?;
            coder.finish()?;
            for (bytes, pixel) in target.chunks_exact_mut(channels).zip(now) {
                bytes.copy_from_slice(&pixel.to_le_bytes()[..channels]);
            }
            Ok(())
        })
        .collect();
    decoded.into_iter().collect::<Result<()>>()?;
    Ok(pixels)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Text on a ground, with some noise, and another line of it after.
    fn drawn(shape: Shape, seed: u64, lines: u32) -> Vec<u8> {
        let mut state = seed | 1;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        let mut pixels = vec![20; shape.bytes().unwrap() as usize];
        let row = (shape.width * shape.channels) as usize;
        for byte in pixels.iter_mut().take(9 * row * lines as usize) {
            if next() < 40 {
                *byte = next() & 0xF0;
            }
        }
        pixels
    }

    proptest! {
        #[test]
        fn pictures_come_back(
            width in 1u32..70, height in 1u32..60, channels in 0usize..3, seed in any::<u64>(), learn in any::<bool>(), count in 1usize..3,
        ) {
            let shape = Shape { width, height, channels: [1, 3, 4][channels] };
            let count = count.min(height.div_ceil(BLOCK as u32) as usize);
            let (before, now) = (drawn(shape, seed, 1), drawn(shape, seed, 3));
            let alone = encode(shape, &now, None, count, learn);
            prop_assert_eq!(&decode(&alone, shape, None).unwrap(), &now);
            let after = encode(shape, &now, Some(&before), count, learn);
            prop_assert_eq!(&decode(&after, shape, Some(&before)).unwrap(), &now);
            if learn {
                prop_assert!(decode(&after, shape, None).is_err());
            }
        }
    }

    #[test]
    fn colours_that_were_seen_are_cheap() {
        let shape = Shape { width: 64, height: 64, channels: 3 };
        let now = drawn(shape, 7, 7);
        let sizes = [false, true].map(|learn| encode(shape, &now, Some(&drawn(shape, 7, 6)), 1, learn).len());
        assert!(sizes[1] < sizes[0], "{sizes:?}");
    }
}
