//! The order of pictures for the encoder, and their destination: one video, or the segments of a resumable
//! one.

use std::path::PathBuf;
use std::sync::Arc;

use lab_codec::{Context, Digest, Error, Result};
use lab_media::colour::Range;
use lab_media::ffmpeg::{EncodeOptions, EncodedVideo, Output};
use lab_media::{Colour, Frame, PixelFormat, Rate, Shape, Video};
use sha2::{Digest as _, Sha256};

use super::Settings;
use super::journal::{Journal, Next};
use crate::modem::rgba::to_rgba;
use crate::modem::{FrameHeader, Modem};
use crate::profile::{Pixels, Structure};

/// Groups of pictures in a segment of a resumable encode: an interruption costs at most this much repeated
/// work.
const SEGMENT_GROUPS: usize = 8;

/// The destination of the pictures.
enum Target<'a> {
    /// One encoder from the first to the last picture.
    Whole(EncodedVideo<'a>),
    /// An encoder for each segment that the journal does not hold yet.
    Segments { journal: Journal, open: Option<Segment>, output: PathBuf },
}

/// The current segment.
struct Segment {
    /// `None` where the journal holds the segment: then only its content is compared.
    video: Option<EncodedVideo<'static>>,
    content: Sha256,
}

/// A video under construction, picture by picture.
pub struct Film<'a> {
    target: Target<'a>,
    video: Video,
    options: EncodeOptions,
    structure: Structure,
    modem: Arc<dyn Modem>,
    grey: Frame,
    frame: Frame,
    /// The frame in the encoder's pixel format, where that differs.
    converted: Frame,
    /// Frames of the stream in the current group of pictures.
    in_group: usize,
    /// Closed groups of pictures in the current segment.
    groups: usize,
    pictures: u64,
    cx: Context,
}

impl<'a> Film<'a> {
    /// Begins a video.
    ///
    /// # Errors
    /// [`MissingTool`](lab_codec::ErrorKind::MissingTool), I/O errors.
    pub fn create(
        output: Output<'a>,
        settings: &Settings,
        tags: Vec<(String, String)>,
        cx: &Context,
    ) -> Result<Self> {
        let drawn = settings.modem.shape();
        let (shape, colour) = match settings.profile.pixels {
            Pixels::Yuv420p => {
                (drawn, Colour { range: Range::Limited, matrix: 1, primaries: 1, transfer: 1 })
            }
            // ffmpeg converts untagged `rgba` with its default matrix, which is what the modem expects.
            Pixels::Rgba => (Shape { format: PixelFormat::Rgba, ..drawn }, Colour::default()),
        };
        let video = Video { shape, colour, rate: settings.rate, frames: None };
        let mut options = EncodeOptions::new(settings.encoder, "mp4");
        options.arguments = settings.arguments.clone();
        options.tags = tags;
        options.threads = settings.threads;
        options.pixels = Some(drawn.format.name().to_string());
        let target = match (&settings.journal, output) {
            (Some(directory), Output::File(output)) => {
                let journal = Journal::open(directory, &format!("{options:?} {video:?}"))?;
                Target::Segments { journal, open: None, output }
            }
            (_, output) => Target::Whole(EncodedVideo::create(output, video, &options, cx)?),
        };
        let mut grey = Frame::new(drawn);
        grey.data_mut().fill(128);
        Ok(Self {
            target,
            video,
            options,
            structure: settings.profile.structure,
            modem: settings.modem.clone(),
            frame: grey.clone(),
            grey,
            converted: Frame::new(shape),
            in_group: 0,
            groups: 0,
            pictures: 0,
            cx: cx.clone(),
        })
    }

    /// Number of pictures so far.
    pub fn pictures(&self) -> u64 {
        self.pictures
    }

    /// Shows a picture for about a second, as a group of pictures of its own.
    ///
    /// # Errors
    /// As [`EncodedVideo::write`].
    pub fn poster(&mut self, picture: &Frame) -> Result<()> {
        self.frame.clone_from(picture);
        if self.record_content(picture.data())? {
            for _ in 0..poster_pictures(self.structure, self.video.rate) {
                self.put(false)?;
            }
        }
        self.pictures += poster_pictures(self.structure, self.video.rate);
        self.end_segment()
    }

    /// Adds a frame of the stream.
    ///
    /// # Errors
    /// As [`EncodedVideo::write`].
    pub fn frame(&mut self, header: &FrameHeader, payload: &[u8]) -> Result<()> {
        self.record_content(&header.to_bytes())?;
        let is_needed = self.record_content(payload)?;
        // `full` is the number of frames that fill a group of pictures.
        let (data, full) = match self.structure {
            Structure::Plain => (usize::MAX, self.structure.key_distance()),
            Structure::Grey { data, groups } => (data, data * groups),
        };
        if data != usize::MAX && self.in_group.is_multiple_of(data) {
            self.grey(is_needed)?;
        }
        if is_needed {
            self.modem.render(header, payload, &mut self.frame);
            self.put(false)?;
        }
        self.pictures += 1;
        self.in_group += 1;
        if self.in_group == full {
            self.close_group(is_needed)?;
        }
        Ok(())
    }

