//! Decodes the frames of a clip.

use std::path::Path;

use lab_codec::{Context, Result};

use lab_process::{Child, Pieces, Pipes, Waited};

use super::{Clip, Tools, input, words};
use crate::{Frame, PixelFormat, Video};

/// Options of a decoder.
#[derive(Debug, Clone, Copy, Default)]
pub struct DecodeOptions {
    /// Pixel format; by default the clip's own.
    pub format: Option<PixelFormat>,
    /// Starts with the first frame at or after this time, in seconds. The container's index gives the key
    /// frame before it.
    pub start: Option<f64>,
    /// Maximum number of frames.
    pub frames: Option<u64>,
    /// Decoder threads; 0 lets ffmpeg choose.
    pub threads: usize,
}

/// Decodes a clip: every coded frame once, in presentation order.
pub struct Decoder {
    child: Child,
    video: Video,
    /// Maximum number of further frames; more would be garbage.
    bound: Option<u64>,
    ended: bool,
    cx: Context,
}

impl Decoder {
    /// Starts decoding the file at `path`.
    ///
    /// # Errors
    /// As for [`Clip::of`], and [`Unsupported`](lab_codec::ErrorKind::Unsupported) if no format is given and
    /// the clip's own is unsupported.
    pub fn open(path: &Path, options: &DecodeOptions, cx: &Context) -> Result<Self> {
        Self::open_clip(path, &Clip::of(path, cx)?, options, cx)
    }

    /// Starts decoding the file at `path`, whose facts are already known.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn open_clip(path: &Path, clip: &Clip, options: &DecodeOptions, cx: &Context) -> Result<Self> {
        let tools = Tools::find()?;
        let (format, name) = match options.format {
            Some(format) => (format, clip.name_of(format)),
            None => clip.native()?,
        };
        let video = clip.video(format, cx)?;
        let mut arguments: Vec<_> = words(["-noautorotate"]).collect();
        if options.threads > 0 {
            arguments.extend(words(["-threads", &options.threads.to_string()]));
        }
        if let Some(start) = options.start {
            arguments.extend(words(["-ss", &format!("{start:.6}")]));
        }
        arguments.extend(input::arguments(path));
        // `V` excludes cover pictures.
        arguments.extend(words(["-map", "0:V:0"]));
        arguments.extend(words(tools.passthrough(clip.version.as_deref(), cx)?));
        if let Some(frames) = options.frames {
            arguments.extend(words(["-frames:v", &frames.to_string()]));
        }
        arguments.extend(words(["-f", "rawvideo", "-pix_fmt", &name, "pipe:1"]));
        let pipes = Pipes { input: false, output: Some(Pieces::Exact(video.shape.bytes())) };
        let child = tools.start(&arguments, pipes, None)?;
        Ok(Self { child, video, bound: options.frames.or(clip.bound()), ended: false, cx: cx.clone() })
    }

    /// Shape, colour and rate of all frames.
    pub fn video(&self) -> Video {
        self.video
    }

    /// Reads the next frame; `false` at the end.
    ///
    /// # Errors
    /// [`Tool`](lab_codec::ErrorKind::Tool) if ffmpeg fails, hangs or prints anything but frames;
    /// [`Cancelled`](lab_codec::ErrorKind::Cancelled).
    pub fn read(&mut self, frame: &mut Frame) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let size = self.video.shape.bytes();
        match self.child.wait(false, &self.cx)? {
            Waited::Piece(mut piece) if piece.len() == size => {
                match &mut self.bound {
                    Some(0) => return Err(self.child.broken("printed more frames than the clip can have")),
                    Some(bound) => *bound -= 1,
                    None => {}
                }
                frame.reshape(self.video.shape);
                frame.swap(&mut piece);
                self.child.recycle(piece);
                Ok(true)
            }
            Waited::Piece(piece) => {
                self.ended = true;
                self.child.finish(&self.cx)?;
                let have = piece.len();
                Err(self.child.broken(&format!("ended after {have} of the {size} bytes of a frame")))
            }
            Waited::Empty(_) | Waited::End => {
                self.ended = true;
                self.child.finish(&self.cx)?;
                Ok(false)
            }
        }
    }
}

impl Decoder {
    /// At the end: why the clip may not be whole. ffmpeg ends with success where it has read what it could.
    pub fn doubt(&self) -> Option<String> {
        self.child.complaint().map(|said| format!("ffmpeg said: {said}"))
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("video", &self.video).finish_non_exhaustive()
    }
}
