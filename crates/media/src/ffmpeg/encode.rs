//! Encodes frames to a video.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use lab_codec::{Context, Error, Result};

use lab_process::{Child, Pieces, Pipes, Waited};

use super::{Encoder, Tools, file_argument, words};
use crate::colour::Range;
use crate::{Frame, Video};

/// Options of an encoding.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodeOptions {
    /// The encoder.
    pub encoder: Encoder,
    /// Further output options of ffmpeg, such as `-preset fast -crf 22`.
    pub arguments: Vec<String>,
    /// ffmpeg's name of the container: `mp4`, `matroska`, `webm`, `mov`, `avi`, `h264`.
    pub container: String,
    /// Tags of the container.
    pub tags: Vec<(String, String)>,
    /// ffmpeg's name of the coded pixel format; by default that of the frames.
    pub pixels: Option<String>,
    /// Encoder threads; 0 lets ffmpeg choose.
    pub threads: usize,
}

impl EncodeOptions {
    /// Encodes with `encoder` and its defaults into `container`.
    pub fn new(encoder: Encoder, container: &str) -> Self {
        Self {
            encoder,
            arguments: Vec::new(),
            container: container.to_string(),
            tags: Vec::new(),
            pixels: None,
            threads: 0,
        }
    }
}

/// Destination of a video.
pub enum Output<'a> {
    /// A file, which is replaced.
    File(PathBuf),
    /// A pipe; MP4 is fragmented then.
    Pipe(Box<dyn Write + Send + 'a>),
}

/// A video being encoded.
pub struct EncodedVideo<'a> {
    child: Child,
    video: Video,
    pipe: Option<Box<dyn Write + Send + 'a>>,
    frames: u64,
    cx: Context,
}

impl<'a> EncodedVideo<'a> {
    /// Starts encoding a video with the shape, colour and rate of `video`.
    ///
    /// # Errors
    /// [`MissingTool`](lab_codec::ErrorKind::MissingTool), I/O errors.
    pub fn create(output: Output<'a>, video: Video, options: &EncodeOptions, cx: &Context) -> Result<Self> {
        let tools = Tools::find()?;
        let shape = video.shape;
        let name = match (video.colour.range, options.pixels.as_deref()) {
            (_, Some(pixels)) => pixels,
            _ => shape.format.name(),
        };
        let size = format!("{}x{}", shape.width, shape.height);
        let colour = video.colour.arguments();
        let colour = || colour.iter().map(OsString::from);
        let mut arguments: Vec<_> = words(["-y"]).collect();
        arguments.extend(words(options.encoder.input_arguments().iter().copied()));
        arguments.extend(words(["-f", "rawvideo", "-pix_fmt", shape.format.name(), "-video_size", &size]));
        arguments.extend(words(["-framerate", &video.rate.to_string()]));
        // The tags are set on input and output, so that ffmpeg converts nothing.
        if video.colour.range != Range::Unspecified {
            arguments.extend(colour());
        }
        arguments.extend(words(["-i", "pipe:0"]));
        arguments.extend(options.encoder.output_arguments());
        if !matches!(options.encoder, Encoder::Vaapi | Encoder::VaapiHevc) {
            arguments.extend(words(["-pix_fmt", name]));
        }
        arguments.extend(colour());
        if options.threads > 0 {
            arguments.extend(words(["-threads", &options.threads.to_string()]));
        }
        arguments.extend(options.arguments.iter().map(OsString::from));
        // A separate argument even if the tag begins with a dash.
        for (key, value) in &options.tags {
            arguments.extend(words(["-metadata", &format!("{key}={value}")]));
        }
        arguments.extend(words(["-f", &options.container]));
        let (pipe, file) = match output {
            Output::File(path) => {
                arguments.push(file_argument(&path));
                (None, Some(path))
            }
            Output::Pipe(pipe) => {
                if matches!(options.container.as_str(), "mp4" | "mov") {
                    arguments.extend(words(["-movflags", "frag_keyframe+empty_moov+default_base_moof"]));
                }
                arguments.push("pipe:1".into());
                (Some(pipe), None)
            }
        };
        let pipes = Pipes { input: true, output: pipe.as_ref().map(|_| Pieces::Any) };
        let child = tools.start(&arguments, pipes, file.as_deref())?;
        Ok(Self { child, video, pipe, frames: 0, cx: cx.clone() })
    }

    /// Number of frames written.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Adds a frame.
    ///
    /// # Errors
    /// [`Usage`](lab_codec::ErrorKind::Usage) if the frame has another shape,
    /// [`Tool`](lab_codec::ErrorKind::Tool) if ffmpeg fails or hangs, I/O errors,
    /// [`Cancelled`](lab_codec::ErrorKind::Cancelled).
    pub fn write(&mut self, frame: &Frame) -> Result<()> {
        let shape = self.video.shape;
        if frame.shape() != shape {
            return Err(Error::usage(format!("a frame of {} in a video of {shape}", frame.shape())));
        }
        loop {
            match self.child.wait(true, &self.cx)? {
                Waited::Empty(mut buffer) => {
                    buffer.clear();
                    buffer.extend_from_slice(frame.data());
                    self.child.send(buffer);
                    self.frames += 1;
                    return Ok(());
                }
                Waited::Piece(piece) => self.pass_on(piece)?,
                Waited::End => {
                    self.child.finish(&self.cx)?;
                    return Err(self.child.broken("takes no more frames"));
                }
            }
        }
    }

    /// Completes the video. Files are not synced.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn finish(mut self) -> Result<()> {
        self.child.close_input();
        while self.pipe.is_some() {
            match self.child.wait(false, &self.cx)? {
                Waited::Piece(piece) => self.pass_on(piece)?,
                Waited::Empty(_) | Waited::End => break,
            }
        }
        self.child.finish(&self.cx)?;
        match &mut self.pipe {
            Some(pipe) => Ok(pipe.flush()?),
            None => Ok(()),
        }
    }

    fn pass_on(&mut self, piece: Vec<u8>) -> Result<()> {
        if let Some(pipe) = &mut self.pipe {
            pipe.write_all(&piece)?;
        }
        self.child.recycle(piece);
        Ok(())
    }
}

impl std::fmt::Debug for EncodedVideo<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EncodedVideo")
            .field("video", &self.video)
            .field("frames", &self.frames)
            .finish_non_exhaustive()
    }
}
