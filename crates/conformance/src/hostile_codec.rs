//! Hostile input for codecs: damaged, foreign and endless bytes and wrong lengths, within the declared
//! memory.

use lab_codec::{Context, Limits};

use crate::codec::{Subject, decode_damaged};
use crate::inputs;
use crate::memory;
use crate::mutate::{Damage, every, some};
use crate::report::{EntryReport, Outcome};

/// Maximum length of inputs whose encoded forms are damaged; the second is for variants at a numeric bound.
const MAX_INPUT: usize = 4096;
const MAX_NUMERIC_INPUT: usize = 512;
/// A wrong length within the limits.
const WRONG_LEN: usize = (1 << 20) + 7;

pub(crate) fn check(subject: &Subject, report: &mut EntryReport) {
    let text = &subject.variant.text;
    let numeric = subject.variant.numeric;
    let external = subject.variant.params.info().capabilities.external;
    let cx = limited(subject);
    for input in inputs::small(if numeric { MAX_NUMERIC_INPUT } else { MAX_INPUT }) {
        // Other checks cover encoding; here it may fail only because of a limit.
        let Ok(encoded) = subject.encode(&input.bytes, &subject.context()) else { continue };
        let raw_len = input.bytes.len();
        // Created anew after a panic, which leaves a worker in an unknown state.
        let mut worker = None;
        let mut attempt =
            |report: &mut EntryReport, name: &dyn Fn() -> String, bytes: &[u8], raw_len: usize| {
                report.case(
                    text,
                    || name().replace("INPUT", &input.name),
                    || {
                        let mut used = worker.take().unwrap_or_else(|| subject.codec.worker());
                        let outcome = measured(subject, &cx, raw_len, || {
                            decode_damaged(&mut *used, bytes, raw_len, &cx)
                        });
                        worker = Some(used);
                        outcome
                    },
                );
            };

        let length = encoded.len() as u64;
        let damages: Box<dyn Iterator<Item = Damage>> = if subject.options.exhaustive && !external {
            Box::new(every(length))
        } else {
            Box::new(some(length, subject.options.samples))
        };
        for damage in damages {
            attempt(report, &|| format!("INPUT, {damage}"), &damage.apply(&encoded), raw_len);
        }
        for (what, wrong) in [
            ("0", 0),
            ("1 less", raw_len.saturating_sub(1)),
            ("1 more", raw_len + 1),
            ("far more", WRONG_LEN),
        ] {
            attempt(report, &|| format!("INPUT, length {what}"), &encoded, wrong);
        }
        for tail in [&[0_u8][..], &[0xFF; 9], &encoded] {
            let longer = [&encoded, tail].concat();
            attempt(report, &|| format!("INPUT, {} bytes behind it", tail.len()), &longer, raw_len);
        }
        report.case(
            text,
            || format!("{}, within the declared memory", input.name),
            || within_memory(subject, &cx, &encoded, &input.bytes),
        );
    }
    for length in [1, 2, 7, 64, 1000, 20_000] {
        for (what, bytes) in [
            ("random", inputs::random(length)),
            ("zero", vec![0; length]),
            ("0xFF", vec![0xFF; length]),
            ("0x80", vec![0x80; length]),
        ] {
            let mut worker = subject.codec.worker();
            report.case(
                text,
                || format!("{length} {what} bytes as encoded form"),
                || measured(subject, &cx, MAX_INPUT, || decode_damaged(&mut *worker, &bytes, MAX_INPUT, &cx)),
            );
        }
    }
}

/// Declared memory for the damaged input, or the general limit if that is larger.
fn limited(subject: &Subject) -> Context {
    let params = &subject.variant.params;
    let declared = lab_codec::memory_of(&*subject.codec, params, MAX_INPUT as u64).decode;
    let memory = declared.max(subject.options.memory_limit);
    subject.context().with_limits(Limits::new(WRONG_LEN as u64, memory))
}

/// Checks that the intact form decodes under the same limits; otherwise the damaged forms prove nothing.
fn within_memory(subject: &Subject, cx: &Context, encoded: &[u8], raw: &[u8]) -> Outcome {
    let mut out = Vec::new();
    subject
        .codec
        .worker()
        .decode(encoded, raw.len(), &mut out, cx)
        .map_err(|e| format!("decoding failed under a limit of {} bytes: {e}", cx.limits().memory))?;
    if out == raw { Ok(()) } else { Err("other bytes came back".into()) }
}

fn measured(subject: &Subject, cx: &Context, raw_len: usize, work: impl FnOnce() -> Outcome) -> Outcome {
    // A growing buffer holds the old and the doubled allocation at once.
    let allowed = cx.limits().memory.saturating_add(4 * raw_len as u64);
    memory::measured(subject.options, allowed, work)
}
