//! The symbols that can be used, as a binary tree over their spelling: the decisions that lead to one of them.
//!
//! A symbol's key is the sequence of its first [`KEY`] bytes, each as a set bit and its eight bits, the high one first;
//! then a clear bit, if the symbol is shorter; then its number, which tells symbols apart that are spelled alike. The
//! tree branches only where keys differ (Morrison, "PATRICIA", J. ACM 15(4), 1968), so that what is certain is never
//! coded. Every branch knows how many uses are to come on either side, and what was decided there.

use lab_entropy::history::Cell;

use crate::grammar::TERMINALS;
use crate::prefetch::prefetch;
use crate::tokens::model::{class_after_use, least_uses};

/// How many bytes of its spelling a symbol is known by.
pub const KEY: u32 = 32;

/// Where the bits of the number begin in a key: bytes have nine bits each.
const NUMBER: u32 = KEY * 9;

/// Marks a child that is a symbol.
const LEAF: u32 = 1 << 31;

/// The class of bytes, which never run out.
const BYTE: u8 = 31;

/// How far the weight of a byte grows.
const BYTE_WEIGHT: u32 = 4000;

/// Where keys part. Half a cache line.
#[derive(Clone, Copy, Default)]
#[repr(align(32))]
pub struct Branch {
    children: [u32; 2],
    /// Uses to come of the symbols on either side.
    pub weights: [u32; 2],
    /// A symbol on one of the sides.
    example: u32,
    /// The last four bytes of its key before the position.
    bytes: u32,
    /// What was decided here.
    pub cell: Cell,
    /// The bit of the key that decides.
    position: u16,
    /// Whole bytes of the key before the position.
    pub len: u8,
    /// The byte that the position is in; 0 if there is none.
    byte: u8,
}

/// What a branch asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Does another byte follow?
    Longer,
    /// A bit of the next byte: its upper bits, below a set bit.
    Bit(u32),
    /// A bit of the symbol's number, 0 (the highest) to 31.
    Number(u32),
}

impl Branch {
    /// What is asked here.
    #[inline]
    pub fn question(&self) -> Question {
        let position = u32::from(self.position);
        if position >= NUMBER {
            return Question::Number(position - NUMBER);
        }
        match position % 9 {
            0 => Question::Longer,
            bit => Question::Bit((0x100 | u32::from(self.byte)) >> (9 - bit)),
        }
    }
}

/// A symbol.
#[derive(Debug, Clone, Copy, Default)]
pub struct Symbol {
    /// Where it stands in the output first; a byte's is its value.
    pub start: u32,
    /// Number of bytes.
    pub len: u32,
    /// Its weight: about how many uses are to come.
    weight: u32,
    class: u8,
}

impl Symbol {
    /// A rule that stands at `start` and has just become complete.
    pub fn rule(start: u32, len: u32, class: u8) -> Self {
        Self { start, len, weight: weight(class), class }
    }

    /// After one more use.
    fn used(self) -> Self {
        let Self { weight: old, class, .. } = self;
        match class {
            BYTE => Self { weight: old + u32::from(old < BYTE_WEIGHT), ..self },
            0..15 => Self { weight: old - 1, class: class_after_use(class), ..self },
            _ => Self { weight: (old - 1).max(weight(class) / 4), ..self },
        }
    }
}

/// The weight of a rule of a class: the number of uses to come, or a guess where that is not known exactly.
fn weight(class: u8) -> u32 {
    let least = least_uses(class);
    if class < 15 { least } else { least + least / 4 }
}

/// The tree.
pub struct Live {
    branches: Vec<Branch>,
    symbols: Vec<Symbol>,
    root: u32,
    /// The branches passed since the start, and the sides taken.
    path: Vec<(u32, bool)>,
}

/// How a symbol is found, bit by bit.
pub struct Key<'a> {
    bytes: &'a [u8],
    number: u32,
}

impl Key<'_> {
    /// Which side to take at a branch.
    #[inline]
    pub fn side(&self, branch: &Branch) -> bool {
        self.bit(u32::from(branch.position))
    }

    #[inline]
    fn bit(&self, position: u32) -> bool {
        if position >= NUMBER {
            return self.number >> (31 - (position - NUMBER)) & 1 != 0;
        }
        match (self.bytes.get((position / 9) as usize), position % 9) {
            (byte, 0) => byte.is_some(),
            (byte, bit) => byte.is_some_and(|byte| byte >> (8 - bit) & 1 != 0),
        }
    }

    /// The first bit that differs, where one of the keys was not there before.
    fn parts_from(&self, other: &Self) -> u32 {
        let common = self.bytes.iter().zip(other.bytes).take_while(|(a, b)| a == b).count();
        let position = common as u32 * 9;
        match (self.bytes.get(common), other.bytes.get(common)) {
            (None, None) => NUMBER + (self.number ^ other.number).leading_zeros(),
            (Some(a), Some(b)) => position + 1 + (a ^ b).leading_zeros(),
            _ => position,
        }
    }
}

