//! The symbols of all right-hand sides: doubly linked rings in one vector, 12 bytes a symbol.
//!
//! A guard node closes the ring of each right-hand side. Released nodes are reused.

/// Marks a guard; the rest of its symbol is the number of the rule.
const GUARD: u32 = 1 << 31;

/// Symbol of a released node.
const FREE: u32 = u32::MAX;

/// Not a node.
const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Node {
    symbol: u32,
    prev: u32,
    /// For a released node, the next released one.
    next: u32,
}

/// The nodes, by number.
#[derive(Debug)]
pub(super) struct Nodes {
    nodes: Vec<Node>,
    free: u32,
}

impl Nodes {
    /// Room for `capacity` nodes; there can be more.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self { nodes: Vec::with_capacity(capacity), free: NONE }
    }

    /// The memory in use, in bytes.
    pub(super) fn memory(&self) -> u64 {
        (self.nodes.len() * size_of::<Node>()) as u64
    }

    fn take(&mut self, node: Node) -> u32 {
        if self.free == NONE {
            self.nodes.push(node);
            return (self.nodes.len() - 1) as u32;
        }
        let at = self.free;
        self.free = std::mem::replace(&mut self.nodes[at as usize], node).next;
        at
    }

    /// Adds a guard for a rule, with an empty ring.
    pub(super) fn guard(&mut self, rule: u32) -> u32 {
        let at = self.take(Node { symbol: GUARD | rule, prev: NONE, next: NONE });
        self.link(at, at);
        at
    }

    /// Inserts a symbol after a node.
    #[inline]
    pub(super) fn insert_after(&mut self, prev: u32, symbol: u32) -> u32 {
        let next = self.next(prev);
        let at = self.take(Node { symbol, prev, next });
        self.nodes[prev as usize].next = at;
        self.nodes[next as usize].prev = at;
        at
    }

    /// Releases a node, after all links to it are gone.
    #[inline]
    pub(super) fn release(&mut self, at: u32) {
        self.nodes[at as usize] = Node { symbol: FREE, prev: NONE, next: self.free };
        self.free = at;
    }

    /// Makes `next` follow `prev`.
    #[inline]
    pub(super) fn link(&mut self, prev: u32, next: u32) {
        self.nodes[prev as usize].next = next;
        self.nodes[next as usize].prev = prev;
    }

    /// Changes the symbol at a node.
    #[inline]
    pub(super) fn set(&mut self, at: u32, symbol: u32) {
        self.nodes[at as usize].symbol = symbol;
    }

    /// The node before.
    #[inline]
    pub(super) fn prev(&self, at: u32) -> u32 {
        self.nodes[at as usize].prev
    }

    /// The node after.
    #[inline]
    pub(super) fn next(&self, at: u32) -> u32 {
        self.nodes[at as usize].next
    }

    /// The symbol at a node; None for a guard or a released node.
    #[inline]
    pub(super) fn symbol(&self, at: u32) -> Option<u32> {
        let symbol = self.nodes[at as usize].symbol;
        (symbol < GUARD).then_some(symbol)
    }

    /// The rule of a guard; None for another node.
    #[inline]
    pub(super) fn guarded(&self, at: u32) -> Option<u32> {
        let symbol = self.nodes[at as usize].symbol;
        (symbol >= GUARD && symbol != FREE).then_some(symbol & !GUARD)
    }

    /// The two symbols that begin at a node; None at the end of a right-hand side.
    #[inline]
    pub(super) fn digram(&self, at: u32) -> Option<(u32, u32)> {
        let node = self.nodes[at as usize];
        if node.symbol >= GUARD {
            return None;
        }
        self.symbol(node.next).map(|next| (node.symbol, next))
    }
}
