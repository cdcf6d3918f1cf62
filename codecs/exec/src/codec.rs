//! `exec`: a command from the user's configuration file as a codec.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use lab_codec::{Codec, Context, Entry, Error, ErrorKind, Info, Param, Params, Resources, Result, Worker};
use lab_process::{Job, Limits};

use crate::config::{self, Command, IN, OUT};

const NAME: Param =
    Param::text("name", "", "the table [exec.NAME] of the configuration file says what to run");

/// Bytes that an encoder may write beyond twice its input, where the configuration sets no limit.
const SLACK: usize = 1 << 20;
/// The longest name.
const LONGEST: usize = 64;

static INFO: Info =
    Info::new("exec", "any command as a codec, from your configuration file; a stream holds its name only")
        .params(&[NAME])
        .external();

/// The registry entry.
pub const EXEC: Entry = Entry::codec(&INFO, build);

fn build(params: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    let name = params.text(&NAME);
    if name.is_empty() {
        return Err(Error::new(
            ErrorKind::MissingResource,
            "no command is named; exec:NAME runs what [exec.NAME] of the configuration file lists",
        ));
    }
    // The name may come from a stream: it is looked up, and shown in messages.
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.len() > LONGEST || !name.chars().all(plain) {
        return Err(Error::param(format!(
            "{name:?} is no name for a command; it takes up to {LONGEST} letters, digits, - and _"
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
            None => input.len().saturating_mul(2).saturating_add(SLACK),
        };
        run(&self.0, &self.0.encode, input, limit, out, cx)
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        let start = out.len();
        run(&self.0, &self.0.decode, input, raw_len, out, cx).map_err(|e| match e.kind() {
            // More than the segment has is damage, whatever limit caught it.
            ErrorKind::Limit => Error::corrupt(e.to_string()),
            _ => e,
        })?;
        let found = out.len() - start;
        if found == raw_len {
            return Ok(());
        }
        Err(Error::corrupt(format!("{found} bytes came from the command where {raw_len} are expected")))
    }
}

/// Runs `argv` with files for `{in}` and `{out}`, where they occur, and with pipes otherwise.
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
    let argv = argv.iter().map(|argument| filled(argument, &source, &target));
    // A command may wait for something that is not its own child: only the user knows how long.
    let limits = Limits {
        stall: None,
        timeout: Some(command.timeout()),
        file: to_file.then(|| (target.clone(), output_limit as u64)),
    };
    let job = Job { input: if from_file { &[] } else { input }, output_limit, limits };
    // What a command that writes a file says on standard output is of no interest.
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
        return Err(Error::limit(format!("the command wrote {length} bytes, {output_limit} are allowed")));
    }
    let start = out.len();
    out.resize(start + length as usize, 0);
    std::io::Read::read_exact(&mut std::fs::File::open(&target)?, &mut out[start..])?;
    Ok(())
}

/// An argument with the names of files in place of their marks.
fn filled(argument: &str, source: &Path, target: &Path) -> OsString {
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
        let fill = |argument| filled(argument, Path::new("/a b"), Path::new("/{in}"));
        assert_eq!(fill("plain"), "plain");
        assert_eq!(fill("-o{out}"), "-o/{in}");
        assert_eq!(fill("{in}:{out}:{in}x"), "/a b:/{in}:/a bx");
    }
}
