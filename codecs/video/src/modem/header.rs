//! The header of a frame: 28 bytes that identify its stream, its group and its place there.

/// Bytes of a header.
pub const HEADER_BYTES: usize = 28;

const MAGIC: u8 = 0xD7;
const VERSION: u8 = 1;

/// The kind of a frame's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Bytes of the stream.
    Data,
    /// Parity of the data frames of a group.
    Parity,
    /// The manifest of the stream: name, size, digest.
    Manifest,
    /// A picture for people; any payload is ignored.
    Poster,
}

const KINDS: [Kind; 4] = [Kind::Data, Kind::Parity, Kind::Manifest, Kind::Poster];

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// The kind of payload.
    pub kind: Kind,
    /// The number of the [`Profile`](crate::profile::Profile), up to 15.
    pub profile: u8,
    /// The number of the picture's style where the profile has several, up to 15.
    pub style: u8,
    /// Parity bytes of each Reed-Solomon codeword in the frame.
    pub parity: u8,
    /// Identifies the stream: equal in all its frames.
    pub stream_id: u32,
    /// The number of the frame in its stream, from 0.
    pub frame: u32,
    /// Length of the payload in bytes; at most 2^24 - 1.
    pub length: u32,
    /// The number of the frame's group, from 0; at most 2^24 - 1.
    pub group: u32,
    /// The place in the group: data frames first, then parity frames.
    pub index: u16,
    /// Data frames in the group.
    pub data_frames: u16,
    /// Parity frames in the group.
    pub parity_frames: u16,
}

impl FrameHeader {
    /// The bytes of the header. Only the lower 24 bits of `length` and `group` are stored.
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut b = [0; HEADER_BYTES];
        b[0] = MAGIC;
        b[1] = VERSION << 4 | self.kind as u8;
        b[2] = self.style << 4 | self.profile & 15;
        b[3] = self.parity;
        b[4..8].copy_from_slice(&self.stream_id.to_le_bytes());
        b[8..12].copy_from_slice(&self.frame.to_le_bytes());
        b[12..15].copy_from_slice(&self.length.to_le_bytes()[..3]);
        b[15..18].copy_from_slice(&self.group.to_le_bytes()[..3]);
        b[18..20].copy_from_slice(&self.index.to_le_bytes());
        b[20..22].copy_from_slice(&self.data_frames.to_le_bytes());
        b[22..24].copy_from_slice(&self.parity_frames.to_le_bytes());
        let crc = crc32c::crc32c(&b[..24]);
        b[24..].copy_from_slice(&crc.to_le_bytes());
        b
    }

    /// Parses the bytes of [`to_bytes`](Self::to_bytes); `None` for another checksum, magic, version or kind.
    pub fn parse(b: &[u8; HEADER_BYTES]) -> Option<Self> {
        let u16_at = |at: usize| u16::from_le_bytes([b[at], b[at + 1]]);
        let u24_at = |at: usize| u32::from_le_bytes([b[at], b[at + 1], b[at + 2], 0]);
        let u32_at = |at: usize| u32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]]);
        if u32_at(24) != crc32c::crc32c(&b[..24]) || b[0] != MAGIC || b[1] >> 4 != VERSION {
            return None;
        }
        Some(Self {
            kind: *KINDS.get(usize::from(b[1] & 15))?,
            profile: b[2] & 15,
            style: b[2] >> 4,
            parity: b[3],
            stream_id: u32_at(4),
            frame: u32_at(8),
            length: u24_at(12),
            group: u24_at(15),
            index: u16_at(18),
            data_frames: u16_at(20),
            parity_frames: u16_at(22),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_header_returns_and_no_flipped_bit_passes(
            kind in 0usize..4, profile in 0u8..16, style in 0u8..16, parity: u8, stream_id: u32, frame: u32,
            length in 0u32..1 << 24, group in 0u32..1 << 24,
            index: u16, data_frames: u16, parity_frames: u16, bit in 0..8 * HEADER_BYTES,
        ) {
            let header = FrameHeader {
                kind: KINDS[kind], profile, style, parity, stream_id, frame, length, group, index,
                data_frames, parity_frames,
            };
            let mut bytes = header.to_bytes();
            prop_assert_eq!(FrameHeader::parse(&bytes), Some(header));
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(FrameHeader::parse(&bytes), None);
        }
    }
}
