//! Results as CSV: one line per cell and one per stage of it.

use lab_codec::{Error, ErrorKind, Result};

use super::Exporter;
use crate::results::{Cell, Results, Timing};

/// Columns in order. `stage` is empty in the line of a cell.
pub const COLUMNS: &[&str] = &[
    "corpus",
    "sample",
    "unit",
    "chain",
    "segment_bytes",
    "threads",
    "stage",
    "bytes_in",
    "bytes_out",
    "bytes_side",
    "ratio",
    "bits_per_byte",
    "verified",
    "error",
    "channel",
    "encode_n",
    "encode_median",
    "encode_min",
    "encode_mad",
    "encode_low",
    "encode_high",
    "encode_cpu",
    "encode_noisy",
    "decode_n",
    "decode_median",
    "decode_min",
    "decode_mad",
    "decode_low",
    "decode_high",
    "decode_cpu",
    "decode_noisy",
    "encode_memory",
    "decode_memory",
    "entropy0",
    "entropy1",
    "entropy2",
    "notes",
];

/// The exporter.
pub struct Csv;

impl Exporter for Csv {
    fn file_name(&self) -> &'static str {
        "results.csv"
    }

    fn export(&self, results: &Results) -> Result<String> {
        let wrong = |e: &dyn std::fmt::Display| Error::new(ErrorKind::Io, format!("cannot write CSV: {e}"));
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(COLUMNS).map_err(|e| wrong(&e))?;
        for cell in &results.cells {
            for line in lines(cell) {
                writer.write_record(line).map_err(|e| wrong(&e))?;
            }
        }
        let bytes = writer.into_inner().map_err(|e| wrong(&e))?;
        String::from_utf8(bytes).map_err(|e| wrong(&e))
    }
}

fn lines(cell: &Cell) -> Vec<Vec<String>> {
    let whole = Line {
        stage: "",
        bytes: (cell.bytes, cell.output_bytes),
        encode: &cell.encode,
        decode: &cell.decode,
        memory: (cell.encode_memory, cell.decode_memory),
        entropy: cell.entropy,
    };
    let stages = cell.stages.iter().map(|stage| Line {
        stage: &stage.stage,
        bytes: (stage.bytes_in, stage.bytes_out),
        encode: &stage.encode,
        decode: &stage.decode,
        memory: (None, None),
        entropy: stage.entropy,
    });
    std::iter::once(whole).chain(stages).map(|line| line.fields(cell)).collect()
}

struct Line<'a> {
    stage: &'a str,
    bytes: (u64, u64),
    encode: &'a Timing,
    decode: &'a Timing,
    memory: (Option<u64>, Option<u64>),
    entropy: [f64; 3],
}

impl Line<'_> {
    fn fields(&self, cell: &Cell) -> Vec<String> {
        let (bytes_in, bytes_out) = self.bytes;
        let over = |a: f64, b: u64| if b == 0 { String::new() } else { format!("{:.6}", a / b as f64) };
        let optional = |n: Option<u64>| n.map_or_else(String::new, |n| n.to_string());
        let unit = match cell.unit {
            crate::results::Unit::File => "file",
            crate::results::Unit::Set => "set",
        };
        let mut fields = vec![
            cell.corpus.clone().unwrap_or_default(),
            cell.sample.clone(),
            unit.to_string(),
            cell.chain.clone(),
            cell.segment_bytes.to_string(),
            cell.threads.to_string(),
            self.stage.to_string(),
            bytes_in.to_string(),
            bytes_out.to_string(),
            cell.bytes_side.to_string(),
            over(bytes_in as f64, bytes_out),
            over(bytes_out as f64 * 8.0, cell.bytes),
            cell.verified.to_string(),
            cell.error.clone().unwrap_or_default(),
            cell.channel.clone(),
        ];
        for t in [self.encode, self.decode] {
            fields.push(t.n.to_string());
            let seconds = [t.median, t.min, t.mad, t.confidence[0], t.confidence[1], t.cpu];
            fields.extend(seconds.map(|s| if t.n == 0 { String::new() } else { format!("{s:.9}") }));
            fields.push(t.noisy.to_string());
        }
        fields.extend([optional(self.memory.0), optional(self.memory.1)]);
        fields.extend(self.entropy.map(|bits| format!("{bits:.6}")));
        fields.push(if self.stage.is_empty() { cell.notes.join("; ") } else { String::new() });
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Environment, SCHEMA, Stage, VERSION};

    #[test]
    fn awkward_names_and_missing_figures_survive() {
        let cell = Cell {
            sample: "a,\"b\"\nc".into(),
            bytes: 8,
            output_bytes: 4,
            error: Some("it, broke".into()),
            stages: vec![Stage { stage: "zstd".into(), bytes_in: 8, bytes_out: 2, ..Stage::default() }],
            ..Cell::default()
        };
        let results = Results {
            schema: SCHEMA.into(),
            version: VERSION,
            name: String::new(),
            environment: Environment::default(),
            cells: vec![cell],
        };
        let text = Csv.export(&results).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(reader.headers().unwrap().len(), COLUMNS.len());
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let column =
            |row: usize, name: &str| rows[row][COLUMNS.iter().position(|c| *c == name).unwrap()].to_string();
        assert_eq!(rows.len(), 2);
        assert_eq!((column(0, "sample"), column(0, "ratio")), ("a,\"b\"\nc".into(), "2.000000".into()));
        assert_eq!((column(1, "stage"), column(1, "ratio")), ("zstd".into(), "4.000000".into()));
        assert_eq!((column(0, "encode_median"), column(0, "error")), (String::new(), "it, broke".into()));
    }
}
