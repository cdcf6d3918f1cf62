//! Results as a Markdown page: chains over all samples, all cells, failures, and the environment.

use lab_codec::{Result, format_size};

use super::Exporter;
use crate::environment::utc;
use crate::results::{Cell, Results, Timing};
use crate::summary::{self, Row};

/// The exporter.
pub struct Markdown;

impl Exporter for Markdown {
    fn file_name(&self) -> &'static str {
        "results.md"
    }

    fn export(&self, results: &Results) -> Result<String> {
        let mut page = format!("# {}\n\n", escaped(&results.name));
        page += "Ratio is original over encoded: above 1 is good. \
                 Rates are millions of bytes of the original per second, by the median of the measured \
                 times. Memory is the peak beyond that of `store`.\n";
        page += &chains(results);
        page += &failures(results);
        page += &cells(results);
        page += &environment(results);
        Ok(page)
    }
}

/// The table of chains over all samples.
pub fn chains(results: &Results) -> String {
    let mut text = "\n## Chains\n\n\
         | chain | segment | threads | cells | bytes | output | ratio | mean ratio \
         | enc MB/s | dec MB/s | enc MiB | dec MiB |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n"
        .to_string();
    for row in summary::rows(results) {
        text += &format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
            code(&row.chain),
            segment(row.segment),
            row.threads,
            counted(&row),
            row.bytes,
            row.output_bytes,
            ratio(row.bytes, row.output_bytes),
            if row.mean_ratio > 0.0 { format!("{:.3}", row.mean_ratio) } else { "-".into() },
            rate(row.bytes, row.encode_seconds),
            rate(row.bytes, row.decode_seconds),
            mebibytes(row.encode_memory),
            mebibytes(row.decode_memory),
        );
    }
    text + "\nThe ratio is that of the sums, the mean ratio the geometric mean over samples.\n"
}

fn failures(results: &Results) -> String {
    let mut failures = summary::failures(results).peekable();
    if failures.peek().is_none() {
        return format!("\nAll {} cells came back byte for byte.\n", results.cells.len());
    }
    let mut text = "\n## FAIL\n\n| sample | chain | error |\n|---|---|---|\n".to_string();
    for cell in failures {
        let error = cell.error.as_deref().unwrap_or("not verified");
        text += &format!("| {} | {} | {} |\n", sample(cell), code(&cell.chain), escaped(error));
    }
    text
}

fn cells(results: &Results) -> String {
    let mut text = "\n## Cells\n\n\
         | sample | chain | segment | threads | bytes | output | ratio | bpb \
         | enc MB/s | ± | n | dec MB/s | ± | n | entropy 0/1/2 |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n"
        .to_string();
    let mut notes = String::new();
    for cell in &results.cells {
        let bpb = match cell.bytes {
            0 => "-".into(),
            bytes => format!("{:.3}", cell.output_bytes as f64 * 8.0 / bytes as f64),
        };
        let failed = !summary::good(cell);
        text += &format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
            sample(cell),
            code(&cell.chain),
            segment(cell.segment_bytes),
            cell.threads,
            cell.bytes,
            cell.output_bytes,
            if failed { "FAIL".into() } else { ratio(cell.bytes, cell.output_bytes) },
            bpb,
            rate(cell.bytes, cell.encode.median),
            spread(&cell.encode),
            cell.encode.n,
            rate(cell.bytes, cell.decode.median),
            spread(&cell.decode),
            cell.decode.n,
            cell.entropy.map(|bits| format!("{bits:.2}")).join("/"),
        );
        for note in &cell.notes {
            notes += &format!("- {} with {}: {}\n", sample(cell), code(&cell.chain), escaped(note));
        }
    }
    text += "\n± is the median absolute deviation in per cent of the median; * marks more than 5 %. \
             n = 1 is a cell too slow to be repeated.\n";
    if !notes.is_empty() {
        text += &format!("\n{notes}");
    }
    text
}

fn environment(results: &Results) -> String {
    let e = &results.environment;
    let mut text = "\n## Environment\n\n".to_string();
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            text += &format!("- {name}: {}\n", escaped(value));
        }
    };
    line("time", &utc(e.unix_time));
    line("lab", &e.lab_version);
    line("revision", e.revision.as_deref().unwrap_or_default());
    line("compiler", &e.compiler);
    line("processor", &format!("{}, {} logical", e.cpu, e.cores));
    line("system", &e.system);
    line("load", &e.load.map_or_else(String::new, |load| load.to_string()));
    line("governor", e.governor.as_deref().unwrap_or_default());
    line("scratch", &e.scratch);
    line("pinned to", &e.pinned.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    for (id, version) in &e.codec_versions {
        line(id, version);
    }
    for (path, digest) in &e.manifests {
        line(&format!("manifest {path}"), digest);
    }
    line("command", &e.command.join(" "));
    text
}

fn sample(cell: &Cell) -> String {
    match &cell.corpus {
        Some(corpus) => escaped(&format!("{corpus}/{}", cell.sample)),
        None => escaped(&cell.sample),
    }
}

fn counted(row: &Row) -> String {
    match row.failed {
        0 => row.cells.to_string(),
        failed => format!("{} ({failed} FAIL)", row.cells),
    }
}

fn segment(bytes: u64) -> String {
    if bytes == 0 { "whole".into() } else { format_size(bytes) }
}

fn ratio(bytes: u64, output: u64) -> String {
    if bytes == 0 || output == 0 { "-".into() } else { format!("{:.3}", bytes as f64 / output as f64) }
}

fn rate(bytes: u64, seconds: f64) -> String {
    if bytes == 0 || seconds <= 0.0 { "-".into() } else { format!("{:.1}", bytes as f64 / seconds / 1e6) }
}

fn spread(timing: &Timing) -> String {
    if timing.median <= 0.0 || timing.n < 2 {
        return "-".into();
    }
    let mark = if timing.noisy { "*" } else { "" };
    format!("{:.1} %{mark}", timing.mad / timing.median * 100.0)
}

fn mebibytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "-".into(), |bytes| format!("{:.1}", bytes as f64 / f64::from(1 << 20)))
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

/// Escapes text so that it cannot end a table cell, begin markup or hold HTML.
pub fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Environment, SCHEMA, VERSION};

    #[test]
    fn names_cannot_break_the_page() {
        assert_eq!(escaped("</script><b>x|`\n"), "&lt;/script&gt;&lt;b&gt;x\\|\\` ");
        let cell = Cell {
            sample: "</script><b>|x".into(),
            error: Some("no\nway".into()),
            chain: "zstd".into(),
            ..Cell::default()
        };
        let results = Results {
            schema: SCHEMA.into(),
            version: VERSION,
            name: "<i>".into(),
            environment: Environment::default(),
            cells: vec![cell],
        };
        let page = Markdown.export(&results).unwrap();
        assert!(
            !page.contains("<b>")
                && !page.contains("<i>")
                && page.contains("FAIL")
                && page.contains("no way")
        );
    }
}
