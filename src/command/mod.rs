//! The command line: one file per subcommand. This file maps errors to exit codes and prints.

#[cfg(feature = "album")]
mod album;
#[cfg(feature = "bench")]
mod bench;
mod bounds;
#[cfg(feature = "report")]
mod chart;
mod codecs;
#[cfg(feature = "bench")]
mod compare;
#[cfg(feature = "corpus")]
mod corpus;
mod decode;
mod encode;
mod extract;
#[cfg(feature = "gvcf")]
mod gvcf;
mod hint;
mod inspect;
mod options;
#[cfg(feature = "bench")]
mod report;
#[cfg(feature = "run")]
mod run;
mod shell;
mod table;
#[cfg(feature = "telomere")]
mod telomere;
#[cfg(feature = "template")]
mod template;
#[cfg(feature = "bench")]
mod try_file;
mod verify;
#[cfg(feature = "video")]
mod video;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use lab_codec::{Cancel, Context, Error, ErrorKind, Limits, Observer, Registry, Result};

/// A research compression toolkit: chain codecs, run them on real data, verify every byte, measure
#[derive(Parser)]
#[command(name = "lab", version, propagate_version = true, max_term_width = 110, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Prefix of messages whose format description fixes it (GVCF); all others begin with the program's name.
const ERROR: &str = "Error: ";

/// Time that work gets to stop after a signal, before the process exits.
const GRACE: std::time::Duration = std::time::Duration::from_secs(1);

const EXAMPLES: &str = "\
Examples:
  lab run --chain repair,zstd,video             what does this chain do to the sample corpus?
  lab run --chain zstd:19 FILE corpora/         ... and to your own data?
  lab bench FILE --chain zstd:1/3/19            measure a sweep beside the baselines
  lab try FILE                                  which chains suit this file?
  lab encode --chain zstd:19 IN -o OUT.lab      write a self-describing stream
  lab encode --chain zstd,video IN -o OUT.mp4   ... inside a playable video
  lab decode OUT.mp4 -o IN                      and back; no options needed
  lab codecs                                    list codecs, carriers and their parameters

Exit codes:
  0 ok                            4 missing tool or resource
  1 other or I/O                  5 limit
  2 usage                         6 partial result
  3 corrupt, foreign, mismatch    7 over the limit of compare
                                  130 interrupted";

#[derive(Subcommand)]
enum Command {
    #[cfg(feature = "run")]
    Run(run::Args),
    Encode(encode::Args),
    Decode(decode::Args),
    Extract(extract::Args),
    Verify(verify::Args),
    Inspect(inspect::Args),
    #[cfg(feature = "bench")]
    Bench(bench::Args),
    #[cfg(feature = "bench")]
    Try(try_file::Args),
    #[cfg(feature = "bench")]
    Report(report::Args),
    #[cfg(feature = "bench")]
    Compare(compare::Args),
    Codecs(codecs::Args),
    #[cfg(feature = "corpus")]
    Corpus(corpus::Args),
    #[cfg(feature = "template")]
    Template(template::Args),
    #[cfg(feature = "album")]
    Album(album::Args),
    #[cfg(feature = "telomere")]
    Telomere(telomere::Args),
    #[cfg(feature = "video")]
    Video(video::Args),
    #[cfg(feature = "gvcf")]
    #[command(alias = "gvc")]
    Gvcf(gvcf::Args),
    Completions(shell::CompletionsArgs),
    Man(shell::ManArgs),
    #[cfg(feature = "bench")]
    #[command(name = lab_bench::memory::SUBCOMMAND, hide = true)]
    MemoryProbe(bench::ProbeArgs),
}

/// State shared by all commands.
struct App {
    registry: Registry,
    cancel: Cancel,
}

impl App {
    /// The surroundings for codecs and carriers, under a limit of memory in bytes.
    fn context(&self, memory: u64, observer: Arc<dyn Observer>) -> Context {
        let cx = Context::default().with_limits(Limits::new(memory, memory));
        cx.with_cancel(self.cancel.clone()).with_observer(observer)
    }
}

/// Ends all children when the command line ends, also by a panic: other threads may still wait for theirs.
struct EndChildren;

impl Drop for EndChildren {
    fn drop(&mut self) {
        lab_process::end_all();
    }
}

