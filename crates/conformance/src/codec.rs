//! Checks of codecs with valid input: round trips, ranges, and output independent of earlier work.

use std::sync::Arc;

use lab_codec::{Cancel, Codec, Context, ErrorKind, Params, Resources, Result, Worker};

use crate::Options;
use crate::inputs::{self, Input};
use crate::mutate::Random;
use crate::report::{EntryReport, Outcome, is_absence};
use crate::variants::Variant;

/// Content of a buffer before a codec appends to it.
pub(crate) const BEFORE: &[u8] = b"held before";

type Build = fn(&Params, &Resources) -> Result<Arc<dyn Codec>>;

/// Checks with valid input; returns the codec for the checks with hostile input, unless it is absent.
pub(crate) fn check<'a>(
    build: Build,
    variant: &'a Variant,
    options: &'a Options,
    report: &mut EntryReport,
) -> Option<Subject<'a>> {
    let mut built = None;
    let mut absent = None;
    report.case(
        &variant.text,
        || "build".into(),
        || match build(&variant.params, &options.resources) {
            Ok(codec) => {
                built = Some(codec);
                Ok(())
            }
            Err(e) if is_absence(&e) => {
                absent = Some(e);
                Ok(())
            }
            Err(e) => Err(format!("a value within its declared range is refused: {e}")),
        },
    );
    if let Some(e) = absent {
        report.skip(&variant.text, &e);
    }
    let codec = built?;
    let subject = Subject { codec, variant, options };

    let mut inputs = inputs::all(options.segment);
    if let Ok(bytes) = subject.encode(&inputs::text(options.segment), &subject.context()) {
        inputs.push(Input { name: "its own output".into(), bytes });
    }
    let mut encoded = Vec::with_capacity(inputs.len());
    for input in &inputs {
        let mut stop = None;
        let mut bytes = None;
        report.case(
            &variant.text,
            || format!("round trip of {}", input.name),
            || {
                match subject.encode(&input.bytes, &subject.context()) {
                    Ok(out) => bytes = Some(out),
                    Err(e) if is_absence(&e) || (!variant.default && e.kind() == ErrorKind::Limit) => {
                        stop = Some(e);
                        return Ok(());
                    }
                    Err(e) => return Err(format!("encoding failed: {e}")),
                }
                bytes.as_deref().map_or(Ok(()), |bytes| subject.round_trip(input, bytes))
            },
        );
        if let Some(e) = stop {
            report.skip(&variant.text, &e);
            return None;
        }
        encoded.push(bytes.unwrap_or_default());
    }
    report.case(&variant.text, || "the same bytes again".into(), || subject.repeat(&inputs, &encoded));
    for (input, bytes) in inputs.iter().zip(&encoded) {
        report.case(&variant.text, || format!("ranges of {}", input.name), || subject.ranges(input, bytes));
    }
    let text = inputs::text(options.segment);
    report.case(&variant.text, || "cancellation".into(), || subject.cancelled(&text));
    Some(subject)
}

/// A codec under test.
pub(crate) struct Subject<'a> {
    pub codec: Arc<dyn Codec>,
    pub variant: &'a Variant,
    pub options: &'a Options,
}

