//! A clip as frames: the encoder chooses key frames, references and the smallest type of each; the decoder
//! returns any picture and decodes only the frames that it depends on.
//!
//! A frame normally refers to the one before it. Two limits bound the work of a reader who wants just one
//! frame: the key-frame interval [`Options::key`], and [`Options::reach`], the number of changed pixels to
//! decode. Where the chain would exceed `reach`, a frame refers to the key frame instead, so still scenes
//! have long chains and busy ones short ones.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::colours;
use crate::error::{Error, Result};
use crate::frame::{self, Change, Picture, Source};
use crate::header::{self, Kind, Rules, Shape};
use crate::planes::{Colour, Plane};
use crate::yuv::{self, Matrix};

/// The frame types that an encoder uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Types {
    /// 0 and 1 only, the types of the public description.
    Classic,
    /// As `Classic`, restricted to what the public implementation decodes exactly: type 1 only where every
    /// difference is within -128..=127, and a blob of its own for every frame.
    ClassicStrict,
    /// The smallest of 4, 5 and 6.
    Auto,
    /// This type; in place of type 1, a key frame has type 0.
    Only(Kind),
}

/// Settings of an encoder.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The frame types to choose from.
    pub types: Types,
    /// Maximum key-frame interval, in frames.
    pub key: u32,
    /// Maximum number of pixels that a reader decodes for one frame: those of the key frame and of changed
    /// blocks along the chain. At least two pictures, or a frame after the key frame could not refer to it.
    pub reach: u64,
}

/// Cost of a pixel of type 6 that differs from its neighbours, in pixels of type 4. It takes about 0.4
/// microseconds.
const BUSY_COST: u64 = 16;

/// Three pictures of 1280x720, which decode in a few hundredths of a second.
pub const REACH: u64 = 3 * 1280 * 720;

impl Default for Options {
    fn default() -> Self {
        Self { types: Types::Auto, key: 60, reach: REACH }
    }
}

/// A coded frame.
#[derive(Debug, Clone)]
pub struct Coded {
    /// Its number.
    pub number: u32,
    /// SHA-256 of its pixels.
    pub sha256: [u8; 32],
    /// What the repository stores for it.
    pub content: Content,
    /// Number of the key frame that decoding begins with.
    pub key: u32,
    /// Number of the reference frame.
    pub reference: Option<u32>,
}

/// What the repository stores for a frame.
#[derive(Debug, Clone)]
pub enum Content {
    /// A blob of its own.
    Blob(Kind, Vec<u8>),
    /// The blob of this earlier frame, whose pixels are equal.
    Same(u32),
}

/// What an encoder remembers of a frame.
#[derive(Debug, Clone, Copy)]
struct Known {
    number: u32,
    key: u32,
    reference: Option<u32>,
    /// Pixels that a reader decodes for the frame, from the key frame on.
    cost: u64,
}

/// The chosen reference of a frame.
struct Reference {
    picture: Arc<Picture>,
    to: u32,
    key: u32,
    /// Decoding cost of the whole chain, from the key frame to the new frame.
    cost: u64,
    /// The new frame's own part of it.
    work: Work,
}

/// Decoding work of one frame.
#[derive(Debug, Clone, Copy)]
struct Work {
    /// Pixels in changed blocks.
    changed: u64,
    /// Whether type 6 is to be tried: few colours, and few enough busy pixels.
    drawn: bool,
    /// Decoding cost, in pixels of type 4.
    cost: u64,
}

/// Encodes a clip, a batch of frames at a time.
pub struct Encoder {
    options: Options,
    shape: Shape,
    next: u32,
    /// The colour transform since the last key frame.
    colour: Colour,
    /// Whether key frames still test for pixels that came from YUV 4:2:0.
    try_yuv: bool,
    /// Picture and record of the last frame.
    last: Option<(Arc<Picture>, Known)>,
    /// Picture and record of the last key frame.
    key_frame: Option<(Arc<Picture>, Known)>,
    /// The frames since the last key frame, by SHA-256 of their pixels.
    seen: HashMap<[u8; 32], Known>,
}

/// The decision about a frame. Decisions depend on earlier frames and are made in order; coding then runs in
/// parallel.
enum Plan {
    Same(Coded),
    Code { source: Source, sha256: [u8; 32], key: u32, colour: Colour, drawn: bool },
}

impl Encoder {
    /// An encoder of pictures of one shape; the first gets `number`.
    pub fn new(shape: Shape, number: u32, options: Options) -> Self {
        Self {
            options,
            shape,
            next: number,
            colour: Colour::Plain,
            try_yuv: true,
            last: None,
            key_frame: None,
            seen: HashMap::new(),
        }
    }

