//! The grammar codecs from outside: round trips, vectors, hostile bytes, limits, cancellation, progress.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lab_codec::{Build, Cancel, Context, ErrorKind, Limits, Observer, Params, Resources, Result, Worker};
use lab_template::{REPAIR, SEQUITUR};
use proptest::prelude::*;
use sha2::Digest as _;

const CODERS: [&str; 4] = ["", "coder=raw", "coder=mix", "coder=packed"];

/// Of `repair` with these parameters, or of `sequitur` where they begin with that.
fn worker(text: &str) -> Box<dyn Worker> {
    let (codec, text) = text.strip_prefix("sequitur").map_or((REPAIR, text), |rest| (SEQUITUR, rest));
    let mut params = Params::defaults(codec.info);
    for part in text.split(':').filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').unwrap();
        let (index, param) = codec.info.param(key).unwrap();
        params.set(index, param.parse(value).unwrap());
    }
    let Build::Codec(build) = codec.build else { panic!("a codec") };
    build(&params, &Resources::default()).unwrap().worker()
}

fn encode(text: &str, input: &[u8]) -> Vec<u8> {
    let mut out = b"kept".to_vec();
    worker(text).encode(input, &mut out, &Context::default()).unwrap();
    out.split_off(4)
}

fn decode(input: &[u8], raw_len: usize) -> Result<Vec<u8>> {
    let mut out = b"kept".to_vec();
    worker("").decode(input, raw_len, &mut out, &Context::default())?;
    assert_eq!(&out[..4], b"kept");
    Ok(out.split_off(4))
}

fn round_trip(input: &[u8]) {
    let all = [
        "",
        "coder=raw",
        "coder=mix",
        "coder=packed",
        "min_freq=3",
        "max_rules=2",
        "coder=raw:min_pair_freq=5",
        "coder=mix:min_freq=4",
        "strategy=batch",
        "selection=measured:strategy=batch",
        "strategy=batch:coder=packed:max_rules=40",
        "sequitur",
        "sequitur:coder=raw",
        "sequitur:coder=mix",
        "sequitur:coder=packed",
    ];
    for text in all {
        let encoded = encode(text, input);
        assert!(encoded.len() <= input.len() + 1);
        assert_eq!(decode(&encoded, input.len()).unwrap(), input, "{text}");
    }
}

fn text() -> Vec<u8> {
    (0..300)
        .flat_map(|i| format!("{} green bottles hanging on the wall {}\n", i % 37, i * i).into_bytes())
        .collect()
}

/// Letters and repeats of what came before.
fn structured() -> impl Strategy<Value = Vec<u8>> {
    let piece = (any::<u8>(), any::<u16>(), 1usize..60, 1u8..20);
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| {
        let mut out = vec![0];
        for (byte, from, len, letters) in pieces {
            out.push(byte % letters);
            let from = usize::from(from) % out.len();
            let copy: Vec<u8> = out[from..].iter().copied().cycle().take(len).collect();
            out.extend(copy);
        }
        out
    })
}

#[test]
fn edges() {
    round_trip(b"");
    round_trip(b"x");
    for n in [2, 3, 4, 31, 32, 33, 1000, 70_000] {
        round_trip(&vec![7; n]);
        round_trip(&b"ab".repeat(n));
        round_trip(&(0..n).map(|i| (i * i / 8) as u8).collect::<Vec<_>>());
    }
    round_trip(&(0..=255).cycle().take(2000).collect::<Vec<u8>>());
    round_trip(&text());
    assert_eq!(encode("", b"").len(), 0);
    for coder in CODERS {
        let len = encode(coder, &vec![0; 1 << 20]).len();
        assert!(len < 120, "{coder}: {len}");
    }
}

