//! `lab album pack`.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use lab_album::manifest::{Coding, Content, Mode};
use lab_album::video::Quality;
use lab_album::{Codec, Options, Summary, scan};
use lab_codec::{Error, Result};

use super::super::{App, note, options, report_json, table};
use super::{Effort, sheet, size_of};
use crate::progress;
use lab_stream::output::Output;

/// Pack a folder into an album
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab album pack PHOTOS                              every file comes back byte for byte
  lab album pack SCREENS --mode lossless-pixels      every pixel; PNGs are deflated anew
  lab album pack PHOTOS --mode visual --target 80    pictures that look the same (SSIMULACRA2)
  lab album pack PHOTOS --playable --seconds 3       with a slide show for any player")]
pub struct Args {
    /// The folder
    folder: PathBuf,
    /// The album [default: the folder's name with .mkv]
    #[arg(long, short, value_name = "OUT")]
    output: Option<PathBuf>,
    #[command(flatten)]
    how: How,
    /// Fail at a broken picture, or keep it as it is
    #[arg(long, value_name = "keep|fail", default_value = "keep")]
    broken: Broken,
    /// Add a slide show for ordinary players: H.264, 4:2:0, 8 bits, at most 1920x1080
    #[arg(long)]
    playable: bool,
    /// How long the slide show shows each picture
    #[arg(long, value_name = "N", default_value_t = 2.0, value_parser = seconds)]
    seconds: f64,
    /// Write a copy of the manifest to this file
    #[arg(long, value_name = "FILE")]
    sidecar: Option<PathBuf>,
    /// Write a contact sheet to this file: thumbnails before and after, sizes, scores
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    effort: Effort,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

/// How pictures are coded.
#[derive(clap::Args, Clone)]
pub struct How {
    /// What comes back: every file, every pixel, or what looks the same
    #[arg(long, value_enum, value_name = "MODE", default_value = "lossless-files")]
    pub mode: ModeName,
    /// By what; auto tries what works here
    #[arg(long, value_enum, value_name = "CODEC", default_value = "auto")]
    pub codec: CodecName,
    /// Quality in the encoder's own measure, instead of a search (visual)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=63))]
    pub crf: Option<u32>,
    /// A constant quantiser, instead of a search (visual)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=63))]
    pub qp: Option<u32>,
    /// The encoder's preset
    #[arg(long, value_name = "P")]
    pub preset: Option<String>,
    /// The mean SSIMULACRA2 of pictures (visual)
    #[arg(long, value_name = "SCORE", default_value_t = 80.0, value_parser = score)]
    pub target: f64,
    /// The least SSIMULACRA2 of any picture (visual) [default: 5 below the target]
    #[arg(long, value_name = "SCORE", value_parser = score)]
    pub floor: Option<f64>,
    /// The order of pictures within a group
    #[arg(long, value_enum, value_name = "ORDER", default_value = "similar")]
    pub order: Order,
}

#[derive(clap::ValueEnum, Clone, Copy)]
pub enum ModeName {
    LosslessFiles,
    LosslessPixels,
    Visual,
}

#[derive(clap::ValueEnum, Clone, Copy)]
pub enum CodecName {
    Auto,
    Native,
    Ffv1,
    Av1,
    H264,
    H265,
    Nvenc,
}

#[derive(clap::ValueEnum, Clone, Copy)]
pub enum Order {
    /// What looks alike stands together
    Similar,
    /// By name
    Name,
}

#[derive(clap::ValueEnum, Clone, Copy)]
enum Broken {
    Keep,
    Fail,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.04..=3600.0).contains(seconds));
    seconds.ok_or_else(|| "0.04 to 3600 seconds".to_string())
}

fn score(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|score| (0.0..=100.0).contains(score))
        .ok_or_else(|| "0 to 100".to_string())
}

impl How {
    pub fn options(&self) -> Options {
        Options {
            mode: match self.mode {
                ModeName::LosslessFiles => Mode::LosslessFiles,
                ModeName::LosslessPixels => Mode::LosslessPixels,
                ModeName::Visual => Mode::Visual,
            },
            codec: match self.codec {
                CodecName::Auto => Codec::Auto,
                CodecName::Native => Codec::Native,
                CodecName::Ffv1 => Codec::Ffv1,
                CodecName::Av1 => Codec::Av1,
                CodecName::H264 => Codec::H264,
                CodecName::H265 => Codec::H265,
                CodecName::Nvenc => Codec::Nvenc,
            },
            quality: Quality {
                crf: self.crf,
                qp: self.qp,
                target: self.target,
                floor: self.floor.unwrap_or(self.target - 5.0),
            },
            preset: self.preset.clone(),
            broken_fails: false,
            by_name: matches!(self.order, Order::Name),
            playable: None,
        }
    }
}

#[derive(serde::Serialize)]
pub struct Report {
    mode: &'static str,
    input_bytes: u64,
    pub output_bytes: u64,
    ratio: Option<f64>,
    seconds: f64,
    files: usize,
    pictures: usize,
    /// Files by where their content is.
    stored: usize,
    same: usize,
    coded: usize,
    video: usize,
    groups: usize,
    manifest_bytes: u64,
    slide_show_bytes: u64,
    /// The least and the mean score of pictures that come back otherwise.
    least_score: Option<f64>,
    mean_score: Option<f64>,
    broken: BTreeMap<String, String>,
    left_out: Vec<String>,
    notes: Vec<String>,
}

