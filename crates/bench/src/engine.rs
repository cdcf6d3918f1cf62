//! The timed loops: the codecs of a chain over the segments of an input that lies in memory.
//!
//! Workers and buffers are made before the clock starts and kept between passes. Within a pass the stages follow one
//! another over a block of segments, which is so large, or is repeated so often, that reading the clock between stages
//! costs nothing that could be measured.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use lab_codec::{Build, Codec, Context, Error, Params, Resources, Result, Worker, memory_of};

use super::clock::{Clock, Span, Stopwatch};
use super::entropy::Orders;
use lab_stream::chain::Chain;
use lab_stream::pipeline::Choices;

/// Segments are worked on together until they make up this many bytes.
const BLOCK: usize = 1 << 20;

struct Stage {
    name: String,
    codec: Arc<dyn Codec>,
    params: Params,
    format: u16,
}

/// What a pass took.
#[derive(Debug, Clone, Default)]
pub struct Pass {
    /// All stages together.
    pub whole: Span,
    /// Each stage, summed over threads.
    pub stages: Vec<Span>,
}

/// A chain's codecs, built, with workers and buffers for one input.
pub struct Engine {
    stages: Vec<Stage>,
    /// Ranges of the input.
    segments: Vec<Range<usize>>,
    /// Ranges of segments.
    blocks: Vec<Range<usize>>,
    /// For each segment its length after each stage.
    lens: Vec<Vec<u64>>,
    /// For each segment what the last stage made of it.
    stored: Vec<Vec<u8>>,
    /// What each stage chose.
    choices: Vec<Choices>,
    lanes: Vec<Mutex<Lane>>,
    pool: Option<rayon::ThreadPool>,
    cx: Context,
}

/// What one thread works with.
struct Lane {
    workers: Vec<Box<dyn Worker>>,
    /// What the last stage made of each segment of a block.
    done: Vec<Vec<u8>>,
    /// Where the next stage writes.
    next: Vec<Vec<u8>>,
    times: Vec<Span>,
}

impl Engine {
    /// Builds the codecs of `chain` for an input of `len` bytes that is cut into segments (0 for one) and worked on by
    /// so many threads.
    ///
    /// # Errors
    /// A codec's refusal of its parameters, missing resources, and a [`Limit`](lab_codec::ErrorKind::Limit) where a
    /// worker would take more memory than allowed.
    pub fn new(
        chain: &Chain,
        resources: &Resources,
        len: usize,
        segment: u64,
        threads: usize,
        cx: &Context,
    ) -> Result<Self> {
        let segments = cut(len, segment);
        let longest = segments.first().map_or(0, Range::len) as u64;
        let mut stages = Vec::new();
        for (i, stage) in chain.codecs.iter().enumerate() {
            let at = |e: Error| e.at(format!("stage {} ({})", i + 1, stage.entry.info.id));
            let Build::Codec(build) = stage.entry.build else {
                return Err(Error::usage(format!("{:?} is not a codec", stage.entry.info.id)));
            };
            let codec = build(&stage.params, resources).map_err(at)?;
            let memory = memory_of(&*codec, &stage.params, longest);
            cx.limits().check_memory(memory.encode.max(memory.decode), "a worker").map_err(at)?;
            stages.push(Stage {
                name: stage.to_string(),
                codec,
                params: stage.params.clone(),
                format: stage.entry.info.writes(),
            });
        }
        // Several threads share the work segment by segment.
        let blocks = group(&segments, if threads == 1 { BLOCK } else { 0 });
        let lane = || Lane {
            workers: stages.iter().map(|s| s.codec.worker()).collect(),
            done: Vec::new(),
            next: Vec::new(),
            times: vec![Span::default(); stages.len()],
        };
        let lanes = (0..threads).map(|_| Mutex::new(lane())).collect();
        let pool = if threads == 1 { None } else { Some(pool(threads)?) };
        let stored = vec![Vec::new(); segments.len()];
        let lens = vec![Vec::new(); segments.len()];
        let choices = vec![Choices::default(); stages.len()];
        Ok(Self { stages, segments, blocks, lens, stored, choices, lanes, pool, cx: cx.clone() })
    }

