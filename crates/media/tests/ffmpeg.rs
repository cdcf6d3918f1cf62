//! Frames through the real ffmpeg, and through fake programs in its place. Needs ffmpeg and ffprobe (apt-get
//! install ffmpeg).
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use lab_codec::{Cancel, Context, ErrorKind, Result};
use lab_media::colour::Range;
use lab_media::ffmpeg::{Clip, EncodeOptions, EncodedVideo, Encoder, Output, timestamps};
use lab_media::{Colour, Frame, PixelFormat, Rate, ReadOptions, Reader, Shape, Video, WriteOptions, Writer};

const RATE: Rate = Rate { num: 30_000, den: 1001 };

fn video(format: PixelFormat, range: Range) -> Video {
    let shape = Shape { width: 64, height: 48, format };
    Video { shape, colour: Colour { range, ..Colour::default() }, rate: RATE, frames: None }
}

/// Frames with moving gradients and noise, which give a lossless coder some work.
fn frames(shape: Shape, count: usize) -> Vec<Frame> {
    let bits = shape.format.bits();
    let mut state = 1u32;
    let mut frame = |i: usize| {
        let mut frame = Frame::new(shape);
        let bytes = shape.format.sample_bytes();
        for (at, sample) in frame.data_mut().chunks_exact_mut(bytes).enumerate() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let value = ((at + 3 * i) as u32 * 5).wrapping_add(state >> 29) & ((1 << bits) - 1);
            sample.copy_from_slice(&value.to_le_bytes()[..bytes]);
        }
        frame
    };
    (0..count).map(&mut frame).collect()
}

fn lossless(encoder: Encoder, container: &str, arguments: &[&str]) -> WriteOptions {
    let mut options = EncodeOptions::new(encoder, container);
    options.arguments = arguments.iter().map(|a| a.to_string()).collect();
    WriteOptions { video: Some(options), named: None }
}

fn write(path: &Path, video: Video, frames: &[Frame], options: &WriteOptions) -> Result<()> {
    let mut writer = Writer::create(path, video, options, &Context::default())?;
    for frame in frames {
        writer.write(frame)?;
    }
    writer.finish()
}

fn read(path: &Path, options: &ReadOptions) -> Result<(Video, Vec<Frame>)> {
    let reader = Reader::open(path, options, &Context::default())?;
    Ok((reader.video(), reader.collect::<Result<_>>()?))
}

#[test]
fn lossless_videos_give_back_every_sample_and_the_tags() {
    let dir = tempfile::tempdir().unwrap();
    let x264 = || lossless(Encoder::X264, "mp4", &["-qp", "0", "-preset", "ultrafast", "-bf", "2"]);
    let ffv1 = || lossless(Encoder::Ffv1, "matroska", &[]);
    let cases = [
        ("a.mp4", PixelFormat::Yuv420p, Range::Full, x264()),
        ("b.mp4", PixelFormat::Yuv420p, Range::Limited, x264()),
        ("c.mp4", PixelFormat::Yuv444p, Range::Full, x264()),
        ("d.mkv", PixelFormat::Gray8, Range::Unspecified, ffv1()),
        ("e.mkv", PixelFormat::Yuv422p10, Range::Limited, ffv1()),
        ("f.mkv", PixelFormat::Gray16, Range::Unspecified, ffv1()),
    ];
    for (name, format, range, options) in cases {
        let (path, video) = (dir.path().join(name), video(format, range));
        let frames = frames(video.shape, 5);
        write(&path, video, &frames, &options).unwrap();
        let (found, back) = read(&path, &ReadOptions::default()).unwrap();
        assert_eq!((found.shape, found.rate), (video.shape, RATE), "{name}");
        // H.264 has no tag for "limited": an untagged stream is limited.
        assert_eq!(found.colour.range == Range::Full, range == Range::Full, "{name}");
        assert!(back == frames, "{name}: samples differ");
        assert_eq!(timestamps(&path, &Context::default()).unwrap().len(), 5);
    }
}

#[test]
fn rgb_goes_through_video_and_pictures() {
    let dir = tempfile::tempdir().unwrap();
    let video = video(PixelFormat::Rgb24, Range::Unspecified);
    let frames = frames(video.shape, 3);
    let path = dir.path().join("a.mkv");
    let mut options = lossless(Encoder::Ffv1, "matroska", &[]);
    options.video.as_mut().unwrap().pixels = Some("bgr0".to_string());
    write(&path, video, &frames, &options).unwrap();
    let clip = Clip::of(&path, &Context::default()).unwrap();
    assert_eq!((clip.pixels.as_str(), clip.codec.as_str(), clip.size), ("bgr0", "ffv1", (64, 48)));
    assert!(read(&path, &ReadOptions::default()).unwrap().1 == frames);
    let pictures = dir.path().join("pictures");
    write(&pictures, video, &frames, &WriteOptions::default()).unwrap();
    assert!(read(&pictures, &ReadOptions::default()).unwrap().1 == frames);
    let rgba = ReadOptions { format: Some(PixelFormat::Rgba), ..ReadOptions::default() };
    assert_eq!(read(&pictures, &rgba).unwrap().1[1].data()[3], 255);
    let raw = dir.path().join("a.rgb");
    write(&raw, video, &frames, &WriteOptions::default()).unwrap();
    let as_raw = ReadOptions { raw: Some((video.shape, RATE)), ..ReadOptions::default() };
    assert!(read(&raw, &as_raw).unwrap() == (Video { frames: Some(3), ..video }, frames));
}

