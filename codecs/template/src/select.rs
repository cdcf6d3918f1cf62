//! Rule selection by measured savings: encode the grammar, measure what each rule's definition and uses cost,
//! drop the names of rules that do not pay, and repeat while the segment gets smaller.
//!
//! [`Utility::of`] estimates from counts first, which suffices for most data. It cannot know how well a coder
//! predicts the symbols of a rule where the rule is not used. docs/decisions/repair-strategy.md has the
//! gains: 0 to 2.4 % with `mix`, close to none with `rans` on prose.

use lab_codec::{Context, Param, Params, Result};
use lab_entropy::meter::Meter;

use crate::grammar::Grammar;
use crate::grammar::utility::Utility;
use crate::segment::{self, Coder, Stored, read_metered};
use crate::tokens::expand::{Place, Sink};
use crate::tokens::walk::{Visitor, walk};

/// The parameter that selects the method of rule selection.
pub(crate) const SELECTION: Param = Param::choice(
    "selection",
    &["estimated", "measured"],
    0,
    "which rules keep a name: estimated: by how often they are used; measured: by what they save when coded, in up to six \
     trials, for mix 0 to 2 % smaller",
);

/// Whether [`SELECTION`] is `measured`.
pub(crate) fn is_measured(params: &Params) -> bool {
    params.choice(&SELECTION) == 1
}

/// Cost of a rule's symbols where it is spelled out again, in 1/64 of their cost in the definition: 5/8, then
/// 7/8. The models have seen the symbols once, so they cost less the second time. A smaller share keeps fewer
/// rules; where that drops too many, the second share still helps.
const SHARES: [u64; 2] = [40, 56];

/// Trials for each share.
const TRIALS: u32 = 3;

/// As [`segment::encode`], with trials as long as the result gets smaller.
///
/// # Errors
/// Cancellation.
pub(crate) fn encode(
    input: &[u8],
    grammar: &Grammar,
    coder: Coder,
    out: &mut Vec<u8>,
    cx: &Context,
) -> Result<()> {
    let mut utility = Utility::of(grammar, coder.selection());
    let mut best = Vec::new();
    segment::encode_rules(input, grammar, &utility, coder, &mut best, cx)?;
    for share in SHARES {
        for _ in 0..TRIALS {
            let Stored::Tokens(coder, tokens) = Stored::open(&best, input.len())? else { break };
            let rules = measure((coder, tokens), input.len(), cx)?;
            let other = utility.without(grammar, &useless(grammar, &utility, &rules, share, cx)?);
            if other.named == utility.named {
                break;
            }
            let mut coded = Vec::new();
            segment::encode_rules(input, grammar, &other, coder, &mut coded, cx)?;
            if coded.len() >= best.len() {
                break;
            }
            (utility, best) = (other, coded);
        }
    }
    segment::report(grammar, &utility, cx);
    out.append(&mut best);
    Ok(())
}

/// Costs of a rule, in 1/256 bit.
#[derive(Debug, Clone, Copy, Default)]
struct Rule {
    /// NEW, the class and the width.
    own: u64,
    /// The symbols of the definition.
    side: u64,
    /// All uses after the definition.
    uses: u64,
    again: u32,
    /// The rule in whose definition this one is defined.
    outer: Option<u32>,
}

/// Bits since the last `take`, in 1/256.
#[derive(Debug, Default)]
struct Bits(std::cell::Cell<u64>);

impl Meter for &Bits {
    fn decided(&mut self, freq: u32, bits: u32) {
        // A decision of `freq` among 2^bits costs bits - log2(freq).
        self.0.set(self.0.get() + (u64::from(bits) << 8).saturating_sub(log2(freq.max(1))));
    }
}

/// The binary logarithm of `n` (at least 1) in 1/256, rounded down, by squaring: each squaring of a number in
/// 1..2 yields one more binary digit. Integers only, so every machine selects the same rules.
fn log2(n: u32) -> u64 {
    let whole = n.ilog2();
    let mut square = u64::from(n) << (31 - whole); // from 2^31 on, below 2^32
    let mut result = u64::from(whole);
    for _ in 0..8 {
        square = (square * square) >> 31;
        let bit = square >> 32;
        square >>= bit;
        result = result << 1 | bit;
    }
    result
}

/// Attributes bits to rules, which are numbered in the order in which their definitions begin.
struct Counter<'a> {
    bits: &'a Bits,
    rules: Vec<Rule>,
    open: Vec<u32>,
    /// Rule numbers in the order in which definitions end.
    complete: Vec<u32>,
}

