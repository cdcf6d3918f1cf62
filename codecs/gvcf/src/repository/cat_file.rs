//! Reads blobs by id through one `git cat-file --batch` process per open repository.

use lab_codec::{Context, ErrorKind};
use lab_process::{Child, Pieces, Pipes, Waited};

use super::git::{Git, failure};
use crate::error::{Code, Error, Result};
use crate::header::{MAX_COMPRESSED, PREFIX};

/// Maximum size of a blob, in bytes: a frame or a sound.
const MAX_BLOB: u64 = 4 * (MAX_COMPRESSED as u64 + PREFIX as u64);
/// Maximum length of the line before a blob, in bytes.
const MAX_LINE: usize = 4096;

/// A running `git cat-file`.
pub(super) struct CatFile {
    child: Child,
    git: Git,
    cx: Context,
    /// Bytes of git's answer that are not consumed yet.
    answer: Vec<u8>,
}

impl CatFile {
    /// Starts the process.
    ///
    /// # Errors
    /// [`Code::Git`].
    pub(super) fn start(git: &Git, cx: &Context) -> Result<Self> {
        let pipes = Pipes { input: true, output: Some(Pieces::Any) };
        let child = git.start(["cat-file", "--batch"], pipes)?;
        Ok(Self { child, git: git.clone(), cx: cx.clone(), answer: Vec::new() })
    }

    /// The bytes of a blob.
    ///
    /// # Errors
    /// [`Code::Git`] if the blob is missing or git fails; with the kind
    /// [`MissingResource`](ErrorKind::MissingResource) if a partial clone lacks it.
    pub(super) fn blob(&mut self, id: &str) -> Result<Vec<u8>> {
        self.request(id)?;
        let line = loop {
            match self.answer.iter().position(|byte| *byte == b'\n') {
                Some(end) => break self.take(end + 1),
                None if self.answer.len() > MAX_LINE => {
                    return Err(Error::git("git cat-file wrote an answer without a line break"));
                }
                None => self.more()?,
            }
        };
        let line = String::from_utf8_lossy(&line);
        let mut fields = line.split_whitespace().skip(1);
        let length = match (fields.next(), fields.next().and_then(|size| size.parse::<u64>().ok())) {
            (Some("blob"), Some(length)) if length <= MAX_BLOB => length as usize,
            (Some("blob"), Some(length)) => {
                return Err(Error::memory(format!("the blob {id} has {length} bytes")));
            }
            (Some("missing"), _) if self.git.is_partial(&self.cx)? => {
                let text = format!("this partial clone lacks the blob {id}");
                return Err(Error::new(Code::Git, ErrorKind::MissingResource, text));
            }
            _ => return Err(Error::git(format!("git cannot find the blob {id}: {:?}", line.trim_end()))),
        };
        // git writes a line break after the blob.
        while self.answer.len() <= length {
            self.more()?;
        }
        let mut blob = self.take(length + 1);
        match blob.pop() {
            Some(b'\n') => Ok(blob),
            _ => Err(Error::git(format!("the blob {id} is truncated"))),
        }
    }

    fn request(&mut self, id: &str) -> Result<()> {
        match self.child.wait(true, &self.cx).map_err(failure)? {
            Waited::Empty(mut buffer) => {
                buffer.clear();
                buffer.extend_from_slice(id.as_bytes());
                buffer.push(b'\n');
                self.child.send(buffer);
                Ok(())
            }
            Waited::Piece(_) => Err(Error::git("git cat-file wrote an answer without a request")),
            Waited::End => Err(self.died()),
        }
    }

    /// Reads more of the answer.
    fn more(&mut self) -> Result<()> {
        match self.child.wait(false, &self.cx).map_err(failure)? {
            Waited::Piece(piece) => {
                self.answer.extend_from_slice(&piece);
                self.child.recycle(piece);
                Ok(())
            }
            _ => Err(self.died()),
        }
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let rest = self.answer.split_off(count);
        std::mem::replace(&mut self.answer, rest)
    }

    fn died(&mut self) -> Error {
        let why = self.child.broken("cat-file has ended");
        Error::git(format!("{}; run `git fsck` to check the repository", why.message()))
    }
}
