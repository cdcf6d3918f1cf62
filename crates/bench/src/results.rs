//! Results of measurements: the single schema that benchmarks write and charts, tables and comparisons read.
//!
//! docs/formats/results.md describes the JSON. A reader refuses an unknown version and ignores unknown
//! fields.

use serde::{Deserialize, Serialize};

use lab_stream::probe::Choices;

/// The value of [`Results::schema`].
pub const SCHEMA: &str = "lab-results";
/// Schema version that this program writes and reads.
pub const VERSION: u32 = 1;

/// One run of a benchmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// [`SCHEMA`].
    pub schema: String,
    /// [`VERSION`].
    pub version: u32,
    /// A short name for titles.
    pub name: String,
    /// Machine, program and time.
    pub environment: Environment,
    /// Cells in the order of the plan.
    pub cells: Vec<Cell>,
}

/// Machine and program.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Environment {
    /// Start of the run: seconds since 1970, UTC.
    pub unix_time: u64,
    /// The program's version.
    pub lab_version: String,
    /// Compiler that built the program.
    pub compiler: String,
    /// Commit that it was built from, if known.
    pub revision: Option<String>,
    /// The processor's name.
    pub cpu: String,
    /// Logical processors available to this process.
    pub cores: u32,
    /// Operating system and architecture.
    pub system: String,
    /// Load average of the last minute at the start of the run.
    pub load: Option<f64>,
    /// The frequency governor of the first processor.
    pub governor: Option<String>,
    /// Storage of the media: `tmpfs` or `disk`.
    pub scratch: String,
    /// Versions of the libraries behind codecs, by codec id.
    pub codec_versions: std::collections::BTreeMap<String, String>,
    /// SHA-256 of every manifest that applied, by path.
    pub manifests: std::collections::BTreeMap<String, String>,
    /// Command-line arguments.
    pub command: Vec<String>,
    /// Processors that the run was pinned to; empty for all.
    pub pinned: Vec<u32>,
    /// SHA-256 of the plan: a run is resumed only with the same plan.
    pub plan: Option<String>,
}

/// Kind of a cell's sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// One file.
    #[default]
    File,
    /// A set of files encoded together.
    Set,
}

/// Fidelity of the decoded data.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fidelity {
    /// Identical bytes.
    #[default]
    Exact,
    /// A measured distance.
    Lossy {
        /// The metric's name.
        metric: String,
        /// Its mean.
        mean: f64,
        /// Its worst value.
        worst: f64,
    },
}

/// Measurements of one sample through one chain.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cell {
    /// The corpus that the sample belongs to.
    pub corpus: Option<String>,
    /// The sample's name.
    pub sample: String,
    /// File or set.
    pub unit: Unit,
    /// The chain's canonical text.
    pub chain: String,
    /// Bytes of a segment; 0 for one segment.
    pub segment_bytes: u64,
    /// Total number of threads.
    pub threads: u32,
    /// Bytes of the original.
    pub bytes: u64,
    /// Bytes of the complete medium.
    pub output_bytes: u64,
    /// Bytes of resources that decoding needs besides the medium.
    pub bytes_side: u64,
    /// Bytes of header, segment headers, index and trailer in the stream.
    pub container_bytes: u64,
    /// Whether the decoded content has the same SHA-256 (or lies within the fidelity's bounds).
    pub verified: bool,
    /// Error of a failed cell.
    pub error: Option<String>,
    /// Notes on the figures, such as stages whose sum differs from the whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Exact, or a metric.
    pub fidelity: Fidelity,
    /// Damage or transcoding of the medium between encoding and decoding; `none` for an untouched medium.
    pub channel: String,
    /// Entropy of the original of order 0, 1 and 2, in bits per byte.
    pub entropy: [f64; 3],
    /// Encoding time of codecs and carrier. The container has a row of its own.
    pub encode: Timing,
    /// Decoding time of carrier and codecs.
    pub decode: Timing,
    /// Peak memory of encoding in its own process, minus that of `store`, in bytes.
    pub encode_memory: Option<u64>,
    /// Peak memory of decoding in its own process, minus that of `store`, in bytes.
    pub decode_memory: Option<u64>,
    /// One row per codec, one for the container, one for a carrier.
    pub stages: Vec<Stage>,
}

