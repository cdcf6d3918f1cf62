//! Writes frames to any supported destination.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use lab_codec::{Context, Error, Result};

use crate::ffmpeg::{EncodeOptions, EncodedVideo, Encoder, Output};
use crate::{Frame, Video, picture, raw, y4m};

/// Options of a writer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WriteOptions {
    /// Final path, whose extension determines the kind, if the frames are staged under another name.
    pub named: Option<PathBuf>,
    /// Options of a video; by default x264 with its own defaults. The container comes from the path.
    pub video: Option<EncodeOptions>,
}

/// Writes frames. The path's extension determines the kind. `.y4m`; `.raw`, `.rgb` or `.yuv` for samples
/// without a header; `.png` for one picture; a video container's extension; none for a directory of PNG files
/// (`000000.png`, ...). `-` is y4m on standard output.
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

/// Extensions of videos, with ffmpeg's names of their containers.
const CONTAINERS: [(&str, &str); 5] =
    [("mp4", "mp4"), ("mkv", "matroska"), ("webm", "webm"), ("mov", "mov"), ("avi", "avi")];

/// Size of the write buffer, in bytes.
const BUFFER_BYTES: usize = 1 << 20;

impl Writer {
    /// Starts writing to `path`. Files are replaced; a directory is created.
    ///
    /// # Errors
    /// [`Usage`](lab_codec::ErrorKind::Usage) for an unknown extension,
    /// [`Unsupported`](lab_codec::ErrorKind::Unsupported) if the kind cannot hold such samples,
    /// [`MissingTool`](lab_codec::ErrorKind::MissingTool), I/O errors.
    pub fn create(path: &Path, video: Video, options: &WriteOptions, cx: &Context) -> Result<Self> {
        let file = || -> Result<Bytes> {
            let file: Box<dyn Write + Send> = match path == Path::new("-") {
                true => Box::new(lab_process::standard::output()?),
                false => Box::new(File::create(path)?),
            };
            Ok(BufWriter::with_capacity(BUFFER_BYTES, file))
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
                        "frames do not go into .{ending}; use .y4m, .png, .rgb, .mp4, .mkv, .webm, .mov, \
                         .avi or a directory"
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

    /// Writes a frame.
    ///
    /// # Errors
    /// [`Usage`](lab_codec::ErrorKind::Usage) for a second frame of a picture, failures of the tool, I/O
    /// errors, [`Cancelled`](lab_codec::ErrorKind::Cancelled).
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

    /// Completes the output.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
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
    let mut file = BufWriter::with_capacity(BUFFER_BYTES, File::create(path)?);
    picture::write(&mut file, frame)?;
    Ok(file.flush()?)
}
