//! Descriptions of corpora and their addresses (`NAME.toml`, format `lab-corpus-sources-1`).
//!
//! A description is untrusted input. Its names become files of one directory, so they must be plain names.
//! Its sizes bound what is written, and its addresses must be HTTP or HTTPS.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use lab_codec::{Digest, Error, Result};
use serde::Deserialize;

use super::Pack;
use crate::manifest::{FILE_NAME, check_path, digest};

const FORMAT_FAMILY: &str = "lab-corpus-sources-";
const FORMAT: &str = "lab-corpus-sources-1";
/// Maximum size of a description, in bytes.
const MAX_BYTES: u64 = 16 << 20;
/// Bytes in which the format name must occur: they distinguish a broken description from another TOML file.
const DETECT_BYTES: u64 = 1024;
/// Placeholder for a file's name in an address.
const NAME: &str = "{name}";

/// A corpus: its files, and the sources to fetch them from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// Name of the corpus and of its directory.
    pub corpus: String,
    /// Description in one line.
    pub title: String,
    /// Address of a page about the corpus.
    pub page: String,
    /// Licence or terms of use.
    pub licence: String,
    /// Kind of data, in a word.
    pub kind: String,
    /// Sources, the best first.
    pub sources: Vec<Source>,
    /// Files of the corpus.
    pub files: Vec<Wanted>,
}

/// A file of a corpus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256, if reliably known.
    pub sha256: Option<Digest>,
}

/// One source of the files: a single download, or one download per file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Addresses of the same bytes, the best first. With `{name}`, each file is a download of its own.
    pub urls: Vec<String>,
    /// Format of the download.
    pub pack: Pack,
    /// Bytes of a single download.
    pub bytes: Option<u64>,
    /// SHA-256 of a single download.
    pub sha256: Option<Digest>,
    /// Names of the files in this source, where they differ.
    pub names: BTreeMap<String, String>,
}

impl Source {
    /// Whether each file is a separate download.
    pub fn is_per_file(&self) -> bool {
        self.urls.iter().any(|url| url.contains(NAME))
    }

    /// Name of the file `name` in this source.
    pub fn name_of<'a>(&'a self, name: &'a str) -> &'a str {
        self.names.get(name).map_or(name, String::as_str)
    }

    /// Addresses of the download that contains the file `name`.
    pub fn urls_for(&self, name: &str) -> Vec<String> {
        self.urls.iter().map(|url| url.replace(NAME, self.name_of(name))).collect()
    }
}

/// Last part of an address: the download's file name.
pub fn download_name(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    path.rsplit('/').next().unwrap_or(path)
}

impl Sources {
    /// Parses a description.
    ///
    /// # Errors
    /// Corrupt, with the name of the field; [`Unsupported`](lab_codec::ErrorKind::Unsupported) for a later
    /// version.
    pub fn parse(text: &str) -> Result<Self> {
        let raw: Raw = toml::from_str(text)
            .map_err(|e| Error::corrupt(format!("not a description of sources: {}", e.message())))?;
        if raw.format != FORMAT {
            let found: String = raw.format.chars().take(60).collect();
            return Err(Error::unsupported(format!(
                "a description of format {found:?}; this version reads {FORMAT:?}"
            )));
        }
        plain_name("corpus", &raw.corpus)?;
        let mut names = HashSet::new();
        let mut files = Vec::with_capacity(raw.file.len());
        for (index, file) in raw.file.into_iter().enumerate() {
            let wanted = file.check().map_err(|e| e.at(format!("file[{index}]")))?;
            // Names that differ only in case would collide on some file systems.
            if !names.insert(wanted.name.to_lowercase()) {
                return Err(Error::corrupt(format!("{} is listed twice", wanted.name)));
            }
            files.push(wanted);
        }
        if files.is_empty() {
            return Err(Error::corrupt("no [[file]]"));
        }
        let mut sources = Vec::with_capacity(raw.source.len());
        for (index, source) in raw.source.into_iter().enumerate() {
            sources.push(source.check(files.len()).map_err(|e| e.at(format!("source[{index}]")))?);
        }
        Ok(Self {
            corpus: raw.corpus,
            title: raw.title,
            page: raw.page,
            licence: raw.licence,
            kind: raw.kind,
            sources,
            files,
        })
    }

    /// Reads a description from a file.
    ///
    /// # Errors
    /// As for [`parse`](Self::parse), and I/O errors, with the path.
    pub fn read(path: &Path) -> Result<Self> {
        let read = || -> Result<Self> {
            let mut text = Vec::new();
            File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut text)?;
            if text.len() as u64 > MAX_BYTES {
                return Err(Error::limit(format!("a description of more than {MAX_BYTES} bytes")));
            }
            let text = String::from_utf8(text)
                .map_err(|_| Error::corrupt("not a description of sources: not UTF-8"))?;
            Self::parse(&text)
        };
        read().map_err(|e| e.at(path.display().to_string()))
    }

    /// Whether a file is meant as a description: other programs use `NAME.toml` too.
    pub fn is_at(path: &Path) -> bool {
        let mut head = Vec::new();
        path.extension().is_some_and(|e| e == "toml")
            && File::open(path).and_then(|file| file.take(DETECT_BYTES).read_to_end(&mut head)).is_ok()
            && head.windows(FORMAT_FAMILY.len()).any(|window| window == FORMAT_FAMILY.as_bytes())
    }

    /// Total bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.bytes).fold(0, u64::saturating_add)
    }
}

