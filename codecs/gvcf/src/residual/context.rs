//! Modes and residuals by adaptive models and rANS. Encoder and decoder share one function, so they cannot
//! diverge.
//!
//! A residual is folded (0, -1, 1, -2, ... become 0, 1, 2, 3, ...) and split into a token below 16 and extra
//! bits. The token is coded with the mean of two distributions. The activity context is the size of the
//! neighbouring residuals. The texture context is the side of the prediction on which left, top and the
//! reference sample lie; it saved 13 % over contexts of neighbouring errors and other planes
//! (`docs/decisions/gvcf.md`).
//!
//! Averaging two distributions costs two table updates a token. Mixing binary decisions would code fewer
//! bytes, but at a few MB/s instead of 67 to 80.

use std::ops::Range;

use lab_entropy::model::{Bit, Nibble, decode_mean, encode_mean};
use lab_entropy::rans::{Decoder, Encoder};

use super::differences::mode_of;
use super::predict::{median_at, temporal_median_at};
use super::{Band, BandPlane, Mode};
use crate::error::Result;

/// Slowest adaptation of token distributions: steps of 2^-6. Steps of 2^-7 lose 0.2 % on `car` and gain 0.1 %
/// on `bbb`.
const TOKEN_LIMIT: u8 = 6;
/// Slowest adaptation of mode distributions: steps of 2^-5. A band has few modes, so they must adapt faster.
const MODE_LIMIT: u8 = 5;
/// Uses after which the probability of a highest extra bit stops slowing down.
const BIT_LIMIT: u8 = 127;

/// The least folded value of each token. Up to 9 each value has a token; from there the ranges grow as the
/// distribution falls, and the two last ones cover everything from 40 on.
const BASES: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 24, 40, 104];
/// Number of extra bits of each token. Token 15 has 8 bits for 152 values: the surplus codes are never
/// written.
const EXTRA: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 6, 8];

/// The token of each folded value: the inverse of [`BASES`].
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

/// The activity level, 0 to 15, of a weighted sum of neighbouring magnitudes. Bounds grow by about 1.4, as
/// the spread of residuals grows in proportion to the magnitudes around them.
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

/// The side of the prediction on which a sample lies, by the difference plus 255: 0 far below, 1 below by at
/// most 2, 2 equal, 3 above by at most 2, 4 far above.
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

/// Adaptive distributions of one plane of a band.
struct Models {
    /// By activity level, and by spatial (0) or temporal (1) prediction: the two leave residuals of different
    /// shape.
    activity: Vec<[Nibble; 2]>,
    /// By the sides of left, top and third sample, and the side of the second plane's residual in the third
    /// plane.
    texture: Vec<[Nibble; SIDE_COUNT]>,
    /// The highest extra bit of each token; the bits below are stored raw.
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
    /// Encodes a residual, or ignores it and returns the decoded one.
    fn residual(&mut self, a: &mut Nibble, b: &mut Nibble, extra: &mut [Bit; 16], residual: u8) -> u8;
    /// Encodes the number of a mode, or ignores it and returns the decoded one.
    fn mode(&mut self, model: &mut Nibble, mode: u8) -> u8;
    /// Reports damage found so far.
    fn check(&self) -> Result<()>;
}

/// Interleaves signs: 0, -1, 1, -2, ... become 0, 1, 2, 3, ...
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
        encode_mean(a, b, token, (TOKEN_LIMIT, TOKEN_LIMIT), self);
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
        let token = decode_mean(a, b, (TOKEN_LIMIT, TOKEN_LIMIT), self);
        let mut folded = BASES[usize::from(token & 15)];
        if token >= 10 {
            let token = usize::from(token & 15);
            let bits = u32::from(EXTRA[token]) - 1;
            let high = u32::from(extra[token].decode(BIT_LIMIT, self));
            // Only a damaged stream has a sum above 255. Wrapping keeps it harmless.
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

/// Encodes the planes of a band. `now` is mutable for the function that the decoder shares, and ends
/// unchanged.
pub(super) fn encode(band: &Band, modes: &[Mode], now: &mut [Vec<u8>], before: Option<&[&[u8]]>) -> Vec<u8> {
    let mut coder = Encoder::new(Vec::new());
    let mut planes: Vec<&mut [u8]> = now.iter_mut().map(Vec::as_mut_slice).collect();
    // Only decoders return errors.
    let _ = code(&mut coder, band, Some(modes), &mut planes, before);
    coder.finish()
}

/// Decodes the planes of a band into `now`.
///
/// # Errors
/// [`Code::Compression`](crate::error::Code::Compression) for damage.
pub(super) fn decode(
    input: &[u8],
    band: &Band,
    now: &mut [&mut [u8]],
    before: Option<&[&[u8]]>,
) -> Result<()> {
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
        // Chroma planes are correlated: the third plane sees the residuals of the second, which has its size.
        let role = match p {
            1 => Role::Stores,
            2 => Role::Reads,
            _ => Role::Alone,
        };
        code_plane(coder, *plane, (band.across, &modes), now, before, (role, &mut residuals))?;
    }
    Ok(())
}

/// Codes the modes of all blocks, each in the context of the modes at left and top; 0 stands for a missing
/// neighbour.
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

/// Whether a plane stores its residuals for the next one, reads those of the one before, or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Alone,
    Stores,
    Reads,
}

