//! A file to which a stream is still being written, read up to the stream's end.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use lab_codec::{Cancel, Error, Result};

use crate::container::{TRAILER_LEN, Trailer};

/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_millis(50);

/// A reader that ends where the stream does, and waits for more before that. Cancellation ends it with an error.
#[derive(Debug)]
pub struct Growing {
    file: File,
    cancel: Cancel,
    /// Bytes that were read.
    seen: u64,
    /// The last of them, at most a trailer's.
    last: Vec<u8>,
}

impl Growing {
    /// Opens a file.
    ///
    /// # Errors
    /// I/O errors; [`Usage`](lab_codec::ErrorKind::Usage) for anything but a file.
    pub fn open(path: &Path, cancel: Cancel) -> Result<Self> {
        let file = File::open(path)?;
        if !file.metadata()?.is_file() {
            return Err(Error::usage("not a file; a pipe is decoded as it comes by `lab decode -`"));
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
            std::thread::sleep(PAUSE);
        }
    }
}
