//! Packs a folder, phase by phase: survey, duplicates, slide show, pictures, other files, and the album.

use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::path::Path;

use lab_codec::{Context, Error, Result};
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::blocks::{self, LARGEST_JPEG, PIECE};
use crate::kind::Kind;
use crate::manifest::{self, Blobs, Content, Digest, File, Manifest, Mode, Picture};
use crate::options::Options;
use crate::scan::{self, Tree};
use crate::spool::Spool;
use crate::survey::{self, LARGEST_PICTURE, Surveyed};
use crate::video;
use crate::work::Work;

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
    let taken: HashSet<&[u8]> = tree.files.iter().map(|found| &found.path[..]).collect();
    let mut given: HashSet<Vec<u8>> = Default::default();
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
fn png_name(path: &[u8], taken: &HashSet<&[u8]>, given: &HashSet<Vec<u8>>) -> Vec<u8> {
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

    /// Packs all files that can be split into samples and recipe.
    fn lossless(&mut self) -> Result<()> {
        let segments = self.lossless_segments(self.left());
        if !self.options.is_lossless_video() {
            return self.data_segments(&segments);
        }
        for group in segments.chunk_by(|a, b| a.0 == b.0) {
            let files: Vec<usize> = group.iter().flat_map(|(_, files)| files).copied().collect();
            video::lossless(self, group[0].0, &files)?;
        }
        Ok(())
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

const _: () = assert!(LARGEST_PICTURE as u128 >= LARGEST_JPEG as u128);
