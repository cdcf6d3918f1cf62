//! Codecs with one defect each: every check of the suite can fail, and a correct codec passes all.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::ops::Range;
use std::sync::Arc;

use lab_codec::{Codec, Context, Entry, Error, Info, Param, Params, Registry, Resources, Result, Worker};
use lab_conformance::{Options, Report, check};

const NONE: u8 = 0;
const WRONG_BYTE: u8 = 1;
const CLEARS_THE_BUFFER: u8 = 2;
const SHORT: u8 = 3;
const PANICS_ON_CUTS: u8 = 4;
const PANICS_ON_FLIPS: u8 = 5;
const REMEMBERS: u8 = 6;
const STUCK_AFTER_ERRORS: u8 = 7;
const RANGE_OFF_BY_ONE: u8 = 8;
const RANGE_UNCHECKED: u8 = 9;
const NEEDS_MORE_MEMORY: u8 = 10;
const REFUSES_A_BOUND: u8 = 11;
const CANCELLED_IS_CORRUPT: u8 = 12;
const PANICS_ON_TAILS: u8 = 13;
const FAILS_ON_EMPTY: u8 = 14;
const FORGETS_A_CHOICE: u8 = 15;

const STEP: Param = Param::int("step", 1, 9, 1, "what is added to each byte");
const ORDER: Param = Param::choice("order", &["forward", "backward"], 0, "which way round the bytes lie");
const PARAMS: &[Param] = &[STEP, ORDER];

const fn info(id: &'static str, summary: &'static str) -> Info {
    Info::new(id, summary).params(PARAMS)
}

static INFO: Info = info("shift", "every byte plus a step, behind its length");
static LIAR: Info = info("liar", "as shift, but declared to change nothing").identity();
static STOP: Info = info("stop", "A summary with a full stop.");
static ALIASES: Info = info("aliases", "two parameters of one name")
    .params(&[STEP, Param::flag("step", false, "a name that is taken")]);

struct Shift<const FAULT: u8> {
    step: u8,
    backward: bool,
}

struct ShiftWorker<const FAULT: u8> {
    step: u8,
    backward: bool,
    calls: u8,
    stuck: bool,
}

fn build<const FAULT: u8>(params: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    let step = params.int(&STEP) as u8;
    if FAULT == REFUSES_A_BOUND && step == 9 {
        return Err(Error::param("9 is too much"));
    }
    let backward = params.info().id == INFO.id && params.choice(&ORDER) == 1;
    Ok(Arc::new(Shift::<FAULT> { step, backward }))
}

impl<const FAULT: u8> Codec for Shift<FAULT> {
    fn worker(&self) -> Box<dyn Worker> {
        let (step, backward) = (self.step, self.backward);
        Box::new(ShiftWorker::<FAULT> { step, backward, calls: 0, stuck: false })
    }
}

impl<const FAULT: u8> ShiftWorker<FAULT> {
    fn checked<'a>(&self, input: &'a [u8], raw_len: usize, cx: &Context) -> Result<&'a [u8]> {
        cx.check()
            .map_err(|e| if FAULT == CANCELLED_IS_CORRUPT { Error::corrupt("cancelled") } else { e })?;
        if FAULT == NEEDS_MORE_MEMORY {
            cx.limits().check_memory(1 << 30, "a table")?;
        }
        let Some((length, payload)) = input.split_first_chunk() else {
            assert!(FAULT != PANICS_ON_CUTS, "the length is cut");
            return Err(Error::truncated("the length is cut"));
        };
        let length = u32::from_le_bytes(*length) as usize;
        if length != raw_len {
            assert!(FAULT != PANICS_ON_FLIPS, "{length} is not {raw_len}");
            return Err(Error::corrupt("another length"));
        }
        if FAULT == SHORT {
            return Ok(payload);
        }
        assert!(FAULT != PANICS_ON_TAILS || payload.len() <= length, "too much");
        if payload.len() != length { Err(Error::truncated("a part is missing")) } else { Ok(payload) }
    }
}

impl<const FAULT: u8> Worker for ShiftWorker<FAULT> {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        cx.check()?;
        if FAULT == FAILS_ON_EMPTY && input.is_empty() {
            return Err(Error::limit("nothing to do"));
        }
        if FAULT == CLEARS_THE_BUFFER {
            out.clear();
        }
        self.calls = self.calls.wrapping_add(1);
        out.extend_from_slice(&(input.len() as u32).to_le_bytes());
        let start = out.len();
        out.extend(input.iter().map(|b| b.wrapping_add(self.step)));
        if self.backward {
            out[start..].reverse();
        }
        if FAULT == REMEMBERS && self.calls > 1 && !input.is_empty() {
            out[start] ^= 1;
        }
        Ok(())
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        let payload = self.checked(input, raw_len, cx).inspect_err(|_| self.stuck = true)?;
        if FAULT == STUCK_AFTER_ERRORS && self.stuck {
            return Err(Error::corrupt("stuck"));
        }
        let start = out.len();
        out.extend(payload.iter().map(|b| b.wrapping_sub(self.step)));
        if self.backward && FAULT != FORGETS_A_CHOICE {
            out[start..].reverse();
        }
        if FAULT == WRONG_BYTE && raw_len > 1000 {
            out[start + 1000] ^= 1;
        }
        Ok(())
    }

    fn decode_range(
        &mut self,
        input: &[u8],
        raw_len: usize,
        range: Range<usize>,
        out: &mut Vec<u8>,
        cx: &Context,
    ) -> Result<()> {
        if FAULT != RANGE_UNCHECKED && (range.start > range.end || range.end > raw_len) {
            return Err(Error::usage("outside"));
        }
        let mut all = Vec::new();
        self.decode(input, raw_len, &mut all, cx)?;
        let off = usize::from(FAULT == RANGE_OFF_BY_ONE && range.end < raw_len);
        out.extend_from_slice(&all[range.start + off..range.end + off]);
        Ok(())
    }
}

