//! A running child with buffers that circulate: one thread feeds its standard input, one reads its standard output,
//! one keeps the end of its standard error.
//!
//! A fixed pool of buffers bounds how far either side runs ahead. Waits are short, so that cancellation and a child
//! that hangs are noticed.

use std::io::{ErrorKind as IoKind, Read, Write};
use std::path::Path;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use lab_codec::{Context, Error, ErrorKind, Result};

use crate::clock::{Clock, Limits};
use crate::group::Group;
use crate::stderr::StderrTail;

/// How long a wait lasts before cancellation and the child are looked at again.
const PAUSE: Duration = Duration::from_millis(20);
/// Bytes that are moved at a time.
const PIECE: usize = 256 << 10;
/// Buffers for each direction.
const BUFFERS: usize = 3;

/// Which pipes a child has.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pipes {
    /// Whether it is fed.
    pub input: bool,
    /// Whether its output is taken, and how.
    pub output: Option<Pieces>,
}

/// How output is cut into pieces.
#[derive(Debug, Clone, Copy)]
pub enum Pieces {
    /// As it comes.
    Any,
    /// Of this size; the last may be shorter.
    Exact(usize),
}

/// What a wait for a child gave.
#[derive(Debug)]
pub enum Waited {
    /// A piece of output.
    Piece(Vec<u8>),
    /// An empty buffer for input.
    Empty(Vec<u8>),
    /// The end of its output; or, where input was asked for, it takes no more.
    End,
}

/// What the threads tell.
enum Event {
    Piece(Vec<u8>),
    Empty(Vec<u8>),
    InputEnd,
    OutputEnd,
    StderrEnd,
}

/// What is known of a child from outside its threads.
#[derive(Default)]
struct Shared {
    tail: Mutex<StderrTail>,
    /// Bytes moved over standard input and output.
    moved: AtomicU64,
}

/// A running child. Dropped, it is killed with its descendants, and reaped.
pub struct Child {
    group: Group,
    name: String,
    shared: Arc<Shared>,
    clock: Clock,
    looked: Instant,
    events: Receiver<Event>,
    /// Filled buffers to the feeding thread; `None` where the input has ended.
    input: Option<Sender<Vec<u8>>>,
    /// Used buffers to the reading thread.
    output: Option<Sender<Vec<u8>>>,
    /// Empty buffers that wait for input.
    spare: Vec<Vec<u8>>,
    stderr_ended: bool,
}

impl Child {
    /// Starts `command`.
    ///
    /// # Errors
    /// [`MissingTool`](ErrorKind::MissingTool) where there is no such program, [`Cancelled`](ErrorKind::Cancelled)
    /// where the process is about to exit, I/O errors.
    pub fn start(command: &mut Command, pipes: Pipes, limits: Limits) -> Result<Self> {
        let pipe = |wanted: bool| if wanted { Stdio::piped() } else { Stdio::null() };
        let name = name_of(command);
        command.stdin(pipe(pipes.input)).stdout(pipe(pipes.output.is_some())).stderr(Stdio::piped());
        let mut group = Group::spawn(command, &name)?;
        let (stdin, stdout, stderr) = group.pipes();
        let shared = Arc::new(Shared::default());
        let (tell, events) = channel();
        let input = stdin.map(|stdin| {
            let (full, from_caller) = channel();
            let (tell, shared) = (tell.clone(), shared.clone());
            thread::spawn(move || {
                feed(stdin, &from_caller, &tell, &shared);
                let _ = tell.send(Event::InputEnd);
            });
            full
        });
        let output = stdout.zip(pipes.output).map(|(stdout, pieces)| {
            let (used, from_caller) = channel();
            for _ in 0..BUFFERS {
                // The receiver is in scope.
                let _ = used.send(Vec::new());
            }
            let (tell, shared) = (tell.clone(), shared.clone());
            thread::spawn(move || {
                drain(stdout, pieces, &from_caller, &tell, &shared);
                let _ = tell.send(Event::OutputEnd);
            });
            used
        });
        let listener = shared.clone();
        thread::spawn(move || {
            if let Some(stderr) = stderr {
                listen(stderr, &listener);
            }
            let _ = tell.send(Event::StderrEnd);
        });
        Ok(Self {
            group,
            name,
            shared,
            clock: Clock::new(limits),
            looked: Instant::now(),
            events,
            spare: if input.is_some() { vec![Vec::new(); BUFFERS] } else { Vec::new() },
            input,
            output,
            stderr_ended: false,
        })
    }

