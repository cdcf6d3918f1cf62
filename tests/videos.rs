//! Videos as people meet them: played by ffmpeg, re-muxed, stripped of metadata.

mod common;

use std::path::Path;

use common::{arg, file, ok, random, text, tool};

/// Runs ffmpeg, which must succeed without a message.
#[track_caller]
fn ffmpeg(args: &[&str]) {
    let mut all = vec!["-v", "error", "-nostdin", "-y"];
    all.extend(args);
    let output = tool("ffmpeg", &all);
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && message.is_empty(), "{args:?}: {message}");
}

fn check(dir: &Path, video: &Path, content: &[u8]) {
    ffmpeg(&["-i", arg(video), "-f", "null", "-"]);
    assert_eq!(ok(["decode", "-q", arg(video), "-o", "-"]), content);
    for ending in ["mkv", "mp4"] {
        let copy = dir.join(format!("copy.{ending}"));
        for strip in [&[][..], &["-map_metadata", "-1"]] {
            let mut args = vec!["-i", arg(video), "-c", "copy"];
            args.extend(strip);
            args.push(arg(&copy));
            ffmpeg(&args);
            assert_eq!(ok(["decode", "-q", arg(&copy), "-o", "-"]), content, "{ending} {strip:?}");
        }
    }
}

#[test]
fn videos_play_and_survive_a_remux() {
    let dir = tempfile::tempdir().unwrap();
    let contents =
        [vec![], b"x".to_vec(), text(4_000), random(70_000, 4), random(9_000_000, 5), vec![0; 4_000_000]];
    for (i, content) in contents.iter().enumerate() {
        let input = file(dir.path(), &format!("in{i}"), content);
        let video = dir.path().join(format!("out{i}.mp4"));
        ok(["encode", "-q", "--chain", "store,video", arg(&input), "-o", arg(&video)]);
        check(dir.path(), &video, content);
    }
}

#[test]
fn video_sizes_keep_to_what_is_promised() {
    let dir = tempfile::tempdir().unwrap();
    let video = dir.path().join("out.mp4");
    let size_of = |content: &[u8]| {
        let input = file(dir.path(), "in", content);
        ok(["encode", "-q", "-f", "--chain", "store,video", arg(&input), "-o", arg(&video)]);
        std::fs::metadata(&video).unwrap().len()
    };
    assert!(size_of(&random(4096, 1)) <= 64 << 10);
    for content in [random(40_000_000, 2), vec![0; 40_000_000]] {
        let v_per_p = size_of(&content) as f64 / content.len() as f64;
        assert!(v_per_p <= 1.010, "V/P {v_per_p}");
    }
}

/// The files of a corpus, where one is given in LAB_CORPORA.
#[test]
fn a_real_corpus_through_the_whole_chain() {
    let Some(corpora) = std::env::var_os("LAB_CORPORA") else {
        println!("LAB_CORPORA is not set: nothing was tried on real data");
        return;
    };
    let canterbury = Path::new(&corpora).join("canterbury");
    let dir = tempfile::tempdir().unwrap();
    ok(["run", "--chain", "repair,zstd,video", arg(&canterbury), "-o", arg(dir.path())]);
    let mut videos = 0;
    for entry in std::fs::read_dir(dir.path().join("canterbury")).unwrap() {
        let path = entry.unwrap().path();
        ffmpeg(&["-i", arg(&path), "-f", "null", "-"]);
        videos += 1;
    }
    assert!(videos >= 11, "{videos} videos");
}
