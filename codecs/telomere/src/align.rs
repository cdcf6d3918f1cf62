//! Alignment: long literals begin on a byte, so that a compressor that follows finds the bytes of the input.
//!
//! A literal's bytes follow its code without a gap, anywhere in a byte. Codes have 5, 7, 10, 15, 24, 41 or 74 bits, so a
//! few blocks split off in front move what follows: 3 or 4 blocks, for instance, take 7 bits, and with the 41 of a long
//! run behind them 48.

use crate::format::{BATCH, Record, Records, count_len};

/// Bytes of a literal from which on it is worth a few bits of codes.
const LONG: u64 = 1024;

/// What may be split off: blocks of each length of the code.
const SPLITS: [u64; 5] = [1, 3, 5, 17, 257];

/// Splits long literals that would begin within a byte, where their batches have room for another record or two.
pub fn align(records: &Records, block_size: u8) -> Records {
    let mut split = Records::default();
    for batch in records.batches() {
        let mut aligned = align_batch(batch, block_size, batch.len());
        // The count of a large batch is a code itself: more records may move everything once more.
        for _ in 0..2 {
            aligned = align_batch(batch, block_size, aligned.len());
        }
        split.batches.push(aligned.len() as u64);
        split.records.extend(aligned);
    }
    split
}

/// The records of a batch that will have `count` of them.
fn align_batch(batch: &[Record], block_size: u8, count: usize) -> Vec<Record> {
    let mut aligned = Vec::with_capacity(batch.len());
    let small = batch.len() as u64 <= BATCH;
    let mut room = if small { BATCH - batch.len() as u64 } else { 2 };
    let mut phase = count_len(count as u64);
    for &record in batch {
        let mut rest = record;
        if let Record::Literal { blocks } = record
            && blocks * u64::from(block_size) >= LONG
        {
            for first in pieces(phase, blocks, room) {
                let piece = Record::Literal { blocks: first };
                aligned.push(piece);
                phase += u64::from(piece.code_len());
                rest = Record::Literal { blocks: rest.blocks() - first };
                room -= u64::from(small);
            }
        }
        aligned.push(rest);
        phase += u64::from(rest.code_len());
    }
    aligned
}

/// The pieces to split off a literal of `blocks` blocks, `most` at most, that let the rest begin on a byte when the
/// literal's code begins at bit `phase`; none where it does so already, or cannot.
fn pieces(phase: u64, blocks: u64, most: u64) -> Vec<u64> {
    let code = |blocks| u64::from(Record::Literal { blocks }.code_len());
    let fits = |pieces: &[u64]| {
        let split: u64 = pieces.iter().sum();
        split < blocks
            && (phase + pieces.iter().map(|p| code(*p)).sum::<u64>() + code(blocks - split)).is_multiple_of(8)
    };
    if fits(&[]) {
        return Vec::new();
    }
    let ones = SPLITS.iter().map(|a| vec![*a]);
    let twos = SPLITS.iter().flat_map(|a| SPLITS.iter().map(|b| vec![*a, *b]));
    ones.chain(twos).find(|pieces| pieces.len() as u64 <= most && fits(pieces)).unwrap_or_default()
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
                if matches!(record, Record::Literal { blocks } if blocks * 3 >= LONG) {
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
