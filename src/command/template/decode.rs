//! `lab template decode`: decodes a template, or renders it in another context or by a map.

use std::io::Write;
use std::path::{Path, PathBuf};

use lab_codec::{Digest, Error, Result};
use lab_template::TEMPLATE;
use lab_template::notes::map::Map;
use lab_template::template::{self, Template, View};
use sha2::{Digest as _, Sha256};

use super::{App, follow, options, table};
use crate::progress;
use lab_stream::chain::Chain;
use lab_stream::container::Reader;
use lab_stream::decode::pipeline_of;
use lab_stream::input::{self, Medium};
use lab_stream::output::Output;

/// Decode a template in any of its contexts
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab template decode OUT.lab --resource DICT
  lab template decode OUT.lab --resource DICT --context TEXT -o IN.txt
  lab template decode OUT.lab --resource DICT --map NAME -o MIXED     by an embedded map
  lab template decode OUT.lab --resource DICT --map ./MAP -o MIXED    ... or by a map file
  lab template decode GROWING.lab --follow -o -                       while the file is still written
`lab inspect OUT.lab` shows the declared contexts and maps in the chain; `lab template inspect DICT`
shows the symbols. Each line of a map moves symbols to another context than the content's: a symbol
number, a range (3-7) or a content identifier, then the context:
  * TEXT
  3-7 VIDEO
The star stands for all other symbols; lines that begin with # are skipped.
With --follow, OUT appears with the first segment and grows. Ctrl-C keeps it (exit code 6).")]
pub(super) struct Args {
    /// The encoded file
    input: PathBuf,
    /// The output, or - for standard output [default: the original name beside IN]
    #[arg(long, short, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Render in this context, declared by the template
    #[arg(long, value_name = "NAME", conflicts_with_all = ["map", "follow"], requires = "output")]
    context: Option<String>,
    /// Render by a map from symbols to contexts: an embedded map, or else a file
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "follow", requires = "output")]
    map: Option<PathBuf>,
    /// Decode a growing file until its stream is complete; an interrupt keeps the decoded part
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    work: options::Work,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

#[derive(serde::Serialize)]
struct Report {
    bytes: u64,
    sha256: String,
    /// The context of --context.
    context: Option<String>,
    /// The map of --map.
    map: Option<String>,
    verified: bool,
}

pub(super) fn run(args: &Args, app: &App) -> Result<()> {
    let output = args.output.as_deref().unwrap_or(Path::new("-"));
    if args.follow {
        return follow::run(&args.input, output, &args.work, &args.write, &args.talk, app);
    }
    if args.context.is_some() || args.map.is_some() {
        let mut sink = Output::open(output, args.write.force)?;
        sink.made_of_parts(&args.input)?;
        let report =
            render(args, app, &mut *sink.sink()?).map_err(|e| e.at(args.input.display().to_string()))?;
        sink.commit()?;
        return tell(args, output, &report);
    }
    let args = super::super::decode::Args {
        input: args.input.clone(),
        output: args.output.clone(),
        salvage: false,
        work: args.work.clone(),
        write: args.write.clone(),
        talk: args.talk.clone(),
    };
    super::super::decode::run(&args, app)
}

fn tell(args: &Args, output: &Path, report: &Report) -> Result<()> {
    if args.talk.json {
        return super::super::report_json(report, output == Path::new("-"));
    }
    let verdict = if report.verified { "SHA-256 verified" } else { "another rendering, without a digest" };
    super::super::note(
        &format!(
            "{} -> {}: {} bytes, {verdict}",
            args.input.display(),
            output.display(),
            table::count(report.bytes)
        ),
        args.talk.quiet,
    );
    Ok(())
}

/// Renders the segments in order.
fn render(args: &Args, app: &App, sink: &mut dyn Write) -> Result<Report> {
    let cx = args.work.context(app, progress::bar("", None, true));
    let Medium::Stream { stream, .. } = input::open(&app.registry, &args.input, &cx)? else {
        return Err(Error::unsupported("a plain Zstandard file, which has no contexts"));
    };
    let reader = Reader::open(stream, *cx.limits())?;
    let store = args.work.store(app, Some(&args.input));
    let pipeline = pipeline_of(reader.header(), &app.registry, &store)?;
    let chain = Chain::parse_codecs(&app.registry, &reader.header().chain)?;
    let Some(stage) = chain.codecs.first().filter(|stage| stage.entry.info.id == TEMPLATE.info.id) else {
        return Err(Error::unsupported(format!(
            "the chain {:?} does not begin with {}, and has no contexts",
            reader.header().chain,
            TEMPLATE.info.id
        )));
    };
    let template = template::build(&stage.params, &store.find(&reader.header().resources)?)?;
    let free;
    let view = match (&args.context, &args.map) {
        (Some(name), _) => View::Context(template.declared()?.context(name)?),
        (None, Some(map)) => match template.maps().iter().position(|(name, _)| Path::new(name) == map) {
            Some(number) => View::Embedded(number),
            None => {
                free = read_map(map, &template)?;
                View::Free(&free)
            }
        },
        (None, None) => return Err(Error::usage("rendering needs a context or a map")),
    };

    let mut hash = Sha256::new();
    let mut bytes = 0;
    let mut worker = pipeline.worker();
    for number in 0..reader.index().entries.len() {
        let stored = reader.segment(number)?;
        let (raw_len, bypassed) = (stored.header.raw_len, stored.header.bypassed);
        let mut text = worker.decode_to_first(stored, &cx)?;
        if bypassed && !template.is_lossless(view) {
            return Err(Error::unsupported(format!(
                "segment {number} is bypassed and has only the content's context; encode with --no-bypass to \
                 render it"
            )));
        }
        if !bypassed {
            let encoded = std::mem::take(&mut text);
            template
                .render(&encoded, raw_len as usize, view, &mut text, &cx)
                .map_err(|e| e.at(format!("segment {number}")))?;
        }
        bytes += text.len() as u64;
        hash.update(&text);
        sink.write_all(&text)?;
    }
    sink.flush()?;
    let sha256 = Digest(hash.finalize().into());
    if template.is_lossless(view) && sha256 != reader.trailer().sha256 {
        return Err(Error::corrupt("the content does not match its SHA-256"));
    }
    Ok(Report {
        bytes,
        sha256: sha256.to_string(),
        context: args.context.clone(),
        map: args.map.as_ref().map(|map| map.display().to_string()),
        verified: !matches!(view, View::Free(_)),
    })
}

fn read_map(path: &Path, template: &Template) -> Result<Map> {
    let declared = template.declared()?;
    let text = std::fs::read_to_string(path).map_err(|e| {
        let names: Vec<_> = template.maps().iter().map(|(name, _)| name.as_str()).collect();
        let names = if names.is_empty() { "none".into() } else { names.join(", ") };
        Error::from(e).at(format!("no map of the template ({names}), nor a file: {}", path.display()))
    })?;
    Map::from_lines(&text, declared).map_err(|e| e.at(path.display().to_string()))
}
