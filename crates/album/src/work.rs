//! State of packing: the files and the place of their contents, segments, and how each is coded.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use lab_codec::{Context, Error, Result};
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::blocks::{self, PIECE, Try};
use crate::kind::{self, Kind};
use crate::look::{self, Look};
use crate::manifest::{Blobs, Coding, Content, Digest, Group, Mode, SEGMENT_PICTURES, Segment};
use crate::options::{Codec, Options};
use crate::pixels::Shape;
use crate::recipe::{self, Apart};
use crate::scan::{self, Found};
use crate::spool::Spool;
use crate::survey::{self, Surveyed};

/// Minimum segment length at a scene change: models adapted to one scene still help the next.
const MIN_SEGMENT: usize = 4;

/// The state of packing.
pub(crate) struct Work<'a> {
    pub root: &'a Path,
    pub options: &'a Options,
    pub found: &'a [Found],
    pub surveyed: &'a [Surveyed],
    pub spool: Spool,
    pub blobs: Blobs,
    pub groups: Vec<Group>,
    /// Location of each file's content, once it is packed.
    pub contents: Vec<Option<Content>>,
    /// Scores and metadata of lossy pictures, by file number.
    pub visual: HashMap<usize, Visual>,
    pub notes: Vec<String>,
    pub cx: &'a Context,
}

/// Score and metadata of a lossy picture.
pub(crate) struct Visual {
    pub score: i32,
    pub metadata: [Option<u32>; 3],
}

/// Split files, by number.
type Parts = Vec<(usize, Apart)>;

