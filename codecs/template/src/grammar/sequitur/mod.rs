//! Sequitur (Nevill-Manning & Witten, "Identifying hierarchical structure in sequences: a linear-time
//! algorithm", JAIR 7, 1997): a grammar that grows symbol by symbol and keeps two invariants:
//!
//! - *digram uniqueness*: no digram occurs twice, unless the occurrences overlap ("aaa");
//! - *rule utility*: every rule is used at least twice.
//!
//! Digrams that arise away from the end are handled differently from the paper. Whatever makes two symbols
//! neighbours pushes the place on a list, and the list is worked off until it is empty: no recursion, and no
//! special case to forget. Of the equal digrams in a run of equal symbols, the table holds one. When that
//! goes, its neighbours in the run are checked again.
//!
//! Memory is 12 bytes for each symbol of the grammar (`nodes`), and 5 for each bucket of the digram table.

mod digrams;
mod nodes;

use lab_codec::{Context, Error, Hint, Result};

use self::digrams::{Digrams, Entered};
use self::nodes::Nodes;
use super::{Grammar, MAX_LEN, TERMINALS};

/// Bytes between two looks at the cancellation flag.
const CHECK_EVERY: usize = 1 << 14;

/// The number of the start rule.
const START: u32 = 0;

/// Makes the grammar of `input`. Reports one byte of progress for each byte.
///
/// # Errors
/// [`Limit`](lab_codec::ErrorKind::Limit) beyond [`MAX_LEN`] bytes or the memory that is allowed;
/// cancellation.
pub fn sequitur(input: &[u8], cx: &Context) -> Result<Grammar> {
    if input.len() > MAX_LEN {
        let text = format!("Sequitur takes segments of at most {MAX_LEN} bytes, not {}", input.len());
        return Err(Error::limit(text).with_hint(Hint::SmallerSegments));
    }
    let mut state = Sequitur::with_capacity(input.len());
    for piece in input.chunks(CHECK_EVERY) {
        cx.check()?;
        cx.limits().check_memory(state.memory(), "Sequitur's grammar")?;
        for &byte in piece {
            state.push(byte);
        }
        cx.observer().advance(piece.len() as u64);
    }
    Ok(state.into_grammar())
}

/// The memory in bytes that [`sequitur`] takes for `len` bytes.
///
/// Up to 1 MiB the bound is derived. In a short text all digrams can differ: one node of 12 bytes for each
/// byte, and at most a guard for every two, make 18. A digram table that has just doubled has up to 16/7
/// buckets of 5 bytes for each digram, while the old one still exists: 18 bytes of the 29 counted here.
///
/// Beyond 1 MiB it is measured, not proven: even random bytes share digrams (16 bytes for each of 4 MiB),
/// text shares more (6 bytes). [`sequitur`] checks the memory in use as it goes on, and keeps to the limit in
/// any case.
pub fn memory(len: u64) -> u64 {
    let short = len.min(1 << 20);
    short * (18 + 29) + (len - short) * 18 + 4096
}

/// A rule in use has a guard and at least two uses. A free one has the next free rule as its guard, and no
/// uses.
#[derive(Debug, Clone, Copy)]
struct Rule {
    guard: u32,
    uses: u32,
}

/// A grammar that grows byte by byte.
#[derive(Debug)]
pub struct Sequitur {
    nodes: Nodes,
    digrams: Digrams,
    rules: Vec<Rule>,
    free_rule: u32,
    /// Nodes whose digram must be checked.
    pending: Vec<u32>,
}

impl Sequitur {
    /// The empty grammar, with room for `len` bytes.
    pub fn with_capacity(len: usize) -> Self {
        let mut nodes = Nodes::with_capacity(len + len / 2 + 1);
        let guard = nodes.guard(START);
        let rules = vec![Rule { guard, uses: 0 }];
        Self { nodes, digrams: Digrams::default(), rules, free_rule: START, pending: Vec::new() }
    }

