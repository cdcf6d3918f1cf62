//! Encodes an input as a `.tlmr` file: salt search, then search, parse and alignment in each pass, keeping
//! the shortest result.

use std::sync::{Arc, Mutex, PoisonError};

use lab_codec::{Context, Result};

use crate::align::align;
use crate::format::{self, BATCH_HEADER, Extension, Record, Records, count_len, header_len};
use crate::parse::{Grouping, parse};
use crate::salt;
use crate::search::{Finder, is_useful};
use crate::seed::{Salt, Seed, seeds_up_to};
use crate::table::{self, SeedTable};

/// The salt that is hashed before every seed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SaltChoice {
    /// No salt.
    #[default]
    None,
    /// Search for a salt that suits the input; use it where it gains.
    Auto,
    /// Use this salt where it gains.
    Given(Salt),
}

/// Encoder settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Bytes of a block, 1 to 64.
    pub block_size: u8,
    /// Longest seed in bytes, 1 to 3.
    pub max_seed_len: u8,
    /// Maximum number of passes, 1 to 255.
    pub passes: u8,
    /// The salt.
    pub salt: SaltChoice,
    /// Whether to begin long literals on a byte boundary.
    pub align: bool,
    /// Whether one batch may hold all records.
    pub large_batches: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            block_size: 3,
            max_seed_len: 2,
            passes: 10,
            salt: SaltChoice::None,
            align: true,
            large_batches: false,
        }
    }
}

/// Statistics of one encoded file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Number of passes that the file holds.
    pub passes: u8,
    /// The salt of the file, empty if none gained.
    pub salt: Salt,
    /// Number of SHA-256 computations in search and table building.
    pub hashes: u64,
    /// Bytes of a block.
    pub block_size: u8,
    /// The records of the last pass.
    pub records: Records,
    /// Length of the last pass's input in bytes.
    pub last_input: u64,
}

impl Summary {
    /// Number of seeds of each arity; entry `n - 1` counts arity `n`.
    pub fn hits_by_arity(&self) -> Vec<u64> {
        let mut hits = Vec::new();
        for record in &self.records.records {
            if let Record::Seed { arity, .. } = record {
                hits.resize(hits.len().max(usize::from(*arity)), 0);
                hits[usize::from(*arity) - 1] += 1;
            }
        }
        hits
    }

    /// Number of seeds whose record is shorter than the bytes that they replace.
    pub fn useful_hits(&self) -> u64 {
        let is_useful_seed = |record: &&Record| match record {
            Record::Seed { index, arity } => is_useful(*index, *arity, self.block_size),
            Record::Literal { .. } => false,
        };
        self.records.records.iter().filter(is_useful_seed).count() as u64
    }

    /// Number of literals.
    pub fn literals(&self) -> u64 {
        self.records.records.iter().filter(|r| matches!(r, Record::Literal { .. })).count() as u64
    }

    /// A line of text for each record of the last pass.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let (mut block, mut left) = (0, self.last_input);
        self.records.records.iter().map(move |record| {
            let bytes = (record.blocks() * u64::from(self.block_size)).min(left);
            left -= bytes;
            let first = block;
            block += record.blocks();
            match *record {
                Record::Seed { index, arity } => {
                    let seed = Seed::at(index).map_or(Vec::new(), Seed::bytes);
                    let seed: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
                    format!("block {first}: arity {arity}, seed {seed}, {} bits", record.code_len())
                }
                Record::Literal { blocks } => {
                    let bits = u64::from(record.code_len()) + bytes * 8;
                    format!("block {first}: literal of {blocks}, {bits} bits")
                }
            }
        })
    }
}

/// Encodes inputs with the same settings, one after the other or from several threads. It builds tables and
/// filters once and shares them.
pub struct Encoder {
    settings: Settings,
    threads: usize,
    /// Finders of the salts that later inputs use again.
    finders: Mutex<Vec<Arc<Finder>>>,
    given_table: Option<Arc<SeedTable>>,
}