/// Runs the command line of this process with the given registry; an out-of-tree program calls this with
/// [`builtin`](crate::registry::builtin) and its own codecs registered.
pub fn run_cli(registry: Registry) -> ExitCode {
    let matches = Cli::command().get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    protect_inputs(&matches);
    lab_process::memory::before_end(lab_stream::cleanup::remove_all);
    let _children = EndChildren;
    let app = App { registry, cancel: Cancel::default() };
    let cancel = app.cancel.clone();
    let handler = ctrlc::set_handler(move || {
        cancel.cancel();
        // Cancelled work ends the process in order; a blocked read or a long library call may not notice.
        std::thread::sleep(GRACE);
        lab_process::end_all();
        lab_stream::cleanup::remove_all();
        std::process::exit(130);
    });
    let result = match handler {
        Ok(()) => dispatch(&cli.command, &app),
        Err(error) => Err(Error::new(ErrorKind::Io, format!("cannot handle signals: {error}"))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if error.io_kind() != Some(io::ErrorKind::BrokenPipe) {
                // If standard error is closed, the message is lost; the exit code remains.
                let text = one_line(&hint::line(&error));
                let name = if text.starts_with(ERROR) { "" } else { "lab: " };
                let _ = writeln!(io::stderr(), "{name}{text}");
            }
            ExitCode::from(exit_code(error.kind()))
        }
    }
}

/// Arguments that name what is written, or a file within an album.
const NO_INPUTS: [&str; 10] =
    ["output", "output_option", "persist", "html", "sidecar", "chart", "blobs", "clip", "medium", "name"];

/// No output may replace a file that the command line names as an input.
fn protect_inputs(matches: &ArgMatches) {
    for id in matches.ids().filter(|id| !NO_INPUTS.contains(&id.as_str())) {
        let plain = matches.try_get_many::<PathBuf>(id.as_str()).ok().flatten();
        let named = matches.try_get_many::<(String, PathBuf)>(id.as_str()).ok().flatten();
        let paths = plain.into_iter().flatten().chain(named.into_iter().flatten().map(|(_, path)| path));
        paths.for_each(|path| lab_stream::reads::protect(path));
    }
    if let Some((_, inner)) = matches.subcommand() {
        protect_inputs(inner);
    }
}

fn dispatch(command: &Command, app: &App) -> Result<()> {
    match command {
        #[cfg(feature = "run")]
        Command::Run(args) => run::run(args, app),
        Command::Encode(args) => encode::run(args, app),
        Command::Decode(args) => decode::run(args, app),
        Command::Extract(args) => extract::run(args, app),
        Command::Verify(args) => verify::run(args, app),
        Command::Inspect(args) => inspect::run(args, app),
        #[cfg(feature = "bench")]
        Command::Bench(args) => bench::run(args, app),
        #[cfg(feature = "bench")]
        Command::Try(args) => try_file::run(args, app),
        #[cfg(feature = "bench")]
        Command::Report(args) => report::run(args, app),
        #[cfg(feature = "bench")]
        Command::Compare(args) => compare::run(args, app),
        Command::Codecs(args) => codecs::run(args, app),
        #[cfg(feature = "corpus")]
        Command::Corpus(args) => corpus::run(args, app),
        #[cfg(feature = "template")]
        Command::Template(args) => template::run(args, app),
        #[cfg(feature = "album")]
        Command::Album(args) => album::run(args, app),
        Command::Completions(args) => shell::completions(args, &Cli::command()),
        #[cfg(feature = "telomere")]
        Command::Telomere(args) => telomere::run(args, app),
        #[cfg(feature = "video")]
        Command::Video(args) => video::run(args, app),
        #[cfg(feature = "gvcf")]
        Command::Gvcf(args) => gvcf::run(args, app),
        Command::Man(args) => shell::man(args, Cli::command()),
        #[cfg(feature = "bench")]
        Command::MemoryProbe(args) => bench::probe(args, app),
    }
}

/// The documented exit codes.
fn exit_code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Usage | ErrorKind::Param => 2,
        ErrorKind::Corrupt | ErrorKind::Truncated | ErrorKind::Unsupported => 3,
        ErrorKind::MissingTool | ErrorKind::MissingResource => 4,
        ErrorKind::Limit => 5,
        ErrorKind::Partial => 6,
        ErrorKind::Exceeded => 7,
        ErrorKind::Cancelled => 130,
        _ => 1,
    }
}

/// Writes to standard output.
fn print(text: &str) -> Result<()> {
    let mut out = lab_process::standard::output()?.lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Writes a value to standard output as JSON.
fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| Error::new(ErrorKind::Io, format!("cannot write JSON: {e}")))?;
    print(&format!("{text}\n"))
}

/// Writes a message to standard error.
fn note(text: &str, quiet: bool) {
    if !quiet {
        // A closed standard error must not stop the work.
        let _ = writeln!(io::stderr(), "{}", one_line(text));
    }
}

/// Escapes control characters, since file names may contain line breaks and a message is one line.
fn one_line(text: &str) -> String {
    text.chars().fold(String::new(), |mut line, c| {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
        line
    })
}

/// Writes a report as JSON to standard output, or to standard error if the data went to standard output.
fn report_json(value: &impl serde::Serialize, stdout_is_taken: bool) -> Result<()> {
    if stdout_is_taken {
        note(&serde_json::to_string(value).unwrap_or_default(), false);
        return Ok(());
    }
    print_json(value)
}
