//! PNG: the chunks around the samples, and how the samples were filtered and deflated.

use std::borrow::Cow;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use lab_bits::msb::{BitReader, BitWriter};
use lab_bits::varint;
use lab_codec::{Context, Error, ErrorKind, Result};
use preflate_rs::{PreflateConfig, preflate_whole_deflate_stream, recreate_whole_deflate_stream};
use simd_adler32::adler32;

use super::{Apart, Recipe, bits_in_use, put_bytes, take, take_bytes, take_number};
use crate::manifest::{Blobs, Manifest};
use crate::pixels::Shape;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Chunks of at least this size become blobs, which are stored once for all files: colour profiles, for
/// example.
const LARGE_CHUNK: usize = 128;

/// A PNG without its samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Png {
    /// Chunks before and after the samples.
    before: Vec<Chunk>,
    after: Vec<Chunk>,
    /// Bytes after the last chunk.
    tail: Vec<u8>,
    /// How to rebuild the same bytes; `None` where the same pixels are enough.
    exact: Option<Exact>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Chunk {
    name: [u8; 4],
    data: Vec<u8>,
}

/// How the samples were filtered, deflated and cut into chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Exact {
    /// Sizes of the IDAT chunks as runs: size and count.
    sizes: Vec<(usize, usize)>,
    /// The first two bytes of the zlib stream.
    zlib: [u8; 2],
    /// The filter type of each row.
    filters: Vec<u8>,
    /// The encoder's decisions that `preflate` cannot predict, with which it rebuilds the same deflate
    /// stream.
    corrections: Vec<u8>,
}

/// The IHDR chunk.
#[derive(Debug, Clone, Copy)]
struct Header {
    width: u32,
    height: u32,
    depth: u8,
    colour: u8,
    interlaced: bool,
}

/// Channels of a PNG colour type; a palette (3) has one.
pub fn channels(colour: u8) -> u8 {
    png::ColorType::from_u8(colour).map_or(1, |colour| colour.samples() as u8)
}

impl Header {
    fn of(chunks: &[Chunk]) -> Option<Self> {
        let first = chunks.first()?;
        let data: &[u8; 13] = first.data.as_slice().try_into().ok()?;
        let number = |at: usize| u32::from_be_bytes([data[at], data[at + 1], data[at + 2], data[at + 3]]);
        (first.name == *b"IHDR").then(|| Self {
            width: number(0),
            height: number(4),
            depth: data[8],
            colour: data[9],
            interlaced: data[12] != 0,
        })
    }

    fn channels(&self) -> u8 {
        channels(self.colour)
    }

    fn row_bytes(&self) -> usize {
        (self.row_samples() * usize::from(self.depth)).div_ceil(8)
    }

    fn row_samples(&self) -> usize {
        self.width as usize * usize::from(self.channels())
    }

    /// Whether samples of this shape belong to this header.
    fn fits(&self, shape: Shape) -> bool {
        let bits = if self.depth == 16 { 9..=16 } else { 8..=8 };
        (shape.width, shape.height, shape.channels) == (self.width, self.height, self.channels())
            && bits.contains(&shape.bits)
            && matches!(self.depth, 1 | 2 | 4 | 8 | 16)
    }

    /// Unpacks rows, which PNG stores big-endian and below 8 bits packed, to samples of one or two bytes.
    fn unpack(&self, rows: &[u8]) -> Vec<u8> {
        match self.depth {
            8 => rows.to_vec(),
            16 => rows.as_chunks::<2>().0.iter().flat_map(|s| [s[1], s[0]]).collect(),
            depth => {
                let rows = rows.chunks_exact(self.row_bytes());
                rows.flat_map(|row| {
                    let mut bits = BitReader::new(row);
                    // A row has the bits of all its samples, so no read fails.
                    (0..self.row_samples()).map(move |_| bits.read(depth.into()).unwrap_or(0) as u8)
                })
                .collect()
            }
        }
    }

    /// The inverse of [`unpack`](Self::unpack).
    fn pack(&self, samples: &[u8]) -> Vec<u8> {
        match self.depth {
            8 => samples.to_vec(),
            16 => samples.as_chunks::<2>().0.iter().flat_map(|s| [s[1], s[0]]).collect(),
            depth => {
                let mut rows = BitWriter::default();
                for row in samples.chunks_exact(self.row_samples()) {
                    for sample in row {
                        rows.write(u64::from(sample & ((1 << depth) - 1)), depth.into());
                    }
                    rows.align();
                }
                rows.finish()
            }
        }
    }
}

