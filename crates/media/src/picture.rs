//! Reads and writes PNG pictures.

use std::io::{BufRead, Seek, Write};

use lab_codec::{Context, Error, ErrorKind, Hint, Result};
use png::{BitDepth, ColorType};

use crate::{Frame, PixelFormat, Shape};

/// First bytes of a PNG file.
pub const MAGIC: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Reads a picture. Palettes and samples below 8 bits become 8 bits, transparency becomes alpha. An animation
/// gives its first picture.
///
/// # Errors
/// [`Unsupported`](ErrorKind::Unsupported) for another file type, [`Corrupt`](ErrorKind::Corrupt),
/// [`Limit`](ErrorKind::Limit), I/O errors.
pub fn read(source: impl BufRead + Seek, cx: &Context) -> Result<Frame> {
    let memory = usize::try_from(cx.limits().memory).unwrap_or(usize::MAX);
    let mut decoder = png::Decoder::new_with_limits(source, png::Limits { bytes: memory });
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(unreadable)?;
    let format = match reader.output_color_type() {
        (ColorType::Grayscale, BitDepth::Sixteen) => PixelFormat::Gray16,
        (ColorType::Grayscale, _) => PixelFormat::Gray8,
        (ColorType::GrayscaleAlpha, BitDepth::Sixteen) => PixelFormat::GrayAlpha16,
        (ColorType::GrayscaleAlpha, _) => PixelFormat::GrayAlpha8,
        (ColorType::Rgb | ColorType::Indexed, BitDepth::Sixteen) => PixelFormat::Rgb48,
        (ColorType::Rgb | ColorType::Indexed, _) => PixelFormat::Rgb24,
        (ColorType::Rgba, BitDepth::Sixteen) => PixelFormat::Rgba64,
        (ColorType::Rgba, _) => PixelFormat::Rgba,
    };
    let (width, height) = (reader.info().width, reader.info().height);
    let mut frame = Frame::new(Shape::checked(width, height, format, cx.limits())?);
    if reader.output_buffer_size() != Some(frame.data().len()) {
        return Err(Error::corrupt("the rows of a PNG have an unexpected length"));
    }
    reader.next_frame(frame.data_mut()).map_err(unreadable)?;
    swap_bytes(&mut frame);
    Ok(frame)
}

/// Writes a gray or RGB picture, with or without alpha. The output depends only on the samples.
///
/// # Errors
/// [`Unsupported`](ErrorKind::Unsupported) for Y, Cb and Cr; I/O errors.
pub fn write(sink: impl Write, frame: &Frame) -> Result<()> {
    let shape = frame.shape();
    let colour = match shape.format {
        PixelFormat::Gray8 | PixelFormat::Gray16 => ColorType::Grayscale,
        PixelFormat::GrayAlpha8 | PixelFormat::GrayAlpha16 => ColorType::GrayscaleAlpha,
        PixelFormat::Rgb24 | PixelFormat::Rgb48 => ColorType::Rgb,
        PixelFormat::Rgba | PixelFormat::Rgba64 => ColorType::Rgba,
        other => {
            return Err(Error::unsupported(format!(
                "PNG holds gray and RGB, not {}; read the frames as rgb24",
                other.name()
            )));
        }
    };
    let mut encoder = png::Encoder::new(sink, shape.width, shape.height);
    encoder.set_color(colour);
    encoder.set_depth(if shape.format.sample_bytes() == 2 { BitDepth::Sixteen } else { BitDepth::Eight });
    encoder.set_compression(png::Compression::Balanced);
    let mut writer = encoder.write_header().map_err(unwritable)?;
    if shape.format.sample_bytes() == 2 {
        let mut turned = frame.clone();
        swap_bytes(&mut turned);
        writer.write_image_data(turned.data()).map_err(unwritable)?;
    } else {
        writer.write_image_data(frame.data()).map_err(unwritable)?;
    }
    writer.finish().map_err(unwritable)
}