    /// The canonical text of each stage.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.stages.iter().map(|s| s.name.as_str())
    }

    /// What each stage chose, and for how many segments.
    pub fn choices(&self) -> &[Choices] {
        &self.choices
    }

    /// The format versions that the stages write.
    pub fn formats(&self) -> Vec<u16> {
        self.stages.iter().map(|s| s.format).collect()
    }

    /// Ranges of the input, the lengths after each stage, and the stored bytes, segment by segment.
    pub fn segments(&self) -> impl Iterator<Item = (&Range<usize>, &[u64], &[u8])> {
        self.segments.iter().zip(&self.lens).zip(&self.stored).map(|((r, l), s)| (r, &**l, &**s))
    }

    /// Bytes into and out of each stage's encoder.
    pub fn flows(&self) -> Vec<(u64, u64)> {
        let raw: u64 = self.segments.iter().map(|s| s.len() as u64).sum();
        let out = |i: usize| self.lens.iter().map(|l| l[i]).sum::<u64>();
        (0..self.stages.len()).map(|i| (if i == 0 { raw } else { out(i - 1) }, out(i))).collect()
    }

    /// What a worker of this chain takes, all stages together, as the codecs declare it.
    pub fn declared_memory(&self) -> u64 {
        let longest = self.segments.first().map_or(0, Range::len) as u64;
        let of = |s: &Stage| {
            let memory = memory_of(&*s.codec, &s.params, longest);
            memory.encode.saturating_add(memory.decode)
        };
        let lane = self.stages.iter().map(of).fold(0, u64::saturating_add);
        lane.saturating_mul(self.lanes.len() as u64)
    }

    /// Encodes everything once, on one thread, keeps the results, and counts what each stage put out.
    ///
    /// # Errors
    /// Those of the codecs.
    pub fn first_encode(&mut self, raw: &[u8]) -> Result<(Pass, Vec<[f64; 3]>)> {
        let mut orders: Vec<Orders> = self.stages.iter().map(|_| Orders::default()).collect();
        let mut whole = Span::default();
        let mut times = vec![Span::default(); self.stages.len()];
        let Self { stages, segments, lens, stored, choices, lanes, cx, .. } = self;
        let lane = lock(&lanes[0]);
        let mut lane = lane?;
        lane.room(1);
        for (number, range) in segments.iter().enumerate() {
            for i in 0..stages.len() {
                cx.check()?;
                let clock = Clock::start();
                lane.encode_stage(stages, i, &raw[range.clone()], 0, cx)
                    .map_err(|e| in_segment(e, number, segments.len()))?;
                let span = clock.elapsed();
                whole += span;
                times[i] += span;
                lane.turn();
                orders[i].add(&lane.done[0]);
                if let Some(choice) = stages[i].codec.choice(&lane.done[0]) {
                    *choices[i].entry(choice).or_default() += 1;
                }
                lens[number].push(lane.done[0].len() as u64);
            }
            stored[number] =
                if stages.is_empty() { raw[range.clone()].to_vec() } else { lane.done[0].clone() };
        }
        lane.times.fill(Span::default());
        Ok((Pass { whole, stages: times }, orders.iter().map(Orders::entropies).collect()))
    }

    /// Decodes everything once, on one thread, and compares with the original.
    ///
    /// # Errors
    /// Those of the codecs; corrupt, where other bytes came back, naming the first that differs.
    pub fn first_decode(&mut self, raw: &[u8]) -> Result<Pass> {
        let mut whole = Span::default();
        let mut times = vec![Span::default(); self.stages.len()];
        let Self { stages, segments, lens, stored, lanes, cx, .. } = self;
        let lane = lock(&lanes[0]);
        let mut lane = lane?;
        lane.room(1);
        for (number, range) in segments.iter().enumerate() {
            let original = &raw[range.clone()];
            for i in (0..stages.len()).rev() {
                cx.check()?;
                let raw_len = raw_len(&lens[number], i, original.len());
                let clock = Clock::start();
                lane.decode_stage(stages, i, &stored[number], raw_len, 0, cx)
                    .map_err(|e| in_segment(e, number, segments.len()))?;
                let span = clock.elapsed();
                whole += span;
                times[i] += span;
                lane.turn();
            }
            let back = if stages.is_empty() { &stored[number] } else { &lane.done[0] };
            if back != original {
                return Err(in_segment(mismatch(original, back), number, segments.len()));
            }
        }
        Ok(Pass { whole, stages: times })
    }

    /// One timed encoding pass; each stage runs `repeats` times, and the times are those of one. Only with `cpu` the
    /// stages' CPU times are measured: asking the system for them takes time of its own.
    ///
    /// # Errors
    /// Those of the codecs.
    pub fn encode(&self, raw: &[u8], repeats: u32, cpu: bool) -> Result<Pass> {
        self.pass(repeats, |lane, block| {
            for i in 0..self.stages.len() {
                self.cx.check()?;
                let watch = Stopwatch::start(cpu);
                for _ in 0..repeats {
                    for (slot, number) in block.clone().enumerate() {
                        let raw = &raw[self.segments[number].clone()];
                        lane.encode_stage(&self.stages, i, raw, slot, &self.cx)?;
                    }
                }
                lane.times[i] += watch.elapsed();
                lane.turn();
            }
            Ok(())
        })
    }

    /// One timed decoding pass, as [`encode`](Self::encode).
    ///
    /// # Errors
    /// Those of the codecs.
    pub fn decode(&self, repeats: u32, cpu: bool) -> Result<Pass> {
        self.pass(repeats, |lane, block| {
            for i in (0..self.stages.len()).rev() {
                self.cx.check()?;
                let watch = Stopwatch::start(cpu);
                for _ in 0..repeats {
                    for (slot, number) in block.clone().enumerate() {
                        let raw_len = raw_len(&self.lens[number], i, self.segments[number].len());
                        lane.decode_stage(&self.stages, i, &self.stored[number], raw_len, slot, &self.cx)?;
                    }
                }
                lane.times[i] += watch.elapsed();
                lane.turn();
            }
            Ok(())
        })
    }

    fn pass(
        &self,
        repeats: u32,
        work: impl Fn(&mut Lane, Range<usize>) -> Result<()> + Sync,
    ) -> Result<Pass> {
        let most = self.blocks.iter().map(Range::len).max().unwrap_or(0);
        for lane in &self.lanes {
            lock(lane)?.room(most);
        }
        let next = AtomicUsize::new(0);
        let drain = |lane: &Mutex<Lane>| -> Result<()> {
            let mut lane = lock(lane)?;
            while let Some(block) = self.blocks.get(next.fetch_add(1, Ordering::Relaxed)) {
                work(&mut lane, block.clone())?;
            }
            Ok(())
        };
        let clock = Clock::start();
        match &self.pool {
            None => drain(&self.lanes[0])?,
            Some(pool) => {
                pool.broadcast(|thread| drain(&self.lanes[thread.index()]))
                    .into_iter()
                    .collect::<Result<()>>()?;
            }
        }
        let whole = clock.elapsed() / f64::from(repeats);
        let mut stages = vec![Span::default(); self.stages.len()];
        for lane in &self.lanes {
            for (sum, span) in stages.iter_mut().zip(&mut lock(lane)?.times) {
                *sum += std::mem::take(span) / f64::from(repeats);
            }
        }
        Ok(Pass { whole, stages })
    }
}

