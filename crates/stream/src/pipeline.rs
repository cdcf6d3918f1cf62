//! A chain applied to one segment, forth and back, with figures for each stage.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lab_codec::{Build, Codec, Context, Error, Memory, Params, Resources, Result, Worker, memory_of};

use crate::chain::Chain;
use crate::container::{SegmentHeader, Stored};
use crate::entropy::Histogram;

struct Stage {
    id: &'static str,
    codec: Arc<dyn Codec>,
    params: Params,
    identity: bool,
    range_decode: bool,
    format: u16,
}

impl Stage {
    /// What a worker takes for a segment of `len` bytes, beside its input and output.
    fn memory(&self, len: u64) -> Memory {
        memory_of(&*self.codec, &self.params, len)
    }
}

/// The codecs of a chain, built and ready to make workers.
pub struct Pipeline {
    stages: Vec<Stage>,
    figures: Option<Mutex<Vec<StageFigures>>>,
    /// Nanoseconds that keeping the figures took, summed over threads.
    aside: AtomicU64,
}

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

/// How often a codec chose what, by its canonical text.
pub type Choices = BTreeMap<String, u64>;

/// What a chain made of a segment.
#[derive(Debug, Clone, Copy)]
pub struct Coded<'a> {
    /// The segment's length.
    pub raw_len: u64,
    /// The length after each stage.
    pub stage_lens: &'a [u64],
    /// What the last stage gave.
    pub bytes: &'a [u8],
}

/// How [`PipelineWorker::encode`] left a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encoded {
    /// The stored bytes are in the output buffer.
    Changed,
    /// The stored bytes are the input itself, since no stage changes it.
    Same,
    /// The stored bytes are the input itself, since the chain would not shrink it.
    Bypassed,
}

impl Pipeline {
    /// Builds the codecs of `chain`. `formats` are the versions that a stream's header names; without them,
    /// each codec's newest.
    ///
    /// # Errors
    /// A codec's refusal of its parameters; a format that a codec does not read.
    pub fn build(chain: &Chain, resources: &Resources, formats: Option<&[u16]>) -> Result<Self> {
        if formats.is_some_and(|f| f.len() != chain.codecs.len()) {
            return Err(Error::corrupt("the header's chain and its format numbers differ in length"));
        }
        let mut stages = Vec::new();
        for (i, stage) in chain.codecs.iter().enumerate() {
            let info = stage.entry.info;
            let format = formats.map_or(info.writes(), |f| f[i]);
            if !info.formats.contains(&format) {
                return Err(Error::unsupported(format!(
                    "the stream uses format {format} of {:?}, this program reads {:?}",
                    info.id, info.formats
                )));
            }
            let Build::Codec(build) = stage.entry.build else {
                return Err(Error::usage(format!("{:?} is not a codec", info.id)));
            };
            let codec = build(&stage.params, resources).map_err(|e| e.at(stage.to_string()))?;
            let params = stage.params.clone();
            let (identity, range_decode) = (info.capabilities.identity, info.capabilities.range_decode);
            stages.push(Stage { id: info.id, codec, params, identity, range_decode, format });
        }
        Ok(Self { stages, figures: None, aside: AtomicU64::new(0) })
    }

    /// The same pipeline, with figures kept for each stage (and every stage run, even one that changes nothing).
    #[must_use]
    pub fn measured(mut self) -> Self {
        self.figures = Some(Mutex::new(vec![StageFigures::default(); self.stages.len()]));
        self
    }

    /// The figures so far, a row for each stage; empty where none are kept.
    pub fn figures(&self) -> Vec<StageFigures> {
        self.figures.as_ref().map_or_else(Vec::new, |f| f.lock().expect("no panic while summing").clone())
    }

    /// Time that keeping the figures took, summed over threads; it is no part of the figures.
    pub fn aside(&self) -> Duration {
        Duration::from_nanos(self.aside.load(Ordering::Relaxed))
    }

    /// Peak memory of one worker of each stage for segments of `len` bytes.
    pub fn memory(&self, len: u64) -> impl Iterator<Item = Memory> {
        self.stages.iter().map(move |stage| stage.memory(len))
    }

    /// Format versions of the stages.
    pub fn formats(&self) -> Vec<u16> {
        self.stages.iter().map(|s| s.format).collect()
    }

    /// A worker for one thread.
    pub fn worker(&self) -> PipelineWorker<'_> {
        let workers = self.stages.iter().map(|s| s.codec.worker()).collect();
        PipelineWorker { pipeline: self, workers, spare: [Vec::new(), Vec::new()] }
    }

    fn record(&self, stage: usize, add: impl FnOnce(&mut StageFigures)) {
        if let Some(figures) = &self.figures {
            add(&mut figures.lock().expect("no panic while summing")[stage]);
        }
    }
}

