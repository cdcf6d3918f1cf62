//! The codec as a chain uses it: gains, bounds on growth, and damaged files.
#![allow(clippy::unwrap_used, missing_docs)]

use lab_codec::{Context, ErrorKind, Limits};
use lab_telomere::format::{self, Record};
use lab_telomere::seed::{Salt, Seed, expand};
use lab_telomere::{Encoder, SaltChoice, Settings, Summary};
use proptest::prelude::*;

/// Pseudo-random numbers (xorshift64).
fn numbers(mut state: u64) -> impl FnMut() -> u64 {
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

fn random(length: usize, seed: u64) -> Vec<u8> {
    let mut next = numbers(seed);
    (0..length).map(|_| (next() >> 40) as u8).collect()
}

fn text(length: usize) -> Vec<u8> {
    let words = ["seed ", "block ", "batch ", "the ", "of ", "a ", "digest\n"];
    let mut next = numbers(5);
    let mut bytes = Vec::new();
    while bytes.len() < length {
        bytes.extend_from_slice(words[(next() >> 33) as usize % words.len()].as_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// `records` expansions of random seeds with indices below `seeds`, `arity` blocks each; and these indices.
fn planted(records: usize, seeds: u64, arity: u8, block_size: u8) -> (Vec<u8>, Vec<u32>) {
    let mut next = numbers(11);
    let chosen: Vec<u32> = (0..records).map(|_| ((next() >> 20) % seeds) as u32).collect();
    let mut bytes = Vec::new();
    for index in &chosen {
        let length = usize::from(arity) * usize::from(block_size);
        expand(&Salt::default(), Seed::at(*index).unwrap(), length, &mut bytes);
    }
    (bytes, chosen)
}

fn encode(input: &[u8], settings: Settings) -> (Vec<u8>, Summary) {
    let mut out = Vec::new();
    let summary = Encoder::new(settings, 1, None).encode(input, &mut out, &Context::default()).unwrap();
    let mut back = Vec::new();
    format::read(&out, Some(input.len() as u64), &mut back, &Context::default()).unwrap();
    assert!(back == input, "the decoded bytes differ");
    (out, summary)
}

#[test]
fn text_and_zeros_and_noise_lose_next_to_nothing() {
    for (name, input) in
        [("text", text(100_000)), ("zeros", vec![0; 100_000]), ("random", random(100_000, 9))]
    {
        for block_size in [1, 2, 3, 4, 6, 64] {
            let (out, summary) = encode(&input, Settings { block_size, ..Settings::default() });
            let ratio = input.len() as f64 / out.len() as f64;
            assert!(ratio >= 0.9995, "{name}, blocks of {block_size}: {ratio}");
            assert!(out[0] != 0xFF || summary.passes > 1, "{name} in {} passes", summary.passes);
        }
    }
}

#[test]
fn planted_seeds_are_found_to_the_last_byte() {
    for (arity, expected) in [(1, 1.13), (3, 3.06)] {
        let (input, seeds) = planted(30_000, 256, arity, 3);
        let (out, summary) = encode(&input, Settings { passes: 1, ..Settings::default() });
        // The size of the planted seeds in batches of three: headers, and codes padded to whole bytes.
        let batch =
            |three: &[u32]| 24 + three.iter().map(|i| Seed::cost(*i, arity)).sum::<u32>().next_multiple_of(8);
        let bits: u64 = seeds.chunks(3).map(|three| u64::from(batch(three))).sum();
        assert!(
            (out.len() as u64) <= bits / 8 + 8,
            "{} bytes; the planted seeds take {}",
            out.len(),
            bits / 8
        );
        assert!(out.len() as f64 * 1.005 >= bits as f64 / 8.0);
        let ratio = input.len() as f64 / out.len() as f64;
        assert!((ratio - expected).abs() < 0.02, "arity {arity}: {ratio}");
        assert_eq!(summary.hits_by_arity().len(), usize::from(arity));
        assert!(summary.useful_hits() > 29_000);
    }
}

#[test]
fn a_salt_for_frequent_blocks() {
    let settings = Settings { block_size: 2, salt: SaltChoice::Auto, ..Settings::default() };
    let zeros = vec![0; 60_000];
    let (small, summary) = encode(&zeros, settings);
    // A batch of three 3-bit records takes 24 + 9 bits, padded to 40, for 48 bits of content.
    assert!(!summary.salt.bytes().is_empty() && small.len() <= 60_000 / 6 * 5 + 30, "{}", small.len());
    let (large, summary) = encode(&zeros, Settings { large_batches: true, ..settings });
    assert!(large.len() <= 60_000 * 3 / 16 + 30, "{}", large.len());
    assert_eq!(&large[..4], b"\xFFTL1");
    // Giving the salt that was found yields the same file.
    let (again, _) =
        encode(&zeros, Settings { salt: SaltChoice::Given(summary.salt), large_batches: true, ..settings });
    assert_eq!(again, large);
    // A salt that does not gain is not stored.
    let (plain, summary) = encode(&random(1000, 3), settings);
    assert!(summary.salt.bytes().is_empty() && plain[0] != 0xFF);
}

/// Data whose first pass may gain again in a second.
fn gains_twice() -> Vec<u8> {
    // Long runs of cheap seeds: the records of the first pass repeat, so that a second pass may find seeds in
    // them.
    let (inner, _) = planted(4_000, 16, 20, 3);
    inner
}

#[test]
fn a_pass_that_does_not_gain_is_not_kept() {
    for input in [text(50_000), random(50_000, 1), vec![0; 50_000]] {
        let (one, _) = encode(&input, Settings { passes: 1, ..Settings::default() });
        let (ten, summary) = encode(&input, Settings { passes: 10, ..Settings::default() });
        assert_eq!((&one, summary.passes), (&ten, 1));
    }
    let input = gains_twice();
    let (one, _) = encode(&input, Settings { passes: 1, ..Settings::default() });
    let (ten, summary) = encode(&input, Settings { passes: 10, ..Settings::default() });
    assert!(ten.len() <= one.len() && (summary.passes == 1) == (ten.len() == one.len()));
}

/// Files of every kind, with their contents.
fn files() -> Vec<(Vec<u8>, Vec<u8>)> {
    let planted = planted(40, 256, 3, 3).0;
    let mixed = [&text(300)[..], &planted, &random(100, 2)].concat();
    let zeros = vec![0; 600];
    let salted =
        Settings { block_size: 2, salt: SaltChoice::Auto, large_batches: true, ..Settings::default() };
    let large = Settings { large_batches: true, ..Settings::default() };
    [
        (Vec::new(), Settings::default()),
        (text(2000), Settings::default()),
        (planted.clone(), Settings::default()),
        (mixed, large),
        (planted, large),
        (zeros.clone(), salted),
        (zeros, Settings { large_batches: false, ..salted }),
    ]
    .into_iter()
    .map(|(input, settings)| (encode(&input, settings).0, input))
    .collect()
}

/// Each damaged file gives an error or the right bytes. The two-byte batch digest lets one change in 65,536
/// pass; none of these 10,000 does.
#[test]
fn ten_thousand_damaged_files() {
    let files = files();
    let mut next = numbers(77);
    let cx = Context::default().with_limits(Limits::new(1 << 20, 1 << 20));
    let (mut refused, mut right) = (0, 0);
    for i in 0..10_000 {
        let (file, content) = &files[i % files.len()];
        let mut bad = file.clone();
        for _ in 0..1 + next() % 3 {
            let at = next() as usize % bad.len().max(1);
            match next() % 6 {
                0 => bad.truncate(at),
                1 => bad.insert(at.min(bad.len()), next() as u8),
                2 if !bad.is_empty() => drop(bad.remove(at % bad.len())),
                3 if !bad.is_empty() => {
                    let from = at % bad.len();
                    let piece = bad[from..].to_vec();
                    bad.extend_from_slice(&piece);
                }
                4 if !bad.is_empty() => {
                    let place = at % bad.len();
                    bad[place] = next() as u8;
                }
                _ if !bad.is_empty() => {
                    let place = at % bad.len();
                    bad[place] ^= 1 << (next() % 8);
                }
                _ => {}
            }
        }
        let mut out = Vec::new();
        match format::read(&bad, None, &mut out, &cx) {
            Ok(_) => {
                assert!(out == *content, "file {i}: wrong bytes without an error");
                right += 1;
            }
            Err(error) => {
                assert_ne!(error.kind(), ErrorKind::Io, "{error}");
                refused += 1;
            }
        }
        assert!(out.capacity() <= 3 << 20);
    }
    assert!(refused > 9_000 && right + refused == 10_000, "{refused} refused");
}

/// Too small a number of passes is detected, and content that decodes like a pass goes into a plain file.
#[test]
fn the_number_of_passes_is_guarded() {
    let cx = Context::default();
    let settings = Settings {
        block_size: 2,
        salt: SaltChoice::Auto,
        large_batches: true,
        passes: 10,
        ..Settings::default()
    };
    let zeros = vec![0; 2001];
    let (file, summary) = encode(&zeros, settings);
    assert!(summary.passes > 1);
    for passes in 1..summary.passes {
        let mut fewer = file.clone();
        fewer[4] = passes;
        let error = format::read(&fewer, None, &mut Vec::new(), &cx).unwrap_err();
        assert!(error.to_string().contains("number of passes"), "{error}");
    }
    // The stream of a salted file as content: under the same salt it must go into a plain file.
    let one = Settings { passes: 1, ..settings };
    let (file, summary) = encode(&zeros, one);
    let stream = &file[6 + summary.salt.bytes().len()..];
    assert!(format::is_pass(stream, summary.salt, &cx).unwrap());
    let (again, _) = encode(stream, Settings { salt: SaltChoice::Given(summary.salt), ..settings });
    let mut back = Vec::new();
    format::read(&again, None, &mut back, &cx).unwrap();
    assert_eq!(back, stream);
}

/// A file that declares a huge length, and one whose passes would never end.
#[test]
fn bombs_end_at_the_limits() {
    let cx = Context::default().with_limits(Limits::new(1 << 20, 1 << 20));
    let mut bits = lab_bits::msb::BitWriter::default();
    lab_bits::evql::write(&mut bits, u64::MAX);
    bits.align();
    lab_bits::evql::write(&mut bits, 3);
    let long = bits.finish();
    assert_eq!(format::read(&long, None, &mut Vec::new(), &cx).unwrap_err().kind(), ErrorKind::Limit);
    let (one, _) = encode(&text(100), Settings::default());
    let forever = [&b"\xFFTL1\xFF\x00"[..], &one].concat();
    assert_eq!(format::read(&forever, None, &mut Vec::new(), &cx).unwrap_err().kind(), ErrorKind::Corrupt);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn everything_comes_back(
        pieces in proptest::collection::vec((0_u8..4, any::<u64>(), 0_usize..300), 0..8),
        block_size in 1_u8..=64,
        large_batches in any::<bool>(),
        align in any::<bool>(),
        passes in 1_u8..4,
        salt in prop_oneof![
            Just(SaltChoice::None),
            any::<[u8; 2]>().prop_map(|s| SaltChoice::Given(Salt::new(&s).unwrap())),
        ],
    ) {
        let salted = if let SaltChoice::Given(salt) = salt { salt } else { Salt::default() };
        let mut input = Vec::new();
        for (kind, seed, length) in pieces {
            match kind {
                0 => input.extend(random(length, seed | 1)),
                1 => input.extend(text(length)),
                2 => input.resize(input.len() + length, seed as u8),
                _ => {
                    input.resize(input.len().next_multiple_of(usize::from(block_size)), 0);
                    expand(&salted, Seed::at((seed % 65_792) as u32).unwrap(), length * 4, &mut input);
                }
            }
        }
        let settings = Settings { block_size, max_seed_len: 2, passes, salt, align, large_batches };
        let (out, summary) = encode(&input, settings);
        prop_assert!(out.len() <= input.len() + 24);
        let blocks: u64 = summary.records.records.iter().map(|r: &Record| r.blocks()).sum();
        prop_assert_eq!(blocks, summary.last_input.div_ceil(u64::from(block_size)));
    }
}
