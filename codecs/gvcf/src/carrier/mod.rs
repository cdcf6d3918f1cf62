//! The `gvcf` carrier: a byte stream in the pixels of frames, each of which is a commit.
//!
//! It writes a git bundle: one file, which `git clone` turns into a repository. Writing and reading a bundle
//! needs no git; a clone of it is read through git. Each frame carries its position in the stream and a
//! checksum, so damage is reported as lost bytes, and all other bytes are right.

mod bundle;
mod pack;

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use lab_codec::{
    Carrier, Context, Entry, Error, Info, Lost, Memory, Params, Probe, Resources, Result, Source,
    StreamReader, StreamWriter, Summary, Target,
};

use crate::header::{Rules, Shape};
use crate::repository::{Missing, Repository};

/// Width of a frame.
const WIDTH: u32 = 1024;
/// Height of every frame but the last. 1024 x 341 pixels of 3 bytes are just below 1 MiB.
const HEIGHT: u32 = 341;
const CHANNELS: u32 = 3;
/// Stream bytes in a frame; the last frame may have fewer.
const PAYLOAD: usize = (WIDTH * HEIGHT * CHANNELS) as usize - LABEL;
/// Size of the label before them: magic, number, payload length, a flag for the last frame, CRC-32 of label
/// and payload.
const LABEL: usize = 24;
const MAGIC: [u8; 8] = [0x8B, b'G', b'V', b'S', b'T', b'R', b'0', b'1'];

static INFO: Info =
    Info::new("gvcf", "a git bundle, or a clone of it, whose commits are video frames that hold the stream")
        .memory(|_, _| Memory::new(16 << 20, 16 << 20))
        .range_decode();

/// The carrier, for a registry.
pub const GVCF: Entry =
    Entry::carrier(&INFO, |_: &Params, _: &Resources| -> Result<Arc<dyn Carrier>> { Ok(Arc::new(Gvcf)) });

struct Gvcf;

impl Carrier for Gvcf {
    fn extension(&self) -> &'static str {
        "bundle"
    }

    fn probe(&self, source: &Source) -> Probe {
        let repository = |path: &Path| path.join("HEAD").is_file() && path.join("objects").is_dir();
        let ours = match source.path.is_dir() {
            true => repository(source.path) || repository(&source.path.join(".git")),
            false => source.head.starts_with(pack::SIGNATURE),
        };
        if ours { Probe::Maybe } else { Probe::No }
    }

    fn create<'a>(
        &self,
        target: Target<'a>,
        name: &str,
        chain: &str,
        _: &Context,
    ) -> Result<Box<dyn StreamWriter + 'a>> {
        let Target::Path(path) = target else {
            return Err(Error::usage("a git bundle cannot be written to a pipe; give a file"));
        };
        let pack = pack::Writer::create(path, &format!("Stream\n\nName: {name:?}\nChain: {chain}\n"))?;
        Ok(Box::new(Writer { pack, number: 0, waiting: Vec::new() }))
    }

    fn open(&self, source: &Source, cx: &Context) -> Result<Box<dyn StreamReader>> {
        if !source.path.is_dir() {
            return Ok(Box::new(bundle::Reader::open(File::open(source.path)?)?));
        }
        let rules = Rules { max_raw: u64::from(WIDTH * HEIGHT * CHANNELS), ..Rules::default() };
        let foreign = |e: crate::Error| match e.kind() {
            lab_codec::ErrorKind::MissingTool | lab_codec::ErrorKind::MissingResource => e.into(),
            _ => Error::unsupported(format!("the repository does not hold a stream: {e}")),
        };
        let mut repository =
            Repository::open(source.path, None, Missing::Refuse, rules, cx).map_err(foreign)?;
        let last = repository.entries().len() - 1;
        let picture = u32::try_from(last).map_err(|_| Error::limit("too many frames"))?;
        let picture = repository.picture(picture).map_err(foreign)?;
        let (number, end) = match labelled(picture.pixels()) {
            // The commit that ends the stream keeps the tree of the last frame, so the last entry shows it
            // again.
            Some(label) if label.last && label.number as usize <= last => (label.number, label.payload.end),
            _ => return Err(Error::unsupported("the repository holds frames, but not a stream in them")),
        };
        let length = u64::from(number) * PAYLOAD as u64 + (end - LABEL) as u64;
        Ok(Box::new(Clone { length, repository: Mutex::new(repository) }))
    }
}

/// The label of a frame whose checksum is right.
struct Label {
    number: u32,
    last: bool,
    /// The stream's bytes in the pixels.
    payload: Range<usize>,
}

