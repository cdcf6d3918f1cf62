//! Finds resources, side data that a decoder needs, by SHA-256 in files and directories.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lab_codec::{Digest, Error, Find, Registry, Resources, Result, cid};
use sha2::{Digest as _, Sha256};

use crate::reads;

/// Maximum size of a resource, in bytes.
pub const MAX_RESOURCE: u64 = 1 << 30;
/// Maximum number of files that a search reads.
const MAX_FILES: usize = 100_000;
/// Bytes at the front of a file by which a search chooses it.
const HEAD_BYTES: u64 = 64;

/// Files and directories to search for resources.
#[derive(Debug, Clone, Default)]
pub struct Store {
    places: Vec<PathBuf>,
    /// How many of the places the caller named.
    given: usize,
    /// Contents of places that are pipes, which can be read only once.
    piped: Vec<Arc<[u8]>>,
    loaded: Resources,
}

impl Store {
    /// Searches the given files and directories, those in `LAB_RESOURCES` (separated as in PATH), and
    /// `beside`, the directory of the input. Codecs that name other chains use `registry`.
    pub fn new(registry: &Registry, given: &[PathBuf], beside: Option<&Path>) -> Self {
        let mut places = given.to_vec();
        if let Some(list) = std::env::var_os("LAB_RESOURCES") {
            places.extend(std::env::split_paths(&list).filter(|p| !p.as_os_str().is_empty()));
        }
        places.extend(beside.map(Path::to_path_buf));
        let mut store = Self {
            places,
            given: given.len(),
            piped: Vec::new(),
            loaded: Resources::default().with_registry(registry),
        };
        for path in given.iter().filter(|path| path.metadata().is_ok_and(|m| !m.is_file() && !m.is_dir())) {
            // A pipe that fails is a resource that is missing, which is reported when it is needed.
            if let Ok(content) = read(path) {
                store.keep(content);
            }
        }
        store
    }

    /// Keeps the content of a pipe.
    fn keep(&mut self, content: Vec<u8>) -> Digest {
        let digest = Digest(Sha256::digest(&content).into());
        let content: Arc<[u8]> = content.into();
        self.piped.push(content.clone());
        self.loaded.insert(digest, content);
        digest
    }

    /// The first resource whose first bytes are `wanted`.
    ///
    /// # Errors
    /// I/O errors of that resource; one beyond the size limit.
    pub fn search(&self, wanted: impl Fn(&[u8]) -> bool) -> Result<Option<Vec<u8>>> {
        if let Some(content) = self.piped.iter().find(|content| wanted(content)) {
            return Ok(Some(content.to_vec()));
        }
        let starts = |path: &PathBuf| {
            let mut head = Vec::new();
            let read = File::open(path).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut head));
            read.is_ok() && wanted(&head)
        };
        let files = self.places.iter().flat_map(|place| files_in(place)).filter(|path| path.is_file());
        files.take(MAX_FILES).find(starts).map(|path| read(&path)).transpose()
    }

    /// The one file that the caller named as a resource; `None` if there is none, or several.
    ///
    /// # Errors
    /// I/O errors; a file beyond the size limit.
    pub fn only(&self) -> Result<Option<Vec<u8>>> {
        let files: Vec<_> = self.places[..self.given].iter().filter(|place| place.is_file()).collect();
        match (&self.piped[..], &files[..]) {
            ([content], []) => Ok(Some(content.to_vec())),
            ([], [path]) => read(path).map(Some),
            _ => Ok(None),
        }
    }

    /// Loads the file that `@FILE` names in a chain.
    ///
    /// # Errors
    /// I/O errors; a file beyond the size limit.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<Digest> {
        let path = path.as_ref();
        reads::protect(path);
        let content = read(path).map_err(|e| e.at(format!("resource {}", path.display())))?;
        let digest = Digest(Sha256::digest(&content).into());
        self.loaded.insert(digest, content.into());
        Ok(digest)
    }

    /// The resources loaded by [`load`](Self::load).
    pub fn loaded(&self) -> &Resources {
        &self.loaded
    }

    /// Finds every digest. Blobs named by their content identifier are found later, on request.
    ///
    /// # Errors
    /// [`MissingResource`](lab_codec::ErrorKind::MissingResource), naming the digest.
    pub fn find(&self, digests: &[Digest]) -> Result<Resources> {
        let mut found = self.loaded.clone().with_source(Arc::new(Blobs(self.places.clone())));
        let mut missing: Vec<_> = digests.iter().filter(|d| found.get(d).is_err()).collect();
        let files = self.places.iter().flat_map(|place| files_in(place));
        for path in files.take(if missing.is_empty() { 0 } else { MAX_FILES }) {
            let Ok(content) = read(&path) else { continue };
            let digest = Digest(Sha256::digest(&content).into());
            if missing.contains(&&digest) {
                reads::protect(&path);
                found.insert(digest, Arc::from(content));
                missing.retain(|d| **d != digest);
            }
            if missing.is_empty() {
                break;
            }
        }
        digests.iter().try_for_each(|d| found.get(d).map(drop))?;
        Ok(found)
    }
}

/// Directories with blobs named by their content identifier.
#[derive(Debug)]
struct Blobs(Vec<PathBuf>);

impl Find for Blobs {
    fn find(&self, digest: &Digest) -> Result<Option<Arc<[u8]>>> {
        let name = cid::text(digest);
        let Some(path) = self.0.iter().map(|place| place.join(&name)).find(|path| path.is_file()) else {
            return Ok(None);
        };
        let at_path = |e: Error| e.at(path.display().to_string());
        let content = read(&path).map_err(at_path)?;
        if Digest(Sha256::digest(&content).into()) != *digest {
            return Err(at_path(Error::corrupt(
                "the blob's content does not match the identifier in its name",
            )));
        }
        Ok(Some(content.into()))
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let file = File::open(path)?;
    if file.metadata()?.len() > MAX_RESOURCE {
        return Err(Error::limit(format!("a resource has at most {MAX_RESOURCE} bytes")));
    }
    let mut content = Vec::new();
    file.take(MAX_RESOURCE).read_to_end(&mut content)?;
    Ok(content)
}

/// The file itself, or the regular files directly in a directory, sorted by name.
fn files_in(place: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(place) else { return vec![place.to_path_buf()] };
    let mut files: Vec<_> = entries.flatten().map(|e| e.path()).filter(|p| p.is_file()).collect();
    files.sort();
    files
}
