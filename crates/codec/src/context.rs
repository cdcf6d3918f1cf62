//! The environment of a codec at work: limits, cancellation, progress, format version, scratch space.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, Hint, Result};

/// Upper bounds on what hostile input can make a decoder use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Maximum output of one decoding step, in bytes.
    pub output: u64,
    /// Maximum memory of one worker beside its input and output, in bytes.
    pub memory: u64,
}

impl Default for Limits {
    /// 4 GiB of output and 4 GiB of memory.
    fn default() -> Self {
        Self { output: 4 << 30, memory: 4 << 30 }
    }
}

impl Limits {
    /// Limits in bytes of output and of memory.
    pub const fn new(output: u64, memory: u64) -> Self {
        Self { output, memory }
    }

    /// The same limits with another bound on the output.
    #[must_use]
    pub const fn with_output(self, output: u64) -> Self {
        Self { output, ..self }
    }

    /// The same limits with another bound on memory.
    #[must_use]
    pub const fn with_memory(self, memory: u64) -> Self {
        Self { memory, ..self }
    }

    /// Checks a size that was read from input before it is allocated; `what` names it in the error.
    ///
    /// # Errors
    /// [`Limit`](crate::ErrorKind::Limit), where `bytes` exceeds the memory limit.
    pub fn check_memory(&self, bytes: u64, what: &str) -> Result<()> {
        if bytes > self.memory {
            return Err(Error::limit(format!(
                "{what} needs {bytes} bytes of memory, the limit is {}",
                self.memory
            ))
            .with_hint(Hint::RaiseMemoryLimit));
        }
        Ok(())
    }

    /// Checks the size of a decoded result before it is allocated.
    ///
    /// # Errors
    /// [`Limit`](crate::ErrorKind::Limit), where `bytes` exceeds the output limit.
    pub fn check_output(&self, bytes: u64, what: &str) -> Result<()> {
        if bytes > self.output {
            return Err(Error::limit(format!(
                "{what} of {bytes} bytes exceeds the limit of {}",
                self.output
            ))
            .with_hint(Hint::RaiseMemoryLimit));
        }
        Ok(())
    }
}

/// A flag that asks running work to stop. Clones share the flag.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Requests the end of the work.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the end was requested.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Receives progress and metrics. Implementations are cheap and may be called from any thread.
pub trait Observer: Send + Sync {
    /// Another `bytes` bytes of the current operation's input are done.
    fn advance(&self, bytes: u64) {
        let _ = bytes;
    }

    /// A metric of the codec's work on this segment, for instance `("rules", 167_415)`.
    fn metric(&self, name: &'static str, value: f64) {
        let _ = (name, value);
    }
}

/// An observer that ignores everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}

/// The environment of one piece of work. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    limits: Limits,
    cancel: Cancel,
    observer: Arc<dyn Observer>,
    format: u16,
    scratch: Option<Arc<PathBuf>>,
}

impl Default for Context {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            cancel: Cancel::default(),
            observer: Arc::new(Silent),
            format: 1,
            scratch: None,
        }
    }
}

impl Context {
    /// A copy with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// A copy with another cancellation flag.
    #[must_use]
    pub fn with_cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = cancel;
        self
    }

    /// A copy with another observer.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// A copy for another format version of the codec.
    #[must_use]
    pub fn with_format(mut self, format: u16) -> Self {
        self.format = format;
        self
    }

    /// A copy with a directory for temporary files.
    #[must_use]
    pub fn with_scratch(mut self, scratch: impl Into<PathBuf>) -> Self {
        self.scratch = Some(Arc::new(scratch.into()));
        self
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The cancellation flag.
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// Fails once the work is cancelled; long loops call it every few milliseconds.
    ///
    /// # Errors
    /// [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn check(&self) -> Result<()> {
        if self.cancel.is_cancelled() { Err(Error::cancelled()) } else { Ok(()) }
    }

    /// The observer.
    pub fn observer(&self) -> &dyn Observer {
        &*self.observer
    }

    /// The format version of the codec's bytes that are read or written.
    pub fn format(&self) -> u16 {
        self.format
    }

    /// A directory for temporary files: the configured one, or the system's.
    pub fn scratch(&self) -> PathBuf {
        self.scratch.as_deref().map_or_else(std::env::temp_dir, |p: &PathBuf| Path::to_path_buf(p))
    }
}
