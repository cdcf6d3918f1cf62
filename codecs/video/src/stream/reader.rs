//! Reads a stream back from a video of a lossy profile, at any offset.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lab_codec::{Context, Lost, Result, StreamReader, Summary, check_read};
use lab_media::ffmpeg::Clip;

use super::cursor::{Cursor, Frames};
use super::extent::Extent;
use super::film::{picture_of, pictures_of, poster_pictures};
use super::scan::{Identity, Scanned, Scanner};
use super::{Health, Layout, erasure, poster};
use crate::modem::Kind;

/// Seek attempts before the video is read from its start.
const MAX_SEEKS: usize = 4;

/// Frames of consecutive reads after which the reader loads whole groups.
const SEQUENTIAL_FRAMES: usize = 2 * SMALL_READ_FRAMES;

/// Overlap in bytes with the end of the last read up to which a read counts as its continuation.
const OVERLAP: u64 = 4096;

/// Reads of at most this many frames, in a group of more than four times as many, load only these frames. A
/// seek reads on over a gap up to this size.
const SMALL_READ_FRAMES: usize = 32;

/// Reads a stream from a video.
pub struct Reader {
    path: PathBuf,
    clip: Clip,
    identity: Identity,
    extent: Extent,
    layout: Layout,
    state: Mutex<State>,
    cx: Context,
}

/// Position and buffers of a reader.
#[derive(Default)]
struct State {
    /// All frames of a short video, kept in memory.
    held: Option<Arc<[Scanned]>>,
    cursor: Option<Cursor>,
    group: Option<(u64, Group)>,
    /// The end of the last read.
    end: u64,
    /// Bytes of consecutive reads up to there.
    run: u64,
    /// The data frame that a small read loaded last: the group's number, its index there, its payload.
    last: Option<(u64, usize, Vec<u8>)>,
    health: Health,
}

/// The data of a group.
struct Group {
    bytes: Vec<u8>,
    /// Ranges of lost bytes.
    lost: Vec<Range<usize>>,
}

impl State {
    /// The next frame at the cursor.
    fn next(&mut self) -> Result<Option<Scanned>> {
        let Some(cursor) = &mut self.cursor else { return Ok(None) };
        let next = cursor.next(&mut self.health)?;
        if next.is_none() {
            self.cursor = None;
        }
        Ok(next)
    }

    /// Pushes a frame back, so that the next call returns it again.
    fn push_back(&mut self, scanned: Scanned) {
        if let Some(cursor) = &mut self.cursor {
            cursor.push_back(scanned);
        }
    }
}

impl Reader {
    /// Opens the stream in the video at `path`.
    ///
    /// # Errors
    /// [`Unsupported`](lab_codec::ErrorKind::Unsupported) where the video holds no lab stream, with the
    /// reason; [`MissingTool`](lab_codec::ErrorKind::MissingTool), failures of ffmpeg.
    pub fn open(path: &Path, cx: &Context) -> Result<Self> {
        let clip = Clip::of(path, cx)?;
        let identity = Identity::of(path, &clip, cx)?;
        let (extent, whole) = Extent::find(path, &clip, &identity, cx)?;
        let state = State { held: whole.frames, health: whole.health, ..State::default() };
        Ok(Self {
            path: path.to_path_buf(),
            clip,
            identity,
            layout: extent.manifest.layout,
            extent,
            state: Mutex::new(state),
            cx: cx.clone(),
        })
    }

