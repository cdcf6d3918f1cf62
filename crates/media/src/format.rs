//! Pixel formats, and the shape of a frame.

use std::ops::Range;

use lab_codec::{Error, Limits, Result};

/// Memory layout of a frame's samples: plane after plane, row after row from the top, without padding.
/// Samples of more than 8 bits take two bytes, little-endian. The names are ffmpeg's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// One plane of gray.
    Gray8,
    /// One plane of gray, 16 bits.
    Gray16,
    /// Gray and alpha, interleaved.
    GrayAlpha8,
    /// Gray and alpha, interleaved, 16 bits.
    GrayAlpha16,
    /// Y, Cb, Cr; chroma halved in both directions.
    Yuv420p,
    /// Y, Cb, Cr; chroma halved horizontally.
    Yuv422p,
    /// Y, Cb, Cr in full size.
    Yuv444p,
    /// As [`Yuv420p`](Self::Yuv420p), 10 bits in the lower part of 16.
    Yuv420p10,
    /// As [`Yuv422p`](Self::Yuv422p), 10 bits in the lower part of 16.
    Yuv422p10,
    /// As [`Yuv444p`](Self::Yuv444p), 10 bits in the lower part of 16.
    Yuv444p10,
    /// Red, green, blue, interleaved.
    Rgb24,
    /// Red, green, blue, alpha, interleaved.
    Rgba,
    /// Red, green, blue, interleaved, 16 bits.
    Rgb48,
    /// Red, green, blue, alpha, interleaved, 16 bits.
    Rgba64,
}

/// Properties of a pixel format.
struct Layout {
    format: PixelFormat,
    /// ffmpeg's name.
    name: &'static str,
    bits: u8,
    /// Interleaved channels of the first plane.
    channels: u8,
    /// log2 of the horizontal and vertical chroma subsampling; `None` for one plane.
    chroma: Option<(u8, u8)>,
}

const fn layout(
    format: PixelFormat,
    name: &'static str,
    bits: u8,
    channels: u8,
    chroma: Option<(u8, u8)>,
) -> Layout {
    Layout { format, name, bits, channels, chroma }
}

/// Layouts in the order of the enumeration.
static LAYOUTS: [Layout; 14] = [
    layout(PixelFormat::Gray8, "gray", 8, 1, None),
    layout(PixelFormat::Gray16, "gray16le", 16, 1, None),
    layout(PixelFormat::GrayAlpha8, "ya8", 8, 2, None),
    layout(PixelFormat::GrayAlpha16, "ya16le", 16, 2, None),
    layout(PixelFormat::Yuv420p, "yuv420p", 8, 1, Some((1, 1))),
    layout(PixelFormat::Yuv422p, "yuv422p", 8, 1, Some((1, 0))),
    layout(PixelFormat::Yuv444p, "yuv444p", 8, 1, Some((0, 0))),
    layout(PixelFormat::Yuv420p10, "yuv420p10le", 10, 1, Some((1, 1))),
    layout(PixelFormat::Yuv422p10, "yuv422p10le", 10, 1, Some((1, 0))),
    layout(PixelFormat::Yuv444p10, "yuv444p10le", 10, 1, Some((0, 0))),
    layout(PixelFormat::Rgb24, "rgb24", 8, 3, None),
    layout(PixelFormat::Rgba, "rgba", 8, 4, None),
    layout(PixelFormat::Rgb48, "rgb48le", 16, 3, None),
    layout(PixelFormat::Rgba64, "rgba64le", 16, 4, None),
];

/// Formats of ffmpeg with the same sample values as one of ours, in another order or place: the conversion is
/// lossless.
static SAME_SAMPLES: [(&str, PixelFormat); 16] = [
    ("yuvj420p", PixelFormat::Yuv420p),
    ("yuvj422p", PixelFormat::Yuv422p),
    ("yuvj444p", PixelFormat::Yuv444p),
    ("nv12", PixelFormat::Yuv420p),
    ("nv21", PixelFormat::Yuv420p),
    ("yuyv422", PixelFormat::Yuv422p),
    ("uyvy422", PixelFormat::Yuv422p),
    ("bgr24", PixelFormat::Rgb24),
    ("gbrp", PixelFormat::Rgb24),
    ("bgr0", PixelFormat::Rgb24),
    ("0rgb", PixelFormat::Rgb24),
    ("pal8", PixelFormat::Rgba),
    ("bgra", PixelFormat::Rgba),
    ("argb", PixelFormat::Rgba),
    ("abgr", PixelFormat::Rgba),
    ("gbrap", PixelFormat::Rgba),
];

impl PixelFormat {
    /// All formats.
    pub fn all() -> impl Iterator<Item = Self> {
        LAYOUTS.iter().map(|layout| layout.format)
    }

