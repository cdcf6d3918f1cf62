//! Encodes a file to a `.lab` stream, in bounded memory and on all cores, as `lab encode` does:
//!
//! ```text
//! cargo run --release --example encode_file -- repair,zstd README.md README.lab
//! ```

use std::io::Write;
use std::path::Path;

use lab_codec::{Context, Error, Resources, Result};
use lab_stream::Chain;
use lab_stream::encode::{Input, Options, carrier_of, encode};
use lab_stream::output::Output;
use lab_stream::pipeline::Pipeline;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [chain, input, output] = &arguments[..] else {
        return Err(Error::usage("give a chain, an input and an output"));
    };
    let registry = lab::registry::builtin();
    let chain = Chain::parse(&registry, chain)?;
    let pipeline = Pipeline::build(&chain, &Resources::default().with_registry(&registry), None)?;
    let cx = Context::default();

    let content = Input::open(Path::new(input))?;

    // The output gets its name only once it is complete.
    let mut output = Output::open(Path::new(output), false)?;
    let carrier = carrier_of(&chain, &registry)?;
    let medium = carrier.create(output.target(), &content.name, &chain.to_string(), &cx)?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let options = Options { threads, ..Options::default() };
    let summary = encode(content, &chain, &pipeline, medium, options, &cx)?;
    output.commit()?;
    let (bytes, segments) = (summary.bytes, summary.segments);
    Ok(writeln!(std::io::stdout(), "{bytes} bytes in {segments} segments, SHA-256 {}", summary.sha256)?)
}
