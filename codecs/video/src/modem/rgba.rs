//! Conversion from Y, Cb and Cr to red, green, blue and alpha.

use lab_media::{Frame, PixelFormat, Shape};
use rayon::prelude::*;

use super::Refusal;
use super::plane::Plane;

/// Converts `picture`, 8-bit 4:2:0 in limited range, to opaque `rgba` with the matrix of ITU-R BT.601, which
/// converters assume for untagged video. Each chroma sample serves its four pixels without interpolation.
///
/// # Errors
/// [`Refusal::Format`] for other formats.
pub fn to_rgba(picture: &Frame, out: &mut Frame) -> Result<(), Refusal> {
    if picture.shape().format != PixelFormat::Yuv420p {
        return Err(Refusal::Format);
    }
    let (luma, cb, cr) = (Plane::of(picture, 0)?, Plane::of(picture, 1)?, Plane::of(picture, 2)?);
    out.reshape(Shape { format: PixelFormat::Rgba, ..picture.shape() });
    let width = luma.width;
    out.data_mut().par_chunks_mut(4 * width).enumerate().for_each(|(y, row)| {
        let (cb, cr) = (&cb.samples[y / 2 * cb.width..], &cr.samples[y / 2 * cr.width..]);
        for (x, (pixel, &luma)) in row.chunks_exact_mut(4).zip(&luma.samples[y * width..]).enumerate() {
            // 16.16 fixed point: 255/219 for luma, and 255/224 times 1.402, 0.344136, 0.714136 and 1.772 for
            // chroma. The sum begins with 1/2, so that the shift rounds.
            let luma = (i32::from(luma) - 16) * 76_309 + 32_768;
            let (cb, cr) = (i32::from(cb[x / 2]) - 128, i32::from(cr[x / 2]) - 128);
            let colour = [luma + 104_597 * cr, luma - 25_675 * cb - 53_279 * cr, luma + 132_201 * cb];
            for (out, value) in pixel.iter_mut().zip(colour) {
                *out = (value >> 16).clamp(0, 255) as u8;
            }
            pixel[3] = 255;
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_white_and_the_primaries() {
        let shape = Shape { width: 2, height: 2, format: PixelFormat::Yuv420p };
        let mut out = Frame::new(shape);
        for (ycbcr, rgb) in [
            ([16, 128, 128], [0, 0, 0]),
            ([235, 128, 128], [255, 255, 255]),
            ([81, 90, 240], [254, 0, 0]),
            ([145, 54, 34], [0, 255, 1]),
            ([41, 240, 110], [0, 0, 255]),
        ] {
            let [y, cb, cr] = ycbcr;
            let picture = Frame::from_data(shape, vec![y, y, y, y, cb, cr]).unwrap();
            to_rgba(&picture, &mut out).unwrap();
            for pixel in out.data().chunks(4) {
                assert!(
                    pixel.iter().zip(rgb).all(|(&a, b): (&u8, u8)| a.abs_diff(b) <= 1),
                    "{pixel:?} {rgb:?}"
                );
                assert_eq!(pixel[3], 255);
            }
        }
        let grey = Frame::new(Shape { format: PixelFormat::Gray8, ..shape });
        assert_eq!(to_rgba(&grey, &mut out), Err(Refusal::Format));
    }
}
