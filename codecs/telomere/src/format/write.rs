//! Writes records as a `.tlmr` stream.

use lab_bits::{
    arity::{self, Kind},
    evql,
    msb::BitWriter,
};
use sha2::{Digest as _, Sha256};

use super::{BATCH, Record, Records};

/// Appends the stream of `input`, cut into blocks of `block_size` bytes, as `records`, which must cover the
/// input.
pub fn write(input: &[u8], block_size: u8, records: &Records, out: &mut Vec<u8>) {
    let mut bits = BitWriter::new(std::mem::take(out));
    evql::write(&mut bits, input.len() as u64);
    bits.align();
    evql::write(&mut bits, u64::from(block_size));
    bits.align();
    let mut rest = input;
    for batch in records.batches() {
        let blocks: u64 = batch.iter().map(|record| record.blocks()).sum();
        let (content, behind) = rest.split_at(bytes(blocks, block_size, rest));
        rest = behind;
        write_batch(content, block_size, batch, &mut bits);
    }
    debug_assert!(rest.is_empty());
    *out = bits.finish();
}

fn write_batch(mut content: &[u8], block_size: u8, batch: &[Record], bits: &mut BitWriter) {
    let count = batch.len() as u64;
    let digest = Sha256::digest(content);
    // A small batch has version 0 and its count; a large one has version 1 and count 0, with the count behind
    // the digest.
    bits.write(if count <= BATCH { count } else { 0x10 }, 8);
    bits.write_bytes(&digest[..2]);
    if count > BATCH {
        evql::write(bits, count - BATCH - 1);
    }
    for record in batch {
        let (piece, behind) = content.split_at(bytes(record.blocks(), block_size, content));
        content = behind;
        match *record {
            Record::Seed { index, arity } => {
                arity::write(bits, Kind::Seed(arity));
                evql::write(bits, u64::from(index));
            }
            Record::Literal { blocks } => {
                arity::write(bits, Kind::Literal);
                evql::write(bits, blocks - 1);
                bits.write_bytes(piece);
            }
        }
    }
    bits.align();
}

/// Length in bytes of `blocks` blocks at the front of `rest`; the last block may be partial.
fn bytes(blocks: u64, block_size: u8, rest: &[u8]) -> usize {
    usize::try_from(blocks * u64::from(block_size)).map_or(rest.len(), |bytes| bytes.min(rest.len()))
}
