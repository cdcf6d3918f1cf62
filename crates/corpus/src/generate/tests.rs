//! Golden digests and properties of the generators.

use lab_codec::{Context, Digest};
use sha2::{Digest as _, Sha256};

use super::*;

fn bytes(name: &str, seed: u64, size: u64) -> Vec<u8> {
    let mut out = Vec::new();
    generate(&find(name).unwrap(), seed, size, &mut out, &Context::default()).unwrap();
    assert_eq!(out.len() as u64, size);
    out
}

fn sha256_hex(bytes: &[u8]) -> String {
    Digest(Sha256::digest(bytes).into()).to_string()
}

/// Order-0 entropy in bits per byte.
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
        ("planted-seeds", "a309cc101ed193cc38609436bc6300c1622dfb3520fe8a466c202747ad39a1e1"),
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
    for name in ["random", "zipf-text", "versioned", "planted-seeds"] {
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
    let versioned = find("versioned").unwrap();
    let mut pieces = versioned.generator.start(5, &versioned.values);
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

/// The expansions of all seeds of `seed_len` bytes, cut to `length`.
fn expansions(seed_len: usize, length: usize) -> std::collections::HashSet<Vec<u8>> {
    let expand = |seed: u32| {
        let mut state = Sha256::digest(&seed.to_le_bytes()[..seed_len]);
        let mut bytes = state.to_vec();
        while bytes.len() < length {
            state = Sha256::digest(state);
            bytes.extend_from_slice(&state);
        }
        bytes.truncate(length);
        bytes
    };
    (0..1_u32 << (8 * seed_len)).map(expand).collect()
}

#[test]
fn planted_seeds_lie_at_their_density() {
    for (recipe, seed_len, length, share) in [
        ("planted-seeds:block_size=8:density=250", 2, 8, 0.25),
        ("planted-seeds:block_size=8:density=1000:seed_len=1", 1, 8, 1.0),
        ("planted-seeds:block_size=8:density=0", 2, 8, 0.0),
        ("planted-seeds:block_size=16:density=500:arity=5:seed_len=1", 1, 80, 0.5),
    ] {
        let known = expansions(seed_len, length);
        let places = 10_000;
        let all = bytes(recipe, 1, (length * places) as u64);
        let found = all.chunks_exact(length).filter(|place| known.contains(*place)).count();
        let found = found as f64 / places as f64;
        assert!((found - share).abs() < 0.015, "{recipe}: {found}");
    }
    // SHA-256 of the byte 00, and of that, as the search writes it down.
    let first: Vec<u8> = expansions(1, 34).into_iter().find(|e| e.starts_with(b"\x6e\x34\x0b\x9c")).unwrap();
    assert_eq!(first[32..], Sha256::digest(&first[..32])[..2]);
}

#[test]
fn recipes_are_read_and_refused_with_a_hint() {
    let error = |text: &str| find(text).err().unwrap().to_string();
    assert!(error("planted-seed").contains("\"planted-seeds\""));
    assert!(error("planted-seeds:densty=5").contains("\"density\""));
    assert!(error("planted-seeds:density=1001").contains("0..1000"));
    assert!(error("planted-seeds:density").contains("key=value"));
    assert!(error("random:density=5").contains("takes none"));
    let golden = "a96a815838107addd94c00b54e970cb311826ffc1cf6e5730bcc885c1b9f3758";
    assert_eq!(
        sha256_hex(&bytes("planted-seeds:block_size=5:density=100:arity=3:seed_len=3", 7, 100_000)),
        golden
    );
}
