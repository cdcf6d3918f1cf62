//! Blocks of the data track: bytes of files, samples of segments, and recipes. The first byte of a block
//! names its coder.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use lab_bits::varint;
use lab_codec::{Context, Error, Result};
use lepton_jpeg::{EnabledFeatures, SingleThreadPool, decode_lepton, encode_lepton};

use crate::pixels::{self, Shape, Way};

/// Maximum file bytes in one block; a JPEG that Lepton codes is one block whatever its size.
pub const PIECE: usize = 16 << 20;
/// Maximum size of a JPEG that Lepton codes.
pub const LARGEST_JPEG: usize = 128 << 20;

/// Stored bytes.
const PLAIN: u8 = 0;
/// A zstd frame. In blocks of samples the number is shifted left by four.
const ZSTD: u8 = 1;
/// Lepton, which replaces the Huffman coding of a JPEG's coefficients by context modelling.
const LEPTON: u8 = 2;
/// Samples by [`pixels`]; the two lowest bits are the flags of [`Way`].
const NATIVE: u8 = 4;
const GUESS: u8 = 1;
const INTER: u8 = 2;
/// Samples are indices into a list of levels. That list and a block of the indices follow.
const LEVELS: u8 = 32;

/// The coders tried for samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Try {
    /// The native coder and zstd.
    All,
    /// Only the native coder.
    Native,
}

/// Packs bytes of a file: Lepton where a JPEG becomes smaller, else zstd, else stored.
///
/// # Errors
/// Cancellation, I/O errors.
pub fn pack_bytes(bytes: &[u8], jpeg: bool, cx: &Context) -> Result<Vec<u8>> {
    cx.check()?;
    if let Some(packed) = Some(bytes).filter(|bytes| jpeg && bytes.len() <= LARGEST_JPEG).and_then(pack_jpeg)
    {
        return Ok(packed);
    }
    let mut packed = vec![ZSTD];
    packed.extend_from_slice(&zstd::bulk::compress(bytes, 19)?);
    if packed.len() <= bytes.len() {
        return Ok(packed);
    }
    packed.clear();
    packed.push(PLAIN);
    packed.extend_from_slice(bytes);
    Ok(packed)
}

/// Codes a JPEG by Lepton. `None` where that is not smaller, or decoding does not give the same bytes.
fn pack_jpeg(bytes: &[u8]) -> Option<Vec<u8>> {
    let coded = catch_unwind(|| {
        let mut coded = Vec::new();
        let features = EnabledFeatures::compat_lepton_vector_write();
        let pool = SingleThreadPool {};
        encode_lepton(&mut Cursor::new(bytes), &mut Cursor::new(&mut coded), &features, &pool).ok()?;
        Some(coded)
    });
    let coded = coded.ok()??;
    let back = unpack_jpeg(&coded, bytes.len()).ok()?;
    (coded.len() < bytes.len() && back == bytes).then(|| [&[LEPTON], &coded[..]].concat())
}

fn unpack_jpeg(coded: &[u8], length: usize) -> Result<Vec<u8>> {
    let broken = || Error::corrupt("a Lepton block cannot be decoded to its JPEG");
    let result = catch_unwind(|| {
        let mut out = Bounded { bytes: Vec::new(), most: length };
        let features = EnabledFeatures::compat_lepton_vector_read();
        decode_lepton(&mut Cursor::new(coded), &mut out, &features, &SingleThreadPool {}).map(|_| out.bytes)
    });
    result.map_err(|_| broken())?.map_err(|_| broken())
}

