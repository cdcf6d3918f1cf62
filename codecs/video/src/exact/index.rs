//! Which sample of a video holds which frame.

use std::io;
use std::sync::{Arc, OnceLock};

use lab_codec::{Context, Error, Result};
use lab_media::container::mp4::incomplete;
use lab_media::container::{ReadAt, Sample, Track, read_index};

use super::frame::{FrameStart, MAX_START};
use super::h264::NAL_IDR;
use super::header::Header;

/// Samples smaller than this hold no frame: its header and the first macroblock take more.
const MIN_SAMPLE: u32 = 256;

/// NAL units in front of a slice that are passed over: parameter sets, delimiters, supplemental information.
const MAX_UNITS_BEFORE: usize = 64;

/// The places of the frames of one stream.
pub(super) struct Index {
    pub file: Arc<dyn ReadAt>,
    track: Track,
    /// The header of one frame: what all have in common.
    pub common: Header,
    /// The header of the last frame, where there is one.
    pub last: Option<Header>,
    /// The highest number of a frame that was found.
    pub highest: u32,
    /// Frame numbers with their samples, ascending; made when a frame is not in the sample of its number.
    order: OnceLock<Vec<(u32, u32)>>,
}

/// A slice in the file and what its start says.
pub(super) struct Slice {
    /// The first byte of the second macroblock.
    pub offset: u64,
    /// Bytes from there to the end of the NAL unit.
    pub length: u64,
    pub start: FrameStart,
}

impl Index {
    /// Finds the stream of the first readable frame.
    pub(super) fn open(file: Arc<dyn ReadAt>, cx: &Context) -> Result<Self> {
        let nothing = || Error::unsupported("a video, but no lab stream in it");
        let track = read_index(&*file, MIN_SAMPLE, cx)?.ok_or_else(nothing)?;
        let nothing = || if track.salvaged { incomplete() } else { nothing() };
        if u32::try_from(track.samples.len()).is_err() {
            return Err(Error::limit("the video has more than 4294967295 samples"));
        }
        if let Some((first, last)) = straight(&*file, &track)? {
            let highest = last.frame;
            let order = OnceLock::new();
            return Ok(Self { file, track, common: first, last: Some(last), highest, order });
        }

        // Not as a writer leaves it: look into every sample.
        let mut common: Option<Header> = None;
        let mut last: Option<Header> = None;
        let mut order = Vec::new();
        for (number, sample) in (0..).zip(&track.samples) {
            if number % 256 == 0 {
                cx.check()?;
            }
            let Some(slice) = read_slice(&*file, *sample, track.length_size)? else { continue };
            let header = slice.start.header;
            let common = common.get_or_insert_with(|| header.clone());
            if belongs(&header, common) {
                order.push((header.frame, number));
                if header.end.is_some() && last.as_ref().is_none_or(|last| last.frame < header.frame) {
                    last = Some(header);
                }
            }
        }
        let common = common.ok_or_else(nothing)?;
        order.sort_unstable();
        let highest = order.last().map_or(0, |&(frame, _)| frame);
        Ok(Self { file, track, common, last, highest, order: order.into() })
    }

    /// Calls `read` with the slices that claim to be frame `frame` until it succeeds; whether it did.
    pub(super) fn any_slice_of(
        &self,
        frame: u32,
        mut read: impl FnMut(Slice) -> io::Result<bool>,
    ) -> io::Result<bool> {
        let mut try_sample = |number: u32| -> io::Result<bool> {
            let Some(&sample) = self.track.samples.get(number as usize) else { return Ok(false) };
            match read_slice(&*self.file, sample, self.track.length_size)? {
                Some(slice) if slice.start.header.frame == frame && self.is_ours(&slice.start.header) => {
                    read(slice)
                }
                _ => Ok(false),
            }
        };
        if self.order.get().is_none() && try_sample(frame)? {
            return Ok(true);
        }
        let order = self.order()?;
        let from = order.partition_point(|&(f, _)| f < frame);
        for &(_, number) in order[from..].iter().take_while(|&&(f, _)| f == frame) {
            if try_sample(number)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The samples by frame number; reads the start of every sample at its first call.
    fn order(&self) -> io::Result<&[(u32, u32)]> {
        if let Some(order) = self.order.get() {
            return Ok(order);
        }
        let mut order = Vec::new();
        for (number, sample) in (0..).zip(&self.track.samples) {
            if let Some(slice) = read_slice(&*self.file, *sample, self.track.length_size)?
                && self.is_ours(&slice.start.header)
            {
                order.push((slice.start.header.frame, number));
            }
        }
        order.sort_unstable();
        Ok(self.order.get_or_init(|| order))
    }

    fn is_ours(&self, header: &Header) -> bool {
        belongs(header, &self.common)
    }
}

/// The headers of the first and the last frame of a video as a writer leaves it: they are in the first and
/// the last sample, and there are as many samples as frames. What lies between is checked when it is read.
fn straight(file: &dyn ReadAt, track: &Track) -> io::Result<Option<(Header, Header)>> {
    let header = |sample: Option<&Sample>| -> io::Result<Option<Header>> {
        let Some(&sample) = sample else { return Ok(None) };
        Ok(read_slice(file, sample, track.length_size)?.map(|slice| slice.start.header))
    };
    let (Some(first), Some(last)) = (header(track.samples.first())?, header(track.samples.last())?) else {
        return Ok(None);
    };
    let straight = first.frame == 0
        && belongs(&last, &first)
        && last.end.is_some()
        && track.samples.len() as u64 == u64::from(last.frame) + 1;
    Ok(straight.then_some((first, last)))
}

/// Whether two headers are of the same stream.
fn belongs(header: &Header, common: &Header) -> bool {
    header.stream_id == common.stream_id && header.size == common.size
}

/// Finds the slice in a sample and reads its start; `None` where the sample holds no frame of ours.
fn read_slice(file: &dyn ReadAt, sample: Sample, length_size: usize) -> io::Result<Option<Slice>> {
    let mut buffer = [0; 4 + MAX_START];
    let mut offset = sample.offset;
    let end = sample.offset + u64::from(sample.size);
    for _ in 0..MAX_UNITS_BEFORE {
        let available = end.saturating_sub(offset).min(buffer.len() as u64) as usize;
        if available <= length_size {
            return Ok(None);
        }
        let read = &mut buffer[..available];
        match file.read_exact_at(offset, read) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let (length, unit) = read.split_at(length_size);
        let length = length.iter().fold(0, |length, &byte| length << 8 | u64::from(byte));
        offset += length_size as u64;
        if offset + length > end {
            return Ok(None);
        }
        if unit[0] & 0x1F == NAL_IDR {
            let unit = &unit[..unit.len().min(usize::try_from(length).unwrap_or(usize::MAX))];
            return Ok(FrameStart::parse(unit).map(|start| Slice {
                offset: offset + start.length as u64,
                length: length - start.length as u64,
                start,
            }));
        }
        offset += length;
    }
    Ok(None)
}
