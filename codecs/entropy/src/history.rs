//! What was seen in contexts: [`Cell`]s in a hash table of fixed size, and what their states have [meant](Meanings).
//!
//! A cell is a probability and the number of bits that it was learnt from. Few of them say little by themselves: after
//! one set bit the next may be as good as certain or not, which depends on the kind of context. So a cell's state is
//! looked up in an adaptive map and what that says is mixed, as the indirect models of PAQ do with bit histories
//! (Mahoney 2002).

use crate::logistic::stretch;
use crate::mix::approach;
use crate::prefetch::prefetch;

const SEEN: u32 = 31;
const CHECK_BITS: u32 = 11;
const CHECK: u32 = ((1 << CHECK_BITS) - 1) << 5;

/// The probability of a set bit, how many bits it was learnt from, and a part of the hash of its context.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cell(u32); // 16 bits, 5 bits, 11 bits from the top: probability, check, count

/// `2^16 / (n + 1.5)`, rounded down.
const RATES: [u32; 32] = {
    let mut rates = [0; 32];
    let mut n = 0;
    while n < 32 {
        rates[n] = (1 << 17) / (2 * n as u32 + 3);
        n += 1;
    }
    rates
};

impl Cell {
    /// The number of bits seen, up to a limit.
    #[inline]
    pub fn seen(self) -> u32 {
        self.0 & SEEN
    }

    /// The probability of a set bit in units of 2^-16; means nothing before the first bit.
    #[inline]
    pub fn one(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// Moves towards `bit` by `1 / (n + 1.5)` of the distance at the n-th use, for n up to `limit` (at most 31).
    #[inline]
    pub fn update(&mut self, bit: bool, limit: u32) {
        let seen = self.seen();
        let one = if seen == 0 { 1 << 15 } else { self.0 >> 16 };
        let rate = RATES[seen as usize];
        let one = if bit { one + (((65_535 - one) * rate) >> 16) } else { one - ((one * rate) >> 16) };
        self.0 = one << 16 | self.0 & CHECK | (seen + u32::from(seen < limit));
    }
}

/// Sixteen cells: a cache line.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Line([Cell; 16]);

/// A hash table of cells. A hash chooses a line of sixteen, in which all that is asked for next is found without waiting
/// for memory again.
pub struct Cells {
    lines: Vec<Line>,
    shift: u32,
}

/// A line for one hash.
#[derive(Debug, Clone, Copy, Default)]
pub struct Row {
    line: u32,
    check: u32,
}

/// Where a cell is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place {
    line: u32,
    cell: u32,
}

impl Cells {
    /// A table of `2^bits` cells (16 bits or so; at least 5), none of which has seen anything.
    pub fn new(bits: u32) -> Self {
        let bits = bits.clamp(5, 31) - 4;
        Self { lines: vec![Line::default(); 1 << bits], shift: 32 - bits }
    }

    /// The row of a hash whose bits are all mixed well. Its memory is asked for.
    #[inline]
    pub fn row(&self, hash: u32) -> Row {
        let line = hash >> self.shift;
        prefetch(&self.lines, line as usize);
        Row { line, check: hash & (CHECK >> 5) }
    }

    /// The cell `number` (below 16) of a row: the one that was meant before, or else the less used one of the two that
    /// it may have, emptied.
    #[inline]
    pub fn find(&mut self, row: Row, number: u32) -> (Place, Cell) {
        let check = (row.check ^ number << 7) << 5 & CHECK;
        let first = (number ^ row.check) & 15;
        let cells = &mut self.lines[row.line as usize].0;
        let (a, b) = (cells[first as usize], cells[(first ^ 1) as usize]);
        let mut cell = first;
        if a.0 & CHECK != check {
            if b.0 & CHECK == check {
                cell = first ^ 1;
            } else {
                cell ^= u32::from(b.seen() < a.seen());
                cells[cell as usize] = Cell(check);
            }
        }
        (Place { line: row.line, cell }, cells[cell as usize])
    }

    /// Puts a cell back.
    #[inline]
    pub fn put(&mut self, place: Place, cell: Cell) {
        self.lines[place.line as usize].0[(place.cell & 15) as usize] = cell;
    }
}

/// What the states of one kind of cells have meant.
pub struct Meanings {
    /// By count, up to 15, and by the upper six bits of the probability.
    states: Box<[u16; 16 << 6]>,
}

impl Default for Meanings {
    /// At first they mean what they say.
    fn default() -> Self {
        Self { states: Box::new(std::array::from_fn(|i| (i as u16 & 63) << 10 | 1 << 9)) }
    }
}

impl Meanings {
    #[inline]
    fn index(cell: Cell) -> usize {
        (cell.seen().min(15) << 6) as usize | usize::from(cell.one() >> 10)
    }

    /// What a cell predicts, in the logistic domain; 0 if it has seen nothing.
    #[inline]
    pub fn of(&self, cell: Cell) -> i16 {
        if cell.seen() == 0 { 0 } else { stretch(self.states[Self::index(cell)]) }
    }

    /// `bit` followed on what `cell` was before; moves by `1 / 2^rate` of the way.
    #[inline]
    pub fn update(&mut self, cell: Cell, bit: bool, rate: u32) {
        if cell.seen() > 0 {
            approach(&mut self.states[Self::index(cell)], bit, rate);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cell_counts_first_and_slides_then() {
        let mut cell = Cell::default();
        let seen: Vec<_> = [true, true, false, true]
            .map(|bit| {
                cell.update(bit, 3);
                (cell.one(), cell.seen())
            })
            .into();
        // 2/3 of the way up, then 2/5 of the rest, then 2/7 down, then 2/9 up.
        assert_eq!(seen, [(54_612, 1), (58_981, 2), (42_130, 3), (47_330, 3)]);
    }

    #[test]
    fn cells_are_found_again_until_others_need_the_room() {
        let mut cells = Cells::new(10);
        let hashes: Vec<u32> = (1..20u32).map(|i| i.wrapping_mul(0x9E37_79B1)).collect();
        for &hash in &hashes {
            let row = cells.row(hash);
            let (place, mut cell) = cells.find(row, 5);
            assert_eq!(cell.seen(), 0);
            cell.update(true, 20);
            cells.put(place, cell);
        }
        for &hash in &hashes {
            let row = cells.row(hash);
            assert_eq!(cells.find(row, 5).1.seen(), 1);
        }
        // A third one in the place of two takes that of the less used.
        let row = |check| Row { line: 3, check };
        for (check, times) in [(1, 3), (17, 2)] {
            for _ in 0..times {
                let (place, mut cell) = cells.find(row(check), 0);
                cell.update(false, 20);
                cells.put(place, cell);
            }
        }
        assert_eq!(cells.find(row(33), 0).1.seen(), 0);
        assert_eq!(cells.find(row(1), 0).1.seen(), 3);
        assert_eq!(cells.find(row(17), 0).1.seen(), 0);
    }

    proptest! {
        #[test]
        fn any_history_stays_inside(bits in proptest::collection::vec(any::<bool>(), 0..2000), limit in 0u32..=31) {
            let (mut cell, mut meanings) = (Cell::default(), Meanings::default());
            for bit in bits {
                prop_assert!((-2047..=2047).contains(&meanings.of(cell)));
                meanings.update(cell, bit, 7);
                cell.update(bit, limit);
                prop_assert!(cell.seen() <= limit && cell.seen() > 0 || limit == 0);
            }
        }
    }
}
