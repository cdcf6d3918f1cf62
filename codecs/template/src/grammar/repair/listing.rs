//! Finds frequent pairs and lists their occurrences: first those of the input, then after each replacement
//! those with the new symbol.

use lab_codec::Result;

use super::AHEAD;
use super::State;
use super::arena::Arena;
use super::pairs::{Entry, Pair, PairTable};
use super::sequence::END;

/// Occurrences of the new symbol to the left and right of another one; later, the lists being filled.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Beside {
    left: u32,
    right: u32,
}

/// Set in a [`Beside`] once the pair has a list; the other bits are an index into `State::cursors`.
const LISTED: u32 = 1 << 31;

impl State<'_> {
    /// Counts the pairs of the input and lists their occurrences.
    pub(super) fn list_byte_pairs(&mut self, input: &[u8]) -> Result<()> {
        let index = |a: u8, b: u8| usize::from(a) << 8 | usize::from(b);
        // All occurrences are listed, as any may survive; only those without overlaps are counted.
        let mut all = vec![0u32; 1 << 16];
        let mut apart = [0u32; 256];
        let mut run = 0;
        for chunk_start in (0..input.len().saturating_sub(1)).step_by(1 << 20) {
            self.cx.check()?;
            let end = (chunk_start + (1 << 20) + 1).min(input.len());
            for w in input[chunk_start..end].windows(2) {
                all[index(w[0], w[1])] += 1;
                run = if w[0] == w[1] { run + 1 } else { 0 };
                apart[usize::from(w[0])] += run & 1;
            }
        }
        let count = |a: u8, b: u8| if a == b { apart[usize::from(a)] } else { all[index(a, b)] };
        let active = || (0..=255u8).flat_map(|a| (0..=255u8).map(move |b| (a, b)));
        let active = || active().filter(|&(a, b)| count(a, b) >= self.min_freq);
        let cells: usize = active().map(|(a, b)| 1 + all[index(a, b)] as usize).sum();
        let mut arena = Arena::with_capacity(cells + input.len() / 2);
        let mut cursor = vec![0u32; 1 << 16];
        for (a, b) in active() {
            let block = arena.add(all[index(a, b)]);
            cursor[index(a, b)] = block + 1;
            let pair = (u32::from(a), u32::from(b));
            self.table.insert(Entry { pair, count: count(a, b), block });
            self.queue.push(pair, count(a, b));
        }
        self.arena = arena;
        for (i, w) in input.windows(2).enumerate() {
            if i.is_multiple_of(1 << 20) {
                self.cx.check()?;
            }
            let cursor = &mut cursor[index(w[0], w[1])];
            if *cursor != 0 {
                self.arena.set(*cursor, i as u32 + 1);
                *cursor += 1;
            }
        }
        Ok(())
    }

    /// Counts the pairs of the sequence, which has no holes, and lists their occurrences.
    pub(super) fn list_pairs(&mut self) -> Result<()> {
        let positions = 1..self.sequence.len().max(1) as u32;
        // The block field holds the number of all occurrences for now.
        let mut counts = PairTable::default();
        let mut run = 0;
        for p in positions.clone() {
            if p.is_multiple_of(1 << 20) {
                self.cx.check()?;
            }
            let pair @ (a, b) = (self.sequence.get(p), self.sequence.get(p + 1));
            run = if a == b { run + 1 } else { 0 };
            let apart = u32::from(a != b || run % 2 == 1);
            match counts.get_mut(pair) {
                Some(entry) => {
                    entry.count += apart;
                    entry.block += 1;
                }
                None => counts.insert(Entry { pair, count: 1, block: 1 }),
            }
        }
        let mut active: Vec<Entry> =
            counts.entries().filter(|entry| entry.count >= self.min_freq).copied().collect();
        drop(counts);
        // Sorted, so that equal counts are replaced in an order that does not depend on the hash table.
        active.sort_unstable_by_key(|entry| entry.pair);
        let cells: usize = active.iter().map(|entry| 1 + entry.block as usize).sum();
        self.arena = Arena::with_capacity(cells + self.sequence.len() / 2);
        for entry in &mut active {
            entry.block = self.arena.add(entry.block);
            self.table.insert(*entry);
            self.queue.push(entry.pair, entry.count);
        }
        // While lists are filled, each header holds the number of positions so far.
        for entry in &active {
            self.arena.set(entry.block, 0);
        }
        for p in positions {
            if p.is_multiple_of(1 << 20) {
                self.cx.check()?;
            }
            let pair = (self.sequence.get(p), self.sequence.get(p + 1));
            if let Some(entry) = self.table.get(pair) {
                self.arena.append(entry.block, p);
            }
        }
        Ok(())
    }

    /// Counts the pairs with the symbol `new`, which stands at `self.places`, and lists the frequent ones.
    pub(super) fn list_new_pairs(&mut self, new: u32) -> Result<()> {
        let sequence = &self.sequence;
        let mut cells = 0;
        let (mut doubles, mut doubles_apart) = (0, 0);
        let least = self.min_freq;
        // Cells for a list: none below the threshold, header and earlier positions on reaching it, then one
        // each.
        let counted = |count: &mut u32| {
            *count += 1;
            usize::from(*count >= least) * if *count == least { least as usize + 1 } else { 1 }
        };
        for (i, &p) in self.places.iter().enumerate() {
            if let Some(&ahead) = self.places.get(i + AHEAD) {
                sequence.touch(ahead);
            }
            let before = sequence.get(sequence.prev(p));
            if before != END && before != new {
                cells += counted(&mut self.beside[before as usize].left);
            }
            let after = sequence.get(sequence.next(p));
            if after == new {
                if before != new {
                    let run = sequence.run_after(p);
                    doubles += run - 1;
                    doubles_apart += run / 2;
                }
            } else if after != END {
                cells += counted(&mut self.beside[after as usize].right);
            }
        }
        self.cx.check()?;
        let listed_doubles = doubles_apart >= least as usize;
        if listed_doubles {
            cells += 1 + doubles;
        }
        if cells > 0 {
            self.make_room(cells)?;
            self.cursors.clear();
            let mut doubles_at = 0;
            if listed_doubles {
                doubles_at = self.open((new, new), doubles_apart as u32, doubles as u32);
            }
            let places = std::mem::take(&mut self.places);
            for (i, &p) in places.iter().enumerate() {
                if let Some(&ahead) = places.get(i + AHEAD) {
                    self.sequence.touch(ahead);
                }
                let l = self.sequence.prev(p);
                let before = self.sequence.get(l);
                if before != END && before != new {
                    let slot = self.beside[before as usize].left;
                    self.beside[before as usize].left = self.list((before, new), slot, l);
                }
                let after = self.sequence.get(self.sequence.next(p));
                if after == new {
                    if listed_doubles {
                        self.arena.set(doubles_at, p);
                        doubles_at += 1;
                    }
                } else if after != END {
                    let slot = self.beside[after as usize].right;
                    self.beside[after as usize].right = self.list((new, after), slot, p);
                }
            }
            self.places = places;
        }
        for &p in &self.places {
            for symbol in [self.sequence.get(self.sequence.prev(p)), self.sequence.get(self.sequence.next(p))]
            {
                if symbol != END {
                    self.beside[symbol as usize] = Beside::default();
                }
            }
        }
        // One very frequent pair must not hold its memory for the rest of the run.
        if self.places.capacity() > self.places.len().max(1 << 16) * 4 {
            self.places.shrink_to(self.places.len() * 2);
        }
        Ok(())
    }

    /// Makes a pair active and returns the cell of its first position.
    fn open(&mut self, pair: Pair, count: u32, positions: u32) -> u32 {
        let block = self.arena.add(positions);
        self.table.insert(Entry { pair, count, block });
        self.queue.push(pair, count);
        block + 1
    }

    /// Adds a position to the list of `pair` if it is frequent. `slot` is its count, or the index of its list
    /// with [`LISTED`] set; so is the result.
    fn list(&mut self, pair: Pair, slot: u32, position: u32) -> u32 {
        let mut slot = slot;
        if slot & LISTED == 0 {
            if slot < self.min_freq {
                return slot;
            }
            let cursor = self.open(pair, slot, slot);
            slot = LISTED | self.cursors.len() as u32;
            self.cursors.push(cursor);
        }
        let cursor = &mut self.cursors[(slot ^ LISTED) as usize];
        self.arena.set(*cursor, position);
        *cursor += 1;
        slot
    }
}
