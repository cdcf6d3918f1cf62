//! Fixed points of morphisms: infinite words that replacing every letter by its image leaves unchanged.
//!
//! For a morphism f whose image of the first letter begins with that letter, the words f(a), f(f(a)), ... are
//! each the beginning of the next; their limit x is infinite and f(x) = x. So x is also the sequence of the
//! blocks f^k(x0), f^k(x1), ..., and is streamed this way. The blocks are made once; the letters come from a
//! stack whose depth is logarithmic in the length of the output.

use super::Pieces;

/// Length that the longest block must reach, in bytes.
const MIN_BLOCK_BYTES: usize = 64 << 10;

/// A morphism and a coding. Letters are numbers, `rules[letter]` is the letter's image, and `bytes[letter]`
/// is its output.
pub(super) struct Morphism {
    pub rules: &'static [&'static [u8]],
    pub bytes: &'static [&'static [u8]],
}

/// The infinite word that begins with the letter 0.
pub(super) struct FixedPoint {
    rules: &'static [&'static [u8]],
    blocks: Vec<Vec<u8>>,
    /// Stack of letters, the next one last, each with the number of replacements left.
    stack: Vec<(u8, u8)>,
}

/// Depth of the stack: with images of two letters or more, 2^63 blocks cannot be exhausted.
const MAX_DEPTH: u8 = 63;

impl FixedPoint {
    pub(super) fn new(morphism: &Morphism) -> Self {
        let rules = morphism.rules;
        debug_assert!(rules[0].len() > 1 && rules[0][0] == 0);
        let mut blocks: Vec<Vec<u8>> = morphism.bytes.iter().map(|b| b.to_vec()).collect();
        while blocks.iter().all(|block| block.len() < MIN_BLOCK_BYTES) {
            let image = |rule: &&[u8]| rule.iter().flat_map(|l| &blocks[usize::from(*l)]).copied().collect();
            blocks = rules.iter().map(image).collect();
        }
        Self { rules, blocks, stack: vec![(0, MAX_DEPTH)] }
    }
}

impl Pieces for FixedPoint {
    fn next(&mut self) -> &[u8] {
        // The stack is never empty: that would take 2^63 calls.
        while let Some((letter, times)) = self.stack.pop() {
            if times == 0 {
                return &self.blocks[usize::from(letter)];
            }
            self.stack.extend(self.rules[usize::from(letter)].iter().rev().map(|l| (*l, times - 1)));
        }
        &self.blocks[0]
    }
}
