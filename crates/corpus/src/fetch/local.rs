//! Fetches files, or downloads that contain them, from a directory: the same checks, no network.

use std::fs::File;
use std::path::{Path, PathBuf};

use lab_codec::{ErrorKind, Result};

use super::Job;
use super::http::Failure;
use crate::discover;
use crate::published::{Wanted, sources};

/// Takes missing files from `from` or from the corpus's directory in it. A file is found under its own name,
/// unpacked or as a manifest stores it; a download under the file name in its address.
pub(super) fn take(job: &mut Job, from: &Path) -> Result<()> {
    let corpus = from.join(&job.sources.corpus);
    let places = [from, corpus.as_path()];
    for wanted in job.missing() {
        for place in places {
            if !job.arrived.contains_key(&wanted.name) {
                take_file(job, wanted, &place.join(&wanted.name))?;
            }
        }
    }
    for source in &job.sources.sources {
        let groups: Vec<Vec<&Wanted>> = match source.is_per_file() {
            true => job.missing().into_iter().map(|wanted| vec![wanted]).collect(),
            false => vec![job.missing()],
        };
        for wanted in groups {
            let Some(first) = wanted.first() else { continue };
            let urls = source.urls_for(&first.name);
            let mut paths: Vec<PathBuf> = urls
                .iter()
                .flat_map(|url| places.map(|place| place.join(sources::download_name(url))))
                .filter(|path| path.is_file())
                .collect();
            paths.dedup();
            for path in paths {
                if wanted.iter().any(|w| !job.arrived.contains_key(&w.name)) {
                    let origin = path.display().to_string();
                    let outcome = job.unpack(source, &wanted, &File::open(&path)?, &origin);
                    note(job, &origin, outcome)?;
                }
            }
        }
    }
    if job.failures.is_empty() && !job.missing().is_empty() {
        let why = "the files and their archives are missing".to_string();
        job.failures.note(&from.display().to_string(), why);
    }
    Ok(())
}

fn take_file(job: &mut Job, wanted: &Wanted, path: &Path) -> Result<()> {
    // A manifest may store the file in another form and under another name.
    let Some(sample) = discover(&[path.to_path_buf()]).ok().and_then(|mut samples| samples.pop()) else {
        return Ok(());
    };
    let origin = sample.path.display().to_string();
    let outcome = match sample.open(job.cx) {
        Ok(mut reader) => job.deliver(wanted, &mut reader, &origin),
        Err(e) => Err(e),
    };
    let outcome = outcome.map_err(|e| match e.kind() {
        ErrorKind::Corrupt | ErrorKind::Truncated => Failure::Wrong(e.to_string()),
        _ => Failure::Fatal(e),
    });
    note(job, &origin, outcome)
}

/// Notes a defect of a source file; any other error ends the fetch.
fn note(job: &mut Job, origin: &str, outcome: Result<(), Failure>) -> Result<()> {
    match outcome {
        Ok(()) => Ok(()),
        Err(Failure::Fatal(error)) => Err(error),
        Err(Failure::Wrong(why) | Failure::Refused(why) | Failure::Unreachable(why)) => {
            job.failures.has_wrong = true;
            job.failures.note(origin, why);
            Ok(())
        }
    }
}
