//! Reads frames from any supported source.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::vec::IntoIter;

use lab_codec::{Context, Error, Result};

use crate::ffmpeg::{Clip, DecodeOptions, Decoder};
use crate::{Frame, PixelFormat, Rate, Shape, Video, picture, raw, y4m};

/// Options of a reader.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadOptions {
    /// Pixel format; by default the source's own. ffmpeg converts y4m; PNG is converted only where that is
    /// lossless.
    pub format: Option<PixelFormat>,
    /// Shape and rate of a source of raw samples, which has no header.
    pub raw: Option<(Shape, Rate)>,
    /// Start time in seconds (video only).
    pub start: Option<f64>,
    /// Maximum number of frames.
    pub frames: Option<u64>,
    /// Decoder threads; 0 lets ffmpeg choose.
    pub threads: usize,
}

/// Reads frames from a clip, a directory of PNG files sorted by name, a PNG file, y4m, or raw samples. `-` is
/// standard input: y4m or raw samples.
pub struct Reader {
    source: Source,
    video: Video,
    clip: Option<Clip>,
    left: u64,
    number: u64,
    cx: Context,
}

type Bytes = Box<dyn BufRead + Send>;

enum Source {
    Y4m(y4m::Reader<Bytes>),
    Raw(Bytes),
    Pictures(IntoIter<PathBuf>),
    Clip(Box<Decoder>),
}

/// Frame rate of sources without one.
const PICTURES_RATE: Rate = Rate { num: 25, den: 1 };

/// Bytes of one read.
const BUFFER_BYTES: usize = 1 << 20;

impl Reader {
    /// Opens `path`.
    ///
    /// # Errors
    /// [`Unsupported`](lab_codec::ErrorKind::Unsupported) if it holds no frames, errors of its format,
    /// [`MissingTool`](lab_codec::ErrorKind::MissingTool), I/O errors.
    pub fn open(path: &Path, options: &ReadOptions, cx: &Context) -> Result<Self> {
        let (source, video, clip) = open(path, options, cx).map_err(|e| e.at(path.display().to_string()))?;
        let left = options.frames.unwrap_or(u64::MAX);
        Ok(Self { source, video, clip, left, number: 0, cx: cx.clone() })
    }

    /// Shape, colour and rate of all frames.
    pub fn video(&self) -> Video {
        self.video
    }

    /// After the last frame: why the source may not be whole, where nothing was wrong enough for an error.
    pub fn doubt(&self) -> Option<String> {
        match &self.source {
            Source::Clip(decoder) => decoder.doubt(),
            _ => None,
        }
    }

    /// Facts about a clip that ffmpeg reads; y4m has no timestamps.
    pub fn clip(&self) -> Option<&Clip> {
        self.clip.as_ref()
    }

    /// Reads the next frame into `frame` and sets its shape to that of the video; `false` at the end.
    ///
    /// # Errors
    /// Errors of the source, with the frame's number; [`Cancelled`](lab_codec::ErrorKind::Cancelled).
    pub fn read(&mut self, frame: &mut Frame) -> Result<bool> {
        self.cx.check()?;
        if self.left == 0 {
            return Ok(false);
        }
        frame.reshape(self.video.shape);
        let there = match &mut self.source {
            Source::Y4m(reader) => reader.read(frame),
            Source::Raw(source) => raw::read(source, frame),
            Source::Clip(decoder) => decoder.read(frame),
            Source::Pictures(paths) => match paths.next() {
                None => Ok(false),
                Some(path) => read_picture(&path, self.video.shape, &self.cx)
                    .map(|picture| {
                        *frame = picture;
                        true
                    })
                    .map_err(|e| e.at(path.display().to_string())),
            },
        };
        let there = there.map_err(|e| e.at(format!("frame {}", self.number)))?;
        self.number += 1;
        self.left -= 1;
        Ok(there)
    }
}

impl Iterator for Reader {
    type Item = Result<Frame>;

