//! The model of a picture, pixel by pixel: guesses first, then each sample by prediction and residual.
//!
//! A sample is predicted by two least-squares predictors, weighed by how well each did lately, and corrected
//! by the mean error of its context. Its residual is coded in sixteen contexts of three kinds: the size of
//! the residuals nearby, the direction in which the neighbours differ from the prediction (as in CALIC: Wu
//! and Memon 1997), and the residuals of the other channels at this pixel. `docs/formats/album.md` lists all
//! of them; its w, n, nw, ne, ww and nn are left, top, topleft, topright, leftleft and toptop here.

use lab_codec::Result;
use lab_entropy::range::BitCoder;
use lab_media::Neighbours;
use lab_media::neighbours::median;

use super::canvas::Canvas;
use super::guess::{Around, Guesses, Pixel};
use super::residual::{Residuals, SampleContexts};
use super::square::{LeastSquares, TAPS};
use super::{Shape, Way};

/// Forgetting factors of the two predictors. A sample's weight falls to 1/e after 667 and 10,000 samples: the
/// first predictor follows local texture, the second averages over many rows.
const FORGETTING: [f32; 2] = [0.9985, 0.9999];

/// Everything that adapts from sample to sample; it is kept from one picture to the next.
pub(super) struct Model {
    shape: Shape,
    guesses: Option<Guesses>,
    residuals: Residuals,
    channels: Vec<Channel>,
    /// Residuals of this picture, laid out as the samples of a canvas; 0 for guessed pixels.
    errors: Vec<i16>,
}

/// The adaptive state of one channel.
struct Channel {
    /// Position among the interleaved samples of a pixel.
    index: usize,
    predictors: [LeastSquares; 2],
    /// Recent absolute error of each predictor: a sum in which each sample counts 0.9 times the next one.
    recent_error: [f32; 2],
    /// Error of the prediction that remains on average, by context.
    bias: Vec<Bias>,
}

/// A sum of prediction errors in eighths of a sample step, and their number.
#[derive(Clone, Copy, Default)]
struct Bias {
    sum: i32,
    count: i32,
}

/// Coding order of the channels. Alpha first: where it is 0, the colours often are, too. Then green, which
/// tells most about red and blue.
fn order(channels: u8) -> &'static [usize] {
    match channels {
        1 => &[0],
        2 => &[1, 0],
        3 => &[1, 0, 2],
        _ => &[3, 1, 0, 2],
    }
}

/// Class of a magnitude, 0 to 23. Up to 4 each value is a class; from there each bound is 1.5 times the one
/// before, since a residual's spread grows in proportion to the activity around it.
fn class(value: u32) -> usize {
    const BOUNDS: [u32; 23] =
        [0, 1, 2, 3, 4, 6, 9, 13, 19, 28, 42, 63, 95, 142, 213, 320, 480, 720, 1080, 1620, 2430, 3645, 8000];
    BOUNDS.partition_point(|bound| *bound < value)
}

/// Class of a difference, 0 to 8, 4 for zero: sign and four magnitudes, finer near zero, where residuals are
/// dense.
fn signed(value: i32) -> usize {
    let size = match value.unsigned_abs() {
        0 => 0,
        1 | 2 => 1,
        3..=6 => 2,
        7..=16 => 3,
        _ => 4,
    };
    if value < 0 { 4 - size } else { 4 + size }
}

/// Inputs of the linear predictors. Their order is part of the format.
struct Taps {
    values: [f32; TAPS],
    count: usize,
}

impl Taps {
    /// Appends an input; beyond [`TAPS`] it is dropped.
    fn push(&mut self, value: i32) {
        if let Some(slot) = self.values.get_mut(self.count) {
            *slot = value as f32;
            self.count += 1;
        }
    }
}

impl Model {
    /// A model without any history.
    pub(super) fn new(shape: Shape, way: Way) -> Self {
        let channel = |&index: &usize| Channel {
            index,
            predictors: FORGETTING.map(LeastSquares::new),
            recent_error: [1.0; 2],
            // By the sign and size of prediction - median, the activity, and the residuals at left and top.
            bias: vec![Bias::default(); 9 * 8 * 9],
        };
        Self {
            shape,
            guesses: way.guess.then(|| Guesses::new(shape.width as usize, way.inter)),
            residuals: Residuals::new(shape.bits),
            channels: order(shape.channels).iter().map(channel).collect(),
            errors: vec![0; Canvas::length(shape)],
        }
    }

