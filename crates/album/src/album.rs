//! Reads an album: lists its files and restores them, checked against their digests.

use std::collections::HashMap;
use std::path::Path;

use lab_codec::{Context, Error, ErrorKind, Result};
use lab_media::colour::Range;
use lab_media::container::matroska::{self, Block};
use lab_media::{Frame, PixelFormat};
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::blocks::{self, PIECE};
use crate::manifest::{self, Coding, Content, Digest, File, Group, Manifest, Mode, Segment};
use crate::pixels::Shape;
use crate::recipe::{Recipe, write_png};
use crate::spool::DATA_CODEC;
use crate::{colour, scan, video};

/// An opened album.
#[derive(Debug)]
pub struct Album {
    file: matroska::File,
    /// What is in it.
    pub manifest: Manifest,
}

/// Receives restored files.
pub trait Sink {
    /// Begins a file of the manifest.
    ///
    /// # Errors
    /// Errors of the destination.
    fn begin(&mut self, number: usize, file: &File) -> Result<()>;

    /// Receives the next bytes of the current file.
    ///
    /// # Errors
    /// Errors of the destination.
    fn bytes(&mut self, bytes: &[u8]) -> Result<()>;

    /// Ends the current file, which is complete and verified.
    ///
    /// # Errors
    /// Errors of the destination.
    fn end(&mut self, number: usize, file: &File) -> Result<()>;

    /// Reports a file that cannot be restored. The default returns `error`, which stops reading.
    ///
    /// # Errors
    /// `error`, to stop reading.
    fn lost(&mut self, number: usize, file: &File, error: Error) -> Result<()> {
        let _ = number;
        Err(error.at(scan::text(&file.path)))
    }
}

/// The work of reading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effort {
    /// Number of decoded pictures.
    pub pictures: u64,
}

/// Group and segment number, and the files in it: place in the segment, number in the manifest.
type SegmentFiles = ((usize, usize), Vec<(usize, usize)>);

/// The files of a segment or their errors, and the number of decoded pictures.
type Restored = (Vec<(usize, Result<Vec<u8>>)>, u64);

impl Album {
    /// Opens the album at `path`; `sidecar` is a manifest that replaces the attached one.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported) without a manifest, [`Corrupt`](ErrorKind::Corrupt), I/O
    /// errors.
    pub fn open(path: &Path, sidecar: Option<&Path>, cx: &Context) -> Result<Self> {
        let file = matroska::File::open(path, cx)?;
        let bytes = match sidecar {
            Some(path) => std::fs::read(path).map_err(|e| Error::from(e).at(path.display().to_string()))?,
            None => {
                let attachment = file.attachments.iter().find(|attachment| attachment.name == manifest::NAME);
                let attachment = attachment.ok_or_else(|| {
                    Error::unsupported(
                        "the file has no album manifest; if it was lost, open it with a copy of the manifest",
                    )
                })?;
                file.read(attachment.offset, attachment.size, cx)?
            }
        };
        let manifest = Manifest::from_bytes(&bytes, cx)?;
        let paths = manifest.files.iter().flat_map(|file| [Some(&file.path), file.restored.as_ref()]);
        let folders = manifest.folders.iter().map(|folder| &folder.path);
        paths.flatten().chain(folders).try_for_each(|path| scan::check_path(path))?;
        let mut seen = std::collections::HashSet::new();
        for file in &manifest.files {
            if !seen.insert(file.restored.as_ref().unwrap_or(&file.path)) {
                return Err(Error::corrupt(format!("two files have the path {}", scan::text(&file.path))));
            }
        }
        Ok(Self { file, manifest })
    }

    /// Total size of a track's samples.
    pub fn track_bytes(&self, number: u16) -> u64 {
        let track = self.file.tracks.iter().find(|track| track.number == u64::from(number));
        track.map_or(0, |track| track.blocks.iter().map(|block| block.size).sum())
    }

    fn track(&self, number: u16) -> Result<&matroska::Track> {
        let track = self.file.tracks.iter().find(|track| track.number == u64::from(number));
        track.ok_or_else(|| Error::corrupt(format!("track {number} of the album is missing")))
    }

    fn data_track(&self) -> Result<&matroska::Track> {
        let track = self.track(self.manifest.data_track)?;
        if track.plan.codec != DATA_CODEC {
            return Err(Error::corrupt(format!("track {} is not the album's data track", track.number)));
        }
        Ok(track)
    }

