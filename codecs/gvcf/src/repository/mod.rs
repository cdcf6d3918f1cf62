//! Frames in a git repository: one commit per frame, whose tree holds the blob as `frame.bin`.
//!
//! The first commit holds the common files (`gvc.toml`, `.gitattributes`, sound); each further commit adds a
//! frame. Author and date are fixed, so that the same frames have the same commit ids everywhere. Equal
//! frames share a blob. One `git fast-import` writes everything and one `git cat-file` reads blobs, since a
//! process per frame would be slow.

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

/// Name of the frame's file in a commit.
pub const FRAME_FILE: &str = "frame.bin";
/// Name of the file that describes the clip, in the first commit.
pub const CLIP_FILE: &str = "gvc.toml";
/// Forbids git to store frames as differences: it would search long and find none.
const ATTRIBUTES: &str = "frame.bin -delta -diff binary\n";

/// A repository of frames, open for reading.
pub struct Repository {
    git: Git,
    entries: Vec<Entry>,
    /// Files of the commits before the first frame: name and blob.
    files: Vec<(String, String)>,
    /// Id and subject of commits that are no frames.
    others: Vec<(String, String)>,
    blobs: CatFile,
    decoder: Decoder,
}

impl Repository {
    /// Opens the frames of `branch`, or of the current branch; `missing` says what happens to frames that a
    /// partial clone lacks.
    ///
    /// # Errors
    /// [`Code::Git`](crate::error::Code::Git) where `directory` is no repository, the branch is missing, or
    /// it holds no frames.
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
        if git.is_shallow(cx)? {
            return Err(Error::git(
                "a shallow clone lacks the first frames; `git fetch --unshallow` gets them",
            ));
        }
        let log::Log { entries, files, others } = log::read(&git, &revision, cx)?;
        if entries.is_empty() {
            return Err(Error::git(format!("no commit of {revision} holds {FRAME_FILE}")));
        }
        let blobs = CatFile::start(&git, cx)?;
        Ok(Self { git, entries, files, others, blobs, decoder: Decoder::new(rules) })
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
    /// [`Code::Format`](crate::error::Code::Format) where there is no such frame,
    /// [`Code::Git`](crate::error::Code::Git).
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
    /// As [`picture`](Self::picture); [`Code::Format`](crate::error::Code::Format) where the digest is
    /// another.
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

    /// Warnings since the last call, the first time also about commits that are no frames.
    pub fn warnings(&mut self) -> Vec<String> {
        let others = self.others.drain(..).map(|(commit, subject)| {
            let id = commit.get(..10).unwrap_or(&commit);
            format!("commit {id} is not a frame and is left out: {}", lab_codec::text::visible(&subject))
        });
        others.chain(self.decoder.warnings()).collect()
    }

    /// Checks every object and its links with `git fsck`.
    ///
    /// # Errors
    /// [`Code::Git`](crate::error::Code::Git) with git's message.
    pub fn check(&self, cx: &Context) -> Result<()> {
        self.git.ask(["fsck", "--strict", "--full", "--no-progress", "--no-dangling"], cx).map(|_| ())
    }
}

fn entry(entries: &[Entry], number: u32) -> Result<&Entry> {
    entries.get(number as usize).ok_or_else(|| {
        Error::format(format!("frame {number} does not exist; the clip has {} frames", entries.len()))
    })
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).into()
}
