//! Finds a pattern in a grammar's text: Knuth-Morris-Pratt, over symbols instead of bytes.
//!
//! A rule's effect on the automaton, its final state and the occurrences that end meanwhile, depends only on
//! the state before it. The effect is computed once for every pair of rule and state that occurs, on demand;
//! Kida et al. ("Collage system: a unifying framework for compressed pattern matching", TCS 298, 2003)
//! compute all pairs in advance. That bounds the steps by symbols times pattern length, and by twice the
//! length of the text. Most rules meet one or two states, so in practice it is a few steps a symbol.
//!
//! The state carries over from one segment to the next, so occurrences across segments are found.

use std::collections::HashMap;
use std::ops::ControlFlow;

use lab_codec::{Context, Error, Result};

use super::Parsed;
use super::table::Table;
use crate::grammar::TERMINALS;

/// The state in which even the first byte of the pattern has failed.
const FAIL: u32 = u32::MAX;

/// A pattern with its automaton. A state is the number of bytes matched so far.
#[derive(Debug, Clone)]
pub struct Pattern {
    bytes: Vec<u8>,
    /// The next state to try if the byte after `state` matched ones differs: the longest border that is not
    /// followed by the same byte (Knuth, Morris & Pratt 1977), which would only fail again.
    fail: Vec<u32>,
    /// The state after an occurrence: its longest border, so that overlapping occurrences are found.
    again: u32,
}

impl Pattern {
    /// Builds the automaton of `bytes`.
    ///
    /// # Errors
    /// [`Usage`](lab_codec::ErrorKind::Usage) for an empty pattern, or one of 2^31 bytes or more.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        if bytes.is_empty() || bytes.len() >= 1 << 31 {
            return Err(Error::usage(format!(
                "a pattern of {} bytes; it must have 1 to 2^31 - 1",
                bytes.len()
            )));
        }
        let mut fail = Vec::with_capacity(bytes.len());
        let mut border = FAIL; // the longest border of the bytes so far
        for &byte in bytes {
            let same = border != FAIL && bytes[border as usize] == byte;
            fail.push(if same { fail[border as usize] } else { border });
            while border != FAIL && bytes[border as usize] != byte {
                border = fail[border as usize];
            }
            border = border.wrapping_add(1);
        }
        Ok(Self { bytes: bytes.to_vec(), fail, again: border })
    }

    /// The bytes that pairs of hexadecimal digits stand for; blanks are skipped.
    pub fn hex(text: &[u8]) -> Option<Vec<u8>> {
        let digits: Vec<u8> = text.iter().copied().filter(|byte| *byte != b' ').collect();
        let (pairs, []) = digits.as_chunks::<2>() else { return None };
        let digit = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
        pairs.iter().map(|&[a, b]| Some(digit(a)? << 4 | digit(b)?)).collect()
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The state after one more byte, and a count of 1 if an occurrence ends with it.
    #[inline]
    fn step(&self, mut state: u32, byte: u8) -> Effect {
        while state != FAIL && self.bytes[state as usize] != byte {
            state = self.fail[state as usize];
        }
        // FAIL is u32::MAX: adding 1 wraps to state 0, nothing matched.
        state = state.wrapping_add(1);
        if state as usize == self.bytes.len() {
            Effect { state: self.again, count: 1 }
        } else {
            Effect { state, count: 0 }
        }
    }
}

/// The effect of reading a symbol: the state afterwards, and the occurrences that end within its text.
#[derive(Debug, Clone, Copy)]
struct Effect {
    state: u32,
    count: u32,
}

/// A search through consecutive segments. Occurrences may overlap, and may span segments.
#[derive(Debug)]
pub struct Search<'a> {
    pattern: &'a Pattern,
    state: u32,
    offset: u64,
}

impl<'a> Search<'a> {
    /// Starts at the first byte of the content.
    pub fn new(pattern: &'a Pattern) -> Self {
        Self { pattern, state: 0, offset: 0 }
    }

