//! YUV4MPEG2 ("y4m"): a line of parameters, then frames of raw samples, each after a line of its own.
//!
//! The format of mjpegtools, with the extensions that ffmpeg writes: `C420p10` and similar, `Cmono16`, and
//! `XCOLORRANGE`. Interlacing and the pixel aspect ratio are ignored; alpha is refused.

use std::io::{BufRead, Read, Write};

use lab_codec::{Context, Error, Result};

use crate::colour::Range;
use crate::{Colour, Frame, PixelFormat, Rate, Shape, Video, raw};

/// First bytes of a stream.
pub const MAGIC: &[u8] = b"YUV4MPEG2";

/// Maximum length of a parameter line, in bytes.
const MAX_LINE: u64 = 4096;

/// Names of the pixel formats; the first name of each is written.
const FORMATS: [(&str, PixelFormat); 11] = [
    ("mono", PixelFormat::Gray8),
    ("mono16", PixelFormat::Gray16),
    ("420jpeg", PixelFormat::Yuv420p),
    ("420mpeg2", PixelFormat::Yuv420p),
    ("420paldv", PixelFormat::Yuv420p),
    ("420", PixelFormat::Yuv420p),
    ("422", PixelFormat::Yuv422p),
    ("444", PixelFormat::Yuv444p),
    ("420p10", PixelFormat::Yuv420p10),
    ("422p10", PixelFormat::Yuv422p10),
    ("444p10", PixelFormat::Yuv444p10),
];

/// Reads a y4m stream.
pub struct Reader<R> {
    source: R,
    video: Video,
    line: Vec<u8>,
}

impl<R: BufRead> Reader<R> {
    /// Reads the stream's parameters.
    ///
    /// # Errors
    /// [`Unsupported`](lab_codec::ErrorKind::Unsupported) for another file type or pixel format,
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt), [`Limit`](lab_codec::ErrorKind::Limit), I/O errors.
    pub fn new(mut source: R, cx: &Context) -> Result<Self> {
        let mut line = Vec::new();
        read_line(&mut source, &mut line)?;
        let video = read_header(&line, cx)?;
        Ok(Self { source, video, line })
    }

    /// Shape, colour and rate of all frames.
    pub fn video(&self) -> Video {
        self.video
    }

    /// Reads the next frame; `false` at the end.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt), [`Truncated`](lab_codec::ErrorKind::Truncated), I/O
    /// errors.
    pub fn read(&mut self, frame: &mut Frame) -> Result<bool> {
        read_line(&mut self.source, &mut self.line)?;
        if self.line.is_empty() {
            return Ok(false);
        }
        if self.line != b"FRAME" && !self.line.starts_with(b"FRAME ") {
            return Err(Error::corrupt("a y4m frame does not begin with FRAME"));
        }
        frame.reshape(self.video.shape);
        match raw::read(&mut self.source, frame)? {
            true => Ok(true),
            false => Err(Error::truncated("the y4m stream ends before the samples of a frame")),
        }
    }
}

/// Reads a line without its line end into `line`; empty at the end of the stream.
fn read_line(source: &mut impl BufRead, line: &mut Vec<u8>) -> Result<()> {
    line.clear();
    source.take(MAX_LINE).read_until(b'\n', line)?;
    match line.pop() {
        None => Ok(()),
        Some(b'\n') if !line.is_empty() => Ok(()),
        Some(_) => Err(Error::corrupt("a parameter line of the y4m stream is empty or has no end")),
    }
}

fn read_header(line: &[u8], cx: &Context) -> Result<Video> {
    let text = std::str::from_utf8(line).unwrap_or_default();
    let mut words = text.split(' ');
    if words.next().map(str::as_bytes) != Some(MAGIC) {
        return Err(Error::unsupported("not a y4m stream"));
    }
    let (mut width, mut height, mut rate, mut format) = (0, 0, None, PixelFormat::Yuv420p);
    let mut colour = Colour::default();
    for word in words.filter(|word| !word.is_empty()) {
        let bad = || Error::corrupt(format!("the parameter {word:?} of the y4m stream is malformed"));
        let (key, value) = word.split_at_checked(1).ok_or_else(bad)?;
        match key {
            "W" => width = value.parse().map_err(|_| bad())?,
            "H" => height = value.parse().map_err(|_| bad())?,
            // 0:0 means unknown.
            "F" if value != "0:0" => rate = Some(Rate::parse(value).ok_or_else(bad)?),
            "C" => {
                let known = FORMATS.iter().find(|(name, _)| *name == value);
                format = known.map(|(_, format)| *format).ok_or_else(|| {
                    Error::unsupported(format!("y4m with samples in C{value}; convert it with ffmpeg"))
                })?;
            }
            "X" if value == "COLORRANGE=FULL" => colour.range = Range::Full,
            "X" if value == "COLORRANGE=LIMITED" => colour.range = Range::Limited,
            _ => {}
        }
    }
    let shape = Shape::checked(width, height, format, cx.limits())?;
    Ok(Video { shape, colour, rate: rate.unwrap_or(Rate { num: 25, den: 1 }), frames: None })
}

