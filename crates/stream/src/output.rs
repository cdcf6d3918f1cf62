//! Outputs: an atomically written file, a device, or standard output.
//!
//! A file is written under a temporary name in the same directory, synced, and renamed. The temporary name
//! depends on the final name only and is locked while in use. The next run therefore takes over what a killed
//! process left, and nothing stray remains after a success. Only a growing stream's follower output appears
//! before it is complete.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use lab_codec::{Error, ErrorKind, Hint, Result, Target};
use sha2::{Digest as _, Sha256};

use crate::cleanup::Temporary;

/// Maximum attempts to open and lock a temporary file that other processes remove or rename meanwhile.
const MAX_ATTEMPTS: usize = 100;

/// An open output.
pub enum Output {
    /// A regular file, still under its temporary name.
    Staged(Staged),
    /// Standard output, a device or a FIFO, written directly.
    Pipe(Box<dyn Write + Send>),
}

/// A file under its temporary name. Dropping it before the commit removes it.
pub struct Staged {
    path: PathBuf,
    temporary: PathBuf,
    lock: File,
    replace: bool,
    committed: bool,
    listed: Option<Temporary>,
}

impl Output {
    /// Opens `path`; `-` is standard output. An existing file is an error unless `force` is set.
    ///
    /// # Errors
    /// [`Usage`](ErrorKind::Usage) if the output exists or is a directory, I/O errors.
    pub fn open(path: &Path, force: bool) -> Result<Self> {
        if path == Path::new("-") {
            let stdout = io::stdout();
            if stdout.is_terminal() && !force {
                return Err(
                    Error::usage("binary data is not written to a terminal").with_hint(Hint::NotATerminal)
                );
            }
            return Ok(Self::Pipe(Box::new(stdout)));
        }
        if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return Err(Error::usage(format!("{} names a directory, not a file", path.display())));
        }
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => Err(Error::usage(format!("{} is a directory", path.display()))),
            Ok(meta) if meta.is_file() && !force => Err(exists(path)),
            Ok(meta) if meta.is_file() => Ok(Self::Staged(Staged::new(&fs::canonicalize(path)?, true)?)),
            Ok(_) => {
                let device = OpenOptions::new().write(true).open(path);
                Ok(Self::Pipe(Box::new(device.map_err(|e| at(e, path))?)))
            }
            Err(_) => Ok(Self::Staged(Staged::new(path, force)?)),
        }
    }

    /// The output as a carrier's target.
    pub fn target(&mut self) -> Target<'_> {
        match self {
            Self::Staged(staged) => Target::Path(&staged.temporary),
            Self::Pipe(pipe) => Target::Pipe(Box::new(pipe)),
        }
    }

    /// The output as a plain byte sink.
    ///
    /// # Errors
    /// I/O errors.
    pub fn sink(&mut self) -> Result<Box<dyn Write + Send + '_>> {
        match self {
            Self::Staged(staged) => Ok(Box::new(staged.lock.try_clone()?)),
            Self::Pipe(pipe) => Ok(Box::new(pipe)),
        }
    }

    /// Writes bytes that are useful before the output is complete. The file appears with the first write, and
    /// stays even after a later error.
    ///
    /// # Errors
    /// I/O errors; [`Usage`](ErrorKind::Usage) if the output has come into existence meanwhile.
    pub fn write_live(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Staged(staged) => {
                staged.lock.write_all(bytes)?;
                if staged.committed { Ok(()) } else { staged.publish().map_err(io::Error::other) }
            }
            Self::Pipe(pipe) => {
                pipe.write_all(bytes)?;
                pipe.flush()
            }
        }
    }

    /// Completes the output: syncs it and gives it its final name.
    ///
    /// # Errors
    /// I/O errors; [`Usage`](ErrorKind::Usage) if the output has come into existence meanwhile.
    pub fn commit(self) -> Result<()> {
        match self {
            Self::Staged(staged) => staged.commit(),
            Self::Pipe(mut pipe) => Ok(pipe.flush()?),
        }
    }

    /// The temporary path before the commit; `None` for other outputs.
    pub fn temporary(&self) -> Option<&Path> {
        match self {
            Self::Staged(staged) => Some(&staged.temporary),
            Self::Pipe(_) => None,
        }
    }
}

impl Staged {
    fn new(path: &Path, replace: bool) -> Result<Self> {
        let name = path
            .file_name()
            .ok_or_else(|| Error::usage(format!("{} does not name a file", path.display())))?;
        let digest = Sha256::digest(name.as_encoded_bytes());
        let tag = digest[..8].iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let temporary = path.with_file_name(format!(".lab-partial-{tag}"));
        let lock = lock(&temporary, path)?;
        // From here on, dropping the value removes the file.
        let listed = Temporary::new(&temporary);
        let path = path.to_path_buf();
        let staged = Self { path, temporary, lock, replace, committed: false, listed: Some(listed) };
        staged.lock.set_len(0).map_err(|e| at(e, &staged.path))?;
        Ok(staged)
    }

