//! From red, green and blue to Y, Cb and Cr and back, by the matrix of BT.709 (ITU-T H.273), so that what
//! the tags of a video say is what was done.

use lab_media::colour::Range;
use lab_media::{Colour, Frame, PixelFormat, Shape};

const KR: f32 = 0.2126;
const KB: f32 = 0.0722;
const KG: f32 = 1.0 - KR - KB;

/// The tags of our videos; the transfer is that of sRGB.
pub fn tags(range: Range) -> Colour {
    Colour { range, matrix: 1, primaries: 1, transfer: 13 }
}

/// Offset and scale of Y, and of the differences from grey.
fn scales(range: Range, bits: u32) -> (f32, f32, f32) {
    let unit = (1_u32 << (bits - 8)) as f32;
    match range {
        Range::Limited => (16.0 * unit, 219.0 * unit, 224.0 * unit),
        Range::Full | Range::Unspecified => {
            let most = ((1_u32 << bits) - 1) as f32;
            (0.0, most, most)
        }
    }
}

/// A frame of a picture of 8 bits with `channels` channels, of which alpha is left out. Sides are padded to
/// even ones by repeating the last row and column.
pub fn to_yuv(
    width: u32,
    height: u32,
    channels: usize,
    samples: &[u8],
    format: PixelFormat,
    range: Range,
) -> Frame {
    let shape = Shape { width: width.next_multiple_of(2), height: height.next_multiple_of(2), format };
    let (columns, rows) = (shape.width as usize, shape.height as usize);
    let mut planes = [(); 3].map(|()| vec![0.0_f32; columns * rows]);
    for y in 0..rows {
        for x in 0..columns {
            let (sx, sy) = (x.min(width as usize - 1), y.min(height as usize - 1));
            let at = (sy * width as usize + sx) * channels;
            let pixel = &samples[at..at + channels];
            let get = |i: usize| f32::from(pixel[if channels >= 3 { i } else { 0 }]) / 255.0;
            let (r, g, b) = (get(0), get(1), get(2));
            let luma = KR * r + KG * g + KB * b;
            let place = y * columns + x;
            planes[0][place] = luma;
            planes[1][place] = (b - luma) / (2.0 * (1.0 - KB));
            planes[2][place] = (r - luma) / (2.0 * (1.0 - KR));
        }
    }
    let mut frame = Frame::new(shape);
    let (offset, scale, chroma) = scales(range, format.bits());
    let middle = (1_u32 << (format.bits() - 1)) as f32;
    let most = ((1_u32 << format.bits()) - 1) as f32;
    for (number, plane) in planes.iter().enumerate() {
        let (w, h) = shape.plane_size(number);
        let (sx, sy) = (columns / w, rows / h);
        let wide = format.sample_bytes() == 2;
        let target = frame.plane_mut(number);
        for y in 0..h {
            for x in 0..w {
                // Chroma lies in the middle of the pixels that it is for.
                let mut sum = 0.0;
                for row in y * sy..(y + 1) * sy {
                    for column in x * sx..(x + 1) * sx {
                        sum += plane[row * columns + column];
                    }
                }
                let mean = sum / (sx * sy) as f32;
                let value = if number == 0 { offset + mean * scale } else { middle + mean * chroma };
                let value = value.round().clamp(0.0, most) as u16;
                let at = y * w + x;
                if wide {
                    target[2 * at..2 * at + 2].copy_from_slice(&value.to_le_bytes());
                } else {
                    target[at] = value as u8;
                }
            }
        }
    }
    frame
}

/// The picture in a frame: red, green and blue of 8 bits, or gray where `channels` is below 3; cropped.
pub fn from_yuv(frame: &Frame, width: u32, height: u32, channels: usize, range: Range) -> Vec<u8> {
    let shape = frame.shape();
    let format = shape.format;
    let (offset, scale, chroma) = scales(range, format.bits());
    let middle = (1_u32 << (format.bits() - 1)) as f32;
    let wide = format.sample_bytes() == 2;
    let sample = |number: usize, x: usize, y: usize| {
        let (w, h) = shape.plane_size(number);
        let plane = frame.plane(number);
        let at = y.min(h - 1) * w + x.min(w - 1);
        if wide {
            f32::from(u16::from_le_bytes([plane[2 * at], plane[2 * at + 1]]))
        } else {
            f32::from(plane[at])
        }
    };
    let (chroma_width, chroma_height) = shape.plane_size(1);
    let (halved_x, halved_y) = (chroma_width < shape.width as usize, chroma_height < shape.height as usize);
    // Where chroma is halved, the nearer of two samples has three quarters of the weight.
    let split = |at: usize, halved: bool| -> (usize, usize, f32) {
        if !halved {
            return (at, at, 1.0);
        }
        let near = at / 2;
        (near, if at.is_multiple_of(2) { near.saturating_sub(1) } else { near + 1 }, 0.75)
    };
    let mut out = Vec::with_capacity(width as usize * height as usize * channels);
    for y in 0..height as usize {
        let (y0, y1, near_y) = split(y, halved_y);
        for x in 0..width as usize {
            let (x0, x1, near_x) = split(x, halved_x);
            let luma = (sample(0, x, y) - offset) / scale;
            if channels < 3 {
                out.push((luma * 255.0).round().clamp(0.0, 255.0) as u8);
                continue;
            }
            let difference = |number: usize| {
                let row = |y: usize| sample(number, x0, y) * near_x + sample(number, x1, y) * (1.0 - near_x);
                (row(y0) * near_y + row(y1) * (1.0 - near_y) - middle) / chroma
            };
            let b = luma + difference(1) * 2.0 * (1.0 - KB);
            let r = luma + difference(2) * 2.0 * (1.0 - KR);
            let g = (luma - KR * r - KB * b) / KG;
            out.extend([r, g, b].map(|value| (value * 255.0).round().clamp(0.0, 255.0) as u8));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_come_back() {
        let (width, height) = (7, 5);
        let samples: Vec<u8> = (0..width * height * 3).map(|i| (i * 53 % 256) as u8).collect();
        for (format, range, most) in [
            (PixelFormat::Yuv444p, Range::Full, 2),
            (PixelFormat::Yuv444p10, Range::Full, 1),
            (PixelFormat::Yuv444p10, Range::Limited, 1),
        ] {
            let frame = to_yuv(width, height, 3, &samples, format, range);
            assert_eq!((frame.shape().width, frame.shape().height), (8, 6));
            let back = from_yuv(&frame, width, height, 3, range);
            let worst = samples.iter().zip(&back).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            assert!(worst <= most, "{format:?} {worst}");
        }
    }

    #[test]
    fn known_colours_have_known_values() {
        // Pure red in BT.709 of limited range is 63, 102, 240.
        let frame = to_yuv(2, 2, 3, &[255, 0, 0].repeat(4), PixelFormat::Yuv420p, Range::Limited);
        assert_eq!((frame.plane(0)[0], frame.plane(1)[0], frame.plane(2)[0]), (63, 102, 240));
        let grey = to_yuv(3, 1, 4, &[200, 200, 200, 7].repeat(3), PixelFormat::Yuv420p10, Range::Full);
        assert_eq!(from_yuv(&grey, 3, 1, 3, Range::Full), [200; 9]);
        assert_eq!(from_yuv(&grey, 3, 1, 1, Range::Full), [200; 3]);
    }
}
