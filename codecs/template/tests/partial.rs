//! Working on encoded segments without expanding them: ranges, searches, statistics, and what damage does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::ops::ControlFlow;

use lab_codec::{Build, Context, ErrorKind, Limits, Params, Resources};
use lab_template::partial::{Kind, Parsed, Pattern, Rule, Search, Statistics, beginning, costs};
use lab_template::segment::CODER;
use proptest::prelude::*;

/// Every codec with every coder, by number.
const VARIANTS: usize = 8;

fn encode(variant: usize, input: &[u8]) -> Vec<u8> {
    let codec = lab_template::CODECS[variant % 2];
    let mut params = Params::defaults(codec.info);
    let (index, param) = codec.info.param(CODER.name).unwrap();
    params.set(index, param.parse(["rans", "raw", "mix", "packed"][variant / 2]).unwrap());
    let Build::Codec(build) = codec.build else { panic!("a codec") };
    let mut out = Vec::new();
    let mut worker = build(&params, &Resources::default()).unwrap().worker();
    worker.encode(input, &mut out, &Context::default()).unwrap();
    out
}

fn naive(text: &[u8], pattern: &[u8]) -> Vec<u64> {
    text.windows(pattern.len()).enumerate().filter(|(_, w)| *w == pattern).map(|(i, _)| i as u64).collect()
}

/// Searches pieces of a text, each encoded on its own.
fn search(variant: usize, pieces: &[&[u8]], pattern: &[u8]) -> (Vec<u64>, u64) {
    let cx = Context::default();
    let pattern = Pattern::new(pattern).unwrap();
    let (mut finding, mut counting) = (Search::new(&pattern), Search::new(&pattern));
    let (mut found, mut count) = (Vec::new(), 0);
    for piece in pieces {
        let encoded = encode(variant, piece);
        let segment = Parsed::new(&encoded, piece.len(), &cx).unwrap();
        let mut add = |offset| {
            found.push(offset);
            Ok(ControlFlow::Continue(()))
        };
        assert!(finding.find(&segment, &cx, &mut add).unwrap().is_continue());
        count += counting.count(&segment, &cx).unwrap();
    }
    (found, count)
}

fn check_search(pieces: &[&[u8]], pattern: &[u8]) {
    let expected = naive(&pieces.concat(), pattern);
    for variant in 0..VARIANTS {
        let (found, count) = search(variant, pieces, pattern);
        assert_eq!(found, expected, "{pattern:?}, variant {variant}");
        assert_eq!(count, expected.len() as u64);
    }
}