static BYTES: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut i = 0;
    while i < 256 {
        bytes[i] = i as u8;
        i += 1;
    }
    bytes
};

impl Default for Live {
    /// The bytes alone.
    fn default() -> Self {
        let mut live = Self { branches: Vec::new(), symbols: Vec::new(), root: LEAF, path: Vec::new() };
        for start in 0..TERMINALS {
            live.insert(&[], Symbol { start, len: 1, weight: 1, class: BYTE });
        }
        live
    }
}

impl Live {
    /// A symbol by number: bytes are numbered by value, rules from 256 on as they become complete.
    #[inline]
    pub fn symbol(&self, number: u32) -> Symbol {
        self.symbols[number as usize]
    }

    /// The key of a symbol; `text` is the output so far.
    #[inline]
    pub fn key<'a>(&self, text: &'a [u8], number: u32) -> Key<'a> {
        let Symbol { start, len, .. } = self.symbol(number);
        let bytes = if number < TERMINALS { &BYTES[start as usize..] } else { &text[start as usize..] };
        Key { bytes: &bytes[..len.min(KEY) as usize], number }
    }

    /// The bytes of the key of a branch before its position, from the one numbered `from` (at most its `len`) on.
    #[inline]
    pub fn spell(&self, text: &[u8], branch: &Branch, from: u8, mut say: impl FnMut(u8)) {
        if branch.len - from <= 4 {
            for i in (0..branch.len - from).rev() {
                say((branch.bytes >> (8 * i)) as u8);
            }
        } else {
            let key = self.key(text, branch.example);
            key.bytes[usize::from(from)..usize::from(branch.len)].iter().for_each(|&byte| say(byte));
        }
    }

    /// Adds a symbol and returns its number.
    pub fn insert(&mut self, text: &[u8], symbol: Symbol) -> u32 {
        let number = self.symbols.len() as u32;
        self.symbols.push(symbol);
        if number == 0 {
            return number;
        }
        let key = self.key(text, number);
        let mut at = self.root;
        while at & LEAF == 0 {
            let branch = &self.branches[at as usize];
            at = branch.children[usize::from(key.side(branch))];
        }
        let position = key.parts_from(&self.key(text, at ^ LEAF));
        let mut above = None;
        let mut at = self.root;
        while at & LEAF == 0 && u32::from(self.branches[at as usize].position) < position {
            let branch = &mut self.branches[at as usize];
            let side = usize::from(key.side(branch));
            branch.weights[side] += symbol.weight;
            above = Some((at, side));
            at = branch.children[side];
        }
        let below = match at & LEAF {
            0 => self.branches[at as usize].weights.iter().sum(),
            _ => self.symbol(at ^ LEAF).weight,
        };
        let len = ((position / 9) as usize).min(key.bytes.len());
        let mut branch = Branch {
            children: [at; 2],
            weights: [below; 2],
            example: number,
            bytes: key.bytes[..len].iter().fold(0, |bytes, &byte| bytes << 8 | u32::from(byte)),
            cell: Cell::default(),
            position: position as u16,
            len: len as u8,
            byte: key.bytes.get(len).copied().unwrap_or(0),
        };
        let side = usize::from(key.bit(position));
        branch.children[side] = LEAF | number;
        branch.weights[side] = symbol.weight;
        let new = self.branches.len() as u32;
        self.branches.push(branch);
        match above {
            Some((at, side)) => self.branches[at as usize].children[side] = new,
            None => self.root = new,
        }
        number
    }

    /// Begins at the root.
    #[inline]
    pub fn start(&mut self) -> u32 {
        self.path.clear();
        self.root
    }

    /// The next branch, from `at` on, that has something to come on both sides; or the symbol that is certain.
    ///
    /// # Errors
    /// The symbol.
    #[inline]
    pub fn next(&mut self, mut at: u32) -> Result<(u32, Branch), u32> {
        while at & LEAF == 0 {
            let branch = &self.branches[at as usize];
            match branch.weights {
                [0, _] => at = self.follow(at, true),
                [_, 0] => at = self.follow(at, false),
                _ => {
                    for child in branch.children {
                        prefetch(&self.branches, child as usize);
                    }
                    return Ok((at, *branch));
                }
            }
        }
        Err(at ^ LEAF)
    }

    /// Leaves a branch to one side.
    #[inline]
    pub fn follow(&mut self, at: u32, side: bool) -> u32 {
        self.path.push((at, side));
        self.branches[at as usize].children[usize::from(side)]
    }

    /// Remembers what was decided at a branch.
    #[inline]
    pub fn learn(&mut self, at: u32, cell: Cell) {
        self.branches[at as usize].cell = cell;
    }

    /// The symbol that was just reached is used.
    #[inline]
    pub fn use_again(&mut self, number: u32) -> Symbol {
        let symbol = &mut self.symbols[number as usize];
        let old = symbol.weight;
        *symbol = symbol.used();
        let new = *symbol;
        if new.weight != old {
            for &(at, side) in &self.path {
                let weight = &mut self.branches[at as usize].weights[usize::from(side)];
                *weight = *weight + new.weight - old;
            }
        }
        new
    }

    /// An upper bound of the memory in use, in bytes: vectors can be twice as large as what is in them.
    pub fn memory(&self) -> u64 {
        self.symbols.len() as u64 * 2 * (size_of::<Symbol>() + size_of::<Branch>()) as u64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The decisions to a symbol: their positions and sides.
    fn decisions(live: &mut Live, text: &[u8], number: u32) -> Vec<(u16, bool)> {
        let mut taken = Vec::new();
        let mut at = live.start();
        loop {
            match live.next(at) {
                Ok((here, branch)) => {
                    let side = live.key(text, number).side(&branch);
                    taken.push((branch.position, side));
                    at = live.follow(here, side);
                }
                Err(reached) => {
                    assert_eq!(reached, number);
                    return taken;
                }
            }
        }
    }

    /// All bits of a key, to compare with the tree.
    fn bits(live: &Live, text: &[u8], number: u32) -> Vec<bool> {
        let key = live.key(text, number);
        (0..NUMBER + 32).map(|position| key.bit(position)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Decisions are those bits at which the symbols that share the bits before, and are not used up, differ.
        #[test]
        fn decisions_are_where_live_keys_differ(
            text in proptest::collection::vec(0u8..2, 40..200),
            rules in proptest::collection::vec((0usize..40, 2usize..60, 1u8..4), 1..12),
            uses in proptest::collection::vec(any::<prop::sample::Index>(), 0..30),
        ) {
            let mut live = Live::default();
            let mut left = vec![u32::MAX; 256];
            for &(start, len, class) in &rules {
                let len = len.min(text.len() - start);
                live.insert(&text, Symbol::rule(start as u32, len as u32, class));
                left.push(u32::from(class));
            }
            let keys: Vec<_> = (0..left.len() as u32).map(|number| bits(&live, &text, number)).collect();
            for at in uses {
                let alive: Vec<usize> = (0..left.len()).filter(|&n| left[n] > 0).collect();
                let number = alive[at.index(alive.len())];
                let mine = &keys[number];
                let mut parts = vec![false; mine.len()];
                for &other in &alive {
                    if let Some(i) = mine.iter().zip(&keys[other]).position(|(a, b)| a != b) {
                        parts[i] = true;
                    }
                }
                let expected: Vec<_> =
                    (0..mine.len()).filter(|&i| parts[i]).map(|i| (i as u16, mine[i])).collect();
                let number = number as u32;
                prop_assert_eq!(decisions(&mut live, &text, number), expected);
                live.use_again(number);
                if left[number as usize] < u32::MAX {
                    left[number as usize] -= 1;
                }
            }
        }
    }

    #[test]
    fn weights_count_what_is_to_come() {
        let mut live = Live::default();
        let number = live.insert(b"ab", Symbol::rule(0, 2, 2));
        let many = live.insert(b"ab", Symbol::rule(0, 2, 15));
        let total = |live: &mut Live| live.branches[live.root as usize].weights.iter().sum::<u32>();
        assert_eq!(total(&mut live), 256 + 2 + 18);
        for (symbol, after) in [(number, 1 + 18), (number, 18), (many, 17), (7, 18)] {
            decisions(&mut live, b"ab", symbol);
            live.use_again(symbol);
            assert_eq!(total(&mut live), 256 + after);
        }
        for _ in 0..100 {
            decisions(&mut live, b"ab", many);
            live.use_again(many);
        }
        assert_eq!(total(&mut live), 257 + 4);
    }
}
