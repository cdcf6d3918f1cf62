//! What the tests of the carrier share: payloads, writing, reading, external tools.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::panic)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use lab_codec::{
    Build, Carrier, Context, Digest, Lost, Params, Probe, Resources, Result, Source, StreamReader, Summary,
    Target,
};
use lab_video::exact::Reader;
use sha2::{Digest as _, Sha256};

/// The carrier as a registry builds it.
pub(crate) fn carrier() -> Arc<dyn Carrier> {
    let Build::Carrier(build) = lab_video::VIDEO.build else { panic!("the entry is a carrier") };
    build(&Params::defaults(lab_video::VIDEO.info), &Resources::default()).unwrap()
}

/// Pseudo-random bytes (xorshift64*, a generator that has nothing to do with the whitening sequence).
pub(crate) fn random(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend(state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_be_bytes());
    }
    bytes.truncate(length);
    bytes
}

pub(crate) fn summary(content: &[u8]) -> Summary {
    Summary {
        name: "räksmörgås.tar".to_string(),
        chain: "zstd:level=19,video".to_string(),
        bytes: content.len() as u64,
        sha256: Digest(Sha256::digest(content).into()),
    }
}

fn write_to(target: Target, payload: &[u8], piece: usize) -> Result<()> {
    let summary = summary(payload);
    let mut writer = carrier().create(target, &summary.name, &summary.chain, &Context::default())?;
    for bytes in payload.chunks(piece) {
        writer.write(bytes)?;
    }
    writer.finish(&summary)
}

/// Writes `payload` to the file `path` in pieces of `piece` bytes.
pub(crate) fn write_file(path: &Path, payload: &[u8], piece: usize) {
    write_to(Target::Path(path), payload, piece).unwrap();
}

/// The file that `payload` becomes.
pub(crate) fn video(payload: &[u8]) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.mp4");
    write_file(&path, payload, 1 << 20);
    std::fs::read(path).unwrap()
}

/// A pipe whose other end is a vector.
#[derive(Clone, Default)]
pub(crate) struct Pipe(pub Arc<Mutex<Vec<u8>>>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What `payload` becomes on a pipe.
pub(crate) fn fragmented(payload: &[u8]) -> Vec<u8> {
    let pipe = Pipe::default();
    write_to(Target::Pipe(Box::new(pipe.clone())), payload, 1 << 20).unwrap();
    Arc::into_inner(pipe.0).unwrap().into_inner().unwrap()
}

/// Opens a file by way of the carrier.
pub(crate) fn open_file(path: &Path) -> Result<Box<dyn StreamReader>> {
    let bytes = std::fs::read(path)?;
    let source = Source { path, head: &bytes[..bytes.len().min(4096)] };
    assert_eq!(carrier().probe(&source), Probe::Maybe);
    carrier().open(&source, &Context::default())
}

/// Reads a whole stream from a video in memory.
pub(crate) fn read_all(file: &[u8]) -> Result<(Vec<u8>, Lost, Option<Summary>)> {
    let reader = Reader::open_at(Arc::new(file.to_vec()), &Context::default())?;
    let mut content = vec![0xEE; reader.len() as usize];
    let lost = reader.read_at(0, &mut content)?;
    Ok((content, lost, reader.summary()))
}

/// Asserts that a file holds exactly `payload`.
pub(crate) fn assert_holds(path: &Path, payload: &[u8]) {
    let reader = open_file(path).unwrap();
    assert_eq!(reader.len(), payload.len() as u64);
    let mut content = vec![0xEE; payload.len()];
    assert_eq!(reader.read_at(0, &mut content).unwrap(), Lost::new());
    assert!(content == payload, "the stream differs");
    assert_eq!(reader.summary(), Some(summary(payload)));
}

/// Runs ffmpeg or ffprobe; fails where it is missing, reports an error or says anything on stderr. Its
/// stdout.
pub(crate) fn tool(name: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(name)
        .args(["-v", "error"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|e| panic!("{name} does not start ({e}); install it with: apt-get install ffmpeg"));
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && messages.is_empty(), "{name} {arguments:?}: {messages}");
    output.stdout
}
