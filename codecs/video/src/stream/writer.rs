//! Writes a stream as a video of a lossy profile, one group of frames at a time.

use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use lab_codec::{Context, Error, Result, StreamWriter, Summary, Target};
use lab_media::container::OpenFile;
use lab_media::container::mp4::movie_box;
use lab_media::ffmpeg::Output;
use sha2::{Digest as _, Sha256};

use super::film::Film;
use super::layout::{GROUP_MANIFESTS, LAST_MANIFESTS, parity_for};
use super::manifest::{End, Manifest};
use super::{Settings, erasure, poster};
use crate::modem::{FrameHeader, Kind};

/// Placeholder of the digest in the container's comment, of the digest's length, until that is known.
const DIGEST_PLACEHOLDER: &str = "????????????????????????????????????????????????????????????????";

/// A stream writer that holds one group in memory.
pub struct Writer<'a> {
    settings: Settings,
    film: Option<Film<'a>>,
    output: Option<Output<'a>>,
    path: Option<PathBuf>,
    manifest: Manifest,
    stream_id: u32,
    /// The data of the current group.
    group: Vec<u8>,
    /// The number of the current group.
    number: u64,
    /// The number of the next frame.
    frame: u64,
    len: u64,
    cx: Context,
}

impl<'a> Writer<'a> {
    /// Prepares a video at `target`; encoding starts with the first group.
    ///
    /// # Errors
    /// [`MissingTool`](lab_codec::ErrorKind::MissingTool), I/O errors.
    pub fn create(
        target: Target<'a>,
        settings: Settings,
        name: &str,
        chain: &str,
        cx: &Context,
    ) -> Result<Self> {
        let (output, path) = match target {
            Target::Path(path) => (Output::File(path.to_path_buf()), Some(path.to_path_buf())),
            Target::Pipe(pipe) => (Output::Pipe(pipe), None),
        };
        let (width, height) = settings.size();
        let manifest = Manifest {
            size: (width as u16, height as u16),
            layout: settings.layout,
            name: name.to_string(),
            chain: chain.to_string(),
            cut: false,
            end: None,
        };
        let group = Vec::new();
        Ok(Self {
            settings,
            film: None,
            output: Some(output),
            path,
            manifest,
            stream_id: 0,
            group,
            number: 0,
            frame: 0,
            len: 0,
            cx: cx.clone(),
        })
    }