impl Subject<'_> {
    pub(crate) fn context(&self) -> Context {
        Context::default().with_format(self.variant.params.info().writes())
    }

    pub(crate) fn encode(&self, input: &[u8], cx: &Context) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        self.codec.worker().encode(input, &mut out, cx)?;
        Ok(out)
    }

    fn round_trip(&self, input: &Input, encoded: &[u8]) -> Outcome {
        let cx = self.context();
        let mut worker = self.codec.worker();
        let mut out = BEFORE.to_vec();
        worker.encode(&input.bytes, &mut out, &cx).map_err(|e| format!("encoding failed: {e}"))?;
        if out.strip_prefix(BEFORE) != Some(encoded) {
            return Err("appending to a buffer gives other bytes, or changes what it held".into());
        }
        if self.variant.params.info().capabilities.identity && encoded != input.bytes {
            return Err("the encoded form is not the input, as declared".into());
        }
        let raw_len = input.bytes.len();
        out.truncate(BEFORE.len());
        worker.decode(encoded, raw_len, &mut out, &cx).map_err(|e| format!("decoding failed: {e}"))?;
        match out.strip_prefix(BEFORE) {
            None => Err("decoding changed what the buffer held".into()),
            Some(raw) if raw == input.bytes => Ok(()),
            Some(raw) => Err(difference(raw, &input.bytes)),
        }
    }

    /// A reused worker, with another order of inputs and errors in between, must give the same bytes.
    fn repeat(&self, inputs: &[Input], encoded: &[Vec<u8>]) -> Outcome {
        let cx = self.context();
        let mut worker = self.codec.worker();
        for (input, expected) in inputs.iter().zip(encoded).rev().chain(inputs.iter().zip(encoded)) {
            let mut out = Vec::new();
            worker.encode(&input.bytes, &mut out, &cx).map_err(|e| format!("encoding failed: {e}"))?;
            if out != *expected {
                return Err(format!("a used worker encodes {} differently", input.name));
            }
            // The result does not matter here: an error must not affect later work.
            let half = &expected[..expected.len() / 2];
            let _ = worker.decode(half, input.bytes.len(), &mut Vec::new(), &cx);
            out.clear();
            worker
                .decode(expected, input.bytes.len(), &mut out, &cx)
                .map_err(|e| format!("decoding of {} failed after an error: {e}", input.name))?;
            if out != input.bytes {
                return Err(format!("a used worker decodes {} differently", input.name));
            }
        }
        Ok(())
    }

    fn ranges(&self, input: &Input, encoded: &[u8]) -> Outcome {
        let cx = self.context();
        let length = input.bytes.len();
        let mut worker = self.codec.worker();
        let mut random = Random::new(length as u64);
        let mut ranges =
            vec![(0, 0), (0, length), (length, length), (length / 2, length), (0, length.min(1))];
        ranges.extend((0..4).map(|_| {
            let (a, b) = (random.below(length + 1), random.below(length + 1));
            (a.min(b), a.max(b))
        }));
        for (start, end) in ranges {
            let mut out = BEFORE.to_vec();
            worker
                .decode_range(encoded, length, start..end, &mut out, &cx)
                .map_err(|e| format!("range {start}..{end} failed: {e}"))?;
            if out.strip_prefix(BEFORE) != Some(&input.bytes[start..end]) {
                return Err(format!("range {start}..{end} differs from that part of the whole"));
            }
        }
        #[allow(clippy::reversed_empty_ranges)]
        let outside =
            [0..length + 1, length + 1..length + 1, 1..0, usize::MAX - 1..usize::MAX, 0..usize::MAX];
        for range in outside {
            match worker.decode_range(encoded, length, range.clone(), &mut Vec::new(), &cx) {
                Err(e) if e.kind() == ErrorKind::Usage => {}
                Err(e) => return Err(format!("range {range:?} outside gives a {:?} error: {e}", e.kind())),
                Ok(()) => return Err(format!("range {range:?} is outside, but no error")),
            }
        }
        Ok(())
    }

    /// Cancelled work must end with `Cancelled`, unless it finished first.
    fn cancelled(&self, input: &[u8]) -> Outcome {
        let cancel = Cancel::default();
        cancel.cancel();
        let cx = self.context().with_cancel(cancel);
        let mut worker = self.codec.worker();
        let encoded = self.encode(input, &self.context()).map_err(|e| e.to_string())?;
        for (what, result) in [
            ("encoding", worker.encode(input, &mut Vec::new(), &cx)),
            ("decoding", worker.decode(&encoded, input.len(), &mut Vec::new(), &cx)),
        ] {
            match result {
                Err(e) if e.kind() != ErrorKind::Cancelled => {
                    return Err(format!("cancelled {what} gives a {:?} error: {e}", e.kind()));
                }
                _ => {}
            }
        }
        let mut out = Vec::new();
        worker
            .decode(&encoded, input.len(), &mut out, &self.context())
            .map_err(|e| format!("decoding failed after a cancellation: {e}"))?;
        if out == input { Ok(()) } else { Err(difference(&out, input)) }
    }
}

/// Decodes under `cx`. The result must be an error, or exactly `raw_len` bytes after the buffer's old
/// content.
pub(crate) fn decode_damaged(
    worker: &mut dyn Worker,
    encoded: &[u8],
    raw_len: usize,
    cx: &Context,
) -> Outcome {
    let mut out = BEFORE.to_vec();
    if worker.decode(encoded, raw_len, &mut out, cx).is_err() {
        return Ok(());
    }
    match out.strip_prefix(BEFORE) {
        Some(raw) if raw.len() == raw_len => Ok(()),
        Some(raw) => Err(format!("{} bytes and no error where {raw_len} were asked for", raw.len())),
        None => Err("decoding changed what the buffer held".into()),
    }
}

/// Describes the difference between `found` and `expected`.
pub(crate) fn difference(found: &[u8], expected: &[u8]) -> String {
    if found.len() != expected.len() {
        return format!("{} bytes came back instead of {}", found.len(), expected.len());
    }
    match found.iter().zip(expected).position(|(a, b)| a != b) {
        Some(at) => format!("byte {at} came back as {} instead of {}", found[at], expected[at]),
        None => "no difference".into(),
    }
}
