//! Finds the samples of an H.264 track in MP4 (ISO/IEC 14496-12): plain, faststart or fragmented.

use lab_codec::{Context, Error, Result};

use super::boxes::{Boxes, Fields};
use crate::container::read_at::{ReadAt, read_before, read_bytes};
use crate::container::samples::{Sample, Samples, Track};

/// Maximum number of top-level boxes, which bounds the search. A fragmented file has two per sample.
const MAX_BOXES: usize = 1 << 24;

/// Finds the samples of the first H.264 track of `file`, and appends them to `samples`.
pub(crate) fn read_index(file: &dyn ReadAt, mut samples: Samples, cx: &Context) -> Result<Option<Track>> {
    let mut found: Option<Found> = None;
    let mut data = None;
    let mut truncated = false;
    let mut position = 0;
    for step in 0..MAX_BOXES {
        if step % 4096 == 0 {
            cx.check()?;
        }
        if position >= file.len() {
            break;
        }
        let Some(top) = TopBox::read(file, position)? else {
            truncated = true;
            break;
        };
        match &top.kind {
            b"moov" if found.is_none() => {
                found = Found::in_movie(&top.content(file, cx, &mut truncated)?, &mut samples)?;
            }
            b"moof" => {
                if let Some(found) = &found {
                    let fragment = top.content(file, cx, &mut truncated)?;
                    found.add_fragment(&fragment, position, &mut samples)?;
                }
            }
            b"mdat" if data.is_none() => {
                data = Some(top.content);
                truncated |= top.end > file.len() || top.to_end;
            }
            _ => {}
        }
        position = top.end;
    }
    let salvaged = found.is_none();
    let length_size = match (found, data) {
        (Some(found), _) => found.length_size,
        // The file ends before its index: it is incomplete.
        (None, Some(data)) if truncated => {
            walk_data(file, data, &mut samples)?;
            SALVAGED_LENGTH as usize
        }
        (None, _) if truncated => return Err(incomplete()),
        (None, _) => return Ok(None),
    };
    Ok(Some(Track { samples: samples.list, length_size, salvaged }))
}

/// Offset and length of the index (`moov`); `None` if the file has none.
///
/// # Errors
/// I/O errors.
pub fn movie_box(file: &dyn ReadAt) -> Result<Option<(u64, u64)>> {
    let mut position = 0;
    for _ in 0..MAX_BOXES {
        if position >= file.len() {
            break;
        }
        let Some(top) = TopBox::read(file, position)? else { break };
        if &top.kind == b"moov" {
            return Ok(Some((position, top.end.min(file.len()) - position)));
        }
        position = top.end;
    }
    Ok(None)
}

/// The error for a video without an index in which no samples were found either.
pub fn incomplete() -> Error {
    Error::truncated("the video ends before its index (the moov box): the file is incomplete")
}

/// Bytes of the NAL length field in files without an index, as our writer leaves them.
const SALVAGED_LENGTH: u32 = 4;

/// Collects consecutive NAL units from `position` on as samples, the layout that our writer leaves.
fn walk_data(file: &dyn ReadAt, mut position: u64, samples: &mut Samples) -> Result<()> {
    while file.len().saturating_sub(position) > u64::from(SALVAGED_LENGTH) {
        let mut length = [0; SALVAGED_LENGTH as usize];
        file.read_exact_at(position, &mut length)?;
        let Some(size) = u32::from_be_bytes(length).checked_add(SALVAGED_LENGTH) else { break };
        let before = samples.list.len();
        samples.push(Sample { offset: position, size })?;
        if samples.list.len() == before {
            break; // too small, or cut off
        }
        position += u64::from(size);
    }
    Ok(())
}

/// A box at the top level.
struct TopBox {
    kind: [u8; 4],
    content: u64,
    end: u64,
    /// Whether the box extends to the end of the file.
    to_end: bool,
}

impl TopBox {
    /// Reads the header at `position`; `None` if it is malformed or does not fit the file.
    fn read(file: &dyn ReadAt, position: u64) -> Result<Option<Self>> {
        let mut header = [0; 16];
        let mut fields = Fields(read_before(file, position, file.len(), &mut header)?);
        let parse = |fields: &mut Fields| {
            let size = fields.u32()?;
            let kind = fields.array()?;
            let to_end = size == 0;
            let (length, size) = match size {
                0 => (8, file.len() - position),
                1 => (16, fields.u64()?),
                size => (8, u64::from(size)),
            };
            let end = position.saturating_add(size);
            (size >= length).then_some(Self { kind, content: position + length, end, to_end })
        };
        Ok(parse(&mut fields))
    }

