//! Rule utility: the choice of rules that keep a name. The others dissolve into the rules that use them,
//! which then have more than two symbols.
//!
//! A rule that is used once saves nothing (Nevill-Manning & Witten 1997). Most binary rules of Re-Pair are of
//! that kind, as steps on the way to longer ones. A rule whose two symbols are neighbours about as often as
//! by chance saves nothing either: its name costs more than it gains.

use super::{Grammar, TERMINALS};

/// The cost model of a coder, in 1/256 bit.
#[derive(Debug, Clone, Copy)]
pub struct Prices {
    /// Cost of a name beyond its uses. Less than NEW, class and width really take: fewer rules let the model
    /// see more of the text, and part of the estimated gain is lost.
    pub name: i64,
    /// Bits that the model's context predicts of a symbol spelled out.
    pub foreseen: i64,
}

impl Default for Prices {
    /// For `rans`, whose models see two bytes: 3 bits for a name, 1 bit predicted.
    /// docs/decisions/repair-strategy.md: no nearby setting gains 0.01 %.
    fn default() -> Self {
        Self { name: 3 << 8, foreseen: 1 << 8 }
    }
}

impl Prices {
    /// For `mix`: 6 bits for a name, 4 bits predicted. On dickens half as many rules stay named, for 0.3 %
    /// fewer bytes (docs/decisions/repair-mix.md).
    pub const MIXED: Self = Self { name: 6 << 8, foreseen: 4 << 8 };
}

/// The rule by which names are kept.
#[derive(Debug, Clone, Copy)]
pub enum Selection {
    /// The lower estimated cost under an adaptive model.
    Priced(Prices),
    /// The smaller number of symbols, for a coder with symbols of equal size and definitions apart from uses.
    Counted,
}

/// The rules that keep a name, and the grammar that results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Utility {
    /// Uses of each rule; 1 for a rule that dissolves.
    pub uses: Vec<u32>,
    /// Symbols on the right-hand side of each rule, after dissolution.
    pub width: Vec<u32>,
    /// Rules that keep a name.
    pub named: usize,
}

impl Utility {
    /// Decides from the last rule to the first: by then a rule's uses are final, since every rule that uses
    /// it has been decided and, where dissolved, replaced by its right-hand side.
    pub fn of(grammar: &Grammar, selection: Selection) -> Self {
        let mut uses = counts(grammar);
        match selection {
            Selection::Priced(prices) => {
                // Zeroth-order cost of a symbol: log2 of all symbols over its uses.
                let tokens = log2(grammar.start.len() as u64 + 2 * grammar.rules.len() as u64);
                let cost = |uses: u32| tokens - log2(u64::from(uses));
                dissolve(grammar, &mut uses, |uses, rule, a, b| {
                    // Uses after the first, which is the definition.
                    let again = uses[rule] - 1;
                    let named = prices.name + i64::from(again) * cost(again);
                    let spelled = i64::from(again) * (cost(uses[a]) + cost(uses[b]) - prices.foreseen);
                    spelled < named
                });
            }
            Selection::Counted => {
                // Two uses of two symbols take as many symbols as two names and a definition of two.
                let width = widths(grammar, &uses);
                dissolve(grammar, &mut uses, |uses, rule, _, _| {
                    uses[rule] == 1 || uses[rule] == 2 && width[rule - TERMINALS as usize] == 2
                });
            }
        }
        Self::with(grammar, uses)
    }

    /// As before, with the `useless` rules dissolved too.
    pub fn without(&self, grammar: &Grammar, useless: &[bool]) -> Self {
        let mut uses = counts(grammar);
        let named = |rule: usize| self.uses[rule] > 1 && !useless[rule];
        dissolve(grammar, &mut uses, |_, rule, _, _| !named(rule - TERMINALS as usize));
        Self::with(grammar, uses)
    }

    fn with(grammar: &Grammar, mut uses: Vec<u32>) -> Self {
        let width = widths(grammar, &uses);
        let uses = uses.split_off(TERMINALS as usize);
        let named = uses.iter().filter(|&&n| n > 1).count();
        Self { uses, width, named }
    }
}

