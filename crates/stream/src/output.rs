//! Outputs: an atomically written file, a device, or standard output.
//!
//! A file is written under a temporary name in the same directory, synced, and renamed. The temporary name
//! depends on the final name only and is locked while in use. The next run therefore takes over what a killed
//! process left, and nothing stray remains after a success. Only a growing stream's follower output appears
//! before it is complete.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, IsTerminal, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use lab_codec::{Error, ErrorKind, Hint, Result, Target};
use lab_process::standard;
use sha2::{Digest as _, Sha256};

use crate::cleanup::Temporary;
use crate::reads;

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
    /// Permissions and time of the file that this one is made from.
    source: Option<Source>,
}

/// What an output takes over from the file that it is made from.
struct Source {
    permissions: fs::Permissions,
    modified: Option<SystemTime>,
}

impl Output {
    /// Opens `path`; `-` is standard output. An existing file is an error unless `force` is set.
    ///
    /// # Errors
    /// [`Usage`](ErrorKind::Usage) if the output exists or is a directory, I/O errors.
    pub fn open(path: &Path, force: bool) -> Result<Self> {
        if path == Path::new("-") {
            let stdout = standard::output()?;
            if let Ok(meta) = as_file(&stdout).and_then(|file| file.metadata()) {
                reads::check_open(path, &meta)?;
            }
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
        reads::check(path)?;
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

    /// Makes the output another form of the file `source`: it gets that file's permissions, from its first
    /// byte on, and its time. Bits for another user's or group's identity are not taken over.
    ///
    /// # Errors
    /// I/O errors.
    pub fn made_from(&mut self, source: &Path) -> Result<()> {
        self.inherit(source, true)
    }

    /// Lets the output, which holds parts of the file `source`, be read by nobody who cannot read that file.
    /// Several sources leave what all of them permit.
    ///
    /// # Errors
    /// I/O errors.
    pub fn made_of_parts(&mut self, source: &Path) -> Result<()> {
        self.inherit(source, false)
    }

    fn inherit(&mut self, source: &Path, whole: bool) -> Result<()> {
        let Self::Staged(staged) = self else { return Ok(()) };
        // A pipe or a terminal says nothing about its content.
        let Ok(meta) = fs::metadata(source) else { return Ok(()) };
        if meta.is_file() || meta.is_dir() {
            let permissions = staged.permissions_like(&meta, whole)?;
            staged.lock.set_permissions(writable(permissions.clone()))?;
            let modified = if whole && meta.is_file() { meta.modified().ok() } else { None };
            staged.source = Some(Source { permissions, modified });
        }
        Ok(())
    }

    /// The output as a plain byte sink. Runs of zeros become holes in a file.
    ///
    /// # Errors
    /// I/O errors.
    pub fn sink(&mut self) -> Result<Box<dyn Write + Send + '_>> {
        match self {
            Self::Staged(staged) => Ok(Box::new(Holes(staged.lock.try_clone()?))),
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
        let staged =
            Self { path, temporary, lock, replace, committed: false, listed: Some(listed), source: None };
        staged.lock.set_len(0).map_err(|e| at(e, &staged.path))?;
        Ok(staged)
    }

    fn commit(mut self) -> Result<()> {
        let path = self.path.clone();
        let published =
            if self.committed { self.lock.sync_all().map_err(Error::from) } else { self.publish() };
        published.map_err(|e| if e.kind() == ErrorKind::Io { e.at(path.display().to_string()) } else { e })
    }

    /// Permissions for content from a file: reading and writing as there, no set-user or set-group bits, and
    /// for parts nothing that an earlier source forbade.
    #[cfg(unix)]
    fn permissions_like(&self, meta: &fs::Metadata, whole: bool) -> io::Result<fs::Permissions> {
        use std::os::unix::fs::PermissionsExt;
        // The bit for searching a directory would be the one for running a file.
        let mut mode = meta.permissions().mode() & if meta.is_dir() { 0o666 } else { 0o777 };
        if !whole {
            let earlier = match &self.source {
                Some(source) => source.permissions.mode(),
                None => self.lock.metadata()?.permissions().mode(),
            };
            mode &= earlier & 0o666;
        }
        Ok(fs::Permissions::from_mode(mode))
    }

    #[cfg(not(unix))]
    fn permissions_like(&self, _: &fs::Metadata, _: bool) -> io::Result<fs::Permissions> {
        Ok(self.lock.metadata()?.permissions())
    }

    fn publish(&mut self) -> Result<()> {
        // An input may have been opened after this output.
        reads::check(&self.path)?;
        // A hole at the end is only a position so far.
        let end = self.lock.stream_position()?;
        if end > self.lock.metadata()?.len() {
            self.lock.set_len(end)?;
        }
        if let Some(source) = &self.source {
            self.lock.set_permissions(source.permissions.clone())?;
            if let Some(modified) = source.modified {
                // A file system without such times keeps today's; that loses no content.
                let _ = self.lock.set_modified(modified);
            }
        } else if let Ok(old) = fs::metadata(&self.path) {
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

/// A file in which blocks of zeros stay holes. The caller sets the length at the end.
struct Holes(File);

/// Smallest hole, in bytes: the block size of common file systems.
const HOLE: usize = 4096;

impl Write for Holes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Short writes are headers and text: they end before they are worth a look.
        let zeros = bytes.chunks_exact(HOLE).take_while(|block| **block == [0; HOLE]).count() * HOLE;
        if zeros > 0 {
            self.0.seek(SeekFrom::Current(zeros as i64))?;
            return Ok(zeros);
        }
        let blocks = bytes.chunks(HOLE).skip(1).position(|block| block == [0; HOLE]);
        self.0.write(&bytes[..blocks.map_or(bytes.len(), |full| (full + 1) * HOLE)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The same permissions, but the owner can write: a carrier opens the file by its name.
#[cfg(unix)]
fn writable(permissions: fs::Permissions) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::Permissions::from_mode(permissions.mode() | 0o600)
}

#[cfg(not(unix))]
fn writable(mut permissions: fs::Permissions) -> fs::Permissions {
    permissions.set_readonly(false);
    permissions
}

/// Standard output as a file, for its metadata.
#[cfg(unix)]
fn as_file(stdout: &io::Stdout) -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(stdout.as_fd().try_clone_to_owned()?.into())
}

#[cfg(not(unix))]
fn as_file(_: &io::Stdout) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
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
