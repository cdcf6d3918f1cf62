//! Content identifiers of blocks of bytes.

use lab_codec::Digest;
pub use lab_codec::cid::{LEN, bytes, text};
use sha2::{Digest as _, Sha256};

/// The SHA-256 of a block of bytes.
pub fn digest(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}
