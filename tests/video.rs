//! `lab video` and the lossy profiles in chains, at small sizes; and ffmpeg missing, hanging, dying, or
//! printing garbage. Needs ffmpeg (apt-get install ffmpeg).
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use common::{arg, error_line, file, gone, lab, names, ok, random, run, text, tool};

/// A sleep that nobody else sleeps.
const HANG: &str = "86397.125";

const SMALL: [&str; 4] = ["--width", "320", "--height", "192"];

/// Runs ffmpeg, which must succeed.
#[track_caller]
fn ffmpeg(args: &[&str]) {
    let output = tool("ffmpeg", &[&["-v", "error", "-nostdin", "-y"], args].concat());
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn json(bytes: &[u8]) -> serde_json::Value {
    serde_json::from_slice(bytes).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(bytes)))
}

#[test]
fn a_file_becomes_a_video_and_comes_back_with_its_name_and_margins() {
    let dir = tempfile::tempdir().unwrap();
    let content = text(60_000);
    let input = file(dir.path(), "räksmörgås.txt", &content);
    let video = dir.path().join("out.mp4");
    let made =
        ok([&["video", "encode", arg(&input), arg(&video), "--json", "--profile", "share"], &SMALL[..]]
            .concat());
    let made = json(&made);
    assert_eq!(made["chain"], "zstd:level=11,video:profile=share:size=320x192");
    // The digest is in the container, too, for people.
    let bytes = std::fs::read(&video).unwrap();
    let sha256 = made["sha256"].as_str().unwrap();
    assert!(bytes.windows(64).any(|window| window == sha256.as_bytes()));
    // ... but the pixels are the authority.
    let copy = dir.path().join("copy.mkv");
    ffmpeg(&["-i", arg(&video), "-map_metadata", "-1", "-c", "copy", arg(&copy)]);
    std::fs::remove_file(&input).unwrap();
    ok(["video", "decode", arg(&copy)]);
    assert_eq!(std::fs::read(&input).unwrap(), content);
    assert_eq!(ok(["decode", "-q", arg(&copy), "-o", "-"]), content);
    assert_eq!(ok(["extract", arg(&copy), "--range", "50000..+16"]), &content[50_000..50_016]);

    let report = json(&ok(["video", "verify", "--json", arg(&copy), sha256]));
    assert_eq!((&report["ok"], &report["profile"]), (&true.into(), &"share".into()));
    assert_eq!(report["margins"]["lost_frames"], 0);
    assert!(report["margins"]["worst_word"][1].as_u64() > report["margins"]["worst_word"][0].as_u64());
    let other = "0".repeat(64);
    let line = error_line(&run(["video", "verify", "-q", arg(&copy), &other]), 3);
    assert!(line.contains(sha256) && line.contains(&other), "{line}");
}

#[test]
fn exact_is_the_default_and_needs_no_ffmpeg() {
    let dir = tempfile::tempdir().unwrap();
    let content = random(20_000, 1);
    let input = file(dir.path(), "in", &content);
    let video = dir.path().join("out.mp4");
    let bare = |args: &[&str]| lab().env("PATH", "/nowhere").args(args).output().unwrap();
    assert!(bare(&["video", "encode", "-q", arg(&input), arg(&video)]).status.success());
    assert_eq!(bare(&["decode", "-q", arg(&video), "-o", "-"]).stdout, content);
    assert!(bare(&["video", "verify", arg(&video)]).status.success());

    // Everything else says what is missing, in one line, and leaves nothing.
    let share = dir.path().join("share.mp4");
    ok([&["video", "encode", "-q", arg(&input), arg(&share), "--profile", "share"], &SMALL[..]].concat());
    let before = names(dir.path());
    let lossy = dir.path().join("lossy.mp4");
    for args in [
        &["video", "encode", arg(&input), arg(&lossy), "--profile", "share"][..],
        &["encode", "--chain", "zstd,video:profile=tough", arg(&input), "-o", arg(&lossy)],
        &["decode", arg(&share), "-o", arg(&lossy)],
        &["video", "verify", arg(&share)],
    ] {
        let line = error_line(&bare(args), 4);
        assert!(line.contains("apt-get install ffmpeg") && line.contains("exact"), "{line}");
    }
    assert_eq!(names(dir.path()), before);
    let line = error_line(&run(["video", "encode", arg(&input), arg(&lossy), "--crf", "20"]), 2);
    assert!(line.contains("--profile"), "{line}");
}

#[test]
fn chains_with_lossy_profiles_name_their_mistakes() {
    let dir = tempfile::tempdir().unwrap();
    let input = file(dir.path(), "in", b"x");
    let out = dir.path().join("out.mp4");
    for (stage, word) in [
        ("profile=shar", "share"),
        ("profile=share:loss=50%", "40"),
        ("profile=share:loss=x", "malformed"),
        ("profile=share:size=8x8", "malformed"),
        ("profile=share:size=32x16", "does not suit"),
        ("profile=share:encoder=x256", "x265"),
        ("profile=share:encoder=svtav1", "x264"),
        ("profile=share:style=sunset", "style"),
        ("profile=art:style=sunrise", "sunset"),
    ] {
        let line = error_line(
            &run(["encode", "--chain", &format!("store,video:{stage}"), arg(&input), "-o", arg(&out)]),
            2,
        );
        assert!(line.contains(word), "{stage}: {line}");
    }
    assert_eq!(names(dir.path()), ["in"]);
}

