//! One ffmpeg with buffers that circulate: one thread feeds its standard input, one reads its standard output, one
//! keeps the end of its standard error.
//!
//! There are as many buffers as may wait, so that nobody runs ahead without bounds; waits are short, so that
//! cancellation and a hung child are noticed; and buffers are reused.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use lab_codec::{Context, Error, ErrorKind, Result};
use lab_process::{Group, LastWords};

use super::Tools;

/// How long a wait lasts before cancellation and the child are looked at again.
const PAUSE: Duration = Duration::from_millis(20);
/// Bytes that are moved at a time.
const PIECE: usize = 256 << 10;
/// Buffers for each direction.
const BUFFERS: usize = 3;

/// What is known of a child from outside its threads.
#[derive(Default)]
struct Shared {
    words: Mutex<LastWords>,
    /// Bytes moved over either pipe.
    moved: AtomicU64,
}

/// A running ffmpeg.
pub(super) struct Child {
    group: Group,
    program: PathBuf,
    shared: Arc<Shared>,
    stall: Duration,
    /// A file that it writes: as long as that changes, it works.
    file: Option<PathBuf>,
    input: Option<Input>,
    output: Option<Lane>,
}

/// Buffers from one side to the other and back.
struct Lane {
    full: Receiver<Vec<u8>>,
    empty: Sender<Vec<u8>>,
}

/// The feeding side.
struct Input {
    full: Sender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
}

/// Which pipes a child has.
pub(super) struct Pipes<'a> {
    /// Whether it is fed.
    pub input: bool,
    /// The size of the pieces in which its output is taken, if it is; the last may be shorter.
    pub output: Option<usize>,
    /// A file that it writes.
    pub file: Option<&'a Path>,
}

/// What waiting for a child gave.
pub(super) enum Waited {
    /// A piece of output.
    Piece(Vec<u8>),
    /// An empty buffer for input.
    Empty(Vec<u8>),
    /// The end of its output, or it takes no more input.
    End,
}

impl Child {
    pub fn start(tools: &Tools, arguments: &[OsString], pipes: &Pipes) -> Result<Self> {
        let pipe = |wanted: bool| if wanted { Stdio::piped() } else { Stdio::null() };
        let mut command = Command::new(&tools.ffmpeg);
        command
            .args(["-hide_banner", "-loglevel", "error"])
            .args(arguments)
            .stdin(pipe(pipes.input))
            .stdout(pipe(pipes.output.is_some()))
            .stderr(Stdio::piped());
        let mut group = Group::spawn(&mut command)?;
        let shared = Arc::new(Shared::default());
        if let Some(stderr) = group.stderr() {
            let shared = shared.clone();
            thread::spawn(move || listen(stderr, &shared));
        }
        let input = group.stdin().map(|stdin| {
            let (full, from_caller) = channel();
            let (to_caller, empty) = channel();
            for _ in 0..BUFFERS {
                // The receiver is in scope.
                let _ = to_caller.send(Vec::new());
            }
            let shared = shared.clone();
            thread::spawn(move || feed(stdin, &from_caller, &to_caller, &shared));
            Input { full, empty }
        });
        let output = group.stdout().zip(pipes.output).map(|(stdout, size)| {
            let (empty, from_caller) = channel();
            let (to_caller, full) = channel();
            for _ in 0..BUFFERS {
                let _ = empty.send(Vec::new());
            }
            let shared = shared.clone();
            thread::spawn(move || drain(stdout, size, &from_caller, &to_caller, &shared));
            Lane { full, empty }
        });
        Ok(Self {
            group,
            program: tools.ffmpeg.clone(),
            shared,
            stall: tools.stall,
            file: pipes.file.map(Path::to_path_buf),
            input,
            output,
        })
    }

    /// Waits for a piece of output, or, where `input` is asked for, for an empty buffer, whichever comes first.
    pub fn wait(&mut self, input: bool, cx: &Context) -> Result<Waited> {
        let mut clock = Clock::new(self);
        loop {
            cx.check()?;
            let mut output_ended = self.output.is_none();
            if let Some(lane) = &self.output {
                match lane.full.try_recv() {
                    Ok(piece) => return Ok(Waited::Piece(piece)),
                    Err(TryRecvError::Empty) => {}
                    Err(TryRecvError::Disconnected) => output_ended = true,
                }
            }
            let waited = match (&self.input, &self.output) {
                (Some(lane), output) if input => {
                    // With output to look after, too, the wait is shorter.
                    let pause = if output.is_some() { PAUSE / 20 } else { PAUSE };
                    lane.empty.recv_timeout(pause).map(Waited::Empty)
                }
                (_, Some(lane)) if !output_ended => lane.full.recv_timeout(PAUSE).map(Waited::Piece),
                _ => Err(RecvTimeoutError::Disconnected),
            };
            match waited {
                Ok(waited) => return Ok(waited),
                Err(RecvTimeoutError::Disconnected) => return Ok(Waited::End),
                Err(RecvTimeoutError::Timeout) => clock.check(self)?,
            }
        }
    }