/// Splits a file into the chunks before IDAT, the data and the sizes of all IDAT chunks, the chunks after
/// them, and the bytes after IEND. `None` for a wrong CRC or IDAT chunks that are not contiguous.
#[allow(clippy::type_complexity)] // Named where it is used, once.
fn chunks(bytes: &[u8]) -> Option<(Vec<Chunk>, Vec<u8>, Vec<usize>, Vec<Chunk>, Vec<u8>)> {
    let mut rest = bytes.strip_prefix(SIGNATURE)?;
    let (mut before, mut data, mut sizes, mut after) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    loop {
        let size = u32::from_be_bytes(*rest.first_chunk()?) as usize;
        let end = size.checked_add(12).filter(|end| *end <= rest.len())?;
        let (chunk, behind) = rest.split_at(end);
        let name: [u8; 4] = chunk[4..8].try_into().ok()?;
        let crc = u32::from_be_bytes(chunk[end - 4..].try_into().ok()?);
        if crc32fast::hash(&chunk[4..end - 4]) != crc {
            return None;
        }
        rest = behind;
        let content = &chunk[8..end - 4];
        match (&name, sizes.is_empty(), after.is_empty()) {
            (b"IDAT", _, true) => {
                sizes.push(size);
                data.extend_from_slice(content);
            }
            (b"IDAT", ..) => return None,
            (_, true, _) => before.push(Chunk { name, data: content.to_vec() }),
            _ => after.push(Chunk { name, data: content.to_vec() }),
        }
        if name == *b"IEND" {
            return Some((before, data, sizes, after, rest.to_vec()));
        }
    }
}

/// Splits a PNG. For `exact` its deflate stream must be one that `preflate` can rebuild.
pub(super) fn take_apart(bytes: &[u8], exact: bool, cx: &Context) -> Option<Apart> {
    let (mut before, data, sizes, after, tail) = chunks(bytes)?;
    let header = Header::of(&before)?;
    let shape = Shape { width: header.width, height: header.height, channels: header.channels(), bits: 8 };
    crate::kind::check_shape(Shape { bits: header.depth.max(8), ..shape }, cx).ok()?;
    if exact && header.interlaced {
        return None;
    }
    let rows = rows(bytes, cx)?;
    let samples = header.unpack(&rows);
    let shape = if header.depth == 16 { Shape { bits: bits_in_use(&samples), ..shape } } else { shape };
    let exact = if exact {
        let config = PreflateConfig { plain_text_limit: samples.len() * 2 + (1 << 16), ..Default::default() };
        let stream = data.get(2..)?;
        let taken = catch_unwind(AssertUnwindSafe(|| preflate_whole_deflate_stream(stream, &config)));
        let (result, text) = taken.ok()?.ok()?;
        // Only the Adler-32 of the rows, 4 bytes, may follow the deflate stream: it is recomputed, not
        // stored.
        if result.compressed_size + 4 != stream.len() {
            return None;
        }
        let filters = text.text().chunks(header.row_bytes() + 1).map(|row| row[0]).collect();
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for size in sizes {
            match runs.last_mut() {
                Some((last, count)) if *last == size => *count += 1,
                _ => runs.push((size, 1)),
            }
        }
        Some(Exact { sizes: runs, zlib: [data[0], data[1]], filters, corrections: result.corrections })
    } else {
        // The rebuilt file is not interlaced, since its rows are stored in order.
        if header.interlaced {
            before[0].data[12] = 0;
        }
        None
    };
    let recipe = Recipe::Png(Png { before, after, tail, exact });
    Some(Apart { shape, samples, recipe })
}

/// Decodes the rows of a PNG: unfiltered and deinterlaced.
fn rows(bytes: &[u8], cx: &Context) -> Option<Vec<u8>> {
    let limit = usize::try_from(cx.limits().memory).unwrap_or(usize::MAX);
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: limit });
    decoder.set_transformations(png::Transformations::IDENTITY);
    decoder.set_ignore_text_chunk(true);
    let mut reader = decoder.read_info().ok()?;
    let mut rows = vec![0; reader.output_buffer_size()?];
    let info = reader.next_frame(&mut rows).ok()?;
    rows.truncate(info.buffer_size());
    Some(rows)
}

impl Png {
    pub fn write(&self, blobs: &mut Blobs, out: &mut Vec<u8>) {
        for list in [&self.before, &self.after] {
            varint::write(out, list.len() as u64);
            for chunk in list {
                out.extend_from_slice(&chunk.name);
                if chunk.data.len() >= LARGE_CHUNK {
                    out.push(1);
                    varint::write(out, blobs.put(&chunk.data).into());
                } else {
                    out.push(0);
                    put_bytes(out, &chunk.data);
                }
            }
        }
        put_bytes(out, &self.tail);
        let Some(exact) = &self.exact else {
            return out.push(0);
        };
        out.push(1);
        varint::write(out, exact.sizes.len() as u64);
        for (size, count) in &exact.sizes {
            varint::write(out, *size as u64);
            varint::write(out, *count as u64);
        }
        out.extend_from_slice(&exact.zlib);
        out.extend_from_slice(&exact.filters);
        put_bytes(out, &exact.corrections);
    }

