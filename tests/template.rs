//! `lab template`, and ranges within a segment, as users meet them: the built binary on files.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};

use common::{arg, error_line, file, lab, ok, random, run, text};
use serde_json::Value;

const CHAINS: [&str; 4] = ["repair", "sequitur", "repair:coder=raw,zstd:19", "store,sequitur:coder=raw"];

fn encoded(dir: &Path, chain: &str, segment: &str, content: &[u8]) -> PathBuf {
    let input = file(dir, "content", content);
    let output = dir.join("content.lab");
    ok(["encode", "-q", "--force", "--chain", chain, "--segment", segment, arg(&input), "-o", arg(&output)]);
    output
}

fn naive(text: &[u8], pattern: &[u8]) -> Vec<u64> {
    text.windows(pattern.len()).enumerate().filter(|(_, w)| *w == pattern).map(|(i, _)| i as u64).collect()
}

fn lines(offsets: &[u64]) -> String {
    offsets.iter().map(|offset| format!("{offset}\n")).collect()
}

fn json<'a>(args: impl IntoIterator<Item = &'a str>) -> Value {
    serde_json::from_slice(&ok(args)).unwrap()
}

fn string(output: Vec<u8>) -> String {
    String::from_utf8(output).unwrap()
}

#[test]
fn occurrences_are_those_of_the_content() {
    let dir = tempfile::tempdir().unwrap();
    let mut content = text(200_000);
    content.extend(random(5000, 1)); // a segment without a grammar
    content.extend(vec![b'a'; 50_000]);
    content.extend(text(30_000));
    for chain in &CHAINS[..3] {
        for segment in ["4K", "100K", "whole"] {
            let lab = encoded(dir.path(), chain, segment, &content);
            for pattern in ["segment", "0: ", "aaaaa", "codec pair\n1", "nowhere"] {
                let expected = naive(&content, pattern.as_bytes());
                let found = string(ok(["template", "search", pattern, arg(&lab)]));
                assert_eq!(found, lines(&expected), "{chain}, {segment}, {pattern}");
                let count = string(ok(["template", "count", pattern, arg(&lab), "--threads", "1"]));
                assert_eq!(count, format!("{}\n", expected.len()));
            }
        }
    }
}

#[test]
fn patterns_lie_across_segments() {
    let dir = tempfile::tempdir().unwrap();
    let content = text(40_000);
    let lab = encoded(dir.path(), "repair", "4K", &content);
    for (from, to) in [(4090, 4100), (4000, 13_000), (8191, 8193), (0, 40_000)] {
        let hex: String = content[from..to].iter().map(|byte| format!("{byte:02X}")).collect();
        let found = string(ok(["template", "search", "--hex", &hex, arg(&lab)]));
        assert_eq!(found, lines(&naive(&content, &content[from..to])), "{from}..{to}");
    }
}

#[test]
fn patterns_are_text_or_hexadecimal() {
    let dir = tempfile::tempdir().unwrap();
    let content = "Größe\r\n\u{0}".repeat(300);
    let lab = encoded(dir.path(), "sequitur", "1K", content.as_bytes());
    for args in [["--hex", "0d 0A"], ["--hex", "000d0a00"], ["--", "ö"], ["--", "-"]] {
        let pattern = match args {
            ["--hex", "0d 0A"] => &b"\r\n"[..],
            ["--hex", _] => b"\0\r\n\0",
            [_, text] => text.as_bytes(),
        };
        let mut args = args.to_vec();
        args.splice(0..0, ["template", "search"]);
        args.push(arg(&lab));
        assert_eq!(string(ok(args)), lines(&naive(content.as_bytes(), pattern)));
    }
    for bad in ["0", "0g", "+1", ""] {
        assert!(!error_line(&run(["template", "count", "--hex", bad, arg(&lab)]), 2).is_empty());
    }
    error_line(&run(["template", "search", "", arg(&lab)]), 2);
}

