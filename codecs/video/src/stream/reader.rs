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

/// Seconds at the end of a video in which the last manifest is looked for first.
const LAST_SECONDS: f64 = 1.0;

/// Bytes of the frames of a video that are held, where there are no more.
const HELD: usize = 16 << 20;

/// How often a place is approached anew before the video is read from its start.
const APPROACHES: usize = 4;

/// Frames that are read one behind the other before whole groups are taken.
const RUN: usize = 2 * FEW;

/// Bytes before the end of the last read where one that goes on may begin.
const OVERLAP: u64 = 4096;

/// A read of fewer frames than this, of a group of more than four times as many, gets these alone.
const FEW: usize = 32;

/// A stream in a video.
pub struct Reader {
    path: PathBuf,
    clip: Clip,
    identity: Identity,
    layout: Layout,
    manifest: Option<Manifest>,
    len: u64,
    /// The last group, where no manifest tells the end.
    open_end: Option<OpenEnd>,
    /// Coded frames of the stream, as far as is known.
    frames: u64,
    state: Mutex<State>,
    cx: Context,
}

/// The last group of a stream whose end is lost, as the headers of its frames tell.
#[derive(Clone, Copy)]
struct OpenEnd {
    group: u64,
    data: usize,
    /// Bytes that its data frames hold at most; exact where the last of them was read.
    bytes: usize,
    /// Whether the last data frame was read.
    exact: bool,
}

/// What is at hand.
#[derive(Default)]
struct State {
    /// All frames of a short video.
    held: Option<Arc<[Scanned]>>,
    cursor: Option<Cursor>,
    group: Option<(u64, Group)>,
    /// The end of the last read.
    end: u64,
    /// Bytes that were read one behind the other up to there.
    run: u64,
    /// The frame that was read last without its group: the group's number, its place, its payload.
    last: Option<(u64, usize, Vec<u8>)>,
    health: Health,
}

/// Frames one after the other.
enum Frames {
    /// As they are read from the video.
    Scanned(Box<Scanner>),
    /// Of a short video, which are all held; and which is the next.
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

/// Where reading has come to.
struct Cursor {
    frames: Frames,
    /// A frame that belongs to what comes next.
    held: Option<Scanned>,
    /// The number of the frame that was read last; the next one's is higher.
    at: u64,
}

/// The data of a group.
struct Group {
    bytes: Vec<u8>,
    /// Where bytes are lost.
    lost: Vec<Range<usize>>,
}

impl Reader {
    /// Opens the stream in the video at `path`.
    ///
    /// # Errors
    /// [`Unsupported`](lab_codec::ErrorKind::Unsupported) where it holds no stream of ours, with the reason;
    /// [`MissingTool`](lab_codec::ErrorKind::MissingTool), failures of ffmpeg.
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

    /// The manifest, where one could be read.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// What is known of the video.
    pub fn clip(&self) -> &Clip {
        &self.clip
    }

    /// What was seen of the copy since it was opened, or since the last call.
    pub fn take_health(&self) -> Health {
        std::mem::take(&mut self.lock().health)
    }

    /// Reads what is left of the video behind the last group, so that its health is known as a whole.
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
        // What is at hand is sound after every step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn scanner(&self, start: Option<f64>) -> Result<Scanner> {
        Scanner::open(&self.path, &self.clip, &self.identity, start, &self.cx)
    }

