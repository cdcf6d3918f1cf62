//! Readers and writers that count bytes and measure time.

use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lab_codec::{Lost, Result, StreamReader, StreamWriter, Summary};

use lab_stream::entropy::Histogram;

/// A reader that counts the bytes read through it.
pub(super) struct Counted<'a> {
    pub inner: Box<dyn Read + Send + 'a>,
    pub histogram: &'a Mutex<Histogram>,
    pub watch: Stopwatch,
}

impl Read for Counted<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let got = self.inner.read(buf)?;
        self.watch.time(|| self.histogram.lock().expect("counting does not panic").add(&buf[..got]));
        Ok(got)
    }
}

/// Time spent in a carrier, summed over calls and threads.
#[derive(Clone, Default)]
pub(super) struct Stopwatch(Arc<AtomicU64>);

impl Stopwatch {
    /// Runs `work` and adds its time.
    pub(super) fn time<T>(&self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.0.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        result
    }

    /// The total time so far.
    pub(super) fn total(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// A writer whose calls are timed.
pub(super) struct TimedWriter<'a> {
    pub inner: Box<dyn StreamWriter + 'a>,
    pub watch: Stopwatch,
}

impl StreamWriter for TimedWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.watch.time(|| self.inner.write(bytes))
    }

    fn finish(self: Box<Self>, summary: &Summary) -> Result<()> {
        let Self { inner, watch } = *self;
        watch.time(|| inner.finish(summary))
    }
}

/// A reader whose calls are timed.
pub(super) struct TimedReader {
    pub inner: Arc<dyn StreamReader>,
    pub watch: Stopwatch,
}

impl StreamReader for TimedReader {
    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<Lost> {
        self.watch.time(|| self.inner.read_at(offset, buf))
    }

    fn summary(&self) -> Option<Summary> {
        self.inner.summary()
    }
}
