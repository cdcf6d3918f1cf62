//! A resumable run: a journal in the results directory, and all result formats at the end.

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

/// What a run uses besides its plan.
pub struct Session<'a> {
    /// The program that measures.
    pub program: &'a Program,
    /// Registered codecs and carriers.
    pub registry: &'a Registry,
    /// Resources of the chains.
    pub store: &'a Store,
    /// Command-line arguments; their manifests are recorded.
    pub paths: &'a [PathBuf],
    /// Files and directories with resources, for the processes that measure memory.
    pub resources: &'a [PathBuf],
    /// Processors to pin to; empty for all.
    pub pin: &'a [u32],
    /// Results directory; by default named after plan and time.
    pub output: Option<&'a Path>,
    /// Whether to resume the results in that directory.
    pub resume: bool,
    /// Whether to replace the results in that directory.
    pub force: bool,
}

/// Result of a run.
pub struct Outcome {
    /// All results so far.
    pub results: Results,
    /// Results directory.
    pub directory: PathBuf,
    /// Whether every cell of the plan was measured.
    pub complete: bool,
}

impl Session<'_> {
    /// Measures the unfinished cells of `plan`, under the limits and the cancellation of `cx`. `start` gets
    /// the numbers of all and of finished cells, and returns a listener for the others.
    ///
    /// # Errors
    /// Existing outputs, I/O errors. Cancellation is not an error: it leaves the outcome incomplete.
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

/// Stores each cell in the journal and forwards it.
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

/// Writes the results in every format.
///
/// # Errors
/// I/O errors, with the path.
pub fn write_tables(results: &Results, directory: &Path) -> Result<()> {
    EXPORTERS
        .iter()
        .try_for_each(|format| write(&directory.join(format.file_name()), &format.export(results)?))
}

/// Writes a text file and replaces an existing one.
///
/// # Errors
/// I/O errors, with the path.
pub fn write(path: &Path, text: &str) -> Result<()> {
    let mut output = Output::open(path, true)?;
    std::io::Write::write_all(&mut output.sink()?, text.as_bytes())?;
    output.commit()
}
