//! Goes through a grammar in the order of its token stream.

use lab_codec::{Context, Result};

use crate::grammar::utility::Utility;
use crate::grammar::{Grammar, TERMINALS};

/// Receives a grammar's token stream. Rules are indices into [`Grammar::rules`].
pub trait Visitor {
    /// A byte.
    fn byte(&mut self, byte: u8);
    /// The first use of a rule: `width` (at least 2) tokens follow that define it, then
    /// [`close`](Self::close).
    fn open(&mut self, rule: usize, width: u32);
    /// The end of the definition of a rule.
    fn close(&mut self, rule: usize);
    /// A later use of a rule.
    fn again(&mut self, rule: usize);
}

/// On the stack, marks a rule whose definition ends here.
const CLOSE: u32 = 1 << 31;

/// Shows the tokens of `grammar` to `visitor`, without recursion.
///
/// # Errors
/// Cancellation.
// One bit per rule: whether its definition has been visited.
pub fn walk(grammar: &Grammar, utility: &Utility, visitor: &mut impl Visitor, cx: &Context) -> Result<()> {
    let mut known = vec![0u64; grammar.rules.len().div_ceil(64)];
    let mut stack = Vec::new();
    let mut steps = 0u32;
    for &symbol in &grammar.start {
        stack.push(symbol);
        while let Some(symbol) = stack.pop() {
            steps += 1;
            if steps.is_multiple_of(1 << 15) {
                cx.check()?;
            }
            if symbol & CLOSE != 0 {
                visitor.close((symbol ^ CLOSE) as usize);
                continue;
            }
            let Some(rule) = symbol.checked_sub(TERMINALS).map(|i| i as usize) else {
                visitor.byte(symbol as u8);
                continue;
            };
            let [a, b] = grammar.rules[rule];
            if utility.uses[rule] > 1 {
                let (word, bit) = (rule / 64, 1 << (rule % 64));
                if known[word] & bit != 0 {
                    visitor.again(rule);
                    continue;
                }
                known[word] |= bit;
                visitor.open(rule, utility.width[rule]);
                stack.push(CLOSE | rule as u32);
            }
            stack.extend([b, a]);
        }
    }
    Ok(())
}
