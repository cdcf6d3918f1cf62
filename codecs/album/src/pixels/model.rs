//! A picture, pixel for pixel: guesses first, then samples by prediction and difference.

use lab_codec::Result;
use lab_entropy::range::BitCoder;

use super::canvas::Canvas;
use super::guess::{Around, Guesses, Pixel};
use super::residual::{Known, Residuals};
use super::square::{LeastSquares, TAPS};
use super::{Shape, Way};

/// All that is learnt from sample to sample, and from picture to picture.
pub struct Model {
    shape: Shape,
    guesses: Option<Guesses>,
    residuals: Residuals,
    channels: Vec<Channel>,
    /// Differences of the samples, laid out as those of a canvas.
    errors: Vec<i16>,
}

/// What is learnt about one channel.
struct Channel {
    /// Which of the interleaved samples.
    index: usize,
    squares: [LeastSquares; 2],
    /// How far each prediction was off lately.
    trust: [f32; 2],
    /// The mean of what is still left, by context: sum and number.
    bias: Vec<(i32, i32)>,
}

/// The order of channels: green tells most about the others, and where alpha is 0 colours often are, too.
fn order(channels: u8) -> &'static [usize] {
    match channels {
        1 => &[0],
        2 => &[1, 0],
        3 => &[1, 0, 2],
        _ => &[3, 1, 0, 2],
    }
}

/// A size in classes: 0, 1, 2, 3, 4, 5 and 6, 7 to 9 ... each half as large again.
fn class(value: u32) -> usize {
    const BOUNDS: [u32; 24] = [
        0, 1, 2, 3, 4, 6, 9, 13, 19, 28, 42, 63, 95, 142, 213, 320, 480, 720, 1080, 1620, 2430, 3645, 8000, 20_000,
    ];
    BOUNDS.partition_point(|bound| *bound < value)
}

/// A difference in 9 classes.
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

impl Model {
    /// A model that has seen nothing.
    pub fn new(shape: Shape, way: Way) -> Self {
        let canvas = Canvas::new(Shape { height: 1, ..shape });
        let samples = canvas.stride() * (shape.height as usize + 3);
        let channels = order(shape.channels);
        Self {
            shape,
            guesses: way.guess.then(|| Guesses::new(shape.width as usize, way.inter)),
            residuals: Residuals::new(shape.bits),
            channels: channels
                .iter()
                .map(|&index| Channel {
                    index,
                    squares: [LeastSquares::new(TAPS, 2, 0.998), LeastSquares::new(TAPS, 2, 0.9998)],
                    trust: [1.0; 2],
                    bias: vec![(0, 0); 1024],
                })
                .collect(),
            errors: vec![0; samples],
        }
    }

    /// Codes a picture, or decodes it into `canvas`; `check` is called once a row.
    pub fn picture<C: BitCoder>(
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
            canvas.finish_row(y);
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
        let (at, stride, c) = (canvas.place(x, y), canvas.stride(), usize::from(self.shape.channels));
        if let Some(guesses) = &mut self.guesses {
            let samples = canvas.samples();
            let mut around = Around {
                w: pixel(samples, at - c, c),
                n: pixel(samples, at - stride, c),
                nw: pixel(samples, at - stride - c, c),
                ne: pixel(samples, at - stride + c, c),
                ww: pixel(samples, at - 2 * c, c),
                nn: pixel(samples, at - 2 * stride, c),
                before: [0; 5],
            };
            if let Some(before) = before {
                let samples = before.samples();
                around.before = [at, at + c, at + stride, at - c, at - stride].map(|at| pixel(samples, at, c));
            }
            let own = pixel(samples, at, c);
            let hit = guesses.code(coder, own, x, &around);
            if let Some(mut hit) = hit {
                for sample in &mut canvas.samples_mut()[at..at + c] {
                    *sample = hit as u16;
                    hit >>= 16;
                }
                self.errors[at..at + c].fill(0);
                let own = pixel(canvas.samples(), at, c);
                guesses.learn(own, &around);
                return;
            }
            self.samples(coder, canvas, before, at);
            let own = pixel(canvas.samples(), at, c);
            if let Some(guesses) = &mut self.guesses {
                guesses.learn(own, &around);
            }
            return;
        }
        self.samples(coder, canvas, before, at);
    }

