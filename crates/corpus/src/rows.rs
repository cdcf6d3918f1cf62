//! Rows of listings: samples, generators, corpora to fetch; and the manifests that apply to paths.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lab_codec::{Digest, Error, Param, Result};
use serde::Serialize;

use super::discover::Found;
use super::generate::Generator;
use super::manifest::{Listed, Manifest};
use super::published::absent::{self, Absent};
use super::published::catalogue;
use super::sample::Sample;

/// A sample.
#[derive(Serialize)]
pub struct SampleRow {
    /// The corpus.
    pub corpus: Option<String>,
    /// The name.
    pub name: String,
    /// Where it lies.
    pub path: String,
    /// Bytes of content.
    pub bytes: u64,
    /// SHA-256 of the content.
    pub sha256: Option<String>,
}

/// A generator.
#[derive(Serialize)]
pub struct GeneratorRow {
    /// The name.
    pub generator: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The parameters.
    pub params: Vec<ParamRow>,
}

/// A parameter of a generator.
#[derive(Serialize)]
pub struct ParamRow {
    /// The name.
    pub name: &'static str,
    /// The range, as text.
    pub range: String,
    /// The default, as text.
    pub default: String,
    /// One line of help.
    pub help: &'static str,
}

impl GeneratorRow {
    /// The row.
    pub fn of(generator: &dyn Generator) -> Self {
        let param = |p: &Param| ParamRow {
            name: p.name,
            range: p.range_text(),
            default: p.value_text(&p.default()),
            help: p.help,
        };
        let params = generator.params().iter().map(param).collect();
        Self { generator: generator.name(), summary: generator.summary(), params }
    }
}

/// A corpus that can be fetched.
#[derive(Serialize)]
pub struct AbsentRow {
    /// The corpus.
    pub corpus: String,
    /// The title.
    pub title: String,
    /// Number of files.
    pub files: usize,
    /// Bytes of content.
    pub bytes: u64,
    /// The licence.
    pub licence: String,
    /// The command that gets it.
    pub command: String,
}

impl AbsentRow {
    /// The row.
    pub fn of(absent: Absent) -> Self {
        let Absent { sources, command } = absent;
        Self {
            files: sources.files.len(),
            bytes: sources.bytes(),
            corpus: sources.corpus,
            title: sources.title,
            licence: sources.licence,
            command,
        }
    }
}

impl SampleRow {
    /// The row.
    pub fn of(sample: &Sample) -> Self {
        Self {
            corpus: sample.corpus.clone(),
            name: sample.name.clone(),
            path: sample.path.display().to_string(),
            bytes: sample.bytes,
            sha256: sample.sha256.as_ref().map(Digest::to_string),
        }
    }
}

/// The corpora of the catalogue that are not in the usual directory.
///
/// # Errors
/// Those of the catalogue.
pub fn absent_known() -> Result<Vec<Absent>> {
    let here = Path::new(absent::DIRECTORY);
    let described = catalogue::all()?.into_iter();
    Ok(described.filter_map(|s| absent::beside(&here.join(format!("{}.toml", s.corpus)), s)).collect())
}

/// A manifest, with the directory within it that was asked for.
pub type Applying = (Arc<Manifest>, PathBuf);

/// For each path, the manifest that applies to it, or else those of the directories in it.
///
/// # Errors
/// I/O errors; those of manifests.
pub fn manifests(paths: &[PathBuf]) -> Result<Vec<Vec<Applying>>> {
    let mut found = Vec::new();
    for path in paths {
        let at = |e: std::io::Error| Error::from(e).at(path.display().to_string());
        let real = std::fs::canonicalize(path).map_err(at)?;
        let directory = if real.is_dir() { real.as_path() } else { real.parent().unwrap_or(Path::new("/")) };
        let mut of_path = Vec::new();
        if let Some(manifest) = Manifest::nearest(directory)? {
            of_path.push((manifest, real));
        } else if real.is_dir() {
            let entries =
                std::fs::read_dir(&real).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(at)?;
            let mut below: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
            below.sort_unstable();
            for directory in below {
                of_path.extend(Manifest::in_directory(&directory)?.map(|m| (Arc::new(m), directory)));
            }
        }
        found.push(of_path);
    }
    Ok(found)
}

/// Whether a listed file lies at or below `real`.
pub fn within(manifest: &Manifest, listed: &Listed, real: &Path) -> bool {
    let path = manifest.path_of(listed);
    std::fs::canonicalize(&path).unwrap_or(path).starts_with(real)
}

/// Sizes in a manifest are anybody's claim: their sum must not overflow.
pub fn sum(sizes: impl Iterator<Item = u64>) -> u64 {
    sizes.fold(0, u64::saturating_add)
}

/// One line for each corpus that is listed or described, but not here.
pub fn missing(found: &Found) -> Vec<String> {
    let mut corpora: BTreeMap<&str, usize> = BTreeMap::new();
    for file in &found.missing {
        *corpora.entry(&file.corpus).or_default() += 1;
    }
    let are = |n: usize, what: &str| match n {
        1 => format!("1 {what}file is"),
        n => format!("{n} {what}files are"),
    };
    let listed = corpora
        .into_iter()
        .map(|(name, n)| format!("{name}: {} missing{}", are(n, "listed "), get_with(name)));
    let described = found.absent.iter().map(|Absent { sources, command }| {
        format!("{}: {} missing; fetch with: {command}", sources.corpus, are(sources.files.len(), ""))
    });
    listed.chain(described).collect()
}

/// How to get a corpus, where that is known.
pub fn get_with(corpus: &str) -> String {
    absent::known(corpus).map_or_else(String::new, |command| format!("; fetch with: {command}"))
}
