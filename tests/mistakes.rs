//! Wrong inputs: each gives one clear line and the documented exit code, and leaves nothing behind.

mod common;

use common::{arg, error_line, file, lab, names, ok, piped, random, run, text};

#[test]
fn chains_that_cannot_be() {
    let dir = tempfile::tempdir().unwrap();
    let input = file(dir.path(), "in", b"content");
    for (chain, part) in [
        ("repiar,zstd", "did you mean \"repair\"?"),
        ("zstd:levle=3", "did you mean \"level\"?"),
        ("zstd:23", "level takes -7..22"),
        ("zstd:window_log=5", "window_log"),
        ("video,zstd", "must be the last stage"),
        ("zstd,,video", "missing"),
        ("zstd:1/3", "sweep of 2"),
        ("store:1", "takes none"),
    ] {
        let line = error_line(&run(["encode", "--chain", chain, arg(&input)]), 2);
        assert!(line.contains(part) && line.contains("chain") || line.contains(part), "{chain}: {line}");
    }
    assert_eq!(names(dir.path()), ["in"]);
}

#[test]
fn inputs_that_are_not_there_or_not_ours() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    let line = error_line(&run(["encode", "--chain", "zstd", arg(&missing)]), 1);
    assert!(line.contains("missing") && line.contains("No such file"), "{line}");
    error_line(&run(["decode", arg(&missing)]), 1);
    error_line(&run(["run", "--chain", "zstd", arg(&missing)]), 1);
    let line = error_line(&run(["encode", "--chain", "zstd", arg(dir.path())]), 2);
    assert!(line.contains("directory"), "{line}");
    for (name, content, part) in [
        ("empty", &b""[..], "empty"),
        ("text", b"just some text, nothing else", "not a .lab stream"),
        ("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", "gzip -d"),
        ("zip", b"PK\x03\x04rest of a zip file", "unzip"),
        ("png", b"\x89PNG\r\n\x1a\nrest", "png"),
        ("video", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\0\x08mdat", "cannot read the video"),
    ] {
        let path = file(dir.path(), name, content);
        for command in ["decode", "verify", "inspect"] {
            let line = error_line(&run([command, arg(&path)]), 3);
            assert!(line.contains(part) && line.contains(name), "{command} {name}: {line}");
        }
        let line = error_line(&run(["extract", arg(&path), "-r", "0..1"]), 3);
        assert!(line.contains(part), "{line}");
        error_line(&piped(&["decode", "-"], content), 3);
    }
}

#[test]
fn outputs_that_exist_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let input = file(dir.path(), "in", b"content");
    let out = file(dir.path(), "out", b"precious");
    for args in [
        ["encode", "--chain=zstd", arg(&input), "-o", arg(&out)],
        ["encode", "--chain=store,video", arg(&input), "-o", arg(&out)],
    ] {
        let line = error_line(&run(args), 2);
        assert!(line.contains("out exists") && line.contains("--force"), "{line}");
    }
    let lab_file = dir.path().join("in.lab");
    ok(["encode", "-q", "--chain", "zstd", arg(&input)]);
    error_line(&run(["decode", arg(&lab_file), "-o", arg(&out)]), 2);
    error_line(&run(["decode", arg(&lab_file)]), 2);
    error_line(&run(["extract", arg(&lab_file), "-r", "0..1", "-o", arg(&out)]), 2);
    assert_eq!(std::fs::read(&out).unwrap(), b"precious");
    let line = error_line(&run(["encode", "--chain", "zstd", arg(&input), "-o", arg(dir.path())]), 2);
    assert!(line.contains("is a directory"), "{line}");
    assert_eq!(names(dir.path()), ["in", "in.lab", "out"]);
}

#[test]
fn damaged_files_are_named_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let input = file(dir.path(), "in", &text(50_000));
    for chain in ["zstd", "repair", "store,video"] {
        let out = dir.path().join("encoded");
        ok(["encode", "-q", "-f", "--chain", chain, "--segment", "10K", arg(&input), "-o", arg(&out)]);
        let bytes = std::fs::read(&out).unwrap();
        let damages = random(40, 5).into_iter().enumerate().map(|(i, r)| {
            let at = (i * bytes.len() / 40 + usize::from(r)).min(bytes.len() - 1);
            let mut bad = bytes.clone();
            if i % 4 == 0 {
                bad.truncate(at);
            } else {
                bad[at] ^= 1 << (r % 8);
            }
            bad
        });
        for damaged in damages {
            let path = file(dir.path(), "damaged", &damaged);
            let decoded = dir.path().join("decoded");
            let output = run(["decode", "-q", arg(&path), "-o", arg(&decoded)]);
            if output.status.success() {
                // A flip in bytes that carry nothing (padding of a picture, a title) costs nothing.
                assert_eq!(std::fs::read(&decoded).unwrap(), std::fs::read(&input).unwrap());
                std::fs::remove_file(&decoded).unwrap();
            } else {
                let line = error_line(&output, 3);
                assert!(line.contains("damaged"), "{line}");
            }
            assert_eq!(names(dir.path()), ["damaged", "encoded", "in"]);
        }
    }
}

#[test]
fn limits_hold() {
    let dir = tempfile::tempdir().unwrap();
    let input = file(dir.path(), "in", &vec![0; 3_000_000]);
    let out = dir.path().join("out");
    ok(["encode", "-q", "--chain", "zstd", "--segment", "whole", arg(&input), "-o", arg(&out)]);
    let line = error_line(&run(["decode", "--memory-limit", "1M", arg(&out), "-o", "-"]), 5);
    assert!(line.contains("--memory-limit"), "{line}");
    let args =
        ["encode", "--chain", "zstd", "--segment", "whole", "--memory-limit", "1M", arg(&input), "-o", "-"];
    error_line(&run(args), 5);
    // What a worker would take is known before it is allocated.
    let args = ["encode", "--chain", "repair", "--memory-limit", "8M", arg(&input), "-o", "-"];
    let line = error_line(&run(args), 5);
    assert!(line.contains("repair") && line.contains("--memory-limit"), "{line}");
}

#[test]
fn a_full_device_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let input = file(dir.path(), "in", &text(3_000_000));
    let lab_file = dir.path().join("in.lab");
    ok(["encode", "-q", "--chain", "store", arg(&input)]);
    for args in [
        vec!["encode", "--chain", "store", arg(&input), "-o", "/dev/full", "--force"],
        vec!["encode", "--chain", "zstd", arg(&input), "-o", "/dev/full"],
        vec!["encode", "--chain", "store,video", arg(&input), "-o", "/dev/full"],
        vec!["decode", arg(&lab_file), "-o", "/dev/full"],
        vec!["extract", arg(&lab_file), "-r", "0..2M", "-o", "/dev/full"],
    ] {
        let line = error_line(&run(&args), 1);
        assert!(line.contains("No space left"), "{args:?}: {line}");
    }
    use std::os::unix::fs::FileTypeExt;
    assert!(std::fs::metadata("/dev/full").unwrap().file_type().is_char_device());
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = lab().args(["decode", arg(&lab_file), "-o", "-"]).stdout(full).output().unwrap();
    assert!(error_line(&output, 1).contains("No space left"));
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let dir = tempfile::tempdir().unwrap();
    let input = file(dir.path(), "in", &text(3_000_000));
    ok(["encode", "-q", "--chain", "zstd", arg(&input)]);
    let command =
        format!("'{}' decode -q '{}.lab' -o - | head -c 10", env!("CARGO_BIN_EXE_lab"), arg(&input));
    let output = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
    assert_eq!((output.stdout.len(), output.stderr.len()), (10, 0));
}
