//! Memory stays bounded, whatever the size of the input.
#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod common;

use std::io::Read;
use std::process::{Child, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use common::{arg, lab};
use sha2::{Digest, Sha256};

const MIB: u64 = 1 << 20;

/// Watches a child's peak resident memory until it ends, in bytes.
fn watch(child: &Child) -> JoinHandle<u64> {
    let status = format!("/proc/{}/status", child.id());
    std::thread::spawn(move || {
        let mut peak = 0;
        while let Ok(text) = std::fs::read_to_string(&status) {
            let Some(line) = text.lines().find(|l| l.starts_with("VmHWM:")) else { break };
            peak = line.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) * 1024;
            std::thread::sleep(Duration::from_millis(5));
        }
        peak
    })
}

/// Generates `size` bytes, encodes and decodes them through pipes; returns the two peaks.
fn through_pipes(size: &str, chain: &str, segment: &str) -> (u64, u64) {
    let spawn = |args: &[&str], stdin: Stdio| {
        lab().args(args).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap()
    };
    let generate = ["corpus", "generate", "versioned", "--size", size, "--seed", "1", "-o", "-"];
    let mut source = spawn(&generate, Stdio::null());
    let mut encode = spawn(
        &["encode", "-q", "--threads", "2", "--chain", chain, "--segment", segment, "-"],
        source.stdout.take().unwrap().into(),
    );
    let encode_peak = watch(&encode);
    let mut decode = spawn(&["decode", "-q", "--threads", "2", "-"], encode.stdout.take().unwrap().into());
    let decode_peak = watch(&decode);
    let digest = |mut stream: Box<dyn Read>| {
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            match stream.read(&mut buffer).unwrap() {
                0 => return hash.finalize(),
                n => hash.update(&buffer[..n]),
            }
        }
    };
    let came_back = digest(Box::new(decode.stdout.take().unwrap()));
    for child in [&mut source, &mut encode, &mut decode] {
        assert!(child.wait().unwrap().success());
    }
    let mut again = spawn(&generate, Stdio::null());
    assert_eq!(came_back, digest(Box::new(again.stdout.take().unwrap())));
    again.wait().unwrap();
    (encode_peak.join().unwrap(), decode_peak.join().unwrap())
}

#[test]
fn a_gibibyte_through_pipes() {
    let size = std::env::var("LAB_TEST_PIPE_SIZE").unwrap_or_else(|_| "1G".to_string());
    let (encode, decode) = through_pipes(&size, "zstd:3", "16M");
    // Two segments under way for each thread, each with its content and its stored bytes.
    let bound = 2 * 16 * MIB * 4 + 100_000_000;
    println!(
        "{size}: peak encode {} MB, decode {} MB, bound {} MB",
        encode / 1_000_000,
        decode / 1_000_000,
        bound / 1_000_000
    );
    assert!(encode > 0 && encode <= bound, "encode took {encode} bytes");
    assert!(decode > 0 && decode <= bound, "decode took {decode} bytes");
}

/// 300 MB are promised for 2 GB, which `scripts/check-heavy` asks for here; a few frames take the same
/// buffers.
#[test]
fn a_long_video_in_little_memory() {
    let dir = tempfile::tempdir().unwrap();
    let (input, video, back) = (dir.path().join("in"), dir.path().join("out.mp4"), dir.path().join("back"));
    let size = std::env::var("LAB_TEST_VIDEO_SIZE").unwrap_or_else(|_| "8M".to_string());
    let peak = |args: &[&str]| {
        let mut child = lab().args(args).stdin(Stdio::null()).spawn().unwrap();
        let peak = watch(&child);
        assert!(child.wait().unwrap().success(), "{args:?}");
        peak.join().unwrap()
    };
    peak(&["corpus", "generate", "random", "--size", &size, "-o", arg(&input)]);
    let encode =
        peak(&["video", "encode", "-q", "--no-compression", "--profile", "dense", arg(&input), arg(&video)]);
    let decode = peak(&["video", "decode", "-q", arg(&video), arg(&back)]);
    println!("{size}: peak encode {} MB, decode {} MB", encode / 1_000_000, decode / 1_000_000);
    assert!(encode > 0 && encode <= 300_000_000, "encode took {encode} bytes");
    assert!(decode > 0 && decode <= 300_000_000, "decode took {decode} bytes");
    assert!(common::tool("cmp", &[arg(&input), arg(&back)]).status.success());
}

#[test]
fn a_template_is_made_of_a_stream() {
    // Forty segments, of which two for each thread are under way; Re-Pair takes 17 bytes for each.
    let (encode, decode) = through_pipes("10M", "template", "256K");
    for (peak, bound) in [(encode, 100_000_000), (decode, 80_000_000)] {
        assert!(peak > 0 && peak <= bound, "{encode} {decode}");
    }
}