    /// Looks at the end of the video, then at all of it, for the last manifest, which tells how long the stream is.
    fn find_manifest(&mut self) -> Result<()> {
        let start =
            self.clip.duration.map(|seconds| seconds - LAST_SECONDS).filter(|start| *start > LAST_SECONDS);
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
                    Some(frames) if bytes <= HELD => frames.push(scanned),
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
        let memory = self.layout.group_bytes().saturating_mul(3);
        self.cx.limits().check_memory(memory, "a group of frames")?;
        let group = self.layout.group_bytes();
        if manifest.end.is_some_and(|end| end.stream / group >= 1 << 24) {
            return Err(Error::corrupt("the manifest tells of more groups of frames than there can be"));
        }
        self.len = match (&manifest.end, highest) {
            (Some(end), _) => end.stream,
            // The end is lost. A byte more than can be there counts as lost, so that nobody takes it for complete.
            (None, Some((number, data, _))) => {
                let (shard, data) = (self.layout.shard, usize::from(data));
                if data > self.layout.data {
                    return Err(Error::corrupt("a group of more frames than the manifest tells of"));
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

    /// Why nothing can be read, as far as it can be told: frames that were found, and no manifest among them.
    fn without_manifest(&self) -> Error {
        let steps = [self.identity.grid.x.step, self.identity.grid.y.step];
        let name = self.identity.profile.name;
        if steps.iter().all(|step| (step - 1.0).abs() < 0.002) {
            return Error::corrupt(format!(
                "frames of a lab stream in the profile {name}, but not one manifest: damaged more than that profile survives"
            ));
        }
        let [width, height] = steps.map(|step| 100.0 * step);
        Error::corrupt(format!(
            "frames of a lab stream in the profile {name}, scaled to {width:.0} x {height:.0} %, and not one manifest \
             can be read: use a copy in the original size"
        ))
    }

    /// The open end, where it is in group `number`.
    fn open_end_in(&self, number: u64) -> Option<OpenEnd> {
        self.open_end.filter(|end| end.group == number)
    }

    /// Data frames of group `number`.
    fn data_frames(&self, number: u64) -> usize {
        if let Some(end) = self.open_end_in(number) {
            return end.data;
        }
        let left = self.len.saturating_sub(number * self.layout.group_bytes());
        (left.div_ceil(self.layout.shard as u64) as usize).min(self.layout.data)
    }

    /// Bytes of data of group `number`.
    fn group_len(&self, number: u64) -> usize {
        let left = self.len.saturating_sub(number * self.layout.group_bytes());
        left.min(self.layout.group_bytes()) as usize
    }

    /// When frame `frame` is shown, as near as can be said: the copy may have another rate, and frames may be missing.
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

    /// Goes to frame `frame`, or as little before it as can be.
    fn seek(&self, state: &mut State, frame: u64) -> Result<()> {
        // Reading on costs less than beginning anew.
        if let Some(cursor) = &state.cursor {
            let next = cursor.at + u64::from(cursor.held.is_none());
            if next <= frame && frame - next <= FEW as u64 {
                return Ok(());
            }
        }
        let mut early = 0.1;
        for approach in 0..=APPROACHES {
            let time = self.time_of(frame) - early;
            let start = (approach < APPROACHES && time > 0.0).then_some(time);
            let (mut frames, start) = match &state.held {
                Some(held) => (Frames::Held(held.clone(), 0), None),
                None => (Frames::Scanned(Box::new(self.scanner(start)?)), start),
            };
            let first = frames.next(&mut state.health)?;
            let number = first.as_ref().map(|scanned| u64::from(scanned.header.frame));
            let there = match number {
                Some(number) => number <= frame,
                None => false,
            };
            if there || start.is_none() {
                state.cursor = Some(Cursor { frames, held: first, at: number.unwrap_or(0) });
                return Ok(());
            }
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

    /// Hands a frame back.
    fn hold(state: &mut State, scanned: Scanned) {
        if let Some(cursor) = &mut state.cursor {
            cursor.held = Some(scanned);
        }
    }

    /// Copies data frames `wanted` of group `number` into `bytes`, which has room for them, without the rest of the
    /// group; whether all were there.
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
        // A read often begins in the frame in which the one before ended.
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
                Self::hold(state, scanned);
                return Ok(false);
            }
            let (header, Some(payload)) = (scanned.header, scanned.payload) else { continue };
            let index = usize::from(header.index);
            if header.kind == Kind::Data && u64::from(header.group) == number && wanted.contains(&index) {
                let at = (index - wanted.start) * shard;
                let place = &mut bytes[at..];
                let length = shard.min(place.len());
                // A shorter payload than its place cannot be what was written.
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

    /// Reads group `number` as a whole. `bytes` is a buffer that is free.
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
        // With as many frames as there are data frames everything is there, or can be recovered.
        while read < count {
            self.cx.check()?;
            let Some(scanned) = Self::next(state)? else { break };
            if u64::from(scanned.header.group) > number {
                Self::hold(state, scanned);
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
            let there: BTreeMap<usize, &[u8]> =
                bytes.chunks(shard).take(count).enumerate().filter(|(i, _)| have[*i]).collect();
            match erasure::recover(count, parity_frames, &there, &parity) {
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
            // A last data frame that was recovered may have ended anywhere.
            let known = if end.exact { data_len } else { data_len.saturating_sub(shard) };
            lost.retain(|range| range.start < known);
            lost.push(known..len);
        }
        bytes.truncate(len);
        Ok(Group { bytes, lost })
    }

    /// Fills `buf` with the bytes of group `number` from `from` on; what is lost of it, in bytes of the group.
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
        let known = state.group.as_ref().is_some_and(|(at, _)| *at == number);
        let few = wanted.len() <= FEW && self.data_frames(number) > 4 * FEW;
        if !known && few && !sequential {
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
            let goes_on = offset <= state.end && state.end - offset <= OVERLAP;
            state.run = if goes_on { state.run + part.len() as u64 } else { part.len() as u64 };
            let sequential = state.run > (RUN * self.layout.shard) as u64;
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