#[test]
fn y4m_is_read_here_and_converted_by_ffmpeg() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.y4m");
    let video = video(PixelFormat::Yuv420p, Range::Unspecified);
    let frames = frames(video.shape, 4);
    write(&path, video, &frames, &WriteOptions::default()).unwrap();
    assert!(read(&path, &ReadOptions::default()).unwrap().1 == frames);
    let rgb = ReadOptions { format: Some(PixelFormat::Rgb24), frames: Some(2), ..ReadOptions::default() };
    let (found, converted) = read(&path, &rgb).unwrap();
    assert_eq!((found.shape.format, converted.len()), (PixelFormat::Rgb24, 2));
}

#[test]
fn a_clip_is_entered_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.mp4");
    let video = video(PixelFormat::Yuv420p, Range::Limited);
    let frames = frames(video.shape, 20);
    let options = lossless(Encoder::X264, "mp4", &["-qp", "0", "-g", "5", "-bf", "2"]);
    write(&path, video, &frames, &options).unwrap();
    for first in [0usize, 1, 7, 12, 19] {
        let start = Some((first as f64 - 0.5).max(0.0) / RATE.as_f64());
        let options = ReadOptions { start, frames: Some(2), ..ReadOptions::default() };
        let (_, found) = read(&path, &options).unwrap();
        assert!(found == frames[first..(first + 2).min(20)], "from frame {first}");
    }
}

#[test]
fn a_video_goes_into_a_pipe() {
    let dir = tempfile::tempdir().unwrap();
    let video = video(PixelFormat::Yuv420p, Range::Full);
    let frames = frames(video.shape, 30);
    let mut bytes = Vec::new();
    let mut options = EncodeOptions::new(Encoder::X264, "mp4");
    options.arguments = ["-qp", "0"].map(String::from).into();
    let cx = Context::default();
    let mut sink = EncodedVideo::create(Output::Pipe(Box::new(&mut bytes)), video, &options, &cx).unwrap();
    for frame in &frames {
        sink.write(frame).unwrap();
    }
    sink.finish().unwrap();
    let path = dir.path().join("piped.mp4");
    std::fs::write(&path, bytes).unwrap();
    assert!(read(&path, &ReadOptions::default()).unwrap().1 == frames);
}

#[test]
fn encoders_are_tried_and_hardware_falls_back() {
    let cx = Context::default();
    assert_eq!(Encoder::X264.probe(&cx).unwrap(), Ok(()));
    for wanted in [Encoder::Nvenc, Encoder::Vaapi] {
        let choice = Encoder::choose(Some(wanted), &[], &cx).unwrap();
        match wanted.probe(&cx).unwrap() {
            Ok(()) => assert_eq!((choice.encoder, choice.instead_of), (wanted, None)),
            Err(why) => assert_eq!((choice.encoder, choice.instead_of), (Encoder::X264, Some((wanted, why)))),
        }
    }
    let choice = Encoder::choose(None, &[Encoder::X265, Encoder::X264], &cx).unwrap();
    assert_eq!((choice.encoder, choice.instead_of), (Encoder::X265, None));
}