    /// Encodes the picture in `canvas`, or decodes it into `canvas`. `check` is called once a row.
    pub(super) fn picture<C: BitCoder>(
        &mut self,
        coder: &mut C,
        canvas: &mut Canvas,
        before: Option<&Canvas>,
        check: &mut dyn FnMut(&C) -> Result<()>,
    ) -> Result<()> {
        self.errors.fill(0);
        for y in 0..self.shape.height as usize {
            for x in 0..self.shape.width as usize {
                self.pixel(coder, canvas, before, x, y);
            }
            canvas.fill_margins(y);
            check(coder)?;
        }
        Ok(())
    }

    fn pixel(
        &mut self,
        coder: &mut impl BitCoder,
        canvas: &mut Canvas,
        before: Option<&Canvas>,
        x: usize,
        y: usize,
    ) {
        let (at, stride, c) = (canvas.index(x, y), canvas.stride(), usize::from(self.shape.channels));
        let Some(guesses) = &mut self.guesses else {
            return self.samples(coder, canvas, before, at);
        };
        let around = around(canvas.samples(), before.map(Canvas::samples), at, stride, c);
        let hit = guesses.code(coder, pixel(canvas.samples(), at, c), x, &around);
        match hit {
            Some(mut hit) => {
                for sample in &mut canvas.samples_mut()[at..at + c] {
                    *sample = hit as u16;
                    hit >>= 16;
                }
            }
            None => self.samples(coder, canvas, before, at),
        }
        if let Some(guesses) = &mut self.guesses {
            guesses.learn(pixel(canvas.samples(), at, c));
        }
    }

