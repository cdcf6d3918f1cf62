//! Rule utility (Nevill-Manning & Witten 1997): a rule that is used once is no gain. Where the binary rules
//! of Re-Pair are only steps on the way to longer ones, they dissolve into the rule that uses them.

use super::{Grammar, TERMINALS};

/// Which rules keep a name, and what remains of the grammar then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Utility {
    /// How often each rule occurs; 1 for a rule that dissolves.
    pub uses: Vec<u32>,
    /// Symbols on the right-hand side of each rule, after those that dissolve have.
    pub width: Vec<u32>,
    /// Rules that keep a name.
    pub named: usize,
}

impl Utility {
    /// Counts uses, each dissolved rule's place being taken by its right-hand side.
    pub fn of(grammar: &Grammar) -> Self {
        let mut uses = vec![0u32; grammar.rules.len()];
        for &symbol in grammar.rules.iter().flatten().chain(&grammar.start) {
            if let Some(i) = symbol.checked_sub(TERMINALS) {
                uses[i as usize] += 1;
            }
        }
        let mut width = Vec::with_capacity(uses.len());
        for &[a, b] in &grammar.rules {
            let of = |symbol: u32| match symbol.checked_sub(TERMINALS) {
                Some(i) if uses[i as usize] == 1 => width[i as usize],
                _ => 1u32,
            };
            width.push(of(a) + of(b));
        }
        let named = uses.iter().filter(|&&n| n > 1).count();
        Self { uses, width, named }
    }

    /// Whether `symbol` is a rule that dissolves.
    #[inline]
    pub fn dissolves(&self, symbol: u32) -> bool {
        symbol.checked_sub(TERMINALS).is_some_and(|i| self.uses[i as usize] == 1)
    }
}
