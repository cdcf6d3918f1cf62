//! One child process: fed and read over pipes without blocking, ended with all its descendants when it takes too
//! long, writes too much, or the work is cancelled.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use lab_codec::{Context, Error, ErrorKind, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{Group, LastWords};

/// How long a wait lasts before cancellation, time and the size of files are looked at again.
const PAUSE: Duration = Duration::from_millis(20);
/// Bytes read at a time.
const PIECE: usize = 64 << 10;

/// What to run, and within which limits.
pub struct Job<'a> {
    /// Program and arguments.
    pub argv: &'a [OsString],
    /// What it finds on standard input.
    pub input: &'a [u8],
    /// Bytes that it may write to standard output.
    pub output_limit: usize,
    /// A file that it writes, if so: it may not grow beyond the same limit.
    pub output_file: Option<&'a Path>,
    /// When it is ended.
    pub timeout: Duration,
}

/// Runs the command and appends its standard output to `out`.
///
/// # Errors
/// [`MissingTool`](ErrorKind::MissingTool) where there is no such program, [`Tool`](ErrorKind::Tool) with the end of
/// standard error where it fails or takes too long, [`Limit`](ErrorKind::Limit) where it writes more than it may, and
/// [`Cancelled`](ErrorKind::Cancelled). In every case it and its descendants have ended.
pub fn run(job: &Job, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
    cx.check()?;
    let (program, arguments) = job.argv.split_first().ok_or_else(|| Error::usage("no program to run"))?;
    let name = program.to_string_lossy();
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut group = Group::spawn(&mut command)?;
    let mut words = LastWords::default();
    let outcome = exchange(&mut group, job, out, &mut words, cx);
    // Whatever happened, nobody of the group stays.
    let status = group.end()?;
    outcome.map_err(|e| e.at(format!("{name:?}")))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Tool, format!("{name:?} {}", words.verdict(status))))
}

/// Feeds and reads until the child has ended and everything that it wrote was read.
fn exchange(
    group: &mut Group,
    job: &Job,
    out: &mut Vec<u8>,
    words: &mut LastWords,
    cx: &Context,
) -> Result<()> {
    let deadline = Instant::now() + job.timeout;
    let start = out.len();
    let mut fed = 0;
    let mut stdin = group.stdin();
    let mut stdout = group.stdout();
    let mut stderr = group.stderr();
    for end in
        [stdin.as_ref().map(AsFd::as_fd), stdout.as_ref().map(AsFd::as_fd), stderr.as_ref().map(AsFd::as_fd)]
            .into_iter()
            .flatten()
    {
        let flags = rustix::fs::fcntl_getfl(end).map_err(io::Error::from)?;
        rustix::fs::fcntl_setfl(end, flags | rustix::fs::OFlags::NONBLOCK).map_err(io::Error::from)?;
    }
    let mut buffer = vec![0; PIECE];
    loop {
        cx.check()?;
        if Instant::now() >= deadline {
            let seconds = job.timeout.as_secs();
            let said = words.quoted();
            return Err(Error::new(ErrorKind::Tool, format!("ran past its {seconds} s and was ended{said}")));
        }
        let written = job.output_file.and_then(|file| file.metadata().ok()).map_or(0, |m| m.len());
        if out.len() - start > job.output_limit || written > job.output_limit as u64 {
            let limit = job.output_limit;
            return Err(Error::limit(format!("wrote more than the {limit} bytes allowed and was ended")));
        }
        // Asked before reading: what the child wrote is all there once it has ended.
        let ended = group.has_ended()?;
        if fed == job.input.len() {
            stdin = None;
        }
        let mut moved = feed(&mut stdin, job.input, &mut fed)?;
        moved |= drain(&mut stdout, &mut buffer, |bytes| out.extend_from_slice(bytes))?;
        moved |= drain(&mut stderr, &mut buffer, |bytes| words.push(bytes))?;
        if moved {
            continue;
        }
        // A descendant that outlives the child may hold a pipe open for ever.
        if ended {
            return Ok(());
        }
        let mut ends = Vec::with_capacity(3);
        ends.extend(stdin.as_ref().map(|end| PollFd::new(end, PollFlags::OUT)));
        ends.extend(stdout.as_ref().map(|end| PollFd::new(end, PollFlags::IN)));
        ends.extend(stderr.as_ref().map(|end| PollFd::new(end, PollFlags::IN)));
        // With both outputs closed the child is about to end.
        let pause = if stdout.is_none() && stderr.is_none() { Duration::from_millis(1) } else { PAUSE };
        let pause = Timespec { tv_sec: 0, tv_nsec: i64::from(pause.subsec_nanos()) };
        match poll(&mut ends, Some(&pause)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(io::Error::from(e).into()),
        }
    }
}

/// Writes what the pipe takes; whether it took any.
fn feed(stdin: &mut Option<ChildStdin>, input: &[u8], fed: &mut usize) -> Result<bool> {
    let Some(pipe) = stdin else { return Ok(false) };
    match pipe.write(&input[*fed..]) {
        Ok(count) => {
            *fed += count;
            Ok(count > 0)
        }
        Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(false),
        // A program may know enough before it has read everything: its status tells.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {
            *stdin = None;
            Ok(false)
        }
        Err(e) => Err(e.into()),
    }
}

/// Reads once; whether there was anything, the end included.
fn drain<R: Read>(pipe: &mut Option<R>, buffer: &mut [u8], mut take: impl FnMut(&[u8])) -> Result<bool> {
    let Some(source) = pipe else { return Ok(false) };
    match source.read(buffer) {
        Ok(0) => {
            *pipe = None;
            Ok(true)
        }
        Ok(count) => {
            take(&buffer[..count]);
            Ok(true)
        }
        Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(false),
        Err(e) => Err(e.into()),
    }
}
