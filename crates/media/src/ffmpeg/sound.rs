//! Copies the sound of a clip without re-encoding.

use std::path::Path;

use lab_codec::{Context, Result};

use super::{Tools, input, words};

/// The sound of the clip at `path` as a Matroska file with reproducible bytes; `None` for a clip without
/// sound. More than `limit` bytes are refused.
///
/// # Errors
/// As for [`Clip::of`](super::Clip::of); [`Limit`](lab_codec::ErrorKind::Limit).
pub fn sound(path: &Path, limit: usize, cx: &Context) -> Result<Option<Vec<u8>>> {
    let tools = Tools::find()?;
    let shown = ["-v", "error", "-select_streams", "a", "-show_entries", "stream=index", "-of", "csv=p=0"];
    let question: Vec<_> = words(shown).chain(input::arguments(path)).collect();
    // Containers with programs, such as MPEG-TS, add empty lines for these.
    let indices = tools.ask(&tools.ffprobe, &question, &[], cx)?;
    if indices.trim_ascii().is_empty() {
        return Ok(None);
    }
    let copy = ["-map", "0:a", "-c", "copy", "-map_metadata", "-1", "-fflags", "+bitexact", "-f", "matroska"];
    let command: Vec<_> = words(["-v", "error", "-nostdin"])
        .chain(input::arguments(path))
        .chain(words(copy))
        .chain(words(["pipe:1"]))
        .collect();
    tools.ask_within(limit, &tools.ffmpeg, &command, &[], cx).map(Some)
}