    /// The samples of the pixel at `at`, channel for channel.
    fn samples(&mut self, coder: &mut impl BitCoder, canvas: &mut Canvas, before: Option<&Canvas>, at: usize) {
        let (stride, c) = (canvas.stride(), usize::from(self.shape.channels));
        let most = (1_i32 << self.shape.bits) - 1;
        let none = Vec::new();
        let before = before.map_or(&none[..], Canvas::samples);
        let samples = canvas.samples_mut();
        for number in 0..self.channels.len() {
            let (done, rest) = self.channels.split_at_mut(number);
            let channel = &mut rest[0];
            let at = at + channel.index;
            let get = |at: usize| i32::from(samples[at]);
            let (w, n, nw, ne) = (get(at - c), get(at - stride), get(at - stride - c), get(at - stride + c));
            let (ww, nn) = (get(at - 2 * c), get(at - 2 * stride));
            let centre = (w + n) / 2;

            // What the prediction leans on, less what is near: the numbers stay small.
            let mut inputs = [0.0_f32; TAPS];
            let mut count = 0;
            let mut push = |value: i32| {
                if let Some(input) = inputs.get_mut(count) {
                    *input = value as f32;
                    count += 1;
                }
            };
            [w, n, nw, ne, ww, nn, get(at - 2 * stride + c)].iter().for_each(|value| push(value - centre));
            for other in done.iter().rev().filter(|other| other.index < 3 && (c != 2 || other.index == 0)) {
                let at = at - channel.index + other.index;
                let (w, n) = (get(at - c), get(at - stride));
                let centre = (w + n) / 2;
                [get(at), w, n, get(at - stride - c), get(at - stride + c)]
                    .iter()
                    .for_each(|value| push(value - centre));
            }
            if !before.is_empty() {
                [at, at - c, at + c, at - stride, at + stride]
                    .iter()
                    .for_each(|at| push(i32::from(before[*at]) - centre));
            }
            if channel.index < 3 && c >= 3 {
                for other in (0..3).filter(|&other| other != channel.index && !done.iter().any(|d| d.index == other)) {
                    let at = at - channel.index + other;
                    push(get(at - c) - get(at - stride));
                    push(get(at - stride + c) - get(at - stride));
                }
            }
            let predictions = [channel.squares[0].predict(&inputs), channel.squares[1].predict(&inputs)];
            let weight = channel.trust[1] / (channel.trust[0] + channel.trust[1]);
            let squares = predictions[0] * weight + predictions[1] * (1.0 - weight);

            // The median of left, above and their plane, for contexts.
            let median = (w + n - nw).clamp(w.min(n), w.max(n));
            let error = |at: usize| i32::from(self.errors[at]);
            let (ew, en, enw, ene) = (error(at - c), error(at - stride), error(at - stride - c), error(at - stride + c));
            let earlier = |back: usize| {
                done.len().checked_sub(back).map_or(0, |i| error(at - channel.index + done[i].index))
            };
            let (e1, e2) = (earlier(1), earlier(2));
            let energy = 2 * ew.unsigned_abs() + 2 * en.unsigned_abs() + enw.unsigned_abs() + ene.unsigned_abs();
            let energy = if number > 0 { energy + 3 * e1.unsigned_abs() } else { energy * 3 / 2 };
            let energy_class = class(energy).min(23);
            let middle = (energy_class / 3).min(7);

            // In eighths of a step; what is left of the mean in a context is added.
            let eighths = ((squares.clamp(-1e6, 1e6) + centre as f32) * 8.0).round() as i32;
            let bias_at = (signed(eighths / 8 - median) * 8 + middle) * 9 + signed(ew + en);
            let bias = &mut channel.bias[bias_at];
            let eighths = (eighths + bias.0 / (bias.1 + 4)).clamp(0, most * 8);
            let predicted = (eighths + 4) >> 3;
            let fraction = ((eighths + 4) & 7) as usize / 2;

            let k = number;
            let texture = (w - nw).unsigned_abs() + (n - ne).unsigned_abs();
            let relief = (w - ww).unsigned_abs() + (n - nn).unsigned_abs();
            let coarse = (middle / 2).min(3);
            let temporal = if before.is_empty() {
                class(texture).min(10) * 11 + class(relief).min(10)
            } else {
                signed(i32::from(before[at]) - predicted) * 9 + signed(i32::from(before[at - c]) - w)
            };
            let known = Known {
                contexts: [
                    (energy_class * 4 + k) * 4 + fraction,
                    ((class(ew.unsigned_abs()).min(5) * 6 + class(en.unsigned_abs()).min(5)) * 6
                        + class(ene.unsigned_abs()).min(5))
                        * 4
                        + k,
                    (signed(predicted - median) * 8 + middle) * 4 + k,
                    ((signed(e1) * 9 + signed(e2)) * 4 + coarse) * 4 + k,
                    ((signed(ew) * 9 + signed(en)) * 3 + coarse.min(2)) * 4 + k,
                    ((predicted >> (self.shape.bits - 5)) as usize * 8 + middle) * 4 + k,
                    temporal * 4 + k,
                    (predicted >> (self.shape.bits - 8)) as usize * 4 + k,
                ],
                set: k * 8 + middle,
            };
            let own = i32::from(samples[at]);
            let difference = self.residuals.code(coder, own - predicted, &known);
            // A damaged stream may lead outside; the checks of the container find that.
            let own = (predicted + difference).clamp(0, most);
            samples[at] = own as u16;
            self.errors[at] = (own - predicted).clamp(-32_767, 32_767) as i16;
            bias.0 += (own * 8 - eighths).clamp(-4096, 4096);
            bias.1 += 1;
            if bias.1 > 64 {
                bias.0 /= 2;
                bias.1 /= 2;
            }
            let target = (own - centre) as f32;
            for i in 0..2 {
                channel.trust[i] = channel.trust[i] * 0.9 + (predictions[i] - target).abs().min(1e4) + 1e-3;
                channel.squares[i].update(&inputs, target);
            }
        }
    }
}

/// The pixel at `at` as one number.
fn pixel(samples: &[u16], at: usize, channels: usize) -> Pixel {
    samples[at..at + channels].iter().rev().fold(0, |pixel, sample| pixel << 16 | Pixel::from(*sample))
}
