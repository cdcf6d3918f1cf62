//! Observes a pipeline at work: with counters of each stage, with a clock of the caller, or not at all.
//!
//! Measurements run the same [`Pipeline`](crate::pipeline::Pipeline) as all other code; they only add a
//! [`Probe`].

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lab_codec::{Codec, Result};

use crate::entropy::Histogram;

/// Direction of a stage's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Content to stream.
    Encode,
    /// Stream to content.
    Decode,
}

/// Observes the stages of a pipeline. May be called from several threads at once.
///
/// A pipeline with a probe runs every stage, even one that changes nothing.
pub trait Probe: Send + Sync {
    /// Runs `work` exactly once: the work of stage number `stage` on one segment. A probe with a clock reads
    /// it before and after.
    ///
    /// # Errors
    /// Errors of `work`.
    fn run(&self, stage: usize, direction: Direction, work: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let _ = (stage, direction);
        work()
    }

    /// Records that stage number `stage`, the codec `codec`, encoded `bytes_in` bytes to `output`.
    fn encoded(&self, stage: usize, codec: &dyn Codec, bytes_in: usize, output: &[u8]) {
        let _ = (stage, codec, bytes_in, output);
    }
}

/// Number of segments by the canonical text of the codec's choice.
pub type Choices = BTreeMap<String, u64>;

/// Counters of one stage, summed over segments.
#[derive(Debug, Clone, Default)]
pub struct StageFigures {
    /// Bytes into the encoder.
    pub bytes_in: u64,
    /// Bytes out of the encoder.
    pub bytes_out: u64,
    /// Time in the encoder, summed over threads.
    pub encode: Duration,
    /// Time in the decoder, summed over threads.
    pub decode: Duration,
    /// Histogram of the encoder's output.
    pub histogram: Histogram,
    /// The codec's choices, with the number of segments of each.
    pub choices: Choices,
}

/// Counts bytes and times of each stage.
#[derive(Debug)]
pub struct Figures {
    stages: Mutex<Vec<StageFigures>>,
    /// Nanoseconds spent counting, summed over threads.
    overhead: AtomicU64,
}

impl Figures {
    /// Creates a probe for `stages` stages.
    pub fn new(stages: usize) -> Self {
        Self { stages: Mutex::new(vec![StageFigures::default(); stages]), overhead: AtomicU64::new(0) }
    }

    /// The counters so far, one row per stage.
    pub fn stages(&self) -> Vec<StageFigures> {
        self.lock().clone()
    }

    /// Time spent counting, summed over threads; the rows exclude it.
    pub fn overhead(&self) -> Duration {
        Duration::from_nanos(self.overhead.load(Ordering::Relaxed))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<StageFigures>> {
        // Every statement leaves the sums consistent, so a lock poisoned by a panic is safe to use.
        self.stages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Probe for Figures {
    fn run(&self, stage: usize, direction: Direction, work: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let start = Instant::now();
        let result = work();
        let elapsed = start.elapsed();
        let row = &mut self.lock()[stage];
        match direction {
            Direction::Encode => row.encode += elapsed,
            Direction::Decode => row.decode += elapsed,
        }
        result
    }

    fn encoded(&self, stage: usize, codec: &dyn Codec, bytes_in: usize, output: &[u8]) {
        let start = Instant::now();
        let mut histogram = Histogram::default();
        histogram.add(output);
        let choice = codec.choice(output);
        let mut stages = self.lock();
        let row = &mut stages[stage];
        row.bytes_in += bytes_in as u64;
        row.bytes_out += output.len() as u64;
        row.histogram.merge(&histogram);
        if let Some(choice) = choice {
            *row.choices.entry(choice).or_default() += 1;
        }
        self.overhead.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
    }
}
