//! The generators' bytes are fixed for ever, and are what their names say.

use lab_codec::{Context, Digest};
use sha2::{Digest as _, Sha256};

use super::*;

fn bytes(name: &str, seed: u64, size: u64) -> Vec<u8> {
    let mut out = Vec::new();
    generate(find(name).unwrap(), seed, size, &mut out, &Context::default()).unwrap();
    assert_eq!(out.len() as u64, size);
    out
}

fn sha256_hex(bytes: &[u8]) -> String {
    Digest(Sha256::digest(bytes).into()).to_string()
}

/// Bits per byte of a model that knows only how often each byte occurs.
fn order_0_entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    bytes.iter().for_each(|b| counts[usize::from(*b)] += 1);
    let chance = |count: u32| f64::from(count) / bytes.len() as f64;
    counts.iter().filter(|c| **c > 0).map(|c| -chance(*c) * chance(*c).log2()).sum()
}

#[test]
fn the_first_mebibyte_of_each_is_golden() {
    let golden = [
        ("random", "571293e65aeeecc0dcf4e3eea2322e67a592965d7f4be8a770d94ccc2a041126"),
        ("zeros", "30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58"),
        ("fibonacci", "e01eba1affabafeeb4d4c64a5bf9eda10b82beb1b534f314ba05317808f7955e"),
        ("thue-morse", "ed9126010ca8d308438edf02523c20513c4ccf248cbf3b411d3ce213184a86eb"),
        ("run-rich", "1c1121c911b3d8e37cbbc3970a41c5e4fe88341f6a5e645fd41a77c9a6c18bb9"),
        ("zipf-text", "00e24d3c82bc03b3526ad8df1bf54e97698125bdfc4bc570287a6c4399904a2c"),
        ("versioned", "88538770a8c1995298b4074d5c307678cfe71ff70064ebcd2e1a4ffffef3db36"),
    ];
    let found: Vec<(&str, String)> =
        GENERATORS.iter().map(|g| (g.name(), sha256_hex(&bytes(g.name(), 1, 1 << 20)))).collect();
    assert_eq!(found, golden.map(|(name, digest)| (name, digest.to_string())));
}

#[test]
fn a_shorter_sample_is_the_beginning_of_a_longer_one() {
    for generator in GENERATORS {
        let long = bytes(generator.name(), 7, 1_000_003);
        for size in [0, 1, 65_535, 65_537, 300_001] {
            assert!(bytes(generator.name(), 7, size) == long[..size as usize], "{}", generator.name());
        }
    }
}

#[test]
fn seeds_matter_where_they_can() {
    for name in ["random", "zipf-text", "versioned"] {
        assert_ne!(bytes(name, 1, 1000), bytes(name, 2, 1000));
    }
}

#[test]
fn the_fibonacci_word_is_its_own_concatenation() {
    // f(k) = f(k-1) f(k-2)
    let (mut last, mut word) = (b"a".to_vec(), b"ab".to_vec());
    while word.len() < 400_000 {
        let next = [&word[..], &last[..]].concat();
        last = std::mem::replace(&mut word, next);
    }
    assert!(bytes("fibonacci", 0, word.len() as u64) == word);
}

#[test]
fn the_thue_morse_word_counts_ones() {
    let word = bytes("thue-morse", 0, 300_000);
    for (index, letter) in word.iter().enumerate() {
        assert_eq!(*letter, if index.count_ones() % 2 == 0 { b'a' } else { b'b' });
    }
}

#[test]
fn the_run_rich_word_has_as_many_runs_as_the_paper_says() {
    let word = bytes("run-rich", 0, 6000);
    let mut runs = std::collections::HashSet::new();
    for period in 1..=word.len() / 2 {
        let mut at = 0;
        while at + period < word.len() {
            let matching =
                word[at..].iter().zip(&word[at + period..]).take_while(|(left, right)| left == right).count();
            if matching >= period {
                runs.insert((at, at + matching + period));
            }
            at += matching + 1;
        }
    }
    let density = runs.len() as f64 / word.len() as f64;
    assert!((0.93..0.945).contains(&density), "{density}");
}

#[test]
fn texts_look_like_text() {
    for name in ["zipf-text", "versioned"] {
        let text = bytes(name, 3, 4 << 20);
        let entropy = order_0_entropy(&text);
        assert!((4.05..5.0).contains(&entropy), "{name}: {entropy}");
        assert!(text.iter().all(|b| b.is_ascii_graphic() || *b == b' ' || *b == b'\n'));
        let spaces = text.iter().filter(|b| **b == b' ').count();
        assert!((4..12).contains(&(text.len() / spaces)), "{name}");
    }
}

#[test]
fn versions_keep_their_size_and_change_little() {
    let mut pieces = find("versioned").unwrap().start(5);
    let mut before = pieces.next().to_vec();
    for version in 0..5000 {
        let now = pieces.next();
        assert!((100 << 10..200 << 10).contains(&now.len()), "version {version}: {}", now.len());
        if version % 500 == 0 {
            // Most lines of a version are lines of the one before.
            let lines: std::collections::HashSet<&[u8]> = before.split(|b| *b == b'\n').collect();
            let kept = now.split(|b| *b == b'\n').filter(|line| lines.contains(line)).count();
            let all = now.split(|b| *b == b'\n').count();
            assert!(kept * 10 > all * 9 && kept < all, "version {version}: {kept} of {all}");
        }
        before = now.to_vec();
    }
}

#[test]
fn unknown_names_are_answered_with_the_nearest() {
    assert!(find("fibonaci").err().unwrap().to_string().contains("\"fibonacci\""));
    assert!(find("x").err().unwrap().to_string().contains("versioned"));
}
