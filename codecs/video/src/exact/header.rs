//! The 256 bytes at the start of every frame: what the frame is part of, and the manifest.

use lab_codec::{Digest, Summary};
use sha2::{Digest as _, Sha256};

use super::size::{FrameSize, MAX_MACROBLOCKS};
use super::{FIRST_MB_PAYLOAD, HEADER_BYTES, MB_BYTES};

/// The first bytes of every frame. The first is not ASCII, and CR LF shows a text conversion.
pub const MAGIC: [u8; 8] = *b"\x89LABV\r\n\x1A";

/// The version of the frame format.
pub const VERSION: u8 = 1;

const FINAL: u8 = 1;
const CHAIN_CUT: u8 = 2;

/// The most bytes of a file name that the manifest holds.
pub const MAX_NAME: usize = 96;

const TEXT: usize = 104;
const TEXT_END: usize = 252;

/// What a frame's first 256 bytes say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The size of the frame.
    pub size: FrameSize,
    /// What all frames of a stream have in common.
    pub stream_id: [u8; 16],
    /// The number of the frame, from 0.
    pub frame: u32,
    /// Payload bytes in the frame.
    pub payload: u32,
    /// CRC32C of the payload before whitening.
    pub payload_crc: u32,
    /// The original file's name, at most [`MAX_NAME`] bytes.
    pub name: String,
    /// The chain's canonical text, cut where it did not fit.
    pub chain: String,
    /// Whether the chain was cut.
    pub chain_cut: bool,
    /// What only the last frame knows.
    pub end: Option<End>,
}

/// The part of the manifest that is known at the end of the stream, and held by the last frame only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Bytes of original content.
    pub content: u64,
    /// SHA-256 of the original content.
    pub sha256: Digest,
}

impl Header {
    /// Where the frame's payload lies in the stream: every frame before it is full.
    pub fn offset(&self) -> u64 {
        u64::from(self.frame) * self.size.capacity() as u64
    }

    /// The manifest as a summary; `None` in any frame but the last.
    pub fn summary(&self) -> Option<Summary> {
        let mut chain = self.chain.clone();
        if self.chain_cut {
            chain.push('…');
        }
        self.end.map(|end| Summary { name: self.name.clone(), chain, bytes: end.content, sha256: end.sha256 })
    }

    /// Puts `name` and `chain` in, cut at character boundaries where they are too long.
    pub fn set_texts(&mut self, name: &str, chain: &str) {
        let name = cut(name, MAX_NAME);
        let kept = cut(chain, TEXT_END - TEXT - name.len());
        (self.name, self.chain, self.chain_cut) = (name.to_string(), kept.to_string(), kept != chain);
    }

