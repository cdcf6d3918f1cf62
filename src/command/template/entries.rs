//! `lab template inspect` of a dictionary: its contexts and entries, numbered as in maps.

use std::path::Path;

use comfy_table::CellAlignment;
use lab_codec::Result;
use lab_template::notes::dictionary::Dictionary;
use lab_template::notes::list::List;

use super::{App, options, table};
use lab_stream::resource::Store;

#[derive(serde::Serialize)]
struct Report {
    path: String,
    sha256: String,
    #[serde(flatten)]
    list: List,
}

/// Prints the dictionary in `path` with at most `most` entries.
///
/// # Errors
/// I/O errors; a corrupt or truncated dictionary.
pub(super) fn show(
    path: &Path,
    most: usize,
    app: &App,
    work: &options::Work,
    talk: &options::Talk,
) -> Result<()> {
    let mut store = Store::new(&app.registry, &[], None);
    let digest = store.load(path)?;
    let file = store.loaded().get(&digest)?;
    let blobs = work.store(app, Some(path)).find(&[])?;
    let list = Dictionary::read(file, blobs).and_then(|dictionary| List::of(&dictionary, most));
    let list = list.map_err(|e| e.at(path.display().to_string()))?;
    let report = Report { path: path.display().to_string(), sha256: digest.to_string(), list };
    if talk.json { super::print_json(&report) } else { super::print(&text(&report)) }
}

fn text(Report { sha256, list: report, .. }: &Report) -> String {
    let mut facts = table::table(&[]);
    for (name, value) in [
        (
            "dictionary",
            format!("{} entries, notes of {} bytes", table::count(report.entries as u64), report.chunk_size),
        ),
        ("contexts", report.contexts.join(", ")),
        ("sha256", sha256.clone()),
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
        let text = piece.text.as_ref().map_or("(missing blob)".into(), |text| format!("\"{text}\""));
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