    /// Encodes the next pictures, each given by its pixels. A larger batch keeps more threads busy; the
    /// result does not depend on the batches.
    ///
    /// # Errors
    /// [`Code::Format`](crate::error::Code::Format) for pixels of another shape;
    /// [`Code::Memory`](crate::error::Code::Memory) where a frame is too large, or frame numbers run out.
    pub fn encode(&mut self, pictures: Vec<Vec<u8>>) -> Result<Vec<Coded>> {
        let digests: Vec<[u8; 32]> =
            pictures.par_iter().map(|pixels| Sha256::digest(pixels).into()).collect();
        let plans: Vec<Plan> = pictures
            .into_iter()
            .zip(digests)
            .map(|(pixels, sha256)| self.plan(pixels, sha256))
            .collect::<Result<_>>()?;
        plans.into_par_iter().map(|plan| self.code(plan)).collect()
    }

    /// Decides what to store for the next frame, and updates the state that later frames depend on.
    fn plan(&mut self, pixels: Vec<u8>, sha256: [u8; 32]) -> Result<Plan> {
        let number = self.next;
        self.next = number
            .checked_add(1)
            .ok_or_else(|| Error::memory("too many frames: the next number exceeds 32 bits"))?;
        let reuse = self.options.types != Types::ClassicStrict;
        if let Some(known) =
            self.seen.get(&sha256).copied().filter(|known| reuse && number - known.key < self.options.key)
        {
            if self.last.as_ref().is_none_or(|(_, last)| last.number != known.number) {
                let hint = self.last.as_ref().map(|(picture, _)| picture.clone());
                let picture = self.picture(pixels, hint.as_deref())?;
                self.last = Some((Arc::new(picture), known));
            }
            let Known { key, reference, .. } = known;
            return Ok(Plan::Same(Coded {
                number,
                sha256,
                content: Content::Same(known.number),
                key,
                reference,
            }));
        }
        let reference = self.reference(number, &pixels);
        let picture = self.picture(pixels, reference.as_ref().map(|r| &*r.picture))?;
        if reference.is_some() && self.needs_planes() && picture.planes(self.colour).is_none() {
            // The transform of the key frame fails here, so this clip is not all YUV 4:2:0: stop trying.
            self.colour = Colour::GreenDifference;
            self.try_yuv = false;
        }
        let (source, known, drawn) = match reference {
            Some(Reference { picture: before, to, key, cost, work: Work { changed, drawn, .. } }) => {
                let reference = Some((to, before));
                let source = Source { number, picture: Arc::new(picture), reference, changed };
                (source, Known { number, key, reference: Some(to), cost }, drawn)
            }
            None => {
                let picture = Arc::new(self.key_picture(picture.into_pixels())?);
                let Work { changed, drawn, cost } = self.work(None, picture.pixels());
                let known = Known { number, key: number, reference: None, cost };
                self.seen.clear();
                self.key_frame = Some((picture.clone(), known));
                (Source { number, picture, reference: None, changed }, known, drawn)
            }
        };
        self.last = Some((source.picture.clone(), known));
        self.seen.insert(sha256, known);
        Ok(Plan::Code { source, sha256, key: known.key, colour: self.colour, drawn })
    }

    /// Chooses the reference of frame `number`: the frame before it, or the key frame where the chain would
    /// exceed `reach`. `None` makes it a key frame: the interval is over, both exceed `reach`, or the scene
    /// changes.
    fn reference(&self, number: u32, pixels: &[u8]) -> Option<Reference> {
        let reach = if self.is_classic() { u64::MAX } else { self.reach() };
        let last = self.last.as_ref().map(|(picture, known)| (picture, known, number.saturating_sub(1)));
        let key_frame = self.key_frame.as_ref().filter(|_| !self.is_classic());
        let key_frame = key_frame.map(|(picture, known)| (picture, known, known.number));
        last.into_iter().chain(key_frame).find_map(|(picture, known, to)| {
            if number - known.key >= self.options.key {
                return None;
            }
            let work = self.work(Some(picture.pixels()), pixels);
            let cost = known.cost.saturating_add(work.cost);
            let near = cost <= reach && !is_cut(picture.pixels(), pixels, self.shape);
            near.then(|| Reference { picture: picture.clone(), to, key: known.key, cost, work })
        })
    }

    /// The effective [`Options::reach`].
    fn reach(&self) -> u64 {
        self.options.reach.max(2 * u64::from(self.shape.width) * u64::from(self.shape.height))
    }

