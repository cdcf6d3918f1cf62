//! Exactness of Re-Pair against a definition that recounts everything at every step.

use std::collections::HashMap;

use lab_codec::Context;
use proptest::prelude::*;

use super::{Stop, repair, repair_in_rounds};
use crate::grammar::{Grammar, TERMINALS};

/// The most occurrences of each pair that do not overlap.
fn counts(sequence: &[u32]) -> HashMap<(u32, u32), u32> {
    let mut counts = HashMap::new();
    let mut taken = usize::MAX; // where the latest counted pair of two equal symbols begins
    for (i, w) in sequence.windows(2).enumerate() {
        if w[0] == w[1] {
            if i > 0 && taken == i - 1 && sequence[i - 1] == w[0] {
                continue;
            }
            taken = i;
        }
        *counts.entry((w[0], w[1])).or_insert(0) += 1;
    }
    counts
}

fn replace(sequence: &[u32], pair: [u32; 2], by: u32) -> Vec<u32> {
    let mut out = Vec::new();
    let mut rest = sequence;
    while let Some((&first, tail)) = rest.split_first() {
        if rest.starts_with(&pair) {
            out.push(by);
            rest = &rest[2..];
        } else {
            out.push(first);
            rest = tail;
        }
    }
    out
}

/// Repeats the replacements in the grammar's order: each must be of a pair of the highest count, the last
/// sequence must be the start sequence, and no pair of it may be frequent enough.
fn check(input: &[u8], min_freq: u32) -> Grammar {
    let grammar = repair(input, Stop { min_freq, max_rules: u32::MAX }, &Context::default()).unwrap();
    let mut sequence: Vec<u32> = input.iter().map(|&b| u32::from(b)).collect();
    for (i, &pair) in grammar.rules.iter().enumerate() {
        let counts = counts(&sequence);
        let most = counts.values().copied().max().unwrap_or(0);
        assert!(most >= min_freq);
        assert_eq!(counts.get(&(pair[0], pair[1])), Some(&most), "rule {i} of {input:?}");
        sequence = replace(&sequence, pair, TERMINALS + i as u32);
    }
    let most = counts(&sequence).values().copied().max().unwrap_or(0);
    assert!(most < min_freq, "{input:?} keeps a pair that occurs {most} times");
    assert_eq!(grammar.start.len(), sequence.len());
    // Which symbols of a run pair up is a choice, so only what is derived must be equal.
    assert_eq!(derived(&grammar), input);
    check_rounds(input, min_freq);
    grammar
}

fn derived(grammar: &Grammar) -> Vec<u8> {
    let mut out = Vec::new();
    let mut stack: Vec<u32> = grammar.start.iter().rev().copied().collect();
    while let Some(symbol) = stack.pop() {
        match grammar.rule(symbol) {
            Some([a, b]) => stack.extend([b, a]),
            None => out.push(symbol as u8),
        }
    }
    out
}

/// What is made in rounds derives the input, from rules that are used and whose symbols are smaller;
/// nothing is left to replace.
fn check_rounds(input: &[u8], min_freq: u32) {
    let stop = |max_rules| Stop { min_freq, max_rules };
    let grammar = repair_in_rounds(input, stop(u32::MAX), &Context::default()).unwrap();
    assert_eq!(derived(&grammar), input);
    let most = counts(&grammar.start).values().copied().max().unwrap_or(0);
    assert!(most < min_freq, "{input:?} keeps a pair that occurs {most} times");
    for (symbol, rule) in (TERMINALS..).zip(&grammar.rules) {
        assert!(rule.iter().all(|&s| s < symbol));
        assert!(grammar.start.contains(&symbol) || grammar.rules.iter().flatten().any(|&s| s == symbol));
    }
    let few = repair_in_rounds(input, stop(3), &Context::default()).unwrap();
    assert!(few.rules.len() <= 3);
    assert_eq!(derived(&few), input);
}

#[test]
fn runs() {
    for n in 0..200 {
        check(&vec![b'a'; n], 2);
        check(&b"ab".repeat(n), 2);
        check(&b"aab".repeat(n), 3);
        check(&[&vec![b'a'; n][..], b"b", &vec![b'a'; n / 2]].concat(), 2);
        check(&[&b"xa".repeat(9)[..], &vec![b'a'; n], &b"ay".repeat(9), &vec![b'a'; n]].concat(), 2);
    }
}

#[test]
fn larger_inputs() {
    let text = b"the cat sat on the mat; the dog sat on the log; ".repeat(40);
    assert!(check(&text, 2).start.len() < 20);
    let mut state = 1u32;
    let noise: Vec<u8> = (0..6000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b'a' + (state >> 28) as u8 % 5
        })
        .collect();
    check(&noise, 2);
    check(&noise, 7);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn two_letters(input in proptest::collection::vec(0u8..2, 0..200), min_freq in 2u32..5) {
        check(&input, min_freq);
    }

    #[test]
    fn few_letters(input in proptest::collection::vec(0u8..5, 0..400), min_freq in 2u32..4) {
        check(&input, min_freq);
    }

    #[test]
    fn stretched_letters(input in proptest::collection::vec((0u8..3, 1usize..9), 0..80)) {
        let input: Vec<u8> = input.iter().flat_map(|&(b, n)| std::iter::repeat_n(b, n)).collect();
        check(&input, 2);
    }
}
