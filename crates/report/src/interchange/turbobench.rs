//! The CSV of TurboBench: sizes, percent, speeds in MB/s (10⁶ bytes), a `?` before the name of what failed.

use lab_codec::Result;

use super::columns::{once, parse, percent, rate, rows, seconds, write};
use super::{Format, chain, rival_name};
use crate::summary::failed;
use lab_bench::export::Exporter;
use lab_bench::results::{Cell, Results, Timing};

/// TurboBench.
pub(super) struct TurboBench;

const HEADER: &str = "size,csize,ratio,ctime,dtime,name,file";

impl Format for TurboBench {
    fn name(&self) -> &'static str {
        "turbobench"
    }

    fn recognises(&self, text: &str) -> bool {
        table(text).is_some()
    }

    fn read(&self, text: &str) -> Result<Vec<Cell>> {
        let cell = |(line, fields): (u64, Vec<String>)| {
            let bytes: u64 = parse(&fields[0], "size", line)?;
            let speed = |at: usize, what| -> Result<Timing> {
                Ok(once(seconds(bytes, parse(&fields[at], what, line)?)))
            };
            let (name, bad) = match fields[5].strip_prefix('?') {
                Some(name) => (name, true),
                None => (fields[5].as_str(), false),
            };
            Ok(Cell {
                sample: fields[6].clone(),
                chain: chain("turbobench", name),
                threads: 1,
                bytes,
                output_bytes: parse(&fields[1], "csize", line)?,
                verified: !bad,
                error: bad.then(|| "TurboBench reports an error".to_string()),
                notes: vec!["measured and verified by TurboBench".to_string()],
                channel: "none".into(),
                encode: speed(3, "ctime")?,
                decode: speed(4, "dtime")?,
                ..Cell::default()
            })
        };
        rows(table(text).unwrap_or_default(), "TurboBench", 7)?.into_iter().map(cell).collect()
    }
}

impl Exporter for TurboBench {
    fn file_name(&self) -> &'static str {
        "turbobench.csv"
    }

    fn export(&self, results: &Results) -> Result<String> {
        let row = |cell: &Cell| {
            let mark = if failed(cell) { "?" } else { "" };
            vec![
                cell.bytes.to_string(),
                cell.output_bytes.to_string(),
                percent(cell.bytes, cell.output_bytes),
                rate(cell.bytes, &cell.encode),
                rate(cell.bytes, &cell.decode),
                format!("{mark}{}", rival_name("turbobench", &cell.chain)),
                cell.sample.clone(),
            ]
        };
        write(HEADER, results.cells.iter().map(row))
    }
}

/// The table, behind a title line that may stand above it.
fn table(text: &str) -> Option<&str> {
    if text.starts_with(HEADER) {
        return Some(text);
    }
    text.split_once('\n').map(|(_, rest)| rest).filter(|rest| rest.starts_with(HEADER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn rows_are_read_as_the_tool_pads_them() {
        let text = format!(
            "{HEADER}\n     1000000,     250000, 25.0,     2.50,   800.00,zstd 19         ,a.txt\n\
             \x20    1000000,     500000, 50.0,   100.00,     0.00,?lz4 1          ,a.txt\n"
        );
        let cells = TurboBench.read(&text).unwrap();
        assert_eq!((cells[0].chain.as_str(), cells[0].output_bytes), ("turbobench/zstd:19", 250_000));
        assert_eq!((cells[0].encode.median, cells[0].decode.median), (0.4, 0.001_25));
        assert!(cells[0].verified && !cells[1].verified);
        assert_eq!((cells[1].chain.as_str(), cells[1].decode.n), ("turbobench/lz4:1", 0));
    }

    #[test]
    fn what_is_written_is_read() {
        let results = fixture::everything();
        let cells = TurboBench.read(&TurboBench.export(&results).unwrap()).unwrap();
        let figures = |c: &Cell| (c.bytes, c.output_bytes, c.verified);
        assert_eq!(
            cells.iter().map(figures).collect::<Vec<_>>(),
            results.cells.iter().map(figures).collect::<Vec<_>>()
        );
    }
}