    /// Measures the decoding work of a picture after a reference, or of a key frame.
    fn work(&self, before: Option<&[u8]>, pixels: &[u8]) -> Work {
        let change = Change::new(before, pixels, self.shape);
        let colours = match (self.options.types, self.colour) {
            // Type 6 stores pixels, from which luma and chroma cannot be recovered, so a later frame of type
            // 4 could not use it as its reference. Half of `reach` leaves room for the frames that refer to
            // this one.
            (Types::Auto, Colour::Plain | Colour::GreenDifference) => {
                let max_busy = self.reach() / 2 / BUSY_COST;
                colours::busy(self.shape, pixels, &change.blocks, max_busy).map(|busy| BUSY_COST * busy)
            }
            _ => None,
        };
        let cost = change.pixels.max(colours.unwrap_or(0));
        Work { changed: change.pixels, drawn: colours.is_some(), cost }
    }

    fn is_classic(&self) -> bool {
        match self.options.types {
            Types::Classic | Types::ClassicStrict => true,
            Types::Only(kind) => matches!(kind, Kind::Lzfse | Kind::Delta | Kind::Zlib),
            Types::Auto => false,
        }
    }

    fn needs_planes(&self) -> bool {
        matches!(self.options.types, Types::Auto | Types::Only(Kind::Planes | Kind::Context))
    }

    /// A picture, with its planes by the current colour transform if that is exactly invertible for it.
    fn picture(&self, pixels: Vec<u8>, reference: Option<&Picture>) -> Result<Picture> {
        let hint = reference.and_then(|reference| reference.planes(self.colour));
        let planes = match self.colour {
            Colour::Yuv420(matrix) if self.needs_planes() => yuv_planes(matrix, &pixels, self.shape, hint),
            _ => None,
        };
        let picture = Picture::from_pixels(self.shape, pixels)?;
        Ok(match planes {
            Some(planes) => picture.with_planes(self.colour, planes),
            None => picture,
        })
    }

    /// The picture of a key frame. Chooses the colour transform for the frames up to the next one.
    fn key_picture(&mut self, pixels: Vec<u8>) -> Result<Picture> {
        self.colour = match self.shape.channels {
            1 => Colour::Plain,
            _ => Colour::GreenDifference,
        };
        if self.shape.channels == 3 && self.try_yuv && self.needs_planes() {
            for matrix in Matrix::ALL {
                if let Some(planes) = yuv_planes(matrix, &pixels, self.shape, None) {
                    self.colour = Colour::Yuv420(matrix);
                    return Ok(Picture::from_pixels(self.shape, pixels)?.with_planes(self.colour, planes));
                }
            }
        }
        Picture::from_pixels(self.shape, pixels)
    }

    /// Encodes a planned frame.
    fn code(&self, plan: Plan) -> Result<Coded> {
        let (source, sha256, key, colour, drawn) = match plan {
            Plan::Same(coded) => return Ok(coded),
            Plan::Code { source, sha256, key, colour, drawn } => (source, sha256, key, colour, drawn),
        };
        let (kind, blob) = match self.options.types {
            Types::Auto => smallest(&source, colour, drawn)?,
            Types::Only(Kind::Delta) if source.reference.is_none() => coded(&source, Kind::Lzfse, colour)?,
            Types::Only(kind) => coded(&source, kind, colour)?,
            Types::Classic | Types::ClassicStrict => self.classic(&source, colour)?,
        };
        let reference = source.reference.filter(|_| !matches!(kind, Kind::Lzfse | Kind::Zlib));
        let (number, reference) = (source.number, reference.map(|(number, _)| number));
        let key = if reference.is_some() { key } else { number };
        Ok(Coded { number, sha256, content: Content::Blob(kind, blob), key, reference })
    }

    /// The smaller of types 0 and 1.
    fn classic(&self, source: &Source, colour: Colour) -> Result<(Kind, Vec<u8>)> {
        let raw = coded(source, Kind::Lzfse, colour)?;
        let strict = self.options.types == Types::ClassicStrict;
        match &source.reference {
            Some((_, before))
                if !strict || crate::rle::survives_clamping(before.pixels(), source.picture.pixels()) =>
            {
                let delta = coded(source, Kind::Delta, colour)?;
                Ok(if delta.1.len() < raw.1.len() { delta } else { raw })
            }
            _ => Ok(raw),
        }
    }
}

fn coded(source: &Source, kind: Kind, colour: Colour) -> Result<(Kind, Vec<u8>)> {
    Ok((kind, frame::encode(source, kind, colour)?))
}

fn yuv_planes(matrix: Matrix, pixels: &[u8], shape: Shape, hint: Option<&[Plane]>) -> Option<Vec<Plane>> {
    let mut planes = Colour::Yuv420(matrix).planes(shape);
    yuv::from_rgb(matrix, pixels, &mut planes, hint).then_some(planes)
}

