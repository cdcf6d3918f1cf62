//! The tables of the page: sums, cells, stages, differences.

use super::table::{Column, Field, Row as TableRow, name, number, table, value, words};
use crate::compare::{Change, Comparison, Verdict, percent};
use crate::summary::{self, Row, failed};
use crate::text;
use lab_bench::results::{Cell, Fidelity, Results, Timing};

/// The name of a run in tables; empty for a single run.
pub(super) fn run_name(runs: &[&Results], run: usize) -> String {
    if runs.len() < 2 { String::new() } else { ["A", "B"][run.min(1)].to_string() }
}

fn three(v: f64) -> String {
    format!("{v:.3}")
}

fn count(v: f64) -> String {
    text::count(v as u64)
}

fn some(n: u64) -> Option<f64> {
    Some(n as f64)
}

/// Sums of every chain, over all samples and over each corpus.
pub(super) fn sums(runs: &[&Results]) -> String {
    let two = runs.len() > 1;
    let side = runs.iter().any(|r| r.cells.iter().any(|c| c.bytes_side > 0));
    let memory = runs.iter().any(|r| r.cells.iter().any(|c| c.encode_memory.is_some()));
    let mut columns = vec![name("chain")];
    if two {
        columns.push(name("run"));
    }
    columns.extend([
        name("corpus"),
        number("samples", "verified samples, of all samples"),
        number("bytes", "of the originals"),
        number("encoded", "bytes"),
        number("ratio", "original / encoded, of the sums; above 1 is good"),
        number("ratio, mean", "the geometric mean over samples"),
        number("bpb", "encoded bits per original byte"),
    ]);
    if side {
        columns.push(number("with side data", "ratio with the resources that decoding needs counted in"));
    }
    columns.extend([
        number("encode", "MB/s of original data: all bytes in the sum of median times"),
        number("mean", "the geometric mean over samples, encoding, MB/s"),
        number("decode", "MB/s of original data: all bytes in the sum of median times"),
        number("mean", "the geometric mean over samples, decoding, MB/s"),
    ]);
    if memory {
        columns.push(number("memory", "peak memory of encoding a sample, minus that of store"));
    }
    columns.push(name("remark"));
    let mut rows: Vec<(Option<String>, TableRow)> = Vec::new();
    for (run, results) in runs.iter().enumerate() {
        let corpora = summary::corpora(results);
        let scopes = std::iter::once(None).chain(corpora.iter().filter(|_| corpora.len() > 1).map(Some));
        for corpus in scopes {
            for row in summary::rows(results, corpus.map(String::as_str)) {
                let mut fields = vec![words(&row.label)];
                if two {
                    fields.push(words(run_name(runs, run)));
                }
                sum_fields(&row, corpus, side, memory, &mut fields);
                let key = Some(format!("{:?} {corpus:?}", row.setup));
                let row = TableRow {
                    corpus: corpus.map(|c| text::visible(c)).unwrap_or_default(),
                    family: text::family(&row.setup.chain),
                    fields,
                };
                // A row of run B stands below its counterpart of run A.
                match rows.iter().position(|(k, _)| *k == key) {
                    Some(at) => rows.insert(at + 1, (None, row)),
                    None => rows.push((key, row)),
                }
            }
        }
    }
    let rows: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();
    table(
        "sums",
        "Every chain, summed up. Throughput counts original bytes, MB = 10⁶ bytes.",
        &columns,
        &rows,
    )
}

fn sum_fields(row: &Row, corpus: Option<&String>, side: bool, memory: bool, fields: &mut Vec<Field>) {
    let all = row.cells.len() + row.failed.len();
    let ratio = row.ratio();
    let (encode, decode) = (row.speed(|c| &c.encode), row.speed(|c| &c.decode));
    fields.push(words(corpus.map_or("all".to_string(), |c| text::visible(c))));
    fields.push(
        value(some(row.cells.len() as u64), |n| {
            if all == row.cells.len() { count(n) } else { format!("{n} of {all}") }
        })
        .bad(!row.failed.is_empty()),
    );
    fields.push(value(some(row.bytes), count));
    fields.push(value(some(row.output_bytes), count));
    fields.push(value(ratio, three).bad(ratio.is_some_and(|r| r < 1.0)));
    fields.push(value(row.mean_ratio(), three).bad(row.mean_ratio().is_some_and(|r| r < 1.0)));
    fields.push(value(row.bits_per_byte(), three));
    if side {
        fields.push(value(row.ratio_with_side(), three));
    }
    for speed in [encode, decode] {
        fields.push(value(speed.map(|s| s.total), text::number));
        fields.push(value(speed.map(|s| s.mean), text::number));
    }
    if memory {
        fields.push(value(row.memory(|c| c.encode_memory).map(|m| m as f64), text::bytes));
    }
    let remark = match row {
        row if !row.failed.is_empty() => "FAIL",
        row if !row.complete => "fewer samples",
        row if row.noisy() => "noisy",
        _ => "",
    };
    fields.push(words(remark).bad(remark == "FAIL"));
}

