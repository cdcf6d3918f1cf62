//! Carriers with one defect each: every check of the suite can fail, and a correct carrier passes all.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use lab_codec::{
    Carrier, Context, Entry, Error, ErrorKind, Info, Lost, Params, Probe, Registry, Resources, Result,
    Source, StreamReader, StreamWriter, Summary, Target,
};
use lab_conformance::{Options, Report, check};

const NONE: u8 = 0;
const SILENT: u8 = 1;
const GROWS: u8 = 2;
const DIFFERS: u8 = 3;
const COUNTS_PIECES: u8 = 4;
const KNOWS_NOTHING: u8 = 5;
const KNOWS_EVERYTHING: u8 = 6;
const READS_PAST_THE_END: u8 = 7;
const LOST_BUT_NOT_ZERO: u8 = 8;
const ONE_READER_ONLY: u8 = 9;
const PANICS_ON_CUTS: u8 = 10;
const OTHER_SUMMARY: u8 = 11;
const CUTS_THE_PIPE: u8 = 12;
const LOSES_AT_ONCE: u8 = 13;
const NEEDS_A_TOOL: u8 = 14;
const LOSES: u8 = 15;
const OFF_BY_ONE: u8 = 16;

const MAGIC: &[u8; 4] = b"BOX\x01";

const fn info(id: &'static str) -> Info {
    Info::new(id, "a length, the stream and a checksum").range_decode().pipe()
}

static INFO: Info = info("box");
static EXTERNAL: Info = info("external").external();

struct Boxed<const FAULT: u8>;

fn build<const FAULT: u8>(_: &Params, _: &Resources) -> Result<Arc<dyn Carrier>> {
    Ok(Arc::new(Boxed::<FAULT>))
}

struct Writer<'a, const FAULT: u8> {
    target: Target<'a>,
    stream: Vec<u8>,
    pieces: u8,
}

struct Reader<const FAULT: u8> {
    stream: Vec<u8>,
    sound: bool,
    readers: AtomicUsize,
}

/// 32-bit FNV-1a detects every single flipped bit.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811C_9DC5, |hash, b| (hash ^ u32::from(*b)).wrapping_mul(0x0100_0193))
}

impl<const FAULT: u8> Carrier for Boxed<FAULT> {
    fn probe(&self, source: &Source) -> Probe {
        match FAULT {
            KNOWS_NOTHING => Probe::No,
            KNOWS_EVERYTHING => Probe::Maybe,
            _ if source.head.starts_with(MAGIC) => Probe::Yes,
            _ => Probe::No,
        }
    }

    fn create<'a>(
        &self,
        target: Target<'a>,
        _: &str,
        _: &str,
        _: &Context,
    ) -> Result<Box<dyn StreamWriter + 'a>> {
        if FAULT == NEEDS_A_TOOL {
            return Err(Error::new(ErrorKind::MissingTool, "no such tool here"));
        }
        Ok(Box::new(Writer::<FAULT> { target, stream: Vec::new(), pieces: 0 }))
    }

    fn open(&self, source: &Source, _: &Context) -> Result<Box<dyn StreamReader>> {
        let medium = fs::read(source.path)?;
        let Some(rest) = medium.strip_prefix(MAGIC) else { return Err(Error::unsupported("no box")) };
        assert!(FAULT != PANICS_ON_CUTS || rest.len() >= 8, "too short");
        let Some((length, rest)) = rest.split_first_chunk() else {
            return Err(Error::truncated("no length"));
        };
        let length = u32::from_le_bytes(*length) as usize;
        if FAULT == GROWS && length > 100_000 {
            let stream = vec![0; length.min(200_000)];
            return Ok(Box::new(Reader::<FAULT> { stream, sound: true, readers: AtomicUsize::new(0) }));
        }
        let Some((stream, rest)) = rest.split_at_checked(length) else {
            return Err(Error::truncated("no stream"));
        };
        let sound = rest.starts_with(&checksum(&medium[..8 + length]).to_le_bytes());
        if !sound && ![SILENT, LOST_BUT_NOT_ZERO, LOSES].contains(&FAULT) {
            return Err(Error::corrupt("another checksum"));
        }
        let (stream, sound) = (stream.to_vec(), sound || FAULT == SILENT);
        Ok(Box::new(Reader::<FAULT> { stream, sound, readers: AtomicUsize::new(0) }))
    }
}

