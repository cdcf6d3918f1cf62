//! The CSV of lzbench (`-o4`): speeds in MB/s of original data, MB = 10⁶ bytes, or times in µs; 0 for an
//! error.

use lab_codec::Result;

use super::columns::{once, parse, percent, rate, rows, seconds, write};
use super::{Format, chain, rival_name};
use crate::summary::failed;
use lab_bench::export::Exporter;
use lab_bench::results::{Cell, Results};

/// lzbench.
pub(super) struct Lzbench;

const SPEEDS: &str =
    "Compressor name,Compression speed,Decompression speed,Original size,Compressed size,Ratio,Filename";
const TIMES: &str = "Compressor name,Compression time in us,Decompression time in us,Original size,Compressed size,Ratio,Filename";

impl Format for Lzbench {
    fn name(&self) -> &'static str {
        "lzbench"
    }

    fn recognises(&self, text: &str) -> bool {
        text.starts_with(SPEEDS) || text.starts_with(TIMES)
    }

    fn read(&self, text: &str) -> Result<Vec<Cell>> {
        let times = text.starts_with(TIMES);
        let cell = |(line, fields): (u64, Vec<String>)| {
            let bytes: u64 = parse(&fields[3], "original size", line)?;
            let figure = |at: usize, what| parse::<f64>(&fields[at], what, line);
            let (encode, decode) = (figure(1, "compression")?, figure(2, "decompression")?);
            let time = |f: f64| if times { f / 1e6 } else { seconds(bytes, f) };
            Ok(Cell {
                sample: fields[6].clone(),
                chain: chain("lzbench", &fields[0]),
                threads: 1,
                bytes,
                output_bytes: parse(&fields[4], "compressed size", line)?,
                verified: decode > 0.0,
                error: (decode == 0.0).then(|| "lzbench reports an error of decompression".to_string()),
                notes: vec!["measured and verified by lzbench".to_string()],
                channel: "none".into(),
                encode: once(time(encode)),
                decode: once(time(decode)),
                ..Cell::default()
            })
        };
        rows(text, "lzbench", 7)?.into_iter().map(cell).collect()
    }
}

impl Exporter for Lzbench {
    fn file_name(&self) -> &'static str {
        "lzbench.csv"
    }

    fn export(&self, results: &Results) -> Result<String> {
        let row = |cell: &Cell| {
            let decode = if failed(cell) { "0.00".to_string() } else { rate(cell.bytes, &cell.decode) };
            vec![
                rival_name("lzbench", &cell.chain),
                rate(cell.bytes, &cell.encode),
                decode,
                cell.bytes.to_string(),
                cell.output_bytes.to_string(),
                percent(cell.bytes, cell.output_bytes),
                cell.sample.clone(),
            ]
        };
        write(SPEEDS, results.cells.iter().map(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn speeds() {
        let text = format!(
            "{SPEEDS}\nmemcpy,10000.00,12500.00,1000000,1000000,100.00,a.txt\n\
             zstd 1.5.5 -19,2.50,800.00,1000000,250000,25.00,dir/b,c.txt\nbad 1.0,5.00,0.00,1000000,9,0.00,a.txt\n"
        );
        let cells = Lzbench.read(&text).unwrap();
        assert_eq!(cells[0].chain, "lzbench/memcpy");
        assert_eq!(
            (cells[1].chain.as_str(), cells[1].sample.as_str()),
            ("lzbench/zstd:1.5.5 -19", "dir/b,c.txt")
        );
        assert_eq!((cells[1].bytes, cells[1].output_bytes), (1_000_000, 250_000));
        assert_eq!((cells[1].encode.median, cells[1].decode.median), (0.4, 0.001_25));
        assert_eq!(cells[1].encode.n, 1);
        assert!(!cells[2].verified && cells[2].decode.n == 0);
    }

    #[test]
    fn times() {
        let cells = Lzbench.read(&format!("{TIMES}\nlz4 1.9,2000,500,1000000,600000,60.00,a\n")).unwrap();
        assert_eq!((cells[0].encode.median, cells[0].decode.median), (0.002, 0.0005));
    }

    #[test]
    fn what_is_written_is_read() {
        let results = fixture::everything();
        let cells = Lzbench.read(&Lzbench.export(&results).unwrap()).unwrap();
        assert_eq!(cells.len(), results.cells.len());
        for (ours, theirs) in results.cells.iter().zip(&cells) {
            assert_eq!(
                (ours.bytes, ours.output_bytes, ours.verified),
                (theirs.bytes, theirs.output_bytes, theirs.verified)
            );
            assert!((ours.encode.median / theirs.encode.median - 1.0).abs() < 0.01);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = Lzbench.read(&format!("{SPEEDS}\na,1,1,x,1,1,f\n")).unwrap_err();
        assert_eq!(error.to_string(), "line 2: original size \"x\" is not a number");
        let error = Lzbench.read(&format!("{SPEEDS}\na,1\n")).unwrap_err();
        assert_eq!(error.to_string(), "line 2: 2 columns, lzbench has 7");
    }
}
