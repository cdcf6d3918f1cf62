//! Blobs by id, from one `git cat-file --batch` that lives as long as the repository is open.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use lab_process::Group;

use super::{Git, failure};
use crate::error::{Error, Result};
use crate::header::{MAX_COMPRESSED, PREFIX};

/// The largest blob that is read: a frame with a little behind it, or a sound.
const LARGEST: u64 = 4 * (MAX_COMPRESSED as u64 + PREFIX as u64);

/// A running `git cat-file`.
pub struct CatFile {
    _group: Group,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl CatFile {
    /// Starts it.
    ///
    /// # Errors
    /// [`Code::Git`](crate::error::Code::Git).
    pub fn start(git: &Git) -> Result<Self> {
        let words = git.words(["cat-file", "--batch"]);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut group = Group::spawn(&mut command).map_err(failure)?;
        match (group.stdin(), group.stdout()) {
            (Some(requests), Some(answers)) => {
                Ok(Self { _group: group, requests, answers: BufReader::with_capacity(1 << 16, answers) })
            }
            _ => Err(Error::git("git cat-file has no pipes")),
        }
    }

    /// The bytes of a blob.
    ///
    /// # Errors
    /// [`Code::Git`](crate::error::Code::Git) where there is none, or git fails.
    pub fn blob(&mut self, id: &str) -> Result<Vec<u8>> {
        let died =
            |_| Error::git("git cat-file has ended; `git fsck` tells what is wrong with the repository");
        self.requests.write_all(format!("{id}\n").as_bytes()).map_err(died)?;
        self.requests.flush().map_err(died)?;
        let mut line = String::new();
        self.answers.by_ref().take(4096).read_line(&mut line).map_err(died)?;
        let mut fields = line.split_whitespace().skip(1);
        let length: u64 = match (fields.next(), fields.next().and_then(|size| size.parse().ok())) {
            (Some("blob"), Some(length)) if length <= LARGEST => length,
            (Some("blob"), Some(length)) => {
                return Err(Error::memory(format!("the blob {id} has {length} bytes")));
            }
            (None, _) if line.is_empty() => return Err(died(std::io::ErrorKind::UnexpectedEof.into())),
            _ => return Err(Error::git(format!("git has no blob {id}: it says {:?}", line.trim_end()))),
        };
        let mut blob = Vec::new();
        self.answers.by_ref().take(length + 1).read_to_end(&mut blob).map_err(died)?;
        if blob.len() as u64 != length + 1 || blob.pop() != Some(b'\n') {
            return Err(Error::git(format!("the blob {id} is cut")));
        }
        Ok(blob)
    }
}