/// One stage of a cell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stage {
    /// The stage's canonical text; `container` for headers and index.
    pub stage: String,
    /// Bytes into the encoder.
    pub bytes_in: u64,
    /// Bytes out of the encoder.
    pub bytes_out: u64,
    /// Encoding time.
    pub encode: Timing,
    /// Decoding time.
    pub decode: Timing,
    /// Entropy of the encoder's output of order 0, 1 and 2, in bits per byte.
    pub entropy: [f64; 3],
    /// Choices of a codec such as `auto`, with the number of segments of each.
    #[serde(skip_serializing_if = "Choices::is_empty")]
    pub choices: Choices,
}

/// Repeated measurements of one duration, in seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timing {
    /// Number of measurements; 0 for none.
    pub n: u32,
    /// Median of wall time.
    pub median: f64,
    /// Minimum of wall time.
    pub min: f64,
    /// Median absolute deviation from the median.
    pub mad: f64,
    /// A 95 % confidence interval of the median; the extremes if n is too small for one.
    pub confidence: [f64; 2],
    /// Median of CPU time, children included.
    pub cpu: f64,
    /// Whether the measurements are noisy: MAD above 5 % of the median.
    pub noisy: bool,
    /// All measurements of wall time, in order.
    pub samples: Vec<f64>,
}

impl Results {
    /// Reads results, as one document or as a journal (one line without cells, then one per cell).
    ///
    /// # Errors
    /// Another schema or version; text that is not JSON.
    pub fn parse(text: &str) -> lab_codec::Result<Self> {
        let wrong =
            |e: serde_json::Error| lab_codec::Error::corrupt(format!("not results of lab bench: {e}"));
        let mut documents = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
        let first =
            documents.next().ok_or_else(|| lab_codec::Error::corrupt("no results in an empty file"))?;
        let mut results: Self = serde_json::from_value(first.map_err(wrong)?).map_err(wrong)?;
        if results.schema != SCHEMA || results.version != VERSION {
            return Err(lab_codec::Error::unsupported(format!(
                "results of schema {:?} version {}, this program reads {SCHEMA:?} version {VERSION}",
                results.schema, results.version
            )));
        }
        for document in documents {
            match document {
                Ok(cell) => results.cells.push(serde_json::from_value(cell).map_err(wrong)?),
                // An interrupted run may leave an incomplete last line.
                Err(e) if e.is_eof() => break,
                Err(e) => return Err(wrong(e)),
            }
        }
        Ok(results)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results() -> Results {
        Results {
            schema: SCHEMA.into(),
            version: VERSION,
            name: "test".into(),
            environment: Environment::default(),
            cells: vec![],
        }
    }

    #[test]
    fn a_document_and_appended_lines_read_alike() {
        let cell = Cell { sample: "a".into(), chain: "zstd".into(), bytes: 10, ..Cell::default() };
        let whole = Results { cells: vec![cell.clone(), cell.clone()], ..results() };
        let (head, line) =
            (serde_json::to_string(&results()).unwrap(), serde_json::to_string(&cell).unwrap());
        let lines = format!("{head}\n{line}\n{line}\n");
        assert_eq!(Results::parse(&serde_json::to_string_pretty(&whole).unwrap()).unwrap(), whole);
        assert_eq!(Results::parse(&lines).unwrap(), whole);
        // A run killed in the middle of a line keeps the cells before it.
        assert_eq!(Results::parse(&lines[..lines.len() - 30]).unwrap().cells.len(), 1);
    }

    #[test]
    fn other_schemas_and_versions_are_refused() {
        for bad in ["", "{}", "[]", "nonsense"] {
            assert!(Results::parse(bad).is_err(), "{bad}");
        }
        let newer = Results { version: 2, ..results() };
        assert!(Results::parse(&serde_json::to_string(&newer).unwrap()).is_err());
    }
}