impl Lane {
    fn room(&mut self, slots: usize) {
        self.done.resize(slots.max(self.done.len()), Vec::new());
        self.next.resize(slots.max(self.next.len()), Vec::new());
    }

    /// What was written is what the next stage reads.
    fn turn(&mut self) {
        std::mem::swap(&mut self.done, &mut self.next);
    }

    fn encode_stage(
        &mut self,
        stages: &[Stage],
        i: usize,
        raw: &[u8],
        slot: usize,
        cx: &Context,
    ) -> Result<()> {
        let input = if i == 0 { raw } else { &self.done[slot] };
        let target = &mut self.next[slot];
        target.clear();
        let cx = cx.clone().with_format(stages[i].format);
        self.workers[i].encode(input, target, &cx).map_err(|e| at_stage(e, stages, i))
    }

    fn decode_stage(
        &mut self,
        stages: &[Stage],
        i: usize,
        stored: &[u8],
        raw_len: usize,
        slot: usize,
        cx: &Context,
    ) -> Result<()> {
        let input = if i + 1 == stages.len() { stored } else { &self.done[slot] };
        let target = &mut self.next[slot];
        target.clear();
        let cx = cx.clone().with_format(stages[i].format);
        self.workers[i].decode(input, raw_len, target, &cx).map_err(|e| at_stage(e, stages, i))
    }
}

fn raw_len(lens: &[u64], stage: usize, raw: usize) -> usize {
    if stage == 0 { raw } else { lens[stage - 1] as usize }
}

