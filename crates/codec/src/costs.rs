//! Encoded bits of each part of a segment's content: what a codec tells a chart.

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Raw bytes of a stored segment, without tokens.
    Stored,
    /// A byte.
    Byte,
    /// A use of a rule, by number.
    Use(u32),
    /// A dictionary note, by number.
    Entry(u32),
    /// A repeated local note, by number.
    Again(u32),
}

/// A token that produces bytes, and its cost.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    /// Offset of its first byte in the text.
    pub start: u32,
    /// Number of bytes, at least 1.
    pub len: u32,
    /// Its kind.
    pub kind: Kind,
    /// The innermost rule whose definition contains it.
    pub inside: Option<u32>,
    /// Its own bits.
    pub bits: f64,
    /// Bits for each of its bytes: its own, spread over them, and those of the definitions that contain it,
    /// spread over their text.
    pub per_byte: f64,
}

/// A rule, with the cost of its definition apart from the tokens on its right-hand side.
#[derive(Debug, Clone, Copy)]
pub struct Defined {
    /// Offset of its definition in the text, or in [`Costs::said`].
    pub start: u32,
    /// Bytes of its text.
    pub len: u32,
    /// Symbols on its right-hand side.
    pub width: u32,
    /// Its uses, including the definition.
    pub uses: u32,
    /// 1 if its symbols are bytes, else 1 more than the deepest of them.
    pub depth: u32,
    /// Bits of NEW, class and width.
    pub bits: f64,
}

/// The costs of a segment.
#[derive(Debug)]
pub struct Costs {
    /// The text.
    pub text: Vec<u8>,
    /// The text that rules refer to, if it is another one: the local notes of a template.
    pub said: Option<Vec<u8>>,
    /// The tokens that touch the requested range, in order.
    pub tokens: Vec<Token>,
    /// All rules, in the order in which they are complete.
    pub rules: Vec<Defined>,
    /// Bits of all tokens and definitions.
    pub bits: f64,
    /// Bytes of the encoded segment before those: the method, and the lengths of lanes or rules. The
    /// difference to the whole is the coder's rounding.
    pub head: u64,
}

impl Costs {
    /// Costs of raw bytes: 8 bits each.
    pub fn of_bytes(text: Vec<u8>) -> Self {
        let bits = 8.0 * text.len() as f64;
        let all =
            Token { start: 0, len: text.len() as u32, kind: Kind::Stored, inside: None, bits, per_byte: 8.0 };
        let tokens = if text.is_empty() { Vec::new() } else { vec![all] };
        Self { text, said: None, tokens, rules: Vec::new(), bits, head: 0 }
    }

    /// The first bytes of a rule's text, at most `most`.
    pub fn rule_text(&self, rule: &Defined, most: usize) -> &[u8] {
        let (start, len) = (rule.start as usize, rule.len as usize);
        self.said.as_ref().unwrap_or(&self.text).get(start..start + len.min(most)).unwrap_or_default()
    }
}