#[test]
fn a_foreign_video_is_recognised_as_such() {
    let dir = tempfile::tempdir().unwrap();
    let video = dir.path().join("foreign.mp4");
    ffmpeg(&["-f", "lavfi", "-i", "testsrc=size=320x240:rate=10:duration=2", arg(&video)]);
    let line = error_line(&run(["decode", arg(&video), "-o", arg(&dir.path().join("x"))]), 3);
    assert!(line.contains("no lab stream"), "{line}");
}

#[test]
fn a_damaged_copy_is_salvaged_and_what_is_lost_is_listed() {
    let dir = tempfile::tempdir().unwrap();
    let content = random(300_000, 2);
    let input = file(dir.path(), "in", &content);
    let (video, copy) = (dir.path().join("out.mp4"), dir.path().join("copy.mp4"));
    // Small segments, so that not everything hangs on one frame.
    let chain = "store,video:profile=share:size=320x192:loss=0";
    ok(["encode", "-q", "--segment", "4K", "--chain", chain, arg(&input), "-o", arg(&video)]);
    let filter = "select='not(between(n,100,109))'";
    ffmpeg(&["-i", arg(&video), "-vf", filter, "-c:v", "libx264", "-crf", "18", arg(&copy)]);
    let back = dir.path().join("back");
    let line = error_line(&run(["decode", "-q", arg(&copy), "-o", arg(&back)]), 3);
    assert!(line.contains("copy.mp4"), "{line}");
    let output = run(["video", "decode", "--salvage", "--json", arg(&copy), arg(&back)]);
    assert_eq!(output.status.code(), Some(6));
    let report = json(&output.stdout);
    let lost: Vec<(usize, usize)> = report["lost"]
        .as_array()
        .unwrap()
        .iter()
        .map(|range| (range[0].as_u64().unwrap() as usize, range[1].as_u64().unwrap() as usize))
        .collect();
    let bytes: usize = lost.iter().map(|(start, end)| end - start).sum();
    assert!((4096..40_000).contains(&bytes), "{lost:?}");
    let back = std::fs::read(&back).unwrap();
    assert_eq!(back.len(), content.len());
    for (at, (found, written)) in back.iter().zip(&content).enumerate() {
        let is_lost = lost.iter().any(|(start, end)| (*start..*end).contains(&at));
        assert_eq!(*found, if is_lost { 0 } else { *written }, "byte {at}");
    }
}