/// The current row with the rows that its contexts need, of this plane and of the reference.
struct Window<'a> {
    row: &'a mut [u8],
    top_row: Option<&'a [u8]>,
    before: Option<&'a [u8]>,
    before_top: Option<&'a [u8]>,
    /// For each sample, the contribution of the rows above to its activity.
    top_activity: &'a [u16],
    /// Magnitudes of the residuals in this row, with a margin of [`EDGE`] zeros on both sides.
    magnitudes: &'a mut [u8],
    /// Residuals of the second plane in this row, written or read according to the role.
    residuals: &'a mut [u8],
    role: Role,
}

/// Margin of the rows of magnitudes: the activity reaches two samples to the left.
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
    let mut magnitudes = [(); 3].map(|()| vec![0_u8; width + 2 * EDGE]);
    let mut top_activity = vec![0_u16; width];
    for y in 0..plane.height() {
        let (done, rest) = now.split_at_mut(y * width);
        let up = y.checked_sub(1).map(|up| up * width..y * width);
        let [magnitudes, top, toptop] = &mut magnitudes;
        // Twice top, once topleft and topright, half of toptop: summed for the whole row before it is coded,
        // which leaves only left and leftleft to the sequential loop.
        for (x, sum) in top_activity.iter_mut().enumerate() {
            let [topleft, top, topright] = [1, 2, 3].map(|i| u16::from(top[x + i]));
            *sum = 2 * top + topleft + topright + u16::from(toptop[x + EDGE] / 2);
        }
        let mut window = Window {
            row: &mut rest[..width],
            top_row: up.clone().map(|up| &done[up]),
            before: before.map(|before| &before[y * width..(y + 1) * width]),
            before_top: before.zip(up).map(|(before, up)| &before[up]),
            top_activity: &top_activity,
            magnitudes,
            residuals: &mut residuals[y * width..(y + 1) * width],
            role,
        };
        let modes = &modes[y / plane.block * across..][..across];
        // Blocks of one mode in a row share one call, so the mode is not tested for each sample.
        let mut start = 0;
        for run in modes.chunk_by(|a, b| a == b) {
            let end = (start + run.len() * plane.block).min(width);
            window.blocks(coder, &mut models, run[0], start..end);
            start = end;
        }
        coder.check()?;
        // The rows move up by one; the oldest is reused and overwritten.
        std::mem::swap(top, toptop);
        std::mem::swap(magnitudes, top);
    }
    Ok(())
}

impl Window<'_> {
    /// Codes the samples of this row in a run of blocks of one mode. Copied samples have no residual and
    /// count as 0.
    fn blocks(&mut self, coder: &mut impl Coder, models: &mut Models, mode: Mode, range: Range<usize>) {
        let before = self.before.unwrap_or(&[]);
        match mode {
            Mode::Copy => {
                if let Some(old) = before.get(range.clone()) {
                    self.row[range.clone()].copy_from_slice(old);
                }
                self.magnitudes[range.start + EDGE..range.end + EDGE].fill(0);
                if self.role == Role::Stores {
                    self.residuals[range].fill(0);
                }
            }
            Mode::Median => self.samples(coder, models, range, 0, |w, x| median_at(w.row, w.top_row, x)),
            Mode::Temporal => self.samples(coder, models, range, 1, |_, x| before[x]),
            Mode::TemporalMedian => self.samples(coder, models, range, 1, |w, x| {
                temporal_median_at(w.row, w.top_row, before, w.before_top, x)
            }),
        }
    }

    /// Codes the samples of `range` with one predictor; `temporal` is 1 if it uses the reference.
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
            let sum = self.top_activity[x]
                + 2 * u16::from(self.magnitudes[x + 1])
                + u16::from(self.magnitudes[x] / 2);
            let level = usize::from(LEVELS[usize::from(sum.min(255))]);
            let [left, top, third] = self.around(x);
            let side = |sample: u8| usize::from(SIDES[usize::from(sample) + 255 - usize::from(prediction)]);
            let texture = (side(left) * SIDE_COUNT + side(top)) * SIDE_COUNT + side(third);
            let other = if self.role == Role::Reads { self.residuals[x] as i8 } else { 0 };
            let other = usize::from(SIDES[(i16::from(other) + 255) as usize]);
            let residual = coder.residual(
                &mut models.activity[level][temporal],
                &mut models.texture[texture][other],
                &mut models.extra,
                self.row[x].wrapping_sub(prediction),
            );
            self.row[x] = prediction.wrapping_add(residual);
            self.magnitudes[x + EDGE] = (residual as i8).unsigned_abs();
            if self.role == Role::Stores {
                self.residuals[x] = residual;
            }
        }
    }

    /// Left, top, and the sample of the reference, or topright without one. A missing sample is replaced:
    /// left by top, topright by top, top by left, and by 0 where both are missing.
    #[inline(always)]
    fn around(&self, x: usize) -> [u8; 3] {
        let left = x.checked_sub(1).map(|left| self.row[left]);
        let top = self.top_row.map(|above| above[x]).or(left).unwrap_or(0);
        let third = match (self.before, self.top_row) {
            (Some(before), _) => before[x],
            (None, Some(above)) => above.get(x + 1).copied().unwrap_or(top),
            (None, None) => top,
        };
        [left.unwrap_or(top), top, third]
    }
}
