//! Modes and residuals by adaptive models and rANS: one text for both directions, so that they cannot differ.
//!
//! A residual is folded (0, -1, 1, -2, ... become 0, 1, 2, 3, ...) and cut into a token below 16 and extra bits. The
//! token is coded with the mean of two distributions: one chosen by the size of the residuals around it, one by where
//! the samples around it and in the reference lie beside the prediction.

use std::ops::Range;

use lab_entropy::model::{Bit, Nibble, decode_mean, encode_mean};
use lab_entropy::rans::{Decoder, Encoder};

use super::differences::mode_of;
use super::predict::{median_at, temporal_median_at};
use super::{Band, BandPlane, Mode};
use crate::error::Result;

/// How slowly distributions of tokens adapt in the end, as a power of two.
const LIMIT: u8 = 6;
/// The same for distributions of modes.
const MODE_LIMIT: u8 = 5;
/// The same for the highest extra bit.
const BIT_LIMIT: u8 = 127;

/// The least folded value of each token; a token with more than one has extra bits.
const BASES: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 24, 40, 104];
const EXTRA: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 6, 8];

/// The token of each folded value.
const TOKENS: [u8; 256] = {
    let mut tokens = [15; 256];
    let (mut token, mut value) = (0, 0);
    while value < 256 {
        if token < 15 && value == BASES[token + 1] as usize {
            token += 1;
        }
        tokens[value] = token as u8;
        value += 1;
    }
    tokens
};

/// Levels of the size of the residuals around, by twice the sum that is looked at; the table holds twice the level.
const LEVELS: [u8; 256] = {
    const ABOVE: [usize; 15] = [0, 1, 2, 3, 5, 7, 10, 14, 19, 26, 36, 50, 72, 110, 180];
    let mut levels = [0; 256];
    let mut sum = 0;
    while sum < 256 {
        let mut level = 0;
        while level < ABOVE.len() && sum > ABOVE[level] {
            level += 1;
        }
        levels[sum] = level as u8;
        sum += 1;
    }
    levels
};
const LEVEL_COUNT: usize = 16;

/// Where a sample lies beside the prediction, by the difference plus 255: far below, below, at, above, far above it.
const SIDES: [u8; 511] = {
    let mut sides = [2; 511];
    let mut i = 0;
    while i < 511 {
        sides[i] = match i as i32 - 255 {
            0 => 2,
            1 | 2 => 3,
            -2 | -1 => 1,
            3.. => 4,
            _ => 0,
        };
        i += 1;
    }
    sides
};
const SIDE_COUNT: usize = 5;

/// Distributions for one plane.
struct Models {
    /// By level and by whether the mode is a temporal one.
    activity: Vec<[Nibble; 2]>,
    /// By the sides of left, above and third sample, and the side of the residual in the plane before.
    texture: Vec<[Nibble; SIDE_COUNT]>,
    /// The highest extra bit of each token.
    extra: [Bit; 16],
}

impl Models {
    fn new() -> Self {
        Self {
            activity: vec![[Nibble::default(); 2]; LEVEL_COUNT],
            texture: vec![[Nibble::default(); SIDE_COUNT]; SIDE_COUNT * SIDE_COUNT * SIDE_COUNT],
            extra: [Bit::default(); 16],
        }
    }
}

/// Codes residuals and modes in either direction.
trait Coder {
    /// Codes a residual, or returns the decoded one and ignores `residual`.
    fn residual(&mut self, a: &mut Nibble, b: &mut Nibble, extra: &mut [Bit; 16], residual: u8) -> u8;
    /// Codes a mode, or returns the number of the decoded one.
    fn mode(&mut self, model: &mut Nibble, mode: u8) -> u8;
    /// Whether all is well so far.
    fn check(&self) -> Result<()>;
}

#[inline]
fn fold(residual: u8) -> u8 {
    let signed = residual as i8;
    ((signed << 1) ^ (signed >> 7)) as u8
}

#[inline]
fn unfold(folded: u8) -> u8 {
    (folded >> 1) ^ 0_u8.wrapping_sub(folded & 1)
}

impl Coder for Encoder {
    #[inline]
    fn residual(&mut self, a: &mut Nibble, b: &mut Nibble, extra: &mut [Bit; 16], residual: u8) -> u8 {
        let folded = fold(residual);
        let token = TOKENS[usize::from(folded)];
        encode_mean(a, b, token, (LIMIT, LIMIT), self);
        if token >= 10 {
            let token = usize::from(token);
            let (low, bits) = (u32::from(folded - BASES[token]), u32::from(EXTRA[token]) - 1);
            extra[token].encode(low >> bits != 0, BIT_LIMIT, self);
            self.raw(low & ((1 << bits) - 1), bits);
        }
        residual
    }

