//! `lab template decode`: what a template says, in the context of the content or in another one.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use lab_codec::{Digest, Error, Result};
use lab_template::TEMPLATE;
use lab_template::notes::cid;
use lab_template::template::{self, Template};
use sha2::{Digest as _, Sha256};

use super::{App, follow, options, table};
use crate::chain::Chain;
use crate::container::Reader;
use crate::decode::pipeline_of;
use crate::input::{self, Medium};
use crate::output::Output;
use crate::progress;

/// Decode a template, in any of its contexts
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lab template decode OUT.lab --resource DICT
  lab template decode OUT.lab --resource DICT --context TEXT -o IN.txt
  lab template decode OUT.lab --resource DICT --map MAP -o MIXED
  lab template decode GROWING.lab --follow -o -             as it comes, until it is complete
A map has a line for each symbol of the dictionary that is not in the content's context: its number (from 0 on) or content
identifier, then the context. * stands for all that are not named; lines that begin with # are skipped.")]
pub struct Args {
    /// The encoded file
    input: PathBuf,
    /// The output, or - for standard output [default: the original name beside IN]
    #[arg(long, short, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Render in this context, which the template must declare
    #[arg(long, value_name = "NAME", conflicts_with_all = ["map", "follow"], requires = "output")]
    context: Option<String>,
    /// Render each symbol in the context that this file says
    #[arg(long, value_name = "FILE", conflicts_with = "follow", requires = "output")]
    map: Option<PathBuf>,
    /// Wait for more at the end of the file, until the stream is complete
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
    /// The context, where it was one.
    context: Option<String>,
    verified: bool,
}

pub fn run(args: &Args, app: &App) -> Result<()> {
    let output = args.output.as_deref().unwrap_or(Path::new("-"));
    if args.follow {
        return follow::run(&args.input, output, &args.work, &args.write, app);
    }
    if args.context.is_some() || args.map.is_some() {
        let mut sink = Output::open(output, args.write.force)?;
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
    let verdict = if report.verified { "SHA-256 verified" } else { "a mixture of contexts" };
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

/// Renders segment after segment.
fn render(args: &Args, app: &App, sink: &mut dyn Write) -> Result<Report> {
    let cx = args.work.context(app, progress::bar("", None, true));
    let Medium::Stream { stream, .. } = input::open(&app.registry, &args.input, &cx)? else {
        return Err(Error::unsupported("a plain Zstandard file, which has no contexts"));
    };
    let reader = Reader::open(stream, *cx.limits())?;
    let store = args.work.store(Some(&args.input));
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
    let context = args.context.as_deref().map(|name| declared(&template, name)).transpose()?;
    let map = args.map.as_deref().map(|path| read_map(path, &template)).transpose()?.unwrap_or_default();
    let rest = context.or(map.rest).unwrap_or(template.contexts()[0]);
    let choose = |entry| map.entries.get(&entry).copied().unwrap_or(rest);

    let mut hash = Sha256::new();
    let mut bytes = 0;
    let mut worker = pipeline.worker();
    for number in 0..reader.index().entries.len() {
        let stored = reader.segment(number)?;
        let (raw_len, bypassed) = (stored.header.raw_len, stored.header.bypassed);
        let mut text = worker.decode_to_first(stored, &cx)?;
        if bypassed && (args.map.is_some() || context.is_some_and(|wanted| wanted != template.contexts()[0]))
        {
            return Err(Error::unsupported(format!(
                "segment {number} is stored as it is and can be had in the context of the content only; encode with \
                 --no-bypass"
            )));
        }
        if !bypassed {
            let encoded = std::mem::take(&mut text);
            template
                .render(&encoded, raw_len as usize, context, choose, &mut text, &cx)
                .map_err(|e| e.at(format!("segment {number}")))?;
        }
        bytes += text.len() as u64;
        hash.update(&text);
        sink.write_all(&text)?;
    }
    sink.flush()?;
    let lossless = context == Some(template.contexts()[0]);
    let sha256 = Digest(hash.finalize().into());
    if lossless && sha256 != reader.trailer().sha256 {
        return Err(Error::corrupt("the content does not match its SHA-256"));
    }
    Ok(Report {
        bytes,
        sha256: sha256.to_string(),
        context: args.context.clone(),
        verified: context.is_some(),
    })
}

/// The number of a context that the template declares.
fn declared(template: &Template, name: &str) -> Result<usize> {
    let names = template.dictionary().map_or(&[][..], |dictionary| &dictionary.table().contexts);
    let known =
        template.contexts().iter().copied().find(|&number| names.get(number).is_some_and(|n| n == name));
    known.ok_or_else(|| {
        let declared: Vec<_> = template.contexts().iter().filter_map(|&n| names.get(n)).cloned().collect();
        let declared = if declared.is_empty() { "none".into() } else { declared.join(", ") };
        Error::usage(format!("the template does not declare the context {name:?}; it declares {declared}"))
    })
}

/// Which symbol is in which context.
#[derive(Default)]
struct Map {
    entries: HashMap<u32, usize>,
    rest: Option<usize>,
}

fn read_map(path: &Path, template: &Template) -> Result<Map> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::from(e).at(path.display().to_string()))?;
    let Some(dictionary) = template.dictionary() else {
        return Err(Error::usage("the template has no dictionary, and so no symbol to map"));
    };
    let mut numbers = HashMap::new();
    for entry in 0..dictionary.entries() {
        let piece = dictionary.piece(entry, template.contexts()[0]);
        numbers.entry(cid::text(&piece.digest)).or_insert(entry as u32);
    }
    let mut map = Map::default();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        let at_line = |e: Error| e.at(format!("{}, line {}", path.display(), number + 1));
        let words: Vec<_> = line.split_whitespace().collect();
        let (symbol, name) = match words[..] {
            [] => continue,
            [symbol, name] => (symbol, name),
            _ => return Err(at_line(Error::usage("a line has a symbol and a context"))),
        };
        let context = declared(template, name).map_err(at_line)?;
        if symbol == "*" {
            map.rest = Some(context);
            continue;
        }
        let entry = symbol.parse().ok().filter(|&n: &u32| (n as usize) < dictionary.entries());
        let Some(entry) = entry.or_else(|| numbers.get(symbol).copied()) else {
            let error = format!("the dictionary has no symbol {symbol:?}; it has {}", dictionary.entries());
            return Err(at_line(Error::usage(error)));
        };
        map.entries.insert(entry, context);
    }
    Ok(map)
}
