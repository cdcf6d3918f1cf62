//! A partial download: `.NAME.part`, which a later run resumes, and `.NAME.part.json`, which records its
//! origin.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use lab_codec::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use lab_stream::output::{self, Output};

/// Origin of a partial download.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    /// The address.
    pub url: String,
    /// Strong ETag or Last-Modified of the server, if sent.
    pub validator: Option<String>,
}

/// A partial download, locked against other processes.
pub(super) struct Part {
    path: PathBuf,
    file: File,
    length: u64,
    origin: Origin,
    continued: bool,
    keep: bool,
}

impl Part {
    /// Opens the partial download `name` in `directory`.
    ///
    /// # Errors
    /// [`Usage`](ErrorKind::Usage) if another process is fetching it; I/O errors.
    pub(super) fn open(directory: &Path, name: &str) -> Result<Self> {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
        let name: String = name.chars().take(100).map(plain).collect();
        let path = directory.join(format!(".{name}.part"));
        let file = output::lock(&path, &path)?;
        let length = file.metadata()?.len();
        let mut part = Self { path, file, length, origin: Origin::default(), continued: false, keep: true };
        match part.read_origin() {
            Some(origin) => part.origin = origin,
            // Bytes of unknown origin cannot be resumed.
            None => part.clear()?,
        }
        Ok(part)
    }

    fn read_origin(&self) -> Option<Origin> {
        let mut text = String::new();
        File::open(self.origin_path()).ok()?.take(1 << 16).read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok()
    }

    fn origin_path(&self) -> PathBuf {
        self.path.with_extension("part.json")
    }

    /// Number of bytes so far.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Origin of the bytes.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether the bytes came from more than one answer.
    pub(super) fn was_continued(&self) -> bool {
        self.continued
    }

    /// The file with the bytes so far.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Discards the bytes so far.
    ///
    /// # Errors
    /// I/O errors.
    pub(super) fn clear(&mut self) -> Result<()> {
        self.file.set_len(0)?;
        (self.length, self.continued) = (0, false);
        Ok(())
    }

    /// Discards the bytes so far; bytes of `origin` will follow.
    ///
    /// # Errors
    /// I/O errors.
    pub(super) fn begin(&mut self, origin: Origin) -> Result<()> {
        self.clear()?;
        let text = serde_json::to_vec(&origin)
            .map_err(|e| Error::new(ErrorKind::Io, format!("cannot write JSON: {e}")))?;
        let mut output = Output::open(&self.origin_path(), true)?;
        output.sink()?.write_all(&text)?;
        output.commit()?;
        self.origin = origin;
        Ok(())
    }

    /// Marks that the following bytes come from another answer than the bytes so far.
    ///
    /// # Errors
    /// I/O errors.
    pub(super) fn go_on(&mut self) -> Result<()> {
        self.continued = true;
        self.file.seek(SeekFrom::Start(self.length))?;
        Ok(())
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// I/O errors.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        if self.length == 0 {
            self.file.seek(SeekFrom::Start(0))?;
        }
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Removes the partial download and its record.
    pub(super) fn finish(mut self) {
        self.keep = false;
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.keep || self.length == 0 {
            // A failed removal is ignored: the next fetch takes the files over.
            let _ = fs::remove_file(self.origin_path());
            let _ = fs::remove_file(&self.path);
        }
    }
}
