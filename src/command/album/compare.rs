//! `lab album compare`: an album beside archives and per-image codecs.

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lab_album::kind::{self, Kind};
use lab_album::recipe::write_png;
use lab_album::scan;
use lab_codec::{Context, Error, ErrorKind, Result};
use rayon::prelude::*;

use super::super::chart::Chart;
use super::super::{App, options, print, print_json, table};
use super::pack::{How, ModeName, report};
use super::{Effort, lossy, size_of};
use crate::progress;
use lab_report::charts::sizes;
use lab_report::figure::Figure;

/// Compare the size of an album with archives of the same files, and with codecs for single images
#[derive(clap::Args)]
#[command(after_help = "\
zip and zstd are built in; 7z, cwebp, cjxl and avifenc are taken where they are installed. Archives hold the files as
they are, or each picture as PNG. Codecs for single images get each picture as PNG, and other files are not counted; cjxl
also takes JPEG files as they are (`JXL of files`). With --mode visual they code at the coarsest quality with the target as
mean SSIMULACRA2, pictures of 8 bits only.")]
pub struct Args {
    /// The folder
    folder: PathBuf,
    #[command(flatten)]
    how: How,
    /// Draw the sizes into this file: .svg or .png
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
    #[command(flatten)]
    effort: Effort,
    #[command(flatten)]
    write: options::Write,
    #[command(flatten)]
    talk: options::Talk,
}

#[derive(serde::Serialize)]
struct Row {
    what: &'static str,
    /// `None` where the tool is missing.
    bytes: Option<u64>,
}

/// A program for single images.
struct Single {
    /// What it is called here.
    what: &'static str,
    /// Its name and arguments, with `{in}` and `{out}`.
    argv: &'static [&'static str],
    /// The end of its output's name.
    end: &'static str,
    /// Whether it keeps all of pictures of more than 8 bits; AVIF has at most 12, WebP 8.
    deep: bool,
}

const SINGLES: [Single; 3] = [
    Single {
        what: "WebP",
        argv: &["cwebp", "-quiet", "-lossless", "-exact", "-z", "9", "{in}", "-o", "{out}"],
        end: "webp",
        deep: false,
    },
    Single {
        what: "JPEG XL e7",
        argv: &["cjxl", "--quiet", "-d", "0", "-e", "7", "{in}", "{out}"],
        end: "jxl",
        deep: true,
    },
    Single {
        what: "AVIF lossless",
        argv: &["avifenc", "--lossless", "-s", "6", "{in}", "{out}"],
        end: "avif",
        deep: false,
    },
];

/// JPEG files as they are, to be made again byte for byte.
const OF_JPEG: Single = Single {
    what: "JXL of files",
    argv: &["cjxl", "--quiet", "--lossless_jpeg=1", "-e", "7", "{in}", "{out}"],
    end: "jxl",
    deep: false,
};

