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
            assert!(error_line(&run(decode), 3).contains("does not match the identifier"));
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

#[test]
fn maps_can_stand_in_the_template() {
    let dir = tempfile::tempdir().unwrap();
    let (dict, lab, content, _) = contexts(dir.path());
    let map = file(dir.path(), "map", b"* NIGHT\n3-5 DAY\n");
    let (named, other) = (format!("DUSK={}", arg(&map)), format!("DAWN={}", arg(&map)));
    let encode = |more: &[&str]| {
        let args =
            ["template", "encode", "-qf", "--verify", arg(&content), "-o", arg(&lab), "--dict", arg(&dict)];
        run(args.iter().chain(more).copied())
    };
    let decode =
        |more: &[&str]| run(["template", "decode", arg(&lab), "-o", "-"].iter().chain(more).copied());
    let both = ["--contexts", "DAY,NIGHT"];
    assert!(encode(&[&both[..], &["--embed-map", &named, "--embed-map", &other]].concat()).status.success());
    // The same by the template's map as by the file, and this is verified.
    let by_file = decode(&["--map", arg(&map)]).stdout;
    let by_name = decode(&["--map", "DUSK", "--json"]);
    assert_eq!(by_name.stdout, by_file);
    let report: Value = serde_json::from_slice(&by_name.stderr).unwrap();
    assert_eq!((&report["map"], &report["verified"]), (&Value::from("DUSK"), &Value::from(true)));
    assert_eq!(decode(&["--map", "DAWN"]).stdout, by_file);
    let (day, night) = (decode(&["--context", "DAY"]).stdout, decode(&["--context", "NIGHT"]).stdout);
    assert_eq!(day, std::fs::read(&content).unwrap());
    assert!(day.len() < by_file.len() && by_file.len() < night.len());
    let line = error_line(&decode(&["--map", "NOON"]), 1);
    assert!(line.contains("no map of the template (DUSK, DAWN), nor a file: NOON"), "{line}");

    for (text, said) in [
        ("0 NEVER", "line 1: the template does not declare the context \"NEVER\"; it declares DAY, NIGHT"),
        ("\n100000 DAY", "line 2: symbol 100000 does not exist"),
        ("1 DAY\n2 DAY\n1 NIGHT", "line 3: symbol 1 occurs twice"),
        ("4 DAY\n3-7 DAY", "line 2: symbol 4 occurs twice"),
        ("* DAY\n* DAY", "line 2: a second line for *"),
        ("9-8 DAY", "smaller number first"),
        ("bafkrei DAY", "is not a symbol"),
    ] {
        file(dir.path(), "map", text.as_bytes());
        for line in [
            error_line(&encode(&[&both[..], &["--embed-map", &named]].concat()), 2),
            error_line(&decode(&["--map", arg(&map)]), 2),
        ] {
            assert!(line.contains(said), "{line}");
        }
    }
    let twice = [&both[..], &["--embed-map", "A=/dev/null", "--embed-map", "A=/dev/null"]].concat();
    assert!(error_line(&encode(&twice), 2).contains("two maps are named \"A\""));
    file(dir.path(), "map", b"* NIGHT\n1 DAY\n");
    let names: Vec<String> = (0..300).map(|n| format!("M{n}={}", arg(&map))).collect();
    let many =
        both.into_iter().chain(names.iter().flat_map(|name| ["--embed-map", name])).collect::<Vec<_>>();
    assert!(error_line(&encode(&many), 2).contains("decode --map FILE"));
}