/// The number of occurrences of each symbol in the grammar.
fn counts(grammar: &Grammar) -> Vec<u32> {
    let mut uses = vec![0; TERMINALS as usize + grammar.rules.len()];
    for &symbol in grammar.rules.iter().flatten().chain(&grammar.start) {
        uses[symbol as usize] += 1;
    }
    uses
}

/// Dissolves each rule for which `decide` holds, given the uses so far, the rule and its symbols.
fn dissolve(grammar: &Grammar, uses: &mut [u32], decide: impl Fn(&[u32], usize, usize, usize) -> bool) {
    for (i, &[a, b]) in grammar.rules.iter().enumerate().rev() {
        let rule = TERMINALS as usize + i;
        let (a, b) = (a as usize, b as usize);
        if decide(uses, rule, a, b) {
            let again = std::mem::replace(&mut uses[rule], 1) - 1;
            uses[a] += again;
            uses[b] += again;
        }
    }
}

/// Symbols on the right-hand side of each rule, after rules that are used once have dissolved.
fn widths(grammar: &Grammar, uses: &[u32]) -> Vec<u32> {
    let mut width = Vec::with_capacity(grammar.rules.len());
    for &[a, b] in &grammar.rules {
        let of = |symbol: u32| match symbol.checked_sub(TERMINALS) {
            Some(i) if uses[symbol as usize] == 1 => width[i as usize],
            _ => 1u32,
        };
        width.push(of(a) + of(b));
    }
    width
}

/// The binary logarithm of `n` (0 for 0) in 1/256, linear between powers of two. Integers only, so every
/// machine selects the same rules.
fn log2(n: u64) -> i64 {
    let n = n.max(1);
    let whole = n.ilog2();
    i64::from(whole) << 8 | ((n << 8 >> whole) & 255) as i64
}

#[cfg(test)]
mod tests {
    use lab_codec::Context;
    use proptest::prelude::*;

    use super::*;
    use crate::grammar::repair::{Stop, repair};
    use crate::tokens::walk::{Visitor, walk};

    #[test]
    fn logarithms() {
        assert_eq!([0, 1, 2, 3, 4, 1 << 40].map(log2), [0, 0, 256, 256 + 128, 512, 40 << 8]);
    }

    /// Counts what it sees, and checks that definitions have the width that was announced.
    #[derive(Default)]
    struct Count {
        seen: Vec<u32>,
        open: Vec<u32>,
        bytes: usize,
    }

    impl Count {
        fn token(&mut self) {
            if let Some(left) = self.open.last_mut() {
                *left -= 1;
            }
        }
    }

    impl Visitor for Count {
        fn byte(&mut self, _: u8) {
            self.bytes += 1;
            self.token();
        }

        fn open(&mut self, rule: usize, width: u32) {
            assert_eq!(self.seen[rule], 0);
            self.seen[rule] = 1;
            self.token();
            self.open.push(width);
        }

        fn close(&mut self, _: usize) {
            assert_eq!(self.open.pop(), Some(0));
        }

        fn again(&mut self, rule: usize) {
            assert!(self.seen[rule] > 0);
            self.seen[rule] += 1;
            self.token();
        }
    }

    proptest! {
        #[test]
        fn uses_and_widths_are_those_of_the_tokens(
            input in proptest::collection::vec(0u8..4, 0..2000),
            selection in prop_oneof![
                Just(Selection::Priced(Prices::default())),
                Just(Selection::Priced(Prices::MIXED)),
                Just(Selection::Counted),
            ],
        ) {
            let stop = Stop { min_freq: 2, max_rules: u32::MAX };
            let grammar = repair(&input, stop, &Context::default()).unwrap();
            let utility = Utility::of(&grammar, selection);
            let mut count = Count { seen: vec![0; grammar.rules.len()], ..Count::default() };
            walk(&grammar, &utility, &mut count, &Context::default()).unwrap();
            prop_assert!(count.open.is_empty());
            for (&seen, &uses) in count.seen.iter().zip(&utility.uses) {
                prop_assert_eq!(seen, if uses == 1 { 0 } else { uses });
            }
            prop_assert_eq!(count.seen.iter().filter(|&&n| n > 0).count(), utility.named);
        }
    }
}
