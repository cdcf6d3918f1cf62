//! Picture formats: recognised by signature or name, decoded by the `image` crate.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::{ColorType, ImageDecoder, ImageFormat, ImageReader};
use lab_codec::{Context, Error, Result};

use crate::pixels::Shape;

/// A picture format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP.
    WebP,
    /// Windows bitmap.
    Bmp,
    /// TIFF.
    Tiff,
    /// Netpbm: PBM, PGM, PPM, PAM.
    Pnm,
}

impl Kind {
    /// Recognises a format by its signature.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some(Self::Png),
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => Some(Self::Bmp),
            [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Some(Self::Tiff),
            [b'P', b'1'..=b'7', b'\n' | b' ' | b'\t' | b'\r', ..] => Some(Self::Pnm),
            _ => None,
        }
    }

    /// Recognises a format by the file name's extension, so that a file with a broken signature is reported
    /// as broken.
    pub fn of_name(path: &[u8]) -> Option<Self> {
        let name = path.rsplit(|byte| *byte == b'/').next()?;
        let end = name.rsplit(|byte| *byte == b'.').next()?.to_ascii_lowercase();
        match &end[..] {
            b"png" | b"apng" => Some(Self::Png),
            b"jpg" | b"jpeg" | b"jpe" => Some(Self::Jpeg),
            b"webp" => Some(Self::WebP),
            b"bmp" => Some(Self::Bmp),
            b"tif" | b"tiff" => Some(Self::Tiff),
            b"pbm" | b"pgm" | b"ppm" | b"pnm" | b"pam" => Some(Self::Pnm),
            _ => None,
        }
    }

    /// The format's name, for messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::WebP => "WebP",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::Pnm => "PNM",
        }
    }

    fn format(self) -> ImageFormat {
        match self {
            Self::Png => ImageFormat::Png,
            Self::Jpeg => ImageFormat::Jpeg,
            Self::WebP => ImageFormat::WebP,
            Self::Bmp => ImageFormat::Bmp,
            Self::Tiff => ImageFormat::Tiff,
            Self::Pnm => ImageFormat::Pnm,
        }
    }
}

/// A decoded picture.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// Size, channels and depth, which is 8 or 16 bits.
    pub shape: Shape,
    /// Rows from the top, channels interleaved, 16 bits little-endian.
    pub samples: Vec<u8>,
    /// EXIF, ICC profile and XMP, as bytes of the file.
    pub metadata: [Option<Vec<u8>>; 3],
    /// Orientation as in EXIF, 1 to 8.
    pub orientation: u8,
}

/// Maximum width and height of a picture.
pub const MAX_SIDE: u32 = 65_535;

/// Decodes a picture to gray or RGB samples, with or without alpha.
///
/// # Errors
/// [`Corrupt`](lab_codec::ErrorKind::Corrupt) for damage, [`Unsupported`](lab_codec::ErrorKind::Unsupported)
/// for other samples, [`Limit`](lab_codec::ErrorKind::Limit) where decoding would exceed the memory limit.
pub fn decode(kind: Kind, bytes: &[u8], cx: &Context) -> Result<Decoded> {
    // Files are hostile, and a foreign decoder may panic on one; that becomes an error of the file.
    catch_unwind(AssertUnwindSafe(|| decode_inner(kind, bytes, cx)))
        .unwrap_or_else(|_| Err(Error::corrupt(format!("the {} decoder failed on this file", kind.word()))))
}

fn decode_inner(kind: Kind, bytes: &[u8], cx: &Context) -> Result<Decoded> {
    if kind == Kind::Jpeg && !jpeg_ends(bytes) {
        return Err(Error::corrupt("the JPEG ends early"));
    }
    let failed = |e: image::ImageError| match e {
        image::ImageError::Limits(_) => Error::limit("the picture needs more memory than the limit"),
        image::ImageError::Unsupported(e) => Error::unsupported(one_line(&e.to_string())),
        e => Error::corrupt(one_line(&e.to_string())),
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), kind.format());
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(cx.limits().memory);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    let (channels, bits) = match decoder.color_type() {
        ColorType::L8 => (1, 8),
        ColorType::La8 => (2, 8),
        ColorType::Rgb8 => (3, 8),
        ColorType::Rgba8 => (4, 8),
        ColorType::L16 => (1, 16),
        ColorType::La16 => (2, 16),
        ColorType::Rgb16 => (3, 16),
        ColorType::Rgba16 => (4, 16),
        other => return Err(Error::unsupported(format!("unsupported samples: {other:?}"))),
    };
    let shape = Shape { width, height, channels, bits };
    check_shape(shape, cx)?;
    let metadata = [
        decoder.exif_metadata().unwrap_or_default(),
        decoder.icc_profile().unwrap_or_default(),
        decoder.xmp_metadata().unwrap_or_default(),
    ];
    let orientation = decoder.orientation().map_or(1, image::metadata::Orientation::to_exif);
    if decoder.total_bytes() != shape.bytes() as u64 {
        return Err(Error::corrupt("the picture's size in bytes does not follow from its dimensions"));
    }
    let mut samples = vec![0; shape.bytes()];
    decoder.read_image(&mut samples).map_err(failed)?;
    if bits == 16 && cfg!(target_endian = "big") {
        samples.as_chunks_mut::<2>().0.iter_mut().for_each(|sample| sample.reverse());
    }
    Ok(Decoded { shape, samples, metadata, orientation })
}

/// Checks a shape from a file before memory is allocated for it.
///
/// # Errors
/// [`Corrupt`](lab_codec::ErrorKind::Corrupt), [`Limit`](lab_codec::ErrorKind::Limit).
pub fn check_shape(shape: Shape, cx: &Context) -> Result<()> {
    let Shape { width, height, .. } = shape;
    if !(1..=MAX_SIDE).contains(&width) || !(1..=MAX_SIDE).contains(&height) {
        return Err(Error::limit(format!(
            "a picture of {width}x{height}; width and height must be 1 to {MAX_SIDE}"
        )));
    }
    cx.limits().check_memory(shape.bytes() as u64 * 8, "a picture")
}

/// Whether a JPEG has an end marker after the start of its first scan. Decoders fill a truncated JPEG with
/// gray and report success, so this must be tested apart.
fn jpeg_ends(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let [0xFF, marker, high, low] = bytes.get(at..at + 4).unwrap_or(&[]) {
        if *marker == 0xDA {
            return bytes[at..].windows(2).rev().any(|pair| pair == [0xFF, 0xD9]);
        }
        if *marker == 0xFF {
            at += 1;
            continue;
        }
        at += 2 + usize::from(u16::from_be_bytes([*high, *low]));
    }
    false
}

fn one_line(text: &str) -> String {
    text.trim_end_matches('.').replace('\n', " ")
}
