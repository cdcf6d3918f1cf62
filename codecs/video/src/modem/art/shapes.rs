//! The sixteen shapes of a tile.
//!
//! Each covers close to 45 % of the tile, so that no tile looks lighter than its neighbours. The arcs meet at
//! the tiles' edges.

/// Width and height of a tile in samples.
pub const TILE: usize = 16;

/// Number of shapes.
pub const SHAPES: usize = 16;

/// Mask value of a fully covered sample.
pub const FULL: i16 = 64;

/// Coverage of each sample by a shape, 0 to [`FULL`]: luma samples, then the 8x8 chroma samples.
#[derive(Debug, Clone)]
pub struct Mask {
    /// Row by row.
    pub luma: [i16; TILE * TILE],
    /// Row by row.
    pub chroma: [i16; TILE * TILE / 4],
}

/// Places per tile side: eight per sample side, so 64 in a sample.
const FINE: i32 = 8 * TILE as i32;

/// Whether a shape covers the place `x`, `y`. Places are odd numbers up to 255, the centres of a grid of 128
/// by 128 in a tile of 256 units, from its top left corner. Integers keep the drawing exact on every machine.
pub fn covers(shape: usize, x: i32, y: i32) -> bool {
    let size = 2 * FINE;
    // Distances from corner `shape % 4`: top left, top right, bottom left, bottom right.
    let (cx, cy) = (if shape % 2 == 1 { size - x } else { x }, if shape / 2 % 2 == 1 { size - y } else { y });
    let from = |px: i32, py: i32| (x - px) * (x - px) + (y - py) * (y - py);
    let middle = from(FINE, FINE);
    match shape {
        // A quarter ring around the corner, 44 % of the tile. As 56 + 200 = 256, it covers the same part of
        // an edge seen from either end, so that the arcs of neighbouring tiles meet.
        0..4 => (56 * 56..200 * 200).contains(&(cx * cx + cy * cy)),
        // The triangle in the corner: 243^2 / 2 of 256^2 is 45 %.
        4..8 => cx + cy < 243,
        // Strips at the left, right, top and bottom edge: 115 of 256 is 45 %.
        8..10 => cx < 115,
        10 => y < 115,
        11 => size - y < 115,
        // A disc: pi 97^2 of 256^2 is 45 %. Everything outside a disc of radius 107, which leaves 45 %.
        12 => middle < 97 * 97,
        13 => middle > 107 * 107,
        // Leaves from corner to corner: the intersection of two discs around opposite corners.
        14 => from(0, size) < 246 * 246 && from(size, 0) < 246 * 246,
        _ => from(0, 0) < 246 * 246 && from(size, size) < 246 * 246,
    }
}

/// The mask of a shape.
pub fn mask(shape: usize) -> Mask {
    let covered = |left: usize, top: usize, side: usize| {
        let fine = |from: usize| (8 * from..8 * (from + side)).map(|i| 2 * i as i32 + 1);
        fine(top).flat_map(|y| fine(left).map(move |x| (x, y))).filter(|&(x, y)| covers(shape, x, y)).count()
    };
    Mask {
        luma: std::array::from_fn(|i| covered(i % TILE, i / TILE, 1) as i16),
        chroma: std::array::from_fn(|i| {
            ((covered(2 * (i % (TILE / 2)), 2 * (i / (TILE / 2)), 2) + 2) / 4) as i16
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_equally_large_and_far_apart() {
        let masks: Vec<Mask> = (0..SHAPES).map(mask).collect();
        for (a, mask) in masks.iter().enumerate() {
            let area: i32 = mask.luma.iter().map(|&m| i32::from(m)).sum();
            let share = f64::from(area) / f64::from(FULL) / 256.0;
            assert!((share - 0.45).abs() < 0.01, "shape {a} covers {share}");
            for (b, other) in masks.iter().enumerate().skip(a + 1) {
                let differ: i32 =
                    mask.luma.iter().zip(&other.luma).map(|(x, y)| i32::from((x - y).abs())).sum();
                assert!(differ > 20 * i32::from(FULL), "shapes {a} and {b} differ by {differ}");
            }
        }
    }
}
