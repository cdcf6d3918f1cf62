//! `exec`: commands of the user's configuration file as codecs, well-behaved and not.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use common::{arg, error_line, file, gone, lab, names, running, text};
use lab_bench::results::Results;

/// Sleeps that nobody else sleeps: what is left of them can be found among all processes.
const HANG: &str = "86399.125";
const GRANDCHILD: &str = "86398.125";

fn config(dir: &Path) -> PathBuf {
    let text = format!(
        r#"
        [exec.gzip9]
        encode = ["gzip", "-n9"]
        decode = ["gzip", "-d"]

        [exec.copy]
        encode = ["cp", "{{in}}", "{{out}}"]
        decode = ["cp", "{{in}}", "{{out}}"]

        [exec.hang]
        encode = ["sleep", "{HANG}"]
        decode = ["cat"]
        timeout_seconds = 1

        [exec.nest]
        encode = ["sh", "-c", "sleep {GRANDCHILD} & wait"]
        decode = ["cat"]
        timeout_seconds = 1

        [exec.leave]
        encode = ["sh", "-c", "cat; sleep {GRANDCHILD} &"]
        decode = ["cat"]

        [exec.flood]
        encode = ["yes"]
        decode = ["yes"]

        [exec.pour]
        encode = ["sh", "-c", "yes > $0", "{{out}}"]
        decode = ["cat"]
        output_limit = 100000

        [exec.fail]
        encode = ["sh", "-c", "echo 'no such luck' >&2; exit 3"]
        decode = ["cat"]

        [exec.die]
        encode = ["sh", "-c", "kill -9 $$"]
        decode = ["cat"]

        [exec.deaf]
        encode = ["true"]
        decode = ["true"]

        [exec.absent]
        encode = ["no-such-program-anywhere"]
        decode = ["cat"]
        "#
    );
    file(dir, "config.toml", text.as_bytes())
}

/// A directory with a configuration and an input.
struct Place {
    dir: tempfile::TempDir,
    config: PathBuf,
    input: PathBuf,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path());
        let input = file(dir.path(), "input", &text(200_000));
        Self { dir, config, input }
    }

    fn lab(&self, args: &[&str]) -> Output {
        lab().env("LAB_CONFIG", &self.config).args(args).output().unwrap()
    }

    fn encode(&self, chain: &str, out: &Path) -> Output {
        self.lab(&["encode", "-q", "--chain", chain, "--no-bypass", arg(&self.input), "-o", arg(out)])
    }

    fn fails(&self, chain: &str, code: i32) -> String {
        let out = self.dir.path().join("failed.lab");
        let line = error_line(&self.encode(chain, &out), code);
        assert!(!out.exists());
        line
    }
}

#[test]
fn commands_work_as_codecs_and_a_stream_holds_their_name_only() {
    let place = Place::new();
    let content = std::fs::read(&place.input).unwrap();
    for chain in ["exec:gzip9", "exec:copy", "delta,exec:gzip9,exec:copy", "exec:leave"] {
        let stream = place.dir.path().join(format!("{}.lab", chain.replace([':', ','], "-")));
        let output = place.encode(chain, &stream);
        assert!(output.status.success(), "{chain}: {}", String::from_utf8_lossy(&output.stderr));
        let decoded = place.lab(&["decode", "-q", arg(&stream), "-o", "-"]);
        assert_eq!(decoded.status.code(), Some(0), "{}", String::from_utf8_lossy(&decoded.stderr));
        assert!(decoded.stdout == content, "{chain}");
    }
    assert!(gone(GRANDCHILD), "what a command leaves behind is ended with it");

    let bytes = std::fs::read(place.dir.path().join("exec-gzip9.lab")).unwrap();
    let holds = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    assert!(holds(b"exec:name=gzip9") && !holds(b"-n9"));
    // The command's own output, as it is.
    let gzip = Command::new("gzip").args(["-n9c", arg(&place.input)]).output().unwrap();
    assert!(holds(&gzip.stdout));

    let stream = place.dir.path().join("exec-gzip9.lab");
    let elsewhere =
        file(place.dir.path(), "other.toml", b"[exec.gzip]\nencode=['gzip']\ndecode=['gzip','-d']");
    let output =
        lab().env("LAB_CONFIG", &elsewhere).args(["decode", arg(&stream), "-o", "-"]).output().unwrap();
    let line = error_line(&output, 4);
    assert!(
        line.contains("[exec.gzip9]") && line.contains("other.toml") && line.contains("\"gzip\""),
        "{line}"
    );
    let output = lab().env("LAB_CONFIG", "/nowhere.toml").args(["decode", arg(&stream), "-o", "-"]).output();
    assert!(error_line(&output.unwrap(), 4).contains("/nowhere.toml"));
}

