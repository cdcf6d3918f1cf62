//! Fetches a corpus from its addresses or from a directory, verifies it, and writes a manifest beside it.
//!
//! A file appears under its name only once its size and digest match. A file without a listed digest is
//! recorded in the manifest at the first fetch, and later fetches must match that digest.

mod failures;
mod http;
mod local;
mod pack;
mod part;
mod record;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lab_codec::{Context, Digest, Error, ErrorKind, Hint, Observer, Result};

use super::manifest::{FILE_NAME, Listed, Manifest};
use super::published::{Source, Sources, Wanted, directory, sources};
use super::unpack::{HashingReader, HashingWriter, copy};
use failures::Failures;
use http::{Client, Expected, Failure};
use lab_stream::output::Output;
use part::Part;

/// Creates a progress bar, given a name and, if known, a size in bytes.
pub type Bar<'a> = dyn Fn(&str, Option<u64>) -> Arc<dyn Observer> + 'a;

/// Retry policy for a server.
#[derive(Debug, Clone, Copy)]
pub struct Tries {
    /// Number of retries.
    pub retries: u32,
    /// Pause before the first retry; it doubles with each retry.
    pub wait: Duration,
    /// Timeout for a connection, for an answer, and for each read.
    pub timeout: Duration,
}

/// Options of a fetch.
pub struct Options<'a> {
    /// Parent of the corpus's directory.
    pub into: &'a Path,
    /// Directory to take files and downloads from, instead of the network.
    pub from: Option<&'a Path>,
    /// Address tried before all others; the downloads are below it by name.
    pub mirror: Option<&'a str>,
    /// Fetch existing files again, and replace files that differ from the manifest.
    pub force: bool,
    /// Retry policy.
    pub tries: Tries,
    /// Shows the progress of downloads.
    pub bar: &'a Bar<'a>,
}

/// A file that is present after the fetch.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: Digest,
    /// Address or path that it came from.
    pub origin: String,
    /// Whether it was present before the fetch.
    pub was_here: bool,
    /// Whether it has no known digest.
    pub is_unproven: bool,
}

/// Fetches the missing files of a corpus and writes its manifest. Returns all files in the order of the
/// description.
///
/// # Errors
/// [`Usage`](ErrorKind::Usage) if a file's name is taken; corrupt or I/O, with everything that was tried, if
/// files are still missing. Fetched files stay. Cancellation.
pub fn fetch(sources: &Sources, options: &Options, cx: &Context) -> Result<Vec<Arrived>> {
    let directory = directory(sources, options.into);
    let in_directory = |e: Error| e.at(directory.display().to_string());
    fs::create_dir_all(&directory).map_err(|e| in_directory(e.into()))?;
    let earlier = Manifest::in_directory(&directory)?;
    if earlier.is_none() && directory.join(FILE_NAME).exists() && !options.force {
        let path = directory.join(FILE_NAME);
        let text = format!("{} exists and is not a corpus manifest", path.display());
        return Err(Error::usage(text).with_hint(Hint::Overwrite));
    }
    let mut job = Job {
        sources,
        options,
        cx,
        earlier: earlier.as_ref(),
        directory: &directory,
        arrived: BTreeMap::new(),
        failures: Failures::default(),
        unreachable: BTreeSet::new(),
    };
    let fetched = job.run();
    // Even a partial fetch writes a manifest of what it got.
    let recorded = record::write(&job).map_err(in_directory);
    if fetched.is_err() {
        // Removes the directory only if it is empty.
        let _ = fs::remove_dir(&directory);
    }
    fetched?;
    recorded?;
    Ok(sources.files.iter().filter_map(|wanted| job.arrived.remove(&wanted.name)).collect())
}

/// A fetch in progress.
struct Job<'a> {
    sources: &'a Sources,
    options: &'a Options<'a>,
    cx: &'a Context,
    /// Manifest of an earlier fetch.
    earlier: Option<&'a Manifest>,
    directory: &'a Path,
    arrived: BTreeMap<String, Arrived>,
    failures: Failures,
    /// Servers that did not answer.
    unreachable: BTreeSet<String>,
}

impl<'a> Job<'a> {
    fn run(&mut self) -> Result<()> {
        if !self.options.force {
            self.take_stock()?;
        }
        if let Some(from) = self.options.from {
            if !from.is_dir() {
                return Err(Error::usage("not a directory").at(from.display().to_string()));
            }
            local::take(self, from)?;
        } else {
            self.take_downloads()?;
        }
        match self.missing().len() {
            0 => Ok(()),
            missing => Err(self.failures.error(self.sources, missing, self.options.from)),
        }
    }