    fn commit(mut self) -> Result<()> {
        let path = self.path.clone();
        let published =
            if self.committed { self.lock.sync_all().map_err(Error::from) } else { self.publish() };
        published.map_err(|e| if e.kind() == ErrorKind::Io { e.at(path.display().to_string()) } else { e })
    }

    fn publish(&mut self) -> Result<()> {
        if let Ok(old) = fs::metadata(&self.path) {
            self.lock.set_permissions(old.permissions())?;
        }
        self.lock.sync_all()?;
        if self.replace {
            fs::rename(&self.temporary, &self.path)?;
        } else {
            // A hard link fails on an existing name; a rename would replace it silently.
            match fs::hard_link(&self.temporary, &self.path) {
                Ok(()) => fs::remove_file(&self.temporary)?,
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Err(exists(&self.path)),
                Err(_) if self.path.exists() => return Err(exists(&self.path)),
                Err(_) => fs::rename(&self.temporary, &self.path)?,
            }
        }
        self.committed = true;
        self.listed = None;
        sync_directory(&self.path)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.committed {
            // A failed removal is ignored: the next run with this output takes the file over.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Opens and locks the temporary file of the output `path`, without changing a file that another process
/// writes.
///
/// # Errors
/// [`Usage`](ErrorKind::Usage) if another process holds the lock, I/O errors.
pub fn lock(temporary: &Path, path: &Path) -> Result<File> {
    for _ in 0..MAX_ATTEMPTS {
        let file = options().open(temporary).map_err(|e| at(e, path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::usage(format!("another process is writing {}", path.display())));
            }
            Err(TryLockError::Error(e)) => return Err(at(e, path)),
        }
        // Between opening and locking, the previous owner may have renamed or removed the file.
        if same_file(&file, temporary) {
            return Ok(file);
        }
    }
    Err(Error::usage(format!("other processes keep writing {}", path.display())))
}

/// Flags for opening a temporary file: never through a symbolic link, which anyone could have put at its
/// name.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32);
    }
    options
}

#[cfg(unix)]
fn same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn same_file(_: &File, path: &Path) -> bool {
    path.exists()
}

/// Syncs the directory, which makes a rename durable.
fn sync_directory(path: &Path) -> Result<()> {
    if cfg!(unix) {
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

/// The error for an existing output without `force`.
pub fn exists(path: &Path) -> Error {
    Error::usage(format!("{} exists", path.display())).with_hint(Hint::Overwrite)
}

fn at(error: io::Error, path: &Path) -> Error {
    Error::from(error).at(format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, force: bool, content: &[u8]) -> Result<()> {
        let mut output = Output::open(path, force)?;
        output.sink()?.write_all(content)?;
        output.commit()
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        write(&path, false, b"first").unwrap();
        assert_eq!(write(&path, false, b"second").unwrap_err().kind(), ErrorKind::Usage);
        assert_eq!(fs::read(&path).unwrap(), b"first");
        {
            let mut output = Output::open(&path, true).unwrap();
            output.sink().unwrap().write_all(b"half").unwrap();
        }
        assert_eq!(fs::read(&path).unwrap(), b"first");
        write(&path, true, b"third").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"third");
        assert_eq!(names(dir.path()), ["out"]);
    }

    #[test]
    fn a_leftover_is_taken_over_and_a_live_one_respected() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let leftover = Output::open(&path, false).unwrap().temporary().unwrap().to_path_buf();
        fs::write(&leftover, vec![1; 100_000]).unwrap();
        write(&path, false, b"x").unwrap();
        assert_eq!((fs::read(&path).unwrap(), names(dir.path())), (b"x".to_vec(), vec!["out".to_string()]));
        let held = Output::open(&path, true).unwrap();
        let error = write(&path, true, b"y").unwrap_err();
        assert!(error.to_string().contains("another process"), "{error}");
        drop(held);
        write(&path, true, b"y").unwrap();
    }

    #[test]
    fn a_name_taken_meanwhile_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let output = Output::open(&path, false).unwrap();
        fs::write(&path, b"theirs").unwrap();
        assert_eq!(output.commit().unwrap_err().kind(), ErrorKind::Usage);
        assert_eq!((fs::read(&path).unwrap(), names(dir.path()).len()), (b"theirs".to_vec(), 1));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_at_the_temporary_name_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (path, target) = (dir.path().join("out"), dir.path().join("target"));
        let temporary = Output::open(&path, false).unwrap().temporary().unwrap().to_path_buf();
        std::os::unix::fs::symlink(&target, &temporary).unwrap();
        assert_eq!(write(&path, false, b"x").unwrap_err().kind(), ErrorKind::Io);
        assert!(!target.exists() && !path.exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_and_permissions_stay() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("out"), dir.path().join("link"));
        fs::write(&path, b"old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        write(&link, true, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }
}
