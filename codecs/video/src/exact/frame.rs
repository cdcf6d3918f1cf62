//! One frame: from header and payload to a NAL unit, and the start of a NAL unit back to a header.

use super::emulation::{escape, unescape};
use super::h264::{parse_slice_start, slice_end, slice_start};
use super::header::Header;
use super::kernel::{MAX_UNIT, pack};
use super::size::FrameSize;
use super::whiten::FrameKey;
use super::{FIRST_MB_PAYLOAD, HEADER_BYTES, MB_BYTES};

/// The most bytes from the start of a slice's NAL unit to the end of its first macroblock: NAL and slice
/// header take at most 16 bytes.
pub const MAX_START: usize = (16 + MB_BYTES) * 3 / 2;

/// Room in front of the second macroblock for the NAL unit's length and its start.
const FRONT: usize = 4 + MAX_START;

/// Makes frames. The buffer is reused, so that only the first frame pays for its pages.
#[derive(Debug)]
pub struct Packer {
    size: FrameSize,
    buffer: Vec<u8>,
}

impl Packer {
    /// Makes frames of `size`.
    pub fn new(size: FrameSize) -> Self {
        // An unused macroblock takes less than a used one.
        let buffer = vec![0; FRONT + size.macroblocks() as usize * MAX_UNIT + MAX_UNIT];
        Self { size, buffer }
    }

    /// The size of the frames.
    pub fn size(&self) -> FrameSize {
        self.size
    }

    /// The frame as a sample: the NAL unit behind its length in 4 bytes (ISO/IEC 14496-15, 5.3.3). Fills in
    /// `header.payload` and `header.payload_crc`. `payload` is at most the frame's capacity.
    pub fn pack(&mut self, header: &mut Header, payload: &[u8]) -> &[u8] {
        let key = FrameKey::new(header.frame);
        let (first, rest) = payload.split_at(payload.len().min(FIRST_MB_PAYLOAD));
        let (whole, partial) = rest.as_chunks::<MB_BYTES>();
        let mut crc = crc32c::crc32c(first);
        let mut end = FRONT + pack(whole.as_flattened(), key, 1, &mut crc, &mut self.buffer[FRONT..]);
        if !partial.is_empty() {
            let mut samples = [0; MB_BYTES];
            samples[..partial.len()].copy_from_slice(partial);
            let mb = 1 + whole.len() as u32;
            end += pack(&samples, key, mb, &mut 0, &mut self.buffer[end..]);
            crc = crc32c::crc32c_append(crc, partial);
        }
        header.payload = payload.len() as u32;
        header.payload_crc = crc;

        let mut coded = Vec::new();
        escape(&slice_end(self.size, header.used_macroblocks()), &mut coded);
        self.buffer[end..end + coded.len()].copy_from_slice(&coded);
        end += coded.len();

        let mut raw = slice_start(header.frame);
        raw.extend(header.to_bytes());
        let at = raw.len();
        raw.extend(first);
        raw.resize(at + FIRST_MB_PAYLOAD, 0);
        key.apply(0, HEADER_BYTES, &mut raw[at..]);
        coded.clear();
        escape(&raw, &mut coded);
        let start = FRONT - coded.len();
        self.buffer[start..FRONT].copy_from_slice(&coded);
        let length = (end - start) as u32;
        self.buffer[start - 4..start].copy_from_slice(&length.to_be_bytes());
        &self.buffer[start - 4..end]
    }
}

/// What the start of a slice's NAL unit holds.
#[derive(Debug, Clone)]
pub struct FrameStart {
    /// The header.
    pub header: Header,
    /// The payload in the first macroblock; only [`Header::payload`] bytes of it count.
    pub payload: [u8; FIRST_MB_PAYLOAD],
    /// Coded bytes up to the second macroblock.
    pub length: usize,
}

impl FrameStart {
    /// Reads the start of a slice's NAL unit, [`MAX_START`] bytes of it or all; `None` where it is not a
    /// frame of ours or is damaged.
    pub fn parse(nal: &[u8]) -> Option<Self> {
        // The slice header has no two zero bytes, so that its length is the same in coded bytes.
        let start = parse_slice_start(nal.get(..16.min(nal.len()))?)?;
        let mut raw = [0; 16 + MB_BYTES];
        let raw = raw.get_mut(..start + MB_BYTES)?;
        let (length, given) = unescape(nal, raw);
        if given < raw.len() {
            return None;
        }
        let (header, payload) = raw[start..].split_first_chunk::<HEADER_BYTES>()?;
        let header = Header::parse(header)?;
        let mut payload: [u8; FIRST_MB_PAYLOAD] = *payload.first_chunk()?;
        FrameKey::new(header.frame).apply(0, HEADER_BYTES, &mut payload);
        Some(Self { header, payload, length })
    }
}
