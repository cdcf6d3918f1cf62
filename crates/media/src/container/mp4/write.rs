//! Writes MP4 (ISO/IEC 14496-12, -14, -15) with one H.264 track.
//!
//! A file holds the samples first and their index (`moov`) last, so that nothing is buffered. A pipe gets
//! fragments, one per sample. All times are 0, so equal samples give equal files.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use lab_codec::{Error, Result, Target};

use super::boxes::{put_box, put_u32};
use super::movie::{FILE_TYPE, FRAGMENTED_TYPE, MDAT, Metadata, VideoFormat, fragment_start, movie};

enum Output<'a> {
    File(File),
    Pipe(Box<dyn Write + Send + 'a>),
}

/// Writes one video: call [`begin`](Self::begin), [`sample`](Self::sample) per frame,
/// [`finish`](Self::finish).
pub struct Mp4Writer<'a> {
    output: Output<'a>,
    format: Option<VideoFormat>,
    sizes: Vec<u32>,
}

impl<'a> Mp4Writer<'a> {
    /// Creates the file, or uses the pipe.
    ///
    /// # Errors
    /// I/O errors.
    pub fn create(target: Target<'a>) -> Result<Self> {
        let output = match target {
            Target::Path(path) => Output::File(File::create(path)?),
            Target::Pipe(pipe) => Output::Pipe(pipe),
        };
        Ok(Self { output, format: None, sizes: Vec::new() })
    }

    /// Writes the boxes before the first sample. `metadata` is preliminary: a file gets that of
    /// [`finish`](Self::finish) instead.
    ///
    /// # Errors
    /// I/O errors.
    pub fn begin(&mut self, format: VideoFormat, metadata: &Metadata) -> Result<()> {
        match &mut self.output {
            Output::File(file) => {
                let mut start = FILE_TYPE.to_vec();
                put_box(&mut start, b"free", |_| {});
                // Size 0 means "up to the end of the file" until the size is known.
                start.extend(b"\0\0\0\0mdat");
                file.write_all(&start)?;
            }
            Output::Pipe(pipe) => {
                let mut start = FRAGMENTED_TYPE.to_vec();
                movie(&mut start, &format, &[], true, metadata);
                pipe.write_all(&start)?;
            }
        }
        self.format = Some(format);
        Ok(())
    }

    /// Appends a sample, which is a key frame.
    ///
    /// # Errors
    /// [`Limit`](lab_codec::ErrorKind::Limit) beyond 2^32 - 1 samples, or bytes of one sample; I/O errors.
    pub fn sample(&mut self, data: &[u8]) -> Result<()> {
        let limit = || Error::limit("an MP4 track holds at most 4294967295 samples of 4294967295 bytes");
        let size = u32::try_from(data.len() + 8).map_err(|_| limit())? - 8;
        let number = u32::try_from(self.sizes.len()).map_err(|_| limit())?;
        self.sizes.push(size);
        match &mut self.output {
            Output::File(file) => file.write_all(data)?,
            Output::Pipe(pipe) => {
                pipe.write_all(&fragment_start(number, size))?;
                pipe.write_all(data)?;
            }
        }
        Ok(())
    }

    /// Completes the video.
    ///
    /// # Errors
    /// I/O errors.
    pub fn finish(self, metadata: &Metadata) -> Result<()> {
        let Self { output, format, sizes } = self;
        match output {
            Output::File(mut file) => {
                let mut end = Vec::new();
                if let Some(format) = format {
                    movie(&mut end, &format, &sizes, false, metadata);
                }
                file.write_all(&end)?;
                file.seek(SeekFrom::Start(MDAT))?;
                file.write_all(&data_header(sizes.iter().map(|&size| u64::from(size)).sum()))?;
                file.flush()?;
            }
            Output::Pipe(mut pipe) => pipe.flush()?,
        }
        Ok(())
    }
}

/// The 16 bytes before the first sample: `free` and `mdat`, or `mdat` with a 64-bit size.
fn data_header(samples: u64) -> Vec<u8> {
    let mut header = Vec::with_capacity(16);
    match u32::try_from(samples + 8) {
        Ok(size) => {
            put_box(&mut header, b"free", |_| {});
            put_u32(&mut header, size);
            header.extend(b"mdat");
        }
        Err(_) => {
            put_u32(&mut header, 1);
            header.extend(b"mdat");
            header.extend((samples + 16).to_be_bytes());
        }
    }
    header
}

#[cfg(test)]
mod tests {
    #![allow(clippy::cast_possible_truncation)] // sizes of small files

    use lab_codec::Context;

    use super::*;
    use crate::container::mp4::movie::{FIRST_SAMPLE, FRAGMENT_START};
    use crate::container::{ReadAt, read_index};

    #[test]
    fn fixed_sizes_are_what_the_boxes_say() {
        assert_eq!(FILE_TYPE[3], FILE_TYPE.len() as u8);
        assert_eq!(FRAGMENTED_TYPE[3], FRAGMENTED_TYPE.len() as u8);
        assert_eq!(fragment_start(5, 1000).len(), FRAGMENT_START as usize);
        for samples in [0, 4_294_967_287, 4_294_967_288, 1 << 40] {
            assert_eq!(data_header(samples).len() as u64, FIRST_SAMPLE - MDAT);
        }
    }

    /// A file with only its start and its end; all other bytes are zero.
    struct Sparse {
        start: Vec<u8>,
        end: Vec<u8>,
        len: u64,
    }

    impl ReadAt for Sparse {
        fn len(&self) -> u64 {
            self.len
        }

        fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
            let end_from = self.len - self.end.len() as u64;
            for (at, byte) in (offset..).zip(buf) {
                let part = if at < end_from {
                    self.start.get(at as usize)
                } else {
                    self.end.get((at - end_from) as usize)
                };
                *byte = part.copied().unwrap_or(0);
            }
            Ok(())
        }
    }

    #[test]
    fn offsets_beyond_32_bits_are_found_again() {
        let format = VideoFormat {
            width: 64,
            height: 64,
            rate: 5,
            sequence_parameters: vec![0x67, 66, 0xC0, 12],
            picture_parameters: vec![0x68],
        };
        for count in [0, 1, 2, 5] {
            let sizes = vec![3_000_000_000; count];
            let samples = 3_000_000_000 * count as u64;
            let mut end = Vec::new();
            movie(&mut end, &format, &sizes, false, &Metadata::default());
            assert_eq!(end.windows(4).any(|kind| kind == b"co64"), count > 2);
            let start = [&FILE_TYPE[..], &data_header(samples)].concat();
            let len = FIRST_SAMPLE + samples + end.len() as u64;
            let file = Sparse { start, end, len };
            let track = read_index(&file, 256, &Context::default()).unwrap().unwrap();
            let offsets: Vec<u64> = track.samples.iter().map(|sample| sample.offset).collect();
            let expected: Vec<u64> = (0..count as u64).map(|i| FIRST_SAMPLE + i * 3_000_000_000).collect();
            assert_eq!((offsets, track.salvaged), (expected, false));
        }
    }
}
