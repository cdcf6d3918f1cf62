//! Shared parts of the targets: limits, a registry, streams in memory, temporary files.

use std::io::{self, Write};
use std::path::Path;
use std::sync::LazyLock;

use lab_codec::{Context, Limits, Lost, Registry, Result, StreamReader, check_read};

/// Maximum output of one decoding step, in bytes.
pub(crate) const OUTPUT: usize = 1 << 20;
/// Maximum memory of one decoder, in bytes, besides its input and output.
pub(crate) const MEMORY: u64 = 128 << 20;

/// A context with the limits of all targets.
pub(crate) fn context() -> Context {
    Context::default().with_limits(Limits::new(OUTPUT as u64, MEMORY))
}

/// The built-in registry without `exec`, whose parameter would start a program.
pub(crate) fn registry() -> &'static Registry {
    static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
        let mut registry = Registry::new();
        for entry in lab::registry::builtin().entries().iter().filter(|entry| entry.info.id != "exec") {
            registry.register(*entry);
        }
        registry
    });
    &REGISTRY
}

/// A stream in memory.
pub(crate) struct Memory(pub Vec<u8>);

impl StreamReader for Memory {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<Lost> {
        check_read(offset, buf.len(), self.len())?;
        buf.copy_from_slice(&self.0[offset as usize..][..buf.len()]);
        Ok(Lost::new())
    }
}

impl lab_media::container::ReadAt for Memory {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..));
        let bytes = from.and_then(|from| from.get(..buf.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
        buf.copy_from_slice(bytes);
        Ok(())
    }
}

/// A sink that refuses more than four times the output limit: a gap in a stream may stand for any number of
/// zeros.
#[derive(Default)]
pub(crate) struct Sink(pub Vec<u8>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > 4 * OUTPUT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the bytes to a temporary file and passes its path to `read`.
pub(crate) fn with_file<T>(bytes: &[u8], read: impl FnOnce(&Path) -> T) -> T {
    let file = tempfile::NamedTempFile::new().expect("the system has room for a temporary file");
    std::fs::write(file.path(), bytes).expect("a temporary file can be written");
    read(file.path())
}

/// Splits off the first line as text.
pub(crate) fn first_line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 1..]))
}
