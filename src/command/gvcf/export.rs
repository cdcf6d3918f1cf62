//! `lab gvcf export`.

use std::path::{Path, PathBuf};

use lab_codec::{Error, Result};
use lab_media::{Rate, Video, WriteOptions, Writer};

use super::super::{App, note, options};
use super::Source;
use super::pictures::Frames;
use crate::progress;
use lab_stream::output::Output;

/// Write frames as a clip, raw pixels or pictures
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab gvcf export --repo clip.git out.rgb              raw pixels
  lab gvcf export --repo clip.git --range 10..20 out/  PNG files
  lab gvcf export --repo clip.git out.mkv
Every frame is checked against the digest in its commit. Raw pixels and PNG files are lossless;
for a video, that depends on its codec.")]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
    /// Only these frames: A..B, A.., ..B, or one number
    #[arg(long, value_name = "FRAMES")]
    range: Option<Frames>,
    /// The output: .rgb, .png, .mp4, .mkv, .webm, .mov, .avi, or a directory for PNG files
    #[arg(value_name = "OUTPUT")]
    output: PathBuf,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let cx = app.context(4 << 30, progress::bar("export", None, args.talk.quiet));
    let mut repository = args.source.open(&cx)?;
    let range = Frames::of(args.range, repository.entries().len())?;
    let first = super::frame_of(&*repository.verified(range.start)?)?;
    let rate = rate_of(repository.file(lab_gvcf::repository::CLIP_FILE)?.as_deref());
    let video =
        Video { shape: first.shape(), colour: Default::default(), rate, frames: Some(range.len() as u64) };
    // Pictures are written into the directory one by one; a file is renamed into place when complete.
    let directory = args.output.extension().is_none() && args.output != Path::new("-");
    let (output, path) = if directory {
        if !args.write.force && args.output.exists() {
            return Err(Error::usage(format!(
                "{} exists; use --force to write into it",
                args.output.display()
            )));
        }
        (None, args.output.clone())
    } else {
        let output = Output::open(&args.output, args.write.force)?;
        let path = output.temporary().map_or_else(|| args.output.clone(), Path::to_path_buf);
        (Some(output), path)
    };
    let named = WriteOptions { named: Some(args.output.clone()), ..WriteOptions::default() };
    let mut writer = Writer::create(&path, video, &named, &cx)?;
    writer.write(&first)?;
    for number in range.start + 1..range.end {
        cx.check()?;
        let frame = super::frame_of(&*repository.verified(number)?)?;
        if frame.shape() != video.shape {
            return Err(Error::corrupt(format!(
                "frame {number} has the shape {}, the first {}",
                frame.shape(),
                video.shape
            )));
        }
        writer.write(&frame)?;
        cx.observer().advance(frame.data().len() as u64);
    }
    writer.finish()?;
    if let Some(output) = output {
        output.commit()?;
    }
    for warning in repository.warnings() {
        note(&warning, args.talk.quiet);
    }
    if args.talk.json {
        let bytes = video.shape.bytes() as u64 * range.len() as u64;
        return super::super::report_json(
            &serde_json::json!({ "frames": range.len(), "bytes": bytes }),
            args.output == Path::new("-"),
        );
    }
    note(&format!("{} frames, each checked against its digest", range.len()), args.talk.quiet);
    Ok(())
}

/// The frame rate recorded in the first commit; 25 if none is recorded.
fn rate_of(clip: Option<&[u8]>) -> Rate {
    let table = clip.and_then(|bytes| std::str::from_utf8(bytes).ok()?.parse::<toml::Table>().ok());
    let rate = table.and_then(|table| Rate::parse(table.get("rate")?.as_str()?));
    rate.unwrap_or(Rate { num: 25, den: 1 })
}