#[test]
fn a_limit_ends_the_search() {
    let dir = tempfile::tempdir().unwrap();
    let content = text(100_000);
    let lab = encoded(dir.path(), "repair", "16K", &content);
    let all = naive(&content, b"rule");
    let some = string(ok(["template", "search", "rule", arg(&lab), "--limit", "5"]));
    assert_eq!(some, lines(&all[..5]));
    let report = json(["template", "search", "rule", arg(&lab), "--limit", "5", "--json"]);
    assert_eq!(report["complete"], false);
    assert_eq!(report["offsets"].as_array().unwrap().len(), 5);
    let report = json(["template", "search", "rule", arg(&lab), "--json"]);
    assert_eq!(report["complete"], true);
    assert_eq!(
        report["offsets"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect::<Vec<_>>(),
        all
    );
    let report = json(["template", "count", "rule", arg(&lab), "--json"]);
    assert_eq!((report["count"].as_u64(), report["bytes"].as_u64()), (Some(all.len() as u64), Some(100_000)));
    assert_eq!(report["pattern"], "rule");
}

#[test]
fn inspect_tells_rules_by_what_they_save() {
    let dir = tempfile::tempdir().unwrap();
    let content = text(100_000);
    let lab = encoded(dir.path(), "sequitur", "32K", &content);
    let report = json(["template", "inspect", arg(&lab), "--json", "--rules", "25"]);
    let number = |key: &str| report[key].as_u64().unwrap();
    assert_eq!((number("bytes"), number("segments")), (100_000, 4));
    let sum = |key: &str| report[key].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("depths"), sum("lengths")), (number("rules"), number("rules")));
    assert!(number("grammar_bytes") < 100_000 && report["coverage"].as_f64().unwrap() > 0.5);
    let top = report["top"].as_array().unwrap();
    assert_eq!(top.len(), 25);
    let saves: Vec<_> = top.iter().map(|rule| rule["saves"].as_i64().unwrap()).collect();
    assert!(saves.is_sorted_by(|a, b| a >= b));
    for rule in top.iter().filter(|rule| rule["cut"] == false) {
        // What is shown is in the content, as often as is said or more.
        let shown = rule["text"].as_str().unwrap().replace("\\n", "\n");
        assert_eq!(shown.len() as u64, rule["bytes"].as_u64().unwrap());
        assert!(naive(&content, shown.as_bytes()).len() as u64 >= rule["occurrences"].as_u64().unwrap());
    }
    let table = string(ok(["template", "inspect", arg(&lab), "--rules", "3"]));
    assert!(table.contains("coverage") && table.contains("deepest rule"), "{table}");
    assert_eq!(table.lines().rev().take_while(|line| line.contains('"')).count(), 3, "{table}");
}

#[test]
fn nothing_is_a_content_too() {
    let dir = tempfile::tempdir().unwrap();
    let lab = encoded(dir.path(), "repair", "16K", b"");
    assert_eq!(string(ok(["template", "count", "a", arg(&lab)])), "0\n");
    assert_eq!(json(["template", "inspect", arg(&lab), "--json"])["coverage"], Value::Null);
    ok(["template", "inspect", arg(&lab)]);
}

#[test]
fn other_files_are_refused_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let content = text(10_000);
    for chain in ["zstd", "store,repair", "zstd,repair"] {
        let lab = encoded(dir.path(), chain, "16K", &content);
        for command in [&["search", "a"][..], &["count", "a"], &["inspect"]] {
            let args = [&["template"], command, &[arg(&lab)]].concat();
            let line = error_line(&run(args), 3);
            assert!(line.contains("does not begin with a grammar (repair, sequitur or template)"), "{line}");
        }
    }
    let plain = file(dir.path(), "plain", &content);
    error_line(&run(["template", "inspect", arg(&plain)]), 3);
    error_line(&run(["template", "count", "a", arg(&dir.path().join("absent"))]), 1);
}

#[test]
fn damage_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let lab = encoded(dir.path(), "repair", "16K", &text(100_000));
    let mut bytes = std::fs::read(&lab).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let broken = file(dir.path(), "broken.lab", &bytes);
    for command in [&["search", "nowhere"][..], &["count", "a"], &["inspect"]] {
        error_line(&run([&["template"], command, &[arg(&broken)]].concat()), 3);
    }
}

#[test]
fn memory_has_a_limit() {
    let dir = tempfile::tempdir().unwrap();
    let lab = encoded(dir.path(), "repair", "whole", &text(400_000));
    let line = error_line(&run(["template", "inspect", arg(&lab), "--memory-limit", "100K"]), 5);
    assert!(line.contains("--memory-limit"), "{line}");
}

#[test]
fn ranges_within_a_segment() {
    let dir = tempfile::tempdir().unwrap();
    let mut content = text(150_000);
    content.extend(vec![0; 100_000]);
    content.extend(text(20_000));
    for chain in CHAINS {
        for segment in ["64K", "whole"] {
            let lab = encoded(dir.path(), chain, segment, &content);
            for (from, to) in
                [(0, 1), (0, content.len()), (77_777, 81_873), (65_530, 65_540), (149_000, 251_000)]
            {
                let range = format!("{from}..{to}");
                assert_eq!(
                    ok(["extract", arg(&lab), "--range", &range]),
                    content[from..to],
                    "{chain} {range}"
                );
            }
            error_line(&run(["extract", arg(&lab), "--range", "0..270001"]), 2);
        }
    }
}

#[cfg(unix)]
#[test]
fn patterns_may_be_any_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let dir = tempfile::tempdir().unwrap();
    let lab_file = encoded(dir.path(), "repair", "1K", &[b'x', 0xFF, b'y', 0xFE].repeat(500));
    let pattern = std::ffi::OsStr::from_bytes(&[0xFF, b'y']);
    let output = lab().args(["template", "count"]).arg(pattern).arg(&lab_file).output().unwrap();
    assert_eq!(string(output.stdout), "500\n");
}
