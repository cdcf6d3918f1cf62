//! The table of active pairs.

use hashbrown::HashTable;

use crate::grammar::hash::hash_pair;

/// Two neighbouring symbols.
pub(super) type Pair = (u32, u32);

/// What is known of an active pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// The pair.
    pub pair: Pair,
    /// Occurrences that do not overlap.
    pub count: u32,
    /// Where its occurrences are listed.
    pub block: u32,
}

/// Active pairs by value: 17 bytes a bucket, at most 7/8 of them taken.
#[derive(Debug, Default)]
pub(super) struct PairTable(HashTable<Entry>);

impl PairTable {
    /// The entry of an active pair.
    #[inline]
    pub(super) fn get(&self, pair: Pair) -> Option<&Entry> {
        self.0.find(hash_pair(pair), |entry| entry.pair == pair)
    }

    /// The entry of an active pair, to move its block.
    #[inline]
    pub(super) fn get_mut(&mut self, pair: Pair) -> Option<&mut Entry> {
        self.0.find_mut(hash_pair(pair), |entry| entry.pair == pair)
    }

    /// All entries, in an order that depends on the platform: sort them before it can reach the output.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter()
    }

    /// Adds a pair that is not in the table.
    pub(super) fn insert(&mut self, entry: Entry) {
        self.0.insert_unique(hash_pair(entry.pair), entry, |entry| hash_pair(entry.pair));
    }

    /// Subtracts one from a pair's count. If the count falls below `least`, removes the pair and returns its
    /// block.
    #[inline]
    pub(super) fn decrement(&mut self, pair: Pair, least: u32) -> Option<u32> {
        let mut found = self.0.find_entry(hash_pair(pair), |entry| entry.pair == pair).ok()?;
        let entry = found.get_mut();
        entry.count -= 1;
        (entry.count < least).then(|| found.remove().0.block)
    }

    /// Removes a pair.
    pub(super) fn remove(&mut self, pair: Pair) {
        if let Ok(found) = self.0.find_entry(hash_pair(pair), |entry| entry.pair == pair) {
            found.remove();
        }
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
                prop_assert_eq!(table.0.len(), map.len());
                for (&pair, &count) in &map {
                    prop_assert_eq!(table.get(pair).map(|e| e.count), Some(count));
                }
            }
        }
    }
}
