//! `lab report` and `lab compare` as a user runs them, on results written by hand.
#![allow(missing_docs, clippy::panic, clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};

use common::{arg, error_line, file, names, ok, run};
use serde_json::{Value, json};

/// Five measurements around a median.
fn timing(median: f64) -> Value {
    json!({
        "n": 7, "median": median, "min": median * 0.99, "mad": median * 0.005,
        "confidence": [median * 0.99, median * 1.01], "cpu": median, "noisy": false, "samples": [],
    })
}

fn cell(sample: &str, chain: &str, bytes: u64, output: u64, seconds: f64) -> Value {
    json!({
        "corpus": "canterbury", "sample": sample, "chain": chain, "segment_bytes": 16 << 20, "threads": 1,
        "bytes": bytes, "output_bytes": output, "verified": true, "channel": "none", "entropy": [4.5, 3.4, 2.5],
        "encode": timing(seconds), "decode": timing(seconds / 5.0),
        "stages": [{"stage": chain, "bytes_in": bytes, "bytes_out": output}],
    })
}

fn results(dir: &Path, name: &str, cells: &[Value]) -> PathBuf {
    let document = json!({
        "schema": "lab-results", "version": 1, "name": name, "environment": {"cpu": "by hand"}, "cells": cells,
    });
    file(dir, &format!("{name}.json"), document.to_string().as_bytes())
}

/// Figures as `lab run` gives them for two files of the Canterbury corpus.
fn cells() -> Vec<Value> {
    vec![
        cell("alice29.txt", "zstd:level=3", 152_089, 57_172, 0.0007),
        cell("alice29.txt", "repair", 152_089, 45_763, 0.025),
        cell("ptt5", "zstd:level=3", 513_216, 54_622, 0.001),
        cell("ptt5", "repair", 513_216, 51_172, 0.06),
    ]
}

#[test]
fn a_report_is_a_page_with_pictures() {
    let dir = tempfile::tempdir().unwrap();
    let input = results(dir.path(), "run", &cells());
    let out = dir.path().join("out");
    let said = ok(["report", arg(&input), "-o", arg(&out), "--title", "A <title>"]);
    assert_eq!(String::from_utf8(said).unwrap(), format!("{}\n", out.join("report.html").display()));
    assert_eq!(names(&out), ["charts", "report.html"]);
    assert_eq!(
        names(&out.join("charts")),
        ["files", "ratio-decode", "ratio-encode", "stages", "transfer"]
            .iter()
            .flat_map(|n| [format!("{n}.png"), format!("{n}.svg")])
            .collect::<Vec<_>>()
    );
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("<title>A &lt;title&gt;</title>") && page.contains("canterbury/alice29.txt"));

    let refused = run(["report", arg(&input), "-o", arg(&out)]);
    assert!(error_line(&refused, 2).contains("--force"));
    ok(["report", arg(&input), "-o", arg(&out), "--force"]);
}

#[test]
fn bad_inputs_are_named_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let bad = file(dir.path(), "bad.json", b"{\"schema\":\"lab-results\",\"version\":9}");
    let line = error_line(&run(["report", arg(&bad), "-o", arg(&out)]), 3);
    assert!(line.contains("bad.json") && line.contains("not results"), "{line}");
    let other = file(dir.path(), "other.txt", b"something else");
    let line = error_line(&run(["report", arg(&other), "-o", arg(&out)]), 3);
    assert!(line.contains("neither results of lab bench nor hyperfine JSON"), "{line}");
    error_line(&run(["report", "no-such-file", "-o", arg(&out)]), 1);
    assert!(!out.exists());
}

