//! Dictionaries and templates as users meet them: the built binary on files.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use common::{arg, error_line, file, lab, ok, random, run, text};
use serde_json::Value;

fn json<'a>(args: impl IntoIterator<Item = &'a str>) -> Value {
    serde_json::from_slice(&ok(args)).unwrap()
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len()
}

/// Two samples without any structure in them, and a file made of their halves and of something new.
fn samples(dir: &Path) -> ([PathBuf; 2], PathBuf) {
    let (first, second) = (random(60_000, 1), random(60_000, 2));
    let content =
        [&first[..30_000], &random(5000, 3), &second[30_000..], &first[..30_000], &text(3000)].concat();
    ([file(dir, "first", &first), file(dir, "second", &second)], file(dir, "content", &content))
}

#[test]
fn a_dictionary_stands_for_what_the_samples_had() {
    let dir = tempfile::tempdir().unwrap();
    let ([first, second], content) = samples(dir.path());
    let (dict, lab) = (dir.path().join("dict"), dir.path().join("content.lab"));
    let build = [
        "template",
        "build-dict",
        arg(&first),
        arg(&second),
        "-o",
        arg(&dict),
        "--chunk-size",
        "1K",
        "--json",
    ];
    let report = json(build);
    assert_eq!((report["samples"].as_u64(), report["bytes"].as_u64()), (Some(2), Some(120_000)));
    ok(["template", "encode", "-q", "--verify", arg(&content), "-o", arg(&lab), "--dict", arg(&dict)]);
    // What is new takes 5000 bytes; notes that are cut elsewhere at the seams some thousands more.
    assert!(size(&lab) < 15_000, "{} bytes", size(&lab));
    let out = dir.path().join("out");
    let resource = ["--resource", arg(&dict)];
    ok(["template", "decode", "-q", arg(&lab), "-o", arg(&out), resource[0], resource[1]]);
    assert_eq!(std::fs::read(&out).unwrap(), std::fs::read(&content).unwrap());
    ok(["decode", "-q", "--force", arg(&lab), "-o", arg(&out), resource[0], resource[1]]);
    let range = ok(["extract", arg(&lab), "--range", "29000..36000", "-o", "-", resource[0], resource[1]]);
    assert_eq!(range, std::fs::read(&content).unwrap()[29_000..36_000]);

    // Elsewhere, without the dictionary, its digest is named.
    let elsewhere = tempfile::tempdir().unwrap();
    let alone = file(elsewhere.path(), "alone.lab", &std::fs::read(&lab).unwrap());
    let line = error_line(&run(["template", "decode", arg(&alone), "-o", "-"]), 4);
    assert!(line.contains(report["sha256"].as_str().unwrap()), "{line}");
}

#[test]
fn blobs_are_found_by_name_and_verified() {
    let dir = tempfile::tempdir().unwrap();
    let ([first, second], content) = samples(dir.path());
    let (dict, lab, blobs) = (dir.path().join("dict"), dir.path().join("x.lab"), dir.path().join("blobs"));
    ok([
        "template",
        "build-dict",
        "-q",
        arg(&first),
        arg(&second),
        "-o",
        arg(&dict),
        "--blobs",
        arg(&blobs),
        "--chunk-size",
        "1K",
    ]);
    let names: Vec<PathBuf> = std::fs::read_dir(&blobs).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(names.len() > 15);
    assert!(names.iter().all(|path| path.file_name().unwrap().to_string_lossy().starts_with("bafkrei")));
    assert!(size(&dict) < 10_000);
    // Encoding needs the identifiers only.
    ok(["template", "encode", "-q", arg(&content), "-o", arg(&lab), "--dict", arg(&dict)]);
    assert!(size(&lab) < 15_000, "{} bytes", size(&lab));
    let decode = ["template", "decode", "-q", arg(&lab), "-o", "-", "--resource", arg(&blobs)];
    assert_eq!(ok(decode), std::fs::read(&content).unwrap());

    // Not all blobs are used: those that are must be there, and be what they are called.
    let (mut used, mut unused) = (0, 0);
    for path in &names {
        let bytes = std::fs::read(path).unwrap();
        std::fs::remove_file(path).unwrap();
        let result = run(decode);
        if result.status.success() {
            unused += 1;
        } else {
            used += 1;
            assert!(error_line(&result, 4).contains(&*path.file_name().unwrap().to_string_lossy()));
            std::fs::write(path, [&bytes[1..], b"x"].concat()).unwrap();
            assert!(error_line(&run(decode), 3).contains("not what its name says"));
        }
        std::fs::write(path, bytes).unwrap();
    }
    assert!(used > 5 && unused > 2, "{used} used, {unused} not");
}

