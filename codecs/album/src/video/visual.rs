//! Pictures that look the same: the coarsest level whose SSIMULACRA2 is good enough, found on a sample, checked on all.
//! Pictures below the floor are coded once more, better; those that stay below it are left to the lossless coders.

use std::collections::BTreeMap;

use lab_codec::{ErrorKind, Result};
use lab_frames::colour::Range;
use lab_frames::ffmpeg::{EncodeOptions, Encoder};
use lab_frames::{Colour, Frame, PixelFormat};
use rayon::prelude::*;

use super::Lossy;
use super::coded::Coded;
use crate::kind::{self, Decoded};
use crate::manifest::{Coding, Group};
use crate::pack::{Visual, Work};
use crate::pixels::Shape;
use crate::search::coarsest;
use crate::{colour, score};

/// Pictures that a level is sought on, at most and at least, and their pixels where there are more than the least.
const SAMPLE: usize = 4;
const LEAST: usize = 2;
const PIXELS: usize = 8_000_000;
/// How often pictures below the floor are coded again.
const ROUNDS: usize = 3;
/// Steps down from the level that was found on the sample, until all pictures are good enough.
const STEPS: u32 = 4;

/// Codes what pictures it can.
pub(crate) fn visual(work: &mut Work<'_>) -> Result<()> {
    let mut groups: BTreeMap<Shape, Vec<usize>> = BTreeMap::new();
    for file in work.left() {
        let Some(shown) = &work.surveyed[file].picture else { continue };
        let small = shown.shape.width.min(shown.shape.height) < score::SHORTEST_SIDE;
        if shown.shape.bits == 8 && !small {
            // What is opaque needs no alpha.
            let channels =
                if shown.opaque { shown.shape.channels.div_ceil(2) * 2 - 1 } else { shown.shape.channels };
            groups.entry(Shape { channels, ..shown.shape }).or_default().push(file);
        }
    }
    if groups.is_empty() {
        return Ok(());
    }
    let candidates = Lossy::candidates(work.options.codec, &mut work.notes, work.cx)?;
    for (shape, files) in groups {
        let candidates: Vec<Lossy> = candidates.iter().copied().filter(|lossy| lossy.takes(shape)).collect();
        let mut files = work.order(files);
        for _ in 0..ROUNDS {
            if files.is_empty() || candidates.is_empty() {
                break;
            }
            match group(work, shape, &files, &candidates) {
                Ok(left) if left.len() == files.len() => break,
                Ok(left) => files = left,
                // An encoder that refuses these pictures is no reason to lose the album: they are kept losslessly.
                Err(e) if matches!(e.kind(), ErrorKind::Tool | ErrorKind::Unsupported) => {
                    work.notes.push(format!("{}x{}: kept losslessly: {e}", shape.width, shape.height));
                    break;
                }
                Err(e) => return Err(e),
            }
        }
    }
    Ok(())
}

/// A trial of one level.
struct Trial {
    coded: Coded,
    scores: Vec<f64>,
}

impl Trial {
    fn mean(&self) -> f64 {
        self.scores.iter().sum::<f64>() / self.scores.len().max(1) as f64
    }

