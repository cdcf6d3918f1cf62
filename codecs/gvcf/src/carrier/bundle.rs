//! Reads a bundle that [`pack`](super::pack) wrote, without git. Frames are found by walking over the objects
//! of the pack; where damage stops the walk, a search for the prefix of a frame resumes it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::sync::{Mutex, MutexGuard};

use lab_codec::{Error, Lost, Result, StreamReader};

use super::{CHANNELS, HEIGHT, PAYLOAD, WIDTH, fill, labelled, pack};
use crate::frame;
use crate::header::{self, MAGIC, PREFIX, Rules};

/// Maximum size of an object: an incompressible picture, and 64 KiB for its prefix and Zstandard's overhead.
const LARGEST: usize = (WIDTH * HEIGHT * CHANNELS) as usize + (1 << 16);
/// Size of a stored block's head in deflate: a flag byte, the length, and its complement.
const BLOCK_HEAD: usize = 5;

/// An open bundle.
pub(super) struct Reader {
    file: Mutex<File>,
    /// Offset of the first stored block of each frame's blob, by frame number.
    frames: BTreeMap<u32, u64>,
    length: u64,
}

impl Reader {
    /// Finds the frames.
    ///
    /// # Errors
    /// [`Unsupported`](lab_codec::ErrorKind::Unsupported) for a bundle without any; I/O errors.
    pub(super) fn open(mut file: File) -> Result<Self> {
        let mut frames = BTreeMap::new();
        for place in find(&mut file)? {
            // The number is only a hint here; reading the frame checks it against the label's checksum.
            if let Some(number) = number_at(&mut file, place)? {
                frames.insert(number, place);
            }
        }
        let reader = Self { file: Mutex::new(file), frames, length: 0 };
        // The length follows from the last intact frame: the payload length of a damaged one is unknown.
        for number in reader.frames.keys().rev() {
            if let Some(payload) = reader.payload(*number)? {
                let length = u64::from(*number) * PAYLOAD as u64 + payload.len() as u64;
                return Ok(Self { length, ..reader });
            }
        }
        Err(Error::unsupported("the git bundle does not hold a stream"))
    }

    fn file(&self) -> Result<MutexGuard<'_, File>> {
        self.file.lock().map_err(|_| Error::corrupt("a reader has failed"))
    }

    /// The stream bytes of a frame; `None` if they are lost.
    fn payload(&self, number: u32) -> Result<Option<Vec<u8>>> {
        let Some(place) = self.frames.get(&number) else { return Ok(None) };
        let Some(blob) = blob_at(&mut *self.file()?, *place)? else { return Ok(None) };
        let rules = Rules { max_raw: u64::from(WIDTH * HEIGHT * CHANNELS), ..Rules::default() };
        let picture = header::read(&blob, &rules).and_then(|checked| frame::decode(&checked, None));
        let Ok(picture) = picture else { return Ok(None) };
        let label = labelled(picture.pixels()).filter(|label| label.number == number);
        Ok(label.map(|label| picture.pixels()[label.payload].to_vec()))
    }
}

impl StreamReader for Reader {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<Lost> {
        fill(self.length, offset, buf, |number| self.payload(number))
    }
}

/// Finds the offsets of the stored blocks of all frames.
fn find(file: &mut File) -> Result<Vec<u64>> {
    let mut places = Vec::new();
    let end = file.metadata()?.len();
    let mut at = first_object(file)?;
    while let Some(start) = at.filter(|at| *at < end) {
        let walked = walk(file, start)?;
        if let Some((blocks, true, _)) = walked {
            places.push(blocks);
        }
        at = match walked {
            Some((_, _, next)) => Some(next),
            // The 20 bytes at the end of a pack are its SHA-1. Anything else that is not an object is damage.
            None if start + 20 >= end => None,
            None => match search(file, start)? {
                Some(blocks) => {
                    places.push(blocks);
                    // The end of this object is unknown, so the walk fails here again and searches for the
                    // next one.
                    Some(blocks + (BLOCK_HEAD + PREFIX) as u64)
                }
                None => None,
            },
        };
    }
    Ok(places)
}

/// Offset of the pack's first object: after the empty line that ends the bundle's head, and the pack's head
/// of 12 bytes.
fn first_object(file: &mut File) -> Result<Option<u64>> {
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(4096).read_to_end(&mut head)?;
    if !head.starts_with(pack::SIGNATURE) {
        return Err(Error::unsupported("not a git bundle: the signature is missing"));
    }
    Ok(head.windows(2).position(|two| two == b"\n\n").map(|at| at as u64 + 2 + 12))
}