/// Writes a y4m stream.
pub struct Writer<W> {
    sink: W,
    shape: Shape,
}

impl<W: Write> Writer<W> {
    /// Writes the stream's parameters.
    ///
    /// # Errors
    /// [`Unsupported`](lab_codec::ErrorKind::Unsupported) for RGB and for alpha; I/O errors.
    pub fn new(mut sink: W, video: &Video) -> Result<Self> {
        let shape = video.shape;
        let Some((format, _)) = FORMATS.iter().find(|(_, format)| *format == shape.format) else {
            return Err(Error::unsupported(format!(
                "y4m holds gray and Y, Cb, Cr, not {}; write PNG or video",
                shape.format.name()
            )));
        };
        let range = match video.colour.range {
            Range::Unspecified => "",
            Range::Limited => " XCOLORRANGE=LIMITED",
            Range::Full => " XCOLORRANGE=FULL",
        };
        let Rate { num, den } = video.rate;
        writeln!(sink, "YUV4MPEG2 W{} H{} F{num}:{den} Ip A1:1 C{format}{range}", shape.width, shape.height)?;
        Ok(Self { sink, shape })
    }

    /// Writes a frame.
    ///
    /// # Errors
    /// [`Usage`](lab_codec::ErrorKind::Usage) if the frame has another shape; I/O errors.
    pub fn write(&mut self, frame: &Frame) -> Result<()> {
        if frame.shape() != self.shape {
            return Err(Error::usage(format!("a frame of {} in a video of {}", frame.shape(), self.shape)));
        }
        self.sink.write_all(b"FRAME\n")?;
        raw::write(&mut self.sink, frame)
    }

    /// Flushes and returns the sink.
    ///
    /// # Errors
    /// I/O errors.
    pub fn finish(mut self) -> Result<W> {
        self.sink.flush()?;
        Ok(self.sink)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_codec::ErrorKind;
    use proptest::prelude::*;

    fn read_all(bytes: &[u8]) -> Result<(Video, Vec<Frame>)> {
        let mut reader = Reader::new(bytes, &Context::default())?;
        let mut frames = Vec::new();
        let mut frame = Frame::new(reader.video().shape);
        while reader.read(&mut frame)? {
            frames.push(frame.clone());
        }
        Ok((reader.video(), frames))
    }

    #[test]
    fn what_is_written_is_read() {
        for format in [PixelFormat::Gray8, PixelFormat::Gray16, PixelFormat::Yuv420p, PixelFormat::Yuv444p10]
        {
            let shape = Shape { width: 7, height: 5, format };
            let colour = Colour { range: Range::Full, ..Colour::default() };
            let video = Video { shape, colour, rate: Rate { num: 30_000, den: 1001 }, frames: None };
            let frames: Vec<_> = (0..3u8)
                .map(|i| {
                    let data = (0..shape.bytes()).map(|at| (at as u8).wrapping_mul(31) ^ i).collect();
                    Frame::from_data(shape, data).unwrap()
                })
                .collect();
            let mut writer = Writer::new(Vec::new(), &video).unwrap();
            for frame in &frames {
                writer.write(frame).unwrap();
            }
            assert_eq!(read_all(&writer.finish().unwrap()).unwrap(), (video, frames));
        }
    }

    #[test]
    fn hostile_headers_are_refused() {
        let kind = |text: &str| read_all(text.as_bytes()).map(|_| ()).unwrap_err().kind();
        assert_eq!(kind("P6 1 1 255\n"), ErrorKind::Unsupported);
        assert_eq!(kind("YUV4MPEG2 W4294967295 H4294967295 F25:1\n"), ErrorKind::Corrupt);
        assert_eq!(kind("YUV4MPEG2 W99999999999 H1 F25:1\n"), ErrorKind::Corrupt);
        assert_eq!(kind("YUV4MPEG2 W65535 H65535 C444p10 F25:1\n"), ErrorKind::Limit);
        assert_eq!(kind("YUV4MPEG2 W2 H2 C444alpha\n"), ErrorKind::Unsupported);
        assert_eq!(kind("YUV4MPEG2 W2 H2 C411\n"), ErrorKind::Unsupported);
        assert_eq!(kind("YUV4MPEG2 W2 H2 F1:0\n"), ErrorKind::Corrupt);
        assert_eq!(kind("YUV4MPEG2 W2 H2 \u{e9}\n"), ErrorKind::Corrupt);
        assert_eq!(kind("YUV4MPEG2 W2 H2\nFRAME\nabcde"), ErrorKind::Truncated);
        assert_eq!(kind("YUV4MPEG2 W2 H2\nFRAMES\nabcdef"), ErrorKind::Corrupt);
        assert_eq!(kind(&format!("YUV4MPEG2 W2 H2 {}", "X".repeat(10_000))), ErrorKind::Corrupt);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..60) {
            let mut text = b"YUV4MPEG2 W4 H2 F25:1 C420jpeg\nFRAME\nabcdefghijklFRAME\n".to_vec();
            let at = at.min(text.len());
            text.splice(at..at, bytes.iter().copied());
            let _ = read_all(&text);
            let _ = read_all(&bytes);
        }
    }
}
