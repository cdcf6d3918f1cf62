//! Run-length coding of the differences between two frames, as types 1 and 5 store them.
//!
//! `00 n`: the next n bytes equal those of the frame before. `01 n d1..dn`: they are those bytes plus `di`,
//! modulo 256. n is 1 to 255. Up to three equal bytes between different ones stay in their run: two new run
//! heads cost 4 bytes.

use crate::error::{Error, Result};

const EQUAL: u8 = 0;
const DIFFERENT: u8 = 1;
const LONGEST: usize = 255;
/// Maximum number of equal bytes inside a run of different ones. Four would cost the same either way.
const TOLERATED: usize = 3;

/// Appends the runs that turn `before` into `now`, which have equal length.
pub fn encode(before: &[u8], now: &[u8], out: &mut Vec<u8>) {
    let length = before.len().min(now.len());
    let (before, now) = (&before[..length], &now[..length]);
    let mut at = 0;
    while at < length {
        let equal = at + equal_bytes(&before[at..], &now[at..]);
        for run in runs(equal - at) {
            out.extend([EQUAL, run as u8]);
        }
        at = equal;
        let end = different_until(before, now, at);
        for run in runs(end - at) {
            out.extend([DIFFERENT, run as u8]);
            out.extend(now[at..at + run].iter().zip(&before[at..]).map(|(n, b)| n.wrapping_sub(*b)));
            at += run;
        }
    }
}

/// Splits `length` bytes into runs of at most [`LONGEST`].
fn runs(length: usize) -> impl Iterator<Item = usize> {
    (0..length).step_by(LONGEST).map(move |at| (length - at).min(LONGEST))
}

/// Length of the common prefix. Most of a still frame is equal, so it is compared 32 bytes at a time.
fn equal_bytes(a: &[u8], b: &[u8]) -> usize {
    const WORD: usize = 32;
    let words = a.chunks_exact(WORD).zip(b.chunks_exact(WORD)).take_while(|(a, b)| a == b).count() * WORD;
    words + a[words..].iter().zip(&b[words..]).take_while(|(a, b)| a == b).count()
}

/// End of the run of different bytes that begins at `at`: before more than [`TOLERATED`] equal bytes, and
/// before equal bytes at the end of the frame.
fn different_until(before: &[u8], now: &[u8], at: usize) -> usize {
    let (mut end, mut equal) = (at, 0);
    for i in at..now.len() {
        if before[i] != now[i] {
            (end, equal) = (i + 1, 0);
        } else {
            equal += 1;
            if equal > TOLERATED {
                break;
            }
        }
    }
    end
}

/// Applies runs to `frame`, which holds the frame before, in place.
///
/// # Errors
/// [`Code::Compression`](crate::error::Code::Compression) for an unknown operation, an empty run, a run that
/// passes the end of the frame, and a stream that ends within a run or before the frame does.
pub fn decode(runs: &[u8], frame: &mut [u8]) -> Result<()> {
    let mut input = runs;
    let mut rest = frame;
    while let Some((&[operation, count], behind)) = input.split_first_chunk() {
        let count = usize::from(count);
        let place = runs.len() - input.len();
        if count == 0 {
            return Err(Error::compression(format!("empty run at byte {place}")));
        }
        let left = rest.len();
        let Some((target, after)) = rest.split_at_mut_checked(count) else {
            return Err(Error::compression(format!(
                "run of {count} at byte {place}, but the frame has {left} bytes left"
            )));
        };
        rest = after;
        input = match operation {
            EQUAL => behind,
            DIFFERENT => {
                let Some((deltas, behind)) = behind.split_at_checked(count) else {
                    return Err(Error::compression(format!(
                        "the stream ends within the run at byte {place}"
                    )));
                };
                target.iter_mut().zip(deltas).for_each(|(byte, delta)| *byte = byte.wrapping_add(*delta));
                behind
            }
            other => return Err(Error::compression(format!("unknown run {other:#04x} at byte {place}"))),
        };
    }
    match (input.len(), rest.len()) {
        (0, 0) => Ok(()),
        (0, left) => Err(Error::compression(format!("the runs end {left} bytes before the frame does"))),
        _ => Err(Error::compression("the stream ends within the two bytes that head a run")),
    }
}

