//! Contexts of the `mix` model: the text before a decision, and the tokens before it.

/// Hashes a pair of numbers. The multipliers are format constants (docs/formats/repair.md): 2^32 divided by
/// the golden ratio, then the two of MurmurHash3's 32-bit finalizer. The shift carries high bits into low
/// ones, which a product alone never does.
#[inline]
pub(super) fn hash(a: u32, b: u32) -> u32 {
    let h = a.wrapping_mul(0x9E37_79B1) ^ b.wrapping_mul(0x85EB_CA6B);
    (h ^ h >> 15).wrapping_mul(0xC2B2_AE35)
}

/// The text before a decision, including the bytes of the current token that are decided already.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Text {
    /// The last eight bytes, the last one in the low byte; zero before the start of the text.
    pub last: u64,
    /// Hash of the current word: the letters since the last other byte; 0 outside a word.
    pub word: u32,
    /// Hash of the previous word. Worth up to 2.6 % (xml, docs/decisions/repair-mix.md).
    pub word_before: u32,
    /// Hash of the current token's bytes; 0 at its start. Unlike `last` it ignores the text before the token.
    pub prefix: u32,
    /// Number of the current token's bytes.
    pub len: u8,
}

/// Bytes before a token that are scanned for words. Longer words lose their start: the cost per token stays
/// constant, and encoder and decoder agree because both scan the same 24 bytes.
const REACH: usize = 24;

impl Text {
    /// The context at the end of `output`, at the start of a token.
    pub(super) fn end_of(output: &[u8]) -> Self {
        let mut text = Self::default();
        for &byte in &output[output.len().saturating_sub(REACH)..] {
            text.append(byte);
        }
        text
    }

    /// Appends one decided byte of the current token.
    #[inline]
    pub(super) fn push(&mut self, byte: u8) {
        self.prefix = hash(self.prefix, u32::from(byte));
        self.len += 1;
        self.append(byte);
    }

    #[inline]
    fn append(&mut self, byte: u8) {
        self.last = self.last << 8 | u64::from(byte);
        // Bytes from 0x80 on are letters of UTF-8 text; bit 0x20 folds the case of ASCII letters.
        if byte.is_ascii_alphabetic() || byte >= 0x80 {
            self.word = hash(self.word, u32::from(byte | 0x20));
        } else if self.word != 0 {
            self.word_before = std::mem::take(&mut self.word);
        }
    }

    /// Hash of the last `n` bytes (order `n`), up to 7.
    #[inline]
    pub(super) fn order(&self, n: u32) -> u32 {
        let bytes = self.last & ((1 << (8 * n)) - 1);
        hash(bytes as u32, (bytes >> 32) as u32)
    }
}

/// A definition that is not complete.
#[derive(Debug, Clone, Copy)]
struct Open {
    width: u32,
    /// Tokens of it so far.
    told: u32,
    class: u8,
}

/// The tokens before a decision.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// Kinds of the last three tokens, the last one low, two bits each: 0 a byte, 1 a use, 2 NEW.
    pub kinds: u32,
    /// Symbol of the last token other than NEW. NEW leaves it unchanged.
    pub symbol: u32,
    open: Vec<Open>,
}

impl Tokens {
    /// Appends a byte or a use.
    pub(super) fn symbol(&mut self, number: u32, is_byte: bool) {
        self.token(u32::from(!is_byte));
        self.symbol = number;
    }

    /// Appends NEW.
    pub(super) fn open(&mut self, width: u32, class: u8) {
        self.token(2);
        self.open.push(Open { width, told: 0, class });
    }

    fn token(&mut self, kind: u32) {
        self.kinds = (self.kinds << 2 | kind) & 63;
        if let Some(open) = self.open.last_mut() {
            open.told += 1;
        }
    }

    /// The innermost definition is complete.
    pub(super) fn close(&mut self) {
        self.open.pop();
    }

    /// Class of the innermost open definition; 0 outside all definitions.
    pub(super) fn class(&self) -> u8 {
        self.open.last().map_or(0, |open| open.class)
    }

    /// Position of the next token in the innermost definition, below 20: four times the width, up to 4, plus
    /// the tokens so far, up to 3. The end of a short definition differs from its middle; longer ones share
    /// contexts.
    pub(super) fn position(&self) -> usize {
        self.open.last().map_or(0, |open| (open.width.min(4) * 4 + open.told.min(3)) as usize)
    }
}