    fn take_downloads(&mut self) -> Result<()> {
        let client = Client::new(self.options.tries, self.options.bar);
        for source in &self.sources.sources {
            let missing = self.missing();
            if source.is_per_file() {
                for wanted in missing {
                    self.download(&client, source, &[wanted])?;
                }
            } else if !missing.is_empty() {
                self.download(&client, source, &missing)?;
            }
        }
        Ok(())
    }

    /// Files that are still missing.
    fn missing(&self) -> Vec<&'a Wanted> {
        self.sources.files.iter().filter(|wanted| !self.arrived.contains_key(&wanted.name)).collect()
    }

    /// The record of a file from an earlier fetch.
    fn recorded(&self, wanted: &Wanted) -> Option<&'a Listed> {
        let of_it = |l: &&Listed| l.name == wanted.name && l.corpus == self.sources.corpus;
        self.earlier?.files.iter().find(of_it)
    }

    /// The digest that a file must have, if one is known.
    fn digest(&self, wanted: &Wanted) -> Option<Digest> {
        let recorded = || self.recorded(wanted).map(|listed| listed.sha256);
        wanted.sha256.or_else(|| if self.options.force { None } else { recorded() })
    }

    /// Notes the files that are already present.
    fn take_stock(&mut self) -> Result<()> {
        for wanted in &self.sources.files {
            let path = self.directory.join(&wanted.name);
            let file = match File::open(&path) {
                Ok(file) => file,
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(Error::from(e).at(path.display().to_string())),
            };
            let (bytes, sha256) = HashingReader::new(file, self.cx).finish()?;
            if bytes != wanted.bytes || self.digest(wanted).is_some_and(|digest| digest != sha256) {
                let text = format!("{} exists and differs from the listed file", path.display());
                return Err(Error::usage(text).with_hint(Hint::Overwrite));
            }
            let origin =
                self.recorded(wanted).map_or_else(|| "found in its place".into(), |l| l.origin.clone());
            self.note_arrived(wanted, sha256, origin, true);
        }
        Ok(())
    }

    fn note_arrived(&mut self, wanted: &Wanted, sha256: Digest, origin: String, was_here: bool) {
        let is_unproven = wanted.sha256.is_none();
        let (name, bytes) = (wanted.name.clone(), wanted.bytes);
        let arrived = Arrived { name: name.clone(), bytes, sha256, origin, was_here, is_unproven };
        self.arrived.insert(name, arrived);
    }

    /// Addresses of the download that contains `wanted`, in the order to try.
    fn urls(&self, source: &Source, wanted: &Wanted) -> Vec<String> {
        let mut urls = source.urls_for(&wanted.name);
        if let Some(mirror) = self.options.mirror {
            let mirror = mirror.trim_end_matches('/');
            let mut names: Vec<&str> = urls.iter().map(|url| sources::download_name(url)).collect();
            names.dedup();
            let first: Vec<String> = names.iter().map(|name| format!("{mirror}/{name}")).collect();
            urls.splice(0..0, first);
        }
        urls
    }

    /// Fetches one download from the first working address, and unpacks the `wanted` files.
    ///
    /// # Errors
    /// Only errors unrelated to the addresses: the disk, cancellation.
    fn download(&mut self, client: &Client, source: &Source, wanted: &[&'a Wanted]) -> Result<()> {
        let all = self.sources.bytes();
        let expected = Expected {
            bytes: source.bytes,
            // A pack should hardly be larger than its content; a larger one is useless.
            limit: source.bytes.unwrap_or_else(|| all.saturating_add(all / 8).saturating_add(1 << 20)),
            is_checked: source.sha256.is_some() || wanted.iter().all(|w| self.digest(w).is_some()),
            is_same_everywhere: source.sha256.is_some(),
        };
        for url in wanted.first().map(|w| self.urls(source, w)).unwrap_or_default() {
            if self.unreachable.contains(server(&url)) {
                continue;
            }
            let mut part = Part::open(self.directory, sources::download_name(&url))?;
            // The resumed parts do not form the listed whole: fetch it again in one piece.
            for is_last in [false, true] {
                let outcome = client
                    .fetch(&url, &mut part, &expected, self.cx)
                    .and_then(|()| self.take_out(source, wanted, &part, &url));
                let failure = match outcome {
                    Ok(()) => {
                        part.finish();
                        return Ok(());
                    }
                    Err(failure) => failure,
                };
                let why = match failure {
                    Failure::Fatal(error) => return Err(error),
                    Failure::Unreachable(why) => {
                        self.unreachable.insert(server(&url).to_string());
                        why
                    }
                    Failure::Refused(why) => why,
                    Failure::Wrong(why) => {
                        let was_continued = part.was_continued();
                        part.clear()?;
                        if was_continued && !is_last {
                            continue;
                        }
                        self.failures.has_wrong = true;
                        why
                    }
                };
                self.failures.note(&url, why);
                break;
            }
        }
        Ok(())
    }

    /// Unpacks the `wanted` files from a complete download.
    fn take_out(
        &mut self,
        source: &Source,
        wanted: &[&'a Wanted],
        part: &Part,
        url: &str,
    ) -> Result<(), Failure> {
        if source.bytes.is_some_and(|bytes| bytes != part.length()) {
            let listed = source.bytes.unwrap_or_default();
            return Err(Failure::Wrong(format!("{} bytes, listed are {listed}", part.length())));
        }
        if let Some(listed) = source.sha256 {
            let mut file = part.file();
            file.rewind()?;
            let (_, found) = HashingReader::new(file, self.cx).finish()?;
            if found != listed {
                return Err(Failure::Wrong(format!("SHA-256 {found}, listed is {listed}")));
            }
        }
        self.unpack(source, wanted, part.file(), url)
    }

    /// Unpacks the `wanted` files from a pack.
    fn unpack(
        &mut self,
        source: &Source,
        wanted: &[&'a Wanted],
        pack: &File,
        origin: &str,
    ) -> Result<(), Failure> {
        let by_name: BTreeMap<&str, &'a Wanted> =
            wanted.iter().map(|wanted| (source.name_of(&wanted.name), *wanted)).collect();
        let bytes = self.sources.bytes();
        let mut wrong = None;
        let cx = self.cx;
        let outcome = pack::members(source.pack, pack, bytes, cx, &mut |name, reader| {
            let wanted = match name {
                Some(name) => by_name.get(name).copied(),
                None => wanted.first().copied(),
            };
            let Some(wanted) = wanted.filter(|w| !self.arrived.contains_key(&w.name)) else { return Ok(()) };
            match self.deliver(wanted, reader, origin) {
                Err(e) if e.kind() == ErrorKind::Corrupt => {
                    wrong.get_or_insert(format!("{}: {e}", wanted.name));
                    Ok(())
                }
                other => other,
            }
        });
        match outcome {
            Err(e) if e.kind() == ErrorKind::Corrupt => return Err(Failure::Wrong(e.to_string())),
            other => other?,
        }
        match (wrong, wanted.iter().find(|w| !self.arrived.contains_key(&w.name))) {
            (Some(why), _) => Err(Failure::Wrong(why)),
            (None, Some(wanted)) => Err(Failure::Wrong(format!("{} is missing in it", wanted.name))),
            (None, None) => Ok(()),
        }
    }

    /// Creates a file from `reader` if its content matches.
    ///
    /// # Errors
    /// Corrupt if the content differs or is damaged; any other error comes from writing.
    fn deliver(&mut self, wanted: &Wanted, reader: &mut dyn Read, origin: &str) -> Result<()> {
        let path = self.directory.join(&wanted.name);
        let mut output = Output::open(&path, self.options.force)?;
        let mut reader = pack::Watched::new(reader);
        let mut writer = HashingWriter::new(output.sink()?, wanted.bytes);
        let copied = copy(&mut reader, &mut writer, self.cx);
        if let Some(why) = reader.failure {
            return Err(Error::corrupt(format!("cannot be unpacked: {why}")));
        }
        if writer.overflowed() {
            return Err(Error::corrupt(format!("more than the listed {} bytes", wanted.bytes)));
        }
        copied.map_err(|e| e.at(path.display().to_string()))?;
        let (bytes, sha256) = writer.finish();
        if bytes != wanted.bytes {
            return Err(Error::corrupt(format!("{bytes} bytes, listed are {}", wanted.bytes)));
        }
        if let Some(listed) = self.digest(wanted).filter(|listed| *listed != sha256) {
            return Err(Error::corrupt(format!("SHA-256 {sha256}, listed is {listed}")));
        }
        output.commit()?;
        self.note_arrived(wanted, sha256, origin.to_string(), false);
        Ok(())
    }
}

/// The host name in an address.
fn server(url: &str) -> &str {
    let after_host = url.match_indices('/').nth(2).map_or(url.len(), |(at, _)| at);
    &url[..after_host]
}