impl Counter<'_> {
    fn token(&mut self) -> u64 {
        let bits = self.bits.0.take();
        if let Some(&outer) = self.open.last() {
            self.rules[outer as usize].side += bits;
        }
        bits
    }
}

impl Sink for Counter<'_> {
    type Name = u32;

    fn name(number: u32) -> u32 {
        number
    }

    fn open(&mut self) {
        let outer = self.open.last().copied();
        self.open.push(self.rules.len() as u32);
        self.rules.push(Rule { own: self.bits.0.take(), outer, ..Rule::default() });
    }

    fn byte(&mut self, _: u8) {
        self.token();
    }

    fn rule(&mut self, place: Place<u32>) {
        let bits = self.token();
        let rule = &mut self.rules[self.complete[place.name as usize] as usize];
        rule.uses += bits;
        rule.again += 1;
    }

    fn close(&mut self, _: u32, _: u32) {
        self.complete.extend(self.open.pop());
    }
}

/// Measures the costs of each rule, in the order in which definitions begin.
fn measure(tokens: (Coder, &[u8]), raw_len: usize, cx: &Context) -> Result<Vec<Rule>> {
    let bits = Bits::default();
    let counter = Counter { bits: &bits, rules: Vec::new(), open: Vec::new(), complete: Vec::new() };
    let mut rules = read_metered(tokens, raw_len, &bits, counter, &mut Vec::new(), cx)?.rules;
    // Spelled out elsewhere, a rule defined inside another would be used there: add the mean cost of such a
    // use.
    for i in 0..rules.len() {
        let Rule { uses, again, outer, .. } = rules[i];
        if let Some(outer) = outer {
            rules[outer as usize].side += uses / u64::from(again.max(1));
        }
    }
    Ok(rules)
}

/// Selects the rules that would save bits without a name: all later uses spelled out cost less than the uses
/// and the definition's overhead.
fn useless(
    grammar: &Grammar,
    utility: &Utility,
    rules: &[Rule],
    share: u64,
    cx: &Context,
) -> Result<Vec<bool>> {
    struct Begun(Vec<usize>);
    impl Visitor for Begun {
        fn byte(&mut self, _: u8) {}
        fn open(&mut self, rule: usize, _: u32) {
            self.0.push(rule);
        }
        fn close(&mut self, _: usize) {}
        fn again(&mut self, _: usize) {}
    }
    let mut begun = Begun(Vec::with_capacity(rules.len()));
    walk(grammar, utility, &mut begun, cx)?;
    let mut useless = vec![false; grammar.rules.len()];
    for (&number, rule) in begun.0.iter().zip(rules) {
        useless[number] = u64::from(rule.again) * (rule.side * share / 64) < rule.uses + rule.own;
    }
    Ok(useless)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::repair::{Stop, repair};

    #[test]
    fn logarithms() {
        for n in (1..100_000).chain([u32::MAX - 1, u32::MAX]) {
            let exact = f64::from(n).log2() * 256.0;
            assert!((log2(n) as f64 - exact).abs() < 1.5, "{n}");
        }
        assert_eq!([1, 2, 1 << 31].map(log2), [0, 256, 31 * 256]);
    }

    #[test]
    fn measured_selection_is_never_larger_and_sometimes_smaller() {
        let cx = Context::default();
        let mut state = 1u32;
        let words: Vec<u8> = (0..30_000)
            .flat_map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let n = (state >> 16) % 400;
                format!("{} ", n * n % 1009).into_bytes()
            })
            .collect();
        let grammar = repair(&words, Stop { min_freq: 2, max_rules: u32::MAX }, &cx).unwrap();
        let mut gains = 0;
        for coder in [Coder::Rans, Coder::Raw, Coder::Mix, Coder::Packed] {
            let (mut estimated, mut measured) = (Vec::new(), b"kept".to_vec());
            segment::encode(&words, &grammar, coder, &mut estimated, &cx).unwrap();
            encode(&words, &grammar, coder, &mut measured, &cx).unwrap();
            let measured = &measured[4..];
            assert!(measured.len() <= estimated.len());
            gains += usize::from(measured.len() < estimated.len());
            let mut out = Vec::new();
            segment::decode(measured, words.len(), &mut out, &cx).unwrap();
            assert!(out == words);
        }
        assert!(gains > 0);
    }
}
