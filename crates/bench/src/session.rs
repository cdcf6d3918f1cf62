//! A run that keeps what it has: a journal in the directory of the results, and every form of them at the end.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use lab_codec::{Context, Error, ErrorKind, Registry, Result};
use lab_stream::output::Output;
use lab_stream::resource::Store;

use super::environment::{self, Program};
use super::export::EXPORTERS;
use super::journal::Journal;
use super::memory::Probe;
use super::results::{Cell, Results, SCHEMA, VERSION};
use super::scratch::Scratch;
use super::{Key, Listener, Plan, Surroundings, affinity};

/// What a run works with, beside its plan.
pub struct Session<'a> {
    /// The program that measures.
    pub program: &'a Program,
    /// Its codecs and carriers.
    pub registry: &'a Registry,
    /// Resources that chains name.
    pub store: &'a Store,
    /// The arguments, whose manifests are recorded.
    pub paths: &'a [PathBuf],
    /// Files and directories with resources, for the processes that measure memory.
    pub resources: &'a [PathBuf],
    /// Processors to stay on; empty for all.
    pub pin: &'a [u32],
    /// Where the results go; nothing for a directory named after plan and time.
    pub output: Option<&'a Path>,
    /// Whether to go on with the results that lie there.
    pub resume: bool,
    /// Whether to replace them.
    pub force: bool,
}

/// How a run ended.
pub struct Outcome {
    /// All results so far.
    pub results: Results,
    /// Where they lie.
    pub directory: PathBuf,
    /// Whether every cell of the plan was measured.
    pub complete: bool,
}

impl Session<'_> {
    /// Measures the cells of `plan` that are not measured yet, under the limits and the cancellation of `cx`. `start` is
    /// told how many cells there are and how many are finished; the listener it returns hears of the others.
    ///
    /// # Errors
    /// Outputs that exist, I/O errors; cancellation is no error, but leaves the outcome incomplete.
    pub fn run<L: Listener>(
        &self,
        plan: &Plan,
        cx: &Context,
        start: impl FnOnce(usize, usize) -> L,
    ) -> Result<Outcome> {
        if !self.pin.is_empty() {
            affinity::pin(self.pin)?;
        }
        let largest = plan.samples.iter().map(|s| s.bytes).max().unwrap_or(0);
        let scratch = Scratch::new(largest.saturating_mul(8).saturating_add(64 << 20))?;
        let mut environment =
            environment::observe(self.program, self.registry, self.paths, scratch.kind, self.pin)?;
        environment.plan = Some(plan.digest());
        let directory = self.output.map_or_else(
            || {
                let time = environment::utc(environment.unix_time).replace(':', "");
                Path::new("reports").join(format!("{}-{time}", plan.name))
            },
            Path::to_path_buf,
        );
        std::fs::create_dir_all(&directory)
            .map_err(|e| Error::from(e).at(directory.display().to_string()))?;
        let head = Results {
            schema: SCHEMA.into(),
            version: VERSION,
            name: plan.name.clone(),
            environment,
            cells: Vec::new(),
        };
        let (journal, results) = if self.resume {
            Journal::resume(&directory, head.environment.plan.as_deref())?
        } else {
            (Journal::create(&directory, &head, self.force)?, head)
        };
        let finished: HashSet<Key> = results.cells.iter().map(Key::of).collect();
        let keys = plan.keys();
        let cx = cx.clone().with_scratch(scratch.path());
        let limit = cx.limits().memory;
        let probe = plan
            .memory
            .then(std::env::current_exe)
            .transpose()?
            .map(|program| Probe::new(program, scratch.path(), limit, self.resources));
        let around = Surroundings { store: self.store, cx: &cx, scratch: scratch.path(), probe };
        let mut keeper = Keeper { journal, results, listener: start(keys.len(), finished.len()) };
        let complete = match super::run(plan, &finished, &around, &mut keeper) {
            Ok(()) => true,
            Err(e) if e.kind() == ErrorKind::Cancelled => false,
            Err(e) => return Err(e),
        };
        let mut results = keeper.results;
        let order: BTreeMap<_, _> = keys.iter().enumerate().map(|(i, key)| (format!("{key:?}"), i)).collect();
        results.cells.sort_by_key(|cell| order.get(&format!("{:?}", Key::of(cell))).copied());
        Ok(Outcome { results, directory, complete })
    }
}

/// Keeps cells as they come, and passes them on.
struct Keeper<L> {
    journal: Journal,
    results: Results,
    listener: L,
}

impl<L: Listener> Listener for Keeper<L> {
    fn begin(&mut self, key: &Key) {
        self.listener.begin(key);
    }

    fn cell(&mut self, cell: Cell) -> Result<()> {
        self.journal.append(&cell)?;
        self.results.cells.push(cell.clone());
        self.listener.cell(cell)
    }
}

/// Writes the results in every format of ours.
///
/// # Errors
/// I/O errors, with the path.
pub fn write_tables(results: &Results, directory: &Path) -> Result<()> {
    EXPORTERS
        .iter()
        .try_for_each(|format| write(&directory.join(format.file_name()), &format.export(results)?))
}

/// Writes a text file, in place of one that is there.
///
/// # Errors
/// I/O errors, with the path.
pub fn write(path: &Path, text: &str) -> Result<()> {
    let mut output = Output::open(path, true)?;
    std::io::Write::write_all(&mut output.sink()?, text.as_bytes())?;
    output.commit()
}
