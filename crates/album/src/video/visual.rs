//! Pictures that look the same. How to code a group, and how coarsely, is tried on pieces of a few of its
//! pictures; then the whole group is coded at the coarsest level with the wanted mean SSIMULACRA2. Pictures
//! below the floor are coded once more, better; what no level makes good enough, or what takes fewer bytes
//! that way, is left to the lossless coders.

use std::collections::BTreeMap;

use lab_codec::{Error, ErrorKind, Result};

use super::Lossy;
use super::coded::Coded;
use super::trial::{Pictures, Trial, alpha, trial};
use crate::blocks::{self, Try};
use crate::manifest::{Coding, Group};
use crate::pixels::Shape;
use crate::score;
use crate::search::Search;
use crate::work::{Visual, Work};

/// Levels that are tried for each way, at most, and how near to what is wanted is near enough.
const TRIALS: usize = 3;
const NEAR: f64 = 0.7;
/// A candidate codec is dropped when its sample takes more than this times the bytes of the best.
const MAX_RATIO_TO_BEST: f64 = 1.3;
/// Candidates within this ratio of the best sample are too close to call: the sample of `burst-chess` was
/// wrong by 3 %. Up to `MAX_RIVALS` of them are coded on the whole group.
const RIVAL_RATIO: f64 = 1.1;
const MAX_RIVALS: usize = 2;
/// Maximum rounds of coding pictures below the floor again.
const MAX_FLOOR_ROUNDS: usize = 4;
/// If a picture alone takes less than this times its lossy bytes without loss, the whole group is coded
/// without loss as well: neighbours may make that smaller.
const LOSSLESS_RATIO: f64 = 5.0;
/// How bytes grow with the score, as a part of them for each point, until two trials tell.
const GROWTH: f64 = 0.045;

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
        let takes = |lossy: &&Lossy| lossy.takes(shape) && (files.len() > 1 || lossy.intra);
        let candidates: Vec<Lossy> = candidates.iter().filter(takes).copied().collect();
        let files = work.order(files);
        match group(work, shape, &files, &candidates) {
            // An encoder that refuses these pictures is no reason to lose the album: they are kept
            // losslessly.
            Err(e) if refuses(&e) => {
                work.notes.push(format!("{}x{}: kept losslessly: {e}", shape.width, shape.height));
            }
            other => other?,
        }
    }
    Ok(())
}

/// Whether an error is that of an encoder that does not take these pictures.
fn refuses(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Tool | ErrorKind::Unsupported)
}

/// How a group is coded.
#[derive(Debug, Clone, Copy)]
struct Choice {
    lossy: Lossy,
    level: u32,
    /// Bytes that the sample takes.
    bytes: f64,
}

/// Codes the pictures of one group.
fn group(work: &mut Work<'_>, shape: Shape, files: &[usize], candidates: &[Lossy]) -> Result<()> {
    let quality = work.options.quality;
    let whole = Pictures::whole(shape, files);
    if let Some(level) = quality.crf.or(quality.qp) {
        // Levels of two ways are not alike, so that there is nothing to compare.
        let Some(lossy) = candidates.first() else { return Ok(()) };
        let done = trial(work, *lossy, level, &whole)?;
        return keep(work, *lossy, &whole, done);
    }
    let sample = Pictures::sample(shape, files);
    let mut choices: Vec<Choice> = Vec::new();
    for lossy in candidates {
        let least = choices.iter().map(|choice| choice.bytes).reduce(f64::min);
        match choose(work, *lossy, &sample, least) {
            Err(e) if refuses(&e) => {
                work.notes.push(format!("{} of {}x{}: {e}", lossy.encoder.word(), shape.width, shape.height));
            }
            other => choices.extend(other?),
        }
    }
    choices.sort_by(|a, b| a.bytes.total_cmp(&b.bytes));
    let near =
        choices.iter().take(MAX_RIVALS).take_while(|choice| choice.bytes <= RIVAL_RATIO * choices[0].bytes);
    let mut best: Option<(u64, Choice, u32, Trial)> = None;
    for choice in near {
        let Some((level, done)) = coarsest(work, *choice, &whole)? else { continue };
        let bytes = done.coded.bytes()?;
        if best.as_ref().is_none_or(|(least, ..)| bytes < *least) {
            best = Some((bytes, *choice, level, done));
        }
    }
    let Some((bytes, choice, level, done)) = best else { return Ok(()) };
    if smaller_without_loss(work, &sample, choice, &whole, bytes)? {
        return Ok(());
    }
    keep_good(work, choice.lossy, level, whole, done)
}

/// Tries a way on a sample: the level that is about good enough, and what it takes there. `None` where the
/// finest level is not good enough, or where the first trials show that it takes far more than `least`.
fn choose(work: &Work<'_>, lossy: Lossy, sample: &Pictures, least: Option<f64>) -> Result<Option<Choice>> {
    let target = work.options.quality.target;
    let mut search = Search::new(lossy.range, lossy.start(target));
    let mut tried: Vec<(f64, u32, f64)> = Vec::new();
    while let Some(level) = search.next().filter(|_| tried.len() < TRIALS) {
        let done = trial(work, lossy, level, sample)?;
        let margin = done.mean() - target;
        search.note(level, margin);
        tried.push((margin, level, done.coded.bytes()? as f64));
        // From the nearest trial on, along the line through it and the next one.
        tried.sort_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
        let (near, bytes) = (tried[0].0, bytes_at_target(&tried));
        if near.abs() < NEAR || least.is_some_and(|least| bytes > MAX_RATIO_TO_BEST * least) {
            break;
        }
    }
    let Some(&(margin, level, _)) = tried.first() else { return Ok(None) };
    if !margin.is_finite() || (level == lossy.range.0 && margin < -NEAR) {
        return Ok(None);
    }
    let level = (f64::from(level) + margin / search.fall()).floor().max(0.0) as u32;
    Ok(Some(Choice { lossy, level, bytes: bytes_at_target(&tried) }))
}

