//! External programs that write one file.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

use lab_codec::{Context, ErrorKind, Result};
use lab_process::{Job, Limits};

/// How long one program may run.
const TIMEOUT: Duration = Duration::from_secs(3600);

/// The words of a command line: `{in}` and `{out}` stand for paths, the other placeholders for numbers.
pub(super) fn argv(words: &[&str], input: &Path, out: &Path, numbers: &[(&str, u32)]) -> Vec<OsString> {
    let word = |word: &&str| match *word {
        "{in}" => input.into(),
        "{out}" => out.into(),
        word => {
            let put = |word: String, (name, number): &(&str, u32)| word.replace(name, &number.to_string());
            numbers.iter().fold(word.to_string(), put).into()
        }
    };
    words.iter().map(word).collect()
}

/// Runs a program that writes `out`. False where it is not installed or refuses its input: not every format
/// takes every picture.
///
/// # Errors
/// I/O errors, cancellation.
pub(super) fn run(argv: &[OsString], out: &Path, cx: &Context) -> Result<bool> {
    let file = Some((out.to_path_buf(), u64::MAX));
    let limits = Limits { timeout: Some(TIMEOUT), file, ..Limits::default() };
    let job = Job { input: &[], output_limit: usize::MAX, limits };
    let done = lab_process::command(argv)
        .and_then(|mut command| lab_process::run(&mut command, &job, &mut Vec::new(), cx));
    match done {
        Ok(()) => Ok(true),
        Err(e) if matches!(e.kind(), ErrorKind::MissingTool | ErrorKind::Tool) => Ok(false),
        Err(e) => Err(e),
    }
}

/// Runs a program as [`run`], and removes its output: the output's size, or `None` where there is none.
///
/// # Errors
/// I/O errors, cancellation.
pub(super) fn output_size(argv: &[OsString], out: &Path, cx: &Context) -> Result<Option<u64>> {
    if !run(argv, out, cx)? {
        return Ok(None);
    }
    let bytes = super::size_of(out)?;
    fs::remove_file(out)?;
    Ok(Some(bytes))
}
