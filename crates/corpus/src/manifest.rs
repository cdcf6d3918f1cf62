//! Manifests (`manifest.json`, format `lab-corpus-manifest-1`): descriptions of the files of a corpus.
//!
//! A manifest is untrusted input: its sizes are compared but never allocated, and a path that leaves its
//! directory is refused.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use lab_codec::{Digest, Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::published::catalogue;

/// File name of a manifest.
pub const FILE_NAME: &str = "manifest.json";

const FORMAT_FAMILY: &str = "lab-corpus-manifest-";
const FORMAT: &str = "lab-corpus-manifest-1";
/// Maximum size of a manifest, in bytes.
const MAX_BYTES: u64 = 64 << 20;
/// Maximum length of a name or path, in bytes.
const MAX_PATH: usize = 1024;
/// Bytes in which the format name must occur: they distinguish a broken manifest from a foreign file.
const DETECT_BYTES: usize = 4096;

/// Stored form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StoredAs {
    /// The original, unchanged.
    Raw,
    /// A stream of zstd frames.
    Zstd,
    /// An xz stream.
    Xz,
}

impl StoredAs {
    /// The name of the form in a manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
        }
    }
}

/// One file of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Corpus of the file.
    pub corpus: String,
    /// Name of the original; unique in its corpus.
    pub name: String,
    /// Bytes of the original.
    pub bytes: u64,
    /// SHA-256 of the original.
    pub sha256: Digest,
    /// Path of the stored form, relative to the manifest's directory.
    pub stored: PathBuf,
    /// Kind of the stored form.
    pub stored_as: StoredAs,
    /// Bytes of the stored form.
    pub stored_bytes: u64,
    /// SHA-256 of the stored form.
    pub stored_sha256: Digest,
    /// Origin of the file.
    pub origin: String,
    /// Licence or terms of use.
    pub licence: String,
    /// Kind of data, in a word.
    pub kind: String,
    /// A remark.
    pub note: Option<String>,
    /// Published size of the original, in bytes.
    pub known_bytes: Option<u64>,
    /// Whether the published size agrees with `bytes`.
    pub size_matches_known: Option<bool>,
}

/// A manifest with its directory.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Name of the whole set.
    pub set: String,
    /// Files in the manifest's order.
    pub files: Vec<Listed>,
    /// Directory that the stored paths are relative to.
    pub directory: PathBuf,
    /// SHA-256 of the manifest, which identifies a corpus in results.
    pub digest: Digest,
    by_stored: HashMap<PathBuf, usize>,
}

impl Manifest {
    /// Parses a manifest in `directory`.
    ///
    /// # Errors
    /// Corrupt, with file and field; [`Unsupported`](lab_codec::ErrorKind::Unsupported) for a later version.
    pub fn parse(text: &[u8], directory: &Path) -> Result<Self> {
        let raw: RawManifest = serde_json::from_slice(text)
            .map_err(|e| Error::corrupt(format!("not a corpus manifest: {e}")))?;
        if raw.format != FORMAT {
            return Err(Error::unsupported(format!(
                "a manifest of format {:?}; this version reads {FORMAT:?}",
                raw.format.chars().take(60).collect::<String>()
            )));
        }
        let mut files = Vec::with_capacity(raw.files.len());
        let mut names = HashSet::new();
        let mut by_stored = HashMap::new();
        for (index, file) in raw.files.into_iter().enumerate() {
            let listed = file.check().map_err(|e| e.at(format!("files[{index}]")))?;
            if !names.insert((listed.corpus.clone(), listed.name.clone())) {
                let Listed { corpus, name, .. } = listed;
                return Err(
                    Error::corrupt(format!("{corpus}/{name} is listed twice")).at(format!("files[{index}]"))
                );
            }
            by_stored.entry(listed.stored.clone()).or_insert(index);
            files.push(listed);
        }
        let digest = Digest(Sha256::digest(text).into());
        Ok(Self { set: raw.set, files, directory: directory.to_path_buf(), digest, by_stored })
    }

    /// Corpus name of a file's samples. If the manifest lists only part of a published corpus, the name
    /// includes the number of files (`silesia-8`). Nobody can then mistake the figures for those of the whole
    /// corpus.
    pub fn corpus_of(&self, listed: &Listed) -> String {
        let name = &listed.corpus;
        let whole = catalogue::find(name).map_or(0, |published| published.files.len());
        let here = self.files.iter().filter(|other| other.corpus == *name).count();
        if here < whole { format!("{name}-{here}") } else { name.clone() }
    }

    /// Reads the manifest in `directory`; `None` without `manifest.json`, or if it is another program's.
    ///
    /// # Errors
    /// As for [`parse`](Self::parse), and I/O errors, with the path.
    pub fn in_directory(directory: &Path) -> Result<Option<Self>> {
        let path = directory.join(FILE_NAME);
        // A directory or a pipe with that name is not a manifest.
        if !fs::metadata(&path).is_ok_and(|m| m.is_file()) {
            return Ok(None);
        }
        let read = || -> Result<Option<Self>> {
            let mut text = Vec::new();
            File::open(&path)?.take(MAX_BYTES + 1).read_to_end(&mut text)?;
            if !is_ours(&text) {
                return Ok(None);
            }
            if text.len() as u64 > MAX_BYTES {
                return Err(Error::limit(format!("a manifest of more than {MAX_BYTES} bytes")));
            }
            Self::parse(&text, directory).map(Some)
        };
        read().map_err(|e| e.at(path.display().to_string()))
    }

