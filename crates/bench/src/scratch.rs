//! Scratch directories for media: in memory if it has room, else on disk.

use std::path::{Path, PathBuf};

use lab_codec::Result;
use tempfile::TempDir;

/// A scratch directory, removed when dropped.
#[derive(Debug)]
pub struct Scratch {
    directory: TempDir,
    /// `tmpfs` or `disk`, as in the results.
    pub kind: &'static str,
}

impl Scratch {
    /// Makes a directory with room for about `bytes`: on a tmpfs with enough room, else on disk.
    ///
    /// # Errors
    /// I/O errors.
    pub fn new(bytes: u64) -> Result<Self> {
        for place in [PathBuf::from("/dev/shm"), std::env::temp_dir()] {
            if in_memory(&place).is_some_and(|free| free >= bytes) {
                // A read-only mount may have room but accepts no directory.
                if let Ok(directory) = within(&place) {
                    return Ok(Self { directory, kind: "tmpfs" });
                }
            }
        }
        Ok(Self { directory: within(&std::env::temp_dir())?, kind: "disk" })
    }

    /// Path of the directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

fn within(place: &Path) -> std::io::Result<TempDir> {
    tempfile::Builder::new().prefix("lab-bench-").tempdir_in(place)
}

/// Free bytes of a tmpfs; `None` if `place` is on another file system.
#[cfg(target_os = "linux")]
fn in_memory(place: &Path) -> Option<u64> {
    let stat = nix::sys::statfs::statfs(place).ok()?;
    let free = stat.blocks_available() * u64::try_from(stat.block_size()).ok()?;
    (stat.filesystem_type() == nix::sys::statfs::TMPFS_MAGIC).then_some(free)
}

#[cfg(not(target_os = "linux"))]
fn in_memory(_: &Path) -> Option<u64> {
    None
}

/// Total bytes of a file, or of all files below a directory.
///
/// # Errors
/// I/O errors.
pub fn size_of(path: &Path) -> Result<u64> {
    let mut total = 0;
    files(path, &mut |file| {
        total += std::fs::symlink_metadata(file)?.len();
        Ok(())
    })?;
    Ok(total)
}

/// Visits a file, or the files below a directory, sorted by name.
///
/// # Errors
/// I/O errors, and errors of `visit`.
pub fn files(path: &Path, visit: &mut dyn FnMut(&Path) -> Result<()>) -> Result<()> {
    if !std::fs::symlink_metadata(path)?.is_dir() {
        return visit(path);
    }
    let mut entries: Vec<_> = std::fs::read_dir(path)?.collect::<std::io::Result<_>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    entries.iter().try_for_each(|entry| files(&entry.path(), visit))
}

/// Removes a file or directory, if it exists.
///
/// # Errors
/// I/O errors.
pub fn remove(path: &Path) -> Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(meta) if meta.is_dir() => Ok(std::fs::remove_dir_all(path)?),
        Ok(_) => Ok(std::fs::remove_file(path)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_of_a_medium_count() {
        let scratch = Scratch::new(1 << 20).unwrap();
        assert!(["tmpfs", "disk"].contains(&scratch.kind));
        let root = scratch.path().join("medium");
        std::fs::create_dir_all(root.join("deep/er")).unwrap();
        for (name, len) in [("a", 1), ("deep/b", 20), ("deep/er/c", 300)] {
            std::fs::write(root.join(name), vec![0; len]).unwrap();
        }
        assert_eq!(size_of(&root).unwrap(), 321);
        assert_eq!(size_of(&root.join("a")).unwrap(), 1);
        remove(&root).unwrap();
        remove(&root).unwrap();
        assert!(!root.exists());
    }

    #[test]
    fn more_than_any_memory_goes_to_disk() {
        assert_eq!(Scratch::new(u64::MAX).unwrap().kind, "disk");
    }
}
