//! Random text by Zipf's law, without long repetitions: a test for byte models and word dictionaries.

use super::text::Writer;
use super::{Generator, Pieces, Prng, Values};

pub(super) struct ZipfText;

impl Generator for ZipfText {
    fn name(&self) -> &'static str {
        "zipf-text"
    }

    fn summary(&self) -> &'static str {
        "invented words drawn by Zipf's law, in sentences, lines and paragraphs"
    }

    fn start(&self, seed: u64, _: &Values) -> Box<dyn Pieces> {
        Box::new(Stream { writer: Writer::new(Prng::new(seed)), piece: Vec::new() })
    }
}

struct Stream {
    writer: Writer,
    piece: Vec<u8>,
}

impl Pieces for Stream {
    fn next(&mut self) -> &[u8] {
        self.piece.clear();
        while self.piece.len() < 64 << 10 {
            self.writer.running_word(&mut self.piece);
        }
        &self.piece
    }
}