    /// Waits for a piece of output, or, where `input` is asked for, for an empty buffer, whichever comes first.
    ///
    /// # Errors
    /// [`Tool`](ErrorKind::Tool) and [`Limit`](ErrorKind::Limit) where the child breaks a limit,
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
            if let Some(piece) = self.step(PAUSE)? {
                return Ok(Waited::Piece(piece));
            }
        }
    }

    /// Takes one event, or looks at the child where there is none.
    fn step(&mut self, pause: Duration) -> Result<Option<Vec<u8>>> {
        match self.events.recv_timeout(pause) {
            Ok(Event::Piece(piece)) => {
                self.look()?;
                return Ok(Some(piece));
            }
            Ok(Event::Empty(buffer)) => self.spare.push(buffer),
            Ok(Event::InputEnd) => self.input = None,
            Ok(Event::OutputEnd) => self.output = None,
            Ok(Event::StderrEnd) => self.stderr_ended = true,
            Err(RecvTimeoutError::Timeout) => {}
            // All threads have ended, and with their pipes the child is about to.
            Err(RecvTimeoutError::Disconnected) => thread::sleep(pause),
        }
        self.look()?;
        Ok(None)
    }

    /// Ends the child where it breaks a limit, and its descendants where it has ended itself: they may hold its pipes.
    fn look(&mut self) -> Result<()> {
        if self.looked.elapsed() < PAUSE {
            return Ok(());
        }
        self.looked = Instant::now();
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
            // A thread that has ended shows at the next wait.
            let _ = input.send(buffer);
        }
    }

    /// Hands a buffer back that came as a piece.
    pub fn recycle(&self, buffer: Vec<u8>) {
        if let Some(output) = &self.output {
            let _ = output.send(buffer);
        }
    }

    /// Ends the child's input: the child sees the end after everything that was sent.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// Waits until the child has ended by itself. Output that is still under way is dropped.
    ///
    /// # Errors
    /// [`Tool`](ErrorKind::Tool) where it has failed or stalls, and as [`wait`](Self::wait).
    pub fn finish(&mut self, cx: &Context) -> Result<()> {
        self.close_input();
        self.clock.restart();
        while !self.group.has_ended()? {
            cx.check()?;
            // Pieces are not handed back: a child that writes without end blocks, and stalls.
            self.step(if self.stderr_ended { PAUSE / 20 } else { PAUSE })?;
        }
        let status = self.end()?;
        if status.success() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Tool, format!("{:?} {}", self.name, self.tail().verdict(status))))
    }

    /// Kills the group, and hears the end of standard error, which may still be on its way.
    fn end(&mut self) -> Result<std::process::ExitStatus> {
        let status = self.group.end()?;
        // A descendant that has left the group may hold the pipe for ever.
        let deadline = Instant::now() + Duration::from_secs(1);
        while !self.stderr_ended && Instant::now() < deadline {
            match self.events.recv_timeout(PAUSE) {
                Ok(Event::StderrEnd) => self.stderr_ended = true,
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        Ok(status)
    }

    /// An error of the tool with the end of its standard error.
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

/// What messages call the program: its name without the directory.
pub(crate) fn name_of(command: &Command) -> String {
    let program = Path::new(command.get_program());
    program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned()
}

fn feed(mut stdin: ChildStdin, full: &Receiver<Vec<u8>>, tell: &Sender<Event>, shared: &Shared) {
    for buffer in full {
        for piece in buffer.chunks(PIECE) {
            if stdin.write_all(piece).is_err() {
                return; // The child reads no more; its status tells why.
            }
            shared.moved.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
        // The caller may be gone.
        let _ = tell.send(Event::Empty(buffer));
    }
}

fn drain(
    mut stdout: ChildStdout,
    pieces: Pieces,
    used: &Receiver<Vec<u8>>,
    tell: &Sender<Event>,
    shared: &Shared,
) {
    let (size, least) = match pieces {
        Pieces::Any => (PIECE, 1),
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
        if filled == 0 || tell.send(Event::Piece(buffer)).is_err() {
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
                // Not counted as movement: a child that only complains has stalled.
                shared.tail.lock().unwrap_or_else(PoisonError::into_inner).push(&buffer[..count]);
            }
            Err(e) if e.kind() == IoKind::Interrupted => {}
            Err(_) => return,
        }
    }
}
