//! A running child with buffers that circulate: one thread feeds its standard input, one reads its standard
//! output, one keeps the end of its standard error.
//!
//! A fixed pool of buffers bounds how far either side runs ahead. Waits are short, so that cancellation and a
//! child that hangs are noticed.

use std::io::{ErrorKind as IoKind, Read, Write};
use std::path::Path;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use lab_codec::{Context, Error, ErrorKind, Result};

use crate::clock::{Clock, Limits};
use crate::group::Group;
use crate::stderr::StderrTail;

/// Interval at which a wait checks for cancellation and for limits of the child.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Bytes of one read or write on a pipe.
const PIECE_BYTES: usize = 256 << 10;
/// Number of buffers in each direction.
const BUFFERS_PER_PIPE: usize = 3;

/// The pipes of a child.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pipes {
    /// Whether the child's standard input is a pipe.
    pub input: bool,
    /// How the child's standard output is read; `None` discards it.
    pub output: Option<Pieces>,
}

/// Size of the pieces in which output arrives.
#[derive(Debug, Clone, Copy)]
pub enum Pieces {
    /// The size of each read.
    Any,
    /// A fixed number of bytes; the last piece may be shorter.
    Exact(usize),
}

/// The result of waiting for a child.
#[derive(Debug)]
pub enum Waited {
    /// A piece of output.
    Piece(Vec<u8>),
    /// An empty buffer for input.
    Empty(Vec<u8>),
    /// The end of output; or, if input was requested, the child has stopped reading.
    End,
}

/// Messages from the pipe threads to the caller.
enum Event {
    Piece(Vec<u8>),
    Empty(Vec<u8>),
    InputEnd,
    OutputEnd,
    StderrEnd,
}

/// State that the pipe threads share with the caller.
#[derive(Default)]
struct Shared {
    tail: Mutex<StderrTail>,
    /// Bytes moved over standard input and output.
    moved: AtomicU64,
}

/// A running child. Dropping it kills its process group and reaps it.
pub struct Child {
    group: Group,
    name: String,
    shared: Arc<Shared>,
    clock: Clock,
    last_check: Instant,
    events: Receiver<Event>,
    /// Sends filled buffers to the input thread; `None` once input has ended.
    input: Option<Sender<Vec<u8>>>,
    /// Returns used buffers to the output thread.
    output: Option<Sender<Vec<u8>>>,
    /// Empty buffers, free for the caller to fill.
    spare: Vec<Vec<u8>>,
    stderr_ended: bool,
}

impl Child {
    /// Starts `command`.
    ///
    /// # Errors
    /// [`MissingTool`](ErrorKind::MissingTool) if the program is missing, [`Cancelled`](ErrorKind::Cancelled)
    /// while the process exits, I/O errors.
    pub fn start(command: &mut Command, pipes: Pipes, limits: Limits) -> Result<Self> {
        let pipe = |wanted: bool| if wanted { Stdio::piped() } else { Stdio::null() };
        let name = name_of(command);
        command.stdin(pipe(pipes.input)).stdout(pipe(pipes.output.is_some())).stderr(Stdio::piped());
        let mut group = Group::spawn(command, &name)?;
        let (stdin, stdout, stderr) = group.pipes();
        let shared = Arc::new(Shared::default());
        let (notify, events) = channel();
        let input = stdin.map(|stdin| -> Result<_> {
            let (full, from_caller) = channel();
            let (notify, shared) = (notify.clone(), shared.clone());
            let spawned = spawn(move || {
                feed(stdin, &from_caller, &notify, &shared);
                let _ = notify.send(Event::InputEnd);
            });
            spawned.map(|()| full)
        });
        let output = stdout.zip(pipes.output).map(|(stdout, pieces)| -> Result<_> {
            let (used, from_caller) = channel();
            for _ in 0..BUFFERS_PER_PIPE {
                // Cannot fail: the receiver is in scope.
                let _ = used.send(Vec::new());
            }
            let (notify, shared) = (notify.clone(), shared.clone());
            let spawned = spawn(move || {
                drain(stdout, pieces, &from_caller, &notify, &shared);
                let _ = notify.send(Event::OutputEnd);
            });
            spawned.map(|()| used)
        });
        let listener = shared.clone();
        spawn(move || {
            if let Some(stderr) = stderr {
                listen(stderr, &listener);
            }
            let _ = notify.send(Event::StderrEnd);
        })?;
        Ok(Self {
            group,
            name,
            shared,
            clock: Clock::new(limits),
            last_check: Instant::now(),
            events,
            spare: if input.is_some() { vec![Vec::new(); BUFFERS_PER_PIPE] } else { Vec::new() },
            input: input.transpose()?,
            output: output.transpose()?,
            stderr_ended: false,
        })
    }

