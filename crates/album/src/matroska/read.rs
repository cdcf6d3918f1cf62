//! Reads a Matroska file: its tracks, attachments, and where every block is.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use lab_codec::{Context, Error, Result};

use super::element::{HEADER, children, header, number};
use super::ids::*;
use super::track_type;
use super::write::TrackPlan;

/// Bytes of an element that is held in memory as a whole, except for attachments.
const SMALL: u64 = 16 << 20;

/// A block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Where its data begin in the file.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
    /// When it is shown, in units of the file.
    pub time: i64,
    /// Whether decoding can begin here.
    pub key: bool,
}

/// A track and its blocks, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Its number.
    pub number: u64,
    /// What it is, so that it can be written again.
    pub plan: TrackPlan,
    /// Its blocks.
    pub blocks: Vec<Block>,
}

/// An attached file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its name.
    pub name: String,
    /// Where its data begin in the file.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
}

/// A file that was looked through.
#[derive(Debug)]
pub struct File {
    file: fs::File,
    length: u64,
    /// Tracks in the order of the file.
    pub tracks: Vec<Track>,
    /// Attached files.
    pub attachments: Vec<Attachment>,
}

impl File {
    /// Looks through the file at `path`.
    ///
    /// # Errors
    /// [`Unsupported`](lab_codec::ErrorKind::Unsupported) where it is no Matroska file,
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt), [`Truncated`](lab_codec::ErrorKind::Truncated),
    /// [`Limit`](lab_codec::ErrorKind::Limit), I/O errors.
    pub fn open(path: &Path, cx: &Context) -> Result<Self> {
        let file = fs::File::open(path)?;
        let length = file.metadata()?.len();
        let mut new = Self { file, length, tracks: Vec::new(), attachments: Vec::new() };
        let foreign = || Error::unsupported("this is no Matroska file");
        let (id, size, at) = new.header(0, length).map_err(|_| foreign())?;
        if id != EBML {
            return Err(foreign());
        }
        let size = size.ok_or_else(|| Error::corrupt("the EBML header has no size"))?;
        let mut position = at.saturating_add(size);
        if position >= length {
            return Err(Error::truncated("the Matroska file is cut off"));
        }
        while position < length {
            let (id, size, data) = new.header(position, length)?;
            let end = size.map_or(length, |size| data.saturating_add(size));
            if id == SEGMENT {
                if end > length {
                    return Err(Error::truncated("the Matroska file is cut off"));
                }
                new.segment(data, end, cx)?;
            }
            position = end;
        }
        Ok(new)
    }

    /// Reads bytes of the file.
    ///
    /// # Errors
    /// [`Truncated`](lab_codec::ErrorKind::Truncated) where they are not there, [`Limit`](lab_codec::ErrorKind::Limit),
    /// I/O errors.
    pub fn read(&self, offset: u64, size: u64, cx: &Context) -> Result<Vec<u8>> {
        if offset.checked_add(size).is_none_or(|end| end > self.length) {
            return Err(Error::truncated("the Matroska file is cut off"));
        }
        cx.limits().check_memory(size, "a block")?;
        let mut bytes = vec![0; size as usize];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// The data of a block of a track.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where there is no such block, and as [`read`](Self::read).
    pub fn block(&self, track: &Track, number: u64, cx: &Context) -> Result<Vec<u8>> {
        let block = usize::try_from(number).ok().and_then(|number| track.blocks.get(number));
        let block =
            block.ok_or_else(|| Error::corrupt(format!("track {} has no block {number}", track.number)))?;
        self.read(block.offset, block.size, cx)
    }

    /// Identifier and size of the element at `position`, and where its data begin.
    fn header(&self, position: u64, end: u64) -> Result<(u32, Option<u64>, u64)> {
        let mut bytes = [0; HEADER];
        let have = (end.saturating_sub(position)).min(HEADER as u64) as usize;
        self.file.read_exact_at(&mut bytes[..have], position)?;
        let (id, size, length) = header(&bytes[..have])?;
        Ok((id, size, position + length as u64))
    }

    /// The elements from `position` to `end`, by identifier, place and size. A cluster of unknown size is looked into
    /// as if its elements were those around it.
    fn segment(&mut self, mut position: u64, end: u64, cx: &Context) -> Result<()> {
        let mut time = 0;
        while position < end {
            cx.check()?;
            let (id, size, data) = self.header(position, end)?;
            let Some(size) = size else {
                if id != CLUSTER {
                    return Err(Error::unsupported("an element of unknown size in the Matroska file"));
                }
                position = data;
                continue;
            };
            let next = data.checked_add(size).filter(|next| *next <= end);
            let next = next.ok_or_else(|| Error::truncated("the Matroska file is cut off"))?;
            match id {
                TRACKS => {
                    let bytes = self.small(data, size, cx)?;
                    self.tracks(&bytes)?;
                }
                ATTACHMENTS => self.attachments(data, next)?,
                CLUSTER => {
                    position = data;
                    continue;
                }
                CLUSTER_TIMESTAMP => time = number(&self.small(data, size, cx)?)? as i64,
                SIMPLE_BLOCK => self.add_block(data, next, time, None)?,
                BLOCK_GROUP => self.group(data, next, time)?,
                _ => {}
            }
            position = next;
        }
        Ok(())
    }

    fn small(&self, offset: u64, size: u64, cx: &Context) -> Result<Vec<u8>> {
        if size > SMALL {
            return Err(Error::limit("an element of the Matroska file is far larger than any should be"));
        }
        self.read(offset, size, cx)
    }

    fn tracks(&mut self, bytes: &[u8]) -> Result<()> {
        for (id, entry) in children(bytes)? {
            if id != TRACK_ENTRY {
                continue;
            }
            let mut track = Track {
                number: 0,
                plan: TrackPlan {
                    kind: 0,
                    codec: String::new(),
                    name: String::new(),
                    default: true,
                    elements: Vec::new(),
                },
                blocks: Vec::new(),
            };
            for (id, data) in children(entry)? {
                match id {
                    TRACK_NUMBER => track.number = number(data)?,
                    TRACK_TYPE => track.plan.kind = number(data)?,
                    FLAG_DEFAULT => track.plan.default = number(data)? != 0,
                    TRACK_NAME => track.plan.name = String::from_utf8_lossy(data).into_owned(),
                    CODEC_ID => track.plan.codec = String::from_utf8_lossy(data).into_owned(),
                    CONTENT_ENCODINGS => {
                        return Err(Error::unsupported("a track with compressed or encrypted blocks"));
                    }
                    CODEC_PRIVATE | VIDEO | DEFAULT_DURATION | CODEC_DELAY | SEEK_PRE_ROLL => {
                        super::element::put(&mut track.plan.elements, id, data);
                    }
                    _ => {}
                }
            }
            if self.tracks.iter().any(|other| other.number == track.number) {
                return Err(Error::corrupt(format!("two tracks have the number {}", track.number)));
            }
            self.tracks.push(track);
        }
        Ok(())
    }

    fn attachments(&mut self, mut position: u64, end: u64) -> Result<()> {
        while position < end {
            let (id, size, mut at) = self.header(position, end)?;
            let next = size.and_then(|size| at.checked_add(size)).filter(|next| *next <= end);
            let next = next.ok_or_else(|| Error::corrupt("an attachment reaches beyond the file"))?;
            if id == ATTACHED_FILE {
                let mut attachment = Attachment { name: String::new(), offset: 0, size: 0 };
                while at < next {
                    let (id, size, data) = self.header(at, next)?;
                    let size = size.filter(|size| data.checked_add(*size).is_some_and(|end| end <= next));
                    let size = size.ok_or_else(|| Error::corrupt("an attachment reaches beyond the file"))?;
                    match id {
                        FILE_NAME if size < 4096 => {
                            let mut name = vec![0; size as usize];
                            self.file.read_exact_at(&mut name, data)?;
                            attachment.name = String::from_utf8_lossy(&name).into_owned();
                        }
                        FILE_DATA => (attachment.offset, attachment.size) = (data, size),
                        _ => {}
                    }
                    at = data + size;
                }
                self.attachments.push(attachment);
            }
            position = next;
        }
        Ok(())
    }

    /// A block with things beside it.
    fn group(&mut self, mut at: u64, end: u64, time: i64) -> Result<()> {
        let (mut block, mut key) = (None, true);
        while at < end {
            let (id, size, data) = self.header(at, end)?;
            let next = size.and_then(|size| data.checked_add(size)).filter(|next| *next <= end);
            let next = next.ok_or_else(|| Error::corrupt("a block reaches beyond its group"))?;
            match id {
                BLOCK => block = Some((data, next)),
                REFERENCE_BLOCK => key = false,
                _ => {}
            }
            at = next;
        }
        match block {
            Some((data, next)) => self.add_block(data, next, time, Some(key)),
            None => Ok(()),
        }
    }

    fn add_block(&mut self, data: u64, end: u64, time: i64, key: Option<bool>) -> Result<()> {
        let mut head = [0; 11];
        let have = (end - data).min(11) as usize;
        self.file.read_exact_at(&mut head[..have], data)?;
        let length = head[0].leading_zeros() as usize + 1;
        if length > 8 || have < length + 3 {
            return Err(Error::corrupt("a block of the Matroska file has no head"));
        }
        let value = head[..length].iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        let track = value & !(1 << (7 * length));
        let relative = i16::from_be_bytes([head[length], head[length + 1]]);
        let flags = head[length + 2];
        if flags & 0x06 != 0 {
            return Err(Error::unsupported("a Matroska file with lacing"));
        }
        // Blocks of tracks that are not announced are nobody's.
        if let Some(track) = self.tracks.iter_mut().find(|other| other.number == track) {
            let offset = data + length as u64 + 3;
            let time = time.saturating_add(relative.into());
            track.blocks.push(Block {
                offset,
                size: end - offset,
                time,
                key: key.unwrap_or(flags & 0x80 != 0),
            });
        }
        Ok(())
    }
}

impl Track {
    /// Whether players show it.
    pub fn is_video(&self) -> bool {
        self.plan.kind == track_type::VIDEO
    }
}
