//! `exec`: a command from the user's configuration file as a codec.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use lab_codec::{Codec, Context, Entry, Error, ErrorKind, Info, Param, Params, Resources, Result, Worker};
use lab_process::{Job, Limits};

use crate::config::{self, Command, IN, OUT};

const NAME: Param = Param::text("name", "", "the command in table [exec.NAME] of the configuration file");

/// Bytes that an encoder may write beyond twice its input, if the configuration sets no limit.
const DEFAULT_OUTPUT_SLACK: usize = 1 << 20;
/// Maximum length of a name, in bytes.
const MAX_NAME: usize = 64;

static INFO: Info = Info::new(
    "exec",
    "runs a command from your configuration file as a codec; a stream stores only its name",
)
.params(&[NAME])
.external();

/// The registry entry.
pub const EXEC: Entry = Entry::codec(&INFO, build);

fn build(params: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    let name = params.text(&NAME);
    if name.is_empty() {
        return Err(Error::new(
            ErrorKind::MissingResource,
            "exec needs a name; exec:NAME runs the command in [exec.NAME] of the configuration file",
        ));
    }
    // The name may come from a stream, is looked up, and appears in messages: only plain characters are safe.
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.len() > MAX_NAME || !name.chars().all(plain) {
        return Err(Error::param(format!(
            "{name:?} is not a command name; use up to {MAX_NAME} letters, digits, - and _"
        )));
    }
    Ok(Arc::new(Exec(Arc::new(config::command(name)?))))
}

#[derive(Clone)]
struct Exec(Arc<Command>);

impl Codec for Exec {
    fn worker(&self) -> Box<dyn Worker> {
        Box::new(self.clone())
    }
}

impl Worker for Exec {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        let limit = match self.0.output_limit {
            Some(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
            None => input.len().saturating_mul(2).saturating_add(DEFAULT_OUTPUT_SLACK),
        };
        run(&self.0, &self.0.encode, input, limit, out, cx)
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        let start = out.len();
        run(&self.0, &self.0.decode, input, raw_len, out, cx).map_err(|e| match e.kind() {
            // Output beyond the segment's length is damage, whichever limit caught it.
            ErrorKind::Limit => Error::corrupt(e.to_string()),
            _ => e,
        })?;
        let found = out.len() - start;
        if found == raw_len {
            return Ok(());
        }
        Err(Error::corrupt(format!("the command wrote {found} bytes, expected {raw_len}")))
    }
}

/// Runs `argv`: `{in}` and `{out}` stand for temporary files, pipes serve otherwise.
fn run(
    command: &Command,
    argv: &[String],
    input: &[u8],
    output_limit: usize,
    out: &mut Vec<u8>,
    cx: &Context,
) -> Result<()> {
    let has = |mark: &str| argv.iter().any(|argument| argument.contains(mark));
    let (from_file, to_file) = (has(IN), has(OUT));
    let directory = (from_file || to_file)
        .then(|| tempfile::Builder::new().prefix("lab-exec-").tempdir_in(cx.scratch()))
        .transpose()?;
    let path = |name: &str| directory.as_ref().map(|d| d.path().join(name)).unwrap_or_default();
    let (source, target) = (path("in"), path("out"));
    if from_file {
        std::fs::write(&source, input)?;
    }
    let argv = argv.iter().map(|argument| substitute(argument, &source, &target));
    // No stall limit: a command may wait for a process that is not its child, and only the user knows how
    // long.
    let limits = Limits {
        stall: None,
        timeout: Some(command.timeout()),
        file: to_file.then(|| (target.clone(), output_limit as u64)),
    };
    let job = Job { input: if from_file { &[] } else { input }, output_limit, limits };
    // A command that writes a file may also print: its standard output is dropped.
    let mut ignored = Vec::new();
    let taken = if to_file { &mut ignored } else { &mut *out };
    let done = lab_process::command(argv).and_then(|mut child| lab_process::run(&mut child, &job, taken, cx));
    done.map_err(|e| match e.kind() {
        ErrorKind::MissingTool => Error::new(
            ErrorKind::MissingTool,
            format!("{}; install it, or correct the configuration file", e.message()),
        ),
        _ => e,
    })?;
    if !to_file {
        return Ok(());
    }
    let length =
        std::fs::metadata(&target).map_err(|e| Error::from(e).at("the command left no output file"))?.len();
    if length > output_limit as u64 {
        return Err(Error::limit(format!("the command wrote {length} bytes, the limit is {output_limit}")));
    }
    let start = out.len();
    out.resize(start + length as usize, 0);
    std::io::Read::read_exact(&mut std::fs::File::open(&target)?, &mut out[start..])?;
    Ok(())
}

/// An argument with `{in}` and `{out}` replaced by file paths.
fn substitute(argument: &str, source: &Path, target: &Path) -> OsString {
    let mut filled = OsString::new();
    let mut rest = argument;
    while let Some(at) = [rest.find(IN), rest.find(OUT)].into_iter().flatten().min() {
        let (before, from) = rest.split_at(at);
        filled.push(before);
        let (path, mark) = if from.starts_with(IN) { (source, IN) } else { (target, OUT) };
        filled.push(path);
        rest = &from[mark.len()..];
    }
    filled.push(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_paths_wherever_they_stand() {
        let fill = |argument| substitute(argument, Path::new("/a b"), Path::new("/{in}"));
        assert_eq!(fill("plain"), "plain");
        assert_eq!(fill("-o{out}"), "-o/{in}");
        assert_eq!(fill("{in}:{out}:{in}x"), "/a b:/{in}:/a bx");
    }
}
