//! `lab video`: files as videos whose pixels hold them.

mod decode;
mod encode;
mod probe;
mod verify;

use clap::Subcommand;
use lab_codec::{Params, Result};

use super::{App, options, table};

/// Files as videos that survive copies: encode, decode, verify, and measure what a channel does to them
#[derive(clap::Args)]
pub struct Args {
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

pub fn run(args: &Args, app: &App) -> Result<()> {
    match &args.command {
        Command::Encode(args) => encode::run(args, app),
        Command::Decode(args) => decode::run(args, app),
        Command::Verify(args) => verify::run(args, app),
        Command::Probe(args) => probe::run(args, app),
    }
}

/// How pictures are made; each option is the parameter of the carrier `video` with that meaning.
#[derive(clap::Args, Clone)]
struct Making {
    /// The encoder of ffmpeg: x264, x265, nvenc, ... [default: the profile's first that works]
    #[arg(long, value_name = "NAME")]
    encoder: Option<String>,
    /// Width of the pictures
    #[arg(long, requires = "height", value_name = "PIXELS")]
    width: Option<u32>,
    /// Height of the pictures
    #[arg(long, requires = "width", value_name = "PIXELS")]
    height: Option<u32>,
    /// Frames per second, such as 24 or 30000/1001
    #[arg(long, value_name = "RATE")]
    fps: Option<String>,
    /// Payload bytes in a frame at most
    #[arg(long, value_name = "BYTES")]
    chunk_size: Option<usize>,
    /// The encoder's constant rate factor, in place of what the profile sets
    #[arg(long, value_name = "N")]
    crf: Option<u32>,
    /// The encoder's preset, in place of what the profile sets
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// The style of the pictures, where the profile has several
    #[arg(long, value_name = "NAME")]
    style: Option<String>,
    /// The share of frames that may be lost, such as 10%
    #[arg(long, value_name = "SHARE")]
    loss: Option<String>,
    /// Parity bytes in each 255 of a frame, of which half as many may be wrong, in place of the profile's
    #[arg(long, value_name = "BYTES")]
    parity: Option<usize>,
}

impl Making {
    /// The carrier as a stage of a chain.
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

    /// Whether anything is given.
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