/// Reads and checks the label of a frame.
fn labelled(pixels: &[u8]) -> Option<Label> {
    let (head, rest) = pixels.split_first_chunk::<LABEL>()?;
    let field = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let payload = rest.get(..field(12) as usize)?;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&head[..20]);
    hasher.update(payload);
    let last = field(16);
    let right = head[..8] == MAGIC && last <= 1 && hasher.finalize() == field(20) && payload.len() <= PAYLOAD;
    // Every frame but the last must be full: a reader finds the frame of an offset by division.
    (right && (last == 1 || payload.len() == PAYLOAD)).then(|| Label {
        number: field(8),
        last: last == 1,
        payload: LABEL..LABEL + payload.len(),
    })
}

/// The shape and the pixels of a frame, padded with zeros to whole rows.
fn picture(number: u32, payload: &[u8], last: bool) -> (Shape, Vec<u8>) {
    let row = (WIDTH * CHANNELS) as usize;
    let rows = (LABEL + payload.len()).div_ceil(row);
    let mut pixels = Vec::with_capacity(rows * row);
    pixels.extend_from_slice(&MAGIC);
    for field in [number, payload.len() as u32, u32::from(last)] {
        pixels.extend_from_slice(&field.to_le_bytes());
    }
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&pixels);
    hasher.update(payload);
    pixels.extend_from_slice(&hasher.finalize().to_le_bytes());
    pixels.extend_from_slice(payload);
    pixels.resize(rows * row, 0);
    (Shape { width: WIDTH, height: rows as u32, channels: CHANNELS }, pixels)
}

struct Writer {
    pack: pack::Writer,
    number: u32,
    waiting: Vec<u8>,
}

impl Writer {
    fn frame(&mut self, last: bool) -> Result<()> {
        let (shape, pixels) = picture(self.number, &self.waiting, last);
        self.pack.frame(self.number, shape, pixels)?;
        self.number = self
            .number
            .checked_add(1)
            .ok_or_else(|| Error::limit("too many frames for a number of 32 bits"))?;
        self.waiting.clear();
        Ok(())
    }
}

impl StreamWriter for Writer {
    fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            // A full frame waits for the next byte, since it may be the last one and must then say so.
            if self.waiting.len() == PAYLOAD {
                self.frame(false)?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(PAYLOAD - self.waiting.len()));
            self.waiting.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, summary: &Summary) -> Result<()> {
        self.frame(true)?;
        let Summary { bytes, sha256, .. } = summary;
        self.pack.finish(&format!("End of the stream\n\nContent-Bytes: {bytes}\nContent-SHA256: {sha256}\n"))
    }
}

/// Fills `buf` with the stream's bytes from `offset` on. `payload` returns the bytes of a frame, or `None` if
/// it is lost; lost bytes become zeros and are reported.
fn fill(
    length: u64,
    offset: u64,
    buf: &mut [u8],
    mut payload: impl FnMut(u32) -> Result<Option<Vec<u8>>>,
) -> Result<Lost> {
    let end = offset.checked_add(buf.len() as u64).filter(|end| *end <= length && offset <= length);
    let Some(end) = end else {
        let wanted = buf.len();
        return Err(Error::truncated(format!("{wanted} bytes at {offset}, but the stream ends at {length}")));
    };
    let (mut lost, mut at, mut rest) = (Lost::new(), offset, buf);
    while at < end {
        let (number, start) = (at / PAYLOAD as u64, (at % PAYLOAD as u64) as usize);
        let (target, behind) = rest.split_at_mut(rest.len().min(PAYLOAD - start));
        let bytes = payload(number as u32)?;
        match bytes.as_deref().and_then(|bytes| bytes.get(start..start + target.len())) {
            Some(bytes) => target.copy_from_slice(bytes),
            None => {
                target.fill(0);
                lost.push(at..at + target.len() as u64);
            }
        }
        at += target.len() as u64;
        rest = behind;
    }
    Ok(lost)
}

/// A repository that was cloned from a bundle.
struct Clone {
    length: u64,
    repository: Mutex<Repository>,
}

impl StreamReader for Clone {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<Lost> {
        fill(self.length, offset, buf, |number| {
            let mut repository = self.repository.lock().map_err(|_| Error::corrupt("a reader has failed"))?;
            let Ok(picture) = repository.picture(number) else { return Ok(None) };
            let label = labelled(picture.pixels()).filter(|label| label.number == number);
            Ok(label.map(|label| picture.pixels()[label.payload].to_vec()))
        })
    }
}
