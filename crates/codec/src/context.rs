//! What surrounds a codec while it works: limits, cancellation, progress, format version, scratch space.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, Result};

/// Upper bounds that hold against hostile input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that one decoding step may produce.
    pub output: u64,
    /// Bytes of memory that one worker may allocate beside its input and output.
    pub memory: u64,
}

impl Default for Limits {
    /// 4 GiB of output and 4 GiB of memory.
    fn default() -> Self {
        Self { output: 4 << 30, memory: 4 << 30 }
    }
}

impl Limits {
    /// Checks a size that was read from input before it is allocated; `what` names it in the error.
    ///
    /// # Errors
    /// [`Limit`](crate::ErrorKind::Limit), where `bytes` exceeds the memory limit.
    pub fn check_memory(&self, bytes: u64, what: &str) -> Result<()> {
        if bytes > self.memory {
            return Err(Error::limit(format!(
                "{what} needs {bytes} bytes of memory, the limit is {} (raise it with --memory-limit)",
                self.memory
            )));
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
                "{what} of {bytes} bytes exceeds the limit of {} (raise it with --memory-limit)",
                self.output
            )));
        }
        Ok(())
    }
}

/// A flag that asks running work to stop. Clones share the flag.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks for the end.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the end was asked for.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Hears how work goes on. Implementations are cheap and may be called from any thread.
pub trait Observer: Send + Sync {
    /// `bytes` more of the input of the current operation are done.
    fn advance(&self, bytes: u64) {
        let _ = bytes;
    }

    /// A figure that describes the codec's work on this segment, for instance `("rules", 167_415)`.
    fn metric(&self, name: &'static str, value: f64) {
        let _ = (name, value);
    }
}

/// The observer that hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}

/// The surroundings of one piece of work. Cheap to clone.
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
    /// The same surroundings with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same surroundings with another cancellation flag.
    #[must_use]
    pub fn with_cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = cancel;
        self
    }

    /// The same surroundings with another observer.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// The same surroundings for another format version of the codec at hand.
    #[must_use]
    pub fn with_format(mut self, format: u16) -> Self {
        self.format = format;
        self
    }

    /// The same surroundings with a directory for temporary files.
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

    /// Returns an error once the work was cancelled; long loops call this every few milliseconds.
    ///
    /// # Errors
    /// [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn check(&self) -> Result<()> {
        if self.cancel.is_cancelled() { Err(Error::cancelled()) } else { Ok(()) }
    }

    /// Who hears of progress.
    pub fn observer(&self) -> &dyn Observer {
        &*self.observer
    }

    /// The format version of the codec's bytes that are read (or, when encoding, written).
    pub fn format(&self) -> u16 {
        self.format
    }

    /// A directory for temporary files: the configured one, or the system's.
    pub fn scratch(&self) -> PathBuf {
        self.scratch.as_deref().map_or_else(std::env::temp_dir, |p: &PathBuf| Path::to_path_buf(p))
    }
}