impl Work<'_> {
    /// Files that are not packed yet.
    pub(crate) fn left(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.found.len()).filter(|number| self.contents[*number].is_none())
    }

    /// Sorts the files of a group into coding order.
    pub(crate) fn order(&self, mut files: Vec<usize>) -> Vec<usize> {
        if self.options.by_name {
            return files;
        }
        // Ties between looks are broken by capture time, then by name.
        files.sort_by(|a, b| {
            let taken = |n: usize| self.surveyed[n].picture.as_ref().and_then(|shown| shown.taken.as_deref());
            taken(*a).cmp(&taken(*b)).then(a.cmp(b))
        });
        let looks: Vec<&Look> = files.iter().filter_map(|n| self.look(*n)).collect();
        look::order(&looks).into_iter().map(|place| files[place]).collect()
    }

    fn look(&self, file: usize) -> Option<&Look> {
        self.surveyed[file].picture.as_ref().map(|shown| &shown.look)
    }

    /// Whether the scene changes between two pictures.
    fn jumps(&self, a: usize, b: usize) -> bool {
        match (self.look(a), self.look(b)) {
            (Some(a), Some(b)) => a.distance(b) > look::JUMP,
            _ => true,
        }
    }

    /// Cuts an order into segments: at scene changes, at the maximum length, and at the memory of all
    /// threads.
    pub(crate) fn segments(&self, order: &[usize], picture: usize) -> Vec<Vec<usize>> {
        let threads = rayon::current_num_threads() as u64;
        let room = self.cx.limits().memory / (picture as u64 * 8 * threads).max(1);
        let most = (room as usize).clamp(1, SEGMENT_PICTURES);
        let mut segments: Vec<Vec<usize>> = Vec::new();
        for file in order {
            let fits = segments.last().is_some_and(|segment| {
                let jumps = segment.last().is_some_and(|last| self.jumps(*last, *file));
                segment.len() < most && !(jumps && segment.len() >= MIN_SEGMENT)
            });
            match segments.last_mut() {
                Some(segment) if fits => segment.push(*file),
                _ => segments.push(vec![*file]),
            }
        }
        segments
    }

    /// The segments of all files that can be split into samples and recipe.
    pub(crate) fn lossless_segments(&self, files: impl Iterator<Item = usize>) -> Vec<(Shape, Vec<usize>)> {
        let mut groups: BTreeMap<Shape, Vec<usize>> = BTreeMap::new();
        for file in files {
            if let Some(shape) = self.surveyed[file].picture.as_ref().and_then(|shown| shown.apart) {
                groups.entry(shape).or_default().push(file);
            }
        }
        let mut segments = Vec::new();
        for (shape, files) in groups {
            let order = self.order(files);
            segments.extend(self.segments(&order, shape.bytes()).into_iter().map(|files| (shape, files)));
        }
        segments
    }

    /// Size of files coded without loss.
    pub(crate) fn lossless_bytes(&self, files: &[usize]) -> Result<u64> {
        let segments = self.lossless_segments(files.iter().copied());
        let coded = segments.par_iter().map(|(shape, files)| Ok(self.code(*shape, files)?.1.len() as u64));
        let stored = files
            .par_iter()
            .filter(|file| self.surveyed[**file].picture.as_ref().is_none_or(|shown| shown.apart.is_none()));
        let stored =
            stored.map(|file| Ok(self.pack_file(*file)?.iter().map(|block| block.len() as u64).sum::<u64>()));
        Ok(coded.sum::<Result<u64>>()? + stored.sum::<Result<u64>>()?)
    }

    /// Codes segments in parallel and stores them in the data track in order.
    pub(crate) fn data_segments(&mut self, segments: &[(Shape, Vec<usize>)]) -> Result<()> {
        for batch in segments.chunks(rayon::current_num_threads()) {
            let this = &*self;
            let coded: Vec<(Parts, Vec<u8>)> =
                batch.par_iter().map(|(shape, files)| this.code(*shape, files)).collect::<Result<_>>()?;
            for ((shape, _), (apart, block)) in batch.iter().zip(coded) {
                self.data_segment(*shape, &apart, &block)?;
            }
        }
        Ok(())
    }

    /// Splits the files of a segment and codes their samples.
    fn code(&self, shape: Shape, files: &[usize]) -> Result<(Parts, Vec<u8>)> {
        let tried = if self.options.codec == Codec::Native { Try::Native } else { Try::All };
        let mut apart = self.apart(shape, files)?;
        let samples: Vec<&[u8]> = apart.iter().map(|(_, apart)| &apart.samples[..]).collect();
        let block = match samples.is_empty() {
            true => Vec::new(),
            false => blocks::pack_samples(shape, &samples, tried, self.cx)?,
        };
        apart.iter_mut().for_each(|(_, apart)| apart.samples = Vec::new());
        Ok((apart, block))
    }

    /// Stores a segment in the data track, if it is smaller than its files.
    fn data_segment(&mut self, shape: Shape, apart: &Parts, block: &[u8]) -> Result<()> {
        let files: u64 = apart.iter().map(|(file, _)| self.found[*file].bytes).sum();
        let recipes = self.recipes(apart)?;
        if apart.is_empty() || (block.len() + recipes.len()) as u64 >= files {
            return Ok(());
        }
        let recipes = Some(self.spool.data(&recipes)?);
        let segment = Segment { pictures: apart.len() as u16, block: self.spool.data(block)?, recipes };
        if self.groups.last().is_none_or(|group| (group.shape, &group.coding) != (shape, &Coding::Data)) {
            self.groups.push(Group { shape, coding: Coding::Data, segments: Vec::new() });
        }
        let number = self.groups.len() - 1;
        let list = &mut self.groups[number].segments;
        let place = list.iter().map(|segment| u32::from(segment.pictures)).sum();
        list.push(segment);
        self.place(number as u32, place, apart.iter().map(|(file, _)| *file));
        Ok(())
    }

    /// Packs the recipes of files.
    pub(crate) fn recipes(&mut self, apart: &[(usize, Apart)]) -> Result<Vec<u8>> {
        let recipes: Vec<Vec<u8>> =
            apart.iter().map(|(_, apart)| apart.recipe.to_bytes(&mut self.blobs)).collect();
        blocks::pack_recipes(&recipes)
    }

    /// Records the location of files.
    pub(crate) fn place(&mut self, group: u32, place: u32, files: impl Iterator<Item = usize>) {
        for (place, file) in (place..).zip(files) {
            self.contents[file] = Some(Content::Coded { group, place });
            self.cx.observer().advance(self.found[file].bytes);
        }
    }

    /// Splits files; those that cannot be rebuilt are left out.
    pub(crate) fn apart(&self, shape: Shape, files: &[usize]) -> Result<Vec<(usize, Apart)>> {
        let exact = self.options.mode == Mode::LosslessFiles;
        let mut list = Vec::new();
        for file in files {
            self.cx.check()?;
            let bytes = self.read(*file)?;
            let Some(kind) = self.surveyed[*file].kind else { continue };
            let decoded = kind::decode(kind, &bytes, self.cx)?;
            let apart = recipe::take_apart(kind, &bytes, &decoded, exact, self.cx);
            let fits = |apart: &Apart| {
                Shape { bits: shape.bits, ..apart.shape } == shape && apart.shape.bits <= shape.bits
            };
            list.extend(apart.filter(fits).map(|apart| (*file, apart)));
        }
        Ok(list)
    }

    /// Reads a file and checks that it has not changed since the survey.
    pub(crate) fn read(&self, file: usize) -> Result<Vec<u8>> {
        let bytes = survey::read(self.root, &self.found[file], self.cx)?;
        if Digest::from(Sha256::digest(&bytes)) != self.surveyed[file].sha256 {
            let path = scan::text(&self.found[file].path);
            return Err(Error::corrupt("the file changed while it was packed; pack again").at(path));
        }
        Ok(bytes)
    }

    /// Packs a file into blocks.
    pub(crate) fn pack_file(&self, file: usize) -> Result<Vec<Vec<u8>>> {
        let bytes = self.read(file)?;
        if self.surveyed[file].kind == Some(Kind::Jpeg) && !bytes.is_empty() {
            let block = blocks::pack_bytes(&bytes, true, self.cx)?;
            if block.len() < bytes.len() {
                return Ok(vec![block]);
            }
        }
        bytes.chunks(PIECE).map(|piece| blocks::pack_bytes(piece, false, self.cx)).collect()
    }
}
