//! Comma-separated tables with a heading, and figures that stand for one measurement.

use lab_codec::{Error, ErrorKind, Result};

use crate::text;
use lab_bench::results::Timing;

/// The rows of a table, each with the number of its line; blanks around fields are dropped.
pub(super) fn rows(text: &str, tool: &str, columns: usize) -> Result<Vec<(u64, Vec<String>)>> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| Error::corrupt(format!("not a table of {tool}: {e}")))?;
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() < columns {
            return Err(Error::corrupt(format!(
                "line {line}: {} columns, {tool} has {columns}",
                record.len()
            )));
        }
        // What is behind the last column belongs to it: the tools do not quote commas in file names.
        let mut fields: Vec<String> = record.iter().take(columns - 1).map(str::to_string).collect();
        fields.push(record.iter().skip(columns - 1).collect::<Vec<_>>().join(","));
        rows.push((line, fields));
    }
    Ok(rows)
}

/// A table.
pub(super) fn write(header: &str, rows: impl Iterator<Item = Vec<String>>) -> Result<String> {
    let failed = |e: &dyn std::fmt::Display| Error::new(ErrorKind::Io, format!("cannot write CSV: {e}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        // Names from outside must not forge lines.
        writer.write_record(row.iter().map(|f| text::visible(f))).map_err(|e| failed(&e))?;
    }
    let bytes = writer.into_inner().map_err(|e| failed(&e))?;
    Ok(format!("{header}\n{}", String::from_utf8_lossy(&bytes)))
}

/// A number of a table.
pub(super) fn parse<T: std::str::FromStr>(field: &str, what: &str, line: u64) -> Result<T> {
    field.parse().map_err(|_| Error::corrupt(format!("line {line}: {what} {field:?} is not a number")))
}

/// One measurement with its outcome only.
pub(super) fn once(seconds: f64) -> Timing {
    if !seconds.is_finite() || seconds <= 0.0 {
        return Timing::default();
    }
    Timing {
        n: 1,
        median: seconds,
        min: seconds,
        confidence: [seconds; 2],
        samples: vec![seconds],
        ..Timing::default()
    }
}

/// Millions of bytes per second to seconds; 0 where there was no measurement.
pub(super) fn seconds(bytes: u64, rate: f64) -> f64 {
    if rate > 0.0 { bytes as f64 / (rate * 1e6) } else { 0.0 }
}

/// Seconds to millions of bytes per second, with two decimals as the tools write them.
pub(super) fn rate(bytes: u64, timing: &Timing) -> String {
    let rate = if timing.n > 0 && timing.median > 0.0 { bytes as f64 / timing.median / 1e6 } else { 0.0 };
    format!("{rate:.2}")
}

/// Encoded bytes in percent of the original ones.
pub(super) fn percent(original: u64, encoded: u64) -> String {
    let percent = if original > 0 { encoded as f64 * 100.0 / original as f64 } else { 0.0 };
    format!("{percent:.2}")
}
