//! A child with its descendants.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};

use lab_codec::{Error, ErrorKind, Result};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// A child in a process group of its own. Dropped, the whole group is killed and the child reaped.
#[derive(Debug)]
pub struct Group {
    child: Child,
    ended: Option<ExitStatus>,
}

impl Group {
    /// Starts `command`.
    ///
    /// # Errors
    /// [`MissingTool`](ErrorKind::MissingTool) where there is no such program; I/O errors.
    pub fn spawn(command: &mut Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.process_group(0).spawn().map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => {
                Error::new(ErrorKind::MissingTool, format!("there is no program {name:?}"))
            }
            _ => Error::from(e).at(format!("starting {name:?}")),
        })?;
        Ok(Self { child, ended: None })
    }

    /// Takes the end of the child's standard input, where it was asked for.
    pub fn stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Takes the end of the child's standard output, where it was asked for.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Takes the end of the child's standard error, where it was asked for.
    pub fn stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// Whether the child has ended; it is not reaped.
    ///
    /// # Errors
    /// I/O errors.
    pub fn has_ended(&self) -> Result<bool> {
        if self.ended.is_some() {
            return Ok(true);
        }
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(Pid::from_child(&self.child)), options).map_err(io::Error::from)?;
        Ok(status.is_some())
    }

    /// Processor time that the child has used, in ticks of the system; `None` where the system does not tell.
    pub fn ticks(&self) -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        // The name of the program is in brackets and may hold any character; the times are the 14th and 15th field.
        let (_, fields) = text.rsplit_once(')')?;
        let mut times = fields.split_ascii_whitespace().skip(11).map(str::parse);
        let (user, system): (u64, u64) = (times.next()?.ok()?, times.next()?.ok()?);
        Some(user + system)
    }

    /// Kills what is left of the group, and reaps the child. While the child is not reaped, its number cannot be
    /// another's.
    ///
    /// # Errors
    /// I/O errors.
    pub fn end(&mut self) -> Result<ExitStatus> {
        if let Some(status) = self.ended {
            return Ok(status);
        }
        // Without effect on a child that has ended and has no descendants.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
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