    /// Waits for a piece of output, or, if `input` is set, for an empty input buffer, whichever comes first.
    ///
    /// # Errors
    /// [`Tool`](ErrorKind::Tool) or [`Limit`](ErrorKind::Limit) if the child breaks a limit,
    /// [`Cancelled`](ErrorKind::Cancelled).
    pub fn wait(&mut self, input: bool, cx: &Context) -> Result<Waited> {
        self.clock.restart();
        loop {
            cx.check()?;
            if input {
                if self.input.is_none() {
                    return Ok(Waited::End);
                }
                if let Some(buffer) = self.spare.pop() {
                    return Ok(Waited::Empty(buffer));
                }
            } else if self.output.is_none() {
                return Ok(Waited::End);
            }
            if let Some(piece) = self.step(POLL_INTERVAL)? {
                return Ok(Waited::Piece(piece));
            }
        }
    }

    /// Handles one event, then checks the child's limits.
    fn step(&mut self, pause: Duration) -> Result<Option<Vec<u8>>> {
        match self.events.recv_timeout(pause) {
            Ok(Event::Piece(piece)) => {
                self.check_limits()?;
                return Ok(Some(piece));
            }
            Ok(Event::Empty(buffer)) => self.spare.push(buffer),
            Ok(Event::InputEnd) => self.input = None,
            Ok(Event::OutputEnd) => self.output = None,
            Ok(Event::StderrEnd) => self.stderr_ended = true,
            Err(RecvTimeoutError::Timeout) => {}
            // Every pipe thread has ended, so the child is about to end.
            Err(RecvTimeoutError::Disconnected) => thread::sleep(pause),
        }
        self.check_limits()?;
        Ok(None)
    }

    /// Ends the child if it breaks a limit. If it has ended, kills its descendants, which may still hold its
    /// pipes.
    fn check_limits(&mut self) -> Result<()> {
        if self.last_check.elapsed() < POLL_INTERVAL {
            return Ok(());
        }
        self.last_check = Instant::now();
        if self.group.has_ended()? {
            self.group.end()?;
        }
        let moved = self.shared.moved.load(Ordering::Relaxed);
        match self.clock.check(&self.group, moved) {
            Ok(()) => Ok(()),
            Err(e) => {
                self.end()?;
                Err(Error::new(e.kind(), format!("{:?}: {}{}", self.name, e.message(), self.tail().quoted())))
            }
        }
    }

    /// Sends a filled buffer to the child.
    pub fn send(&self, buffer: Vec<u8>) {
        if let Some(input) = &self.input {
            // A failed send means that the thread has ended; the next wait reports it.
            let _ = input.send(buffer);
        }
    }

    /// Returns the buffer of a piece for reuse.
    pub fn recycle(&self, buffer: Vec<u8>) {
        if let Some(output) = &self.output {
            let _ = output.send(buffer);
        }
    }

    /// Ends the child's input: the child reads end of file after all buffers sent so far.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// Waits until the child ends by itself, and checks that it succeeds; drops its remaining output.
    ///
    /// # Errors
    /// [`Tool`](ErrorKind::Tool) if the child fails or stalls; otherwise as [`wait`](Self::wait).
    pub fn finish(&mut self, cx: &Context) -> Result<()> {
        let status = self.status(cx)?;
        if status.success() { Ok(()) } else { Err(self.failure(status)) }
    }

