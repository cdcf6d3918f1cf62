//! The `file` carrier: an ordinary file. The default for a chain without a carrier.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use lab_codec::{
    Carrier, Context, Entry, Info, Lost, Memory, Params, Probe, Resources, Result, Source, StreamReader,
    StreamWriter, Summary, Target, check_read,
};

use crate::container::MAGIC;

/// Buffer size in bytes: small writes are gathered, a segment's bytes bypass the buffer.
const BUFFER_BYTES: usize = 1 << 16;

static INFO: Info = Info::new("file", "the stream as an ordinary file (the default carrier)")
    .memory(|_, _| Memory::new(BUFFER_BYTES as u64, 0))
    .range_decode()
    .identity()
    .pipe();

/// The registry entry.
pub const FILE: Entry = Entry::carrier(&INFO, build);

fn build(_: &Params, _: &Resources) -> Result<Arc<dyn Carrier>> {
    Ok(Arc::new(FileCarrier))
}

struct FileCarrier;

impl Carrier for FileCarrier {
    fn probe(&self, source: &Source) -> Probe {
        if source.head.starts_with(&MAGIC) { Probe::Yes } else { Probe::No }
    }

    fn create<'a>(
        &self,
        target: Target<'a>,
        _: &str,
        _: &str,
        _: &Context,
    ) -> Result<Box<dyn StreamWriter + 'a>> {
        let is_pipe = matches!(target, Target::Pipe(_));
        let sink: Box<dyn Write + Send + 'a> = match target {
            Target::Path(path) => {
                Box::new(OpenOptions::new().write(true).create(true).truncate(true).open(path)?)
            }
            Target::Pipe(pipe) => pipe,
        };
        Ok(Box::new(Writer { sink: BufWriter::with_capacity(BUFFER_BYTES, sink), is_pipe }))
    }

    fn open(&self, source: &Source, _: &Context) -> Result<Box<dyn StreamReader>> {
        let file = File::open(source.path)?;
        let len = file.metadata()?.len();
        Ok(Box::new(Reader { file, len }))
    }
}

/// Opens any file as a stream, without probing its first bytes.
///
/// # Errors
/// I/O errors.
pub fn open(path: &Path) -> Result<Arc<dyn StreamReader>> {
    crate::reads::protect(path);
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    Ok(Arc::new(Reader { file, len }))
}

struct Writer<'a> {
    sink: BufWriter<Box<dyn Write + Send + 'a>>,
    /// Whether the target may have a reader waiting at its other end.
    is_pipe: bool,
}

impl StreamWriter for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.sink.write_all(bytes)?)
    }

    fn flush(&mut self) -> Result<()> {
        if self.is_pipe { Ok(self.sink.flush()?) } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>, _: &Summary) -> Result<()> {
        Ok(self.sink.flush()?)
    }
}

struct Reader {
    file: File,
    len: u64,
}

impl StreamReader for Reader {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<Lost> {
        check_read(offset, buf.len(), self.len)?;
        read_exact_at(&self.file, buf, offset)?;
        Ok(Lost::new())
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, buf: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buf, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut buf: &mut [u8], mut offset: u64) -> std::io::Result<()> {
    while !buf.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buf, offset)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            n => {
                buf = &mut buf[n..];
                offset += n as u64;
            }
        }
    }
    Ok(())
}
