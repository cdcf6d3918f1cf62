//! Runs ffmpeg as a child process over pipes; it is never linked.
//!
//! `LAB_FFMPEG` names the program; the default is `ffmpeg` on PATH. ffprobe is expected beside it, or on
//! PATH. `LAB_FFMPEG_TIMEOUT` is the stall limit in seconds; the default is [`lab_process::stall`]. ffmpeg
//! opens only the given file, and only in formats for video, pictures or sound.

mod clip;
mod decode;
mod encode;
mod encoder;
mod input;
mod join;
mod sound;

pub use clip::{Clip, timestamps};
pub use decode::{DecodeOptions, Decoder};
pub use encode::{EncodeOptions, EncodedVideo, Output};
pub use encoder::{Choice, Encoder};
pub use join::join;
pub use sound::sound;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lab_codec::{Context, Error, ErrorKind, Result, Tool};
use lab_process::{Child, Job, Limits, Pipes, find as on_path, seconds};

/// The tool and the command that installs it.
pub const TOOL: Tool = Tool::new("ffmpeg", "apt-get install ffmpeg");

/// Environment variable with the path of ffmpeg.
const PATH_VARIABLE: &str = "LAB_FFMPEG";
/// Environment variable with the stall limit in seconds.
const STALL_VARIABLE: &str = "LAB_FFMPEG_TIMEOUT";

/// Paths of the programs, and their stall limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tools {
    /// Path of ffmpeg.
    pub ffmpeg: PathBuf,
    /// Path of ffprobe.
    pub ffprobe: PathBuf,
    /// Stall limit of a child.
    pub stall: Duration,
}

impl Tools {
    /// Finds the programs.
    ///
    /// # Errors
    /// [`MissingTool`](ErrorKind::MissingTool) with the command that installs them.
    pub fn find() -> Result<Self> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let ffmpeg = match set(PATH_VARIABLE).map(PathBuf::from) {
            Some(path) if path.components().count() > 1 && path.is_file() => path,
            Some(name) => on_path(&name).ok_or_else(|| {
                Error::new(
                    ErrorKind::MissingTool,
                    format!("{PATH_VARIABLE} names {}, which is not a program", name.display()),
                )
            })?,
            None => on_path(Path::new(TOOL.name)).ok_or_else(|| missing(TOOL.name))?,
        };
        let name = ffmpeg.file_name().unwrap_or_default().to_string_lossy().replacen("ffmpeg", "ffprobe", 1);
        let beside = ffmpeg.with_file_name(name);
        let ffprobe = if beside != ffmpeg && beside.is_file() {
            beside
        } else {
            on_path(Path::new("ffprobe")).ok_or_else(|| missing("ffprobe"))?
        };
        let stall = seconds(STALL_VARIABLE).unwrap_or_else(lab_process::stall);
        Ok(Self { ffmpeg, ffprobe, stall })
    }

    /// Runs a program to its end and returns its output.
    fn ask(&self, program: &Path, arguments: &[OsString], input: &[u8], cx: &Context) -> Result<Vec<u8>> {
        self.ask_within(MAX_ANSWER, program, arguments, input, cx)
    }

    /// As [`ask`](Self::ask), with a limit of `output_limit` bytes.
    fn ask_within(
        &self,
        output_limit: usize,
        program: &Path,
        arguments: &[OsString],
        input: &[u8],
        cx: &Context,
    ) -> Result<Vec<u8>> {
        let mut command = lab_process::command([program])?;
        command.args(arguments);
        let mut out = Vec::new();
        let limits = Limits { stall: Some(self.stall), ..Limits::default() };
        lab_process::run(&mut command, &Job { input, output_limit, limits }, &mut out, cx)?;
        Ok(out)
    }

    /// Starts ffmpeg. A change of `file`, its output, counts as progress.
    fn start(&self, arguments: &[OsString], pipes: Pipes, file: Option<&Path>) -> Result<Child> {
        let mut command = lab_process::command([&self.ffmpeg])?;
        command.args(["-hide_banner", "-nostdin", "-loglevel", "error"]).args(arguments);
        let file = file.map(|file| (file.to_path_buf(), u64::MAX));
        Child::start(&mut command, pipes, Limits { stall: Some(self.stall), timeout: None, file })
    }

    /// Whether ffmpeg and ffprobe come from the same build, judged by their directories.
    fn are_one(&self) -> bool {
        self.ffmpeg.parent() == self.ffprobe.parent()
    }

    /// The option that keeps every frame. Its name depends on ffmpeg's version, which is queried if unknown.
    fn passthrough(&self, version: Option<&str>, cx: &Context) -> Result<[&'static str; 2]> {
        let new = match version {
            Some(version) => knows_fps_mode(version),
            None => {
                let text = self.ask(&self.ffmpeg, &["-version".into()], &[], cx)?;
                let text = String::from_utf8_lossy(&text);
                let word = text.strip_prefix("ffmpeg version ").and_then(|rest| rest.split(' ').next());
                knows_fps_mode(
                    word.ok_or_else(|| garbage(&self.ffmpeg, "no version where it was asked for one"))?,
                )
            }
        };
        Ok(if new { ["-fps_mode", "passthrough"] } else { ["-vsync", "0"] })
    }
}

/// Maximum size of an answer, in bytes.
const MAX_ANSWER: usize = 256 << 20;

/// Whether a version has `-fps_mode`, added in 5.1. Versions without a number are recent builds.
fn knows_fps_mode(version: &str) -> bool {
    let mut numbers = version.trim_start_matches('n').split(['.', '-', '+']);
    let mut number = || numbers.next().and_then(|n| n.parse::<u32>().ok());
    match (number(), number()) {
        (Some(major), minor) => (major, minor.unwrap_or(0)) >= (5, 1),
        (None, _) => true,
    }
}

fn garbage(program: &Path, what: &str) -> Error {
    Error::new(ErrorKind::Tool, format!("{:?} printed {what}", program.to_string_lossy()))
}

fn missing(name: &str) -> Error {
    Error::new(
        ErrorKind::MissingTool,
        format!(
            "{name} not found on PATH; install it with `{}`, or set {PATH_VARIABLE} to its path",
            TOOL.install
        ),
    )
}

/// A path in a form that ffmpeg cannot mistake for an option or a protocol (`-`, `http:x`).
fn file_argument(path: &Path) -> OsString {
    let mut argument = OsString::from("file:");
    argument.push(path);
    argument
}

/// Converts text arguments.
fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = OsString> {
    words.into_iter().map(OsString::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_tell_the_name_of_the_option() {
        for new in ["5.1.9-0+deb12u1", "6.0", "n7.1", "N-118193-g5f38c82536", "git-2024", "8"] {
            assert!(knows_fps_mode(new), "{new}");
        }
        for old in ["4.4.2-0ubuntu0.22.04.1", "5.0.1", "n4.4", "5"] {
            assert!(!knows_fps_mode(old), "{old}");
        }
    }
}
