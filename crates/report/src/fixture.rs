//! Results made by code, for tests.

use super::charts::Families;
use super::figure::Figure;
use lab_bench::results::{Cell, Environment, Results, SCHEMA, Stage, Timing, VERSION};

/// A timing of five measurements that scatter by a share.
pub(crate) fn timing(median: f64, spread: f64) -> Timing {
    let (low, high) = (median * (1.0 - spread), median * (1.0 + spread));
    Timing {
        n: 5,
        median,
        min: low,
        mad: median * spread / 2.0,
        confidence: [low, high],
        cpu: median,
        noisy: spread > 0.1,
        samples: vec![median, low, high, median, median],
    }
}

/// A verified cell with one stage for each codec.
pub(crate) fn cell(corpus: &str, sample: &str, chain: &str, bytes: u64, output: u64) -> Cell {
    let mut stages: Vec<Stage> = Vec::new();
    let mut last = bytes;
    let names: Vec<&str> = chain.split(',').collect();
    for name in &names {
        stages.push(Stage {
            stage: (*name).to_string(),
            bytes_in: last,
            bytes_out: output,
            encode: timing(bytes as f64 / 1e8, 0.02),
            decode: timing(bytes as f64 / 5e8, 0.02),
            entropy: [7.5, 7.4, 7.3],
            ..Stage::default()
        });
        last = output;
    }
    let speed = 1e7 * (1.0 + (chain.len() * 7 % 13) as f64);
    Cell {
        corpus: Some(corpus.into()),
        sample: sample.into(),
        chain: chain.into(),
        segment_bytes: 16 << 20,
        threads: 1,
        bytes,
        output_bytes: output,
        container_bytes: 100,
        verified: true,
        channel: "none".into(),
        entropy: [4.5, 3.5, 2.5],
        encode: timing(bytes as f64 / speed, 0.02),
        decode: timing(bytes as f64 / speed / 5.0, 0.02),
        encode_memory: Some(bytes * 3),
        stages,
        ..Cell::default()
    }
}

/// A run.
pub(crate) fn results(cells: Vec<Cell>) -> Results {
    Results {
        schema: SCHEMA.into(),
        version: VERSION,
        name: "fixture".into(),
        environment: Environment { cpu: "a processor".into(), cores: 2, ..Environment::default() },
        cells,
    }
}

/// A run that has something for every chart: two corpora, sweeps, an expansion, a failure, a chain with fewer
/// samples.
pub(crate) fn everything() -> Results {
    let mut cells = Vec::new();
    let samples =
        [("canterbury", "alice29.txt", 152_089), ("canterbury", "ptt5", 513_216), ("logs", "a.log", 900_000)];
    let chains = [
        ("store", 1.0),
        ("zstd:level=3", 3.1),
        ("zstd:level=19", 3.9),
        ("xz:level=6", 4.2),
        ("repair,zstd:level=19", 3.3),
        ("repair,zstd:level=19,video", 0.4),
    ];
    for (corpus, name, bytes) in samples {
        for (chain, ratio) in chains {
            let wobble = 1.0 + (name.len() % 5) as f64 / 10.0;
            cells.push(cell(corpus, name, chain, bytes, (bytes as f64 / ratio / wobble) as u64));
        }
        for threads in [2, 4] {
            let mut swept = cell(corpus, name, "zstd:level=3", bytes, bytes / 3);
            swept.threads = threads;
            swept.encode = timing(swept.encode.median / f64::from(threads) * 1.2, 0.02);
            cells.push(swept);
        }
        for segment in [1 << 16, 1 << 20, 0] {
            let mut swept = cell(corpus, name, "zstd:level=3", bytes, bytes / 3);
            swept.segment_bytes = segment;
            swept.output_bytes +=
                u64::from(21 - if segment == 0 { 21 } else { u64::ilog2(segment) }) * bytes / 100;
            cells.push(swept);
        }
    }
    let mut broken = cell("canterbury", "ptt5", "broken", 513_216, 100_000);
    broken.verified = false;
    broken.error = Some("byte 17 differs".into());
    cells.push(broken);
    cells.push(cell("logs", "a.log", "ppmd", 900_000, 100_000));
    for (density, output) in [(0, 100_300), (500, 99_000), (1000, 33_000)] {
        let sample = format!("planted-seeds:density={density}:arity=3");
        cells.push(cell("logs", &sample, "telomere", 100_000, output));
    }
    results(cells)
}

/// The figures of [`everything`].
pub(crate) fn figures() -> Vec<Figure> {
    let results = everything();
    super::figures(&results, &Families::of([&results]))
}
