//! Writes a Matroska file front to back; all sample sizes are known in advance.

use std::io::{self, Read, Write};

use lab_codec::{Error, Result};

use super::element::{put, put_header, put_long_header, put_number};
use super::ids::*;
use super::track_type;

/// A track to write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrackPlan {
    /// Kind of the track; see [`track_type`].
    pub kind: u64,
    /// Identifier of the codec.
    pub codec: String,
    /// Name for players.
    pub name: String,
    /// Whether players select the track by default.
    pub default: bool,
    /// Further encoded elements of the track entry: `CodecPrivate`, `Video`, and so on.
    pub elements: Vec<u8>,
}

impl TrackPlan {
    /// A metadata track, which players skip.
    pub fn data(codec: &str, name: &str) -> Self {
        Self {
            kind: track_type::METADATA,
            codec: codec.to_string(),
            name: name.to_string(),
            default: false,
            elements: Vec::new(),
        }
    }
}

/// Header fields of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Track number, from 1.
    pub track: u16,
    /// Timestamp in milliseconds.
    pub time: u64,
    /// Whether decoding can start here.
    pub key: bool,
    /// Length in bytes.
    pub size: u64,
}

/// Maximum time between the first and the last sample of a cluster, in milliseconds.
const CLUSTER_TIME: u64 = 30_000;
/// Bytes of samples after which a new cluster begins.
const CLUSTER_BYTES: u64 = 4 << 20;
/// Top-level elements listed in the seek head.
const SEEK_TARGETS: [u32; 4] = [INFO, TRACKS, CUES, ATTACHMENTS];
/// Bytes of a seek head entry: two headers, identifier, position.
const SEEK_ENTRY: usize = 3 + 3 + 4 + 3 + 8;
/// Bytes of the seek head.
const SEEK_BYTES: u64 = (SEEK_TARGETS.len() * SEEK_ENTRY) as u64;

/// Plans and writes one file.
pub struct Writer {
    application: &'static str,
    tracks: Vec<TrackPlan>,
    samples: Vec<Sample>,
    duration: u64,
    attachments: Vec<(String, String, Vec<u8>)>,
}

/// One cluster: its first sample in the list, its time, and the bytes of its blocks.
struct Cluster {
    samples: std::ops::Range<usize>,
    time: u64,
    content: u64,
}

impl Writer {
    /// A file by `application` with these tracks, numbered from 1, and a duration in milliseconds.
    pub fn new(application: &'static str, tracks: Vec<TrackPlan>, duration: u64) -> Self {
        Self { application, tracks, samples: Vec::new(), duration, attachments: Vec::new() }
    }

    /// Adds a sample. Times may step back only within a track's own reordering.
    pub fn sample(&mut self, sample: Sample) {
        self.samples.push(sample);
    }

    /// Adds an attachment with a name and a media type.
    pub fn attach(&mut self, name: &str, media_type: &str, data: Vec<u8>) {
        self.attachments.push((name.to_string(), media_type.to_string(), data));
    }

    /// Writes the file; `data` supplies the bytes of every sample, in the order of addition.
    ///
    /// # Errors
    /// I/O errors, and errors of `data`.
    pub fn write(
        &self,
        sink: &mut dyn Write,
        data: &mut dyn FnMut(usize) -> Result<Box<dyn Read>>,
    ) -> Result<()> {
        let clusters = self.clusters();
        let mut head = Vec::new();
        let mut ebml = Vec::new();
        put_number(&mut ebml, EBML_VERSION, 1);
        put_number(&mut ebml, EBML_READ_VERSION, 1);
        put_number(&mut ebml, EBML_MAX_ID_LENGTH, 4);
        put_number(&mut ebml, EBML_MAX_SIZE_LENGTH, 8);
        put(&mut ebml, DOC_TYPE, b"matroska");
        put_number(&mut ebml, DOC_TYPE_VERSION, 4);
        put_number(&mut ebml, DOC_TYPE_READ_VERSION, 2);
        put(&mut head, EBML, &ebml);

        // All sizes are known, so positions can be computed before writing.
        let (info, tracks) = (self.info(), self.tracks());
        let seek_head = header_length(SEEK_HEAD, SEEK_BYTES) + SEEK_BYTES;
        let info_at = seek_head;
        let tracks_at = info_at + info.len() as u64;
        let mut position = tracks_at + tracks.len() as u64;
        let mut places = Vec::new();
        for cluster in &clusters {
            places.push(position);
            position += header_length(CLUSTER, cluster.content) + cluster.content;
        }
        let cues_at = position;
        let cues = self.cues(&clusters, &places);
        let attachments_at = cues_at + cues.len() as u64;
        let attachments = self.attachments();
        let size = attachments_at + attachments.len() as u64;

        put_long_header(&mut head, SEGMENT, size);
        put_header(&mut head, SEEK_HEAD, SEEK_BYTES);
        for (id, at) in SEEK_TARGETS.iter().zip([info_at, tracks_at, cues_at, attachments_at]) {
            let mut seek = Vec::new();
            put(&mut seek, SEEK_ID, &id.to_be_bytes());
            put(&mut seek, SEEK_POSITION, &at.to_be_bytes());
            put(&mut head, SEEK, &seek);
        }
        sink.write_all(&head)?;
        sink.write_all(&info)?;
        sink.write_all(&tracks)?;
        for cluster in &clusters {
            self.write_cluster(cluster, sink, data)?;
        }
        sink.write_all(&cues)?;
        Ok(sink.write_all(&attachments)?)
    }

