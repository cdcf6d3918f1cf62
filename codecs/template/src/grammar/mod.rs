//! Straight-line grammars: their structure, their construction by Re-Pair and Sequitur, and the choice of
//! rules that keep a name.

mod hash;
pub mod repair;
pub mod sequitur;
pub mod utility;

/// Symbols below this are bytes.
pub const TERMINALS: u32 = 256;

/// The longest text of a grammar, in bytes. Positions and links use bit 31 as a mark, and a few values
/// below it mark ends.
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
