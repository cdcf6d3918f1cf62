//! Visual similarity of two pictures: SSIMULACRA2 (Sneyers 2023), by the crate of that name.

use lab_codec::{Error, Result};
use ssimulacra2::{ColorPrimaries, Rgb, TransferCharacteristic, compute_frame_ssimulacra2};

/// The shortest side that the score is defined for.
pub const SHORTEST_SIDE: u32 = 8;

/// The score of a picture against an original of the same size, both with 8 bits and `channels` channels;
/// alpha is ignored. 100 is identical, 90 indistinguishable, 70 good, 50 medium.
///
/// # Errors
/// [`Unsupported`](lab_codec::ErrorKind::Unsupported) for pictures with a side below [`SHORTEST_SIDE`].
pub fn score(width: u32, height: u32, channels: usize, original: &[u8], other: &[u8]) -> Result<f64> {
    let failed =
        |e: &dyn std::fmt::Display| Error::unsupported(format!("cannot compute the SSIMULACRA2 score: {e}"));
    let picture = |samples: &[u8]| {
        let pixels = samples.chunks_exact(channels).map(|pixel| {
            let get = |i: usize| f32::from(pixel[if channels >= 3 { i } else { 0 }]) / 255.0;
            [get(0), get(1), get(2)]
        });
        let (transfer, primaries) = (TransferCharacteristic::SRGB, ColorPrimaries::BT709);
        Rgb::new(pixels.collect(), width as usize, height as usize, transfer, primaries)
    };
    let (original, other) =
        (picture(original).map_err(|e| failed(&e))?, picture(other).map_err(|e| failed(&e))?);
    compute_frame_ssimulacra2(original, other).map_err(|e| failed(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_a_hundred_and_noise_costs() {
        let original: Vec<u8> = (0..64 * 48 * 3).map(|i| (i / 7 % 200) as u8).collect();
        assert!(score(64, 48, 3, &original, &original).unwrap() > 99.9);
        let mut last = 100.0;
        for noise in [4, 16, 64] {
            let other: Vec<u8> =
                original.iter().enumerate().map(|(i, s)| s ^ (i * 7919 % noise) as u8).collect();
            let score = score(64, 48, 3, &original, &other).unwrap();
            assert!(score < last, "{noise}: {score}");
            last = score;
        }
        assert!(score(7, 9, 1, &[0; 63], &[0; 63]).is_err());
    }
}
