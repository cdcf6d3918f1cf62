//! Children that hang, die, print garbage or leave others behind: one line within the stall limit, and
//! nobody stays. Misbehaving ffmpeg is in `video.rs`, commands of the configuration in `exec.rs`; here are
//! git, signals and PATH.
#![allow(clippy::unwrap_used)]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use common::{arg, error_line, file, gone, lab, ok, random, running};

/// Far more than the stall limit of one second, for slow machines.
const LATE: Duration = Duration::from_secs(30);

fn program(dir: &Path, name: &str, script: &str) -> PathBuf {
    std::fs::create_dir_all(dir).unwrap();
    let path = file(dir, name, format!("#!/bin/sh\n{script}\n").as_bytes());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// A PATH that begins with `dir`.
fn path(dir: &Path) -> String {
    format!("{}:{}", arg(dir), std::env::var("PATH").unwrap())
}

/// The error line without the word that the format's description promises.
#[track_caller]
fn refusal(mut output: Output, code: i32) -> String {
    output.stderr.splice(0..0, *b"lab: ");
    error_line(&output, code)
}

/// Raw frames and the arguments that import them.
fn import(dir: &Path) -> Vec<String> {
    let input = file(dir, "in.rgb", &random(16 * 16 * 3 * 4, 1));
    let repository = dir.join("out.git");
    let words = ["gvcf", "import", "-q", "--raw", "16x16", arg(&input), "--repo", arg(&repository)];
    words.map(String::from).to_vec()
}

/// A git that misbehaves where its arguments hold `at`, and is the real one otherwise.
fn git(dir: &Path, at: &str, script: &str) -> String {
    let real = lab_process::find("git").unwrap();
    program(
        dir,
        "git",
        &format!("case \"$*\" in *\"{at}\"*) {script};; *) exec {} \"$@\";; esac", arg(&real)),
    );
    path(dir)
}

#[test]
fn a_git_that_misbehaves_ends_in_one_line() {
    let word = "86301.125";
    for (at, script, expected) in [
        ("fast-import", format!("echo asleep >&2; sleep {word}"), "asleep"),
        ("fast-import", format!("cat >/dev/null; sleep {word}"), "moved nothing for"),
        ("fast-import", format!("sleep {word} & wait"), "moved nothing for"),
        ("fast-import", "head -c 100 >/dev/null; echo no space >&2; exit 3".to_string(), "no space"),
        ("fast-import", "kill -9 $$".to_string(), "signal 9"),
        ("init", format!("sleep {word}"), "moved nothing for"),
        ("check-ref-format", format!("sleep {word} & sleep {word}"), "moved nothing for"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = git(&dir.path().join("bin"), at, &script);
        let start = Instant::now();
        let output =
            lab().env("PATH", path).env("LAB_STALL_TIMEOUT", "1").args(import(dir.path())).output().unwrap();
        assert!(start.elapsed() < LATE, "{at}: {script}");
        let line = refusal(output, 1);
        assert!(line.contains(expected), "{at}: {script}: {line}");
        assert!(gone(word), "{at}: {script}");
    }
}

#[test]
fn a_git_that_misbehaves_while_frames_are_read() {
    let word = "86302.125";
    let dir = tempfile::tempdir().unwrap();
    ok(import(dir.path()));
    let repository = dir.path().join("out.git");
    for (at, script, code, expected) in [
        ("cat-file", format!("sleep {word}"), 1, "moved nothing for"),
        ("cat-file", "echo rubbish; sleep 86302.125".to_string(), 3, "rubbish"),
        ("cat-file", "read id; echo $id blob 100; echo half".to_string(), 3, "has ended"),
        ("cat-file", "echo alas >&2; exit 1".to_string(), 3, "alas"),
        (" log ", format!("sleep {word} & sleep {word}"), 1, "moved nothing for"),
        (" log ", "echo gibberish".to_string(), 3, "no commit"),
    ] {
        let path = git(&dir.path().join("bin"), at, &script);
        let mut command = lab();
        command.env("PATH", path).env("LAB_STALL_TIMEOUT", "1");
        let output =
            command.args(["gvcf", "export", "-q", "--repo", arg(&repository), "-"]).output().unwrap();
        let line = refusal(output, code);
        assert!(line.contains(expected), "{at}: {script}: {line}");
        assert!(gone(word), "{at}: {script}");
    }
}

#[test]
fn signals_end_children_too() {
    let dir = tempfile::tempdir().unwrap();
    let bin = dir.path().join("bin");
    let config = |word: &str| {
        let text = format!("[exec.x]\nencode=['sh','-c','sleep {word} & wait']\ndecode=['cat']\n");
        file(dir.path(), "config.toml", text.as_bytes())
    };
    let input = file(dir.path(), "in", &random(3000, 2));
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_string()).collect::<Vec<_>>();
    for (number, signal) in ["INT", "TERM", "HUP"].into_iter().enumerate() {
        for kind in ["git", "ffmpeg", "exec"] {
            let word = format!("8630{number}.{}", kind.len());
            let mut command = lab();
            let arguments = match kind {
                "git" => {
                    command.env("PATH", git(&bin, "fast-import", &format!("sleep {word}")));
                    import(dir.path())
                }
                "ffmpeg" => {
                    let script = format!(
                        "case \"$*\" in *-version*) echo 'ffmpeg version 6.0';; *) sleep {word};; esac"
                    );
                    command.env("LAB_FFMPEG", program(&bin, "ffmpeg", &script));
                    program(&bin, "ffprobe", &format!("sleep {word}"));
                    words(&["gvcf", "import", "-q", arg(&input), "--repo", arg(&dir.path().join("out.git"))])
                }
                _ => {
                    command.env("LAB_CONFIG", config(&word));
                    let out = dir.path().join("out.lab");
                    words(&["encode", "-q", "--chain", "exec:x", arg(&input), "-o", arg(&out)])
                }
            };
            command.args(arguments);
            let mut child = command.spawn().unwrap();
            while !running(&word) {
                assert!(child.try_wait().unwrap().is_none(), "{kind} ended before its child ran");
                std::thread::sleep(Duration::from_millis(5));
            }
            let id = child.id().to_string();
            assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
            assert_eq!(child.wait().unwrap().code(), Some(130), "{kind}, {signal}");
            assert!(gone(&word), "{kind}, {signal}");
            let _ = std::fs::remove_dir_all(dir.path().join("out.git"));
        }
    }
}

#[test]
fn relative_entries_of_path_are_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().join("ran");
    for name in ["git", "ffmpeg", "ffprobe", "gzip"] {
        program(dir.path(), name, &format!("echo {name} >> {}; exit 1", arg(&mark)));
    }
    let path = format!(".:{}", std::env::var("PATH").unwrap());
    let output = lab().current_dir(&dir).env("PATH", &path).args(import(dir.path())).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let config = file(dir.path(), "config.toml", b"[exec.x]\nencode=['gzip','-n']\ndecode=['gzip','-d']\n");
    let encode = ["encode", "-q", "--chain", "exec:x", "in.rgb", "-o", "out.lab"];
    let mut command = lab();
    command.current_dir(&dir).env("PATH", &path).env("LAB_CONFIG", config);
    assert!(command.args(encode).status().unwrap().success());
    let mut command = lab();
    command.current_dir(&dir).env("PATH", &path);
    // Whatever it says about the file, it asks the real ffprobe.
    command.args(["video", "probe", "in.rgb"]).output().unwrap();
    assert!(!mark.exists(), "{}", std::fs::read_to_string(&mark).unwrap_or_default());
}

#[test]
fn a_file_that_names_others_is_no_input() {
    let dir = tempfile::tempdir().unwrap();
    let repository = dir.path().join("out.git");
    let inputs = [
        ("list.ffconcat", "ffconcat version 1.0\nfile '/etc/passwd'\n", "a playlist (ffconcat)"),
        ("list.mp4", "ffconcat version 1.0\nfile '/etc/passwd'\n", "a playlist (ffconcat)"),
        ("list.m3u8", "#EXTM3U\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n", "a playlist (HLS)"),
        ("text.txt", "not a picture\n", "cannot read the video"),
        ("words.srt", "1\n00:00:01,000 --> 00:00:02,000\nwords\n\n", "not a video"),
    ];
    for (name, content, expected) in inputs {
        let input = file(dir.path(), name, content.as_bytes());
        let import = ["gvcf", "import", "-q", arg(&input), "--repo", arg(&repository)];
        let line = refusal(lab().args(import).output().unwrap(), 3);
        assert!(line.contains(expected), "{name}: {line}");
        assert!(!repository.exists());
        let back = dir.path().join("back");
        let decode = ["video", "decode", arg(&input), arg(&back)];
        error_line(&lab().args(decode).output().unwrap(), 3);
    }
}
