//! Timed passes over an input in memory, through the same pipeline as `lab encode`.
//!
//! The first encoding writes a stream in memory as `lab encode` does; the first decoding reads it back and
//! compares. No unverified work is timed. Later passes run the same workers over the same segments and reuse
//! the buffers.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lab_codec::{Codec, Context, Digest, Error, Limits, Resources, Result};
use lab_stream::chain::Chain;
use lab_stream::container::{Feed, Sequence, Stored};
use lab_stream::encode::{self, Options, encode};
use lab_stream::memory::VecWriter;
use lab_stream::ordered::ordered;
use lab_stream::pipeline::{Coded, Pipeline, PipelineWorker};
use lab_stream::probe::{Choices, Direction, Probe};

use super::clock::{Clock, Span, Stopwatch};
use super::entropy::Orders;

/// An input in memory with its digest and entropies.
pub(crate) struct Input {
    /// File name of the sample, without directories.
    pub name: String,
    /// The bytes.
    pub raw: Vec<u8>,
    /// SHA-256 of the bytes.
    pub sha256: Digest,
    /// Entropies of order 0, 1 and 2, in bits per byte.
    pub entropy: [f64; 3],
}

/// Times of one pass.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pass {
    /// All stages together.
    pub whole: Span,
    /// Each stage, summed over threads.
    pub stages: Vec<Span>,
}

/// Figures of the first encoding and decoding, which verify.
pub(crate) struct First {
    /// Encoding times of the codecs.
    pub encode: Pass,
    /// Decoding times of the codecs.
    pub decode: Pass,
    /// Encoding time of the container: headers, checksums, SHA-256.
    pub packing: Span,
    /// Decoding time of the container.
    pub unpacking: Span,
    /// The complete stream.
    pub stream: Vec<u8>,
    /// Output of each stage.
    pub outputs: Vec<StageOutput>,
}

/// Output of one stage.
#[derive(Debug, Default)]
pub(crate) struct StageOutput {
    /// Bytes into the encoder.
    pub bytes_in: u64,
    /// Bytes out of the encoder.
    pub bytes_out: u64,
    /// Entropy counts of the output.
    pub orders: Orders,
    /// Choices of a codec such as `auto`, with the number of segments of each.
    pub choices: Choices,
}

/// Workers and buffers of a chain for one input, and the encoded segments.
pub(crate) struct Passes {
    pipeline: Pipeline,
    probe: Arc<StageClock>,
    segments: Vec<Stored>,
    lanes: Mutex<Vec<Lane>>,
    threads: usize,
    cx: Context,
}

/// Worker and buffers of one thread.
struct Lane {
    worker: PipelineWorker,
    out: Vec<u8>,
}

impl Passes {
    /// Encodes `input` with `chain` in segments of `segment` bytes (0 for one segment), decodes and compares,
    /// all on one thread. Later passes use `threads` threads.
    ///
    /// # Errors
    /// A codec's parameter errors; [`Limit`](lab_codec::ErrorKind::Limit) if a worker would exceed the memory
    /// limit; errors of the codecs; corrupt, with the first wrong byte, if the decoded content differs.
    pub(crate) fn new(
        chain: &Chain,
        resources: &Resources,
        input: &Input,
        segment: u64,
        threads: usize,
        cx: &Context,
    ) -> Result<(Self, First)> {
        let pipeline = Pipeline::build(chain, resources, None)?;
        let len = input.raw.len() as u64;
        let longest = if segment == 0 { len } else { len.min(segment) };
        for (memory, stage) in pipeline.memory(longest).zip(&chain.codecs) {
            let bytes = memory.encode.max(memory.decode);
            cx.limits().check_memory(bytes, "a worker").map_err(|e| e.at(stage.to_string()))?;
        }
        let probe = Arc::new(StageClock::new(pipeline.len()));
        let pipeline = pipeline.with_probe(probe.clone());

        let mut stream = Vec::with_capacity(input.raw.len() + 4096);
        let content =
            encode::Input { reader: Box::new(&input.raw[..]), len: Some(len), name: input.name.clone() };
        let options = Options { segment, threads: 1, bypass: false };
        let clock = Clock::start();
        encode(content, chain, &pipeline, Box::new(VecWriter(&mut stream)), options, cx)?;
        let mut packing = clock.elapsed();
        let encoded = probe.take(Direction::Encode);
        let (outputs, overhead) = probe.outputs();
        packing -= encoded.whole;
        packing -= overhead;

        let lane = Lane { worker: pipeline.worker(), out: Vec::new() };
        let lanes = Mutex::new(vec![lane]);
        let mut passes = Self { pipeline, probe, segments: Vec::new(), lanes, threads, cx: cx.clone() };
        let clock = Clock::start();
        let comparing = passes.verify(&stream, input)?;
        let mut unpacking = clock.elapsed();
        let decoded = passes.probe.take(Direction::Decode);
        unpacking -= decoded.whole;
        unpacking -= comparing;
        Ok((passes, First { encode: encoded, decode: decoded, packing, unpacking, stream, outputs }))
    }

