//! `lab extract`: some bytes of the content, reading only the segments that hold them.

use std::path::PathBuf;

use lab_codec::{Error, Result, parse_size};

use super::{App, options};
use crate::container::Reader;
use crate::decode::{extract, pipeline_of};
use crate::input::{self, Medium};
use crate::output::Output;
use crate::progress;

/// Decode a range of bytes, without the rest
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab extract OUT.lab --range 1G..1G+4K        4 KiB from the middle
  lab extract OUT.mp4 --range 1000.. -o tail
The end is exclusive. A missing start is 0, a missing end the end of the content.")]
pub struct Args {
    /// The encoded file
    input: PathBuf,
    /// Bytes A..B of the content; sizes take K, M, G, and B may be +LENGTH or A+LENGTH
    #[arg(long, short, value_name = "A..B")]
    range: String,
    /// The output, or - for standard output
    #[arg(long, short, value_name = "OUT", default_value = "-")]
    output: PathBuf,
    #[command(flatten)]
    work: options::Work,
    #[command(flatten)]
    write: options::Write,
}

pub fn run(args: &Args, app: &App) -> Result<()> {
    let bounds = Bounds::parse(&args.range)?;
    let cx = args.work.context(app, progress::bar("", None, true));
    let at_input = |e: Error| e.at(args.input.display().to_string());
    let Medium::Stream { stream, .. } = input::open(&app.registry, &args.input, &cx)? else {
        return Err(at_input(Error::unsupported(
            "a plain Zstandard file has no index; `lab decode` reads it",
        )));
    };
    let reader = Reader::open(stream, *cx.limits()).map_err(at_input)?;
    let store = args.work.store(Some(&args.input));
    let pipeline = pipeline_of(reader.header(), &app.registry, &store).map_err(at_input)?;
    let end = bounds.end.unwrap_or(reader.trailer().bytes);
    let mut output = Output::open(&args.output, args.write.force)?;
    extract(&reader, &pipeline, (bounds.start, end), &mut *output.sink()?, &cx).map_err(at_input)?;
    output.commit()
}

#[derive(Debug, PartialEq)]
struct Bounds {
    start: u64,
    end: Option<u64>,
}

impl Bounds {
    fn parse(text: &str) -> Result<Self> {
        Self::read(text).ok_or_else(|| {
            Error::usage(format!("{text:?} is not a range; ranges look like 0..4096, 1M.., ..10 or 1G..+4K"))
        })
    }

    fn read(text: &str) -> Option<Self> {
        let (start, end) = text.split_once("..")?;
        let offset = |text: &str| match text.split_once('+') {
            Some((base, more)) => parse_size(base)?.checked_add(parse_size(more)?),
            None => parse_size(text),
        };
        let start = if start.is_empty() { 0 } else { offset(start)? };
        let end = match end.strip_prefix('+') {
            Some(len) => Some(start.checked_add(parse_size(len)?)?),
            None if end.is_empty() => None,
            None => Some(offset(end)?),
        };
        Some(Self { start, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let read = |text| Bounds::read(text).map(|b| (b.start, b.end));
        assert_eq!(read("0..4096"), Some((0, Some(4096))));
        assert_eq!(read("1K.."), Some((1024, None)));
        assert_eq!(read("..10"), Some((0, Some(10))));
        assert_eq!(read("1K..+4"), Some((1024, Some(1028))));
        assert_eq!(read("1K..1K+4"), Some((1024, Some(1028))));
        for bad in ["", "4", "a..b", "1..+", "1-2", "..-1"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
