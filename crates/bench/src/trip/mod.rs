//! A round trip: encodes a file through a chain and its carrier, decodes it, and reports figures of every
//! stage.
//!
//! Runs once and takes as long as `lab encode` and `lab decode`. For reliable times, see [`run`](crate::run).

mod meter;
mod report;

use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use lab_codec::{Carrier, Context, Error, Registry, Result};
use lab_corpus::Sample;
use lab_stream::chain::Chain;
use lab_stream::container::{Feed, Sequence};
use lab_stream::decode::{decode, pipeline_of};
use lab_stream::encode::{Input, Options, encode};
use lab_stream::entropy::Histogram;
use lab_stream::input::{self, Medium};
use lab_stream::output::Output;
use lab_stream::pipeline::Pipeline;
use lab_stream::probe::{Figures, StageFigures};
use lab_stream::resource::Store;

use meter::{Counted, Stopwatch, TimedReader, TimedWriter};
pub use report::{FileFigures, FileReport, Report, StageReport, Total, failed};

/// A chain and its surroundings.
pub struct Trip<'a> {
    /// Registered codecs and carriers.
    pub registry: &'a Registry,
    /// The chain; no segment is bypassed.
    pub chain: &'a Chain,
    /// Its carrier.
    pub carrier: &'a dyn Carrier,
    /// Resources of the chain.
    pub store: &'a Store,
    /// Bytes of a segment; 0 puts the whole content into one segment.
    pub segment: u64,
    /// Total number of threads.
    pub threads: usize,
}

impl Trip<'_> {
    /// Encodes `sample` to the temporary file of `output`, decodes that and compares. The caller commits or
    /// drops `output`. `context` is called once per direction, so that each has its own progress.
    ///
    /// # Errors
    /// Errors of the sample, the codecs and the carrier.
    pub fn file(
        &self,
        sample: &Sample,
        output: &mut Output,
        context: &dyn Fn() -> Context,
    ) -> Result<FileReport> {
        let pipeline = Pipeline::build(self.chain, self.store.loaded(), None)?;
        let encoding = Arc::new(Figures::new(pipeline.len()));
        let pipeline = pipeline.with_probe(encoding.clone());
        let cx = context();
        let histogram = Mutex::new(Histogram::default());
        let counting = Stopwatch::default();
        let reader = Counted { inner: sample.open(&cx)?, histogram: &histogram, watch: counting.clone() };
        let name =
            Path::new(&sample.name).file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let input = Input { reader: Box::new(reader), len: Some(sample.bytes), name };
        let options = Options { segment: self.segment, threads: self.threads, bypass: false };
        let start = Instant::now();
        let writing = Stopwatch::default();
        let medium = self.carrier.create(output.target(), &input.name, &self.chain.to_string(), &cx)?;
        let medium = Box::new(TimedWriter { inner: medium, watch: writing.clone() });
        let encoded = encode(input, self.chain, &pipeline, medium, options, &cx)?;
        let overhead = (encoding.overhead() + counting.total()) / self.threads as u32;
        let encode_seconds = start.elapsed().saturating_sub(overhead).as_secs_f64();

        let path = output
            .temporary()
            .ok_or_else(|| Error::usage("the output cannot be read back; name a regular file"))?;
        let output_bytes = std::fs::metadata(path)?.len();
        let cx = context();
        let start = Instant::now();
        let reading = Stopwatch::default();
        let stream = reading.time(|| input::open(self.registry, path, &cx))?;
        let Medium::Stream { stream, .. } = stream else {
            return Err(Error::corrupt("the carrier does not recognise its own output"));
        };
        let stream = Arc::new(TimedReader { inner: stream, watch: reading.clone() });
        let mut sequence = Sequence::open(Feed::Carrier(stream, 0), *cx.limits())?;
        let decoder = pipeline_of(sequence.header(), self.registry, self.store)?;
        let decoding = Arc::new(Figures::new(decoder.len()));
        let decoder = decoder.with_probe(decoding.clone());
        let ending = decode(&mut sequence, &decoder, &mut std::io::sink(), self.threads, &cx)?;
        let decode_seconds = start.elapsed().as_secs_f64();

        let mut figures =
            FileFigures { input: histogram.into_inner().unwrap_or_default(), stages: encoding.stages() };
        for (row, decoded) in figures.stages.iter_mut().zip(decoding.stages()) {
            row.decode = decoded.decode;
        }
        if self.chain.carrier.is_some() {
            figures.stages.push(StageFigures {
                bytes_in: encoded.stream_len,
                bytes_out: output_bytes,
                encode: writing.total(),
                decode: reading.total(),
                histogram: histogram_of(path)?,
                ..StageFigures::default()
            });
        }
        let expected = sample.sha256.unwrap_or(encoded.sha256);
        Ok(FileReport {
            path: sample.path.display().to_string(),
            bytes: encoded.bytes,
            output_bytes,
            ratio: report::ratio(encoded.bytes, output_bytes),
            verified: ending.trailer.sha256 == encoded.sha256 && encoded.sha256 == expected,
            sha256: Some(encoded.sha256.to_string()),
            error: None,
            entropy0: figures.input.entropy(),
            container_bytes: encoded.stream_len - encoded.stored,
            encode_seconds,
            decode_seconds,
            stages: report::rows(&report::stage_names(self.chain), &figures.stages),
            figures,
        })
    }
}

fn histogram_of(path: &Path) -> Result<Histogram> {
    let mut histogram = Histogram::default();
    let mut reader = std::fs::File::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(histogram),
            got => histogram.add(&buffer[..got]),
        }
    }
}
