//! Where each digram stands: a table of nodes, whose symbols are read from the nodes themselves.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::nodes::Nodes;
use crate::grammar::hash::hash_pair;

/// What [`Digrams::enter`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entered {
    /// The digram was not in the table; now it is.
    New,
    /// The table has the digram.
    Known {
        /// Its bucket, for [`Digrams::set`].
        slot: usize,
        /// Where it stands.
        node: u32,
    },
}

/// Nodes by the digram that begins there. A node leaves the table before its digram changes, so that growing
/// can hash the digrams of all nodes in it.
#[derive(Debug, Default)]
pub(super) struct Digrams(HashTable<u32>);

impl Digrams {
    /// Looks a digram up, and adds it as standing at `node` if it is not there.
    #[inline]
    pub(super) fn enter(&mut self, nodes: &Nodes, digram: (u32, u32), node: u32) -> Entered {
        let stands = |node: &u32| nodes.digram(*node) == Some(digram);
        let hash = |node: &u32| nodes.digram(*node).map_or(0, hash_pair);
        match self.0.entry(hash_pair(digram), stands, hash) {
            Entry::Occupied(known) => Entered::Known { slot: known.bucket_index(), node: *known.get() },
            Entry::Vacant(place) => {
                place.insert(node);
                Entered::New
            }
        }
    }

    /// Moves the digram in a bucket to another node.
    #[inline]
    pub(super) fn set(&mut self, slot: usize, node: u32) {
        if let Some(known) = self.0.get_bucket_mut(slot) {
            *known = node;
        }
    }

    /// Removes a digram if it stands at `node`; returns whether it did.
    #[inline]
    pub(super) fn remove(&mut self, digram: (u32, u32), node: u32) -> bool {
        let found = self.0.find_entry(hash_pair(digram), |known| *known == node);
        found.map(|known| known.remove()).is_ok()
    }

    /// The number of digrams.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Where a digram stands.
    #[cfg(test)]
    pub(super) fn node(&self, nodes: &Nodes, digram: (u32, u32)) -> Option<u32> {
        self.0.find(hash_pair(digram), |node| nodes.digram(*node) == Some(digram)).copied()
    }

    /// The memory of the table, in bytes.
    pub(super) fn memory(&self) -> u64 {
        self.0.allocation_size() as u64
    }
}
