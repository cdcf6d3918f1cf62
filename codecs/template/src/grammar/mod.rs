//! Straight-line grammars: what they are, how Re-Pair and Sequitur make them, which of their rules are worth a
//! name.

mod hash;
pub mod repair;
pub mod sequitur;
pub mod utility;

/// Symbols below this are bytes.
pub const TERMINALS: u32 = 256;

/// The longest text of a grammar, in bytes: positions and links keep one bit to themselves.
pub const MAX_LEN: usize = (1 << 31) - 16;

/// A grammar that derives exactly one string.
///
/// Symbol `s < 256` is the byte `s`; symbol `256 + i` is `rules[i]`, whose two symbols are smaller than it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grammar {
    /// The right-hand sides.
    pub rules: Vec<[u32; 2]>,
    /// The start sequence.
    pub start: Vec<u32>,
}

impl Grammar {
    /// The right-hand side of `symbol`, or nothing for a byte.
    #[inline]
    pub fn rule(&self, symbol: u32) -> Option<[u32; 2]> {
        symbol.checked_sub(TERMINALS).map(|i| self.rules[i as usize])
    }
}
