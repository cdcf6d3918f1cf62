//! A video that ffmpeg made, sample by sample; and samples as a video that ffmpeg reads.

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use lab_codec::{Context, Error, Result};
use lab_media::container::matroska::{self, Block, Sample, TrackPlan, Writer};
use lab_media::ffmpeg::{DecodeOptions, Decoder, EncodeOptions, EncodedVideo, Output};
use lab_media::{Colour, Frame, PixelFormat, Rate, Shape, Video};
use tempfile::TempDir;

use crate::manifest::{SEGMENT_PICTURES, Segment};
use crate::options::STEP;
use crate::spool::{APPLICATION, Spool};

/// Frames per second for the encoder, which has no notion of slides; the album has times of its own.
const RATE: Rate = Rate { num: 25, den: 1 };
/// Milliseconds of such a frame.
const FRAME: u64 = 40;

/// A finished video, in parts that were coded each for itself and begin with a key frame.
pub(super) struct Coded {
    _dir: TempDir,
    parts: Vec<Part>,
    cx: Context,
}

struct Part {
    path: PathBuf,
    file: matroska::File,
}

impl Part {
    fn track(&self) -> Result<&matroska::Track> {
        self.file.tracks.first().ok_or_else(|| Error::corrupt("the encoder made a video without a track"))
    }
}

const NAME: &str = "pictures.mkv";

impl Coded {
    /// Codes frames of one shape until `next` has no more, in parts whose lengths `parts` gives.
    ///
    /// # Errors
    /// Those of ffmpeg and of `next`.
    pub(super) fn encode(
        shape: Shape,
        colour: Colour,
        options: &EncodeOptions,
        parts: impl IntoIterator<Item = usize>,
        next: &mut dyn FnMut() -> Result<Option<Frame>>,
        cx: &Context,
    ) -> Result<Self> {
        let mut coded = Self { _dir: tempfile::tempdir_in(cx.scratch())?, parts: Vec::new(), cx: cx.clone() };
        // A picture may take long: each is written when it is there, so that it is seen that the encoder
        // works.
        let mut options = options.clone();
        options.arguments.extend(["-cluster_time_limit", "1", "-flush_packets", "1"].map(str::to_string));
        let video = Video { shape, colour, rate: RATE, frames: None };
        for length in parts {
            let Some(first) = next()? else { break };
            let path = coded._dir.path().join(format!("{}.mkv", coded.parts.len()));
            let mut encoder = EncodedVideo::create(Output::File(path.clone()), video, &options, cx)?;
            encoder.write(&first)?;
            while encoder.frames() < length as u64 {
                let Some(frame) = next()? else { break };
                encoder.write(&frame)?;
            }
            let frames = encoder.frames();
            encoder.finish()?;
            let part = Part { file: matroska::File::open(&path, cx)?, path };
            let blocks = part.track()?.blocks.len() as u64;
            if blocks != frames {
                return Err(Error::unsupported(format!(
                    "the encoder made {blocks} samples of {frames} pictures"
                )));
            }
            coded.parts.push(part);
        }
        Ok(coded)
    }

    /// Bytes of all samples.
    pub(super) fn bytes(&self) -> Result<u64> {
        let tracks = self
            .parts
            .iter()
            .map(|part| Ok(part.track()?.blocks.iter().map(|block| block.size).sum::<u64>()));
        tracks.sum()
    }

    /// Decodes it: `each` gets every frame with its number.
    ///
    /// # Errors
    /// Those of ffmpeg and of `each`.
    pub(super) fn decode(
        &self,
        format: PixelFormat,
        each: &mut dyn FnMut(usize, Frame) -> Result<()>,
    ) -> Result<()> {
        let mut start = 0;
        for part in &self.parts {
            let frames = part.track()?.blocks.len();
            decode_file(
                &part.path,
                format,
                frames,
                &mut |number, frame| each(start + number, frame),
                &self.cx,
            )?;
            start += frames;
        }
        Ok(())
    }

    /// Moves the samples into a track of the album, `step` milliseconds apart; its number, and its segments.
    ///
    /// # Errors
    /// [`Unsupported`](lab_codec::ErrorKind::Unsupported) where key frames are too far apart or parts do
    /// not fit together, I/O errors.
    pub(super) fn spool(
        &self,
        spool: &mut Spool,
        name: &str,
        default: bool,
        step: u64,
    ) -> Result<(u16, Vec<Segment>)> {
        let first = self.parts.first().ok_or_else(|| Error::corrupt("a video of no pictures"))?;
        let plan = &first.track()?.plan;
        let number = spool.track(TrackPlan { name: name.to_string(), default, ..plan.clone() })?;
        let mut segments: Vec<Segment> = Vec::new();
        let mut place = 0;
        for part in &self.parts {
            let track = part.track()?;
            if track.plan.elements != plan.elements {
                return Err(Error::unsupported("the encoder made parts that do not fit into one track"));
            }
            let start = place * step;
            for block in &track.blocks {
                let bytes = part.file.read(block.offset, block.size, &self.cx)?;
                // Some encoders begin later, to make room for what is shown out of order.
                let time = start + block.time.max(0) as u64 / FRAME * step;
                spool.sample(number, &bytes, time, block.key)?;
                match segments.last_mut() {
                    Some(segment) if !block.key => segment.pictures += 1,
                    _ => segments.push(Segment { pictures: 1, block: place, recipes: None }),
                }
                place += 1;
            }
        }
        if segments.iter().any(|segment| usize::from(segment.pictures) > SEGMENT_PICTURES) {
            return Err(Error::unsupported("the encoder put key frames too far apart"));
        }
        Ok((number, segments))
    }
}

/// Decodes blocks of a track that begin with a key frame; `each` gets every frame with its number.
///
/// # Errors
/// Those of ffmpeg and of `each`.
pub fn decode_blocks(
    file: &matroska::File,
    plan: &TrackPlan,
    blocks: &[Block],
    format: PixelFormat,
    each: &mut dyn FnMut(usize, Frame) -> Result<()>,
    cx: &Context,
) -> Result<()> {
    let dir = tempfile::tempdir_in(cx.scratch())?;
    let path = dir.path().join(NAME);
    let start = blocks.iter().map(|block| block.time).min().unwrap_or(0);
    let times = |block: &Block| u64::try_from(block.time.saturating_sub(start)).unwrap_or(0);
    let duration = blocks.iter().map(&times).max().unwrap_or(0).saturating_add(STEP);
    let mut writer = Writer::new(APPLICATION, vec![plan.clone()], duration);
    for block in blocks {
        writer.sample(Sample { track: 1, time: times(block), key: block.key, size: block.size });
    }
    let mut sink = std::io::BufWriter::new(std::fs::File::create(&path)?);
    writer.write(&mut sink, &mut |number| {
        let block = blocks[number];
        Ok(Box::new(Cursor::new(file.read(block.offset, block.size, cx)?)) as Box<dyn Read>)
    })?;
    std::io::Write::flush(&mut sink)?;
    decode_file(&path, format, blocks.len(), each, cx)
}

fn decode_file(
    path: &Path,
    format: PixelFormat,
    most: usize,
    each: &mut dyn FnMut(usize, Frame) -> Result<()>,
    cx: &Context,
) -> Result<()> {
    let options = DecodeOptions { format: Some(format), ..Default::default() };
    let mut decoder = Decoder::open(path, &options, cx)?;
    let mut number = 0;
    loop {
        let mut frame = Frame::new(decoder.video().shape);
        if number >= most || !decoder.read(&mut frame)? {
            return Ok(());
        }
        each(number, frame)?;
        number += 1;
    }
}
