//! The lossy profiles end to end at small sizes, and what copies go through. Needs ffmpeg (apt-get install
//! ffmpeg).
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::Path;
use std::sync::Arc;

use common::{Pipe, random, summary, tool};
use lab_codec::{Build, Carrier, Context, Lost, Params, Resources, Source, StreamReader, Target};
use lab_video::stream::Reader;

/// The carrier with parameters `text`, in the grammar of chains.
fn carrier(pairs: &[(&str, &str)]) -> Arc<dyn Carrier> {
    let mut params = Params::defaults(lab_video::VIDEO.info);
    for (name, value) in pairs {
        let (index, param) = lab_video::VIDEO.info.param(name).unwrap();
        params.set(index, param.parse(value).unwrap());
    }
    let Build::Carrier(build) = lab_video::VIDEO.build else { panic!("the entry is a carrier") };
    build(&params, &Resources::default()).unwrap()
}

fn write(carrier: &dyn Carrier, target: Target, payload: &[u8]) {
    let summary = summary(payload);
    let mut writer = carrier.create(target, &summary.name, &summary.chain, &Context::default()).unwrap();
    for piece in payload.chunks(10_000) {
        writer.write(piece).unwrap();
    }
    writer.finish(&summary).unwrap();
}

fn open(path: &Path) -> Box<dyn StreamReader> {
    let head = std::fs::read(path).unwrap();
    let source = Source { path, head: &head[..head.len().min(4096)] };
    // Reading needs no profile.
    common::carrier().open(&source, &Context::default()).unwrap()
}

fn assert_holds(path: &Path, payload: &[u8]) {
    let reader = open(path);
    assert_eq!(reader.len(), payload.len() as u64);
    let mut content = vec![0xEE; payload.len()];
    assert_eq!(reader.read_at(0, &mut content).unwrap(), Lost::new());
    assert!(content == payload, "the stream differs");
    assert_eq!(reader.summary(), Some(summary(payload)));
}

fn arg(path: &Path) -> &str {
    path.to_str().unwrap()
}

const SMALL: (&str, &str) = ("size", "320x192");

#[test]
fn every_profile_gives_its_stream_back_and_survives_a_stripped_remux() {
    let dir = tempfile::tempdir().unwrap();
    for profile in &lab_video::profile::NAMES[1..] {
        // The tiles of `art` are large.
        let large = ["art", "f2v2f"].contains(profile);
        let size = if large { ("size", "640x368") } else { SMALL };
        let carrier = carrier(&[("profile", profile), size]);
        for length in [0, 1, 30_000] {
            let payload = random(length as u64, length);
            let path = dir.path().join(format!("{profile}{length}.mp4"));
            write(&*carrier, Target::Path(&path), &payload);
            assert_holds(&path, &payload);
            let copy = dir.path().join("copy.mkv");
            tool("ffmpeg", &["-y", "-i", arg(&path), "-map_metadata", "-1", "-c", "copy", arg(&copy)]);
            assert_holds(&copy, &payload);
        }
        let payload = random(5, 5_000);
        let pipe = Pipe::default();
        write(&*carrier, Target::Pipe(Box::new(pipe.clone())), &payload);
        let path = dir.path().join("piped.mp4");
        std::fs::write(&path, &*pipe.0.lock().unwrap()).unwrap();
        assert_holds(&path, &payload);
    }
}

/// Copies `path` with arguments of ffmpeg.
fn copy(path: &Path, name: &str, arguments: &[&str]) -> std::path::PathBuf {
    let copy = path.with_file_name(name);
    let mut all = vec!["-y", "-i", arg(path)];
    all.extend(arguments);
    all.push(arg(&copy));
    tool("ffmpeg", &all);
    copy
}

#[test]
fn lost_and_repeated_frames_are_made_good() {
    let dir = tempfile::tempdir().unwrap();
    let payload = random(77, 60_000);
    let path = dir.path().join("a.mp4");
    write(&*carrier(&[("profile", "share"), SMALL, ("loss", "20%")]), Target::Path(&path), &payload);
    // Every sixth picture is missing, then every seventh comes twice, at another rate.
    let x264 = ["-c:v", "libx264", "-crf", "18"];
    let dropped = ["-vf", "select='mod(n,6)-2',setpts=N/30/TB", "-r", "30"];
    let dropped = copy(&path, "dropped.mp4", &[&dropped[..], &x264[..]].concat());
    assert_holds(&dropped, &payload);
    let repeated = copy(&path, "repeated.mp4", &[&["-vf", "fps=35"][..], &x264[..]].concat());
    assert_holds(&repeated, &payload);
    let reader = Reader::open(&dropped, &Context::default()).unwrap();
    reader.take_health();
    let mut content = vec![0; payload.len()];
    reader.read_at(0, &mut content).unwrap();
    reader.read_rest().unwrap();
    let health = reader.take_health();
    assert!(health.lost() > 5 && health.damaged == 0, "{health:?}");
}

