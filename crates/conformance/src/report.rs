//! What was tried and what went wrong, by entry.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use lab_codec::ErrorKind;

/// Failures of one entry beyond these are counted only: one mistake may show in every damaged form.
const KEPT: usize = 40;

/// One thing that an entry did wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The entry's id.
    pub entry: String,
    /// Its parameters as canonical text; empty where all are at their defaults.
    pub parameters: String,
    /// What was tried.
    pub case: String,
    /// What happened.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}: {}: {}", self.entry, self.parameters, self.case, self.what)
    }
}

/// What came out for one entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntryReport {
    /// The entry's id.
    pub id: String,
    /// How many cases were tried.
    pub cases: u64,
    /// The first failures.
    pub failures: Vec<Failure>,
    /// How many failures there were beyond those.
    pub more_failures: u64,
    /// What was not tried, and why: a tool or resource that is not here, a limit.
    pub skipped: Vec<String>,
}

impl EntryReport {
    pub(crate) fn new(id: &str) -> Self {
        Self { id: id.to_string(), ..Self::default() }
    }

    /// Tries one case: `work` says what went wrong, or panics, which is caught.
    pub(crate) fn case(
        &mut self,
        parameters: &str,
        name: impl FnOnce() -> String,
        work: impl FnOnce() -> Outcome,
    ) {
        self.cases += 1;
        // What a panic leaves half done is not used again: every case makes or takes its own worker.
        let what = match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok(())) => return,
            Ok(Err(what)) => what,
            Err(payload) => format!("panic: {}", message(&*payload)),
        };
        if self.failures.len() < KEPT {
            let (entry, parameters) = (self.id.clone(), parameters.to_string());
            self.failures.push(Failure { entry, parameters, case: name(), what });
        } else {
            self.more_failures += 1;
        }
    }

    pub(crate) fn skip(&mut self, parameters: &str, why: &lab_codec::Error) {
        self.skipped.push(format!("{}{parameters}: {why}", self.id));
    }

    /// Whether nothing went wrong.
    pub fn is_ok(&self) -> bool {
        self.failures.is_empty()
    }
}

/// The result of a case: what went wrong, where something did.
pub(crate) type Outcome = Result<(), String>;

/// Whether an error says that something is not here, rather than that something is wrong.
pub(crate) fn is_absence(error: &lab_codec::Error) -> bool {
    matches!(error.kind(), ErrorKind::MissingTool | ErrorKind::MissingResource)
}

fn message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("of another kind").to_string()
}

/// What came out for all entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// By entry, in the registry's order.
    pub entries: Vec<EntryReport>,
}

impl Report {
    /// Whether nothing went wrong.
    pub fn is_ok(&self) -> bool {
        self.entries.iter().all(EntryReport::is_ok)
    }

    /// All failures that were kept.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.entries.iter().flat_map(|entry| &entry.failures)
    }
}

impl fmt::Display for Report {
    /// The failures one per line, then one line for each entry.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failures().try_for_each(|failure| writeln!(f, "{failure}"))?;
        for entry in &self.entries {
            let failures = entry.failures.len() as u64 + entry.more_failures;
            write!(f, "{}: {} cases, {failures} failures", entry.id, entry.cases)?;
            match entry.skipped.len() {
                0 => writeln!(f)?,
                count => writeln!(f, ", {count} skipped ({})", entry.skipped.join("; "))?,
            }
        }
        Ok(())
    }
}
