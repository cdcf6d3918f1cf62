//! The files of an album: one line each, and how a file is found by name.

use lab_codec::{Error, Result};
use serde::Serialize;

use crate::manifest::{Coding, Content, File};
use crate::{Album, scan};

/// The content of an album.
#[derive(Debug, Serialize)]
pub struct List {
    /// The files, in the manifest's order.
    pub files: Vec<Line>,
    /// Paths of folders.
    pub folders: Vec<String>,
    /// [`Mode::name`](crate::manifest::Mode::name).
    pub mode: &'static str,
    /// Pictures of the slide show, if the album has one.
    pub slide_show: Option<usize>,
}

/// A file of an album.
#[derive(Debug, Serialize)]
pub struct Line {
    /// Path below the folder.
    pub path: String,
    /// Path of the file as it comes back, where that differs.
    pub restored: Option<String>,
    /// Bytes of the file that was packed.
    pub bytes: u64,
    /// Bytes in the album: its own blocks, and its share of blocks that several files have in common.
    pub album_bytes: u64,
    /// Where its content is: `kept`, `same`, `video` or `coded`.
    pub how: &'static str,
    /// Pixels across, of a picture.
    pub width: Option<u32>,
    /// Rows of a picture.
    pub height: Option<u32>,
    /// Channels of a picture.
    pub channels: Option<u8>,
    /// Bits of a sample.
    pub bits: Option<u8>,
    /// Orientation by Exif.
    pub orientation: Option<u8>,
    /// When a picture was taken, by Exif.
    pub taken: Option<String>,
    /// SSIMULACRA2 of a picture that was coded with loss.
    pub score: Option<f64>,
    /// SHA-256 of the file that was packed, in hexadecimal.
    pub sha256: String,
}

impl Album {
    /// Lists the files, with their sizes in the album.
    pub fn list(&self) -> List {
        let manifest = &self.manifest;
        let lines = manifest.files.iter().zip(self.shares()).map(|(file, share)| {
            let picture = file.picture.as_ref();
            Line {
                path: scan::text(&file.path),
                restored: file.restored.as_ref().map(|path| scan::text(path)),
                bytes: file.bytes,
                album_bytes: share,
                how: self.how(&file.content),
                width: picture.map(|picture| picture.shape.width),
                height: picture.map(|picture| picture.shape.height),
                channels: picture.map(|picture| picture.shape.channels),
                bits: picture.map(|picture| picture.shape.bits),
                orientation: picture.map(|picture| picture.orientation),
                taken: picture.and_then(|picture| picture.taken.as_ref()).map(|taken| scan::text(taken)),
                score: picture.and_then(|picture| picture.score).map(|score| f64::from(score) / 100.0),
                sha256: lab_codec::Digest(file.sha256).to_string(),
            }
        });
        List {
            files: lines.collect(),
            folders: manifest.folders.iter().map(|folder| scan::text(&folder.path)).collect(),
            mode: manifest.mode.name(),
            slide_show: manifest.slides.as_ref().map(|slides| slides.files.len()),
        }
    }

    fn how(&self, content: &Content) -> &'static str {
        let Content::Coded { group, .. } = content else {
            return if matches!(content, Content::Stored { .. }) { "kept" } else { "same" };
        };
        match self.manifest.groups.get(*group as usize).map(|group| &group.coding) {
            Some(Coding::Video { .. }) => "video",
            _ => "coded",
        }
    }

    /// The number of the file with this path, or with this name where no other file has it.
    ///
    /// # Errors
    /// [`Usage`](lab_codec::ErrorKind::Usage) where no file, or more than one, has the name.
    pub fn find(&self, name: &[u8]) -> Result<usize> {
        let files = &self.manifest.files;
        let paths = |file: &File| [Some(file.path.clone()), file.restored.clone()].into_iter().flatten();
        if let Some(number) = files.iter().position(|file| paths(file).any(|path| path == name)) {
            return Ok(number);
        }
        let ends =
            |file: &File| paths(file).any(|path| path.rsplit(|byte| *byte == b'/').next() == Some(name));
        let found: Vec<usize> = (0..files.len()).filter(|number| ends(&files[*number])).collect();
        let text = scan::text(name);
        match found[..] {
            [number] => Ok(number),
            [] => Err(Error::usage(format!("the album has no {text:?}; `lab album list` shows its files"))),
            _ => Err(Error::usage(format!("{} files are called {text:?}; give the whole path", found.len()))),
        }
    }
}