    /// Closes the current group of pictures, and the segment after its last group.
    fn close_group(&mut self, is_needed: bool) -> Result<()> {
        if matches!(self.structure, Structure::Grey { .. }) {
            self.grey(is_needed)?;
        }
        self.in_group = 0;
        self.groups += 1;
        if self.groups < SEGMENT_GROUPS { Ok(()) } else { self.end_segment() }
    }

    fn grey(&mut self, is_needed: bool) -> Result<()> {
        self.pictures += 1;
        if is_needed { self.put(true) } else { Ok(()) }
    }

    /// Sends the encoder a picture: the grey one, or the one in `frame`.
    fn put(&mut self, grey: bool) -> Result<()> {
        let mut frame = if grey { &self.grey } else { &self.frame };
        if self.video.shape.format == PixelFormat::Rgba {
            to_rgba(frame, &mut self.converted)
                .map_err(|e| Error::unsupported(format!("cannot convert a picture for the encoder: {e}")))?;
            frame = &self.converted;
        }
        match &mut self.target {
            Target::Whole(video) => video.write(frame),
            Target::Segments { open: Some(Segment { video: Some(video), .. }), .. } => video.write(frame),
            Target::Segments { .. } => Ok(()),
        }
    }

    /// Adds content to the digest of the current segment, starting the segment if none is open. Returns
    /// whether its pictures must be encoded.
    fn record_content(&mut self, content: &[u8]) -> Result<bool> {
        let Target::Segments { journal, open, .. } = &mut self.target else { return Ok(true) };
        if open.is_none() {
            let video = match journal.next() {
                Next::Finished => None,
                Next::At(path) => {
                    Some(EncodedVideo::create(Output::File(path), self.video, &self.options, &self.cx)?)
                }
            };
            *open = Some(Segment { video, content: Sha256::new() });
        }
        let Some(segment) = open else { return Ok(false) };
        segment.content.update(content);
        Ok(segment.video.is_some())
    }

    fn end_segment(&mut self) -> Result<()> {
        self.groups = 0;
        let Target::Segments { journal, open, .. } = &mut self.target else { return Ok(()) };
        let Some(Segment { video, content }) = open.take() else { return Ok(()) };
        let content = Digest(content.finalize().into());
        match video {
            Some(video) => {
                video.finish()?;
                journal.record_finished(content)
            }
            None => journal.compare(content),
        }
    }

    /// Completes the video, joining its segments if it has any.
    ///
    /// # Errors
    /// As [`EncodedVideo::finish`].
    pub fn finish(mut self) -> Result<()> {
        if self.in_group > 0 {
            let is_needed = self.record_content(&[])?;
            self.close_group(is_needed)?;
        }
        self.end_segment()?;
        match self.target {
            Target::Whole(video) => video.finish(),
            Target::Segments { journal, output, .. } => journal.join(&output, &self.options, &self.cx),
        }
    }
}

/// Number of pictures of a poster: one group of pictures, or one second.
pub fn poster_pictures(structure: Structure, rate: Rate) -> u64 {
    match structure {
        Structure::Plain => rate.as_f64().ceil() as u64,
        Structure::Grey { .. } => structure.key_distance() as u64,
    }
}

/// Number of pictures for `frames` frames of the stream, without the poster. Each 8 frames add a grey picture
/// before them, and each group of 32 one more behind it.
pub fn pictures_of(structure: Structure, frames: u64) -> u64 {
    match structure {
        Structure::Plain => frames,
        Structure::Grey { data, groups } => {
            frames + frames.div_ceil(data as u64) + frames.div_ceil((data * groups) as u64)
        }
    }
}

/// The number of the picture that shows frame `frame` of the stream, counted behind the poster.
pub fn picture_of(structure: Structure, frame: u64) -> u64 {
    match structure {
        Structure::Plain => frame,
        Structure::Grey { data, groups } => frame + 1 + frame / data as u64 + frame / (data * groups) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_stand_where_the_structure_puts_them() {
        let structure = Structure::Grey { data: 8, groups: 4 };
        // G 8 G 8 G 8 G 8 G | G 8 ...
        let numbers = [0, 7, 8, 31, 32, 64].map(|frame| picture_of(structure, frame));
        assert_eq!(numbers, [1, 8, 10, 35, 38, 75]);
        assert_eq!([0, 1, 8, 9, 32, 33].map(|n| pictures_of(structure, n)), [0, 3, 10, 12, 37, 40]);
        assert_eq!((picture_of(Structure::Plain, 5), pictures_of(Structure::Plain, 5)), (5, 5));
    }
}
