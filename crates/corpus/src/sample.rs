//! A sample: one original file of a corpus, from any source.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use lab_codec::{Context, Digest, Error, ErrorKind, Result};

use super::generate;
use super::manifest::{Listed, StoredAs};
use super::unpack::{HashingWriter, unpack};

/// One file to compress, in its original form.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Corpus from the manifest, if one applies.
    pub corpus: Option<String>,
    /// Name; unique within one discovery together with the corpus.
    pub name: String,
    /// Path as shown to people: of the stored form, or `builtin/NAME`.
    pub path: PathBuf,
    /// Bytes of the original.
    pub bytes: u64,
    /// SHA-256 of the original, if a manifest lists it.
    pub sha256: Option<Digest>,
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    /// The file at the sample's path, unchanged.
    Plain,
    /// The stored form of a listed file at the sample's path.
    Stored(StoredAs),
    /// Bytes in the program.
    Embedded(&'static [u8]),
    /// Output of a generator, made on loading.
    Generated { generator: String, seed: u64 },
}

impl Sample {
    /// A plain file.
    pub fn plain(name: String, path: PathBuf, bytes: u64) -> Self {
        Self { corpus: None, name, path, bytes, sha256: None, source: Source::Plain }
    }

    /// A file of a manifest, with its stored form at `path`.
    pub fn listed(corpus: String, listed: &Listed, path: PathBuf) -> Self {
        Self {
            corpus: Some(corpus),
            name: listed.name.clone(),
            path,
            bytes: listed.bytes,
            sha256: Some(listed.sha256),
            source: Source::Stored(listed.stored_as),
        }
    }

    /// Bytes in the program.
    pub fn embedded(corpus: &str, name: &str, content: &'static [u8]) -> Self {
        Self::within(corpus, name, content.len() as u64, Source::Embedded(content))
    }

    /// The first `bytes` of a generator's output.
    pub fn generated(corpus: &str, generator: &str, seed: u64, bytes: u64) -> Self {
        let source = Source::Generated { generator: generator.to_string(), seed };
        Self::within(corpus, generator, bytes, source)
    }

    fn within(corpus: &str, name: &str, bytes: u64, source: Source) -> Self {
        Self {
            corpus: Some(corpus.to_string()),
            name: name.to_string(),
            path: [corpus, name].iter().collect(),
            bytes,
            sha256: None,
            source,
        }
    }

    /// `corpus/name`, or the name alone.
    pub fn label(&self) -> String {
        match &self.corpus {
            Some(corpus) => format!("{corpus}/{}", self.name),
            None => self.name.clone(),
        }
    }

    /// A reader of the original's bytes. A plain file is streamed, whatever its size; any other sample is
    /// loaded.
    ///
    /// # Errors
    /// As for [`load`](Self::load).
    pub fn open(&self, cx: &Context) -> Result<Box<dyn Read + Send>> {
        match self.source {
            Source::Plain => match File::open(&self.path) {
                Ok(file) => Ok(Box::new(file)),
                Err(e) => Err(Error::from(e).at(self.path.display().to_string())),
            },
            _ => Ok(Box::new(std::io::Cursor::new(self.load(cx)?))),
        }
    }

    /// Loads the original: exactly [`bytes`](Self::bytes) bytes, verified against the manifest's digest if it
    /// has one.
    ///
    /// # Errors
    /// [`Limit`](ErrorKind::Limit), before any allocation, if the sample exceeds the output limit; corrupt if
    /// size or digest differ; I/O errors. All with the path.
    pub fn load(&self, cx: &Context) -> Result<Vec<u8>> {
        self.read(cx).map_err(|e| e.at(self.path.display().to_string()))
    }