    /// Reads the manifest that applies to `directory`: the nearest one, in it or in a parent.
    ///
    /// # Errors
    /// As for [`in_directory`](Self::in_directory).
    pub fn nearest(directory: &Path) -> Result<Option<Arc<Self>>> {
        for candidate in directory.ancestors() {
            if let Some(manifest) = Self::in_directory(candidate)? {
                return Ok(Some(Arc::new(manifest)));
            }
        }
        Ok(None)
    }

    /// The file with the stored form `stored`, relative to the manifest's directory.
    pub fn find_stored(&self, stored: &Path) -> Option<&Listed> {
        self.by_stored.get(stored).map(|index| &self.files[*index])
    }

    /// Path of the stored form of `listed`.
    pub fn path_of(&self, listed: &Listed) -> PathBuf {
        self.directory.join(&listed.stored)
    }
}

/// Writes a manifest of `files`, which [`Manifest::parse`] reads back.
///
/// # Errors
/// If the files cannot be written as JSON.
pub fn text(set: &str, files: &[Listed]) -> Result<String> {
    let raw = RawManifest {
        format: FORMAT.to_string(),
        set: set.to_string(),
        files: files.iter().map(RawFile::from).collect(),
    };
    let text = serde_json::to_string_pretty(&raw)
        .map_err(|e| Error::new(ErrorKind::Io, format!("cannot write JSON: {e}")))?;
    Ok(text + "\n")
}

/// Whether a file named `manifest.json` is meant as a corpus manifest: other programs use the name too.
fn is_ours(text: &[u8]) -> bool {
    let head = &text[..text.len().min(DETECT_BYTES)];
    head.windows(FORMAT_FAMILY.len()).any(|window| window == FORMAT_FAMILY.as_bytes())
}

#[derive(Deserialize, Serialize)]
struct RawManifest {
    format: String,
    #[serde(default)]
    set: String,
    files: Vec<RawFile>,
}

#[derive(Deserialize, Serialize)]
struct RawFile {
    corpus: String,
    name: String,
    bytes: u64,
    sha256: String,
    stored: String,
    stored_as: StoredAs,
    stored_bytes: u64,
    stored_sha256: String,
    #[serde(default)]
    origin: String,
    #[serde(default)]
    licence: String,
    #[serde(default)]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    known_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_matches_known: Option<bool>,
}

impl From<&Listed> for RawFile {
    fn from(listed: &Listed) -> Self {
        Self {
            corpus: listed.corpus.clone(),
            name: listed.name.clone(),
            bytes: listed.bytes,
            sha256: listed.sha256.to_string(),
            stored: listed.stored.to_string_lossy().into_owned(),
            stored_as: listed.stored_as,
            stored_bytes: listed.stored_bytes,
            stored_sha256: listed.stored_sha256.to_string(),
            origin: listed.origin.clone(),
            licence: listed.licence.clone(),
            kind: listed.kind.clone(),
            note: listed.note.clone(),
            known_bytes: listed.known_bytes,
            size_matches_known: listed.size_matches_known,
        }
    }
}

impl RawFile {
    fn check(self) -> Result<Listed> {
        check_path("corpus", &self.corpus)?;
        check_path("name", &self.name)?;
        let stored = check_path("stored", &self.stored)?;
        let sha256 = digest("sha256", &self.sha256)?;
        let stored_sha256 = digest("stored_sha256", &self.stored_sha256)?;
        if self.stored_as == StoredAs::Raw && (self.bytes, sha256) != (self.stored_bytes, stored_sha256) {
            return Err(Error::corrupt("stored as raw, but its two sizes or digests differ"));
        }
        Ok(Listed {
            corpus: self.corpus,
            name: self.name,
            bytes: self.bytes,
            sha256,
            stored,
            stored_as: self.stored_as,
            stored_bytes: self.stored_bytes,
            stored_sha256,
            origin: self.origin,
            licence: self.licence,
            kind: self.kind,
            note: self.note,
            known_bytes: self.known_bytes,
            size_matches_known: self.size_matches_known,
        })
    }
}

pub(super) fn digest(field: &str, text: &str) -> Result<Digest> {
    Digest::from_hex(text).ok_or_else(|| Error::corrupt(format!("{field} is not 64 hexadecimal digits")))
}

/// Checks a path of plain names, separated by `/`. Names of corpora and files are checked too, because
/// outputs are named after them.
pub(super) fn check_path(field: &str, text: &str) -> Result<PathBuf> {
    let refused = |why: &str| {
        let shown: String = text.chars().take(60).collect();
        Error::corrupt(format!("{field} {shown:?} {why}"))
    };
    if text.is_empty() || text.len() > MAX_PATH {
        return Err(refused("is empty or too long"));
    }
    // A backslash or colon separates path components, or names a drive, on other systems.
    if text.chars().any(|c| c.is_control() || c == '\\' || c == ':') {
        return Err(refused("has a control character, a backslash or a colon"));
    }
    let path = Path::new(text);
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(refused("is absolute or climbs out of its directory"));
    }
    Ok(path.components().collect())
}

#[cfg(test)]
mod tests;
