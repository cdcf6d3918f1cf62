//! Resources: content-addressed side data that a decoder needs, such as a dictionary.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::{Error, ErrorKind, Result};

/// A SHA-256 digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Reads 64 hexadecimal digits.
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

/// Finds resources when they are asked for.
pub trait Find: fmt::Debug + Send + Sync {
    /// The content with the given SHA-256, which has been verified, or nothing where there is none.
    ///
    /// # Errors
    /// What is there cannot be read, or is not what its name says.
    fn find(&self, digest: &Digest) -> Result<Option<Arc<[u8]>>>;
}

/// The resources at hand, by digest. Whoever fills it has verified each content against its digest.
#[derive(Debug, Clone, Default)]
pub struct Resources {
    found: HashMap<Digest, Arc<[u8]>>,
    source: Option<Arc<dyn Find>>,
}

impl Resources {
    /// Adds the content with the given SHA-256.
    pub fn insert(&mut self, digest: Digest, content: Arc<[u8]>) {
        self.found.insert(digest, content);
    }

    /// The same, with a place where to look for what was not added.
    #[must_use]
    pub fn with_source(mut self, source: Arc<dyn Find>) -> Self {
        self.source = Some(source);
        self
    }

    /// The content with the given SHA-256.
    ///
    /// # Errors
    /// [`MissingResource`](ErrorKind::MissingResource), naming the digest and where to put the file; those of
    /// [`Find::find`].
    pub fn get(&self, digest: &Digest) -> Result<Arc<[u8]>> {
        if let Some(content) = self.found.get(digest) {
            return Ok(Arc::clone(content));
        }
        let looked_up = self.source.as_ref().map_or(Ok(None), |source| source.find(digest))?;
        looked_up.ok_or_else(|| {
            Error::new(
                ErrorKind::MissingResource,
                format!("resource sha256:{digest} is missing; give it with --resource FILE or DIR"),
            )
        })
    }
}