    /// The profile.
    pub fn profile(&self) -> &'static str {
        self.identity.profile.name
    }

    /// Properties of the video.
    pub fn clip(&self) -> &Clip {
        &self.clip
    }

    /// Takes the statistics of the copy since it was opened, or since the last call.
    pub fn take_health(&self) -> Health {
        std::mem::take(&mut self.lock().health)
    }

    /// Reads the rest of the video behind the last group, so that its health is complete.
    ///
    /// # Errors
    /// As [`read_at`](StreamReader::read_at).
    pub fn read_rest(&self) -> Result<()> {
        let state = &mut *self.lock();
        if let Some(cursor) = &mut state.cursor {
            while cursor.next(&mut state.health)?.is_some() {}
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent after every step, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The approximate time of frame `frame` in seconds: the copy may have another rate, and frames may be
    /// missing.
    fn time_of(&self, frame: u64) -> f64 {
        let structure = self.identity.profile.structure;
        let rate = self.clip.rate;
        let poster = match poster::is_shown(self.identity.profile) {
            true => poster_pictures(structure, rate),
            false => 0,
        };
        let picture = poster + picture_of(structure, frame);
        match self.clip.duration {
            Some(duration) if self.extent.manifest.end.is_some() => {
                let pictures = poster + pictures_of(structure, self.extent.frames);
                duration * picture as f64 / pictures.max(1) as f64
            }
            _ => picture as f64 / rate.as_f64(),
        }
    }

    /// Moves the cursor to frame `frame` or a little before it.
    fn seek(&self, state: &mut State, frame: u64) -> Result<()> {
        // Reading over a small gap is cheaper than starting another decoder.
        if let Some(cursor) = &state.cursor {
            let next = cursor.least_next();
            if next <= frame && frame - next <= SMALL_READ_FRAMES as u64 {
                return Ok(());
            }
        }
        let mut early = 0.1;
        for attempt in 0..=MAX_SEEKS {
            let time = self.time_of(frame) - early;
            let start = (attempt < MAX_SEEKS && time > 0.0).then_some(time);
            let (mut frames, start) = match &state.held {
                Some(held) => (Frames::Held(held.clone(), 0), None),
                None => {
                    let scanner = Scanner::open(&self.path, &self.clip, &self.identity, start, &self.cx)?;
                    (Frames::Scanned(Box::new(scanner)), start)
                }
            };
            let first = frames.next(&mut state.health)?;
            let number = first.as_ref().map(|scanned| u64::from(scanned.header.frame));
            let is_reached = match number {
                Some(number) => number <= frame,
                None => false,
            };
            if is_reached || start.is_none() {
                state.cursor = Some(Cursor::new(frames, first));
                return Ok(());
            }
            // The decoder began too late: start earlier by twice as much, and by 1.5 times the frames
            // overshot.
            let behind = number.map_or(64, |number| number - frame);
            early = early * 2.0 + behind as f64 * 1.5 / self.clip.rate.as_f64();
        }
        Ok(())
    }

    /// Copies data frames `wanted` of group `number` into `bytes` without reading the rest of the group.
    /// Returns whether all of them were found.
    fn read_few(
        &self,
        state: &mut State,
        number: u64,
        wanted: Range<usize>,
        bytes: &mut [u8],
    ) -> Result<bool> {
        let shard = self.layout.shard;
        let mut wanted = wanted;
        let mut bytes = bytes;
        // A read often begins in the frame where the one before it ended.
        if let Some((group, index, payload)) = &state.last
            && (*group, *index) == (number, wanted.start)
        {
            let (place, rest) = bytes.split_at_mut(shard.min(bytes.len()));
            if payload.len() != place.len() {
                return Ok(false);
            }
            place.copy_from_slice(payload);
            (bytes, wanted.start) = (rest, wanted.start + 1);
        }
        if wanted.is_empty() {
            return Ok(true);
        }
        self.seek(state, self.layout.frame(number, wanted.start as u64))?;
        let end = self.layout.frame(number, wanted.end as u64);
        let mut left = wanted.len();
        while left > 0 {
            let Some(scanned) = state.next()? else { return Ok(false) };
            if u64::from(scanned.header.frame) >= end {
                state.push_back(scanned);
                return Ok(false);
            }
            let (header, Some(payload)) = (scanned.header, scanned.payload) else { continue };
            let index = usize::from(header.index);
            if header.kind == Kind::Data && u64::from(header.group) == number && wanted.contains(&index) {
                let at = (index - wanted.start) * shard;
                let place = &mut bytes[at..];
                let length = shard.min(place.len());
                // A payload of another length than its place is damaged or foreign.
                if payload.len() != length {
                    return Ok(false);
                }
                place[..length].copy_from_slice(&payload);
                left -= 1;
                if index + 1 == wanted.end {
                    state.last = Some((number, index, payload));
                }
            }
        }
        Ok(true)
    }

    /// Reads group `number` as a whole, reusing the buffer `bytes`.
    fn read_group(&self, state: &mut State, number: u64, mut bytes: Vec<u8>) -> Result<Group> {
        let (shard, count) = (self.layout.shard, self.extent.data_frames(number));
        let len = self.extent.group_len(number);
        let open_end = self.extent.open_end_in(number);
        let data_len = open_end.map_or(len, |end| end.bytes);
        bytes.clear();
        bytes.resize(len.max(count * shard), 0);
        let mut have = vec![false; count];
        let mut parity = BTreeMap::new();
        let mut parity_frames = 0;
        self.seek(state, number * self.layout.group_frames())?;
        let mut read = 0;
        // As many frames as the group has data frames give or recover everything: stop reading there.
        while read < count {
            self.cx.check()?;
            let Some(scanned) = state.next()? else { break };
            if u64::from(scanned.header.group) > number {
                state.push_back(scanned);
                break;
            }
            let (header, Some(payload)) = (scanned.header, scanned.payload) else { continue };
            if u64::from(header.group) != number {
                continue;
            }
            let index = usize::from(header.index);
            match header.kind {
                Kind::Data if index < count && !have[index] => {
                    let length = shard.min(data_len.saturating_sub(index * shard));
                    if payload.len() == length {
                        bytes[index * shard..index * shard + length].copy_from_slice(&payload);
                        have[index] = true;
                        read += 1;
                    }
                }
                Kind::Parity if index >= count && payload.len() == shard => {
                    let index = index - count;
                    parity_frames = usize::from(header.parity_frames);
                    if index < parity_frames && parity.insert(index, payload).is_none() {
                        read += 1;
                    }
                }
                _ => {}
            }
        }
        let mut lost = Vec::new();
        if have.contains(&false) {
            let present: BTreeMap<usize, &[u8]> =
                bytes.chunks(shard).take(count).enumerate().filter(|(i, _)| have[*i]).collect();
            match erasure::recover(count, parity_frames, &present, &parity) {
                Some(recovered) => {
                    for (index, found) in recovered {
                        bytes[index * shard..][..shard].copy_from_slice(&found);
                    }
                }
                None => {
                    let missing = (0..count).filter(|i| !have[*i]);
                    lost = missing.map(|i| i * shard..((i + 1) * shard).min(len)).collect();
                }
            }
        }
        if let Some(end) = open_end {
            // A recovered last data frame is zero-padded, so its true end is unknown: count the whole frame
            // as lost.
            let known = if end.exact { data_len } else { data_len.saturating_sub(shard) };
            lost.retain(|range| range.start < known);
            lost.push(known..len);
        }
        bytes.truncate(len);
        Ok(Group { bytes, lost })
    }

    /// Fills `buf` with the bytes of group `number` from `from` on. Returns the lost ranges in bytes of the
    /// group.
    fn read_in_group(
        &self,
        state: &mut State,
        number: u64,
        from: usize,
        buf: &mut [u8],
        sequential: bool,
    ) -> Result<Vec<Range<usize>>> {
        let shard = self.layout.shard;
        let wanted = from / shard..(from + buf.len()).div_ceil(shard);
        let is_loaded = state.group.as_ref().is_some_and(|(at, _)| *at == number);
        let is_small =
            wanted.len() <= SMALL_READ_FRAMES && self.extent.data_frames(number) > 4 * SMALL_READ_FRAMES;
        if !is_loaded && is_small && !sequential {
            let end = (wanted.end * shard).min(self.extent.group_len(number));
            let mut bytes = vec![0; end - wanted.start * shard];
            if self.read_few(state, number, wanted.clone(), &mut bytes)? {
                buf.copy_from_slice(&bytes[from - wanted.start * shard..][..buf.len()]);
                return Ok(Vec::new());
            }
        }
        let group = match state.group.take() {
            Some((at, group)) if at == number => group,
            old => self.read_group(state, number, old.map(|(_, group)| group.bytes).unwrap_or_default())?,
        };
        let (_, group) = state.group.insert((number, group));
        buf.copy_from_slice(&group.bytes[from..from + buf.len()]);
        let end = from + buf.len();
        let clipped = group.lost.iter().map(|lost| lost.start.max(from)..lost.end.min(end));
        Ok(clipped.filter(|lost| lost.start < lost.end).collect())
    }
}

impl StreamReader for Reader {
    fn len(&self) -> u64 {
        self.extent.len
    }

    fn read_at(&self, mut offset: u64, mut buf: &mut [u8]) -> Result<Lost> {
        check_read(offset, buf.len(), self.extent.len)?;
        let state = &mut *self.lock();
        let group_bytes = self.layout.group_bytes();
        let mut lost = Lost::new();
        while !buf.is_empty() {
            let number = offset / group_bytes;
            let from = (offset % group_bytes) as usize;
            let (part, rest) = buf.split_at_mut(buf.len().min(self.extent.group_len(number) - from));
            let is_continuation = offset <= state.end && state.end - offset <= OVERLAP;
            state.run = if is_continuation { state.run + part.len() as u64 } else { part.len() as u64 };
            let sequential = state.run > (SEQUENTIAL_FRAMES * self.layout.shard) as u64;
            for range in self.read_in_group(state, number, from, part, sequential)? {
                let base = number * group_bytes;
                part[range.start - from..range.end - from].fill(0);
                let range = base + range.start as u64..base + range.end as u64;
                match lost.last_mut() {
                    Some(last) if last.end == range.start => last.end = range.end,
                    _ => lost.push(range),
                }
            }
            offset += part.len() as u64;
            state.end = offset;
            buf = rest;
        }
        Ok(lost)
    }

    fn summary(&self) -> Option<Summary> {
        self.extent.manifest.summary()
    }
}