    /// Decodes the stream once, keeps its segments, and compares with the original. Returns the time of the
    /// comparison.
    fn verify(&mut self, stream: &[u8], input: &Input) -> Result<Span> {
        let limits = Limits::new(u64::MAX, u64::MAX);
        let mut sequence = Sequence::open(Feed::Pipe(Box::new(stream)), limits)?;
        let mut comparing = Span::default();
        let mut segments = Vec::new();
        let mut lane = self.lane();
        let Lane { worker, out } = lane.get();
        while let Some(stored) = sequence.next_segment(Vec::new())? {
            self.cx.check()?;
            stored.check()?;
            decode_segment(worker, &stored, out, &self.cx)?;
            let clock = Clock::start();
            let start = stored.header.raw_offset as usize;
            let original = input.raw.get(start..).unwrap_or_default();
            compare(&original[..original.len().min(stored.header.raw_len as usize)], out)
                .map_err(|e| e.at(format!("segment {}", stored.header.number)))?;
            segments.push(stored);
            comparing += clock.elapsed();
        }
        drop(lane);
        self.segments = segments;
        let ending = sequence.ending().ok_or_else(|| Error::truncated("the stream has no end"))?;
        if ending.trailer.sha256 != input.sha256 {
            return Err(Error::corrupt("the stream's SHA-256 differs from the input's"));
        }
        Ok(comparing)
    }

    /// Declared memory of one thread's worker: all stages together.
    pub(crate) fn declared_memory(&self) -> u64 {
        let longest = self.segments.first().map_or(0, |segment| segment.header.raw_len);
        let stages = self.pipeline.memory(longest).map(|m| m.encode.saturating_add(m.decode));
        stages.fold(0, u64::saturating_add).saturating_mul(self.threads as u64)
    }

    /// Runs a timed encoding pass `repeats` times and returns the time of one. Only with `cpu` are the
    /// stages' CPU times measured, because each reading is a system call.
    ///
    /// # Errors
    /// Errors of the codecs.
    pub(crate) fn encode(&self, raw: &[u8], repeats: u32, cpu: bool) -> Result<Pass> {
        self.pass(repeats, cpu, Direction::Encode, |lane, segment| {
            let start = segment.header.raw_offset as usize;
            let raw = &raw[start..start + segment.header.raw_len as usize];
            lane.worker.encode(raw, &mut lane.out, false, &self.cx).map(drop)
        })
    }

    /// Runs a timed decoding pass; see [`encode`](Self::encode).
    ///
    /// # Errors
    /// Errors of the codecs.
    pub(crate) fn decode(&self, repeats: u32, cpu: bool) -> Result<Pass> {
        self.pass(repeats, cpu, Direction::Decode, |lane, segment| {
            let header = &segment.header;
            let coded =
                Coded { raw_len: header.raw_len, stage_lens: &header.stage_lens, bytes: &segment.bytes };
            lane.worker.decode_stages(coded, 0, None, &mut lane.out, &self.cx).map(drop)
        })
    }

