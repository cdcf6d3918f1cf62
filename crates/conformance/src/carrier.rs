//! Checks of carriers with intact media: the stream must be readable at any offset, from any thread.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use lab_codec::{
    Carrier, Context, Digest, ErrorKind, Params, Probe, Resources, Result, Source, StreamReader, Summary,
    Target,
};

use crate::Options;
use crate::codec::difference;
use crate::inputs;
use crate::mutate::Random;
use crate::report::{EntryReport, Outcome, is_absence};
use crate::variants::Variant;

type Build = fn(&Params, &Resources) -> Result<Arc<dyn Carrier>>;

/// Sizes of the pieces in which streams are written, in rotation.
const PIECE_SIZES: [usize; 5] = [1, 4096, 7, 65_536, 1000];
const THREADS: usize = 4;
/// Maximum stream length for carriers that start processes, in bytes.
const MAX_EXTERNAL_STREAM: usize = 4096;

/// Checks with valid input; returns the carrier for the checks with hostile input, unless it is absent.
pub(crate) fn check<'a>(
    build: Build,
    variant: &'a Variant,
    options: &'a Options,
    report: &mut EntryReport,
) -> Option<Subject<'a>> {
    let text = &variant.text;
    let mut ready = None;
    let mut absent = None;
    report.case(
        text,
        || "build".into(),
        || {
            let scratch = tempfile::tempdir().map_err(|e| format!("no scratch directory: {e}"))?;
            match build(&variant.params, &options.resources) {
                Ok(carrier) => ready = Some(Subject { carrier, variant, options, scratch }),
                Err(e) if is_absence(&e) => absent = Some(e),
                Err(e) => return Err(format!("a value within its declared range is refused: {e}")),
            }
            Ok(())
        },
    );
    if let Some(subject) = &ready {
        // One write shows whether the carrier's tools are installed.
        match subject.write("trial", b"trial", false) {
            Err(e) if is_absence(&e) => absent = Some(e),
            _ => run(subject, report),
        }
    }
    if let Some(e) = absent {
        report.skip(text, &e);
        return None;
    }
    ready
}

fn run(subject: &Subject, report: &mut EntryReport) {
    let text = &subject.variant.text;
    // A carrier that starts processes gets few cases; the others cover the rest.
    let external = subject.carrier.is_external();
    let segment = if external { MAX_EXTERNAL_STREAM } else { subject.options.segment };
    let lengths = match external {
        true => &[0, MAX_EXTERNAL_STREAM][..],
        false => &[0, 1, 2, 255, 4096, segment - 1, segment, segment + 1][..],
    };
    for &length in lengths {
        let stream = inputs::random(length);
        report.case(text, || format!("a stream of {length} bytes"), || subject.round_trip(&stream));
    }
    if !external {
        report.case(text, || "a stream of zeros".into(), || subject.round_trip(&vec![0; segment]));
    }
    let stream = inputs::random(segment);
    report.case(text, || "the same medium again".into(), || subject.repeat(&stream));
    report.case(text, || "several threads".into(), || subject.threads(&stream));
    report.case(text, || "probe".into(), || subject.probe(&stream));
    report.case(text, || "a pipe".into(), || subject.pipe(&stream));
}

/// A carrier under test, with a directory for its media.
pub(crate) struct Subject<'a> {
    pub carrier: Arc<dyn Carrier>,
    pub variant: &'a Variant,
    pub options: &'a Options,
    pub scratch: tempfile::TempDir,
}

/// Description of a stream for the carrier, which never looks at the content behind it.
fn summary() -> Summary {
    let digest = Digest(std::array::from_fn(|i| i as u8));
    Summary { name: "original.txt".into(), chain: "store".into(), bytes: 12_345, sha256: digest }
}

