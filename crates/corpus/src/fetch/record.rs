//! The manifest of a fetch: which files are present, their origin, and which are missing.

use std::io::Write;

use lab_codec::Result;

use super::Job;
use crate::manifest::{self, FILE_NAME, Listed, StoredAs};
use crate::published::Wanted;
use lab_stream::output::Output;

/// Writes the manifest. A missing file is listed if its digest is known.
pub(super) fn write(job: &Job) -> Result<()> {
    if job.arrived.is_empty() {
        return Ok(());
    }
    let files: Vec<Listed> = job.sources.files.iter().filter_map(|wanted| listed(job, wanted)).collect();
    let text = manifest::text(&job.sources.corpus, &files)?;
    let mut output = Output::open(&job.directory.join(FILE_NAME), true)?;
    output.sink()?.write_all(text.as_bytes())?;
    output.commit()
}

fn listed(job: &Job, wanted: &Wanted) -> Option<Listed> {
    let arrived = job.arrived.get(&wanted.name);
    let sha256 = arrived.map(|a| a.sha256).or(wanted.sha256)?;
    let note = match wanted.sha256 {
        Some(_) => None,
        None => Some("SHA-256 as first fetched: no published digest to compare with".to_string()),
    };
    Some(Listed {
        corpus: job.sources.corpus.clone(),
        name: wanted.name.clone(),
        bytes: wanted.bytes,
        sha256,
        stored: wanted.name.clone().into(),
        stored_as: StoredAs::Raw,
        stored_bytes: wanted.bytes,
        stored_sha256: sha256,
        origin: arrived.map_or_else(|| job.sources.page.clone(), |a| a.origin.clone()),
        licence: job.sources.licence.clone(),
        kind: job.sources.kind.clone(),
        note,
        known_bytes: None,
        size_matches_known: None,
    })
}