    /// Codes the samples of the pixel at `at`, channel by channel.
    fn samples(
        &mut self,
        coder: &mut impl BitCoder,
        canvas: &mut Canvas,
        before: Option<&Canvas>,
        at: usize,
    ) {
        let (stride, c) = (canvas.stride(), usize::from(self.shape.channels));
        let before = before.map(Canvas::samples);
        let max_sample = (1_i32 << self.shape.bits) - 1;
        // Deep samples have larger differences: half of the extra bits are shifted out of the context
        // classes.
        let deep = (self.shape.bits - 8) / 2;
        let signed = |value: i32| signed(value >> deep);
        let first = at;
        let samples = canvas.samples_mut();
        for k in 0..self.channels.len() {
            let (done, rest) = self.channels.split_at_mut(k);
            let channel = &mut rest[0];
            let at = first + channel.index;
            let near = Neighbours::new(|at| i32::from(samples[at]), at, stride, c);
            let centre = (near.left + near.top) / 2;
            // The predictors work on differences from the mean of left and top.
            let taps = taps(samples, before, first, stride, c, channel.index, done);
            let predictions = [0, 1].map(|i| channel.predictors[i].predict(&taps.values));
            // Each prediction weighs as the recent error of the other, so the better one weighs more.
            let share = channel.recent_error[1] / (channel.recent_error[0] + channel.recent_error[1]);
            let blended = predictions[0] * share + predictions[1] * (1.0 - share);

            // The MED predictor of JPEG-LS: an edge detector beside the linear predictors.
            let Neighbours { left, top, topleft, topright, leftleft, toptop } = near;
            let median = median(left, top, topleft);
            let error = |at: usize| i32::from(self.errors[at]);
            let near_error = Neighbours::new(error, at, stride, c);
            let earlier = |back: usize| {
                k.checked_sub(back).and_then(|i| done.get(i)).map_or(0, |done| error(first + done.index))
            };
            // Residuals of the channels just coded at this pixel: channels have their edges at the same
            // places.
            let (e1, e2) = (earlier(1), earlier(2));
            // Weighted by distance: left and top touch the sample, topleft and topright only its corners. The
            // weights sum to 6, and e1 has another 3. The first channel has no e1, so its sum is scaled by
            // 9 / 6.
            let adjacent_energy = 2 * near_error.left.unsigned_abs()
                + 2 * near_error.top.unsigned_abs()
                + near_error.topleft.unsigned_abs()
                + near_error.topright.unsigned_abs();
            let energy =
                if k > 0 { adjacent_energy + 3 * e1.unsigned_abs() } else { adjacent_energy * 3 / 2 };
            let far_energy = energy + near_error.leftleft.unsigned_abs() + near_error.toptop.unsigned_abs();
            let colour_energy = e1.unsigned_abs() + e2.unsigned_abs();
            let texture = (left - topleft).unsigned_abs() + (top - topright).unsigned_abs();
            let relief = (left - leftleft).unsigned_abs() + (top - toptop).unsigned_abs();
            let middle = class(energy) / 3;
            let coarse = middle / 2;

            // In eighths of a sample step, so that contexts see on which side of its rounding a prediction
            // lies. The bias of the context is added. Its divisor, count + 4, shrinks it towards 0 while
            // samples are few.
            let eighths = ((blended.clamp(-1e6, 1e6) + centre as f32) * 8.0).round() as i32;
            let bias_at =
                (signed(eighths / 8 - median) * 8 + middle) * 9 + signed(near_error.left + near_error.top);
            let bias = &mut channel.bias[bias_at];
            let eighths = (eighths + bias.sum / (bias.count + 4)).clamp(0, max_sample * 8);
            // Rounded to the nearest step, halves up: the exact prediction is predicted + (fraction - 4) / 8.
            // Below 4 a negative residual is likelier than a positive one, above 4 the reverse.
            let predicted = (eighths + 4) >> 3;
            let fraction = ((eighths + 4) & 7) as usize;

            // The gradient of the channel coded last, applied to this one's left and top. The first channel
            // takes two slopes of its own.
            let cross = match done.last() {
                Some(last) => {
                    let at = first + last.index;
                    let get = |at: usize| i32::from(samples[at]);
                    (left + get(at) - get(at - c), top + get(at) - get(at - stride))
                }
                None => (left + topright - top, top + (left - topleft) / 2),
            };
            // How the picture before differs from the prediction here, and from this picture at left. Without
            // one, the context sees the spatial activity in two directions.
            let temporal = match before {
                None => class(texture).min(10) * 11 + class(relief).min(10),
                Some(before) => {
                    signed(i32::from(before[at]) - predicted) * 9 + signed(i32::from(before[at - c]) - left)
                }
            };
            let pair = |a: i32, b: i32| (signed(a) * 9 + signed(b)) * 4;
            let to = |value: i32| value - predicted;
            // In half steps.
            let disagreement = ((predictions[0] - predictions[1]) * 2.0).clamp(-1e6, 1e6) as i32;
            let values = [
                // Expected size of the residual, and the rounding of the prediction.
                class(energy) * 4 + fraction / 2,
                // The residuals at left, top and topright, each on its own.
                (class(near_error.left.unsigned_abs()).min(5) * 6
                    + class(near_error.top.unsigned_abs()).min(5))
                    * 6
                    + class(near_error.topright.unsigned_abs()).min(5),
                // Which way the edge detector disagrees.
                signed(-to(median)) * 8 + middle,
                // Signed residuals of the other channels: they tell the sign of this one.
                pair(e1, e2) + coarse,
                pair(near_error.left, near_error.top) + coarse,
                // The value itself: clipped highlights and shadows, palettes, histograms with gaps.
                (predicted >> (self.shape.bits - 5)) as usize * 8 + middle,
                temporal,
                (predicted >> (self.shape.bits - 8)) as usize,
                // On which side of the prediction pairs of neighbours lie (the texture contexts of CALIC),
                // then the linear continuations from left and from top.
                pair(to(left), to(top)) + coarse,
                pair(to(topleft), to(topright)) + coarse,
                pair(to(2 * left - leftleft), to(2 * top - toptop)) + coarse,
                // How unsure the linear prediction is.
                (signed(disagreement) * 8 + fraction) * 6 + middle.min(5),
                pair(to(cross.0), to(cross.1)) + coarse,
                // Activity in a wider area, in the other channels, along the edges, and at the outer
                // neighbours.
                class(far_energy) * 16 + class(colour_energy).min(15),
                class(texture).min(15) * 16 + class(relief).min(15),
                class(near_error.topright.unsigned_abs() + near_error.topleft.unsigned_abs()).min(11) * 12
                    + class(near_error.leftleft.unsigned_abs() + near_error.toptop.unsigned_abs()).min(11),
            ];
            // All contexts and weights are kept apart by channel, of which there are at most four. The mixers
            // choose their weights by three measures of activity: residuals, other channels, and samples.
            let contexts = SampleContexts {
                values: values.map(|value| value * 4 + k),
                sets: [middle, class(colour_energy).min(7), class(texture + relief).min(15) / 2]
                    .map(|set| k * 8 + set),
            };
            let sample = i32::from(samples[at]);
            let difference = self.residuals.code(coder, sample - predicted, &contexts);
            // A damaged stream may lead outside the range of samples. Clamping keeps the model sound; the
            // digest of the picture reports the damage.
            let sample = (predicted + difference).clamp(0, max_sample);
            samples[at] = sample as u16;
            self.errors[at] = (sample - predicted).clamp(-32_767, 32_767) as i16;
            bias.learn(sample * 8 - eighths);
            let target = (sample - centre) as f32;
            for ((recent_error, predictor), prediction) in
                channel.recent_error.iter_mut().zip(&mut channel.predictors).zip(predictions)
            {
                // The addend keeps the sum above 0, so that the share is never 0 / 0.
                *recent_error = *recent_error * 0.9 + (prediction - target).abs().min(1e4) + 1e-3;
                predictor.update(&taps.values, taps.count, target);
            }
        }
    }
}

