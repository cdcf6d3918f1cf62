//! Files that this process reads: no output may replace one, whatever name it goes by, and none may change
//! while it is read.
//!
//! The list is one per process, as that of [`cleanup`](crate::cleanup): a command opens its inputs,
//! dictionaries and tables in many places, and its outputs in others.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lab_codec::{Error, Result};

/// A file by the numbers that all its names share: device and inode.
type Identity = (u64, u64);

static READS: Mutex<Vec<(Identity, PathBuf)>> = Mutex::new(Vec::new());

fn list() -> MutexGuard<'static, Vec<(Identity, PathBuf)>> {
    // A push leaves the list consistent, so a lock poisoned by a panic is safe to use.
    READS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(unix)]
fn identity(meta: &Metadata) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    meta.is_file().then(|| (meta.dev(), meta.ino()))
}

/// Systems without inodes compare nothing; there, an open file cannot be replaced.
#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<Identity> {
    None
}

/// Puts a file on the list. A path that is no regular file has nothing to lose and is left out.
pub fn protect(path: &Path) {
    if let Some(identity) = path.metadata().ok().as_ref().and_then(identity) {
        list().push((identity, path.to_path_buf()));
    }
}

/// Refuses to write to `output` if it is a name of a file on the list.
///
/// # Errors
/// [`Usage`](lab_codec::ErrorKind::Usage), naming both.
pub fn check(output: &Path) -> Result<()> {
    output.metadata().map_or(Ok(()), |meta| check_open(output, &meta))
}

/// As [`check`], for an output that is open already, such as standard output.
///
/// # Errors
/// As [`check`].
pub fn check_open(output: &Path, meta: &Metadata) -> Result<()> {
    let Some(identity) = identity(meta) else { return Ok(()) };
    match list().iter().find(|(read, _)| *read == identity) {
        Some((_, path)) => Err(Error::usage(format!(
            "the output {} is also an input, {}; write to another file",
            output.display(),
            path.display()
        ))),
        None => Ok(()),
    }
}

/// A file that is read once, front to back. At its end, an error tells if it has changed since it was opened.
#[derive(Debug)]
pub struct Watched {
    file: File,
    start: Metadata,
    bytes: u64,
}

/// Opens a file, puts it on the list, and watches it. Pipes and devices are read as they come.
///
/// # Errors
/// I/O errors.
pub fn open(path: &Path) -> Result<Watched> {
    let file = File::open(path)?;
    let start = file.metadata()?;
    if let Some(identity) = identity(&start) {
        list().push((identity, path.to_path_buf()));
    }
    Ok(Watched { file, start, bytes: 0 })
}

impl Watched {
    /// Metadata of the file when it was opened.
    pub fn metadata(&self) -> &Metadata {
        &self.start
    }

    /// The file's length when it was opened; `None` for a pipe or a device.
    pub fn size(&self) -> Option<u64> {
        self.start.is_file().then_some(self.start.len())
    }

    fn check(&self) -> io::Result<()> {
        let Some(len) = self.size() else { return Ok(()) };
        let now = self.file.metadata()?;
        // A file system without times tells by the length alone.
        let rewritten = matches!((now.modified(), self.start.modified()), (Ok(a), Ok(b)) if a != b);
        // Files of /proc and the like have no length.
        if (len > 0 && self.bytes != len) || now.len() != len || rewritten {
            return Err(io::Error::other(format!(
                "the file changed while it was read: it had {len} bytes, {} were read, and it has {} now; \
                 make a copy and use that",
                self.bytes,
                now.len()
            )));
        }
        Ok(())
    }
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.bytes += count as u64;
        if count == 0 && !buffer.is_empty() {
            self.check()?;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_while_reading_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        type Change = fn(&Path);
        let later = |path: &Path| File::open(path).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
        for change in [
            (|path| std::fs::write(path, [1; 50]).unwrap()) as Change,
            |path| std::fs::write(path, [1; 150]).unwrap(),
            |path| File::options().write(true).open(path).unwrap().set_len(0).unwrap(),
            later,
        ] {
            std::fs::write(&path, [0; 100]).unwrap();
            let mut watched = open(&path).unwrap();
            watched.read_exact(&mut [0; 60]).unwrap();
            change(&path);
            let error = watched.read_to_end(&mut Vec::new()).unwrap_err();
            assert!(error.to_string().contains("it had 100 bytes"), "{error}");
        }
        std::fs::write(&path, [0; 100]).unwrap();
        assert_eq!(open(&path).unwrap().read_to_end(&mut Vec::new()).unwrap(), 100);
    }

    #[cfg(unix)]
    #[test]
    fn every_name_of_a_file_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let [file, hard, link, other] = ["file", "hard", "link", "other"].map(|name| dir.path().join(name));
        std::fs::write(&file, b"x").unwrap();
        std::fs::write(&other, b"x").unwrap();
        std::fs::hard_link(&file, &hard).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        protect(&link);
        for name in [&file, &hard, &link] {
            assert!(check(name).unwrap_err().message().contains("also an input"), "{name:?}");
        }
        check(&other).unwrap();
        check(&dir.path().join("absent")).unwrap();
        protect(dir.path());
        check(dir.path()).unwrap();
    }
}
