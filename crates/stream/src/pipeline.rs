//! Applies a chain to one segment, in both directions.

use std::ops::Range;
use std::sync::Arc;

use lab_codec::{Build, Codec, Context, Error, Memory, Params, Resources, Result, Silent, Worker, memory_of};

use crate::chain::Chain;
use crate::container::{SegmentHeader, Stored};
use crate::probe::{Direction, Probe};

struct Stage {
    id: &'static str,
    codec: Arc<dyn Codec>,
    params: Params,
    identity: bool,
    range_decode: bool,
    format: u16,
}

impl Stage {
    /// A worker's memory for a segment of `len` bytes, besides its input and output.
    fn memory(&self, len: u64) -> Memory {
        memory_of(&*self.codec, &self.params, len)
    }
}

/// The codecs of a chain, ready to make workers. Clones share the codecs.
#[derive(Clone)]
pub struct Pipeline {
    stages: Arc<[Stage]>,
    probe: Option<Arc<dyn Probe>>,
}

/// An encoded segment.
#[derive(Debug, Clone, Copy)]
pub struct Coded<'a> {
    /// Length of the raw segment.
    pub raw_len: u64,
    /// The length after each stage.
    pub stage_lens: &'a [u64],
    /// Output of the last stage.
    pub bytes: &'a [u8],
}

/// Where [`PipelineWorker::encode`] left the stored bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encoded {
    /// In the output buffer.
    Changed,
    /// In the input: every stage passes bytes on unchanged.
    Same,
    /// In the input: the chain would not shrink it.
    Bypassed,
}

impl Pipeline {
    /// Builds the codecs of `chain`. `formats` are the format versions from a stream's header; by default
    /// each codec's newest.
    ///
    /// # Errors
    /// A codec's parameter errors; a format version that a codec does not read.
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
        Ok(Self { stages: stages.into(), probe: None })
    }

    /// The same pipeline with a probe. All stages run then, even those that change nothing.
    #[must_use]
    pub fn with_probe(mut self, probe: Arc<dyn Probe>) -> Self {
        self.probe = Some(probe);
        self
    }

    /// The number of stages.
    pub fn len(&self) -> usize {
        self.stages.len()
    }

    /// Whether the chain has no codecs.
    pub fn is_empty(&self) -> bool {
        self.stages.is_empty()
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
    pub fn worker(&self) -> PipelineWorker {
        let workers = self.stages.iter().map(|s| s.codec.worker()).collect();
        PipelineWorker { pipeline: self.clone(), workers, spare: [Vec::new(), Vec::new()] }
    }

    /// Whether a stage runs; stages that change nothing are skipped.
    fn runs(&self, stage: &Stage) -> bool {
        self.probe.is_some() || !stage.identity
    }

    fn run(&self, stage: usize, direction: Direction, work: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        match &self.probe {
            None => work(),
            Some(probe) => probe.run(stage, direction, work),
        }
    }
}

/// Runs segments through the stages, one at a time, and reuses its buffers.
pub struct PipelineWorker {
    pipeline: Pipeline,
    workers: Vec<Box<dyn Worker>>,
    spare: [Vec<u8>; 2],
}

impl PipelineWorker {
    /// Encodes `raw` into the empty buffer `out`. Returns the length after each stage.
    ///
    /// # Errors
    /// A codec's errors, with stage and id.
    pub fn encode(
        &mut self,
        raw: &[u8],
        out: &mut Vec<u8>,
        bypass: bool,
        cx: &Context,
    ) -> Result<(Encoded, Vec<u64>)> {
        let pipeline = &self.pipeline;
        let last = pipeline.stages.iter().rposition(|stage| pipeline.runs(stage));
        let mut lens = Vec::with_capacity(pipeline.stages.len());
        let [even, odd] = &mut self.spare;
        let mut produced = false;
        for (i, (stage, worker)) in pipeline.stages.iter().zip(&mut self.workers).enumerate() {
            if !pipeline.runs(stage) {
                lens.push(lens.last().copied().unwrap_or(raw.len() as u64));
                continue;
            }
            let input: &[u8] = if produced { even } else { raw };
            let target: &mut Vec<u8> = if Some(i) == last { out } else { &mut *odd };
            target.clear();
            // Only the first stage reports progress, so the content counts once.
            let cx = if i == 0 { cx.clone() } else { cx.clone().with_observer(Arc::new(Silent)) };
            let cx = cx.with_format(stage.format);
            pipeline
                .run(i, Direction::Encode, &mut || worker.encode(input, target, &cx))
                .map_err(|e| at_stage(e, i, stage.id))?;
            if let Some(probe) = &pipeline.probe {
                probe.encoded(i, &*stage.codec, input.len(), target);
            }
            lens.push(target.len() as u64);
            if Some(i) != last {
                std::mem::swap(even, odd);
            }
            produced = true;
        }
        let grows = lens.last().is_some_and(|len| *len >= raw.len() as u64);
        match (produced, bypass && grows) {
            (true, true) => Ok((Encoded::Bypassed, Vec::new())),
            (true, false) => Ok((Encoded::Changed, lens)),
            (false, _) => Ok((Encoded::Same, lens)),
        }
    }