/// Samples in two contexts, a dictionary, and a content in the first of them with a rendering in the second.
fn contexts(dir: &Path) -> (PathBuf, PathBuf, PathBuf, String) {
    let day: String = random(8000, 5).iter().map(|b| char::from(b'a' + b % 26)).collect();
    let night: String = day.chars().map(|c| format!("{}-", c.to_ascii_uppercase())).collect();
    for (name, text) in [("DAY", &day), ("NIGHT", &night), ("NEVER", &night)] {
        std::fs::create_dir(dir.join(name)).unwrap();
        file(&dir.join(name), "sample", text.as_bytes());
    }
    let (dict, lab) = (dir.join("dict"), dir.join("content.lab"));
    let given = ["DAY", "NIGHT", "NEVER"].map(|name| format!("{name}={}", dir.join(name).display()));
    let mut args = vec!["template", "build-dict", "-q", "-o", arg(&dict), "--chunk-size", "256"];
    args.extend(given.iter().flat_map(|given| ["--context", given]));
    ok(args);
    let content = file(dir, "content", format!("Now: {day}").as_bytes());
    let encode =
        ["template", "encode", "-q", "--verify", arg(&content), "-o", arg(&lab), "--dict", arg(&dict)];
    ok(encode.into_iter().chain(["--contexts", "DAY,NIGHT"]));
    (dict, lab, content, night)
}

#[test]
fn a_template_is_rendered_in_declared_contexts() {
    let dir = tempfile::tempdir().unwrap();
    let (_, lab, content, night) = contexts(dir.path());
    let content = std::fs::read(content).unwrap();
    let decode =
        |more: &[&str]| run(["template", "decode", "-q", arg(&lab), "-o", "-"].iter().chain(more).copied());
    assert_eq!(decode(&[]).stdout, content);
    assert_eq!(decode(&["--context", "DAY"]).stdout, content);
    let rendered = String::from_utf8(decode(&["--context", "NIGHT"]).stdout).unwrap();
    // The first note is a new one; those after it are the dictionary's.
    assert!(rendered.starts_with("Now: ") && rendered.ends_with(&night[night.len() / 4..]), "{rendered}");
    for undeclared in ["NEVER", "DUSK"] {
        let line = error_line(&decode(&["--context", undeclared]), 2);
        assert!(line.contains(undeclared) && line.contains("DAY, NIGHT"), "{line}");
    }

    let map = |text: &str| {
        let path = file(dir.path(), "map", text.as_bytes());
        decode(&["--map", arg(&path)])
    };
    assert_eq!(map("").stdout, content);
    assert_eq!(map("* NIGHT\n").stdout, rendered.as_bytes());
    let mixed = String::from_utf8(map("# all but one\n* NIGHT\n3 DAY\n").stdout).unwrap();
    assert!(mixed.len() < rendered.len() && mixed.len() > content.len());
    assert!(error_line(&map("3 NEVER"), 2).contains("line 1"));
    assert!(error_line(&map("\n100000 DAY"), 2).contains("line 2"));
    error_line(&map("3"), 2);
}

