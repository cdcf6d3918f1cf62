//! Measures peak memory of encoding and decoding in separate processes.
//!
//! A counting allocator would miss C libraries and children. Therefore this program starts itself once per
//! direction, does the work of `lab encode` or `lab decode`, and reports its peak. The peak of `store` on the
//! same input is subtracted.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use lab_codec::{Context, Error, ErrorKind, Registry, Result, Target};

use lab_stream::chain::Chain;
use lab_stream::container::{Feed, Sequence};
use lab_stream::decode::{decode, pipeline_of};
use lab_stream::encode::{self, Options, carrier_of};
use lab_stream::input::{self, Medium};
use lab_stream::pipeline::Pipeline;
use lab_stream::resource::Store;

/// Hidden subcommand that calls [`encode_peak`] and [`decode_peak`].
pub const SUBCOMMAND: &str = "memory-probe";

/// Starts the measuring processes.
pub struct Probe {
    program: PathBuf,
    scratch: PathBuf,
    limit: u64,
    resources: Vec<PathBuf>,
    /// Peaks of `store` on the current input, by segment size and threads.
    baselines: RefCell<HashMap<(u64, u32), (u64, u64)>>,
}

impl Probe {
    /// `program` is this program; `scratch` stores inputs and media; the rest is passed to the processes.
    pub fn new(program: PathBuf, scratch: &Path, limit: u64, resources: &[PathBuf]) -> Self {
        let (scratch, resources) = (scratch.to_path_buf(), resources.to_vec());
        Self { program, scratch, limit, resources, baselines: RefCell::default() }
    }

    fn input_path(&self) -> PathBuf {
        self.scratch.join("input")
    }

    /// Sets the input of the next measurements.
    ///
    /// # Errors
    /// I/O errors.
    pub fn input(&self, raw: &[u8]) -> Result<()> {
        self.baselines.borrow_mut().clear();
        Ok(std::fs::write(self.input_path(), raw)?)
    }

    /// Peak bytes of encoding and decoding minus those of `store`; `None` if the system does not report them.
    ///
    /// # Errors
    /// A failed process.
    pub fn measure(
        &self,
        chain: &Chain,
        segment: u64,
        threads: u32,
        cx: &Context,
    ) -> Result<Option<(u64, u64)>> {
        let known = self.baselines.borrow().get(&(segment, threads)).copied();
        let store = match known {
            Some(store) => store,
            None => match self.both("store", segment, threads, cx)? {
                Some(store) => *self.baselines.borrow_mut().entry((segment, threads)).or_insert(store),
                None => return Ok(None),
            },
        };
        let peaks = self.both(&chain.to_string(), segment, threads, cx)?;
        Ok(peaks.map(|(e, d)| (e.saturating_sub(store.0), d.saturating_sub(store.1))))
    }

    fn both(&self, chain: &str, segment: u64, threads: u32, cx: &Context) -> Result<Option<(u64, u64)>> {
        let medium = self.scratch.join("probe-medium");
        super::scratch::remove(&medium)?;
        let encode = self.start("encode", chain, segment, threads, &medium, cx)?;
        let decode = self.start("decode", chain, segment, threads, &medium, cx)?;
        super::scratch::remove(&medium)?;
        Ok(encode.zip(decode))
    }

    fn start(
        &self,
        direction: &str,
        chain: &str,
        segment: u64,
        threads: u32,
        medium: &Path,
        cx: &Context,
    ) -> Result<Option<u64>> {
        cx.check()?;
        let mut command = Command::new(&self.program);
        command.arg(SUBCOMMAND).args([direction, chain, &segment.to_string(), &threads.to_string()]);
        command.arg(self.limit.to_string()).arg(self.input_path()).arg(medium).args(&self.resources);
        let output = command.stdin(Stdio::null()).output()?;
        cx.check()?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            let last = errors.lines().last().unwrap_or("no word").to_string();
            return Err(Error::new(ErrorKind::Tool, format!("the measuring process ended with {last:?}")));
        }
        Ok(text.trim().parse().ok().filter(|peak| *peak > 0))
    }
}

/// Encodes a file as `lab encode` does. Returns the peak memory of this process and its children in bytes, or
/// 0 if the system does not report it.
///
/// # Errors
/// Errors of encoding.
pub fn encode_peak(
    chain: &Chain,
    store: &Store,
    options: Options,
    input: &Path,
    medium: &Path,
    cx: &Context,
) -> Result<u64> {
    let pipeline = Pipeline::build(chain, &store.find(&chain.resources())?, None)?;
    let file = std::fs::File::open(input)?;
    let len = Some(file.metadata()?.len());
    let content = encode::Input { reader: Box::new(file), len, name: "input".into() };
    let writer = carrier_of(chain, store.loaded().registry())?.create(
        Target::Path(medium),
        "input",
        &chain.to_string(),
        cx,
    )?;
    encode::encode(content, chain, &pipeline, writer, options, cx)?;
    Ok(peak())
}

/// Decodes a medium as `lab decode` does; otherwise like [`encode_peak`].
///
/// # Errors
/// Errors of decoding.
pub fn decode_peak(
    registry: &Registry,
    store: &Store,
    threads: usize,
    medium: &Path,
    cx: &Context,
) -> Result<u64> {
    let Medium::Stream { stream, .. } = input::open(registry, medium, cx)? else {
        return Err(Error::corrupt("the carrier does not recognise the medium"));
    };
    let mut sequence = Sequence::open(Feed::Carrier(Arc::clone(&stream), 0), *cx.limits())?;
    let pipeline = pipeline_of(sequence.header(), registry, store)?;
    decode(&mut sequence, &pipeline, &mut std::io::sink(), threads, cx)?;
    Ok(peak())
}

/// Peak memory of this process or of one of its children, whichever is larger.
fn peak() -> u64 {
    own_peak().max(children_peak())
}

/// `ru_maxrss` is unsuitable: on Linux it starts with the parent's memory at the time of the fork.
#[cfg(target_os = "linux")]
fn own_peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok()).map_or(0, |kib: u64| kib << 10)
}

#[cfg(all(unix, not(target_os = "linux")))]
fn own_peak() -> u64 {
    max_rss(nix::sys::resource::UsageWho::RUSAGE_SELF)
}

#[cfg(unix)]
fn children_peak() -> u64 {
    max_rss(nix::sys::resource::UsageWho::RUSAGE_CHILDREN)
}

/// Unit of `ru_maxrss`: bytes on Apple's systems, KiB elsewhere.
#[cfg(unix)]
fn max_rss(who: nix::sys::resource::UsageWho) -> u64 {
    let rss = nix::sys::resource::getrusage(who).map_or(0, |usage| usage.max_rss());
    u64::try_from(rss).unwrap_or(0) << if cfg!(target_vendor = "apple") { 0 } else { 10 }
}

#[cfg(not(unix))]
fn own_peak() -> u64 {
    0
}

#[cfg(not(unix))]
fn children_peak() -> u64 {
    0
}
