//! The static self-description of a codec or carrier, from which help, listings and tests are made.

use crate::{Param, Params};

/// An external program that an entry needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    /// The program's name on PATH.
    pub name: &'static str,
    /// The command that installs it on a common system, for instance `apt-get install ffmpeg`.
    pub install: &'static str,
}

/// Capabilities of an entry beyond encoding and decoding whole segments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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
pub struct Memory {
    /// While encoding.
    pub encode: u64,
    /// While decoding.
    pub decode: u64,
}

/// The two kinds of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A transform on one segment.
    Codec,
    /// A medium that holds one stream.
    Carrier,
}

/// The static description of a codec or carrier.
#[derive(Debug)]
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
    /// The format version that encoding writes.
    pub fn writes(&self) -> u16 {
        self.formats.last().copied().unwrap_or(1)
    }

    /// A parameter by name or alias.
    pub fn param(&self, name: &str) -> Option<(usize, &'static Param)> {
        self.params.iter().enumerate().find(|(_, p)| p.name == name || p.aliases.contains(&name))
    }
}