    /// After an error, the source is at its end.
    fn next(&mut self) -> Option<Self::Item> {
        let mut frame = Frame::new(self.video.shape);
        match self.read(&mut frame) {
            Ok(true) => Some(Ok(frame)),
            Ok(false) => None,
            Err(e) => {
                self.left = 0;
                Some(Err(e))
            }
        }
    }
}

fn open(path: &Path, options: &ReadOptions, cx: &Context) -> Result<(Source, Video, Option<Clip>)> {
    let piped = path == Path::new("-");
    if !piped && path.is_dir() {
        return open_pictures(path, options, cx);
    }
    let mut source: Bytes = if piped {
        Box::new(BufReader::with_capacity(BUFFER_BYTES, lab_process::standard::input()?))
    } else {
        Box::new(BufReader::with_capacity(BUFFER_BYTES, File::open(path)?))
    };
    if let Some((shape, rate)) = options.raw {
        let shape = Shape::checked(shape.width, shape.height, shape.format, cx.limits())?;
        let len = if piped { None } else { Some(path.metadata()?.len()) };
        let frames = len.map(|len| len / shape.bytes() as u64);
        return Ok((Source::Raw(source), Video { shape, colour: Default::default(), rate, frames }, None));
    }
    let mut head = Vec::new();
    source.by_ref().take(16).read_to_end(&mut head)?;
    let is_y4m = head.starts_with(y4m::MAGIC);
    if is_y4m {
        let reader = y4m::Reader::new(Box::new(std::io::Cursor::new(head).chain(source)) as Bytes, cx)?;
        let video = reader.video();
        if options.format.is_none_or(|format| format == video.shape.format) {
            return Ok((Source::Y4m(reader), video, None));
        }
        if piped {
            return Err(Error::unsupported("y4m from a pipe cannot be converted; save it to a file first"));
        }
    } else if piped {
        return Err(Error::unsupported(
            "a pipe must hold y4m; `ffmpeg -i IN -f yuv4mpegpipe -strict -1 -` writes it",
        ));
    } else if head.starts_with(picture::MAGIC) {
        return open_paths(vec![path.to_path_buf()], options, cx);
    }
    let options = DecodeOptions {
        format: options.format,
        start: options.start,
        frames: options.frames,
        threads: options.threads,
    };
    let clip = Clip::of(path, cx)?;
    let decoder = Decoder::open_clip(path, &clip, &options, cx)?;
    let video = decoder.video();
    Ok((Source::Clip(Box::new(decoder)), video, Some(clip).filter(|_| !is_y4m)))
}

fn open_pictures(
    directory: &Path,
    options: &ReadOptions,
    cx: &Context,
) -> Result<(Source, Video, Option<Clip>)> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png")) {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        return Err(Error::unsupported("the directory holds no PNG file"));
    }
    open_paths(paths, options, cx)
}

/// The first picture determines the shape of all.
fn open_paths(
    paths: Vec<PathBuf>,
    options: &ReadOptions,
    cx: &Context,
) -> Result<(Source, Video, Option<Clip>)> {
    let Some(first) = paths.first() else { return Err(Error::unsupported("no picture")) };
    let file = BufReader::new(File::open(first)?);
    let mut shape = picture::read(file, cx).map_err(|e| e.at(first.display().to_string()))?.shape();
    shape.format = options.format.unwrap_or(shape.format);
    let frames = Some(paths.len() as u64);
    let video = Video { shape, colour: Default::default(), rate: PICTURES_RATE, frames };
    Ok((Source::Pictures(paths.into_iter()), video, None))
}

fn read_picture(path: &Path, shape: Shape, cx: &Context) -> Result<Frame> {
    let frame = picture::read(BufReader::new(File::open(path)?), cx)?;
    let found = frame.shape();
    let frame =
        if found.format == shape.format { Some(frame) } else { picture::convert(&frame, shape.format) };
    match frame {
        Some(frame) if frame.shape() == shape => Ok(frame),
        _ => Err(Error::unsupported(format!("a picture of {found} where {shape} is expected"))),
    }
}