    fn least(&self) -> f64 {
        self.scores.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

/// Codes the pictures of one group; those that are left.
fn group(work: &mut Work<'_>, shape: Shape, files: &[usize], candidates: &[Lossy]) -> Result<Vec<usize>> {
    let quality = work.options.quality;
    let asked = quality.crf.or(quality.qp);
    // Evenly from the whole group.
    let pixels = shape.width as usize * shape.height as usize;
    let step = files.len().div_ceil((PIXELS / pixels).clamp(LEAST, SAMPLE));
    let sample: Vec<usize> = files.iter().copied().step_by(step).collect();
    let mut best: Option<(u64, Lossy, u32)> = None;
    for lossy in candidates {
        let mut sizes: BTreeMap<u32, u64> = BTreeMap::new();
        let mut at = |level: u32| -> Result<f64> {
            let done = trial(work, *lossy, level, shape, &sample)?;
            sizes.insert(level, done.coded.bytes()?);
            Ok(done.mean())
        };
        let found = match asked {
            Some(level) if candidates.len() == 1 => return code(work, shape, files, *lossy, level),
            Some(level) => at(level).map(|_| Some(level))?,
            None => coarsest(lossy.range, |level| Ok(at(level)? >= quality.target))?,
        };
        let Some(level) = found else { continue };
        let bytes = sizes.get(&level).copied().unwrap_or(u64::MAX);
        if best.as_ref().is_none_or(|(least, ..)| bytes < *least) {
            best = Some((bytes, *lossy, level));
        }
    }
    let Some((_, lossy, level)) = best else { return Ok(files.to_vec()) };
    code(work, shape, files, lossy, level)
}

/// Codes all pictures of a group at a level, or at better ones where that is needed; those that are left.
fn code(
    work: &mut Work<'_>,
    shape: Shape,
    files: &[usize],
    lossy: Lossy,
    mut level: u32,
) -> Result<Vec<usize>> {
    let quality = work.options.quality;
    let asked = quality.crf.or(quality.qp);
    let mut done = trial(work, lossy, level, shape, files)?;
    let first = level;
    while asked.is_none() && done.mean() < quality.target && level > lossy.range.0 && first - level < STEPS {
        level -= 1;
        done = trial(work, lossy, level, shape, files)?;
    }
    let good = |score: f64| asked.is_some() || score >= quality.floor;
    let kept: Vec<usize> = (0..files.len()).filter(|i| good(done.scores[*i])).collect();
    if kept.is_empty() {
        return Ok(files.to_vec());
    }
    let left = (0..files.len()).filter(|i| !good(done.scores[*i])).map(|i| files[i]).collect();
    // The track holds what is kept, and nothing else.
    let kept: Vec<usize> = kept.into_iter().map(|i| files[i]).collect();
    while kept.len() < done.scores.len() || (asked.is_none() && done.least() < quality.floor) {
        done = trial(work, lossy, level, shape, &kept)?;
        if asked.is_some() || done.least() >= quality.floor || level == lossy.range.0 {
            break;
        }
        level -= 1;
    }
    if asked.is_none() && done.least() < quality.floor {
        return Ok(files.to_vec());
    }
    keep(work, lossy, shape, &kept, done)?;
    Ok(left)
}

/// Puts a track into the album, where it is smaller than the files.
fn keep(work: &mut Work<'_>, lossy: Lossy, shape: Shape, files: &[usize], done: Trial) -> Result<()> {
    let alpha = if shape.channels.is_multiple_of(2) { Some(alpha(work, shape, files)?) } else { None };
    let alpha_bytes = alpha.as_ref().map_or(Ok(0), Coded::bytes)?;
    let originals: u64 = files.iter().map(|file| work.found[*file].bytes).sum();
    if done.coded.bytes()? + alpha_bytes >= originals {
        return Ok(());
    }
    let default = work.options.playable.is_none();
    let (track, segments) = done.coded.spool(&mut work.spool, "pictures", default, work.options.step())?;
    let alpha = match alpha {
        Some(coded) => Some(coded.spool(&mut work.spool, "alpha", false, work.options.step())?.0),
        None => None,
    };
    for (file, score) in files.iter().zip(&done.scores) {
        let decoded = decode(work, *file)?;
        let metadata = decoded.metadata.map(|bytes| bytes.map(|bytes| work.blobs.put(&bytes)));
        let score = (score * 100.0).floor() as i32;
        work.visual.insert(*file, Visual { score, metadata });
    }
    let group = work.groups.len() as u32;
    let coding = Coding::Video { track, alpha, format: lossy.format.name().to_string() };
    work.groups.push(Group { shape, coding, segments });
    work.place(group, 0, files.iter().copied());
    Ok(())
}

/// Codes pictures at a level, and scores what comes back.
fn trial(work: &Work<'_>, lossy: Lossy, level: u32, shape: Shape, files: &[usize]) -> Result<Trial> {
    let options = lossy.options(&work.options.quality, level, work.options.preset.as_deref());
    let mut next = files.iter();
    let frame_shape = lab_frames::Shape {
        width: shape.width.next_multiple_of(2),
        height: shape.height.next_multiple_of(2),
        format: lossy.format,
    };
    let coded = Coded::encode(
        frame_shape,
        colour::tags(Range::Full),
        &options,
        &mut || {
            let Some(file) = next.next() else { return Ok(None) };
            let decoded = decode(work, *file)?;
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
        let done =
            frames.par_drain(..).map(|(number, frame)| Ok((number, score_of(work, files[number], &frame)?)));
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
fn score_of(work: &Work<'_>, file: usize, frame: &Frame) -> Result<f64> {
    let decoded = decode(work, file)?;
    let Shape { width, height, channels, .. } = decoded.shape;
    let channels = if channels >= 3 { 3 } else { 1 };
    let back = colour::from_yuv(frame, width, height, channels, Range::Full);
    score::score(width, height, channels, &without_alpha(&decoded), &back)
}

/// The alpha of pictures, losslessly.
fn alpha(work: &Work<'_>, shape: Shape, files: &[usize]) -> Result<Coded> {
    let mut options = EncodeOptions::new(Encoder::Ffv1, "matroska");
    options.arguments = ["-level", "3", "-g", "1"].map(str::to_string).to_vec();
    let frame_shape =
        lab_frames::Shape { width: shape.width, height: shape.height, format: PixelFormat::Gray8 };
    let mut next = files.iter();
    let channels = usize::from(shape.channels);
    Coded::encode(
        frame_shape,
        Colour::default(),
        &options,
        &mut || {
            let Some(file) = next.next() else { return Ok(None) };
            let decoded = decode(work, *file)?;
            let alpha = decoded.samples.chunks_exact(channels).map(|pixel| pixel[channels - 1]).collect();
            Ok(Frame::from_data(frame_shape, alpha))
        },
        work.cx,
    )
}

fn decode(work: &Work<'_>, file: usize) -> Result<Decoded> {
    let bytes = work.read(file)?;
    let kind =
        work.surveyed[file].kind.ok_or_else(|| lab_codec::Error::corrupt("a picture is none any more"))?;
    kind::decode(kind, &bytes, work.cx)
}

/// Red, green and blue, or gray.
fn without_alpha(decoded: &Decoded) -> Vec<u8> {
    let channels = usize::from(decoded.shape.channels);
    if channels % 2 == 1 {
        return decoded.samples.clone();
    }
    decoded.samples.chunks_exact(channels).flat_map(|pixel| &pixel[..channels - 1]).copied().collect()
}
