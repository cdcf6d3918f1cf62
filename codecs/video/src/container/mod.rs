//! Containers: where the samples of a video track lie in a file.
//!
//! Readers trust nothing: every size is checked against the file before it is followed or allocated, and
//! samples that lie outside the file are left out.

mod boxes;
mod matroska;
mod mp4_movie;
pub(crate) mod mp4_read;
pub mod mp4_write;
mod read_at;

pub use read_at::{OpenFile, ReadAt};

use std::sync::Arc;

use lab_codec::{Context, Error, Result};

/// The containers that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// MP4 and its relatives (ISO/IEC 14496-12), plain or fragmented.
    Mp4,
    /// Matroska or WebM.
    Matroska,
}

impl Kind {
    /// What a file is by its first bytes.
    pub fn of(head: &[u8]) -> Option<Self> {
        if head.get(4..8) == Some(b"ftyp") {
            Some(Self::Mp4)
        } else if head.starts_with(&[0x1A, 0x45, 0xDF, 0xA3]) {
            Some(Self::Matroska)
        } else {
            None
        }
    }
}

/// One coded picture in a file: NAL units, each behind its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// The first byte, from the start of the file.
    pub offset: u64,
    /// Bytes.
    pub size: u32,
}

/// The samples of an H.264 track in decoding order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// The samples.
    pub samples: Vec<Sample>,
    /// Bytes of the length before each NAL unit: 1, 2 or 4.
    pub length_size: usize,
    /// Whether the file's own index was cut off, so that the samples are those that could be found without.
    pub salvaged: bool,
}

/// Samples smaller than this hold no frame of ours. Together with the rule that samples do not overlap, this
/// bounds the number of samples by the size of the file.
const MIN_SAMPLE: u32 = 256;

/// Collects samples against hostile input: those outside the file are left out, and their number is bounded.
struct Samples<'a> {
    list: Vec<Sample>,
    file_len: u64,
    cx: &'a Context,
}

impl<'a> Samples<'a> {
    fn new(file_len: u64, cx: &'a Context) -> Self {
        Self { list: Vec::new(), file_len, cx }
    }

    /// Appends a sample that can hold a frame and lies in the file; leaves out any other.
    fn push(&mut self, sample: Sample) -> Result<()> {
        let end = sample.offset.saturating_add(u64::from(sample.size));
        if end > self.file_len || sample.size < MIN_SAMPLE {
            return Ok(());
        }
        let count = self.list.len() as u64;
        if count >= self.file_len / u64::from(MIN_SAMPLE) {
            return Err(Error::corrupt("the index of the video has more samples than the file has room for"));
        }
        if self.list.len() == self.list.capacity() {
            self.cx.check()?;
            // Growing holds the old and the doubled list.
            let memory = 3 * (count + 1) * size_of::<Sample>() as u64;
            self.cx.limits().check_memory(memory, "the index of the video")?;
        }
        self.list.push(sample);
        Ok(())
    }
}

/// Where the index (`moov`) of an MP4 file lies: its first byte and its length; `None` where there is none.
pub(crate) fn movie_box(file: &dyn ReadAt) -> Result<Option<(u64, u64)>> {
    mp4_read::find_box(file, b"moov")
}

/// Finds the samples of the first H.264 track of `file`; `None` where there is none.
///
/// # Errors
/// [`Corrupt`](lab_codec::ErrorKind::Corrupt) or [`Truncated`](lab_codec::ErrorKind::Truncated) where the
/// container's structure is broken, [`Limit`](lab_codec::ErrorKind::Limit) where its index exceeds the
/// memory limit, I/O errors.
pub fn read_index(file: &Arc<dyn ReadAt>, cx: &Context) -> Result<Option<Track>> {
    let mut head = [0; 8];
    let length = file.len().min(8) as usize;
    file.read_exact_at(0, &mut head[..length])?;
    match Kind::of(&head[..length]) {
        Some(Kind::Mp4) => mp4_read::read_index(&**file, cx),
        Some(Kind::Matroska) => matroska::read_index(file, cx),
        None => Ok(None),
    }
}