/// Runs segments through the stages, one at a time, reusing its buffers.
pub struct PipelineWorker<'a> {
    pipeline: &'a Pipeline,
    workers: Vec<Box<dyn Worker>>,
    spare: [Vec<u8>; 2],
}

impl PipelineWorker<'_> {
    /// Encodes `raw` into the empty buffer `out`. Returns the length after each stage.
    ///
    /// # Errors
    /// A codec's, with stage and id.
    pub fn encode(
        &mut self,
        raw: &[u8],
        out: &mut Vec<u8>,
        bypass: bool,
        cx: &Context,
    ) -> Result<(Encoded, Vec<u64>)> {
        let pipeline = self.pipeline;
        let measured = pipeline.figures.is_some();
        let active: Vec<bool> = pipeline.stages.iter().map(|s| measured || !s.identity).collect();
        let last = active.iter().rposition(|a| *a);
        let mut lens = Vec::with_capacity(pipeline.stages.len());
        let [even, odd] = &mut self.spare;
        let mut produced = false;
        for (i, (stage, worker)) in pipeline.stages.iter().zip(&mut self.workers).enumerate() {
            if active[i] {
                let input: &[u8] = if produced { even } else { raw };
                let target: &mut Vec<u8> = if Some(i) == last { out } else { &mut *odd };
                target.clear();
                let start = Instant::now();
                let cx =
                    if i == 0 { cx.clone() } else { cx.clone().with_observer(Arc::new(lab_codec::Silent)) };
                worker
                    .encode(input, target, &cx.with_format(stage.format))
                    .map_err(|e| at_stage(e, i, stage.id))?;
                let encode = start.elapsed();
                if pipeline.figures.is_some() {
                    let start = Instant::now();
                    let mut histogram = Histogram::default();
                    histogram.add(target);
                    let choice = stage.codec.choice(target);
                    pipeline.record(i, |f| {
                        f.bytes_in += input.len() as u64;
                        f.bytes_out += target.len() as u64;
                        f.encode += encode;
                        f.histogram.merge(&histogram);
                        choice.into_iter().for_each(|choice| *f.choices.entry(choice).or_default() += 1);
                    });
                    pipeline.aside.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
                }
                lens.push(target.len() as u64);
                if Some(i) != last {
                    std::mem::swap(even, odd);
                }
                produced = true;
            } else {
                lens.push(lens.last().copied().unwrap_or(raw.len() as u64));
            }
        }
        let grows = lens.last().is_some_and(|len| *len >= raw.len() as u64);
        match (produced, bypass && grows) {
            (true, true) => Ok((Encoded::Bypassed, Vec::new())),
            (true, false) => Ok((Encoded::Changed, lens)),
            (false, _) => Ok((Encoded::Same, lens)),
        }
    }

    /// Checks and decodes a segment; its content replaces what `stored` held (or what `out` held: the result is
    /// returned, the other buffer is left for reuse).
    ///
    /// # Errors
    /// Corrupt bytes, limits, a codec's errors with stage and id.
    pub fn decode(&mut self, stored: Stored, mut out: Vec<u8>, cx: &Context) -> Result<(Vec<u8>, Vec<u8>)> {
        stored.check()?;
        let header = stored.header;
        out.clear();
        let unchanged =
            header.bypassed || self.decode_segment(&header, &stored.bytes, 0, None, &mut out, cx)?;
        let (content, spare) = if unchanged { (stored.bytes, out) } else { (out, stored.bytes) };
        let same_bytes = unchanged && header.raw_crc == header.stored_crc;
        if content.len() as u64 != header.raw_len
            || !(same_bytes || crc32c::crc32c(&content) == header.raw_crc)
        {
            return Err(Error::corrupt(format!(
                "segment {}: the decoded bytes do not match their checksum",
                header.number
            )));
        }
        Ok((content, spare))
    }

    /// Checks a segment's stored bytes and decodes the bytes `range` of its content.
    ///
    /// # Errors
    /// As [`decode`](Self::decode). The content's checksum is not checked where the first codec decodes a part
    /// without the rest.
    pub fn decode_range(&mut self, stored: Stored, range: Range<usize>, cx: &Context) -> Result<Vec<u8>> {
        let partial = self.pipeline.stages.iter().find(|s| !s.identity).is_some_and(|s| s.range_decode);
        let everything = range == (0..stored.header.raw_len as usize);
        if everything || !partial || stored.header.bypassed {
            let mut content = self.decode(stored, Vec::new(), cx)?.0;
            content.truncate(range.end);
            content.drain(..range.start.min(content.len()));
            return Ok(content);
        }
        stored.check()?;
        let mut out = Vec::new();
        self.decode_segment(&stored.header, &stored.bytes, 0, Some(range.clone()), &mut out, cx)?;
        if out.len() != range.len() {
            return Err(Error::corrupt(format!(
                "segment {}: a range of another length",
                stored.header.number
            )));
        }
        Ok(out)
    }

    /// Checks a segment's stored bytes and undoes all stages but the first. Returns what the first codec made of
    /// the content, or the content itself where the segment was bypassed.
    ///
    /// # Errors
    /// As [`decode`](Self::decode). The content's checksum is not checked.
    pub fn decode_to_first(&mut self, stored: Stored, cx: &Context) -> Result<Vec<u8>> {
        stored.check()?;
        let mut out = Vec::new();
        let unchanged = stored.header.bypassed
            || self.decode_segment(&stored.header, &stored.bytes, 1, None, &mut out, cx)?;
        Ok(if unchanged { stored.bytes } else { out })
    }

    fn decode_segment(
        &mut self,
        header: &SegmentHeader,
        stored: &[u8],
        down_to: usize,
        range: Option<Range<usize>>,
        out: &mut Vec<u8>,
        cx: &Context,
    ) -> Result<bool> {
        let coded = Coded { raw_len: header.raw_len, stage_lens: &header.stage_lens, bytes: stored };
        self.decode_stages(coded, down_to, range, out, cx)
            .map_err(|e| e.at(format!("segment {}", header.number)))
    }

    /// Runs the decoders, last stage first, down to stage `down_to`. Returns whether no stage changed the bytes, which
    /// are then those that were given.
    ///
    /// # Errors
    /// A codec's, with stage and id.
    pub fn decode_stages(
        &mut self,
        coded: Coded,
        down_to: usize,
        range: Option<Range<usize>>,
        out: &mut Vec<u8>,
        cx: &Context,
    ) -> Result<bool> {
        let pipeline = self.pipeline;
        let measured = pipeline.figures.is_some();
        let Coded { raw_len, stage_lens, bytes } = coded;
        let raw_len_of = |i: usize| if i == 0 { raw_len } else { stage_lens[i - 1] };
        let grown = |(i, stage): &(usize, &Stage)| stage.identity && raw_len_of(*i) != stage_lens[*i];
        if let Some((i, stage)) = pipeline.stages.iter().enumerate().find(grown) {
            let error = Error::corrupt("the recorded length is not that of the input");
            return Err(at_stage(error, i, stage.id));
        }
        let mut stages =
            pipeline.stages.iter().enumerate().skip(down_to).filter(|(_, s)| measured || !s.identity);
        let Some((first, _)) = stages.next() else { return Ok(true) };
        let [even, odd] = &mut self.spare;
        let mut produced = false;
        for (i, stage) in pipeline.stages.iter().enumerate().skip(down_to).rev() {
            let raw_len = raw_len_of(i);
            if stage.identity && !measured {
                continue;
            }
            let input: &[u8] = if produced { even } else { bytes };
            let target: &mut Vec<u8> = if i == first { out } else { &mut *odd };
            target.clear();
            check_memory(cx, stage.memory(raw_len).decode, i, stage.id)?;
            let start = Instant::now();
            let cx = cx.clone().with_format(stage.format);
            let worker = &mut self.workers[i];
            let decoded = match range.clone().filter(|_| i == first) {
                Some(range) => worker.decode_range(input, raw_len as usize, range, target, &cx),
                None => worker.decode(input, raw_len as usize, target, &cx).and_then(|()| {
                    if target.len() as u64 == raw_len {
                        Ok(())
                    } else {
                        Err(Error::corrupt(format!(
                            "{} bytes came out, {raw_len} are recorded",
                            target.len()
                        )))
                    }
                }),
            };
            decoded.map_err(|e| at_stage(e, i, stage.id))?;
            let decode = start.elapsed();
            pipeline.record(i, |f| f.decode += decode);
            std::mem::swap(even, odd);
            produced = true;
        }
        Ok(false)
    }
}

/// Refuses a stage whose worker would take more than is allowed.
fn check_memory(cx: &Context, bytes: u64, index: usize, id: &str) -> Result<()> {
    cx.limits().check_memory(bytes, "a worker").map_err(|e| at_stage(e, index, id))
}

fn at_stage(error: Error, index: usize, id: &str) -> Error {
    error.at(format!("stage {} ({id})", index + 1))
}