    /// Bytes of the album that belong to each file: its own blocks or samples, plus a share of the data
    /// common to its segment, in proportion to the sizes of the original files; 0 for a duplicate.
    pub fn shares(&self) -> Vec<u64> {
        let mut shares = vec![0; self.manifest.files.len()];
        let block = |track: u16, number: u64| {
            let track = self.track(track).ok();
            track
                .and_then(|track| track.blocks.get(usize::try_from(number).ok()?))
                .map_or(0, |block| block.size)
        };
        let data = self.manifest.data_track;
        for (number, file) in self.manifest.files.iter().enumerate() {
            if let Content::Stored { first, blocks } = file.content {
                shares[number] = (first..first.saturating_add(blocks.into())).map(|n| block(data, n)).sum();
            }
        }
        for (segment, files) in self.by_segment(&|_| true) {
            let Some(group) = self.manifest.groups.get(segment.0) else { continue };
            let part = &group.segments[segment.1];
            let mut common = part.recipes.map_or(0, |recipes| block(data, recipes));
            match &group.coding {
                Coding::Data => common += block(data, part.block),
                Coding::Video { track, alpha, .. } => {
                    for track in [Some(*track), *alpha].into_iter().flatten() {
                        // Samples are in decoding order, and places count in display order.
                        let mut samples = self.samples(track, part);
                        samples.sort_by_key(|sample| sample.time);
                        for (within, file) in &files {
                            shares[*file] += samples.get(*within).map_or(0, |sample| sample.size);
                        }
                    }
                }
            }
            let total: u64 = files.iter().map(|(_, file)| self.manifest.files[*file].bytes).sum();
            for (_, file) in &files {
                let own = self.manifest.files[*file].bytes;
                shares[*file] += (u128::from(common) * u128::from(own) / u128::from(total.max(1))) as u64;
            }
        }
        shares
    }

    /// The samples of a segment in a video track; fewer where the track is truncated.
    fn samples(&self, track: u16, segment: &Segment) -> Vec<Block> {
        let blocks = self.track(track).map_or(&[][..], |track| &track.blocks);
        let first = usize::try_from(segment.block).unwrap_or(usize::MAX);
        blocks.iter().skip(first).take(segment.pictures.into()).copied().collect()
    }

    /// Wanted files by group and segment, with their places in the segment.
    fn by_segment(&self, wanted: &dyn Fn(usize) -> bool) -> Vec<SegmentFiles> {
        let mut at: HashMap<(usize, usize), Vec<(usize, usize)>> = HashMap::new();
        // The first place of each segment, by group.
        let starts: Vec<Vec<u64>> = self
            .manifest
            .groups
            .iter()
            .map(|group| {
                let pictures = group.segments.iter().map(|segment| u64::from(segment.pictures));
                let starts = pictures.scan(0, |next, pictures| {
                    let start = *next;
                    *next += pictures;
                    Some(start)
                });
                starts.collect()
            })
            .collect();
        for (number, file) in self.manifest.files.iter().enumerate() {
            if let Content::Coded { group, place } = file.content
                && wanted(number)
            {
                let starts = &starts[group as usize];
                let segment = starts.partition_point(|start| *start <= u64::from(place)).saturating_sub(1);
                let within = u64::from(place) - starts.get(segment).copied().unwrap_or(0);
                at.entry((group as usize, segment)).or_default().push((within as usize, number));
            }
        }
        let mut list: Vec<_> = at.into_iter().collect();
        list.sort_unstable();
        list
    }

    /// Restores wanted files, in unspecified order.
    ///
    /// # Errors
    /// [`Corrupt`](ErrorKind::Corrupt) where a digest does not match, errors of `sink` and of ffmpeg, and I/O
    /// errors.
    pub fn read(&self, wanted: &dyn Fn(usize) -> bool, sink: &mut dyn Sink, cx: &Context) -> Result<Effort> {
        let files = &self.manifest.files;
        // Duplicates are restored together with their original.
        let mut same: HashMap<usize, Vec<usize>> = HashMap::new();
        for (number, file) in files.iter().enumerate() {
            let origin = if let Content::Same { file } = file.content { file as usize } else { number };
            if wanted(number) {
                same.entry(origin).or_default().push(number);
            }
        }
        let needed = |number: usize| same.contains_key(&number);
        let none = Vec::new();
        for (number, file) in files.iter().enumerate() {
            if let Content::Stored { first, blocks } = file.content {
                for target in same.get(&number).unwrap_or(&none) {
                    cx.check()?;
                    if let Err(error) = self.stored(*target, first, blocks, sink, cx) {
                        Self::lose(sink, *target, &files[*target], error)?;
                    }
                }
            }
        }
        let mut effort = Effort::default();
        let segments = self.by_segment(&needed);
        for batch in segments.chunks(rayon::current_num_threads().max(1)) {
            let restored: Vec<Restored> = batch
                .par_iter()
                .map(|((group, segment), places)| self.segment(*group, *segment, places, cx))
                .collect::<Result<_>>()?;
            for (list, pictures) in restored {
                effort.pictures += pictures;
                for (number, bytes) in list {
                    for target in same.get(&number).unwrap_or(&none) {
                        let file = &files[*target];
                        match &bytes {
                            Ok(bytes) => {
                                sink.begin(*target, file)?;
                                sink.bytes(bytes)?;
                                sink.end(*target, file)?;
                            }
                            Err(error) => {
                                let error = Error::new(error.kind(), error.message());
                                Self::lose(sink, *target, file, error)?;
                            }
                        }
                    }
                }
            }
        }
        Ok(effort)
    }

