//! The usable symbols as a binary tree over their spelling: the decisions that lead to one of them.
//!
//! A symbol's key has three parts. Each of its first [`KEY`] bytes is a set bit and the byte's eight bits,
//! high bit first. A clear bit follows if the symbol is shorter. The symbol's number ends the key and
//! separates symbols of equal spelling.
//!
//! The tree branches only where keys differ (Morrison, "PATRICIA", J. ACM 15(4), 1968), so a bit that all
//! usable symbols share is never coded. Every branch holds the expected uses on either side and the history
//! of its decisions.

use lab_entropy::history::Cell;

use crate::grammar::TERMINALS;
use crate::prefetch::prefetch;
use crate::tokens::model::{class_after_use, least_uses};

/// Bytes of a symbol's spelling in its key. Position and length of a branch then fit 16 and 8 bits, which
/// keeps a [`Branch`] at half a cache line. Symbols that agree this far are told apart by number.
pub(super) const KEY: u32 = 32;

/// Position of the number's first bit in a key: a byte takes nine bits, one "longer" flag and eight of its
/// own.
const NUMBER: u32 = KEY * 9;

/// Marks a child that is a symbol. Symbols and branches both have numbers below 2^31.
const LEAF: u32 = 1 << 31;

/// The class of bytes, which are never used up. Rules have classes below
/// [`CLASSES`](crate::tokens::model::CLASSES), which is 31.
const BYTE: u8 = 31;

/// Maximum weight of a byte. All weights sum to less than `1.25 * 2^31 + 256 * 4000`, which fits 32 bits: the
/// uses that a decoder accepts never exceed the text's length, and a guess adds at most a quarter.
const BYTE_WEIGHT: u32 = 4000;

/// A branch: the first bit at which the keys below it differ. 32 bytes, half a cache line, so a step down the
/// tree costs one cache miss.
#[derive(Clone, Copy, Default)]
#[repr(align(32))]
pub(super) struct Branch {
    children: [u32; 2],
    /// Expected uses of the symbols on either side.
    pub weights: [u32; 2],
    /// A symbol below this branch: its spelling gives the bytes before the position.
    example: u32,
    /// The last four bytes of the key before the position, so that most steps do not read the text.
    bytes: u32,
    /// History of the decisions made here.
    pub cell: Cell,
    /// The key bit that decides.
    position: u16,
    /// Whole bytes of the key before the position.
    pub len: u8,
    /// The byte that contains the position; 0 if the key ends there.
    byte: u8,
}

/// What a branch decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// Whether another byte follows.
    Longer,
    /// A bit of the next byte: the byte's higher bits below a leading 1.
    Bit(u32),
    /// A bit of the symbol's number, 0 (the highest) to 31.
    Number(u32),
}

impl Branch {
    /// The decision at this branch.
    #[inline]
    pub(super) fn question(&self) -> Question {
        let position = u32::from(self.position);
        if position >= NUMBER {
            return Question::Number(position - NUMBER);
        }
        match position % 9 {
            0 => Question::Longer,
            // Bit 1 of nine is the byte's highest: a shift by 8 leaves only the leading 1.
            bit => Question::Bit((0x100 | u32::from(self.byte)) >> (9 - bit)),
        }
    }
}

/// A usable symbol: a byte, or a complete rule.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Symbol {
    /// Offset of its first occurrence in the output; for a byte, its value.
    pub start: u32,
    /// Number of bytes.
    pub len: u32,
    /// Expected number of uses.
    weight: u32,
    class: u8,
}

impl Symbol {
    /// A rule that stands at `start` and has just become complete.
    pub(super) fn rule(start: u32, len: u32, class: u8) -> Self {
        Self { start, len, weight: weight(class), class }
    }

    /// The symbol after one more use.
    fn used(self) -> Self {
        let Self { weight: old, class, .. } = self;
        match class {
            // Bytes have no announced uses: their weight counts past uses instead.
            BYTE => Self { weight: old + u32::from(old < BYTE_WEIGHT), ..self },
            0..15 => Self { weight: old - 1, class: class_after_use(class), ..self },
            // A class from 15 on only bounds the uses from below. The weight stops at a quarter of the first
            // guess, so the symbol stays reachable however often it is used.
            _ => Self { weight: (old - 1).max(weight(class) / 4), ..self },
        }
    }
}

