//! Follows what tokens say: what is open, what is complete, how much there is. What becomes of it is the
//! business of a [`Sink`].

use lab_codec::{Context, Error, Result};

/// A rule that is complete.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place<N> {
    /// Where it stands in the text first: the offset of its first byte.
    pub start: u32,
    /// Number of bytes.
    pub len: u32,
    /// What a [`Sink`] knows it by.
    pub name: N,
    /// Its last two bytes, the last one low, so that the next token need not wait for the text.
    pub tail: u16,
}

/// Takes what tokens say, which has been checked: it is no more than the text has room for.
pub trait Sink {
    /// What it knows a rule by, beside its place in the text.
    type Name: Copy;
    /// The name of the rule that is complete after `number` others.
    fn name(number: u32) -> Self::Name;
    /// The definition of a rule begins.
    fn open(&mut self) {}
    /// A byte.
    fn byte(&mut self, byte: u8);
    /// A rule that is complete.
    fn rule(&mut self, place: Place<Self::Name>);
    /// The last `width` symbols, which say `len` bytes, are the right-hand side of the next rule.
    fn close(&mut self, width: u32, len: u32);
    /// An upper bound of the memory in use, in bytes, beside what the text takes.
    fn memory(&self) -> u64 {
        0
    }
}

/// A sink that has the text at hand.
pub trait Text: Sink {
    /// The text so far.
    fn text(&mut self) -> &[u8];
}

/// A definition that is not complete.
#[derive(Debug)]
struct Open<T> {
    start: u32,
    width: u32,
    /// Tokens of it that are still to come.
    left: u32,
    first: u8,
    note: T,
}

/// What [`Expansion::settle`] finds complete.
#[derive(Debug)]
pub struct Closed<N, T> {
    /// The rule.
    pub place: Place<N>,
    /// Its first byte.
    pub first: u8,
    /// What [`Expansion::open`] was given to remember.
    pub note: T,
}

/// How far the text has come, and the definitions that are open. `T` is what a coder remembers with each.
pub struct Expansion<S, T> {
    sink: S,
    at: usize,
    end: usize,
    /// How much of the text is asked for.
    wanted: usize,
    tail: u16,
    rules: u32,
    stack: Vec<Open<T>>,
    /// The innermost definitions of which no byte is known.
    fresh: usize,
    /// Tokens that open definitions wait for; each yields a byte at least.
    awaited: usize,
    budget: u32,
}

impl<S: Sink, T> Expansion<S, T> {
    /// Tells `sink` of a text of `raw_len` bytes (below 2^31).
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

    /// Asks for no more than the first `wanted` bytes: the text may then end anywhere behind them.
    pub fn up_to(mut self, wanted: usize) -> Self {
        self.wanted = wanted.min(self.end);
        self
    }

    /// The memory that the sink takes, in bytes.
    pub fn memory(&self) -> u64 {
        self.sink.memory()
    }

    /// Whether there is as much text as was asked for.
    #[inline]
    pub fn is_enough(&self) -> bool {
        self.at >= self.wanted
    }

    /// Whether the text is complete.
    #[inline]
    pub fn is_complete(&self) -> bool {
        self.at == self.end
    }

    /// The last two bytes of the text, the last one low; zeros stand for what is not there.
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
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where that is less than 2, or more than fits the text.
    #[inline]
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

    /// A byte follows.
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

    /// A rule follows that is complete and begins with `first`.
    ///
    /// # Errors
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where that is more than is missing.
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

    /// Takes the innermost definition away if it is complete. To be called until there is none.
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
    /// [`Corrupt`](lab_codec::ErrorKind::Corrupt) where there is less than was asked for, or where a definition
    /// is open at the end of the whole text.
    pub fn finish(self) -> Result<S> {
        if !self.is_enough() || self.is_complete() && !self.stack.is_empty() {
            return Err(Error::corrupt("the output ends inside a rule"));
        }
        Ok(self.sink)
    }
}

#[cold]
fn too_long() -> Error {
    Error::corrupt("the tokens say more bytes than the segment has")
}
