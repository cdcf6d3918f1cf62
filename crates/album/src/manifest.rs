//! What an album is made of: names, attributes, what was lost and what was not, and where everything is.
//!
//! The one place that knows serde and bincode.

use lab_codec::{Context, Error, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::pixels::Shape;

/// The first bytes of a manifest.
pub const MAGIC: [u8; 8] = *b"\x8aALBUM\r\n";
/// The version that is written; others are not read.
pub const VERSION: u16 = 1;
/// The name of the attachment.
pub const NAME: &str = "album.manifest";
/// Its media type.
pub const MEDIA_TYPE: &str = "application/x-lab-album-manifest";
/// Bytes before the compressed part.
const HEAD: usize = 18;
/// The most bytes that a manifest may expand to.
const LARGEST: u64 = 1 << 30;

/// A SHA-256.
pub type Digest = [u8; 32];

/// What comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Every file, byte for byte.
    LosslessFiles,
    /// Every pixel, with all metadata; how a PNG is deflated may change.
    LosslessPixels,
    /// Pictures that look the same.
    Visual,
}

impl Mode {
    /// All modes, by name.
    pub const NAMED: [(&str, Self); 3] = [
        ("lossless-files", Self::LosslessFiles),
        ("lossless-pixels", Self::LosslessPixels),
        ("visual", Self::Visual),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMED.iter().find(|(_, mode)| *mode == self).map_or("", |(name, _)| name)
    }
}

/// An album.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// What comes back.
    pub mode: Mode,
    /// The number of the track of everything that is no video.
    pub data_track: u16,
    /// The slide show.
    pub slides: Option<Slides>,
    /// Attributes of the folder itself.
    pub root: Attributes,
    /// Folders in it, also empty ones; each after the one that it is in.
    pub folders: Vec<Folder>,
    /// Files, sorted by path.
    pub files: Vec<File>,
    /// Pictures that are coded together.
    pub groups: Vec<Group>,
    /// Metadata, each once.
    pub blobs: Vec<Blob>,
}

/// A video of all pictures for players.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slides {
    /// The number of its track.
    pub track: u16,
    /// How long each picture is shown, in milliseconds.
    pub each: u32,
    /// Which files are shown, in order.
    pub files: Vec<u32>,
}

/// What a file system keeps beside the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Attributes {
    /// Permissions, the lower 12 bits of a Unix mode.
    pub mode: u32,
    /// When it was changed, in seconds since 1970.
    pub seconds: i64,
    /// And nanoseconds.
    pub nanos: u32,
}

/// A folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// Its path from the root of the album, parts divided by `/`, in whatever encoding it had.
    pub path: Vec<u8>,
    /// Attributes.
    pub attributes: Attributes,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its path, as that of a folder.
    pub path: Vec<u8>,
    /// The path of what comes back, where that is another.
    pub restored: Option<Vec<u8>>,
    /// Attributes.
    pub attributes: Attributes,
    /// Bytes of the original.
    pub bytes: u64,
    /// SHA-256 of the original.
    pub sha256: Digest,
    /// Where its content is.
    pub content: Content,
    /// What it shows, if it is a picture.
    pub picture: Option<Picture>,
}

/// Where a content is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// In blocks of the data track, each with its own coder.
    Stored {
        /// The first of them.
        first: u64,
        /// How many.
        blocks: u32,
    },
    /// The same as that of another file, which is not such a one.
    Same {
        /// Its place in the list.
        file: u32,
    },
    /// A picture of a group.
    Coded {
        /// The place of the group in the list.
        group: u32,
        /// The place in the group, in the order of coding.
        place: u32,
    },
}

/// Facts about a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// As stored, before orientation.
    pub shape: Shape,
    /// Orientation as in EXIF, 1 to 8.
    pub orientation: u8,
    /// SHA-256 of the samples: rows from the top, channels interleaved, 16 bits little-endian.
    pub sha256: Digest,
    /// EXIF, ICC profile and XMP: places in the list of blobs.
    pub metadata: [Option<u32>; 3],
    /// When it was taken, as EXIF says it.
    pub taken: Option<Vec<u8>>,
    /// SSIMULACRA2 of what comes back, in hundredths, where that is not the original.
    pub score: Option<i32>,
}

/// Pictures of one shape, coded together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// What is coded.
    pub shape: Shape,
    /// How.
    pub coding: Coding,
    /// Pictures that are decoded together, in order.
    pub segments: Vec<Segment>,
}

/// How a group is coded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Coding {
    /// By the coders of this format, in the data track.
    Data,
    /// As a video track.
    Video {
        /// Its number.
        track: u16,
        /// The track with alpha as gray, where not everything is opaque.
        alpha: Option<u16>,
        /// ffmpeg's name of the pixel format to decode to.
        format: String,
    },
}

/// Pictures that are decoded together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// How many; 1 to [`SEGMENT_PICTURES`].
    pub pictures: u16,
    /// The first block with their samples, of the data track or the video track; the same for the alpha
    /// track.
    pub block: u64,
    /// The block of the data track that says how files are made of the samples; without it, they become PNG
    /// files.
    pub recipes: Option<u64>,
}

/// The most pictures that are decoded for one.
pub const SEGMENT_PICTURES: usize = 16;

/// Bytes that several files have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// SHA-256 of the bytes.
    pub sha256: Digest,
    /// The bytes.
    pub bytes: Vec<u8>,
}

fn config() -> impl bincode::config::Config {
    bincode::config::standard()
}

