//! `lab bench`: what it writes is complete and valid, whatever fails or interrupts it. Nothing here looks
//! at a time.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{arg, error_line, file, lab, names, ok, random, run, text};
use lab_bench::results::{Cell, Results};

/// `lab bench` without what takes long.
fn bench(args: &[&str]) -> Command {
    let mut command = lab();
    command.args(["bench", "-q", "--iterations", "2", "--no-memory", "--no-baselines"]).args(args);
    command
}

fn results(dir: &Path) -> Results {
    Results::parse(&std::fs::read_to_string(dir.join("results.json")).unwrap()).unwrap()
}

fn key(cell: &Cell) -> (String, String, u64, u32) {
    (cell.sample.clone(), cell.chain.clone(), cell.segment_bytes, cell.threads)
}

/// A directory with two inputs, and where results go.
fn inputs() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let inputs = dir.path().join("in");
    std::fs::create_dir(&inputs).unwrap();
    file(&inputs, "text", &text(60_000));
    file(&inputs, "noise", &random(20_000, 1));
    let out = dir.path().join("out");
    (dir, inputs, out)
}

#[test]
fn axes_multiply_and_every_form_is_written() {
    let (_dir, inputs, out) = inputs();
    let sweep = ["--chain", "zstd:1/3", "--chain", "repair,zstd,video", "--segment", "16K/whole"];
    let output = bench(&[arg(&inputs), "-o", arg(&out), "--threads", "1/2"]).args(sweep).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(stdout.lines().last(), Some(arg(&out.join("report.html"))));
    assert!(stdout.contains("all 24 cells came back byte for byte"), "{stdout}");
    assert_eq!(
        names(&out),
        ["charts", "report.html", "results.csv", "results.json", "results.jsonl", "results.md"]
    );

    let results = results(&out);
    assert_eq!(results.cells.len(), 2 * 3 * 2 * 2);
    assert_eq!(results.cells.iter().map(key).collect::<HashSet<_>>().len(), results.cells.len());
    let journal = std::fs::read_to_string(out.join("results.jsonl")).unwrap();
    assert_eq!(Results::parse(&journal).unwrap().cells.len(), results.cells.len());
    assert!(results.environment.plan.is_some() && results.environment.cores > 0);

    for cell in &results.cells {
        assert!(cell.verified && cell.error.is_none(), "{cell:?}");
        assert_eq!((cell.encode.n, cell.decode.n, cell.encode.samples.len()), (2, 2, 2));
        assert!(cell.encode.min <= cell.encode.median && cell.encode.median > 0.0);
        assert!(cell.entropy[0] >= cell.entropy[1] && cell.entropy[1] >= cell.entropy[2]);
        // Bytes flow from row to row without a gap.
        assert_eq!(cell.stages[0].bytes_in, cell.bytes);
        assert!(cell.stages.windows(2).all(|rows| rows[0].bytes_out == rows[1].bytes_in), "{cell:?}");
        assert_eq!(cell.stages.last().unwrap().bytes_out, cell.output_bytes);
        let container = cell.stages.iter().find(|s| s.stage == "container").unwrap();
        assert_eq!(container.bytes_out - container.bytes_in, cell.container_bytes);
        let rows = if cell.chain.ends_with("video") { 4 } else { 2 };
        assert_eq!(cell.stages.len(), rows);
        if cell.threads == 1 {
            // Each stage is timed within the whole, so in every single measurement it takes no longer.
            for (i, whole) in cell.encode.samples.iter().enumerate() {
                let stages = cell.stages.iter().filter(|s| s.stage != "container");
                let sum: f64 = stages.map(|s| s.encode.samples[i]).sum();
                assert!(sum <= whole * 1.000_001, "{sum} {whole}");
            }
        }
    }
    // The same bytes, whatever the number of threads.
    for (one, two) in
        results.cells.iter().filter(|c| c.threads == 1).zip(results.cells.iter().filter(|c| c.threads == 2))
    {
        assert_eq!(
            (&one.chain, one.segment_bytes, one.output_bytes),
            (&two.chain, two.segment_bytes, two.output_bytes)
        );
    }

    let mut csv = csv_rows(&std::fs::read_to_string(out.join("results.csv")).unwrap());
    let columns = csv.remove(0);
    assert!(csv.iter().all(|row| row.len() == columns.len()));
    let rows: usize = results.cells.iter().map(|c| c.stages.len() + 1).sum();
    assert_eq!(csv.len(), rows);
    let page = std::fs::read_to_string(out.join("results.md")).unwrap();
    assert!(page.contains("repair,zstd,video") && page.contains("noise"), "{page}");
}

