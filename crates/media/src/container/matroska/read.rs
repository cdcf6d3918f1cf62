//! Reads a Matroska file: its tracks, its attachments, and the position of every frame.

use std::collections::BTreeMap;
use std::path::Path;

use lab_codec::{Context, Error, ErrorKind, Result};

use super::block::{self, Block};
use super::element::{HEADER, children, header, number, put};
use super::ids::*;
use super::track_type;
use super::write::TrackPlan;
use crate::container::read_at::{OpenFile, ReadAt, read_before, read_bytes};

/// Maximum size of an element that is read into memory, in bytes.
const MAX_ELEMENT: u64 = 16 << 20;
/// Maximum number of tracks: their numbers fit two bytes, as writers make them. The limit keeps the search
/// for duplicates fast.
const MAX_TRACKS: usize = 16_383;
/// Maximum number of attachments; bounds the memory for many tiny ones.
const MAX_ATTACHMENTS: usize = 1 << 16;

/// A track and its blocks, in file order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Track number.
    pub number: u64,
    /// Properties needed to write the track again.
    pub plan: TrackPlan,
    /// Whether the container compresses or encrypts the blocks.
    pub encoded: bool,
    /// The codec's header, `CodecPrivate`.
    pub private: Vec<u8>,
    /// Frames of the track.
    pub blocks: Vec<Block>,
}

impl Track {
    /// Whether players select the track.
    pub fn is_video(&self) -> bool {
        self.plan.kind == track_type::VIDEO
    }
}

/// An attachment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attachment {
    /// File name.
    pub name: String,
    /// Offset of its first byte in the file.
    pub offset: u64,
    /// Length in bytes.
    pub size: u64,
}

/// Contents of a file.
#[derive(Debug, Default)]
pub struct Contents {
    /// Tracks in file order.
    pub tracks: Vec<Track>,
    /// Attachments.
    pub attachments: Vec<Attachment>,
    /// The damage at which the search ended; the contents before it are complete.
    pub damage: Option<Error>,
}

/// Finds the tracks, blocks and attachments of a file, up to its end or its first damage.
///
/// # Errors
/// [`Unsupported`](ErrorKind::Unsupported) for another file type, [`Limit`](ErrorKind::Limit),
/// [`Cancelled`](ErrorKind::Cancelled), I/O errors.
pub fn scan(source: &dyn ReadAt, cx: &Context) -> Result<Contents> {
    let mut scan = Scan { source, cx, contents: Contents::default(), blocks: BTreeMap::new(), count: 0 };
    let foreign = || Error::unsupported("not a Matroska file");
    match scan.header(0, source.len()) {
        Ok((EBML, size, data)) => scan.contents.damage = scan.file(size, data).err(),
        Ok(_) => return Err(foreign()),
        Err(error) if error.kind() == ErrorKind::Io => return Err(error),
        Err(_) => return Err(foreign()),
    }
    let Scan { mut contents, mut blocks, .. } = scan;
    if let Some(error) = contents.damage.take_if(|error| {
        !matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Truncated | ErrorKind::Unsupported)
    }) {
        return Err(error);
    }
    for track in &mut contents.tracks {
        track.blocks = blocks.remove(&track.number).unwrap_or_default();
    }
    Ok(contents)
}

/// An intact file and its contents.
#[derive(Debug)]
pub struct File {
    source: OpenFile,
    /// Tracks in file order.
    pub tracks: Vec<Track>,
    /// Attachments.
    pub attachments: Vec<Attachment>,
}

impl File {
    /// Finds the contents of the file at `path`.
    ///
    /// # Errors
    /// As for [`scan`]; [`Corrupt`](ErrorKind::Corrupt) or [`Truncated`](ErrorKind::Truncated) if the file is
    /// damaged, [`Unsupported`](ErrorKind::Unsupported) if blocks are compressed or encrypted.
    pub fn open(path: &Path, cx: &Context) -> Result<Self> {
        let source = OpenFile::new(std::fs::File::open(path)?)?;
        let Contents { tracks, attachments, damage } = scan(&source, cx)?;
        if let Some(error) = damage {
            return Err(error);
        }
        if tracks.iter().any(|track| track.encoded) {
            return Err(Error::unsupported("a Matroska track with compressed or encrypted blocks"));
        }
        Ok(Self { source, tracks, attachments })
    }