    fn layout(self) -> &'static Layout {
        &LAYOUTS[self as usize]
    }

    /// ffmpeg's name of the format.
    pub fn name(self) -> &'static str {
        self.layout().name
    }

    /// The format that ffmpeg calls `name`, or the one that holds exactly its samples (`rgba` for `bgra`).
    pub fn of_ffmpeg(name: &str) -> Option<Self> {
        let own = LAYOUTS.iter().find(|layout| layout.name == name).map(|layout| layout.format);
        own.or_else(|| SAME_SAMPLES.iter().find(|(same, _)| *same == name).map(|(_, format)| *format))
    }

    /// Significant bits per sample.
    pub fn bits(self) -> u32 {
        self.layout().bits.into()
    }

    /// Bytes per sample.
    pub fn sample_bytes(self) -> usize {
        if self.layout().bits > 8 { 2 } else { 1 }
    }

    /// Interleaved channels of the first plane; 1 for planar formats.
    pub fn channels(self) -> usize {
        self.layout().channels.into()
    }

    /// Number of planes: 1 or 3.
    pub fn planes(self) -> usize {
        if self.layout().chroma.is_some() { 3 } else { 1 }
    }

    /// Whether the samples are Y, Cb and Cr.
    pub fn is_yuv(self) -> bool {
        self.layout().chroma.is_some()
    }

    /// Whether the samples are red, green and blue.
    pub fn is_rgb(self) -> bool {
        self.channels() >= 3
    }
}

/// The size of a frame in pixels, and its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Pixel format.
    pub format: PixelFormat,
}

/// Maximum width and height, in pixels.
pub const MAX_SIDE: u32 = 65_535;

impl Shape {
    /// A shape from untrusted input: its sides are in range, and one frame fits the memory limit.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) if a side is 0 or more than [`MAX_SIDE`],
    /// [`Limit`](lab_codec::ErrorKind::Limit).
    pub fn checked(width: u32, height: u32, format: PixelFormat, limits: &Limits) -> Result<Self> {
        if !(1..=MAX_SIDE).contains(&width) || !(1..=MAX_SIDE).contains(&height) {
            return Err(Error::corrupt(format!(
                "a picture of {width}x{height}; sides are 1 to {MAX_SIDE} pixels"
            )));
        }
        let shape = Self { width, height, format };
        limits.check_memory(shape.bytes() as u64, "a frame")?;
        Ok(shape)
    }

    /// Samples per row of plane `plane`, with all channels, and its number of rows.
    pub fn plane_size(self, plane: usize) -> (usize, usize) {
        let (width, height) = (self.width as usize, self.height as usize);
        match (plane, self.format.layout().chroma) {
            (1.., Some((x, y))) => (width.div_ceil(1 << x), height.div_ceil(1 << y)),
            _ => (width * self.format.channels(), height),
        }
    }

    /// Bytes per row of plane `plane`.
    pub fn row_bytes(self, plane: usize) -> usize {
        self.plane_size(plane).0 * self.format.sample_bytes()
    }

    /// Byte range of plane `plane` in the buffer; empty beyond the last plane.
    pub fn plane_range(self, plane: usize) -> Range<usize> {
        let bytes = |plane: usize| self.row_bytes(plane) * self.plane_size(plane).1;
        let planes = self.format.planes();
        let start = (0..plane.min(planes)).map(bytes).sum();
        start..start + if plane < planes { bytes(plane) } else { 0 }
    }

    /// Bytes per frame.
    pub fn bytes(self) -> usize {
        self.plane_range(self.format.planes()).start
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{} {}", self.width, self.height, self.format.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_stand_in_the_order_of_the_enumeration() {
        for (i, format) in PixelFormat::all().enumerate() {
            assert_eq!(format as usize, i);
            assert_eq!(PixelFormat::of_ffmpeg(format.name()), Some(format));
        }
    }

    #[test]
    fn odd_sizes_round_chroma_up() {
        let shape = Shape { width: 5, height: 3, format: PixelFormat::Yuv420p };
        assert_eq!((shape.plane_size(1), shape.plane_range(2), shape.bytes()), ((3, 2), 21..27, 27));
        let shape = Shape { format: PixelFormat::Rgba64, ..shape };
        assert_eq!((shape.row_bytes(0), shape.bytes(), shape.plane_range(1)), (40, 120, 120..120));
    }

    #[test]
    fn hostile_sizes_are_refused_before_anything_is_allocated() {
        let limits = Limits::new(1, 1 << 20);
        for (width, height) in [(0, 1), (1, 0), (65_536, 1), (u32::MAX, u32::MAX), (1024, 1025)] {
            assert!(Shape::checked(width, height, PixelFormat::Gray8, &limits).is_err(), "{width}x{height}");
        }
        assert!(Shape::checked(1024, 1024, PixelFormat::Gray8, &limits).is_ok());
    }
}
