//! Frame ranges of the command line, and picture output.

use std::ops::Range;
use std::path::Path;

use lab_codec::{Error, Result};
use lab_media::{Frame, picture};

use lab_stream::output::Output;

/// Frames `A..B`, `A..`, `..B`, or one frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frames {
    start: u32,
    end: Option<u32>,
}

impl std::str::FromStr for Frames {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<u32>().map_err(|_| format!("{text:?} is not a frame number"));
        match text.split_once("..") {
            None => number(text).map(|start| Self { start, end: Some(start.saturating_add(1)) }),
            Some((start, end)) => Ok(Self {
                start: if start.is_empty() { 0 } else { number(start)? },
                end: if end.is_empty() { None } else { Some(number(end)?) },
            }),
        }
    }
}

impl Frames {
    /// The frame numbers within a clip of `count` frames.
    pub(super) fn of(range: Option<Self>, count: usize) -> Result<Range<u32>> {
        let count = u32::try_from(count).map_err(|_| Error::limit("too many frames"))?;
        let Self { start, end } = range.unwrap_or(Self { start: 0, end: None });
        let end = end.unwrap_or(count);
        if start >= end || end > count {
            return Err(Error::usage(format!(
                "frames {start}..{end} are not within the clip of {count} frames"
            )));
        }
        Ok(start..end)
    }
}

/// Writes a PNG file under a temporary name and renames it; `-` is standard output.
pub(super) fn write_png(frame: &Frame, path: &Path, force: bool) -> Result<()> {
    let mut png = Vec::new();
    picture::write(&mut png, frame)?;
    write_file(&png, path, force)
}

/// Writes raw pixels if the file's name ends in `.raw`, which saves the time for PNG; else as [`write_png`].
pub(super) fn write(frame: &Frame, path: &Path, force: bool) -> Result<()> {
    if path.extension().is_some_and(|ending| ending == "raw") {
        return write_file(frame.data(), path, force);
    }
    write_png(frame, path, force)
}

fn write_file(bytes: &[u8], path: &Path, force: bool) -> Result<()> {
    let mut output = Output::open(path, force)?;
    let at = |e: std::io::Error| Error::from(e).at(path.display().to_string());
    output.sink()?.write_all(bytes).map_err(at)?;
    output.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_typed() {
        let of = |text: &str, count| text.parse().map(|frames| Frames::of(Some(frames), count).ok());
        assert_eq!(of("3", 9), Ok(Some(3..4)));
        assert_eq!(of("2..5", 9), Ok(Some(2..5)));
        assert_eq!(of("2..", 9), Ok(Some(2..9)));
        assert_eq!(of("..2", 9), Ok(Some(0..2)));
        assert_eq!(of("8..10", 9), Ok(None));
        assert_eq!(of("5..5", 9), Ok(None));
        assert!(of("x", 9).is_err() && of("1..x", 9).is_err());
        assert_eq!(Frames::of(None, 4).unwrap(), 0..4);
    }
}