/// A buffer that refuses more than `most` bytes, which stops a decompression bomb.
struct Bounded {
    bytes: Vec<u8>,
    most: usize,
}

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.most {
            return Err(std::io::Error::other("more bytes than expected"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The bytes of a block, at most `most`.
///
/// # Errors
/// [`Corrupt`](lab_codec::ErrorKind::Corrupt).
pub fn unpack_bytes(block: &[u8], most: usize, cx: &Context) -> Result<Vec<u8>> {
    cx.check()?;
    let (coder, coded) = block.split_first().ok_or_else(|| Error::corrupt("a block is empty"))?;
    match *coder {
        PLAIN if coded.len() <= most => Ok(coded.to_vec()),
        PLAIN => Err(Error::corrupt("a block has more bytes than its file")),
        ZSTD => unzstd(coded, most),
        LEPTON => unpack_jpeg(coded, most),
        other => Err(Error::corrupt(format!("a block of a file has the unknown coder {other}"))),
    }
}

/// Decodes a zstd frame of at most `most` bytes. Allocates the frame's own content size, which may be much
/// less.
fn unzstd(coded: &[u8], most: usize) -> Result<Vec<u8>> {
    let size = zstd::zstd_safe::get_frame_content_size(coded).ok().flatten();
    let size = size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size <= most);
    let size = size.ok_or_else(|| {
        Error::corrupt("a zstd block lacks its content size, or it exceeds the expected size")
    })?;
    zstd::bulk::decompress(coded, size).map_err(|e| Error::corrupt(format!("a block is broken: {e}")))
}

/// Packs recipes into a block: similar files have similar recipes, which zstd finds.
///
/// # Errors
/// I/O errors.
pub fn pack_recipes(recipes: &[Vec<u8>]) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    for recipe in recipes {
        varint::write(&mut all, recipe.len() as u64);
        all.extend_from_slice(recipe);
    }
    let mut block = vec![ZSTD];
    block.extend_from_slice(&zstd::bulk::compress(&all, 19)?);
    if block.len() > all.len() {
        block = [&[PLAIN], &all[..]].concat();
    }
    Ok(block)
}

/// Unpacks the `count` recipes of a block.
///
/// # Errors
/// [`Corrupt`](lab_codec::ErrorKind::Corrupt), [`Limit`](lab_codec::ErrorKind::Limit).
pub fn unpack_recipes(block: &[u8], count: usize, cx: &Context) -> Result<Vec<Vec<u8>>> {
    let most = usize::try_from(cx.limits().memory / 4).unwrap_or(usize::MAX);
    let all = unpack_bytes(block, most, cx)?;
    let (mut rest, mut list) = (&all[..], Vec::new());
    for _ in 0..count {
        let length = usize::try_from(varint::read(&mut rest)?).unwrap_or(usize::MAX);
        let (recipe, behind) =
            rest.split_at_checked(length).ok_or_else(|| Error::corrupt("a block of recipes ends early"))?;
        list.push(recipe.to_vec());
        rest = behind;
    }
    if rest.is_empty() { Ok(list) } else { Err(Error::corrupt("bytes follow the recipes of a block")) }
}

/// Size of the trial that chooses a coder: pictures, and rows of each.
const SAMPLE_PICTURES: usize = 3;
const SAMPLE_ROWS: u32 = 96;

/// Packs the samples of pictures. A trial on rows from the middle of the first pictures chooses the coder.
///
/// # Errors
/// Cancellation, I/O errors.
pub fn pack_samples(shape: Shape, pictures: &[&[u8]], tried: Try, cx: &Context) -> Result<Vec<u8>> {
    let Some(levels) = Levels::of(shape, pictures) else {
        return pack_plain(shape, pictures, tried, cx);
    };
    let placed: Vec<Vec<u8>> = pictures.iter().map(|picture| levels.places(picture)).collect();
    let slices: Vec<&[u8]> = placed.iter().map(Vec::as_slice).collect();
    let mut block = vec![LEVELS];
    levels.write(&mut block)?;
    block.extend_from_slice(&pack_plain(levels.shape(shape), &slices, tried, cx)?);
    Ok(block)
}

/// The values that occur in deep samples, ascending. Pictures of 8 or 10 bits that were scaled to 16 have
/// few, and indices into the list need fewer bits.
struct Levels {
    values: Vec<u16>,
}

impl Levels {
    /// The levels of pictures, if indices save at least one bit.
    fn of(shape: Shape, pictures: &[&[u8]]) -> Option<Self> {
        if shape.bits <= 8 {
            return None;
        }
        let mut used = vec![false; 1 << 16];
        for sample in pictures.iter().flat_map(|picture| picture.as_chunks::<2>().0) {
            used[usize::from(u16::from_le_bytes(*sample))] = true;
        }
        let values: Vec<u16> = (0..=u16::MAX).filter(|value| used[usize::from(*value)]).collect();
        let levels = Self { values };
        (levels.shape(shape).bits < shape.bits).then_some(levels)
    }

    /// The shape of the indices.
    fn shape(&self, shape: Shape) -> Shape {
        let bits = usize::BITS - self.values.len().saturating_sub(1).leading_zeros();
        Shape { bits: (bits as u8).clamp(8, 16), ..shape }
    }

    /// Replaces samples by their indices, of one byte each if 8 bits are enough.
    fn places(&self, picture: &[u8]) -> Vec<u8> {
        let mut place = vec![0_u16; 1 << 16];
        for (number, value) in (0..).zip(&self.values) {
            place[usize::from(*value)] = number;
        }
        let samples = picture.as_chunks::<2>().0.iter().map(|s| place[usize::from(u16::from_le_bytes(*s))]);
        if self.values.len() <= 256 {
            samples.map(|place| place as u8).collect()
        } else {
            samples.flat_map(u16::to_le_bytes).collect()
        }
    }

    /// Replaces indices by the samples that they stand for.
    fn samples(&self, placed: &[u8]) -> Result<Vec<u8>> {
        let wide = self.values.len() > 256;
        let count = if wide { placed.len() / 2 } else { placed.len() };
        let mut out = Vec::with_capacity(count * 2);
        for i in 0..count {
            let place =
                if wide { u16::from_le_bytes([placed[2 * i], placed[2 * i + 1]]) } else { placed[i].into() };
            let value = self.values.get(usize::from(place));
            let value = value.ok_or_else(|| Error::corrupt("a sample's index exceeds the list of levels"))?;
            out.extend_from_slice(&value.to_le_bytes());
        }
        Ok(out)
    }

    /// Appends the list as differences of successive levels, in a block of its own: a regular scale has equal
    /// steps.
    fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        let mut steps = Vec::new();
        let mut last = 0;
        for value in &self.values {
            varint::write(&mut steps, u64::from(value - last));
            last = *value;
        }
        let block = pack_recipes(&[steps])?;
        varint::write(out, block.len() as u64);
        out.extend_from_slice(&block);
        Ok(())
    }

    fn read(input: &mut &[u8], cx: &Context) -> Result<Self> {
        let broken = || Error::corrupt("the levels of a block are broken");
        let length = usize::try_from(varint::read(input)?).map_err(|_| broken())?;
        let (block, rest) = input.split_at_checked(length).ok_or_else(broken)?;
        *input = rest;
        let steps = unpack_recipes(block, 1, cx)?.pop().ok_or_else(broken)?;
        let (mut steps, mut values, mut last) = (&steps[..], Vec::new(), 0_u64);
        while !steps.is_empty() {
            let step = varint::read(&mut steps)?;
            last = last
                .checked_add(step)
                .filter(|last| *last <= 0xFFFF && values.len() < 1 << 16)
                .ok_or_else(broken)?;
            values.push(last as u16);
        }
        if values.is_empty() { Err(broken()) } else { Ok(Self { values }) }
    }
}

