//! Writes a git bundle: a head that names the last commit, then a pack (gitformat-bundle and gitformat-pack
//! in the git manual). Objects are stored without compression, so a frame is found and read without the
//! objects before it.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use lab_codec::{Error, Result};
use sha1::{Digest as _, Sha1};
use simd_adler32::adler32;

use crate::frame::{Picture, Source, encode};
use crate::header::{Kind, Shape};
use crate::planes::Colour;

/// The first bytes of a bundle.
pub(super) const SIGNATURE: &[u8] = b"# v2 git bundle\n";
/// The references that point to the last commit.
const NAMES: [&str; 2] = ["HEAD", "refs/heads/main"];
/// Author and committer of all commits. Name and time are constant, so equal streams give equal bundles.
const WHO: &str = "gvc <gvc@localhost> 946684800 +0000";
/// Maximum size of a stored block in deflate (RFC 1951).
const STORED: usize = 65_535;

const COMMIT: u8 = 1;
const TREE: u8 = 2;
const BLOB: u8 = 3;

type Id = [u8; 20];

/// Writes objects in order.
pub(super) struct Writer {
    file: BufWriter<File>,
    objects: u32,
    parent: Option<Id>,
    tree: Id,
}

/// The head of a bundle whose last commit is `id`. Its length is constant, so the head can be written last.
fn head(id: Id) -> Vec<u8> {
    let mut head = SIGNATURE.to_vec();
    for name in NAMES {
        head.extend_from_slice(format!("{} {name}\n", hex(id)).as_bytes());
    }
    head.push(b'\n');
    head
}

fn hex(id: Id) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Writer {
    /// Creates the file and writes a first commit with an empty tree.
    ///
    /// # Errors
    /// I/O errors.
    pub(super) fn create(path: &Path, message: &str) -> Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        let mut writer =
            Self { file: BufWriter::with_capacity(1 << 20, file), objects: 0, parent: None, tree: [0; 20] };
        // `finish` fills in the id of the last commit and the number of objects.
        writer.file.write_all(&head([0; 20]))?;
        writer.file.write_all(b"PACK\0\0\0\x02\0\0\0\0")?;
        writer.tree = writer.object(TREE, b"")?;
        writer.commit(message)?;
        Ok(writer)
    }

    /// Adds a frame: a blob, a tree and a commit.
    ///
    /// # Errors
    /// I/O errors.
    pub(super) fn frame(&mut self, number: u32, shape: Shape, pixels: Vec<u8>) -> Result<()> {
        let picture = Arc::new(Picture::from_pixels(shape, pixels)?);
        let blob = encode(&Source::new(number, picture, None), Kind::Runs, Colour::Plain)?;
        let id = self.object(BLOB, &blob)?;
        let mut tree = format!("100644 {}\0", crate::repository::FRAME_FILE).into_bytes();
        tree.extend_from_slice(&id);
        self.tree = self.object(TREE, &tree)?;
        self.commit(&format!("Frame {number:06} (raw, {} bytes)\n", blob.len()))
    }

    fn commit(&mut self, message: &str) -> Result<()> {
        let parent = self.parent.map_or_else(String::new, |id| format!("parent {}\n", hex(id)));
        let tree = hex(self.tree);
        let text = format!("tree {tree}\n{parent}author {WHO}\ncommitter {WHO}\n\n{message}");
        self.parent = Some(self.object(COMMIT, text.as_bytes())?);
        Ok(())
    }

    /// Writes an object: type and size, a zlib stream of stored blocks; returns its id.
    fn object(&mut self, kind: u8, content: &[u8]) -> Result<Id> {
        let name = ["", "commit", "tree", "blob"][usize::from(kind)];
        let mut id = Sha1::new();
        id.update(format!("{name} {}\0", content.len()));
        id.update(content);
        // Four bits of the size and the type in the first byte, then seven bits a byte; the top bit says that
        // more follow.
        let mut size = content.len() >> 4;
        let mut head = vec![kind << 4 | (content.len() & 15) as u8];
        while size > 0 {
            if let Some(last) = head.last_mut() {
                *last |= 0x80;
            }
            head.push((size & 127) as u8);
            size >>= 7;
        }
        head.extend([0x78, 0x01]);
        self.file.write_all(&head)?;
        let blocks = content.len().div_ceil(STORED).max(1);
        for i in 0..blocks {
            let block = &content[i * STORED..((i + 1) * STORED).min(content.len())];
            let length = block.len() as u16;
            self.file.write_all(&[u8::from(i + 1 == blocks)])?;
            self.file.write_all(&length.to_le_bytes())?;
            self.file.write_all(&(!length).to_le_bytes())?;
            self.file.write_all(block)?;
        }
        self.file.write_all(&adler32(&content).to_be_bytes())?;
        self.objects = self.objects.checked_add(1).ok_or_else(|| Error::limit("too many objects"))?;
        Ok(id.finalize().into())
    }

    /// Adds a last commit with the tree of the last frame, and completes the head and the pack.
    ///
    /// # Errors
    /// I/O errors.
    pub(super) fn finish(mut self, message: &str) -> Result<()> {
        self.commit(message)?;
        let head = head(self.parent.unwrap_or_default());
        let mut file = self.file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&head)?;
        file.seek(SeekFrom::Current(8))?;
        file.write_all(&self.objects.to_be_bytes())?;
        // A pack ends with the SHA-1 of everything before.
        file.seek(SeekFrom::Start(head.len() as u64))?;
        let mut digest = Sha1::new();
        let mut piece = vec![0; 1 << 20];
        loop {
            match file.read(&mut piece)? {
                0 => break,
                read => digest.update(&piece[..read]),
            }
        }
        file.write_all(&digest.finalize())?;
        Ok(file.flush()?)
    }
}