    /// Passes damage on to the sink; any other error stops reading.
    fn lose(sink: &mut dyn Sink, number: usize, file: &File, error: Error) -> Result<()> {
        match error.kind() {
            ErrorKind::Corrupt | ErrorKind::Truncated | ErrorKind::Tool => sink.lost(number, file, error),
            _ => Err(error.at(scan::text(&file.path))),
        }
    }

    /// Restores a file that is stored as bytes.
    fn stored(&self, number: usize, first: u64, count: u32, sink: &mut dyn Sink, cx: &Context) -> Result<()> {
        let file = &self.manifest.files[number];
        let track = self.data_track()?;
        sink.begin(number, file)?;
        let (mut digest, mut left) = (Sha256::new(), file.bytes);
        for block in first..first.saturating_add(count.into()) {
            cx.check()?;
            let bytes = self.file.block(track, block, cx)?;
            let most = if count == 1 { left } else { left.min(PIECE as u64) };
            cx.limits().check_memory(most, "a block")?;
            let piece = blocks::unpack_bytes(&bytes, most as usize, cx)?;
            left -= piece.len() as u64;
            digest.update(&piece);
            sink.bytes(&piece)?;
            cx.observer().advance(piece.len() as u64);
        }
        if Digest::from(digest.finalize()) != file.sha256 {
            return Err(Error::corrupt("the content does not match its SHA-256"));
        }
        sink.end(number, file)
    }

    /// Restores files whose pictures are in one segment.
    fn segment(
        &self,
        group: usize,
        segment: usize,
        places: &[(usize, usize)],
        cx: &Context,
    ) -> Result<Restored> {
        let broken = || Error::corrupt("the manifest is broken: a segment is missing");
        let group = self.manifest.groups.get(group).ok_or_else(broken)?;
        let segment = group.segments.get(segment).ok_or_else(broken)?;
        let mut list: Vec<(usize, Result<Vec<u8>>)> = Vec::new();
        let decoded = self.pictures(group, segment, places, &mut list, cx);
        let pictures = match decoded {
            Ok(pictures) => pictures,
            Err(e) if matches!(e.kind(), ErrorKind::Corrupt | ErrorKind::Truncated | ErrorKind::Tool) => {
                for (_, number) in places {
                    if list.iter().all(|(done, _)| done != number) {
                        list.push((*number, Err(Error::new(e.kind(), e.message()))));
                    }
                }
                0
            }
            Err(e) => return Err(e),
        };
        Ok((list, pictures))
    }

