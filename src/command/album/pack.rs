//! `lab album pack`.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use lab_album::Quality;
use lab_album::manifest::Mode;
use lab_album::{Codec, Options, Report, scan};
use std::sync::Arc;

use lab_codec::{Error, Result, Silent};

use super::super::{App, note, options, report_json, table};
use super::{Input, in_pool, one_of, write_sheet};
use crate::progress;
use lab_stream::output::Output;

/// Pack a folder into an album
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab album pack PHOTOS                              restores every file byte for byte
  lab album pack SCREENS --mode lossless-pixels      restores every pixel; PNG files are recompressed
  lab album pack PHOTOS --mode visual --target 80    lossy, at a mean SSIMULACRA2 of 80
  lab album pack PHOTOS --playable --seconds 3       adds a slide show for any player")]
pub(super) struct Args {
    /// Folder with the files
    folder: PathBuf,
    /// The album [default: the folder's name with .mkv]
    #[arg(long, short, value_name = "OUT")]
    output: Option<PathBuf>,
    #[command(flatten)]
    how: How,
    /// Keep a broken picture as a file, or fail
    #[arg(long, value_name = "keep|fail", default_value = "keep")]
    broken: Broken,
    /// Add a slide show for ordinary players: H.264, 4:2:0, 8 bits, at most 1920x1080
    #[arg(long)]
    playable: bool,
    /// Seconds per picture in the slide show
    #[arg(long, value_name = "N", default_value_t = 2.0, value_parser = seconds)]
    seconds: f64,
    /// Write a copy of the manifest to this file
    #[arg(long, value_name = "FILE")]
    sidecar: Option<PathBuf>,
    /// Write a contact sheet to this file: thumbnails before and after, sizes, scores
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    effort: options::Effort,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

/// Options for coding pictures.
#[derive(clap::Args, Clone)]
pub(super) struct How {
    /// Fidelity: every byte of a file, every pixel, or a visual target
    #[arg(long, value_name = "MODE", default_value = "lossless-files", value_parser = one_of(&Mode::NAMED))]
    mode: Mode,
    /// Codec of the pictures; auto tries the available ones
    #[arg(long, value_name = "CODEC", default_value = "auto", value_parser = one_of(&Codec::NAMED))]
    codec: Codec,
    /// Fixed quality on the encoder's own scale, instead of a search for the target (visual)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=63))]
    crf: Option<u32>,
    /// Fixed quantiser, instead of a search for the target (visual)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=63))]
    qp: Option<u32>,
    /// The encoder's preset
    #[arg(long, value_name = "P")]
    preset: Option<String>,
    /// Target for the mean SSIMULACRA2 of all pictures (visual)
    #[arg(long, value_name = "SCORE", default_value_t = 80.0, value_parser = score)]
    target: f64,
    /// Minimum SSIMULACRA2 of each picture (visual) [default: 5 below the target]
    #[arg(long, value_name = "SCORE", value_parser = score)]
    floor: Option<f64>,
    /// Order of pictures within a group
    #[arg(long, value_enum, value_name = "ORDER", default_value = "similar")]
    order: Order,
}

#[derive(clap::ValueEnum, Clone, Copy)]
enum Order {
    /// Similar pictures next to each other
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
    pub(super) fn options(&self) -> Options {
        Options {
            mode: self.mode,
            codec: self.codec,
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

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
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
    let total: u64 = scan::scan(&args.folder, &args.effort.context(app, Arc::new(Silent)))?
        .files
        .iter()
        .map(|file| file.bytes)
        .sum();
    let cx = args.effort.context(app, progress::bar("pack", Some(2 * total), args.talk.quiet));
    let mut output = Output::open(&path, args.write.force)?;
    let Some(parent) = output.temporary().and_then(Path::parent).map(Path::to_path_buf) else {
        return Err(Error::usage("an album is a file; it cannot be written to a pipe or a device"));
    };
    let scratch = if parent.as_os_str().is_empty() { PathBuf::from(".") } else { parent };
    let cx = cx.with_scratch(&scratch);
    let open = |path: &PathBuf| Output::open(path, args.write.force);
    let sidecar = args.sidecar.as_ref().map(open).transpose()?;
    let html = args.html.as_ref().map(open).transpose()?;
    let mut sink = BufWriter::new(output.sink()?);
    let summary =
        in_pool(&args.effort, || lab_album::pack(&args.folder, &options, &scratch, &mut sink, &cx))?;
    sink.flush()?;
    drop(sink);
    output.commit()?;
    if let Some(mut sidecar) = sidecar {
        sidecar.sink()?.write_all(&summary.manifest_bytes)?;
        sidecar.commit()?;
    }
    let input = Input { album: path, manifest: None };
    if let Some(html) = html {
        write_sheet(html, &input, Some(&args.folder), &args.effort, &cx)?;
    }
    let report = Report::new(&summary, input.album.metadata()?.len(), start.elapsed().as_secs_f64());
    drop(cx);
    if args.talk.json {
        return report_json(&report, false);
    }
    speak(&report, args.talk.quiet);
    Ok(())
}

fn default_output(folder: &Path) -> Result<PathBuf> {
    let name = folder.file_name().ok_or_else(|| Error::usage("name the album with -o OUT"))?;
    let mut name = name.to_os_string();
    name.push(".mkv");
    Ok(folder.with_file_name(name))
}

fn speak(report: &Report, quiet: bool) {
    for (path, why) in &report.broken {
        note(&format!("{path}: {why}; kept as a file"), quiet);
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
            "{} -> {} bytes, ratio {}; {} files, {} pictures: {} coded, {} as video, {} kept, \
             {} duplicates{score}",
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
