//! `lab video`: stores files in the pixels of videos.

mod decode;
mod encode;
mod probe;
mod verify;

use clap::Subcommand;
use lab_codec::{Params, Result};

use super::{App, options, table};

/// Store files in the pixels of videos: encode, decode, verify, and measure a channel's errors
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Encode(Box<encode::Args>),
    Decode(decode::Args),
    Verify(verify::Args),
    Probe(Box<probe::Args>),
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    match &args.command {
        Command::Encode(args) => encode::run(args, app),
        Command::Decode(args) => decode::run(args, app),
        Command::Verify(args) => verify::run(args, app),
        Command::Probe(args) => probe::run(args, app),
    }
}

/// Options for the frames; each is a parameter of the carrier `video`.
#[derive(clap::Args, Clone)]
struct Making {
    /// ffmpeg encoder: x264, x265, nvenc, ... [default: the profile's first available one]
    #[arg(long, value_name = "NAME")]
    encoder: Option<String>,
    /// Frame width in pixels
    #[arg(long, requires = "height", value_name = "PIXELS")]
    width: Option<u32>,
    /// Frame height in pixels
    #[arg(long, requires = "width", value_name = "PIXELS")]
    height: Option<u32>,
    /// Frame rate, such as 24 or 30000/1001 frames per second
    #[arg(long, value_name = "RATE")]
    fps: Option<String>,
    /// Maximum payload per frame, in bytes
    #[arg(long, value_name = "BYTES")]
    chunk_size: Option<usize>,
    /// Constant rate factor of the encoder [default: the profile's]
    #[arg(long, value_name = "N")]
    crf: Option<u32>,
    /// Preset of the encoder [default: the profile's]
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// Style of the frames, for profiles with several styles
    #[arg(long, value_name = "NAME")]
    style: Option<String>,
    /// Share of lost frames to survive, such as 10%
    #[arg(long, value_name = "SHARE")]
    loss: Option<String>,
    /// Parity bytes per 255-byte codeword, twice the number of correctable bytes [default: the profile's]
    #[arg(long, value_name = "BYTES")]
    parity: Option<usize>,
}

impl Making {
    /// The carrier's text in a chain.
    fn stage(&self, profile: &str) -> String {
        let size = self.width.zip(self.height).map(|(width, height)| format!("{width}x{height}"));
        let number = |number: Option<u64>| number.map(|n| n.to_string());
        let given = [
            ("loss", self.loss.clone()),
            ("parity", number(self.parity.map(|n| n as u64))),
            ("encoder", self.encoder.clone()),
            ("size", size),
            ("fps", self.fps.clone()),
            ("crf", number(self.crf.map(u64::from))),
            ("preset", self.preset.clone()),
            ("chunk", number(self.chunk_size.map(|n| n as u64))),
            ("style", self.style.clone()),
        ];
        let given = given.into_iter().filter_map(|(name, value)| Some(format!(":{name}={}", value?)));
        given.fold(format!("video:profile={profile}"), |stage, argument| stage + &argument)
    }

    /// Whether any option is given.
    fn any(&self) -> bool {
        self.stage("") != Self::NONE
    }

    const NONE: &str = "video:profile=";
}

/// The names of all profiles.
fn profiles() -> clap::builder::PossibleValuesParser {
    lab_video::profile::NAMES.iter().collect::<Vec<_>>().into()
}

/// The carrier's parameters in a chain.
fn carrier_params(chain: &lab_stream::chain::Chain) -> Result<Params> {
    let stage = chain.carrier.as_ref().ok_or_else(|| lab_codec::Error::usage("the chain has no carrier"))?;
    Ok(stage.params.clone())
}
