//! Helpers of the end-to-end tests: running the built binary, and inputs.
#![allow(dead_code, missing_docs, clippy::panic, clippy::unwrap_used)]

pub(crate) mod server;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The built binary.
pub(crate) fn lab() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.env_remove("LAB_RESOURCES");
    command
}

/// Runs the binary with arguments.
pub(crate) fn run<I: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = I>) -> Output {
    lab().args(args).output().expect("the binary starts")
}

/// Runs the binary, which must succeed, and returns its standard output.
#[track_caller]
pub(crate) fn ok<I: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = I>) -> Vec<u8> {
    let output = run(args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Runs the binary with bytes on its standard input.
#[track_caller]
pub(crate) fn piped(args: &[&str], input: &[u8]) -> Output {
    use std::io::Write;
    let mut child = lab()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    std::thread::scope(|scope| {
        // The child may exit before it has read all input.
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().expect("the binary ends")
    })
}

/// The one line that an error prints, without `lab: `; checks the exit code.
#[track_caller]
pub(crate) fn error_line(output: &Output, code: i32) -> String {
    let text = String::from_utf8(output.stderr.clone()).expect("UTF-8");
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert_eq!(text.lines().count(), 1, "more or less than one line: {text:?}");
    text.trim_end().strip_prefix("lab: ").unwrap_or_else(|| panic!("{text:?}")).to_string()
}

/// Incompressible bytes from a seed.
pub(crate) fn random(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    let mut bytes: Vec<u8> = (0..len.div_ceil(8)).flat_map(|_| next().to_le_bytes()).collect();
    bytes.truncate(len);
    bytes
}

/// Text that compresses: numbered lines of few words.
pub(crate) fn text(len: usize) -> Vec<u8> {
    let words = ["segment", "carrier", "chain", "codec", "pair", "rule", "frame", "seed"];
    let mut bytes = Vec::new();
    let choices = random(len / 16 + 16, 7);
    let mut i = 0;
    while bytes.len() < len {
        let word = |k: u8| words[usize::from(k) % words.len()];
        let pick = |n: usize| choices[(i * 3 + n) % choices.len()];
        bytes.extend_from_slice(
            format!("{i}: {} {} {}\n", word(pick(0)), word(pick(1)), word(pick(2))).as_bytes(),
        );
        i += 1;
    }
    bytes.truncate(len);
    bytes
}

/// A file in a directory.
pub(crate) fn file(dir: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, content).expect("a file in a temporary directory");
    path
}

/// As text, for arguments.
pub(crate) fn arg(path: &Path) -> &str {
    path.to_str().expect("a UTF-8 path")
}

/// The names in a directory, sorted, hidden ones included.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(dir)
        .expect("a directory")
        .map(|e| e.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

/// Runs a required tool; if it is missing, the panic names the command that installs it.
#[track_caller]
pub(crate) fn tool(name: &str, args: &[&str]) -> Output {
    match Command::new(name).args(args).stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(e) => panic!("{name} is needed ({e}); install it with: apt-get install {name}"),
    }
}

/// Whether any process has `word` among its arguments.
pub(crate) fn running(word: &str) -> bool {
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .any(|line| line.split(|byte| *byte == 0).any(|argument| argument == word.as_bytes()))
}

/// Ended processes leave the list soon, but not immediately: wait for that.
pub(crate) fn gone(word: &str) -> bool {
    let start = Instant::now();
    while running(word) {
        if start.elapsed() > Duration::from_secs(20) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}
