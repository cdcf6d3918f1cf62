//! Temporary files and directories to remove before the process exits, even without unwinding.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

static TEMPORARIES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn list() -> std::sync::MutexGuard<'static, Vec<PathBuf>> {
    // Every single operation leaves the list consistent, so a lock poisoned by a panic is safe to use.
    TEMPORARIES.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A path that [`remove_all`] removes; dropping it takes the path off the list.
#[derive(Debug)]
pub struct Temporary(PathBuf);

impl Temporary {
    /// Puts a path on the list.
    pub fn new(path: &Path) -> Self {
        let (listed, own) = (path.to_path_buf(), path.to_path_buf());
        list().push(listed);
        Self(own)
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

/// Removes everything on the list, for a process that exits without unwinding.
pub fn remove_all() {
    for path in list().iter() {
        // A failed removal is ignored: the next run with the same output takes the file over.
        let _ = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    }
}
