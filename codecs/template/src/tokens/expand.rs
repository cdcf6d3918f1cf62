//! Turns tokens back into bytes. A rule's later uses are copies of its first place in the output.

use lab_codec::{Context, Error, Result};

use crate::prefetch::prefetch;

/// Room behind the output that short copies may scribble on.
const SLACK: usize = 32;

/// A rule: where it stands in the output first, and its length.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place {
    /// Offset of the first byte.
    pub start: u32,
    /// Number of bytes.
    pub len: u32,
    /// Its last two bytes, the last one low, so that the next token need not wait for the copy.
    pub tail: u16,
}

/// A piece of output that is decided but not written yet.
#[derive(Debug, Clone, Copy, Default)]
struct Piece {
    /// Where in the output it is copied from; or [`BYTE`] and the byte that it consists of.
    from: u32,
    len: u32,
}

/// Marks a piece that is a byte.
const BYTE: u32 = 1 << 31;

/// How many pieces are written late, so that the memory that they are copied from has time to arrive.
const DELAY: usize = 16;

/// A definition that is not complete.
#[derive(Debug)]
struct Open<T> {
    start: u32,
    /// Tokens of it that are still to come.
    left: u32,
    first: u8,
    note: T,
}

/// What [`Expansion::settle`] finds complete.
#[derive(Debug)]
pub struct Closed<T> {
    /// Its place in the output.
    pub place: Place,
    /// Its first byte.
    pub first: u8,
    /// What [`Expansion::open`] was given to remember.
    pub note: T,
}

/// The output as it grows, and the definitions that are open. `T` is what a coder remembers with each.
pub struct Expansion<'a, T> {
    out: &'a mut Vec<u8>,
    base: usize,
    end: usize,
    /// Where the output ends that has been decided, and where that which has been written.
    at: usize,
    written: usize,
    delayed: [Piece; DELAY],
    oldest: usize,
    tail: u16,
    stack: Vec<Open<T>>,
    /// The innermost definitions of which no byte is known.
    fresh: usize,
    /// Tokens that open definitions wait for; each yields a byte at least.
    awaited: usize,
    budget: u32,
}

impl<'a, T> Expansion<'a, T> {
    /// Expands `raw_len` bytes (below 2^31) behind what `out` holds.
    pub fn new(out: &'a mut Vec<u8>, raw_len: usize) -> Self {
        let base = out.len();
        out.resize(base + raw_len + SLACK, 0);
        Self {
            end: base + raw_len,
            at: base,
            written: base,
            delayed: [Piece { from: 0, len: 0 }; DELAY],
            oldest: 0,
            tail: 0,
            stack: Vec::new(),
            fresh: 0,
            awaited: 0,
            budget: 0,
            out,
            base,
        }
    }

    /// Whether the output is complete.
    #[inline]
    pub fn is_complete(&self) -> bool {
        self.at == self.end
    }

    /// The last two bytes of the output, the last one low; zeros stand for what is not there.
    #[inline]
    pub fn tail(&self) -> u16 {
        self.tail
    }

    /// The output so far; what is written late is written now.
    pub fn text(&mut self) -> &[u8] {
        if self.written < self.at {
            for i in 0..DELAY {
                let due = std::mem::take(&mut self.delayed[(self.oldest + i) % DELAY]);
                if due.len > 0 {
                    self.write(due);
                }
            }
        }
        &self.out[self.base..self.at]
    }

    /// Looks at the cancellation flag now and then, and says when: other rare checks go along.
    ///
    /// # Errors
    /// Cancellation.
    #[inline]
    pub fn tick(&mut self, cx: &Context) -> Result<bool> {
        self.budget += 1;
        if self.budget < 1 << 14 {
            return Ok(false);
        }
        self.budget = 0;
        cx.check().map(|()| true)
    }

