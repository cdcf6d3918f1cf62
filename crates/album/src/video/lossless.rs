//! Lossless video tracks: FFV1, and H.264 of red, green and blue.

use lab_codec::Result;
use lab_media::colour::Range;
use lab_media::ffmpeg::{EncodeOptions, Encoder};
use lab_media::{Colour, Frame, PixelFormat};

use super::coded::Coded;
use crate::manifest::{Coding, Group, SEGMENT_PICTURES};
use crate::options::Codec;
use crate::pixels::Shape;
use crate::work::Work;

/// The format of frames that hold such samples.
pub(super) fn frame_format(shape: Shape) -> PixelFormat {
    match (shape.channels, shape.bits > 8) {
        (1, false) => PixelFormat::Gray8,
        (1, true) => PixelFormat::Gray16,
        (2, false) => PixelFormat::GrayAlpha8,
        (2, true) => PixelFormat::GrayAlpha16,
        (3, false) => PixelFormat::Rgb24,
        (3, true) => PixelFormat::Rgb48,
        (_, false) => PixelFormat::Rgba,
        (_, true) => PixelFormat::Rgba64,
    }
}

/// What the encoder codes without loss for frames of such samples.
fn coded_format(codec: Codec, format: PixelFormat) -> Option<&'static str> {
    match (codec, format) {
        (Codec::H264, PixelFormat::Rgb24) => Some("rgb24"),
        (Codec::H264, _) => None,
        (_, PixelFormat::Gray8) => Some("gray"),
        (_, PixelFormat::Gray16) => Some("gray16le"),
        (_, PixelFormat::GrayAlpha8) => Some("ya8"),
        (_, PixelFormat::Rgb24) => Some("bgr0"),
        (_, PixelFormat::Rgba) => Some("bgra"),
        (_, PixelFormat::Rgb48) => Some("rgb48le"),
        (_, PixelFormat::Rgba64) => Some("rgba64le"),
        _ => None,
    }
}

/// Codes a group as a track, where the encoder can; otherwise the pictures are left.
pub(crate) fn lossless(work: &mut Work<'_>, shape: Shape, order: &[usize]) -> Result<()> {
    let format = frame_format(shape);
    let Some(pixels) = coded_format(work.options.codec, format) else {
        work.notes
            .push(format!("pictures of {} are not for this codec; they are kept as files", format.name()));
        return Ok(());
    };
    let mut options = EncodeOptions::new(
        if work.options.codec == Codec::H264 { Encoder::X264 } else { Encoder::Ffv1 },
        "matroska",
    );
    options.pixels = Some(pixels.to_string());
    let gop = SEGMENT_PICTURES.to_string();
    let preset = work.options.preset.as_deref();
    let words: Vec<&str> = match work.options.codec {
        Codec::H264 => {
            vec!["-c:v", "libx264rgb", "-qp", "0", "-preset", preset.unwrap_or("medium"), "-g", &gop]
        }
        _ => vec!["-level", "3", "-coder", "1", "-context", "1", "-g", "1", "-slicecrc", "1"],
    };
    options.arguments = words.into_iter().map(str::to_string).collect();
    let mut taken: Vec<(usize, crate::recipe::Apart)> = Vec::new();
    let mut files = order.iter();
    let colour = Colour { range: Range::Unspecified, ..Colour::default() };
    let frame_shape = lab_media::Shape { width: shape.width, height: shape.height, format };
    let this = &*work;
    let coded = Coded::encode(
        frame_shape,
        colour,
        &options,
        [order.len()],
        &mut || {
            for file in files.by_ref() {
                if let Some((file, mut apart)) = this.apart(shape, &[*file])?.pop() {
                    let frame = Frame::from_data(frame_shape, std::mem::take(&mut apart.samples));
                    taken.push((file, apart));
                    return Ok(frame);
                }
            }
            Ok(None)
        },
        work.cx,
    )?;
    let originals: u64 = taken.iter().map(|(file, _)| work.found[*file].bytes).sum();
    if taken.is_empty() || coded.bytes()? >= originals {
        return Ok(());
    }
    let (track, mut segments) = coded.spool(&mut work.spool, "pictures", true, work.options.step())?;
    let mut rest = &taken[..];
    for segment in &mut segments {
        let (part, behind) = rest.split_at(segment.pictures.into());
        let recipes = work.recipes(part)?;
        segment.recipes = Some(work.spool.data(&recipes)?);
        rest = behind;
    }
    let group = work.groups.len() as u32;
    let coding = Coding::Video { track, alpha: None, format: format.name().to_string() };
    work.groups.push(Group { shape, coding, segments });
    work.place(group, 0, taken.iter().map(|(file, _)| *file));
    Ok(())
}