    /// Checks and decodes a segment. Returns its content and a spare buffer: `stored` and `out` in one order
    /// or the other.
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
    /// As for [`decode`](Self::decode). The content's checksum is not verified if the first codec decodes the
    /// range alone.
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
                "segment {}: the decoded range has the wrong length",
                stored.header.number
            )));
        }
        Ok(out)
    }

    /// Checks a segment's stored bytes and undoes all stages but the first. Returns the first codec's output,
    /// or the content itself for a bypassed segment.
    ///
    /// # Errors
    /// As for [`decode`](Self::decode). The content's checksum is not verified.
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

    /// Runs the decoders from the last stage down to stage `down_to`. Returns `true` if no stage changed the
    /// bytes; `out` is unused then.
    ///
    /// # Errors
    /// A codec's errors, with stage and id.
    pub fn decode_stages(
        &mut self,
        coded: Coded,
        down_to: usize,
        range: Option<Range<usize>>,
        out: &mut Vec<u8>,
        cx: &Context,
    ) -> Result<bool> {
        let pipeline = &self.pipeline;
        let Coded { raw_len, stage_lens, bytes } = coded;
        let raw_len_of = |i: usize| if i == 0 { raw_len } else { stage_lens[i - 1] };
        let grown = |(i, stage): &(usize, &Stage)| stage.identity && raw_len_of(*i) != stage_lens[*i];
        if let Some((i, stage)) = pipeline.stages.iter().enumerate().find(grown) {
            let error = Error::corrupt("the recorded length differs from the input's length");
            return Err(at_stage(error, i, stage.id));
        }
        let mut stages = pipeline.stages.iter().enumerate().skip(down_to).filter(|(_, s)| pipeline.runs(s));
        let Some((first, _)) = stages.next() else { return Ok(true) };
        let [even, odd] = &mut self.spare;
        let mut produced = false;
        for (i, stage) in pipeline.stages.iter().enumerate().skip(down_to).rev() {
            let raw_len = raw_len_of(i);
            if !pipeline.runs(stage) {
                continue;
            }
            let input: &[u8] = if produced { even } else { bytes };
            let target: &mut Vec<u8> = if i == first { out } else { &mut *odd };
            target.clear();
            check_memory(cx, stage.memory(raw_len).decode, i, stage.id)?;
            let cx = cx.clone().with_format(stage.format);
            let worker = &mut self.workers[i];
            let range = range.clone().filter(|_| i == first);
            let mut decode = || match range.clone() {
                Some(range) => worker.decode_range(input, raw_len as usize, range, target, &cx),
                None => worker.decode(input, raw_len as usize, target, &cx).and_then(|()| {
                    if target.len() as u64 == raw_len {
                        return Ok(());
                    }
                    Err(Error::corrupt(format!(
                        "decoded to {} bytes, the recorded length is {raw_len}",
                        target.len()
                    )))
                }),
            };
            pipeline.run(i, Direction::Decode, &mut decode).map_err(|e| at_stage(e, i, stage.id))?;
            std::mem::swap(even, odd);
            produced = true;
        }
        Ok(false)
    }
}

/// Refuses a stage whose worker would exceed the memory limit.
fn check_memory(cx: &Context, bytes: u64, index: usize, id: &str) -> Result<()> {
    cx.limits().check_memory(bytes, "a worker").map_err(|e| at_stage(e, index, id))
}

fn at_stage(error: Error, index: usize, id: &str) -> Error {
    error.at(format!("stage {} ({id})", index + 1))
}