impl Encoder {
    /// An encoder that builds its tables on `threads` threads. It uses `table` in their place where the salt
    /// matches.
    pub fn new(settings: Settings, threads: usize, table: Option<SeedTable>) -> Self {
        Self { settings, threads, finders: Mutex::new(Vec::new()), given_table: table.map(Arc::new) }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Encodes `input` and appends the `.tlmr` file.
    ///
    /// # Errors
    /// [`Limit`](lab_codec::ErrorKind::Limit) where the memory limit is too low,
    /// [`Cancelled`](lab_codec::ErrorKind::Cancelled).
    pub fn encode(&self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<Summary> {
        let start = out.len();
        let summary = self.shortest(input, out, cx)?;
        let is_extended = out[start..].starts_with(&format::MARK);
        if !is_extended || !format::is_pass(input, summary.salt, cx)? {
            return Ok(summary);
        }
        // A decoder would mistake such content for the stream of a further pass, since the number of passes
        // has no checksum. A plain file may hold it: there nothing is decoded twice.
        out.truncate(start);
        let settings = Settings { passes: 1, salt: SaltChoice::None, large_batches: false, ..self.settings };
        Self::new(settings, self.threads, None).shortest(input, out, cx)
    }

    /// Appends the shortest file that the settings allow.
    fn shortest(&self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<Summary> {
        let mut hashes = 0;
        // The unsalted single pass is the baseline that a salt must beat.
        let mut best = self.candidate(input, Salt::default(), 1, &mut hashes, cx)?;
        let salt = match self.settings.salt {
            SaltChoice::None => None,
            SaltChoice::Given(salt) => Some(salt),
            SaltChoice::Auto => {
                let (salt, tried) = salt::find(input, self.settings.block_size, cx)?;
                hashes += tried;
                salt
            }
        };
        if let Some(salt) = salt.filter(|salt| *salt != Salt::default()) {
            let salted = self.candidate(input, salt, 1, &mut hashes, cx)?;
            if salted.total() < best.total() {
                best = salted;
            }
        }
        let mut input = std::borrow::Cow::Borrowed(input);
        while best.extension.passes < self.settings.passes && !input.is_empty() {
            let Extension { passes, salt } = best.extension;
            let mut stream = Vec::new();
            format::write(&input, self.settings.block_size, &best.records, &mut stream);
            let next = self.candidate(&stream, salt, passes + 1, &mut hashes, cx)?;
            if next.total() >= best.total() {
                // The stream of the last kept pass is already written: reuse it.
                return Ok(best.finish(Some(stream), &input, &self.settings, hashes, out));
            }
            (best, input) = (next, std::borrow::Cow::Owned(stream));
        }
        Ok(best.finish(None, &input, &self.settings, hashes, out))
    }

    /// The shortest encoding of one stream with a given salt.
    fn candidate(
        &self,
        input: &[u8],
        salt: Salt,
        passes: u8,
        hashes: &mut u64,
        cx: &Context,
    ) -> Result<Candidate> {
        let Settings { block_size, large_batches, .. } = self.settings;
        let (finder, built) = self.finder(salt, cx)?;
        let found = finder.search(input, cx)?;
        *hashes += built + found.hashes;
        let groupings = [Grouping::Small, Grouping::Whole];
        let mut best: Option<Candidate> = None;
        // Try one literal first: seeds that do not save a byte would only break up what a following codec
        // sees.
        let trials = [(&[][..], Grouping::Small)].into_iter();
        let trials = trials.chain(
            groupings[..1 + usize::from(large_batches)].iter().map(|grouping| (&found.hits[..], *grouping)),
        );
        for (hits, grouping) in trials {
            let mut records = parse(input.len(), block_size, hits, grouping, cx)?.records;
            if self.settings.align {
                records = align(&records, block_size);
            }
            let bytes =
                header_len(input.len() as u64, block_size) + batch_bytes(input.len(), block_size, &records);
            let extension = Extension { passes, salt };
            let candidate = Candidate { records, bytes, extension };
            if best.as_ref().is_none_or(|best| candidate.total() < best.total()) {
                best = Some(candidate);
            }
        }
        best.ok_or_else(|| lab_codec::Error::limit("no encoding was tried"))
    }

    /// The finder for a salt, and the number of hashes that building its table took.
    fn finder(&self, salt: Salt, cx: &Context) -> Result<(Arc<Finder>, u64)> {
        // The lock is held while a table is built: another thread that wants this table must wait for it
        // anyway.
        let mut kept = self.finders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(finder) = kept.iter().find(|finder| finder.table().salt() == salt) {
            return Ok((Arc::clone(finder), 0));
        }
        let Settings { block_size, max_seed_len, .. } = self.settings;
        let fits = |table: &&Arc<SeedTable>| table.salt() == salt && table.max_seed_len() >= max_seed_len;
        let (table, hashes) = match self.given_table.as_ref().filter(fits) {
            Some(table) => (Arc::clone(table), 0),
            None => {
                let table = table::build(salt, max_seed_len, self.threads, cx)?;
                (Arc::new(table), u64::from(seeds_up_to(max_seed_len)))
            }
        };
        let finder = Arc::new(Finder::new(table, block_size, max_seed_len));
        // A salt found by `Auto` suits only the input it was found for, so its table is not kept.
        if salt == Salt::default() || self.settings.salt != SaltChoice::Auto {
            kept.push(Arc::clone(&finder));
        }
        Ok((finder, hashes))
    }
}

/// One possible encoding and its size.
struct Candidate {
    records: Records,
    /// Bytes of the stream, without the extension.
    bytes: u64,
    extension: Extension,
}

impl Candidate {
    /// Whether the file needs an extended header: more than one pass, a salt, or a large batch.
    fn is_extended(&self) -> bool {
        self.extension.passes > 1
            || !self.extension.salt.bytes().is_empty()
            || self.records.batches.iter().any(|count| *count > format::BATCH)
    }

    /// Bytes of the whole file.
    fn total(&self) -> u64 {
        self.bytes + if self.is_extended() { self.extension.bytes() } else { 0 }
    }

    fn finish(
        self,
        stream: Option<Vec<u8>>,
        input: &[u8],
        settings: &Settings,
        hashes: u64,
        out: &mut Vec<u8>,
    ) -> Summary {
        if self.is_extended() {
            self.extension.write(out);
        }
        match stream {
            Some(stream) => out.extend_from_slice(&stream),
            None => format::write(input, settings.block_size, &self.records, out),
        }
        Summary {
            passes: self.extension.passes,
            salt: self.extension.salt,
            hashes,
            block_size: settings.block_size,
            records: self.records,
            last_input: input.len() as u64,
        }
    }
}

/// Bytes of all batches, each padded to a whole byte.
fn batch_bytes(raw_len: usize, block_size: u8, records: &Records) -> u64 {
    let mut left = raw_len as u64;
    let mut total = 0;
    for batch in records.batches() {
        let mut bits = BATCH_HEADER + count_len(batch.len() as u64);
        for record in batch {
            let bytes = record.blocks().saturating_mul(u64::from(block_size)).min(left);
            left -= bytes;
            bits += u64::from(record.code_len());
            if matches!(record, Record::Literal { .. }) {
                bits += bytes * 8;
            }
        }
        total += bits.div_ceil(8);
    }
    total
}
