//! A picture, pixel for pixel: guesses first, then samples by prediction and difference.

use lab_codec::Result;
use lab_entropy::range::BitCoder;

use super::canvas::Canvas;
use super::guess::{Around, Guesses, Pixel};
use super::residual::{Known, Residuals};
use super::square::{LeastSquares, TAPS};
use super::{Shape, Way};

/// What is left of the weight of a sample after the next one, in the two predictors: one is quick, one has patience.
const FADES: [f32; 2] = [0.9985, 0.9999];

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
    off: [f32; 2],
    /// What is still left, by context.
    bias: Vec<Bias>,
}

/// A sum of differences in eighths, and their number.
#[derive(Clone, Copy, Default)]
struct Bias {
    sum: i32,
    count: i32,
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

/// A size in classes: 0, 1, 2, 3, 4, 5 and 6, 7 to 9 ... each half as large again; below 24.
fn class(value: u32) -> usize {
    const BOUNDS: [u32; 23] =
        [0, 1, 2, 3, 4, 6, 9, 13, 19, 28, 42, 63, 95, 142, 213, 320, 480, 720, 1080, 1620, 2430, 3645, 8000];
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

/// The neighbours of a sample: left, above, and so on.
#[derive(Clone, Copy)]
struct Near {
    w: i32,
    n: i32,
    nw: i32,
    ne: i32,
    ww: i32,
    nn: i32,
}

impl Near {
    fn new(get: impl Fn(usize) -> i32, at: usize, stride: usize, c: usize) -> Self {
        Self {
            w: get(at - c),
            n: get(at - stride),
            nw: get(at - stride - c),
            ne: get(at - stride + c),
            ww: get(at - 2 * c),
            nn: get(at - 2 * stride),
        }
    }
}

/// What a prediction leans on, in the order that is part of the format.
struct Taps {
    values: [f32; TAPS],
    count: usize,
}

impl Taps {
    /// More than [`TAPS`] are left out.
    fn push(&mut self, value: i32) {
        if let Some(slot) = self.values.get_mut(self.count) {
            *slot = value as f32;
            self.count += 1;
        }
    }
}

impl Model {
    /// A model that has seen nothing.
    pub fn new(shape: Shape, way: Way) -> Self {
        let channel = |&index: &usize| Channel {
            index,
            squares: FADES.map(LeastSquares::new),
            off: [1.0; 2],
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

    /// The samples of the pixel at `at`, channel for channel.
    fn samples(
        &mut self,
        coder: &mut impl BitCoder,
        canvas: &mut Canvas,
        before: Option<&Canvas>,
        at: usize,
    ) {
        let (stride, c) = (canvas.stride(), usize::from(self.shape.channels));
        let before = before.map(Canvas::samples);
        let most = (1_i32 << self.shape.bits) - 1;
        // Differences of deep samples in contexts are coarser.
        let deep = (self.shape.bits - 8) / 2;
        let signed = |value: i32| signed(value >> deep);
        let first = at;
        let samples = canvas.samples_mut();
        for k in 0..self.channels.len() {
            let (done, rest) = self.channels.split_at_mut(k);
            let channel = &mut rest[0];
            let at = first + channel.index;
            let near = Near::new(|at| i32::from(samples[at]), at, stride, c);
            let centre = (near.w + near.n) / 2;
            let taps = taps(samples, before, first, stride, c, channel.index, done);
            let predictions = [0, 1].map(|i| channel.squares[i].predict(&taps.values));
            let share = channel.off[1] / (channel.off[0] + channel.off[1]);
            let square = predictions[0] * share + predictions[1] * (1.0 - share);

            // What the neighbourhood looks like.
            let Near { w, n, nw, ne, ww, nn } = near;
            let median = (w + n - nw).clamp(w.min(n), w.max(n));
            let error = |at: usize| i32::from(self.errors[at]);
            let off = Near::new(error, at, stride, c);
            let earlier = |back: usize| {
                k.checked_sub(back).and_then(|i| done.get(i)).map_or(0, |done| error(first + done.index))
            };
            let (e1, e2) = (earlier(1), earlier(2));
            let near_energy = 2 * off.w.unsigned_abs()
                + 2 * off.n.unsigned_abs()
                + off.nw.unsigned_abs()
                + off.ne.unsigned_abs();
            let energy = if k > 0 { near_energy + 3 * e1.unsigned_abs() } else { near_energy * 3 / 2 };
            let far_energy = energy + off.ww.unsigned_abs() + off.nn.unsigned_abs();
            let colour_energy = e1.unsigned_abs() + e2.unsigned_abs();
            let texture = (w - nw).unsigned_abs() + (n - ne).unsigned_abs();
            let relief = (w - ww).unsigned_abs() + (n - nn).unsigned_abs();
            let middle = class(energy) / 3;
            let coarse = middle / 2;

            // In eighths of a step; what was left of the mean in a context is added.
            let eighths = ((square.clamp(-1e6, 1e6) + centre as f32) * 8.0).round() as i32;
            let bias_at = (signed(eighths / 8 - median) * 8 + middle) * 9 + signed(off.w + off.n);
            let bias = &mut channel.bias[bias_at];
            let eighths = (eighths + bias.sum / (bias.count + 4)).clamp(0, most * 8);
            let predicted = (eighths + 4) >> 3;
            let fraction = ((eighths + 4) & 7) as usize;

            let cross = match done.last() {
                Some(last) => {
                    let at = first + last.index;
                    let get = |at: usize| i32::from(samples[at]);
                    (w + get(at) - get(at - c), n + get(at) - get(at - stride))
                }
                None => (w + ne - n, n + (w - nw) / 2),
            };
            let temporal = match before {
                None => class(texture).min(10) * 11 + class(relief).min(10),
                Some(before) => {
                    signed(i32::from(before[at]) - predicted) * 9 + signed(i32::from(before[at - c]) - w)
                }
            };
            let pair = |a: i32, b: i32| (signed(a) * 9 + signed(b)) * 4;
            let to = |value: i32| value - predicted;
            let disagreement = ((predictions[0] - predictions[1]) * 2.0).clamp(-1e6, 1e6) as i32;
            let contexts = [
                class(energy) * 4 + fraction / 2,
                (class(off.w.unsigned_abs()).min(5) * 6 + class(off.n.unsigned_abs()).min(5)) * 6
                    + class(off.ne.unsigned_abs()).min(5),
                signed(-to(median)) * 8 + middle,
                pair(e1, e2) + coarse,
                pair(off.w, off.n) + coarse,
                (predicted >> (self.shape.bits - 5)) as usize * 8 + middle,
                temporal,
                (predicted >> (self.shape.bits - 8)) as usize,
                pair(to(w), to(n)) + coarse,
                pair(to(nw), to(ne)) + coarse,
                pair(to(2 * w - ww), to(2 * n - nn)) + coarse,
                (signed(disagreement) * 8 + fraction) * 6 + middle.min(5),
                pair(to(cross.0), to(cross.1)) + coarse,
                class(far_energy) * 16 + class(colour_energy).min(15),
                class(texture).min(15) * 16 + class(relief).min(15),
                class(off.ne.unsigned_abs() + off.nw.unsigned_abs()).min(11) * 12
                    + class(off.ww.unsigned_abs() + off.nn.unsigned_abs()).min(11),
            ];
            let known = Known {
                contexts: contexts.map(|context| context * 4 + k),
                sets: [middle, class(colour_energy).min(7), class(texture + relief).min(15) / 2]
                    .map(|set| k * 8 + set),
            };
            let own = i32::from(samples[at]);
            let difference = self.residuals.code(coder, own - predicted, &known);
            // A damaged stream may lead outside; digests show that.
            let own = (predicted + difference).clamp(0, most);
            samples[at] = own as u16;
            self.errors[at] = (own - predicted).clamp(-32_767, 32_767) as i16;
            bias.learn(own * 8 - eighths);
            let target = (own - centre) as f32;
            for ((off, square), prediction) in
                channel.off.iter_mut().zip(&mut channel.squares).zip(predictions)
            {
                *off = *off * 0.9 + (prediction - target).abs().min(1e4) + 1e-3;
                square.update(&taps.values, taps.count, target);
            }
        }
    }
}

impl Bias {
    fn learn(&mut self, left: i32) {
        self.sum += left.clamp(-4096, 4096);
        self.count += 1;
        if self.count > 64 {
            self.sum /= 2;
            self.count /= 2;
        }
    }
}

/// The neighbours that the prediction of a sample leans on, less what is near it, so that numbers stay small.
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
    let near = Near::new(get, at, stride, c);
    let centre = (near.w + near.n) / 2;
    let mut taps = Taps { values: [0.0; TAPS], count: 0 };
    let Near { w, n, nw, ne, ww, nn } = near;
    for value in [w, n, nw, ne, ww, nn, get(at - 2 * stride + c)] {
        taps.push(value - centre);
    }
    let is_alpha = |index: usize| c.is_multiple_of(2) && index + 1 == c;
    for other in done.iter().rev().filter(|other| !is_alpha(other.index)) {
        let at = first + other.index;
        let near = Near::new(get, at, stride, c);
        let centre = (near.w + near.n) / 2;
        for value in [get(at), near.w, near.n, near.nw, near.ne] {
            taps.push(value - centre);
        }
    }
    if let Some(before) = before {
        for at in [at, at - c, at + c, at - stride, at + stride] {
            taps.push(i32::from(before[at]) - centre);
        }
    }
    if !is_alpha(channel) && c >= 3 {
        for other in (0..3).filter(|&o| o != channel && done.iter().all(|done| done.index != o)) {
            let at = first + other;
            taps.push(get(at - c) - get(at - stride));
            taps.push(get(at - stride + c) - get(at - stride));
        }
    }
    taps
}

/// The pixels around the one at `at`.
fn around(samples: &[u16], before: Option<&[u16]>, at: usize, stride: usize, c: usize) -> Around {
    let get = |at: usize| pixel(samples, at, c);
    Around {
        w: get(at - c),
        n: get(at - stride),
        nw: get(at - stride - c),
        ne: get(at - stride + c),
        ww: get(at - 2 * c),
        nn: get(at - 2 * stride),
        before: before.map_or([0; 5], |before| {
            [at, at + c, at + stride, at - c, at - stride].map(|at| pixel(before, at, c))
        }),
    }
}

/// The pixel at `at` as one number.
fn pixel(samples: &[u16], at: usize, channels: usize) -> Pixel {
    samples[at..at + channels].iter().rev().fold(0, |pixel, sample| pixel << 16 | Pixel::from(*sample))
}
