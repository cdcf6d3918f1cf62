//! Streams through the built binary: round trips, pipes, determinism, ranges, verification, salvage.

mod common;

use common::{arg, error_line, file, lab, names, ok, piped, random, run, text};

const CHAINS: &[&str] = &[
    "store",
    "zstd:19",
    "repair",
    "repair:coder=raw,zstd:19",
    "repair:coder=mix",
    "store,video",
    "repair,zstd,video",
];

fn inputs() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("empty", vec![]),
        ("one", vec![0xA5]),
        ("text", text(300_000)),
        ("random", random(200_000, 1)),
        ("zeros", vec![0; 150_000]),
    ]
}

#[test]
fn every_chain_brings_every_input_back() {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in inputs() {
        let input = file(dir.path(), name, &content);
        for chain in CHAINS {
            for segment in ["64K", "whole"] {
                let (encoded, decoded) = (dir.path().join("encoded"), dir.path().join("decoded"));
                ok([
                    "encode",
                    "-q",
                    "-f",
                    "--verify",
                    "--chain",
                    chain,
                    "--segment",
                    segment,
                    arg(&input),
                    "-o",
                    arg(&encoded),
                ]);
                ok(["decode", "-q", "-f", arg(&encoded), "-o", arg(&decoded)]);
                assert_eq!(std::fs::read(&decoded).unwrap(), content, "{chain} on {name}, segment {segment}");
                ok(["verify", "-q", arg(&encoded)]);
                ok(["verify", "-q", "--stored", arg(&encoded)]);
            }
        }
    }
}

#[test]
fn pipes_carry_streams_and_plain_zstd() {
    let content = text(500_000);
    let encoded = piped(&["encode", "-q", "--chain", "repair,zstd", "--segment", "100K", "-"], &content);
    assert!(encoded.status.success(), "{}", String::from_utf8_lossy(&encoded.stderr));
    let decoded = piped(&["decode", "-q", "-"], &encoded.stdout);
    assert_eq!(decoded.stdout, content);
    // A video can be written to a pipe, too; it is read from a file.
    let video = piped(&["encode", "-q", "--chain", "store,video", "-", "-o", "-"], &content);
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "piped.mp4", &video.stdout);
    assert_eq!(ok(["decode", "-q", arg(&path), "-o", "-"]), content);
    let line = error_line(&piped(&["decode", "-"], &video.stdout), 3);
    assert!(line.contains("save it"), "{line}");
}

#[test]
fn output_does_not_depend_on_threads_and_runs() {
    let dir = tempfile::tempdir().unwrap();
    let input = file(dir.path(), "in", &[text(700_000), random(100_000, 3)].concat());
    for chain in CHAINS {
        let encode = |threads: &str| {
            let out = dir.path().join(format!("out{threads}"));
            ok([
                "encode",
                "-q",
                "-f",
                "--chain",
                chain,
                "--segment",
                "50K",
                "-T",
                threads,
                arg(&input),
                "-o",
                arg(&out),
            ]);
            std::fs::read(out).unwrap()
        };
        let one = encode("1");
        assert_eq!(one, encode("2"), "{chain}");
        assert_eq!(one, encode("7"), "{chain}");
    }
}

#[test]
fn ranges_touch_what_they_need_and_give_the_right_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let content = text(400_000);
    let input = file(dir.path(), "in", &content);
    for chain in CHAINS {
        let out = dir.path().join("out");
        ok(["encode", "-q", "-f", "--chain", chain, "--segment", "64K", arg(&input), "-o", arg(&out)]);
        for (range, expected) in [
            ("0..0", &content[0..0]),
            ("0..10", &content[..10]),
            ("65530..65545", &content[65530..65545]),
            ("100K..+4K", &content[102_400..106_496]),
            ("399990..", &content[399_990..]),
            ("..", &content[..]),
        ] {
            assert_eq!(ok(["extract", arg(&out), "--range", range]), expected, "{chain} {range}");
        }
        let line = error_line(&run(["extract", arg(&out), "--range", "0..400001"]), 2);
        assert!(line.contains("400000 bytes"), "{line}");
    }
}

#[test]
fn what_would_grow_is_bypassed_unless_forbidden() {
    let dir = tempfile::tempdir().unwrap();
    let input = file(dir.path(), "in", &random(100_000, 9));
    let out = dir.path().join("out");
    let report = |more: &[&str]| -> serde_json::Value {
        let base = ["encode", "--json", "-f", "--chain", "zstd", arg(&input), "-o", arg(&out)];
        serde_json::from_slice(&ok(base.iter().chain(more))).unwrap()
    };
    assert_eq!(report(&[])["bypassed_segments"], 1);
    assert_eq!(report(&["--no-bypass"])["bypassed_segments"], 0);
}

