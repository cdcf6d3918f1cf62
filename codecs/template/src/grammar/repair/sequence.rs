//! The sequence that shrinks: symbols in place, and holes that are skipped in constant time either way.

use crate::prefetch::prefetch;

/// Marks a cell without a symbol. The first and the last cell of a hole hold its length beside the mark.
const HOLE: u32 = 1 << 31;

/// The symbol before the first and after the last one. It is in no pair.
pub(super) const END: u32 = HOLE - 1;

/// Symbols at fixed positions. Removing one leaves a hole; [`compact`](Self::compact) closes the holes.
///
/// Positions count from 1; the cells at both ends hold [`END`].
#[derive(Debug)]
pub(super) struct Sequence {
    cells: Vec<u32>,
    live: usize,
}

impl Sequence {
    /// The bytes of `input` as symbols. 4 bytes of memory for each.
    pub(super) fn new(input: &[u8]) -> Self {
        let mut cells = Vec::with_capacity(input.len() + 2);
        cells.push(END);
        cells.extend(input.iter().map(|&byte| u32::from(byte)));
        cells.push(END);
        Self { cells, live: input.len() }
    }

    /// Symbols.
    pub(super) fn of(mut symbols: Vec<u32>) -> Self {
        let live = symbols.len();
        symbols.reserve_exact(2);
        symbols.push(END);
        symbols.insert(0, END);
        symbols.shrink_to_fit();
        Self { cells: symbols, live }
    }

    /// The number of symbols.
    pub(super) fn len(&self) -> usize {
        self.live
    }

    /// The number of positions, holes among them.
    pub(super) fn span(&self) -> usize {
        self.cells.len() - 2
    }

    /// The symbol at position `p`, or something that equals no symbol where there is a hole.
    #[inline]
    pub(super) fn get(&self, p: u32) -> u32 {
        self.cells[p as usize]
    }

    /// Loads the memory around position `p` without waiting for it.
    #[inline]
    pub(super) fn touch(&self, p: u32) {
        prefetch(&self.cells, p as usize);
    }

    /// The position after that of a symbol.
    #[inline]
    pub(super) fn next(&self, p: u32) -> u32 {
        let q = p + 1;
        let cell = self.cells[q as usize];
        if cell & HOLE == 0 { q } else { q + (cell ^ HOLE) }
    }

    /// The position before that of a symbol.
    #[inline]
    pub(super) fn prev(&self, p: u32) -> u32 {
        let q = p - 1;
        let cell = self.cells[q as usize];
        if cell & HOLE == 0 { q } else { q - (cell ^ HOLE) }
    }

    /// The pair that begins at `p`, if there is a symbol.
    #[inline]
    pub(super) fn pair(&self, p: u32) -> Option<(u32, u32)> {
        let a = self.get(p);
        (a & HOLE == 0).then(|| (a, self.get(self.next(p))))
    }

    /// Puts `symbol` in the place of the symbols at `p` and `q`, which stand side by side; `r` follows `q`.
    #[inline]
    pub(super) fn replace(&mut self, p: u32, q: u32, r: u32, symbol: u32) {
        let hole = HOLE | (r - p - 1);
        self.cells[p as usize] = symbol;
        self.cells[q as usize] = HOLE; // it may be inside the hole, where only the mark counts
        self.cells[p as usize + 1] = hole;
        self.cells[r as usize - 1] = hole;
        self.live -= 1;
    }

    /// How many neighbours up to and including position `p` equal the symbol there.
    pub(super) fn run_before(&self, mut p: u32) -> usize {
        let symbol = self.get(p);
        let mut n = 0;
        while self.get(p) == symbol {
            n += 1;
            p = self.prev(p);
        }
        n
    }

    /// How many neighbours from position `p` on equal the symbol there.
    pub(super) fn run_after(&self, mut p: u32) -> usize {
        let symbol = self.get(p);
        let mut n = 0;
        while self.get(p) == symbol {
            n += 1;
            p = self.next(p);
        }
        n
    }

    /// Where each position is once [`compact`](Self::compact) has closed the holes.
    pub(super) fn ranks(&self) -> Ranks {
        let mut words = Vec::with_capacity(self.cells.len() / 64 + 1);
        let mut before = 0u32;
        for chunk in self.cells.chunks(64) {
            let bits = chunk.iter().enumerate().fold(0, |w, (i, &c)| w | u64::from(c & HOLE == 0) << i);
            words.push((bits, before));
            before += bits.count_ones();
        }
        Ranks(words)
    }

    /// Closes all holes and gives memory back.
    pub(super) fn compact(&mut self) {
        self.cells.retain(|&cell| cell & HOLE == 0);
        self.cells.shrink_to_fit();
    }

    /// The symbols alone.
    pub(super) fn into_symbols(mut self) -> Vec<u32> {
        self.compact();
        self.cells.pop();
        self.cells.remove(0);
        self.cells
    }
}

/// Maps positions before a compaction to those after it.
#[derive(Debug)]
pub(super) struct Ranks(Vec<(u64, u32)>);

impl Ranks {
    /// The new position of the symbol that was at `p`.
    #[inline]
    pub(super) fn map(&self, p: u32) -> u32 {
        let (bits, before) = self.0[p as usize / 64];
        before + (bits & ((1 << (p % 64)) - 1)).count_ones()
    }
}
