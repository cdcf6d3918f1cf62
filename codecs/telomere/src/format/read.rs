//! Decodes `.tlmr` files. Every length is checked against the bytes that are left before it is used.

use lab_bits::{
    arity::{self, Kind},
    evql,
    msb::BitReader,
};
use lab_codec::{Context, Error, ErrorKind, Result, reserve};
use sha2::{Digest as _, Sha256};

use super::{BATCH, Extension, MARK, MAX_BLOCK, Record};
use crate::seed::{self, Salt, Seed};

/// Bytes of a literal that are copied before they are hashed: they are then still in the nearest cache.
const HASH_PIECE: usize = 64 << 10;

/// Parameters read from a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    /// The extended header, if the file has one.
    pub extension: Option<Extension>,
    /// Bytes of a block.
    pub block_size: u8,
    /// Number of batches in the stream of the last pass.
    pub batches: u64,
}

/// Decodes a `.tlmr` file and appends its content, which must have `expected` bytes if that is given.
///
/// # Errors
/// [`Corrupt`](lab_codec::ErrorKind::Corrupt), [`Truncated`](lab_codec::ErrorKind::Truncated),
/// [`Unsupported`](lab_codec::ErrorKind::Unsupported) for a newer version,
/// [`Limit`](lab_codec::ErrorKind::Limit) where the content or a pass exceeds the limits,
/// [`Cancelled`](lab_codec::ErrorKind::Cancelled).
pub fn read(file: &[u8], expected: Option<u64>, out: &mut Vec<u8>, cx: &Context) -> Result<Contents> {
    if file.first() != Some(&MARK[0]) {
        let (block_size, batches) = Stream { salt: None, cx }.read(file, Wanted::Content(expected), out)?;
        return Ok(Contents { extension: None, block_size, batches });
    }
    let (extension, first) = read_extension(file)?;
    let stream = Stream { salt: Some(extension.salt), cx };
    let mut inner: Option<Vec<u8>> = None;
    let mut outermost = None;
    for _ in 1..extension.passes {
        let input = inner.as_deref().unwrap_or(first);
        let mut content = Vec::new();
        let found = stream.read(input, Wanted::Pass, &mut content)?;
        // Encoders keep a pass only where it gains. Requiring that here ends a file that decodes to itself
        // for ever.
        if content.len() <= input.len() {
            return Err(Error::corrupt("a pass that did not gain: decoding must make the stream longer"));
        }
        outermost.get_or_insert(found);
        inner = Some(content);
    }
    let start = out.len();
    let found = stream.read(inner.as_deref().unwrap_or(first), Wanted::Content(expected), out)?;
    if is_pass(&out[start..], extension.salt, cx)? {
        return Err(Error::corrupt(
            "the content is itself the stream of a pass: the number of passes is too small",
        ));
    }
    let (block_size, batches) = *outermost.get_or_insert(found);
    Ok(Contents { extension: Some(extension), block_size, batches })
}

/// Whether `content` could be the stream of a pass under this salt: it decodes, and to more bytes than it
/// has. Extended files never hold such content, so that a damaged number of passes is detected.
///
/// # Errors
/// Cancellation.
pub fn is_pass(content: &[u8], salt: Salt, cx: &Context) -> Result<bool> {
    let mut inner = Vec::new();
    match (Stream { salt: Some(salt), cx }).read(content, Wanted::Pass, &mut inner) {
        Ok(_) => Ok(inner.len() > content.len()),
        Err(e) if e.kind() == ErrorKind::Cancelled => Err(e),
        Err(_) => Ok(false),
    }
}

/// Splits a file into its extended header and the stream behind it.
fn read_extension(file: &[u8]) -> Result<(Extension, &[u8])> {
    let Some((mark, rest)) = file.split_first_chunk::<4>() else {
        return Err(Error::truncated("the file ends in its first bytes: a .tlmr file has at least 2"));
    };
    if *mark != MARK {
        return Err(Error::unsupported("not a .tlmr file, or one of a newer version"));
    }
    let Some((&[passes, salt_len], rest)) = rest.split_first_chunk::<2>() else {
        return Err(Error::truncated("the file ends before its salt"));
    };
    if passes == 0 {
        return Err(Error::corrupt("an extended file without a pass"));
    }
    if usize::from(salt_len) > seed::MAX_SALT_LEN {
        return Err(Error::corrupt(format!(
            "a salt of {salt_len} bytes; the longest allowed has {}",
            seed::MAX_SALT_LEN
        )));
    }
    let Some((salt, rest)) = rest.split_at_checked(usize::from(salt_len)) else {
        return Err(Error::truncated("the file ends in its salt"));
    };
    Ok((Extension { passes, salt: Salt::new(salt)? }, rest))
}

/// What a stream decodes to.
#[derive(Clone, Copy)]
enum Wanted {
    /// The content of the file, with its length in bytes if that is known.
    Content(Option<u64>),
    /// The stream of another pass.
    Pass,
}

/// Decodes the streams of one file.
struct Stream<'a> {
    /// The salt of an extended file, which may hold large batches; `None` for a plain file, which may not.
    salt: Option<Salt>,
    cx: &'a Context,
}