#[test]
fn run_reports_every_stage_in_json() {
    let dir = tempfile::tempdir().unwrap();
    let content = text(100_000);
    let input = file(dir.path(), "in", &content);
    let out = dir.path().join("kept");
    let json = ok(["run", "--json", "--chain", "repair,zstd,video", arg(&input), "-o", arg(&out)]);
    let report: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(report["chain"], "repair,zstd,video");
    let row = &report["files"][0];
    assert_eq!((&row["verified"], &row["bytes"]), (&true.into(), &100_000.into()));
    let stages = row["stages"].as_array().unwrap();
    let names_: Vec<_> = stages.iter().map(|s| s["stage"].as_str().unwrap()).collect();
    assert_eq!(names_, ["repair", "zstd", "video"]);
    assert_eq!(stages[0]["bytes_in"], 100_000);
    assert_eq!(stages[0]["bytes_out"], stages[1]["bytes_in"]);
    let stream = stages[1]["bytes_out"].as_u64().unwrap() + row["container_bytes"].as_u64().unwrap();
    assert_eq!(stages[2]["bytes_in"], stream);
    assert_eq!(stages[2]["bytes_out"], row["output_bytes"]);
    for stage in stages {
        let entropy = stage["entropy0"].as_f64().unwrap();
        assert!((0.0..=8.0).contains(&entropy));
        assert!(
            stage["encode_seconds"].as_f64().unwrap() > 0.0
                && stage["decode_seconds"].as_f64().unwrap() > 0.0
        );
    }
    assert_eq!(report["total"]["verified"], 1);
    assert_eq!(names(&out), ["in.mp4"]);
    assert_eq!(std::fs::metadata(out.join("in.mp4")).unwrap().len(), row["output_bytes"].as_u64().unwrap());
}

#[test]
fn run_without_paths_works_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    let output =
        lab().args(["run", "--chain", "repair,zstd,video"]).current_dir(dir.path()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("came back with the same SHA-256") && !text.contains("FAIL"), "{text}");
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn inspect_tells_the_chain_without_decoding() {
    let dir = tempfile::tempdir().unwrap();
    let input = file(dir.path(), "in", &text(200_000));
    let out = dir.path().join("out.mp4");
    ok(["encode", "-q", "--chain", "zstd:19,video", "--segment", "64K", arg(&input), "-o", arg(&out)]);
    let report: serde_json::Value =
        serde_json::from_slice(&ok(["inspect", "--json", "--segments", arg(&out)])).unwrap();
    assert_eq!(report["carrier"], "video");
    assert_eq!(report["chain"], "zstd:level=19");
    assert_eq!(report["name"], "in");
    assert_eq!(report["bytes"], 200_000);
    assert_eq!(report["segment_list"].as_array().unwrap().len(), 4);
    let shown = String::from_utf8(ok(["inspect", arg(&out)])).unwrap();
    assert!(shown.contains("zstd:level=19") && shown.contains("200,000 bytes"), "{shown}");
}

#[test]
fn a_decoded_video_gets_its_name_back() {
    let dir = tempfile::tempdir().unwrap();
    let input = file(dir.path(), "letter.txt", b"dear reader");
    let out = dir.path().join("movie.mp4");
    ok(["encode", "-q", "--chain", "zstd,video", arg(&input), "-o", arg(&out)]);
    std::fs::remove_file(&input).unwrap();
    ok(["decode", "-q", arg(&out)]);
    assert_eq!(std::fs::read(&input).unwrap(), b"dear reader");
}

#[test]
fn salvage_recovers_the_intact_segments() {
    let dir = tempfile::tempdir().unwrap();
    let content = text(300_000);
    let input = file(dir.path(), "in", &content);
    let out = dir.path().join("out.lab");
    ok(["encode", "-q", "--chain", "zstd", "--segment", "64K", arg(&input), "-o", arg(&out)]);
    let bytes = std::fs::read(&out).unwrap();
    let report: serde_json::Value =
        serde_json::from_slice(&ok(["inspect", "--json", "--segments", arg(&out)])).unwrap();
    let stored: u64 = report["segment_list"][0]["stored_bytes"].as_u64().unwrap();
    let recovered = dir.path().join("recovered");
    let salvage = |damaged: &[u8]| {
        let path = file(dir.path(), "damaged", damaged);
        error_line(&run(["decode", arg(&path), "-o", arg(&recovered), "-f"]), 3);
        let output = run(["decode", "-q", "--salvage", arg(&path), "-o", arg(&recovered), "-f"]);
        (output, std::fs::read(&recovered).unwrap_or_default())
    };
    // The second segment is damaged.
    let mut bad = bytes.clone();
    bad[stored as usize + 1000] ^= 1;
    let (output, got) = salvage(&bad);
    let line = error_line(&output, 6);
    assert!(line.contains("65536 bytes in 1 range"), "{line}");
    let mut expected = content.clone();
    expected[65536..131_072].fill(0);
    assert_eq!(got, expected);
    // Index and trailer are lost: the segments are found by their marks.
    let end = bytes.len() - 150;
    let (output, got) = salvage(&bytes[..end]);
    error_line(&output, 6);
    assert_eq!(got, content);
    // The front is lost: the repeated header serves, and the trailer proves completeness.
    let mut bad = bytes.clone();
    bad[3] ^= 1;
    let (output, got) = salvage(&bad);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(got, content);
}

#[test]
fn listings_completions_and_manual_are_there() {
    let list = String::from_utf8(ok(["codecs"])).unwrap();
    for id in ["store", "zstd", "repair", "file", "video"] {
        assert!(list.contains(id), "{list}");
        let shown = String::from_utf8(ok(["codecs", id])).unwrap();
        assert!(shown.starts_with(id), "{shown}");
    }
    let json: serde_json::Value = serde_json::from_slice(&ok(["codecs", "--json"])).unwrap();
    assert!(json.as_array().unwrap().iter().any(|c| c["id"] == "zstd" && c["params"][0]["name"] == "level"));
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(String::from_utf8(ok(["completions", shell])).unwrap().contains("lab"));
    }
    assert!(String::from_utf8(ok(["man"])).unwrap().starts_with(".ie"));
    let dir = tempfile::tempdir().unwrap();
    ok(["man", "-o", arg(dir.path())]);
    assert!(names(dir.path()).contains(&"lab-encode.1".to_string()));
}
