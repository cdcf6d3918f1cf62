//! Cuts a segment into notes.

use std::io::{self, Read};
use std::ops::Range;

use fastcdc::v2020::{FastCDC, StreamCDC};
use lab_codec::{Error, Result};

/// Minimum size of notes, in bytes.
pub const MIN_SIZE: u64 = fastcdc::v2020::AVERAGE_MIN as u64;
/// Maximum size of notes, in bytes.
pub const MAX_SIZE: u64 = fastcdc::v2020::AVERAGE_MAX as u64;

/// A chunking method. The numbers are those of the dictionary format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunking {
    /// Content-defined: cuts after an insertion fall where they fell before. FastCDC (Xia et al., 2016, in
    /// the normalized form of 2020).
    Content = 0,
    /// Fixed size.
    Fixed = 1,
}

/// A chunking method, with its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cutting {
    chunking: Chunking,
    size: u64,
}

impl Cutting {
    /// Notes of about `size` bytes: with content-defined chunking from a quarter to four times that, the
    /// usual ratio for FastCDC.
    ///
    /// # Errors
    /// [`Param`](lab_codec::ErrorKind::Param) for a size outside [`MIN_SIZE`] to [`MAX_SIZE`].
    pub fn new(chunking: Chunking, size: u64) -> Result<Self> {
        if !(MIN_SIZE..=MAX_SIZE).contains(&size) {
            return Err(Error::param(format!(
                "notes of {size} bytes are not allowed; they have {MIN_SIZE} to {MAX_SIZE} bytes"
            )));
        }
        Ok(Self { chunking, size })
    }

    /// The chunking method.
    pub fn chunking(self) -> Chunking {
        self.chunking
    }

    /// The size of notes, in bytes.
    pub fn size(self) -> u64 {
        self.size
    }

    /// The notes of `text`, in order; none is empty.
    pub fn cut(self, text: &[u8]) -> Box<dyn Iterator<Item = Range<usize>> + '_> {
        let size = self.size as usize;
        match self.chunking {
            Chunking::Content => {
                let [least, average, most] = self.sizes();
                let chunks = FastCDC::new(text, least, average, most);
                Box::new(chunks.map(|chunk| chunk.offset..chunk.offset + chunk.length))
            }
            Chunking::Fixed => {
                let end = text.len();
                Box::new((0..end).step_by(size).map(move |start| start..end.min(start + size)))
            }
        }
    }

    /// The same notes of a stream, one at a time.
    pub fn stream<'a>(self, reader: impl Read + 'a) -> Box<dyn Iterator<Item = io::Result<Vec<u8>>> + 'a> {
        let size = self.size as usize;
        match self.chunking {
            Chunking::Content => {
                let [least, average, most] = self.sizes();
                let chunks = StreamCDC::new(reader, least, average, most);
                Box::new(chunks.map(|chunk| Ok(chunk?.data)))
            }
            Chunking::Fixed => {
                let mut reader = reader;
                let next = move || {
                    let mut note = Vec::with_capacity(size);
                    let read = reader.by_ref().take(size as u64).read_to_end(&mut note);
                    read.map(|read| (read > 0).then_some(note)).transpose()
                };
                Box::new(std::iter::from_fn(next))
            }
        }
    }

    /// Minimum, average and maximum size of a note, even, as the library requires.
    fn sizes(self) -> [usize; 3] {
        let size = self.size as usize;
        [size / 4, size, size * 4].map(|size| size & !1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(len: usize) -> Vec<u8> {
        let mut x = 1u64;
        let mut next = || {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (x >> 56) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    #[test]
    fn notes_cover_the_text() {
        for (chunking, size) in [(Chunking::Content, 256), (Chunking::Content, 4097), (Chunking::Fixed, 300)]
        {
            for len in [0, 1, 255, 256, 257, 100_000] {
                let text = noise(len);
                let cutting = Cutting::new(chunking, size).unwrap();
                let mut at = 0;
                for note in cutting.cut(&text) {
                    assert!(note.start == at && note.end > at && note.len() as u64 <= 4 * size);
                    at = note.end;
                }
                assert_eq!(at, len);
                let read: Vec<Vec<u8>> = cutting.stream(&text[..]).map(Result::unwrap).collect();
                assert_eq!(read, cutting.cut(&text).map(|note| text[note].to_vec()).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn an_insertion_moves_few_cuts() {
        let text = noise(200_000);
        let mut longer = text.clone();
        longer.splice(1000..1000, *b"something");
        let cutting = Cutting::new(Chunking::Content, 1024).unwrap();
        let notes = |text: &[u8]| cutting.cut(text).map(|note| text[note].to_vec()).collect::<Vec<_>>();
        let (before, after) = (notes(&text), notes(&longer));
        assert!(before.len() > 50);
        assert!(before.iter().filter(|note| !after.contains(note)).count() <= 3);
    }
}