impl<const FAULT: u8> StreamWriter for Writer<'_, FAULT> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.pieces = self.pieces.wrapping_add(1);
        self.stream.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>, _: &Summary) -> Result<()> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mut medium = [MAGIC, &(self.stream.len() as u32).to_le_bytes()[..], &self.stream].concat();
        medium.extend_from_slice(&checksum(&medium).to_le_bytes());
        match FAULT {
            DIFFERS => medium.extend_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_le_bytes()),
            COUNTS_PIECES => medium.push(self.pieces),
            _ => {}
        }
        match self.target {
            Target::Path(path) => fs::write(path, medium)?,
            Target::Pipe(mut pipe) => {
                let cut = usize::from(FAULT == CUTS_THE_PIPE);
                pipe.write_all(&medium[..medium.len() - cut])?;
            }
        }
        Ok(())
    }
}

impl<const FAULT: u8> StreamReader for Reader<FAULT> {
    fn len(&self) -> u64 {
        self.stream.len() as u64 - u64::from(FAULT == OFF_BY_ONE && self.stream.len() > 1)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<Lost> {
        let crowded = self.readers.fetch_add(1, Ordering::SeqCst) > 0;
        if FAULT == ONE_READER_ONLY {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        self.readers.fetch_sub(1, Ordering::SeqCst);
        let end = offset.checked_add(buf.len() as u64).filter(|end| *end <= self.stream.len() as u64);
        let Some(end) = end else {
            return if FAULT == READS_PAST_THE_END {
                Ok(Lost::new())
            } else {
                Err(Error::truncated("the end"))
            };
        };
        buf.copy_from_slice(&self.stream[offset as usize..end as usize]);
        if FAULT == ONE_READER_ONLY && crowded {
            buf.fill(0);
        }
        if (!self.sound || FAULT == LOSES_AT_ONCE) && !buf.is_empty() {
            if FAULT == LOSES {
                buf.fill(0);
            }
            return Ok(std::iter::once(offset..end).collect());
        }
        Ok(Lost::new())
    }

    fn summary(&self) -> Option<Summary> {
        let digest = lab_codec::Digest([0; 32]);
        let summary = Summary { name: String::new(), chain: String::new(), bytes: 0, sha256: digest };
        (FAULT == OTHER_SUMMARY).then_some(summary)
    }
}

fn report(entry: Entry) -> Report {
    let mut registry = Registry::new();
    registry.register(entry);
    check(&registry, &Options { segment: 3000, ..Options::default() })
}

/// Asserts a failure in a case whose name contains `case`, with a reason that contains `what`.
fn found<const FAULT: u8>(case: &str, what: &str) {
    let report = report(Entry::carrier(&INFO, build::<FAULT>));
    assert!(!report.is_ok());
    let found = report.failures().any(|f| f.case.contains(case) && f.what.contains(what));
    assert!(found, "no failure of {case:?} with {what:?} in:\n{report}");
}

#[test]
fn sound_carriers_pass() {
    // A carrier that refuses a damaged medium, and one that reports its bytes as lost.
    for entry in [Entry::carrier(&INFO, build::<NONE>), Entry::carrier(&INFO, build::<LOSES>)] {
        let report = report(entry);
        assert!(report.is_ok(), "{report}");
        assert!(report.entries[0].cases > 9 * 4400, "{report}");
    }
    // External carriers are sampled.
    let report = report(Entry::carrier(&EXTERNAL, build::<NONE>));
    assert!(report.is_ok() && report.entries[0].cases < 400, "{report}");
}

#[test]
fn wrong_bytes_are_found() {
    found::<SILENT>("flipped", "and not as lost");
    found::<GROWS>("flipped", "has grown");
    found::<LOST_BUT_NOT_ZERO>("flipped", "not zeroed");
    found::<LOSES_AT_ONCE>("a stream of 255 bytes", "has lost");
    found::<OFF_BY_ONE>("a stream of 2 bytes", "the length is 1 instead of 2");
}

#[test]
fn panics_are_found() {
    found::<PANICS_ON_CUTS>("cut at byte 7", "panic: too short");
}

#[test]
fn media_that_differ_are_found() {
    found::<DIFFERS>("the same medium again", "two different media");
    found::<COUNTS_PIECES>("the same medium again", "pieces");
    found::<CUTS_THE_PIPE>("a pipe", "opening it failed");
}

#[test]
fn wrong_probes_are_found() {
    found::<KNOWS_NOTHING>("probe", "not recognised");
    found::<KNOWS_EVERYTHING>("probe", "text.txt is recognised");
}

#[test]
fn careless_readers_are_found() {
    found::<READS_PAST_THE_END>("a stream of", "past the end");
    found::<ONE_READER_ONLY>("several threads", "came back");
    found::<OTHER_SUMMARY>("a stream of", "summary");
}

#[test]
fn a_missing_tool_is_no_failure_but_is_told() {
    let report = report(Entry::carrier(&INFO, build::<NEEDS_A_TOOL>));
    assert!(report.is_ok());
    assert!(report.to_string().contains("1 skipped (box: no such tool here)"), "{report}");
}
