//! One frame: encodes a picture to a blob in any type, and decodes it.

use std::sync::{Arc, OnceLock};

use crate::bands::{self, BLOCK};
use crate::bytes::{exactly, lzfse, un_lzfse, un_zlib, un_zstd, zlib, zstd};
use crate::colours;
use crate::error::{Error, Result};
use crate::header::{Checked, Header, Kind, PREFIX, Shape};
use crate::planes::{Colour, Plane, join, split};
use crate::residual::{self, Analysis};
use crate::rle;

/// Level of Zstandard in types 3 and 5.
const ZSTD_LEVEL: i32 = 3;
/// Type 6 tries to learn from the reference where at most one pixel in this many changed. Learning gains 400
/// of 2,340 bytes on a terminal recording, and loses 6 % on `tree`, whose pictures all differ.
const LEARN_RATIO: u64 = 8;

/// A picture as pixels, as planes, or both. The form that it was not made from is computed at first use.
#[derive(Debug)]
pub struct Picture {
    shape: Shape,
    pixels: OnceLock<Vec<u8>>,
    planes: Option<(Colour, Vec<Plane>)>,
    /// Planes by [`Colour::Plain`] and [`Colour::GreenDifference`], computed from the pixels at first use.
    derived: [OnceLock<Vec<Plane>>; 2],
}

impl Picture {
    /// A picture of these pixels.
    ///
    /// # Errors
    /// [`Code::Format`](crate::error::Code::Format) where their number differs from that of the shape.
    pub fn from_pixels(shape: Shape, pixels: Vec<u8>) -> Result<Self> {
        if shape.bytes() != Some(pixels.len() as u64) || pixels.is_empty() {
            return Err(Error::format(format!("{} bytes for a picture of {shape}", pixels.len())));
        }
        Ok(Self { shape, pixels: pixels.into(), planes: None, derived: Default::default() })
    }

    /// The same picture with its planes. The caller has verified that `planes` convert to exactly these
    /// pixels.
    #[must_use]
    pub fn with_planes(mut self, colour: Colour, planes: Vec<Plane>) -> Self {
        self.planes = Some((colour, planes));
        self
    }

    fn from_planes(shape: Shape, colour: Colour, planes: Vec<Plane>) -> Self {
        Self { shape, pixels: OnceLock::new(), planes: Some((colour, planes)), derived: Default::default() }
    }

    /// The picture's size.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The pixels.
    pub fn pixels(&self) -> &[u8] {
        self.pixels.get_or_init(|| match &self.planes {
            Some((colour, planes)) => join(planes, *colour, self.shape),
            None => Vec::new(),
        })
    }

    /// Consumes the picture and returns its pixels.
    pub fn into_pixels(self) -> Vec<u8> {
        self.pixels();
        self.pixels.into_inner().unwrap_or_default()
    }

    /// The planes by `colour`. Luma and chroma do not follow uniquely from pixels, so YUV planes exist only
    /// where the picture was made with them.
    pub fn planes(&self, colour: Colour) -> Option<&[Plane]> {
        match (&self.planes, colour) {
            (Some((own, planes)), _) if *own == colour => Some(planes),
            (_, Colour::Yuv420(_)) => None,
            _ => {
                let green = colour == Colour::GreenDifference;
                Some(self.derived[usize::from(green)].get_or_init(|| split(self.pixels(), self.shape, green)))
            }
        }
    }
}

/// Splits the distance to the reference off the data; 0 means that the frame has none.
fn distance(data: &[u8]) -> Result<(u32, &[u8])> {
    let (bytes, rest) = data
        .split_first_chunk()
        .ok_or_else(|| Error::compression("the data ends within its first four bytes"))?;
    Ok((u32::from_le_bytes(*bytes), rest))
}

/// The number of the reference frame, if the frame has one.
///
/// # Errors
/// [`Code::Compression`](crate::error::Code::Compression) where that number would be negative.
pub fn reference(header: &Header, data: &[u8]) -> Result<Option<u32>> {
    let distance = match header.kind {
        Kind::Lzfse | Kind::Zlib => 0,
        Kind::Delta => 1,
        Kind::Planes | Kind::Context | Kind::Runs | Kind::Colours => distance(data)?.0,
    };
    match header.number.checked_sub(distance) {
        _ if distance == 0 => Ok(None),
        Some(number) => Ok(Some(number)),
        None => Err(Error::compression(format!(
            "frame {} refers to one {distance} frames before it",
            header.number
        ))),
    }
}

