//! A slide show for ordinary players: H.264, 4:2:0, 8 bits of limited range, one size, in the order of names.

use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageBuffer, RgbImage, metadata::Orientation};
use lab_codec::{Error, Result};
use lab_media::PixelFormat;
use lab_media::colour::Range;
use lab_media::ffmpeg::{EncodeOptions, Encoder};

use super::coded::Coded;
use crate::kind::{self, Decoded};
use crate::manifest::{SEGMENT_PICTURES, Slides};
use crate::work::Work;
use crate::{colour, scan};

/// The largest frame.
const WIDEST: u32 = 1920;
const HIGHEST: u32 = 1080;
/// Quality of the slide show.
const CRF: &str = "20";

/// Makes the track, where there is a picture.
pub(crate) fn slides(work: &mut Work<'_>, each: u32) -> Result<Option<Slides>> {
    let files: Vec<usize> =
        (0..work.found.len()).filter(|file| work.surveyed[*file].picture.is_some()).collect();
    let sizes = files.iter().filter_map(|file| {
        let shown = work.surveyed[*file].picture.as_ref()?;
        let (width, height) = (shown.shape.width, shown.shape.height);
        Some(if shown.orientation > 4 { (height, width) } else { (width, height) })
    });
    let Some(bounds) = sizes.reduce(|a, b| (a.0.max(b.0), a.1.max(b.1))) else { return Ok(None) };
    let (width, height) = fit(bounds, (WIDEST, HIGHEST));
    // Encoders want even sides, and not too small ones.
    let (width, height) = ((width & !1).max(64), (height & !1).max(64));
    let mut options = EncodeOptions::new(Encoder::X264, "matroska");
    let gop = SEGMENT_PICTURES.to_string();
    options.arguments =
        ["-preset", "medium", "-tune", "stillimage", "-crf", CRF, "-g", &gop].map(str::to_string).to_vec();
    let shape = lab_media::Shape { width, height, format: PixelFormat::Yuv420p };
    let mut next = files.iter();
    let this = &*work;
    let coded = Coded::encode(
        shape,
        colour::tags(Range::Limited),
        &options,
        [files.len()],
        &mut || {
            let Some(file) = next.next() else { return Ok(None) };
            let bytes = this.read(*file)?;
            let gone =
                || Error::corrupt("a picture is none any more").at(scan::text(&this.found[*file].path));
            let decoded = kind::decode(this.surveyed[*file].kind.ok_or_else(gone)?, &bytes, this.cx)?;
            let slide = slide(&decoded, width, height).ok_or_else(gone)?;
            Ok(Some(colour::to_yuv(width, height, 3, &slide, shape.format, Range::Limited)))
        },
        work.cx,
    )?;
    let (track, _) = coded.spool(&mut work.spool, "slide show", true, each.into())?;
    Ok(Some(Slides { track, each, files: files.into_iter().map(|file| file as u32).collect() }))
}

/// The size of something within bounds, with its proportions; not larger than it is.
pub fn fit(size: (u32, u32), bounds: (u32, u32)) -> (u32, u32) {
    let scale =
        (f64::from(bounds.0) / f64::from(size.0)).min(f64::from(bounds.1) / f64::from(size.1)).min(1.0);
    let side = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    (side(size.0), side(size.1))
}

/// A picture turned as it is meant, scaled into a frame, on black.
fn slide(decoded: &Decoded, width: u32, height: u32) -> Option<Vec<u8>> {
    let picture = upright(decoded)?;
    let (w, h) = fit((picture.width(), picture.height()), (width, height));
    let scaled = if (w, h) == (picture.width(), picture.height()) {
        picture
    } else {
        imageops::resize(&picture, w, h, FilterType::CatmullRom)
    };
    let mut frame = RgbImage::new(width, height);
    imageops::overlay(&mut frame, &scaled, i64::from((width - w) / 2), i64::from((height - h) / 2));
    Some(frame.into_raw())
}

/// A picture as it is meant to be seen, red, green and blue of 8 bits, on white where it is transparent.
pub fn upright(decoded: &Decoded) -> Option<RgbImage> {
    let (shape, channels) = (decoded.shape, usize::from(decoded.shape.channels));
    let sample = |at: usize| {
        if shape.bits > 8 { decoded.samples[2 * at + 1] } else { decoded.samples[at] }
    };
    let pixels = shape.width as usize * shape.height as usize;
    let mut rgb = Vec::with_capacity(pixels * 3);
    for pixel in 0..pixels {
        let at = pixel * channels;
        let alpha = if channels % 2 == 0 { u16::from(sample(at + channels - 1)) } else { 255 };
        for i in 0..3 {
            let value = u16::from(sample(at + if channels >= 3 { i } else { 0 }));
            rgb.push(((value * alpha + 255 * (255 - alpha)) / 255) as u8);
        }
    }
    let buffer: RgbImage = ImageBuffer::from_raw(shape.width, shape.height, rgb)?;
    let mut picture = DynamicImage::ImageRgb8(buffer);
    picture
        .apply_orientation(Orientation::from_exif(decoded.orientation).unwrap_or(Orientation::NoTransforms));
    Some(picture.into_rgb8())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_fit() {
        assert_eq!(fit((100, 50), (1920, 1080)), (100, 50));
        assert_eq!(fit((4000, 3000), (1920, 1080)), (1440, 1080));
        assert_eq!(fit((60_000, 1), (1920, 1080)), (1920, 1));
    }
}
