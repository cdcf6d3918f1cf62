//! Repositories that try to run commands through `lab`: none runs, whatever the configuration, the hooks
//! and the caller's environment say.
#![allow(clippy::unwrap_used)]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use common::{arg, file, lab, ok, random, tool};

/// A script that appends a line to `ran` beside it, whatever it is started as.
fn trap(dir: &Path) -> PathBuf {
    let ran = dir.join("ran");
    let path = file(dir, "trap", format!("#!/bin/sh\necho \"$0 $*\" >> {}\nexit 1\n", arg(&ran)).as_bytes());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[track_caller]
fn git(repository: &Path, args: &[&str]) {
    let output = tool("git", &[&["-C", arg(repository)], args].concat());
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn import(dir: &Path, more: &[&str]) -> Vec<String> {
    let input = file(dir, "in.rgb", &random(16 * 16 * 3 * 4, 1));
    let repository = dir.join("a.git");
    let words = ["gvcf", "import", "-q", "--raw", "16x16", arg(&input), "--repo", arg(&repository)];
    words.iter().chain(more).map(|word| (*word).to_string()).collect()
}

/// A directory with a repository of four frames, and a partial clone of it without any blob.
fn place() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    ok(import(dir.path(), &[]));
    let (repository, clone) = (dir.path().join("a.git"), dir.path().join("b.git"));
    let url = format!("file://{}", arg(&repository));
    git(dir.path(), &["clone", "-q", "--bare", "--filter=blob:none", &url, arg(&clone)]);
    (dir, repository, clone)
}

/// Runs every command that reads or writes a repository; what they say is of no interest.
fn try_all(dir: &Path, repository: &Path, set: &[(&str, &str)]) {
    let (repo, out) = (["--repo", arg(repository)], dir.join("out.rgb"));
    let commands: [&[&str]; 9] = [
        &["gvcf", "log", "--json"],
        &["gvcf", "verify", "-q"],
        &["gvcf", "show-frame", "1", "--force", "-o", arg(&out)],
        &["gvcf", "show-frame", "1", "--fetch", "--force", "-o", arg(&out)],
        &["gvcf", "diff", "0", "1", "--json"],
        &["gvcf", "export", "-q", "--force", arg(&out)],
        &["inspect"],
        &["verify"],
        &["decode", "--force", "-o", arg(&out)],
    ];
    for words in commands {
        let mut command = lab();
        command.envs(set.iter().copied()).args(words);
        match words[0] {
            "gvcf" => command.args(repo),
            _ => command.arg(repository),
        };
        command.output().unwrap();
    }
    let mut command = lab();
    command.envs(set.iter().copied()).args(["gvcf", "import", "-q", "--force", "--raw", "16x16"]);
    command.arg(dir.join("in.rgb")).args(repo).output().unwrap();
}

#[track_caller]
fn nothing_ran(dir: &Path, case: &str) {
    let ran = std::fs::read_to_string(dir.join("ran")).unwrap_or_default();
    assert!(ran.is_empty(), "{case}: {ran}");
}

#[test]
fn the_configuration_of_a_repository_runs_nothing() {
    let cases = [
        "core.fsmonitor",
        "core.hooksPath",
        "core.pager",
        "core.editor",
        "core.sshCommand",
        "core.gitProxy",
        "core.askPass",
        "core.alternateRefsCommand",
        "credential.helper",
        "diff.external",
        "gpg.program",
        "remote.origin.uploadpack",
        "remote.origin.vcs",
        "uploadpack.packObjectsHook",
        "filter.x.smudge",
        "filter.x.clean",
        "filter.x.process",
        "diff.x.textconv",
        "diff.x.command",
        "pager.log",
        "alias.log",
    ];
    let (dir, repository, clone) = place();
    let trap = trap(dir.path());
    let attributes = "* filter=x diff=x\n";
    for case in cases {
        for copy in [&repository, &clone] {
            let config = std::fs::read(copy.join("config")).unwrap();
            std::fs::write(copy.join("info/attributes"), attributes).unwrap();
            let value = match case {
                // A directory of hooks.
                "core.hooksPath" => {
                    let hooks = dir.path().join("hooks");
                    std::fs::create_dir_all(&hooks).unwrap();
                    for hook in ["reference-transaction", "post-index-change", "pre-auto-gc", "post-commit"] {
                        std::fs::copy(&trap, hooks.join(hook)).unwrap();
                    }
                    arg(&hooks).to_string()
                }
                "remote.origin.vcs" => "ext".to_string(),
                "alias.log" | "credential.helper" => format!("!{}", arg(&trap)),
                _ => arg(&trap).to_string(),
            };
            for (key, value) in [(case, value.as_str()), ("log.showSignature", "true"), ("gc.auto", "1")] {
                git(copy, &["config", key, value]);
            }
            if case == "remote.origin.vcs" {
                git(copy, &["config", "remote.origin.url", &format!("{} %S", arg(&trap))]);
                git(copy, &["config", "protocol.ext.allow", "always"]);
            }
            try_all(dir.path(), copy, &[]);
            nothing_ran(dir.path(), case);
            std::fs::write(copy.join("config"), config).unwrap();
        }
    }
}

#[test]
fn an_ssh_remote_and_included_files_run_nothing_of_the_repository() {
    let (dir, _, clone) = place();
    let trap = trap(dir.path());
    let text = format!(
        "[core]\nsshCommand = {0}\nfsmonitor = {0}\n[remote \"origin\"]\nuploadpack = {0}\n[ssh]\nvariant = simple\n",
        arg(&trap)
    );
    let more = file(dir.path(), "more", text.as_bytes());
    git(&clone, &["config", "include.path", arg(&more)]);
    try_all(dir.path(), &clone, &[]);
    nothing_ran(dir.path(), "include.path");
    for url in ["ssh://localhost:1/x", "ext::sh -c 'echo x >> ran'", "git://localhost:1/x"] {
        git(&clone, &["config", "remote.origin.url", url]);
        git(&clone, &["config", "protocol.ext.allow", "always"]);
        git(&clone, &["config", "protocol.git.allow", "always"]);
        try_all(dir.path(), &clone, &[]);
        nothing_ran(dir.path(), url);
    }
}

#[test]
fn hooks_of_a_repository_do_not_run() {
    let (dir, repository, _) = place();
    let trap = trap(dir.path());
    let hooks = repository.join("hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    for hook in
        ["reference-transaction", "post-update", "update", "pre-auto-gc", "pre-commit", "post-checkout"]
    {
        std::fs::copy(&trap, hooks.join(hook)).unwrap();
    }
    try_all(dir.path(), &repository, &[]);
    nothing_ran(dir.path(), "hooks");
}

#[test]
fn the_caller_s_environment_changes_nothing() {
    let (dir, repository, _) = place();
    let trap = trap(dir.path());
    let home = dir.path().join("home");
    std::fs::create_dir_all(&home).unwrap();
    let text = format!(
        "[core]\nfsmonitor = {0}\nhooksPath = {1}\n[log]\nshowSignature = true\n",
        arg(&trap),
        arg(dir.path())
    );
    file(&home, ".gitconfig", text.as_bytes());
    std::fs::copy(&trap, dir.path().join("reference-transaction")).unwrap();
    let wanted = ok(["gvcf", "log", "--json", "--repo", arg(&repository)]);
    let (home, nowhere, trap) = (arg(&home), "/nowhere", arg(&trap));
    let cases: [&[(&str, &str)]; 9] = [
        &[("GIT_DIR", nowhere)],
        &[("GIT_WORK_TREE", nowhere), ("GIT_INDEX_FILE", nowhere)],
        &[("GIT_OBJECT_DIRECTORY", nowhere)],
        &[("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "core.fsmonitor"), ("GIT_CONFIG_VALUE_0", trap)],
        &[("GIT_CONFIG_PARAMETERS", "'core.bare'='garbage'")],
        &[("GIT_EXTERNAL_DIFF", trap), ("GIT_PAGER", trap), ("GIT_SSH", trap), ("GIT_ASKPASS", trap)],
        &[("GIT_EXEC_PATH", nowhere), ("GIT_NAMESPACE", "x"), ("GIT_REPLACE_REF_BASE", "x")],
        &[("HOME", home), ("XDG_CONFIG_HOME", home)],
        &[("HOME", ""), ("GIT_CONFIG_GLOBAL", trap)],
    ];
    for set in cases {
        let log = ["gvcf", "log", "--json", "--repo", arg(&repository)];
        let output = lab().envs(set.iter().copied()).args(log).output().unwrap();
        assert!(output.stdout == wanted, "{set:?}: {}", String::from_utf8_lossy(&output.stderr));
        let again = import(dir.path(), &["--force"]);
        let output = lab().envs(set.iter().copied()).args(again).output().unwrap();
        assert!(output.status.success(), "{set:?}: {}", String::from_utf8_lossy(&output.stderr));
        nothing_ran(dir.path(), &format!("{set:?}"));
    }
}

#[test]
fn a_missing_frame_is_fetched_only_when_asked_for() {
    let (dir, _, clone) = place();
    let out = dir.path().join("f.raw");
    let show = ["gvcf", "show-frame", "1", "--repo", arg(&clone), "-o", arg(&out)];
    let output = lab().args(show).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("--fetch") && said.lines().count() == 1, "{said}");
    ok(show.iter().copied().chain(["--fetch"]));
}