    /// Reads the content, cut at the end of the file.
    fn content(&self, file: &dyn ReadAt, cx: &Context, truncated: &mut bool) -> Result<Vec<u8>> {
        *truncated |= self.end > file.len();
        let size = self.end.min(file.len()).saturating_sub(self.content);
        read_bytes(file, self.content, size, "the index of the video", cx)
    }
}

/// The first H.264 track, with the data that fragments refer to.
struct Found {
    id: u32,
    length_size: usize,
    default_size: u32,
}

impl Found {
    /// Reads the first H.264 track of a `moov`; its samples go to `samples`.
    fn in_movie(movie: &[u8], samples: &mut Samples) -> Result<Option<Self>> {
        for (_, track) in Boxes(movie).filter(|(kind, _)| kind == b"trak") {
            let Some((id, length_size, table)) = video_track(track) else { continue };
            let default_size = Boxes::find(movie, b"mvex")
                .into_iter()
                .flat_map(|mvex| Boxes(mvex).filter(|(kind, _)| kind == b"trex"))
                .find_map(|(_, trex)| {
                    let mut f = Fields(trex);
                    f.skip(4)?;
                    (f.u32()? == id).then_some(())?;
                    f.skip(8)?;
                    f.u32()
                })
                .unwrap_or(0);
            table_samples(table, samples)?;
            return Ok(Some(Self { id, length_size, default_size }));
        }
        Ok(None)
    }

    /// Appends the samples of a `moof` that begins at `start`.
    fn add_fragment(&self, fragment: &[u8], start: u64, samples: &mut Samples) -> Result<()> {
        let mut next = start;
        for (_, traf) in Boxes(fragment).filter(|(kind, _)| kind == b"traf") {
            let Some(header) = Boxes::find(traf, b"tfhd").and_then(|b| FragmentHeader::parse(b, start, next))
            else {
                continue;
            };
            let default_size = header.default_size.unwrap_or(self.default_size);
            next = header.base;
            for (_, run) in Boxes(traf).filter(|(kind, _)| kind == b"trun") {
                let ours = (header.track == self.id).then_some(&mut *samples);
                next = run_samples(run, header.base, next, default_size, ours)?;
            }
        }
        Ok(())
    }
}

/// `tfhd` (8.8.7).
struct FragmentHeader {
    track: u32,
    base: u64,
    default_size: Option<u32>,
}

impl FragmentHeader {
    /// `start` is the offset of the `moof`, `next` the end of the previous fragment's data.
    fn parse(content: &[u8], start: u64, next: u64) -> Option<Self> {
        let mut f = Fields(content);
        let (_, flags) = f.version_and_flags()?;
        let track = f.u32()?;
        let base = match flags {
            flags if flags & 1 != 0 => f.u64()?,
            flags if flags & 0x02_0000 != 0 => start,
            _ => next,
        };
        f.skip(if flags & 2 != 0 { 4 } else { 0 } + if flags & 8 != 0 { 4 } else { 0 })?;
        let default_size = if flags & 0x10 != 0 { Some(f.u32()?) } else { None };
        Some(Self { track, base, default_size })
    }
}

/// Reads a `trun` (8.8.8) whose data begins at `next` unless it has an offset; returns the end of its data.
fn run_samples(
    content: &[u8],
    base: u64,
    mut next: u64,
    default_size: u32,
    mut samples: Option<&mut Samples>,
) -> Result<u64> {
    let mut walk = || {
        let mut f = Fields(content);
        let (_, flags) = f.version_and_flags()?;
        let count = f.u32()?;
        if flags & 1 != 0 {
            next = base.checked_add_signed(i64::from(f.u32()?.cast_signed()))?;
        }
        f.skip(if flags & 4 != 0 { 4 } else { 0 })?;
        let fields_after_size = (flags & 0xC00).count_ones() as usize * 4;
        if flags & 0xF00 == 0 && (samples.as_ref().is_none_or(|samples| default_size < samples.smallest)) {
            // All samples are too small to keep, and nothing in the file bounds their number: skip them at
            // once.
            next = next.saturating_add(u64::from(count) * u64::from(default_size));
            return Some(Ok(()));
        }
        for _ in 0..count {
            f.skip(if flags & 0x100 != 0 { 4 } else { 0 })?;
            let size = if flags & 0x200 != 0 { f.u32()? } else { default_size };
            f.skip(fields_after_size)?;
            if let Some(samples) = &mut samples {
                if next > samples.file_len {
                    break;
                }
                if let Err(error) = samples.push(Sample { offset: next, size }) {
                    return Some(Err(error));
                }
            }
            next = next.saturating_add(u64::from(size));
        }
        Some(Ok(()))
    };
    walk().unwrap_or(Ok(()))?;
    Ok(next)
}

