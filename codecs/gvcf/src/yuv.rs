//! Conversion of YUV 4:2:0 to RGB, and its exact inverse for pixels that came from it.
//!
//! Most video is stored as YUV 4:2:0, with half the samples of RGB. If samples convert to exactly the given
//! pixels, they are stored instead; that gained 18 % on two clips (docs/decisions/gvcf.md). The conversion is
//! the default of ffmpeg's scaler on x86 (libswscale, `yuv2rgb`) in integers: each product is rounded down,
//! chroma is repeated. [`from_rgb`] verifies every pixel, so a pixel from another converter is never wrong.

use std::sync::OnceLock;

use rayon::prelude::*;

use crate::planes::Plane;

/// The conversion; its number is the frame's colour transform minus 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Matrix {
    /// BT.601, luma 16 to 235.
    Bt601 = 0,
    /// BT.709, luma 16 to 235.
    Bt709 = 1,
    /// BT.601, luma 0 to 255.
    Bt601Full = 2,
    /// BT.709, luma 0 to 255.
    Bt709Full = 3,
}

impl Matrix {
    /// All conversions, by number.
    pub const ALL: [Self; 4] = [Self::Bt601, Self::Bt709, Self::Bt601Full, Self::Bt709Full];

    fn tables(self) -> &'static Tables {
        static TABLES: [Tables; 4] = [
            Tables::new(COEFFICIENTS[0]),
            Tables::new(COEFFICIENTS[1]),
            Tables::new(COEFFICIENTS[2]),
            Tables::new(COEFFICIENTS[3]),
        ];
        &TABLES[self as usize]
    }

    fn inverse(self) -> &'static Inverse {
        static INVERSES: [OnceLock<Inverse>; 4] =
            [OnceLock::new(), OnceLock::new(), OnceLock::new(), OnceLock::new()];
        INVERSES[self as usize].get_or_init(|| Inverse::new(self.tables()))
    }
}

/// Factors in units of 2^-13: luma, V in red, U in blue, U in green, V in green; then the offset of luma.
const COEFFICIENTS: [[i32; 6]; 4] = [
    [9539, 13_075, 16_525, -3209, -6660, 16],
    [9539, 14_686, 17_305, -1747, -4366, 16],
    [8192, 11_485, 14_516, -2819, -5850, 0],
    [8192, 12_901, 15_201, -1534, -3835, 0],
];

/// The summand of each value of luma and chroma in the channels.
struct Tables {
    luma: [i16; 256],
    v_red: [i16; 256],
    u_blue: [i16; 256],
    u_green: [i16; 256],
    v_green: [i16; 256],
}

impl Tables {
    const fn new([luma, v_red, u_blue, u_green, v_green, offset]: [i32; 6]) -> Self {
        const fn scaled(factor: i32, zero: i32) -> [i16; 256] {
            let mut table = [0; 256];
            let mut i = 0;
            while i < 256 {
                table[i] = ((8 * (i as i32 - zero) * factor) >> 16) as i16;
                i += 1;
            }
            table
        }
        Self {
            luma: scaled(luma, offset),
            v_red: scaled(v_red, 128),
            u_blue: scaled(u_blue, 128),
            u_green: scaled(u_green, 128),
            v_green: scaled(v_green, 128),
        }
    }

    /// The summands of a chroma pair in red, green and blue.
    fn chroma(&self, (u, v): (u8, u8)) -> [i16; 3] {
        let (u, v) = (usize::from(u), usize::from(v));
        [self.v_red[v], self.u_green[u] + self.v_green[v], self.u_blue[u]]
    }
}

/// Clips a sum to the range of a channel.
#[inline]
fn clip(value: i16) -> u8 {
    value.clamp(0, 255) as u8
}

