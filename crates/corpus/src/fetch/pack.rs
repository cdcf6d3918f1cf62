//! Reads the files in a download.
//!
//! Names in an archive are compared with the wanted names and never used as paths: an archive cannot choose
//! where anything is written.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use crate::published::Pack;
use crate::unpack::xz;
use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use lab_codec::{Context, Error, Result};

/// Maximum bytes of unwanted files in a tar archive.
const MAX_UNWANTED_BYTES: u64 = 64 << 20;

/// Receives a file: its name in the archive (`None` for a single file) and its content.
pub(super) type Take<'a> = dyn FnMut(Option<&str>, &mut dyn Read) -> Result<()> + 'a;

/// Passes every regular file of `file` to `take`. `wanted` is the total size of the wanted files in bytes.
///
/// # Errors
/// Corrupt if the pack is damaged; errors of `take`; I/O errors.
pub(super) fn members(pack: Pack, mut file: &File, wanted: u64, cx: &Context, take: &mut Take) -> Result<()> {
    file.seek(SeekFrom::Start(0))?;
    let mut file = BufReader::with_capacity(1 << 17, file);
    match pack {
        Pack::Raw => take(None, &mut file),
        Pack::Gz => take(None, &mut MultiGzDecoder::new(file)),
        Pack::Bz2 => take(None, &mut MultiBzDecoder::new(file)),
        Pack::Xz => take(None, &mut xz(file, cx)),
        Pack::Tar => tar(file, wanted, cx, take),
        Pack::TarGz => tar(MultiGzDecoder::new(file), wanted, cx, take),
        Pack::TarBz2 => tar(MultiBzDecoder::new(file), wanted, cx, take),
        Pack::TarXz => tar(xz(file, cx), wanted, cx, take),
        Pack::Zip => zip(file, cx, take),
    }
}

fn tar(reader: impl Read, wanted: u64, cx: &Context, take: &mut Take) -> Result<()> {
    let damaged = |e: io::Error| Error::corrupt(format!("damaged tar archive: {e}"));
    let bounded = Bounded { inner: reader, left: wanted.saturating_add(MAX_UNWANTED_BYTES) };
    let mut archive = tar::Archive::new(bounded);
    for entry in archive.entries().map_err(damaged)? {
        cx.check()?;
        let mut entry = entry.map_err(damaged)?;
        if entry.header().entry_type().is_file() {
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            take(Some(plain(&name)), &mut entry)?;
        }
    }
    Ok(())
}

fn zip(file: impl Read + Seek, cx: &Context, take: &mut Take) -> Result<()> {
    let damaged = |e: zip::result::ZipError| Error::corrupt(format!("damaged zip archive: {e}"));
    let mut archive = zip::ZipArchive::new(file).map_err(damaged)?;
    for index in 0..archive.len() {
        cx.check()?;
        let mut member = archive.by_index(index).map_err(damaged)?;
        if member.is_file() {
            let name = member.name().map_err(damaged)?.into_owned();
            take(Some(plain(&name)), &mut member)?;
        }
    }
    Ok(())
}

/// Name of a member without a leading `./`.
fn plain(name: &str) -> &str {
    name.strip_prefix("./").unwrap_or(name)
}

/// A reader that fails beyond a maximum number of bytes: a small archive may unpack to a huge one.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buf)?;
        self.left = self
            .left
            .checked_sub(length as u64)
            .ok_or_else(|| io::Error::other("it unpacks to far more bytes than the corpus has"))?;
        Ok(length)
    }
}

/// A reader that keeps its error, to distinguish bad input from a full disk.
pub(super) struct Watched<'a> {
    inner: &'a mut dyn Read,
    /// The error, if reading failed.
    pub failure: Option<String>,
}

impl<'a> Watched<'a> {
    /// Wraps `inner`.
    pub(super) fn new(inner: &'a mut dyn Read) -> Self {
        Self { inner, failure: None }
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buf).inspect_err(|e| {
            if e.kind() != io::ErrorKind::Interrupted {
                self.failure = Some(e.to_string());
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const HELLO: &[u8] = b"hello, hello, hello, archive";

    fn zipped() -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        for name in ["./a", "b"] {
            writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(HELLO).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn tarred() -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, kind) in [("./a", tar::EntryType::Regular), ("b", tar::EntryType::Link)] {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(if kind.is_file() { HELLO.len() as u64 } else { 0 });
            let content = if kind.is_file() { HELLO } else { b"" };
            builder.append_data(&mut header, name, content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    /// The members that were read to their end, and the overall result.
    fn unpack(pack: Pack, bytes: &[u8]) -> (Vec<(String, Vec<u8>)>, Result<()>) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let mut found = Vec::new();
        let outcome = members(pack, &file, 1 << 20, &Context::default(), &mut |name, reader| {
            let mut content = Vec::new();
            if reader.take(1 << 20).read_to_end(&mut content).is_ok() {
                found.push((name.unwrap_or_default().to_string(), content));
            }
            Ok(())
        });
        (found, outcome)
    }

    #[test]
    fn members_are_regular_files_by_their_plain_names() {
        let names = |pack, bytes: &[u8]| -> Vec<String> {
            let (found, outcome) = unpack(pack, bytes);
            outcome.unwrap();
            assert!(found.iter().all(|(_, content)| content == HELLO));
            found.into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(names(Pack::Zip, &zipped()), ["a", "b"]);
        assert_eq!(names(Pack::Tar, &tarred()), ["a"]);
        assert_eq!(names(Pack::Raw, HELLO), [""]);
    }

    #[test]
    fn damaged_archives_are_errors_and_no_other_content() {
        let whole = zipped();
        for cut in 0..whole.len() {
            assert!(unpack(Pack::Zip, &whole[..cut]).1.is_err(), "cut at {cut}");
        }
        for at in 0..whole.len() {
            for bits in [1, 0x80, 0xff] {
                let mut flipped = whole.clone();
                flipped[at] ^= bits;
                let (found, _) = unpack(Pack::Zip, &flipped);
                assert!(found.iter().all(|(_, content)| content == HELLO), "{bits:x} at {at}: {found:?}");
            }
        }
        let whole = tarred();
        for cut in 1..512 + HELLO.len() {
            let (found, outcome) = unpack(Pack::Tar, &whole[..cut]);
            assert!(outcome.is_err() || found.iter().all(|(_, content)| content != HELLO), "cut at {cut}");
        }
        // The checksum of a tar header detects any change to it.
        for at in 0..512 {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            assert!(unpack(Pack::Tar, &flipped).1.is_err(), "byte {at}");
        }
    }

    #[test]
    fn what_unpacks_to_far_too_much_is_refused() {
        let mut reader = Bounded { inner: io::repeat(0), left: 1000 };
        let mut content = Vec::new();
        assert!(reader.read_to_end(&mut content).is_err());
        assert!(content.len() <= 1000);
    }
}