fn pack_plain(shape: Shape, pictures: &[&[u8]], tried: Try, cx: &Context) -> Result<Vec<u8>> {
    let rows = shape.height.min(SAMPLE_ROWS);
    let row = shape.bytes() / shape.height as usize;
    let first = (shape.height - rows) as usize / 2 * row;
    let part = Shape { height: rows, ..shape };
    let parts: Vec<&[u8]> =
        pictures.iter().take(SAMPLE_PICTURES).map(|picture| &picture[first..first + part.bytes()]).collect();
    let mut best: Option<(usize, Option<Way>)> = None;
    for way in ways(pictures.len(), tried) {
        let size = match way {
            Some(way) => {
                let mut out = Vec::new();
                pixels::encode(part, way, &parts, &mut out, cx)?;
                out.len()
            }
            None => zstd_samples(&parts)?.len(),
        };
        if best.is_none_or(|(least, _)| size < least) {
            best = Some((size, way));
        }
    }
    let way = best.and_then(|(_, way)| way);
    match way {
        Some(way) => {
            let mut block = vec![NATIVE | (u8::from(way.guess) * GUESS) | (u8::from(way.inter) * INTER)];
            pixels::encode(shape, way, pictures, &mut block, cx)?;
            Ok(block)
        }
        None => Ok([&[ZSTD << 4], &zstd_samples(pictures)?[..]].concat()),
    }
}

