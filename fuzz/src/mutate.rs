//! Mutations: turn a valid file into an almost valid one.

use crate::Random;

/// Maximum length of a mutated input, in bytes.
pub const LONGEST: usize = 64 << 10;

/// Bytes at the front that hold headers: half of all edits hit them.
const HEADER_BYTES: usize = 64;

/// Values at which lengths, counts and offsets overflow, wrap or change sign.
const EDGES: [u64; 14] = [
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0xFFFF,
    0x0100_0000,
    0x7FFF_FFFF,
    0xFFFF_FFFF,
    1 << 32,
    i64::MAX as u64,
    u64::MAX,
];

/// A copy of `seed` with one to eight edits; some copy parts of `other`.
pub fn mutate(random: &mut Random, seed: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) * random.below(3) {
        edit(random, &mut bytes, other);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn edit(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = position(random, bytes.len());
    match random.below(12) {
        0 | 1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        2 => {
            let value = if random.below(2) == 0 { random.word() } else { *random.pick(&EDGES) };
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value as u8;
            }
        }
        3 | 4 => integer(random, bytes, at),
        5 => varint(random, bytes, at),
        6 => bytes.truncate(at),
        7 => {
            let end = at + length(random, bytes.len() - at);
            bytes.drain(at..end);
        }
        8 => {
            let piece = bytes[at..at + length(random, bytes.len() - at)].to_vec();
            let to = position(random, bytes.len());
            bytes.splice(to..to, piece);
        }
        9 => {
            let from = position(random, other.len());
            let piece = other[from..from + length(random, other.len() - from)].to_vec();
            // Half of the pieces replace bytes, the others are inserted.
            let end = if random.below(2) == 0 { (at + piece.len()).min(bytes.len()) } else { at };
            bytes.splice(at..end, piece);
        }
        10 => {
            let piece: Vec<u8> = (0..=random.below(8)).map(|_| random.word() as u8).collect();
            bytes.splice(at..at, piece);
        }
        _ => decimal(random, bytes, at),
    }
}

/// An offset in `len` bytes, or their end.
fn position(random: &mut Random, len: usize) -> usize {
    let reach = if random.below(2) == 0 { len.min(HEADER_BYTES) } else { len };
    random.below(reach + 1)
}

/// A length of at most `most` bytes; short ones are more likely.
fn length(random: &mut Random, most: usize) -> usize {
    let reach = 1 << random.below(14);
    random.below(most.min(reach) + 1)
}

/// Replaces a fixed-width integer, or changes it slightly.
fn integer(random: &mut Random, bytes: &mut [u8], at: usize) {
    let width = *random.pick(&[2, 4, 8]);
    let Some(place) = bytes.get_mut(at..at + width) else { return };
    let big_endian = random.below(2) == 0;
    let step = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    let old = if big_endian { place.iter().fold(0, step) } else { place.iter().rev().fold(0, step) };
    let new = match random.below(3) {
        0 => *random.pick(&EDGES),
        1 => old.wrapping_add(1 + random.below(16) as u64),
        _ => old.wrapping_sub(1 + random.below(16) as u64),
    };
    if big_endian {
        place.copy_from_slice(&new.to_be_bytes()[8 - width..]);
    } else {
        place.copy_from_slice(&new.to_le_bytes()[..width]);
    }
}

/// Replaces a byte with a LEB128 number.
fn varint(random: &mut Random, bytes: &mut Vec<u8>, at: usize) {
    let mut value = random.pick(&EDGES).wrapping_add(random.below(3) as u64);
    let mut code = Vec::new();
    while value >= 0x80 {
        code.push(value as u8 | 0x80);
        value >>= 7;
    }
    code.push(value as u8);
    let end = (at + 1).min(bytes.len());
    bytes.splice(at..end, code);
}

/// Replaces the first decimal number after `at`.
fn decimal(random: &mut Random, bytes: &mut Vec<u8>, at: usize) {
    let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit).map(|start| at + start) else { return };
    let len = bytes[start..].iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len() - start);
    let sign = if random.below(4) == 0 { "-" } else { "" };
    let text = format!("{sign}{}", random.pick(&EDGES));
    bytes.splice(start..start + len, text.into_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutations_are_reproducible_and_bounded() {
        let (seed, other) = (vec![7; LONGEST], b"length 12 of 34".to_vec());
        for execution in 0..2000 {
            let first = mutate(&mut Random::new(1, execution), &seed, &other);
            assert!(first.len() <= LONGEST);
            assert_eq!(first, mutate(&mut Random::new(1, execution), &seed, &other));
            mutate(&mut Random::new(1, execution), &[], &other);
            mutate(&mut Random::new(1, execution), &other, &[]);
        }
    }

    #[test]
    fn most_mutations_change_something() {
        let seed = b"segment 12 has 3400 bytes";
        let changed = (0..1000).filter(|n| mutate(&mut Random::new(2, *n), seed, b"other 9") != seed).count();
        assert!(changed > 800, "{changed}");
    }
}