pub fn run(args: &Args, app: &App) -> Result<()> {
    let options = args.how.options();
    options.check()?;
    let chart = args.chart.as_deref().map(|path| Chart::open(path, args.write.force)).transpose()?;
    let cx = args.effort.context(app, progress::bar("", None, true));
    let tree = scan::scan(&args.folder, &cx)?;
    let scratch = tempfile::tempdir()?;
    let cx = cx.with_scratch(scratch.path());
    let steps = progress::steps("compare", 8 + tree.files.len() as u64, args.talk.quiet);
    let mut rows = Vec::new();
    let mut add = |what, bytes| rows.push(Row { what, bytes });

    steps.begin("album");
    let album = scratch.path().join("album.mkv");
    let mut sink = std::io::BufWriter::new(fs::File::create(&album)?);
    let start = std::time::Instant::now();
    let summary =
        args.effort.run(|| lab_album::pack(&args.folder, &options, scratch.path(), &mut sink, &cx))?;
    sink.flush()?;
    drop(sink);
    let packed = report(&summary, size_of(&album)?, start.elapsed().as_secs_f64());
    add("album", Some(packed.output_bytes));
    add("files", Some(tree.files.iter().map(|file| file.bytes).sum()));

    steps.begin("zip");
    let paths: Vec<PathBuf> = tree.files.iter().map(|file| scan::place(&args.folder, &file.path)).collect();
    add("zip", Some(zip(&paths, &cx)?));
    steps.begin("zstd");
    add("zstd long", Some(zstd_long(&paths, &cx)?));
    steps.begin("7z");
    add("7z", seven_zip(&args.folder, scratch.path(), &cx)?);

    let visual = matches!(args.how.mode, ModeName::Visual);
    let alone = args.effort.run(|| {
        let alone = paths.par_iter().enumerate().map(|(number, path)| {
            steps.begin(&path.display().to_string());
            let alone = Alone::of(path, number, scratch.path(), !visual, &cx)?;
            steps.advance(1);
            Ok(alone)
        });
        alone.filter_map(Result::transpose).collect::<Result<Vec<Alone>>>()
    })?;
    if visual {
        let pngs: Vec<&Path> = alone.iter().filter(|one| !one.deep).map(|one| one.png.as_path()).collect();
        for tool in &lossy::TOOLS {
            steps.begin(tool.what);
            let bytes = args.effort.run(|| lossy::bytes(tool, &pngs, options.quality.target, &cx))?;
            add(tool.what, bytes);
        }
    } else {
        steps.begin("PNG");
        let pngs: Vec<PathBuf> = alone.iter().map(|one| one.png.clone()).collect();
        add("PNG of each", Some(pngs.iter().map(|png| size_of(png)).sum::<Result<u64>>()?));
        add("zip of PNGs", Some(zip(&pngs, &cx)?));
        add("7z of PNGs", seven_zip_of(&pngs, scratch.path(), &cx)?);
        let columns = SINGLES.iter().map(|single| single.what).chain([OF_JPEG.what]);
        for (column, what) in columns.enumerate() {
            add(what, alone.iter().map(|one| one.sizes[column]).sum());
        }
    }
    drop(steps);

    if let Some(chart) = chart {
        chart.draw(&figure(&args.folder, &rows))?;
    }
    if args.talk.json {
        return print_json(&serde_json::json!({ "album": packed, "sizes": rows }));
    }
    let mut shown = table::table(&["", "bytes", "album / this"]);
    for row in &rows {
        shown.add_row([
            row.what.to_string(),
            row.bytes.map_or("not to be had".to_string(), table::count),
            row.bytes.map_or("-".to_string(), |bytes| table::ratio(packed.output_bytes, bytes)),
        ]);
    }
    print(&table::text(&shown))
}

/// A picture by itself.
struct Alone {
    /// Its PNG, in the scratch folder.
    png: PathBuf,
    /// Whether it has more than 8 bits.
    deep: bool,
    /// Bytes by [`SINGLES`] and of the file by JPEG XL; `None` where the program is missing or keeps less than all.
    sizes: [Option<u64>; SINGLES.len() + 1],
}

impl Alone {
    /// Makes the PNG of the file at `path`, the `number`th, and codes it where `coded`. `None` where it is no picture.
    fn of(path: &Path, number: usize, scratch: &Path, coded: bool, cx: &Context) -> Result<Option<Self>> {
        cx.check()?;
        let bytes = fs::read(path).map_err(|e| Error::from(e).at(path.display().to_string()))?;
        let Some(kind) = Kind::of(&bytes) else { return Ok(None) };
        let Ok(decoded) = kind::decode(kind, &bytes, cx) else { return Ok(None) };
        let png = scratch.join(format!("{number}.png"));
        let deep = decoded.shape.bits > 8;
        if kind == Kind::Png {
            fs::write(&png, &bytes)?;
        } else {
            fs::write(&png, write_png(decoded.shape, &decoded.samples, &[None; 3])?)?;
        }
        drop(decoded);
        let mut sizes = [None; SINGLES.len() + 1];
        if coded {
            for (size, single) in sizes.iter_mut().zip(&SINGLES) {
                *size = if single.deep || !deep { single.bytes(&png, cx)? } else { None };
            }
            sizes[SINGLES.len()] = if kind == Kind::Jpeg {
                let own = scratch.join(format!("{number}.jpg"));
                fs::write(&own, &bytes)?;
                OF_JPEG.bytes(&own, cx)?
            } else {
                sizes[SINGLES.iter().position(|single| single.end == OF_JPEG.end).unwrap_or(0)]
            };
        }
        Ok(Some(Self { png, deep, sizes }))
    }
}

