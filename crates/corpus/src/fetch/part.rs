//! A download under way: `.NAME.part`, which a later run goes on with, and `.NAME.part.json`, which says what it is a
//! part of.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use lab_codec::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use lab_stream::output::{self, Output};

/// What the bytes so far are the beginning of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The address.
    pub url: String,
    /// The server's strong ETag or Last-Modified, where it sent one.
    pub validator: Option<String>,
}

/// The bytes of a download so far, locked against other processes.
pub struct Part {
    path: PathBuf,
    file: File,
    length: u64,
    origin: Origin,
    continued: bool,
    keep: bool,
}

impl Part {
    /// The part of the download `name` in `directory`, if any.
    ///
    /// # Errors
    /// [`Usage`](ErrorKind::Usage), where another process is at it; I/O errors.
    pub fn open(directory: &Path, name: &str) -> Result<Self> {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
        let name: String = name.chars().take(100).map(plain).collect();
        let path = directory.join(format!(".{name}.part"));
        let file = output::lock(&path, &path)?;
        let length = file.metadata()?.len();
        let mut part = Self { path, file, length, origin: Origin::default(), continued: false, keep: true };
        match part.read_origin() {
            Some(origin) => part.origin = origin,
            // Bytes of unknown origin are of no use.
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

    /// Bytes so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// What they are the beginning of.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether the bytes came in more than one answer.
    pub fn was_continued(&self) -> bool {
        self.continued
    }

    /// The bytes.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Forgets the bytes so far.
    ///
    /// # Errors
    /// I/O errors.
    pub fn clear(&mut self) -> Result<()> {
        self.file.set_len(0)?;
        (self.length, self.continued) = (0, false);
        Ok(())
    }

    /// Forgets the bytes so far; those of `origin` will follow.
    ///
    /// # Errors
    /// I/O errors.
    pub fn begin(&mut self, origin: Origin) -> Result<()> {
        self.clear()?;
        let text = serde_json::to_vec(&origin)
            .map_err(|e| Error::new(ErrorKind::Io, format!("cannot write JSON: {e}")))?;
        let mut output = Output::open(&self.origin_path(), true)?;
        output.sink()?.write_all(&text)?;
        output.commit()?;
        self.origin = origin;
        Ok(())
    }

    /// Says that what is appended from now on comes in another answer than what is there.
    ///
    /// # Errors
    /// I/O errors.
    pub fn go_on(&mut self) -> Result<()> {
        self.continued = true;
        self.file.seek(SeekFrom::Start(self.length))?;
        Ok(())
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// I/O errors.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        if self.length == 0 {
            self.file.seek(SeekFrom::Start(0))?;
        }
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// The download is used up: nothing of it stays.
    pub fn finish(mut self) {
        self.keep = false;
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.keep || self.length == 0 {
            // What cannot be removed is taken over by the next fetch.
            let _ = fs::remove_file(self.origin_path());
            let _ = fs::remove_file(&self.path);
        }
    }
}
