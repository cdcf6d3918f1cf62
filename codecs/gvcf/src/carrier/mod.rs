//! The `gvcf` carrier: a byte stream in the pixels of frames that are commits.
//!
//! It is written as a git bundle: one file, which `git clone` makes a repository of, and needs no git to write or to
//! read. A clone of it, made anywhere later, is read as well, through git. Each frame tells its place in the stream and
//! has a checksum of its own, so what is damaged is known to be lost, and the rest is right.

mod bundle;
mod pack;

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use lab_codec::{
    Capabilities, Carrier, Context, Entry, Error, Info, Lost, Memory, Params, Probe, Resources, Result,
    Source, StreamReader, StreamWriter, Summary, Target,
};

use crate::header::{Rules, Shape};
use crate::repository::{Missing, Repository};

/// Pixels in a row of a frame.
const WIDTH: u32 = 1024;
/// Rows of all frames but the last.
const HEIGHT: u32 = 341;
const CHANNELS: u32 = 3;
/// Bytes of the stream that a frame holds, but for the last.
const PAYLOAD: usize = (WIDTH * HEIGHT * CHANNELS) as usize - LABEL;
/// Bytes before them: magic, number, bytes that follow, whether it is the last frame, CRC-32 of all before and after.
const LABEL: usize = 24;
const MAGIC: [u8; 8] = [0x8B, b'G', b'V', b'S', b'T', b'R', b'0', b'1'];

static INFO: Info = Info {
    id: "gvcf",
    summary: "a git bundle, or a clone of it, whose commits are video frames that hold the stream",
    params: &[],
    formats: &[1],
    memory: |_, _| Memory { encode: 16 << 20, decode: 16 << 20 },
    capabilities: Capabilities { range_decode: true, identity: false, external: false, pipe: false },
    // git only reads clones, and says so where it is missing.
    tools: &[],
};

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
            return Err(Error::usage("a bundle is not written to a pipe; give a file"));
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
            _ => Error::unsupported(format!("a repository that holds no stream: {e}")),
        };
        let mut repository =
            Repository::open(source.path, None, Missing::Refuse, rules, cx).map_err(foreign)?;
        let last = repository.entries().len() - 1;
        let picture = u32::try_from(last).map_err(|_| Error::limit("too many frames"))?;
        let picture = repository.picture(picture).map_err(foreign)?;
        let (number, end) = match labelled(picture.pixels()) {
            // The commit that ends the stream shows the last frame once more.
            Some(label) if label.last && label.number as usize <= last => (label.number, label.payload.end),
            _ => return Err(Error::unsupported("a repository of frames, but no stream is in them")),
        };
        let length = u64::from(number) * PAYLOAD as u64 + (end - LABEL) as u64;
        Ok(Box::new(Clone { length, repository: Mutex::new(repository) }))
    }
}

/// What a frame's pixels say about themselves, where their checksum is right.
struct Label {
    number: u32,
    last: bool,
    /// Where the stream's bytes lie in the pixels.
    payload: Range<usize>,
}

fn labelled(pixels: &[u8]) -> Option<Label> {
    let (head, rest) = pixels.split_first_chunk::<LABEL>()?;
    let field = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let payload = rest.get(..field(12) as usize)?;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&head[..20]);
    hasher.update(payload);
    let last = field(16);
    let right = head[..8] == MAGIC && last <= 1 && hasher.finalize() == field(20) && payload.len() <= PAYLOAD;
    // All frames but the last are full: that is how an offset becomes a frame.
    (right && (last == 1 || payload.len() == PAYLOAD)).then(|| Label {
        number: field(8),
        last: last == 1,
        payload: LABEL..LABEL + payload.len(),
    })
}

/// The pixels of a frame, and their shape.
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
        self.number = self.number.checked_add(1).ok_or_else(|| Error::limit("more frames than numbers"))?;
        self.waiting.clear();
        Ok(())
    }
}

impl StreamWriter for Writer {
    fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            // A full frame waits for the next byte: it may be the last.
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

/// Fills `buf` from the frames that hold the bytes at `offset`; `payload` gives those of a frame, or none where it is
/// lost.
fn fill(
    length: u64,
    offset: u64,
    buf: &mut [u8],
    mut payload: impl FnMut(u32) -> Result<Option<Vec<u8>>>,
) -> Result<Lost> {
    let end = offset.checked_add(buf.len() as u64).filter(|end| *end <= length && offset <= length);
    let Some(end) = end else {
        return Err(Error::truncated(format!("byte {offset} and on: the stream ends at {length}")));
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

/// A repository that was made of a bundle.
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
