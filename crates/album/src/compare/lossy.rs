//! Codecs for single images at the quality of an album: the coarsest setting whose mean SSIMULACRA2 is good
//! enough.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use lab_codec::{Context, Error, Result};
use rayon::prelude::*;

use super::tool;
use crate::kind::{self, Kind};
use crate::pixels::Shape;
use crate::score;
use crate::search::Search;

/// An encoder with a `{quality}` or a `{level}`, and its decoder to PNG.
pub(super) struct Tool {
    /// Its name in the comparison.
    pub name: &'static str,
    encode: &'static [&'static str],
    decode: &'static [&'static str],
    /// Extension of encoded files.
    extension: &'static str,
    /// The coarsest level. Quality counts the other way: `coarsest - level`.
    coarsest: u32,
}

/// The programs.
pub(super) const TOOLS: [Tool; 3] = [
    Tool {
        name: "AVIF at target",
        encode: &[
            "avifenc",
            "-s",
            "6",
            "--min",
            "0",
            "--max",
            "63",
            "-a",
            "end-usage=q",
            "-a",
            "cq-level={level}",
            "{in}",
            "{out}",
        ],
        decode: &["avifdec", "{in}", "{out}"],
        extension: "avif",
        coarsest: 63,
    },
    Tool {
        name: "JPEG XL at target",
        encode: &["cjxl", "--quiet", "-e", "7", "-q", "{quality}", "{in}", "{out}"],
        decode: &["djxl", "--quiet", "{in}", "{out}"],
        extension: "jxl",
        coarsest: 100,
    },
    Tool {
        name: "WebP at target",
        encode: &["cwebp", "-quiet", "-m", "6", "-q", "{quality}", "{in}", "-o", "{out}"],
        decode: &["dwebp", "-quiet", "{in}", "-o", "{out}"],
        extension: "webp",
        coarsest: 100,
    },
];

/// Pictures on which a level is sought, spread evenly over all.
const SAMPLE: usize = 4;

/// Bytes of all `pngs` by `tool`, at the coarsest level whose mean score on a sample reaches `target`.
/// Encoded files go beside the PNGs. `None` where the program is missing, or where no level reaches the
/// target.
///
/// # Errors
/// I/O errors, cancellation.
pub(super) fn bytes(tool: &Tool, pngs: &[&Path], target: f64, cx: &Context) -> Result<Option<u64>> {
    let step = pngs.len().div_ceil(SAMPLE).max(1);
    let sample: Vec<&Path> = pngs.iter().copied().step_by(step).collect();
    let mut search = Search::new((0, tool.coarsest), tool.coarsest / 2);
    while let Some(level) = search.next() {
        let scores = sample.par_iter().map(|png| trial(tool, png, level, cx));
        let Some(scores) = scores.collect::<Result<Option<Vec<f64>>>>()? else { return Ok(None) };
        search.note(level, scores.iter().sum::<f64>() / scores.len().max(1) as f64 - target);
    }
    let Some(level) = search.found() else { return Ok(None) };
    let sizes = pngs.par_iter().map(|png| {
        cx.check()?;
        let out = png.with_extension(tool.extension);
        tool::output_size(&tool.argv(tool.encode, png, &out, level), &out, cx)
    });
    Ok(sizes.collect::<Result<Option<Vec<u64>>>>()?.map(|sizes| sizes.iter().sum()))
}

impl Tool {
    fn argv(&self, words: &[&str], input: &Path, out: &Path, level: u32) -> Vec<OsString> {
        tool::argv(words, input, out, &[("{level}", level), ("{quality}", self.coarsest - level)])
    }
}

/// The score of a picture that was coded and decoded; `None` where a program is missing or fails.
fn trial(tool: &Tool, png: &Path, level: u32, cx: &Context) -> Result<Option<f64>> {
    let (coded, back) = (png.with_extension(tool.extension), png.with_extension("back.png"));
    if !tool::run(&tool.argv(tool.encode, png, &coded, level), &coded, cx)?
        || !tool::run(&tool.argv(tool.decode, &coded, &back, level), &back, cx)?
    {
        return Ok(None);
    }
    let [original, other] = [png, &back].map(|path| picture(path, cx));
    let (original, other) = (original?, other?);
    let (shape, samples) = original;
    if (other.0.width, other.0.height) != (shape.width, shape.height) {
        return Ok(None);
    }
    score::score(shape.width, shape.height, 3, &samples, &other.1).map(Some)
}

/// Red, green and blue of 8 bits.
fn picture(path: &Path, cx: &Context) -> Result<(Shape, Vec<u8>)> {
    let decoded = kind::decode(Kind::Png, &fs::read(path)?, cx)?;
    let shape = decoded.shape;
    if shape.bits > 8 {
        return Err(Error::unsupported("a picture of more than 8 bits has no score"));
    }
    let channels = usize::from(shape.channels);
    let samples = decoded.samples.chunks_exact(channels);
    let rgb = samples.flat_map(|pixel| (0..3).map(move |i| pixel[if channels >= 3 { i } else { 0 }]));
    Ok((shape, rgb.collect()))
}
