//! Finds the samples of an H.264 track in Matroska (RFC 9559), by the `matroska-demuxer` crate.
//!
//! The crate hands out the data of frames, not their places, and trusts sizes up to the size of the file. It
//! gets a [`View`] of the file that remembers where the last read ended, passes over the data of frames
//! without reading it, and shows no more of the file ahead than [`AHEAD`], which bounds what it allocates.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use lab_codec::{Context, Error, Result};
use matroska_demuxer::{DemuxError, Frame, MatroskaFile};

use super::{ReadAt, Sample, Samples, Track};

/// Bytes of the file ahead of the current position that the demuxer may allocate for one element. The
/// largest coded frame of ours has 22 MB.
const AHEAD: u64 = 64 << 20;

/// Reads of more bytes than this are data of frames once the tracks are known; they are not carried out.
const DATA: usize = 64;

/// See [`super::read_index`].
pub fn read_index(file: &Arc<dyn ReadAt>, cx: &Context) -> Result<Option<Track>> {
    // The crate is free of unsafe code but adds sizes from the file without checks, so that a build with
    // overflow checks can panic; nothing of its state is used afterwards.
    catch_unwind(AssertUnwindSafe(|| demux(file, cx)))
        .unwrap_or_else(|_| Err(Error::corrupt("the Matroska structure of the video is broken")))
}

fn demux(file: &Arc<dyn ReadAt>, cx: &Context) -> Result<Option<Track>> {
    let state = Rc::new(State::default());
    let view = View { file: file.clone(), state: state.clone(), window: Vec::new(), window_start: 0 };
    let mut demuxer = MatroskaFile::open(view).map_err(error)?;
    let track = demuxer.tracks().iter().find(|track| track.codec_id() == "V_MPEG4/ISO/AVC");
    let Some(track) = track else { return Ok(None) };
    if track.content_encodings().is_some_and(|encodings| !encodings.is_empty()) {
        return Err(Error::unsupported("a Matroska video with compressed or encrypted samples"));
    }
    let number = track.track_number().get();
    let length_size =
        track.codec_private().and_then(|avcc| avcc.get(4)).map_or(4, |b| usize::from(b & 3) + 1);

    let mut samples = Samples::new(file.len(), cx);
    state.skip_data.set(true);
    let mut frame = Frame::default();
    let mut next = || {
        state.skipped.set((0, 0));
        demuxer.next_frame(&mut frame).map(|more| more.then_some((frame.track, state.skipped.get())))
    };
    // An error here is damage behind the frames that were found: they are what there is.
    while let Ok(Some((track, (end, size)))) = next() {
        if track == number {
            samples.push(Sample { offset: end - size, size: size as u32 })?;
        }
        cx.check()?;
    }
    Ok(Some(Track { samples: samples.list, length_size, salvaged: false }))
}

/// The demuxer's error as ours.
fn error(error: DemuxError) -> Error {
    match error {
        DemuxError::IoError(error) => error.into(),
        other => Error::corrupt(format!("the Matroska structure of the video is broken: {other}")),
    }
}

/// What the demuxer does with its view, seen from outside.
#[derive(Debug, Default)]
struct State {
    position: Cell<u64>,
    skip_data: Cell<bool>,
    /// Where the last skipped data ended, and its size, at most [`AHEAD`].
    skipped: Cell<(u64, u64)>,
}

/// The file as the demuxer sees it.
struct View {
    file: Arc<dyn ReadAt>,
    state: Rc<State>,
    window: Vec<u8>,
    window_start: u64,
}

/// Bytes that are read from the file at once: the demuxer asks for single bytes.
const WINDOW: u64 = 4096;

impl Read for View {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let position = self.state.position.get();
        let available = self.file.len().saturating_sub(position);
        let wanted = (buf.len() as u64).min(available) as usize;
        if self.state.skip_data.get() && buf.len() > DATA {
            self.state.skipped.set((position + wanted as u64, wanted as u64));
        } else {
            for (i, byte) in buf[..wanted].iter_mut().enumerate() {
                *byte = self.byte(position + i as u64)?;
            }
        }
        self.state.position.set(position + wanted as u64);
        Ok(wanted)
    }
}

impl View {
    /// The byte at `position`, which lies in the file.
    fn byte(&mut self, position: u64) -> io::Result<u8> {
        let inside = |start: u64| position.checked_sub(start).and_then(|at| usize::try_from(at).ok());
        if let Some(&byte) = inside(self.window_start).and_then(|at| self.window.get(at)) {
            return Ok(byte);
        }
        self.window.resize((self.file.len() - position).min(WINDOW) as usize, 0);
        self.window_start = position;
        self.file.read_exact_at(position, &mut self.window)?;
        Ok(self.window[0])
    }
}

impl Seek for View {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = self.state.position.get();
        let target = match to {
            SeekFrom::Start(target) => Some(target),
            SeekFrom::Current(by) => position.checked_add_signed(by),
            SeekFrom::End(by) => {
                let end = self.file.len().min(position.saturating_add(AHEAD)).max(position);
                end.checked_add_signed(by)
            }
        };
        let target = target.ok_or(io::ErrorKind::InvalidInput)?;
        self.state.position.set(target);
        Ok(target)
    }

    fn stream_position(&mut self) -> io::Result<u64> {
        Ok(self.state.position.get())
    }
}