/// Letters and repeats of what came before.
fn structured() -> impl Strategy<Value = Vec<u8>> {
    let piece = (any::<u8>(), any::<u16>(), 1usize..60, 1u8..6);
    proptest::collection::vec(piece, 1..40).prop_map(|pieces| {
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

fn text() -> Vec<u8> {
    (0..300).flat_map(|i| format!("{} green bottles hanging on the wall\n", i % 37).into_bytes()).collect()
}

#[test]
fn runs_are_found_in_runs() {
    let text = vec![b'a'; 10_000];
    for len in [1, 2, 3, 7, 64, 100, 4095, 9999, 10_000, 10_001] {
        check_search(&[&text], &vec![b'a'; len]);
        check_search(&[&text[..4000], &text[4000..4001], &[], &text[4001..]], &vec![b'a'; len]);
    }
    check_search(&[&text], b"ab");
    check_search(&[&text, b"b", &text], &[&text[..70], b"b", &text[..70]].concat());
}

#[test]
fn patterns_are_found_that_are_longer_than_rules() {
    let text = text();
    for (from, to) in [(0, 1), (5, 40), (100, 900), (1, text.len()), (0, text.len())] {
        check_search(&[&text], &text[from..to]);
        check_search(&[&text[..2000], &text[2000..]], &text[from..to]);
    }
    check_search(&[&text], b"not there");
}

#[test]
fn a_search_stops_where_it_is_told_to() {
    let text = text();
    let encoded = encode(0, &text);
    let segment = Parsed::new(&encoded, text.len(), &Context::default()).unwrap();
    let pattern = Pattern::new(b"bottles").unwrap();
    let mut found = Vec::new();
    let flow = Search::new(&pattern).find(&segment, &Context::default(), &mut |offset| {
        found.push(offset);
        Ok(if found.len() == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    });
    assert!(flow.unwrap().is_break());
    assert_eq!(found, naive(&text, b"bottles")[..3]);
}

fn statistics(encoded: &[u8], len: usize) -> (Statistics, Vec<Rule>) {
    let cx = Context::default();
    let mut statistics = Statistics::default();
    let rules = statistics.add(&Parsed::new(encoded, len, &cx).unwrap(), &cx).unwrap();
    (statistics, rules)
}

#[test]
fn statistics_describe_the_grammar() {
    let text = text();
    for variant in 0..VARIANTS {
        let encoded = encode(variant, &text);
        let segment = Parsed::new(&encoded, text.len(), &Context::default()).unwrap();
        let (statistics, rules) = statistics(&encoded, text.len());
        assert_eq!(statistics.bytes, text.len() as u64);
        assert_eq!(statistics.stored, 0);
        assert_eq!(statistics.rules, rules.len() as u64);
        assert_eq!(statistics.depths.iter().sum::<u64>(), statistics.rules);
        assert_eq!(statistics.lengths.iter().sum::<u64>(), statistics.rules);
        assert_eq!(statistics.sides, rules.iter().map(|rule| u64::from(rule.width)).sum::<u64>());
        assert!(statistics.covered <= statistics.bytes && statistics.covered > statistics.bytes / 2);
        // Every symbol is a byte, or a use of a rule.
        let uses: u64 = rules.iter().map(|rule| u64::from(rule.uses)).sum();
        assert!(uses < statistics.start + statistics.sides);
        for rule in &rules {
            let string = beginning(&segment, rule, usize::MAX, &Context::default()).unwrap();
            assert_eq!(string.len(), rule.len as usize);
            assert!(rule.uses > 1 && rule.occurrences >= rule.uses && rule.depth > 0 && rule.saves >= 0);
            assert!(rule.occurrences as usize <= naive(&text, &string).len());
        }
    }
}

#[test]
fn segments_without_a_grammar_are_worked_on_as_well() {
    let bytes: Vec<u8> = (0..=255).collect();
    let encoded = encode(0, &bytes);
    assert_eq!(encoded[0], 0);
    let (statistics, rules) = statistics(&encoded, bytes.len());
    assert_eq!((statistics.stored, rules.len()), (256, 0));
    check_search(&[&bytes, &bytes], &[255, 0]);
    check_search(&[], b"x");
}

/// `depth` definitions, each the first symbol of the one around it, as the coder `raw` stores them: NEW
/// `depth` times, and a byte more than that.
fn nested(depth: usize) -> Vec<u8> {
    let varint = |mut n: usize| {
        let mut out = Vec::new();
        while n > 127 {
            out.push(n as u8 | 128);
            n >>= 7;
        }
        out.push(n as u8);
        out
    };
    let a = usize::from(b'a');
    let lanes = [
        (0, [b"\xFF\x01".repeat(depth), vec![b'a']].concat()),
        (a, vec![b'a'; depth]),
        (256 + a, vec![0; depth + 1]),
        (512, vec![1; depth]),
        (513, vec![0; depth]),
    ];
    let mut out = vec![2, 0xFF, lanes.len() as u8];
    let mut next = 0;
    for (number, lane) in &lanes {
        out.extend([varint(number - next), varint(lane.len())].concat());
        next = number + 1;
    }
    lanes.iter().for_each(|(_, lane)| out.extend(lane));
    out
}

#[test]
fn nesting_may_be_as_deep_as_the_text_is_long() {
    const DEPTH: usize = 100_000;
    let encoded = nested(DEPTH);
    let cx = Context::default();
    let segment = Parsed::new(&encoded, DEPTH + 1, &cx).unwrap();
    let mut out = Vec::new();
    segment.expand(DEPTH / 2..DEPTH / 2 + 10, &mut out, &cx).unwrap();
    assert_eq!(out, [b'a'; 10]);
    let pattern = Pattern::new(b"aaa").unwrap();
    assert_eq!(Search::new(&pattern).count(&segment, &cx).unwrap(), DEPTH as u64 - 1);
    let (statistics, rules) = statistics(&encoded, DEPTH + 1);
    assert_eq!((statistics.depths.len(), rules.len(), statistics.start), (DEPTH, DEPTH, 1));
}

#[test]
fn what_the_tokens_say_has_a_limit() {
    let input = vec![7; 1 << 20];
    let cx = Context::default();
    for variant in 0..VARIANTS {
        let encoded = encode(variant, &input);
        assert!(encoded.len() < 200);
        for len in [1, 1000, input.len() - 1, input.len() + 1, input.len() * 2, usize::MAX] {
            assert!(Parsed::new(&encoded, len, &cx).is_err(), "{len}");
        }
        // Its memory is that of the tokens, however long the text.
        let small = Context::default().with_limits(Limits::default().with_memory(1 << 16));
        let segment = Parsed::new(&encoded, input.len(), &small);
        if variant / 2 == 2 {
            // But `mix` looks at the text.
            assert_eq!(segment.unwrap_err().kind(), ErrorKind::Limit);
            continue;
        }
        let segment = segment.unwrap();
        let pattern = Pattern::new(&[7; 1000]).unwrap();
        assert_eq!(Search::new(&pattern).count(&segment, &small).unwrap(), (1 << 20) - 999);
    }
    let deep = nested(1 << 20);
    let limits = Limits::default().with_memory(1 << 20);
    let error = Parsed::new(&deep, (1 << 20) + 1, &Context::default().with_limits(limits)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn ranges(input in structured(), variant in 0..VARIANTS, a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
        let (a, b) = (a.index(input.len() + 1), b.index(input.len() + 1));
        let range = a.min(b)..a.max(b);
        let encoded = encode(variant, &input);
        let cx = Context::default();
        for wanted in [range.end, input.len()] {
            let segment = Parsed::up_to(&encoded, input.len(), wanted, &cx).unwrap();
            let mut out = b"kept".to_vec();
            segment.expand(range.clone(), &mut out, &cx).unwrap();
            prop_assert_eq!(&out[4..], &input[range.clone()]);
        }
    }

    #[test]
    fn searches(
        input in structured(),
        variant in 0..VARIANTS,
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..3),
        from in any::<prop::sample::Index>(),
        len in 1usize..40,
        change in any::<bool>(),
    ) {
        let from = from.index(input.len());
        let mut pattern = input[from..(from + len).min(input.len())].to_vec();
        if change {
            pattern[len % 2 % (input.len() - from).min(len)] ^= 1;
        }
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(input.len() + 1)).collect();
        cuts.extend([0, input.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &input[cut[0]..cut[1]]).collect();
        let expected = naive(&input, &pattern);
        let (found, count) = search(variant, &pieces, &pattern);
        prop_assert_eq!(count, expected.len() as u64);
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn damage_is_an_error_or_another_text(
        input in structured(),
        variant in 0..VARIANTS,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut encoded = encode(variant, &input);
        for (at, byte) in changes {
            let at = at.index(encoded.len());
            encoded[at] = byte;
        }
        let cx = Context::default();
        if let Ok(segment) = Parsed::new(&encoded, input.len(), &cx) {
            let mut out = Vec::new();
            segment.expand(0..input.len(), &mut out, &cx).unwrap();
            prop_assert_eq!(out.len(), input.len());
            let pattern = Pattern::new(&input[..1]).unwrap();
            let count = Search::new(&pattern).count(&segment, &cx).unwrap();
            prop_assert_eq!(count, naive(&out, &input[..1]).len() as u64);
            let mut statistics = Statistics::default();
            statistics.add(&segment, &cx).unwrap();
            prop_assert_eq!(statistics.bytes, input.len() as u64);
        }
    }
}

/// Checks that costs are whole: they cover the text once, add up, and come to the encoded bytes.
fn check_costs(variant: usize, input: &[u8]) {
    let cx = Context::default();
    let encoded = encode(variant, input);
    let costs = costs(&encoded, input.len(), 0..input.len(), &cx).unwrap();
    assert_eq!(costs.text, input);
    let mut at = 0;
    let mut sum = 0.0;
    for token in &costs.tokens {
        assert_eq!(token.start, at);
        at += token.len;
        assert!(token.per_byte >= token.bits / f64::from(token.len));
        sum += token.per_byte * f64::from(token.len);
    }
    assert_eq!(at as usize, input.len());
    assert!((sum - costs.bits).abs() < 1e-6 * costs.bits + 1e-6, "variant {variant}: {sum}, {}", costs.bits);
    // The sum of what is outside and of what is inside of a range is the same.
    let part = input.len() / 3..input.len() / 2;
    let some = lab_template::partial::costs(&encoded, input.len(), part.clone(), &cx).unwrap();
    assert_eq!(some.bits, costs.bits);
    if !matches!(costs.tokens[0].kind, Kind::Stored) {
        let expected: Vec<_> = costs
            .tokens
            .iter()
            .filter(|t| (t.start as usize) < part.end && (t.start + t.len) as usize > part.start)
            .map(|t| (t.start, t.kind, t.inside))
            .collect();
        let found: Vec<_> = some.tokens.iter().map(|t| (t.start, t.kind, t.inside)).collect();
        assert_eq!(found, expected);
    }
    let (bits, stored) = (costs.bits + 8.0 * costs.head as f64, 8.0 * encoded.len() as f64);
    assert!((bits - stored).abs() < 0.01 * stored + 128.0, "variant {variant}: {bits} of {stored}");
    // What is known of rules without their costs.
    if let segment @ Parsed::Grammar(_) = Parsed::new(&encoded, input.len(), &cx).unwrap() {
        let rules = Statistics::default().add(&segment, &cx).unwrap();
        let told = rules.iter().map(|r| (r.len, r.width, r.uses, r.depth));
        assert!(costs.rules.iter().map(|r| (r.len, r.width, r.uses, r.depth)).eq(told));
    }
}

#[test]
fn costs_add_up() {
    for variant in 0..VARIANTS {
        check_costs(variant, &text());
        check_costs(variant, &text().repeat(40));
        check_costs(variant, &vec![b'a'; 30_000]);
        check_costs(variant, &[b"xyxyxy".repeat(5), (0..=255).collect()].concat());
        // Without structure: stored as they are.
        check_costs(variant, &(0..=255).collect::<Vec<u8>>());
    }
}

#[test]
fn costs_are_where_surprises_are() {
    let mut input = text();
    let at = input.len();
    input.extend(b"QZ@#!~^|");
    input.extend(text());
    for variant in 0..VARIANTS {
        let costs = costs(&encode(variant, &input), input.len(), 0..input.len(), &Context::default());
        let costs = costs.unwrap();
        let cost = |from: usize, to: usize| -> f64 {
            let inside = costs.tokens.iter().filter(|t| (from..to).contains(&(t.start as usize)));
            inside.map(|t| t.bits).sum()
        };
        assert!(cost(at, at + 8) > 40.0, "variant {variant}");
        // The second time, all of it is a few uses of rules.
        assert!(cost(at + 8, input.len()) < cost(0, at) / 4.0, "variant {variant}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn costs_of_anything_add_up(input in structured(), variant in 0..VARIANTS) {
        check_costs(variant, &input);
    }

    #[test]
    fn costs_of_damage_do_not_panic(
        input in structured(),
        variant in 0..VARIANTS,
        at in any::<prop::sample::Index>(),
        flip in 1u8..,
    ) {
        let mut encoded = encode(variant, &input);
        let at = at.index(encoded.len());
        encoded[at] ^= flip;
        if let Ok(costs) = costs(&encoded, input.len(), 0..input.len(), &Context::default()) {
            prop_assert_eq!(costs.text.len(), input.len());
        }
    }
}