/// Converts luma and chroma planes to pixels of three bytes.
pub fn to_rgb(matrix: Matrix, [y, u, v]: [&Plane; 3], pixels: &mut [u8]) {
    let tables = matrix.tables();
    let width = y.width;
    if width == 0 {
        return;
    }
    for (row, (luma, out)) in
        y.samples.chunks_exact(width).zip(pixels.chunks_exact_mut(3 * width)).enumerate()
    {
        let chroma = row / 2 * u.width..;
        let pairs = u.samples[chroma.clone()].iter().zip(&v.samples[chroma]);
        for ((luma, out), (u, v)) in luma.chunks(2).zip(out.chunks_mut(6)).zip(pairs) {
            let [red, green, blue] = tables.chroma((*u, *v));
            for (y, pixel) in luma.iter().zip(out.as_chunks_mut::<3>().0) {
                let y = tables.luma[usize::from(*y)];
                *pixel = [clip(y + red), clip(y + green), clip(y + blue)];
            }
        }
    }
}

/// Marks a sum that no luma reaches.
const NO_LUMA: u16 = u16::MAX;
/// Offset of a luma sum in its table; sums are above the negative of it.
const SUM_OFFSET: i16 = 64;
/// Length of that table, above all sums plus the offset.
const SUMS: usize = 512;
/// Number of differences of two bytes, -255 to 255.
const SPAN: usize = 511;

/// Lookup tables from differences of channels to chroma, and from luma sums to luma. Luma cancels out in the
/// difference of two unclipped channels, so the difference depends only on chroma.
struct Inverse {
    /// By (red - green) and (blue - green), each plus 255: one more than the first chroma pair with these
    /// differences, or 0 if there is none.
    first: Vec<u32>,
    /// For each pair, one more than the next pair with the same differences, or 0.
    next: Vec<u32>,
    /// For red - green, green - blue and blue - red: the index into `pairs` of the first pair of each
    /// difference (plus 511).
    starts: [Vec<u32>; 3],
    /// The pairs, sorted by those differences.
    pairs: [Vec<u16>; 3],
    /// The least luma whose sum plus [`SUM_OFFSET`] is at least the index, or [`NO_LUMA`].
    luma: [u16; SUMS],
}

impl Inverse {
    fn new(tables: &Tables) -> Self {
        let mut inverse = Self {
            first: vec![0; SPAN * SPAN],
            next: vec![0; 1 << 16],
            starts: [(); 3].map(|()| vec![0; DIFFERENCES + 1]),
            pairs: [(); 3].map(|()| vec![0; 1 << 16]),
            luma: [NO_LUMA; SUMS],
        };
        for (place, luma) in inverse.luma.iter_mut().enumerate() {
            let sum = place as i16 - SUM_OFFSET;
            *luma = tables.luma.iter().position(|s| *s >= sum).map_or(NO_LUMA, |y| y as u16);
        }
        for pair in (0..1_u32 << 16).rev() {
            let [red, green, blue] = tables.chroma(unpack(pair));
            if let Some(slot) = slot(red - green, blue - green) {
                inverse.next[pair as usize] = inverse.first[slot];
                inverse.first[slot] = pair + 1;
            }
        }
        for channel in 0..3 {
            let difference = |pair: u32| {
                let sums = tables.chroma(unpack(pair));
                difference(sums[channel] - sums[(channel + 1) % 3])
            };
            let starts = &mut inverse.starts[channel];
            (0..1 << 16).for_each(|pair| starts[difference(pair) + 1] += 1);
            (0..DIFFERENCES).for_each(|i| starts[i + 1] += starts[i]);
            let mut next = starts.clone();
            for pair in 0..1 << 16 {
                let place = &mut next[difference(pair)];
                inverse.pairs[channel][*place as usize] = pair as u16;
                *place += 1;
            }
        }
        inverse
    }

    /// The pairs that can produce a pixel whose `channel` and the next channel are not clipped.
    fn pairs(&self, pixel: [i16; 3], channel: usize) -> &[u16] {
        let at = difference(pixel[channel] - pixel[(channel + 1) % 3]);
        let range = self.starts[channel][at] as usize..self.starts[channel][at + 1] as usize;
        &self.pairs[channel][range]
    }

    /// The least luma whose sum is at least `sum`.
    fn luma(&self, sum: i16) -> Option<u8> {
        let place = sum.saturating_add(SUM_OFFSET).max(0) as usize;
        self.luma.get(place).and_then(|y| u8::try_from(*y).ok())
    }
}