    /// Waits until the child ends by itself; drops its remaining output.
    pub(crate) fn status(&mut self, cx: &Context) -> Result<ExitStatus> {
        self.close_input();
        self.clock.restart();
        while !self.group.has_ended()? {
            cx.check()?;
            // Buffers are not recycled here, so a child that writes without end blocks, and the stall limit
            // ends it.
            self.step(if self.stderr_ended { POLL_INTERVAL / 20 } else { POLL_INTERVAL })?;
        }
        self.end()
    }

    /// What a child that succeeded wrote to its standard error, on one line; `None` if it wrote nothing.
    pub fn complaint(&self) -> Option<String> {
        Some(self.tail().line()).filter(|line| !line.is_empty())
    }

    /// The error of a child that ended with `status`, with the end of its standard error.
    pub(crate) fn failure(&self, status: ExitStatus) -> Error {
        Error::new(ErrorKind::Tool, format!("{:?} {}", self.name, self.tail().verdict(status)))
    }

    /// Kills the group and waits briefly for the last of standard error.
    fn end(&mut self) -> Result<ExitStatus> {
        let status = self.group.end()?;
        // The deadline is for a descendant that left the group and keeps the pipe open.
        let deadline = Instant::now() + Duration::from_secs(1);
        while !self.stderr_ended && Instant::now() < deadline {
            match self.events.recv_timeout(POLL_INTERVAL) {
                Ok(Event::StderrEnd) => self.stderr_ended = true,
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        Ok(status)
    }

    /// Ends the child and returns an error with the end of its standard error.
    pub fn broken(&mut self, what: &str) -> Error {
        match self.end() {
            Ok(_) => Error::new(ErrorKind::Tool, format!("{:?} {what}{}", self.name, self.tail().quoted())),
            Err(e) => e,
        }
    }

    fn tail(&self) -> StderrTail {
        self.shared.tail.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Starts a thread for a pipe; a system may refuse it.
fn spawn(work: impl FnOnce() + Send + 'static) -> Result<()> {
    thread::Builder::new().spawn(work)?;
    Ok(())
}

/// The program's name in messages: its file name, without the directory.
pub(crate) fn name_of(command: &Command) -> String {
    let program = Path::new(command.get_program());
    program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned()
}

fn feed(mut stdin: ChildStdin, full: &Receiver<Vec<u8>>, notify: &Sender<Event>, shared: &Shared) {
    for buffer in full {
        for piece in buffer.chunks(PIECE_BYTES) {
            if stdin.write_all(piece).is_err() {
                return; // The child closed its input; its exit status says why.
            }
            shared.moved.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
        // A failed send means that the caller is gone.
        let _ = notify.send(Event::Empty(buffer));
    }
}

fn drain(
    mut stdout: ChildStdout,
    pieces: Pieces,
    used: &Receiver<Vec<u8>>,
    notify: &Sender<Event>,
    shared: &Shared,
) {
    let (size, least) = match pieces {
        Pieces::Any => (PIECE_BYTES, 1),
        Pieces::Exact(size) => (size, size),
    };
    for mut buffer in used {
        buffer.resize(size, 0);
        let mut filled = 0;
        while filled < least {
            match stdout.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => {
                    filled += count;
                    shared.moved.fetch_add(count as u64, Ordering::Relaxed);
                }
                Err(e) if e.kind() == IoKind::Interrupted => {}
                Err(_) => break,
            }
        }
        buffer.truncate(filled);
        if filled == 0 || notify.send(Event::Piece(buffer)).is_err() {
            return;
        }
    }
}

fn listen(mut stderr: ChildStderr, shared: &Shared) {
    let mut buffer = [0; 4096];
    loop {
        match stderr.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                // Not counted as progress: a child that only writes to standard error has stalled.
                shared.tail.lock().unwrap_or_else(PoisonError::into_inner).push(&buffer[..count]);
            }
            Err(e) if e.kind() == IoKind::Interrupted => {}
            Err(_) => return,
        }
    }
}
