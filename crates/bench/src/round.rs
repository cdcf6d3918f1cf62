//! Runs a plan. Cells that share an input form a group: they are warmed up one by one, then measured in turn,
//! A B C A B C. A temporary slowdown of the machine thus affects all of them.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use lab_codec::{Context, Digest, Error, ErrorKind, Result};
use sha2::{Digest as _, Sha256};

use super::measure::Prepared;
use super::memory::Probe;
use super::passes::Input;
use super::plan::{Key, Plan};
use super::results::{Cell, Fidelity};
use lab_corpus::Sample;
use lab_stream::chain::Chain;
use lab_stream::resource::Store;

/// Maximum memory of one group, in bytes: more cells are measured in several groups.
const MAX_GROUP_BYTES: u64 = 2 << 30;

/// Observes the progress of a run.
pub trait Listener {
    /// Called when work on a cell begins.
    fn begin(&mut self, key: &Key);

    /// Called with each finished cell.
    ///
    /// # Errors
    /// If the cell cannot be stored; the run ends.
    fn cell(&mut self, cell: Cell) -> Result<()>;
}

/// What a run uses besides its plan.
pub struct Surroundings<'a> {
    /// Resources of the chains.
    pub store: &'a Store,
    /// Limits and cancellation.
    pub cx: &'a Context,
    /// Scratch directory for media.
    pub scratch: &'a Path,
    /// Measures memory; `None` skips it.
    pub probe: Option<Probe>,
}

/// Measures every cell of `plan` that is not in `finished`. A failed cell is reported with its error, and the
/// run continues.
///
/// # Errors
/// Cancellation, and errors of the listener.
pub fn run(
    plan: &Plan,
    finished: &HashSet<Key>,
    around: &Surroundings,
    listener: &mut dyn Listener,
) -> Result<()> {
    let chains: Vec<(String, &Chain)> = plan.chains.iter().map(|c| (c.to_string(), c)).collect();
    for sample in &plan.samples {
        let mut loaded = None;
        for &segment in &plan.segments {
            for &threads in &plan.threads {
                let cell = |chain: &str| Cell {
                    corpus: sample.corpus.clone(),
                    sample: sample.name.clone(),
                    chain: chain.to_string(),
                    segment_bytes: segment,
                    threads: threads as u32,
                    bytes: sample.bytes,
                    channel: "none".into(),
                    fidelity: Fidelity::Exact,
                    ..Cell::default()
                };
                let wanted: Vec<_> = chains
                    .iter()
                    .filter(|(text, _)| !finished.contains(&Key::of(&cell(text))))
                    .map(|(text, chain)| (cell(text), *chain))
                    .collect();
                if wanted.is_empty() {
                    continue;
                }
                let input = loaded.get_or_insert_with(|| load(sample, around));
                match input {
                    Ok(input) => Group { plan, around, input }.measure(wanted, listener)?,
                    Err(e) if e.kind() == ErrorKind::Cancelled => return Err(Error::cancelled()),
                    Err(e) => {
                        for (cell, _) in wanted {
                            listener.cell(failed(cell, e))?;
                        }
                    }
                }
            }
        }
    }
    Ok(())
}

/// Loads a sample and measures its entropies. The limits are for codecs: an input may have any size.
fn load(sample: &Sample, around: &Surroundings) -> Result<Input> {
    let limits = around.cx.limits().with_output(u64::MAX);
    let raw = sample.load(&around.cx.clone().with_limits(limits))?;
    let sha256 = Digest(Sha256::digest(&raw).into());
    let name = Path::new(&sample.name).file_name().map(|n| n.to_string_lossy().into_owned());
    let entropy = super::entropy::entropies(&raw);
    if let Some(probe) = &around.probe {
        probe.input(&raw)?;
    }
    Ok(Input { name: name.unwrap_or_default(), raw, sha256, entropy })
}

/// Cells that share one input, segment size and number of threads.
struct Group<'a> {
    plan: &'a Plan,
    around: &'a Surroundings<'a>,
    input: &'a Input,
}

impl Group<'_> {
    fn measure(&self, wanted: Vec<(Cell, &Chain)>, listener: &mut dyn Listener) -> Result<()> {
        let mut together: Vec<(Prepared, &Chain)> = Vec::new();
        let mut kept = 0u64;
        for (mut cell, chain) in wanted {
            listener.begin(&Key::of(&cell));
            cell.entropy = self.input.entropy;
            let prepared = match guarded(|| self.prepare(cell.clone(), chain)) {
                Ok(prepared) => prepared,
                Err(e) if e.kind() == ErrorKind::Cancelled => return Err(e),
                Err(e) => {
                    listener.cell(failed(cell, &e))?;
                    continue;
                }
            };
            if prepared.done(&self.plan.rules) {
                // This cell is complete: it need not be kept for measuring in turn.
                self.finish(prepared, chain, listener)?;
                continue;
            }
            kept = kept.saturating_add(prepared.kept_bytes());
            together.push((prepared, chain));
            if kept > MAX_GROUP_BYTES {
                self.in_turn(std::mem::take(&mut together), listener)?;
                kept = 0;
            }
        }
        self.in_turn(together, listener)
    }

    fn prepare(&self, mut cell: Cell, chain: &Chain) -> Result<Prepared> {
        let digests = chain.resources();
        let resources = self.around.store.find(&digests)?;
        for digest in &digests {
            cell.bytes_side += resources.get(digest)?.len() as u64;
        }
        let Surroundings { scratch, cx, .. } = self.around;
        Prepared::new(cell, chain, &resources, self.input, &self.plan.rules, scratch, cx)
    }

    /// Measures the cells in turn, A B C A B C, until each has enough measurements.
    fn in_turn(&self, mut cells: Vec<(Prepared, &Chain)>, listener: &mut dyn Listener) -> Result<()> {
        let rules = &self.plan.rules;
        let mut errors: Vec<Option<Error>> = cells.iter().map(|_| None).collect();
        loop {
            let mut all_done = true;
            for ((cell, _), error) in cells.iter_mut().zip(&mut errors) {
                if error.is_some() || cell.done(rules) {
                    continue;
                }
                all_done = false;
                self.around.cx.check()?;
                match guarded(|| cell.round(&self.input.raw)) {
                    Err(e) if e.kind() == ErrorKind::Cancelled => return Err(e),
                    result => *error = result.err(),
                }
            }
            if all_done {
                break;
            }
        }
        for ((cell, chain), error) in cells.into_iter().zip(errors) {
            match error {
                None => self.finish(cell, chain, listener)?,
                Some(e) => listener.cell(failed(cell.finish(), &e))?,
            }
        }
        Ok(())
    }

    fn finish(&self, cell: Prepared, chain: &Chain, listener: &mut dyn Listener) -> Result<()> {
        let mut cell = cell.finish();
        if let Some(probe) = &self.around.probe {
            match probe.measure(chain, cell.segment_bytes, cell.threads, self.around.cx) {
                Ok(Some((encode, decode))) => {
                    cell.encode_memory = Some(encode);
                    cell.decode_memory = Some(decode);
                }
                Ok(None) => {}
                Err(e) if e.kind() == ErrorKind::Cancelled => return Err(e),
                Err(e) => cell.notes.push(format!("memory was not measured: {e}")),
            }
        }
        listener.cell(cell)
    }
}

/// Runs `work`; a panic of a codec fails its cell only.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        Err(Error::corrupt(format!("a codec panicked: {}", text.lines().next().unwrap_or_default())))
    })
}

fn failed(cell: Cell, error: &Error) -> Cell {
    Cell { verified: false, error: Some(error.to_string()), ..cell }
}
