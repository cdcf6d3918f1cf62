//! Overhead of `lab` compared with bare calls of the same libraries, in CPU time, pair by pair.
//!
//! `cargo bench --bench house [-- large]`. Every figure is a child process: the built `lab` binary, or this
//! program with the bare work (read the file, call the library, hash with SHA-256, write the file). Children
//! run in turn, and the median of the pairwise ratios is printed, so that drifts in the machine's speed
//! cancel out.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lab_video::exact::MB_BYTES;
use lab_video::exact::kernel::{MAX_UNIT, pack, unpack};
use lab_video::exact::size::LARGEST;
use lab_video::exact::whiten::FrameKey;
use nix::sys::resource::{UsageWho, getrusage};
use sha2::{Digest, Sha256};

const ROUNDS: usize = 9;
const SIZE: &str = "100000000";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match args.first().map(String::as_str) {
        Some("bare") => bare(&args[1], Path::new(&args[2]), Path::new(&args[3])),
        Some("large") => {
            compare();
            ranges();
        }
        _ => compare(),
    }
}

/// The bare work of one child.
fn bare(what: &str, input: &Path, output: &Path) {
    match what {
        "zstd" => bare_zstd(input, output),
        "pack" => bare_pack(input, output),
        "unpack" => bare_unpack(input, output),
        _ => unreachable!("unknown work {what}"),
    }
}

fn bare_zstd(input: &Path, output: &Path) {
    let mut input = File::open(input).unwrap();
    let mut encoder = zstd::stream::Encoder::new(File::create(output).unwrap(), 3).unwrap();
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 17];
    loop {
        let n = input.read(&mut buffer).unwrap();
        if n == 0 {
            break;
        }
        hash.update(&buffer[..n]);
        encoder.write_all(&buffer[..n]).unwrap();
    }
    encoder.finish().unwrap();
    std::hint::black_box(hash.finalize());
}

fn frame_bytes() -> usize {
    LARGEST.macroblocks() as usize * MB_BYTES
}

/// Bare work with frames of the maximum size: kernel, SHA-256 and the two files only.
fn bare_pack(input: &Path, output: &Path) {
    let mut input = File::open(input).unwrap();
    let mut output = File::create(output).unwrap();
    let mut hash = Sha256::new();
    let mut payload = vec![0; frame_bytes()];
    let mut coded = vec![0; frame_bytes() / MB_BYTES * MAX_UNIT];
    let mut frame = 0u32;
    loop {
        let mut filled = 0;
        while filled < payload.len() {
            let n = input.read(&mut payload[filled..]).unwrap();
            if n == 0 {
                break;
            }
            filled += n;
        }
        if filled == 0 {
            break;
        }
        hash.update(&payload[..filled]);
        payload[filled..].fill(0);
        let mut crc = 0;
        let n = pack(&payload, FrameKey::new(frame), 0, &mut crc, &mut coded);
        output.write_all(&(n as u32).to_le_bytes()).unwrap();
        output.write_all(&coded[..n]).unwrap();
        frame += 1;
    }
    std::hint::black_box(hash.finalize());
}

fn bare_unpack(input: &Path, output: &Path) {
    let mut input = File::open(input).unwrap();
    let mut output = BufWriter::with_capacity(1 << 12, File::create(output).unwrap());
    let mut hash = Sha256::new();
    let mut payload = vec![0; frame_bytes()];
    let mut coded = vec![0; frame_bytes() / MB_BYTES * MAX_UNIT];
    let mut frame = 0u32;
    let mut length = [0; 4];
    while input.read_exact(&mut length).is_ok() {
        let coded = &mut coded[..u32::from_le_bytes(length) as usize];
        input.read_exact(coded).unwrap();
        let mut crc = 0;
        unpack_frame(coded, frame, &mut crc, &mut payload);
        hash.update(&payload);
        output.write_all(&payload).unwrap();
        frame += 1;
    }
    std::hint::black_box((hash.finalize(), output.into_inner().unwrap()));
}

fn unpack_frame(coded: &[u8], frame: u32, crc: &mut u32, payload: &mut [u8]) {
    unpack(coded, FrameKey::new(frame), 0, crc, payload).unwrap();
}