/// Decodes a frame; `before` is its reference picture.
///
/// # Errors
/// [`Code::Compression`](crate::error::Code::Compression) for damage, and for a reference that is missing or
/// has another size or colour transform.
pub fn decode(frame: &Checked, before: Option<&Picture>) -> Result<Picture> {
    let shape = frame.header.shape;
    let length = shape.bytes().and_then(|bytes| usize::try_from(bytes).ok());
    let length = length.ok_or_else(|| Error::memory(format!("a picture of {shape}")))?;
    let needs = reference(&frame.header, frame.data)?.is_some();
    let before = match before {
        Some(before) if needs && before.shape() != shape => {
            return Err(Error::compression(format!("{shape} after a reference of {}", before.shape())));
        }
        None if needs => return Err(Error::compression("the frame that this one refers to is missing")),
        before => before.filter(|_| needs),
    };
    let pixels = match (frame.header.kind, before) {
        (Kind::Lzfse, _) => exactly(un_lzfse(frame.data, length)?, length)?,
        (Kind::Zlib, _) => exactly(un_zlib(frame.data, length)?, length)?,
        (Kind::Delta, Some(before)) => apply(&un_lzfse(frame.data, longest_runs(length))?, before)?,
        (Kind::Delta, None) => return Err(Error::compression("a frame of type 1 without a reference")),
        (Kind::Runs, None) => exactly(un_zstd(distance(frame.data)?.1, length)?, length)?,
        (Kind::Runs, Some(before)) => {
            apply(&un_zstd(distance(frame.data)?.1, longest_runs(length))?, before)?
        }
        (Kind::Colours, before) => {
            colours::decode(distance(frame.data)?.1, shape, before.map(Picture::pixels))?
        }
        (Kind::Planes | Kind::Context, before) => return decode_planes(frame, before),
    };
    Picture::from_pixels(shape, pixels)
}

/// Maximum size of the runs of a valid frame, which bounds decompression. The worst writer alternates runs of
/// one different and one equal byte, which takes 3 + 2 bytes for 2 bytes of the frame.
fn longest_runs(length: usize) -> usize {
    length.saturating_mul(5) / 2 + 2
}

fn apply(runs: &[u8], before: &Picture) -> Result<Vec<u8>> {
    let mut pixels = before.pixels().to_vec();
    rle::decode(runs, &mut pixels)?;
    Ok(pixels)
}

/// Decodes a frame of types 3 and 4.
fn decode_planes(frame: &Checked, before: Option<&Picture>) -> Result<Picture> {
    let shape = frame.header.shape;
    let (_, data) = distance(frame.data)?;
    let (colour, data) =
        data.split_first().ok_or_else(|| Error::compression("the data ends before the colour transform"))?;
    let colour = Colour::from_number(*colour, shape)?;
    let before = match before.map(|before| before.planes(colour)) {
        Some(None) => return Err(Error::compression("the reference has no planes of this colour transform")),
        planes => planes.flatten(),
    };
    let mut planes = colour.planes(shape);
    if frame.header.kind == Kind::Context {
        residual::decode(data, &mut planes, before)?;
    } else {
        // One byte for each sample, fewer for the modes (one for 256 samples of the first plane), one for the
        // count.
        let most = planes.iter().map(|plane| plane.samples.len()).sum::<usize>() * 2 + 1;
        residual::decode_differences(&un_zstd(data, most)?, &mut planes, before)?;
    }
    Ok(Picture::from_planes(shape, colour, planes))
}

/// The input of a frame's encoder.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its number.
    pub number: u32,
    /// Its picture.
    pub picture: Arc<Picture>,
    /// Number and picture of the reference.
    pub reference: Option<(u32, Arc<Picture>)>,
    /// Number of pixels in blocks that differ from the reference.
    pub changed: u64,
}

impl Source {
    /// A frame with this number and, optionally, a reference.
    pub fn new(number: u32, picture: Arc<Picture>, reference: Option<(u32, Arc<Picture>)>) -> Self {
        let shape = picture.shape();
        let before = reference.as_ref().map(|(_, picture)| picture.pixels());
        let changed = Change::new(before, picture.pixels(), shape).pixels;
        Self { number, picture, reference, changed }
    }

    /// The first bytes of the data: the distance to the reference, or 0 without one.
    fn distance(&self) -> Vec<u8> {
        self.reference.as_ref().map_or(0, |(number, _)| self.number - number).to_le_bytes().to_vec()
    }
}

/// The blocks of a picture that differ from the reference.
pub struct Change {
    /// For each block, row by row, whether any of its pixels differs.
    pub blocks: Vec<bool>,
    /// Number of pixels in those blocks.
    pub pixels: u64,
}

