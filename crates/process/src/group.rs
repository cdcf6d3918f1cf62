//! Process groups: a child with its descendants, and the list of all live groups.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lab_codec::{Error, ErrorKind, Result};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// Groups whose leaders are not reaped yet.
struct Live {
    leaders: Vec<Pid>,
    /// Set while the process exits: no further child is started.
    closed: bool,
}

static LIVE: Mutex<Live> = Mutex::new(Live { leaders: Vec::new(), closed: false });

fn live() -> MutexGuard<'static, Live> {
    // Every operation leaves the list consistent, so a lock poisoned by a panic is safe to use.
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills every child with its descendants and refuses to start others. For a process that exits without
/// unwinding or with threads still at work.
pub fn end_all() {
    let mut live = live();
    live.closed = true;
    for leader in &live.leaders {
        // No effect on a group that has already ended.
        let _ = kill_process_group(*leader, Signal::KILL);
    }
}

/// A child in its own process group. Dropping it kills the group and reaps the child.
#[derive(Debug)]
pub(crate) struct Group {
    child: Child,
    ended: Option<ExitStatus>,
}

impl Group {
    /// Starts `command`; messages call it `name`.
    ///
    /// # Errors
    /// [`MissingTool`](ErrorKind::MissingTool) if the program is missing; I/O errors;
    /// [`Cancelled`](ErrorKind::Cancelled) after [`end_all`].
    pub(crate) fn spawn(command: &mut Command, name: &str) -> Result<Self> {
        // The lock is held while the child starts: `end_all` either sees the child or prevents it.
        let mut live = live();
        if live.closed {
            return Err(Error::new(ErrorKind::Cancelled, "the process is ending"));
        }
        let child = command.process_group(0).spawn().map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => {
                Error::new(ErrorKind::MissingTool, format!("program {name:?} not found"))
            }
            _ => Error::from(e).at(format!("starting {name:?}")),
        })?;
        live.leaders.push(Pid::from_child(&child));
        Ok(Self { child, ended: None })
    }

    /// Takes the child's pipes; `None` for each that was not requested.
    pub(crate) fn pipes(&mut self) -> (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>) {
        (self.child.stdin.take(), self.child.stdout.take(), self.child.stderr.take())
    }

    /// Whether the child has ended. It stays unreaped, so its process id stays reserved.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn has_ended(&self) -> Result<bool> {
        Ok(self.ended.is_some() || self.wait(WaitIdOptions::NOHANG)?)
    }

    /// Whether the child was reaped and the group killed.
    pub(crate) fn is_reaped(&self) -> bool {
        self.ended.is_some()
    }

    fn wait(&self, more: WaitIdOptions) -> Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | more;
        loop {
            match waitid(WaitId::Pid(Pid::from_child(&self.child)), options) {
                Err(rustix::io::Errno::INTR) => {}
                status => return Ok(status.map_err(io::Error::from)?.is_some()),
            }
        }
    }

    /// Processor time used by the live processes of the group, in clock ticks; 0 on systems without `/proc`.
    pub(crate) fn ticks(&self) -> u64 {
        let group = self.child.id().to_string();
        let ticks = |entry: std::fs::DirEntry| {
            let text = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            // The program's name stands in parentheses and may hold any character. After it, field 3 is the
            // group, fields 12 and 13 are user and system time.
            let (_, fields) = text.rsplit_once(')')?;
            let mut fields = fields.split_ascii_whitespace();
            fields.nth(2).filter(|found| *found == group)?;
            let mut times = fields.skip(8).map_while(|time| time.parse::<u64>().ok());
            Some(times.next()? + times.next()?)
        };
        std::fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(ticks).sum()
    }

    /// Kills the rest of the group and reaps the child.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn end(&mut self) -> Result<ExitStatus> {
        if let Some(status) = self.ended {
            return Ok(status);
        }
        let leader = Pid::from_child(&self.child);
        // No effect on an ended child without descendants.
        let _ = kill_process_group(leader, Signal::KILL);
        self.wait(WaitIdOptions::empty())?;
        // Removed from the list before reaping: after that, the system may give the id to another process.
        let mut live = live();
        live.leaders.retain(|other| *other != leader);
        let status = self.child.wait()?;
        self.ended = Some(status);
        Ok(status)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = self.end();
    }
}