    /// Counts the occurrences that end within the next segment.
    ///
    /// # Errors
    /// [`Limit`](lab_codec::ErrorKind::Limit); cancellation.
    pub fn count(&mut self, segment: &Parsed, cx: &Context) -> Result<u64> {
        let mut count = 0;
        match segment {
            Parsed::Bytes(bytes) => {
                let mut add = |_| {
                    count += 1;
                    Ok(ControlFlow::Continue(()))
                };
                let _ = self.bytes(bytes, cx, &mut add)?;
            }
            Parsed::Grammar(table) => {
                let mut effects = Effects::new(self.pattern, table, cx)?;
                for &symbol in table.start() {
                    let effect = effects.of(symbol, self.state)?;
                    self.state = effect.state;
                    count += u64::from(effect.count);
                }
                self.offset += u64::from(table.bytes());
            }
        }
        Ok(count)
    }

    /// Calls `found` with the content offset of every occurrence that ends within the next segment, in
    /// ascending order, until it returns Break. Only rules with occurrences are expanded.
    ///
    /// # Errors
    /// Those of `found`; [`Limit`](lab_codec::ErrorKind::Limit); cancellation.
    pub fn find(
        &mut self,
        segment: &Parsed,
        cx: &Context,
        found: &mut dyn FnMut(u64) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        let table = match segment {
            Parsed::Bytes(bytes) => return self.bytes(bytes, cx, found),
            Parsed::Grammar(table) => table,
        };
        let mut effects = Effects::new(self.pattern, table, cx)?;
        let mut stack = vec![table.start().iter()];
        while let Some(top) = stack.last_mut() {
            let Some(&symbol) = top.next() else {
                stack.pop();
                continue;
            };
            let effect = effects.of(symbol, self.state)?;
            match symbol.checked_sub(TERMINALS) {
                Some(rule) if effect.count > 0 => stack.push(table.side(rule as usize).iter()),
                _ => {
                    self.state = effect.state;
                    self.offset += u64::from(table.len_of(symbol));
                    if effect.count > 0 && found(self.begin())?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn bytes(
        &mut self,
        bytes: &[u8],
        cx: &Context,
        found: &mut dyn FnMut(u64) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        for piece in bytes.chunks(1 << 20) {
            cx.check()?;
            for &byte in piece {
                let effect = self.pattern.step(self.state, byte);
                self.state = effect.state;
                self.offset += 1;
                if effect.count > 0 && found(self.begin())?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The offset at which the occurrence that ends here begins.
    fn begin(&self) -> u64 {
        self.offset - self.pattern.bytes.len() as u64
    }
}

/// The effect of a rule in the first state that it met; most rules meet no other.
#[derive(Debug, Clone, Copy)]
struct First {
    before: u32,
    effect: Effect,
}

/// The effects of a grammar's rules known so far.
struct Effects<'a> {
    pattern: &'a Pattern,
    table: &'a Table,
    cx: &'a Context,
    first: Vec<First>,
    /// Effects in further states, by rule and state.
    more: HashMap<(u32, u32), Effect>,
    stack: Vec<Frame<'a>>,
    steps: u32,
}

/// A rule being read.
struct Frame<'a> {
    rule: u32,
    before: u32,
    rest: std::slice::Iter<'a, u32>,
    effect: Effect,
}

impl<'a> Effects<'a> {
    fn new(pattern: &'a Pattern, table: &'a Table, cx: &'a Context) -> Result<Self> {
        let memory = table.rules().saturating_mul(size_of::<First>());
        cx.limits().check_memory(memory as u64, "searching a grammar of this size")?;
        let none = First { before: FAIL, effect: Effect { state: 0, count: 0 } };
        let first = vec![none; table.rules()];
        Ok(Self { pattern, table, cx, first, more: HashMap::new(), stack: Vec::new(), steps: 0 })
    }

    fn known(&self, rule: u32, before: u32) -> Option<Effect> {
        let first = self.first[rule as usize];
        if first.before == before {
            return Some(first.effect);
        }
        if first.before == FAIL { None } else { self.more.get(&(rule, before)).copied() }
    }

    fn remember(&mut self, rule: u32, before: u32, effect: Effect) {
        let first = &mut self.first[rule as usize];
        if first.before == FAIL {
            *first = First { before, effect };
        } else {
            self.more.insert((rule, before), effect);
        }
    }

    /// The effect of reading `symbol` in a state.
    fn of(&mut self, symbol: u32, state: u32) -> Result<Effect> {
        let Some(rule) = symbol.checked_sub(TERMINALS) else {
            return Ok(self.pattern.step(state, symbol as u8));
        };
        if let Some(effect) = self.known(rule, state) {
            return Ok(effect);
        }
        // Depth-first with an explicit stack: the nesting of rules depends on data.
        self.enter(rule, state);
        while let Some(frame) = self.stack.last_mut() {
            let Some(&symbol) = frame.rest.next() else {
                let Frame { rule, before, effect, .. } = *frame;
                self.stack.pop();
                self.remember(rule, before, effect);
                let Some(outer) = self.stack.last_mut() else { return Ok(effect) };
                outer.effect.add(effect);
                continue;
            };
            let state = frame.effect.state;
            match symbol.checked_sub(TERMINALS) {
                None => frame.effect.add(self.pattern.step(state, symbol as u8)),
                Some(rule) => match self.known(rule, state) {
                    None => self.enter(rule, state),
                    Some(effect) => {
                        if let Some(frame) = self.stack.last_mut() {
                            frame.effect.add(effect);
                        }
                    }
                },
            }
            self.tick()?;
        }
        Ok(Effect { state, count: 0 })
    }

    fn enter(&mut self, rule: u32, state: u32) {
        let rest = self.table.side(rule as usize).iter();
        self.stack.push(Frame { rule, before: state, rest, effect: Effect { state, count: 0 } });
    }

    #[inline]
    fn tick(&mut self) -> Result<()> {
        self.steps += 1;
        if self.steps < 1 << 15 {
            return Ok(());
        }
        self.steps = 0;
        self.cx.check()?;
        let entry = size_of::<((u32, u32), Effect)>() + 1;
        self.cx.limits().check_memory((self.more.capacity() * entry) as u64, "what is known of the rules")
    }
}

impl Effect {
    /// Appends the effect of what is read next.
    #[inline]
    fn add(&mut self, next: Self) {
        self.state = next.state;
        self.count += next.count;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naive(text: &[u8], pattern: &[u8]) -> Vec<u64> {
        text.windows(pattern.len())
            .enumerate()
            .filter(|(_, w)| *w == pattern)
            .map(|(i, _)| i as u64)
            .collect()
    }

    proptest! {
        #[test]
        fn the_automaton_finds_what_there_is(
            text in proptest::collection::vec(0u8..2, 0..200),
            pattern in proptest::collection::vec(0u8..2, 1..9),
            cut in any::<prop::sample::Index>(),
        ) {
            let compiled = Pattern::new(&pattern).unwrap();
            let mut found = Vec::new();
            let mut search = Search::new(&compiled);
            let (a, b) = text.split_at(cut.index(text.len() + 1));
            for piece in [a, b] {
                let segment = Parsed::Bytes(piece.into());
                let flow = search.find(&segment, &Context::default(), &mut |at| {
                    found.push(at);
                    Ok(ControlFlow::Continue(()))
                });
                prop_assert!(flow.unwrap().is_continue());
            }
            prop_assert_eq!(found, naive(&text, &pattern));
        }
    }

    #[test]
    fn no_pattern_is_no_search() {
        assert!(Pattern::new(b"").is_err());
    }
}
