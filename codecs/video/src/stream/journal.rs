//! The journal of a resumable encode: a directory with the finished segments and a list of them.
//!
//! A resumed encode draws the stream again, which costs little beside the encoder. The digests of the
//! finished segments' content are compared, so that a changed input is detected.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use lab_codec::{Context, Digest, Error, Result};
use lab_media::ffmpeg::{self, EncodeOptions};
use serde::{Deserialize, Serialize};

/// File name of the list.
const LIST: &str = "journal.jsonl";

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Settings { settings: String },
    Segment { content: String, bytes: u64 },
}

/// A directory of finished segments.
pub(super) struct Journal {
    directory: PathBuf,
    list: File,
    /// Digests of the finished segments' content, in hexadecimal.
    finished: Vec<String>,
    /// The number of the current segment.
    current: usize,
}

/// The work that the next segment needs.
pub(super) enum Next {
    /// None: it is finished.
    Finished,
    /// Encode it into this file.
    At(PathBuf),
}

impl Journal {
    /// Opens or starts the journal in `directory` for an encode with `settings`.
    ///
    /// # Errors
    /// [`Usage`](lab_codec::ErrorKind::Usage) where the journal belongs to other settings; I/O errors.
    pub(super) fn open(directory: &Path, settings: &str) -> Result<Self> {
        fs::create_dir_all(directory)?;
        let path = directory.join(LIST);
        let text = if path.exists() { fs::read_to_string(&path)? } else { String::new() };
        let mut finished = Vec::new();
        let mut kept = String::new();
        for (number, line) in text.lines().enumerate() {
            match serde_json::from_str(line) {
                Ok(Line::Settings { settings: previous }) if number == 0 && previous == settings => {}
                Ok(Line::Segment { content, bytes })
                    if number > 0
                        && fs::metadata(segment(directory, number - 1)).is_ok_and(|m| m.len() == bytes) =>
                {
                    finished.push(content);
                }
                _ if number == 0 => {
                    return Err(Error::usage(format!(
                        "{} belongs to an encode with other settings; use those, or remove it to start over",
                        directory.display()
                    )));
                }
                // An interrupted line or a missing segment: it and everything after it are made again.
                _ => break,
            }
            kept.push_str(line);
            kept.push('\n');
        }
        fs::write(&path, &kept)?;
        let list = OpenOptions::new().append(true).open(&path)?;
        let mut journal = Self { directory: directory.to_path_buf(), list, finished, current: 0 };
        if kept.is_empty() {
            journal.append(&Line::Settings { settings: settings.to_string() })?;
        }
        Ok(journal)
    }

    /// Number of segments that were finished when the journal was opened.
    #[cfg(test)]
    pub(super) fn finished(&self) -> usize {
        self.finished.len()
    }

    fn append(&mut self, line: &Line) -> Result<()> {
        let mut text = serde_json::to_string(line).map_err(std::io::Error::other)?;
        text.push('\n');
        self.list.write_all(text.as_bytes())?;
        Ok(self.list.sync_data()?)
    }

    /// The work that the current segment needs.
    pub(super) fn next(&self) -> Next {
        if self.current < self.finished.len() {
            Next::Finished
        } else {
            Next::At(segment(&self.directory, self.current))
        }
    }

    /// Records the current segment as finished, made of `content`. The segment is synced before the list, so
    /// that the list never names a file that a crash could lose.
    pub(super) fn record_finished(&mut self, content: Digest) -> Result<()> {
        let file = File::open(segment(&self.directory, self.current))?;
        file.sync_all()?;
        let bytes = file.metadata()?.len();
        self.current += 1;
        self.append(&Line::Segment { content: content.to_string(), bytes })
    }

    /// Compares the current, finished segment with the `content` it would be made of now.
    pub(super) fn compare(&mut self, content: Digest) -> Result<()> {
        if self.finished.get(self.current) != Some(&content.to_string()) {
            return Err(Error::usage(format!(
                "the input differs from that of the interrupted encode; remove {} to start over",
                self.directory.display()
            )));
        }
        self.current += 1;
        Ok(())
    }

    /// Joins the segments in the file `output` and removes the journal.
    pub(super) fn join(self, output: &Path, options: &EncodeOptions, cx: &Context) -> Result<()> {
        let names: Vec<_> = (0..self.current).map(|number| segment(Path::new(""), number)).collect();
        ffmpeg::join(&self.directory, &names, output, options, cx)?;
        Ok(fs::remove_dir_all(&self.directory)?)
    }
}

fn segment(directory: &Path, number: usize) -> PathBuf {
    directory.join(format!("{number:06}.mp4"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_line_and_a_missing_segment_are_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path(), "fast").unwrap();
        for number in 0..3u8 {
            let Next::At(path) = journal.next() else { panic!("nothing is finished") };
            fs::write(path, vec![0; 10 + usize::from(number)]).unwrap();
            journal.record_finished(Digest([number; 32])).unwrap();
        }
        drop(journal);
        assert!(Journal::open(dir.path(), "slow").is_err());
        let mut journal = Journal::open(dir.path(), "fast").unwrap();
        assert_eq!(journal.finished(), 3);
        journal.compare(Digest([0; 32])).unwrap();
        assert!(journal.compare(Digest([7; 32])).is_err());
        let list = dir.path().join(LIST);
        let text = fs::read_to_string(&list).unwrap();
        fs::write(&list, &text[..text.len() - 5]).unwrap();
        assert_eq!(Journal::open(dir.path(), "fast").unwrap().finished(), 2);
        fs::write(segment(dir.path(), 0), b"short").unwrap();
        assert_eq!(Journal::open(dir.path(), "fast").unwrap().finished(), 0);
    }
}
