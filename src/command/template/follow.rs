//! A stream that is still being written: decoded as far as it has come, and on as it grows.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use lab_codec::{Cancel, Error, Result};

use super::{App, options};
use crate::command::decode::decode_feed;
use crate::container::{Feed, TRAILER_LEN, Trailer};
use crate::output::Output;
use crate::progress;

/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_millis(50);

/// Decodes the stream in `path` into `output`, waiting for what is not there yet, until it is complete.
///
/// # Errors
/// As decoding a pipe; [`Cancelled`](lab_codec::ErrorKind::Cancelled) where it is interrupted before the end.
pub fn run(
    path: &Path,
    output: &Path,
    work: &options::Work,
    write: &options::Write,
    app: &App,
) -> Result<()> {
    let at_input = |e: Error| e.at(path.display().to_string());
    let file = File::open(path).map_err(|e| at_input(e.into()))?;
    let growing = Growing { file, cancel: app.cancel.clone(), seen: 0, last: Vec::new() };
    let mut output = Output::open(output, write.force)?;
    let cx = work.context(app, progress::bar("", None, true));
    let store = work.store(Some(path));
    let feed = Feed::Pipe(Box::new(growing));
    // One thread, which has written a segment before it asks for the next.
    let decoded = decode_feed(app, feed, &store, &mut Flushing(output.sink()?), 1, &cx);
    decoded.map_err(|e| at_input(if app.cancel.is_cancelled() { Error::cancelled() } else { e }))?;
    output.commit()
}

/// A file that ends where a stream does, and not before.
struct Growing {
    file: File,
    cancel: Cancel,
    /// Bytes that were read.
    seen: u64,
    /// The last of them, at most as many as a trailer has.
    last: Vec<u8>,
}

impl Growing {
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

/// Passes on what it gets at once.
struct Flushing<W>(W);

impl<W: Write> Write for Flushing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(bytes)?;
        self.0.flush()?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
