//! Temporary files and directories that must not outlive the process, even where it is told to end at once.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

static TEMPORARIES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn list() -> std::sync::MutexGuard<'static, Vec<PathBuf>> {
    // The list is right after every single operation, also where a thread panicked between two.
    TEMPORARIES.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A path on the list of what [`remove_all`] removes; taken off when dropped.
#[derive(Debug)]
pub struct Temporary(PathBuf);

impl Temporary {
    /// Puts a path on the list.
    pub fn new(path: &Path) -> Self {
        list().push(path.to_path_buf());
        Self(path.to_path_buf())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let mut list = list();
        if let Some(position) = list.iter().position(|p| *p == self.0) {
            list.swap_remove(position);
        }
    }
}

/// Removes everything on the list; for a process that ends without unwinding.
pub fn remove_all() {
    for path in list().iter() {
        // What cannot be removed is taken over by the next run that writes the same output.
        let _ = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    }
}