/// CPU and wall time of a child.
fn measure(command: &mut Command) -> (Duration, Duration) {
    let children = || {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
        let micros = |t: nix::sys::time::TimeVal| t.tv_sec() as u64 * 1_000_000 + t.tv_usec() as u64;
        Duration::from_micros(micros(usage.user_time()) + micros(usage.system_time()))
    };
    let (before, start) = (children(), Instant::now());
    let status = command.stdout(Stdio::null()).status().unwrap();
    assert!(status.success());
    (children() - before, start.elapsed())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn lab(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.args(args);
    command
}

/// Directory of the files: in memory, if the system has a tmpfs.
fn scratch() -> tempfile::TempDir {
    let shm = Path::new("/dev/shm");
    let dir = if shm.is_dir() { shm.to_path_buf() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("lab-house-").tempdir_in(dir).unwrap()
}

fn compare() {
    let dir = scratch();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_string();
    let (text, random, zeros) = (path("text"), path("random"), path("zeros"));
    for (kind, path) in [("versioned", &text), ("random", &random), ("zeros", &zeros)] {
        measure(&mut lab(&["corpus", "generate", kind, "--size", SIZE, "--seed", "1", "-q", "-o", path]));
    }
    let this = std::env::current_exe().unwrap();
    let bare = |what: &str, input: &str, output: &str| {
        let mut command = Command::new(&this);
        command.args(["bare", what, input, output]);
        command
    };

    let (mut ours, mut theirs) = (path("ours"), path("theirs"));
    let zstd = ["encode", "-q", "-f", "-T1", "--chain", "zstd:3", "--segment", "whole", &text, "-o", &ours];
    pairs("zstd:3 whole, encode", 1.10, || lab(&zstd), || bare("zstd", &text, &theirs));
    let size = |path: &str| fs::metadata(path).unwrap().len() as f64;
    println!("    bytes beside the bare call: {:.6} (goal <= 1.001)", size(&ours) / size(&theirs));

    for (name, input) in [("random", &random), ("zeros", &zeros)] {
        let encode = ["encode", "-q", "-f", "-T1", "--chain", "store,video", input, "-o", &ours];
        pairs(&format!("store,video, {name}, encode"), 1.3, || lab(&encode), || bare("pack", input, &theirs));
        println!("    V/P {:.6} (goal <= 1.010)", size(&ours) / size(input));
        let (back, bare_back) = (path("back"), path("bare-back"));
        let decode = ["decode", "-q", "-f", "-T1", &ours, "-o", &back];
        pairs(
            &format!("store,video, {name}, decode"),
            1.3,
            || lab(&decode),
            || bare("unpack", &theirs, &bare_back),
        );
        assert!(fs::read(&back).unwrap() == fs::read(input).unwrap());
    }
    std::mem::swap(&mut ours, &mut theirs);
    threads(&path("big"), &ours);
}

/// Ratios of CPU time, measured in turn: A B A B.
fn pairs(name: &str, goal: f64, ours: impl Fn() -> Command, theirs: impl Fn() -> Command) {
    measure(&mut ours());
    measure(&mut theirs());
    let (mut ratios, mut cpu) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (a, b) = (measure(&mut ours()).0, measure(&mut theirs()).0);
        ratios.push(a.as_secs_f64() / b.as_secs_f64());
        cpu.push(a.as_secs_f64());
    }
    println!(
        "{name}: {:.3} x the CPU time of the bare work (goal <= {goal}), {:.3} s",
        median(ratios),
        median(cpu)
    );
}

/// Ratio of wall times: one thread over two.
fn threads(big: &str, out: &str) {
    measure(&mut lab(&["corpus", "generate", "zipf-text", "--size", "160M", "--seed", "2", "-q", "-o", big]));
    let run = |n: &str| measure(&mut lab(&["encode", "-q", "-f", n, "--chain", "zstd:12", big, "-o", out])).1;
    let ratios = (0..5).map(|_| run("-T1").as_secs_f64() / run("-T2").as_secs_f64()).collect();
    println!("zstd:12, 160 MiB, two threads: {:.3} x the rate of one (goal >= 1.7)", median(ratios));
}

/// Wall time of reading a small range of a large stream, with a warm cache.
fn ranges() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_string();
    for (size, chain, middle) in [("8G", "zstd:3", "4G"), ("500000000", "store,video", "250M")] {
        let (input, encoded, out) = (path("input"), path("encoded"), path("out"));
        measure(&mut lab(&["corpus", "generate", "versioned", "--size", size, "-q", "-f", "-o", &input]));
        measure(&mut lab(&["encode", "-q", "-f", "--chain", chain, &input, "-o", &encoded]));
        let range = format!("{middle}..+4K");
        let extract = || measure(&mut lab(&["extract", &encoded, "-f", "--range", &range, "-o", &out])).1;
        extract();
        let seconds = (0..ROUNDS).map(|_| extract().as_secs_f64()).collect();
        let expected = {
            use std::os::unix::fs::FileExt;
            let mut bytes = [0; 4096];
            let offset = lab_codec::parse_size(middle).unwrap();
            File::open(&input).unwrap().read_exact_at(&mut bytes, offset).unwrap();
            bytes
        };
        assert!(fs::read(&out).unwrap() == expected);
        println!("4 KiB from the middle of {size}, {chain}: {:.1} ms (goal < 100)", median(seconds) * 1e3);
    }
}
