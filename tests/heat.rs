//! `lab inspect --heat` as users meet it: the built binary on files.
#![allow(clippy::unwrap_used)]

mod common;

use common::{arg, error_line, file, names, ok, random, run, text};
use serde_json::Value;

#[test]
fn bits_come_to_the_stored_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let mut content = text(150_000);
    content.extend(random(10_000, 1));
    let input = file(dir.path(), "in", &content);
    let (out, page) = (dir.path().join("in.lab"), dir.path().join("in.html"));
    let chains = ["repair", "sequitur:coder=mix", "repair:coder=raw", "repair:coder=raw,zstd:19"];
    for (chain, segment) in chains.iter().flat_map(|chain| [(chain, "whole"), (chain, "64K")]) {
        ok(["encode", "-qf", "--chain", chain, "--segment", segment, arg(&input), "-o", arg(&out)]);
        let said = ok(["inspect", "--heat", arg(&out), "-f", "-o", arg(&page), "--json", "-q"]);
        let report: Value = serde_json::from_slice(&said).unwrap();
        let number = |value: &Value| value.as_f64().unwrap();
        let mut sum = 0.0;
        for segment in report["segments"].as_array().unwrap() {
            let stages = segment["stage_bytes"].as_array().unwrap();
            let stored = 8.0 * number(stages.first().unwrap_or(&segment["bytes"]));
            let told = number(&segment["token_bits"]) + 8.0 * number(&segment["head_bytes"]);
            assert!((told - stored).abs() < 0.01 * stored + 128.0, "{chain}: {told} of {stored}");
            sum += number(&segment["token_bits"]);
        }
        let bits = number(&report["bits"]);
        assert!((bits - sum).abs() < 1e-6 * sum, "{chain}: {bits}, {sum}");
        let html = std::fs::read_to_string(&page).unwrap();
        assert!(html.contains("codec pair") && html.contains("used ") && html.ends_with("</html>\n"));
        assert_eq!(html.contains("average over the segment"), chain.contains("zstd"));
    }
}

#[test]
fn hostile_content_and_carriers() {
    let dir = tempfile::tempdir().unwrap();
    let content = "</script><b>x\" onclick='y' \u{1b}]0;\u{7}".repeat(500);
    let input = file(dir.path(), "a<b>.txt", content.as_bytes());
    let out = dir.path().join("a<b>.mp4");
    ok(["encode", "-q", "--chain", "repair,video", arg(&input), "-o", arg(&out)]);
    let html = String::from_utf8(ok(["inspect", "--heat", arg(&out), "-o", "-", "-q"])).unwrap();
    assert!(!html.contains("<b>") && !html.contains("<script") && !html.contains('\u{1b}'));
    assert!(html.contains("&lt;/script&gt;&lt;b&gt;x"));
}

#[test]
fn ranges_and_files_that_exist() {
    let dir = tempfile::tempdir().unwrap();
    let input = file(dir.path(), "in", &text(40_000));
    let (out, page) = (dir.path().join("in.lab"), dir.path().join("in.html"));
    ok(["encode", "-q", "--chain", "repair", "--segment", "8K", arg(&input), "-o", arg(&out)]);
    let said = ok(["inspect", "--heat", arg(&out), "-o", arg(&page), "--heat-range", "20000..+100"]);
    assert_eq!(String::from_utf8(said).unwrap(), format!("{}\n", page.display()));
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.contains("bytes 20,000 to 20,100 of 40,000") && html.contains("id=\"o20000\""));
    let line = error_line(&run(["inspect", "--heat", arg(&out), "-o", arg(&page)]), 2);
    assert!(line.contains("--force"), "{line}");
    let line = error_line(&run(["inspect", "--heat", arg(&out), "-o", "x", "--heat-range", "0..50000"]), 2);
    assert!(line.contains("not within the content"), "{line}");
    assert_eq!(run(["inspect", arg(&out), "--heat-range", "0..1"]).status.code(), Some(2));
}

#[test]
fn what_has_no_grammar_is_refused_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let input = file(dir.path(), "in", &text(40_000));
    let (out, page) = (dir.path().join("in.lab"), dir.path().join("in.html"));
    for chain in ["zstd", "zstd,repair", "store"] {
        ok(["encode", "-qf", "--chain", chain, arg(&input), "-o", arg(&out)]);
        let line = error_line(&run(["inspect", "--heat", arg(&out), "-o", arg(&page)]), 3);
        assert!(line.contains("does not begin with a grammar"), "{line}");
    }
    error_line(&run(["inspect", "--heat", arg(&input), "-o", arg(&page)]), 3);
    assert_eq!(names(dir.path()), ["in", "in.lab"]);
}