/// Notes and their grammar are worked on without expanding: nothing is lost where one note ends and the
/// next begins.
#[test]
fn templates_are_searched_and_shown() {
    let dir = tempfile::tempdir().unwrap();
    let known = text(60_000);
    let sample = file(dir.path(), "sample", &known);
    let content =
        [&b"something new, "[..], &known[10_000..40_000], &known[..25_000], b"and the end"].concat();
    let input = file(dir.path(), "content", &content);
    let (dict, out, page) = (dir.path().join("dict"), dir.path().join("c.lab"), dir.path().join("c.html"));
    ok(["template", "build-dict", "-q", arg(&sample), "-o", arg(&dict), "--chunk-size", "256"]);
    for (segment, coder) in [("whole", "rans"), ("20K", "mix")] {
        ok([
            "template",
            "encode",
            "-qf",
            arg(&input),
            "-o",
            arg(&out),
            "--dict",
            arg(&dict),
            "--segment",
            segment,
            "--coder",
            coder,
        ]);
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        for pattern in [&b"new, "[..], b"segment", &content[30_000..30_040], &content[100..21_000], b"end"] {
            let all: Vec<u64> = content
                .windows(pattern.len())
                .enumerate()
                .filter_map(|(at, window)| (window == pattern).then_some(at as u64))
                .collect();
            assert!(!all.is_empty());
            let lines: String = all.iter().map(|at| format!("{at}\n")).collect();
            let found = ok(["template", "search", "--hex", &hex(pattern), arg(&out)]);
            assert_eq!(String::from_utf8(found).unwrap(), lines);
            let count = ok(["template", "count", "--hex", &hex(pattern), arg(&out)]);
            assert_eq!(String::from_utf8(count).unwrap(), format!("{}\n", all.len()));
        }
        let report = json(["template", "inspect", arg(&out), "--json"]);
        assert_eq!(report["bytes"], content.len());
        assert!(report["known_bytes"].as_u64().unwrap() > 50_000, "{report}");
        let shown = String::from_utf8(ok(["template", "inspect", arg(&out)])).unwrap();
        assert!(shown.contains("of the dictionary, for 5"), "{shown}");
        let heat = json(["inspect", "--heat", arg(&out), "-f", "-o", arg(&page), "--json", "-q"]);
        let number = |value: &Value| value.as_f64().unwrap();
        for segment in heat["segments"].as_array().unwrap() {
            let stored = 8.0 * number(&segment["stage_bytes"][0]);
            let told = number(&segment["token_bits"]) + 8.0 * number(&segment["head_bytes"]);
            assert!((told - stored).abs() < 0.01 * stored + 256.0, "{told} of {stored}");
        }
        assert!(std::fs::read_to_string(&page).unwrap().contains("of the dictionary, "));
    }
    // Without its dictionary nothing can be said of it.
    let elsewhere = tempfile::tempdir().unwrap();
    let alone = file(elsewhere.path(), "alone.lab", &std::fs::read(&out).unwrap());
    error_line(&run(["template", "count", "a", arg(&alone)]), 4);
}

#[test]
fn a_dictionary_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let (dict, _, _, _) = contexts(dir.path());
    let report = json(["template", "inspect", arg(&dict), "--json", "--rules", "3"]);
    assert_eq!(report["contexts"], Value::from(vec!["DAY", "NIGHT", "NEVER"]));
    let list = report["list"].as_array().unwrap();
    assert_eq!(list.len(), 3);
    let [day, night] = [0, 1].map(|context| &list[1]["pieces"][context]);
    assert_eq!(night["bytes"].as_u64().unwrap(), 2 * day["bytes"].as_u64().unwrap());
    let text = |piece: &Value| piece["text"].as_str().unwrap().replace('-', "");
    assert!(text(day).to_uppercase().starts_with(&text(night)));
    let shown = String::from_utf8(ok(["template", "inspect", arg(&dict)])).unwrap();
    assert!(shown.contains(day["cid"].as_str().unwrap()) && shown.contains("(--rules N)"), "{shown}");
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
    assert!(line.contains("segment 0 is bypassed"), "{line}");
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
    let mut child = lab()
        .args(["template", "decode", "-q", "--follow", arg(&growing)])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
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

