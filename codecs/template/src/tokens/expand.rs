//! Turns tokens back into bytes. A rule's later uses are copies of its first place in the output.

use lab_codec::{Context, Error, Result};

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

/// A definition that is not complete.
#[derive(Debug)]
struct Open<T> {
    start: u32,
    /// Tokens of it that are still to come.
    left: u32,
    note: T,
}

/// What [`Expansion::settle`] finds complete.
#[derive(Debug)]
pub struct Closed<T> {
    /// Its place in the output.
    pub place: Place,
    /// What [`Expansion::open`] was given to remember.
    pub note: T,
}

/// The output as it grows, and the definitions that are open. `T` is what a coder remembers with each.
pub struct Expansion<'a, T> {
    out: &'a mut Vec<u8>,
    base: usize,
    end: usize,
    at: usize,
    tail: u16,
    stack: Vec<Open<T>>,
    /// Tokens that open definitions wait for; each yields a byte at least.
    awaited: usize,
    budget: u32,
}

impl<'a, T> Expansion<'a, T> {
    /// Expands `raw_len` bytes (below 2^31) behind what `out` holds.
    pub fn new(out: &'a mut Vec<u8>, raw_len: usize) -> Self {
        let base = out.len();
        out.resize(base + raw_len + SLACK, 0);
        Self { out, base, end: base + raw_len, at: base, tail: 0, stack: Vec::new(), awaited: 0, budget: 0 }
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

    /// The first byte of a rule.
    #[inline]
    pub fn first_byte(&self, place: Place) -> u8 {
        self.out[self.base + place.start as usize]
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
        self.stack.push(Open { start: (self.at - self.base) as u32, left: width, note });
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
        self.out[self.at] = byte;
        self.tail = self.tail << 8 | u16::from(byte);
        self.at += 1;
        self.arrived();
        Ok(())
    }

    /// Appends a rule's bytes.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where that is more than is missing.
    #[inline]
    pub fn copy(&mut self, place: Place) -> Result<()> {
        let (from, len) = (self.base + place.start as usize, place.len as usize);
        if len > self.end - self.at {
            return Err(too_long());
        }
        // A copy of fixed size is two moves; what it writes too much is overwritten later, or slack.
        if len <= 16 {
            self.copy_fixed::<16>(from);
        } else if len <= SLACK {
            self.copy_fixed::<SLACK>(from);
        } else {
            self.out.copy_within(from..from + len, self.at);
        }
        self.tail = place.tail;
        self.at += len;
        self.arrived();
        Ok(())
    }

    #[inline]
    fn copy_fixed<const N: usize>(&mut self, from: usize) {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.out[from..from + N]);
        self.out[self.at..self.at + N].copy_from_slice(&bytes);
    }

    #[inline]
    fn arrived(&mut self) {
        if let Some(open) = self.stack.last_mut() {
            open.left -= 1;
            self.awaited -= 1;
        }
    }

    /// Takes the innermost definition away if it is complete. To be called until there is none.
    #[inline]
    pub fn settle(&mut self) -> Option<Closed<T>> {
        let Open { start, note, .. } = self.stack.pop_if(|open| open.left == 0)?;
        let len = (self.at - self.base) as u32 - start;
        Some(Closed { place: Place { start, len, tail: self.tail }, note })
    }

    /// Ends the expansion.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where the output is not complete or a definition is open.
    pub fn finish(self) -> Result<()> {
        if self.at != self.end || !self.stack.is_empty() {
            return Err(Error::corrupt("the output ends inside a rule"));
        }
        self.out.truncate(self.end);
        Ok(())
    }
}

#[cold]
fn too_long() -> Error {
    Error::corrupt("the tokens say more bytes than the segment has")
}
