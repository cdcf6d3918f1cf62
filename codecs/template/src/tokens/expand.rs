//! Tracks the state of a token stream: open definitions, complete rules, the length so far. A [`Sink`]
//! decides what becomes of the text.

use lab_codec::{Context, Error, Result};

/// A rule that is complete.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place<N> {
    /// Offset of the first byte of its first occurrence in the text.
    pub start: u32,
    /// Number of bytes.
    pub len: u32,
    /// The [`Sink`]'s name for it.
    pub name: N,
    /// Its last two bytes, the last one low: the context of the next token, known before the copy is written.
    pub tail: u16,
}

/// Receives checked tokens: they never exceed the length of the text.
pub trait Sink {
    /// What the sink identifies a rule by, beside its offset in the text.
    type Name: Copy;
    /// The name of the rule that is complete after `number` others.
    fn name(number: u32) -> Self::Name;
    /// The definition of a rule begins.
    fn open(&mut self) {}
    /// A byte.
    fn byte(&mut self, byte: u8);
    /// A use of a complete rule.
    fn rule(&mut self, place: Place<Self::Name>);
    /// The last `width` symbols, `len` bytes in all, form the right-hand side of the next rule.
    fn close(&mut self, width: u32, len: u32);
    /// Upper bound of the memory in use, in bytes, beside the text itself.
    fn memory(&self) -> u64 {
        0
    }
}

/// A sink that holds the text.
pub trait Text: Sink {
    /// The text so far.
    fn text(&mut self) -> &[u8];
}

/// A definition that is not complete.
#[derive(Debug)]
struct Open<T> {
    start: u32,
    width: u32,
    /// Tokens of it still to come.
    left: u32,
    first: u8,
    note: T,
}

/// A definition that [`Expansion::settle`] completes.
#[derive(Debug)]
pub struct Closed<N, T> {
    /// The rule.
    pub place: Place<N>,
    /// Its first byte.
    pub first: u8,
    /// The value that [`Expansion::open`] received.
    pub note: T,
}

/// The length of the text so far, and the open definitions. `T` is a coder's value for each of them.
pub struct Expansion<S, T> {
    sink: S,
    at: usize,
    end: usize,
    /// Bytes of the text that were requested.
    wanted: usize,
    tail: u16,
    rules: u32,
    stack: Vec<Open<T>>,
    /// Number of innermost definitions whose first byte is not known yet.
    fresh: usize,
    /// Tokens that open definitions wait for. Each yields at least one byte, so they never exceed the missing
    /// bytes.
    awaited: usize,
    budget: u32,
}

impl<S: Sink, T> Expansion<S, T> {
    /// Expects a text of `raw_len` bytes (below 2^31).
    pub fn new(sink: S, raw_len: usize) -> Self {
        Self {
            sink,
            at: 0,
            end: raw_len,
            wanted: raw_len,
            tail: 0,
            rules: 0,
            stack: Vec::new(),
            fresh: 0,
            awaited: 0,
            budget: 0,
        }
    }

    /// Requests only the first `wanted` bytes: the text may then end anywhere after them.
    pub fn up_to(mut self, wanted: usize) -> Self {
        self.wanted = wanted.min(self.end);
        self
    }

    /// The memory that the sink takes, in bytes.
    pub fn memory(&self) -> u64 {
        self.sink.memory()
    }

    /// Whether the requested text is there.
    #[inline]
    pub fn is_enough(&self) -> bool {
        self.at >= self.wanted
    }

    /// Whether the text is complete.
    #[inline]
    pub fn is_complete(&self) -> bool {
        self.at == self.end
    }

    /// The last two bytes of the text, the last one low; zero before its start.
    #[inline]
    pub fn tail(&self) -> u16 {
        self.tail
    }

    /// The text so far.
    pub fn text(&mut self) -> &[u8]
    where
        S: Text,
    {
        self.sink.text()
    }

    /// Looks at the cancellation flag every 2^14 calls and returns true then, so that other rare checks can
    /// follow.
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
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where the width is less than 2 or exceeds the missing
    /// bytes.
    #[inline]
    // This check bounds the nesting and the number of rules by the text's length, before anything is
    // allocated.
    pub fn open(&mut self, width: u32, note: T) -> Result<()> {
        let awaited = self.awaited.saturating_add(width as usize) - usize::from(!self.stack.is_empty());
        if width < 2 || awaited > self.end - self.at {
            return Err(Error::corrupt(format!("a rule of {width} symbols at offset {}", self.at)));
        }
        if let Some(outer) = self.stack.last_mut() {
            outer.left -= 1;
        }
        self.awaited = awaited;
        self.sink.open();
        self.stack.push(Open { start: self.at as u32, width, left: width, first: 0, note });
        self.fresh += 1;
        Ok(())
    }

    /// Appends a byte.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where the text is complete.
    #[inline]
    pub fn byte(&mut self, byte: u8) -> Result<()> {
        if self.at == self.end {
            return Err(too_long());
        }
        self.tail = self.tail << 8 | u16::from(byte);
        self.at += 1;
        self.sink.byte(byte);
        self.arrived(byte);
        Ok(())
    }

    /// Appends a copy of a complete rule, which begins with `first`.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where the copy exceeds the missing bytes.
    #[inline]
    pub fn copy(&mut self, place: Place<S::Name>, first: u8) -> Result<()> {
        if place.len as usize > self.end - self.at {
            return Err(too_long());
        }
        self.tail = place.tail;
        self.at += place.len as usize;
        self.sink.rule(place);
        self.arrived(first);
        Ok(())
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

    /// Closes the innermost definition if it is complete. Call it until it returns None.
    #[inline]
    pub fn settle(&mut self) -> Option<Closed<S::Name, T>> {
        let Open { start, width, first, note, .. } = self.stack.pop_if(|open| open.left == 0)?;
        let len = self.at as u32 - start;
        self.sink.close(width, len);
        let name = S::name(self.rules);
        self.rules += 1;
        Some(Closed { place: Place { start, len, name, tail: self.tail }, first, note })
    }

    /// Ends the text and gives the sink back.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where the requested text is not complete, or a definition
    /// is open at the end of the whole text.
    pub fn finish(self) -> Result<S> {
        if !self.is_enough() || self.is_complete() && !self.stack.is_empty() {
            return Err(Error::corrupt("the text ends early or inside a rule"));
        }
        Ok(self.sink)
    }
}

#[cold]
fn too_long() -> Error {
    Error::corrupt("the tokens expand to more bytes than the segment has")
}