/// Converts between gray and RGB formats of the same depth, if that is lossless: adds channels, and drops
/// alpha that is opaque everywhere. `None` if the conversion would lose data.
pub fn convert(frame: &Frame, format: PixelFormat) -> Option<Frame> {
    let (from, shape) = (frame.shape(), Shape { format, ..frame.shape() });
    let (wide, bytes) = (from.format.channels(), format.sample_bytes());
    let alpha = |channels: usize| channels.is_multiple_of(2);
    let fits = !from.format.is_yuv() && !format.is_yuv() && bytes == from.format.sample_bytes();
    let adds = format.channels() >= 3 || !from.format.is_rgb();
    if !fits || !adds {
        return None;
    }
    let opaque = &[0xFF; 2][..bytes];
    let drops_alpha = alpha(wide) && !alpha(format.channels());
    if drops_alpha && frame.data().chunks_exact(wide * bytes).any(|pixel| !pixel.ends_with(opaque)) {
        return None;
    }
    let mut data = Vec::with_capacity(shape.bytes());
    for pixel in frame.data().chunks_exact(wide * bytes) {
        for channel in 0..format.channels() {
            let is_alpha = alpha(format.channels()) && channel + 1 == format.channels();
            let at = match (is_alpha, from.format.is_rgb()) {
                (true, _) if !alpha(wide) => {
                    data.extend_from_slice(opaque);
                    continue;
                }
                (true, _) => wide - 1,
                (false, true) => channel,
                (false, false) => 0,
            };
            data.extend_from_slice(&pixel[at * bytes..(at + 1) * bytes]);
        }
    }
    Frame::from_data(shape, data)
}

/// Swaps bytes: PNG is big-endian, frames are little-endian.
fn swap_bytes(frame: &mut Frame) {
    if frame.shape().format.sample_bytes() == 2 {
        frame.data_mut().as_chunks_mut::<2>().0.iter_mut().for_each(|sample| sample.reverse());
    }
}

fn unreadable(error: png::DecodingError) -> Error {
    match error {
        png::DecodingError::IoError(e) => e.into(),
        png::DecodingError::LimitsExceeded => {
            Error::limit("a PNG needs more memory than the limit").with_hint(Hint::RaiseMemoryLimit)
        }
        other => Error::corrupt(format!("PNG: {}", other.to_string().trim_end_matches('.'))),
    }
}

fn unwritable(error: png::EncodingError) -> Error {
    match error {
        png::EncodingError::IoError(e) => e.into(),
        other => Error::new(ErrorKind::Io, format!("cannot write a PNG: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn every_format_comes_back() {
        for format in PixelFormat::all().filter(|format| !format.is_yuv()) {
            let shape = Shape { width: 9, height: 4, format };
            let data = (0..shape.bytes()).map(|at| (at * 37) as u8).collect();
            let frame = Frame::from_data(shape, data).unwrap();
            let mut file = Vec::new();
            write(&mut file, &frame).unwrap();
            assert_eq!(read(Cursor::new(&file), &Context::default()).unwrap(), frame, "{shape}");
            for end in 0..file.len() - 12 {
                assert!(read(Cursor::new(&file[..end]), &Context::default()).is_err(), "cut at {end}");
            }
        }
        let yuv = Frame::new(Shape { width: 2, height: 2, format: PixelFormat::Yuv420p });
        assert_eq!(write(Vec::new(), &yuv).unwrap_err().kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn conversions_lose_nothing_or_are_refused() {
        let picture = |format, data: &[u8]| {
            let width = (data.len() / format_bytes(format)) as u32;
            Frame::from_data(Shape { width, height: 1, format }, data.to_vec()).unwrap()
        };
        let gray = picture(PixelFormat::Gray8, &[7, 9]);
        assert_eq!(convert(&gray, PixelFormat::Rgba).unwrap().data(), [7, 7, 7, 255, 9, 9, 9, 255]);
        let opaque = picture(PixelFormat::Rgba, &[1, 2, 3, 255]);
        assert_eq!(convert(&opaque, PixelFormat::Rgb24).unwrap().data(), [1, 2, 3]);
        assert_eq!(convert(&opaque, PixelFormat::Gray8), None);
        assert_eq!(convert(&picture(PixelFormat::Rgba, &[1, 2, 3, 254]), PixelFormat::Rgb24), None);
        let deep = picture(PixelFormat::GrayAlpha16, &[1, 2, 3, 4]);
        assert_eq!(convert(&deep, PixelFormat::Rgba64).unwrap().data(), [1, 2, 1, 2, 1, 2, 3, 4]);
        assert_eq!((convert(&deep, PixelFormat::Rgb24), convert(&deep, PixelFormat::Yuv420p)), (None, None));
    }

    fn format_bytes(format: PixelFormat) -> usize {
        format.channels() * format.sample_bytes()
    }

    #[test]
    fn a_picture_beyond_the_limit_is_refused() {
        let frame = Frame::new(Shape { width: 1000, height: 1000, format: PixelFormat::Gray8 });
        let mut file = Vec::new();
        write(&mut file, &frame).unwrap();
        let cx = Context::default().with_limits(lab_codec::Limits::new(1 << 30, 999_999));
        assert_eq!(read(Cursor::new(&file), &cx).unwrap_err().kind(), ErrorKind::Limit);
    }
}
