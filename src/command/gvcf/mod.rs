//! `lab gvcf`: video in git, a commit for each frame.

mod diff;
mod export;
mod import;
mod log;
mod pictures;
mod show;
mod verify;

use std::path::PathBuf;

use clap::Subcommand;
use lab_codec::{Context, Error, ErrorKind, Result};
use lab_gvcf::frame::Picture;
use lab_gvcf::repository::{Missing, Repository};
use lab_gvcf::{Rules, Shape};
use lab_media::{Frame, PixelFormat};

use super::{App, options};

/// Store video losslessly in git: each frame is a blob and a commit
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Import(import::Args),
    Export(export::Args),
    Log(log::Args),
    #[command(name = "show-frame")]
    Show(show::Args),
    Diff(diff::Args),
    Verify(verify::Args),
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let done = match &args.command {
        Command::Import(args) => import::run(args, app),
        Command::Export(args) => export::run(args, app),
        Command::Log(args) => log::run(args, app),
        Command::Show(args) => show::run(args, app),
        Command::Diff(args) => diff::run(args, app),
        Command::Verify(args) => verify::run(args, app),
    };
    // The format's description promises this prefix before every message. A closed pipe prints no message.
    done.map_err(|e| match e.io_kind() {
        Some(std::io::ErrorKind::BrokenPipe) => e,
        _ if e.kind() == ErrorKind::MissingResource => {
            Error::new(e.kind(), format!("{}{e}; --fetch downloads it from the remote", super::ERROR))
        }
        _ => Error::new(e.kind(), format!("{}{}", super::ERROR, super::hint::line(&e))),
    })
}

/// Options that select the repository and how strictly frames are read.
#[derive(clap::Args)]
struct Source {
    /// The repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,
    /// Branch with the frames [default: the current one]
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// In a partial clone: fetch needed blobs from its remote (https, ssh, or this machine)
    #[arg(long)]
    fetch: bool,
    /// Accept nonzero reserved bytes with a warning
    #[arg(long)]
    lenient: bool,
    /// Refuse frames other than 1920x1080x3
    #[arg(long)]
    strict_1080p: bool,
    /// Memory limit for one picture
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = options::size)]
    memory_limit: u64,
}

impl Source {
    fn open(&self, cx: &Context) -> Result<Repository> {
        let shape = self.strict_1080p.then_some(Shape::FULL_HD);
        let rules = Rules { lenient: self.lenient, shape, max_raw: self.memory_limit, ..Rules::default() };
        let missing = if self.fetch { Missing::Fetch } else { Missing::Refuse };
        Ok(Repository::open(&self.repo, self.branch.as_deref(), missing, rules, cx)?)
    }
}

/// How many channels the pixels of a format have here.
fn format_of(channels: u32) -> PixelFormat {
    match channels {
        1 => PixelFormat::Gray8,
        4 => PixelFormat::Rgba,
        _ => PixelFormat::Rgb24,
    }
}

/// Converts a picture to a `lab_media` frame.
fn frame_of(picture: &Picture) -> Result<Frame> {
    let Shape { width, height, channels } = picture.shape();
    let shape = lab_media::Shape { width, height, format: format_of(channels) };
    Frame::from_data(shape, picture.pixels().to_vec())
        .ok_or_else(|| Error::corrupt(format!("a picture of {} has other pixels", picture.shape())))
}