/// The smallest of type 4 and, where they have a chance, 5 and 6. Type 3 codes the residuals of type 4 by
/// Zstandard, which takes 17 to 83 % more bytes, so it is never tried.
fn smallest(source: &Source, colour: Colour, drawn: bool) -> Result<(Kind, Vec<u8>)> {
    let mut best = coded(source, Kind::Context, colour)?;
    let mut offer = |kind| {
        let other = coded(source, kind, colour)?;
        if other.1.len() < best.1.len() {
            best = other;
        }
        Ok::<_, Error>(())
    };
    if drawn {
        offer(Kind::Colours)?;
    }
    // Runs pay only where most bytes are equal: less than a quarter of the pixels in changed blocks. Key
    // frames are tried, too: flat pictures can be smaller by Zstandard.
    let shape = source.picture.shape();
    let few = 4 * source.changed < u64::from(shape.width) * u64::from(shape.height);
    if !matches!(colour, Colour::Yuv420(_)) && (few || source.reference.is_none()) {
        offer(Kind::Runs)?;
    }
    Ok(best)
}

/// Scene-cut test: compares differences from the picture before with differences between horizontal
/// neighbours, on every eighth row. After a cut, the picture before predicts worse than the picture itself.
fn is_cut(before: &[u8], now: &[u8], shape: Shape) -> bool {
    let channels = shape.channels as usize;
    let row = shape.width as usize * channels;
    let difference = |(a, b): (&u8, &u8)| u64::from(a.abs_diff(*b));
    let (mut time, mut space, mut bytes) = (0, 0, 0);
    for (before, now) in before.chunks(row).zip(now.chunks(row)).step_by(8) {
        time += now.iter().zip(before).map(difference).sum::<u64>();
        space += now.iter().zip(&now[channels..]).map(difference).sum::<u64>();
        bytes += now.len() as u64;
    }
    // The second term allows 4 steps per byte, so a smooth picture that only becomes brighter or darker is no
    // cut.
    time > 2 * space + 4 * bytes
}

/// Decodes stored frames, and keeps the last few pictures.
pub struct Decoder {
    rules: Rules,
    /// Pictures by the frame number in their prefix, the most recent last.
    kept: Vec<(u32, Arc<Picture>)>,
    warnings: Vec<String>,
}

/// Pictures that a [`Decoder`] keeps; a new one replaces the oldest. Playing in order needs the last one.
const KEPT: usize = 4;

impl Decoder {
    /// A decoder of frames under these rules.
    pub fn new(rules: Rules) -> Self {
        Self { rules, kept: Vec::new(), warnings: Vec::new() }
    }

    /// Decodes frame `number`. `fetch` returns the blob of a frame by its number; it is called for this frame
    /// and for each frame of its reference chain that is not kept.
    ///
    /// # Errors
    /// Those of `fetch`, of the rules, and of damaged data.
    pub fn picture(
        &mut self,
        number: u32,
        mut fetch: impl FnMut(u32) -> Result<Arc<Vec<u8>>>,
    ) -> Result<Arc<Picture>> {
        // Walk back to a frame without a reference, or to a kept one. Numbers fall at each step, so this
        // ends.
        let mut chain = Vec::new();
        let mut wanted = number;
        let mut before = loop {
            let blob = fetch(wanted)?;
            let at = |e: Error| e.at(format!("frame {wanted}"));
            let (own, reference) = {
                let frame = header::read(&blob, &self.rules).map_err(at)?;
                (frame.header.number, frame::reference(&frame.header, frame.data).map_err(at)?)
            };
            // A blob may be shared by later frames with equal pixels, never by earlier ones.
            if own > wanted {
                return Err(at(Error::format(format!("its blob is that of the later frame {own}"))));
            }
            if let Some((_, picture)) = self.kept.iter().find(|(kept, _)| *kept == own) {
                break Some(picture.clone());
            }
            chain.push((own, blob));
            match reference {
                Some(reference) => wanted = reference,
                None => break None,
            }
        };
        for (own, blob) in chain.into_iter().rev() {
            let at = |e: Error| e.at(format!("frame {own}"));
            let frame = header::read(&blob, &self.rules).map_err(at)?;
            let picture = Arc::new(frame::decode(&frame, before.as_deref()).map_err(at)?);
            self.warnings.extend(frame.warnings.into_iter().map(|warning| format!("frame {own}: {warning}")));
            if self.kept.len() == KEPT {
                self.kept.remove(0);
            }
            self.kept.push((own, picture.clone()));
            before = Some(picture);
        }
        before.ok_or_else(|| Error::format("no frame"))
    }

    /// Takes the warnings since the last call.
    pub fn warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }
}
