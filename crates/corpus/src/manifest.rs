//! Manifests (`manifest.json`, format `lab-corpus-manifest-1`): what the files of a corpus are.
//!
//! A manifest comes with the data and is trusted as little: sizes are only compared, never allocated by, and
//! a path that leaves the manifest's directory is refused.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use lab_codec::{Digest, Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::published::catalogue;

/// The name of a manifest.
pub const FILE_NAME: &str = "manifest.json";

const FORMAT_FAMILY: &str = "lab-corpus-manifest-";
const FORMAT: &str = "lab-corpus-manifest-1";
/// A manifest of more bytes is refused.
const MAX_BYTES: u64 = 64 << 20;
/// A name or path of more bytes is refused.
const MAX_PATH: usize = 1024;
/// These first bytes tell a broken manifest of ours from a foreign file.
const HEAD: usize = 4096;

/// The form in which a file lies on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StoredAs {
    /// As it is.
    Raw,
    /// As a stream of zstd frames.
    Zstd,
    /// As an xz stream.
    Xz,
}

impl StoredAs {
    /// The word in the manifest.
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
    /// The corpus that the file belongs to.
    pub corpus: String,
    /// The name of the original, unique in its corpus.
    pub name: String,
    /// Bytes of the original.
    pub bytes: u64,
    /// SHA-256 of the original.
    pub sha256: Digest,
    /// Where the stored form lies, relative to the manifest's directory.
    pub stored: PathBuf,
    /// What the stored form is.
    pub stored_as: StoredAs,
    /// Bytes of the stored form.
    pub stored_bytes: u64,
    /// SHA-256 of the stored form.
    pub stored_sha256: Digest,
    /// Where the file comes from.
    pub origin: String,
    /// Under which terms.
    pub licence: String,
    /// What sort of data it is, in a word.
    pub kind: String,
    /// A remark.
    pub note: Option<String>,
    /// Bytes of the original by what is published about it.
    pub known_bytes: Option<u64>,
    /// Whether the published size agrees.
    pub size_matches_known: Option<bool>,
}

/// A manifest and where it lies.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The name of the whole set.
    pub set: String,
    /// The files in the manifest's order.
    pub files: Vec<Listed>,
    /// The directory that the stored paths start from.
    pub directory: PathBuf,
    /// SHA-256 of the manifest itself, which identifies a corpus in results.
    pub digest: Digest,
    by_stored: HashMap<PathBuf, usize>,
}

impl Manifest {
    /// Reads a manifest's text; `directory` is where it lies.
    ///
    /// # Errors
    /// Corrupt, naming the file and field; unsupported, where it is of a later version.
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

    /// The corpus that the samples of a file belong to: what the manifest calls it, but where it lists only some of the
    /// files of a published corpus, their number is part of the name (`silesia-8`), so that nobody takes the figures
    /// for those of the whole.
    pub fn corpus_of(&self, listed: &Listed) -> String {
        let name = &listed.corpus;
        let whole = catalogue::find(name).map_or(0, |published| published.files.len());
        let here = self.files.iter().filter(|other| other.corpus == *name).count();
        if here < whole { format!("{name}-{here}") } else { name.clone() }
    }

    /// Reads the manifest in `directory`: `None` without a `manifest.json`, or with one of another kind.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and I/O errors, with the path.
    pub fn in_directory(directory: &Path) -> Result<Option<Self>> {
        let path = directory.join(FILE_NAME);
        // A directory or a pipe of that name is not a manifest.
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

    /// Reads the manifest that applies to `directory`: the nearest, in it or in a parent.
    ///
    /// # Errors
    /// As [`in_directory`](Self::in_directory).
    pub fn nearest(directory: &Path) -> Result<Option<Arc<Self>>> {
        for candidate in directory.ancestors() {
            if let Some(manifest) = Self::in_directory(candidate)? {
                return Ok(Some(Arc::new(manifest)));
            }
        }
        Ok(None)
    }

    /// The file whose stored form lies at `stored`, relative to the manifest's directory.
    pub fn find_stored(&self, stored: &Path) -> Option<&Listed> {
        self.by_stored.get(stored).map(|index| &self.files[*index])
    }

    /// Where the stored form of `listed` lies.
    pub fn path_of(&self, listed: &Listed) -> PathBuf {
        self.directory.join(&listed.stored)
    }
}

/// The text of a manifest of `files`, which [`Manifest::parse`] reads back.
///
/// # Errors
/// Where the files cannot be written as JSON.
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

/// Whether a file called `manifest.json` means to be a corpus manifest: other programs use the name too.
fn is_ours(text: &[u8]) -> bool {
    let head = &text[..text.len().min(HEAD)];
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

/// A path of plain names, written with `/`. Corpora and names are held to it too, because outputs are named
/// after them.
pub(super) fn check_path(field: &str, text: &str) -> Result<PathBuf> {
    let refused = |why: &str| {
        let shown: String = text.chars().take(60).collect();
        Error::corrupt(format!("{field} {shown:?} {why}"))
    };
    if text.is_empty() || text.len() > MAX_PATH {
        return Err(refused("is empty or too long"));
    }
    // A backslash or colon separates parts of a path, or names a drive, on other systems.
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