/// A segment that is stored as it is has no renderings, and nothing is passed off as one.
#[test]
fn what_is_stored_as_it_is_is_not_rendered() {
    let dir = tempfile::tempdir().unwrap();
    let (dict, _, _, _) = contexts(dir.path());
    let tiny = file(dir.path(), "tiny", b"thirteen byte");
    let out = dir.path().join("tiny.lab");
    let chain = format!("template:dict=@{}:contexts=DAY+NIGHT", arg(&dict));
    ok(["encode", "-q", "--chain", &chain, arg(&tiny), "-o", arg(&out)]);
    let decode = |context| {
        run(["template", "decode", arg(&out), "-o", "-", "--resource", arg(&dict), "--context", context])
    };
    assert_eq!(decode("DAY").stdout, b"thirteen byte");
    let line = error_line(&decode("NIGHT"), 3);
    assert!(line.contains("segment 0 is stored as it is"), "{line}");
}

#[test]
fn contexts_that_are_not_there_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (dict, _, content, _) = contexts(dir.path());
    let out = dir.path().join("out");
    let encode = |names: &str| {
        run(["template", "encode", arg(&content), "-o", arg(&out), "--dict", arg(&dict), "--contexts", names])
    };
    assert!(error_line(&encode("DAY,DUSK"), 2).contains("DAY, NIGHT, NEVER"));
    error_line(&encode("DAY,DAY"), 2);
    error_line(&encode("DAY:coder=raw"), 2);
    error_line(&run(["encode", "--chain", "template:contexts=DAY", arg(&content), "-o", arg(&out)]), 2);
    assert!(!out.exists());
}

#[test]
fn a_growing_stream_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    let content = text(100_000);
    let input = file(dir.path(), "content", &content);
    let stream = ok(["template", "encode", "-q", "--segment", "10K", arg(&input), "-o", "-"]);
    let growing = file(dir.path(), "growing.lab", &stream[..stream.len() / 2]);
    let mut child =
        lab().args(["template", "decode", "--follow", arg(&growing)]).stdout(Stdio::piped()).spawn().unwrap();
    // What has come is printed before there is more.
    let mut start = vec![0; 20_000];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut start).unwrap();
    assert_eq!(start, content[..20_000]);
    let mut file = std::fs::OpenOptions::new().append(true).open(&growing).unwrap();
    for piece in stream[stream.len() / 2..].chunks(1000) {
        file.write_all(piece).unwrap();
    }
    let mut rest = Vec::new();
    stdout.read_to_end(&mut rest).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(rest, content[20_000..]);
}

#[test]
fn broken_dictionaries_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let ([first, second], content) = samples(dir.path());
    let dict = dir.path().join("dict");
    ok(["template", "build-dict", "-q", arg(&first), arg(&second), "-o", arg(&dict)]);
    let bytes = std::fs::read(&dict).unwrap();
    for at in [0, 4, 5, 6, 9, 12, 40, 60, bytes.len() / 2, bytes.len() - 1] {
        let mut broken = bytes.clone();
        broken[at] ^= 0x55;
        let broken = file(dir.path(), "broken", &broken);
        let out = dir.path().join("out");
        let result = run(["template", "encode", arg(&content), "-o", arg(&out), "--dict", arg(&broken)]);
        // The name of a context and the size of notes may be others.
        if result.status.success() {
            assert!((7..20).contains(&at), "byte {at}");
            std::fs::remove_file(out).unwrap();
        } else {
            error_line(&result, 3);
        }
    }
    for len in [0, 3, 30, 100, bytes.len() - 1] {
        let broken = file(dir.path(), "broken", &bytes[..len]);
        error_line(&run(["template", "encode", arg(&content), "-o", "-", "--dict", arg(&broken)]), 3);
    }
    let out = dir.path().join("dict2");
    error_line(&run(["template", "build-dict", arg(&first), "-o", arg(&out), "--chunk-size", "10"]), 2);
    assert_eq!(run(["template", "build-dict", "-o", arg(&out)]).status.code(), Some(2));
}
