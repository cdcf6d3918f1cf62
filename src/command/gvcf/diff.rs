//! `lab gvcf diff`.

use std::path::PathBuf;

use lab_codec::{Error, Result};
use lab_gvcf::frame::Picture;
use lab_media::{Frame, PixelFormat};

use super::super::{App, options, print, print_json};
use super::Source;
use super::pictures::write_png;

/// Compare two frames: PSNR, changed blocks, and a picture of them
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab gvcf diff 10 11 --repo clip.git
  lab gvcf diff 10 11 --repo clip.git -o changed.png   changed blocks bright and framed, the rest dark
  lab gvcf diff 10 11 --repo clip.git --json | jq .psnr")]
pub struct Args {
    /// The first frame's number
    #[arg(value_name = "N")]
    first: u32,
    /// The second frame's number
    #[arg(value_name = "M")]
    second: u32,
    #[command(flatten)]
    source: Source,
    /// A PNG file of the second frame with the changed blocks marked
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

/// Pixels across a block.
const BLOCK: usize = lab_gvcf::bands::BLOCK;

#[derive(serde::Serialize)]
struct Report {
    /// Peak signal-to-noise ratio in decibels over all channels; none where the frames are equal.
    psnr: Option<f64>,
    changed_pixels: u64,
    pixels: u64,
    changed_blocks: usize,
    blocks: usize,
    largest_difference: u8,
}

pub fn run(args: &Args, app: &App) -> Result<()> {
    let cx = super::context(app, 4 << 30, crate::progress::bar("diff", None, true));
    let mut repository = args.source.open(&cx)?;
    let first = repository.verified(args.first)?;
    let second = repository.verified(args.second)?;
    if first.shape() != second.shape() {
        let (a, b) = (first.shape(), second.shape());
        return Err(Error::unsupported(format!("frames of {a} and {b} cannot be compared")));
    }
    let (report, changed) = compare(&first, &second);
    if let Some(path) = &args.output {
        write_png(&marked(&second, &changed)?, path, args.write.force)?;
    }
    if args.talk.json {
        return print_json(&report);
    }
    let psnr = report.psnr.map_or_else(|| "equal".to_string(), |psnr| format!("PSNR {psnr:.2} dB"));
    print(&format!(
        "{psnr}, {} of {} pixels and {} of {} blocks changed, by {} at most\n",
        report.changed_pixels, report.pixels, report.changed_blocks, report.blocks, report.largest_difference,
    ))
}

/// The figures, and which blocks changed, by rows of blocks.
fn compare(first: &Picture, second: &Picture) -> (Report, Vec<bool>) {
    let shape = first.shape();
    let (width, channels) = (shape.width as usize, shape.channels as usize);
    let across = width.div_ceil(BLOCK);
    let mut changed = vec![false; across * (shape.height as usize).div_ceil(BLOCK)];
    let (mut squares, mut pixels, mut largest) = (0_u64, 0, 0);
    let pairs = first.pixels().chunks_exact(channels).zip(second.pixels().chunks_exact(channels));
    for (i, (a, b)) in pairs.enumerate().filter(|(_, (a, b))| a != b) {
        changed[i / width / BLOCK * across + i % width / BLOCK] = true;
        pixels += 1;
        for difference in a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)) {
            squares += u64::from(difference).pow(2);
            largest = largest.max(difference);
        }
    }
    let samples = first.pixels().len() as f64;
    let report = Report {
        psnr: (squares > 0).then(|| 10.0 * (255.0 * 255.0 * samples / squares as f64).log10()),
        changed_pixels: pixels,
        pixels: u64::from(shape.width) * u64::from(shape.height),
        changed_blocks: changed.iter().filter(|changed| **changed).count(),
        blocks: changed.len(),
        largest_difference: largest,
    };
    (report, changed)
}

/// The picture with its changed blocks as they are in a red frame, and the rest at a third of its light.
fn marked(picture: &Picture, changed: &[bool]) -> Result<Frame> {
    const RED: [u8; 3] = [255, 40, 40];
    let shape = picture.shape();
    let (width, height) = (shape.width as usize, shape.height as usize);
    let channels = shape.channels as usize;
    let across = width.div_ceil(BLOCK);
    let is_changed = |x: usize, y: usize| changed[y / BLOCK * across + x / BLOCK];
    let mut out = Vec::with_capacity(3 * width * height);
    for (i, pixel) in picture.pixels().chunks_exact(channels).enumerate() {
        let (x, y) = (i % width, i / width);
        let rgb: [u8; 3] = std::array::from_fn(|c| pixel[if channels == 1 { 0 } else { c }]);
        // The frame runs where a changed block meets one that is not, or the edge of the picture.
        let neighbours = [
            (x % BLOCK == 0).then(|| x.checked_sub(1).map(|x| (x, y))),
            (y % BLOCK == 0).then(|| y.checked_sub(1).map(|y| (x, y))),
            (x % BLOCK == BLOCK - 1 || x + 1 == width).then(|| (x + 1 < width).then_some((x + 1, y))),
            (y % BLOCK == BLOCK - 1 || y + 1 == height).then(|| (y + 1 < height).then_some((x, y + 1))),
        ];
        let edge = neighbours.into_iter().flatten().any(|next| next.is_none_or(|(x, y)| !is_changed(x, y)));
        out.extend(match (is_changed(x, y), edge) {
            (true, true) => RED,
            (true, false) => rgb,
            (false, _) => rgb.map(|c| c / 3),
        });
    }
    let shape = lab_media::Shape { width: shape.width, height: shape.height, format: PixelFormat::Rgb24 };
    Frame::from_data(shape, out).ok_or_else(|| Error::corrupt("a picture of another size"))
}
