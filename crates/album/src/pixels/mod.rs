//! The native pixel coder: lossless, for photographs, screens and everything between.
//!
//! Pictures of one shape are coded one after the other, and each may be predicted from the one before. A
//! pixel costs one cheap binary decision where a context table, the picture before or a neighbour predicts
//! all of it. The samples of any other pixel are predicted by least squares that adapt from sample to sample
//! (after Ye and Hou, "A least-squares-based adaptive prediction", DCC 2003, and Wu, Barthel and Zhang,
//! "Piecewise 2D autoregression", ICIP 1998). Residuals become binary decisions, whose probabilities are
//! mixed from several contexts as in PAQ.

mod canvas;
mod guess;
mod model;
mod residual;
mod square;

use lab_codec::{Context, Result};
use lab_entropy::range::{Decoder, Encoder};

use serde::{Deserialize, Serialize};

use canvas::Canvas;
use model::Model;

/// Size, channels and depth of the pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Pixels in a row; at least 1.
    pub width: u32,
    /// Rows; at least 1.
    pub height: u32,
    /// Interleaved channels: 1 gray, 2 gray and alpha, 3 red, green and blue, 4 with alpha.
    pub channels: u8,
    /// Significant bits of a sample: 8 to 16.
    pub bits: u8,
}

impl Shape {
    /// Bytes per sample.
    pub fn sample_bytes(self) -> usize {
        if self.bits > 8 { 2 } else { 1 }
    }

    /// Bytes per picture.
    pub fn bytes(self) -> usize {
        self.width as usize * self.height as usize * usize::from(self.channels) * self.sample_bytes()
    }
}

/// How pictures are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Way {
    /// Guess whole pixels before their samples are coded: gains on screens and drawings.
    pub guess: bool,
    /// Predict each picture but the first from the one before.
    pub inter: bool,
}

/// Encodes pictures of one shape and appends the bytes to `out`.
///
/// # Errors
/// Cancellation.
pub fn encode(shape: Shape, way: Way, pictures: &[&[u8]], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
    let mut coder = Encoder::new(std::mem::take(out));
    let mut model = Model::new(shape, way);
    let mut before: Option<Canvas> = None;
    for bytes in pictures {
        let mut canvas = Canvas::from_bytes(shape, bytes);
        model.picture(&mut coder, &mut canvas, before.as_ref().filter(|_| way.inter), &mut |_| cx.check())?;
        before = Some(canvas);
    }
    *out = coder.finish();
    Ok(())
}

/// Decodes the first `wanted` of `count` pictures and calls `each` with the number and the bytes of each.
///
/// # Errors
/// [`Corrupt`](lab_codec::ErrorKind::Corrupt), [`Truncated`](lab_codec::ErrorKind::Truncated), cancellation,
/// and what `each` returns.
pub fn decode(
    shape: Shape,
    way: Way,
    count: usize,
    wanted: usize,
    input: &[u8],
    each: &mut dyn FnMut(usize, &[u8]) -> Result<()>,
    cx: &Context,
) -> Result<()> {
    let mut coder = Decoder::new(input);
    let mut model = Model::new(shape, way);
    let mut before: Option<Canvas> = None;
    let mut bytes = Vec::new();
    for number in 0..wanted.min(count) {
        let mut canvas = Canvas::new(shape);
        let check = &mut |coder: &Decoder<'_>| cx.check().and_then(|()| coder.check());
        model.picture(&mut coder, &mut canvas, before.as_ref().filter(|_| way.inter), check)?;
        bytes.clear();
        canvas.append_to(shape, &mut bytes);
        each(number, &bytes)?;
        before = Some(canvas);
    }
    if wanted >= count { coder.finish() } else { Ok(()) }
}