    fn mode(&mut self, model: &mut Nibble, mode: u8) -> u8 {
        model.encode(mode, MODE_LIMIT, self);
        mode
    }

    fn check(&self) -> Result<()> {
        Ok(())
    }
}

impl Coder for Decoder<'_> {
    #[inline(always)]
    fn residual(&mut self, a: &mut Nibble, b: &mut Nibble, extra: &mut [Bit; 16], _: u8) -> u8 {
        let token = decode_mean(a, b, (LIMIT, LIMIT), self);
        let mut folded = BASES[usize::from(token & 15)];
        if token >= 10 {
            let token = usize::from(token & 15);
            let bits = u32::from(EXTRA[token]) - 1;
            let high = u32::from(extra[token].decode(BIT_LIMIT, self));
            // Above 255 there is nothing that an encoder would write: such a sum wraps around.
            folded = folded.wrapping_add((high << bits | self.raw(bits)) as u8);
        }
        unfold(folded)
    }

    fn mode(&mut self, model: &mut Nibble, _: u8) -> u8 {
        model.decode(MODE_LIMIT, self)
    }

    fn check(&self) -> Result<()> {
        Ok(Decoder::check(self)?)
    }
}

/// Codes a band's planes; `now` is left as it is.
pub fn encode(band: &Band, modes: &[Mode], now: &mut [Vec<u8>], before: Option<&[&[u8]]>) -> Vec<u8> {
    let mut coder = Encoder::new(Vec::new());
    let mut planes: Vec<&mut [u8]> = now.iter_mut().map(Vec::as_mut_slice).collect();
    // An encoder refuses nothing.
    let _ = code(&mut coder, band, Some(modes), &mut planes, before);
    coder.finish()
}

/// Fills a band's planes.
///
/// # Errors
/// [`Code::Compression`](crate::error::Code::Compression) for damage.
pub fn decode(input: &[u8], band: &Band, now: &mut [&mut [u8]], before: Option<&[&[u8]]>) -> Result<()> {
    let mut coder = Decoder::new(input);
    code(&mut coder, band, None, now, before)?;
    Ok(coder.finish()?)
}

fn code(
    coder: &mut impl Coder,
    band: &Band,
    known: Option<&[Mode]>,
    now: &mut [&mut [u8]],
    before: Option<&[&[u8]]>,
) -> Result<()> {
    let modes = code_modes(coder, band, known, before.is_some())?;
    let mut residuals = vec![0; band.planes.iter().map(|p| p.width * p.height()).max().unwrap_or(0)];
    for (p, (plane, now)) in band.planes.iter().zip(now).enumerate() {
        let before = before.map(|before| before[p]);
        // The second plane leaves its residuals for the third, which is of the same size.
        let role = match p {
            1 => Role::Leaves,
            2 => Role::Takes,
            _ => Role::Alone,
        };
        code_plane(coder, *plane, (band.across, &modes), now, before, (role, &mut residuals))?;
    }
    Ok(())
}

/// The modes of all blocks, each by those to the left and above.
fn code_modes(
    coder: &mut impl Coder,
    band: &Band,
    known: Option<&[Mode]>,
    reference: bool,
) -> Result<Vec<Mode>> {
    const NEIGHBOURS: usize = Mode::ALL.len() + 1;
    let mut models = [Nibble::default(); NEIGHBOURS * NEIGHBOURS];
    let mut modes: Vec<Mode> = Vec::with_capacity(band.across * band.down);
    for i in 0..band.across * band.down {
        let left = if i % band.across > 0 { modes[i - 1] as usize + 1 } else { 0 };
        let above = if i >= band.across { modes[i - band.across] as usize + 1 } else { 0 };
        let model = &mut models[left * NEIGHBOURS + above];
        let number = coder.mode(model, known.map_or(0, |modes| modes[i] as u8));
        modes.push(mode_of(number, reference)?);
    }
    coder.check()?;
    Ok(modes)
}

/// What a plane has to do with the residuals of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Alone,
    Leaves,
    Takes,
}

/// Rows around the one at hand, and sizes of the residuals in and above it, with two more on both sides.
struct Window<'a> {
    row: &'a mut [u8],
    above: Option<&'a [u8]>,
    before: Option<&'a [u8]>,
    before_above: Option<&'a [u8]>,
    /// What the rows above add to the sum around each sample.
    upper: &'a [u16],
    sizes: &'a mut [u8],
    /// Of the second plane in this row: to be written or looked at.
    residuals: &'a mut [u8],
    role: Role,
}

const EDGE: usize = 2;