    /// Starts the video if it has not started. The stream id is derived from name, chain and first bytes, so
    /// equal input gives equal frames.
    fn start(&mut self) -> Result<&mut Film<'a>> {
        if self.film.is_none() {
            let mut hash = Sha256::new();
            hash.update(self.manifest.name.as_bytes());
            hash.update([0]);
            hash.update(self.manifest.chain.as_bytes());
            hash.update([0]);
            hash.update(&self.group[..self.group.len().min(self.settings.layout.shard)]);
            let digest = hash.finalize();
            self.stream_id = u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]]);
            let comment = format!(
                "lab video, profile {}; chain: {}; sha256: {DIGEST_PLACEHOLDER}",
                self.settings.profile.name, self.manifest.chain
            );
            let tags =
                vec![("title".to_string(), self.manifest.name.clone()), ("comment".to_string(), comment)];
            let output = self.output.take().ok_or_else(|| Error::usage("the video is complete"))?;
            let mut film = Film::create(output, &self.settings, tags, &self.cx)?;
            if poster::is_shown(self.settings.profile) {
                film.poster(&poster::draw(&self.settings, &self.manifest.name)?)?;
            }
            self.film = Some(film);
        }
        self.film.as_mut().ok_or_else(|| Error::usage("the video is complete"))
    }

    /// Adds a frame of the current group, or a manifest.
    fn put(&mut self, kind: Kind, group: Shape, index: usize, payload: &[u8]) -> Result<()> {
        self.cx.check()?;
        let frame = u32::try_from(self.frame).ok().filter(|_| self.number < 1 << 24);
        let header = FrameHeader {
            kind,
            profile: self.settings.profile.number,
            style: self.settings.style.unwrap_or(self.stream_id as u8 & 15),
            parity: self.settings.profile.parity as u8,
            stream_id: self.stream_id,
            frame: frame.ok_or_else(|| Error::limit("a video has at most 4294967295 frames"))?,
            length: payload.len() as u32,
            group: self.number as u32,
            index: index as u16,
            data_frames: group.data as u16,
            parity_frames: group.parity as u16,
        };
        self.start()?.frame(&header, payload)?;
        self.frame += 1;
        Ok(())
    }

    fn put_manifest(&mut self, group: Shape) -> Result<()> {
        let bytes = self.manifest.to_bytes(self.settings.modem.payload_len());
        self.put(Kind::Manifest, group, 0, &bytes)
    }

    /// Writes the current group, which has at least one byte.
    fn flush(&mut self) -> Result<()> {
        self.start()?;
        let layout = self.settings.layout;
        let mut bytes = std::mem::take(&mut self.group);
        let len = bytes.len();
        let data = len.div_ceil(layout.shard);
        let full = data == layout.data;
        let shape =
            Shape { data, parity: if full { layout.parity } else { parity_for(data, self.settings.loss) } };
        for _ in 0..GROUP_MANIFESTS {
            self.put_manifest(shape)?;
        }
        for (index, shard) in bytes.chunks(layout.shard).enumerate() {
            self.put(Kind::Data, shape, index, shard)?;
            self.cx.observer().metric("frames", self.frame as f64);
        }
        // The erasure code needs equal lengths: the last data frame counts as zero-padded.
        bytes.resize(data * layout.shard, 0);
        let shards: Vec<&[u8]> = bytes.chunks(layout.shard).collect();
        let parity = erasure::parity(&shards, shape.parity).ok_or_else(|| {
            Error::limit(format!("cannot compute {} parity frames for {data} data frames", shape.parity))
        })?;
        for (index, shard) in parity.iter().enumerate() {
            self.put(Kind::Parity, shape, data + index, shard)?;
        }
        self.len += len as u64;
        self.number += 1;
        bytes.clear();
        self.group = bytes;
        Ok(())
    }
}

/// Number of data and parity frames of a group.
#[derive(Clone, Copy)]
struct Shape {
    data: usize,
    parity: usize,
}

impl StreamWriter for Writer<'_> {
    fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        let capacity = self.settings.layout.group_bytes() as usize;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(capacity - self.group.len()));
            self.group.extend_from_slice(now);
            if self.group.len() == capacity {
                self.flush()?;
            }
            bytes = later;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, summary: &Summary) -> Result<()> {
        self.start()?;
        if !self.group.is_empty() {
            self.flush()?;
        }
        self.manifest.name.clone_from(&summary.name);
        self.manifest.chain.clone_from(&summary.chain);
        self.manifest.end = Some(End { stream: self.len, content: summary.bytes, sha256: summary.sha256 });
        // These manifests belong to no group; their headers carry the number of the last one.
        self.number = self.number.max(1) - 1;
        for _ in 0..LAST_MANIFESTS {
            self.put_manifest(Shape { data: 0, parity: 0 })?;
        }
        if let Some(film) = self.film.take() {
            film.finish()?;
        }
        match &self.path {
            Some(path) => write_digest(path, summary),
            None => Ok(()),
        }
    }
}

/// Longest index that is searched for the placeholder: it is read into memory.
const MAX_INDEX_BYTES: u64 = 64 << 20;

/// Writes the digest into the container's comment. This only helps people: readers use the manifests.
fn write_digest(path: &Path, summary: &Summary) -> Result<()> {
    let file = OpenFile::new(std::fs::File::open(path)?)?;
    let Some((start, len)) = movie_box(&file)? else { return Ok(()) };
    if len > MAX_INDEX_BYTES {
        return Ok(());
    }
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut index = vec![0; len as usize];
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(&mut index)?;
    let place =
        index.windows(DIGEST_PLACEHOLDER.len()).rposition(|window| window == DIGEST_PLACEHOLDER.as_bytes());
    if let Some(place) = place {
        file.seek(SeekFrom::Start(start + place as u64))?;
        file.write_all(summary.sha256.to_string().as_bytes())?;
    }
    Ok(())
}