fn report(entry: Entry) -> Report {
    let mut registry = Registry::new();
    registry.register(entry);
    check(&registry, &Options { segment: 5000, ..Options::default() })
}

/// Asserts a failure in a case whose name contains `case`, with a reason that contains `what`.
fn found<const FAULT: u8>(case: &str, what: &str) {
    assert_found(&report(Entry::codec(&INFO, build::<FAULT>)), case, what);
}

fn assert_found(report: &Report, case: &str, what: &str) {
    assert!(!report.is_ok());
    let found = report.failures().any(|f| f.case.contains(case) && f.what.contains(what));
    assert!(found, "no failure of {case:?} with {what:?} in:\n{report}");
}

#[test]
fn a_sound_codec_passes() {
    let report = report(Entry::codec(&INFO, build::<NONE>));
    assert!(report.is_ok(), "{report}");
    // 4 variants; every bit of 4,100 bytes for two of them.
    assert!(report.entries[0].cases > 65_000, "{report}");
    assert!(report.to_string().contains("shift: "), "{report}");
}

#[test]
fn wrong_bytes_are_found() {
    found::<WRONG_BYTE>("round trip of random", "byte 1000 came back");
    found::<FORGETS_A_CHOICE>("round trip of text", "came back");
    found::<FAILS_ON_EMPTY>("round trip of empty", "encoding failed");
}

#[test]
fn a_spoilt_buffer_is_found() {
    found::<CLEARS_THE_BUFFER>("round trip", "changes what it held");
}

#[test]
fn a_memory_of_earlier_inputs_is_found() {
    found::<REMEMBERS>("the same bytes again", "encodes");
    found::<STUCK_AFTER_ERRORS>("the same bytes again", "after an error");
}

#[test]
fn wrong_ranges_are_found() {
    found::<RANGE_OFF_BY_ONE>("ranges of", "differs");
    found::<RANGE_UNCHECKED>("ranges of", "panic");
}

#[test]
fn trust_in_damaged_input_is_found() {
    found::<SHORT>("cut at", "and no error");
    found::<SHORT>("behind it", "and no error");
    found::<PANICS_ON_CUTS>("cut at byte 3", "panic: the length is cut");
    found::<PANICS_ON_FLIPS>("flipped", "panic");
    found::<PANICS_ON_FLIPS>("length 1 more", "panic");
    found::<PANICS_ON_TAILS>("behind it", "panic: too much");
    found::<PANICS_ON_CUTS>("random bytes as encoded form", "panic");
}

#[test]
fn undeclared_memory_is_found() {
    found::<NEEDS_MORE_MEMORY>("within the declared memory", "limit");
}

#[test]
fn a_refused_bound_and_a_swallowed_cancellation_are_found() {
    found::<REFUSES_A_BOUND>("build", "9 is too much");
    found::<CANCELLED_IS_CORRUPT>("cancellation", "Corrupt");
}

#[test]
fn false_descriptions_are_found() {
    assert_found(&report(Entry::codec(&LIAR, build::<NONE>)), "round trip", "not the input, as declared");
    assert_found(&report(Entry::codec(&STOP, build::<NONE>)), "description", "full stop");
    assert_found(&report(Entry::codec(&ALIASES, build::<NONE>)), "description", "earlier parameter");
}

#[test]
fn failures_name_the_parameters_and_are_kept_within_bounds() {
    let report = report(Entry::codec(&INFO, build::<SHORT>));
    let entry = &report.entries[0];
    assert!(entry.failures.len() == 40 && entry.more_failures > 1000, "{report}");
    assert_eq!(report.to_string().lines().count(), 41);
    let choice = self::report(Entry::codec(&INFO, build::<FORGETS_A_CHOICE>));
    assert!(choice.failures().all(|f| f.parameters == ":order=backward"), "{choice}");
    assert!(choice.to_string().starts_with("shift:order=backward: round trip of "), "{choice}");
}

#[test]
fn only_what_was_asked_for_is_tried() {
    let mut registry = Registry::new();
    registry.register(Entry::codec(&INFO, build::<WRONG_BYTE>)).register(Entry::codec(&LIAR, build::<NONE>));
    let options = Options { only: vec!["nothing".into()], ..Options::default() };
    assert!(check(&registry, &options).entries.is_empty());
}
