//! Finds the samples below paths of the command line.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lab_codec::{Error, Result};

use super::manifest::{FILE_NAME, Listed, Manifest};
use super::published::Sources;
use super::published::absent::{self, Absent};
use super::sample::Sample;

/// Content of some paths.
#[derive(Debug, Default)]
pub struct Found {
    /// The samples in the order of the paths; within a directory sorted by path.
    pub samples: Vec<Sample>,
    /// Listed files that are missing on disk.
    pub missing: Vec<Listed>,
    /// Corpora that are described but not fetched.
    pub absent: Vec<Absent>,
}

/// Finds the samples under `paths`: files, and all files below directories.
///
/// A file in a manifest stands for its original; other files are plain samples. A listed original can also be
/// named as if it lay unpacked beside its stored form. Within directories, hidden files, `manifest.json` and
/// descriptions of corpora (`NAME.toml`) are skipped. Links to directories are not followed, which prevents
/// loops.
///
/// # Errors
/// [`Usage`](lab_codec::ErrorKind::Usage) if a path is neither file nor directory; errors of manifests; I/O
/// errors. All with the path.
pub fn discover(paths: &[PathBuf]) -> Result<Vec<Sample>> {
    survey(paths).map(|found| found.samples)
}

/// As for [`discover`], with the missing listed files and the absent corpora.
///
/// # Errors
/// As for [`discover`].
pub fn survey(paths: &[PathBuf]) -> Result<Found> {
    let mut search = Search::default();
    for path in paths {
        search.argument(path).map_err(|e| e.at(path.display().to_string()))?;
    }
    name_apart(&mut search.found.samples);
    Ok(search.found)
}

#[derive(Default)]
struct Search {
    found: Found,
    /// Real paths of the samples so far: a file given twice is one sample.
    seen: HashSet<PathBuf>,
}

/// Position of the walk: a directory's shown path, its real path, and its manifest.
struct Place<'a> {
    shown: &'a Path,
    real: &'a Path,
    manifest: Option<&'a Arc<Manifest>>,
}

impl Search {
    fn argument(&mut self, path: &Path) -> Result<()> {
        let Ok(metadata) = fs::metadata(path) else {
            return self.unpacked_name(path);
        };
        if metadata.is_dir() {
            let real = path.canonicalize()?;
            let manifest = Manifest::nearest(&real)?;
            let place = Place { shown: path, real: &real, manifest: manifest.as_ref() };
            self.directory(&place, path)?;
            if let Some(manifest) = &manifest {
                self.note_missing(manifest, &real);
            }
            Ok(())
        } else if metadata.is_file() {
            let (real, manifest) = surroundings(path)?;
            let listed = manifest
                .as_deref()
                .and_then(|m| m.find_stored(real.strip_prefix(&m.directory).ok()?).map(|l| (m, l)));
            let sample = match listed {
                Some((manifest, listed)) => {
                    Sample::listed(manifest.corpus_of(listed), listed, path.to_path_buf())
                }
                None => Sample::plain(file_name(path), path.to_path_buf(), metadata.len()),
            };
            self.add(real, sample);
            Ok(())
        } else {
            Err(Error::usage("neither a file nor a directory"))
        }
    }

    /// Finds `silesia/dickens` if the manifest stores that original as `silesia/dickens.xz`.
    fn unpacked_name(&mut self, path: &Path) -> Result<()> {
        // The look-up may fail for the same reason as the file; then the file's error is the better message.
        let missing = || fs::metadata(path).err().map_or_else(|| Error::usage("not found"), Error::from);
        let (real, manifest) = surroundings(path).map_err(|_| missing())?;
        let listed = manifest.as_deref().and_then(|manifest| {
            let relative = real.strip_prefix(&manifest.directory).ok()?;
            manifest
                .files
                .iter()
                .find(|l| l.stored.parent() == relative.parent() && l.name == file_name(relative))
                .map(|listed| (manifest, listed, manifest.path_of(listed)))
        });
        let Some((manifest, listed, stored)) = listed else { return Err(missing()) };
        if !stored.is_file() {
            self.found.missing.push(listed.clone());
            return Ok(());
        }
        let shown = path.with_file_name(stored.file_name().unwrap_or_default());
        self.add(stored, Sample::listed(manifest.corpus_of(listed), listed, shown));
        Ok(())
    }

    fn directory(&mut self, place: &Place, root: &Path) -> Result<()> {
        let here = |e: std::io::Error| Error::from(e).at(place.shown.display().to_string());
        let mut entries =
            fs::read_dir(place.real).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(here)?;
        entries.sort_unstable_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let (shown, real) = (place.shown.join(&name), entry.path());
            let kind = entry.file_type().map_err(here)?;
            if kind.is_dir() {
                let own = Manifest::in_directory(&real)?.map(Arc::new);
                let inner = Place { shown: &shown, real: &real, manifest: own.as_ref().or(place.manifest) };
                self.directory(&inner, root)?;
                if let Some(manifest) = &own {
                    self.note_missing(manifest, &real);
                }
                continue;
            }
            // Follows links to files. Dangling links, links to directories and pipes are skipped.
            let Some(metadata) = fs::metadata(&real).ok().filter(fs::Metadata::is_file) else { continue };
            let relative = |m: &Manifest| real.strip_prefix(&m.directory).map(Path::to_path_buf).ok();
            let sample = match place.manifest.and_then(|m| Some((m, m.find_stored(&relative(m)?)?))) {
                Some((manifest, listed)) => Sample::listed(manifest.corpus_of(listed), listed, shown),
                None if name == FILE_NAME && place.manifest.is_some_and(|m| m.directory == place.real) => {
                    continue;
                }
                None if Sources::is_at(&real) => {
                    self.found.absent.extend(absent::beside(&shown, Sources::read(&real)?));
                    continue;
                }
                None => {
                    let below = shown.strip_prefix(root).unwrap_or(&shown);
                    Sample::plain(with_slashes(below), shown.clone(), metadata.len())
                }
            };
            self.add(real, sample);
        }
        Ok(())
    }

    fn add(&mut self, real: PathBuf, sample: Sample) {
        if self.seen.insert(real) {
            self.found.samples.push(sample);
        }
    }

    /// Records the files that `manifest` lists in the real directory `within` and that are missing.
    fn note_missing(&mut self, manifest: &Manifest, within: &Path) {
        for listed in &manifest.files {
            let path = manifest.path_of(listed);
            if path.starts_with(within) && !path.is_file() {
                self.found.missing.push(listed.clone());
            }
        }
    }
}

/// A file's real path (only the links in its directory resolved) and the manifest that applies.
fn surroundings(path: &Path) -> Result<(PathBuf, Option<Arc<Manifest>>)> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let parent = parent.canonicalize()?;
    let name = path.file_name().ok_or_else(|| Error::usage("the path does not end in a file name"))?;
    let manifest = Manifest::nearest(&parent)?;
    Ok((parent.join(name), manifest))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn with_slashes(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// Samples with equal labels get their paths as names.
fn name_apart(samples: &mut [Sample]) {
    let mut counts = HashMap::new();
    for sample in &*samples {
        *counts.entry(sample.label()).or_insert(0) += 1;
    }
    for sample in samples {
        if counts.get(&sample.label()).is_some_and(|count| *count > 1) {
            sample.name = with_slashes(&sample.path);
        }
    }
}

#[cfg(test)]
mod tests;