impl Stream<'_> {
    /// Decodes one stream and appends its content. Returns the block size and the number of batches.
    fn read(&self, bytes: &[u8], wanted: Wanted, out: &mut Vec<u8>) -> Result<(u8, u64)> {
        let mut bits = BitReader::new(bytes);
        let (raw_len, block_size) =
            read_header(&mut bits).map_err(|e| e.at("the first bytes are not those of a .tlmr file"))?;
        match wanted {
            Wanted::Content(Some(expected)) if expected != raw_len => {
                return Err(Error::corrupt(format!(
                    "the file holds {raw_len} bytes where {expected} are expected"
                )));
            }
            Wanted::Content(_) => self.cx.limits().check_output(raw_len, "content")?,
            // Two passes are in memory together, and a growing vector may hold each twice.
            Wanted::Pass => self.cx.limits().check_memory(raw_len.saturating_mul(4), "a pass")?,
        }
        let raw_len =
            usize::try_from(raw_len).map_err(|_| Error::limit("content beyond this machine's memory"))?;
        let end = out
            .len()
            .checked_add(raw_len)
            .ok_or_else(|| Error::limit("content beyond this machine's memory"))?;
        // Reserve at most twice the stream's length: a forged content length then costs no more memory than
        // the file. Longer content grows the vector as records yield it.
        reserve(out, raw_len.min(bytes.len().saturating_mul(2)))?;
        let mut batches = 0;
        while out.len() < end {
            self.cx.check()?;
            self.read_batch(&mut bits, usize::from(block_size), end, out)
                .map_err(|e| e.at(format!("batch {batches}")))?;
            batches += 1;
        }
        match bits.bits_left() {
            0 => Ok((block_size, batches)),
            left => Err(Error::corrupt(format!("{} bytes follow the last batch", left / 8))),
        }
    }

    /// Decodes one batch and appends its bytes; `out` has `end` bytes after the last batch.
    fn read_batch(
        &self,
        bits: &mut BitReader,
        block_size: usize,
        end: usize,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let (version, count) = (bits.read(4)?, bits.read(4)?);
        let digest = bits.read(16)?;
        let records = match (version, count) {
            (0, 1..=BATCH) => count,
            (1, 1..=BATCH) if self.salt.is_some() => count,
            (1, 0) if self.salt.is_some() => evql::read(bits)?.saturating_add(BATCH + 1),
            (0 | 1, _) => {
                return Err(Error::corrupt(format!(
                    "a batch header of version {version} with {count} records"
                )));
            }
            _ => return Err(Error::unsupported(format!("batch version {version}; use a newer program"))),
        };
        let mut hash = Hash { hasher: Sha256::new(), hashed: out.len() };
        for record in 0..records {
            // A batch may hold 2^64 records: check for cancellation inside it, too.
            if record % 4096 == 4095 {
                self.cx.check()?;
            }
            let left = end - out.len();
            match read_record(bits)? {
                Record::Seed { index, arity } => {
                    let length = usize::from(arity) * block_size;
                    if length > left {
                        return Err(Error::corrupt(format!(
                            "a seed of {length} bytes where {left} are left in the content"
                        )));
                    }
                    let seed = Seed::at(index).ok_or_else(|| {
                        Error::corrupt(format!("seed index {index} is beyond those of 3 bytes"))
                    })?;
                    reserve(out, length)?;
                    seed::expand(&self.salt.unwrap_or_default(), seed, length, out);
                }
                Record::Literal { blocks } => {
                    let fitting = usize::try_from(blocks).ok().filter(|n| *n <= left.div_ceil(block_size));
                    let Some(count) = fitting else {
                        return Err(Error::corrupt(format!(
                            "a literal of {blocks} blocks where {left} bytes are left"
                        )));
                    };
                    let length = count.saturating_mul(block_size).min(left);
                    bits.check_bytes(length)?;
                    reserve(out, length)?;
                    let to = out.len() + length;
                    while out.len() < to {
                        bits.read_bytes(HASH_PIECE.min(to - out.len()), out)?;
                        hash.catch_up(out, HASH_PIECE);
                    }
                }
            }
            hash.catch_up(out, HASH_PIECE);
        }
        bits.align()?;
        let found = hash.finish(out);
        if u64::from(found) != digest {
            return Err(Error::corrupt(format!(
                "the digest begins with {found:04x} instead of {digest:04x}: the batch is damaged"
            )));
        }
        Ok(())
    }
}

/// Reads the content length and the block size.
fn read_header(bits: &mut BitReader) -> Result<(u64, u8)> {
    let raw_len = evql::read(bits)?;
    bits.align()?;
    let block_size = evql::read(bits)?;
    bits.align()?;
    match u8::try_from(block_size) {
        Ok(size @ 1..=MAX_BLOCK) => Ok((raw_len, size)),
        _ => Err(Error::corrupt(format!("a block of {block_size} bytes; 1 to {MAX_BLOCK} are allowed"))),
    }
}

fn read_record(bits: &mut BitReader) -> Result<Record> {
    Ok(match arity::read(bits)? {
        Kind::Seed(arity) => {
            // An index above 32 bits saturates: `Seed::at` refuses it like every index beyond the last seed.
            let index = evql::read(bits)?;
            Record::Seed { index: u32::try_from(index).unwrap_or(u32::MAX), arity }
        }
        Kind::Literal => Record::Literal { blocks: evql::read(bits)?.saturating_add(1) },
    })
}

/// Computes the digest of a batch's output piece by piece, while the bytes are still cached.
struct Hash {
    hasher: Sha256,
    /// Length of the output that is already hashed.
    hashed: usize,
}

impl Hash {
    /// Hashes what is new, if that is at least `least` bytes.
    fn catch_up(&mut self, out: &[u8], least: usize) {
        if out.len() - self.hashed >= least {
            self.hasher.update(&out[self.hashed..]);
            self.hashed = out.len();
        }
    }

    /// The first two bytes of the digest.
    fn finish(mut self, out: &[u8]) -> u16 {
        self.catch_up(out, 1);
        let digest = self.hasher.finalize();
        u16::from_be_bytes([digest[0], digest[1]])
    }
}
