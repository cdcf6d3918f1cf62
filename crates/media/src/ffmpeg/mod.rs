//! The one driver of ffmpeg: a child process over pipes, never linked.
//!
//! `LAB_FFMPEG` names the program; without it, it is the one on PATH. ffprobe is expected beside it, or on PATH.
//! A child that moves no byte and computes nothing for [`STALL`] (or `LAB_FFMPEG_TIMEOUT` seconds) has hung, and so has one
//! that computes ten times as long; it is ended, as it is when the work is cancelled or dropped. Errors carry the end of
//! what it said.

mod child;
mod clip;
mod decode;
mod encode;
mod encoder;
mod join;

pub use clip::{Clip, timestamps};
pub use decode::{DecodeOptions, Decoder};
pub use encode::{EncodeOptions, EncodedVideo, Output};
pub use encoder::{Choice, Encoder};
pub use join::join;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lab_codec::{Context, Error, ErrorKind, Result, Tool};

/// What is needed.
pub const TOOL: Tool = Tool::new("ffmpeg", "apt-get install ffmpeg");

/// How long a child may do nothing.
pub const STALL: Duration = Duration::from_secs(60);

/// The variable that names ffmpeg.
const PATH_VARIABLE: &str = "LAB_FFMPEG";
/// The variable that names the seconds of a stall.
const STALL_VARIABLE: &str = "LAB_FFMPEG_TIMEOUT";

/// Where the programs are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tools {
    /// ffmpeg.
    pub ffmpeg: PathBuf,
    /// ffprobe.
    pub ffprobe: PathBuf,
    /// How long a child may do nothing.
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
                    format!("{PATH_VARIABLE} names {}, which is no program", name.display()),
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
        let seconds = set(STALL_VARIABLE).and_then(|value| value.to_str()?.parse().ok());
        let stall = seconds.filter(|s| *s > 0).map_or(STALL, Duration::from_secs);
        Ok(Self { ffmpeg, ffprobe, stall })
    }

    /// Runs a program to its end, for what it prints.
    fn ask(&self, program: &Path, arguments: &[OsString], input: &[u8], cx: &Context) -> Result<Vec<u8>> {
        let mut argv = vec![program.as_os_str().to_os_string()];
        argv.extend_from_slice(arguments);
        let mut out = Vec::new();
        let job = lab_process::Job {
            argv: &argv,
            input,
            output_limit: ANSWER_LIMIT,
            output_file: None,
            timeout: self.stall,
        };
        lab_process::run(&job, &mut out, cx)?;
        Ok(out)
    }

    /// Whether ffmpeg and ffprobe are of the same build, as far as their places tell.
    fn are_one(&self) -> bool {
        self.ffmpeg.parent() == self.ffprobe.parent()
    }

    /// The option that keeps every frame. Its name depends on the version, which is asked for where it is not known.
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

/// The most that a question may be answered with.
const ANSWER_LIMIT: usize = 256 << 20;

/// Whether a version has `-fps_mode`, which came with 5.1. Versions that are not numbered are builds of their day.
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
            "there is no {name} on PATH; `{}` installs it, or name it with {PATH_VARIABLE}",
            TOOL.install
        ),
    )
}

/// The program called `name` on PATH.
fn on_path(name: &Path) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|candidate| candidate.is_file())
}

/// A path as ffmpeg takes it, whatever it looks like (`-`, `http:x`).
fn file_argument(path: &Path) -> OsString {
    let mut argument = OsString::from("file:");
    argument.push(path);
    argument
}

/// Text arguments.
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
