//! `lab template inspect` of a dictionary: its contexts and entries, with the numbers by which maps call them.

use std::path::Path;
use std::sync::Arc;

use comfy_table::CellAlignment;
use lab_codec::{Error, ErrorKind, Resources, Result};
use lab_template::notes::cid;
use lab_template::notes::dictionary::Dictionary;

use super::{App, options, table};
use lab_report::text::readable;
use lab_stream::resource::Store;

/// Bytes of an entry that are shown.
const SHOWN: usize = 40;

#[derive(serde::Serialize)]
struct Report {
    path: String,
    sha256: String,
    /// Of the Merkle tree over the identifiers.
    root: String,
    chunk_size: u64,
    contexts: Vec<String>,
    entries: usize,
    list: Vec<Entry>,
}

#[derive(serde::Serialize)]
struct Entry {
    entry: usize,
    pieces: Vec<Piece>,
}

#[derive(serde::Serialize)]
struct Piece {
    context: String,
    bytes: u32,
    cid: String,
    /// How it begins, printable; nothing where it is a blob that is not here.
    text: Option<String>,
}

/// Shows the dictionary in `path`, with at most `most` entries.
///
/// # Errors
/// Whatever is wrong with the file.
pub fn show(path: &Path, most: usize, app: &App, work: &options::Work, talk: &options::Talk) -> Result<()> {
    let mut store = Store::new(&app.registry, &[], None);
    let digest = store.load(path)?;
    let file = store.loaded().get(&digest)?;
    let blobs = work.store(app, Some(path)).find(&[])?;
    let report =
        report(path, digest.to_string(), file, blobs, most).map_err(|e| e.at(path.display().to_string()))?;
    if talk.json { super::print_json(&report) } else { super::print(&text(&report)) }
}

fn report(path: &Path, sha256: String, file: Arc<[u8]>, blobs: Resources, most: usize) -> Result<Report> {
    let dictionary = Dictionary::read(file, blobs)?;
    let entries = dictionary.entries();
    let contexts = &dictionary.table().contexts;
    let piece = |entry, context| -> Result<Piece> {
        let piece = dictionary.piece(entry, context);
        let begin = |bytes: &[u8]| readable(&bytes[..bytes.len().min(SHOWN)]);
        let text = match dictionary.with_bytes(&piece, begin) {
            Err(e) if e.kind() == ErrorKind::MissingResource => None,
            text => Some(text?),
        };
        let context = contexts[context].clone();
        Ok(Piece { context, bytes: piece.len, cid: cid::text(&piece.digest), text })
    };
    let list = (0..entries.min(most)).map(|entry| {
        let pieces = (0..contexts.len()).map(|context| piece(entry, context)).collect::<Result<_>>()?;
        Ok::<_, Error>(Entry { entry, pieces })
    });
    Ok(Report {
        path: path.display().to_string(),
        sha256,
        root: dictionary.table().root().to_string(),
        chunk_size: dictionary.table().cutting.size(),
        contexts: contexts.clone(),
        entries,
        list: list.collect::<Result<_>>()?,
    })
}

fn text(report: &Report) -> String {
    let mut facts = table::table(&[]);
    for (name, value) in [
        (
            "dictionary",
            format!("{} entries, notes of {} bytes", table::count(report.entries as u64), report.chunk_size),
        ),
        ("contexts", report.contexts.join(", ")),
        ("sha256", report.sha256.clone()),
        ("Merkle root", report.root.clone()),
    ] {
        facts.add_row([name.to_string(), value]);
    }
    facts.column_iter_mut().for_each(|column| {
        column.set_cell_alignment(CellAlignment::Left);
    });
    let mut list = table::table(&["entry", "bytes", "context", "identifier", "text"]);
    for (entry, piece) in
        report.list.iter().flat_map(|entry| entry.pieces.iter().map(move |p| (entry.entry, p)))
    {
        let text =
            piece.text.as_ref().map_or("(a blob that is not here)".into(), |text| format!("\"{text}\""));
        let bytes = table::count(piece.bytes.into());
        list.add_row([entry.to_string(), bytes, piece.context.clone(), piece.cid.clone(), text]);
    }
    for column in 2..5 {
        if let Some(column) = list.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Left);
        }
    }
    let more = report.entries - report.list.len();
    let more = if more > 0 {
        format!("... and {} more (--rules N)\n", table::count(more as u64))
    } else {
        String::new()
    };
    format!("{}\n{}{more}", table::text(&facts), table::text(&list))
}

/// Whether a file begins like a dictionary.
pub fn is_dictionary(path: &Path) -> bool {
    use std::io::Read;
    let mut head = [0; 4];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == *b"LABD"
}
