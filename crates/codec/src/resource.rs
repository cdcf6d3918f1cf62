//! Resources: content-addressed side data that a decoder needs, such as a dictionary.

use std::fmt;
use std::sync::Arc;

use crate::Result;

/// A SHA-256 digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Parses 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        if text.len() != 64 {
            return None;
        }
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(text.chunks_exact(2)) {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            *byte = (high << 4 | low) as u8;
        }
        Some(Self(digest))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Finds resources on demand.
pub trait Find: fmt::Debug + Send + Sync {
    /// The verified content with the given SHA-256, or None.
    ///
    /// # Errors
    /// An unreadable content, or one that does not match its digest.
    fn find(&self, digest: &Digest) -> Result<Option<Arc<[u8]>>>;
}
