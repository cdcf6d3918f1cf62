//! Rates of the kernels and of the whole carrier, beside SHA-256 as a yardstick on the same machine.
//!
//! `cargo run --release -p lab-video --example kernel_rate [DIRECTORY]`: medians over interleaved runs; the
//! carrier's file lies in DIRECTORY (by default the system's temporary directory).
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::fs::File;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use lab_codec::{Context, Digest, StreamReader, StreamWriter, Summary, Target};
use lab_video::exact::kernel::{MAX_UNIT, pack, unpack};
use lab_video::exact::size::LARGEST;
use lab_video::exact::whiten::FrameKey;
use lab_video::exact::{MB_BYTES, Reader, Writer};
use sha2::{Digest as _, Sha256};

const ROUNDS: usize = 41;
const STREAM: usize = 100_000_000;
const STREAM_ROUNDS: usize = 9;
const PIECE: usize = 16 << 20;

/// Seconds that `work` takes.
fn time(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

fn random(length: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

fn print(what: &str, bytes: usize, seconds: Vec<f64>, yardstick: &mut Option<f64>) {
    let rate = bytes as f64 / median(seconds) / 1e9;
    let yardstick = *yardstick.get_or_insert(rate);
    println!("{what:<34} {rate:6.2} GB/s   {:5.2} x SHA-256", rate / yardstick);
}

/// One frame of the largest size, from memory to memory.
fn kernels(content: &str, payload: &[u8]) {
    let key = FrameKey::new(3);
    let mut coded = vec![0; payload.len() / MB_BYTES * MAX_UNIT];
    let mut back = vec![0; payload.len()];
    let mut crc = 0;
    let length = pack(payload, key, 1, &mut crc, &mut coded);
    let (mut sha, mut write, mut read) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        sha.push(time(|| {
            black_box(Sha256::digest(black_box(payload)));
        }));
        write.push(time(|| {
            black_box(pack(black_box(payload), key, 1, &mut crc, &mut coded));
        }));
        read.push(time(|| {
            black_box(unpack(black_box(&coded[..length]), key, 1, &mut crc, &mut back));
        }));
    }
    assert!(back == payload);
    let mut yardstick = None;
    println!("{content}, a frame of {} bytes:", payload.len());
    print("  SHA-256", payload.len(), sha, &mut yardstick);
    print("  write kernel (pack)", payload.len(), write, &mut yardstick);
    print("  read kernel (unpack)", payload.len(), read, &mut yardstick);
}

/// A stream through a file.
fn carrier(directory: PathBuf) {
    let path = directory.join(format!("lab-kernel-rate-{}.mp4", std::process::id()));
    let content = random(STREAM);
    let summary = Summary {
        name: "random".into(),
        chain: "video".into(),
        bytes: STREAM as u64,
        sha256: Digest([0; 32]),
    };
    let cx = Context::default();
    let mut buffer = vec![0; PIECE];
    let (mut sha, mut plain, mut write, mut read) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..STREAM_ROUNDS {
        sha.push(time(|| {
            black_box(Sha256::digest(&content));
        }));
        plain.push(time(|| {
            let mut file = File::create(&path).unwrap();
            for piece in content.chunks(PIECE) {
                std::io::Write::write_all(&mut file, piece).unwrap();
            }
        }));
        std::fs::remove_file(&path).unwrap();
        write.push(time(|| {
            let mut writer = Box::new(Writer::create(Target::Path(&path), "random", "video", &cx).unwrap());
            for piece in content.chunks(PIECE) {
                writer.write(piece).unwrap();
            }
            writer.finish(&summary).unwrap();
        }));
        read.push(time(|| {
            let reader = Reader::open(File::open(&path).unwrap(), &cx).unwrap();
            for (i, piece) in content.chunks(PIECE).enumerate() {
                let lost = reader.read_at((i * PIECE) as u64, &mut buffer[..piece.len()]).unwrap();
                assert!(lost.is_empty());
            }
        }));
        std::fs::remove_file(&path).unwrap();
    }
    let mut yardstick = None;
    println!("a stream of {STREAM} bytes in pieces of {PIECE}, file in {}:", directory.display());
    print("  SHA-256", STREAM, sha, &mut yardstick);
    print("  plain file, for comparison", STREAM, plain, &mut yardstick);
    print("  carrier, write", STREAM, write, &mut yardstick);
    print("  carrier, open and read", STREAM, read, &mut yardstick);
}

fn main() {
    let length = LARGEST.capacity() / MB_BYTES * MB_BYTES;
    kernels("random bytes", &random(length));
    kernels("zeros", &vec![0; length]);
    carrier(std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from));
}
