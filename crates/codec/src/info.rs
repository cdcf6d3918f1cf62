//! The static self-description of a codec or carrier, from which help, listings and tests are made.

use crate::{Param, Params};

/// An external program that an entry needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tool {
    /// The program's name on PATH.
    pub name: &'static str,
    /// The command that installs it on a common system, for instance `apt-get install ffmpeg`.
    pub install: &'static str,
}

impl Tool {
    /// A program and the command that installs it.
    pub const fn new(name: &'static str, install: &'static str) -> Self {
        Self { name, install }
    }
}

/// Capabilities of an entry beyond encoding and decoding whole segments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// `decode_range` is cheaper than decoding everything.
    pub range_decode: bool,
    /// The encoded form equals the input.
    pub identity: bool,
    /// Starts child processes or writes directories: tested with fewer, seeded samples.
    pub external: bool,
    /// A carrier that can write to a pipe.
    pub pipe: bool,
}

/// Peak memory of one worker in bytes, beside its input and output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Memory {
    /// While encoding.
    pub encode: u64,
    /// While decoding.
    pub decode: u64,
}

impl Memory {
    /// Bytes while encoding and while decoding.
    pub const fn new(encode: u64, decode: u64) -> Self {
        Self { encode, decode }
    }
}

/// The two kinds of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A transform on one segment.
    Codec,
    /// A medium that holds one stream.
    Carrier,
}

/// The static description of a codec or carrier, built in a constant:
///
/// ```
/// use lab_codec::{Info, Memory, Param};
///
/// const LEVEL: Param = Param::int("level", 1, 9, 6, "effort");
/// static INFO: Info = Info::new("squeeze", "squeezes blocks of 64 KiB")
///     .params(&[LEVEL])
///     .memory(|_, segment| Memory::new(segment / 2, 64 << 10));
/// assert_eq!((INFO.id, INFO.writes()), ("squeeze", 1));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Info {
    /// The name in chains: lower-case letters, digits and `-`, beginning with a letter.
    pub id: &'static str,
    /// One line: what it is, without a full stop.
    pub summary: &'static str,
    /// The parameters in declared order; the first takes a positional value.
    pub params: &'static [Param],
    /// Readable format versions, ascending; encoding writes the last.
    pub formats: &'static [u16],
    /// Peak memory of one worker for segments of the given length.
    pub memory: fn(&Params, u64) -> Memory,
    /// Its capabilities.
    pub capabilities: Capabilities,
    /// External programs that it requires.
    pub tools: &'static [Tool],
}

impl Info {
    /// An entry without parameters, of format version 1, that takes no memory of its own and no tool, and
    /// only codes whole segments.
    pub const fn new(id: &'static str, summary: &'static str) -> Self {
        Self {
            id,
            summary,
            params: &[],
            formats: &[1],
            memory: |_, _| Memory::new(0, 0),
            capabilities: Capabilities { range_decode: false, identity: false, external: false, pipe: false },
            tools: &[],
        }
    }

    /// Sets the parameters, in declared order.
    pub const fn params(mut self, params: &'static [Param]) -> Self {
        self.params = params;
        self
    }

    /// Sets the readable format versions, ascending; encoding writes the last.
    pub const fn formats(mut self, formats: &'static [u16]) -> Self {
        self.formats = formats;
        self
    }

    /// Sets the peak memory of one worker, from the parameters and the length of a segment.
    pub const fn memory(mut self, memory: fn(&Params, u64) -> Memory) -> Self {
        self.memory = memory;
        self
    }

    /// Declares that `decode_range` is cheaper than decoding everything.
    pub const fn range_decode(mut self) -> Self {
        self.capabilities.range_decode = true;
        self
    }

    /// Declares that the encoded form equals the input.
    pub const fn identity(mut self) -> Self {
        self.capabilities.identity = true;
        self
    }

    /// Declares that the entry starts child processes or writes directories.
    pub const fn external(mut self) -> Self {
        self.capabilities.external = true;
        self
    }

    /// Declares a carrier that can write to a pipe.
    pub const fn pipe(mut self) -> Self {
        self.capabilities.pipe = true;
        self
    }

    /// Sets the external programs that the entry requires.
    pub const fn tools(mut self, tools: &'static [Tool]) -> Self {
        self.tools = tools;
        self
    }

    /// The format version that encoding writes.
    pub fn writes(&self) -> u16 {
        self.formats.last().copied().unwrap_or(1)
    }

    /// A parameter by name or alias.
    pub fn param(&self, name: &str) -> Option<(usize, &'static Param)> {
        self.params.iter().enumerate().find(|(_, p)| p.name == name || p.aliases.contains(&name))
    }
}
