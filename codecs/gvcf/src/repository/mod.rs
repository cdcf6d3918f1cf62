//! Frames in a git repository: a commit for each, whose tree holds the blob as `frame.bin`.
//!
//! The first commit holds what is common to all frames (`gvc.toml`, `.gitattributes`, sound), each further one adds a
//! frame. Author and date are fixed, so that the same frames have the same commit ids everywhere. A frame that looks as
//! an earlier one has that one's blob. Everything is written by one `git fast-import` and read through one
//! `git cat-file`; no process is started for a frame.

mod cat_file;
mod import;
mod log;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lab_codec::{Context, Digest, ErrorKind};
use lab_process::{Job, run};

use crate::error::{Code, Error, Result};
use crate::frame::Picture;
use crate::header::Rules;
use crate::sequence::Decoder;

use cat_file::CatFile;
pub use import::Import;
pub use log::Entry;

/// The file of a commit that holds the frame.
pub const FRAME_FILE: &str = "frame.bin";
/// The file of the first commit that says what is common to all frames.
pub const CLIP_FILE: &str = "gvc.toml";
/// Frames are not to be stored as differences from each other: git would find none, at great cost.
const ATTRIBUTES: &str = "frame.bin -delta -diff binary\n";

/// How long git may take to answer anything but a request for a blob.
const PATIENCE: Duration = Duration::from_secs(600);
/// Bytes that git may answer.
const ANSWER: usize = 1 << 30;

/// git at work on one repository.
#[derive(Debug, Clone)]
struct Git {
    directory: PathBuf,
}

impl Git {
    fn words<I: IntoIterator<Item: AsRef<OsStr>>>(&self, words: I) -> Vec<OsString> {
        let mut all: Vec<OsString> = ["git", "-C"].map(OsString::from).to_vec();
        all.push(self.directory.clone().into_os_string());
        all.extend(words.into_iter().map(|word| word.as_ref().to_os_string()));
        all
    }

    /// Runs git with these words and returns what it said.
    fn ask<I: IntoIterator<Item: AsRef<OsStr>>>(&self, words: I, cx: &Context) -> Result<Vec<u8>> {
        let argv = self.words(words);
        let job = Job { argv: &argv, input: &[], output_limit: ANSWER, output_file: None, timeout: PATIENCE };
        let mut answer = Vec::new();
        run(&job, &mut answer, cx).map_err(failure)?;
        Ok(answer)
    }
}

/// An error of git's, with the command that installs it where it is missing.
fn failure(error: lab_codec::Error) -> Error {
    match error.kind() {
        ErrorKind::MissingTool => Error::new(
            Code::Git,
            ErrorKind::MissingTool,
            "git is not installed (`apt-get install git` or `brew install git` does it)",
        ),
        ErrorKind::Tool => Error::new(Code::Git, ErrorKind::Tool, error.to_string()),
        _ => error.into(),
    }
}

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
    /// Opens the frames of `branch`, or of the current branch.
    ///
    /// # Errors
    /// [`Code::Git`] where `directory` is no repository, the branch is missing, or it holds no frames.
    pub fn open(directory: &Path, branch: Option<&str>, rules: Rules, cx: &Context) -> Result<Self> {
        let git = Git { directory: directory.to_path_buf() };
        let revision = match branch {
            Some(branch) => format!("refs/heads/{branch}"),
            None => "HEAD".to_string(),
        };
        let (entries, files) = log::read(&git, &revision, cx)?;
        if entries.is_empty() {
            return Err(Error::git(format!("no commit of {revision} holds {FRAME_FILE}")));
        }
        let blobs = CatFile::start(&git)?;
        Ok(Self { git, entries, files, blobs, decoder: Decoder::new(rules) })
    }

    /// The frames, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The file `name` of the commits before the first frame.
    ///
    /// # Errors
    /// [`Code::Git`].
    pub fn file(&mut self, name: &str) -> Result<Option<Vec<u8>>> {
        match self.files.iter().find(|(found, _)| found == name) {
            Some((_, blob)) => self.blobs.blob(blob).map(Some),
            None => Ok(None),
        }
    }

    /// The blob of a frame.
    ///
    /// # Errors
    /// [`Code::Format`] where there is no such frame, [`Code::Git`].
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
    /// As [`picture`](Self::picture); [`Code::Format`] where the digest is another.
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
    /// [`Code::Git`] with what git said.
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
