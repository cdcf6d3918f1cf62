//! The seed table: all seeds, sorted by the first bits of their digest.
//!
//! A record is a 64-bit number: bits 16 to 53 of the digest, two bits of seed length, 24 bits of seed. The
//! bucket implies bits 0 to 15. The table is a cache: a candidate is checked against the seed's own digest
//! before use. So a table from a file and one built in memory give the same encoded bytes.

mod build;
mod file;
mod filter;

use lab_codec::Result;

use crate::seed::{Salt, Seed};

pub use build::{build, memory as build_memory};
pub use file::{FILE_NAME, RECORD, file_bytes, open, write};
pub use filter::Filter;

/// Digest bits that choose the bucket.
pub const BUCKET_BITS: u32 = 16;
/// Digest bits within a record.
const DIGEST_BITS: u32 = 38;
/// Bits of a seed and its length within a record.
const SEED_BITS: u32 = 26;
/// Digest bits that a table stores of each seed, including the bucket's.
pub const KNOWN_BITS: u32 = BUCKET_BITS + DIGEST_BITS;
/// Number of buckets.
pub const BUCKETS: usize = 1 << BUCKET_BITS;

/// A table, built here or read from a file.
#[derive(Debug)]
pub struct SeedTable {
    max_seed_len: u8,
    salt: Salt,
    /// Number of the first record of each bucket, then the number of all records.
    offsets: Vec<u32>,
    records: Store,
}

#[derive(Debug)]
enum Store {
    Memory(Vec<u64>),
    File(file::Loaded),
}

/// The record of a seed whose digest begins with `head`.
fn record(head: u64, seed: Seed) -> u64 {
    head << BUCKET_BITS >> (64 - DIGEST_BITS) << SEED_BITS | u64::from(seed.len) << 24 | u64::from(seed.value)
}

/// The seed of a record; `None` for a length or value that no seed has, as a damaged file may hold.
fn seed_of(record: u64) -> Option<Seed> {
    let (len, value) = ((record >> 24 & 3) as u8, (record & 0xFF_FFFF) as u32);
    (len > 0 && value >> (8 * u32::from(len)) == 0).then_some(Seed { value, len })
}

impl SeedTable {
    /// Longest seed in bytes.
    pub fn max_seed_len(&self) -> u8 {
        self.max_seed_len
    }

    /// The salt hashed before every seed.
    pub fn salt(&self) -> Salt {
        self.salt
    }

    /// The number of seeds.
    pub fn entries(&self) -> u32 {
        *self.offsets.last().unwrap_or(&0)
    }

    fn record(&self, at: u32) -> u64 {
        match &self.records {
            Store::Memory(records) => records[at as usize],
            Store::File(loaded) => loaded.record(at),
        }
    }

    /// Appends to `seeds` the indices of all seeds whose digest begins with the upper `bits` bits of `head`.
    /// `bits` lies between [`BUCKET_BITS`] and [`KNOWN_BITS`].
    pub fn find(&self, head: u64, bits: u32, seeds: &mut Vec<u32>) {
        debug_assert!((BUCKET_BITS..=KNOWN_BITS).contains(&bits));
        let bucket = (head >> (64 - BUCKET_BITS)) as usize;
        let (first, end) = (self.offsets[bucket], self.offsets[bucket + 1]);
        let mask = !(u64::MAX >> (bits - BUCKET_BITS));
        // The key as records hold it: the digest bits behind the bucket's, at the upper end.
        let wanted = head << BUCKET_BITS & mask;
        // Digests are uniform, so interpolation almost gives the place in the bucket: among the 257 records
        // of an average bucket of three-byte seeds, the guess is off by about sqrt(257) / 2 = 8. Two scans
        // correct it.
        let count = u64::from(end - first);
        let guess = first + ((u128::from(wanted) * u128::from(count)) >> 64) as u32;
        let mut at = guess.min(end);
        while at > first && self.record(at - 1) & mask >= wanted {
            at -= 1;
        }
        while at < end {
            let record = self.record(at);
            if record & mask > wanted {
                break;
            }
            if record & mask == wanted {
                seeds.extend(seed_of(record).map(Seed::index));
            }
            at += 1;
        }
    }

    /// The head of each seed, zero beyond the known bits, with the seed's index.
    pub fn seeds(&self) -> impl Iterator<Item = (u64, u32)> {
        (0..BUCKETS).flat_map(move |bucket| {
            (self.offsets[bucket]..self.offsets[bucket + 1]).filter_map(move |at| {
                let record = self.record(at);
                let digest = record >> SEED_BITS << (SEED_BITS - BUCKET_BITS);
                Some(((bucket as u64) << (64 - BUCKET_BITS) | digest, seed_of(record)?.index()))
            })
        })
    }

    /// Size of the table in memory, in bytes.
    pub fn bytes(&self) -> u64 {
        self.offsets.len() as u64 * 4 + u64::from(self.entries()) * RECORD
    }
}

/// Builds the table on one thread.
///
/// # Errors
/// As [`build`].
pub fn build_here(salt: Salt, max_seed_len: u8, cx: &lab_codec::Context) -> Result<SeedTable> {
    build(salt, max_seed_len, 1, cx)
}