impl Change {
    /// Compares a picture with one of the same shape; without one, every block counts as changed.
    pub fn new(before: Option<&[u8]>, now: &[u8], shape: Shape) -> Self {
        let (channels, width) = (shape.channels as usize, shape.width as usize);
        let (row, across) = (width * channels, width.div_ceil(BLOCK));
        let mut blocks = vec![before.is_none(); across * (shape.height as usize).div_ceil(BLOCK)];
        let mut pixels = 0;
        for (y, (blocks, now)) in blocks.chunks_mut(across).zip(now.chunks(row * BLOCK)).enumerate() {
            if let Some(before) = before {
                // Equal rows are skipped as a whole, which is most of the work in a still scene.
                let rows = before[y * row * BLOCK..].chunks(row).zip(now.chunks(row));
                for (before, now) in rows.filter(|(before, now)| before != now) {
                    let both = before.chunks(BLOCK * channels).zip(now.chunks(BLOCK * channels));
                    blocks
                        .iter_mut()
                        .zip(both)
                        .for_each(|(changed, (before, now))| *changed |= before != now);
                }
            }
            let columns = blocks.iter().enumerate().filter(|(_, changed)| **changed);
            let columns: usize = columns.map(|(i, _)| BLOCK.min(width - i * BLOCK)).sum();
            pixels += (columns * (now.len() / row)) as u64;
        }
        Self { blocks, pixels }
    }
}

/// Encodes a frame in the given type, with planes by `colour` in types 3 and 4; returns the whole blob.
///
/// # Errors
/// [`Code::Format`](crate::error::Code::Format) where the type needs a reference or planes that the source
/// lacks; [`Code::Memory`](crate::error::Code::Memory) where the data is too large for a frame.
pub fn encode(source: &Source, kind: Kind, colour: Colour) -> Result<Vec<u8>> {
    match kind {
        Kind::Planes | Kind::Context => encode_planes(source, kind, colour),
        _ => encode_bytes(source, kind),
    }
}

/// Encodes a frame in one of the types that store pixels.
fn encode_bytes(source: &Source, kind: Kind) -> Result<Vec<u8>> {
    let pixels = source.picture.pixels();
    let runs = |before: &Picture| {
        let mut runs = Vec::with_capacity(pixels.len() / 8);
        rle::encode(before.pixels(), pixels, &mut runs);
        runs
    };
    let data = match (kind, &source.reference) {
        (Kind::Lzfse, _) => lzfse(pixels)?,
        (Kind::Zlib, _) => zlib(pixels)?,
        (Kind::Delta, Some((number, before))) if number.checked_add(1) == Some(source.number) => {
            lzfse(&runs(before))?
        }
        (Kind::Runs, reference) => {
            let mut data = source.distance();
            data.extend(match reference {
                Some((_, before)) => zstd(&runs(before), ZSTD_LEVEL)?,
                None => zstd(pixels, ZSTD_LEVEL)?,
            });
            data
        }
        (Kind::Colours, reference) => {
            let mut data = source.distance();
            data.extend(smallest_colours(source, reference.as_ref().map(|(_, before)| before.pixels())));
            data
        }
        _ => return Err(Error::format("a frame of type 1 needs the frame before as its reference")),
    };
    blob(source, kind, &data)
}

/// The data of type 6. Where little changed, learning from the reference is tried, too, and the smaller
/// result taken.
fn smallest_colours(source: &Source, before: Option<&[u8]>) -> Vec<u8> {
    let (shape, now) = (source.picture.shape(), source.picture.pixels());
    let count = bands::count(source.changed, shape.height as usize);
    let plain = colours::encode(shape, now, before, count, false);
    if before.is_none() || LEARN_RATIO * source.changed > u64::from(shape.width) * u64::from(shape.height) {
        return plain;
    }
    let learned = colours::encode(shape, now, before, count, true);
    if learned.len() < plain.len() { learned } else { plain }
}

/// The blob: the prefix, then the data.
fn blob(source: &Source, kind: Kind, data: &[u8]) -> Result<Vec<u8>> {
    let header = Header::for_data(source.number, source.picture.shape(), kind, data)?;
    let mut blob = Vec::with_capacity(PREFIX + data.len());
    blob.extend_from_slice(&header.to_bytes());
    blob.extend_from_slice(data);
    Ok(blob)
}

/// Encodes a frame in one of the types that store planes by `colour`.
fn encode_planes(source: &Source, kind: Kind, colour: Colour) -> Result<Vec<u8>> {
    let missing =
        || Error::format(format!("a picture without planes of colour transform {}", colour.number()));
    let planes = source.picture.planes(colour).ok_or_else(missing)?;
    let before = match &source.reference {
        Some((_, picture)) => Some(picture.planes(colour).ok_or_else(missing)?),
        None => None,
    };
    let analysis = Analysis::new(planes, before, source.changed);
    let mut data = source.distance();
    data.push(colour.number());
    if kind == Kind::Context {
        analysis.encode(planes, before, &mut data);
    } else {
        data.extend(zstd(&analysis.differences(), ZSTD_LEVEL)?);
    }
    blob(source, kind, &data)
}