pub fn run(args: &Args, app: &App) -> Result<()> {
    let start = Instant::now();
    let options = Options {
        broken_fails: matches!(args.broken, Broken::Fail),
        playable: args.playable.then_some((args.seconds * 1000.0).round() as u32),
        ..args.how.options()
    };
    options.check()?;
    let path = match &args.output {
        Some(path) => path.clone(),
        None => default_output(&args.folder)?,
    };
    let observer = progress::bar("pack", Some(2 * total(&args.folder, args, app)?), args.talk.quiet);
    let cx = args.effort.context(app, observer);
    let mut output = Output::open(&path, args.write.force)?;
    let Some(parent) = output.temporary().and_then(Path::parent).map(Path::to_path_buf) else {
        return Err(Error::usage("an album is a file; it cannot be written to a pipe or a device"));
    };
    let scratch = if parent.as_os_str().is_empty() { PathBuf::from(".") } else { parent };
    let cx = cx.with_scratch(&scratch);
    let mut sidecar = args.sidecar.as_deref().map(|path| Output::open(path, args.write.force)).transpose()?;
    let mut html = args.html.as_deref().map(|path| Output::open(path, args.write.force)).transpose()?;
    let mut sink = BufWriter::new(output.sink()?);
    let summary = args.effort.run(|| lab_album::pack(&args.folder, &options, &scratch, &mut sink, &cx))?;
    sink.flush()?;
    drop(sink);
    output.commit()?;
    if let Some(mut sidecar) = sidecar.take() {
        sidecar.sink()?.write_all(&summary.manifest_bytes)?;
        sidecar.commit()?;
    }
    if let Some(mut html) = html.take() {
        let mut sink = BufWriter::new(html.sink()?);
        args.effort.run(|| sheet::write(&path, None, Some(&args.folder), &mut sink, &cx))?;
        sink.flush()?;
        drop(sink);
        html.commit()?;
    }
    let report = report(&summary, size_of(&path)?, start.elapsed().as_secs_f64());
    drop(cx);
    if args.talk.json {
        return report_json(&report, false);
    }
    speak(&report, args.talk.quiet);
    Ok(())
}

fn total(folder: &Path, args: &Args, app: &App) -> Result<u64> {
    let cx = args.effort.context(app, progress::bar("", None, true));
    Ok(scan::scan(folder, &cx)?.files.iter().map(|file| file.bytes).sum())
}

fn default_output(folder: &Path) -> Result<PathBuf> {
    let name = folder.file_name().ok_or_else(|| Error::usage("name the album with -o OUT"))?;
    let mut name = name.to_os_string();
    name.push(".mkv");
    Ok(folder.with_file_name(name))
}

pub fn report(summary: &Summary, output_bytes: u64, seconds: f64) -> Report {
    let manifest = &summary.manifest;
    let input_bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    let count =
        |is: &dyn Fn(&Content) -> bool| manifest.files.iter().filter(|file| is(&file.content)).count();
    let is_video = |content: &Content| match content {
        Content::Coded { group, .. } => !matches!(manifest.groups[*group as usize].coding, Coding::Data),
        _ => false,
    };
    let scores: Vec<f64> = manifest
        .files
        .iter()
        .filter_map(|file| file.picture.as_ref()?.score)
        .map(|score| f64::from(score) / 100.0)
        .collect();
    Report {
        mode: mode_name(manifest.mode),
        input_bytes,
        output_bytes,
        ratio: (input_bytes > 0).then(|| input_bytes as f64 / output_bytes as f64),
        seconds,
        files: manifest.files.len(),
        pictures: manifest.files.iter().filter(|file| file.picture.is_some()).count(),
        stored: count(&|content| matches!(content, Content::Stored { .. })),
        same: count(&|content| matches!(content, Content::Same { .. })),
        coded: count(&|content| matches!(content, Content::Coded { .. }) && !is_video(content)),
        video: count(&is_video),
        groups: manifest.groups.len(),
        manifest_bytes: summary.manifest_bytes.len() as u64,
        slide_show_bytes: summary.slides_bytes,
        least_score: scores.iter().copied().reduce(f64::min),
        mean_score: (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64),
        broken: summary.broken.iter().map(|(path, why)| (scan::text(path), why.clone())).collect(),
        left_out: summary.others.iter().map(|path| scan::text(path)).collect(),
        notes: summary.notes.clone(),
    }
}

pub fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::LosslessFiles => "lossless-files",
        Mode::LosslessPixels => "lossless-pixels",
        Mode::Visual => "visual",
    }
}

fn speak(report: &Report, quiet: bool) {
    for (path, why) in &report.broken {
        note(&format!("{path}: {why}; kept as it is"), quiet);
    }
    for path in &report.left_out {
        note(&format!("{path}: neither a file nor a folder; left out"), quiet);
    }
    for text in &report.notes {
        note(text, quiet);
    }
    let score = match (report.mean_score, report.least_score) {
        (Some(mean), Some(least)) => format!("; SSIMULACRA2 {mean:.1}, least {least:.1}"),
        _ => String::new(),
    };
    note(
        &format!(
            "{} -> {} bytes, ratio {}; {} files, {} of them pictures: {} coded, {} as video, {} kept, {} the same as others{score}",
            table::count(report.input_bytes),
            table::count(report.output_bytes),
            table::ratio(report.input_bytes, report.output_bytes),
            table::count(report.files as u64),
            table::count(report.pictures as u64),
            report.coded,
            report.video,
            report.stored,
            report.same,
        ),
        quiet,
    );
}
