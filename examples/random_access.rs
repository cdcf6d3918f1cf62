//! Reads a range of a stream's content without decoding the rest, from any medium with a registered carrier:
//!
//! ```text
//! cargo run --release --example random_access -- README.lab 100 120
//! ```

use std::path::Path;

use lab_codec::{Context, Error, Result};
use lab_stream::container::Reader;
use lab_stream::decode::{extract, pipeline_of};
use lab_stream::input::{self, Medium};
use lab_stream::resource::Store;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, start, end] = &arguments[..] else {
        return Err(Error::usage("give a stream and the start and end of a range"));
    };
    let offset =
        |text: &str| text.parse::<u64>().map_err(|_| Error::usage(format!("{text:?} is not an offset")));
    let registry = lab::registry::builtin();
    let cx = Context::default();
    let Medium::Stream { stream, .. } = input::open(&registry, Path::new(path), &cx)? else {
        return Err(Error::unsupported("a plain .zst file has no index"));
    };
    let reader = Reader::open(stream, *cx.limits())?;
    let pipeline = pipeline_of(reader.header(), &registry, &Store::new(&registry, &[], None))?;
    extract(&reader, &pipeline, (offset(start)?, offset(end)?), &mut std::io::stdout().lock(), &cx)
}
