//! What `lab run` says: one JSON document, or tables for people.

use super::super::table;
use lab_codec::Error;
use lab_corpus::Sample;
use lab_stream::chain::Chain;
use lab_stream::entropy::Histogram;
use lab_stream::probe::{Choices, StageFigures};

/// The whole document.
#[derive(serde::Serialize)]
pub struct Report {
    chain: String,
    /// Whether the last stage is a carrier: its input is the stream, container bytes included.
    #[serde(skip)]
    carried: bool,
    files: Vec<FileReport>,
    total: Total,
}

/// One file.
#[derive(serde::Serialize)]
pub struct FileReport {
    pub path: String,
    pub bytes: u64,
    pub output_bytes: u64,
    pub ratio: Option<f64>,
    pub verified: bool,
    pub sha256: Option<String>,
    pub error: Option<String>,
    pub entropy0: f64,
    pub container_bytes: u64,
    pub encode_seconds: f64,
    pub decode_seconds: f64,
    pub stages: Vec<StageReport>,
    #[serde(skip)]
    pub figures: FileFigures,
}

/// One stage of one file, or of all.
#[derive(serde::Serialize)]
pub struct StageReport {
    stage: String,
    bytes_in: u64,
    bytes_out: u64,
    encode_seconds: f64,
    decode_seconds: f64,
    entropy0: f64,
    /// What a codec that chooses chose, and for how many segments.
    #[serde(skip_serializing_if = "Choices::is_empty")]
    choices: Choices,
}

/// Sums over all files.
#[derive(serde::Serialize)]
pub struct Total {
    pub files: usize,
    pub verified: usize,
    /// Files that came back as something else.
    #[serde(skip)]
    pub differing: usize,
    bytes: u64,
    output_bytes: u64,
    ratio: Option<f64>,
    encode_seconds: f64,
    decode_seconds: f64,
    entropy0: f64,
    container_bytes: u64,
    stages: Vec<StageReport>,
}

/// What is summed over files: the input's histogram, a row for each codec and one for a named carrier.
#[derive(Clone, Default)]
pub struct FileFigures {
    pub input: Histogram,
    pub stages: Vec<StageFigures>,
}

/// The row of a file that failed on the way.
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

/// Original over encoded.
pub fn ratio(original: u64, encoded: u64) -> Option<f64> {
    (encoded > 0).then(|| original as f64 / encoded as f64)
}

/// Names and figures side by side.
pub fn rows(names: &[String], figures: &[StageFigures]) -> Vec<StageReport> {
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
    /// Adds the sums to the files' rows.
    pub fn new(chain: &Chain, files: Vec<FileReport>) -> Self {
        let total = total(&stage_names(chain), &files);
        Self { chain: chain.to_string(), carried: chain.carrier.is_some(), files, total }
    }

    /// The sums.
    pub fn total(&self) -> &Total {
        &self.total
    }
}

/// The stages that have a row: the codecs, and the carrier where one is named.
pub fn stage_names(chain: &Chain) -> Vec<String> {
    chain.codecs.iter().chain(&chain.carrier).map(ToString::to_string).collect()
}

/// Sums over the files that did not fail on the way.
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

/// Tables and the verdict.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    if report.files.len() > 1 {
        let mut list =
            table::table(&["file", "bytes", "output", "ratio", "bpb", "enc MB/s", "dec MB/s", "SHA-256"]);
        for f in &report.files {
            list.add_row([
                f.path.escape_debug().to_string(),
                table::count(f.bytes),
                table::count(f.output_bytes),
                table::ratio(f.bytes, f.output_bytes),
                table::bits_per_byte(f.bytes, f.output_bytes),
                table::rate(f.bytes, f.encode_seconds),
                table::rate(f.bytes, f.decode_seconds),
                if f.verified { "same" } else { "FAIL" }.to_string(),
            ]);
        }
        text += &format!("{}\n", table::text(&list));
    }
    let sum = &report.total;
    let mut stages =
        table::table(&["stage", "bytes in", "bytes out", "ratio", "bpb", "enc MB/s", "dec MB/s", "entropy"]);
    let entropy = |bits: f64| format!("{bits:.3}");
    stages.add_row(["input", "", &table::count(sum.bytes), "", "8.000", "", "", &entropy(sum.entropy0)]);
    let carried = report.carried;
    for (i, s) in sum.stages.iter().enumerate() {
        if carried && i + 1 == sum.stages.len() {
            stages.add_row(container_row(sum, s.bytes_in));
        }
        stages.add_row([
            s.stage.clone(),
            table::count(s.bytes_in),
            table::count(s.bytes_out),
            table::ratio(s.bytes_in, s.bytes_out),
            table::bits_per_byte(sum.bytes, s.bytes_out),
            table::rate(s.bytes_in, s.encode_seconds),
            table::rate(s.bytes_in, s.decode_seconds),
            entropy(s.entropy0),
        ]);
    }
    if !carried {
        stages.add_row(container_row(sum, sum.output_bytes));
    }
    stages.add_row([
        "whole chain".to_string(),
        table::count(sum.bytes),
        table::count(sum.output_bytes),
        table::ratio(sum.bytes, sum.output_bytes),
        table::bits_per_byte(sum.bytes, sum.output_bytes),
        table::rate(sum.bytes, sum.encode_seconds),
        table::rate(sum.bytes, sum.decode_seconds),
        String::new(),
    ]);
    let verdict = match (sum.files, sum.differing, sum.files - sum.verified) {
        (1, 0, 0) => "the file came back with the same SHA-256".to_string(),
        (n, 0, 0) => format!("all {n} files came back with the same SHA-256"),
        (n, 0, failed) => format!("{failed} of {n} files could not be tried"),
        (n, differing, _) => format!("{differing} of {n} files did NOT come back with the same SHA-256"),
    };
    let chose = sum.stages.iter().filter(|s| !s.choices.is_empty()).fold(String::new(), |text, s| {
        let list: Vec<_> = s.choices.iter().map(|(choice, n)| format!("{choice} ({n})")).collect();
        format!("{text}{} chose, for so many segments: {}\n", s.stage, list.join("; "))
    });
    format!("{text}{}\n{chose}{}: {verdict}\n", table::text(&stages), report.chain)
}

/// Headers, index and trailer.
fn container_row(sum: &Total, stream_len: u64) -> [String; 8] {
    let stored = stream_len - sum.container_bytes;
    [
        "container".to_string(),
        table::count(stored),
        table::count(stream_len),
        table::ratio(stored, stream_len),
        table::bits_per_byte(sum.bytes, stream_len),
        String::new(),
        String::new(),
        String::new(),
    ]
}