    /// The bytes of the header.
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut b = [0; HEADER_BYTES];
        let mut put = |at: usize, bytes: &[u8]| b[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &MAGIC);
        put(
            8,
            &[
                VERSION,
                if self.end.is_some() { FINAL } else { 0 } | if self.chain_cut { CHAIN_CUT } else { 0 },
            ],
        );
        put(10, &self.size.columns.to_le_bytes());
        put(12, &self.size.rows.to_le_bytes());
        put(14, &[self.name.len() as u8, self.chain.len() as u8]);
        put(16, &self.stream_id);
        put(32, &self.frame.to_le_bytes());
        put(36, &self.payload.to_le_bytes());
        put(40, &self.offset().to_le_bytes());
        put(48, &self.payload_crc.to_le_bytes());
        if let Some(end) = &self.end {
            put(56, &(self.offset() + u64::from(self.payload)).to_le_bytes());
            put(64, &end.content.to_le_bytes());
            put(72, &end.sha256.0);
        }
        put(TEXT, self.name.as_bytes());
        put(TEXT + self.name.len(), self.chain.as_bytes());
        let crc = crc32c::crc32c(&b[..TEXT_END]);
        b[TEXT_END..].copy_from_slice(&crc.to_le_bytes());
        b
    }

    /// Reads a header; `None` where the bytes are not one of this version, or are damaged.
    pub fn parse(b: &[u8; HEADER_BYTES]) -> Option<Self> {
        let crc = u32::from_le_bytes(*b.last_chunk()?);
        if b[..8] != MAGIC || crc32c::crc32c(&b[..TEXT_END]) != crc || b[8] != VERSION {
            return None;
        }
        let flags = b[9];
        let (columns, rows) = (u16_at(b, 10)?, u16_at(b, 12)?);
        let (name_length, chain_length) = (usize::from(b[14]), usize::from(b[15]));
        let text = b.get(TEXT..TEXT + name_length + chain_length)?;
        if TEXT + text.len() > TEXT_END || columns == 0 || rows == 0 {
            return None;
        }
        let (name, chain) = text.split_at(name_length);
        let header = Self {
            size: FrameSize { columns, rows },
            stream_id: *b[16..].first_chunk()?,
            frame: u32_at(b, 32)?,
            payload: u32_at(b, 36)?,
            payload_crc: u32_at(b, 48)?,
            name: String::from_utf8(name.to_vec()).ok()?,
            chain: String::from_utf8(chain.to_vec()).ok()?,
            chain_cut: flags & CHAIN_CUT != 0,
            end: match flags & FINAL {
                0 => None,
                _ => Some(End { content: u64_at(b, 64)?, sha256: Digest(*b[72..].first_chunk()?) }),
            },
        };
        // Everything else follows from the fields, so that a header has exactly one form.
        let consistent = header.size.macroblocks() <= MAX_MACROBLOCKS
            && header.payload as usize <= header.size.capacity()
            && (header.end.is_some() || header.payload as usize == header.size.capacity())
            && (header.payload > 0 || header.frame == 0)
            && header.to_bytes() == *b;
        consistent.then_some(header)
    }

    /// Macroblocks that hold the header and the payload.
    pub fn used_macroblocks(&self) -> u32 {
        1 + (self.payload.saturating_sub(FIRST_MB_PAYLOAD as u32)).div_ceil(MB_BYTES as u32)
    }
}

/// The identity of a stream: the first 16 bytes of the SHA-256 of the SHA-256 of the first frame's payload,
/// the length of `name` (8 bytes, little-endian), `name`, and `chain`.
pub fn stream_id(first_payload: &[u8], name: &str, chain: &str) -> [u8; 16] {
    let digest = Sha256::new()
        .chain_update(Sha256::digest(first_payload))
        .chain_update((name.len() as u64).to_le_bytes())
        .chain_update(name)
        .chain_update(chain)
        .finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    id
}

/// The longest start of `text` of at most `bytes` bytes that ends at a character boundary.
fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    &text[..end]
}

fn u16_at(b: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*b.get(at..)?.first_chunk()?))
}

fn u32_at(b: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*b.get(at..)?.first_chunk()?))
}

fn u64_at(b: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*b.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::size::LADDER;

    fn header() -> Header {
        let mut header = Header {
            size: LADDER[2],
            stream_id: [7; 16],
            frame: 0,
            payload: 1000,
            payload_crc: 0x1234_5678,
            name: String::new(),
            chain: String::new(),
            chain_cut: false,
            end: Some(End { content: 5000, sha256: Digest([9; 32]) }),
        };
        header.set_texts("räksmörgås.txt", "zstd,video");
        header
    }

    #[test]
    fn headers_round_trip_and_damage_is_seen() {
        let bytes = header().to_bytes();
        assert_eq!(Header::parse(&bytes), Some(header()));
        for bit in 0..8 * HEADER_BYTES {
            let mut bytes = bytes;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::parse(&bytes), None, "bit {bit}");
        }
    }

    #[test]
    fn only_full_frames_go_on() {
        let mut full = header();
        (full.end, full.payload) = (None, LADDER[2].capacity() as u32);
        assert_eq!(Header::parse(&full.to_bytes()), Some(full.clone()));
        full.payload -= 1;
        assert_eq!(Header::parse(&full.to_bytes()), None);
        full.payload += 2;
        assert_eq!(Header::parse(&full.to_bytes()), None);
    }

    #[test]
    fn long_texts_are_cut_at_character_boundaries() {
        let mut long = header();
        long.set_texts(&"å".repeat(200), &format!("x{}", "ö".repeat(200)));
        assert_eq!(long.name, "å".repeat(48));
        assert_eq!(long.chain, format!("x{}", "ö".repeat(25)));
        assert_eq!(Header::parse(&long.to_bytes()), Some(long.clone()));
        let summary = long.summary().unwrap();
        assert!(summary.chain.ends_with("ö…"));
        long.set_texts("", &"c".repeat(148));
        assert!(!long.chain_cut);
    }
}