    /// The memory in use, in bytes.
    fn memory(&self) -> u64 {
        self.nodes.memory() + self.digrams.memory() + (self.rules.capacity() * size_of::<Rule>()) as u64
    }

    /// Appends a byte to the derived text.
    #[inline]
    pub fn push(&mut self, byte: u8) {
        let last = self.nodes.prev(self.rules[START as usize].guard);
        self.nodes.insert_after(last, u32::from(byte));
        self.check(last);
        while let Some(node) = self.pending.pop() {
            self.check(node);
        }
    }

    /// Restores digram uniqueness for the digram at `node`, if one begins there.
    #[inline]
    fn check(&mut self, node: u32) {
        let Some(digram) = self.nodes.digram(node) else { return };
        let Entered::Known { slot, node: known } = self.digrams.enter(&self.nodes, digram, node) else {
            return;
        };
        if known == node {
            return;
        }
        let mut known = known;
        if digram.0 == digram.1 {
            // In a run, an overlapping occurrence does not count, but the one beyond it does.
            if self.nodes.next(known) == node {
                known = self.nodes.prev(known);
            } else if self.nodes.next(node) == known {
                known = self.nodes.next(known);
            }
            if self.nodes.digram(known) != Some(digram) {
                return;
            }
            self.digrams.set(slot, known);
        }
        self.merge(digram, slot, known, node);
    }

    /// Replaces a digram that occurs at two nodes by a rule. The table holds the one at `known`.
    fn merge(&mut self, (a, b): (u32, u32), slot: usize, known: u32, node: u32) {
        let rule = match (self.whole(known), self.whole(node)) {
            // No known input reaches this arm; leaving both occurrences in place keeps the text correct.
            (Some(_), Some(_)) => return,
            (Some(rule), None) => {
                self.substitute(node, rule);
                rule
            }
            (None, Some(rule)) => {
                self.digrams.set(slot, node);
                self.substitute(known, rule);
                rule
            }
            (None, None) => {
                let rule = self.new_rule();
                let guard = self.rules[rule as usize].guard;
                let first = self.nodes.insert_after(guard, a);
                self.nodes.insert_after(first, b);
                self.count(a, 1);
                self.count(b, 1);
                self.digrams.set(slot, first);
                self.substitute(known, rule);
                self.substitute(node, rule);
                rule
            }
        };
        // Rule utility: only these two symbols have lost a use, so only they can be down to one.
        let guard = self.rules[rule as usize].guard;
        self.dissolve(self.nodes.next(guard));
        self.dissolve(self.nodes.prev(guard));
    }

    /// The rule whose whole right-hand side is the digram at `node`.
    #[inline]
    fn whole(&self, node: u32) -> Option<u32> {
        let rule = self.nodes.guarded(self.nodes.prev(node))?;
        let end = self.nodes.next(self.nodes.next(node));
        (rule != START && self.nodes.guarded(end).is_some()).then_some(rule)
    }

    fn new_rule(&mut self) -> u32 {
        let rule = self.free_rule;
        if rule == START {
            let rule = self.rules.len() as u32;
            let guard = self.nodes.guard(rule);
            self.rules.push(Rule { guard, uses: 0 });
            return rule;
        }
        let guard = self.nodes.guard(rule);
        self.free_rule = std::mem::replace(&mut self.rules[rule as usize], Rule { guard, uses: 0 }).guard;
        rule
    }

    /// Adds `change` to the uses of a symbol's rule, if it is one.
    #[inline]
    fn count(&mut self, symbol: u32, change: i32) {
        if let Some(rule) = symbol.checked_sub(TERMINALS) {
            let uses = &mut self.rules[rule as usize].uses;
            *uses = uses.wrapping_add_signed(change);
        }
    }