/// Lines without quotes, which these results do not need.
fn csv_rows(text: &str) -> Vec<Vec<String>> {
    text.lines()
        .map(|line| line.split(',').map(ToString::to_string).collect())
        .filter(|row: &Vec<String>| row.len() > 1)
        .map(join_chain)
        .collect()
}

/// A chain of several stages is quoted, and its commas are none of the table's.
fn join_chain(row: Vec<String>) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    let mut open = false;
    for field in row {
        if open {
            let last = joined.last_mut().unwrap();
            *last = format!("{last},{field}");
        } else {
            joined.push(field.clone());
        }
        open ^= field.matches('"').count() % 2 == 1;
    }
    joined
}

#[test]
fn sizes_are_those_of_encode() {
    let (dir, inputs, out) = inputs();
    let chains = ["zstd:19", "repair", "store,video", "repair,zstd,video"];
    let mut command = bench(&[arg(&inputs.join("text")), "-o", arg(&out), "--segment", "20K"]);
    for chain in chains {
        command.args(["--chain", chain]);
    }
    assert!(command.output().unwrap().status.success());
    for (cell, chain) in results(&out).cells.iter().zip(chains) {
        let medium = dir.path().join("medium");
        ok([
            "encode",
            "-qf",
            "--no-bypass",
            "--segment",
            "20K",
            "--chain",
            chain,
            arg(&inputs.join("text")),
            "-o",
            arg(&medium),
        ]);
        assert_eq!(cell.output_bytes, std::fs::metadata(&medium).unwrap().len(), "{chain}");
    }
}

#[test]
fn json_goes_to_standard_output() {
    let (_dir, inputs, out) = inputs();
    let output = bench(&[arg(&inputs), "-o", arg(&out), "--chain", "zstd", "--json"]).output().unwrap();
    let printed = Results::parse(&String::from_utf8(output.stdout).unwrap()).unwrap();
    assert_eq!(printed, results(&out));
    assert!(output.stderr.is_empty());
}

#[test]
fn baselines_are_always_there_and_chains_come_once() {
    let (_dir, inputs, out) = inputs();
    let noise = inputs.join("noise");
    let args = ["bench", "-q", "--iterations", "1", "--no-memory", arg(&noise), "-o", arg(&out)];
    ok(args.iter().chain(&["--chain", "store", "--chain", "zstd:19"]));
    let results = results(&out);
    let chains: Vec<&str> = results.cells.iter().map(|c| c.chain.as_str()).collect();
    for chain in ["store", "zstd", "zstd:level=19"] {
        assert_eq!(chains.iter().filter(|c| **c == chain).count(), 1, "{chains:?}");
    }
}

#[test]
fn a_failed_cell_stays_and_is_counted() {
    let (_dir, inputs, out) = inputs();
    let args =
        [arg(&inputs), "-o", arg(&out), "--chain", "store", "--chain", "repair", "--memory-limit", "64K"];
    let output = bench(&args).output().unwrap();
    let line = error_line(&output, 3);
    assert!(line.contains("2 of 4 cells FAILED"), "{line}");
    let results = results(&out);
    let failed: Vec<&Cell> = results.cells.iter().filter(|c| !c.verified).collect();
    assert_eq!((results.cells.len(), failed.len()), (4, 2));
    for cell in failed {
        let error = cell.error.as_deref().unwrap();
        assert!(cell.chain == "repair" && error.contains("the limit is") && !error.contains('\n'), "{error}");
    }
    for name in ["results.md", "results.csv"] {
        assert!(std::fs::read_to_string(out.join(name)).unwrap().contains("the limit is"), "{name}");
    }
    assert!(std::fs::read_to_string(out.join("results.md")).unwrap().contains("FAIL"));
}

