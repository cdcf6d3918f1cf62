//! `lab extract`: decodes a byte range; reads only the segments that overlap it.

use std::path::PathBuf;

use lab_codec::{Error, Result};

use super::bounds::Bounds;
use super::{App, options};
use crate::progress;
use lab_stream::container::Reader;
use lab_stream::decode::{extract, pipeline_of};
use lab_stream::input::{self, Medium};
use lab_stream::output::Output;

/// Decode a byte range without decoding the rest
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab extract OUT.lab --range 1G..1G+4K        4 KiB from the middle
  lab extract OUT.mp4 --range 1000.. -o tail
The end is exclusive. The start defaults to 0, the end to the end of the content.")]
pub(super) struct Args {
    /// The encoded file
    input: PathBuf,
    /// Byte range of the content; A and B take K, M, G, and B may be +LENGTH or A+LENGTH
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

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let bounds = Bounds::parse(&args.range)?;
    let cx = args.work.context(app, progress::bar("", None, true));
    let at_input = |e: Error| e.at(args.input.display().to_string());
    let Medium::Stream { stream, .. } = input::open(&app.registry, &args.input, &cx)? else {
        return Err(at_input(Error::unsupported(
            "a plain Zstandard file has no index; `lab decode` reads it",
        )));
    };
    let reader = Reader::open(stream, *cx.limits()).map_err(at_input)?;
    let store = args.work.store(app, Some(&args.input));
    let pipeline = pipeline_of(reader.header(), &app.registry, &store).map_err(at_input)?;
    let end = bounds.end.unwrap_or(reader.trailer().bytes);
    let mut output = Output::open(&args.output, args.write.force)?;
    output.made_of_parts(&args.input)?;
    extract(&reader, &pipeline, (bounds.start, end), &mut *output.sink()?, &cx).map_err(at_input)?;
    output.commit()
}
