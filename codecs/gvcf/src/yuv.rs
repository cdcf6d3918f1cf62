//! Pixels that were made from luma and subsampled chroma, and how to find those again.
//!
//! Most video is stored as YUV 4:2:0: half as many samples as red, green and blue have. Where the pixels are exactly
//! what the conversion makes of some such samples, the samples are stored instead. The conversion is the one that
//! ffmpeg's scaler does without further options on x86 (libswscale, `yuv2rgb`), in whole numbers: products are rounded
//! down one by one, chroma is repeated. [`from_rgb`] verifies every pixel, so nothing is ever assumed.

use std::sync::OnceLock;

use rayon::prelude::*;

use crate::planes::Plane;

/// Which conversion; the number is that of a frame's colour transform less 2.
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
    /// All of them, by number.
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

/// In units of 2^-13: luma's factor, those of V in red, of U in blue, of U and of V in green; then luma's offset.
const COEFFICIENTS: [[i32; 6]; 4] = [
    [9539, 13_075, 16_525, -3209, -6660, 16],
    [9539, 14_686, 17_305, -1747, -4366, 16],
    [8192, 11_485, 14_516, -2819, -5850, 0],
    [8192, 12_901, 15_201, -1534, -3835, 0],
];

/// What each value of luma and chroma adds to the channels.
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

    /// What chroma adds to red, green and blue.
    fn chroma(&self, (u, v): (u8, u8)) -> [i16; 3] {
        let (u, v) = (usize::from(u), usize::from(v));
        [self.v_red[v], self.u_green[u] + self.v_green[v], self.u_blue[u]]
    }
}

/// A sum as a channel.
#[inline]
fn clip(value: i16) -> u8 {
    value.clamp(0, 255) as u8
}

/// The pixels of luma and chroma planes, three bytes each.
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

const NONE: u16 = u16::MAX;
/// Sums of luma are above the negative of this.
const LOWEST: i16 = 64;
/// ... and below this, with it.
const SUMS: usize = 512;
const SPAN: usize = 511;

/// From what chroma leaves in a pixel to chroma, and from sums of luma to luma.
struct Inverse {
    /// By (red - green) and (blue - green), each plus 255: one past the first chroma pair that leaves them, or 0.
    first: Vec<u32>,
    /// For each pair, the same for the next pair that leaves the same.
    next: Vec<u32>,
    /// For red - green, green - blue and blue - red: where the pairs that leave each difference (plus 511) begin.
    starts: [Vec<u32>; 3],
    /// The pairs by those differences.
    pairs: [Vec<u16>; 3],
    /// The least luma whose sum (plus [`LOWEST`]) is at least this, or [`NONE`].
    luma: [u16; SUMS],
}

impl Inverse {
    fn new(tables: &Tables) -> Self {
        let mut inverse = Self {
            first: vec![0; SPAN * SPAN],
            next: vec![0; 1 << 16],
            starts: [(); 3].map(|()| vec![0; DIFFERENCES + 1]),
            pairs: [(); 3].map(|()| vec![0; 1 << 16]),
            luma: [NONE; SUMS],
        };
        for (place, luma) in inverse.luma.iter_mut().enumerate() {
            let sum = place as i16 - LOWEST;
            *luma = tables.luma.iter().position(|s| *s >= sum).map_or(NONE, |y| y as u16);
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

    /// The pairs that leave a pixel whose `channel` and the one after it are not clipped.
    fn pairs(&self, pixel: [i16; 3], channel: usize) -> &[u16] {
        let at = difference(pixel[channel] - pixel[(channel + 1) % 3]);
        let range = self.starts[channel][at] as usize..self.starts[channel][at + 1] as usize;
        &self.pairs[channel][range]
    }

    /// The least luma whose sum is at least this.
    fn luma(&self, sum: i16) -> Option<u8> {
        let place = sum.saturating_add(LOWEST).max(0) as usize;
        self.luma.get(place).and_then(|y| u8::try_from(*y).ok())
    }
}

/// The pairs at a distance of `radius` in one of the two and no more in the other.
fn ring((u, v): (u8, u8), radius: i16) -> impl Iterator<Item = (u8, u8)> {
    (-radius..=radius).flat_map(move |d| [(-radius, d), (radius, d), (d, -radius), (d, radius)]).filter_map(
        move |(du, dv)| Some((u8::try_from(i16::from(u) + du).ok()?, u8::try_from(i16::from(v) + dv).ok()?)),
    )
}

/// Differences of sums of chroma, plus 511, are below this.
const DIFFERENCES: usize = 1023;

/// A difference as a place in a table; those that no chroma leaves are in the first or the last.
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

/// Rows of chroma that are looked at together; nothing is taken over from one strip to the next.
const STRIP: usize = 8;
/// How many pairs of chroma may be tried in vain in one strip, where clipping hides what they were.
const PATIENCE: usize = 1 << 18;
/// How far from the chroma to the left it is looked for first where all pixels are clipped.
const NEAR: i16 = 4;

/// The luma and chroma that the conversion turns into exactly `pixels`, where there are any. What `hint` has at the
/// same place is preferred, then what is to the left and above: equal pictures get equal planes.
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

/// Up to two by two pixels with common chroma.
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
    /// Fills some rows; `hint` begins where they do.
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

    /// The chroma nearest to `last` that fits a block all of whose pixels are clipped in some channel.
    fn clipped(
        &self,
        block: &Block,
        last: (u8, u8),
        hint: Option<&[u8]>,
        patience: &mut usize,
    ) -> Option<((u8, u8), [u8; 4])> {
        let pixels = (0..block.rows).flat_map(|dy| (0..block.columns).map(move |dx| block.pixel(dx, dy)));
        // Two channels that are whole leave a few hundred pairs of 65,536.
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
        // One channel or none: what fits is a wide field, and its near edge is found soon.
        (NEAR + 1..=255).find_map(|radius| {
            *patience = patience.saturating_sub(8 * radius as usize + 1);
            if *patience == 0 { None } else { ring(last, radius).find_map(fits) }
        })
    }

    /// The luma of each pixel if chroma were `pair`.
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

    /// A luma that gives `pixel` with the given sums of chroma: `before` where that is one, else the least.
    #[inline]
    fn luma(&self, pixel: [u8; 3], chroma: [i16; 3], before: Option<u8>) -> Option<u8> {
        let exact: [i16; 3] = std::array::from_fn(|i| i16::from(pixel[i]) - chroma[i]);
        // Nearly always, the channels agree.
        if exact[0] == exact[1] && exact[1] == exact[2] {
            let gives = |y: &u8| self.tables.luma[usize::from(*y)] == exact[0];
            if let Some(y) = before.filter(gives).or_else(|| self.inverse.luma(exact[0]).filter(gives)) {
                return Some(y);
            }
        }
        if !pixel.iter().any(|value| matches!(value, 0 | 255)) {
            return None;
        }
        // Where the sum of luma must lie: a channel that is not clipped leaves one value.
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
            // Wild values are clipped in all four pixels now and then, and patience may end.
            if from_rgb(matrix, &pixels, &mut found, None) {
                let mut again = vec![0; pixels.len()];
                to_rgb(matrix, [&found[0], &found[1], &found[2]], &mut again);
                prop_assert_eq!(&again, &pixels);
            } else {
                prop_assert!(full);
            }
            // With the planes themselves as the hint, nothing changes.
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