#[test]
fn a_dictionary_takes_the_memory_that_it_is_given() {
    // A hundred thousand different notes, more than there is memory for, and those of a file that comes
    // twice.
    let dir = tempfile::tempdir().unwrap();
    for (name, seed, size) in [("a", 2, "2M"), ("b", 1, "64M"), ("c", 2, "2M")] {
        let path = dir.path().join(name);
        let random = ["corpus", "generate", "random", "-q", "--size", size, "-o", arg(&path), "--seed"];
        common::ok(random.into_iter().chain([&*seed.to_string()]));
    }
    let dict = dir.path().join("dict");
    let build = ["template", "build-dict", "--chunk-size", "256", "--max-size", "1M", arg(dir.path()), "-o"];
    let child = lab()
        .args(build.into_iter().chain([arg(&dict), "--memory-limit", "8M", "--json"]))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let peak = watch(&child);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let peak = peak.join().unwrap();
    assert!(peak > 0 && peak < 40_000_000, "{peak} bytes");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["samples"], 3);
    // What comes twice is what it has, from the first note on.
    let text = std::fs::read(dir.path().join("a")).unwrap();
    let dict = std::fs::read(dict).unwrap();
    assert!(dict.windows(64).any(|bytes| bytes == &text[..64]));
}

#[test]
fn a_claimed_size_allocates_nothing() {
    // A stream of one segment that claims 3 GiB of content and ends right there.
    let dir = tempfile::tempdir().unwrap();
    let header = lab_stream::container::Header {
        tag: 0,
        chain: "store".into(),
        formats: vec![1],
        segment_size: 0,
        resources: vec![],
    };
    let segment = lab_stream::container::SegmentHeader {
        tag: 0,
        number: 0,
        raw_offset: 0,
        raw_len: 3 << 30,
        bypassed: false,
        stage_lens: vec![3 << 30],
        raw_crc: 0,
        stored_crc: 0,
    };
    let path = dir.path().join("bomb.lab");
    std::fs::write(&path, [header.encode(), segment.encode()].concat()).unwrap();
    for piped in [false, true] {
        let input = if piped { "-" } else { arg(&path) };
        let stdin = if piped { std::fs::File::open(&path).unwrap().into() } else { Stdio::null() };
        let mut child =
            lab().args(["decode", input, "-o", "-"]).stdin(stdin).stderr(Stdio::null()).spawn().unwrap();
        let peak = watch(&child);
        assert_eq!(child.wait().unwrap().code(), Some(3));
        assert!(peak.join().unwrap() < 60_000_000);
    }
}

/// Pictures of many sizes, so that what one leaves behind does not fit the next.
#[test]
fn an_album_of_many_pictures_takes_what_one_of_few_does() {
    let dir = tempfile::tempdir().unwrap();
    let peaks = |count: u32| {
        let (root, album, out) = (dir.path().join("in"), dir.path().join("a.mkv"), dir.path().join("out"));
        std::fs::create_dir_all(&root).unwrap();
        for number in 0..count {
            let (width, height) = (120 + number * 37 % 100, 100 + number * 53 % 90);
            let noise = common::random(1 << 16, u64::from(number) + 1);
            let picture = image::RgbImage::from_fn(width, height, |x, y| match number % 3 {
                // A screen, a photograph, and noise: by the native coder, as JPEG, and by zstd, which finds
                // it again.
                0 => image::Rgb(if (x / 8 + y / 8 + number) % 7 == 0 { [0, 0, 90] } else { [240; 3] }),
                1 => image::Rgb([(x + number) as u8, (y * 2) as u8 ^ noise[(x * y % 999) as usize] & 7, 90]),
                _ => image::Rgb([noise[(x + y * 173) as usize & 0xFFFF], 0, 0]),
            });
            let end = if number % 3 == 1 { "jpg" } else { "png" };
            picture.save(root.join(format!("{number:04}.{end}"))).unwrap();
        }
        let peak = |args: &[&str]| {
            let mut child = lab().args(args).stdin(Stdio::null()).spawn().unwrap();
            let peak = watch(&child);
            assert!(child.wait().unwrap().success(), "{args:?}");
            peak.join().unwrap()
        };
        let html = dir.path().join("a.html");
        [
            peak(&["album", "pack", "-qf", "-T", "2", "--html", arg(&html), arg(&root), "-o", arg(&album)]),
            peak(&["album", "unpack", "-qf", "-T", "2", arg(&album), "-o", arg(&out)]),
            peak(&["album", "verify", "-q", "-T", "2", arg(&album)]),
        ]
    };
    let (few, many) = (peaks(24), peaks(120));
    println!("peaks of pack, unpack, verify: 24 pictures {few:?}, 120 pictures {many:?}");
    for (few, many) in few.into_iter().zip(many) {
        assert!(few > 0 && many < 100_000_000, "{many} bytes");
        assert!(many as f64 <= few as f64 * 1.25, "{few} bytes for 24 pictures, {many} for 120");
    }
}
