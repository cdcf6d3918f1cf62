//! Report of round trips: one row per file and stage, and sums over the files.

use lab_codec::Error;
use lab_corpus::Sample;
use lab_stream::chain::Chain;
use lab_stream::entropy::Histogram;
use lab_stream::probe::{Choices, StageFigures};

/// The whole report.
#[derive(serde::Serialize)]
pub struct Report {
    /// Canonical text of the chain.
    pub chain: String,
    /// Whether the last stage is a carrier. Its input is the whole stream, container bytes included.
    #[serde(skip)]
    pub carried: bool,
    /// One row per file.
    pub files: Vec<FileReport>,
    /// Sums over the files.
    pub total: Total,
}

/// One file.
#[derive(serde::Serialize)]
pub struct FileReport {
    /// Path of the file.
    pub path: String,
    /// Bytes of content.
    pub bytes: u64,
    /// Bytes of the medium.
    pub output_bytes: u64,
    /// Original over encoded bytes; `None` if nothing was encoded.
    pub ratio: Option<f64>,
    /// Whether the decoded content has the same SHA-256.
    pub verified: bool,
    /// SHA-256 of the content.
    pub sha256: Option<String>,
    /// Error that ended the round trip.
    pub error: Option<String>,
    /// Order-0 entropy, in bits per byte.
    pub entropy0: f64,
    /// Container bytes: those of the stream outside the stored segments.
    pub container_bytes: u64,
    /// Wall time of encoding.
    pub encode_seconds: f64,
    /// Wall time of decoding.
    pub decode_seconds: f64,
    /// One row per codec, and one for a named carrier.
    pub stages: Vec<StageReport>,
    /// Counts behind the rows.
    #[serde(skip)]
    pub figures: FileFigures,
}

/// One stage, of one file or summed over files.
#[derive(serde::Serialize)]
pub struct StageReport {
    /// Canonical text of the stage.
    pub stage: String,
    /// Bytes into the encoder.
    pub bytes_in: u64,
    /// Bytes out of the encoder.
    pub bytes_out: u64,
    /// Time in the encoder, summed over threads.
    pub encode_seconds: f64,
    /// Time in the decoder, summed over threads.
    pub decode_seconds: f64,
    /// Order-0 entropy, in bits per byte.
    pub entropy0: f64,
    /// Choices of a codec such as `auto`, with the number of segments of each.
    #[serde(skip_serializing_if = "Choices::is_empty")]
    pub choices: Choices,
}

/// Sums over all files.
#[derive(serde::Serialize)]
pub struct Total {
    /// Number of files.
    pub files: usize,
    /// Files whose decoded content has the same SHA-256.
    pub verified: usize,
    /// Files whose decoded content differs.
    #[serde(skip)]
    pub differing: usize,
    /// Bytes of content.
    pub bytes: u64,
    /// Bytes of the medium.
    pub output_bytes: u64,
    /// Original over encoded bytes; `None` if nothing was encoded.
    pub ratio: Option<f64>,
    /// Wall time of encoding.
    pub encode_seconds: f64,
    /// Wall time of decoding.
    pub decode_seconds: f64,
    /// Order-0 entropy, in bits per byte.
    pub entropy0: f64,
    /// Container bytes: those of the streams outside the stored segments.
    pub container_bytes: u64,
    /// One row per codec, and one for a named carrier.
    pub stages: Vec<StageReport>,
}

/// Counts that are summed over files: the input's histogram, and one row per stage.
#[derive(Clone, Default)]
pub struct FileFigures {
    /// Histogram of the content.
    pub input: Histogram,
    /// One row per codec, and one for a named carrier.
    pub stages: Vec<StageFigures>,
}

/// The row of a file whose round trip failed with an error.
pub fn failed(sample: &Sample, error: &Error) -> FileReport {
    FileReport {
        path: sample.path.display().to_string(),
        bytes: sample.bytes,
        output_bytes: 0,
        ratio: None,
        verified: false,
        sha256: None,
        error: Some(error.to_string()),
        entropy0: 0.0,
        container_bytes: 0,
        encode_seconds: 0.0,
        decode_seconds: 0.0,
        stages: Vec::new(),
        figures: FileFigures::default(),
    }
}

/// Ratio: original over encoded bytes.
pub(super) fn ratio(original: u64, encoded: u64) -> Option<f64> {
    (encoded > 0).then(|| original as f64 / encoded as f64)
}

/// Joins stage names and counts into rows.
pub(super) fn rows(names: &[String], figures: &[StageFigures]) -> Vec<StageReport> {
    let row = |(name, f): (&String, &StageFigures)| StageReport {
        stage: name.clone(),
        bytes_in: f.bytes_in,
        bytes_out: f.bytes_out,
        encode_seconds: f.encode.as_secs_f64(),
        decode_seconds: f.decode.as_secs_f64(),
        entropy0: f.histogram.entropy(),
        choices: f.choices.clone(),
    };
    names.iter().zip(figures).map(row).collect()
}

impl Report {
    /// Appends the sums to the files' rows.
    pub fn new(chain: &Chain, files: Vec<FileReport>) -> Self {
        let total = total(&stage_names(chain), &files);
        Self { chain: chain.to_string(), carried: chain.carrier.is_some(), files, total }
    }
}

/// Stages with a row: the codecs, and the carrier if one is named.
pub(super) fn stage_names(chain: &Chain) -> Vec<String> {
    chain.codecs.iter().chain(&chain.carrier).map(ToString::to_string).collect()
}

/// Sums over the files without an error.
fn total(names: &[String], files: &[FileReport]) -> Total {
    let done: Vec<_> = files.iter().filter(|f| f.error.is_none()).collect();
    let mut sum =
        FileFigures { stages: vec![StageFigures::default(); names.len()], ..FileFigures::default() };
    for file in &done {
        sum.input.merge(&file.figures.input);
        for (sum, f) in sum.stages.iter_mut().zip(&file.figures.stages) {
            sum.bytes_in += f.bytes_in;
            sum.bytes_out += f.bytes_out;
            sum.encode += f.encode;
            sum.decode += f.decode;
            sum.histogram.merge(&f.histogram);
            f.choices.iter().for_each(|(choice, n)| *sum.choices.entry(choice.clone()).or_default() += n);
        }
    }
    let bytes = done.iter().map(|f| f.bytes).sum();
    let output_bytes = done.iter().map(|f| f.output_bytes).sum();
    Total {
        files: files.len(),
        verified: files.iter().filter(|f| f.verified).count(),
        differing: done.iter().filter(|f| !f.verified).count(),
        bytes,
        output_bytes,
        ratio: ratio(bytes, output_bytes),
        encode_seconds: done.iter().map(|f| f.encode_seconds).sum(),
        decode_seconds: done.iter().map(|f| f.decode_seconds).sum(),
        entropy0: sum.input.entropy(),
        container_bytes: done.iter().map(|f| f.container_bytes).sum(),
        stages: rows(names, &sum.stages),
    }
}
