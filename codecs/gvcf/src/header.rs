//! The prefix of 32 bytes before every frame's data, and the rules that a reader checks.

#![deny(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)]

use crate::error::{Error, Result};

/// `GVCF` as a number. Numbers are little-endian, so a blob begins with the bytes 46 43 56 47.
pub const MAGIC: u32 = 0x4756_4346;
/// Size of the prefix.
pub const PREFIX: usize = 32;
/// Maximum size of a frame's compressed data.
pub const MAX_COMPRESSED: u32 = 100_000_000;

/// The size of a picture: rows from the top, interleaved channels of one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// 1 (grey), 3 (red, green, blue) or 4 (and alpha).
    pub channels: u32,
}

impl Shape {
    /// Full HD in three channels, the only shape in the public description.
    pub const FULL_HD: Self = Self { width: 1920, height: 1080, channels: 3 };

    /// Bytes per picture; `None` above 64 bits.
    pub fn bytes(self) -> Option<u64> {
        (u64::from(self.width) * u64::from(self.height)).checked_mul(u64::from(self.channels))
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}x{}", self.width, self.height, self.channels)
    }
}

/// How a frame is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// 0: the pixels by LZFSE.
    Lzfse = 0,
    /// 1: differences from the frame before as runs, by LZFSE.
    Delta = 1,
    /// 2: the pixels by zlib.
    Zlib = 2,
    /// 3: predicted planes by Zstandard.
    Planes = 3,
    /// 4: predicted planes by context modelling and rANS.
    Context = 4,
    /// 5: the pixels, or differences as runs, by Zstandard.
    Runs = 5,
    /// 6: whole pixels by context modelling and rANS, for drawn pictures.
    Colours = 6,
}

impl Kind {
    /// All types, by number.
    pub const ALL: [Self; 7] =
        [Self::Lzfse, Self::Delta, Self::Zlib, Self::Planes, Self::Context, Self::Runs, Self::Colours];

    /// The type with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// The fields of a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The frame's number, from 0.
    pub number: u32,
    /// The picture's size.
    pub shape: Shape,
    /// Bytes of compressed data.
    pub compressed_size: u32,
    /// CRC-32 (as zlib computes it) of the compressed data.
    pub checksum: u32,
    /// The compression type.
    pub kind: Kind,
}

/// What a reader accepts.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Accept reserved bytes that are not zero, with a warning: the public encoder leaves them uninitialised.
    pub lenient: bool,
    /// Required shape, if known.
    pub shape: Option<Shape>,
    /// Expected number, if known; another one is a warning.
    pub number: Option<u32>,
    /// Maximum size of a picture, in bytes.
    pub max_raw: u64,
}

impl Default for Rules {
    /// Strict; any shape up to 1 GiB and any number.
    fn default() -> Self {
        Self { lenient: false, shape: None, number: None, max_raw: 1 << 30 }
    }
}

/// A frame whose prefix and checksum are valid.
#[derive(Debug)]
pub struct Checked<'a> {
    /// The prefix.
    pub header: Header,
    /// The compressed data.
    pub data: &'a [u8],
    /// Deviations that do not prevent decoding.
    pub warnings: Vec<String>,
}

impl Header {
    /// The prefix for `data`.
    ///
    /// # Errors
    /// [`Code::Format`](crate::error::Code::Format) for empty data,
    /// [`Code::Memory`](crate::error::Code::Memory) for more than [`MAX_COMPRESSED`] bytes.
    pub fn for_data(number: u32, shape: Shape, kind: Kind, data: &[u8]) -> Result<Self> {
        if data.is_empty() {
            return Err(Error::format("the compressed data of a frame is empty"));
        }
        match u32::try_from(data.len()) {
            Ok(compressed_size) if compressed_size <= MAX_COMPRESSED => {
                Ok(Self { number, shape, compressed_size, checksum: crc32fast::hash(data), kind })
            }
            _ => Err(Error::memory(format!(
                "{} bytes of compressed data; a frame holds {MAX_COMPRESSED} at most",
                data.len()
            ))),
        }
    }

