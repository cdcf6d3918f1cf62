//! Alignment: lets long literals begin on a byte boundary, so that a compressor behind this codec sees whole
//! bytes.
//!
//! The bytes of a literal follow its code without a gap, at any bit position. Splitting one or two short
//! literals off its front moves the rest: the codes of a literal have 5, 7, 10, 15, 24, 41 or 74 bits. An
//! example: the code of 3 or 4 blocks has 7 bits, that of more than 65,536 blocks 41, and together they fill
//! six bytes.
//!
//! Without alignment, zstd behind this codec loses 2.9 % on text (docs/decisions/telomere.md).

use crate::format::{BATCH, Record, Records, count_len};

/// Shortest literal that is aligned, in bytes: an extra record of a few bits must be small beside it.
const MIN_ALIGNED_BYTES: u64 = 1024;

/// Lengths in blocks that may be split off: the shortest literal of each code length of 5, 7, 10, 15 and 24
/// bits. One or two of them shift what follows by every number of bits modulo 8 but 3.
const SPLIT_BLOCKS: [u64; 5] = [1, 3, 5, 17, 257];

/// Splits long literals that would begin inside a byte, where their batch may hold another record or two.
pub(crate) fn align(records: &Records, block_size: u8) -> Records {
    let mut split = Records::default();
    for batch in records.batches() {
        let mut aligned = align_batch(batch, block_size, batch.len());
        // The record count of a large batch is itself coded in front, so that added records may change its
        // length and move everything once more. Two more rounds with the new count settle that.
        for _ in 0..2 {
            aligned = align_batch(batch, block_size, aligned.len());
        }
        split.batches.push(aligned.len() as u64);
        split.records.extend(aligned);
    }
    split
}

/// Aligns the records of one batch whose header will declare `count` records.
fn align_batch(batch: &[Record], block_size: u8, count: usize) -> Vec<Record> {
    let mut aligned = Vec::with_capacity(batch.len());
    let is_small = batch.len() as u64 <= BATCH;
    // A small batch may not exceed three records. In a large one, two pieces per batch keep the count nearly
    // unchanged.
    let mut room = if is_small { BATCH - batch.len() as u64 } else { 2 };
    let mut phase = count_len(count as u64);
    for &record in batch {
        let mut rest = record;
        if let Record::Literal { blocks } = record
            && blocks * u64::from(block_size) >= MIN_ALIGNED_BYTES
        {
            for first in pieces(phase, blocks, room) {
                let piece = Record::Literal { blocks: first };
                aligned.push(piece);
                phase += u64::from(piece.code_len());
                rest = Record::Literal { blocks: rest.blocks() - first };
                room -= u64::from(is_small);
            }
        }
        aligned.push(rest);
        phase += u64::from(rest.code_len());
    }
    aligned
}

/// The pieces, at most `max_pieces`, to split off a literal of `blocks` blocks whose code begins at bit
/// `phase`. They let the rest begin on a byte. Empty where it already does, or where no split helps.
fn pieces(phase: u64, blocks: u64, max_pieces: u64) -> Vec<u64> {
    let code = |blocks| u64::from(Record::Literal { blocks }.code_len());
    let fits = |pieces: &[u64]| {
        let split: u64 = pieces.iter().sum();
        split < blocks
            && (phase + pieces.iter().map(|p| code(*p)).sum::<u64>() + code(blocks - split)).is_multiple_of(8)
    };
    if fits(&[]) {
        return Vec::new();
    }
    let single = SPLIT_BLOCKS.iter().map(|a| vec![*a]);
    let double = SPLIT_BLOCKS.iter().flat_map(|a| SPLIT_BLOCKS.iter().map(|b| vec![*a, *b]));
    single.chain(double).find(|pieces| pieces.len() as u64 <= max_pieces && fits(pieces)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phases(records: &Records) -> Vec<u64> {
        let mut phases = Vec::new();
        for batch in records.batches() {
            let mut bits = count_len(batch.len() as u64);
            for record in batch {
                bits += u64::from(record.code_len());
                if matches!(record, Record::Literal { blocks } if blocks * 3 >= MIN_ALIGNED_BYTES) {
                    phases.push(bits % 8);
                }
            }
        }
        phases
    }

    #[test]
    fn long_literals_begin_on_a_byte() {
        let one = |blocks| Records { records: vec![Record::Literal { blocks }], batches: vec![1] };
        for blocks in [342, 400, 65_536, 65_537, 5_600_000] {
            let aligned = align(&one(blocks), 3);
            assert_eq!(phases(&aligned), [0], "{blocks}");
            assert_eq!(aligned.records.iter().map(|r| r.blocks()).sum::<u64>(), blocks);
            assert!(aligned.records.len() <= 2);
        }
        assert_eq!(align(&one(100), 3), one(100));
        let seed = Record::Seed { index: 300, arity: 1 };
        let full = Records { records: vec![seed, Record::Literal { blocks: 1000 }, seed], batches: vec![3] };
        assert_eq!(align(&full, 3), full);
        let records = [vec![seed; 40], vec![Record::Literal { blocks: 1000 }, seed]].concat();
        let large = Records { batches: vec![records.len() as u64], records };
        assert_eq!(phases(&align(&large, 3)), [0]);
    }
}
