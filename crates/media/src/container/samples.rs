//! Collects sample positions from hostile input.

use lab_codec::{Context, Error, Result};

/// One coded picture in a file: NAL units, each preceded by its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Offset of the first byte in the file.
    pub offset: u64,
    /// Length in bytes.
    pub size: u32,
}

/// The samples of an H.264 track in decoding order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// The samples.
    pub samples: Vec<Sample>,
    /// Bytes of the length field before each NAL unit: 1, 2 or 4.
    pub length_size: usize,
    /// Whether the file's index was missing and the samples were found without it.
    pub salvaged: bool,
}

/// Collects samples inside a file, of a minimum size. Samples do not overlap, so this bounds their number.
pub(super) struct Samples<'a> {
    pub list: Vec<Sample>,
    pub file_len: u64,
    pub smallest: u32,
    cx: &'a Context,
}

impl<'a> Samples<'a> {
    pub(super) fn new(file_len: u64, smallest: u32, cx: &'a Context) -> Self {
        Self { list: Vec::new(), file_len, smallest, cx }
    }

    /// Appends a sample if it is large enough and lies in the file; skips any other.
    pub(super) fn push(&mut self, sample: Sample) -> Result<()> {
        let end = sample.offset.saturating_add(u64::from(sample.size));
        if end > self.file_len || sample.size < self.smallest {
            return Ok(());
        }
        let count = self.list.len() as u64;
        if count >= self.file_len / u64::from(self.smallest) {
            return Err(Error::corrupt("the index of the video has more samples than the file has room for"));
        }
        if self.list.len() == self.list.capacity() {
            self.cx.check()?;
            // Growth holds the old and the doubled list at once.
            let memory = 3 * (count + 1) * size_of::<Sample>() as u64;
            self.cx.limits().check_memory(memory, "the index of the video")?;
        }
        self.list.push(sample);
        Ok(())
    }
}
