//! SSIMULACRA2 of pictures against their originals, both read from files: `score ORIGINAL OTHER ...`, a
//! line for each pair.

#![allow(missing_docs, clippy::print_stdout)]

use lab_album::kind::{Kind, decode};
use lab_album::score::score;
use lab_codec::{Context, Error, Result};

fn main() -> Result<()> {
    let cx = Context::default();
    let paths: Vec<String> = std::env::args().skip(1).collect();
    for pair in paths.chunks_exact(2) {
        let [(size, original), (other_size, other)] = [picture(&pair[0], &cx)?, picture(&pair[1], &cx)?];
        if size != other_size {
            return Err(Error::corrupt("the pictures are not of one size").at(pair[1].clone()));
        }
        println!("{:.2} {}", score(size.0, size.1, 3, &original, &other)?, pair[1]);
    }
    Ok(())
}

/// Width and height; red, green and blue of 8 bits.
fn picture(path: &str, cx: &Context) -> Result<((u32, u32), Vec<u8>)> {
    let bytes = std::fs::read(path).map_err(|e| Error::from(e).at(path.to_string()))?;
    let kind = Kind::of(&bytes).ok_or_else(|| Error::corrupt("this is no picture").at(path.to_string()))?;
    let decoded = decode(kind, &bytes, cx)?;
    let (channels, wide) = (usize::from(decoded.shape.channels), decoded.shape.sample_bytes());
    let pixels = decoded.samples.chunks_exact(channels * wide);
    // The upper byte of a sample of 16 bits is its last.
    let rgb = pixels
        .flat_map(|pixel| (0..3).map(move |i| pixel[(if channels >= 3 { i } else { 0 }) * wide + wide - 1]));
    Ok(((decoded.shape.width, decoded.shape.height), rgb.collect()))
}
