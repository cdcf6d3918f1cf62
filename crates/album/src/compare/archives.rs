//! Archives of whole files: zip, zstd with a long window, 7z.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use lab_codec::{Context, Error, ErrorKind, Result};

use super::tool;

/// Counts what is written to it.
#[derive(Default)]
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes of a zip file at its highest level of Deflate. Files are named by their number.
///
/// # Errors
/// I/O errors, cancellation.
pub(super) fn zip(paths: &[PathBuf], cx: &Context) -> Result<u64> {
    let failed =
        |e: zip::result::ZipError| Error::new(ErrorKind::Io, format!("cannot write a zip file: {e}"));
    let mut writer = zip::ZipWriter::new_stream(Counter::default());
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated)
        .compression_level(Some(9));
    for (number, path) in paths.iter().enumerate() {
        cx.check()?;
        writer.start_file(number.to_string(), options).map_err(failed)?;
        copy(path, &mut writer)?;
    }
    Ok(writer.finish().map_err(failed)?.into_inner().0)
}

/// Bytes of all files in one Zstandard frame: level 19, a window of 128 MiB, long-distance matching.
///
/// # Errors
/// I/O errors, cancellation.
pub(super) fn zstd_long(paths: &[PathBuf], cx: &Context) -> Result<u64> {
    let mut encoder = zstd::stream::Encoder::new(Counter::default(), 19)?;
    encoder.long_distance_matching(true)?;
    encoder.window_log(27)?;
    for path in paths {
        cx.check()?;
        copy(path, &mut encoder)?;
    }
    Ok(encoder.finish()?.0)
}

fn copy(path: &Path, sink: &mut dyn Write) -> Result<()> {
    let copied = File::open(path).and_then(|mut file| io::copy(&mut file, sink));
    copied.map(|_| ()).map_err(|e| Error::from(e).at(path.display().to_string()))
}

/// Bytes of a 7z archive of `paths`, written into `scratch`; `None` where 7z is not installed.
///
/// # Errors
/// I/O errors, cancellation.
pub(super) fn seven_zip(paths: &[PathBuf], scratch: &Path, cx: &Context) -> Result<Option<u64>> {
    let out = scratch.join("all.7z");
    let mut argv: Vec<OsString> = ["7z", "a", "-mx9"].map(Into::into).to_vec();
    argv.push(out.clone().into());
    argv.extend(paths.iter().map(Into::into));
    tool::output_size(&argv, &out, cx)
}
