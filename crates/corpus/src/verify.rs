//! Verifies the files of a manifest, in one pass over each and in bounded memory.

use std::fs::File;
use std::io;

use lab_codec::{Context, Digest, Error, ErrorKind, Result};

use super::manifest::{Listed, Manifest};
use super::unpack::{HashingReader, HashingWriter, unpack};

/// Form in which a file failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The bytes on disk.
    Stored,
    /// The bytes after unpacking.
    Original,
}

/// Result of one file.
#[derive(Debug)]
pub enum Outcome {
    /// Both forms have the listed size and digest.
    Ok,
    /// The file is missing.
    Missing,
    /// A size differs. The actual size is unknown for an original that is longer than listed.
    WrongSize {
        /// Form that was checked.
        form: Form,
        /// Bytes according to the manifest.
        expected: u64,
        /// Bytes found.
        found: Option<u64>,
    },
    /// A digest differs.
    WrongDigest {
        /// Form that was checked.
        form: Form,
        /// SHA-256 according to the manifest.
        expected: Digest,
        /// SHA-256 found.
        found: Digest,
    },
    /// The file cannot be read, or cannot be unpacked although its digest is right.
    Failed(Error),
}

impl Outcome {
    /// Whether the file matches the manifest.
    pub fn is_ok(&self) -> bool {
        matches!(self, Self::Ok)
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = |form: &Form| match form {
            Form::Stored => "the stored file",
            Form::Original => "the original",
        };
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Missing => f.write_str("missing"),
            Self::WrongSize { form, expected, found: Some(found) } => {
                write!(f, "wrong size: {} has {found} bytes, listed are {expected}", name(form))
            }
            Self::WrongSize { form, expected, found: None } => {
                write!(f, "wrong size: {} has more than the listed {expected} bytes", name(form))
            }
            Self::WrongDigest { form, expected, found } => {
                write!(f, "wrong digest: {} has the SHA-256 {found}, listed is {expected}", name(form))
            }
            Self::Failed(error) => write!(f, "failed: {error}"),
        }
    }
}

/// Counts of a verification.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files that match.
    pub ok: usize,
    /// Files missing on disk.
    pub missing: usize,
    /// All other files.
    pub bad: usize,
}

/// Checks the files of `manifest` that `select` accepts, in order, and passes each result to `each`. The
/// observer of `cx` counts stored bytes.
///
/// # Errors
/// Only cancellation; every other error is an [`Outcome`].
pub fn verify(
    manifest: &Manifest,
    select: impl Fn(&Listed) -> bool,
    cx: &Context,
    mut each: impl FnMut(&Listed, &Outcome),
) -> Result<Totals> {
    let mut totals = Totals::default();
    for listed in manifest.files.iter().filter(|l| select(l)) {
        let outcome = verify_file(manifest, listed, cx)?;
        match outcome {
            Outcome::Ok => totals.ok += 1,
            Outcome::Missing => totals.missing += 1,
            _ => totals.bad += 1,
        }
        each(listed, &outcome);
    }
    Ok(totals)
}

/// Checks one file.
///
/// # Errors
/// Only cancellation.
pub fn verify_file(manifest: &Manifest, listed: &Listed, cx: &Context) -> Result<Outcome> {
    match check(manifest, listed, cx) {
        Ok(outcome) => Ok(outcome),
        Err(e) if e.kind() == ErrorKind::Cancelled => Err(e),
        Err(e) if e.io_kind() == Some(io::ErrorKind::NotFound) => Ok(Outcome::Missing),
        Err(e) => Ok(Outcome::Failed(e)),
    }
}