    pub fn read(input: &mut &[u8], shape: Shape, manifest: &Manifest) -> Result<Self> {
        let mut lists = [Vec::new(), Vec::new()];
        for list in &mut lists {
            for _ in 0..take_number(input)? {
                let mut name = [0; 4];
                name.copy_from_slice(take(input, 4)?);
                let data = match take(input, 1)?[0] {
                    0 => take_bytes(input)?.to_vec(),
                    1 => {
                        let number = u32::try_from(take_number(input)?).unwrap_or(u32::MAX);
                        manifest.blob(number)?.to_vec()
                    }
                    _ => return Err(Error::corrupt("a PNG chunk in a recipe is neither stored nor a blob")),
                };
                list.push(Chunk { name, data });
            }
        }
        let tail = take_bytes(input)?.to_vec();
        let exact = match take(input, 1)?[0] {
            0 => None,
            1 => {
                let mut sizes = Vec::new();
                for _ in 0..take_number(input)? {
                    sizes.push((take_number(input)?, take_number(input)?));
                }
                let mut zlib = [0; 2];
                zlib.copy_from_slice(take(input, 2)?);
                let filters = take(input, shape.height as usize)?.to_vec();
                Some(Exact { sizes, zlib, filters, corrections: take_bytes(input)?.to_vec() })
            }
            _ => return Err(Error::corrupt("the recipe of a PNG is neither exact nor by pixels")),
        };
        let [before, after] = lists;
        Ok(Self { before, after, tail, exact })
    }

    pub fn file(&self, shape: Shape, samples: &[u8], cx: &Context) -> Result<Vec<u8>> {
        let broken = || Error::corrupt("the recipe of a PNG does not fit its samples");
        let header = Header::of(&self.before).filter(|header| header.fits(shape)).ok_or_else(broken)?;
        if samples.len() != shape.bytes() {
            return Err(broken());
        }
        let rows = header.pack(samples);
        let (stream, sizes) = match &self.exact {
            None => (deflated(&header, &rows)?, Vec::new()),
            Some(exact) => {
                let text = filter(
                    &rows,
                    &exact.filters,
                    header.row_bytes(),
                    usize::from(header.channels()) * usize::from(header.depth) / 8,
                )
                .ok_or_else(broken)?;
                cx.limits().check_memory(text.len() as u64 * 4, "a PNG")?;
                let again = catch_unwind(AssertUnwindSafe(|| {
                    recreate_whole_deflate_stream(&text, &exact.corrections)
                }));
                let again = again.map_err(|_| broken())?.map_err(|_| broken())?;
                let mut stream = exact.zlib.to_vec();
                stream.extend_from_slice(&again);
                stream.extend_from_slice(&adler32(&text.as_slice()).to_be_bytes());
                (stream, exact.sizes.clone())
            }
        };
        let mut out = SIGNATURE.to_vec();
        self.before.iter().for_each(|chunk| put_chunk(&mut out, &chunk.name, &chunk.data));
        if sizes.is_empty() {
            put_chunk(&mut out, b"IDAT", &stream);
        }
        let mut rest = &stream[..];
        for (size, count) in sizes {
            // Empty chunks consume nothing of the stream, but each adds 12 bytes to the file: limit their
            // number.
            if size == 0 && count > samples.len() + 64 {
                return Err(broken());
            }
            for _ in 0..count {
                let (part, behind) = rest.split_at_checked(size).ok_or_else(broken)?;
                put_chunk(&mut out, b"IDAT", part);
                rest = behind;
            }
        }
        if self.exact.is_some() && !rest.is_empty() {
            return Err(broken());
        }
        self.after.iter().for_each(|chunk| put_chunk(&mut out, &chunk.name, &chunk.data));
        out.extend_from_slice(&self.tail);
        Ok(out)
    }
}

fn put_chunk(out: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    out.extend_from_slice(&(data.len() as u32).to_be_bytes());
    let start = out.len();
    out.extend_from_slice(name);
    out.extend_from_slice(data);
    let crc = crc32fast::hash(&out[start..]);
    out.extend_from_slice(&crc.to_be_bytes());
}

/// Deflates rows by the `png` crate; returns the zlib stream.
fn deflated(header: &Header, rows: &[u8]) -> Result<Vec<u8>> {
    let broken = || Error::corrupt("the header of a PNG is broken");
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, header.width, header.height);
    encoder.set_color(png::ColorType::from_u8(header.colour).ok_or_else(broken)?);
    encoder.set_depth(png::BitDepth::from_u8(header.depth).ok_or_else(broken)?);
    if header.colour == 3 {
        // The encoder demands a palette; its colours do not reach the stream.
        encoder.set_palette(vec![0; 768]);
    }
    let failed = |_| broken();
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(rows).map_err(failed)?;
    writer.finish().map_err(failed)?;
    chunks(&file).map(|(_, data, ..)| data).ok_or_else(broken)
}

