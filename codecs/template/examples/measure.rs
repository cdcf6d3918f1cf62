//! Measures a grammar codec on files, each as one segment.
//!
//! `cargo run --release -p lab-template --example measure -- [sequitur|template] [min_freq=N] [coder=NAME]
//! [max_rules=N] FILE...`
//!
//! The codec is `repair` unless the first word is `sequitur` or `template`.
//!
//! With `keep=DIR` the encoded segments are written to DIR, with `runs=N` everything is done N times (1).
//! Prints for each file: original and encoded bytes, encode and decode MB/s, milliseconds to decode 4 KiB
//! from the middle, all as medians; the peak memory of the process while it encoded, in bytes for each byte
//! of the largest file so far (Linux), and the metrics that the codec reports.
//!
//! `measure all [runs=N] FILE...` does that for each file with every coder and strategy, each in a process
//! of its own.

#![allow(clippy::print_stdout, reason = "it is what this program is for")]

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use lab_codec::{Build, Context, Error, Observer, Params, Resources, Result};
use lab_template::{REPAIR, SEQUITUR, TEMPLATE};

#[derive(Default)]
struct Metrics(Mutex<Vec<String>>);

impl Observer for Metrics {
    fn metric(&self, name: &'static str, value: f64) {
        if let Ok(mut metrics) = self.0.lock() {
            metrics.push(format!("{name} {value}"));
        }
    }
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1).peekable();
    if args.next_if(|arg| arg == "all").is_some() {
        return all(args.collect());
    }
    let named = |args: &mut std::iter::Peekable<_>, name: &str| args.next_if(|arg| arg == name).is_some();
    let codec = match () {
        () if named(&mut args, "sequitur") => SEQUITUR,
        () if named(&mut args, "template") => TEMPLATE,
        () => REPAIR,
    };
    let mut params = Params::defaults(codec.info);
    let mut files = Vec::new();
    let mut keep = None;
    let mut runs = 1;
    for arg in args {
        let param = arg.split_once('=').and_then(|(key, value)| Some((codec.info.param(key)?, value)));
        match param {
            Some(((index, param), value)) => params.set(index, param.parse(value)?),
            None if arg.starts_with("keep=") => keep = Some(PathBuf::from(&arg[5..])),
            None if arg.starts_with("runs=") => runs = arg[5..].parse().unwrap_or(1).max(1),
            None => files.push(PathBuf::from(arg)),
        }
    }
    let Build::Codec(build) = codec.build else { return Err(Error::usage("a grammar codec is a codec")) };
    let mut worker = build(&params, &Resources::default())?.worker();
    let mut largest = 0;
    for file in files {
        let input = std::fs::read(&file)?;
        let observer = Arc::new(Metrics::default());
        let cx = Context::default().with_observer(Arc::clone(&observer) as Arc<dyn Observer>);
        let mut encoded = Vec::new();
        let encode = median(runs, || {
            encoded.clear();
            worker.encode(&input, &mut encoded, &cx)
        })?;
        largest = largest.max(input.len());
        let memory = peak_memory().map_or(0.0, |bytes| bytes / largest.max(1) as f64);
        let mut decoded = Vec::new();
        let decode = median(runs, || {
            decoded.clear();
            worker.decode(&encoded, input.len(), &mut decoded, &cx)
        })?;
        if decoded != input {
            return Err(Error::corrupt("the round trip changed the data").at(file.display().to_string()));
        }
        let middle = input.len() / 2..(input.len() / 2 + 4096).min(input.len());
        let range = median(runs, || {
            decoded.clear();
            worker.decode_range(&encoded, input.len(), middle.clone(), &mut decoded, &cx)
        })?;
        if decoded != input[middle] {
            return Err(Error::corrupt("a range has other data").at(file.display().to_string()));
        }
        if let (Some(dir), Some(name)) = (&keep, file.file_name()) {
            std::fs::write(dir.join(name), &encoded)?;
        }
        let speed = |seconds: f64| input.len() as f64 / 1e6 / seconds;
        let metrics =
            observer.0.lock().map_or_else(|_| String::new(), |m| m[m.len() - m.len() / runs..].join(", "));
        println!(
            "{}: {} -> {} bytes, encode {:.2} MB/s, decode {:.1} MB/s, 4 KiB in {:.2} ms, peak {memory:.2} B/B; {metrics}",
            file.display(),
            input.len(),
            encoded.len(),
            speed(encode),
            speed(decode),
            range * 1e3
        );
    }
    Ok(())
}

/// The median of the seconds that something takes.
fn median(runs: usize, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut seconds = Vec::new();
    for _ in 0..runs {
        let began = Instant::now();
        work()?;
        seconds.push(began.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[seconds.len() / 2])
}

/// Measures each file in every way.
fn all(args: Vec<String>) -> Result<()> {
    let (options, files): (Vec<_>, Vec<_>) = args.into_iter().partition(|arg| arg.starts_with("runs="));
    let ways = ["", "strategy=batch", "coder=packed", "coder=raw", "coder=mix", "sequitur"];
    for file in files {
        for way in ways {
            println!("{}", if way.is_empty() { "repair" } else { way });
            let words = way.split(' ').filter(|word| !word.is_empty());
            let status =
                Command::new(std::env::current_exe()?).args(words).args(&options).arg(&file).status()?;
            if !status.success() {
                return Err(Error::usage(format!("{way} failed")).at(file));
            }
        }
    }
    Ok(())
}

/// The largest resident set of this process so far in bytes.
fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok().map(|kib| kib * 1024.0)
}
