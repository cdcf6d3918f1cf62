//! The JSON of hyperfine (`--export-json`): wall times of commands, in seconds.
//!
//! hyperfine records commands, not sizes. The parameters `corpus`, `sample` (or `file`), `chain`, `way`
//! (`encode` or `decode`), `bytes`, `output_bytes`, `segment_bytes` and `threads` describe a command; our
//! exports have all.

use std::collections::BTreeMap;

use lab_codec::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::{Format, chain};
use lab_bench::export::Exporter;
use lab_bench::results::{Cell, Results, Timing};
use lab_bench::statistics;

/// hyperfine.
pub(super) struct Hyperfine;

#[derive(Serialize, Deserialize)]
struct Document {
    results: Vec<Run>,
}

#[derive(Serialize, Deserialize)]
struct Run {
    command: String,
    mean: f64,
    stddev: Option<f64>,
    median: f64,
    user: f64,
    system: f64,
    min: f64,
    max: f64,
    #[serde(default)]
    times: Vec<f64>,
    #[serde(default)]
    exit_codes: Vec<Option<i32>>,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
}

impl Format for Hyperfine {
    fn name(&self) -> &'static str {
        "hyperfine"
    }

    fn recognises(&self, text: &str) -> bool {
        #[derive(Deserialize)]
        struct Shape {
            results: Vec<Command>,
        }
        #[derive(Deserialize)]
        struct Command {
            #[serde(rename = "command")]
            _command: String,
        }
        text.trim_start().starts_with('{')
            && serde_json::from_str::<Shape>(text).is_ok_and(|shape| !shape.results.is_empty())
    }

    fn read(&self, text: &str) -> Result<Vec<Cell>> {
        let document: Document = serde_json::from_str(text)
            .map_err(|e| Error::corrupt(format!("not an export of hyperfine: {e}")))?;
        let mut cells: Vec<Cell> = Vec::new();
        for run in &document.results {
            let (cell, decode) = cell(run);
            let timing = timing(run);
            let known = run.parameters.contains_key("chain");
            let same = |c: &&mut Cell| {
                let key = |c: &Cell| {
                    (c.corpus.clone(), c.sample.clone(), c.chain.clone(), c.segment_bytes, c.threads)
                };
                known && key(c) == key(&cell) && (if decode { c.decode.n } else { c.encode.n }) == 0
            };
            let at = match cells.iter_mut().find(same) {
                Some(found) => {
                    found.verified &= cell.verified;
                    found.error = found.error.take().or(cell.error);
                    found
                }
                None => {
                    cells.push(cell);
                    let last = cells.len() - 1;
                    &mut cells[last]
                }
            };
            *(if decode { &mut at.decode } else { &mut at.encode }) = timing;
        }
        Ok(cells)
    }
}

impl Exporter for Hyperfine {
    fn file_name(&self) -> &'static str {
        "hyperfine.json"
    }

    fn export(&self, results: &Results) -> Result<String> {
        let ways = |cell: &Cell| {
            [("encode", cell.encode.clone()), ("decode", cell.decode.clone())]
                .into_iter()
                .filter(|(_, timing)| timing.n > 0)
                .map(|(way, timing)| run(cell, way, &timing))
                .collect::<Vec<_>>()
        };
        let document = Document { results: results.cells.iter().flat_map(ways).collect() };
        serde_json::to_string_pretty(&document)
            .map(|text| text + "\n")
            .map_err(|e| Error::new(ErrorKind::Io, format!("cannot write JSON: {e}")))
    }
}

/// The cell of a command, without times, and whether they are those of decoding.
fn cell(run: &Run) -> (Cell, bool) {
    let get = |name: &str| run.parameters.get(name);
    let number = |name: &str| get(name).and_then(|text| text.parse().ok()).unwrap_or(0);
    let code = run.exit_codes.iter().flatten().find(|code| **code != 0);
    let cell = Cell {
        corpus: get("corpus").cloned(),
        sample: get("sample").or_else(|| get("file")).cloned().unwrap_or_default(),
        chain: get("chain").cloned().unwrap_or_else(|| chain("hyperfine", &run.command)),
        segment_bytes: number("segment_bytes"),
        threads: u32::try_from(number("threads")).unwrap_or(0).max(1),
        bytes: number("bytes"),
        output_bytes: number("output_bytes"),
        verified: code.is_none(),
        error: code.map(|code| format!("the command ended with code {code}")),
        notes: vec!["timed by hyperfine, which verifies nothing".to_string()],
        channel: "none".into(),
        ..Cell::default()
    };
    (cell, get("way").is_some_and(|way| way == "decode"))
}

