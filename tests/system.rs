//! What depends on the system: directories without permission, disks that fill up.
#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{arg, error_line, file, names, random, tool};

fn is_root() -> bool {
    String::from_utf8(tool("id", &["-u"]).stdout).unwrap().trim() == "0"
}

/// A copy of the binary that every user can start.
fn shared_binary(dir: &Path) -> PathBuf {
    let path = dir.join("lab");
    std::fs::copy(env!("CARGO_BIN_EXE_lab"), &path).unwrap();
    for path in [dir, &path] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    path
}

/// Runs the binary without root's rights to write anywhere.
fn unprivileged(binary: &Path, args: &[&str]) -> Output {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(binary);
        command
    } else {
        Command::new(binary)
    };
    command.args(args).output().expect("setpriv of util-linux")
}

#[test]
fn a_directory_without_permission() {
    let dir = tempfile::tempdir().unwrap();
    let binary = shared_binary(dir.path());
    let input = file(dir.path(), "in", b"content");
    let closed = dir.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o555)).unwrap();
    let out = closed.join("out");
    for chain in ["zstd", "store,video"] {
        let output = unprivileged(&binary, &["encode", "--chain", chain, arg(&input), "-o", arg(&out)]);
        let line = error_line(&output, 1);
        assert!(line.contains("closed/out") && line.contains("Permission denied"), "{line}");
    }
    let secret = file(dir.path(), "secret", b"content");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o000)).unwrap();
    let line = error_line(&unprivileged(&binary, &["decode", arg(&secret), "-o", "-"]), 1);
    assert!(line.contains("secret") && line.contains("Permission denied"), "{line}");
    assert_eq!(names(&closed), [""; 0]);
}

#[test]
fn a_full_disk_keeps_the_old_file() {
    let dir = tempfile::tempdir().unwrap();
    let binary = shared_binary(dir.path());
    let input = file(dir.path(), "in", &random(4_000_000, 1));
    let disk = dir.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    // A mount namespace of our own: the small disk is nobody else's, and gone with the shell.
    let script = r#"
        set -e
        mount -t tmpfs -o size=2m tmpfs "$3"
        printf old > "$3/out"
        for chain in store store,video; do
            "$1" encode --chain $chain --force "$2" -o "$3/out" && exit 99 || echo "exit $?"
            [ "$(cat "$3/out")" = old ] && [ "$(ls -A "$3")" = out ]
        done
    "#;
    let mut args = vec!["--mount"];
    if !is_root() {
        args.extend(["--user", "--map-root-user"]);
    }
    args.extend(["sh", "-c", script, "sh", arg(&binary), arg(&input), arg(&disk)]);
    let output = tool("unshare", &args);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    assert_eq!(stdout, "exit 1\nexit 1\n", "{stderr}");
    assert_eq!(stderr.lines().count(), 2, "{stderr}");
    assert!(
        stderr.lines().all(|l| l.contains("No space left on device") && l.contains("disk/out")),
        "{stderr}"
    );
}

/// The free space is asked for first; where others fill the disk meanwhile, writing fails. Either way the
/// old table stays.
#[test]
fn a_full_disk_keeps_the_old_seed_table() {
    let dir = tempfile::tempdir().unwrap();
    let binary = shared_binary(dir.path());
    let disk = dir.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let script = r#"
        set -e
        mount -t tmpfs -o size=2m tmpfs "$2"
        printf old > "$2/table"
        "$1" telomere table build -f --max-seed-len 3 -o "$2/table" && exit 99 || echo "exit $?"
        [ "$(cat "$2/table")" = old ] && [ "$(ls -A "$2")" = table ]
        "$1" telomere table build -f -q --max-seed-len 2 -o "$2/table"
        "$1" telomere table info "$2/table" | head -n 1
        ( ulimit -f 100; trap "" XFSZ
          "$1" telomere table build -f --max-seed-len 2 -o "$2/table" && exit 99 || echo "exit $?" )
        "$1" telomere table info "$2/table" | head -n 1
    "#;
    let mut args = vec!["--mount"];
    if !is_root() {
        args.extend(["--user", "--map-root-user"]);
    }
    args.extend(["sh", "-c", script, "sh", arg(&binary), arg(&disk)]);
    let output = tool("unshare", &args);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    let lines: Vec<&str> = stdout.lines().collect();
    assert!(
        matches!(lines[..], ["exit 5", a, "exit 1", b] if a == b && a.ends_with("intact")),
        "{stdout}{stderr}"
    );
    assert!(stderr.contains("do not fit on the disk") && stderr.contains("disk/table"), "{stderr}");
}