    fn pass(
        &self,
        repeats: u32,
        cpu: bool,
        direction: Direction,
        work: impl Fn(&mut Lane, &Stored) -> Result<()> + Sync,
    ) -> Result<Pass> {
        // A single stage on one thread takes the time of the whole pass. A clock per segment would only
        // distort small segments.
        let alone = self.pipeline.len() == 1 && self.threads == 1;
        self.probe.set(match (cpu, alone) {
            (true, _) => Reading::Both,
            (false, true) => Reading::Nothing,
            (false, false) => Reading::Wall,
        });
        let clock = Clock::start();
        for _ in 0..repeats {
            let mut segments = self.segments.iter();
            ordered(
                self.threads,
                || self.cx.check().map(|()| segments.next()),
                || self.lane(),
                |lane, segment| {
                    work(lane.get(), segment).map_err(|e| e.at(format!("segment {}", segment.header.number)))
                },
                Ok,
            )?;
        }
        let whole = clock.elapsed() / f64::from(repeats);
        let mut stages = self.probe.take(direction).stages;
        stages.iter_mut().for_each(|span| *span = *span / f64::from(repeats));
        if alone && !cpu {
            stages[0] = whole;
        }
        Ok(Pass { whole, stages })
    }

    /// A worker with its buffers, returned to the pool when dropped.
    fn lane(&self) -> Borrowed<'_> {
        let lane = lock(&self.lanes).pop();
        let new = || Lane { worker: self.pipeline.worker(), out: Vec::new() };
        Borrowed { lanes: &self.lanes, lane: Some(lane.unwrap_or_else(new)) }
    }
}

struct Borrowed<'a> {
    lanes: &'a Mutex<Vec<Lane>>,
    lane: Option<Lane>,
}