/// The ways to try; `None` stands for zstd.
fn ways(pictures: usize, tried: Try) -> Vec<Option<Way>> {
    let mut ways = vec![Some(Way { guess: false, inter: false }), Some(Way { guess: true, inter: false })];
    if pictures > 1 {
        ways.push(Some(Way { guess: false, inter: true }));
        ways.push(Some(Way { guess: true, inter: true }));
    }
    if tried == Try::All {
        ways.push(None);
    }
    ways
}

/// Compresses concatenated pictures by zstd with a window over all of them.
fn zstd_samples(pictures: &[&[u8]]) -> Result<Vec<u8>> {
    let all = pictures.concat();
    let mut compressor = zstd::bulk::Compressor::new(19)?;
    compressor.set_parameter(zstd::zstd_safe::CParameter::EnableLongDistanceMatching(true))?;
    // The window covers all pictures, up to 2^27 bytes, the largest that zstd decoders accept by default.
    let log = (usize::BITS - all.len().leading_zeros()).clamp(10, 27);
    compressor.set_parameter(zstd::zstd_safe::CParameter::WindowLog(log))?;
    // Long-distance matching finds distant matches; match-finder tables of that size would dominate a
    // segment's memory.
    compressor.set_parameter(zstd::zstd_safe::CParameter::ChainLog(log.min(20)))?;
    compressor.set_parameter(zstd::zstd_safe::CParameter::HashLog(log.min(19)))?;
    Ok(compressor.compress(&all)?)
}

/// Decodes the first `wanted` of `count` pictures of a block and calls `each` with them; returns the number
/// decoded.
///
/// # Errors
/// [`Corrupt`](lab_codec::ErrorKind::Corrupt), [`Truncated`](lab_codec::ErrorKind::Truncated),
/// [`Limit`](lab_codec::ErrorKind::Limit), cancellation, and the errors of `each`.
pub fn unpack_samples(
    block: &[u8],
    shape: Shape,
    count: usize,
    wanted: usize,
    each: &mut dyn FnMut(usize, &[u8]) -> Result<()>,
    cx: &Context,
) -> Result<usize> {
    match block.split_first() {
        Some((&LEVELS, mut rest)) if shape.bits > 8 => {
            let levels = Levels::read(&mut rest, cx)?;
            let mut each = |number: usize, placed: &[u8]| each(number, &levels.samples(placed)?);
            unpack_plain(rest, levels.shape(shape), count, wanted, &mut each, cx)
        }
        _ => unpack_plain(block, shape, count, wanted, each, cx),
    }
}