#[test]
fn what_is_no_video_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.mp4");
    std::fs::write(&path, b"no video").unwrap();
    let error = read(&path, &ReadOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("Invalid data"), "{error}");
    assert_eq!(read(dir.path(), &ReadOptions::default()).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn cancelled_work_ends_its_child() {
    let dir = tempfile::tempdir().unwrap();
    let cancel = Cancel::default();
    let cx = Context::default().with_cancel(cancel.clone());
    let video = video(PixelFormat::Yuv420p, Range::Full);
    let path = dir.path().join("a.mp4");
    let mut writer = Writer::create(&path, video, &WriteOptions::default(), &cx).unwrap();
    writer.write(&Frame::new(video.shape)).unwrap();
    cancel.cancel();
    assert_eq!(writer.finish().unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(children(), 0);
}

/// Child processes named ffmpeg, running or zombie.
fn children() -> usize {
    // Counts only the children of this test's thread, since other tests have their own.
    let thread = std::fs::read_link("/proc/thread-self").unwrap();
    let list = std::fs::read_to_string(Path::new("/proc").join(thread).join("children")).unwrap();
    list.split_whitespace().count()
}

/// Body of the child processes in the tests below: writes and reads a small video, and prints the result.
#[test]
#[ignore = "run by the tests of programs that pretend to be ffmpeg"]
fn little_video() {
    let path = PathBuf::from(std::env::var_os("LITTLE_VIDEO").unwrap());
    let video = video(PixelFormat::Yuv420p, Range::Full);
    let outcome = match std::env::var("LITTLE_MODE").as_deref() {
        Ok("write") => write(&path, video, &frames(video.shape, 200), &WriteOptions::default()),
        _ => read(&path, &ReadOptions::default()).map(|_| ()),
    };
    let error = outcome.unwrap_err();
    println!("said: {:?}: {error}; children: {}", error.kind(), children());
}

/// Runs [`little_video`] with scripts in place of ffmpeg and ffprobe; returns its output.
fn pretend(ffmpeg: &str, ffprobe: &str, mode: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    for (name, script) in [("ffmpeg", ffmpeg), ("ffprobe", ffprobe)] {
        let path = dir.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let clip = dir.path().join("clip.mp4");
    std::fs::write(&clip, b"a clip").unwrap();
    let start = Instant::now();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "little_video"])
        .env("LAB_FFMPEG", dir.path().join("ffmpeg"))
        .env("LAB_FFMPEG_TIMEOUT", "1")
        .env("LITTLE_VIDEO", clip)
        .env("LITTLE_MODE", mode)
        .output()
        .unwrap();
    assert!(start.elapsed() < Duration::from_secs(60), "it hung");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = text.lines().find_map(|line| line.split_once("said: ")).map(|(_, said)| said.to_string());
    said.unwrap_or_else(|| panic!("{text} {}", String::from_utf8_lossy(&output.stderr)))
}

const FACTS: &str = r#"echo '{"streams":[{"width":64,"height":48,"pix_fmt":"yuv420p","nb_frames":"3"}]}'"#;
const VERSION: &str = r#"[ "$1" = -version ] && { echo "ffmpeg version 6.0"; exit 0; };"#;

fn check(ffmpeg: &str, ffprobe: &str, mode: &str, words: &[&str]) {
    let said = pretend(ffmpeg, ffprobe, mode);
    for word in words.iter().chain(&["Tool: ", "children: 0"]) {
        assert!(said.contains(word), "{ffmpeg}: {said}");
    }
}

#[test]
fn an_ffmpeg_that_hangs_dies_or_prints_garbage() {
    let v = |rest: &str| format!("{VERSION} {rest}");
    // Reading.
    check("", "sleep 1000", "read", &["moved nothing for 1 s"]);
    check("", "echo none of your business", "read", &["printed something else than facts"]);
    check("", "echo alas >&2; exit 3", "read", &["status 3; it said: alas"]);
    check("echo rubbish", FACTS, "read", &["printed no version"]);
    check(&v("echo snoring >&2; sleep 1000"), FACTS, "read", &["moved nothing for 1 s", "snoring"]);
    check(&v("sleep 1000 & wait"), FACTS, "read", &["moved nothing for 1 s"]);
    check(&v("head -c 5000 /dev/zero; echo ouch >&2; exit 1"), FACTS, "read", &["status 1; it said: ouch"]);
    check(&v("head -c 5000 /dev/zero"), FACTS, "read", &["after 392 of the 4608 bytes"]);
    check(&v("head -c 5000 /dev/zero; kill -9 $$"), FACTS, "read", &["signal 9"]);
    check(&v("yes"), FACTS, "read", &["more frames than the clip can have"]);
    // Writing.
    check("head -c 5000 >/dev/null; echo enough >&2; exit 9", "", "write", &["status 9; it said: enough"]);
    check("echo deaf >&2; sleep 1000", "", "write", &["moved nothing for 1 s", "deaf"]);
    check("cat >/dev/null; sleep 1000", "", "write", &["moved nothing for 1 s"]);
    check("cat >/dev/null; echo full >&2; exit 1", "", "write", &["status 1; it said: full"]);
}

#[test]
fn a_missing_ffmpeg_is_named_with_its_remedy() {
    let run = |variable: &str, value: &str| {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "little_video"])
            .env("LITTLE_VIDEO", "/nowhere/clip.mp4")
            .env("LITTLE_MODE", "write")
            .env(variable, value)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let text = run("PATH", "/nowhere");
    assert!(text.contains("said: MissingTool") && text.contains("apt-get install ffmpeg"), "{text}");
    let text = run("LAB_FFMPEG", "/nowhere/ffmpeg");
    assert!(text.contains("MissingTool") && text.contains("/nowhere/ffmpeg"), "{text}");
}