    /// The prefix as bytes.
    pub fn to_bytes(self) -> [u8; PREFIX] {
        let Shape { width, height, channels } = self.shape;
        let fields = [
            MAGIC,
            self.number,
            width,
            height,
            channels,
            self.compressed_size,
            self.checksum,
            self.kind as u32,
        ];
        let mut bytes = [0; PREFIX];
        for (place, field) in bytes.chunks_exact_mut(4).zip(fields) {
            place.copy_from_slice(&field.to_le_bytes());
        }
        bytes
    }
}

/// Reads the prefix of `blob` and checks it, the size and the checksum of the data. The data itself is not
/// decoded.
///
/// # Errors
/// Each broken rule has its own message, and the code [`Format`](crate::error::Code::Format); a picture above
/// [`Rules::max_raw`] has [`Memory`](crate::error::Code::Memory).
pub fn read<'a>(blob: &'a [u8], rules: &Rules) -> Result<Checked<'a>> {
    let Some((prefix, rest)) = blob.split_first_chunk::<PREFIX>() else {
        return Err(Error::format(format!(
            "{} bytes are too few for a frame, whose prefix alone has {PREFIX}",
            blob.len()
        )));
    };
    let field = |i: usize| {
        u32::from_le_bytes([prefix[4 * i], prefix[4 * i + 1], prefix[4 * i + 2], prefix[4 * i + 3]])
    };
    let mut warnings = Vec::new();
    match field(0) {
        MAGIC => {}
        swapped if swapped == MAGIC.swap_bytes() => {
            return Err(Error::format("the magic number is in big-endian order; frames are little-endian"));
        }
        other => return Err(Error::format(format!("the magic number is {other:#010x}, not {MAGIC:#010x}"))),
    }
    let shape = Shape { width: field(2), height: field(3), channels: field(4) };
    if shape.width == 0 || shape.height == 0 || !matches!(shape.channels, 1 | 3 | 4) {
        return Err(Error::format(format!(
            "a picture of {shape}; width and height must be at least 1, channels 1, 3 or 4"
        )));
    }
    if let Some(wanted) = rules.shape.filter(|wanted| *wanted != shape) {
        return Err(Error::format(format!("a picture of {shape} instead of {wanted}")));
    }
    match shape.bytes() {
        Some(bytes) if bytes <= rules.max_raw => {}
        _ => return Err(Error::memory(format!("a picture of {shape} exceeds {} bytes", rules.max_raw))),
    }
    let compressed_size = field(5);
    if compressed_size == 0 {
        return Err(Error::format("the compressed size is 0"));
    }
    if compressed_size > MAX_COMPRESSED {
        return Err(Error::format(format!(
            "the compressed size is {compressed_size}, above {MAX_COMPRESSED}"
        )));
    }
    let Some((data, behind)) = rest.split_at_checked(compressed_size as usize) else {
        return Err(Error::format(format!(
            "the compressed size is {compressed_size}, but only {} bytes are left",
            rest.len()
        )));
    };
    let Some(kind) = Kind::from_number(prefix[28]) else {
        return Err(Error::format(format!(
            "unknown compression type {}; known types are 0 to 6",
            prefix[28]
        )));
    };
    if prefix[29..] != [0; 3] {
        let text = format!("the reserved bytes are {:02x?} instead of zero", &prefix[29..]);
        if !rules.lenient {
            return Err(Error::format(format!("{text} (a lenient reading accepts them)")));
        }
        warnings.push(text);
    }
    let checksum = field(6);
    let found = crc32fast::hash(data);
    if found != checksum {
        return Err(Error::format(format!("the data's CRC-32 is {found:08x} instead of {checksum:08x}")));
    }
    let number = field(1);
    if let Some(wanted) = rules.number.filter(|wanted| *wanted != number) {
        warnings.push(format!("frame number {number} instead of {wanted}"));
    }
    if !behind.is_empty() {
        warnings.push(format!("{} bytes follow the compressed data", behind.len()));
    }
    Ok(Checked { header: Header { number, shape, compressed_size, checksum, kind }, data, warnings })
}
