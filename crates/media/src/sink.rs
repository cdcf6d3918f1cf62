//! Where frames go.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use lab_codec::{Context, Error, Result};

use crate::ffmpeg::{EncodeOptions, EncodedVideo, Encoder, Output};
use crate::{Frame, Video, picture, raw, y4m};

/// What becomes of frames.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WriteOptions {
    /// The path that tells the kind by its ending, where the frames are staged under another name.
    pub named: Option<PathBuf>,
    /// How a video is coded; x264 with its own defaults where it is not given. Its container is replaced by the one
    /// that the path names.
    pub video: Option<EncodeOptions>,
}

/// Takes frames. The ending of the path tells the kind: `.y4m`; `.raw`, `.rgb`, `.yuv`, samples without a header;
/// `.png`, one picture; a video by its container's ending; a directory of PNG files (`000000.png`, ...) where there is
/// no ending. `-` is y4m on standard output.
pub struct Writer {
    sink: Sink,
    cx: Context,
}

type Bytes = BufWriter<Box<dyn Write + Send>>;

enum Sink {
    Y4m(y4m::Writer<Bytes>),
    Raw(Bytes),
    Picture(PathBuf, bool),
    Pictures(PathBuf, u64),
    Video(Box<EncodedVideo<'static>>),
}

/// Endings of videos, and ffmpeg's names of their containers.
const CONTAINERS: [(&str, &str); 5] =
    [("mp4", "mp4"), ("mkv", "matroska"), ("webm", "webm"), ("mov", "mov"), ("avi", "avi")];

/// Bytes that are written at once.
const BUFFER: usize = 1 << 20;

impl Writer {
    /// Begins at `path`. Files are replaced; a directory is made.
    ///
    /// # Errors
    /// [`Usage`](lab_codec::ErrorKind::Usage) for an unknown ending,
    /// [`Unsupported`](lab_codec::ErrorKind::Unsupported) where the kind does not hold such samples,
    /// [`MissingTool`](lab_codec::ErrorKind::MissingTool), I/O errors.
    pub fn create(path: &Path, video: Video, options: &WriteOptions, cx: &Context) -> Result<Self> {
        let file = || -> Result<Bytes> {
            let file: Box<dyn Write + Send> = match path == Path::new("-") {
                true => Box::new(std::io::stdout()),
                false => Box::new(File::create(path)?),
            };
            Ok(BufWriter::with_capacity(BUFFER, file))
        };
        let named = options.named.as_deref().unwrap_or(path);
        let ending = named.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        let sink = match ending.as_deref() {
            None if named == Path::new("-") => Sink::Y4m(y4m::Writer::new(file()?, &video)?),
            Some("y4m") => Sink::Y4m(y4m::Writer::new(file()?, &video)?),
            Some("raw" | "rgb" | "yuv") => Sink::Raw(file()?),
            Some("png") => Sink::Picture(path.to_path_buf(), false),
            None => {
                std::fs::create_dir_all(path)?;
                Sink::Pictures(path.to_path_buf(), 0)
            }
            Some(ending) => {
                let container = CONTAINERS.iter().find(|(known, _)| *known == ending).ok_or_else(|| {
                    Error::usage(format!(
                        "frames do not go into .{ending}; use .y4m, .png, .rgb, .mp4, .mkv, .webm, .mov, .avi or a directory"
                    ))
                })?;
                let mut encode =
                    options.video.clone().unwrap_or_else(|| EncodeOptions::new(Encoder::X264, ""));
                encode.container = container.1.to_string();
                Sink::Video(Box::new(EncodedVideo::create(
                    Output::File(path.to_path_buf()),
                    video,
                    &encode,
                    cx,
                )?))
            }
        };
        Ok(Self { sink, cx: cx.clone() })
    }

    /// Adds a frame.
    ///
    /// # Errors
    /// [`Usage`](lab_codec::ErrorKind::Usage) for a second frame of a picture, failures of the tool, I/O errors,
    /// [`Cancelled`](lab_codec::ErrorKind::Cancelled).
    pub fn write(&mut self, frame: &Frame) -> Result<()> {
        self.cx.check()?;
        match &mut self.sink {
            Sink::Y4m(writer) => writer.write(frame),
            Sink::Raw(sink) => raw::write(sink, frame),
            Sink::Picture(_, true) => Err(Error::usage("a PNG file holds one frame; name a directory")),
            Sink::Picture(path, written) => {
                *written = true;
                write_picture(path, frame)
            }
            Sink::Pictures(directory, number) => {
                let path = directory.join(format!("{number:06}.png"));
                *number += 1;
                write_picture(&path, frame)
            }
            Sink::Video(video) => video.write(frame),
        }
    }

    /// Completes what was begun.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn finish(self) -> Result<()> {
        match self.sink {
            Sink::Y4m(writer) => writer.finish().map(|_| ()),
            Sink::Raw(mut sink) => Ok(sink.flush()?),
            Sink::Picture(..) | Sink::Pictures(..) => Ok(()),
            Sink::Video(video) => video.finish(),
        }
    }
}

fn write_picture(path: &Path, frame: &Frame) -> Result<()> {
    let mut file = BufWriter::with_capacity(BUFFER, File::create(path)?);
    picture::write(&mut file, frame)?;
    Ok(file.flush()?)
}
