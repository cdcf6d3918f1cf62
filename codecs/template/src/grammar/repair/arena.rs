//! Where the occurrences of active pairs are listed: blocks of positions in one vector.
//!
//! A list is written once, when its pair becomes active, and read once, when the pair is replaced. Stale
//! positions stay in the list and are recognised by the symbols that stand there now. Symbols are only
//! replaced by newer ones, so a pair that has gone from a position never returns to it. A
//! [sweep](Arena::sweep) reclaims stale positions and the lists of inactive pairs.

use lab_codec::{Context, Result};

use super::pairs::PairTable;
use super::sequence::{Ranks, Sequence};
use crate::prefetch::prefetch;

/// Marks the header of a block whose pair is no longer active.
const RELEASED: u32 = 1 << 31;

/// Blocks: a header cell (the number of positions), then the positions.
#[derive(Debug)]
pub(super) struct Arena {
    cells: Vec<u32>,
}

impl Arena {
    /// An arena that holds `cells` cells before it must be swept.
    pub(super) fn with_capacity(cells: usize) -> Self {
        Self { cells: Vec::with_capacity(cells) }
    }

    /// The number of cells that can be added before the arena must be swept.
    pub(super) fn room(&self) -> usize {
        self.cells.capacity() - self.cells.len()
    }

    /// Grows the arena so that it holds `cells` more cells, and enough beyond that sweeps stay rare.
    pub(super) fn reserve(&mut self, cells: usize) {
        self.cells.reserve_exact(cells.max(self.cells.len() / 4));
    }

    /// Adds a block for `len` positions and returns it. They are filled in with [`set`](Self::set).
    #[inline]
    pub(super) fn add(&mut self, len: u32) -> u32 {
        let block = self.cells.len() as u32;
        self.cells.push(len);
        self.cells.resize(self.cells.len() + len as usize, 0);
        block
    }

    /// Writes a cell; the positions of a block begin one cell behind it.
    #[inline]
    pub(super) fn set(&mut self, cell: u32, position: u32) {
        self.cells[cell as usize] = position;
    }

    /// Writes the next position of a block whose header counts the positions written so far.
    #[inline]
    pub(super) fn append(&mut self, block: u32, position: u32) {
        self.cells[block as usize] += 1;
        let cell = block + self.cells[block as usize];
        self.cells[cell as usize] = position;
    }

    /// The positions of a block.
    #[inline]
    pub(super) fn positions(&self, block: u32) -> &[u32] {
        let first = block as usize + 1;
        &self.cells[first..first + self.cells[block as usize] as usize]
    }

    /// Loads the memory of a block without waiting for it.
    #[inline]
    pub(super) fn touch(&self, block: u32) {
        prefetch(&self.cells, block as usize);
    }

    /// Gives up a block.
    #[inline]
    pub(super) fn release(&mut self, block: u32) {
        self.cells[block as usize] |= RELEASED;
    }

    /// Compacts the blocks in use, drops stale positions, and maps the others by `ranks`.
    ///
    /// # Errors
    /// Cancellation; the arena is unusable then.
    pub(super) fn sweep(
        &mut self,
        sequence: &Sequence,
        table: &mut PairTable,
        ranks: Option<&Ranks>,
        cx: &Context,
    ) -> Result<()> {
        let cells = &mut self.cells;
        let (mut read, mut write) = (0, 0);
        let mut check_at = 0;
        while read < cells.len() {
            if read >= check_at {
                cx.check()?;
                check_at = read + (1 << 18);
            }
            let header = cells[read];
            let end = read + 1 + (header & !RELEASED) as usize;
            let mut found = None;
            let mut to = write + 1;
            for i in read + 1..end {
                if header & RELEASED != 0 {
                    break;
                }
                if let Some(&ahead) = cells.get(i + 16) {
                    sequence.touch(ahead);
                }
                let position = cells[i];
                let Some(pair) = sequence.pair(position) else { continue };
                match found {
                    Some(known) if known != pair => continue,
                    Some(_) => {}
                    // Stale positions can show any pair. The block belongs to the pair whose entry points to
                    // it.
                    None if table.get(pair).is_some_and(|e| e.block as usize == read) => found = Some(pair),
                    None => continue,
                }
                cells[to] = ranks.map_or(position, |r| r.map(position));
                to += 1;
            }
            if let Some(entry) = found.and_then(|pair| table.get_mut(pair)) {
                entry.block = write as u32;
                cells[write] = (to - write - 1) as u32;
                write = to;
            }
            read = end;
        }
        cells.truncate(write);
        Ok(())
    }

    /// Shrinks the allocation to the cells in use and `spare` more.
    pub(super) fn shrink(&mut self, spare: usize) {
        self.cells.shrink_to(self.cells.len() + spare);
    }
}
