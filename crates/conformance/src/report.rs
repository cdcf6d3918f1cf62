//! Results of the suite by entry: cases, failures and skipped parts.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use lab_codec::ErrorKind;

/// Maximum failures kept per entry; the rest are counted, since one defect may show in every damaged form.
const MAX_FAILURES: usize = 40;

/// One failed case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The entry's id.
    pub entry: String,
    /// Its parameters as canonical text; empty for the defaults.
    pub parameters: String,
    /// Name of the case.
    pub case: String,
    /// Description of the failure.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}: {}: {}", self.entry, self.parameters, self.case, self.what)
    }
}

/// Results of one entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntryReport {
    /// The entry's id.
    pub id: String,
    /// Number of cases.
    pub cases: u64,
    /// The first failures.
    pub failures: Vec<Failure>,
    /// Number of failures beyond those.
    pub more_failures: u64,
    /// Skipped parts with the reason: a missing tool or resource, or a limit.
    pub skipped: Vec<String>,
}

impl EntryReport {
    pub(crate) fn new(id: &str) -> Self {
        Self { id: id.to_string(), ..Self::default() }
    }

    /// Runs one case. `work` returns a description of the failure; a panic is caught.
    pub(crate) fn case(
        &mut self,
        parameters: &str,
        name: impl FnOnce() -> String,
        work: impl FnOnce() -> Outcome,
    ) {
        self.cases += 1;
        // State that a panic leaves behind is not reused: every case takes its own worker.
        let what = match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok(())) => return,
            Ok(Err(what)) => what,
            Err(payload) => format!("panic: {}", message(&*payload)),
        };
        if self.failures.len() < MAX_FAILURES {
            let (entry, parameters) = (self.id.clone(), parameters.to_string());
            self.failures.push(Failure { entry, parameters, case: name(), what });
        } else {
            self.more_failures += 1;
        }
    }

    pub(crate) fn skip(&mut self, parameters: &str, why: &lab_codec::Error) {
        self.skipped.push(format!("{}{parameters}: {why}", self.id));
    }

    /// Whether all cases passed.
    pub fn is_ok(&self) -> bool {
        self.failures.is_empty()
    }
}

/// Result of a case, with a description of the failure.
pub(crate) type Outcome = Result<(), String>;

/// Whether an error means that a tool or resource is missing, rather than that the entry is defective.
pub(crate) fn is_absence(error: &lab_codec::Error) -> bool {
    matches!(error.kind(), ErrorKind::MissingTool | ErrorKind::MissingResource)
}

fn message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("of another kind").to_string()
}

/// Results of all entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries in the registry's order.
    pub entries: Vec<EntryReport>,
}

impl Report {
    /// Whether all cases passed.
    pub fn is_ok(&self) -> bool {
        self.entries.iter().all(EntryReport::is_ok)
    }

    /// All failures that were kept.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.entries.iter().flat_map(|entry| &entry.failures)
    }
}

impl fmt::Display for Report {
    /// Prints one line per failure, then one per entry.
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
