//! What is in a folder.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use lab_codec::{Context, Error, Result};

use crate::manifest::{Attributes, Folder};

/// A file that was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its path from the folder, parts divided by `/`.
    pub path: Vec<u8>,
    /// Attributes.
    pub attributes: Attributes,
    /// Bytes.
    pub bytes: u64,
}

/// What is in a folder, by path.
#[derive(Debug, Default)]
pub struct Tree {
    /// Attributes of the folder itself.
    pub root: Attributes,
    /// Folders, each after the one that it is in.
    pub folders: Vec<Folder>,
    /// Files.
    pub files: Vec<Found>,
    /// Links, devices and so on: neither followed nor packed.
    pub others: Vec<Vec<u8>>,
}

/// Folders within folders at most.
const DEPTH: usize = 256;

/// Looks through the folder at `root`.
///
/// # Errors
/// I/O errors, [`Usage`](lab_codec::ErrorKind::Usage) where it is no folder,
/// [`Limit`](lab_codec::ErrorKind::Limit) where folders are nested too deeply.
pub fn scan(root: &Path, cx: &Context) -> Result<Tree> {
    let at = |path: &Path, e: std::io::Error| Error::from(e).at(path.display().to_string());
    let meta = fs::metadata(root).map_err(|e| at(root, e))?;
    if !meta.is_dir() {
        return Err(Error::usage(format!("{} is no folder; an album is made of a folder", root.display())));
    }
    let mut tree = Tree { root: attributes(&meta), ..Tree::default() };
    // A list instead of recursion: how deep folders go is up to whoever made them.
    let mut pending = vec![Vec::new()];
    while let Some(folder) = pending.pop() {
        cx.check()?;
        if folder.iter().filter(|byte| **byte == b'/').count() >= DEPTH {
            return Err(Error::limit(format!("folders are nested more than {DEPTH} deep")));
        }
        let here = place(root, &folder);
        let mut names = Vec::new();
        for entry in fs::read_dir(&here).map_err(|e| at(&here, e))? {
            names.push(entry.map_err(|e| at(&here, e))?.file_name());
        }
        for name in names {
            let mut path = folder.clone();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(name.as_bytes());
            let file = place(root, &path);
            let meta = fs::symlink_metadata(&file).map_err(|e| at(&file, e))?;
            if meta.is_dir() {
                tree.folders.push(Folder { path: path.clone(), attributes: attributes(&meta) });
                pending.push(path);
            } else if meta.is_file() {
                tree.files.push(Found { path, attributes: attributes(&meta), bytes: meta.len() });
            } else {
                tree.others.push(path);
            }
        }
    }
    // A folder sorts before what is in it.
    tree.folders.sort_by(|a, b| a.path.cmp(&b.path));
    tree.files.sort_by(|a, b| a.path.cmp(&b.path));
    tree.others.sort();
    Ok(tree)
}

fn attributes(meta: &fs::Metadata) -> Attributes {
    Attributes { mode: meta.mode() & 0o7777, seconds: meta.mtime(), nanos: meta.mtime_nsec() as u32 }
}

/// Where a path of an album is below a folder.
pub fn place(root: &Path, path: &[u8]) -> PathBuf {
    if path.is_empty() { root.to_path_buf() } else { root.join(OsStr::from_bytes(path)) }
}

/// A path for people.
pub fn text(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

/// Checks that a path of an album stays below the folder that it is unpacked to.
///
/// # Errors
/// [`Corrupt`](lab_codec::ErrorKind::Corrupt).
pub fn check_path(path: &[u8]) -> Result<()> {
    let bad = |part: &[u8]| part.is_empty() || part == b"." || part == b".." || part.contains(&0);
    if path.split(|byte| *byte == b'/').any(bad) {
        return Err(Error::corrupt(format!(
            "the album has a file called {:?}, which would not stay in the folder; nothing was written",
            text(path)
        )));
    }
    Ok(())
}