/// The pairs at Chebyshev distance `radius` from a pair.
fn ring((u, v): (u8, u8), radius: i16) -> impl Iterator<Item = (u8, u8)> {
    (-radius..=radius).flat_map(move |d| [(-radius, d), (radius, d), (d, -radius), (d, radius)]).filter_map(
        move |(du, dv)| Some((u8::try_from(i16::from(u) + du).ok()?, u8::try_from(i16::from(v) + dv).ok()?)),
    )
}

/// Number of table entries for differences of chroma sums, -511 to 511.
const DIFFERENCES: usize = 1023;

/// The table index of a difference; differences outside of the table share its first or last entry.
fn difference(sum: i16) -> usize {
    (sum + 511).clamp(0, DIFFERENCES as i16 - 1) as usize
}

fn unpack(pair: u32) -> (u8, u8) {
    ((pair >> 8) as u8, pair as u8)
}

fn slot(red: i16, blue: i16) -> Option<usize> {
    let inside = |d: i16| usize::try_from(d + 255).ok().filter(|d| *d < SPAN);
    Some(inside(red)? * SPAN + inside(blue)?)
}

/// Rows of chroma in a strip. Strips are independent, so that threads can share the work.
const STRIP: usize = 8;
/// Budget of chroma pairs tried in one strip for clipped pixels; it bounds the time for pixels that never
/// came from YUV.
const PATIENCE: usize = 1 << 18;
/// Search radius around the left chroma that is tried first if all pixels of a block are clipped.
const NEAR: i16 = 4;

/// Finds luma and chroma that convert to exactly `pixels`; returns whether they exist. Several solutions may
/// fit: it prefers the sample of `hint` at the same position, then left, then top, so that equal pictures get
/// equal planes.
pub fn from_rgb(matrix: Matrix, pixels: &[u8], planes: &mut [Plane], hint: Option<&[Plane]>) -> bool {
    let [y, u, v] = planes else { return false };
    let width = y.width;
    let (luma, chroma) = (2 * STRIP * width, STRIP * u.width);
    let search = Search { tables: matrix.tables(), inverse: matrix.inverse(), width };
    let before = |strip: usize| match hint {
        Some([y, u, v]) => {
            Some([&y.samples[strip * luma..], &u.samples[strip * chroma..], &v.samples[strip * chroma..]])
        }
        _ => None,
    };
    let (y, u, v) = (&mut y.samples, &mut u.samples, &mut v.samples);
    let chroma_strips = u.par_chunks_mut(chroma).zip(v.par_chunks_mut(chroma));
    let strips = pixels.par_chunks(3 * luma).zip(y.par_chunks_mut(luma)).zip(chroma_strips).enumerate();
    strips.all(|(i, ((pixels, y), (u, v)))| search.strip(pixels, [y, u, v], before(i)))
}

/// Up to 2x2 pixels that share a chroma pair.
struct Block<'a> {
    pixels: &'a [u8],
    width: usize,
    x: usize,
    y: usize,
    columns: usize,
    rows: usize,
}

impl Block<'_> {
    #[inline]
    fn pixel(&self, dx: usize, dy: usize) -> [u8; 3] {
        let at = 3 * ((self.y + dy) * self.width + self.x + dx);
        [self.pixels[at], self.pixels[at + 1], self.pixels[at + 2]]
    }
}

struct Search {
    tables: &'static Tables,
    inverse: &'static Inverse,
    width: usize,
}

impl Search {
    /// Fills the samples of one strip; `hint` begins at the strip.
    fn strip(&self, pixels: &[u8], [y, u, v]: [&mut [u8]; 3], hint: Option<[&[u8]; 3]>) -> bool {
        let width = self.width;
        let (across, height) = (width.div_ceil(2), y.len() / width);
        let mut patience = PATIENCE;
        let mut last = (128, 128);
        for at in 0..u.len() {
            let (row, column) = (at / across, at % across);
            let block = Block {
                pixels,
                width,
                x: 2 * column,
                y: 2 * row,
                columns: (width - 2 * column).min(2),
                rows: (height - 2 * row).min(2),
            };
            let before = hint.map(|[_, u, v]| (u[at], v[at]));
            let above = (row > 0).then(|| (u[at - across], v[at - across]));
            let near = before.into_iter().chain([last]).chain(above);
            let Some((pair, luma)) = self.block(&block, near, last, hint.map(|h| h[0]), &mut patience) else {
                return false;
            };
            (u[at], v[at]) = pair;
            last = pair;
            for (i, luma) in luma.chunks_exact(2).enumerate().take(block.rows) {
                let start = (block.y + i) * width + block.x;
                y[start..start + block.columns].copy_from_slice(&luma[..block.columns]);
            }
        }
        true
    }