/// Checks that a name is the plain name of a visible file or directory.
fn plain_name(field: &str, name: &str) -> Result<()> {
    check_path(field, name)?;
    if name.contains('/') || name.starts_with('.') || name == FILE_NAME {
        return Err(Error::corrupt(format!("{field} {name:?} is not the plain name of a visible file")));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    format: String,
    corpus: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    licence: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    source: Vec<RawSource>,
    #[serde(default)]
    file: Vec<RawWanted>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSource {
    urls: Vec<String>,
    pack: Pack,
    bytes: Option<u64>,
    sha256: Option<String>,
    #[serde(default)]
    names: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWanted {
    name: String,
    bytes: u64,
    sha256: Option<String>,
}

impl RawWanted {
    fn check(self) -> Result<Wanted> {
        plain_name("name", &self.name)?;
        let sha256 = self.sha256.map(|text| digest("sha256", &text)).transpose()?;
        Ok(Wanted { name: self.name, bytes: self.bytes, sha256 })
    }
}

impl RawSource {
    fn check(self, files: usize) -> Result<Source> {
        let sha256 = self.sha256.map(|text| digest("sha256", &text)).transpose()?;
        let source =
            Source { urls: self.urls, pack: self.pack, bytes: self.bytes, sha256, names: self.names };
        for url in &source.urls {
            let address = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
            if address.is_none_or(str::is_empty) || url.chars().any(|c| c.is_control() || c == ' ') {
                return Err(Error::corrupt("urls takes addresses that begin with http:// or https://"));
            }
            if url.contains(NAME) != source.is_per_file() {
                return Err(Error::corrupt(format!("either all urls have {NAME}, or none has")));
            }
        }
        if source.urls.is_empty() {
            return Err(Error::corrupt("no urls"));
        }
        if source.is_per_file() && (source.bytes.is_some() || source.sha256.is_some()) {
            return Err(Error::corrupt(format!(
                "bytes and sha256 describe one download, not one with {NAME}"
            )));
        }
        if !source.is_per_file() && files > 1 && !source.pack.has_members() {
            return Err(Error::corrupt(format!("this pack holds one file; the urls need {NAME}")));
        }
        Ok(source)
    }
}

/// The directory of a corpus below `into`.
pub fn directory(sources: &Sources, into: &Path) -> PathBuf {
    into.join(&sources.corpus)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_codec::ErrorKind;

    const GOOD: &str = r#"
        format = "lab-corpus-sources-1"
        corpus = "c"
        [[source]]
        pack = "gz"
        urls = ["https://example.org/{name}.gz?x=1"]
        names = { a = "b" }
        [[file]]
        name = "a"
        bytes = 14
    "#;

    #[test]
    fn a_description_is_read() {
        let sources = Sources::parse(GOOD).unwrap();
        assert_eq!(sources.files, [Wanted { name: "a".into(), bytes: 14, sha256: None }]);
        let source = &sources.sources[0];
        assert!(source.is_per_file());
        assert_eq!(source.urls_for("a"), ["https://example.org/b.gz?x=1"]);
        assert_eq!(download_name(&source.urls_for("a")[0]), "b.gz");
    }

    #[test]
    fn the_example_of_the_documentation_is_read() {
        let page = include_str!("../../../../docs/formats/corpus.md");
        let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
        let sources = Sources::parse(example).unwrap();
        let hello = crate::test_support::HELLO;
        let file = &sources.files[0];
        assert_eq!((file.bytes, file.sha256), (14, Some(crate::test_support::sha256(hello))));
        assert_eq!(sources.sources[1].urls_for("a.txt"), ["https://example.com/letters/A.TXT"]);
    }

    #[test]
    fn what_could_do_harm_or_mislead_is_refused() {
        for (from, to, part) in [
            ("name = \"a\"", "name = \"../a\"", "climbs out"),
            ("name = \"a\"", "name = \"b/a\"", "plain name"),
            ("name = \"a\"", "name = \".a\"", "plain name"),
            ("name = \"a\"", "name = \"manifest.json\"", "plain name"),
            ("name = \"a\"", "name = 'a\\b'", "backslash"),
            ("corpus = \"c\"", "corpus = \"..\"", "climbs out"),
            ("https://", "file://", "http://"),
            ("https://example.org/{name}.gz?x=1", "https://", "http://"),
            ("pack = \"gz\"", "pack = \"rar\"", "rar"),
            ("pack = \"gz\"", "pack = \"gz\"\nbytes = 7", "one download"),
            ("pack = \"gz\"", "pack = \"gz\"\nmirror = 7", "mirror"),
            ("bytes = 14", "bytes = -1", ""),
            ("bytes = 14", "bytes = 14\nsha256 = \"12\"", "64 hexadecimal digits"),
            ("bytes = 14", "bytes = 14\n[[file]]\nname = \"A\"\nbytes = 1", "twice"),
            ("lab-corpus-sources-1", "lab-corpus-sources-2", "reads"),
            ("[[file]]\n        name = \"a\"\n        bytes = 14", "", "no [[file]]"),
        ] {
            let error = Sources::parse(&GOOD.replace(from, to)).unwrap_err();
            assert!(error.to_string().contains(part), "{to}: {error}");
            assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported), "{to}: {error}");
            assert_eq!(error.to_string().lines().count(), 1, "{error}");
        }
    }
}
