//! The table of active pairs: open addressing with linear probing and backward-shift deletion.

use crate::prefetch::prefetch;

/// Two neighbouring symbols.
pub type Pair = (u32, u32);

/// What is known of an active pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The pair.
    pub pair: Pair,
    /// Occurrences that do not overlap.
    pub count: u32,
    /// Where its occurrences are listed.
    pub block: u32,
}

const FREE: Entry = Entry { pair: (u32::MAX, u32::MAX), count: 0, block: 0 };

/// Active pairs by value. 16 bytes a slot, at most 3/4 of them taken.
#[derive(Debug)]
pub struct PairTable {
    slots: Vec<Entry>,
    shift: u32,
    len: usize,
}

impl Default for PairTable {
    fn default() -> Self {
        Self { slots: vec![FREE; 16], shift: 60, len: 0 }
    }
}

impl PairTable {
    #[inline]
    fn home(&self, pair: Pair) -> usize {
        let key = u64::from(pair.0) << 32 | u64::from(pair.1);
        let mixed = (key ^ key >> 29).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        ((mixed ^ mixed >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93) >> self.shift) as usize
    }

    #[inline]
    fn slot(&self, pair: Pair) -> Option<usize> {
        let mask = self.slots.len() - 1;
        let mut i = self.home(pair) & mask;
        loop {
            let entry = &self.slots[i];
            if entry.pair == pair {
                return Some(i);
            }
            if entry.count == 0 {
                return None;
            }
            i = (i + 1) & mask;
        }
    }

    /// Loads the memory where `pair` is looked for without waiting for it.
    #[inline]
    pub fn touch(&self, pair: Pair) {
        prefetch(&self.slots, self.home(pair));
    }

    /// The entry of an active pair.
    #[inline]
    pub fn get(&self, pair: Pair) -> Option<&Entry> {
        self.slot(pair).map(|i| &self.slots[i])
    }

    /// The entry of an active pair, to move its block.
    #[inline]
    pub fn get_mut(&mut self, pair: Pair) -> Option<&mut Entry> {
        self.slot(pair).map(|i| &mut self.slots[i])
    }

    /// All entries, in an order that depends on nothing but them and those that were there.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.slots.iter().filter(|entry| entry.count != 0)
    }

    /// Adds a pair that is not in the table; its count is at least 1.
    pub fn insert(&mut self, entry: Entry) {
        if (self.len + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        self.place(entry);
        self.len += 1;
    }

    fn place(&mut self, entry: Entry) {
        let mask = self.slots.len() - 1;
        let mut i = self.home(entry.pair) & mask;
        while self.slots[i].count != 0 {
            i = (i + 1) & mask;
        }
        self.slots[i] = entry;
    }

    fn grow(&mut self) {
        let size = self.slots.len() * 2;
        let old = std::mem::replace(&mut self.slots, vec![FREE; size]);
        self.shift -= 1;
        for entry in old {
            if entry.count != 0 {
                self.place(entry);
            }
        }
    }

    /// Counts one occurrence less. A pair that falls below `least` is removed, and its block returned.
    #[inline]
    pub fn decrement(&mut self, pair: Pair, least: u32) -> Option<u32> {
        let i = self.slot(pair)?;
        let entry = &mut self.slots[i];
        entry.count -= 1;
        if entry.count >= least {
            return None;
        }
        let block = entry.block;
        self.remove_slot(i);
        Some(block)
    }

    /// Removes a pair.
    pub fn remove(&mut self, pair: Pair) {
        if let Some(i) = self.slot(pair) {
            self.remove_slot(i);
        }
    }

    /// Frees slot `hole` and moves back what was displaced past it.
    fn remove_slot(&mut self, mut hole: usize) {
        let mask = self.slots.len() - 1;
        let mut i = hole;
        loop {
            i = (i + 1) & mask;
            if self.slots[i].count == 0 {
                break;
            }
            let home = self.home(self.slots[i].pair) & mask;
            if i.wrapping_sub(home) & mask >= i.wrapping_sub(hole) & mask {
                self.slots[hole] = self.slots[i];
                hole = i;
            }
        }
        self.slots[hole] = FREE;
        self.len -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn behaves_like_a_map(steps in proptest::collection::vec((0u32..12, 0u32..12, 0u8..3), 0..600)) {
            let mut table = PairTable::default();
            let mut map = HashMap::new();
            for (a, b, step) in steps {
                let pair = (a, b);
                match (step, map.get(&pair).copied()) {
                    (0, None) => {
                        map.insert(pair, a + 3);
                        table.insert(Entry { pair, count: a + 3, block: b });
                    }
                    (1, Some(_)) => {
                        map.remove(&pair);
                        table.remove(pair);
                    }
                    (_, count) => {
                        let gone = table.decrement(pair, 2);
                        prop_assert_eq!(gone, (count == Some(2)).then_some(b));
                        match count {
                            Some(2) => drop(map.remove(&pair)),
                            Some(n) => drop(map.insert(pair, n - 1)),
                            None => {}
                        }
                    }
                }
                prop_assert_eq!(table.len, map.len());
                for (&pair, &count) in &map {
                    prop_assert_eq!(table.get(pair).map(|e| e.count), Some(count));
                }
            }
        }
    }
}
