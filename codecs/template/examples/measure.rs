//! Measures a grammar codec on files, each as one segment.
//!
//! `cargo run --release -p lab-template --example measure -- [sequitur|template] [min_freq=N] [coder=NAME] [max_rules=N] FILE...`
//!
//! The codec is `repair` unless the first word is `sequitur` or `template`.
//!
//! With `keep=DIR` the encoded segments are written to DIR.
//! Prints for each file: original and encoded bytes, encode and decode MB/s, milliseconds to
//! decode 4 KiB from the middle, the metrics that the codec
//! reports, and the peak memory of the process so far in bytes for each byte of the largest file (Linux).

#![allow(clippy::print_stdout, reason = "it is what this program is for")]

use std::path::PathBuf;
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
    let named = |args: &mut std::iter::Peekable<_>, name: &str| args.next_if(|arg| arg == name).is_some();
    let codec = match () {
        () if named(&mut args, "sequitur") => SEQUITUR,
        () if named(&mut args, "template") => TEMPLATE,
        () => REPAIR,
    };
    let mut params = Params::defaults(codec.info);
    let mut files = Vec::new();
    let mut keep = None;
    for arg in args {
        let param = arg.split_once('=').and_then(|(key, value)| Some((codec.info.param(key)?, value)));
        match param {
            Some(((index, param), value)) => params.set(index, param.parse(value)?),
            None if arg.starts_with("keep=") => keep = Some(PathBuf::from(&arg[5..])),
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
        let began = Instant::now();
        worker.encode(&input, &mut encoded, &cx)?;
        let encode = began.elapsed().as_secs_f64();
        largest = largest.max(input.len());
        let memory = peak_memory().map_or(0.0, |bytes| bytes / largest.max(1) as f64);
        let mut decode = f64::INFINITY;
        for _ in 0..3 {
            let mut decoded = Vec::new();
            let began = Instant::now();
            worker.decode(&encoded, input.len(), &mut decoded, &cx)?;
            decode = decode.min(began.elapsed().as_secs_f64());
            if decoded != input {
                return Err(Error::corrupt("the round trip changed the data").at(file.display().to_string()));
            }
        }
        let middle = input.len() / 2..(input.len() / 2 + 4096).min(input.len());
        let mut range = f64::INFINITY;
        for _ in 0..3 {
            let mut decoded = Vec::new();
            let began = Instant::now();
            worker.decode_range(&encoded, input.len(), middle.clone(), &mut decoded, &cx)?;
            range = range.min(began.elapsed().as_secs_f64());
            if decoded != input[middle.clone()] {
                return Err(Error::corrupt("a range has other data").at(file.display().to_string()));
            }
        }
        if let (Some(dir), Some(name)) = (&keep, file.file_name()) {
            std::fs::write(dir.join(name), &encoded)?;
        }
        let speed = |seconds: f64| input.len() as f64 / 1e6 / seconds;
        let metrics = observer.0.lock().map_or_else(|_| String::new(), |m| m.join(", "));
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

/// The largest resident set of this process so far in bytes.
fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok().map(|kib| kib * 1024.0)
}