    fn read(&self, cx: &Context) -> Result<Vec<u8>> {
        cx.limits().check_output(self.bytes, "a sample")?;
        if let Source::Embedded(content) = self.source {
            return Ok(content.to_vec());
        }
        let mut out = Vec::new();
        let capacity = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        lab_codec::reserve(&mut out, capacity)?;
        match &self.source {
            Source::Embedded(_) => {}
            Source::Generated { generator, seed } => {
                generate::generate(&generate::find(generator)?, *seed, self.bytes, &mut out, cx)?;
            }
            Source::Plain => {
                // Reads one byte beyond the expected length, to detect that the file has grown.
                File::open(&self.path)?.take(self.bytes.saturating_add(1)).read_to_end(&mut out)?;
                if out.len() as u64 != self.bytes {
                    return Err(Error::corrupt(format!(
                        "the file had {} bytes when it was listed, and has another size now",
                        self.bytes
                    )));
                }
            }
            Source::Stored(stored_as) => self.restore(*stored_as, &mut out, cx)?,
        }
        Ok(out)
    }

    fn restore(&self, stored_as: StoredAs, out: &mut Vec<u8>, cx: &Context) -> Result<()> {
        let file = File::open(&self.path)?;
        let mut writer = HashingWriter::new(out, self.bytes);
        // The writer enforces the listed size; the decoder needs no limit.
        let cx = cx.clone().with_limits(cx.limits().with_output(u64::MAX));
        let result = unpack(stored_as, file, &mut writer, &cx);
        if writer.overflowed() {
            return Err(differs(&format!("more than the {} bytes", self.bytes)));
        }
        result?;
        let (bytes, digest) = writer.finish();
        if bytes != self.bytes {
            return Err(differs(&format!("{bytes} instead of the {} bytes", self.bytes)));
        }
        match self.sha256 {
            Some(expected) if expected != digest => Err(Error::new(
                ErrorKind::Corrupt,
                format!("its SHA-256 is {digest}, the manifest says {expected}"),
            )),
            _ => Ok(()),
        }
    }
}

fn differs(what: &str) -> Error {
    Error::corrupt(format!("it holds {what} listed in the manifest"))
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{Directory, HELLO};
    use super::*;

    fn load(sample: &Sample) -> Result<Vec<u8>> {
        sample.load(&Context::default())
    }

    #[test]
    fn every_stored_form_gives_the_original() {
        let directory = Directory::with_manifest();
        for (name, listed) in directory.listed() {
            let sample = Sample::listed("c".into(), &listed, directory.path().join(&listed.stored));
            assert_eq!(load(&sample).unwrap(), HELLO, "{name}");
            assert_eq!(sample.label(), format!("c/{name}"));
        }
    }

    #[test]
    fn what_differs_from_the_manifest_is_refused() {
        let directory = Directory::with_manifest();
        for (name, listed) in directory.listed() {
            let path = directory.path().join(&listed.stored);
            let sample = |change: fn(&mut Listed)| {
                let mut listed = listed.clone();
                change(&mut listed);
                Sample::listed("c".into(), &listed, path.clone())
            };
            for wrong in [
                sample(|l| l.bytes += 1),
                sample(|l| l.bytes -= 1),
                sample(|l| l.bytes = 0),
                sample(|l| l.sha256.0[0] ^= 1),
            ] {
                let error = load(&wrong).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{name}: {error}");
                assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
            }
        }
    }

    #[test]
    fn the_limit_is_checked_before_anything_is_allocated() {
        let directory = Directory::with_manifest();
        for (_, mut listed) in directory.listed() {
            listed.bytes = u64::MAX;
            let sample = Sample::listed("c".into(), &listed, directory.path().join(&listed.stored));
            assert_eq!(load(&sample).unwrap_err().kind(), ErrorKind::Limit);
        }
        let path = directory.path().join("plain");
        let sample = Sample::plain("plain".into(), path, 1 << 40);
        assert_eq!(load(&sample).unwrap_err().kind(), ErrorKind::Limit);
    }

    #[test]
    fn a_plain_file_that_changed_is_refused() {
        let directory = Directory::with_manifest();
        let path = directory.write("plain", b"12345");
        assert_eq!(load(&Sample::plain("plain".into(), path.clone(), 5)).unwrap(), b"12345");
        for listed in [4, 6] {
            let error = load(&Sample::plain("plain".into(), path.clone(), listed)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
        }
    }
}
