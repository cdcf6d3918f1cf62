//! Reads a bundle that [`pack`](super::pack) wrote, without git: frames are found by walking over the stored blocks of
//! the pack, and where that fails, by what every frame begins with.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::sync::{Mutex, MutexGuard};

use lab_codec::{Error, Lost, Result, StreamReader};

use super::{CHANNELS, HEIGHT, PAYLOAD, WIDTH, fill, labelled, pack};
use crate::frame;
use crate::header::{self, MAGIC, PREFIX, Rules};

/// The most bytes of a frame: a picture that does not compress, and a little.
const LARGEST: usize = (WIDTH * HEIGHT * CHANNELS) as usize + (1 << 16);
/// Bytes of a stored block's head.
const BLOCK_HEAD: usize = 5;

/// An open bundle.
pub struct Reader {
    file: Mutex<File>,
    /// By number, where the first stored block of a frame's blob begins.
    frames: BTreeMap<u32, u64>,
    length: u64,
}

impl Reader {
    /// Finds the frames.
    ///
    /// # Errors
    /// [`Unsupported`](lab_codec::ErrorKind::Unsupported) for a bundle without any; I/O errors.
    pub fn open(mut file: File) -> Result<Self> {
        let mut frames = BTreeMap::new();
        for place in find(&mut file)? {
            // A number is believed when the frame is read: its own checksum covers it.
            if let Some(number) = number_at(&mut file, place)? {
                frames.insert(number, place);
            }
        }
        let reader = Self { file: Mutex::new(file), frames, length: 0 };
        // The stream ends with the last frame that is whole: what a lost one held is not known.
        for number in reader.frames.keys().rev() {
            if let Some(payload) = reader.payload(*number)? {
                let length = u64::from(*number) * PAYLOAD as u64 + payload.len() as u64;
                return Ok(Self { length, ..reader });
            }
        }
        Err(Error::unsupported("a git bundle, but no stream is in it"))
    }

    fn file(&self) -> Result<MutexGuard<'_, File>> {
        self.file.lock().map_err(|_| Error::corrupt("a reader has failed"))
    }

    /// The bytes of the stream in a frame, unless they are lost.
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

/// Where the stored blocks of frames begin.
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
            // The pack ends with a digest, which is no object; damage is passed over.
            None if start + 20 >= end => None,
            None => match search(file, start)? {
                Some(blocks) => {
                    places.push(blocks);
                    // From within the blob, the next frame is found again.
                    Some(blocks + (BLOCK_HEAD + PREFIX) as u64)
                }
                None => None,
            },
        };
    }
    Ok(places)
}

/// Where the pack's first object begins: behind the empty line and 12 bytes.
fn first_object(file: &mut File) -> Result<Option<u64>> {
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(4096).read_to_end(&mut head)?;
    if !head.starts_with(pack::SIGNATURE) {
        return Err(Error::unsupported("no git bundle"));
    }
    Ok(head.windows(2).position(|two| two == b"\n\n").map(|at| at as u64 + 2 + 12))
}

/// Passes over the object at `start`: where its stored blocks begin, whether it is a frame, and where the next begins.
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
    // Behind the blocks there are 4 bytes of checksum.
    Ok((left == 0).then_some((blocks, is_frame, at + 4)))
}

/// The length of a stored block.
fn block_length(head: [u8; BLOCK_HEAD]) -> Option<u64> {
    let length = u16::from_le_bytes([head[1], head[2]]);
    let complement = u16::from_le_bytes([head[3], head[4]]);
    (head[0] <= 1 && length == !complement).then_some(u64::from(length))
}

/// Whether a blob that begins so is one of our frames.
fn is_prefix(bytes: &[u8]) -> bool {
    let field = |i: usize| bytes.get(4 * i..4 * i + 4);
    field(0) == Some(&MAGIC.to_le_bytes())
        && field(2) == Some(&WIDTH.to_le_bytes())
        && field(4) == Some(&CHANNELS.to_le_bytes())
}

/// Where the stored block of the next frame begins, searching from `start` on for what frames begin with.
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
        // What may begin at the end of this piece is looked at again.
        let keep = window.len().min(PREFIX + BLOCK_HEAD);
        at += (window.len() - keep) as u64;
        window.drain(..window.len() - keep);
    }
}

/// The number in the prefix of the frame whose blocks begin at `place`.
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

/// Reads what there is at `offset`, up to the length of `buf`.
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
