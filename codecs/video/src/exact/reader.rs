//! Reads a stream back from a video of the profile `exact`, at any offset.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use lab_codec::{Context, Lost, Result, StreamReader, Summary, check_read};
use lab_media::container::{OpenFile, ReadAt};

use super::index::{Index, Slice};
use super::kernel::{UNIT, unpack};
use super::whiten::FrameKey;
use super::{FIRST_MB_PAYLOAD, MB_BYTES};

/// Bytes of coded data that are read at once: small enough to stay in the second-level cache.
const PIECE: usize = 128 << 10;

/// A stream in a video.
pub struct Reader {
    index: Index,
    len: u64,
    capacity: u64,
    /// The frame that was last read in part.
    cache: Mutex<Option<Cached>>,
    /// Buffers for coded pieces and for whole frames that wait for their next use.
    pieces: Mutex<Vec<Vec<u8>>>,
}

/// A decoded frame.
#[derive(Clone)]
struct Cached {
    frame: u32,
    /// `None` where the frame is lost.
    payload: Option<Arc<Vec<u8>>>,
}

impl Reader {
    /// Opens the stream in `file`.
    ///
    /// # Errors
    /// [`Unsupported`](lab_codec::ErrorKind::Unsupported) where the file is no video or holds no stream of
    /// ours, errors of its container, I/O errors.
    pub fn open(file: std::fs::File, cx: &Context) -> Result<Self> {
        Self::open_at(Arc::new(OpenFile::new(file)?), cx)
    }

    /// Opens the stream in a video that lies anywhere, for instance in memory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_at(file: Arc<dyn ReadAt>, cx: &Context) -> Result<Self> {
        let index = Index::open(file, cx)?;
        let len = match &index.last {
            Some(last) => last.offset() + u64::from(last.payload),
            // The end is lost. Every frame but the last is full and is followed by at least a byte; that
            // byte counts as lost, so that nobody takes the stream for complete.
            None => (u64::from(index.highest) + 1) * index.common.size.capacity() as u64 + 1,
        };
        let capacity = index.common.size.capacity() as u64;
        Ok(Self { index, len, capacity, cache: Mutex::new(None), pieces: Mutex::new(Vec::new()) })
    }

    /// Decodes frame `frame` into `out`, which has the length of its payload; whether that succeeded. `out`
    /// is undefined where it did not.
    fn decode(&self, frame: u32, out: &mut [u8]) -> Result<bool> {
        let mut piece = lock(&self.pieces).pop().unwrap_or_default();
        piece.resize(PIECE, 0);
        let file = &*self.index.file;
        let done = self.index.any_slice_of(frame, |slice| decode_slice(file, &slice, &mut piece, out));
        lock(&self.pieces).push(piece);
        Ok(done?)
    }

    /// Copies a part of frame `frame`, whose payload has `length` bytes, from `from` on; whether it is there.
    fn copy_part(&self, frame: u32, length: usize, from: usize, out: &mut [u8]) -> Result<bool> {
        let cached = lock(&self.cache).as_ref().filter(|cached| cached.frame == frame).cloned();
        let payload = match cached {
            Some(cached) => cached.payload,
            None => {
                // The buffer of the frame before serves again, unless another thread still copies from it.
                let before = lock(&self.cache).take().and_then(|cached| cached.payload);
                let mut payload = before.and_then(Arc::into_inner).unwrap_or_default();
                payload.resize(length, 0);
                let payload = self.decode(frame, &mut payload)?.then(|| Arc::new(payload));
                *lock(&self.cache) = Some(Cached { frame, payload: payload.clone() });
                payload
            }
        };
        let part = payload.as_ref().and_then(|payload| payload.get(from..from + out.len()));
        if let Some(part) = part {
            out.copy_from_slice(part);
        }
        Ok(part.is_some())
    }
}

/// Locks a cache or pool; after a panic elsewhere its content is still sound.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Decodes a slice into `out`; whether it has that many payload bytes with the right checksum.
fn decode_slice(file: &dyn ReadAt, slice: &Slice, piece: &mut [u8], out: &mut [u8]) -> io::Result<bool> {
    let header = &slice.start.header;
    if header.payload as usize != out.len() {
        return Ok(false);
    }
    let key = FrameKey::new(header.frame);
    let (first, rest) = out.split_at_mut(out.len().min(FIRST_MB_PAYLOAD));
    first.copy_from_slice(&slice.start.payload[..first.len()]);
    let mut crc = crc32c::crc32c(first);

    let partial = rest.len() % MB_BYTES;
    let (mut whole, partial) = rest.split_at_mut(rest.len() - partial);
    let mut last = [0; MB_BYTES];
    let mut last_left = !partial.is_empty();
    let (mut offset, mut unread) = (slice.offset, slice.length);
    let (mut held, mut mb) = (0, 1);
    while !whole.is_empty() || last_left {
        // No more than what is needed: the coded bytes of the rest, and a little for escapes.
        let needed = (whole.len() / MB_BYTES + 1) * UNIT + MB_BYTES;
        let size = unread.min((piece.len().min(held + needed) - held) as u64) as usize;
        match file.read_exact_at(offset, &mut piece[held..held + size]) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            other => other?,
        }
        offset += size as u64;
        unread -= size as u64;
        held += size;
        let Some((mut taken, given)) = unpack(&piece[..held], key, mb, &mut crc, whole) else {
            return Ok(false);
        };
        whole = &mut whole[given..];
        mb += (given / MB_BYTES) as u32;
        if whole.is_empty() && last_left {
            let Some((more, given)) = unpack(&piece[taken..held], key, mb, &mut 0, &mut last) else {
                return Ok(false);
            };
            last_left = given == 0;
            taken += more;
        }
        if taken == 0 && size == 0 {
            return Ok(false); // the slice ends inside a macroblock
        }
        piece.copy_within(taken..held, 0);
        held -= taken;
    }
    partial.copy_from_slice(&last[..partial.len()]);
    Ok(crc32c::crc32c_append(crc, partial) == header.payload_crc)
}

impl StreamReader for Reader {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, mut offset: u64, mut buf: &mut [u8]) -> Result<Lost> {
        check_read(offset, buf.len(), self.len)?;
        let mut lost = Lost::new();
        while !buf.is_empty() {
            let (frame, from) = (offset / self.capacity, offset % self.capacity);
            let length = self.capacity.min(self.len - frame * self.capacity);
            let (part, rest) = buf.split_at_mut((buf.len() as u64).min(length - from) as usize);
            let there = match u32::try_from(frame) {
                Ok(frame) if part.len() as u64 == length => self.decode(frame, part)?,
                Ok(frame) => self.copy_part(frame, length as usize, from as usize, part)?,
                Err(_) => false,
            };
            let end = offset + part.len() as u64;
            if !there {
                part.fill(0);
                match lost.last_mut() {
                    Some(last) if last.end == offset => last.end = end,
                    _ => lost.push(offset..end),
                }
            }
            offset = end;
            buf = rest;
        }
        Ok(lost)
    }

    fn summary(&self) -> Option<Summary> {
        self.index.last.as_ref()?.summary()
    }
}