/// The vectors of docs/formats/repair.md.
#[test]
fn vectors() {
    let verse: String = (1..=12).rev().map(|n| format!("{n} green bottles hanging on the wall, ")).collect();
    let vectors = [
        ("", b"hello".to_vec(), "0068656c6c6f"),
        ("", b"ab".repeat(20), "017a2622d6f7ff4753d4e3045c6c39753a"),
        ("", b"abracadabra".repeat(16), "012e1b42ba1a0612198810e004e4e542603c321fd2d3799626"),
        (
            "coder=raw",
            b"abracadabra".repeat(16),
            "02000d000760090001000100010d01ee010a0001000100010d018d0103000300010001000161626364616161 \
             616161726161610000000103020103020100000000030301020302",
        ),
        (
            "",
            verse.clone().into_bytes(),
            "0180b942c932000000d30810962f7caa4c667bf00449e30ac8f203d473d50e8fe2b152c1991503b9cc0d22a5 \
             565de5d4577eef217a426f00e2b01b14aede047b65eea3ec01c3a760e34da7bdc911065efc4f72ab7cc509db \
             1a804e82d0",
        ),
        (
            "coder=raw",
            verse.clone().into_bytes(),
            "02003500011f100b010301000700030001000100010001000100010001270400010204010300020001020301 \
             0300020201000100030201a801110b0103010004000200010001000100010001000100012702000102040102 \
             0002000102030104000202010001000302018801030003316762686f74773131393837363534333220200001 \
             32312030200001202020202020202000016e6c6f656e732072692061656e656c2c206720746e6520746c6861 \
             000000000000000a090807060504030201000000000000000100000000000000000000000000000000000000 \
             000000000001000000000000000000010a01012000",
        ),
        ("sequitur", b"abracadabra".repeat(16), "014819522a4e3800007ee246e944044fc0f4ec47fa75e3822833844ee1"),
        (
            "sequitur:coder=raw",
            b"abracadabra".repeat(16),
            "02000d0005600c0001000100010d01ee010a0002000100010d018d01030003000100016100016263646261616161 \
             616172616161000000000302010302010001000000030301020501",
        ),
        ("coder=mix", b"ab".repeat(20), "0343ef3599703e77f9bf"),
        ("coder=mix", b"abracadabra".repeat(16), "036035ef3496a6fbf4216585bc612901d6e8"),
        (
            "coder=mix",
            verse.clone().into_bytes(),
            "03e756e101dad359d3e5a9fbe0a97a22653470dfc749d071e07bf75613a4deda08aeb2620178536a3e2f378ced1e3e9ca4a6bc14",
        ),
        ("coder=packed", b"ab".repeat(20), "0405029e3b616200010204183060c0800101"),
        ("coder=packed", b"abracadabra".repeat(16), "040403cc1124281c6162726100c78421033060c08001050a142810"),
        (
            "coder=packed",
            verse.into_bytes(),
            "0418026001470d20677265656e20626f74746c65732068616e67696e67206f6e207468652077616c6c2c200063c4901130464018 \
             007300c401f006401b006b00a40170064019010102",
        ),
    ];
    for (text, input, hex) in vectors {
        let encoded = encode(text, &input);
        assert_eq!(
            encoded.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
            hex.replace(' ', "")
        );
        assert_eq!(decode(&encoded, input.len()).unwrap(), input);
    }
}

#[test]
fn the_input_is_no_longer_than_positions_reach() {
    let input = vec![0; lab_template::MAX_LEN + 1];
    for codec in ["", "strategy=batch", "sequitur"] {
        let error = worker(codec).encode(&input, &mut Vec::new(), &Context::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
    }
    assert!(decode(&[1, 2, 3], usize::MAX).is_err());
}

#[test]
fn decoders_keep_to_memory_limits() {
    let input = words();
    let cx = Context::default().with_limits(Limits::default().with_memory(1 << 16));
    for coder in ["", "coder=mix"] {
        let encoded = encode(coder, &input);
        let error = worker("").decode(&encoded, input.len(), &mut Vec::new(), &cx).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{coder}");
    }
}

#[test]
fn mixing_pays() {
    let input: Vec<u8> = text().into_iter().chain((0..20_000u32).map(|i| (i * i / 7 % 11) as u8)).collect();
    assert!(encode("coder=mix", &input).len() * 20 < encode("", &input).len() * 19);
}

/// Words that all begin alike, each of them twice, and lines that differ at their ends: the segment `words`
/// of docs/formats/repair.md.
fn words() -> Vec<u8> {
    let mut state = 1u32;
    let mut random = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % below
    };
    let words: Vec<[u8; 6]> = (0..13_000)
        .map(|_| std::array::from_fn(|i| if i == 0 { b'a' } else { b'b' + random(24) as u8 }))
        .collect();
    let mut out = Vec::new();
    for i in 0..26_000 {
        out.push(128 + (i % 101) as u8);
        out.extend(words[if i < 13_000 { i } else { i * 7919 % 13_000 }]);
    }
    for _ in 0..1000 {
        out.extend(b"ten green bottles hanging on the wall: ");
        out.extend(words[random(257) as usize]);
    }
    out
}

