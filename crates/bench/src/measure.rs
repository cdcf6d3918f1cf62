//! Measures one cell: a verifying warm-up, then timed passes, then the figures.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lab_codec::{Carrier, Context, Error, Resources, Result, Source, Summary, Target};

use super::clock::{Clock, Span};
use super::entropy::Orders;
use super::passes::{First, Input, Pass, Passes};
use super::plan::Rules;
use super::results::{Cell, Stage, Timing};
use super::{scratch, statistics};
use lab_stream::chain::Chain;

/// Minimum duration of a measurement, in seconds. Shorter passes are repeated, because clocks are coarse.
const MIN_MEASURED_SECONDS: f64 = 2e-3;
/// Duration of a pass, in seconds, beyond which cold caches no longer matter.
const WARM_SECONDS: f64 = 1.0;
/// Bytes of one read from a carrier.
const READ_BYTES: usize = 1 << 20;
/// Maximum relative difference between the stages' sum and the whole.
const MAX_SUM_DEVIATION: f64 = 0.05;

/// A warmed-up and verified cell.
pub(crate) struct Prepared {
    cell: Cell,
    passes: Passes,
    carrier: Option<Carried>,
    encode: Watch,
    decode: Watch,
    /// Rows of container and carrier, which have sizes but no stage times.
    rows: Vec<Stage>,
    cx: Context,
}

/// A carrier with its stream and the path of its medium.
struct Carried {
    carrier: Arc<dyn Carrier>,
    stream: Vec<u8>,
    summary: Summary,
    medium: PathBuf,
}

/// Measurements of one direction.
#[derive(Default)]
struct Watch {
    repeats: u32,
    whole: Samples,
    stages: Vec<Samples>,
    carrier: Samples,
    spent: f64,
}

#[derive(Default)]
struct Samples {
    wall: Vec<f64>,
    cpu: Vec<f64>,
}

impl Samples {
    fn push(&mut self, span: Span) {
        self.wall.push(span.wall);
        self.cpu.push(span.cpu);
    }

    fn timing(&self) -> Timing {
        statistics::timing(&self.wall, &self.cpu)
    }
}

impl Prepared {
    /// Encodes, decodes and compares once. A slow cell takes its timing from this pass.
    ///
    /// # Errors
    /// Any error that fails the cell.
    pub(crate) fn new(
        mut cell: Cell,
        chain: &Chain,
        resources: &Resources,
        input: &Input,
        rules: &Rules,
        scratch: &Path,
        cx: &Context,
    ) -> Result<Self> {
        let threads = cell.threads as usize;
        let (passes, first) = Passes::new(chain, resources, input, cell.segment_bytes, threads, cx)?;
        let First { mut encode, mut decode, packing, unpacking, stream, outputs } = first;
        let stored = outputs.last().map_or(input.raw.len() as u64, |output| output.bytes_out);
        cell.container_bytes = stream.len() as u64 - stored;
        cell.output_bytes = stream.len() as u64;
        for (stage, output) in chain.codecs.iter().zip(outputs) {
            cell.stages.push(Stage {
                stage: stage.to_string(),
                bytes_in: output.bytes_in,
                bytes_out: output.bytes_out,
                entropy: output.orders.entropies(),
                choices: output.choices,
                ..Stage::default()
            });
        }
        let mut rows = vec![Stage {
            stage: "container".into(),
            bytes_in: stored,
            bytes_out: stream.len() as u64,
            encode: statistics::timing(&[packing.wall], &[packing.cpu]),
            decode: statistics::timing(&[unpacking.wall], &[unpacking.cpu]),
            entropy: super::entropy::entropies(&stream),
            ..Stage::default()
        }];

        let mut carrier = None;
        if let Some(stage) = &chain.carrier {
            let instance = lab_stream::encode::carrier_of(chain, resources.registry())?;
            let medium = scratch.join(format!("medium.{}", instance.extension()));
            let summary = Summary {
                name: input.name.clone(),
                chain: chain.to_string(),
                bytes: input.raw.len() as u64,
                sha256: input.sha256,
            };
            let carried = Carried { carrier: instance, stream, summary, medium };
            let at = |e: Error| e.at(format!("carrier {}", stage.entry.info.id));
            encode.whole += carried.write(1, cx).map_err(at)?;
            decode.whole += carried.read(1, cx).map_err(at)?;
            cell.output_bytes = scratch::size_of(&carried.medium)?;
            let mut orders = Orders::default();
            scratch::files(&carried.medium, &mut |file| count(file, &mut orders))?;
            rows.push(Stage {
                stage: stage.to_string(),
                bytes_in: carried.stream.len() as u64,
                bytes_out: cell.output_bytes,
                entropy: orders.entropies(),
                ..Stage::default()
            });
            carried.clear()?;
            carrier = Some(carried);
        }
        cell.verified = true;

        let stages = chain.codecs.len();
        let mut prepared = Self {
            cell,
            passes,
            carrier,
            encode: Watch::new(&encode, stages),
            decode: Watch::new(&decode, stages),
            rows,
            cx: cx.clone(),
        };
        let first = encode.whole.wall + decode.whole.wall;
        let slow = first > rules.slow.as_secs_f64();
        if threads == 1 && slow {
            prepared.encode.first(&encode);
            prepared.decode.first(&decode);
        } else if slow {
            prepared.round(&input.raw)?;
        } else if threads == 1 && first > WARM_SECONDS {
            prepared.encode.stages_cpu(&encode);
            prepared.decode.stages_cpu(&decode);
        } else {
            // The second pass does not count either: the first grew the buffers, on one thread only. On one
            // thread, the second pass measures the stages' CPU times.
            let (encode, decode) = prepared.pass(&input.raw, threads == 1)?;
            prepared.encode.stages_cpu(&encode.pass);
            prepared.decode.stages_cpu(&decode.pass);
        }
        Ok(prepared)
    }