/// A poisoned lock is a codec that panicked in another pass.
fn lock(lane: &Mutex<Lane>) -> Result<std::sync::MutexGuard<'_, Lane>> {
    lane.lock().map_err(|_| Error::corrupt("a codec panicked before"))
}

fn pool(threads: usize) -> Result<rayon::ThreadPool> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|e| Error::new(lab_codec::ErrorKind::Io, format!("cannot start {threads} threads: {e}")))
}

fn at_stage(error: Error, stages: &[Stage], i: usize) -> Error {
    error.at(format!("stage {} ({})", i + 1, stages[i].params.info().id))
}

fn in_segment(error: Error, number: usize, of: usize) -> Error {
    if of > 1 { error.at(format!("segment {number}")) } else { error }
}

fn mismatch(original: &[u8], back: &[u8]) -> Error {
    let at = original.iter().zip(back).position(|(a, b)| a != b).unwrap_or(original.len().min(back.len()));
    Error::corrupt(format!(
        "the round trip FAILED: {} bytes came back for {}, the first that differs is at {at}",
        back.len(),
        original.len()
    ))
}

/// The ranges of the segments of `len` bytes; none of nothing.
fn cut(len: usize, segment: u64) -> Vec<Range<usize>> {
    let size = match usize::try_from(segment) {
        Ok(0) | Err(_) => len.max(1),
        Ok(size) => size,
    };
    (0..len).step_by(size).map(|start| start..(start + size).min(len)).collect()
}

/// Neighbouring segments together until they make up `bytes`.
fn group(segments: &[Range<usize>], bytes: usize) -> Vec<Range<usize>> {
    let mut blocks = Vec::new();
    let (mut start, mut sum) = (0, 0);
    for (i, segment) in segments.iter().enumerate() {
        sum += segment.len();
        if sum >= bytes || i + 1 == segments.len() {
            blocks.push(start..i + 1);
            (start, sum) = (i + 1, 0);
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn engine(chain: &str, raw: &[u8], segment: u64, threads: usize) -> Engine {
        let registry = crate::fixture::registry();
        let chain = Chain::parse(&registry, chain, &mut |_| Err(Error::usage("none"))).unwrap();
        let none = Resources::default();
        Engine::new(&chain, &none, raw.len(), segment, threads, &Context::default()).unwrap()
    }

    #[test]
    fn threads_and_repeats_change_no_length() {
        let raw: Vec<u8> = (0..50_000u32).flat_map(|i| (i / 7).to_le_bytes()).collect();
        let lens = [(1, 0), (1, 10_000), (2, 10_000), (3, 1000)].map(|(threads, segment)| {
            let mut engine = engine("zstd:1,repair,store", &raw, segment, threads);
            let (_, entropy) = engine.first_encode(&raw).unwrap();
            assert_eq!((entropy.len(), engine.names().count()), (3, 3));
            engine.first_decode(&raw).unwrap();
            for repeats in [1, 3] {
                let pass = engine.encode(&raw, repeats, true).unwrap();
                assert_eq!(pass.stages.len(), 3);
                engine.decode(repeats, false).unwrap();
            }
            let flows = engine.flows();
            assert_eq!((flows[0].0, flows[0].1, flows[2].0), (200_000, flows[1].0, flows[2].1));
            assert_eq!(flows[2].1, engine.segments().map(|(_, _, s)| s.len() as u64).sum::<u64>());
            (segment, flows)
        });
        assert_eq!(lens[1], lens[2]);
    }

    #[test]
    fn nothing_has_no_segments() {
        let mut engine = engine("zstd", b"", 0, 1);
        engine.first_encode(b"").unwrap();
        engine.first_decode(b"").unwrap();
        engine.encode(b"", 1, true).unwrap();
        assert_eq!(engine.flows(), [(0, 0)]);
    }

    proptest! {
        #[test]
        fn cutting_and_grouping_lose_nothing(len in 0usize..5000, segment in 0u64..700, bytes in 0usize..3000) {
            let segments = cut(len, segment);
            let blocks = group(&segments, bytes);
            prop_assert_eq!(segments.iter().map(Range::len).sum::<usize>(), len);
            prop_assert_eq!(blocks.iter().map(Range::len).sum::<usize>(), segments.len());
            prop_assert!(segments.windows(2).all(|w| w[0].end == w[1].start && w[0].len() >= w[1].len()));
            prop_assert!(blocks.windows(2).all(|w| w[0].end == w[1].start));
        }
    }
}
