//! Where each digram stands: open addressing with linear probing and backward-shift deletion, 8 bytes a slot.
//!
//! A slot holds a node and the hash of the digram that begins there. The symbols themselves are read from the
//! nodes, and only where the hashes agree.

use super::nodes::Nodes;

#[derive(Debug, Clone, Copy)]
struct Slot {
    node: u32,
    hash: u32,
}

const EMPTY: Slot = Slot { node: u32::MAX, hash: 0 };

/// What [`Digrams::enter`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// The digram was not in the table; now it is.
    New,
    /// It is, in this slot: it stands at this node.
    Known {
        /// For [`Digrams::set`].
        slot: usize,
        /// Where it stands.
        node: u32,
    },
}

/// Nodes by the digram that begins there.
#[derive(Debug)]
pub struct Digrams {
    slots: Vec<Slot>,
    len: usize,
}

impl Default for Digrams {
    fn default() -> Self {
        Self { slots: vec![EMPTY; 64], len: 0 }
    }
}

#[inline]
fn hash((a, b): (u32, u32)) -> u32 {
    let mixed = (u64::from(a) << 32 | u64::from(b)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed ^ mixed >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 32) as u32
}

impl Digrams {
    /// Where a hash belongs: the table's size need not be a power of two.
    #[inline]
    fn home(&self, hash: u32) -> usize {
        ((u64::from(hash) * self.slots.len() as u64) >> 32) as usize
    }

    #[inline]
    fn after(&self, i: usize) -> usize {
        if i + 1 == self.slots.len() { 0 } else { i + 1 }
    }

    /// The slot of a digram, or the empty one where it would go.
    #[inline]
    fn find(&self, nodes: &Nodes, digram: (u32, u32), hash: u32) -> usize {
        let mut i = self.home(hash);
        loop {
            let slot = self.slots[i];
            if slot.node == EMPTY.node || slot.hash == hash && nodes.digram(slot.node) == Some(digram) {
                return i;
            }
            i = self.after(i);
        }
    }

    /// Looks a digram up, and adds it as standing at `node` if it is not there.
    #[inline]
    pub fn enter(&mut self, nodes: &Nodes, digram: (u32, u32), node: u32) -> Entered {
        let hash = hash(digram);
        let slot = self.find(nodes, digram, hash);
        let found = self.slots[slot].node;
        if found != EMPTY.node {
            return Entered::Known { slot, node: found };
        }
        self.slots[slot] = Slot { node, hash };
        self.len += 1;
        if self.len * 10 > self.slots.len() * 7 {
            self.grow();
        }
        Entered::New
    }

    /// Says that the digram in a slot stands at another node.
    #[inline]
    pub fn set(&mut self, slot: usize, node: u32) {
        self.slots[slot].node = node;
    }

    /// Removes a digram if the table says that it stands at `node`; tells whether it did.
    #[inline]
    pub fn remove(&mut self, nodes: &Nodes, digram: (u32, u32), node: u32) -> bool {
        let slot = self.find(nodes, digram, hash(digram));
        if self.slots[slot].node != node {
            return false;
        }
        self.free(slot);
        true
    }

    /// Empties slot `hole` and moves back what was displaced past it.
    fn free(&mut self, mut hole: usize) {
        let mut i = hole;
        loop {
            i = self.after(i);
            let slot = self.slots[i];
            if slot.node == EMPTY.node {
                break;
            }
            // How far a slot lies behind its home, and behind the hole, going around the end.
            let size = self.slots.len();
            let behind = |from: usize| if i >= from { i - from } else { i + size - from };
            if behind(self.home(slot.hash)) >= behind(hole) {
                self.slots[hole] = slot;
                hole = i;
            }
        }
        self.slots[hole] = EMPTY;
        self.len -= 1;
    }

    /// The number of digrams.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Where a digram stands.
    #[cfg(test)]
    pub fn node(&self, nodes: &Nodes, digram: (u32, u32)) -> Option<u32> {
        let node = self.slots[self.find(nodes, digram, hash(digram))].node;
        (node != EMPTY.node).then_some(node)
    }

    /// The memory of the table, in bytes.
    pub fn memory(&self) -> u64 {
        (self.slots.len() * size_of::<Slot>()) as u64
    }

    fn grow(&mut self) {
        let size = self.slots.len() + self.slots.len() / 2;
        let old = std::mem::replace(&mut self.slots, vec![EMPTY; size]);
        for slot in old {
            if slot.node == EMPTY.node {
                continue;
            }
            let mut i = self.home(slot.hash);
            while self.slots[i].node != EMPTY.node {
                i = self.after(i);
            }
            self.slots[i] = slot;
        }
    }
}
