//! Stores each finished cell as one line at once, so that an interrupted run loses none.
//!
//! The first line is a results document without cells; each further line is one cell. [`Results::parse`]
//! reads both.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use lab_codec::{Error, ErrorKind, Hint, Result};

use super::results::{Cell, Results};

/// File name of the journal in a results directory.
pub const FILE_NAME: &str = "results.jsonl";

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// Starts a journal with `head`, without its cells. An existing one is an error unless `replace` is set.
    ///
    /// # Errors
    /// [`Usage`](ErrorKind::Usage) if a journal exists; I/O errors.
    pub fn create(directory: &Path, head: &Results, replace: bool) -> Result<Self> {
        let path = directory.join(FILE_NAME);
        let mut options = OpenOptions::new();
        options.write(true);
        let options = if replace { options.create(true).truncate(true) } else { options.create_new(true) };
        let file = options.open(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::AlreadyExists => {
                Error::usage(format!("{} exists", path.display())).with_hint(Hint::Resume)
            }
            _ => Error::from(e).at(path.display().to_string()),
        })?;
        let mut journal = Self { file, path };
        journal.line(&Results { cells: Vec::new(), ..head.clone() })?;
        Ok(journal)
    }

    /// Opens a journal to continue it, and returns its results. An incomplete last line is removed.
    ///
    /// # Errors
    /// [`Usage`](ErrorKind::Usage) if there is no journal or it has another plan; damage; I/O errors.
    pub fn resume(directory: &Path, plan: Option<&str>) -> Result<(Self, Results)> {
        let path = directory.join(FILE_NAME);
        let at = |e: Error| e.at(path.display().to_string());
        let text = std::fs::read(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => {
                Error::usage(format!("nothing to resume: {} is missing", path.display()))
            }
            _ => at(e.into()),
        })?;
        // An incomplete last line is not a cell.
        let whole = text.iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1);
        let lines = std::str::from_utf8(&text[..whole]).map_err(|_| at(Error::corrupt("not UTF-8")))?;
        let results = Results::parse(lines).map_err(at)?;
        if results.environment.plan.as_deref() != plan {
            let text = format!("{} belongs to other samples, chains or options", path.display());
            return Err(Error::usage(text).with_hint(Hint::Resume));
        }
        let mut file = OpenOptions::new().write(true).open(&path).map_err(|e| at(e.into()))?;
        file.set_len(whole as u64)?;
        file.seek(SeekFrom::End(0))?;
        Ok((Self { file, path }, results))
    }

    /// Appends a cell and syncs it to disk.
    ///
    /// # Errors
    /// I/O errors, with the path.
    pub fn append(&mut self, cell: &Cell) -> Result<()> {
        self.line(cell)
    }

    fn line(&mut self, value: &impl serde::Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(value)
            .map_err(|e| Error::new(ErrorKind::Io, format!("cannot write JSON: {e}")))?;
        line.push(b'\n');
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        written.map_err(|e| Error::from(e).at(self.path.display().to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::results::{Environment, SCHEMA, VERSION};
    use super::*;

    fn head(plan: &str) -> Results {
        let environment = Environment { plan: Some(plan.into()), ..Environment::default() };
        Results { schema: SCHEMA.into(), version: VERSION, name: "x".into(), environment, cells: Vec::new() }
    }

    fn cell(name: &str) -> Cell {
        Cell { sample: name.into(), ..Cell::default() }
    }

    #[test]
    fn a_cut_at_any_byte_loses_only_the_last_line() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(dir.path(), &head("p"), false).unwrap();
        for name in ["a", "b"] {
            journal.append(&cell(name)).unwrap();
        }
        let path = dir.path().join(FILE_NAME);
        let whole = std::fs::read(&path).unwrap();
        let lines: Vec<usize> =
            whole.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i + 1).collect();
        for len in lines[0]..=whole.len() {
            std::fs::write(&path, &whole[..len]).unwrap();
            let (mut journal, results) = Journal::resume(dir.path(), Some("p")).unwrap();
            assert_eq!(results.cells.len() + 1, lines.iter().filter(|end| **end <= len).count());
            journal.append(&cell("c")).unwrap();
            let after = Results::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
            assert_eq!(after.cells.len(), results.cells.len() + 1);
            assert_eq!(after.cells.last(), Some(&cell("c")));
        }
    }

    #[test]
    fn what_exists_and_what_differs_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let kind = |result: Result<()>| result.unwrap_err().kind();
        assert_eq!(kind(Journal::resume(dir.path(), None).map(drop)), ErrorKind::Usage);
        Journal::create(dir.path(), &head("p"), false).unwrap();
        assert_eq!(kind(Journal::create(dir.path(), &head("p"), false).map(drop)), ErrorKind::Usage);
        assert_eq!(kind(Journal::resume(dir.path(), Some("other")).map(drop)), ErrorKind::Usage);
        Journal::create(dir.path(), &head("p"), true).unwrap();
    }
}