/// The id, the NAL length size and the `stbl` of a `trak`, if it is H.264 video.
fn video_track(track: &[u8]) -> Option<(u32, usize, &[u8])> {
    let mut header = Fields(Boxes::find(track, b"tkhd")?);
    let (version, _) = header.version_and_flags()?;
    header.skip(if version == 1 { 16 } else { 8 })?;
    let id = header.u32()?;
    let media = Boxes::find(track, b"mdia")?;
    let table = Boxes::find_path(media, &[b"minf", b"stbl"])?;
    let descriptions = Boxes::find(table, b"stsd")?.get(8..)?;
    let (_, description) = Boxes(descriptions).find(|(kind, _)| matches!(kind, b"avc1" | b"avc3"))?;
    let configuration = Boxes::find(description.get(78..)?, b"avcC")?;
    Some((id, usize::from(configuration.get(4)? & 3) + 1, table))
}

/// Reads the samples of a `stbl` (8.7.3 to 8.7.5).
fn table_samples(table: &[u8], samples: &mut Samples) -> Result<()> {
    let mut walk = || {
        let mut sizes = SampleSizes::parse(table)?;
        if (1..samples.smallest).contains(&sizes.fixed) {
            return None; // too small, and nothing in the file bounds their number
        }
        let mut chunks = ChunkOffsets::parse(table)?;
        let mut f = Fields(Boxes::find(table, b"stsc")?);
        f.skip(4)?;
        let entries = f.u32()?;
        let mut per_chunk = 0;
        let mut next_entry: Option<(u32, u32)> = None; // its first chunk, its samples per chunk
        let mut left = entries;
        let mut chunk = 1u32;
        while let Some(mut offset) = chunks.next() {
            loop {
                if next_entry.is_none() && left > 0 {
                    left -= 1;
                    let first = f.u32()?;
                    next_entry = Some((first, f.u32()?));
                    f.skip(4)?;
                }
                match next_entry {
                    Some((first, count)) if first <= chunk => {
                        per_chunk = count;
                        next_entry = None;
                    }
                    _ => break,
                }
            }
            for _ in 0..per_chunk {
                let size = sizes.next()?;
                if sizes.fixed != 0 && offset > samples.file_len {
                    break; // nothing else in the file bounds their number
                }
                if let Err(error) = samples.push(Sample { offset, size }) {
                    return Some(Err(error));
                }
                offset = offset.checked_add(u64::from(size))?;
            }
            chunk = chunk.checked_add(1)?;
        }
        Some(Ok(()))
    };
    walk().unwrap_or(Ok(()))
}

/// `stsz` or `stz2`: sample sizes in order.
struct SampleSizes<'a> {
    fixed: u32,
    left: u32,
    bits: u8,
    fields: Fields<'a>,
    /// The second half of a byte with two 4-bit sizes.
    low: Option<u32>,
}

impl<'a> SampleSizes<'a> {
    fn parse(table: &'a [u8]) -> Option<Self> {
        if let Some(content) = Boxes::find(table, b"stsz") {
            let mut fields = Fields(content);
            fields.skip(4)?;
            let fixed = fields.u32()?;
            let left = fields.u32()?;
            return Some(Self { fixed, left, bits: 32, fields, low: None });
        }
        let mut fields = Fields(Boxes::find(table, b"stz2")?);
        fields.skip(7)?;
        let bits = fields.u8()?;
        let left = fields.u32()?;
        Some(Self { fixed: 0, left, bits, fields, low: None })
    }

    fn next(&mut self) -> Option<u32> {
        self.left = self.left.checked_sub(1)?;
        if self.fixed != 0 {
            return Some(self.fixed);
        }
        match self.bits {
            32 => self.fields.u32(),
            16 => self.fields.array().map(u16::from_be_bytes).map(u32::from),
            8 => self.fields.u8().map(u32::from),
            _ => match self.low.take() {
                Some(low) => Some(low),
                None => {
                    let pair = self.fields.u8()?;
                    self.low = Some(u32::from(pair & 15));
                    Some(u32::from(pair >> 4))
                }
            },
        }
    }
}

/// `stco` or `co64`: chunk offsets.
struct ChunkOffsets<'a> {
    wide: bool,
    left: u32,
    fields: Fields<'a>,
}

impl<'a> ChunkOffsets<'a> {
    fn parse(table: &'a [u8]) -> Option<Self> {
        let (wide, content) = match Boxes::find(table, b"stco") {
            Some(content) => (false, content),
            None => (true, Boxes::find(table, b"co64")?),
        };
        let mut fields = Fields(content);
        fields.skip(4)?;
        let left = fields.u32()?;
        Some(Self { wide, left, fields })
    }

    fn next(&mut self) -> Option<u64> {
        self.left = self.left.checked_sub(1)?;
        if self.wide { self.fields.u64() } else { self.fields.u32().map(u64::from) }
    }
}
