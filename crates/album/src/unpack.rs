//! Brings the files of an album back into a folder, or checks that they would come back.

use std::collections::BTreeMap;
use std::fs::{self, File as FsFile};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use lab_codec::{Context, Error, Result};
use lab_stream::output::Output;
use serde::Serialize;

use crate::manifest::{Attributes, File};
use crate::{Album, Effort, Sink, scan};

/// What came back.
#[derive(Debug, Serialize)]
pub struct Unpacked {
    /// Number of files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Pictures that were decoded.
    pub decoded_pictures: u64,
}

/// Which files are intact.
#[derive(Debug, Default, Serialize)]
pub struct Verdict {
    /// Number of intact files.
    pub good: u64,
    /// Damaged files by path, and what is wrong with them.
    pub lost: BTreeMap<String, String>,
}

impl Album {
    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.manifest.files.iter().map(|file| file.bytes).sum()
    }

    /// Unpacks into the folder `root`, with names, times and permissions. The folder must be empty or new;
    /// `force` lifts that and replaces files.
    ///
    /// # Errors
    /// [`Usage`](lab_codec::ErrorKind::Usage) for a folder that is not empty, or where a link stands in the
    /// way; those of [`Album::read`].
    pub fn unpack(&self, root: &Path, force: bool, cx: &Context) -> Result<Unpacked> {
        prepare(root, force)?;
        for folder in &self.manifest.folders {
            let path = below(root, &folder.path)?;
            match fs::create_dir(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(Error::from(e).at(path.display().to_string()));
                }
                _ => {}
            }
        }
        let mut sink = Folder { root, force, open: None, files: 0, bytes: 0 };
        let effort = self.read(&|_| true, &mut sink, cx)?;
        // Folders last, from the inside out: files in them change their times.
        for folder in self.manifest.folders.iter().rev() {
            set(&below(root, &folder.path)?, &folder.attributes)?;
        }
        set(root, &self.manifest.root)?;
        Ok(Unpacked { files: sink.files, bytes: sink.bytes, decoded_pictures: effort.pictures })
    }

    /// Writes the file with this number to `sink`.
    ///
    /// # Errors
    /// Those of [`Album::read`], and of `sink`.
    pub fn extract(&self, number: usize, sink: &mut dyn Write, cx: &Context) -> Result<Effort> {
        self.read(&|other| other == number, &mut One(sink), cx)
    }

    /// Decodes every file and compares it with its digest.
    ///
    /// # Errors
    /// Those of [`Album::read`], except for damaged files.
    pub fn verify(&self, cx: &Context) -> Result<Verdict> {
        let mut verdict = Verdict::default();
        self.read(&|_| true, &mut verdict, cx)?;
        Ok(verdict)
    }
}

struct One<'a>(&'a mut dyn Write);

impl Sink for One<'_> {
    fn begin(&mut self, _: usize, _: &File) -> Result<()> {
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.0.write_all(bytes)?)
    }

    fn end(&mut self, _: usize, _: &File) -> Result<()> {
        Ok(self.0.flush()?)
    }
}

impl Sink for Verdict {
    fn begin(&mut self, _: usize, _: &File) -> Result<()> {
        Ok(())
    }

    fn bytes(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn end(&mut self, _: usize, _: &File) -> Result<()> {
        self.good += 1;
        Ok(())
    }

    fn lost(&mut self, _: usize, file: &File, error: Error) -> Result<()> {
        self.lost.insert(scan::text(&file.path), error.to_string());
        Ok(())
    }
}

/// Makes the folder, which must be empty unless `force`.
fn prepare(root: &Path, force: bool) -> Result<()> {
    let at = |e: std::io::Error| Error::from(e).at(root.display().to_string());
    match fs::read_dir(root) {
        Ok(mut entries) => match entries.next() {
            Some(_) if !force => Err(Error::usage(format!(
                "{} is not empty; use --force to unpack into it and to replace files",
                root.display()
            ))),
            _ => Ok(()),
        },
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => fs::create_dir_all(root).map_err(at),
        Err(e) => Err(at(e)),
    }
}

/// Where a path of an album goes; the folders that lead there are folders, not links to elsewhere.
fn below(root: &Path, path: &[u8]) -> Result<PathBuf> {
    scan::check_path(path)?;
    for (at, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
        let folder = scan::place(root, &path[..at]);
        let real = fs::symlink_metadata(&folder).is_ok_and(|meta| meta.is_dir());
        if !real {
            return Err(Error::usage(format!(
                "{} is no folder; nothing is written through it",
                folder.display()
            )));
        }
    }
    let place = scan::place(root, path);
    if fs::symlink_metadata(&place).is_ok_and(|meta| meta.is_symlink()) {
        return Err(Error::usage(format!("{} is a link; nothing is written through it", place.display())));
    }
    Ok(place)
}

/// Files in a folder.
struct Folder<'a> {
    root: &'a Path,
    force: bool,
    open: Option<(PathBuf, Output)>,
    files: u64,
    bytes: u64,
}

impl Sink for Folder<'_> {
    fn begin(&mut self, _: usize, file: &File) -> Result<()> {
        let path = below(self.root, file.restored.as_ref().unwrap_or(&file.path))?;
        self.open = Some((path.clone(), Output::open(&path, self.force)?));
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some((path, output)) = &mut self.open {
            output.sink()?.write_all(bytes).map_err(|e| Error::from(e).at(path.display().to_string()))?;
            self.bytes += bytes.len() as u64;
        }
        Ok(())
    }

    fn end(&mut self, _: usize, file: &File) -> Result<()> {
        if let Some((path, output)) = self.open.take() {
            output.commit()?;
            set(&path, &file.attributes)?;
            self.files += 1;
        }
        Ok(())
    }
}

/// Gives a file or folder its attributes.
fn set(path: &Path, attributes: &Attributes) -> Result<()> {
    let at = |e: std::io::Error| Error::from(e).at(path.display().to_string());
    let open = FsFile::open(path).map_err(at)?;
    let since = Duration::new(attributes.seconds.unsigned_abs(), 0);
    let whole = if attributes.seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(since)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(since)
    };
    let time = whole.and_then(|time| time.checked_add(Duration::from_nanos(attributes.nanos.into())));
    let time = time.ok_or_else(|| Error::corrupt("a time in the album is impossible"))?;
    open.set_modified(time).map_err(at)?;
    open.set_permissions(fs::Permissions::from_mode(attributes.mode & 0o7777)).map_err(at)
}
