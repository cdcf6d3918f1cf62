//! Pixels to PNG.

use lab_codec::{Error, ErrorKind, Result};

/// The average of every two by two pixels of an RGB picture with even sides.
pub(super) fn halve(pixels: &[u8], width: usize) -> Vec<u8> {
    let mut half = Vec::with_capacity(pixels.len() / 4);
    for rows in pixels.chunks_exact(width * 3 * 2) {
        let (upper, lower) = rows.split_at(width * 3);
        for (a, b) in upper.chunks_exact(6).zip(lower.chunks_exact(6)) {
            for c in 0..3 {
                let sum = u16::from(a[c]) + u16::from(a[c + 3]) + u16::from(b[c]) + u16::from(b[c + 3]);
                half.push(((sum + 2) / 4) as u8);
            }
        }
    }
    half
}

/// An RGB picture as a file.
pub(super) fn encode(pixels: &[u8], width: usize) -> Result<Vec<u8>> {
    let failed = |e: png::EncodingError| Error::new(ErrorKind::Io, format!("cannot write a PNG: {e}"));
    let height = pixels.len() / 3 / width.max(1);
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    #[test]
    fn halving_averages() {
        let pixels = [0, 0, 0, 4, 8, 255, 0, 0, 0, 4, 8, 255];
        assert_eq!(super::halve(&pixels, 2), [2, 4, 128]);
    }
}
