//! An album beside archives of the same files and codecs for single images.

mod archives;
mod lossy;
mod single;
mod tool;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use lab_codec::{Context, Error, Result};
use rayon::prelude::*;
use serde::Serialize;

use crate::manifest::Mode;
use crate::{Options, Report, pack, scan};
use single::Single;

/// Bytes of all files, or of all pictures, in one form.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The name of the form.
    pub what: &'static str,
    /// `None` where the tool is missing.
    pub bytes: Option<u64>,
}

/// An album and the same files in other forms.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// The album.
    pub album: Report,
    /// The album among the other forms.
    pub sizes: Vec<Row>,
}

/// Packs the folder at `root` into an album and into every other form that the tools here can write.
/// Scratch files go to the context's scratch folder. `begin` hears the name of each step and of each file
/// as its turn comes.
///
/// # Errors
/// Those of [`pack()`]; I/O errors.
pub fn compare(
    root: &Path,
    options: &Options,
    begin: &(dyn Fn(&str) + Sync),
    cx: &Context,
) -> Result<Comparison> {
    let files = scan::scan(root, cx)?.files;
    let scratch = tempfile::tempdir_in(cx.scratch())?;
    let (scratch, cx) = (scratch.path(), &cx.clone().with_scratch(scratch.path()));
    let mut sizes = Vec::new();
    let mut add = |what, bytes| sizes.push(Row { what, bytes });

    begin("album");
    let path = scratch.join("album.mkv");
    let mut sink = BufWriter::new(File::create(&path)?);
    let start = Instant::now();
    let summary = pack(root, options, scratch, &mut sink, cx)?;
    sink.flush()?;
    drop(sink);
    let album = Report::new(&summary, size_of(&path)?, start.elapsed().as_secs_f64());
    add("album", Some(album.output_bytes));
    add("files", Some(files.iter().map(|file| file.bytes).sum()));

    let paths: Vec<PathBuf> = files.iter().map(|file| scan::place(root, &file.path)).collect();
    begin("zip");
    add("zip", Some(archives::zip(&paths, cx)?));
    begin("zstd");
    add("zstd long", Some(archives::zstd_long(&paths, cx)?));
    begin("7z");
    add("7z", archives::seven_zip(&[fs::canonicalize(root)?.join(".")], scratch, cx)?);

    let visual = options.mode == Mode::Visual;
    let singles = paths.par_iter().enumerate().map(|(number, path)| {
        begin(&path.display().to_string());
        Single::of(path, number, scratch, !visual, cx)
    });
    let singles = singles.filter_map(Result::transpose).collect::<Result<Vec<Single>>>()?;
    if visual {
        let pngs: Vec<&Path> = singles.iter().filter(|one| !one.deep).map(|one| one.png.as_path()).collect();
        for tool in &lossy::TOOLS {
            begin(tool.name);
            add(tool.name, lossy::bytes(tool, &pngs, options.quality.target, cx)?);
        }
    } else {
        begin("PNG");
        let pngs: Vec<PathBuf> = singles.iter().map(|one| one.png.clone()).collect();
        add("PNG of each", Some(pngs.iter().map(|png| size_of(png)).sum::<Result<u64>>()?));
        add("zip of PNGs", Some(archives::zip(&pngs, cx)?));
        add("7z of PNGs", archives::seven_zip(&pngs, scratch, cx)?);
        for (column, name) in single::NAMES.into_iter().enumerate() {
            add(name, singles.iter().map(|one| one.sizes[column]).sum());
        }
    }
    Ok(Comparison { album, sizes })
}

fn size_of(path: &Path) -> Result<u64> {
    Ok(fs::metadata(path).map_err(|e| Error::from(e).at(path.display().to_string()))?.len())
}