/// Whether a reader that takes deltas as signed bytes and clamps `before + delta` to 0..=255 decodes `now`
/// exactly: every difference is within -128..=127. The public implementation is such a reader.
pub fn survives_clamping(before: &[u8], now: &[u8]) -> bool {
    before.iter().zip(now).all(|(b, n)| i8::try_from(i16::from(*n) - i16::from(*b)).is_ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn coded(before: &[u8], now: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(before, now, &mut out);
        out
    }

    fn check(before: &[u8], now: &[u8]) -> Vec<u8> {
        let runs = coded(before, now);
        let mut frame = before.to_vec();
        decode(&runs, &mut frame).unwrap();
        assert_eq!(frame, now);
        assert!(2 * runs.len() <= 5 * now.len() + 4, "{} bytes for {}", runs.len(), now.len());
        runs
    }

    #[test]
    fn runs_as_the_page_shows_them() {
        assert_eq!(check(&[5, 5, 5, 5], &[5, 5, 6, 4]), [0, 2, 1, 2, 1, 255]);
        assert_eq!(check(&[0], &[0]), [0, 1]);
        assert_eq!(check(&[], &[]), [0_u8; 0]);
        // Wrapping around in both directions.
        assert_eq!(check(&[250, 3], &[4, 253]), [1, 2, 10, 250]);
        // Three equal bytes stay in the run, four do not.
        assert_eq!(check(&[0; 5], &[1, 0, 0, 0, 1]), [1, 5, 1, 0, 0, 0, 1]);
        assert_eq!(check(&[0; 6], &[1, 0, 0, 0, 0, 1]), [1, 1, 1, 0, 4, 1, 1, 1]);
    }

    #[test]
    fn runs_around_the_longest() {
        for length in [254, 255, 256, 510, 511] {
            let (a, b) = (vec![7; length], vec![9; length]);
            let equal = check(&a, &a);
            assert_eq!(equal.len(), 2 * length.div_ceil(255));
            assert_eq!(equal[..2], [0, length.min(255) as u8]);
            let different = check(&a, &b);
            assert_eq!(different.len(), length + 2 * length.div_ceil(255));
            assert_eq!(different[..3], [1, length.min(255) as u8, 2]);
        }
    }

    #[test]
    fn alternating_bytes_take_one_run_not_many() {
        let before = vec![0; 4000];
        let now: Vec<u8> = (0..4000).map(|i| i as u8 & 1).collect();
        assert_eq!(check(&before, &now).len(), 2 + 3999 + 2 * 16);
        // At a distance that forces a run for each.
        let now: Vec<u8> = (0..4000).map(|i| u8::from(i % 5 == 0)).collect();
        assert_eq!(check(&before, &now).len(), 800 * 5);
    }

    #[test]
    fn every_kind_of_damage_is_told() {
        let told = |runs: &[u8], length: usize| decode(runs, &mut vec![0; length]).unwrap_err().to_string();
        assert!(told(&[0, 0], 1).contains("empty run"));
        assert!(told(&[2, 1], 1).contains("unknown run 0x02"));
        assert!(told(&[0, 2], 1).contains("1 bytes left"));
        assert!(told(&[1, 2, 1], 2).contains("within the run"));
        assert!(told(&[0], 1).contains("head a run"));
        assert!(told(&[0, 1], 2).contains("1 bytes before"));
        assert!(told(&[], 2).contains("2 bytes before"));
        assert!(told(&[0, 1, 0, 1], 1).contains("0 bytes left"));
    }

    #[test]
    fn clamping_readers_are_told_apart() {
        assert!(survives_clamping(&[0, 255, 200], &[127, 127, 72]));
        assert!(!survives_clamping(&[0], &[128]));
        assert!(!survives_clamping(&[129], &[0]));
    }

    proptest! {
        #[test]
        fn any_frames(
            before in proptest::collection::vec(any::<u8>(), 0..1500),
            flips in any::<[u16; 8]>(),
            step in 1usize..9,
        ) {
            let mut now = before.clone();
            for flip in flips {
                let at = usize::from(flip) % before.len().max(1);
                let bytes = now.iter_mut().skip(at).step_by(step).take(at % 300);
                bytes.for_each(|b| *b = b.wrapping_add(flip as u8));
            }
            check(&before, &now);
        }

        #[test]
        fn any_bytes_as_runs(
            runs in proptest::collection::vec(prop_oneof![0u8..3, any::<u8>()], 0..200),
            length in 0usize..600,
        ) {
            let _ = decode(&runs, &mut vec![0; length]);
        }
    }
}