#[test]
fn what_cannot_be_made_good_is_listed_as_lost() {
    let dir = tempfile::tempdir().unwrap();
    let payload = random(78, 100_000);
    let path = dir.path().join("a.mp4");
    write(&*carrier(&[("profile", "share"), SMALL, ("loss", "0")]), Target::Path(&path), &payload);
    let cut =
        copy(&path, "cut.mp4", &["-vf", "select='not(between(n,60,69))'", "-c:v", "libx264", "-crf", "18"]);
    let reader = open(&cut);
    assert_eq!(reader.len(), payload.len() as u64);
    let mut content = vec![0xEE; payload.len()];
    let lost = reader.read_at(0, &mut content).unwrap();
    let count: u64 = lost.iter().map(|range| range.end - range.start).sum();
    assert!((5_000..20_000).contains(&count), "{lost:?}");
    for (at, (found, written)) in (0u64..).zip(content.iter().zip(&payload)) {
        let is_lost = lost.iter().any(|range| range.contains(&at));
        assert_eq!(*found, if is_lost { 0 } else { *written }, "byte {at}");
    }
    // Without its end the stream is longer than what is there.
    let headless = copy(&path, "headless.mp4", &["-t", "2", "-c", "copy"]);
    let reader = open(&headless);
    assert!(reader.summary().is_none() && reader.len() < payload.len() as u64 + 2000);
}

#[test]
fn a_copy_that_is_scaled_too_far_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.mp4");
    write(&*carrier(&[("profile", "dense")]), Target::Path(&path), &random(79, 20_000));
    let copy = copy(&path, "scaled.mp4", &["-vf", "scale=1366:768", "-c:v", "libx264", "-crf", "23"]);
    let error = Reader::open(&copy, &Context::default()).err().unwrap();
    assert!(error.message().contains("in the profile dense, scaled to 71 x 71 %"), "{error}");
}

#[test]
fn a_copy_that_ends_early_gives_right_bytes_or_lost_ones() {
    let dir = tempfile::tempdir().unwrap();
    let payload = random(78, 3_000);
    let path = dir.path().join("a.mp4");
    // A poster of 37 pictures, grey, then a manifest, three data frames, parity frames and manifests.
    write(&*carrier(&[("profile", "share"), SMALL, ("loss", "20%")]), Target::Path(&path), &payload);
    let (mut exact, mut recovered) = (0, 0);
    for dropped in [39, 41] {
        for end in 40..48 {
            let select = format!("select='lt(n,{end})*not(eq(n,{dropped}))'");
            let cut = copy(&path, "cut.mp4", &["-vf", &select, "-fps_mode", "passthrough"]);
            let reader = open(&cut);
            let mut content = vec![0xEE; reader.len() as usize];
            let lost = reader.read_at(0, &mut content).unwrap();
            assert!(
                reader.summary().is_some() || !lost.is_empty(),
                "an end that is not known is not complete"
            );
            let is_lost = |at: usize| lost.iter().any(|range| range.contains(&(at as u64)));
            for (at, byte) in content.iter().enumerate().filter(|(at, _)| !is_lost(*at)) {
                assert_eq!(Some(byte), payload.get(at), "byte {at}, {dropped} dropped, {end} pictures");
            }
            exact += usize::from(reader.len() == payload.len() as u64 + 1);
            recovered += usize::from(content.get(..100) == payload.get(..100) && dropped == 39);
        }
    }
    assert!(exact > 0 && recovered > 0, "{exact} {recovered}");
}

#[test]
fn any_range_is_read_from_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    // Some groups of frames: 64 bytes a frame.
    let payload = random(79, 70_000);
    let path = dir.path().join("a.mp4");
    write(
        &*carrier(&[("profile", "share"), SMALL, ("chunk", "64"), ("loss", "1%"), ("parity", "20")]),
        Target::Path(&path),
        &payload,
    );
    let reader = open(&path);
    for (start, length) in
        [(69_990, 10), (0, 100), (35_000, 2_000), (60_000, 10_000), (0, 70_000), (65_535, 1)]
    {
        let mut content = vec![0xEE; length];
        assert_eq!(reader.read_at(start as u64, &mut content).unwrap(), Lost::new());
        assert!(content == payload[start..start + length], "{length} bytes at {start}");
    }
}
