//! Pictures of a group, or pieces of a few of them, coded at one level, and the scores of what comes back.

use lab_codec::{Error, Result};
use lab_media::colour::Range;
use lab_media::ffmpeg::{EncodeOptions, Encoder};
use lab_media::{Colour, Frame, PixelFormat};
use rayon::prelude::*;

use super::Lossy;
use super::coded::Coded;
use crate::kind::{self, Decoded};
use crate::manifest::SEGMENT_PICTURES;
use crate::pixels::Shape;
use crate::work::Work;
use crate::{colour, score};

/// Pictures that ways are tried on, at least and at most, and the pixels in between: two runs of
/// neighbours, so that it shows what one picture tells about the next.
const SAMPLE: (usize, usize) = (4, 16);
const PIXELS: usize = 4_000_000;
/// Longest sides of the pieces that are tried, from the middle of the pictures.
const PIECE: (u32, u32) = (1280, 1024);

/// Pictures of one shape, or pieces of them.
pub(super) struct Pictures {
    /// The shape of the pieces.
    pub shape: Shape,
    /// Where they begin.
    from: (u32, u32),
    pub files: Vec<usize>,
}

impl Pictures {
    /// All of every picture.
    pub(super) fn whole(shape: Shape, files: &[usize]) -> Self {
        Self { shape, from: (0, 0), files: files.to_vec() }
    }

    /// Pieces of a few.
    pub(super) fn sample(shape: Shape, files: &[usize]) -> Self {
        let (width, height) = (shape.width.min(PIECE.0), shape.height.min(PIECE.1));
        let from = ((shape.width - width) / 2, (shape.height - height) / 2);
        let most = (PIXELS / (width as usize * height as usize)).clamp(SAMPLE.0, SAMPLE.1);
        let few = if files.len() <= most {
            files.to_vec()
        } else {
            let half = most / 2;
            let gap = (files.len() - 2 * half) / 3;
            [gap, gap + half + gap].iter().flat_map(|at| &files[*at..at + half]).copied().collect()
        };
        Self { shape: Shape { width, height, ..shape }, from, files: few }
    }

    /// A picture, or a piece of it.
    pub(super) fn decode(&self, work: &Work<'_>, number: usize) -> Result<Decoded> {
        let file = self.files[number];
        let bytes = work.read(file)?;
        let kind = work.surveyed[file].kind.ok_or_else(|| Error::corrupt("a picture is none any more"))?;
        let mut decoded = kind::decode(kind, &bytes, work.cx)?;
        let (Shape { width, height, .. }, channels) = (decoded.shape, usize::from(decoded.shape.channels));
        if (width, height) != (self.shape.width, self.shape.height) {
            let (left, across) = (self.from.0 as usize * channels, self.shape.width as usize * channels);
            let rows = decoded.samples.chunks_exact(width as usize * channels);
            let rows = rows.skip(self.from.1 as usize).take(self.shape.height as usize);
            decoded.samples = rows.flat_map(|row| &row[left..left + across]).copied().collect();
            (decoded.shape.width, decoded.shape.height) = (self.shape.width, self.shape.height);
        }
        Ok(decoded)
    }
}

/// A trial of one level.
pub(super) struct Trial {
    pub coded: Coded,
    pub scores: Vec<f64>,
}

impl Trial {
    pub(super) fn mean(&self) -> f64 {
        self.scores.iter().sum::<f64>() / self.scores.len().max(1) as f64
    }
}

/// Codes pictures at a level, and scores what comes back.
pub(super) fn trial(work: &Work<'_>, lossy: Lossy, level: u32, pictures: &Pictures) -> Result<Trial> {
    let options = lossy.options(&work.options.quality, level, work.options.preset.as_deref());
    let Pictures { shape, files, .. } = pictures;
    let frame_shape = lab_media::Shape {
        width: shape.width.next_multiple_of(2),
        height: shape.height.next_multiple_of(2),
        format: lossy.format,
    };
    let mut numbers = 0..files.len();
    let parts = std::iter::repeat(SEGMENT_PICTURES);
    let coded = Coded::encode(
        frame_shape,
        colour::tags(Range::Full),
        &options,
        parts,
        &mut || {
            let Some(number) = numbers.next() else { return Ok(None) };
            let decoded = pictures.decode(work, number)?;
            let Shape { width, height, channels, .. } = decoded.shape;
            let samples = &decoded.samples;
            Ok(Some(colour::to_yuv(width, height, channels.into(), samples, lossy.format, Range::Full)))
        },
        work.cx,
    )?;
    // A picture that does not come back has no score, and is not good enough.
    let mut scores = vec![f64::NEG_INFINITY; files.len()];
    let mut frames: Vec<(usize, Frame)> = Vec::new();
    let mut look = |frames: &mut Vec<(usize, Frame)>| -> Result<()> {
        let done = frames
            .par_drain(..)
            .map(|(number, frame)| Ok((number, score_of(work, pictures, number, &frame)?)));
        for (number, score) in done.collect::<Result<Vec<_>>>()? {
            scores[number] = score;
        }
        Ok(())
    };
    coded.decode(lossy.format, &mut |number, frame| {
        if number < files.len() {
            frames.push((number, frame));
        }
        if frames.len() < rayon::current_num_threads() { Ok(()) } else { look(&mut frames) }
    })?;
    look(&mut frames)?;
    Ok(Trial { coded, scores })
}

/// The score of a frame against the picture that it was.
fn score_of(work: &Work<'_>, pictures: &Pictures, number: usize, frame: &Frame) -> Result<f64> {
    let decoded = pictures.decode(work, number)?;
    let Shape { width, height, channels, .. } = decoded.shape;
    let channels = if channels >= 3 { 3 } else { 1 };
    let back = colour::from_yuv(frame, width, height, channels, Range::Full);
    score::score(width, height, channels, &without_alpha(&decoded), &back)
}

/// The alpha of pictures, losslessly.
pub(super) fn alpha(work: &Work<'_>, pictures: &Pictures) -> Result<Coded> {
    let mut options = EncodeOptions::new(Encoder::Ffv1, "matroska");
    options.arguments = ["-level", "3", "-g", "1"].map(str::to_string).to_vec();
    let Shape { width, height, channels, .. } = pictures.shape;
    let frame_shape = lab_media::Shape { width, height, format: PixelFormat::Gray8 };
    let mut numbers = 0..pictures.files.len();
    let channels = usize::from(channels);
    Coded::encode(
        frame_shape,
        Colour::default(),
        &options,
        [pictures.files.len()],
        &mut || {
            let Some(number) = numbers.next() else { return Ok(None) };
            let decoded = pictures.decode(work, number)?;
            let alpha = decoded.samples.chunks_exact(channels).map(|pixel| pixel[channels - 1]).collect();
            Ok(Frame::from_data(frame_shape, alpha))
        },
        work.cx,
    )
}

/// Red, green and blue, or gray.
fn without_alpha(decoded: &Decoded) -> Vec<u8> {
    let channels = usize::from(decoded.shape.channels);
    if channels % 2 == 1 {
        return decoded.samples.clone();
    }
    decoded.samples.chunks_exact(channels).flat_map(|pixel| &pixel[..channels - 1]).copied().collect()
}
