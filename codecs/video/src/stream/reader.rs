//! Reads a stream back from a video of a lossy profile, at any offset.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lab_codec::{Context, Error, Lost, Result, StreamReader, Summary, check_read};
use lab_media::ffmpeg::Clip;

use super::film::{picture_of, pictures_of, poster_pictures};
use super::layout::{GROUP_MANIFESTS, LAST_MANIFESTS};
use super::scan::{Identity, Scanned, Scanner};
use super::{Health, Layout, Manifest, erasure, poster};
use crate::modem::Kind;

/// Seconds at the end of a video that are searched first for the last manifest.
const TAIL_SECONDS: f64 = 1.0;

/// Maximum size of a video's frames that are kept in memory, in bytes: a short video is then decoded only
/// once.
const MAX_HELD_BYTES: usize = 16 << 20;

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
    layout: Layout,
    manifest: Option<Manifest>,
    len: u64,
    /// The last group, where no manifest gives the length of the stream.
    open_end: Option<OpenEnd>,
    /// Number of coded frames of the stream, as far as known.
    frames: u64,
    state: Mutex<State>,
    cx: Context,
}

/// The last group of a stream whose end is lost, reconstructed from the headers of its frames.
#[derive(Clone, Copy)]
struct OpenEnd {
    group: u64,
    data: usize,
    /// Bytes of its data frames: an upper bound, exact if the last data frame was read.
    bytes: usize,
    /// Whether the last data frame was read.
    exact: bool,
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

/// A source of frames in order.
enum Frames {
    /// Frames read from the video.
    Scanned(Box<Scanner>),
    /// Frames of a short video, all in memory, and the index of the next one.
    Held(Arc<[Scanned]>, usize),
}

impl Frames {
    fn next(&mut self, health: &mut Health) -> Result<Option<Scanned>> {
        match self {
            Self::Scanned(scanner) => scanner.next(health),
            Self::Held(frames, next) => {
                let frame = frames.get(*next).cloned();
                *next += usize::from(frame.is_some());
                Ok(frame)
            }
        }
    }
}

/// The current position in a video.
struct Cursor {
    frames: Frames,
    /// A frame that was pushed back: it belongs to the next group.
    held: Option<Scanned>,
    /// The number of the frame that was read last; the next one has a higher number.
    at: u64,
}

/// The data of a group.
struct Group {
    bytes: Vec<u8>,
    /// Ranges of lost bytes.
    lost: Vec<Range<usize>>,
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
        let shard = identity.modem.payload_len() & !1;
        let layout = Layout { shard, data: 1, parity: 0 };
        let mut reader = Self {
            path: path.to_path_buf(),
            clip,
            identity,
            layout,
            manifest: None,
            len: 0,
            open_end: None,
            frames: 0,
            state: Mutex::default(),
            cx: cx.clone(),
        };
        reader.find_manifest()?;
        Ok(reader)
    }

