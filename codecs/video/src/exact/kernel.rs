//! The inner loops between payload bytes and coded macroblocks, without allocation or I/O.
//!
//! A coded I_PCM macroblock is the bytes `0D 00` and 384 samples, with emulation prevention bytes where two
//! zeros meet a byte up to 3. Because of the `0D` at its start, no macroblock's coding depends on the one
//! before. Nearly all of them need no such byte, which one pass of vector instructions over the 386 bytes
//! establishes; only the others are handled byte by byte. Checksums run ahead over pieces that stay in the
//! first-level cache.

use super::MB_BYTES;
use super::emulation::unescape;
use super::h264::PCM_PREFIX;
use super::whiten::{FrameKey, TABLE};

/// Bytes of a coded macroblock without emulation prevention bytes.
pub const UNIT: usize = MB_BYTES + PCM_PREFIX.len();

/// The most bytes that a coded macroblock takes: an emulation prevention byte after every two zeros.
pub const MAX_UNIT: usize = UNIT + (UNIT - 1) / 2;

/// Macroblocks whose checksum is taken at once: three times 8 KiB, the step of the `crc32c` crate.
const GROUP: usize = 64;

/// Codes whole macroblocks: whitens `payload`, a multiple of [`MB_BYTES`], with the keys from macroblock
/// `first_mb` on, appends its CRC32C to `crc`, and writes coded macroblocks to the start of `out`, which has
/// room for [`MAX_UNIT`] bytes each. Returns the bytes written.
pub fn pack(payload: &[u8], key: FrameKey, first_mb: u32, crc: &mut u32, out: &mut [u8]) -> usize {
    let mut position = 0;
    let mut mb = first_mb;
    for group in payload.chunks(GROUP * MB_BYTES) {
        *crc = crc32c::crc32c_append(*crc, group);
        for samples in group.as_chunks::<MB_BYTES>().0 {
            let Some((unit, _)) = out[position..].split_first_chunk_mut::<UNIT>() else { return position };
            unit[..2].copy_from_slice(&PCM_PREFIX);
            let Some(whitened) = unit.last_chunk_mut::<MB_BYTES>() else { return position };
            combine(samples, key.macroblock(mb), whitened);
            position += if is_plain(unit) { UNIT } else { escape_unit(&mut out[position..]) };
            mb += 1;
        }
    }
    position
}

/// Decodes coded macroblocks from the start of `coded` until `out`, a multiple of [`MB_BYTES`], is full or
/// the next macroblock is not whole, and appends the CRC32C of the payload to `crc`. Returns the bytes taken
/// and given; `None` where a macroblock is not I_PCM.
pub fn unpack(
    coded: &[u8],
    key: FrameKey,
    first_mb: u32,
    crc: &mut u32,
    out: &mut [u8],
) -> Option<(usize, usize)> {
    let (mut position, mut given) = (0, 0);
    let mut mb = first_mb;
    for group in out.chunks_mut(GROUP * MB_BYTES) {
        let mut done = 0;
        for samples in group.as_chunks_mut::<MB_BYTES>().0 {
            let Some((unit, _)) = coded[position..].split_first_chunk::<UNIT>() else { break };
            let key = key.macroblock(mb);
            let mut plain = [0; UNIT];
            let (unit, taken) = if is_plain(unit) {
                (unit, UNIT)
            } else {
                let (taken, whole) = unescape(&coded[position..], &mut plain);
                if whole < UNIT {
                    break;
                }
                (&plain, taken)
            };
            let (prefix, whitened) = unit.split_first_chunk::<2>()?;
            if *prefix != PCM_PREFIX {
                return None;
            }
            combine(whitened.first_chunk()?, key, samples);
            position += taken;
            done += MB_BYTES;
            mb += 1;
        }
        *crc = crc32c::crc32c_append(*crc, &group[..done]);
        given += done;
        if done < group.len() {
            break;
        }
    }
    Some((position, given))
}

/// Combines the bytes of a macroblock with the whitening sequence.
#[inline]
fn combine(from: &[u8; MB_BYTES], key: [u8; 8], to: &mut [u8; MB_BYTES]) {
    let key = u64::from_ne_bytes(key);
    let words = from.as_chunks::<8>().0.iter().zip(TABLE.as_chunks::<8>().0);
    for ((word, table), to) in words.zip(to.as_chunks_mut::<8>().0) {
        *to = (u64::from_ne_bytes(*word) ^ u64::from_ne_bytes(*table) ^ key).to_ne_bytes();
    }
}

/// Whether a coded macroblock has no two zeros before a byte up to 3, from its second byte on (the first is
/// not zero).
#[inline]
fn is_plain(unit: &[u8; UNIT]) -> bool {
    const LANES: usize = 16;
    let mut least = [u8::MAX; LANES];
    let mut test = |at: usize| {
        for (i, least) in least.iter_mut().enumerate() {
            // Zero exactly where bytes at + i and at + i + 1 are zero and the next one is at most 3.
            let seen = unit[at + i] | unit[at + i + 1] | unit[at + i + 2] & 0xFC;
            *least = seen.min(*least);
        }
    };
    for step in 0..(UNIT - 3) / LANES {
        test(1 + step * LANES);
    }
    // The last full vector overlaps the one before: 383 triples are no multiple of 16.
    test(UNIT - 2 - LANES);
    u128::from_ne_bytes(least) != 0 && least.iter().all(|&seen| seen != 0)
}