/// Walks over the object at `start`. Returns the offset of its stored blocks, whether it is a frame, and the
/// offset of the next object; `None` where the bytes are not an object that [`pack`](super::pack) writes.
fn walk(file: &mut File, start: u64) -> Result<Option<(u64, bool, u64)>> {
    let mut head = [0; 16];
    let read = read_at(file, start, &mut head)?;
    let head = &head[..read];
    let Some(used) = head.iter().position(|byte| byte & 0x80 == 0).map(|last| last + 1) else {
        return Ok(None);
    };
    let mut size = u64::from(head[0] & 15);
    for (i, byte) in head[1..used].iter().enumerate() {
        size |= u64::from(byte & 127) << (4 + 7 * i.min(8));
    }
    if used > 9 || head.get(used..used + 2) != Some(&[0x78, 0x01]) || size > LARGEST as u64 {
        return Ok(None);
    }
    let blocks = start + used as u64 + 2;
    let mut at = blocks;
    let mut left = size;
    let mut first = [0; BLOCK_HEAD + PREFIX];
    let known = read_at(file, blocks, &mut first)?;
    loop {
        let mut block = [0; BLOCK_HEAD];
        if read_at(file, at, &mut block)? < BLOCK_HEAD {
            return Ok(None);
        }
        let Some(length) = block_length(block).filter(|length| *length <= left) else { return Ok(None) };
        at += BLOCK_HEAD as u64 + length;
        left -= length;
        if block[0] == 1 {
            break;
        }
    }
    let is_frame = head[0] >> 4 & 7 == 3 && known == first.len() && is_prefix(&first[BLOCK_HEAD..]);
    // Type 3 is a blob. Four bytes of Adler-32 follow the blocks.
    Ok((left == 0).then_some((blocks, is_frame, at + 4)))
}

/// The length of a stored block, if its head is valid: the complement tells it from other bytes.
fn block_length(head: [u8; BLOCK_HEAD]) -> Option<u64> {
    let length = u16::from_le_bytes([head[1], head[2]]);
    let complement = u16::from_le_bytes([head[3], head[4]]);
    (head[0] <= 1 && length == !complement).then_some(u64::from(length))
}

/// Whether a blob with this prefix is a frame of the carrier: magic number, width and channels.
fn is_prefix(bytes: &[u8]) -> bool {
    let field = |i: usize| bytes.get(4 * i..4 * i + 4);
    field(0) == Some(&MAGIC.to_le_bytes())
        && field(2) == Some(&WIDTH.to_le_bytes())
        && field(4) == Some(&CHANNELS.to_le_bytes())
}

/// Searches for the prefix of a frame from `start` on; returns the offset of its stored block.
fn search(file: &mut File, start: u64) -> Result<Option<u64>> {
    const PIECE: usize = 1 << 16;
    file.seek(SeekFrom::Start(start))?;
    let mut input = BufReader::with_capacity(PIECE, file);
    let mut window: Vec<u8> = Vec::new();
    let mut at = start;
    loop {
        let before = window.len();
        input.by_ref().take(PIECE as u64).read_to_end(&mut window)?;
        let found = window
            .windows(PREFIX)
            .enumerate()
            .find(|(i, bytes)| *i >= BLOCK_HEAD && bytes[0] == MAGIC.to_le_bytes()[0] && is_prefix(bytes));
        if let Some((i, _)) = found {
            return Ok(Some(at + (i - BLOCK_HEAD) as u64));
        }
        if window.len() == before {
            return Ok(None);
        }
        // A prefix may straddle two pieces, so the end of this one is searched again.
        let keep = window.len().min(PREFIX + BLOCK_HEAD);
        at += (window.len() - keep) as u64;
        window.drain(..window.len() - keep);
    }
}

/// The frame number in the prefix at `place`.
fn number_at(file: &mut File, place: u64) -> Result<Option<u32>> {
    let mut bytes = [0; BLOCK_HEAD + 8];
    let read = read_at(file, place, &mut bytes)?;
    let number = bytes[BLOCK_HEAD + 4..].first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
    Ok(number.filter(|_| read == bytes.len()))
}

/// The blob whose stored blocks begin at `place`.
fn blob_at(file: &mut File, place: u64) -> Result<Option<Vec<u8>>> {
    file.seek(SeekFrom::Start(place))?;
    let mut input = BufReader::with_capacity(1 << 16, file);
    let mut blob = Vec::new();
    loop {
        let mut head = [0; BLOCK_HEAD];
        if input.read_exact(&mut head).is_err() {
            return Ok(None);
        }
        let Some(length) = block_length(head).filter(|length| blob.len() as u64 + length <= LARGEST as u64)
        else {
            return Ok(None);
        };
        let before = blob.len() as u64;
        input.by_ref().take(length).read_to_end(&mut blob)?;
        if blob.len() as u64 != before + length {
            return Ok(None);
        }
        if head[0] == 1 {
            return Ok(Some(blob));
        }
    }
}

/// Reads at `offset` until `buf` is full or the file ends; returns the number of bytes.
fn read_at(file: &mut File, offset: u64, buf: &mut [u8]) -> Result<usize> {
    file.seek(SeekFrom::Start(offset))?;
    let mut filled = 0;
    while filled < buf.len() {
        match file.read(&mut buf[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}
