//! Adaptive probabilities by context: [`Cell`]s, and a hash table of fixed size that holds them, as in lpaq
//! (Mahoney 2007).

use crate::logistic::stretch;
use crate::prefetch::prefetch;

/// Mask of the count in a cell: the lowest 5 bits.
const SEEN: u32 = 31;
/// Hash bits in a cell. With two places to look at, a foreign cell is taken for the right one about twice in
/// 2,048.
const CHECK_BITS: u32 = 11;
/// Mask of the hash bits: above the count.
const CHECK: u32 = ((1 << CHECK_BITS) - 1) << 5;

/// The probability of a set bit, the number of bits it was learnt from, and a part of the hash of its
/// context.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cell(u32); // From the top: 16 bits of probability, 11 of hash, 5 of count.

/// `2^16 / (n + 1.5)`, rounded down: step sizes without a division. From a start at 1/2, k set bits of n then
/// give the estimate (k + 1/4) / (n + 1/2).
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
    /// Number of bits seen, up to the limit given to [`update`](Self::update).
    #[inline]
    pub fn seen(self) -> u32 {
        self.0 & SEEN
    }

    /// The probability of a set bit in units of 2^-16; undefined before the first bit.
    #[inline]
    pub fn one(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// The prediction in the logistic domain; 0, which a mixer ignores, before the first bit.
    #[inline]
    pub fn prediction(self) -> i16 {
        if self.seen() == 0 { 0 } else { stretch(self.one()) }
    }

    /// Moves towards `bit` by `1 / (n + 1.5)` of the distance at the n-th use, for n up to `limit` (at most
    /// 31).
    #[inline]
    pub fn update(&mut self, bit: bool, limit: u32) {
        let seen = self.seen();
        let one = if seen == 0 { 1 << 15 } else { self.0 >> 16 };
        let rate = RATES[seen as usize];
        let one = if bit { one + (((65_535 - one) * rate) >> 16) } else { one - ((one * rate) >> 16) };
        self.0 = one << 16 | self.0 & CHECK | (seen + u32::from(seen < limit));
    }
}

/// Sixteen cells of 4 bytes: one cache line.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Line([Cell; 16]);

/// A hash table of cells. One hash selects a line of sixteen; the cells of the next few decisions share it,
/// so they cost one cache miss together.
pub struct Cells {
    lines: Vec<Line>,
    shift: u32,
}

/// The line that a hash selects, and the hash bits that its cells carry.
#[derive(Debug, Clone, Copy, Default)]
pub struct Row {
    line: u32,
    check: u32,
}

/// Position of a cell in the table.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place {
    line: u32,
    cell: u32,
}

impl Cells {
    /// A table of `2^bits` empty cells; `bits` is clamped to 5..=31, and 16 or more are useful.
    pub fn new(bits: u32) -> Self {
        let bits = bits.clamp(5, 31) - 4;
        Self { lines: vec![Line::default(); 1 << bits], shift: 32 - bits }
    }

    /// The row of `hash`, whose bits must all be well mixed: the top ones select the line, the lowest 11 are
    /// stored. Prefetches that line and its neighbour, which [`beside`](Self::beside) uses.
    #[inline]
    pub fn row(&self, hash: u32) -> Row {
        let line = hash >> self.shift;
        prefetch(&self.lines, line as usize);
        prefetch(&self.lines, line as usize ^ 1);
        Row { line, check: hash & (CHECK >> 5) }
    }

    /// The row of another hash in the neighbouring line of `row`, which [`row`](Self::row) has prefetched.
    #[inline]
    pub fn beside(row: Row, hash: u32) -> Row {
        Row { line: row.line ^ 1, check: hash & (CHECK >> 5) }
    }

    /// The cell `number` (below 16) of a row. It has two possible places; if neither holds it, the less used
    /// cell is replaced by an empty one.
    #[inline]
    pub fn find(&mut self, row: Row, number: u32) -> (Place, Cell) {
        // The number enters the stored hash, so that two numbers of one row which share a place are told
        // apart.
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

    /// Stores a cell at a place that [`find`](Self::find) returned.
    #[inline]
    pub fn put(&mut self, place: Place, cell: Cell) {
        self.lines[place.line as usize].0[(place.cell & 15) as usize] = cell;
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
        // A third context with the same two places replaces the less used one.
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
        fn any_history_stays_inside(
            bits in proptest::collection::vec(any::<bool>(), 1..2000),
            limit in 1u32..=31,
        ) {
            let mut cell = Cell::default();
            assert_eq!(cell.prediction(), 0);
            for (i, &bit) in bits.iter().enumerate() {
                cell.update(bit, limit);
                prop_assert_eq!(cell.seen(), limit.min(i as u32 + 1));
                prop_assert!((-2047..=2047).contains(&cell.prediction()));
            }
        }
    }
}
