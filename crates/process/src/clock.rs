//! When a child is ended: it stalls, its time is up, or its file grows too large.

use std::fs::Metadata;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use lab_codec::{Error, ErrorKind, Result};

use crate::group::Group;

/// How long a child may stand still, where nothing else is configured.
pub const STALL: Duration = Duration::from_secs(60);
/// A child that computes but moves nothing gets this multiple: encoders hold frames back, and git checks objects
/// silently.
const COMPUTING: u32 = 10;
/// Samples of processor time in one stall limit: each takes a walk over `/proc`.
const SAMPLES: u32 = 8;
/// How long a pipe may stay open and silent after the child and its group have ended.
const LINGER: Duration = Duration::from_secs(2);

/// The seconds that the environment variable `name` holds, unless it is unset, malformed or 0.
pub fn seconds(name: &str) -> Option<Duration> {
    let seconds: u64 = std::env::var(name).ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds)).filter(|seconds| !seconds.is_zero())
}

/// The stall limit: `LAB_STALL_TIMEOUT` in seconds, or [`STALL`].
pub fn stall() -> Duration {
    seconds("LAB_STALL_TIMEOUT").unwrap_or(STALL)
}

/// What a child is held to.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// How long it may move no byte and use no processor time; ten times as long where it computes.
    pub stall: Option<Duration>,
    /// How long it may run at all.
    pub timeout: Option<Duration>,
    /// A file that it writes, and the size to which the file may grow. A change of the file is movement.
    pub file: Option<(PathBuf, u64)>,
}

/// What changes while the child works.
#[derive(PartialEq, Eq, Default)]
struct Progress {
    moved: u64,
    file: Option<(u64, Option<SystemTime>)>,
}

/// Looks at one child from time to time.
pub(crate) struct Clock {
    limits: Limits,
    start: Instant,
    /// When the last movement was seen, and the state then.
    still_since: Instant,
    progress: Progress,
    /// Processor time at the last sample, when that was, and since when it is the same.
    ticks: u64,
    sampled: Option<Instant>,
    idle_since: Instant,
}

impl Clock {
    pub fn new(limits: Limits) -> Self {
        let now = Instant::now();
        let progress = Progress::default();
        Self { limits, start: now, still_since: now, progress, ticks: 0, sampled: None, idle_since: now }
    }

    /// Begins to wait: the time until now was the caller's.
    pub fn restart(&mut self) {
        self.still_since = Instant::now();
        self.sampled = None;
    }

    /// Whether the child keeps to its limits, after `moved` bytes over its pipes.
    ///
    /// # Errors
    /// [`Tool`](ErrorKind::Tool) and [`Limit`](ErrorKind::Limit) where it does not; the caller ends it.
    pub fn check(&mut self, group: &Group, moved: u64) -> Result<()> {
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
        if self.sampled.map_or(still, |at| at.elapsed()) >= stall / SAMPLES {
            let (ticks, now) = (group.ticks(), Instant::now());
            if self.sampled.is_none() || ticks != self.ticks {
                (self.ticks, self.idle_since) = (ticks, now);
            }
            self.sampled = Some(now);
        }
        // The first sample is an eighth of the limit late, so three quarters of it are enough.
        let idle = self.sampled.is_some() && self.idle_since.elapsed() >= stall * 3 / 4;
        if (still < stall || !idle) && still < stall * COMPUTING {
            return Ok(());
        }
        tool(format!("moved nothing for {} s and was ended", still.as_secs()))
    }
}

/// More output than the limit.
pub(crate) fn excess(limit: u64) -> Error {
    Error::limit(format!("wrote more than the {limit} bytes allowed and was ended"))
}
