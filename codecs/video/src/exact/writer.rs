//! Writes a stream as a video of the profile `exact`.

use lab_codec::{Context, Error, Result, StreamWriter, Summary, Target};
use lab_media::container::mp4::{Metadata, Mp4Writer, VideoFormat};

use super::frame::Packer;
use super::h264::{picture_parameter_set, sequence_parameter_set};
use super::header::{End, Header, stream_id};
use super::size::{FRAMES_PER_SECOND, FrameSize, LARGEST};

/// What the container names as its maker.
const TOOL: &str = "lab video, profile exact";

/// Takes a stream and writes frames as soon as they are known not to be the last.
///
/// Up to one frame of the largest size is buffered: the size of the frames depends on whether the stream fits
/// into a smaller one, and the last frame holds what is known at the end only.
pub struct Writer<'a> {
    output: Mp4Writer<'a>,
    pending: Vec<u8>,
    started: Option<Started>,
    name: String,
    chain: String,
    cx: Context,
}

/// What is fixed with the first frame.
struct Started {
    packer: Packer,
    /// The header of the next frame.
    header: Header,
}

impl<'a> Writer<'a> {
    /// Begins a video at `target`.
    ///
    /// # Errors
    /// I/O errors.
    pub fn create(target: Target<'a>, name: &str, chain: &str, cx: &Context) -> Result<Self> {
        Ok(Self {
            output: Mp4Writer::create(target)?,
            pending: Vec::new(),
            started: None,
            name: name.to_string(),
            chain: chain.to_string(),
            cx: cx.clone(),
        })
    }

    /// Writes the next frame; `summary` makes it the last.
    fn frame(&mut self, payload: &[u8], summary: Option<&Summary>) -> Result<()> {
        self.cx.check()?;
        if self.started.is_none() {
            self.started = Some(self.start(payload, summary)?);
        }
        let Some(Started { packer, header }) = &mut self.started else { return Ok(()) };
        if let Some(summary) = summary {
            header.set_texts(&summary.name, &summary.chain);
            header.end = Some(End { content: summary.bytes, sha256: summary.sha256 });
        }
        self.output.sample(packer.pack(header, payload))?;
        header.frame = header
            .frame
            .checked_add(1)
            .ok_or_else(|| Error::limit("a video of the profile exact has at most 4294967295 frames"))?;
        Ok(())
    }

    /// Chooses the size of the frames by the first of them, and writes the start of the video.
    fn start(&mut self, payload: &[u8], summary: Option<&Summary>) -> Result<Started> {
        let size = if summary.is_some() { FrameSize::for_payload(payload.len() as u64) } else { LARGEST };
        let format = VideoFormat {
            width: size.width(),
            height: size.height(),
            rate: FRAMES_PER_SECOND,
            sequence_parameters: sequence_parameter_set(size),
            picture_parameters: picture_parameter_set(),
        };
        let metadata = match summary {
            Some(summary) => metadata(summary),
            None => Metadata {
                name: self.name.clone(),
                comment: format!("chain: {}", self.chain),
                tool: TOOL.to_string(),
            },
        };
        self.output.begin(format, &metadata)?;
        let mut header = Header {
            size,
            stream_id: stream_id(payload, &self.name, &self.chain),
            frame: 0,
            payload: 0,
            payload_crc: 0,
            name: String::new(),
            chain: String::new(),
            chain_cut: false,
            end: None,
        };
        header.set_texts(&self.name, &self.chain);
        Ok(Started { packer: Packer::new(size), header })
    }
}

/// The summary as the container shows it.
fn metadata(summary: &Summary) -> Metadata {
    Metadata {
        name: summary.name.clone(),
        comment: format!("chain: {}; bytes: {}; sha256: {}", summary.chain, summary.bytes, summary.sha256),
        tool: TOOL.to_string(),
    }
}

impl StreamWriter for Writer<'_> {
    fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        let capacity = LARGEST.capacity();
        // A full frame is written once a further byte shows that it is not the last.
        while self.pending.len() + bytes.len() > capacity {
            let (now, later) = bytes.split_at(capacity - self.pending.len());
            if self.pending.is_empty() {
                self.frame(now, None)?;
            } else {
                self.pending.extend(now);
                let mut pending = std::mem::take(&mut self.pending);
                self.frame(&pending, None)?;
                pending.clear();
                self.pending = pending;
            }
            bytes = later;
        }
        if !bytes.is_empty() {
            if self.started.is_some() {
                self.pending.reserve_exact(capacity - self.pending.len());
            }
            self.pending.extend(bytes);
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, summary: &Summary) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        self.frame(&pending, Some(summary))?;
        self.output.finish(&metadata(summary))
    }
}