/// Every cell.
pub(super) fn cells(runs: &[&Results]) -> String {
    let all = || runs.iter().flat_map(|r| &r.cells);
    let varies = |of: &dyn Fn(&Cell) -> u64| {
        let first = all().next().map(of);
        all().any(|c| Some(of(c)) != first)
    };
    let (segments, threads) = (varies(&|c| c.segment_bytes), varies(&|c| u64::from(c.threads)));
    let two = runs.len() > 1;
    let mut columns = vec![name("sample"), name("chain")];
    if two {
        columns.push(name("run"));
    }
    if segments {
        columns.push(number("segment", ""));
    }
    if threads {
        columns.push(number("threads", ""));
    }
    columns.extend([
        number("bytes", "of the original"),
        number("encoded", "bytes of the finished medium"),
        number("ratio", "original / encoded"),
        number("bpb", "encoded bits per original byte"),
        number("H0", "entropy of the original, order 0, bits per byte"),
        number("H1", "order 1"),
        number("H2", "order 2"),
        number("encode", "MB/s, by the median of wall time"),
        number("±", "half of the 95 % confidence interval, share of the median"),
        number("decode", "MB/s, by the median of wall time"),
        number("±", "half of the 95 % confidence interval, share of the median"),
        number("n", "measurements, the fewer of both ways"),
        name("status"),
    ]);
    let mut rows = Vec::new();
    for (run, results) in runs.iter().enumerate() {
        for cell in &results.cells {
            let mut fields = vec![words(text::sample(cell)), words(text::chain(&cell.chain))];
            if two {
                fields.push(words(run_name(runs, run)));
            }
            if segments {
                let size = if cell.segment_bytes == 0 { u64::MAX } else { cell.segment_bytes };
                fields.push(value(some(size), |_| summary::segment(cell.segment_bytes)));
            }
            if threads {
                fields.push(value(some(cell.threads.into()), count));
            }
            cell_fields(cell, &mut fields);
            rows.push(TableRow {
                corpus: cell.corpus.as_deref().map(text::visible).unwrap_or_default(),
                family: text::family(&cell.chain),
                fields,
            });
        }
    }
    table("cells", "Every sample through every chain.", &columns, &rows)
}

fn cell_fields(cell: &Cell, fields: &mut Vec<Field>) {
    let bad = failed(cell);
    let encoded = (!bad || cell.output_bytes > 0).then_some(cell.output_bytes as f64);
    let ratio = summary::ratio(cell.bytes, cell.output_bytes).filter(|_| !bad);
    let entropy = |order: usize| Some(cell.entropy[order]).filter(|_| cell.entropy != [0.0; 3]);
    fields.push(value(some(cell.bytes), count));
    fields.push(value(encoded, count));
    fields.push(value(ratio, three).bad(ratio.is_some_and(|r| r < 1.0)));
    fields.push(value(ratio.map(|r| 8.0 / r), three));
    for order in 0..3 {
        fields.push(value(entropy(order), |v| format!("{v:.2}")));
    }
    for timing in [&cell.encode, &cell.decode] {
        fields.push(value(rate(cell, timing), text::number));
        fields.push(value(uncertainty(timing), |v| format!("{:.1} %", v * 100.0)).bad(timing.noisy));
    }
    let n = cell.encode.n.min(cell.decode.n);
    fields.push(value(some(n.into()), count));
    let status = match (&cell.error, &cell.fidelity) {
        (Some(error), _) => format!("FAIL: {}", text::visible(error)),
        (None, _) if bad => "FAIL: not verified".to_string(),
        (None, Fidelity::Lossy { metric, mean, worst }) => {
            format!("lossy: {} {mean:.3}, worst {worst:.3}", text::visible(metric))
        }
        _ if cell.encode.noisy || cell.decode.noisy => "verified, noisy".to_string(),
        _ => "verified".to_string(),
    };
    let status =
        std::iter::once(status).chain(cell.notes.iter().map(|n| text::visible(n))).collect::<Vec<_>>();
    fields.push(words(status.join("; ")).bad(bad));
}