    /// Replaces the digram at `node` by a rule; the table holds another occurrence of it.
    fn substitute(&mut self, node: u32, rule: u32) {
        let (before, second) = (self.nodes.prev(node), self.nodes.next(node));
        let after = self.nodes.next(second);
        // Both neighbouring digrams go with the two symbols.
        self.forget(before);
        self.forget(second);
        for gone in [node, second] {
            if let Some(symbol) = self.nodes.symbol(gone) {
                self.count(symbol, -1);
            }
        }
        self.nodes.set(node, TERMINALS + rule);
        self.rules[rule as usize].uses += 1;
        self.nodes.link(node, after);
        self.nodes.release(second);
        self.pending.extend([node, before]);
    }

    /// Removes the digram at `node` from the table before it goes.
    #[inline]
    fn forget(&mut self, node: u32) {
        let Some((a, b)) = self.nodes.digram(node) else { return };
        // The digrams beside it in a run may now be the only ones: check them again.
        if self.digrams.remove((a, b), node) && a == b {
            self.pending.extend([self.nodes.prev(node), self.nodes.next(node)]);
        }
    }

    /// If the symbol at `node` is a rule with a single use, replaces it by the rule's right-hand side.
    #[inline]
    fn dissolve(&mut self, node: u32) {
        let Some(rule) = self.nodes.symbol(node).and_then(|s| s.checked_sub(TERMINALS)) else { return };
        let Rule { guard, uses } = self.rules[rule as usize];
        if uses != 1 {
            return;
        }
        let (first, last) = (self.nodes.next(guard), self.nodes.prev(guard));
        let (before, after) = (self.nodes.prev(node), self.nodes.next(node));
        self.forget(before);
        self.forget(node);
        self.nodes.link(before, first);
        self.nodes.link(last, after);
        self.nodes.release(node);
        self.nodes.release(guard);
        self.rules[rule as usize] = Rule { guard: self.free_rule, uses: 0 };
        self.free_rule = rule;
        self.pending.extend([last, before]);
    }

    /// The grammar with rules of two symbols. A longer rule becomes a chain of rules, of which the inner ones
    /// are used once and dissolve again in [`utility`](super::utility). Rules come in the order in which the
    /// text completes them.
    pub fn into_grammar(self) -> Grammar {
        let Self { nodes, digrams, rules, .. } = self;
        drop(digrams);
        let mut grammar = Grammar::default();
        // The symbol of each complete rule; 0 before that.
        let mut names = vec![0u32; rules.len()];
        // Where to continue when the current rule is complete: an explicit stack, since nesting depends on
        // data.
        let mut outer = Vec::new();
        let mut node = nodes.next(rules[START as usize].guard);
        loop {
            let Some(symbol) = nodes.symbol(node) else {
                let Some(rule) = nodes.guarded(node).filter(|&rule| rule != START) else { break };
                // The right-hand side, from its end to its start.
                let name = |symbol: u32| symbol.checked_sub(TERMINALS).map_or(symbol, |r| names[r as usize]);
                let mut symbols = std::iter::successors(Some(nodes.prev(node)), |&at| Some(nodes.prev(at)))
                    .map_while(|at| nodes.symbol(at))
                    .map(name);
                let mut whole = symbols.next().unwrap_or(0);
                for symbol in symbols {
                    grammar.rules.push([symbol, whole]);
                    whole = TERMINALS + grammar.rules.len() as u32 - 1;
                }
                names[rule as usize] = whole;
                let Some(next) = outer.pop() else { break };
                node = next;
                continue;
            };
            match symbol.checked_sub(TERMINALS) {
                Some(rule) if names[rule as usize] == 0 => {
                    outer.push(node);
                    node = nodes.next(rules[rule as usize].guard);
                }
                _ => {
                    if outer.is_empty() {
                        grammar
                            .start
                            .push(symbol.checked_sub(TERMINALS).map_or(symbol, |r| names[r as usize]));
                    }
                    node = nodes.next(node);
                }
            }
        }
        grammar
    }
}

#[cfg(test)]
mod tests;
