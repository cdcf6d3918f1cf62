//! Packs a folder: survey, duplicates, groups by shape, order, segments, trial coding, and the file.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::path::Path;

use lab_codec::{Context, Error, Result};
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::blocks::{self, LARGEST_JPEG, PIECE, Try};
use crate::kind::{self, Kind};
use crate::look::{self, Look};
use crate::manifest::{
    self, Blobs, Coding, Content, Digest, File, Group, Manifest, Mode, Picture, SEGMENT_PICTURES, Segment,
};
use crate::pixels::Shape;
use crate::recipe::{self, Apart};
use crate::scan::{self, Found, Tree};
use crate::spool::Spool;
use crate::survey::{self, LARGEST_PICTURE, Surveyed};
use crate::video::{self, Quality};

/// The codec that the user asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// The smallest result of all encoders that are installed.
    Auto,
    /// The native coder, in the data track.
    Native,
    /// FFV1, lossless only.
    Ffv1,
    /// AV1 by SVT-AV1, visual only.
    Av1,
    /// H.264 by x264.
    H264,
    /// H.265 by x265, visual only.
    H265,
    /// H.264 by an NVIDIA GPU, visual only.
    Nvenc,
}

impl Codec {
    /// All codecs, by name.
    pub const NAMED: [(&str, Self); 7] = [
        ("auto", Self::Auto),
        ("native", Self::Native),
        ("ffv1", Self::Ffv1),
        ("av1", Self::Av1),
        ("h264", Self::H264),
        ("h265", Self::H265),
        ("nvenc", Self::Nvenc),
    ];
}

/// Settings of packing.
#[derive(Debug, Clone)]
pub struct Options {
    /// What must be restored: files, pixels, or the look.
    pub mode: Mode,
    /// The codec.
    pub codec: Codec,
    /// Quality of lossy pictures.
    pub quality: Quality,
    /// Preset of the encoder, by its own name.
    pub preset: Option<String>,
    /// Whether a broken picture is an error; otherwise it is stored as bytes.
    pub broken_fails: bool,
    /// Whether to keep pictures in the order of their names.
    pub by_name: bool,
    /// Add a slide show that shows each picture for this time, in milliseconds.
    pub playable: Option<u32>,
}

/// The result of packing.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The manifest.
    pub manifest: Manifest,
    /// The manifest as it is attached.
    pub manifest_bytes: Vec<u8>,
    /// Total size of the slide show's samples.
    pub slides_bytes: u64,
    /// Broken pictures and their errors.
    pub broken: Vec<(Vec<u8>, String)>,
    /// Entries that are neither file nor folder, and were left out.
    pub others: Vec<Vec<u8>>,
    /// Which encoders were chosen or rejected, and why.
    pub notes: Vec<String>,
}

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

/// Packs the folder at `root` into `sink`; scratch files go to the folder `scratch`. The observer counts each
/// byte of the files twice: once surveyed, once packed.
///
/// # Errors
/// I/O errors; [`Corrupt`](lab_codec::ErrorKind::Corrupt) for a broken picture with
/// [`Options::broken_fails`]; errors of encoders.
pub fn pack(
    root: &Path,
    options: &Options,
    scratch: &Path,
    sink: &mut dyn Write,
    cx: &Context,
) -> Result<Summary> {
    let tree = scan::scan(root, cx)?;
    let surveyed = tree.files.par_iter().map(|found| {
        let surveyed = survey::survey(root, found, cx)?;
        cx.observer().advance(found.bytes);
        Ok(surveyed)
    });
    let surveyed: Vec<Surveyed> = surveyed.collect::<Result<_>>()?;
    let broken: Vec<(Vec<u8>, String)> = tree
        .files
        .iter()
        .zip(&surveyed)
        .filter_map(|(found, surveyed)| Some((found.path.clone(), surveyed.broken.clone()?)))
        .collect();
    if let Some((path, why)) = broken.first().filter(|_| options.broken_fails) {
        return Err(Error::corrupt(format!("{why} (broken pictures can be stored as bytes instead)"))
            .at(scan::text(path)));
    }
    let mut work = Work {
        root,
        options,
        found: &tree.files,
        surveyed: &surveyed,
        spool: Spool::new(scratch)?,
        blobs: Blobs::default(),
        groups: Vec::new(),
        contents: vec![None; tree.files.len()],
        visual: HashMap::new(),
        notes: Vec::new(),
        cx,
    };
    work.find_same();
    // The slide show must be the first video: browsers play that one, whatever the default flags say.
    let slides = match options.playable {
        Some(each) => video::slides(&mut work, each)?,
        None => None,
    };
    if options.mode == Mode::Visual {
        video::visual(&mut work)?;
    }
    work.lossless()?;
    work.stored()?;
    let slides_bytes = slides.as_ref().map_or(0, |slides| work.spool.track_bytes(slides.track));
    finish(work, &tree, slides, broken, slides_bytes, sink)
}