    /// Runs one more timed encoding and decoding.
    ///
    /// # Errors
    /// Errors of codecs and carrier. An error here means that they do not always behave alike.
    pub(crate) fn round(&mut self, raw: &[u8]) -> Result<()> {
        let (encode, decode) = self.pass(raw, false)?;
        self.encode.add(&encode);
        self.decode.add(&decode);
        Ok(())
    }

    fn pass(&mut self, raw: &[u8], cpu: bool) -> Result<(Measured, Measured)> {
        let (encodes, decodes) = (self.encode.repeats, self.decode.repeats);
        let carried = |work: &dyn Fn(&Carried) -> Result<Span>| match &self.carrier {
            Some(carried) => work(carried).map(Some),
            None => Ok(None),
        };
        let pass = self.passes.encode(raw, encodes, cpu)?;
        let carrier = carried(&|c| c.write(encodes, &self.cx))?;
        let encode = Measured { pass, carrier };
        // Decoding runs the stages in reverse order.
        let carrier = carried(&|c| c.read(decodes, &self.cx))?;
        let pass = self.passes.decode(decodes, cpu)?;
        let decode = Measured { pass, carrier };
        carried(&|c| c.clear().map(|()| Span::default()))?;
        Ok((encode, decode))
    }

    /// Whether the cell has enough measurements.
    pub(crate) fn done(&self, rules: &Rules) -> bool {
        let spent = self.encode.spent + self.decode.spent;
        let n = self.encode.whole.wall.len() as u32;
        // A slow cell was measured when it was prepared.
        let slow = n == 1 && spent > rules.slow.as_secs_f64();
        slow && rules.iterations.is_none() || rules.enough(n, spent)
    }

    /// Declared memory of the codecs, plus the bytes that stay in memory between passes.
    pub(crate) fn kept_bytes(&self) -> u64 {
        self.passes.declared_memory() + 2 * self.cell.output_bytes + self.cell.bytes
    }

    /// Returns the finished cell.
    pub(crate) fn finish(self) -> Cell {
        let Self { mut cell, encode, decode, mut rows, .. } = self;
        cell.encode = encode.whole.timing();
        cell.decode = decode.whole.timing();
        for (i, stage) in cell.stages.iter_mut().enumerate() {
            stage.encode = encode.stages[i].timing();
            stage.decode = decode.stages[i].timing();
        }
        if let Some(carrier) = rows.get_mut(1) {
            carrier.encode = encode.carrier.timing();
            carrier.decode = decode.carrier.timing();
        }
        cell.stages.append(&mut rows);
        if cell.threads == 1 {
            cell.notes.extend(disagreement("encoding", &cell.encode, &cell.stages, |s| &s.encode));
            cell.notes.extend(disagreement("decoding", &cell.decode, &cell.stages, |s| &s.decode));
        }
        cell
    }
}

/// Runs the codecs once, then the carrier if there is one.
struct Measured {
    pass: Pass,
    carrier: Option<Span>,
}

impl Watch {
    /// Derives the number of repetitions from the duration of the first pass.
    fn new(first: &Pass, stages: usize) -> Self {
        let repeats = (MIN_MEASURED_SECONDS / first.whole.wall.max(1e-7)).ceil().clamp(1.0, 10_000.0) as u32;
        Self { repeats, stages: (0..stages).map(|_| Samples::default()).collect(), ..Self::default() }
    }

    fn add(&mut self, measured: &Measured) {
        let mut whole = measured.pass.whole;
        if let Some(span) = measured.carrier {
            whole += span;
            self.carrier.push(span);
        }
        self.spent += whole.wall * f64::from(self.repeats);
        self.whole.push(whole);
        for (samples, span) in self.stages.iter_mut().zip(&measured.pass.stages) {
            samples.wall.push(span.wall);
        }
    }

