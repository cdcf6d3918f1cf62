//! Frames in a git repository: a commit for each, whose tree holds the blob as `frame.bin`.
//!
//! The first commit holds what is common to all frames (`gvc.toml`, `.gitattributes`, sound), each further one adds a
//! frame. Author and date are fixed, so that the same frames have the same commit ids everywhere. A frame that looks as
//! an earlier one has that one's blob. Everything is written by one `git fast-import` and read through one
//! `git cat-file`; no process is started for a frame.

mod cat_file;
mod git;
mod import;
mod log;

use std::path::Path;
use std::sync::Arc;

use lab_codec::{Context, Digest};

use crate::error::{Error, Result};
use crate::frame::Picture;
use crate::header::Rules;
use crate::sequence::Decoder;

use cat_file::CatFile;
use git::Git;
pub use git::Missing;
pub use import::Import;
pub use log::Entry;

/// The file of a commit that holds the frame.
pub const FRAME_FILE: &str = "frame.bin";
/// The file of the first commit that says what is common to all frames.
pub const CLIP_FILE: &str = "gvc.toml";
/// Frames are not to be stored as differences from each other: git would find none, at great cost.
const ATTRIBUTES: &str = "frame.bin -delta -diff binary\n";

/// A repository of frames, open for reading.
pub struct Repository {
    git: Git,
    entries: Vec<Entry>,
    /// Files of the commits before the first frame: name and blob.
    files: Vec<(String, String)>,
    blobs: CatFile,
    decoder: Decoder,
}

impl Repository {
    /// Opens the frames of `branch`, or of the current branch; `missing` says what happens to frames that a partial
    /// clone lacks.
    ///
    /// # Errors
    /// [`Code::Git`](crate::error::Code::Git) where `directory` is no repository, the branch is missing, or it holds no frames.
    pub fn open(
        directory: &Path,
        branch: Option<&str>,
        missing: Missing,
        rules: Rules,
        cx: &Context,
    ) -> Result<Self> {
        let git = Git::new(directory).with(missing, cx)?;
        let revision = match branch {
            Some(branch) => format!("refs/heads/{branch}"),
            None => "HEAD".to_string(),
        };
        let (entries, files) = log::read(&git, &revision, cx)?;
        if entries.is_empty() {
            return Err(Error::git(format!("no commit of {revision} holds {FRAME_FILE}")));
        }
        let blobs = CatFile::start(&git, cx)?;
        Ok(Self { git, entries, files, blobs, decoder: Decoder::new(rules) })
    }

    /// The frames, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The file `name` of the commits before the first frame.
    ///
    /// # Errors
    /// [`Code::Git`](crate::error::Code::Git).
    pub fn file(&mut self, name: &str) -> Result<Option<Vec<u8>>> {
        match self.files.iter().find(|(found, _)| found == name) {
            Some((_, blob)) => self.blobs.blob(blob).map(Some),
            None => Ok(None),
        }
    }

    /// The blob of a frame.
    ///
    /// # Errors
    /// [`Code::Format`](crate::error::Code::Format) where there is no such frame, [`Code::Git`](crate::error::Code::Git).
    pub fn blob(&mut self, number: u32) -> Result<Vec<u8>> {
        let entry = entry(&self.entries, number)?;
        self.blobs.blob(&entry.blob)
    }

    /// The picture of a frame, decoding as few others as possible.
    ///
    /// # Errors
    /// As [`blob`](Self::blob), and those of damaged frames.
    pub fn picture(&mut self, number: u32) -> Result<Arc<Picture>> {
        let (entries, blobs) = (&self.entries, &mut self.blobs);
        self.decoder.picture(number, |number| Ok(Arc::new(blobs.blob(&entry(entries, number)?.blob)?)))
    }

    /// The picture of a frame, compared with the digest that its commit holds, where it holds one.
    ///
    /// # Errors
    /// As [`picture`](Self::picture); [`Code::Format`](crate::error::Code::Format) where the digest is another.
    pub fn verified(&mut self, number: u32) -> Result<Arc<Picture>> {
        let picture = self.picture(number)?;
        let wanted = entry(&self.entries, number)?.sha256;
        let found = Digest(sha256(picture.pixels()));
        match wanted {
            Some(wanted) if wanted != found => Err(Error::format(format!(
                "frame {number}: its pixels have the SHA-256 {found}, not {wanted}"
            ))),
            _ => Ok(picture),
        }
    }

    /// What was odd since the last call.
    pub fn warnings(&mut self) -> Vec<String> {
        self.decoder.warnings()
    }

    /// Whether git finds the repository in order: every object and what it points to.
    ///
    /// # Errors
    /// [`Code::Git`](crate::error::Code::Git) with what git said.
    pub fn check(&self, cx: &Context) -> Result<()> {
        self.git.ask(["fsck", "--strict", "--full", "--no-progress", "--no-dangling"], cx).map(|_| ())
    }
}

fn entry(entries: &[Entry], number: u32) -> Result<&Entry> {
    entries
        .get(number as usize)
        .ok_or_else(|| Error::format(format!("no frame {number}; there are {}", entries.len())))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).into()
}
