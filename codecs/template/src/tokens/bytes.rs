//! Expands tokens to bytes. A later use of a rule copies its first occurrence in the output.

use super::expand::{Place, Sink, Text};
use crate::prefetch::prefetch;

/// Spare bytes after the output, since short copies write a fixed size.
const SLACK: usize = 32;

/// A piece of output that is decided but not written yet.
#[derive(Debug, Clone, Copy, Default)]
struct Piece {
    /// Source offset in the output; or [`BYTE`] and the byte itself. The text is below 2^31 bytes, so bit 31
    /// is free.
    from: u32,
    len: u32,
}

/// Marks a piece that is a byte.
const BYTE: u32 = 1 << 31;

/// Pieces that are delayed, so that the memory they are copied from has time to arrive. A source lies before
/// its piece, and pieces are written in order, so a delayed source is written first.
const DELAY: usize = 16;

/// The output as it grows.
pub struct Bytes<'a> {
    out: &'a mut Vec<u8>,
    base: usize,
    written: usize,
    delayed: [Piece; DELAY],
    oldest: usize,
}

impl<'a> Bytes<'a> {
    /// Reserves `raw_len` bytes after the contents of `out`.
    pub fn new(out: &'a mut Vec<u8>, raw_len: usize) -> Self {
        let base = out.len();
        out.resize(base + raw_len + SLACK, 0);
        Self { out, base, written: base, delayed: [Piece { from: 0, len: 0 }; DELAY], oldest: 0 }
    }

    #[inline]
    fn put(&mut self, piece: Piece) {
        let due = std::mem::replace(&mut self.delayed[self.oldest], piece);
        self.oldest = (self.oldest + 1) % DELAY;
        self.write(due);
    }

    /// Writes a piece; all pieces before it have been written.
    #[inline]
    fn write(&mut self, piece: Piece) {
        let is_byte = piece.from & BYTE != 0;
        let from = self.base + if is_byte { 0 } else { piece.from as usize };
        let len = piece.len as usize;
        if len <= 16 {
            // A copy of fixed size compiles to two moves. What it writes too much is overwritten later, or
            // falls into the slack. Single bytes take the same path, because a branch on the kind of piece is
            // hard to predict.
            let mut bytes = self.at::<16>(from);
            bytes[0] = if is_byte { piece.from as u8 } else { bytes[0] };
            self.put_all(bytes);
        } else if len <= SLACK {
            self.put_all(self.at::<SLACK>(from));
        } else {
            self.out.copy_within(from..from + len, self.written);
        }
        self.written += len;
    }

    #[inline]
    fn at<const N: usize>(&self, from: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.out[from..from + N]);
        bytes
    }

    #[inline]
    fn put_all<const N: usize>(&mut self, bytes: [u8; N]) {
        self.out[self.written..self.written + N].copy_from_slice(&bytes);
    }

    /// Writes all delayed pieces.
    fn catch_up(&mut self) {
        for i in 0..DELAY {
            let due = std::mem::take(&mut self.delayed[(self.oldest + i) % DELAY]);
            self.write(due);
        }
    }

    /// Writes the delayed pieces and removes the slack.
    pub fn finish(mut self) {
        self.catch_up();
        self.out.truncate(self.written);
    }
}

impl Sink for Bytes<'_> {
    type Name = ();

    fn name(_: u32) {}

    #[inline]
    fn byte(&mut self, byte: u8) {
        self.put(Piece { from: BYTE | u32::from(byte), len: 1 });
    }

    #[inline]
    fn rule(&mut self, place: Place<()>) {
        prefetch(self.out, self.base + place.start as usize);
        self.put(Piece { from: place.start, len: place.len });
    }

    #[inline]
    fn close(&mut self, _: u32, _: u32) {}
}

impl Text for Bytes<'_> {
    fn text(&mut self) -> &[u8] {
        if self.delayed[(self.oldest + DELAY - 1) % DELAY].len > 0 {
            self.catch_up();
        }
        &self.out[self.base..self.written]
    }
}

/// Another sink, with the text beside it for a coder whose contexts are in the text.
pub struct WithText<'a, S> {
    bytes: Bytes<'a>,
    sink: S,
}

impl<'a, S> WithText<'a, S> {
    /// Forwards everything to `sink`, and keeps the text of `raw_len` bytes in `text`.
    pub fn new(text: &'a mut Vec<u8>, raw_len: usize, sink: S) -> Self {
        Self { bytes: Bytes::new(text, raw_len), sink }
    }

    /// The other sink, after the text is complete.
    pub fn into_sink(self) -> S {
        self.bytes.finish();
        self.sink
    }
}

impl<S: Sink> Sink for WithText<'_, S> {
    type Name = S::Name;

    fn name(number: u32) -> S::Name {
        S::name(number)
    }

    fn open(&mut self) {
        self.sink.open();
    }

    fn byte(&mut self, byte: u8) {
        self.bytes.byte(byte);
        self.sink.byte(byte);
    }

    fn rule(&mut self, place: Place<S::Name>) {
        let Place { start, len, tail, .. } = place;
        self.bytes.rule(Place { start, len, name: (), tail });
        self.sink.rule(place);
    }

    fn close(&mut self, width: u32, len: u32) {
        self.sink.close(width, len);
    }

    fn memory(&self) -> u64 {
        self.sink.memory()
    }
}

impl<S: Sink> Text for WithText<'_, S> {
    fn text(&mut self) -> &[u8] {
        self.bytes.text()
    }
}