fn check(manifest: &Manifest, listed: &Listed, cx: &Context) -> Result<Outcome> {
    let file = File::open(manifest.path_of(listed))?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(Error::corrupt("not a file"));
    }
    if metadata.len() != listed.stored_bytes {
        let found = Some(metadata.len());
        return Ok(Outcome::WrongSize { form: Form::Stored, expected: listed.stored_bytes, found });
    }
    let mut reader = HashingReader::new(file, cx);
    let mut writer = HashingWriter::new(io::sink(), listed.bytes);
    // The output is discarded, so the listed size is the only bound that decoding needs.
    let unbounded = cx.clone().with_limits(cx.limits().with_output(u64::MAX));
    let unpacked = unpack(listed.stored_as, &mut reader, &mut writer, &unbounded);
    let (_, stored) = reader.finish()?;
    if stored != listed.stored_sha256 {
        return Ok(Outcome::WrongDigest {
            form: Form::Stored,
            expected: listed.stored_sha256,
            found: stored,
        });
    }
    let form = Form::Original;
    if writer.overflowed() {
        return Ok(Outcome::WrongSize { form, expected: listed.bytes, found: None });
    }
    unpacked?;
    Ok(match writer.finish() {
        (bytes, _) if bytes != listed.bytes => {
            Outcome::WrongSize { form, expected: listed.bytes, found: Some(bytes) }
        }
        (_, found) if found != listed.sha256 => Outcome::WrongDigest { form, expected: listed.sha256, found },
        _ => Outcome::Ok,
    })
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{Directory, HELLO};
    use super::*;
    use lab_codec::Cancel;

    fn outcome(directory: &Directory, name: &str, change: impl FnOnce(&mut Listed)) -> Outcome {
        let manifest = directory.manifest();
        let mut listed = manifest.files.iter().find(|l| l.name == name).unwrap().clone();
        change(&mut listed);
        verify_file(&manifest, &listed, &Context::default()).unwrap()
    }

    #[test]
    fn a_whole_corpus_is_ok() {
        let directory = Directory::with_manifest();
        let mut told = Vec::new();
        let cx = Context::default();
        let totals =
            verify(&directory.manifest(), |_| true, &cx, |l, o| told.push((l.name.clone(), o.is_ok())));
        assert_eq!(totals.unwrap(), Totals { ok: 3, ..Totals::default() });
        assert_eq!(told, ["raw", "zstd", "xz"].map(|name| (name.to_string(), true)));
        let some = verify(&directory.manifest(), |l| l.kind == "xz", &cx, |_, _| {}).unwrap();
        assert_eq!(some.ok, 1);
    }

    #[test]
    fn every_difference_has_its_own_outcome() {
        let directory = Directory::with_manifest();
        for name in ["raw", "zstd", "xz"] {
            let original = Form::Original;
            assert!(matches!(
                outcome(&directory, name, |l| l.stored_bytes += 1),
                Outcome::WrongSize { form: Form::Stored, .. }
            ));
            assert!(matches!(
                outcome(&directory, name, |l| l.stored_sha256.0[3] ^= 1),
                Outcome::WrongDigest { form: Form::Stored, .. }
            ));
            assert!(matches!(
                outcome(&directory, name, |l| l.sha256.0[3] ^= 1),
                Outcome::WrongDigest { form, .. } if form == original
            ));
            assert!(matches!(
                outcome(&directory, name, |l| l.bytes += 1),
                Outcome::WrongSize { form, found: Some(found), .. }
                    if form == original && found == HELLO.len() as u64
            ));
            assert!(matches!(
                outcome(&directory, name, |l| l.bytes -= 1),
                Outcome::WrongSize { form, found: None, .. } if form == original
            ));
            assert!(matches!(outcome(&directory, name, |l| l.stored = "c/none".into()), Outcome::Missing));
            assert!(matches!(outcome(&directory, name, |l| l.stored = "c".into()), Outcome::Failed(_)));
        }
    }

    #[test]
    fn damage_on_disk_is_found() {
        let directory = Directory::with_manifest();
        let mut bytes = std::fs::read(directory.path().join("c/xz.xz")).unwrap();
        bytes[30] ^= 1;
        directory.write("c/xz.xz", &bytes);
        let found = outcome(&directory, "xz", |_| {});
        assert!(matches!(found, Outcome::WrongDigest { form: Form::Stored, .. }), "{found}");
    }

    #[test]
    fn cancellation_ends_it() {
        let cancel = Cancel::default();
        cancel.cancel();
        let cx = Context::default().with_cancel(cancel);
        let error = verify(&Directory::with_manifest().manifest(), |_| true, &cx, |_, _| {}).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }
}