#[cfg(unix)]
#[test]
fn an_interrupted_stream_leaves_what_was_decoded() {
    let dir = tempfile::tempdir().unwrap();
    let content = text(100_000);
    let input = file(dir.path(), "content", &content);
    let stream = ok(["template", "encode", "-q", "--segment", "10K", arg(&input), "-o", "-"]);
    let (growing, out) = (dir.path().join("growing.lab"), dir.path().join("out"));
    let follow = |args: &[&str]| {
        let command = ["template", "decode", "--follow", "-q", arg(&growing), "-o"];
        lab().args(command).args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let interrupt = |child: std::process::Child| {
        let pid = child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        child.wait_with_output().unwrap()
    };
    // The file is there while the stream grows, with all segments that are.
    std::fs::write(&growing, &stream[..stream.len() / 2]).unwrap();
    let child = follow(&[arg(&out)]);
    while std::fs::metadata(&out).map_or(0, |meta| meta.len()) < 30_000 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let line = error_line(&interrupt(child), 6);
    let kept = std::fs::read(&out).unwrap();
    assert!(kept.len() % 10_240 == 0 && kept.len() >= 30_000 && kept == content[..kept.len()]);
    assert!(line.contains("interrupted before the end of the stream") && line.contains(arg(&out)), "{line}");
    assert!(line.replace(',', "").contains(&format!("first {} bytes", kept.len())), "{line}");
    assert_eq!(common::names(dir.path()), ["content", "growing.lab", "out"]);
    // It is not replaced unasked; with --force, by the next one's first segment.
    assert!(error_line(&follow(&[arg(&out)]).wait_with_output().unwrap(), 2).contains("--force"));
    std::fs::write(&growing, &stream).unwrap();
    assert!(follow(&[arg(&out), "--force"]).wait().unwrap().success());
    assert_eq!(std::fs::read(&out).unwrap(), content);
    std::fs::remove_file(&out).unwrap();

    // To standard output it is the same.
    std::fs::write(&growing, &stream[..stream.len() / 2]).unwrap();
    let mut child = follow(&["-"]);
    let mut start = vec![0; 30_000];
    child.stdout.as_mut().unwrap().read_exact(&mut start).unwrap();
    assert!(error_line(&interrupt(child), 6).contains("standard output has the first"));

    // Where nothing was decoded, nothing is left.
    std::fs::write(&growing, &stream[..20]).unwrap();
    let child = follow(&[arg(&out)]);
    while !common::names(dir.path()).iter().any(|name| name.starts_with('.')) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    error_line(&interrupt(child), 130);
    assert_eq!(common::names(dir.path()), ["content", "growing.lab"]);

    // Damage ends it as well, and takes nothing back.
    let mut damaged = stream.clone();
    damaged[stream.len() / 2] ^= 1;
    std::fs::write(&growing, damaged).unwrap();
    let line = error_line(&follow(&[arg(&out)]).wait_with_output().unwrap(), 3);
    let kept = std::fs::read(&out).unwrap();
    assert!(!kept.is_empty() && kept == content[..kept.len()]);
    assert!(line.contains("bytes before that"), "{line}");
}

/// What comes in through a pipe leaves as soon as a segment is full, though more is to come.
#[test]
fn a_stream_is_encoded_as_it_comes() {
    let content = text(50_000);
    let args = ["template", "encode", "-q", "--segment", "10000", "-", "-o", "-"];
    let whole = common::piped(&args, &content).stdout;
    let mark = b"\x89LAB\r\n\x1a\n";
    let end = whole.windows(8).skip(1).position(|window| window == mark).unwrap() + 1;
    for threads in ["1", "2"] {
        let mut child = lab()
            .args(args)
            .args(["--threads", threads])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&content).unwrap();
        let mut segments = vec![0; end];
        child.stdout.as_mut().unwrap().read_exact(&mut segments).unwrap();
        assert_eq!(segments, whole[..end]);
        drop(stdin);
        let mut rest = Vec::new();
        child.stdout.as_mut().unwrap().read_to_end(&mut rest).unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(rest, whole[end..]);
    }
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