fn code_plane(
    coder: &mut impl Coder,
    plane: BandPlane,
    (across, modes): (usize, &[Mode]),
    now: &mut [u8],
    before: Option<&[u8]>,
    (role, residuals): (Role, &mut [u8]),
) -> Result<()> {
    let width = plane.width;
    let mut models = Models::new();
    let mut sizes = [(); 3].map(|()| vec![0_u8; width + 2 * EDGE]);
    let mut upper = vec![0_u16; width];
    for y in 0..plane.height() {
        let (done, rest) = now.split_at_mut(y * width);
        let up = y.checked_sub(1).map(|up| up * width..y * width);
        let [sizes, above, higher] = &mut sizes;
        for (x, sum) in upper.iter_mut().enumerate() {
            let [left, middle, right] = [1, 2, 3].map(|i| u16::from(above[x + i]));
            *sum = 2 * middle + left + right + u16::from(higher[x + EDGE] / 2);
        }
        let mut window = Window {
            row: &mut rest[..width],
            above: up.clone().map(|up| &done[up]),
            before: before.map(|before| &before[y * width..(y + 1) * width]),
            before_above: before.zip(up).map(|(before, up)| &before[up]),
            upper: &upper,
            sizes,
            residuals: &mut residuals[y * width..(y + 1) * width],
            role,
        };
        let modes = &modes[y / plane.block * across..][..across];
        let mut start = 0;
        for run in modes.chunk_by(|a, b| a == b) {
            let end = (start + run.len() * plane.block).min(width);
            window.blocks(coder, &mut models, run[0], start..end);
            start = end;
        }
        coder.check()?;
        std::mem::swap(above, higher);
        std::mem::swap(sizes, above);
    }
    Ok(())
}

impl Window<'_> {
    /// Codes what is in a row of blocks of one mode.
    fn blocks(&mut self, coder: &mut impl Coder, models: &mut Models, mode: Mode, range: Range<usize>) {
        let before = self.before.unwrap_or(&[]);
        match mode {
            Mode::Copy => {
                if let Some(old) = before.get(range.clone()) {
                    self.row[range.clone()].copy_from_slice(old);
                }
                self.sizes[range.start + EDGE..range.end + EDGE].fill(0);
                if self.role == Role::Leaves {
                    self.residuals[range].fill(0);
                }
            }
            Mode::Median => self.samples(coder, models, range, 0, |w, x| median_at(w.row, w.above, x)),
            Mode::Temporal => self.samples(coder, models, range, 1, |_, x| before[x]),
            Mode::TemporalMedian => self.samples(coder, models, range, 1, |w, x| {
                temporal_median_at(w.row, w.above, before, w.before_above, x)
            }),
        }
    }

    #[inline(always)]
    fn samples(
        &mut self,
        coder: &mut impl Coder,
        models: &mut Models,
        range: Range<usize>,
        temporal: usize,
        predict: impl Fn(&Self, usize) -> u8,
    ) {
        for x in range {
            let prediction = predict(self, x);
            let sum = self.upper[x] + 2 * u16::from(self.sizes[x + 1]) + u16::from(self.sizes[x] / 2);
            let level = usize::from(LEVELS[usize::from(sum.min(255))]);
            let [west, north, third] = self.around(x);
            let side = |sample: u8| usize::from(SIDES[usize::from(sample) + 255 - usize::from(prediction)]);
            let texture = (side(west) * SIDE_COUNT + side(north)) * SIDE_COUNT + side(third);
            let other = if self.role == Role::Takes { self.residuals[x] as i8 } else { 0 };
            let other = usize::from(SIDES[(i16::from(other) + 255) as usize]);
            let residual = coder.residual(
                &mut models.activity[level][temporal],
                &mut models.texture[texture][other],
                &mut models.extra,
                self.row[x].wrapping_sub(prediction),
            );
            self.row[x] = prediction.wrapping_add(residual);
            self.sizes[x + EDGE] = (residual as i8).unsigned_abs();
            if self.role == Role::Leaves {
                self.residuals[x] = residual;
            }
        }
    }

    /// The samples to the left and above, and the one of the reference, or else the one above to the right; where
    /// there is none, that before it in the order above, left, 0.
    #[inline(always)]
    fn around(&self, x: usize) -> [u8; 3] {
        let left = x.checked_sub(1).map(|left| self.row[left]);
        let north = self.above.map(|above| above[x]).or(left).unwrap_or(0);
        let third = match (self.before, self.above) {
            (Some(before), _) => before[x],
            (None, Some(above)) => above.get(x + 1).copied().unwrap_or(north),
            (None, None) => north,
        };
        [left.unwrap_or(north), north, third]
    }
}
