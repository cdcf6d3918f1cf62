//! Decodes a stream while another process still writes it.

use std::io::{self, Write};
use std::path::Path;

use lab_codec::{Error, ErrorKind, Result};

use super::{App, options, table};
use crate::command::decode::decode_feed;
use crate::progress;
use lab_stream::container::Feed;
use lab_stream::growing::Growing;
use lab_stream::output::Output;

/// Decodes the growing stream in `path` into `to` until the stream is complete. On every error, the output
/// keeps the decoded segments.
///
/// # Errors
/// As decoding a pipe. If interrupted before the end, [`Partial`](ErrorKind::Partial), or
/// [`Cancelled`](ErrorKind::Cancelled) if nothing was decoded.
pub(super) fn run(
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
    live.output.made_of_parts(path)?;
    let cx = work.context(app, progress::bar("follow", None, talk.quiet));
    let store = work.store(app, Some(path));
    let feed = Feed::Pipe(Box::new(growing));
    // With one thread, each segment is written before the next is read, so the output never lags.
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

/// The error of an incomplete stream, with the length of the output.
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

/// An output that other programs read while it grows.
struct Live {
    output: Output,
    /// Bytes written.
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