    fn block(
        &self,
        block: &Block,
        mut near: impl Iterator<Item = (u8, u8)>,
        last: (u8, u8),
        hint: Option<&[u8]>,
        patience: &mut usize,
    ) -> Option<((u8, u8), [u8; 4])> {
        let fits = |pair| self.lumas(block, pair, hint).map(|luma| (pair, luma));
        if let Some(found) = near.find_map(fits) {
            return Some(found);
        }
        for dy in 0..block.rows {
            for dx in 0..block.columns {
                let [red, green, blue] = block.pixel(dx, dy).map(i16::from);
                let mut next = slot(red - green, blue - green).map_or(0, |slot| self.inverse.first[slot]);
                while next != 0 {
                    if let Some(found) = fits(unpack(next - 1)) {
                        return Some(found);
                    }
                    next = self.inverse.next[next as usize - 1];
                }
            }
        }
        self.clipped(block, last, hint, patience)
    }

    /// The chroma pair nearest to `last` that fits a block whose pixels all have a clipped channel.
    fn clipped(
        &self,
        block: &Block,
        last: (u8, u8),
        hint: Option<&[u8]>,
        patience: &mut usize,
    ) -> Option<((u8, u8), [u8; 4])> {
        let pixels = (0..block.rows).flat_map(|dy| (0..block.columns).map(move |dx| block.pixel(dx, dy)));
        // Two unclipped channels leave a few hundred of the 65,536 pairs.
        let whole = |c: u8| !matches!(c, 0 | 255);
        let few = pixels.map(|pixel| {
            let channel = (0..3).find(|&c| whole(pixel[c]) && whole(pixel[(c + 1) % 3]));
            channel.map(|channel| self.inverse.pairs(pixel.map(i16::from), channel))
        });
        let fits = |pair| self.lumas(block, pair, hint).map(|luma| (pair, luma));
        if let Some(found) = (1..=NEAR).find_map(|radius| ring(last, radius).find_map(fits)) {
            return Some(found);
        }
        if let Some(pairs) = few.flatten().min_by_key(|pairs| pairs.len()) {
            *patience = patience.checked_sub(pairs.len())?;
            let far = |(u, v): (u8, u8)| u16::from(u.abs_diff(last.0)) + u16::from(v.abs_diff(last.1));
            let fitting = pairs.iter().filter_map(|pair| fits(unpack(u32::from(*pair))));
            return fitting.min_by_key(|(pair, _)| far(*pair));
        }
        // With at most one unclipped channel, many pairs fit, so a ring search finds the nearest soon.
        (NEAR + 1..=255).find_map(|radius| {
            *patience = patience.saturating_sub(8 * radius as usize + 1);
            if *patience == 0 { None } else { ring(last, radius).find_map(fits) }
        })
    }

    /// The luma of each pixel for the chroma `pair`, if all exist.
    #[inline]
    fn lumas(&self, block: &Block, pair: (u8, u8), hint: Option<&[u8]>) -> Option<[u8; 4]> {
        let chroma = self.tables.chroma(pair);
        let mut luma = [0; 4];
        for dy in 0..block.rows {
            for dx in 0..block.columns {
                let before = hint.map(|y| y[(block.y + dy) * self.width + block.x + dx]);
                luma[2 * dy + dx] = self.luma(block.pixel(dx, dy), chroma, before)?;
            }
        }
        Some(luma)
    }

