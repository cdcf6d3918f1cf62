//! Checks the accuracy of benchmarks.
//!
//! - `cargo bench --bench truth -- sizes PATH...`: encoded bytes compared with direct calls of the same
//!   libraries, which must agree to the byte, and with the installed tools.
//! - `-- timing FILE`: times of a benchmark compared with bare loops over the same library calls, in one
//!   process.
//! - `-- try FILE...`: recommendations of `lab try`, compared with a benchmark of all chains that it tried.
//! - `-- compare FILE`: ten pairs of equal runs, in which `lab compare` should see no change, and ten pairs
//!   with a codec that became slower by 10 %, which it should see.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::collections::HashSet;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lab_bench::results::{Cell, Results};
use lab_bench::{Key, Listener, Plan, Rules, Surroundings};
use lab_codec::{Build, Codec, Context, Entry, Error, Info, Params, Resources, Worker};
use lab_corpus::discover;
use lab_report::compare::{Change, Comparison, Verdict};

/// Environment variable that marks a child as `lab` with a codec of configurable work.
const WORK: &str = "LAB_TRUTH_WORK";
const PAIRS: usize = 11;
const RUNS: usize = 10;

fn main() -> ExitCode {
    if std::env::var_os(WORK).is_some() {
        let mut registry = lab::registry::builtin();
        registry.register(STEADY);
        return lab::run_cli(registry);
    }
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match args.split_first() {
        Some((what, paths)) if what == "sizes" => sizes(paths),
        Some((what, [file])) if what == "timing" => timing(Path::new(file)),
        Some((what, [file])) if what == "compare" => compare(Path::new(file)),
        Some((what, files)) if what == "try" => files.iter().for_each(|file| recommended(Path::new(file))),
        _ => println!(
            "Nothing to do: name one of `sizes PATH...`, `timing FILE`, `try FILE...`, `compare FILE`."
        ),
    }
    ExitCode::SUCCESS
}

/// Output of the registered codec `stage` for `raw`.
fn by_lab(stage: &str, raw: &[u8]) -> Vec<u8> {
    let registry = lab::registry::builtin();
    let chain = lab_stream::chain::Chain::parse(&registry, stage).unwrap();
    let stage = &chain.codecs[0];
    let Build::Codec(build) = stage.entry.build else { unreachable!() };
    let mut out = Vec::new();
    let mut worker = build(&stage.params, &Resources::default()).unwrap().worker();
    worker.encode(raw, &mut out, &Context::default()).unwrap();
    out
}

/// A library, called as its documentation describes, and its authors' command-line tool.
struct Peer {
    stage: &'static str,
    library: fn(&[u8]) -> Vec<u8>,
    /// Command line of the tool, before the file, and the arguments that print its version.
    tool: &'static str,
    arguments: &'static [&'static str],
    version: &'static [&'static str],
}

const PEERS: [Peer; 6] = [
    Peer {
        stage: "zstd:1",
        library: |raw| zstd::bulk::compress(raw, 1).unwrap(),
        tool: "zstd",
        arguments: &["-1", "-c", "-q", "--no-check", "--single-thread"],
        version: &["--version"],
    },
    Peer {
        stage: "zstd:3",
        library: |raw| zstd::bulk::compress(raw, 3).unwrap(),
        tool: "zstd",
        arguments: &["-3", "-c", "-q", "--no-check", "--single-thread"],
        version: &["--version"],
    },
    Peer {
        stage: "zstd:19",
        library: |raw| zstd::bulk::compress(raw, 19).unwrap(),
        tool: "zstd",
        arguments: &["-19", "-c", "-q", "--no-check", "--single-thread"],
        version: &["--version"],
    },
    Peer {
        stage: "xz:9",
        library: |raw| {
            let mut stream =
                liblzma::stream::Stream::new_easy_encoder(9, liblzma::stream::Check::None).unwrap();
            let mut out = Vec::with_capacity(raw.len() * 2 + 4096);
            stream.process_vec(raw, &mut out, liblzma::stream::Action::Finish).unwrap();
            out
        },
        tool: "xz",
        arguments: &["-9", "-T1", "--check=none", "-c"],
        version: &["--version"],
    },
    Peer {
        stage: "brotli:11",
        library: |raw| {
            let mut out = Vec::new();
            let params = brotli::enc::BrotliEncoderParams {
                quality: 11,
                lgwin: 22,
                size_hint: raw.len(),
                ..Default::default()
            };
            brotli::BrotliCompress(&mut &*raw, &mut out, &params).unwrap();
            out
        },
        tool: "brotli",
        arguments: &["-q", "11", "-w", "22", "-c"],
        version: &["--version"],
    },
    Peer {
        stage: "ppmd",
        library: |raw| {
            let mut out = Vec::new();
            let mut encoder = ppmd_rust::Ppmd7Encoder::new(&mut out, 6, 16 << 20).unwrap();
            std::io::Write::write_all(&mut encoder, raw).unwrap();
            encoder.finish(false).unwrap();
            out
        },
        tool: "7zz",
        arguments: &["a", "-bd", "-m0=PPMd:o=6:mem=16m", "-mhc=off", "-mtm=off", "-mmt=1"],
        version: &["i"],
    },
];

