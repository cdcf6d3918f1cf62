//! Block headers (RFC 9559, 10): track, time, flags, and the positions of laced frames (10.3).

use lab_codec::{Context, Error, Result};

use super::element::variable;
use crate::container::read_at::{ReadAt, read_before, read_bytes};

/// Maximum header before the lacing, in bytes: track number, time, flags.
const MAX_HEADER: usize = 8 + 2 + 1;
/// Maximum bytes of the 255 frame sizes of an EBML lace.
const MAX_LACE_SIZES: u64 = 255 * 8;

/// A frame of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Offset of the first byte in the file.
    pub offset: u64,
    /// Length in bytes.
    pub size: u64,
    /// Presentation time, in the file's time unit.
    pub time: i64,
    /// Whether decoding can start here.
    pub key: bool,
}

/// Reads the block at `data..end`: its track number and its frames. `cluster` is the time of its cluster.
/// `key` overrides the header's flag, which only simple blocks have.
///
/// # Errors
/// [`Corrupt`](lab_codec::ErrorKind::Corrupt), [`Limit`](lab_codec::ErrorKind::Limit), I/O errors.
pub(super) fn read(
    source: &dyn ReadAt,
    (data, end): (u64, u64),
    cluster: i64,
    key: Option<bool>,
    cx: &Context,
) -> Result<(u64, Vec<Block>)> {
    let broken = || Error::corrupt("a block of the Matroska file is shorter than its header");
    let mut head = [0; MAX_HEADER];
    let head = read_before(source, data, end, &mut head)?;
    let (track, length) = variable(head)?;
    let track = track.ok_or_else(broken)?;
    let (&[high, low, flags], _) =
        head.get(length..).and_then(|rest| rest.split_first_chunk()).ok_or_else(broken)?;
    let mut offset = data + length as u64 + 3;
    let sizes = match flags >> 1 & 3 {
        0 => vec![end - offset],
        lacing => {
            // Each byte of a Xiph size stands for up to 255 bytes of frames.
            let most = (end - offset).min(1 + MAX_LACE_SIZES + (end - offset) / 255);
            let lace = read_bytes(source, offset, most, "a laced block", cx)?;
            let (sizes, length) = laced_sizes(lacing, &lace, end - offset).ok_or_else(|| {
                Error::corrupt("the frame sizes of a laced Matroska block do not add up to the block")
            })?;
            offset += length;
            sizes
        }
    };
    let time = cluster.saturating_add(i16::from_be_bytes([high, low]).into());
    let key = key.unwrap_or(flags & 0x80 != 0);
    let frames = sizes.into_iter().map(|size| {
        let frame = Block { offset, size, time, key };
        offset += size;
        frame
    });
    Ok((track, frames.collect()))
}

/// Frame sizes of a lace, and the bytes that the size fields take; `block` counts the bytes of both.
fn laced_sizes(lacing: u8, lace: &[u8], block: u64) -> Option<(Vec<u64>, u64)> {
    let (&last, mut rest) = lace.split_first()?;
    let mut sizes: Vec<u64> = Vec::with_capacity(usize::from(last) + 1);
    for _ in 0..last {
        let size = match lacing {
            1 => {
                let mut size = 0_u64;
                loop {
                    let (&byte, after) = rest.split_first()?;
                    rest = after;
                    size += u64::from(byte);
                    if byte < 255 {
                        break size;
                    }
                }
            }
            2 => (block - 1) / (u64::from(last) + 1),
            _ => {
                let (value, length) = variable(rest).ok()?;
                rest = &rest[length..];
                match sizes.last() {
                    None => value?,
                    // All sizes except the first are differences, with an offset that makes them positive.
                    Some(before) => {
                        let value = value.unwrap_or((1 << (7 * length)) - 1).cast_signed();
                        before.checked_add_signed(value - ((1 << (7 * length - 1)) - 1))?
                    }
                }
            }
        };
        sizes.push(size);
    }
    let length = (lace.len() - rest.len()) as u64;
    let taken = sizes.iter().try_fold(length, |sum, size| sum.checked_add(*size))?;
    let left = block.checked_sub(taken)?;
    if lacing == 2 && sizes.first().is_some_and(|size| *size != left) {
        return None;
    }
    sizes.push(left);
    Some((sizes, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_lacing_lie_one_after_the_other() {
        // Three frames of 800, 500 and 1000 bytes: the example in RFC 9559, 10.3.
        let frames = [7; 2300];
        let heads: [(u8, &[u8]); 2] =
            [(1, &[2, 255, 255, 255, 35, 255, 245]), (3, &[2, 0x43, 0x20, 0x5E, 0xD3])];
        let read = |flags: u8, content: &[u8]| {
            let source = [&[0x81, 0xFF, 0xFE, flags], content].concat();
            read(&source, (0, source.len() as u64), 10, None, &Context::default())
        };
        let places = |blocks: &[Block]| blocks.iter().map(|b| (b.offset, b.size)).collect::<Vec<_>>();
        for (lacing, head) in heads {
            let (track, blocks) = read(0x80 | lacing << 1, &[head, &frames].concat()).unwrap();
            assert_eq!(track, 1);
            assert!(blocks.iter().all(|block| block.time == 8 && block.key));
            let at = 4 + head.len() as u64;
            assert_eq!(places(&blocks), [(at, 800), (at + 800, 500), (at + 1300, 1000)]);
            for end in 0..head.len() + 1300 {
                assert!(read(lacing << 1, &[head, &frames].concat()[..end]).is_err(), "{lacing}, {end}");
            }
        }
        let fixed = read(4, &[&[2], &frames[..9]].concat()).unwrap().1;
        assert_eq!(places(&fixed), [(5, 3), (8, 3), (11, 3)]);
        assert!(read(4, &[&[2], &frames[..8]].concat()).is_err());
        assert_eq!(places(&read(0, &frames).unwrap().1), [(4, 2300)]);
        assert!(read(2, &[]).is_err());
    }
}