fn finish(
    work: Work<'_>,
    tree: &Tree,
    slides: Option<manifest::Slides>,
    broken: Vec<(Vec<u8>, String)>,
    slides_bytes: u64,
    sink: &mut dyn Write,
) -> Result<Summary> {
    let Work { surveyed, spool, blobs, groups, contents, visual, notes, .. } = work;
    let mut files = Vec::new();
    let taken: std::collections::HashSet<&[u8]> = tree.files.iter().map(|found| &found.path[..]).collect();
    let mut given: std::collections::HashSet<Vec<u8>> = Default::default();
    for (number, (found, surveyed)) in tree.files.iter().zip(surveyed).enumerate() {
        let content = contents[number].clone();
        let content =
            content.ok_or_else(|| Error::corrupt(format!("{} was not packed", scan::text(&found.path))))?;
        let origin = if let Content::Same { file } = content { file as usize } else { number };
        let visual = visual.get(&origin);
        let restored = visual.filter(|_| surveyed.kind != Some(Kind::Png)).map(|_| {
            let name = png_name(&found.path, &taken, &given);
            given.insert(name.clone());
            name
        });
        files.push(File {
            path: found.path.clone(),
            restored,
            attributes: found.attributes,
            bytes: found.bytes,
            sha256: surveyed.sha256,
            content,
            picture: surveyed.picture.as_ref().map(|shown| Picture {
                shape: shown.shape,
                orientation: shown.orientation,
                sha256: shown.sha256,
                metadata: visual.map_or([None; 3], |visual| visual.metadata),
                taken: shown.taken.clone(),
                score: visual.map(|visual| visual.score),
            }),
        });
    }
    let duration = spool.end(work.options.step());
    let manifest = Manifest {
        mode: work.options.mode,
        data_track: spool.data_track(),
        slides,
        root: tree.root,
        folders: tree.folders.clone(),
        files,
        groups,
        blobs: blobs.into_list(),
    };
    let manifest_bytes = manifest.to_bytes()?;
    let attachment = (manifest::NAME, manifest::MEDIA_TYPE, manifest_bytes.clone());
    spool.write(attachment, duration, sink, &|_| ())?;
    Ok(Summary { manifest, manifest_bytes, slides_bytes, broken, others: tree.others.clone(), notes })
}

/// A path for the PNG that replaces a lossy picture; it must differ from all other paths.
fn png_name(
    path: &[u8],
    taken: &std::collections::HashSet<&[u8]>,
    given: &std::collections::HashSet<Vec<u8>>,
) -> Vec<u8> {
    let free = |name: &[u8]| !taken.contains(name) && !given.contains(name);
    let start = path.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
    let dot = path[start..].iter().rposition(|byte| *byte == b'.').filter(|at| *at > 0);
    let stem = dot.map_or(path, |at| &path[..start + at]);
    let mut name = [stem, b".png"].concat();
    // The second candidate keeps the file's extension; only a hostile folder needs more.
    let mut number = 1;
    while !free(&name) {
        let suffix = if number == 1 { ".png".to_string() } else { format!(".{number}.png") };
        name = [path, suffix.as_bytes()].concat();
        number += 1;
    }
    name
}

/// Split files, by number.
type Parts = Vec<(usize, Apart)>;