    /// Reads bytes of the file.
    ///
    /// # Errors
    /// [`Truncated`](ErrorKind::Truncated) beyond the end, [`Limit`](ErrorKind::Limit), I/O errors.
    pub fn read(&self, offset: u64, size: u64, cx: &Context) -> Result<Vec<u8>> {
        read(&self.source, offset, size, cx)
    }

    /// The data of a block of a track.
    ///
    /// # Errors
    /// [`Corrupt`](ErrorKind::Corrupt) if the track has fewer blocks; otherwise as for [`read`](Self::read).
    pub fn block(&self, track: &Track, number: u64, cx: &Context) -> Result<Vec<u8>> {
        let block = usize::try_from(number).ok().and_then(|number| track.blocks.get(number));
        let block =
            block.ok_or_else(|| Error::corrupt(format!("track {} has no block {number}", track.number)))?;
        self.read(block.offset, block.size, cx)
    }
}

fn cut() -> Error {
    Error::truncated("the Matroska file is cut off")
}

fn read(source: &dyn ReadAt, offset: u64, size: u64, cx: &Context) -> Result<Vec<u8>> {
    if offset.checked_add(size).is_none_or(|end| end > source.len()) {
        return Err(cut());
    }
    read_bytes(source, offset, size, "a part of the Matroska file", cx)
}

/// An element of known size: identifier, start and end of its data.
type Element = (u32, u64, u64);

/// State of the search, with its findings.
struct Scan<'a> {
    source: &'a dyn ReadAt,
    cx: &'a Context,
    contents: Contents,
    /// Blocks by track number: a file may declare a track after its blocks.
    blocks: BTreeMap<u64, Vec<Block>>,
    count: u64,
}

