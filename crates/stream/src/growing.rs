//! Reads a stream's file while another process still appends to it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use lab_codec::{Cancel, Error, Result};

use crate::container::{TRAILER_LEN, Trailer};

/// Interval at which the file is checked for new bytes.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A reader that waits for more bytes until the stream's end. Cancellation ends it with an error.
#[derive(Debug)]
pub struct Growing {
    file: File,
    cancel: Cancel,
    /// Bytes read so far.
    seen: u64,
    /// The last bytes read, at most the length of a trailer.
    last: Vec<u8>,
}

impl Growing {
    /// Opens a file.
    ///
    /// # Errors
    /// I/O errors; [`Usage`](lab_codec::ErrorKind::Usage) if `path` is not a regular file.
    pub fn open(path: &Path, cancel: Cancel) -> Result<Self> {
        let file = File::open(path)?;
        if !file.metadata()?.is_file() {
            return Err(Error::usage("not a regular file; decode a pipe with `lab decode -`"));
        }
        Ok(Self { file, cancel, seen: 0, last: Vec::new() })
    }

    fn is_complete(&self) -> bool {
        let trailer = self.last[..].try_into().ok().and_then(|last| Trailer::decode(last).ok());
        trailer.is_some_and(|trailer| trailer.stream_len == self.seen)
    }
}

impl Read for Growing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.file.read(buffer)?;
            if read > 0 {
                self.seen += read as u64;
                self.last.extend_from_slice(&buffer[..read]);
                self.last.drain(..self.last.len().saturating_sub(TRAILER_LEN));
                return Ok(read);
            }
            if self.is_complete() {
                return Ok(0);
            }
            if self.cancel.is_cancelled() {
                return Err(io::Error::other("interrupted before the end of the stream"));
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}