/// Bytes of the tool's output for a file; `None` if the tool is not installed.
fn by_tool(peer: &Peer, file: &Path, scratch: &Path) -> Option<usize> {
    let mut command = Command::new(peer.tool);
    command.args(peer.arguments);
    if peer.tool != "7zz" {
        let output = command.arg(file).output().ok()?;
        assert!(output.status.success(), "{}: {}", peer.tool, String::from_utf8_lossy(&output.stderr));
        return Some(output.stdout.len());
    }
    let archive = scratch.join("x.7z");
    let _ = std::fs::remove_file(&archive);
    let output = command.arg(&archive).arg(file).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    // The archive lists the packed size; the rest are headers.
    let list = Command::new(peer.tool).args(["l", "-slt"]).arg(&archive).output().unwrap();
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    list.lines().filter_map(|line| line.strip_prefix("Packed Size = ")).find_map(|size| size.parse().ok())
}

fn version(peer: &Peer) -> String {
    let Ok(output) = Command::new(peer.tool).args(peer.version).output() else {
        return "not installed".into();
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim_matches(['*', ' ']).to_string()
}

fn sizes(paths: &[String]) {
    let scratch = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
    let samples = discover(&paths).unwrap();
    let cx = Context::default();
    let versions =
        lab_bench::environment::codec_versions(&lab::registry::builtin(), include_str!("../Cargo.lock"));
    println!("{:<10} {:>14} {:>14} {:>9}   library / tool", "stage", "lab", "tool", "differs");
    for peer in &PEERS {
        let (mut ours, mut theirs, mut worst) = (0_usize, Some(0_usize), 0.0_f64);
        for sample in &samples {
            let raw = sample.load(&cx).unwrap();
            let coded = by_lab(peer.stage, &raw);
            let direct = (peer.library)(&raw);
            assert_eq!(
                coded.len(),
                direct.len(),
                "{} of {}: lab and the library differ",
                peer.stage,
                sample.name
            );
            ours += coded.len();
            let file = scratch.path().join("sample");
            std::fs::write(&file, &raw).unwrap();
            let tool = by_tool(peer, &file, scratch.path());
            theirs = theirs.zip(tool).map(|(sum, bytes)| sum + bytes);
            if let Some(bytes) = tool {
                worst = worst.max((coded.len() as f64 / bytes as f64 - 1.0).abs());
            }
        }
        let id = peer.stage.split(':').next().unwrap();
        let differs =
            theirs.map_or("-".into(), |t| format!("{:+.3} %", (ours as f64 / t as f64 - 1.0) * 100.0));
        println!(
            "{:<10} {ours:>14} {:>14} {differs:>9}   {} / {} (worst file {:.2} %)",
            peer.stage,
            theirs.map_or("-".into(), |t| t.to_string()),
            versions[id],
            version(peer),
            worst * 100.0
        );
    }
    println!("{} files; sizes of lab and of direct library calls are the same in every case", samples.len());
}

/// Collects the cells of a run.
#[derive(Default)]
struct Keep(Vec<Cell>);

impl Listener for Keep {
    fn begin(&mut self, _: &Key) {}

    fn cell(&mut self, cell: Cell) -> lab_codec::Result<()> {
        self.0.push(cell);
        Ok(())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Median seconds of a bare loop, with context and buffer created before it.
fn bare(stage: &str, raw: &[u8], times: u32) -> f64 {
    let mut out: Vec<u8> = Vec::with_capacity(zstd::zstd_safe::compress_bound(raw.len()).max(raw.len() * 2));
    let mut seconds = Vec::new();
    let mut timed = |work: &mut dyn FnMut(&mut Vec<u8>)| {
        for _ in 0..=times {
            out.clear();
            let start = Instant::now();
            work(&mut out);
            seconds.push(start.elapsed().as_secs_f64());
            black_box(&out);
        }
    };
    match stage {
        "lz4" => timed(&mut |out| {
            out.resize(lz4_flex::block::get_maximum_output_size(raw.len()), 0);
            lz4_flex::block::compress_into(raw, out).unwrap();
        }),
        _ => {
            let level = stage.split_once(':').unwrap().1.parse().unwrap();
            let mut compressor = zstd::bulk::Compressor::new(level).unwrap();
            timed(&mut |out| {
                compressor.compress_to_buffer(raw, out).unwrap();
            });
        }
    }
    // The first pass warms up, as in a benchmark.
    seconds.remove(0);
    median(seconds)
}

fn timing(file: &Path) {
    let raw = std::fs::read(file).unwrap();
    let registry = lab::registry::builtin();
    let cx = Context::default();
    let scratch = tempfile::tempdir().unwrap();
    let store = lab_stream::resource::Store::new(&registry, &[], None);
    println!("{} bytes; median of {PAIRS} pairs: the benchmark's time over that of a bare loop", raw.len());
    for (stage, times) in [("zstd:1", 9), ("zstd:3", 9), ("zstd:12", 3), ("lz4", 9)] {
        let chains = lab_bench::plan::chains(&registry, &[stage.to_string()], &[], false, &mut |_| {
            Err(Error::usage("no files"))
        });
        let plan = Plan {
            name: "timing".into(),
            samples: discover(&[file.to_path_buf()]).unwrap(),
            chains: chains.unwrap(),
            segments: vec![0],
            threads: vec![1],
            rules: Rules { budget: Duration::ZERO, iterations: Some(times), slow: Rules::SLOW },
            memory: false,
        };
        let around = Surroundings { store: &store, cx: &cx, scratch: scratch.path(), probe: None };
        let mut ratios = Vec::new();
        for pair in 0..PAIRS {
            let lab = || {
                let mut keep = Keep::default();
                lab_bench::run(&plan, &HashSet::new(), &around, &mut keep).unwrap();
                assert!(keep.0[0].verified);
                keep.0[0].encode.median
            };
            // The order alternates: the first of a pair may find the machine in another state.
            let (lab, bare) = if pair % 2 == 0 {
                let lab = lab();
                (lab, bare(stage, &raw, times))
            } else {
                let bare = bare(stage, &raw, times);
                (lab(), bare)
            };
            ratios.push(lab / bare);
        }
        let (low, high) = ratios.iter().fold((f64::MAX, 0.0_f64), |(l, h), r| (l.min(*r), h.max(*r)));
        println!("{stage:<8} {:.4}   ({low:.3} to {high:.3})", median(ratios));
    }
}

/// Speed factor from which one chain clearly beats another: medians of two runs differ.
const BEATEN_FACTOR: f64 = 1.05;

/// Runs `lab try`, then benchmarks every remaining chain, and reports recommended chains that the benchmark
/// finds beaten.
fn recommended(file: &Path) {
    let lab = env!("CARGO_BIN_EXE_lab");
    let output = Command::new(lab).args(["try", "-q", "--json", "--all"]).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let trial: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let choices = trial["choices"].as_array().unwrap();
    let text = |choice: &serde_json::Value| choice["chain"].as_str().unwrap().to_string();

    let out = tempfile::tempdir().unwrap();
    let mut command = Command::new(lab);
    command
        .args(["bench", "-q", "--no-memory", "--no-baselines", "--force"])
        .arg(file)
        .arg("-o")
        .arg(out.path());
    for choice in choices {
        command.args(["--chain", &text(choice)]);
    }
    assert!(command.stdout(std::process::Stdio::null()).status().unwrap().success());
    let results = Results::parse(&std::fs::read_to_string(out.path().join("results.json")).unwrap()).unwrap();

    let mut line = format!("{}: {} chains tried, {} measured", file.display(), trial["tried"], choices.len());
    for (way, time) in
        [("encode", (|c| c.encode.median) as fn(&Cell) -> f64), ("decode", |c| c.decode.median)]
    {
        let flag = format!("{way}_front");
        let front: Vec<String> = choices.iter().filter(|c| c[&flag] == true).map(text).collect();
        let beaten = |factor: f64| {
            let by = |mine: &Cell, other: &Cell| {
                other.output_bytes <= mine.output_bytes && time(other) * factor < time(mine)
            };
            let cells = results.cells.iter().filter(|c| front.contains(&c.chain));
            cells
                .filter(|c| results.cells.iter().any(|o| by(c, o)))
                .map(|c| c.chain.clone())
                .collect::<Vec<_>>()
        };
        line += &format!(
            "; {way}: {} recommended, beaten {} (by more than 5 %: {:?})",
            front.len(),
            beaten(1.0).len(),
            beaten(BEATEN_FACTOR)
        );
    }
    println!("{line}");
}

/// A codec whose work in both directions is proportional to an environment variable.
static INFO: Info = Info::new("steady", "copies, and takes as long as the environment says");

const STEADY: Entry = Entry::codec(&INFO, build);

fn build(_: &Params, _: &Resources) -> lab_codec::Result<Arc<dyn Codec>> {
    let work = std::env::var(WORK).ok().and_then(|w| w.parse().ok()).unwrap_or(0);
    Ok(Arc::new(Steady { work }))
}

#[derive(Clone)]
struct Steady {
    work: u32,
}

impl Codec for Steady {
    fn worker(&self) -> Box<dyn Worker> {
        Box::new(self.clone())
    }
}

impl Steady {
    fn toil(&self, input: &[u8]) {
        let mut state = 1_u64;
        for _ in 0..self.work {
            for piece in input.chunks(64) {
                state = (state ^ u64::from(piece[0])).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23);
            }
        }
        black_box(state);
    }
}

impl Worker for Steady {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, _: &Context) -> lab_codec::Result<()> {
        self.toil(input);
        out.extend_from_slice(input);
        Ok(())
    }

    fn decode(&mut self, input: &[u8], _: usize, out: &mut Vec<u8>, _: &Context) -> lab_codec::Result<()> {
        self.toil(input);
        out.extend_from_slice(input);
        Ok(())
    }
}

/// Runs a benchmark in its own process.
fn child(work: u32, file: &Path, out: &Path) -> Results {
    let status = Command::new(std::env::current_exe().unwrap())
        .env(WORK, work.to_string())
        .args(["bench", "-q", "--no-memory", "--no-baselines", "--budget", "1s", "--force"])
        .args(["--chain", "steady", "--chain", "zstd:3", "--chain", "lz4", "--chain", "rans0"])
        .args([file.as_os_str(), "-o".as_ref(), out.as_os_str()])
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    Results::parse(&std::fs::read_to_string(out.join("results.json")).unwrap()).unwrap()
}

fn compare(file: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let run = |name: &str, work: u32| child(work, file, &dir.path().join(name));
    let (mut alarms, mut seen, mut untold) = (0, 0, 0);
    for round in 1..=RUNS {
        let (old, same, slow) = (run("old", 100), run("same", 100), run("slow", 110));
        let equal = Comparison::new(&old, &same);
        let significant = |change: &Change| matches!(change.verdict, Verdict::Faster | Verdict::Slower);
        let changes: Vec<Change> = equal.totals.iter().flat_map(|t| [t.encode, t.decode]).collect();
        let alarm = changes.iter().any(significant);
        untold += changes.iter().filter(|c| c.verdict == Verdict::NotResolvable).count();
        alarms += usize::from(alarm);
        let slower = Comparison::new(&same, &slow);
        let steady = slower.totals.iter().find(|t| t.chain == "steady").unwrap();
        let found = steady.encode.verdict == Verdict::Slower;
        seen += usize::from(found);
        println!(
            "{round:>2}  equal runs: {}   10 % slower: {:.3}, {}",
            if alarm { "a change reported" } else { "no significant change" },
            steady.encode.time.unwrap_or(0.0),
            steady.encode.verdict.words()
        );
    }
    println!(
        "equal runs with a change reported: {alarms} of {RUNS} (at most 1); not resolvable: {untold} times"
    );
    println!("10 % slower, reported: {seen} of {RUNS} (at least 9)");
}
