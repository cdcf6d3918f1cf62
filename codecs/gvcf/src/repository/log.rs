//! Commit messages of frames: written by an import, read by one `git log`.

use std::collections::HashMap;

use lab_codec::{Context, Digest};

use super::FRAME_FILE;
use super::git::Git;
use crate::error::{Error, Result};
use crate::sequence::{Coded, Content};

/// A frame's description in its commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The commit's id.
    pub commit: String,
    /// The blob's id.
    pub blob: String,
    /// The commit's first line.
    pub subject: String,
    /// SHA-256 of the pixels.
    pub sha256: Option<Digest>,
    /// The key frame that decoding begins with.
    pub key: Option<u32>,
    /// The frame that this one refers to.
    pub reference: Option<u32>,
    /// The presentation time, in units of the clip's time base.
    pub time: Option<i64>,
}

/// The subject's word for a frame with a reference.
const DELTA: &str = "delta";
const KEY: &str = "Key-Frame";
const REFERENCE: &str = "Reference";
const SHA256: &str = "Pixels-SHA256";
const TIME: &str = "PTS";

/// The message of a frame's commit; `last` is the last frame before it that has a blob of its own. What
/// follows from the frames before is not said: commits are most of what a recording of a screen takes.
pub(super) fn message(coded: &Coded, last: Option<u32>, time: Option<i64>) -> String {
    let (word, bytes, own) = match &coded.content {
        Content::Blob(_, blob) if coded.reference.is_some() => (DELTA, blob.len(), true),
        Content::Blob(_, blob) => ("raw", blob.len(), true),
        Content::Same(_) => ("same", 0, false),
    };
    let mut text = format!("Frame {:06} ({word}, {bytes} bytes)\n\n", coded.number);
    let mut trailer = |name: &str, value: Option<String>| {
        text.extend(value.into_iter().flat_map(|value| [name, ": ", &value, "\n"].map(str::to_string)));
    };
    // The default reference of a delta is the last frame with a blob; only others are written.
    let reference = coded.reference.filter(|reference| own && last != Some(*reference));
    trailer(KEY, reference.map(|_| coded.key.to_string()));
    trailer(REFERENCE, reference.map(|number| number.to_string()));
    // Frames that share a blob share its digest, so it is written once.
    trailer(SHA256, own.then(|| Digest(coded.sha256).to_string()));
    trailer(TIME, time.map(|time| time.to_string()));
    text
}

/// Files beside the frames: name and blob.
pub(super) type Files = Vec<(String, String)>;

/// The commits of a branch.
#[derive(Default)]
pub(super) struct Log {
    /// The frames, oldest first.
    pub entries: Vec<Entry>,
    /// The files of the commits before the first frame.
    pub files: Files,
    /// Id and subject of commits behind the first frame that are no frames: somebody else's work.
    pub others: Vec<(String, String)>,
}

/// Whether a commit that changes no frame file says that it repeats a frame.
fn repeats(message: &str) -> bool {
    let number = message.get(..6).filter(|word| word.eq_ignore_ascii_case("frame "));
    number.is_some() && message[6..].starts_with(|c: char| c.is_ascii_digit())
}

/// Reads the commits of `revision`.
///
/// # Errors
/// [`Code::Git`](crate::error::Code::Git).
pub(super) fn read(git: &Git, revision: &str, cx: &Context) -> Result<Log> {
    // Each commit: \x01, id, message, \x02, then a line for each changed file. git reads no blob for this.
    let answer = git.ask(
        [
            "log",
            "--first-parent",
            "--reverse",
            "--root",
            "--raw",
            "--no-abbrev",
            "--no-renames",
            "-m",
            "--no-show-signature",
            "--no-ext-diff",
            "--no-textconv",
            "--no-color",
            "--no-notes",
            "--format=%x01%H%n%B%x02",
            "--end-of-options",
            revision,
            "--",
        ],
        cx,
    )?;
    let text = String::from_utf8_lossy(&answer);
    let Log { mut entries, mut files, mut others } = Log::default();
    let mut blob = None;
    // The last frame of each blob, and the last frame with a blob of its own.
    let (mut known, mut last) = (HashMap::new(), None);
    for commit in text.split('\x01').skip(1) {
        let (commit, rest) =
            commit.split_once('\n').ok_or_else(|| Error::git("the output of git log is truncated"))?;
        let (message, changes) =
            rest.split_once('\x02').ok_or_else(|| Error::git("the output of git log is truncated"))?;
        let mut own = false;
        for line in changes.lines().filter(|line| line.starts_with(':')) {
            let Some((fields, name)) = line.split_once('\t') else { continue };
            let new = fields.split(' ').nth(3).unwrap_or_default();
            if name == FRAME_FILE {
                own = true;
                blob = Some(new.to_string()).filter(|id| id.bytes().any(|digit| digit != b'0'));
            } else if blob.is_none() {
                files.retain(|(known, _)| known != name);
                files.push((name.to_string(), new.to_string()));
            }
        }
        if let Some(blob) = &blob {
            if !own && !repeats(message) {
                let subject = message.lines().next().unwrap_or_default();
                others.push((commit.to_string(), subject.to_string()));
                continue;
            }
            let mut entry = entry(commit, blob, message);
            match known.insert(blob.clone(), entries.len()).and_then(|number| entries.get(number)) {
                Some(same) => {
                    entry.sha256 = entry.sha256.or(same.sha256);
                    (entry.key, entry.reference) = (same.key, same.reference);
                }
                None => {
                    if entry.reference.is_none() && entry.subject.contains(DELTA) {
                        entry.reference = last;
                    }
                    let before = entry.reference.and_then(|number| entries.get(number as usize));
                    let key = before.and_then(|before| before.key).or(entry.reference);
                    entry.key = entry.key.or(key);
                    last = u32::try_from(entries.len()).ok();
                }
            }
            entries.push(entry);
        }
    }
    Ok(Log { entries, files, others })
}

fn entry(commit: &str, blob: &str, message: &str) -> Entry {
    let value = |name: &str| {
        let line = message.lines().rev().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.map(str::trim)
    };
    Entry {
        commit: commit.to_string(),
        blob: blob.to_string(),
        subject: message.lines().next().unwrap_or_default().to_string(),
        sha256: value(SHA256).and_then(Digest::from_hex),
        key: value(KEY).and_then(|number| number.parse().ok()),
        reference: value(REFERENCE).and_then(|number| number.parse().ok()),
        time: value(TIME).and_then(|time| time.parse().ok()),
    }
}
