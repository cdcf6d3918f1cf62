//! What a decision can depend on: the text before it, and the tokens.

/// Mixes two numbers into one.
#[inline]
pub fn hash(a: u32, b: u32) -> u32 {
    let h = a.wrapping_mul(0x9E37_79B1) ^ b.wrapping_mul(0x85EB_CA6B);
    (h ^ h >> 15).wrapping_mul(0xC2B2_AE35)
}

/// The text up to a byte of the token at hand.
#[derive(Debug, Clone, Copy, Default)]
pub struct Text {
    /// The last eight bytes, the last one low; zeros stand for what is not there.
    pub last: u64,
    /// Hash of the letters since the last byte that is none; 0 if there are none.
    pub word: u32,
    /// Hash of the word before.
    pub word_before: u32,
    /// Hash of the token's bytes so far; 0 if there are none.
    pub prefix: u32,
    /// Number of the token's bytes so far.
    pub len: u8,
}

/// How far back words are looked for at the start of a token.
const REACH: usize = 24;

impl Text {
    /// The end of `output`, with nothing of a token.
    pub fn end_of(output: &[u8]) -> Self {
        let mut text = Self::default();
        for &byte in &output[output.len().saturating_sub(REACH)..] {
            text.append(byte);
        }
        text
    }

    /// One more byte of the token.
    #[inline]
    pub fn push(&mut self, byte: u8) {
        self.prefix = hash(self.prefix, u32::from(byte));
        self.len += 1;
        self.append(byte);
    }

    #[inline]
    fn append(&mut self, byte: u8) {
        self.last = self.last << 8 | u64::from(byte);
        if byte.is_ascii_alphabetic() || byte >= 0x80 {
            self.word = hash(self.word, u32::from(byte | 0x20));
        } else if self.word != 0 {
            self.word_before = std::mem::take(&mut self.word);
        }
    }

    /// Hash of the last `n` bytes, up to 7.
    #[inline]
    pub fn order(&self, n: u32) -> u32 {
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

/// The tokens before.
#[derive(Debug, Default)]
pub struct Tokens {
    /// The kinds of the last three, the last one low, two bits each: 0 a byte, 1 a rule's use, 2 NEW.
    pub kinds: u32,
    /// The symbol of the last one that was no NEW.
    pub symbol: u32,
    open: Vec<Open>,
}

impl Tokens {
    /// A byte or a use.
    pub fn symbol(&mut self, number: u32, is_byte: bool) {
        self.token(u32::from(!is_byte));
        self.symbol = number;
    }

    /// NEW.
    pub fn open(&mut self, width: u32, class: u8) {
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
    pub fn close(&mut self) {
        self.open.pop();
    }

    /// The class of the innermost open definition, 0 if there is none.
    pub fn class(&self) -> u8 {
        self.open.last().map_or(0, |open| open.class)
    }

    /// Where in the innermost definition the next token is, below 20: `4 * width + tokens so far`, up to 4 and 3.
    pub fn position(&self) -> usize {
        self.open.last().map_or(0, |open| (open.width.min(4) * 4 + open.told.min(3)) as usize)
    }
}
