//! Content identifiers: CIDv1, raw binary, SHA-256, as content-addressed networks name a block of bytes.
//!
//! Such an identifier is four fixed bytes and the digest, and its text is `b` and base32 (RFC 4648, lower
//! case, without padding).

use crate::Digest;

/// CIDv1 (1), raw (0x55), SHA-256 (0x12) of 32 bytes (0x20).
const PREFIX: [u8; 4] = [0x01, 0x55, 0x12, 0x20];
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// Bytes of an identifier.
pub const LEN: usize = 36;

/// The identifier with this digest, as bytes.
pub fn bytes(digest: &Digest) -> [u8; LEN] {
    let mut cid = [0; LEN];
    cid[..4].copy_from_slice(&PREFIX);
    cid[4..].copy_from_slice(&digest.0);
    cid
}

/// The identifier with this digest, as text: 59 letters and digits.
pub fn text(digest: &Digest) -> String {
    let mut text = String::from("b");
    let (mut bits, mut held) = (0u32, 0);
    for byte in bytes(digest) {
        bits = bits << 8 | u32::from(byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            text.push(char::from(ALPHABET[(bits >> held & 31) as usize]));
        }
    }
    // 288 bits leave three: the last digit holds these and two zero bits.
    text.push(char::from(ALPHABET[(bits << (5 - held) & 31) as usize]));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_others_write() {
        // Computed with another implementation of SHA-256 and base32.
        let digest = |hex| Digest::from_hex(hex).unwrap();
        assert_eq!(
            text(&digest("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")),
            "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
        );
        assert_eq!(
            text(&digest("b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9")),
            "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
        );
    }
}