/// The first weight of a rule: its uses to come, or the class's lower bound and a quarter, which lies within
/// the half octave.
fn weight(class: u8) -> u32 {
    let least = least_uses(class);
    if class < 15 { least } else { least + least / 4 }
}

/// The tree.
pub(super) struct Live {
    branches: Vec<Branch>,
    symbols: Vec<Symbol>,
    root: u32,
    /// The branches passed since the root, and the sides taken. Only these hold the weight of the symbol
    /// reached.
    path: Vec<(u32, bool)>,
}

/// The key of a symbol.
pub(super) struct Key<'a> {
    bytes: &'a [u8],
    number: u32,
}

impl Key<'_> {
    /// The side to take at a branch.
    #[inline]
    pub(super) fn side(&self, branch: &Branch) -> bool {
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

    /// The first bit at which two different keys differ.
    fn parts_from(&self, other: &Self) -> u32 {
        let common = self.bytes.iter().zip(other.bytes).take_while(|(a, b)| a == b).count();
        let position = common as u32 * 9;
        // A shorter spelling differs in its "longer" flag, equal spellings differ in the number.
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
    /// The 256 bytes alone.
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
    pub(super) fn symbol(&self, number: u32) -> Symbol {
        self.symbols[number as usize]
    }

    /// The key of a symbol; `text` is the output so far.
    #[inline]
    pub(super) fn key<'a>(&self, text: &'a [u8], number: u32) -> Key<'a> {
        let Symbol { start, len, .. } = self.symbol(number);
        let bytes = if number < TERMINALS { &BYTES[start as usize..] } else { &text[start as usize..] };
        Key { bytes: &bytes[..len.min(KEY) as usize], number }
    }

    /// Calls `say` with the bytes of a branch's key before its position, from byte `from` (at most its `len`)
    /// on.
    #[inline]
    pub(super) fn spell(&self, text: &[u8], branch: &Branch, from: u8, mut say: impl FnMut(u8)) {
        if branch.len - from <= 4 {
            for i in (0..branch.len - from).rev() {
                say((branch.bytes >> (8 * i)) as u8);
            }
        } else {
            let key = self.key(text, branch.example);
            key.bytes[usize::from(from)..usize::from(branch.len)].iter().for_each(|&byte| say(byte));
        }
    }

    /// Adds a symbol and returns its number. The new branch goes where the key first differs from its nearest
    /// neighbour's, as in any radix tree: one descent finds that bit, the second one inserts above the first
    /// later branch.
    pub(super) fn insert(&mut self, text: &[u8], symbol: Symbol) -> u32 {
        let number = self.symbols.len() as u32;
        self.symbols.push(symbol);
        if number == 0 {
            return number;
        }
        // Any leaf reached by the key's own bits shares the longest prefix with it, since branches skip equal
        // bits.
        let key = self.key(text, number);
        let mut at = self.root;
        while at & LEAF == 0 {
            let branch = &self.branches[at as usize];
            at = branch.children[usize::from(key.side(branch))];
        }
        let position = key.parts_from(&self.key(text, at ^ LEAF));
        // All branches above the insertion lie on the path to the new symbol: they gain its weight.
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

    /// Starts a new descent at the root.
    #[inline]
    pub(super) fn start(&mut self) -> u32 {
        self.path.clear();
        self.root
    }

    /// The next branch from `at` on with uses left on both sides, or the symbol if only one is left. A branch
    /// with a used-up side is certain and costs no bit.
    ///
    /// # Errors
    /// The symbol.
    #[inline]
    pub(super) fn next(&mut self, mut at: u32) -> Result<(u32, Branch), u32> {
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

    /// Takes one side of a branch.
    #[inline]
    pub(super) fn follow(&mut self, at: u32, side: bool) -> u32 {
        self.path.push((at, side));
        self.branches[at as usize].children[usize::from(side)]
    }

    /// Stores the updated history of a branch.
    #[inline]
    pub(super) fn learn(&mut self, at: u32, cell: Cell) {
        self.branches[at as usize].cell = cell;
    }

    /// Uses the symbol at the end of the current path, and moves the weights on the path along.
    #[inline]
    pub(super) fn use_again(&mut self, number: u32) -> Symbol {
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

    /// Upper bound of the memory in use, in bytes: a vector's capacity is at most twice its length.
    pub(super) fn memory(&self) -> u64 {
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

        /// Decisions are those bits at which the symbols that share the bits before, and are not used up,
        /// differ.
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
