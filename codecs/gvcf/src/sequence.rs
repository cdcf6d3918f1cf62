//! A clip as frames: which are keys, what the others refer to, which type is the smallest for each; and its pictures
//! again, any one with as few frames decoded as possible.
//!
//! A frame refers to the one before it. What that costs a reader who wants just this frame is bounded in two ways:
//! every [`Options::key`] frames there is a key frame, which refers to none, and wherever a reader would have to decode
//! more than [`Options::reach`] pixels that changed on its way, a frame refers to the key frame instead.

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

/// Which types an encoder uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Types {
    /// 0 and 1 only: what the public description has.
    Classic,
    /// As `Classic`, and every reader of the public implementation gets every byte right: 1 only where no difference
    /// leaves -128..=127, no blob twice.
    ClassicStrict,
    /// The smallest of 4, 5 and 6.
    Auto,
    /// This one; a key frame of type 1 is one of type 0.
    Only(Kind),
}

/// How a clip is coded.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Which types.
    pub types: Types,
    /// At most so many frames from one key frame to the next.
    pub key: u32,
    /// At most so many pixels are decoded for any one frame, those of the key frame and of changed blocks; never less
    /// than twice a picture.
    pub reach: u64,
}

/// A pixel of type 6 that is not as all around it takes as long as so many of type 4.
const BUSY: u64 = 16;

/// Three pictures of 1280x720: a few hundredths of a second.
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
    /// What is stored.
    pub content: Content,
    /// The number of the key frame that decoding begins with.
    pub key: u32,
    /// The number of the frame that it refers to.
    pub reference: Option<u32>,
}

/// What is stored of a frame.
#[derive(Debug, Clone)]
pub enum Content {
    /// A blob of its own.
    Blob(Kind, Vec<u8>),
    /// The blob of this earlier frame, which looks the same.
    Same(u32),
}

/// What an encoder remembers of a frame.
#[derive(Debug, Clone, Copy)]
struct Known {
    number: u32,
    key: u32,
    reference: Option<u32>,
    /// Pixels that a reader decodes for it.
    cost: u64,
}

/// What a frame refers to.
struct Reference {
    picture: Arc<Picture>,
    to: u32,
    key: u32,
    /// What a reader has to do for the frame, and what of it is its own.
    cost: u64,
    work: Work,
}

/// What there is to do for a frame.
#[derive(Debug, Clone, Copy)]
struct Work {
    /// Pixels in changed blocks.
    changed: u64,
    /// Whether the picture seems to be drawn, and is small enough for type 6.
    drawn: bool,
    /// All in pixels of type 4.
    cost: u64,
}

/// Codes a clip, some frames at a time.
pub struct Encoder {
    options: Options,
    shape: Shape,
    next: u32,
    colour: Colour,
    /// Whether pixels may still come from luma and chroma.
    try_yuv: bool,
    /// The frame before, its picture, and what was stored for it.
    last: Option<(Arc<Picture>, Known)>,
    /// The same of the last key frame.
    anchor: Option<(Arc<Picture>, Known)>,
    /// By SHA-256, the frames since the last key frame.
    seen: HashMap<[u8; 32], Known>,
}

/// What is to be done for a frame.
enum Plan {
    Same(Coded),
    Code { source: Source, sha256: [u8; 32], key: u32, colour: Colour, drawn: bool },
}

impl Encoder {
    /// An encoder of pictures of one shape, the first of which gets `number`.
    pub fn new(shape: Shape, number: u32, options: Options) -> Self {
        Self {
            options,
            shape,
            next: number,
            colour: Colour::Plain,
            try_yuv: true,
            last: None,
            anchor: None,
            seen: HashMap::new(),
        }
    }

    /// Codes the next pictures, each given by its pixels. More of them at once keep more threads busy; the result does
    /// not depend on it.
    ///
    /// # Errors
    /// [`Code::Format`](crate::error::Code::Format) for pixels of another shape;
    /// [`Code::Memory`](crate::error::Code::Memory) where a frame would be too large, or frames are too many.
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