impl Borrowed<'_> {
    fn get(&mut self) -> &mut Lane {
        self.lane.as_mut().expect("it is taken only when dropped")
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        // After a panic, a worker's state is unknown: it is not returned.
        if !std::thread::panicking() {
            lock(self.lanes).extend(self.lane.take());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn decode_segment(
    worker: &mut PipelineWorker,
    stored: &Stored,
    out: &mut Vec<u8>,
    cx: &Context,
) -> Result<()> {
    let header = &stored.header;
    let coded = Coded { raw_len: header.raw_len, stage_lens: &header.stage_lens, bytes: &stored.bytes };
    let unchanged = worker
        .decode_stages(coded, 0, None, out, cx)
        .map_err(|e| e.at(format!("segment {}", header.number)))?;
    if unchanged {
        out.clone_from(&stored.bytes);
    }
    Ok(())
}

fn compare(original: &[u8], back: &[u8]) -> Result<()> {
    if original == back {
        return Ok(());
    }
    let at = original.iter().zip(back).position(|(a, b)| a != b).unwrap_or(original.len().min(back.len()));
    Err(Error::corrupt(format!(
        "the round trip FAILED: decoded {} of {} bytes, first difference at byte {at}",
        back.len(),
        original.len()
    )))
}

/// Time of one stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Nothing = 0,
    Wall = 1,
    Both = 2,
}

/// The probe of the benchmark: times of each stage, and, until [`outputs`](Self::outputs) is called, the
/// stages' outputs.
struct StageClock {
    reading: AtomicU8,
    counts: AtomicBool,
    /// Encoding and decoding time of each stage.
    spans: Mutex<Vec<[Span; 2]>>,
    outputs: Mutex<(Vec<StageOutput>, Span)>,
}

impl StageClock {
    fn new(stages: usize) -> Self {
        let outputs = (0..stages).map(|_| StageOutput::default()).collect();
        Self {
            reading: AtomicU8::new(Reading::Both as u8),
            counts: AtomicBool::new(true),
            spans: Mutex::new(vec![[Span::default(); 2]; stages]),
            outputs: Mutex::new((outputs, Span::default())),
        }
    }

    fn set(&self, reading: Reading) {
        self.reading.store(reading as u8, Ordering::Relaxed);
    }

    /// Times of one direction since the last call, and their sum.
    fn take(&self, direction: Direction) -> Pass {
        let mut pass = Pass::default();
        for spans in &mut *lock(&self.spans) {
            let span = std::mem::take(&mut spans[direction as usize]);
            pass.whole += span;
            pass.stages.push(span);
        }
        pass
    }

    /// The counted outputs and the time spent counting; stops counting.
    fn outputs(&self) -> (Vec<StageOutput>, Span) {
        self.counts.store(false, Ordering::Relaxed);
        std::mem::take(&mut *lock(&self.outputs))
    }
}

impl Probe for StageClock {
    fn run(&self, stage: usize, direction: Direction, work: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let reading = self.reading.load(Ordering::Relaxed);
        if reading == Reading::Nothing as u8 {
            return work();
        }
        let watch = Stopwatch::start(reading == Reading::Both as u8);
        let result = work();
        let span = watch.elapsed();
        lock(&self.spans)[stage][direction as usize] += span;
        result
    }

    fn encoded(&self, stage: usize, codec: &dyn Codec, bytes_in: usize, output: &[u8]) {
        if !self.counts.load(Ordering::Relaxed) {
            return;
        }
        let clock = Clock::start();
        let (outputs, overhead) = &mut *lock(&self.outputs);
        let row = &mut outputs[stage];
        row.bytes_in += bytes_in as u64;
        row.bytes_out += output.len() as u64;
        row.orders.add(output);
        if let Some(choice) = codec.choice(output) {
            *row.choices.entry(choice).or_default() += 1;
        }
        *overhead += clock.elapsed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::Digest as _;

    fn first(chain: &str, raw: &[u8], segment: u64, threads: usize) -> (Passes, First) {
        let registry = crate::fixture::registry();
        let chain = Chain::parse(&registry, chain).unwrap();
        let sha256 = Digest(sha2::Sha256::digest(raw).into());
        let input = Input { name: String::new(), raw: raw.to_vec(), sha256, entropy: [0.0; 3] };
        Passes::new(&chain, &Resources::default(), &input, segment, threads, &Context::default()).unwrap()
    }

    #[test]
    fn threads_and_repeats_change_no_length() {
        let raw: Vec<u8> = (0..50_000u32).flat_map(|i| (i / 7).to_le_bytes()).collect();
        let flows = [(1, 0), (1, 10_000), (2, 10_000), (3, 1000)].map(|(threads, segment)| {
            let (passes, first) = first("zstd:1,repair,store", &raw, segment, threads);
            for repeats in [1, 3] {
                let pass = passes.encode(&raw, repeats, true).unwrap();
                assert_eq!(pass.stages.len(), 3);
                assert!(pass.stages.iter().all(|span| span.wall > 0.0), "{pass:?}");
                passes.decode(repeats, false).unwrap();
            }
            let flows: Vec<_> = first.outputs.iter().map(|o| (o.bytes_in, o.bytes_out)).collect();
            assert_eq!((flows[0].0, flows[0].1, flows[2].0), (200_000, flows[1].0, flows[2].1));
            let stored: u64 = passes.segments.iter().map(|s| s.bytes.len() as u64).sum();
            assert_eq!(flows[2].1, stored);
            flows
        });
        assert_eq!(flows[1], flows[2]);
    }

    #[test]
    fn nothing_has_no_segments() {
        let (passes, first) = first("zstd", b"", 0, 1);
        passes.encode(b"", 1, true).unwrap();
        passes.decode(2, false).unwrap();
        assert_eq!((first.outputs[0].bytes_in, first.outputs[0].bytes_out), (0, 0));
    }

    #[test]
    fn a_stage_that_changes_nothing_is_timed_too() {
        let (passes, _) = first("store", &[7; 100_000], 0, 1);
        assert!(passes.encode(&[7; 100_000], 1, true).unwrap().stages[0].wall > 0.0);
    }
}
