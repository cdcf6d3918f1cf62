//! What each part of a segment's content costs in encoded bits, as its codec tells it to a chart.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No token: bytes of a segment that is stored as it is.
    Stored,
    /// A byte.
    Byte,
    /// The use of a rule that was defined before, by number.
    Use(u32),
    /// A note of the dictionary, by number.
    Entry(u32),
    /// A note of the segment that came before, by number.
    Again(u32),
}

/// A token that says bytes, and what it costs.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    /// Offset of its first byte in the text.
    pub start: u32,
    /// Bytes that it says, at least 1.
    pub len: u32,
    /// What it is.
    pub kind: Kind,
    /// The innermost rule whose definition it is a part of.
    pub inside: Option<u32>,
    /// Bits of itself.
    pub bits: f64,
    /// Bits of each of its bytes: its own, spread over them, and those of the definitions that it is a part of, spread
    /// over the text of these.
    pub per_byte: f64,
}

/// A rule, and what its definition costs beside the tokens on its right-hand side.
#[derive(Debug, Clone, Copy)]
pub struct Defined {
    /// Offset of its first place in the text, where it is defined, or in [`Costs::said`].
    pub start: u32,
    /// Bytes of its text.
    pub len: u32,
    /// Symbols on its right-hand side.
    pub width: u32,
    /// How often it is used, its definition included.
    pub uses: u32,
    /// 1 where its symbols are bytes, else 1 more than that of the deepest of them.
    pub depth: u32,
    /// Bits of NEW, its class and its width.
    pub bits: f64,
}

/// The costs of a segment.
#[derive(Debug)]
pub struct Costs {
    /// The text.
    pub text: Vec<u8>,
    /// The text that rules are of, where it is another one: the local notes of a template.
    pub said: Option<Vec<u8>>,
    /// The tokens that say a byte of the range that was asked for, in order.
    pub tokens: Vec<Token>,
    /// All rules, by number: in the order in which they are complete.
    pub rules: Vec<Defined>,
    /// Bits of all tokens and definitions.
    pub bits: f64,
    /// Bytes of the encoded segment before those: its method, and the lengths of lanes or rules. What is then missing to
    /// the encoded size is what the coder rounds up.
    pub head: u64,
}

impl Costs {
    /// The costs of bytes that are stored as they are: 8 bits each.
    pub fn of_bytes(text: Vec<u8>) -> Self {
        let bits = 8.0 * text.len() as f64;
        let all =
            Token { start: 0, len: text.len() as u32, kind: Kind::Stored, inside: None, bits, per_byte: 8.0 };
        let tokens = if text.is_empty() { Vec::new() } else { vec![all] };
        Self { text, said: None, tokens, rules: Vec::new(), bits, head: 0 }
    }

    /// The first bytes of a rule's text, `most` at most.
    pub fn rule_text(&self, rule: &Defined, most: usize) -> &[u8] {
        let (start, len) = (rule.start as usize, rule.len as usize);
        self.said.as_ref().unwrap_or(&self.text).get(start..start + len.min(most)).unwrap_or_default()
    }
}