impl Single {
    /// Bytes of a picture by the program; `None` where it is not installed.
    fn bytes(&self, input: &Path, cx: &Context) -> Result<Option<u64>> {
        let out = input.with_extension(self.end);
        let word = |word: &&str| match *word {
            "{in}" => input.into(),
            "{out}" => out.clone().into(),
            word => OsString::from(word),
        };
        finish(&self.argv.iter().map(word).collect::<Vec<_>>(), &out, cx)
    }
}

/// Counts what is written.
#[derive(Default)]
struct Count {
    position: u64,
    end: u64,
}

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.position += bytes.len() as u64;
        self.end = self.end.max(self.position);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn zip(paths: &[PathBuf], cx: &Context) -> Result<u64> {
    let failed =
        |e: zip::result::ZipError| Error::new(ErrorKind::Io, format!("cannot write a zip file: {e}"));
    let mut writer = zip::ZipWriter::new_stream(Count::default());
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated)
        .compression_level(Some(9));
    for (number, path) in paths.iter().enumerate() {
        cx.check()?;
        writer.start_file(number.to_string(), options).map_err(failed)?;
        copy(path, &mut writer)?;
    }
    Ok(writer.finish().map_err(failed)?.into_inner().end)
}

fn zstd_long(paths: &[PathBuf], cx: &Context) -> Result<u64> {
    let mut encoder = zstd::stream::Encoder::new(Count::default(), 19)?;
    encoder.long_distance_matching(true)?;
    encoder.window_log(27)?;
    for path in paths {
        cx.check()?;
        copy(path, &mut encoder)?;
    }
    Ok(encoder.finish()?.end)
}

fn copy(path: &Path, sink: &mut dyn Write) -> Result<()> {
    let at = |e: std::io::Error| Error::from(e).at(path.display().to_string());
    let mut file = fs::File::open(path).map_err(at)?;
    let mut bytes = Vec::new();
    while (&mut file).take(1 << 20).read_to_end(&mut bytes).map_err(at)? > 0 {
        sink.write_all(&bytes)?;
        bytes.clear();
    }
    Ok(())
}

fn seven_zip(folder: &Path, scratch: &Path, cx: &Context) -> Result<Option<u64>> {
    seven_zip_of(&[fs::canonicalize(folder)?.join(".")], scratch, cx)
}

fn seven_zip_of(content: &[PathBuf], scratch: &Path, cx: &Context) -> Result<Option<u64>> {
    let out = scratch.join("all.7z");
    let mut argv: Vec<OsString> = ["7z", "a", "-mx9"].map(Into::into).to_vec();
    argv.push(out.clone().into());
    argv.extend(content.iter().map(Into::into));
    finish(&argv, &out, cx)
}

/// Runs a program that writes a file: its size; the file is gone.
///
/// # Errors
/// I/O errors, cancellation.
pub fn finish(argv: &[OsString], out: &Path, cx: &Context) -> Result<Option<u64>> {
    if !run_tool(argv, out, cx)? {
        return Ok(None);
    }
    let bytes = size_of(out)?;
    fs::remove_file(out)?;
    Ok(Some(bytes))
}

/// Runs a program that writes a file: whether it did.
///
/// # Errors
/// I/O errors, cancellation.
pub fn run_tool(argv: &[OsString], out: &Path, cx: &Context) -> Result<bool> {
    let limits = lab_process::Limits {
        timeout: Some(Duration::from_secs(3600)),
        file: Some((out.to_path_buf(), u64::MAX)),
        ..Default::default()
    };
    let job = lab_process::Job { input: &[], output_limit: usize::MAX, limits };
    let done = lab_process::command(argv)
        .and_then(|mut command| lab_process::run(&mut command, &job, &mut Vec::new(), cx));
    match done {
        Ok(()) => Ok(true),
        // What a tool cannot take has no size in its format.
        Err(e) if matches!(e.kind(), ErrorKind::MissingTool | ErrorKind::Tool) => Ok(false),
        Err(e) => Err(e),
    }
}

fn figure(folder: &Path, rows: &[Row]) -> Figure {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let bars: Vec<(&str, u64)> = rows.iter().filter_map(|row| Some((row.what, row.bytes?))).collect();
    sizes::figure(&name, &bars)
}
