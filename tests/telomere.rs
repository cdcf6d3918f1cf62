//! `lab telomere` as users type it.

mod common;

use common::{arg, error_line, file, names, ok, piped, random, run, text};

#[test]
fn every_way_to_name_files() {
    let dir = tempfile::tempdir().unwrap();
    let input = file(dir.path(), "in", &text(10_000));
    let (a, b, c) = (dir.path().join("a.tlmr"), dir.path().join("b.tlmr"), dir.path().join("in.tlmr"));
    ok(["telomere", "compress", "-q", arg(&input), arg(&a)]);
    ok(["telomere", "c", "-q", "-i", arg(&input), "-o", arg(&b), "--block-size", "4", "--passes", "2"]);
    ok(["telomere", "c", "-q", "--input", arg(&input)]);
    assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&c).unwrap());
    for encoded in [&a, &b, &c] {
        let out = dir.path().join("out");
        ok(["telomere", "decompress", "-q", "--force", "--input", arg(encoded), "--output", arg(&out)]);
        assert_eq!(std::fs::read(&out).unwrap(), text(10_000));
        assert_eq!(ok(["telomere", "d", "-q", arg(encoded), "-"]), text(10_000));
    }
    std::fs::remove_file(&input).unwrap();
    ok(["telomere", "d", "-q", arg(&c)]);
    assert_eq!(std::fs::read(&input).unwrap(), text(10_000));
    let encoded = piped(&["telomere", "c", "-q", "-"], &text(10_000)).stdout;
    assert_eq!(piped(&["telomere", "d", "-q", "-"], &encoded).stdout, text(10_000));
}

#[test]
fn a_summary_status_lines_and_nothing_written() {
    let dir = tempfile::tempdir().unwrap();
    // What the seeds 00, 00 and 01 expand to, and two bytes.
    let content = [&[0x6e, 0x34, 0x0b, 0x6e, 0x34, 0x0b, 0x4b, 0xf5, 0x12][..], b"xy"].concat();
    let input = file(dir.path(), "in", &content);
    let output = run(["telomere", "c", arg(&input), "--json", "--status", "--dry-run"]);
    assert!(output.status.success());
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    // 2 bytes of header; two seeds of 3 bits, and for a third one another batch would not pay: 24 + 6 + 5 +
    // 40 bits.
    assert_eq!(summary["output_bytes"], 2 + 10);
    assert_eq!(summary["hits_by_arity"], serde_json::json!([2]));
    for (key, value) in
        [("input_bytes", 11), ("useful_hits", 2), ("literals", 1), ("batches", 1), ("passes", 1)]
    {
        assert_eq!(summary[key], value, "{key}");
    }
    assert!(summary["hashes"].as_u64().unwrap() >= 65_792 && summary["ratio"].as_f64().unwrap() < 1.0);
    let status = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = status.lines().collect();
    assert_eq!(lines.len(), 3, "{status}");
    assert_eq!(lines[1], "block 1: arity 1, seed 00, 3 bits");
    assert_eq!(lines[2], "block 2: literal of 2, 45 bits");
    assert_eq!(names(dir.path()), ["in"]);
}

#[test]
fn a_table_changes_no_byte() {
    let dir = tempfile::tempdir().unwrap();
    let input = file(dir.path(), "in", &[text(5000), vec![0; 5000]].concat());
    let table = dir.path().join("table.bin");
    ok(["telomere", "table", "build", "-q", "--max-seed-len", "2", "-o", arg(&table)]);
    let info: serde_json::Value =
        serde_json::from_slice(&ok(["telomere", "table", "info", "--json", arg(&table)])).unwrap();
    assert_eq!((&info["entries"], &info["record_bytes"]), (&65_792.into(), &526_336.into()));
    let plain = ok(["telomere", "c", "-q", arg(&input), "-"]);
    assert_eq!(ok(["telomere", "c", "-q", "--table", arg(&table), arg(&input), "-"]), plain);
    let mut damaged = std::fs::read(&table).unwrap();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    let damaged = file(dir.path(), "damaged", &damaged);
    for args in [vec!["table", "info", arg(&damaged)], vec!["c", "--table", arg(&damaged), arg(&input), "-"]]
    {
        let line = error_line(&run([vec!["telomere"], args].concat()), 3);
        assert!(line.contains("damaged") && line.contains("table build"), "{line}");
    }
}

