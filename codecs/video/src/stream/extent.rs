//! Layout and length of a video's stream: from its last manifest or, if that is lost, from the headers of
//! its frames.

use std::path::Path;
use std::sync::Arc;

use lab_codec::{Context, Error, Result};
use lab_media::ffmpeg::Clip;

use super::layout::{GROUP_MANIFESTS, LAST_MANIFESTS};
use super::scan::{Identity, Scanned, Scanner};
use super::{Health, Manifest};
use crate::modem::Kind;

/// Seconds at the end of a video that are searched first for the last manifest.
const TAIL_SECONDS: f64 = 1.0;

/// Maximum size of a video's frames that are kept in memory, in bytes: a short video is then decoded only
/// once.
const MAX_HELD_BYTES: usize = 16 << 20;

/// Layout and length of a stream.
pub(super) struct Extent {
    /// The last manifest that could be read.
    pub manifest: Manifest,
    /// Bytes of the stream.
    pub len: u64,
    /// Number of coded frames of the stream, as far as known.
    pub frames: u64,
    /// The last group, where no manifest gives the length of the stream.
    open_end: Option<OpenEnd>,
}

/// The last group of a stream whose end is lost, reconstructed from the headers of its frames.
#[derive(Clone, Copy)]
pub(super) struct OpenEnd {
    group: u64,
    data: usize,
    /// Bytes of its data frames: an upper bound, exact if the last data frame was read.
    pub bytes: usize,
    /// Whether the last data frame was read.
    pub exact: bool,
}

/// What a search through the whole video yields beside the manifest; empty if the end was enough.
#[derive(Default)]
pub(super) struct Whole {
    /// All frames, if they are few enough to keep.
    pub frames: Option<Arc<[Scanned]>>,
    /// The health of the copy.
    pub health: Health,
}

impl Extent {
    /// Searches the end of the video, then all of it, for the last manifest, which gives the length of the
    /// stream.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) without a usable manifest,
    /// [`Limit`](lab_codec::ErrorKind::Limit), errors of the decoder.
    pub(super) fn find(path: &Path, clip: &Clip, identity: &Identity, cx: &Context) -> Result<(Self, Whole)> {
        let start = clip.duration.map(|seconds| seconds - TAIL_SECONDS).filter(|start| *start > TAIL_SECONDS);
        let mut best: Option<Manifest> = None;
        let mut highest = None;
        let mut tail = None;
        let mut whole = Whole::default();
        for start in start.map(Some).into_iter().chain([None]) {
            let mut scanner = Scanner::open(path, clip, identity, start, cx)?;
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
                    && manifest.layout.shard <= identity.modem.payload_len()
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
                whole = Whole { frames: held.map(Into::into), health };
            }
            if best.as_ref().is_some_and(|manifest| manifest.end.is_some()) {
                break;
            }
        }
        let Some(manifest) = best else {
            return Err(without_manifest(identity));
        };
        let layout = manifest.layout;
        // A manifest is foreign input: check the group that it declares before any buffer is sized by it.
        // Three times covers data, parity and the work space of recovery.
        let memory = layout.group_bytes().saturating_mul(3);
        cx.limits().check_memory(memory, "a group of frames")?;
        let group = layout.group_bytes();
        if manifest.end.is_some_and(|end| end.stream / group >= 1 << 24) {
            return Err(Error::corrupt(
                "the manifest declares more groups than frame headers can number (2^24)",
            ));
        }
        let mut open_end = None;
        let len = match (&manifest.end, highest) {
            (Some(end), _) => end.stream,
            // The end is lost. One byte more than the frames can hold counts as lost, so that a reader never
            // takes the stream for complete.
            (None, Some((number, data, _))) => {
                let (shard, data) = (layout.shard, usize::from(data));
                if data > layout.data {
                    return Err(Error::corrupt("a group has more data frames than the manifest declares"));
                }
                let last = tail.filter(|(group, length)| *group == number && *length <= shard);
                let bytes = match last {
                    Some((_, length)) => data.saturating_sub(1) * shard + length,
                    None => data * shard,
                };
                let group_number = u64::from(number);
                let end = OpenEnd { group: group_number, data, bytes, exact: last.is_some() };
                open_end = Some(end);
                group_number * group + bytes as u64 + 1
            }
            (None, None) => 1,
        };
        let (full, rest) = (len / group, len % group);
        let parity = match highest {
            Some((number, _, parity)) if u64::from(number) == full => u64::from(parity),
            _ => 0,
        };
        let last = if rest > 0 { GROUP_MANIFESTS + rest.div_ceil(layout.shard as u64) + parity } else { 0 };
        let frames = full * layout.group_frames() + last + LAST_MANIFESTS;
        Ok((Self { manifest, len, open_end, frames }, whole))
    }

    /// The open end, if it lies in group `number`.
    pub(super) fn open_end_in(&self, number: u64) -> Option<OpenEnd> {
        self.open_end.filter(|end| end.group == number)
    }

    /// Number of data frames of group `number`.
    pub(super) fn data_frames(&self, number: u64) -> usize {
        if let Some(end) = self.open_end_in(number) {
            return end.data;
        }
        let left = self.len.saturating_sub(number * self.manifest.layout.group_bytes());
        (left.div_ceil(self.manifest.layout.shard as u64) as usize).min(self.manifest.layout.data)
    }

    /// Length of the data of group `number` in bytes.
    pub(super) fn group_len(&self, number: u64) -> usize {
        let left = self.len.saturating_sub(number * self.manifest.layout.group_bytes());
        left.min(self.manifest.layout.group_bytes()) as usize
    }
}

/// The error for a video with frames but without a readable manifest. For a scaled copy it advises the
/// original size.
fn without_manifest(identity: &Identity) -> Error {
    let steps = [identity.grid.x.step, identity.grid.y.step];
    let name = identity.profile.name;
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