    /// Begins a definition of `width` tokens. It takes the place of one token.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where that is less than 2, or more than fits the output.
    #[inline]
    pub fn open(&mut self, width: u32, note: T) -> Result<()> {
        let awaited = self.awaited.saturating_add(width as usize) - usize::from(!self.stack.is_empty());
        if width < 2 || awaited > self.end - self.at {
            return Err(Error::corrupt(format!(
                "a rule of {width} symbols at offset {}",
                self.at - self.base
            )));
        }
        if let Some(outer) = self.stack.last_mut() {
            outer.left -= 1;
        }
        self.awaited = awaited;
        self.stack.push(Open { start: (self.at - self.base) as u32, left: width, first: 0, note });
        self.fresh += 1;
        Ok(())
    }

    /// Appends a byte.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where the output is complete.
    #[inline]
    pub fn byte(&mut self, byte: u8) -> Result<()> {
        if self.at == self.end {
            return Err(too_long());
        }
        self.tail = self.tail << 8 | u16::from(byte);
        self.put(Piece { from: BYTE | u32::from(byte), len: 1 });
        self.arrived(byte);
        Ok(())
    }

    /// Appends a rule's bytes.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where that is more than is missing.
    #[inline]
    pub fn copy(&mut self, place: Place, first: u8) -> Result<()> {
        if place.len as usize > self.end - self.at {
            return Err(too_long());
        }
        prefetch(self.out, self.base + place.start as usize);
        self.tail = place.tail;
        self.put(Piece { from: place.start, len: place.len });
        self.arrived(first);
        Ok(())
    }

    #[inline]
    fn put(&mut self, piece: Piece) {
        self.at += piece.len as usize;
        let due = std::mem::replace(&mut self.delayed[self.oldest], piece);
        self.oldest = (self.oldest + 1) % DELAY;
        self.write(due);
    }

    /// Writes a piece; all pieces before it have been written.
    #[inline]
    fn write(&mut self, piece: Piece) {
        let (from, len) = (self.base + (piece.from & !BYTE) as usize, piece.len as usize);
        if piece.from & BYTE != 0 {
            self.out[self.written] = piece.from as u8;
        } else if len <= 16 {
            // A copy of fixed size is two moves; what it writes too much is overwritten later, or slack.
            self.copy_fixed::<16>(from);
        } else if len <= SLACK {
            self.copy_fixed::<SLACK>(from);
        } else {
            self.out.copy_within(from..from + len, self.written);
        }
        self.written += len;
    }

    #[inline]
    fn copy_fixed<const N: usize>(&mut self, from: usize) {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.out[from..from + N]);
        self.out[self.written..self.written + N].copy_from_slice(&bytes);
    }

    #[inline]
    fn arrived(&mut self, first: u8) {
        while self.fresh > 0 {
            let depth = self.stack.len() - self.fresh;
            self.stack[depth].first = first;
            self.fresh -= 1;
        }
        if let Some(open) = self.stack.last_mut() {
            open.left -= 1;
            self.awaited -= 1;
        }
    }

    /// Takes the innermost definition away if it is complete. To be called until there is none.
    #[inline]
    pub fn settle(&mut self) -> Option<Closed<T>> {
        let Open { start, first, note, .. } = self.stack.pop_if(|open| open.left == 0)?;
        let len = (self.at - self.base) as u32 - start;
        Some(Closed { place: Place { start, len, tail: self.tail }, first, note })
    }

    /// Ends the expansion.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where the output is not complete or a definition is open.
    pub fn finish(mut self) -> Result<()> {
        if self.at != self.end || !self.stack.is_empty() {
            return Err(Error::corrupt("the output ends inside a rule"));
        }
        for i in 0..DELAY {
            self.write(self.delayed[(self.oldest + i) % DELAY]);
        }
        self.out.truncate(self.end);
        Ok(())
    }
}

#[cold]
fn too_long() -> Error {
    Error::corrupt("the tokens say more bytes than the segment has")
}