impl Manifest {
    /// As an attachment or a file.
    ///
    /// # Errors
    /// [`Limit`](lab_codec::ErrorKind::Limit) where it is larger than any reader accepts.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let failed = |what: String| Error::limit(format!("the manifest cannot be written: {what}"));
        let raw = bincode::serde::encode_to_vec(self, config()).map_err(|e| failed(e.to_string()))?;
        if raw.len() as u64 > LARGEST {
            return Err(failed("it is too large".into()));
        }
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&(raw.len() as u64).to_le_bytes());
        let mut encoder = zstd::bulk::Compressor::new(19)?;
        encoder.include_checksum(true)?;
        out.extend_from_slice(&encoder.compress(&raw)?);
        Ok(out)
    }

    /// From an attachment or a file, checked: what refers to something refers to what is there.
    ///
    /// # Errors
    /// [`Unsupported`](lab_codec::ErrorKind::Unsupported) for other files and versions,
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt), [`Limit`](lab_codec::ErrorKind::Limit).
    pub fn from_bytes(bytes: &[u8], cx: &Context) -> Result<Self> {
        let broken = |what: String| Error::corrupt(format!("the manifest is broken: {what}"));
        let (head, rest) = bytes.split_at_checked(HEAD).ok_or_else(|| broken("it is too short".into()))?;
        if head[..8] != MAGIC {
            return Err(Error::unsupported("this is no manifest of an album"));
        }
        let version = u16::from_le_bytes([head[8], head[9]]);
        if version != VERSION {
            return Err(Error::unsupported(format!(
                "the album has version {version}, this program reads {VERSION}"
            )));
        }
        let length = head[10..].iter().rev().fold(0, |length, byte| length << 8 | u64::from(*byte));
        if length > LARGEST {
            return Err(Error::limit(format!("a manifest of {length} bytes; the most is {LARGEST}")));
        }
        // What is in memory takes several times what is on disk.
        cx.limits().check_memory(length.saturating_mul(4), "the manifest")?;
        let raw = zstd::bulk::decompress(rest, length as usize).map_err(|e| broken(e.to_string()))?;
        if raw.len() as u64 != length {
            return Err(broken(format!("{} bytes instead of {length}", raw.len())));
        }
        let config = bincode::config::standard().with_limit::<{ LARGEST as usize }>();
        let (manifest, used): (Self, usize) =
            bincode::serde::decode_from_slice(&raw, config).map_err(|e| broken(e.to_string()))?;
        if used != raw.len() {
            return Err(broken("bytes follow it".into()));
        }
        manifest.check(cx)?;
        Ok(manifest)
    }

    fn check(&self, cx: &Context) -> Result<()> {
        let broken = |what: &str| Error::corrupt(format!("the manifest is broken: {what}"));
        for group in &self.groups {
            let Shape { width, height, channels, bits } = group.shape;
            let sane = (1..=65_535).contains(&width)
                && (1..=65_535).contains(&height)
                && (1..=4).contains(&channels)
                && (8..=16).contains(&bits);
            if !sane {
                return Err(broken("a group has an impossible shape"));
            }
            // A picture, the one before it, and their margins.
            cx.limits().check_memory(group.shape.bytes() as u64 * 8, "a picture")?;
            let most = SEGMENT_PICTURES as u16;
            if group.segments.iter().any(|segment| !(1..=most).contains(&segment.pictures)) {
                return Err(broken("a segment has an impossible number of pictures"));
            }
        }
        for file in &self.files {
            match file.content {
                Content::Stored { .. } => {}
                Content::Same { file } => {
                    let origin =
                        self.files.get(file as usize).ok_or_else(|| broken("a file is not there"))?;
                    if matches!(origin.content, Content::Same { .. }) {
                        return Err(broken("a file is the same as one that is the same as another"));
                    }
                }
                Content::Coded { group, place } => {
                    let group =
                        self.groups.get(group as usize).ok_or_else(|| broken("a group is not there"))?;
                    let pictures: u64 =
                        group.segments.iter().map(|segment| u64::from(segment.pictures)).sum();
                    if u64::from(place) >= pictures {
                        return Err(broken("a picture is not there"));
                    }
                }
            }
            let metadata = file.picture.iter().flat_map(|picture| picture.metadata).flatten();
            for blob in metadata {
                self.blob(blob)?;
            }
        }
        for blob in &self.blobs {
            if Digest::from(Sha256::digest(&blob.bytes)) != blob.sha256 {
                return Err(broken("a blob does not have its digest"));
            }
        }
        Ok(())
    }

    /// A blob.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where it is not there.
    pub fn blob(&self, number: u32) -> Result<&[u8]> {
        let blob = self.blobs.get(number as usize).map(|blob| &blob.bytes[..]);
        blob.ok_or_else(|| Error::corrupt("the manifest is broken: a blob is not there"))
    }
}

/// Blobs while they are collected: each once.
#[derive(Debug, Default)]
pub struct Blobs {
    list: Vec<Blob>,
    places: std::collections::HashMap<Digest, u32>,
}

impl Blobs {
    /// The place of these bytes.
    pub fn put(&mut self, bytes: &[u8]) -> u32 {
        let sha256 = Digest::from(Sha256::digest(bytes));
        *self.places.entry(sha256).or_insert_with(|| {
            self.list.push(Blob { sha256, bytes: bytes.to_vec() });
            self.list.len() as u32 - 1
        })
    }

    /// All of them.
    pub fn into_list(self) -> Vec<Blob> {
        self.list
    }
}