/// The long vectors of docs/formats/repair.md, by length and SHA-256.
#[test]
fn long_vectors() {
    let hex = |bytes: &[u8]| -> String {
        sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let words = words();
    let lines = &words[words.len() - 45_000..];
    assert_eq!(hex(&words), "f62933765bb9c9551c9a34947f8c3964a8d8d48b44ce84eb61e5c8685d399d4e");
    let vectors = [
        ("", &words[..], 115_917, "009751b351a77073be8c23b16d7d72de983463ae862c36da0c6024cbe54f7b95"),
        ("coder=mix", &words, 104_674, "805ecbf67bca55a3c798c27ea410ffaa26a42a7984d533af3f155853e9962b30"),
        ("", lines, 2773, "d4ea8715cf6ff897e96d03f4f86ae8feb54e4d4b976dc16fb22babe27a2b0d84"),
        ("coder=raw", lines, 6910, "b64e565530fc98829ecf9168e1417554a431315c8eeac56e20d8887d2c74834b"),
        ("coder=packed", &words, 149_206, "cd4aa64c594d8d00e468bda7da0ef552a0484f48c0a6cbb3488e61810135d4bb"),
        ("coder=packed", lines, 3267, "ece772bdcf1674e3cfe4718cd75c5eeb002c58f6df5cb06b6b0b80584e78d688"),
        ("coder=mix", lines, 2164, "7f5505c53eca7c2a951e00edba34ac1e0597d5229706801922dcf4e00de553b3"),
    ];
    for (coder, input, len, sum) in vectors {
        let encoded = encode(coder, input);
        assert_eq!((encoded.len(), hex(&encoded).as_str()), (len, sum), "{coder}");
        assert_eq!(decode(&encoded, input.len()).unwrap(), input);
    }
}

/// Long right-hand sides and deep ones, runs, and no end of bytes.
fn varied() -> Vec<u8> {
    let wide: Vec<u8> = (0..3000u32).map(|i| (i * i / 7 + i / 11) as u8).collect();
    let mut out = Vec::new();
    for i in 0..12 {
        out.extend(&wide[i * 20..]);
        out.extend(vec![b'a'; 100 << (i / 2)]);
        out.extend(text());
        out.push(i as u8);
    }
    out
}

fn decode_range(input: &[u8], raw_len: usize, range: Range<usize>) -> Result<Vec<u8>> {
    let mut out = b"kept".to_vec();
    worker("").decode_range(input, raw_len, range, &mut out, &Context::default())?;
    assert_eq!(&out[..4], b"kept");
    Ok(out.split_off(4))
}

#[test]
fn ranges_of_everything() {
    for input in [varied(), words()] {
        for codec in ["", "sequitur:"] {
            for coder in CODERS {
                let encoded = encode(&format!("{codec}{coder}"), &input);
                // Only this coder finds a place without what stands before it.
                let step = if coder == "coder=packed" { 97 } else { input.len() * 2 / 3 };
                let pieces =
                    (0..input.len()).step_by(step).map(|start| start..(start + 300).min(input.len()));
                let long = [0..0, input.len() / 2..input.len(), input.len()..input.len()];
                for range in pieces.chain(long) {
                    let found = decode_range(&encoded, input.len(), range.clone()).unwrap();
                    assert!(found == input[range.clone()], "{codec}{coder} {range:?}");
                }
                assert!(decode_range(&encoded, input.len(), 1..input.len() + 1).is_err());
            }
        }
    }
}

#[test]
fn memory_limits_hold() {
    let limits = Limits::default().with_memory(1 << 20);
    let cx = Context::default().with_limits(limits);
    for codec in ["", "sequitur"] {
        let error = worker(codec).encode(&vec![0; 1 << 20], &mut Vec::new(), &cx).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
    }
}

#[test]
fn cancellation_is_heard() {
    let cancel = Cancel::default();
    cancel.cancel();
    let cx = Context::default().with_cancel(cancel);
    for codec in ["", "strategy=batch", "sequitur"] {
        let error = worker(codec).encode(&text(), &mut Vec::new(), &cx).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }
}

#[test]
fn progress_adds_up() {
    #[derive(Default)]
    struct Sum(AtomicU64);
    impl Observer for Sum {
        fn advance(&self, bytes: u64) {
            self.0.fetch_add(bytes, Ordering::Relaxed);
        }
    }
    for input in [text(), vec![1; 100_000], b"abc".to_vec()] {
        for codec in ["", "strategy=batch", "sequitur"] {
            let sum = Arc::new(Sum::default());
            let cx = Context::default().with_observer(Arc::clone(&sum) as Arc<dyn Observer>);
            worker(codec).encode(&input, &mut Vec::new(), &cx).unwrap();
            assert_eq!(sum.0.load(Ordering::Relaxed), input.len() as u64);
        }
    }
}

#[test]
fn every_truncation_and_extension_is_refused() {
    let input = text();
    for coder in CODERS {
        let encoded = encode(coder, &input);
        for len in 0..encoded.len() {
            assert!(decode(&encoded[..len], input.len()).is_err(), "{len}");
        }
        assert!(decode(&[&encoded[..], &[0]].concat(), input.len()).is_err());
        for raw_len in [0, 1, input.len() - 1, input.len() + 1, input.len() * 2] {
            match decode(&encoded, raw_len) {
                // The end of `mix` is told by the container alone: the last bits are worth less than a byte.
                Ok(out) if coder == "coder=mix" => {
                    assert!(raw_len + 1 == input.len() && input.starts_with(&out));
                }
                result => assert!(result.is_err(), "{coder} {raw_len}"),
            }
        }
    }
}

#[test]
fn every_flipped_byte_gives_an_error_or_some_bytes_of_the_right_number() {
    let input = text();
    for coder in CODERS {
        let encoded = encode(coder, &input);
        // `mix` takes its time.
        let step = if coder == "coder=mix" { 7 } else { 1 };
        for at in (0..encoded.len()).step_by(step) {
            for flip in [1, 0x80, 0xFF] {
                let mut bad = encoded.clone();
                bad[at] ^= flip;
                if let Ok(out) = decode(&bad, input.len()) {
                    assert_eq!(out.len(), input.len());
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes(input in proptest::collection::vec(any::<u8>(), 0..600)) {
        round_trip(&input);
    }

    #[test]
    fn repeats(input in structured()) {
        round_trip(&input);
    }

    #[test]
    fn few_letters(input in proptest::collection::vec(0u8..3, 0..900)) {
        round_trip(&input);
    }

    #[test]
    fn hostile_bytes(method in 0u8..6, rest in proptest::collection::vec(any::<u8>(), 0..900), len in 0usize..5000) {
        let bytes = [&[method], &rest[..]].concat();
        if let Ok(out) = decode(&bytes, len) {
            prop_assert_eq!(out.len(), len);
        }
        if let Ok(out) = decode_range(&bytes, len, len / 3..len) {
            prop_assert_eq!(out.len(), len - len / 3);
        }
    }

    #[test]
    fn hostile_changes(
        input in structured(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        coder in 0..CODERS.len(),
    ) {
        let mut bytes = encode(CODERS[coder], &input);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(out) = decode(&bytes, input.len()) {
            prop_assert_eq!(out.len(), input.len());
        }
        let (start, end) = (input.len() / 3, input.len() - input.len() / 4);
        if let Ok(out) = decode_range(&bytes, input.len(), start..end) {
            prop_assert_eq!(out.len(), end - start);
        }
    }
}