    /// Takes over the stages' CPU times from a pass that measured them.
    fn stages_cpu(&mut self, pass: &Pass) {
        for (samples, span) in self.stages.iter_mut().zip(&pass.stages) {
            samples.cpu.push(span.cpu);
        }
    }

    /// Uses the first pass as a measurement.
    fn first(&mut self, pass: &Pass) {
        let stages = pass.stages.iter().fold(0.0, |sum, s| sum + s.wall);
        let stages_cpu = pass.stages.iter().fold(0.0, |sum, s| sum + s.cpu);
        let carrier = Span { wall: pass.whole.wall - stages, cpu: pass.whole.cpu - stages_cpu };
        self.carrier.push(carrier);
        self.whole.push(pass.whole);
        self.spent += pass.whole.wall;
        for (samples, span) in self.stages.iter_mut().zip(&pass.stages) {
            samples.push(*span);
        }
    }
}

impl Carried {
    /// Writes the stream to a new medium `repeats` times and returns the time of one.
    fn write(&self, repeats: u32, cx: &Context) -> Result<Span> {
        let mut sum = Span::default();
        for _ in 0..repeats {
            self.clear()?;
            let clock = Clock::start();
            let target = Target::Path(&self.medium);
            let mut writer = self.carrier.create(target, &self.summary.name, &self.summary.chain, cx)?;
            for piece in self.stream.chunks(READ_BYTES) {
                cx.check()?;
                writer.write(piece)?;
            }
            writer.finish(&self.summary)?;
            sum += clock.elapsed();
        }
        Ok(sum / f64::from(repeats))
    }

    /// Reads the whole stream back `repeats` times and compares it.
    fn read(&self, repeats: u32, cx: &Context) -> Result<Span> {
        let mut sum = Span::default();
        let mut back = vec![0; self.stream.len()];
        let head = head(&self.medium)?;
        for _ in 0..repeats {
            let clock = Clock::start();
            let reader = self.carrier.open(&Source { path: &self.medium, head: &head }, cx)?;
            if reader.len() != self.stream.len() as u64 {
                return Err(Error::corrupt(format!(
                    "the round trip FAILED: a stream of {} bytes came back for {}",
                    reader.len(),
                    self.stream.len()
                )));
            }
            for (i, piece) in back.chunks_mut(READ_BYTES).enumerate() {
                cx.check()?;
                let lost = reader.read_at((i * READ_BYTES) as u64, piece)?;
                if let Some(first) = lost.first() {
                    return Err(Error::corrupt(format!("the medium lost bytes, first at {}", first.start)));
                }
            }
            sum += clock.elapsed();
        }
        if back != self.stream {
            return Err(Error::corrupt("the round trip FAILED: the medium gave another stream back"));
        }
        Ok(sum / f64::from(repeats))
    }

    fn clear(&self) -> Result<()> {
        scratch::remove(&self.medium)
    }
}

/// The first bytes of a medium, for the carrier's probe.
fn head(path: &Path) -> Result<Vec<u8>> {
    use std::io::Read;
    let mut head = Vec::new();
    if path.is_file() {
        std::fs::File::open(path)?.take(4096).read_to_end(&mut head)?;
    }
    Ok(head)
}

fn count(file: &Path, orders: &mut Orders) -> Result<()> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(super::entropy::MAX_BYTES).read_to_end(&mut bytes)?;
    orders.add(&bytes);
    Ok(())
}

/// A note if the stages' sum differs from the whole.
fn disagreement(
    what: &str,
    whole: &Timing,
    stages: &[Stage],
    of: impl Fn(&Stage) -> &Timing,
) -> Option<String> {
    let sum: f64 = stages.iter().filter(|s| s.stage != "container").map(|s| of(s).median).sum();
    let off = (sum - whole.median) / whole.median;
    (whole.median > 0.0 && off.abs() > MAX_SUM_DEVIATION)
        .then(|| format!("{what}: the stages' sum differs from the whole by {:+.0} %", off * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_that_is_not_the_whole_is_told() {
        let timing = |median| Timing { median, ..Timing::default() };
        let stage = |name: &str, t| Stage { stage: name.into(), encode: timing(t), ..Stage::default() };
        let told = |stages: &[Stage]| disagreement("encoding", &timing(1.0), stages, |s| &s.encode);
        assert_eq!(told(&[stage("a", 0.6), stage("b", 0.42), stage("container", 5.0)]), None);
        let text = told(&[stage("a", 0.6), stage("b", 0.3)]).unwrap();
        assert_eq!(text, "encoding: the stages' sum differs from the whole by -10 %");
    }
}
