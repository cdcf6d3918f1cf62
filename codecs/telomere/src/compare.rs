//! Seed tables of each size: what they cost, and what they find in samples beside what chance predicts.

use std::time::{Duration, Instant};

use lab_codec::{Context, Error, Result};
use serde::Serialize;

use crate::search::is_useful;
use crate::seed::{MAX_SEED_LEN, Salt, seeds_up_to};
use crate::table::{self, Filter, SeedTable};
use crate::{Encoder, Settings};

/// Look-ups are repeated for this long to measure their rate.
const LOOKUPS: Duration = Duration::from_millis(100);

/// A table of all seeds up to a length.
#[derive(Debug, Serialize)]
pub struct TableRow {
    /// Bytes of the longest seeds.
    pub max_seed_len: u8,
    /// Number of seeds.
    pub entries: u32,
    /// Bytes of their records.
    pub record_bytes: u64,
    /// Bytes of the table as a file.
    pub file_bytes: u64,
    /// Time to build it.
    pub build_seconds: f64,
    /// Threads that built it.
    pub threads: usize,
    /// Look-ups in the filter in front of the table, on one core.
    pub lookups_per_second: f64,
    /// The predicted share of random blocks that some seed begins with: 1 - exp(-n / 2^(8B)) for n seeds
    /// and blocks of B bytes.
    pub expected_hits: f64,
    /// The same for seeds whose record is shorter than a block.
    pub expected_useful: f64,
}

/// What a table finds in a sample.
#[derive(Debug, Serialize)]
pub struct SampleRow {
    /// The sample's name.
    pub sample: String,
    /// The table: bytes of its longest seeds.
    pub max_seed_len: u8,
    /// Bytes of the sample.
    pub bytes: u64,
    /// The share of blocks that some seed begins with.
    pub hits: f64,
    /// The share of blocks for which such a seed's record is shorter than the block.
    pub useful: f64,
    /// Bytes of the sample when encoded with the table.
    pub encoded_bytes: u64,
    /// Bytes of the sample over those.
    pub ratio: f64,
}

/// All tables, over all samples.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// Bytes of a block.
    pub block_size: u8,
    /// A row for each length of seeds.
    pub tables: Vec<TableRow>,
    /// A row for each table and sample.
    pub samples: Vec<SampleRow>,
}

/// Compares the tables over samples, each a name and its bytes. Samples shorter than a block are left out.
///
/// # Errors
/// [`Usage`](lab_codec::ErrorKind::Usage) where no sample is left; those of the encoder.
pub fn compare(
    samples: &[(String, Vec<u8>)],
    block_size: u8,
    threads: usize,
    cx: &Context,
) -> Result<Comparison> {
    let samples: Vec<(&str, &[u8])> = samples
        .iter()
        .filter(|(_, bytes)| bytes.len() >= usize::from(block_size))
        .map(|(name, bytes)| (&name[..], &bytes[..]))
        .collect();
    if samples.is_empty() {
        return Err(Error::usage("no sample has a whole block"));
    }
    let mut comparison = Comparison { block_size, tables: Vec::new(), samples: Vec::new() };
    for len in 1..=MAX_SEED_LEN {
        let start = Instant::now();
        let table = table::build(Salt::default(), len, threads, cx)?;
        let build_seconds = start.elapsed().as_secs_f64();
        let filter = Filter::new(&table, &(0..table.entries()), 8 * u32::from(block_size));
        comparison.tables.push(TableRow {
            max_seed_len: len,
            entries: table.entries(),
            record_bytes: u64::from(table.entries()) * table::RECORD,
            file_bytes: table::file_bytes(len),
            build_seconds,
            threads,
            lookups_per_second: lookups(&filter, &samples, block_size),
            expected_hits: chance(table.entries(), block_size),
            expected_useful: chance(useful_seeds(len, block_size), block_size),
        });
        let found: Vec<(f64, f64)> =
            samples.iter().map(|(_, bytes)| shares(&table, &filter, bytes, block_size)).collect();
        let settings = Settings { block_size, max_seed_len: len, ..Settings::default() };
        let encoder = Encoder::new(settings, threads, Some(table));
        for (&(name, bytes), (hits, useful)) in samples.iter().zip(found) {
            let mut encoded = Vec::new();
            encoder.encode(bytes, &mut encoded, cx)?;
            comparison.samples.push(SampleRow {
                sample: name.to_string(),
                max_seed_len: len,
                bytes: bytes.len() as u64,
                hits,
                useful,
                encoded_bytes: encoded.len() as u64,
                ratio: bytes.len() as f64 / encoded.len() as f64,
            });
        }
    }
    Ok(comparison)
}

/// The first eight bytes of every block, as a number.
fn heads(bytes: &[u8], block_size: u8) -> impl Iterator<Item = u64> {
    bytes.chunks_exact(usize::from(block_size)).map(|block| {
        block.iter().enumerate().fold(0, |head, (i, byte)| head | u64::from(*byte) << (56 - 8 * i))
    })
}

/// Look-ups per second in a filter, for the blocks of all samples in turn.
fn lookups(filter: &Filter, samples: &[(&str, &[u8])], block_size: u8) -> f64 {
    let heads: Vec<u64> = samples.iter().flat_map(|(_, bytes)| heads(bytes, block_size)).collect();
    let start = Instant::now();
    let (mut done, mut found) = (0_usize, 0_usize);
    while start.elapsed() < LOOKUPS {
        found += heads.iter().filter(|head| filter.may_have(**head)).count();
        done += heads.len();
    }
    std::hint::black_box(found);
    done as f64 / start.elapsed().as_secs_f64()
}

/// The shares of blocks that a seed begins with, and a useful seed.
fn shares(table: &SeedTable, filter: &Filter, bytes: &[u8], block_size: u8) -> (f64, f64) {
    let (mut blocks, mut hits, mut useful) = (0_u64, 0_u64, 0_u64);
    let mut seeds = Vec::new();
    for head in heads(bytes, block_size) {
        blocks += 1;
        if filter.may_have(head) {
            seeds.clear();
            table.find(head, 8 * u32::from(block_size), &mut seeds);
            hits += u64::from(!seeds.is_empty());
            useful += u64::from(seeds.iter().any(|index| is_useful(*index, 1, block_size)));
        }
    }
    (hits as f64 / blocks as f64, useful as f64 / blocks as f64)
}

/// The share of random blocks that at least one of `seeds` seeds begins with.
fn chance(seeds: u32, block_size: u8) -> f64 {
    -(-f64::from(seeds) / 256_f64.powi(i32::from(block_size))).exp_m1()
}

/// The number of seeds whose record is shorter than a block.
fn useful_seeds(len: u8, block_size: u8) -> u32 {
    let all = seeds_up_to(len);
    // Records only become longer from one position to the next.
    let (mut low, mut high) = (0, all);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_useful(middle, 1, block_size) { low = middle + 1 } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_the_theory() {
        let shares = [1, 2, 3].map(|len| chance(seeds_up_to(len), 3) * 100.0);
        for (share, expected) in shares.into_iter().zip([0.0015, 0.39, 63.35]) {
            assert!((share / expected - 1.0).abs() < 0.02, "{share}");
        }
        assert_eq!([1, 2, 3].map(|len| useful_seeds(len, 3)), [256, 65_536, 65_536]);
        assert_eq!(useful_seeds(3, 5), 16_843_008);
        assert_eq!(heads(&[1, 2, 3, 4, 5], 2).collect::<Vec<_>>(), [0x0102 << 48, 0x0304 << 48]);
    }
}