/// Inserts emulation prevention bytes into the coded macroblock at the start of `out`; returns its new
/// length.
#[cold]
fn escape_unit(out: &mut [u8]) -> usize {
    let mut unit = [0; UNIT];
    unit.copy_from_slice(&out[..UNIT]);
    let (mut position, mut zeros) = (0, 0);
    for byte in unit {
        if zeros == 2 && byte <= 3 {
            out[position] = 3;
            position += 1;
            zeros = 0;
        }
        out[position] = byte;
        position += 1;
        zeros = if byte == 0 { zeros + 1 } else { 0 };
    }
    position
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::emulation::escape;
    use proptest::prelude::*;

    /// What `pack` must give, step by step.
    fn reference(payload: &[u8], key: FrameKey, first_mb: u32) -> Vec<u8> {
        let mut raw = Vec::new();
        for (mb, samples) in (first_mb..).zip(payload.chunks(MB_BYTES)) {
            raw.extend(PCM_PREFIX);
            raw.extend(samples);
            let at = raw.len() - MB_BYTES;
            key.apply(mb, 0, &mut raw[at..]);
        }
        let mut coded = Vec::new();
        escape(&raw, &mut coded);
        coded
    }

    fn check(payload: &[u8], frame: u32, first_mb: u32) {
        let key = FrameKey::new(frame);
        let mut out = vec![0xEE; payload.len() / MB_BYTES * MAX_UNIT];
        let mut crc = 0;
        let length = pack(payload, key, first_mb, &mut crc, &mut out);
        assert_eq!(crc, crc32c::crc32c(payload));
        assert!(out[..length] == reference(payload, key, first_mb));
        let mut back = vec![0xEE; payload.len()];
        let mut crc_back = 0;
        let taken = unpack(&out[..length], key, first_mb, &mut crc_back, &mut back);
        assert_eq!(taken, Some((length, payload.len())));
        assert_eq!(crc_back, crc);
        assert!(back == payload);
    }

    /// Payload that is `samples` after whitening.
    fn unwhitened(samples: &[u8], frame: u32, first_mb: u32) -> Vec<u8> {
        let mut payload = samples.to_vec();
        for (mb, samples) in (first_mb..).zip(payload.chunks_mut(MB_BYTES)) {
            FrameKey::new(frame).apply(mb, 0, samples);
        }
        payload
    }

    #[test]
    fn every_position_of_a_triple_is_seen() {
        for at in 0..MB_BYTES {
            for third in 0..5 {
                let mut samples = [0xFF; MB_BYTES];
                for (i, byte) in [0, 0, third].into_iter().enumerate() {
                    if let Some(sample) = samples.get_mut(at + i) {
                        *sample = byte;
                    }
                }
                check(&unwhitened(&samples, 7, 3), 7, 3);
            }
        }
    }

    #[test]
    fn samples_that_are_all_zero_take_half_as_much_again() {
        let payload = unwhitened(&[0; 10 * MB_BYTES], 1, 1);
        let mut out = vec![0; 10 * MAX_UNIT];
        let length = pack(&payload, FrameKey::new(1), 1, &mut 0, &mut out);
        assert_eq!(length, 10 * MAX_UNIT);
        check(&payload, 1, 1);
    }

    #[test]
    fn a_macroblock_that_is_not_whole_is_left() {
        let payload = unwhitened(&[0; 2 * MB_BYTES], 1, 1);
        let mut out = vec![0; 2 * MAX_UNIT];
        let length = pack(&payload, FrameKey::new(1), 1, &mut 0, &mut out);
        for cut in 0..length {
            let mut back = [0; 2 * MB_BYTES];
            let (taken, given) = unpack(&out[..cut], FrameKey::new(1), 1, &mut 0, &mut back).unwrap();
            assert_eq!((taken, given), (cut / MAX_UNIT * MAX_UNIT, cut / MAX_UNIT * MB_BYTES));
        }
        out[0] = 0x0C;
        assert_eq!(unpack(&out, FrameKey::new(1), 1, &mut 0, &mut [0; MB_BYTES]), None);
    }

    proptest! {
        #[test]
        fn round_trip(
            samples in prop::collection::vec(prop_oneof![3 => 0u8..5, 1 => any::<u8>()], 0..150 * MB_BYTES),
            frame in any::<u32>(),
            first_mb in 0u32..9000,
        ) {
            let samples = &samples[..samples.len() / MB_BYTES * MB_BYTES];
            check(samples, frame, first_mb);
            check(&unwhitened(samples, frame, first_mb), frame, first_mb);
        }
    }
}