    fn write_cluster(
        &self,
        cluster: &Cluster,
        sink: &mut dyn Write,
        data: &mut dyn FnMut(usize) -> Result<Box<dyn Read>>,
    ) -> Result<()> {
        let mut head = Vec::new();
        put_header(&mut head, CLUSTER, cluster.content);
        put_number(&mut head, CLUSTER_TIMESTAMP, cluster.time);
        sink.write_all(&head)?;
        for number in cluster.samples.clone() {
            let sample = self.samples[number];
            head.clear();
            block_header(&mut head, &sample, cluster.time);
            sink.write_all(&head)?;
            let copied = io::copy(&mut data(number)?.take(sample.size), sink)?;
            if copied != sample.size {
                return Err(Error::truncated(format!("a sample of {} bytes has only {copied}", sample.size)));
            }
        }
        Ok(())
    }

    fn clusters(&self) -> Vec<Cluster> {
        let mut clusters: Vec<Cluster> = Vec::new();
        let mut bytes = 0;
        for (number, sample) in self.samples.iter().enumerate() {
            let fits = clusters.last().is_some_and(|cluster| {
                sample.time + CLUSTER_TIME > cluster.time
                    && sample.time.saturating_sub(cluster.time) < CLUSTER_TIME
                    && bytes < CLUSTER_BYTES
            });
            if !fits {
                let mut head = Vec::new();
                put_number(&mut head, CLUSTER_TIMESTAMP, sample.time);
                let content = head.len() as u64;
                clusters.push(Cluster { samples: number..number, time: sample.time, content });
                bytes = 0;
            }
            if let Some(cluster) = clusters.last_mut() {
                let mut head = Vec::new();
                block_header(&mut head, sample, cluster.time);
                cluster.content += head.len() as u64 + sample.size;
                cluster.samples.end = number + 1;
                bytes += sample.size;
            }
        }
        clusters
    }

    fn info(&self) -> Vec<u8> {
        let mut info = Vec::new();
        put_number(&mut info, TIMESTAMP_SCALE, 1_000_000);
        put(&mut info, DURATION, &(self.duration as f64).to_be_bytes());
        put(&mut info, MUXING_APP, b"lab");
        put(&mut info, WRITING_APP, self.application.as_bytes());
        element(INFO, &info)
    }

    fn tracks(&self) -> Vec<u8> {
        let mut tracks = Vec::new();
        for (number, track) in (1..).zip(&self.tracks) {
            let mut entry = Vec::new();
            put_number(&mut entry, TRACK_NUMBER, number);
            put_number(&mut entry, TRACK_UID, number);
            put_number(&mut entry, TRACK_TYPE, track.kind);
            put_number(&mut entry, FLAG_DEFAULT, track.default.into());
            put_number(&mut entry, FLAG_LACING, 0);
            put(&mut entry, TRACK_NAME, track.name.as_bytes());
            put(&mut entry, CODEC_ID, track.codec.as_bytes());
            entry.extend_from_slice(&track.elements);
            put(&mut tracks, TRACK_ENTRY, &entry);
        }
        element(TRACKS, &tracks)
    }

    /// Writes a cue for every key frame of a video.
    fn cues(&self, clusters: &[Cluster], places: &[u64]) -> Vec<u8> {
        let mut cues = Vec::new();
        for (cluster, place) in clusters.iter().zip(places) {
            for sample in &self.samples[cluster.samples.clone()] {
                let track = &self.tracks[usize::from(sample.track) - 1];
                if !sample.key || track.kind != track_type::VIDEO {
                    continue;
                }
                let (mut positions, mut point) = (Vec::new(), Vec::new());
                put_number(&mut positions, CUE_TRACK, sample.track.into());
                put_number(&mut positions, CUE_CLUSTER_POSITION, *place);
                put_number(&mut point, CUE_TIME, sample.time);
                put(&mut point, CUE_TRACK_POSITIONS, &positions);
                put(&mut cues, CUE_POINT, &point);
            }
        }
        element(CUES, &cues)
    }

    fn attachments(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for (uid, (name, media_type, data)) in (1..).zip(&self.attachments) {
            let mut file = Vec::new();
            put(&mut file, FILE_NAME, name.as_bytes());
            put(&mut file, FILE_MEDIA_TYPE, media_type.as_bytes());
            put_number(&mut file, FILE_UID, uid);
            put(&mut file, FILE_DATA, data);
            put(&mut all, ATTACHED_FILE, &file);
        }
        element(ATTACHMENTS, &all)
    }
}

fn element(id: u32, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() + 12);
    put(&mut out, id, data);
    out
}

fn header_length(id: u32, size: u64) -> u64 {
    let mut out = Vec::new();
    put_header(&mut out, id, size);
    out.len() as u64
}

/// The header of a simple block.
fn block_header(out: &mut Vec<u8>, sample: &Sample, cluster: u64) {
    let mut head = Vec::new();
    let track = sample.track;
    if track < 0x7F {
        #[expect(clippy::cast_possible_truncation, reason = "below 0x7F")]
        head.push(0x80 | track as u8);
    } else {
        head.extend_from_slice(&(track | 0x4000).to_be_bytes());
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a cluster spans at most CLUSTER_TIME, below 2^15 ms"
    )]
    let relative = (sample.time.cast_signed() - cluster.cast_signed()) as i16;
    head.extend_from_slice(&relative.to_be_bytes());
    head.push(if sample.key { 0x80 } else { 0 });
    put_header(out, SIMPLE_BLOCK, head.len() as u64 + sample.size);
    out.extend_from_slice(&head);
}
