//! `.tlmr`, byte for byte as docs/formats/tlmr.md says.

mod read;
mod write;

use lab_bits::{arity, evql};

use crate::seed::{Salt, Seed};

pub use read::{Contents, is_pass, read};
pub use write::write;

/// The largest block in bytes.
pub const MAX_BLOCK: u8 = 64;
/// Records of a batch in a plain file.
pub const BATCH: u64 = 3;
/// Bits of a batch's header: version, number of records, two bytes of a digest.
pub const BATCH_HEADER: u64 = 24;
/// What an extended file begins with. The first byte begins no plain file: a number has at most six leading ones.
pub const MARK: [u8; 4] = [0xFF, 0x54, 0x4C, 0x31];

/// A piece of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// A seed that expands to `arity` blocks.
    Seed {
        /// The seed's position.
        index: u32,
        /// The number of blocks.
        arity: u8,
    },
    /// Blocks as they are; the last one of a file may be partial.
    Literal {
        /// The number of blocks, 1 at least.
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

    /// Bits of the record's codes: without a literal's bytes.
    pub fn code_len(self) -> u32 {
        match self {
            Self::Seed { index, arity } => Seed::cost(index, arity),
            Self::Literal { blocks } => arity::LITERAL_LEN + evql::len(blocks - 1),
        }
    }
}

/// A whole input as records in batches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records {
    /// The records, in order.
    pub records: Vec<Record>,
    /// How many of them each batch has.
    pub batches: Vec<u64>,
}

impl Records {
    /// Every batch with its records.
    pub fn batches(&self) -> impl Iterator<Item = &[Record]> {
        let mut rest = &self.records[..];
        self.batches.iter().map_while(move |count| {
            let (batch, behind) = rest.split_at_checked(*count as usize)?;
            rest = behind;
            Some(batch)
        })
    }
}

/// What precedes the last pass in an extended file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension {
    /// How often the stream is decoded, 1 at least.
    pub passes: u8,
    /// The salt of all passes.
    pub salt: Salt,
}

impl Extension {
    /// The number of bytes.
    pub fn bytes(&self) -> u64 {
        MARK.len() as u64 + 2 + self.salt.bytes().len() as u64
    }

    /// Appends it.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MARK);
        out.extend([self.passes, self.salt.bytes().len() as u8]);
        out.extend_from_slice(self.salt.bytes());
    }
}

/// Bytes of a stream's header.
pub fn header_len(raw_len: u64, block_size: u8) -> u64 {
    u64::from(evql::len(raw_len).div_ceil(8) + evql::len(u64::from(block_size)).div_ceil(8))
}

/// Bits of the count behind the header of a batch of `records`; 0 where the header itself has it.
pub fn count_len(records: u64) -> u64 {
    if records <= BATCH { 0 } else { u64::from(evql::len(records - BATCH - 1)) }
}