impl Subject<'_> {
    pub(crate) fn context(&self) -> Context {
        let format = self.variant.params.info().writes();
        Context::default().with_format(format).with_scratch(self.scratch.path())
    }

    pub(crate) fn is_identity(&self) -> bool {
        self.variant.params.info().capabilities.identity
    }

    /// Writes a medium called `name`, in one piece or in many.
    pub(crate) fn write(&self, name: &str, stream: &[u8], pieces: bool) -> Result<PathBuf> {
        let path = self.scratch.path().join(name);
        if path.is_dir() {
            fs::remove_dir_all(&path)?;
        } else if path.exists() {
            fs::remove_file(&path)?;
        }
        self.write_to(Target::Path(&path), stream, pieces)?;
        Ok(path)
    }

    fn write_to(&self, target: Target, stream: &[u8], pieces: bool) -> Result<()> {
        let summary = summary();
        let mut writer = self.carrier.create(target, &summary.name, &summary.chain, &self.context())?;
        if pieces {
            let mut rest = stream;
            for size in PIECE_SIZES.into_iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, after) = rest.split_at(size.min(rest.len()));
                writer.write(piece)?;
                rest = after;
            }
        } else {
            writer.write(stream)?;
        }
        writer.finish(&summary)
    }

    pub(crate) fn open(&self, path: &Path, cx: &Context) -> Result<Box<dyn StreamReader>> {
        let head = head(path)?;
        self.carrier.open(&Source { path, head: &head }, cx)
    }

    fn opened(&self, stream: &[u8]) -> Result<Box<dyn StreamReader>, String> {
        let path = self.write("medium", stream, true).map_err(|e| format!("writing failed: {e}"))?;
        self.open(&path, &self.context()).map_err(|e| format!("opening failed: {e}"))
    }

    fn round_trip(&self, stream: &[u8]) -> Outcome {
        let reader = self.opened(stream)?;
        let length = stream.len() as u64;
        if reader.len() != length || reader.is_empty() != stream.is_empty() {
            return Err(format!("the length is {} instead of {length}", reader.len()));
        }
        if let Some(found) = reader.summary().filter(|found| *found != summary()) {
            return Err(format!("the summary came back as {found:?}"));
        }
        expect(&*reader, stream, 0, stream.len())?;
        for start in (0..stream.len()).step_by(1000 + stream.len() / 50) {
            expect(&*reader, stream, start, (start + 1777).min(stream.len()))?;
        }
        let mut random = Random::new(length);
        for _ in 0..20 {
            let (a, b) = (random.below(stream.len() + 1), random.below(stream.len() + 1));
            expect(&*reader, stream, a.min(b), a.max(b))?;
        }
        for (offset, wanted) in
            [(length, 1), (0, stream.len() + 1), (u64::MAX, 1), (u64::MAX, 0), (length + 1, 0)]
        {
            match reader.read_at(offset, &mut vec![0; wanted]) {
                Err(e) if e.kind() == ErrorKind::Truncated => {}
                Err(e) => return Err(format!("reading past the end gives a {:?} error: {e}", e.kind())),
                Ok(_) if wanted == 0 => {} // nothing was asked for
                Ok(_) => return Err(format!("{wanted} bytes at {offset} are past the end, but no error")),
            }
        }
        Ok(())
    }

    fn repeat(&self, stream: &[u8]) -> Outcome {
        let read = |name, pieces| {
            let path = self.write(name, stream, pieces).map_err(|e| format!("writing failed: {e}"))?;
            contents(&path).map_err(|e| format!("reading the medium failed: {e}"))
        };
        let first = read("first", false)?;
        if first != read("second", false)? {
            return Err("writing the same stream twice gives two different media".into());
        }
        if first != read("third", true)? {
            return Err("the medium depends on the pieces in which the stream was written".into());
        }
        Ok(())
    }

    fn threads(&self, stream: &[u8]) -> Outcome {
        let reader = self.opened(stream)?;
        let reader = &*reader;
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|seed| {
                    scope.spawn(move || {
                        let mut random = Random::new(seed as u64);
                        (0..50).try_for_each(|_| {
                            let (a, b) = (random.below(stream.len() + 1), random.below(stream.len() + 1));
                            expect(reader, stream, a.min(b), a.max(b))
                        })
                    })
                })
                .collect();
            threads
                .into_iter()
                .try_for_each(|t| t.join().unwrap_or_else(|_| Err("a reading thread panicked".into())))
        })
    }

    fn probe(&self, stream: &[u8]) -> Outcome {
        let ask = |path: &Path| {
            let head = head(path).map_err(|e| e.to_string())?;
            Ok::<Probe, String>(self.carrier.probe(&Source { path, head: &head }))
        };
        let path = self.write("probed", stream, false).map_err(|e| format!("writing failed: {e}"))?;
        // A plain stream is recognised by its content, which is random here.
        if !self.is_identity() && ask(&path)? == Probe::No {
            return Err("its own medium is not recognised".into());
        }
        for (name, bytes) in [("text.txt", inputs::text(10_000)), ("empty", Vec::new())] {
            let path = self.scratch.path().join(name);
            fs::write(&path, bytes).map_err(|e| e.to_string())?;
            match ask(&path)? {
                Probe::No => {}
                other => return Err(format!("{name} is recognised as a medium: {other:?}")),
            }
            if !self.is_identity() && self.open(&path, &self.context()).is_ok() {
                return Err(format!("{name} opens as a medium"));
            }
        }
        let nowhere = self.scratch.path().join("nowhere");
        if self.carrier.open(&Source { path: &nowhere, head: &[] }, &self.context()).is_ok() {
            return Err("a path that does not exist opens as a medium".into());
        }
        Ok(())
    }

    /// The saved output of a pipe must be a valid medium; it may differ from a file's medium.
    fn pipe(&self, stream: &[u8]) -> Outcome {
        if !self.variant.params.info().capabilities.pipe {
            return Ok(());
        }
        let pipe = Pipe::default();
        self.write_to(Target::Pipe(Box::new(pipe.clone())), stream, true)
            .map_err(|e| format!("writing to a pipe failed: {e}"))?;
        let path = self.scratch.path().join("piped");
        let piped = pipe.0.lock().map_err(|e| e.to_string())?;
        fs::write(&path, &*piped).map_err(|e| e.to_string())?;
        let reader = self.open(&path, &self.context()).map_err(|e| format!("opening it failed: {e}"))?;
        if reader.len() != stream.len() as u64 {
            return Err(format!("the length is {} instead of {}", reader.len(), stream.len()));
        }
        expect(&*reader, stream, 0, stream.len())
    }
}

