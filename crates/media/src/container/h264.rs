//! Finds the samples of an H.264 track in any supported container.

use lab_codec::{Context, Error, Result};

use super::read_at::{ReadAt, read_before};
use super::samples::{Sample, Samples, Track};
use super::{matroska, mp4};

/// Supported containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// MP4 and related formats (ISO/IEC 14496-12), plain or fragmented.
    Mp4,
    /// Matroska or WebM.
    Matroska,
}

impl Kind {
    /// Identifies the container by a file's first bytes.
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

/// Finds the samples of the first H.264 track of `file`; `None` without such a track. Samples of fewer than
/// `smallest` bytes (at least 1) are skipped, which bounds their number by the size of the file.
///
/// # Errors
/// [`Corrupt`](lab_codec::ErrorKind::Corrupt) or [`Truncated`](lab_codec::ErrorKind::Truncated) if the
/// container's structure is broken, [`Limit`](lab_codec::ErrorKind::Limit) if its index exceeds the memory
/// limit, I/O errors.
pub fn read_index(file: &dyn ReadAt, smallest: u32, cx: &Context) -> Result<Option<Track>> {
    let mut head = [0; 8];
    let head = read_before(file, 0, file.len(), &mut head)?;
    let samples = Samples::new(file.len(), smallest, cx);
    match Kind::of(head) {
        Some(Kind::Mp4) => mp4::read_index(file, samples, cx),
        Some(Kind::Matroska) => matroska_index(file, samples, cx),
        None => Ok(None),
    }
}

/// Finds the samples of a Matroska file: all, or those before the first damage.
fn matroska_index(file: &dyn ReadAt, mut samples: Samples, cx: &Context) -> Result<Option<Track>> {
    let matroska::Contents { tracks, damage, .. } = matroska::scan(file, cx)?;
    let Some(track) = tracks.iter().find(|track| track.plan.codec == "V_MPEG4/ISO/AVC") else {
        return damage.filter(|_| tracks.is_empty()).map_or(Ok(None), Err);
    };
    if track.encoded {
        return Err(Error::unsupported("a Matroska video with compressed or encrypted samples"));
    }
    for block in &track.blocks {
        if let Ok(size) = u32::try_from(block.size) {
            samples.push(Sample { offset: block.offset, size })?;
        }
    }
    // The fifth byte of `avcC` (ISO/IEC 14496-15, 5.3.3.1) holds the length size.
    let length_size = track.private.get(4).map_or(4, |byte| usize::from(byte & 3) + 1);
    Ok(Some(Track { samples: samples.list, length_size, salvaged: false }))
}
