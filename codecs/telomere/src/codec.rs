//! The codec `telomere`: encodes each segment as a `.tlmr` file.

use std::sync::Arc;

use lab_codec::{Codec, Context, Entry, Error, Info, Memory, Param, Params, Resources, Result, Worker};

use crate::encode::{Encoder, SaltChoice, Settings};
use crate::format;
use crate::seed::{Salt, seeds_up_to};

const BLOCK_SIZE: Param =
    Param::int("block_size", 1, format::MAX_BLOCK as i64, 3, "bytes of a block, the unit that seeds replace");
const MAX_SEED_LEN: Param =
    Param::int("max_seed_len", 1, 3, 2, "longest seed that the search tries, in bytes");
const PASSES: Param = Param::int(
    "passes",
    1,
    255,
    10,
    "maximum number of passes: each encodes the output of the one before, while that gains",
);
const SALT: Param = Param::text(
    "salt",
    "none",
    "bytes hashed before every seed, kept where that gains: none, auto, or 1 to 5 bytes in hex",
);
const ALIGN: Param = Param::flag(
    "align",
    true,
    "begin long literals on a byte boundary, so that a codec behind compresses them",
);
const LARGE_BATCHES: Param =
    Param::flag("large_batches", false, "allow batches of more than three records where that gains");

/// The description of `telomere`.
pub static INFO: Info = Info::new(
    "telomere",
    "seed search: replaces each block that a short seed's SHA-256 regenerates with that seed",
)
.params(&[BLOCK_SIZE, MAX_SEED_LEN, PASSES, SALT, ALIGN, LARGE_BATCHES])
.memory(memory);

/// Seed search as a codec.
pub const TELOMERE: Entry = Entry::codec(&INFO, build);

/// Memory of the parse for each block: 76 bytes for a node (three costs, three steps, its block) and 12 for
/// its hit, rounded up.
const PARSE_BYTES_PER_BLOCK: u64 = 96;

fn memory(params: &Params, segment: u64) -> Memory {
    encode_memory(params.int(&BLOCK_SIZE) as u8, params.int(&MAX_SEED_LEN) as u8, segment)
}

/// Peak memory for an input.
pub fn encode_memory(block_size: u8, max_seed_len: u8, input: u64) -> Memory {
    // A table takes 8 bytes for each seed, and each filter before it 2 to 32 MB.
    let tables =
        u64::from(seeds_up_to(max_seed_len)) * 8 + if max_seed_len == 3 { 48 << 20 } else { 8 << 20 };
    let parse = input.div_ceil(u64::from(block_size)).saturating_mul(PARSE_BYTES_PER_BLOCK);
    Memory::new(parse.saturating_add(input.saturating_mul(2)).saturating_add(tables), 4 * input + (64 << 10))
}

fn build(params: &Params, _: &Resources) -> Result<Arc<dyn Codec>> {
    let salt = match params.text(&SALT) {
        "none" => SaltChoice::None,
        "auto" => SaltChoice::Auto,
        hex => SaltChoice::Given(Salt::from_hex(hex).filter(|salt| !salt.bytes().is_empty()).ok_or_else(
            || {
                Error::param(format!(
                    "salt={hex} is invalid; give none, auto, or 1 to 5 bytes in hexadecimal"
                ))
            },
        )?),
    };
    let settings = Settings {
        block_size: params.int(&BLOCK_SIZE) as u8,
        max_seed_len: params.int(&MAX_SEED_LEN) as u8,
        passes: params.int(&PASSES) as u8,
        salt,
        align: params.flag(&ALIGN),
        large_batches: params.flag(&LARGE_BATCHES),
    };
    // One thread: the segments run in parallel.
    Ok(Arc::new(Telomere(Arc::new(Encoder::new(settings, 1, None)))))
}

struct Telomere(Arc<Encoder>);

impl Codec for Telomere {
    fn worker(&self) -> Box<dyn Worker> {
        Box::new(Self(Arc::clone(&self.0)))
    }
}

impl Worker for Telomere {
    fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        let Settings { block_size, max_seed_len, .. } = *self.0.settings();
        let need = encode_memory(block_size, max_seed_len, input.len() as u64).encode;
        cx.limits().check_memory(need, "seed search in a segment of this size")?;
        let summary = self.0.encode(input, out, cx)?;
        let observer = cx.observer();
        observer.metric("seeds", summary.hits_by_arity().iter().sum::<u64>() as f64);
        observer.metric("useful seeds", summary.useful_hits() as f64);
        observer.metric("literals", summary.literals() as f64);
        observer.metric("batches", summary.records.batches.len() as f64);
        observer.metric("passes", f64::from(summary.passes));
        observer.metric("hashes", summary.hashes as f64);
        observer.advance(input.len() as u64);
        Ok(())
    }

    fn decode(&mut self, input: &[u8], raw_len: usize, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        format::read(input, Some(raw_len as u64), out, cx)?;
        cx.observer().advance(raw_len as u64);
        Ok(())
    }
}