    /// The profile.
    pub fn profile(&self) -> &'static str {
        self.identity.profile.name
    }

    /// The manifest, if one could be read.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
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
            while cursor.frames.next(&mut state.health)?.is_some() {}
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent after every step, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn scanner(&self, start: Option<f64>) -> Result<Scanner> {
        Scanner::open(&self.path, &self.clip, &self.identity, start, &self.cx)
    }

    /// Searches the end of the video, then all of it, for the last manifest, which gives the length of the
    /// stream.
    fn find_manifest(&mut self) -> Result<()> {
        let start =
            self.clip.duration.map(|seconds| seconds - TAIL_SECONDS).filter(|start| *start > TAIL_SECONDS);
        let mut best: Option<Manifest> = None;
        let mut highest = None;
        let mut tail = None;
        for start in start.map(Some).into_iter().chain([None]) {
            let mut scanner = self.scanner(start)?;
            let mut health = Health::default();
            let mut held = Some(Vec::new());
            let mut bytes = 0;
            while let Some(scanned) = scanner.next(&mut health)? {
                let header = scanned.header;
                if matches!(header.kind, Kind::Data | Kind::Parity) {
                    highest = highest.max(Some((header.group, header.data_frames, header.parity_frames)));
                }
                if header.kind == Kind::Data && header.index.checked_add(1) == Some(header.data_frames) {
                    tail = tail.max(scanned.payload.as_ref().map(|payload| (header.group, payload.len())));
                }
                let manifest = scanned.payload.as_ref().filter(|_| header.kind == Kind::Manifest);
                if let Some(manifest) = manifest.and_then(|payload| Manifest::parse(payload))
                    && manifest.layout.shard <= self.identity.modem.payload_len()
                    && (manifest.end.is_some() || best.as_ref().is_none_or(|best| best.end.is_none()))
                {
                    best = Some(manifest);
                }
                bytes += scanned.payload.as_ref().map_or(0, Vec::len) + size_of::<Scanned>();
                match &mut held {
                    Some(frames) if bytes <= MAX_HELD_BYTES => frames.push(scanned),
                    _ => held = None,
                }
            }
            if start.is_none() {
                let state = &mut *self.lock();
                state.held = held.map(Into::into);
                state.health = health;
            }
            if best.as_ref().is_some_and(|manifest| manifest.end.is_some()) {
                break;
            }
        }
        let Some(manifest) = best else {
            return Err(self.without_manifest());
        };
        self.layout = manifest.layout;
        // A manifest is foreign input: check the group that it declares before any buffer is sized by it.
        // Three times covers data, parity and the work space of recovery.
        let memory = self.layout.group_bytes().saturating_mul(3);
        self.cx.limits().check_memory(memory, "a group of frames")?;
        let group = self.layout.group_bytes();
        if manifest.end.is_some_and(|end| end.stream / group >= 1 << 24) {
            return Err(Error::corrupt(
                "the manifest declares more groups than frame headers can number (2^24)",
            ));
        }
        self.len = match (&manifest.end, highest) {
            (Some(end), _) => end.stream,
            // The end is lost. One byte more than the frames can hold counts as lost, so that a reader never
            // takes the stream for complete.
            (None, Some((number, data, _))) => {
                let (shard, data) = (self.layout.shard, usize::from(data));
                if data > self.layout.data {
                    return Err(Error::corrupt("a group has more data frames than the manifest declares"));
                }
                let last = tail.filter(|(group, length)| *group == number && *length <= shard);
                let bytes = match last {
                    Some((_, length)) => data.saturating_sub(1) * shard + length,
                    None => data * shard,
                };
                let group_number = u64::from(number);
                let end = OpenEnd { group: group_number, data, bytes, exact: last.is_some() };
                self.open_end = Some(end);
                group_number * group + bytes as u64 + 1
            }
            (None, None) => 1,
        };
        let (full, rest) = (self.len / group, self.len % group);
        let parity = match highest {
            Some((number, _, parity)) if u64::from(number) == full => u64::from(parity),
            _ => 0,
        };
        let last =
            if rest > 0 { GROUP_MANIFESTS + rest.div_ceil(self.layout.shard as u64) + parity } else { 0 };
        self.frames = full * self.layout.group_frames() + last + LAST_MANIFESTS;
        self.manifest = Some(manifest);
        Ok(())
    }

    /// The error for a video with frames but without a readable manifest. For a scaled copy it advises the
    /// original size.
    fn without_manifest(&self) -> Error {
        let steps = [self.identity.grid.x.step, self.identity.grid.y.step];
        let name = self.identity.profile.name;
        if steps.iter().all(|step| (step - 1.0).abs() < 0.002) {
            return Error::corrupt(format!(
                "found frames of a lab stream in the profile {name}, but no readable manifest: \
                 the video is damaged beyond what the profile survives"
            ));
        }
        let [width, height] = steps.map(|step| 100.0 * step);
        Error::corrupt(format!(
            "found frames of a lab stream in the profile {name}, scaled to {width:.0} x {height:.0} %, \
             but no readable manifest: use a copy in the original size"
        ))
    }

    /// The open end, if it lies in group `number`.
    fn open_end_in(&self, number: u64) -> Option<OpenEnd> {
        self.open_end.filter(|end| end.group == number)
    }

    /// Number of data frames of group `number`.
    fn data_frames(&self, number: u64) -> usize {
        if let Some(end) = self.open_end_in(number) {
            return end.data;
        }
        let left = self.len.saturating_sub(number * self.layout.group_bytes());
        (left.div_ceil(self.layout.shard as u64) as usize).min(self.layout.data)
    }

    /// Length of the data of group `number` in bytes.
    fn group_len(&self, number: u64) -> usize {
        let left = self.len.saturating_sub(number * self.layout.group_bytes());
        left.min(self.layout.group_bytes()) as usize
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
            Some(duration) if self.manifest.as_ref().is_some_and(|m| m.end.is_some()) => {
                let pictures = poster + pictures_of(structure, self.frames);
                duration * picture as f64 / pictures.max(1) as f64
            }
            _ => picture as f64 / rate.as_f64(),
        }
    }

    /// Moves the cursor to frame `frame` or a little before it.
    fn seek(&self, state: &mut State, frame: u64) -> Result<()> {
        // Reading over a small gap is cheaper than starting another decoder.
        if let Some(cursor) = &state.cursor {
            let next = cursor.at + u64::from(cursor.held.is_none());
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
                None => (Frames::Scanned(Box::new(self.scanner(start)?)), start),
            };
            let first = frames.next(&mut state.health)?;
            let number = first.as_ref().map(|scanned| u64::from(scanned.header.frame));
            let is_reached = match number {
                Some(number) => number <= frame,
                None => false,
            };
            if is_reached || start.is_none() {
                state.cursor = Some(Cursor { frames, held: first, at: number.unwrap_or(0) });
                return Ok(());
            }
            // The decoder began too late: start earlier by twice as much, and by 1.5 times the frames
            // overshot.
            let behind = number.map_or(64, |number| number - frame);
            early = early * 2.0 + behind as f64 * 1.5 / self.clip.rate.as_f64();
        }
        Ok(())
    }

    /// The next frame at the cursor.
    fn next(state: &mut State) -> Result<Option<Scanned>> {
        let Some(cursor) = &mut state.cursor else { return Ok(None) };
        let next = match cursor.held.take() {
            Some(held) => Some(held),
            None => cursor.frames.next(&mut state.health)?,
        };
        match &next {
            Some(scanned) => cursor.at = u64::from(scanned.header.frame),
            None => state.cursor = None,
        }
        Ok(next)
    }

    /// Pushes a frame back, so that the next call returns it again.
    fn push_back(state: &mut State, scanned: Scanned) {
        if let Some(cursor) = &mut state.cursor {
            cursor.held = Some(scanned);
        }
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
            let Some(scanned) = Self::next(state)? else { return Ok(false) };
            if u64::from(scanned.header.frame) >= end {
                Self::push_back(state, scanned);
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
        let (shard, count) = (self.layout.shard, self.data_frames(number));
        let len = self.group_len(number);
        let open_end = self.open_end_in(number);
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
            let Some(scanned) = Self::next(state)? else { break };
            if u64::from(scanned.header.group) > number {
                Self::push_back(state, scanned);
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
            let is_reached: BTreeMap<usize, &[u8]> =
                bytes.chunks(shard).take(count).enumerate().filter(|(i, _)| have[*i]).collect();
            match erasure::recover(count, parity_frames, &is_reached, &parity) {
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
        let is_small = wanted.len() <= SMALL_READ_FRAMES && self.data_frames(number) > 4 * SMALL_READ_FRAMES;
        if !is_loaded && is_small && !sequential {
            let end = (wanted.end * shard).min(self.group_len(number));
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
        self.len
    }

    fn read_at(&self, mut offset: u64, mut buf: &mut [u8]) -> Result<Lost> {
        check_read(offset, buf.len(), self.len)?;
        let state = &mut *self.lock();
        let group_bytes = self.layout.group_bytes();
        let mut lost = Lost::new();
        while !buf.is_empty() {
            let number = offset / group_bytes;
            let from = (offset % group_bytes) as usize;
            let (part, rest) = buf.split_at_mut(buf.len().min(self.group_len(number) - from));
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
        self.manifest.as_ref()?.summary()
    }
}
