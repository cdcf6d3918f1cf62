//! Writes commits through one `git fast-import`. The branch appears only when the import is finished.

use std::collections::HashMap;
use std::path::Path;

use lab_codec::{Context, ErrorKind};
use lab_process::{Child, Pipes, Waited};

use super::git::{Git, failure};
use super::{ATTRIBUTES, FRAME_FILE, log};
use crate::error::{Code, Error, Result};
use crate::sequence::{Coded, Content};

/// A constant committer and date, so that commit ids depend only on the content.
const COMMITTER: &str = "committer gvc <gvc@localhost> 946684800 +0000\n";

/// Size of the command buffer in bytes; it is sent when full.
const BUFFER: usize = 1 << 20;

/// A running import into one branch.
pub struct Import {
    child: Child,
    /// Buffered commands.
    commands: Vec<u8>,
    cx: Context,
    branch: String,
    marks: u64,
    /// The mark of each frame's blob, by frame number.
    blobs: HashMap<u32, u64>,
    /// The last frame with a blob of its own.
    last: Option<u32>,
}

impl Import {
    /// Begins a branch in the repository `directory`, which is made where it does not exist. `files` are
    /// common to all frames.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if the branch exists and `replace` is not given, or its name is invalid;
    /// [`Code::Git`] for what git refuses.
    pub fn begin(
        directory: &Path,
        branch: &str,
        files: &[(&str, &[u8])],
        replace: bool,
        cx: &Context,
    ) -> Result<Self> {
        let git = Git::new(directory);
        let reference = format!("refs/heads/{branch}");
        // git checks the branch name. The prefix refs/heads/ keeps a leading dash from being an option.
        let here = Git::new("/");
        if !here.says(["check-ref-format", &reference], cx)? {
            let text = format!("{branch:?} is not a branch name");
            return Err(Error::new(Code::Git, ErrorKind::Usage, text));
        }
        let new = match std::fs::read_dir(directory) {
            Ok(mut entries) => entries.next().is_none(),
            Err(_) => true,
        };
        if new {
            std::fs::create_dir_all(directory)
                .map_err(|e| Error::from(e).at(directory.display().to_string()))?;
            let head = format!("--initial-branch={branch}");
            git.ask(["init", "--quiet", "--bare", "--template=", &head], cx)?;
            // Allow partial clones, which fetch only the blobs of requested frames.
            std::fs::create_dir_all(directory.join("info"))?;
            std::fs::write(directory.join("info/attributes"), ATTRIBUTES)?;
            for name in ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"] {
                git.ask(["config", name, "true"], cx)?;
            }
        } else if !replace && git.says(["rev-parse", "--verify", "--quiet", &reference], cx)? {
            let text = format!(
                "{} has a branch {branch}; use --force to replace it, or another --branch",
                directory.display()
            );
            return Err(Error::new(Code::Git, ErrorKind::Usage, text));
        }
        // Deltas shrink commits and trees, which resemble the previous ones. Frames never do.
        let fast_import = ["fast-import", "--quiet", "--done", "--depth=10", "--force"];
        let words = ["-c", "fastimport.unpackLimit=1"].into_iter().chain(fast_import);
        let child = git.start(words, Pipes { input: true, output: None })?;
        let mut import = Self {
            child,
            commands: Vec::with_capacity(BUFFER),
            cx: cx.clone(),
            branch: reference,
            marks: 0,
            blobs: HashMap::new(),
            last: None,
        };
        let mut all = vec![(".gitattributes", ATTRIBUTES.as_bytes())];
        all.extend_from_slice(files);
        let mut marked = Vec::new();
        for (name, bytes) in all {
            marked.push((name, import.blob(bytes)?));
        }
        import.commit("Clip\n", &marked, false)?;
        Ok(import)
    }

    /// Adds a frame with the presentation time `time`, in units of the clip's time base.
    ///
    /// # Errors
    /// [`Code::Git`] if git fails.
    pub fn frame(&mut self, coded: &Coded, time: Option<i64>) -> Result<()> {
        let mark = match &coded.content {
            Content::Blob(_, blob) => self.blob(blob)?,
            Content::Same(number) => *self
                .blobs
                .get(number)
                .ok_or_else(|| Error::git(format!("frame {number} is not in this branch")))?,
        };
        self.blobs.insert(coded.number, mark);
        let message = log::message(coded, self.last, time);
        // The first frame's commit removes the common files from the tree.
        let alone = self.last.is_none();
        if let Content::Blob(..) = coded.content {
            self.last = Some(coded.number);
        }
        self.commit(&message, &[(FRAME_FILE, mark)], alone)
    }

    fn blob(&mut self, bytes: &[u8]) -> Result<u64> {
        self.marks += 1;
        self.say(&[format!("blob\nmark :{}\ndata {}\n", self.marks, bytes.len()).as_bytes(), bytes, b"\n"])?;
        Ok(self.marks)
    }

    fn commit(&mut self, message: &str, files: &[(&str, u64)], alone: bool) -> Result<()> {
        let head = format!("commit {}\n{COMMITTER}data {}\n{message}", self.branch, message.len());
        self.say(&[head.as_bytes(), if alone { b"deleteall\n" } else { b"" }])?;
        for (name, mark) in files {
            self.say(&[format!("M 100644 :{mark} {name}\n").as_bytes()])?;
        }
        self.say(&[b"\n"])
    }

    fn say(&mut self, parts: &[&[u8]]) -> Result<()> {
        for part in parts {
            self.commands.extend_from_slice(part);
        }
        if self.commands.len() >= BUFFER { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<()> {
        match self.child.wait(true, &self.cx).map_err(failure)? {
            Waited::Empty(mut buffer) => {
                buffer.clear();
                std::mem::swap(&mut buffer, &mut self.commands);
                self.child.send(buffer);
                Ok(())
            }
            // If git has failed, its standard error has the reason.
            _ => {
                self.child.finish(&self.cx).map_err(failure)?;
                Err(failure(self.child.broken("fast-import has ended early; is the disk full?")))
            }
        }
    }

    /// Finishes the import and creates the branch.
    ///
    /// # Errors
    /// [`Code::Git`] with the end of git's standard error.
    pub fn finish(mut self) -> Result<()> {
        self.say(&[b"done\n"])?;
        self.send()?;
        self.child.finish(&self.cx).map_err(|e| failure(e).at("fast-import"))
    }
}
