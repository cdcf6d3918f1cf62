//! A contact sheet: a page with every picture of an album, before and after.

use std::fmt::Write as _;
use std::fs;
use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use lab_codec::text::{base64, escape, visible};
use lab_codec::{Context, Error, Result, format_count};

use crate::kind::{self, Kind};
use crate::manifest::File;
use crate::scan;
use crate::video::slides::{fit, upright};
use crate::{Album, Sink};

/// The longest side of a thumbnail.
const SIDE: u32 = 240;
/// Quality of the thumbnails, as JPEG.
const QUALITY: u8 = 82;
/// The largest file that is shown.
const LARGEST: u64 = 1 << 30;

const STYLE: &str = "\
body{font:15px/1.4 system-ui,sans-serif;margin:2rem;background:#fbfaf7;color:#222}\
h1{font-size:1.3rem}main{display:grid;grid-template-columns:repeat(auto-fill,minmax(330px,1fr));gap:1rem;align-items:start}\
figure{margin:0;padding:.6rem;background:#fff;border:1px solid #ddd;border-radius:6px}\
.pair{display:flex;gap:.5rem;font-size:.72rem;color:#666}.pair div{flex:1;min-width:0}\
img{max-width:100%;height:auto;display:block;margin-bottom:.3rem}\
figcaption{font-size:.82rem;overflow-wrap:anywhere}b{font-weight:600}small{color:#666}";

/// Writes the page of the album at `path` to `sink`, with thumbnails of the files in the folder `original`
/// where it is given. Cards wait in a scratch file until all are there, because an album is not read in the
/// order of its list.
///
/// # Errors
/// Those of reading the album, I/O errors.
pub fn write(
    path: &Path,
    sidecar: Option<&Path>,
    original: Option<&Path>,
    sink: &mut dyn Write,
    cx: &Context,
) -> Result<()> {
    let album = Album::open(path, sidecar, cx)?;
    let shares = album.shares();
    let file = tempfile::tempfile_in(cx.scratch())?;
    let mut cards =
        Cards { original, shares: &shares, file, length: 0, places: Vec::new(), bytes: Vec::new(), cx };
    album.read(&|number| album.manifest.files[number].picture.is_some(), &mut cards, cx)?;
    let Cards { mut file, mut places, .. } = cards;
    places.sort_unstable();
    let bytes = fs::metadata(path)?.len();
    let total: u64 = album.manifest.files.iter().map(|file| file.bytes).sum();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = escape(&visible(&name));
    write!(
        sink,
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{name}</title>\n<style>{STYLE}</style>\n\
         <h1>{name}</h1>\n<p>{}: {} files, {} bytes; the album has {} bytes, ratio {}.</p>\n<main>\n",
        album.manifest.mode.name(),
        format_count(album.manifest.files.len() as u64),
        format_count(total),
        format_count(bytes),
        ratio(total, bytes),
    )?;
    let mut card = Vec::new();
    for (_, offset, length) in places {
        file.seek(SeekFrom::Start(offset))?;
        card.clear();
        (&mut file).take(length).read_to_end(&mut card)?;
        sink.write_all(&card)?;
    }
    Ok(sink.write_all(b"</main>\n</html>\n")?)
}

/// Cards of pictures, made while files come by.
struct Cards<'a> {
    original: Option<&'a Path>,
    shares: &'a [u64],
    /// The cards, and of each its file's number, where it begins, and its bytes.
    file: fs::File,
    length: u64,
    places: Vec<(usize, u64, u64)>,
    bytes: Vec<u8>,
    cx: &'a Context,
}

impl Sink for Cards<'_> {
    fn begin(&mut self, _: usize, _: &File) -> Result<()> {
        self.bytes.clear();
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self, number: usize, file: &File) -> Result<()> {
        let mut card = String::from("<figure><div class=\"pair\">");
        if let Some(root) = self.original.filter(|_| file.bytes <= LARGEST) {
            let path = scan::place(root, &file.path);
            let bytes = fs::read(&path).map_err(|e| Error::from(e).at(path.display().to_string()))?;
            put_thumbnail(&mut card, &bytes, "before", self.cx)?;
        }
        put_thumbnail(&mut card, &self.bytes, "after", self.cx)?;
        let name = escape(&visible(&scan::text(&file.path)));
        // Writing to a string cannot fail.
        let _ = write!(
            card,
            "</div><figcaption><b>{name}</b><br>{} &rarr; {} bytes, {:.1} %",
            format_count(file.bytes),
            format_count(self.shares[number]),
            100.0 * self.shares[number] as f64 / file.bytes.max(1) as f64,
        );
        if let Some(picture) = &file.picture {
            let _ = write!(card, "<br><small>{}&times;{}", picture.shape.width, picture.shape.height);
            match picture.score {
                Some(score) => {
                    let _ = write!(card, ", SSIMULACRA2 {:.1}", f64::from(score) / 100.0);
                }
                None => card.push_str(", the same pixels"),
            }
            card.push_str("</small>");
        }
        card.push_str("</figcaption></figure>\n");
        self.file.write_all(card.as_bytes())?;
        self.places.push((number, self.length, card.len() as u64));
        self.length += card.len() as u64;
        Ok(())
    }
}

/// A thumbnail as an image element; nothing where the bytes show none.
fn put_thumbnail(card: &mut String, bytes: &[u8], alt: &str, cx: &Context) -> Result<()> {
    let decoded = Kind::of(bytes).map(|kind| kind::decode(kind, bytes, cx));
    let Some(Ok(decoded)) = decoded else { return Ok(()) };
    let Some(picture) = upright(&decoded) else { return Ok(()) };
    let (width, height) = fit(picture.dimensions(), (SIDE, SIDE));
    let small = imageops::resize(&picture, width, height, FilterType::Triangle);
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(Cursor::new(&mut jpeg), QUALITY);
    small
        .write_with_encoder(encoder)
        .map_err(|e| Error::new(lab_codec::ErrorKind::Io, format!("cannot write a thumbnail: {e}")))?;
    let _ = write!(
        card,
        "<div><img width=\"{width}\" height=\"{height}\" alt=\"{alt}\" src=\"data:image/jpeg;base64,{}\">{alt}</div>",
        base64(&jpeg)
    );
    Ok(())
}

/// Original over encoded; a dash for an empty folder.
fn ratio(original: u64, encoded: u64) -> String {
    if original == 0 { "-".to_string() } else { format!("{:.3}", original as f64 / encoded as f64) }
}