fn rate(cell: &Cell, timing: &Timing) -> Option<f64> {
    (timing.n > 0 && timing.median > 0.0 && cell.bytes > 0).then(|| cell.bytes as f64 / timing.median / 1e6)
}

fn uncertainty(timing: &Timing) -> Option<f64> {
    let [low, high] = timing.confidence;
    (timing.n > 1 && timing.median > 0.0 && high >= low).then(|| (high - low) / 2.0 / timing.median)
}

/// The stages of every chain, summed over samples.
pub(super) fn stages(runs: &[&Results]) -> String {
    let two = runs.len() > 1;
    let mut columns: Vec<Column> = vec![name("chain"), name("stage")];
    if two {
        columns.push(name("run"));
    }
    columns.extend([
        number("in", "bytes into the encoder"),
        number("out", "bytes out of it"),
        number("ratio", "in / out"),
        number("H0", "order-0 entropy of the output, bits per byte; near 8, an order-0 coder gains nothing"),
        number("H1", "order 1"),
        number("H2", "order 2"),
        number("encode", "MB/s of the stage's input"),
        number("decode", "MB/s of the decoded bytes"),
    ]);
    let mut rows = Vec::new();
    for (run, results) in runs.iter().enumerate() {
        for row in summary::rows(results, None) {
            for stage in row.stages() {
                let mut fields = vec![words(&row.label), words(text::visible(&stage.stage))];
                if two {
                    fields.push(words(run_name(runs, run)));
                }
                let ratio = summary::ratio(stage.bytes_in, stage.bytes_out).filter(|_| !stage.is_container());
                fields.push(value(some(stage.bytes_in), count));
                fields.push(value(some(stage.bytes_out), count));
                fields.push(value(ratio, three).bad(ratio.is_some_and(|r| r < 1.0)));
                for bits in stage.entropy_bits {
                    let entropy = (bits > 0.0 && stage.bytes_out > 0).then(|| bits / stage.bytes_out as f64);
                    fields.push(value(entropy, |v| format!("{v:.2}")));
                }
                for seconds in [stage.encode_seconds, stage.decode_seconds] {
                    let rate = (seconds > 0.0).then(|| stage.bytes_in as f64 / seconds / 1e6);
                    fields.push(value(rate, text::number));
                }
                rows.push(TableRow { corpus: String::new(), family: text::family(&row.setup.chain), fields });
            }
        }
    }
    if rows.is_empty() {
        return "<p>The results have no stages.</p>\n".into();
    }
    table("stages", "Sizes and rates of every stage, summed over all samples.", &columns, &rows)
}

/// How run B differs from run A.
pub(super) fn differences(comparison: &Comparison) -> String {
    let columns = [
        name("chain"),
        number("cells", "in both runs, verified"),
        number("bytes A", ""),
        number("bytes B", ""),
        number("change", "of the sums"),
        number("change, mean", "the geometric mean over cells"),
        number("encode time", "B / A, geometric mean; above 1 is slower"),
        number("between", "where the true ratio lies"),
        name("verdict"),
        number("decode time", "B / A, geometric mean; above 1 is slower"),
        number("between", "where the true ratio lies"),
        name("verdict"),
    ];
    let time = |change: &Change, fields: &mut Vec<Field>| {
        fields.push(value(change.time, three));
        let interval = change.interval.map_or("–".to_string(), |[low, high]| format!("{low:.3}–{high:.3}"));
        fields.push(words(interval));
        fields.push(words(change.verdict.words()).bad(change.verdict == Verdict::Slower));
    };
    let row = |total: &crate::compare::Total| {
        let mut fields = vec![
            words(&total.label),
            value(some(total.pairs as u64), count),
            value(some(total.bytes[0]), count),
            value(some(total.bytes[1]), count),
            value(total.growth, percent).bad(total.growth.is_some_and(|g| g > 0.0)),
            value(total.mean_growth, percent).bad(total.mean_growth.is_some_and(|g| g > 0.0)),
        ];
        time(&total.encode, &mut fields);
        time(&total.decode, &mut fields);
        TableRow { corpus: String::new(), family: text::family(&total.chain), fields }
    };
    let rows: Vec<_> = comparison.totals.iter().map(row).collect();
    table("differences", "Run B against run A.", &columns, &rows)
}
