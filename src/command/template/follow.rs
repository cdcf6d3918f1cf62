//! A stream that is still being written: decoded as far as it has come, and on as it grows.

use std::io::{self, Write};
use std::path::Path;

use lab_codec::{Error, ErrorKind, Result};

use super::{App, options, table};
use crate::command::decode::decode_feed;
use crate::progress;
use lab_stream::container::Feed;
use lab_stream::growing::Growing;
use lab_stream::output::Output;

/// Decodes the stream in `path` into `output`, waiting for what is not there yet, until it is complete. What was decoded
/// stays, whatever ends it.
///
/// # Errors
/// As decoding a pipe; [`Partial`](ErrorKind::Partial) where it is interrupted before the end, or
/// [`Cancelled`](ErrorKind::Cancelled) where nothing was decoded by then.
pub fn run(
    path: &Path,
    to: &Path,
    work: &options::Work,
    write: &options::Write,
    talk: &options::Talk,
    app: &App,
) -> Result<()> {
    let at_input = |e: Error| e.at(path.display().to_string());
    let growing = Growing::open(path, app.cancel.clone()).map_err(at_input)?;
    let mut live = Live { output: Output::open(to, write.force)?, bytes: 0 };
    let cx = work.context(app, progress::bar("follow", None, talk.quiet));
    let store = work.store(app, Some(path));
    let feed = Feed::Pipe(Box::new(growing));
    // One thread, which has written a segment before it asks for the next.
    let ending = match decode_feed(app, feed, &store, &mut live, 1, &cx) {
        Ok(ending) => ending,
        Err(e) => return Err(at_input(unfinished(e, to, live.bytes, app))),
    };
    drop(cx);
    live.output.commit()?;
    let report =
        Report { bytes: ending.trailer.bytes, sha256: ending.trailer.sha256.to_string(), verified: true };
    if talk.json {
        return super::super::report_json(&report, to == Path::new("-"));
    }
    let text = format!(
        "{} -> {}: {} bytes, SHA-256 verified",
        path.display(),
        to.display(),
        table::count(report.bytes)
    );
    super::super::note(&text, talk.quiet);
    Ok(())
}

#[derive(serde::Serialize)]
struct Report {
    bytes: u64,
    sha256: String,
    verified: bool,
}

/// What to say where there is no end.
fn unfinished(error: Error, to: &Path, bytes: u64, app: &App) -> Error {
    let to = if to == Path::new("-") { "standard output".into() } else { to.display().to_string() };
    let (interrupted, bytes) = (app.cancel.is_cancelled(), (bytes > 0).then(|| table::count(bytes)));
    match (interrupted, bytes) {
        (true, None) => Error::cancelled(),
        (true, Some(bytes)) => Error::new(
            ErrorKind::Partial,
            format!("interrupted before the end of the stream; {to} has the first {bytes} bytes"),
        ),
        (false, None) => error,
        (false, Some(bytes)) => {
            Error::new(error.kind(), format!("{error}; {to} has the {bytes} bytes before that"))
        }
    }
}

/// An output that is read while it is written.
struct Live {
    output: Output,
    /// Bytes that were written.
    bytes: u64,
}

impl Write for Live {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write_live(bytes)?;
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