impl Work<'_> {
    /// Finds files with equal bytes, which are stored once.
    fn find_same(&mut self) {
        let mut first: HashMap<Digest, u32> = HashMap::new();
        for (number, surveyed) in (0..).zip(self.surveyed) {
            let origin = *first.entry(surveyed.sha256).or_insert(number);
            if origin != number && self.found[number as usize].bytes > 0 {
                self.contents[number as usize] = Some(Content::Same { file: origin });
                self.cx.observer().advance(self.found[number as usize].bytes);
            }
        }
    }

    /// Files that are not packed yet.
    pub fn left(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.found.len()).filter(|number| self.contents[*number].is_none())
    }

    /// Sorts the files of a group into coding order.
    pub fn order(&self, mut files: Vec<usize>) -> Vec<usize> {
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
    pub fn jumps(&self, a: usize, b: usize) -> bool {
        match (self.look(a), self.look(b)) {
            (Some(a), Some(b)) => a.distance(b) > look::JUMP,
            _ => true,
        }
    }

    /// Cuts an order into segments: at scene changes, at the maximum length, and at the memory of all
    /// threads.
    pub fn segments(&self, order: &[usize], picture: usize) -> Vec<Vec<usize>> {
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
    fn lossless_segments(&self, files: impl Iterator<Item = usize>) -> Vec<(Shape, Vec<usize>)> {
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
    pub fn lossless_bytes(&self, files: &[usize]) -> Result<u64> {
        let segments = self.lossless_segments(files.iter().copied());
        let coded = segments.par_iter().map(|(shape, files)| Ok(self.code(*shape, files)?.1.len() as u64));
        let stored = files
            .par_iter()
            .filter(|file| self.surveyed[**file].picture.as_ref().is_none_or(|shown| shown.apart.is_none()));
        let stored =
            stored.map(|file| Ok(self.pack_file(*file)?.iter().map(|block| block.len() as u64).sum::<u64>()));
        Ok(coded.sum::<Result<u64>>()? + stored.sum::<Result<u64>>()?)
    }

    /// Packs all files that can be split into samples and recipe.
    fn lossless(&mut self) -> Result<()> {
        let segments = self.lossless_segments(self.left());
        if !video::is_lossless_video(self.options) {
            return self.data_segments(&segments);
        }
        for group in segments.chunk_by(|a, b| a.0 == b.0) {
            let files: Vec<usize> = group.iter().flat_map(|(_, files)| files).copied().collect();
            video::lossless(self, group[0].0, &files)?;
        }
        Ok(())
    }

    /// Codes segments in parallel and stores them in the data track in order.
    fn data_segments(&mut self, segments: &[(Shape, Vec<usize>)]) -> Result<()> {
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
    pub fn recipes(&mut self, apart: &[(usize, Apart)]) -> Result<Vec<u8>> {
        let recipes: Vec<Vec<u8>> =
            apart.iter().map(|(_, apart)| apart.recipe.to_bytes(&mut self.blobs)).collect();
        blocks::pack_recipes(&recipes)
    }

    /// Records the location of files.
    pub fn place(&mut self, group: u32, place: u32, files: impl Iterator<Item = usize>) {
        for (place, file) in (place..).zip(files) {
            self.contents[file] = Some(Content::Coded { group, place });
            self.cx.observer().advance(self.found[file].bytes);
        }
    }

    /// Splits files; those that cannot be rebuilt are left out.
    pub fn apart(&self, shape: Shape, files: &[usize]) -> Result<Vec<(usize, Apart)>> {
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
    pub fn read(&self, file: usize) -> Result<Vec<u8>> {
        let bytes = survey::read(self.root, &self.found[file], self.cx)?;
        if Digest::from(Sha256::digest(&bytes)) != self.surveyed[file].sha256 {
            let path = scan::text(&self.found[file].path);
            return Err(Error::corrupt("the file changed while it was packed; pack again").at(path));
        }
        Ok(bytes)
    }

    /// Stores all remaining files as bytes.
    fn stored(&mut self) -> Result<()> {
        let left: Vec<usize> = self.left().collect();
        for batch in left.chunks(rayon::current_num_threads().max(1)) {
            let this = &*self;
            let small = |file: usize| this.found[file].bytes <= LARGEST_JPEG as u64;
            let packed: Vec<Option<Vec<Vec<u8>>>> = batch
                .par_iter()
                .map(|file| if small(*file) { this.pack_file(*file).map(Some) } else { Ok(None) })
                .collect::<Result<_>>()?;
            for (file, packed) in batch.iter().zip(packed) {
                let first = match packed {
                    Some(blocks) => {
                        let numbers = blocks.iter().map(|block| self.spool.data(block));
                        let numbers: Vec<u64> = numbers.collect::<Result<_>>()?;
                        (numbers.first().copied().unwrap_or(0), numbers.len() as u32)
                    }
                    None => self.store_large(*file)?,
                };
                self.contents[*file] = Some(Content::Stored { first: first.0, blocks: first.1 });
                self.cx.observer().advance(self.found[*file].bytes);
            }
        }
        Ok(())
    }

    /// Packs a file into blocks.
    fn pack_file(&self, file: usize) -> Result<Vec<Vec<u8>>> {
        let bytes = self.read(file)?;
        if self.surveyed[file].kind == Some(Kind::Jpeg) && !bytes.is_empty() {
            let block = blocks::pack_bytes(&bytes, true, self.cx)?;
            if block.len() < bytes.len() {
                return Ok(vec![block]);
            }
        }
        bytes.chunks(PIECE).map(|piece| blocks::pack_bytes(piece, false, self.cx)).collect()
    }

    /// Stores a large file piece by piece; returns the number of its first block and the number of blocks.
    fn store_large(&mut self, file: usize) -> Result<(u64, u32)> {
        let path = scan::place(self.root, &self.found[file].path);
        let at = |e: Error| e.at(path.display().to_string());
        let mut source = std::fs::File::open(&path).map_err(|e| at(e.into()))?;
        let (mut first, mut count, mut digest) = (None, 0, Sha256::new());
        loop {
            let mut piece = Vec::new();
            (&mut source).take(PIECE as u64).read_to_end(&mut piece).map_err(|e| at(e.into()))?;
            if piece.is_empty() {
                break;
            }
            digest.update(&piece);
            let number = self.spool.data(&blocks::pack_bytes(&piece, false, self.cx)?)?;
            first.get_or_insert(number);
            count += 1;
        }
        if Digest::from(digest.finalize()) != self.surveyed[file].sha256 {
            return Err(at(Error::corrupt("the file changed while it was packed; pack again")));
        }
        Ok((first.unwrap_or(0), count))
    }
}

/// Minimum segment length at a scene change: models adapted to one scene still help the next.
const MIN_SEGMENT: usize = 4;

const _: () = assert!(LARGEST_PICTURE as u128 >= LARGEST_JPEG as u128);