    /// A luma that converts to `pixel` with the given chroma sums: `before` if it does, else the least.
    #[inline]
    fn luma(&self, pixel: [u8; 3], chroma: [i16; 3], before: Option<u8>) -> Option<u8> {
        let exact: [i16; 3] = std::array::from_fn(|i| i16::from(pixel[i]) - chroma[i]);
        // The common case: without clipping, all channels give the same luma sum.
        if exact[0] == exact[1] && exact[1] == exact[2] {
            let gives = |y: &u8| self.tables.luma[usize::from(*y)] == exact[0];
            if let Some(y) = before.filter(gives).or_else(|| self.inverse.luma(exact[0]).filter(gives)) {
                return Some(y);
            }
        }
        if !pixel.iter().any(|value| matches!(value, 0 | 255)) {
            return None;
        }
        // The range of the luma sum: an unclipped channel fixes it, a clipped one bounds it on one side.
        let (mut least, mut most) = (i16::MIN, i16::MAX);
        for (value, exact) in pixel.into_iter().zip(exact) {
            least = if value == 0 { least } else { least.max(exact) };
            most = if value == 255 { most } else { most.min(exact) };
        }
        let gives = |y: &u8| (least..=most).contains(&self.tables.luma[usize::from(*y)]);
        before.filter(gives).or_else(|| self.inverse.luma(least).filter(gives))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::header::Shape;
    use crate::planes::Colour;

    #[test]
    fn the_conversion_as_the_page_shows_it() {
        let plane = |samples: &[u8]| Plane { width: samples.len(), height: 1, samples: samples.to_vec() };
        let rgb = |matrix, y, u, v| {
            let mut pixels = [0; 3];
            to_rgb(matrix, [&plane(&[y]), &plane(&[u]), &plane(&[v])], &mut pixels);
            pixels
        };
        assert_eq!(rgb(Matrix::Bt601, 16, 128, 128), [0, 0, 0]);
        assert_eq!(rgb(Matrix::Bt601, 235, 128, 128), [255, 255, 255]);
        assert_eq!(rgb(Matrix::Bt601, 100, 90, 160), [148, 84, 20]);
        assert_eq!(rgb(Matrix::Bt709, 100, 90, 160), [154, 87, 16]);
        assert_eq!(rgb(Matrix::Bt601Full, 100, 90, 160), [144, 90, 32]);
        assert_eq!(rgb(Matrix::Bt709Full, 100, 90, 160), [150, 92, 29]);
    }

    proptest! {
        #[test]
        fn what_was_converted_is_found_again(
            width in 1u32..20, height in 1u32..20, seed in any::<[u8; 24]>(), full in any::<bool>(), matrix in 0usize..4,
        ) {
            let (shape, matrix) = (Shape { width, height, channels: 3 }, Matrix::ALL[matrix]);
            let mut planes = Colour::Yuv420(matrix).planes(shape);
            let mut state = u64::from_le_bytes(seed[..8].try_into().unwrap()) | 1;
            for sample in planes.iter_mut().flat_map(|p| &mut p.samples) {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let noise = (state >> 56) as u8;
                *sample = if full { noise } else { 100 + noise % 40 };
            }
            let mut pixels = vec![0; shape.bytes().unwrap() as usize];
            to_rgb(matrix, [&planes[0], &planes[1], &planes[2]], &mut pixels);
            let mut found = Colour::Yuv420(matrix).planes(shape);
            // Random values sometimes clip all four pixels, and the budget may run out.
            if from_rgb(matrix, &pixels, &mut found, None) {
                let mut again = vec![0; pixels.len()];
                to_rgb(matrix, [&found[0], &found[1], &found[2]], &mut again);
                prop_assert_eq!(&again, &pixels);
            } else {
                prop_assert!(full);
            }
            // With the planes themselves as the hint, the planes stay equal.
            let mut same = found.clone();
            prop_assert!(from_rgb(matrix, &pixels, &mut same, Some(&planes)));
            prop_assert!(same == planes);
        }

        #[test]
        fn whatever_is_accepted_is_exact(bytes in any::<[u8; 48]>()) {
            let shape = Shape { width: 4, height: 4, channels: 3 };
            let mut planes = Colour::Yuv420(Matrix::Bt601).planes(shape);
            if from_rgb(Matrix::Bt601, &bytes, &mut planes, None) {
                let mut again = [0; 48];
                to_rgb(Matrix::Bt601, [&planes[0], &planes[1], &planes[2]], &mut again);
                prop_assert_eq!(again, bytes);
            }
        }
    }
}