    /// Decodes a segment and appends its files to `list`; returns the number of decoded pictures.
    fn pictures(
        &self,
        group: &Group,
        segment: &Segment,
        places: &[(usize, usize)],
        list: &mut Vec<(usize, Result<Vec<u8>>)>,
        cx: &Context,
    ) -> Result<u64> {
        let count = usize::from(segment.pictures);
        let wanted = places.iter().map(|(place, _)| place + 1).max().unwrap_or(0);
        let recipes = match segment.recipes {
            Some(block) => {
                let block = self.file.block(self.data_track()?, block, cx)?;
                Some(blocks::unpack_recipes(&block, count, cx)?)
            }
            None => None,
        };
        let mut each = |place: usize, samples: &[u8]| {
            for (_, number) in places.iter().filter(|(wanted, _)| *wanted == place) {
                let recipe = recipes.as_ref().map(|recipes| &recipes[place][..]);
                let bytes = self.restore(*number, group.shape, samples, recipe, cx);
                cx.observer().advance(self.manifest.files[*number].bytes);
                list.push((*number, bytes));
            }
            Ok(())
        };
        match &group.coding {
            Coding::Data => {
                let block = self.file.block(self.data_track()?, segment.block, cx)?;
                let decoded = blocks::unpack_samples(&block, group.shape, count, wanted, &mut each, cx)?;
                Ok(decoded as u64)
            }
            Coding::Video { track, alpha, format } => {
                let format = PixelFormat::of_ffmpeg(format).ok_or_else(|| {
                    Error::unsupported(format!("the album has pictures of the unknown format {format}"))
                })?;
                let alphas = match alpha {
                    Some(track) => {
                        let mut alphas = Vec::new();
                        self.frames(
                            *track,
                            segment,
                            PixelFormat::Gray8,
                            &mut |_, frame| {
                                alphas.push(frame.into_data());
                                Ok(())
                            },
                            cx,
                        )?;
                        Some(alphas)
                    }
                    None => None,
                };
                let mut seen = 0;
                self.frames(
                    *track,
                    segment,
                    format,
                    &mut |place, frame| {
                        seen += 1;
                        let alpha =
                            alphas.as_ref().map(|alphas| alphas.get(place).map_or(&[][..], |alpha| alpha));
                        let samples = samples_of(&frame, group.shape, alpha)?;
                        each(place, &samples)
                    },
                    cx,
                )?;
                if seen < wanted {
                    return Err(Error::corrupt(format!("a segment of {count} pictures has only {seen}")));
                }
                Ok(seen as u64)
            }
        }
    }

    fn frames(
        &self,
        track: u16,
        segment: &Segment,
        format: PixelFormat,
        each: &mut dyn FnMut(usize, Frame) -> Result<()>,
        cx: &Context,
    ) -> Result<()> {
        let samples = self.samples(track, segment);
        if samples.len() != usize::from(segment.pictures) {
            return Err(Error::corrupt("a video of the album is too short"));
        }
        video::decode_blocks(&self.file, &self.track(track)?.plan, &samples, format, each, cx)
    }

    /// Rebuilds the file of a picture and verifies it.
    fn restore(
        &self,
        number: usize,
        shape: Shape,
        samples: &[u8],
        recipe: Option<&[u8]>,
        cx: &Context,
    ) -> Result<Vec<u8>> {
        let file = &self.manifest.files[number];
        let Some(recipe) = recipe else {
            let blob = |place: usize| {
                let number = file.picture.as_ref().and_then(|picture| picture.metadata[place]);
                number.and_then(|number| self.manifest.blob(number).ok())
            };
            return write_png(shape, samples, &[blob(0), blob(1), blob(2)]);
        };
        let bytes = Recipe::from_bytes(recipe, shape, &self.manifest)?.file(shape, samples, cx)?;
        if self.manifest.mode == Mode::LosslessFiles {
            if Digest::from(Sha256::digest(&bytes)) != file.sha256 {
                return Err(Error::corrupt("the content does not match its SHA-256"));
            }
        } else if let Some(picture) = &file.picture {
            let kind = crate::kind::Kind::of(&bytes)
                .ok_or_else(|| Error::corrupt("a rebuilt picture has no known signature"))?;
            let decoded = crate::kind::decode(kind, &bytes, cx)?;
            if Digest::from(Sha256::digest(&decoded.samples)) != picture.sha256 {
                return Err(Error::corrupt("the pixels do not match their SHA-256"));
            }
        }
        Ok(bytes)
    }
}

/// The samples of a picture from a frame, cropped to its shape and joined with alpha.
fn samples_of(frame: &Frame, shape: Shape, alpha: Option<&[u8]>) -> Result<Vec<u8>> {
    let format = frame.shape().format;
    let short = || Error::corrupt("a frame of the album has another size than its picture");
    let (width, height) = (frame.shape().width, frame.shape().height);
    if !format.is_yuv() {
        let same = (width, height, format.channels()) == (shape.width, shape.height, shape.channels.into());
        let same = same && frame.data().len() == shape.bytes();
        return if same { Ok(frame.data().to_vec()) } else { Err(short()) };
    }
    if width < shape.width || height < shape.height || shape.bits != 8 {
        return Err(short());
    }
    let colours = if shape.channels >= 3 { 3 } else { 1 };
    let samples = colour::from_yuv(frame, shape.width, shape.height, colours, Range::Full);
    let Some(alpha) = alpha else {
        return if usize::from(shape.channels) == colours { Ok(samples) } else { Err(short()) };
    };
    if alpha.len() * colours != samples.len() || usize::from(shape.channels) != colours + 1 {
        return Err(short());
    }
    let pixels = samples.chunks_exact(colours).zip(alpha);
    Ok(pixels.flat_map(|(colour, alpha)| colour.iter().chain([alpha])).copied().collect())
}