    /// Sends a filled buffer to the child.
    pub fn send(&self, buffer: Vec<u8>) {
        if let Some(input) = &self.input {
            // A thread that has ended shows at the next wait.
            let _ = input.full.send(buffer);
        }
    }

    /// Hands a buffer back that came as a piece.
    pub fn recycle(&self, buffer: Vec<u8>) {
        if let Some(output) = &self.output {
            let _ = output.empty.send(buffer);
        }
    }

    /// Ends the child's input: it has seen everything once its thread has written what waits.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// Waits until the child has ended by itself.
    ///
    /// # Errors
    /// [`Tool`](ErrorKind::Tool) where it has failed or hangs.
    pub fn finish(&mut self, cx: &Context) -> Result<()> {
        self.close_input();
        let mut clock = Clock::new(self);
        while !self.group.has_ended()? {
            cx.check()?;
            thread::sleep(PAUSE / 10);
            clock.check(self)?;
        }
        let status = self.group.end()?;
        if status.success() {
            return Ok(());
        }
        // The end of the pipe may still be on its way to the listener.
        thread::sleep(PAUSE);
        Err(self.failure(&self.words().verdict(status)))
    }

    /// An error of the tool with its last words.
    pub fn broken(&self, what: &str) -> Error {
        self.failure(&format!("{what}{}", self.words().quoted()))
    }

    fn failure(&self, what: &str) -> Error {
        Error::new(ErrorKind::Tool, format!("{:?} {what}", self.program.to_string_lossy()))
    }

    fn words(&self) -> LastWords {
        self.shared.words.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What changes while the child works.
    fn progress(&self) -> (u64, Option<(u64, Option<SystemTime>)>) {
        let file = self.file.as_ref().and_then(|file| file.metadata().ok());
        (self.shared.moved.load(Ordering::Relaxed), file.map(|m| (m.len(), m.modified().ok())))
    }
}

/// Notices that a child does nothing any more. One that computes but moves nothing is given more time: encoders hold
/// frames back, and a large one takes a while.
struct Clock {
    since: Instant,
    progress: (u64, Option<(u64, Option<SystemTime>)>),
    idle_since: Instant,
    ticks: Option<u64>,
}

/// So many times longer may a child move nothing that computes.
const COMPUTING: u32 = 10;

impl Clock {
    fn new(child: &Child) -> Self {
        let now = Instant::now();
        Self { since: now, progress: child.progress(), idle_since: now, ticks: child.group.ticks() }
    }

    fn check(&mut self, child: &mut Child) -> Result<()> {
        let progress = child.progress();
        if progress != self.progress {
            (self.since, self.progress) = (Instant::now(), progress);
            return Ok(());
        }
        if self.since.elapsed() < child.stall {
            return Ok(());
        }
        let ticks = child.group.ticks();
        if ticks != self.ticks {
            (self.idle_since, self.ticks) = (Instant::now(), ticks);
        }
        let idle = self.idle_since.elapsed().min(self.since.elapsed()) >= child.stall;
        if !idle && self.since.elapsed() < child.stall * COMPUTING {
            return Ok(());
        }
        child.group.end()?;
        let seconds = self.since.elapsed().as_secs();
        Err(child.broken(&format!("moved nothing for {seconds} s and was ended")))
    }
}

fn feed(mut stdin: ChildStdin, full: &Receiver<Vec<u8>>, empty: &Sender<Vec<u8>>, shared: &Shared) {
    for buffer in full {
        for piece in buffer.chunks(PIECE) {
            if stdin.write_all(piece).is_err() {
                return; // the child has ended: its status tells why
            }
            shared.moved.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
        // Nobody may want it any more.
        let _ = empty.send(buffer);
    }
}

fn drain(
    mut stdout: ChildStdout,
    size: usize,
    empty: &Receiver<Vec<u8>>,
    full: &Sender<Vec<u8>>,
    shared: &Shared,
) {
    for mut buffer in empty {
        buffer.resize(size, 0);
        let mut filled = 0;
        while filled < size {
            match stdout.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => {
                    filled += count;
                    shared.moved.fetch_add(count as u64, Ordering::Relaxed);
                }
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        buffer.truncate(filled);
        if filled == 0 || full.send(buffer).is_err() {
            return;
        }
    }
}

fn listen(mut stderr: ChildStderr, shared: &Shared) {
    let mut buffer = [0; 4096];
    while let Ok(count) = stderr.read(&mut buffer) {
        if count == 0 {
            return;
        }
        shared.words.lock().unwrap_or_else(PoisonError::into_inner).push(&buffer[..count]);
    }
}