#[test]
fn memory_is_that_of_the_codec() {
    let (_dir, inputs, out) = inputs();
    let noise = inputs.join("noise");
    let args = ["bench", "-q", "--iterations", "1", "--no-baselines", arg(&noise), "-o", arg(&out)];
    ok(args.iter().chain(&["--chain", "store", "--chain", "zstd:19:window_log=27"]));
    let results = results(&out);
    let memory =
        |i: usize| (results.cells[i].encode_memory.unwrap(), results.cells[i].decode_memory.unwrap());
    // Two runs of the same process differ by some pages.
    assert!(memory(0).0 < 2 << 20 && memory(0).1 < 2 << 20, "{:?}", memory(0));
    assert!(memory(1).0 > memory(0).0, "{:?}", memory(1));
    assert!(results.cells.iter().all(|c| c.notes.iter().all(|n| !n.contains("memory"))), "{results:?}");
}

#[test]
#[cfg(unix)]
fn killed_at_any_cell_and_resumed_gives_the_same_cells_once() {
    let (dir, inputs, _) = inputs();
    let args = |out: &Path| {
        let mut command = bench(&[arg(&inputs), "-o", arg(out), "--segment", "4K/8K/16K/whole"]);
        command
            .args(["--chain", "zstd:1/2/3", "--chain", "repair"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    };
    let whole = dir.path().join("whole");
    assert!(args(&whole).status().unwrap().success());
    let expected: Vec<_> = results(&whole).cells.iter().map(key).collect();
    assert_eq!(expected.len(), 2 * 4 * 4);

    let out = dir.path().join("killed");
    let mut child = args(&out).spawn().unwrap();
    let journal = out.join("results.jsonl");
    // Some cells, but not all, unless the machine is quicker than this loop, which does no harm.
    while std::fs::read_to_string(&journal).map_or(0, |text| text.lines().count()) < 6 {
        assert!(child.try_wait().unwrap().is_none_or(|status| status.success()));
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let kept = std::fs::read_to_string(&journal).unwrap();
    assert!(kept.lines().count() >= 6);
    assert!(args(&out).arg("--resume").status().unwrap().success());
    let resumed = std::fs::read_to_string(&journal).unwrap();
    let whole_lines = &kept[..kept.rfind('\n').unwrap() + 1];
    assert!(resumed.starts_with(whole_lines), "finished cells were measured again");
    assert_eq!(results(&out).cells.iter().map(key).collect::<Vec<_>>(), expected);
}

#[test]
#[cfg(unix)]
fn interrupted_it_says_how_to_go_on() {
    let (_dir, inputs, out) = inputs();
    // More measurements than anyone waits for: only the interruption ends this.
    let mut command = lab();
    command.args(["bench", "--iterations", "1000000", "--no-memory", "--no-baselines", "--chain", "zstd"]);
    command.args([arg(&inputs), "-o", arg(&out)]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    while !out.join("results.jsonl").exists() {
        std::thread::yield_now();
    }
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let output = child.wait_with_output().unwrap();
    let line = error_line(&output, 6);
    assert!(line.contains("interrupted after 0 of 2 cells") && line.contains("--resume"), "{line}");
    assert_eq!(results(&out).cells.len(), 0);
}

#[test]
fn results_that_exist_are_kept_and_other_plans_refused() {
    let (_dir, inputs, out) = inputs();
    let first =
        ["bench", "-q", "--iterations", "1", "--no-memory", arg(&inputs), "-o", arg(&out), "--chain", "zstd"];
    let with = |more: &[&str]| run(first.iter().chain(more));
    error_line(&run([&["bench", "-q", "--resume", "-o", arg(&out)], &first[5..6]].concat()), 2);
    assert!(with(&[]).status.success());
    let line = error_line(&with(&[]), 2);
    assert!(line.contains("--resume") && line.contains("--force"), "{line}");
    let line = error_line(&with(&["--resume", "--chain", "zstd:7"]), 2);
    assert!(line.contains("other samples, chains or options"), "{line}");
    assert!(with(&["--resume"]).status.success());
    assert!(with(&["--force", "--chain", "zstd:7"]).status.success());
}

#[test]
fn an_experiment_says_what_came_out() {
    let (dir, _, out) = inputs();
    let folder = dir.path().join("question");
    std::fs::create_dir(&folder).unwrap();
    let description = r#"
        title = "A question"
        question = "Is it <so>?"
        expectation = "It is."
        samples = ["builtin/random", "builtin/zeros", "silesia/sao", "nowhere"]
        chains = ["zstd:1/3", "no-such-codec:3"]
        baselines = false
        memory = false
        claims = "claims.toml"
    "#;
    file(&folder, "experiment.toml", description.as_bytes());
    let claims = r#"
        [[claim]]
        source = "doc"
        section = "1"
        says = "noise does not shrink"
        chain = "zstd"
        samples = ["builtin/random"]
        figure = "ratio"
        low = 0.9
        high = 1.0
        [[claim]]
        source = "doc"
        section = "2"
        says = "zeros vanish less"
        chain = "store,video"
        samples = ["builtin/zeros"]
        figure = "expansion"
        high = 0.5
    "#;
    file(&folder, "claims.toml", claims.as_bytes());
    let args = ["bench", "--suite", arg(&folder), "--iterations", "1", "-o", arg(&out)];
    let output = lab().env_remove("LAB_CORPORA").args(args).output().unwrap();
    let (stdout, stderr) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{stderr}");
    assert!(
        stderr.contains("silesia/sao has not been fetched; fetch with: lab corpus fetch silesia\n"),
        "{stderr}"
    );
    assert!(stderr.contains("nowhere has not been fetched\n"), "{stderr}");
    let page = std::fs::read_to_string(out.join("README.md")).unwrap();
    assert_eq!(stdout.lines().last(), Some(arg(&out.join("report.html"))));
    for part in ["## Asked", "It is.", "## What came out", "holds", "**more** than stated", "no-such-codec"] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    let cells = results(&out).cells;
    assert_eq!(cells.len(), 2 * 3);
    let line = error_line(&run(["bench", "--suite", arg(&folder.join("claims.toml"))]), 2);
    assert!(line.contains("claims.toml: line"), "{line}");
}

#[test]
fn a_trial_ends_with_commands_that_work() {
    let (dir, inputs, _) = inputs();
    let path = inputs.join("text");
    let printed = ok(["try", "-q", "--json", "--budget", "0s", arg(&path)]);
    let trial: serde_json::Value = serde_json::from_slice(&printed).unwrap();
    assert_eq!((&trial["bytes"], &trial["measured_bytes"]), (&60_000.into(), &60_000.into()));
    let choices = trial["choices"].as_array().unwrap();
    assert!(
        !choices.is_empty() && choices.iter().all(|c| c["encode_front"] == true || c["decode_front"] == true)
    );
    // The best ratio is on both fronts, by definition.
    assert!(choices[0]["encode_front"] == true && choices[0]["decode_front"] == true, "{trial}");
    let command = choices[0]["command"].as_str().unwrap();
    let mut words = command.split(' ');
    assert_eq!(words.next(), Some("lab"));
    let lab_file = dir.path().join("best.lab");
    ok(words.chain(["-q", "-o", arg(&lab_file)]));
    let size = std::fs::metadata(&lab_file).unwrap().len() as f64;
    let ratio = choices[0]["ratio"].as_f64().unwrap();
    // The stream holds the file's name, which is not the trial's.
    assert!((60_000.0 / size / ratio - 1.0).abs() < 0.01, "{size} {ratio}");

    let text =
        String::from_utf8(ok(["try", "-q", "--chain", "store", "--chain", "zstd:1/19", arg(&path)])).unwrap();
    assert!(text.contains("3 chains tried") && text.contains("lab encode --chain zstd:level=19"), "{text}");
    error_line(&run(["try", "-q", arg(&inputs)]), 2);
    let empty = file(dir.path(), "empty", b"");
    error_line(&run(["try", "-q", arg(&empty)]), 2);
}

#[test]
fn wrong_arguments() {
    let (_dir, inputs, out) = inputs();
    for args in [
        &["--chain", "zstd:1..99"][..],
        &["--chain", "zsdt"],
        &["--budget", "soon"],
        &["--threads", "0"],
        &["--segment", "5G"],
        &["--pin", "99999"],
        &["--iterations", "0"],
    ] {
        let output = bench(&[arg(&inputs), "-o", arg(&out)]).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
    }
    assert!(!out.exists());
}