#[test]
fn limits_end_the_work_and_old_files_stay() {
    let dir = tempfile::tempdir().unwrap();
    let table = file(dir.path(), "table.bin", b"old");
    let seeds = file(dir.path(), "seeds", &[0; 8]);
    let input = file(dir.path(), "in", &[0x6e, 0x34, 0x0b].repeat(100));
    let out = dir.path().join("out");
    let build = ["telomere", "table", "build", "--force", "-o", arg(&table)];
    for (limit, part) in [
        (["--max-disk", "100M"], "--max-disk"),
        (["--min-free-memory", "1000G"], "--min-free-memory"),
        (["--memory-limit", "1M"], "--memory-limit"),
    ] {
        let line = error_line(&run([&build[..], &limit].concat()), 5);
        assert!(line.contains(part), "{line}");
    }
    let compress = ["telomere", "c", "--persist", arg(&seeds), arg(&input), arg(&out)];
    let line = error_line(&run([&compress[..], &["--max-disk", "15"]].concat()), 5);
    assert!(line.contains("seeds") && line.contains("--max-disk"), "{line}");
    assert_eq!(std::fs::read(&table).unwrap(), b"old");
    assert_eq!(std::fs::read(&seeds).unwrap(), [0; 8]);
    assert_eq!(names(dir.path()), ["in", "seeds", "table.bin"]);
    // One seed, appended once.
    for _ in 0..2 {
        ok([&compress[..], &["-q", "--force"]].concat());
        let records = std::fs::read(&seeds).unwrap();
        assert_eq!(records.len(), 16);
        assert_eq!(records[8..], (0x6e34_0b9c_ffb3_7a98_u64 >> 26 << 26 | 1 << 24).to_le_bytes());
    }
}

#[test]
fn mistakes_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let input = file(dir.path(), "in", b"content");
    let line = error_line(&run(["telomere", "d", arg(&input), "-"]), 3);
    assert!(line.contains("in:"), "{line}");
    let line = error_line(&run(["telomere", "d", arg(&input)]), 2);
    assert!(line.contains(".tlmr"), "{line}");
    let line = error_line(&run(["telomere", "c", arg(&input), arg(&input)]), 2);
    assert!(line.contains("also an input"), "{line}");
    let old = file(dir.path(), "old", b"content");
    let line = error_line(&run(["telomere", "c", arg(&input), arg(&old)]), 2);
    assert!(line.contains("--force"), "{line}");
    for args in [["--block-size", "65"], ["--passes", "0"], ["--salt", "xyz"], ["--max-seed-len", "4"]] {
        assert_eq!(run([&["telomere", "c", arg(&input)][..], &args].concat()).status.code(), Some(2));
    }
    let line = error_line(&run(["encode", "--chain", "telomere:salt=xyz", arg(&input)]), 2);
    assert!(line.contains("hexadecimal"), "{line}");
}

#[test]
fn tables_are_compared_beside_theory() {
    let dir = tempfile::tempdir().unwrap();
    let input = file(dir.path(), "noise", &random(30_000, 4));
    let chart = dir.path().join("chart.svg");
    let args = ["telomere", "table", "compare", "--json", arg(&input), "-o", arg(&chart)];
    let report: serde_json::Value = serde_json::from_slice(&ok(args)).unwrap();
    let entries: Vec<u64> = (0..3).map(|i| report["tables"][i]["entries"].as_u64().unwrap()).collect();
    assert_eq!(entries, [256, 65_792, 16_843_008]);
    let shares = |key: &str| report["samples"][2][key].as_f64().unwrap();
    // 10,000 blocks: 6,335 hits of the largest table are expected, give or take 48, of them 39 useful.
    assert!((0.61..0.66).contains(&shares("hits")) && shares("useful") < 0.008, "{report}");
    assert!(shares("ratio") > 0.999);
    assert!(std::fs::read_to_string(&chart).unwrap().contains("Hit rates of seed tables"));
}

/// Literals begin on a byte, so that a codec that follows finds the bytes of the input. What zstd makes of
/// bytes that all lie somewhat further on differs by a little either way, with or without us.
#[test]
fn zstd_behind_telomere_finds_the_input() {
    let dir = tempfile::tempdir().unwrap();
    for length in [3_000, 196_608, 196_609, 300_000, 1_000_000] {
        let content = text(length);
        let input = file(dir.path(), "in", &content);
        let encoded = ok(["telomere", "c", "-q", arg(&input), "-"]);
        // A seed here and there may stand between long literals, and short ones need not be aligned.
        let most = &content[900..length - 900];
        let holds = |file: &[u8]| file.windows(most.len()).any(|window| window == most);
        assert!(holds(&encoded) && encoded.len() <= length + 24, "{length}");
        let shifted = ok(["telomere", "c", "-q", "--no-align", arg(&input), "-"]);
        assert!(length < 300_000 || !holds(&shifted), "{length}");
        let size = |chain: &str| {
            ok(["encode", "-q", "--no-bypass", "--chain", chain, arg(&input), "-o", "-"]).len() as f64
        };
        let (plain, behind) = (size("zstd"), size("telomere,zstd"));
        assert!(behind <= plain * 1.005 + 64.0, "{length}: {plain} and {behind} bytes");
    }
}