fn timing(run: &Run) -> Timing {
    if run.times.is_empty() {
        let spread = run.stddev.unwrap_or(0.0);
        return Timing {
            n: 1,
            median: run.median,
            min: run.min,
            mad: spread * 0.674_5,
            confidence: [run.min, run.max],
            cpu: run.user + run.system,
            noisy: spread * 0.674_5 > statistics::NOISY * run.median,
            samples: vec![run.median],
        };
    }
    statistics::timing(&run.times, &vec![run.user + run.system; run.times.len()])
}

fn run(cell: &Cell, way: &str, timing: &Timing) -> Run {
    let times = if timing.samples.is_empty() { vec![timing.median] } else { timing.samples.clone() };
    let n = times.len() as f64;
    let mean = times.iter().sum::<f64>() / n;
    let squares = times.iter().map(|t| (t - mean).powi(2)).sum::<f64>();
    let mut parameters = BTreeMap::from(
        [
            ("sample", cell.sample.clone()),
            ("chain", cell.chain.clone()),
            ("way", way.to_string()),
            ("bytes", cell.bytes.to_string()),
            ("output_bytes", cell.output_bytes.to_string()),
            ("segment_bytes", cell.segment_bytes.to_string()),
            ("threads", cell.threads.to_string()),
        ]
        .map(|(name, value)| (name.to_string(), value)),
    );
    if let Some(corpus) = &cell.corpus {
        parameters.insert("corpus".into(), corpus.clone());
    }
    Run {
        command: format!("lab {way} {} {}", cell.chain, cell.sample),
        mean,
        stddev: (times.len() > 1).then(|| (squares / (n - 1.0)).sqrt()),
        median: timing.median,
        user: timing.cpu,
        system: 0.0,
        min: times.iter().copied().fold(f64::INFINITY, f64::min),
        max: times.iter().copied().fold(0.0, f64::max),
        exit_codes: vec![Some(i32::from(crate::summary::failed(cell))); times.len()],
        times,
        parameters,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn commands_are_read() {
        let text = r#"{"results":[
            {"command":"xz -9 big.tar","mean":2.0,"stddev":0.1,"median":2.0,"user":1.9,"system":0.1,"min":1.9,"max":2.1,
             "times":[1.9,2.0,2.1],"exit_codes":[0,0,0],"memory_usage_byte":[1,2,3]},
            {"command":"false","mean":0.1,"stddev":null,"median":0.1,"user":0.0,"system":0.0,"min":0.1,"max":0.1,
             "times":[0.1],"exit_codes":[1],"parameters":{"file":"a","bytes":"100"}}]}"#;
        assert!(Hyperfine.recognises(text));
        let cells = Hyperfine.read(text).unwrap();
        assert_eq!((cells[0].chain.as_str(), cells[0].encode.n), ("hyperfine/xz:-9 big.tar", 3));
        assert_eq!((cells[0].encode.median, cells[0].encode.cpu, cells[0].decode.n), (2.0, 2.0, 0));
        assert_eq!((cells[1].sample.as_str(), cells[1].bytes, cells[1].verified), ("a", 100, false));
    }

    #[test]
    fn what_is_written_is_read() {
        let results = fixture::everything();
        let cells = Hyperfine.read(&Hyperfine.export(&results).unwrap()).unwrap();
        assert_eq!(cells.len(), results.cells.len());
        for (ours, theirs) in results.cells.iter().zip(&cells) {
            assert_eq!(
                (&ours.corpus, &ours.sample, &ours.chain),
                (&theirs.corpus, &theirs.sample, &theirs.chain)
            );
            assert_eq!(
                (ours.bytes, ours.output_bytes, ours.verified),
                (theirs.bytes, theirs.output_bytes, theirs.verified)
            );
            assert_eq!((ours.encode.n, ours.decode.n), (theirs.encode.n, theirs.decode.n));
            assert!((ours.decode.median - theirs.decode.median).abs() < 1e-9);
        }
    }
}