/// Filters rows (PNG specification, section 9). `None` where a filter is unknown, or rows and filters differ
/// in number.
fn filter(rows: &[u8], filters: &[u8], row_bytes: usize, pixel_bytes: usize) -> Option<Vec<u8>> {
    let pixel_bytes = pixel_bytes.max(1);
    let mut out = Vec::with_capacity(rows.len() + filters.len());
    let zeros = vec![0; row_bytes];
    let mut above = &zeros[..];
    let mut filters = filters.iter();
    for row in rows.chunks_exact(row_bytes) {
        let filter = *filters.next()?;
        out.push(filter);
        let start = out.len();
        out.extend_from_slice(row);
        let target = &mut out[start..];
        match filter {
            0 => {}
            1 => {
                for i in pixel_bytes..row_bytes {
                    target[i] = row[i].wrapping_sub(row[i - pixel_bytes]);
                }
            }
            2 => target.iter_mut().zip(above).for_each(|(byte, above)| *byte = byte.wrapping_sub(*above)),
            3 => {
                for i in 0..row_bytes {
                    let left = if i < pixel_bytes { 0 } else { row[i - pixel_bytes] };
                    target[i] = row[i].wrapping_sub(((u16::from(left) + u16::from(above[i])) / 2) as u8);
                }
            }
            4 => {
                for i in 0..row_bytes {
                    let (left, topleft) =
                        if i < pixel_bytes { (0, 0) } else { (row[i - pixel_bytes], above[i - pixel_bytes]) };
                    target[i] = row[i].wrapping_sub(paeth(left, above[i], topleft));
                }
            }
            _ => return None,
        }
        above = row;
    }
    filters.next().is_none().then_some(out)
}

/// Paeth's predictor: of left, top and topleft, the one nearest to left + top - topleft; ties in this order.
fn paeth(left: u8, top: u8, topleft: u8) -> u8 {
    let (a, b, c) = (i16::from(left), i16::from(top), i16::from(topleft));
    let p = a + b - c;
    let (to_a, to_b, to_c) = ((p - a).abs(), (p - b).abs(), (p - c).abs());
    if to_a <= to_b && to_a <= to_c {
        left
    } else if to_b <= to_c {
        top
    } else {
        topleft
    }
}

/// EXIF, ICC profile and XMP.
pub type Metadata<'a> = [Option<&'a [u8]>; 3];

/// Writes a PNG of gray or RGB samples, with or without alpha.
///
/// # Errors
/// [`Unsupported`](ErrorKind::Unsupported) where the encoder refuses the shape or the metadata.
pub fn write(shape: Shape, samples: &[u8], metadata: &Metadata<'_>) -> Result<Vec<u8>> {
    let failed =
        |e: png::EncodingError| Error::new(ErrorKind::Unsupported, format!("cannot write a PNG: {e}"));
    let mut info = png::Info::with_size(shape.width, shape.height);
    info.color_type = match shape.channels {
        1 => png::ColorType::Grayscale,
        2 => png::ColorType::GrayscaleAlpha,
        3 => png::ColorType::Rgb,
        _ => png::ColorType::Rgba,
    };
    info.bit_depth = if shape.bits > 8 { png::BitDepth::Sixteen } else { png::BitDepth::Eight };
    info.exif_metadata = metadata[0].map(Cow::Borrowed);
    // A profile of another colour space, such as the CMYK of a JPEG, does not describe these samples.
    let space: &[u8] = if shape.channels < 3 { b"GRAY" } else { b"RGB " };
    info.icc_profile = metadata[1].filter(|icc| icc.get(16..20) == Some(space)).map(Cow::Borrowed);
    let mut file = Vec::new();
    let mut encoder = png::Encoder::with_info(&mut file, info).map_err(failed)?;
    if let Some(xmp) = metadata[2].and_then(|xmp| std::str::from_utf8(xmp).ok()) {
        encoder.add_itxt_chunk("XML:com.adobe.xmp".into(), xmp.into()).map_err(failed)?;
    }
    let mut writer = encoder.write_header().map_err(failed)?;
    if shape.bits > 8 {
        let turned: Vec<u8> = samples.as_chunks::<2>().0.iter().flat_map(|s| [s[1], s[0]]).collect();
        writer.write_image_data(&turned).map_err(failed)?;
    } else {
        writer.write_image_data(samples).map_err(failed)?;
    }
    writer.finish().map_err(failed)?;
    Ok(file)
}