fn unpack_plain(
    block: &[u8],
    shape: Shape,
    count: usize,
    wanted: usize,
    each: &mut dyn FnMut(usize, &[u8]) -> Result<()>,
    cx: &Context,
) -> Result<usize> {
    let (coder, coded) = block.split_first().ok_or_else(|| Error::corrupt("a block is empty"))?;
    if *coder == ZSTD << 4 {
        let most = shape.bytes().saturating_mul(count);
        cx.limits().check_memory(most as u64, "a segment of pictures")?;
        let all = unzstd(coded, most)?;
        if all.len() != most {
            return Err(Error::corrupt("a block of samples ends before its last picture"));
        }
        for (number, picture) in all.chunks_exact(shape.bytes()).take(wanted).enumerate() {
            each(number, picture)?;
        }
        return Ok(count);
    }
    if coder & !(GUESS | INTER) != NATIVE {
        return Err(Error::corrupt(format!("a block of samples has the unknown coder {coder}")));
    }
    let way = Way { guess: coder & GUESS != 0, inter: coder & INTER != 0 };
    catch_unwind(AssertUnwindSafe(|| pixels::decode(shape, way, count, wanted, coded, each, cx)))
        .unwrap_or_else(|_| Err(Error::corrupt("a block of samples is broken")))?;
    Ok(wanted.min(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_and_bombs_do_not_go_off() {
        let cx = Context::default();
        for bytes in [vec![], vec![7; 5000], (0..=255).collect()] {
            let block = pack_bytes(&bytes, true, &cx).unwrap();
            assert!(block.len() <= bytes.len() + 1);
            assert_eq!(unpack_bytes(&block, bytes.len(), &cx).unwrap(), bytes);
            if !bytes.is_empty() {
                assert!(unpack_bytes(&block, bytes.len() - 1, &cx).is_err());
            }
        }
        assert!(unpack_bytes(&[9, 1, 2], 10, &cx).is_err());
        let recipes = vec![vec![1, 2, 3], vec![], vec![4; 1000]];
        let block = pack_recipes(&recipes).unwrap();
        assert_eq!(unpack_recipes(&block, 3, &cx).unwrap(), recipes);
        assert!(unpack_recipes(&block, 2, &cx).is_err() && unpack_recipes(&block, 4, &cx).is_err());
    }

    #[test]
    fn samples_come_back() {
        let cx = Context::default();
        for (channels, bits) in [(1, 8), (2, 16), (3, 8), (4, 10)] {
            let shape = Shape { width: 37, height: 21, channels, bits };
            let picture = |seed: usize| -> Vec<u8> {
                let samples =
                    (0..shape.bytes() / shape.sample_bytes()).map(|i| i * i / 7 % 90 + i % 5 * seed);
                match shape.sample_bytes() {
                    1 => samples.map(|s| s as u8).collect(),
                    _ => samples.flat_map(|s| (s as u16 & 1023).to_le_bytes()).collect(),
                }
            };
            let pictures: Vec<Vec<u8>> = (0..4).map(picture).collect();
            let slices: Vec<&[u8]> = pictures.iter().map(Vec::as_slice).collect();
            let zstd = [&[ZSTD << 4], &zstd_samples(&slices).unwrap()[..]].concat();
            for block in [pack_samples(shape, &slices, Try::Native, &cx).unwrap(), zstd] {
                let mut seen = 0;
                let mut each = |number: usize, picture: &[u8]| {
                    assert_eq!(picture, slices[number]);
                    seen += 1;
                    Ok(())
                };
                unpack_samples(&block, shape, 4, 4, &mut each, &cx).unwrap();
                unpack_samples(&block, shape, 4, 2, &mut each, &cx).unwrap();
                assert_eq!(seen, 6);
                assert!(
                    unpack_samples(&block[..block.len() - 1], shape, 4, 4, &mut |_, _| Ok(()), &cx).is_err()
                );
            }
        }
    }

    #[test]
    fn damaged_samples_never_panic() {
        let cx = Context::default();
        let shape = Shape { width: 19, height: 11, channels: 3, bits: 8 };
        let pictures: Vec<Vec<u8>> =
            (0..2).map(|i| (0..shape.bytes()).map(|at| (at * at + i) as u8).collect()).collect();
        let slices: Vec<&[u8]> = pictures.iter().map(Vec::as_slice).collect();
        for way in [Way { guess: true, inter: true }, Way { guess: false, inter: false }] {
            let mut block = Vec::new();
            pixels::encode(shape, way, &slices, &mut block, &cx).unwrap();
            for at in (0..block.len()).step_by(block.len() / 40 + 1) {
                let mut bad = block.clone();
                bad[at] ^= 0x55;
                // Called without the guard around it.
                let _ = pixels::decode(shape, way, 2, 2, &bad, &mut |_, _| Ok(()), &cx);
            }
        }
    }
}