/// A sink that keeps what is written to it.
#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<Vec<u8>>>);

impl Write for Pipe {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.lock().map_err(|_| io::Error::other("poisoned"))?.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads a range and compares it; an intact medium must not report losses.
fn expect(reader: &dyn StreamReader, stream: &[u8], start: usize, end: usize) -> Outcome {
    let mut buf = vec![0x5A; end - start];
    let lost =
        reader.read_at(start as u64, &mut buf).map_err(|e| format!("reading {start}..{end} failed: {e}"))?;
    if !lost.is_empty() {
        return Err(format!("an intact medium has lost {lost:?}"));
    }
    if buf == stream[start..end] {
        return Ok(());
    }
    Err(format!("reading {start}..{end}: {}", difference(&buf, &stream[start..end])))
}

/// First bytes of a file; empty for a directory.
fn head(path: &Path) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    if path.is_file() {
        File::open(path)?.take(4096).read_to_end(&mut head)?;
    }
    Ok(head)
}

/// All files of a medium with their bytes, by path.
pub(crate) fn contents(path: &Path) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut files = Vec::new();
    let mut rest = vec![path.to_path_buf()];
    while let Some(next) = rest.pop() {
        if next.is_dir() {
            for entry in fs::read_dir(&next)? {
                rest.push(entry?.path());
            }
        } else {
            let bytes = fs::read(&next)?;
            files.push((next.strip_prefix(path).map(Path::to_path_buf).unwrap_or_default(), bytes));
        }
    }
    files.sort();
    Ok(files)
}