impl Bias {
    /// Adds an error in eighths. Halving sum and count keeps the mean, and makes older errors count less.
    fn learn(&mut self, error: i32) {
        self.sum += error.clamp(-4096, 4096);
        self.count += 1;
        if self.count > 64 {
            self.sum /= 2;
            self.count /= 2;
        }
    }
}

/// Inputs of the linear predictors for one sample. Each group has the mean of its own left and top
/// subtracted: small numbers lose less to rounding in f32, and weights need not model the local brightness.
fn taps(
    samples: &[u16],
    before: Option<&[u16]>,
    first: usize,
    stride: usize,
    c: usize,
    channel: usize,
    done: &[Channel],
) -> Taps {
    let get = |at: usize| i32::from(samples[at]);
    let at = first + channel;
    let near = Neighbours::new(get, at, stride, c);
    let centre = (near.left + near.top) / 2;
    let mut taps = Taps { values: [0.0; TAPS], count: 0 };
    let Neighbours { left, top, topleft, topright, leftleft, toptop } = near;
    // This channel: the six neighbours, and the one to the right of toptop.
    for value in [left, top, topleft, topright, leftleft, toptop, get(at - 2 * stride + c)] {
        taps.push(value - centre);
    }
    // The channels already coded, the latest first: their sample here and its neighbours. Alpha says little
    // about colours, and colours little about alpha.
    let is_alpha = |index: usize| c.is_multiple_of(2) && index + 1 == c;
    for other in done.iter().rev().filter(|other| !is_alpha(other.index)) {
        let at = first + other.index;
        let near = Neighbours::new(get, at, stride, c);
        let centre = (near.left + near.top) / 2;
        for value in [get(at), near.left, near.top, near.topleft, near.topright] {
            taps.push(value - centre);
        }
    }
    // The picture before: the same position and its four neighbours, all of them known.
    if let Some(before) = before {
        for at in [at, at - c, at + c, at - stride, at + stride] {
            taps.push(i32::from(before[at]) - centre);
        }
    }
    // The colours not coded yet: their slopes at left and topright, relative to top.
    if !is_alpha(channel) && c >= 3 {
        for other in (0..3).filter(|&o| o != channel && done.iter().all(|done| done.index != o)) {
            let at = first + other;
            taps.push(get(at - c) - get(at - stride));
            taps.push(get(at - stride + c) - get(at - stride));
        }
    }
    taps
}

/// The neighbours of the pixel at `at`.
fn around(samples: &[u16], before: Option<&[u16]>, at: usize, stride: usize, c: usize) -> Around {
    Around {
        near: Neighbours::new(|at| pixel(samples, at, c), at, stride, c),
        before: before.map_or([0; 5], |before| {
            [at, at + c, at + stride, at - c, at - stride].map(|at| pixel(before, at, c))
        }),
    }
}

/// The pixel at `at` as one number, its first channel in the lowest 16 bits.
fn pixel(samples: &[u16], at: usize, channels: usize) -> Pixel {
    samples[at..at + channels].iter().rev().fold(0, |pixel, sample| pixel << 16 | Pixel::from(*sample))
}