/// A program in the place of ffmpeg, with the real ffprobe beside it.
fn pretend(dir: &Path, script: &str) -> PathBuf {
    let path = file(dir, "ffmpeg-of-test", format!("#!/bin/sh\n{script}\n").as_bytes());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn an_interrupted_encode_goes_on() {
    let (dir, tools) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let content = random(500_000, 3);
    let input = file(dir.path(), "in", &content);
    let video = dir.path().join("out.mp4");
    let args =
        [&["video", "encode", "-q", arg(&input), arg(&video), "--profile", "share", "--resume"], &SMALL[..]]
            .concat();
    // Of the encodes of segments (the first of which is the poster) the third fails.
    let count = file(tools.path(), "count", b"0");
    let script = format!(
        r#"case "$*" in *00000?.mp4*) n=$(($(cat {0}) + 1)); echo $n > {0};
        [ $n = 3 ] && {{ head -c 100000 > /dev/null; echo 'power cut' >&2; exit 1; }};; esac; exec ffmpeg "$@""#,
        arg(&count)
    );
    let fake = pretend(tools.path(), &script);
    let output = lab().env("LAB_FFMPEG", &fake).args(&args).output().unwrap();
    let line = error_line(&output, 1);
    assert!(line.contains("power cut"), "{line}");
    assert_eq!(names(dir.path()), ["in", "out.mp4.resume"]);

    // Another input is noticed.
    file(dir.path(), "in", &random(500_000, 4));
    let line = error_line(&run(&args), 2);
    assert!(line.contains("out.mp4.resume"), "{line}");
    file(dir.path(), "in", &content);
    std::fs::write(&count, "10").unwrap();
    let output = lab().env("LAB_FFMPEG", &fake).args(&args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(names(dir.path()), ["in", "out.mp4"]);
    assert_eq!(ok(["decode", "-q", arg(&video), "-o", "-"]), content);
    // Two of four segments were made in the second run.
    assert_eq!(std::fs::read_to_string(&count).unwrap().trim(), "12");
}

#[test]
fn an_ffmpeg_that_hangs_dies_or_prints_garbage_leaves_nothing_behind() {
    let (dir, tools) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let input = file(dir.path(), "in", &random(30_000, 5));
    let (video, back) = (dir.path().join("out.mp4"), dir.path().join("back"));
    let encode = [&["video", "encode", arg(&input), arg(&video), "--profile", "share"], &SMALL[..]].concat();
    let tried = r#"case "$*" in *"-f null"*) exec ffmpeg "$@";; *-version*) exec ffmpeg -version;; esac;"#;
    let with = |script: &str, args: &[&str]| -> Output {
        let fake = pretend(tools.path(), &format!("{tried} {script}"));
        lab().env("LAB_FFMPEG", fake).env("LAB_FFMPEG_TIMEOUT", "1").args(args).output().unwrap()
    };
    for (script, words) in [
        (format!("echo asleep >&2; sleep {HANG}"), "asleep"),
        (format!("cat > /dev/null; echo almost >&2; sleep {HANG}"), "almost"),
        ("head -c 300000 > /dev/null; echo no space >&2; exit 1".to_string(), "no space"),
        ("head -c 300000 > /dev/null; kill -9 $$".to_string(), "signal 9"),
    ] {
        let line = error_line(&with(&script, &encode), 1);
        assert!(line.contains(words), "{script}: {line}");
        assert_eq!(names(dir.path()), ["in"], "{script}");
        assert!(gone(HANG));
    }
    ok(&encode);
    let decode = ["decode", arg(&video), "-o", arg(&back)];
    for (script, words) in [
        (format!("echo asleep >&2; sleep {HANG}"), "asleep"),
        (format!("head -c 100000 /dev/urandom; sleep {HANG}"), "moved nothing"),
        ("echo alas >&2; exit 1".to_string(), "alas"),
        ("head -c 100001 /dev/urandom".to_string(), "of the 92160 bytes of a frame"),
        ("yes".to_string(), "no lab stream"),
    ] {
        let output = with(&script, &decode);
        let line = error_line(&output, output.status.code().unwrap());
        assert!(line.contains(words), "{script}: {line}");
        assert_eq!(names(dir.path()), ["in", "out.mp4"], "{script}");
        assert!(gone(HANG));
    }
}

#[test]
fn a_channel_is_measured() {
    let dir = tempfile::tempdir().unwrap();
    let template = "ffmpeg -v error -i {in} -c:v libx264 -crf 28 {out}";
    let args = ["video", "probe", "--json", "--command", template, "--profile", "share", "--frames", "16"];
    let rows = json(&ok([&args[..], &SMALL[..]].concat()));
    let row = &rows[0];
    assert_eq!((&row["profile"], &row["found"]), (&"share".into(), &16.into()));
    let rate = row["bit_error_rate"].as_f64().unwrap();
    assert!((0.0..0.05).contains(&rate) && row["v_per_p"].as_f64().unwrap() > 1.0, "{row}");
    // The same in two steps.
    let (clip, copy) = (dir.path().join("clip.mp4"), dir.path().join("copy.mp4"));
    ok([&["video", "probe", "-q", "--clip", arg(&clip), "--profile", "share", "--frames", "16"], &SMALL[..]]
        .concat());
    ffmpeg(&["-i", arg(&clip), "-c:v", "libx264", "-crf", "28", arg(&copy)]);
    let again = json(&ok(["video", "probe", "--json", arg(&copy)]));
    assert_eq!(
        (&again[0]["bit_error_rate"], &again[0]["worst_word"]),
        (&row["bit_error_rate"], &row["worst_word"])
    );
    // A channel that destroys everything is named.
    let template = "ffmpeg -v error -i {in} -vf scale=16:16 -c:v libx264 {out}";
    let args = ["video", "probe", "--json", "--command", template, "--profile", "share", "--frames", "8"];
    let rows = json(&ok([&args[..], &SMALL[..]].concat()));
    assert!(rows[0]["v_per_p"].is_null() && rows[0]["error"].is_string(), "{rows}");
}

#[test]
fn a_size_that_is_asked_for_chooses_the_profile() {
    let dir = tempfile::tempdir().unwrap();
    let content = random(200_000, 6);
    let input = file(dir.path(), "in", &content);
    let video = dir.path().join("out.mp4");
    let with = |size: &str| {
        let args = [
            "video",
            "encode",
            "--json",
            "-f",
            "--no-compression",
            arg(&input),
            arg(&video),
            "--target-size",
            size,
        ];
        run([&args[..], &SMALL[..]].concat())
    };
    let chosen = |size: &str| json(&with(size).stdout)["profile"].as_str().unwrap().to_string();
    assert_eq!(chosen("10M"), "tough");
    assert_eq!(chosen("210K"), "exact");
    let made = json(&with("10M").stdout);
    let (told, took) = (made["predicted_bytes"].as_f64().unwrap(), made["output_bytes"].as_f64().unwrap());
    assert!((0.8..1.25).contains(&(told / took)), "{told} predicted, {took} taken");
    assert!(error_line(&with("100K"), 5).contains("102,400"), "too small for anything");
}
