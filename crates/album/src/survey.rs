//! Surveys the files of a folder: format, decoded picture, digests and thumbnail, each file on its own.

use std::fs;
use std::path::Path;

use lab_codec::{Context, Error, ErrorKind, Result};
use sha2::{Digest as _, Sha256};

use crate::kind::{self, Decoded, Kind};
use crate::look::Look;
use crate::manifest::Digest;
use crate::pixels::Shape;
use crate::recipe::{bits_in_use, png_channels};
use crate::scan::{self, Found};

/// Maximum size of a file that is decoded as a picture; larger files are stored as bytes.
pub const LARGEST_PICTURE: u64 = 1 << 30;

/// The survey of a file.
#[derive(Debug, Clone)]
pub struct Surveyed {
    /// SHA-256 of its bytes.
    pub sha256: Digest,
    /// Picture format, by its first bytes or its name.
    pub kind: Option<Kind>,
    /// Why the picture cannot be decoded.
    pub broken: Option<String>,
    /// The decoded picture.
    pub picture: Option<Shown>,
}

/// Properties of a decoded picture.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Shape of the decoded samples.
    pub shape: Shape,
    /// Shape of the file's own samples, if the format can be taken apart; a palette has one channel.
    pub apart: Option<Shape>,
    /// SHA-256 of the decoded samples.
    pub sha256: Digest,
    /// Orientation as in EXIF.
    pub orientation: u8,
    /// Capture time, as text in EXIF's form.
    pub taken: Option<Vec<u8>>,
    /// Thumbnail and hash.
    pub look: Look,
    /// Whether every pixel is opaque.
    pub opaque: bool,
}

/// Reads a whole file.
///
/// # Errors
/// I/O errors; [`Corrupt`](ErrorKind::Corrupt) where its size has changed since the scan.
pub fn read(root: &Path, found: &Found, cx: &Context) -> Result<Vec<u8>> {
    let path = scan::place(root, &found.path);
    let at = |e: Error| e.at(path.display().to_string());
    cx.limits().check_memory(found.bytes, "a file").map_err(at)?;
    let bytes = fs::read(&path).map_err(|e| at(e.into()))?;
    if bytes.len() as u64 != found.bytes {
        return Err(at(Error::corrupt("the file changed while it was packed; pack again")));
    }
    Ok(bytes)
}

/// Surveys a file.
///
/// # Errors
/// I/O errors and cancellation. A broken picture is reported in [`Surveyed::broken`].
pub fn survey(root: &Path, found: &Found, cx: &Context) -> Result<Surveyed> {
    cx.check()?;
    if found.bytes > LARGEST_PICTURE {
        return Ok(Surveyed {
            sha256: digest_of_file(root, found, cx)?,
            kind: None,
            broken: None,
            picture: None,
        });
    }
    let bytes = read(root, found, cx)?;
    let sha256 = Sha256::digest(&bytes).into();
    let claimed = Kind::of(&bytes).or(Kind::of_name(&found.path));
    let Some(kind) = claimed else {
        return Ok(Surveyed { sha256, kind: None, broken: None, picture: None });
    };
    let (picture, broken) = if bytes.is_empty() {
        (None, Some("the file is empty".to_string()))
    } else {
        match kind::decode(kind, &bytes, cx) {
            Ok(decoded) => (Some(shown(kind, &bytes, &decoded)), None),
            Err(e) if e.kind() == ErrorKind::Cancelled => return Err(e),
            Err(e) => (None, Some(e.message().to_string())),
        }
    };
    Ok(Surveyed { sha256, kind: Some(kind), broken, picture })
}

fn shown(kind: Kind, bytes: &[u8], decoded: &Decoded) -> Shown {
    let shape = decoded.shape;
    let bits = if shape.bits > 8 { bits_in_use(&decoded.samples) } else { 8 };
    let apart = match kind {
        Kind::Pnm | Kind::Bmp => Some(Shape { bits, ..shape }),
        // Byte 24 is the depth and byte 25 the colour type.
        Kind::Png => bytes.get(24..26).map(|header| {
            let channels = png_channels(header[1]);
            Shape { channels, bits: if header[0] == 16 { bits } else { 8 }, ..shape }
        }),
        Kind::Jpeg | Kind::WebP | Kind::Tiff => None,
    };
    Shown {
        shape,
        apart,
        sha256: Sha256::digest(&decoded.samples).into(),
        orientation: decoded.orientation,
        taken: decoded.metadata[0].as_deref().and_then(taken),
        look: Look::of(shape, &decoded.samples),
        opaque: opaque(shape, &decoded.samples),
    }
}

/// Whether alpha has its maximum everywhere, or is missing.
fn opaque(shape: Shape, samples: &[u8]) -> bool {
    if shape.channels % 2 == 1 {
        return true;
    }
    let pixel = shape.sample_bytes() * usize::from(shape.channels);
    samples
        .chunks_exact(pixel)
        .all(|pixel| pixel[pixel.len() - shape.sample_bytes()..].iter().all(|b| *b == 255))
}

/// Reads the capture time from EXIF. Longer texts than 63 bytes are not times.
fn taken(exif: &[u8]) -> Option<Vec<u8>> {
    let exif = exif::Reader::new().read_raw(exif.to_vec()).ok()?;
    let field = exif.get_field(exif::Tag::DateTimeOriginal, exif::In::PRIMARY)?;
    match &field.value {
        exif::Value::Ascii(texts) => texts.first().filter(|text| text.len() < 64).cloned(),
        _ => None,
    }
}

/// SHA-256 of a file of any size.
fn digest_of_file(root: &Path, found: &Found, cx: &Context) -> Result<Digest> {
    use std::io::Read;
    let path = scan::place(root, &found.path);
    let at = |e: std::io::Error| Error::from(e).at(path.display().to_string());
    let mut file = fs::File::open(&path).map_err(at)?;
    let (mut digest, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        cx.check()?;
        match file.read(&mut buffer).map_err(at)? {
            0 => return Ok(digest.finalize().into()),
            count => digest.update(&buffer[..count]),
        }
    }
}