/// Bytes at the target, along the line through the two trials nearest to it: margins, levels and bytes.
fn bytes_at_target(tried: &[(f64, u32, f64)]) -> f64 {
    let growth = match tried {
        [a, b, ..] if b.0.is_finite() && a.0 != b.0 => ((a.2 / b.2).ln() / (a.0 - b.0)).clamp(0.0, 0.2),
        _ => GROWTH,
    };
    tried.first().map_or(f64::INFINITY, |(margin, _, bytes)| bytes * (-margin * growth).exp())
}

/// Codes pictures at the coarsest level whose mean score is good enough. `None` where there is none.
fn coarsest(work: &Work<'_>, choice: Choice, pictures: &Pictures) -> Result<Option<(u32, Trial)>> {
    let mut search = Search::new(choice.lossy.range, choice.level);
    let mut best = None;
    while let Some(level) = search.next() {
        let done = trial(work, choice.lossy, level, pictures)?;
        let margin = done.mean() - work.options.quality.target;
        search.note(level, margin);
        if search.found() == Some(level) {
            best = Some((level, done));
            // The next coarser one would not be good enough.
            if margin < search.fall() {
                break;
            }
        }
    }
    Ok(best)
}

/// Whether the lossless coders take no more bytes for pictures than `bytes`.
fn smaller_without_loss(
    work: &Work<'_>,
    sample: &Pictures,
    choice: Choice,
    whole: &Pictures,
    bytes: u64,
) -> Result<bool> {
    let first = sample.files[0];
    if work.surveyed[first].picture.as_ref().is_some_and(|shown| shown.apart.is_some()) {
        let decoded = sample.decode(work, 0)?;
        let alone = blocks::pack_samples(decoded.shape, &[&decoded.samples], Try::Native, work.cx)?.len();
        if alone as f64 * sample.files.len() as f64 > LOSSLESS_RATIO * choice.bytes {
            return Ok(false);
        }
    }
    Ok(work.lossless_bytes(&whole.files)? <= bytes)
}

/// Puts the pictures that are above the floor into the album, and those that are not, coded better.
fn keep_good(work: &mut Work<'_>, lossy: Lossy, level: u32, pictures: Pictures, done: Trial) -> Result<()> {
    let floor = work.options.quality.floor;
    let (mut level, mut pictures, mut done) = (level, pictures, done);
    for _ in 0..MAX_FLOOR_ROUNDS {
        let (mut low, mut left) = (Vec::new(), Vec::new());
        // The track holds what is kept and nothing else; coded again, another picture may fall below the
        // floor.
        while done.scores.iter().any(|score| *score < floor) {
            let scored = pictures.files.iter().copied().zip(done.scores.iter().copied());
            let (good, bad): (Vec<_>, Vec<_>) = scored.partition(|(_, score)| *score >= floor);
            left.extend(bad.iter().map(|(file, _)| *file));
            low.extend(bad.iter().map(|(_, score)| *score));
            pictures.files = good.into_iter().map(|(file, _)| file).collect();
            if pictures.files.is_empty() {
                break;
            }
            done = trial(work, lossy, level, &pictures)?;
        }
        if !pictures.files.is_empty() {
            keep(work, lossy, &pictures, done)?;
        }
        if left.is_empty() || level == lossy.range.0 {
            break;
        }
        // Fine enough for the half of them that is better.
        low.sort_by(|a, b| b.total_cmp(a));
        let short = (floor - low[low.len() / 2]).clamp(1.0, 20.0).ceil() as u32;
        level = level.saturating_sub(short).max(lossy.range.0);
        pictures.files = left;
        done = trial(work, lossy, level, &pictures)?;
    }
    Ok(())
}

/// Puts a track into the album, where it is smaller than the files.
fn keep(work: &mut Work<'_>, lossy: Lossy, pictures: &Pictures, done: Trial) -> Result<()> {
    let Pictures { shape, files, .. } = pictures;
    let alpha = if shape.channels.is_multiple_of(2) { Some(alpha(work, pictures)?) } else { None };
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
    for (number, score) in done.scores.iter().enumerate() {
        let decoded = pictures.decode(work, number)?;
        let metadata = decoded.metadata.map(|bytes| bytes.map(|bytes| work.blobs.put(&bytes)));
        let score = (score * 100.0).floor() as i32;
        work.visual.insert(files[number], Visual { score, metadata });
    }
    let group = work.groups.len() as u32;
    let coding = Coding::Video { track, alpha, format: lossy.format.name().to_string() };
    work.groups.push(Group { shape: *shape, coding, segments });
    work.place(group, 0, files.iter().copied());
    Ok(())
}