#[test]
fn commands_that_misbehave_are_ended_and_named() {
    let place = Place::new();
    let line = place.fails("exec:hang", 1);
    assert!(line.contains("\"sleep\": ran past its 1 s and was ended"), "{line}");
    assert!(gone(HANG));
    let line = place.fails("exec:nest", 1);
    assert!(line.contains("ran past its 1 s"), "{line}");
    assert!(gone(GRANDCHILD), "a descendant outlives its parent");

    let line = place.fails("exec:flood", 5);
    assert!(line.contains("\"yes\": wrote more than the 1448576 bytes allowed"), "{line}");
    let line = place.fails("exec:pour", 5);
    assert!(line.contains("100000"), "{line}");
    let line = place.fails("exec:fail", 1);
    assert!(line.contains("stage 1 (exec): \"sh\" ended with status 3; it said: no such luck"), "{line}");
    let line = place.fails("exec:die", 1);
    assert!(line.contains("signal 9"), "{line}");
    let line = place.fails("exec:absent", 4);
    assert!(line.contains("no-such-program-anywhere"), "{line}");
    let line = place.fails("exec", 4);
    assert!(line.contains("exec:NAME"), "{line}");
    let line = place.fails("exec:a b", 2);
    assert!(line.contains("not a command name"), "{line}");
    let left = names(place.dir.path());
    assert_eq!(left, ["config.toml", "input"]);
}

#[test]
fn a_decoder_that_gives_more_or_less_is_corrupt() {
    let place = Place::new();
    let stream = place.dir.path().join("x.lab");
    for (encoder, decoder, code) in [("cat", "yes", 3), ("cat", "true", 3), ("cat", "false", 1)] {
        let toml = format!("[exec.x]\nencode = [\"{encoder}\"]\ndecode = [\"{decoder}\"]\n");
        std::fs::write(&place.config, toml).unwrap();
        assert!(place.encode("exec:x", &stream).status.success());
        let output = place.lab(&["decode", arg(&stream), "-o", "-"]);
        assert!(error_line(&output, code).contains("segment 0: stage 1 (exec)"));
        std::fs::remove_file(&stream).unwrap();
    }
}

#[test]
fn a_bench_keeps_the_cells_of_commands_that_fail() {
    let place = Place::new();
    let out = place.dir.path().join("out");
    let mut args = vec!["bench", "-q", "--iterations", "1", "--no-memory", "--no-baselines"];
    for chain in ["exec:gzip9", "exec:deaf", "exec:hang", "exec:flood", "exec:die"] {
        args.extend(["--chain", chain]);
    }
    args.extend([arg(&place.input), "-o", arg(&out)]);
    let output = place.lab(&args);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let results = Results::parse(&std::fs::read_to_string(out.join("results.json")).unwrap()).unwrap();
    let of = |chain: &str| results.cells.iter().find(|c| c.chain == format!("exec:name={chain}")).unwrap();
    assert!(of("gzip9").verified && of("gzip9").error.is_none());
    for (chain, what) in
        [("deaf", "wrote 0 bytes"), ("hang", "1 s"), ("flood", "more than"), ("die", "signal 9")]
    {
        let cell = of(chain);
        let error = cell.error.as_deref().unwrap_or_default();
        assert!(!cell.verified && error.contains(what), "{cell:?}");
    }
    assert!(gone(HANG));
}

#[test]
fn an_interrupt_ends_the_command_too() {
    let place = Place::new();
    let word = "86397.125";
    std::fs::write(&place.config, format!("[exec.x]\nencode=['sleep','{word}']\ndecode=['cat']\n")).unwrap();
    let out = place.dir.path().join("x.lab");
    let mut child = lab()
        .env("LAB_CONFIG", &place.config)
        .args(["encode", "-q", "--chain", "exec:x", arg(&place.input), "-o", arg(&out)])
        .spawn()
        .unwrap();
    while !running(word) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before the command ran");
        std::thread::sleep(Duration::from_millis(5));
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(gone(word));
    assert_eq!(names(place.dir.path()), ["config.toml", "input"]);
}

/// The suite builds codecs in its own process, whose environment must name the configuration: hence a
/// process of its own, which runs the test below.
#[test]
fn exec_conforms() {
    let place = Place::new();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "conformance_with_a_configuration", "--ignored", "--nocapture"])
        .env("LAB_CONFIG", &place.config)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by exec_conforms, with a configuration in its environment"]
fn conformance_with_a_configuration() {
    for name in ["gzip9", "copy"] {
        let options = lab_conformance::Options {
            only: vec!["exec".into()],
            samples: 16,
            texts: vec![("exec".into(), "name".into(), name.into())],
            ..Default::default()
        };
        let report = lab_conformance::check(&lab::registry::builtin(), &options);
        println!("{report}");
        assert!(report.is_ok(), "{report}");
        let entry = &report.entries[0];
        assert!(entry.skipped.is_empty() && entry.cases > 100, "{report}");
    }
}