#[test]
fn a_rival_joins_and_exports_are_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let input = results(dir.path(), "run", &cells());
    let rival = file(
        dir.path(),
        "rival.csv",
        b"Compressor name,Compression speed,Decompression speed,Original size,Compressed size,Ratio,Filename\n\
          zstd 1.5.5 -19,2.50,900.00,152089,49431,32.50,/data/alice29.txt\n\
          zstd 1.5.5 -19,4.00,950.00,513216,43859,8.55,/data/ptt5\n",
    );
    let out = dir.path().join("out");
    let exports = ["--export", "hyperfine", "--export", "lzbench", "--export", "turbobench"];
    ok(["report", arg(&input), arg(&rival), "-o", arg(&out)].into_iter().chain(exports));
    let svg = std::fs::read_to_string(out.join("charts/ratio-encode.svg")).unwrap();
    assert!(svg.contains("lzbench/zstd:1.5.5 -19"), "the rival is not in the chart");
    for name in ["hyperfine.json", "lzbench.csv", "turbobench.csv"] {
        let again = dir.path().join(name.replace('.', "-"));
        ok(["report", arg(&out.join(name)), "-o", arg(&again)]);
        let page = std::fs::read_to_string(again.join("report.html")).unwrap();
        assert!(page.contains("57,172") && page.contains("6 cells, all verified"), "{name}");
    }
    let line = error_line(&run(["compare", arg(&input), arg(&rival)]), 2);
    assert!(line.contains("no cell in common"), "{line}");
}

#[test]
fn compare_fails_over_bytes_and_not_over_time_unless_asked() {
    let dir = tempfile::tempdir().unwrap();
    let old = results(dir.path(), "old", &cells());
    let mut changed = cells();
    changed[0]["output_bytes"] = json!(58_900);
    for at in [1, 3] {
        changed[at]["encode"] = timing(changed[at]["encode"]["median"].as_f64().unwrap() * 1.2);
    }
    changed.push(cell("new.txt", "repair", 10, 9, 0.1));
    let new = results(dir.path(), "new", &changed);

    let text = String::from_utf8(ok(["compare", arg(&old), arg(&new)])).unwrap();
    for needed in
        ["+3.02 %", "slower", "not compared: repair, canterbury/new.txt: only in the new run", "1 larger"]
    {
        assert!(text.contains(needed), "{needed}: {text}");
    }
    ok(["compare", arg(&old), arg(&old), "--fail-over", "0%", "--speed"]);
    ok(["compare", arg(&old), arg(&new), "--fail-over", "5%"]);
    let line = error_line(&run(["compare", arg(&old), arg(&new), "--fail-over", "3%"]), 7);
    assert!(line.contains("zstd:level=3 of canterbury/alice29.txt grew by +3.02 %"), "{line}");
    let line = error_line(&run(["compare", arg(&old), arg(&new), "--fail-over", "5%", "--speed"]), 7);
    assert!(line.contains("repair encodes in 1.200 times the time"), "{line}");

    let output = run(["compare", arg(&old), arg(&new), "--json", "--fail-over", "3%"]);
    assert_eq!(output.status.code(), Some(7));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["exceeding"].as_array().unwrap().len(), 1);
    assert_eq!(report["pairs"].as_array().unwrap().len(), 4);
    let repair = report["totals"].as_array().unwrap().iter().find(|t| t["chain"] == "repair").unwrap();
    assert_eq!(repair["encode"]["verdict"], "slower");
    assert_eq!(repair["bytes"], json!([96_935, 96_935]));
}

#[test]
fn a_cell_that_fails_now_is_over_every_limit() {
    let dir = tempfile::tempdir().unwrap();
    let old = results(dir.path(), "old", &cells());
    let mut broken = cells();
    broken[2]["verified"] = json!(false);
    broken[2]["error"] = json!("byte 5 differs");
    let new = results(dir.path(), "new", &broken);
    let line = error_line(&run(["compare", arg(&old), arg(&new), "--fail-over", "99%"]), 7);
    assert!(line.contains("zstd:level=3 of canterbury/ptt5 fails now"), "{line}");
    let out = dir.path().join("out");
    ok(["report", arg(&old), arg(&new), "-o", arg(&out)]);
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("1 FAILED") && page.contains("FAIL: byte 5 differs"));
    let svg = std::fs::read_to_string(out.join("charts/files-b.svg")).unwrap();
    assert!(svg.contains("FAIL"), "a failure is missing in the chart");
}

#[test]
fn a_hostile_name_does_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let name = "</script><b>x\u{202e}\n\"'";
    let input = results(dir.path(), "run", &[cell(name, "zstd:level=3", 1000, 400, 0.1)]);
    let out = dir.path().join("out");
    ok(["report", arg(&input), "-o", arg(&out)]);
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(!page.contains("<b>") && !page.contains('\u{202e}'));
    let output = String::from_utf8(ok(["compare", arg(&input), arg(&input), "--all"])).unwrap();
    assert!(!output.contains('\u{202e}') && output.contains("\\u{a}"), "{output}");
}