impl Scan<'_> {
    /// Identifier, size and data offset of the element at `position`.
    fn header(&self, position: u64, end: u64) -> Result<(u32, Option<u64>, u64)> {
        let mut bytes = [0; HEADER];
        let (id, size, length) = header(read_before(self.source, position, end, &mut bytes)?)?;
        Ok((id, size, position + length as u64))
    }

    /// The element at `position`, which must end before `end`.
    fn element(&self, position: u64, end: u64) -> Result<Element> {
        let (id, size, data) = self.header(position, end)?;
        let next = size.and_then(|size| data.checked_add(size)).filter(|next| *next <= end);
        Ok((id, data, next.ok_or_else(|| Error::corrupt("a Matroska element reaches beyond its parent"))?))
    }

    /// Searches the file after its `EBML` header, whose data begins at `data`.
    fn file(&mut self, size: Option<u64>, data: u64) -> Result<()> {
        let size = size.ok_or_else(|| Error::corrupt("the EBML header has no size"))?;
        let (mut position, length) = (data.saturating_add(size), self.source.len());
        if position >= length {
            return Err(cut());
        }
        while position < length {
            let (id, size, data) = self.header(position, length)?;
            let end = size.map_or(length, |size| data.saturating_add(size));
            if id == SEGMENT {
                self.segment(data, end.min(length))?;
                if end > length {
                    return Err(cut());
                }
            }
            position = end;
        }
        Ok(())
    }

    /// Reads the elements of a segment, and those of its clusters at the same level: a cluster of unknown
    /// size ends where the next one begins.
    fn segment(&mut self, mut position: u64, end: u64) -> Result<()> {
        let mut time = 0;
        while position < end {
            self.cx.check()?;
            let (id, size, data) = self.header(position, end)?;
            if id == CLUSTER {
                position = data;
                continue;
            }
            let size =
                size.ok_or_else(|| Error::unsupported("a Matroska element of unknown size, not a cluster"))?;
            let next = data.checked_add(size).filter(|next| *next <= end).ok_or_else(cut)?;
            match id {
                TRACKS => {
                    let bytes = self.small(data, size)?;
                    self.tracks(&bytes)?;
                }
                ATTACHMENTS => self.attachments(data, next)?,
                CLUSTER_TIMESTAMP => {
                    time = i64::try_from(number(&self.small(data, size)?)?).map_err(|_| {
                        Error::corrupt("the Matroska file has a cluster with a timestamp of 2^63 or more")
                    })?;
                }
                SIMPLE_BLOCK => self.add_block((data, next), time, None)?,
                BLOCK_GROUP => self.group(data, next, time)?,
                _ => {}
            }
            position = next;
        }
        Ok(())
    }

    fn small(&self, offset: u64, size: u64) -> Result<Vec<u8>> {
        if size > MAX_ELEMENT {
            return Err(Error::corrupt(format!("a Matroska element of {size} bytes exceeds {MAX_ELEMENT}")));
        }
        read(self.source, offset, size, self.cx)
    }

    fn tracks(&mut self, bytes: &[u8]) -> Result<()> {
        for (_, entry) in children(bytes)?.into_iter().filter(|(id, _)| *id == TRACK_ENTRY) {
            let mut plan = TrackPlan { default: true, ..TrackPlan::default() };
            let (mut track_number, mut encoded, mut private) = (0, false, Vec::new());
            for (id, data) in children(entry)? {
                if id == CODEC_PRIVATE {
                    private = data.to_vec();
                }
                match id {
                    TRACK_NUMBER => track_number = number(data)?,
                    TRACK_TYPE => plan.kind = number(data)?,
                    FLAG_DEFAULT => plan.default = number(data)? != 0,
                    TRACK_NAME => plan.name = String::from_utf8_lossy(data).into_owned(),
                    CODEC_ID => plan.codec = String::from_utf8_lossy(data).into_owned(),
                    CONTENT_ENCODINGS => encoded = !data.is_empty(),
                    CODEC_PRIVATE | VIDEO | DEFAULT_DURATION | CODEC_DELAY | SEEK_PRE_ROLL => {
                        put(&mut plan.elements, id, data);
                    }
                    _ => {}
                }
            }
            let tracks = &mut self.contents.tracks;
            if tracks.iter().any(|other| other.number == track_number) {
                return Err(Error::corrupt(format!("two Matroska tracks have the number {track_number}")));
            }
            if tracks.len() == MAX_TRACKS {
                return Err(Error::limit(format!("a Matroska file of more than {MAX_TRACKS} tracks")));
            }
            tracks.push(Track { number: track_number, plan, encoded, private, blocks: Vec::new() });
        }
        Ok(())
    }

    fn attachments(&mut self, mut position: u64, end: u64) -> Result<()> {
        while position < end {
            let (id, mut at, next) = self.element(position, end)?;
            if id == ATTACHED_FILE {
                let mut attachment = Attachment::default();
                while at < next {
                    let (id, data, after) = self.element(at, next)?;
                    match id {
                        FILE_NAME if after - data < 4096 => {
                            let name = read(self.source, data, after - data, self.cx)?;
                            attachment.name = String::from_utf8_lossy(&name).into_owned();
                        }
                        FILE_DATA => (attachment.offset, attachment.size) = (data, after - data),
                        _ => {}
                    }
                    at = after;
                }
                if self.contents.attachments.len() == MAX_ATTACHMENTS {
                    return Err(Error::limit(format!(
                        "a Matroska file of more than {MAX_ATTACHMENTS} attachments"
                    )));
                }
                self.contents.attachments.push(attachment);
            }
            position = next;
        }
        Ok(())
    }

    /// Reads a block group. A reference to another block means that it is not a key frame.
    fn group(&mut self, mut at: u64, end: u64, time: i64) -> Result<()> {
        let (mut block, mut key) = (None, true);
        while at < end {
            let (id, data, next) = self.element(at, end)?;
            match id {
                BLOCK => block = Some((data, next)),
                REFERENCE_BLOCK => key = false,
                _ => {}
            }
            at = next;
        }
        block.map_or(Ok(()), |block| self.add_block(block, time, Some(key)))
    }

    fn add_block(&mut self, place: (u64, u64), time: i64, key: Option<bool>) -> Result<()> {
        let (track, frames) = block::read(self.source, place, time, key, self.cx)?;
        self.count += frames.len() as u64;
        // Growth holds the old and the doubled list at once.
        let memory = 3 * self.count * size_of::<Block>() as u64;
        self.cx.limits().check_memory(memory, "the index of the Matroska file")?;
        self.blocks.entry(track).or_default().extend(frames);
        Ok(())
    }
}
