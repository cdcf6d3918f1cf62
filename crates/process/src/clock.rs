//! Limits of a child: stall time, run time, and the size of an output file.

use std::fs::Metadata;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use lab_codec::{Error, ErrorKind, Result};

use crate::group::Group;

/// Default stall limit.
pub const STALL: Duration = Duration::from_secs(60);
/// Multiple of the stall limit for a child that uses processor time but moves no bytes. Encoders hold frames
/// back, and git checks objects silently.
const BUSY_FACTOR: u32 = 10;
/// Processor-time samples per stall limit. Each walks `/proc`, which costs time.
const SAMPLES_PER_STALL: u32 = 8;
/// How long a pipe may stay open and silent after the child and its group have ended.
const LINGER: Duration = Duration::from_secs(2);

/// Reads a duration in seconds from the environment variable `name`; `None` if unset, malformed or 0.
pub fn seconds(name: &str) -> Option<Duration> {
    let seconds: u64 = std::env::var(name).ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds)).filter(|seconds| !seconds.is_zero())
}

/// The stall limit: `LAB_STALL_TIMEOUT` in seconds, or [`STALL`].
pub fn stall() -> Duration {
    seconds("LAB_STALL_TIMEOUT").unwrap_or(STALL)
}

/// Limits on one child.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// Maximum time without progress and without processor use; ten times as long with processor use.
    pub stall: Option<Duration>,
    /// Maximum run time.
    pub timeout: Option<Duration>,
    /// A file that the child writes, and its maximum size. A change of the file counts as progress.
    pub file: Option<(PathBuf, u64)>,
}

/// What counts as progress: bytes through the pipes, and the size and time of the output file.
#[derive(PartialEq, Eq, Default)]
struct Progress {
    moved: u64,
    file: Option<(u64, Option<SystemTime>)>,
}

/// Checks one child against its limits.
pub(crate) struct Clock {
    limits: Limits,
    start: Instant,
    /// Time of the last progress.
    still_since: Instant,
    progress: Progress,
    /// Processor time at the last sample, the time of that sample, and the time since which it has not grown.
    ticks: u64,
    sampled: Option<Instant>,
    idle_since: Instant,
}

impl Clock {
    pub(crate) fn new(limits: Limits) -> Self {
        let now = Instant::now();
        let progress = Progress::default();
        Self { limits, start: now, still_since: now, progress, ticks: 0, sampled: None, idle_since: now }
    }

    /// Restarts the stall clock: the caller, not the child, used the time until now.
    pub(crate) fn restart(&mut self) {
        self.still_since = Instant::now();
        self.sampled = None;
    }

    /// Checks the child after `moved` bytes through its pipes.
    ///
    /// # Errors
    /// [`Tool`](ErrorKind::Tool) or [`Limit`](ErrorKind::Limit) if a limit is broken; the caller then ends
    /// the child.
    pub(crate) fn check(&mut self, group: &Group, moved: u64) -> Result<()> {
        let tool = |what: String| Err(Error::new(ErrorKind::Tool, what));
        if let Some(timeout) = self.limits.timeout.filter(|timeout| self.start.elapsed() >= *timeout) {
            return tool(format!("ran past its {} s and was ended", timeout.as_secs()));
        }
        let file = self.limits.file.as_ref().and_then(|(file, _)| file.metadata().ok());
        let progress =
            Progress { moved, file: file.as_ref().map(|file: &Metadata| (file.len(), file.modified().ok())) };
        if let (Some((_, limit)), Some(file)) = (&self.limits.file, &file)
            && file.len() > *limit
        {
            return Err(excess(*limit));
        }
        if progress != self.progress {
            self.progress = progress;
            self.restart();
            return Ok(());
        }
        let still = self.still_since.elapsed();
        if group.is_reaped() {
            return match still >= LINGER {
                true => tool("has ended, but a process that it started still holds its pipes".to_string()),
                false => Ok(()),
            };
        }
        let Some(stall) = self.limits.stall else { return Ok(()) };
        if self.sampled.map_or(still, |at| at.elapsed()) >= stall / SAMPLES_PER_STALL {
            let (ticks, now) = (group.ticks(), Instant::now());
            if self.sampled.is_none() || ticks != self.ticks {
                (self.ticks, self.idle_since) = (ticks, now);
            }
            self.sampled = Some(now);
        }
        // The first sample comes an eighth of the limit late, so three quarters of the limit count as idle.
        let idle = self.sampled.is_some() && self.idle_since.elapsed() >= stall * 3 / 4;
        if (still < stall || !idle) && still < stall * BUSY_FACTOR {
            return Ok(());
        }
        tool(format!("moved nothing for {} s and was ended", still.as_secs()))
    }
}

/// The error for output beyond `limit` bytes.
pub(crate) fn excess(limit: u64) -> Error {
    Error::limit(format!("wrote more than the {limit} bytes allowed and was ended"))
}
