//! Results of measurements: the one schema that benchmarks write and every chart, table and comparison reads.
//!
//! The JSON is described in docs/formats/results.md. A reader refuses a version that it does not know and ignores
//! fields that it does not know.

use serde::{Deserialize, Serialize};

use lab_stream::probe::Choices;

/// The value of [`Results::schema`].
pub const SCHEMA: &str = "lab-results";
/// The version that this program writes and reads.
pub const VERSION: u32 = 1;

/// One run of a benchmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// [`SCHEMA`].
    pub schema: String,
    /// [`VERSION`].
    pub version: u32,
    /// A short name, for titles.
    pub name: String,
    /// Where and when it ran.
    pub environment: Environment,
    /// The cells, in the order in which they were planned.
    pub cells: Vec<Cell>,
}

/// The machine and the program.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Environment {
    /// When the run began: seconds since 1970, UTC.
    pub unix_time: u64,
    /// The program's version.
    pub lab_version: String,
    /// The compiler that built it.
    pub compiler: String,
    /// The commit it was built from, where that is known.
    pub revision: Option<String>,
    /// The processor's name.
    pub cpu: String,
    /// Logical processors that this process may use.
    pub cores: u32,
    /// Operating system and architecture.
    pub system: String,
    /// Load average of the last minute when the run began.
    pub load: Option<f64>,
    /// The frequency governor of the first processor.
    pub governor: Option<String>,
    /// Where carriers wrote: `tmpfs` or `disk`.
    pub scratch: String,
    /// Versions of the libraries behind codecs, by codec id.
    pub codec_versions: std::collections::BTreeMap<String, String>,
    /// SHA-256 of every manifest that applied, by path.
    pub manifests: std::collections::BTreeMap<String, String>,
    /// The arguments of the command.
    pub command: Vec<String>,
    /// Processors that the run was kept on; empty for all.
    pub pinned: Vec<u32>,
    /// SHA-256 of what was planned: only a run with the same plan is resumed.
    pub plan: Option<String>,
}

/// What a cell's sample is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// One file.
    #[default]
    File,
    /// A set of files that were encoded together.
    Set,
}

/// How near the decoded data is to the original.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fidelity {
    /// Byte for byte.
    #[default]
    Exact,
    /// As a metric tells.
    Lossy {
        /// The metric's name.
        metric: String,
        /// Its mean.
        mean: f64,
        /// Its worst value.
        worst: f64,
    },
}

/// One sample through one chain.
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
    /// Bytes of a segment; 0 for whole.
    pub segment_bytes: u64,
    /// Threads in all.
    pub threads: u32,
    /// Bytes of the original.
    pub bytes: u64,
    /// Bytes of the finished medium.
    pub output_bytes: u64,
    /// Bytes of resources that decoding needs beside the medium.
    pub bytes_side: u64,
    /// Bytes of headers, index and trailer within the stream.
    pub container_bytes: u64,
    /// Whether the original came back with the same SHA-256 (or within the fidelity's bounds).
    pub verified: bool,
    /// Why the cell failed.
    pub error: Option<String>,
    /// What a reader of the figures should know, such as stages whose sum is not the whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Exact, or a metric.
    pub fidelity: Fidelity,
    /// What the medium went through between encoding and decoding; `none` for nothing.
    pub channel: String,
    /// Entropy of the original in bits per byte, by order 0, 1 and 2.
    pub entropy: [f64; 3],
    /// Codecs and carrier together, encoding; without the work on the container, which has a row of its own.
    pub encode: Timing,
    /// Carrier and codecs together, decoding.
    pub decode: Timing,
    /// Peak memory of encoding in a process of its own, less that of `store`; bytes.
    pub encode_memory: Option<u64>,
    /// Peak memory of decoding in a process of its own, less that of `store`; bytes.
    pub decode_memory: Option<u64>,
    /// A row for each codec, one for the container, one for a carrier.
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
    /// Encoding.
    pub encode: Timing,
    /// Decoding.
    pub decode: Timing,
    /// Entropy of what came out of the encoder in bits per byte, by order 0, 1 and 2.
    pub entropy: [f64; 3],
    /// What a codec that chooses chose, and for how many segments.
    #[serde(skip_serializing_if = "Choices::is_empty")]
    pub choices: Choices,
}

/// Repeated measurements of one duration, in seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timing {
    /// Number of measurements; 0 where there is none.
    pub n: u32,
    /// The median of wall time.
    pub median: f64,
    /// The least wall time.
    pub min: f64,
    /// Median absolute deviation from the median.
    pub mad: f64,
    /// A 95 % confidence interval of the median; the extremes where n is too small for one.
    pub confidence: [f64; 2],
    /// The median of CPU time, children included.
    pub cpu: f64,
    /// Whether the measurements scatter: MAD above 5 % of the median.
    pub noisy: bool,
    /// Every measurement of wall time, in order.
    pub samples: Vec<f64>,
}

impl Results {
    /// Reads results, whole or as the lines that a run appends (the first without cells, then a cell each).
    ///
    /// # Errors
    /// Another schema or version, or text that is not JSON.
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
                // The line that was being written when the run was interrupted.
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
        // A run that was killed in the middle of a line keeps the cells before it.
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
