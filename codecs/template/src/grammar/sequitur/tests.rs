//! The invariants after every byte, and that the grammar derives its input.

use std::collections::HashMap;

use lab_codec::{Cancel, Context, ErrorKind, Limits};
use proptest::prelude::*;

use super::*;

/// The right-hand sides, by rule; that of a rule that is not in use is empty.
fn sides(state: &Sequitur) -> Vec<Vec<u32>> {
    let side = |(i, rule): (usize, &Rule)| {
        if i > 0 && rule.uses == 0 {
            return Vec::new();
        }
        let mut symbols = Vec::new();
        let mut at = state.nodes.next(rule.guard);
        while let Some(symbol) = state.nodes.symbol(at) {
            assert_eq!(state.nodes.prev(state.nodes.next(at)), at);
            symbols.push(symbol);
            at = state.nodes.next(at);
        }
        assert_eq!(state.nodes.guarded(at), Some(i as u32));
        symbols
    };
    state.rules.iter().enumerate().map(side).collect()
}

fn expand(sides: &[Vec<u32>], symbol: u32, out: &mut Vec<u8>) {
    match symbol.checked_sub(TERMINALS) {
        None => out.push(symbol as u8),
        Some(rule) => sides[rule as usize].iter().for_each(|&s| expand(sides, s, out)),
    }
}

/// Checks everything that shall hold between two bytes.
fn check_invariants(state: &Sequitur, input: &[u8]) {
    assert!(state.pending.is_empty());
    let sides = sides(state);
    let mut uses = vec![0; sides.len()];
    let mut places: HashMap<(u32, u32), Vec<(usize, usize)>> = HashMap::new();
    for (rule, side) in sides.iter().enumerate() {
        for symbol in side.iter().filter(|&&symbol| symbol >= TERMINALS) {
            uses[(symbol - TERMINALS) as usize] += 1;
        }
        for (at, digram) in side.windows(2).enumerate() {
            places.entry((digram[0], digram[1])).or_default().push((rule, at));
        }
    }
    for (rule, side) in sides.iter().enumerate().skip(1) {
        assert_eq!(uses[rule], state.rules[rule].uses);
        assert!(side.is_empty() || side.len() > 1 && uses[rule] > 1, "rule {rule}: {side:?}, {uses:?}");
    }
    for (digram, places) in &places {
        let overlap = |pair: &[(usize, usize)]| pair[0].0 == pair[1].0 && pair[0].1 + 1 == pair[1].1;
        assert!(
            places.len() == 1 || places.len() == 2 && overlap(places),
            "{digram:?} at {places:?} in {sides:?}"
        );
        let known = state.digrams.node(&state.nodes, *digram);
        assert_eq!(known.and_then(|node| state.nodes.digram(node)), Some(*digram));
    }
    assert_eq!(state.digrams.len(), places.len());
    let mut derived = Vec::new();
    sides[0].iter().for_each(|&symbol| expand(&sides, symbol, &mut derived));
    assert_eq!(derived, input);
}

fn hold_throughout(input: &[u8]) {
    let mut state = Sequitur::with_capacity(0);
    for (i, &byte) in input.iter().enumerate() {
        state.push(byte);
        check_invariants(&state, &input[..=i]);
    }
    let grammar = state.into_grammar();
    let mut derived = Vec::new();
    let mut stack: Vec<u32> = grammar.start.iter().rev().copied().collect();
    while let Some(symbol) = stack.pop() {
        match grammar.rule(symbol) {
            None => derived.push(symbol as u8),
            Some([a, b]) => {
                assert!(a < symbol && b < symbol);
                stack.extend([b, a]);
            }
        }
    }
    assert_eq!(derived, input);
}

#[test]
fn runs() {
    for n in 0..300 {
        hold_throughout(&vec![b'a'; n]);
    }
}

#[test]
fn runs_between_others() {
    hold_throughout(b"abbbabcbb");
    hold_throughout(b"aaabaaaabaaabaaaaaabaa");
    for n in 1..40 {
        hold_throughout(&[vec![b'a'; n], b"b".to_vec()].concat().repeat(3));
        hold_throughout(&(1..n).flat_map(|n| [vec![b'a'; n], b"b".to_vec()].concat()).collect::<Vec<_>>());
    }
}

#[test]
fn alternations() {
    for n in [1, 2, 3, 4, 5, 31, 32, 100] {
        hold_throughout(&b"ab".repeat(n));
        hold_throughout(&b"aab".repeat(n));
        hold_throughout(&b"abcabdab".repeat(n));
    }
}

#[test]
fn words() {
    let text: String =
        (0..30).map(|i| format!("{} green bottles hanging on the wall {}, ", i % 7, i * i)).collect();
    hold_throughout(text.as_bytes());
    // The example of the paper: S -> A A, A -> a B d B, B -> b c.
    let mut state = Sequitur::with_capacity(0);
    b"abcdbcabcdbc".iter().for_each(|&byte| state.push(byte));
    let mut used: Vec<_> = sides(&state).into_iter().filter(|side| !side.is_empty()).collect();
    used.sort_by_key(|side| (side.len(), side[0]));
    assert_eq!(used.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 4]);
}

#[test]
fn a_run_takes_few_rules() {
    let grammar = sequitur(&vec![7; 1 << 16], &Context::default()).unwrap();
    assert!(grammar.rules.len() < 20, "{}", grammar.rules.len());
}

#[test]
fn cancellation() {
    let cancel = Cancel::default();
    cancel.cancel();
    let cx = Context::default().with_cancel(cancel);
    assert_eq!(sequitur(b"text", &cx).unwrap_err().kind(), ErrorKind::Cancelled);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn few_letters(input in proptest::collection::vec(0u8..2, 0..200)) {
        hold_throughout(&input);
    }

    #[test]
    fn some_letters(letters in 3u8..5, input in proptest::collection::vec(any::<u8>(), 0..250)) {
        hold_throughout(&input.iter().map(|byte| byte % letters).collect::<Vec<_>>());
    }

    #[test]
    fn runs_and_copies(pieces in proptest::collection::vec((0u8..3, any::<u16>(), 1usize..12), 0..30)) {
        let mut input = Vec::new();
        for (letter, from, len) in pieces {
            if letter < 2 || input.is_empty() {
                input.extend(std::iter::repeat_n(letter, len));
            } else {
                let from = usize::from(from) % input.len();
                let copy: Vec<u8> = input[from..].iter().copied().take(3 * len).collect();
                input.extend(copy);
            }
        }
        hold_throughout(&input);
    }
}

/// Random bytes take most.
#[test]
fn memory_is_what_is_said() {
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    for len in [1000, 60_000, 3 << 20] {
        let input: Vec<u8> = (0..len).map(|_| noise()).collect();
        let mut grown = Sequitur::with_capacity(input.len());
        let mut most = 0;
        for &byte in &input {
            let before = grown.digrams.memory();
            grown.push(byte);
            // While the table grows, the old one is still there.
            let old = if grown.digrams.memory() > before { before } else { 0 };
            most = most.max(grown.memory() + old);
        }
        assert!(most <= memory(len), "{most} for {len}");
        // It looks now and then.
        if len > 100_000 {
            let limits = Limits::default().with_memory(most / 2);
            let error = sequitur(&input, &Context::default().with_limits(limits)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Limit);
        }
    }
}
