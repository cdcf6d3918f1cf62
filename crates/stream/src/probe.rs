//! What watches a pipeline while it works: nothing, the figures of each stage, or a clock of the caller's.
//!
//! Everybody runs the same [`Pipeline`](crate::pipeline::Pipeline); who measures hands it a [`Probe`].

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lab_codec::{Codec, Result};

use crate::entropy::Histogram;

/// The direction of a stage's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Towards the stream.
    Encode,
    /// Back to the content.
    Decode,
}

/// Watches the stages of a pipeline. May be called from several threads at once.
///
/// A pipeline with a probe runs every stage, even one that changes nothing: it is there to be looked at.
pub trait Probe: Send + Sync {
    /// Runs `work`, the work of stage number `stage` on one segment, exactly once. A probe with a clock reads it
    /// before and after.
    ///
    /// # Errors
    /// Those of `work`.
    fn run(&self, stage: usize, direction: Direction, work: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let _ = (stage, direction);
        work()
    }

    /// Stage number `stage`, which is `codec`, has encoded `bytes_in` bytes to `output`.
    fn encoded(&self, stage: usize, codec: &dyn Codec, bytes_in: usize, output: &[u8]) {
        let _ = (stage, codec, bytes_in, output);
    }
}

/// How often a codec chose what, by its canonical text.
pub type Choices = BTreeMap<String, u64>;

/// What one stage did, summed over segments.
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
    /// Of the bytes that came out of the encoder.
    pub histogram: Histogram,
    /// What the codec chose, and for how many segments.
    pub choices: Choices,
}

/// Keeps the figures of each stage.
#[derive(Debug)]
pub struct Figures {
    stages: Mutex<Vec<StageFigures>>,
    /// Nanoseconds spent on counting, summed over threads.
    overhead: AtomicU64,
}

impl Figures {
    /// A probe for `stages` stages.
    pub fn new(stages: usize) -> Self {
        Self { stages: Mutex::new(vec![StageFigures::default(); stages]), overhead: AtomicU64::new(0) }
    }

    /// The figures so far, a row for each stage.
    pub fn stages(&self) -> Vec<StageFigures> {
        self.lock().clone()
    }

    /// Time spent on counting, summed over threads; the figures do not contain it.
    pub fn overhead(&self) -> Duration {
        Duration::from_nanos(self.overhead.load(Ordering::Relaxed))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<StageFigures>> {
        // Sums are complete after every statement, also where another thread panicked.
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