    fn plan(&mut self, pixels: Vec<u8>, sha256: [u8; 32]) -> Result<Plan> {
        let number = self.next;
        self.next = number.checked_add(1).ok_or_else(|| Error::memory("more frames than numbers"))?;
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
            // Such pixels do not come from luma and chroma, and will hardly do so again.
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
                self.anchor = Some((picture.clone(), known));
                (Source { number, picture, reference: None, changed }, known, drawn)
            }
        };
        self.last = Some((source.picture.clone(), known));
        self.seen.insert(sha256, known);
        Ok(Plan::Code { source, sha256, key: known.key, colour: self.colour, drawn })
    }

    /// What the frame `number` shall refer to: the frame before it, or where a reader would have to decode too much for
    /// that, the key frame.
    fn reference(&self, number: u32, pixels: &[u8]) -> Option<Reference> {
        let reach = if self.is_classic() { u64::MAX } else { self.reach() };
        let last = self.last.as_ref().map(|(picture, known)| (picture, known, number.saturating_sub(1)));
        let anchor = self.anchor.as_ref().filter(|_| !self.is_classic());
        let anchor = anchor.map(|(picture, known)| (picture, known, known.number));
        last.into_iter().chain(anchor).find_map(|(picture, known, to)| {
            if number - known.key >= self.options.key {
                return None;
            }
            let work = self.work(Some(picture.pixels()), pixels);
            let cost = known.cost.saturating_add(work.cost);
            let near = cost <= reach && !is_cut(picture.pixels(), pixels, self.shape);
            near.then(|| Reference { picture: picture.clone(), to, key: known.key, cost, work })
        })
    }

    /// How much a reader may have to do for one frame.
    fn reach(&self) -> u64 {
        self.options.reach.max(2 * u64::from(self.shape.width) * u64::from(self.shape.height))
    }

    /// What there is to do for a picture after another.
    fn work(&self, before: Option<&[u8]>, pixels: &[u8]) -> Work {
        let change = Change::new(before, pixels, self.shape);
        let colours = match (self.options.types, self.colour) {
            // Luma and chroma are lost in a frame of pixels, so that no other could refer to it.
            (Types::Auto, Colour::Plain | Colour::GreenDifference) => {
                let most = self.reach() / 2 / BUSY;
                colours::busy(self.shape, pixels, &change.blocks, most).map(|busy| BUSY * busy)
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

    /// A picture with planes by the colour transform in use, if it has them.
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

    /// A picture that begins anew, and the colour transform with it.
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

/// The smallest of type 4 and, where they may be smaller, 5 and 6. Type 3, the same residuals as those of type 4, never is.
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
    // Runs of everything are no smaller than everything.
    let shape = source.picture.shape();
    let few = 4 * source.changed < u64::from(shape.width) * u64::from(shape.height);
    if !matches!(colour, Colour::Yuv420(_)) && (few || source.reference.is_none()) {
        offer(Kind::Runs)?;
    }
    Ok(best)
}

/// Whether a picture is no likelier to be found in the one before than in itself: by every eighth row, differences from
/// the one before against those from the pixel to the left.
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
    // A smooth picture that is a little brighter or darker than the one before is still like it.
    time > 2 * space + 4 * bytes
}

/// Gives the pictures of stored frames, and keeps the last few.
pub struct Decoder {
    rules: Rules,
    /// By the number in their prefix, the most recent last.
    kept: Vec<(u32, Arc<Picture>)>,
    warnings: Vec<String>,
}

/// Pictures that a [`Decoder`] keeps.
const KEPT: usize = 4;

impl Decoder {
    /// A decoder of frames under these rules.
    pub fn new(rules: Rules) -> Self {
        Self { rules, kept: Vec::new(), warnings: Vec::new() }
    }

    /// The picture of frame `number`, whose blob, like those of the frames that it refers to, `fetch` gives by number.
    ///
    /// # Errors
    /// Those of `fetch`, of the rules, and of damaged data.
    pub fn picture(
        &mut self,
        number: u32,
        mut fetch: impl FnMut(u32) -> Result<Arc<Vec<u8>>>,
    ) -> Result<Arc<Picture>> {
        // Back to a frame that refers to none, or is still there; numbers fall, so this ends.
        let mut chain = Vec::new();
        let mut wanted = number;
        let mut before = loop {
            let blob = fetch(wanted)?;
            let at = |e: Error| e.at(format!("frame {wanted}"));
            let (own, reference) = {
                let frame = header::read(&blob, &self.rules).map_err(at)?;
                (frame.header.number, frame::reference(&frame.header, frame.data).map_err(at)?)
            };
            // A blob may serve later frames that look the same, never earlier ones.
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

    /// What was odd since the last call.
    pub fn warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }
}
