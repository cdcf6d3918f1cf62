//! Scans a folder: its files, subfolders and their attributes.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use lab_codec::{Context, Error, Result};

use crate::manifest::{Attributes, Folder};

/// A file of the folder.
#[derive(Debug, Clone)]
pub struct Found {
    /// Path relative to the folder, separated by `/`.
    pub path: Vec<u8>,
    /// Mode and modification time.
    pub attributes: Attributes,
    /// Size in bytes.
    pub bytes: u64,
}

/// The content of a folder, sorted by path.
#[derive(Debug, Default)]
pub struct Tree {
    /// Attributes of the folder itself.
    pub root: Attributes,
    /// Subfolders, each after its parent.
    pub folders: Vec<Folder>,
    /// Files.
    pub files: Vec<Found>,
    /// Symbolic links, devices and so on: neither followed nor packed.
    pub others: Vec<Vec<u8>>,
}

/// Maximum nesting of folders.
const MAX_DEPTH: usize = 256;

/// Scans the folder at `root`.
///
/// # Errors
/// I/O errors; [`Usage`](lab_codec::ErrorKind::Usage) where `root` is something else than a folder;
/// [`Limit`](lab_codec::ErrorKind::Limit) where folders are nested too deeply.
pub fn scan(root: &Path, cx: &Context) -> Result<Tree> {
    let at = |path: &Path, e: std::io::Error| Error::from(e).at(path.display().to_string());
    let meta = fs::metadata(root).map_err(|e| at(root, e))?;
    if !meta.is_dir() {
        let path = root.display();
        return Err(Error::usage(format!("{path} is not a folder; an album is packed from a folder")));
    }
    let mut tree = Tree { root: attributes(&meta), ..Tree::default() };
    // A list instead of recursion: the input decides how deep folders are nested.
    let mut pending = vec![Vec::new()];
    while let Some(folder) = pending.pop() {
        cx.check()?;
        if folder.iter().filter(|byte| **byte == b'/').count() >= MAX_DEPTH {
            return Err(Error::limit(format!(
                "folders are nested more than {MAX_DEPTH} deep; pack a subfolder"
            )));
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
    // A folder sorts before its content, since its path is a prefix.
    tree.folders.sort_by(|a, b| a.path.cmp(&b.path));
    tree.files.sort_by(|a, b| a.path.cmp(&b.path));
    tree.others.sort();
    Ok(tree)
}

fn attributes(meta: &fs::Metadata) -> Attributes {
    Attributes { mode: meta.mode() & 0o7777, seconds: meta.mtime(), nanos: meta.mtime_nsec() as u32 }
}

/// The file system path of an album's path below `root`.
pub fn place(root: &Path, path: &[u8]) -> PathBuf {
    if path.is_empty() { root.to_path_buf() } else { root.join(OsStr::from_bytes(path)) }
}

/// A path as text, for messages.
pub fn text(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

/// Checks that a path of an album stays below the target folder: no empty part, `.`, `..` or NUL.
///
/// # Errors
/// [`Corrupt`](lab_codec::ErrorKind::Corrupt).
pub fn check_path(path: &[u8]) -> Result<()> {
    let bad = |part: &[u8]| part.is_empty() || part == b"." || part == b".." || part.contains(&0);
    if path.split(|byte| *byte == b'/').any(bad) {
        return Err(Error::corrupt(format!(
            "the album's path {:?} would not stay in the folder; nothing was written",
            text(path)
        )));
    }
    Ok(())
}
