//! The `.tlmr` format. docs/formats/tlmr.md specifies every byte.

// The bytes are foreign: a number that loses bits could pass a check that the full value fails.
#![deny(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)]

mod read;
mod write;

use lab_bits::{arity, evql};

use crate::seed::{Salt, Seed};

pub use read::{Contents, is_pass, read};
pub use write::write;

/// Largest block size in bytes.
pub const MAX_BLOCK: u8 = 64;
/// Maximum number of records in a batch of a plain file.
pub const BATCH: u64 = 3;
/// Bits of a batch header: 4 of version, 4 of record count, 16 of a digest.
pub const BATCH_HEADER: u64 = 24;
/// First bytes of an extended file. No plain file begins with `FF`: an EVQL code has at most six leading
/// ones.
pub const MARK: [u8; 4] = [0xFF, 0x54, 0x4C, 0x31];

/// One or more blocks of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// A seed that expands to `arity` blocks.
    Seed {
        /// The seed's index.
        index: u32,
        /// The number of blocks.
        arity: u8,
    },
    /// Raw blocks; the last block of a file may be partial.
    Literal {
        /// The number of blocks, at least 1.
        blocks: u64,
    },
}

impl Record {
    /// The number of blocks.
    pub fn blocks(self) -> u64 {
        match self {
            Self::Seed { arity, .. } => u64::from(arity),
            Self::Literal { blocks } => blocks,
        }
    }

    /// Bits of the record's codes, without the bytes of a literal.
    pub fn code_len(self) -> u32 {
        match self {
            Self::Seed { index, arity } => Seed::cost(index, arity),
            Self::Literal { blocks } => arity::LITERAL_LEN + evql::len(blocks - 1),
        }
    }
}

/// The records of a whole input, grouped into batches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records {
    /// The records, in order.
    pub records: Vec<Record>,
    /// The number of records in each batch.
    pub batches: Vec<u64>,
}

impl Records {
    /// The records of each batch, in order.
    pub fn batches(&self) -> impl Iterator<Item = &[Record]> {
        let mut rest = &self.records[..];
        self.batches.iter().map_while(move |count| {
            let (batch, behind) = rest.split_at_checked(usize::try_from(*count).ok()?)?;
            rest = behind;
            Some(batch)
        })
    }
}

/// The extended header, which precedes the stream of the last pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension {
    /// Number of times that the stream is decoded, at least 1.
    pub passes: u8,
    /// The salt of all passes.
    pub salt: Salt,
}

impl Extension {
    /// Length of the extended header in bytes.
    pub fn bytes(&self) -> u64 {
        MARK.len() as u64 + 2 + self.salt.bytes().len() as u64
    }

    /// Appends the extended header.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MARK);
        #[expect(clippy::cast_possible_truncation, reason = "a salt has at most five bytes")]
        let salt_len = self.salt.bytes().len() as u8;
        out.extend([self.passes, salt_len]);
        out.extend_from_slice(self.salt.bytes());
    }
}

/// Bytes of a stream header: content length and block size, each padded to a whole byte.
pub fn header_len(raw_len: u64, block_size: u8) -> u64 {
    u64::from(evql::len(raw_len).div_ceil(8) + evql::len(u64::from(block_size)).div_ceil(8))
}

/// Bits of the record count behind the header of a batch; 0 where the 4-bit field of the header holds it.
pub fn count_len(records: u64) -> u64 {
    if records <= BATCH { 0 } else { u64::from(evql::len(records - BATCH - 1)) }
}
