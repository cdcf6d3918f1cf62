//! Runs git so that neither the environment nor the repository's configuration makes it run another program.
//!
//! The repository is untrusted. Of all configuration, only its own is read, and [`CONFIG`] overrides it.
//! Hooks are disabled. Only an explicit fetch reaches another repository.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use lab_codec::{Context, ErrorKind};
use lab_process::{Child, Job, Limits, Pipes, run, stall, succeeds};

use crate::error::{Code, Error, Result};

/// Maximum size of an answer of git, in bytes.
const MAX_ANSWER: usize = 1 << 30;

/// Overrides of all settings that could name a program to run. git refuses repositories of other owners
/// because of those settings, so with the overrides they can be read.
const CONFIG: [&str; 22] = [
    "safe.directory=*",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "core.pager=cat",
    "core.editor=false",
    "sequence.editor=false",
    "core.askPass=",
    "core.sshCommand=ssh -oBatchMode=yes",
    "ssh.variant=ssh",
    "core.gitProxy=false",
    "core.alternateRefsCommand=false",
    "credential.helper=",
    "credential.interactive=false",
    "diff.external=",
    "log.showSignature=false",
    "gpg.program=false",
    "gpg.ssh.program=false",
    "gpg.x509.program=false",
    "gpg.ssh.defaultKeyCommand=false",
    "gc.auto=0",
    "maintenance.auto=false",
];

/// Settings of a remote that name a program.
const PROGRAMS: [&str; 3] = [".uploadpack", ".receivepack", ".vcs"];

/// Environment of git, set after all `GIT_*` variables are removed.
const ENVIRONMENT: [(&str, &str); 6] = [
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("LC_ALL", "C"),
];

/// Handling of objects that a partial clone lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missing {
    /// An error; no other repository is contacted.
    #[default]
    Refuse,
    /// Fetch them from the clone's remote by https, ssh, or from this machine.
    Fetch,
}

/// Runs git on one repository.
#[derive(Debug, Clone)]
pub(super) struct Git {
    directory: PathBuf,
    missing: Missing,
}

impl Git {
    /// git in `directory`, without access to other repositories.
    pub(super) fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), missing: Missing::Refuse }
    }

    /// The same, with or without fetching.
    ///
    /// # Errors
    /// [`Code::Git`]; [`Unsupported`](ErrorKind::Unsupported) for a fetch from a remote whose configuration
    /// names a program. git takes the first `uploadpack` that it reads, so that the command line cannot
    /// override it.
    pub(super) fn with(mut self, missing: Missing, cx: &Context) -> Result<Self> {
        if missing == Missing::Fetch {
            let keys = self.ask(["config", "--includes", "--null", "--name-only", "--list"], cx)?;
            let keys = String::from_utf8_lossy(&keys);
            let names_program =
                |key: &&str| key.starts_with("remote.") && PROGRAMS.iter().any(|end| key.ends_with(end));
            if let Some(key) = keys.split('\0').find(names_program) {
                let text = format!("nothing is fetched: the repository sets {key}, which names a program");
                return Err(Error::new(Code::Git, ErrorKind::Unsupported, text));
            }
        }
        self.missing = missing;
        Ok(self)
    }

    /// Whether the repository is a partial clone.
    pub(super) fn is_partial(&self, cx: &Context) -> Result<bool> {
        let pattern = r"^(remote\..*\.promisor|extensions\.partialclone)$";
        self.says(["config", "--includes", "--get-regexp", pattern], cx)
    }

    /// Whether history was cut off when the repository was cloned.
    pub(super) fn is_shallow(&self, cx: &Context) -> Result<bool> {
        Ok(self.ask(["rev-parse", "--is-shallow-repository"], cx)?.starts_with(b"true"))
    }

    /// The command that runs git with these arguments.
    fn command<I: IntoIterator<Item: AsRef<OsStr>>>(&self, words: I) -> Result<Command> {
        let mut command = lab_process::command(["git"]).map_err(failure)?;
        let is_git = |name: &OsStr| name.as_encoded_bytes().starts_with(b"GIT_");
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_git(name)) {
            command.env_remove(name);
        }
        for name in ["SSH_ASKPASS", "PAGER", "EDITOR", "VISUAL"] {
            command.env_remove(name);
        }
        command.envs(ENVIRONMENT);
        // Unlike protocol.allow, it overrides the repository's setting for a single protocol.
        match self.missing {
            Missing::Refuse => command.envs([("GIT_NO_LAZY_FETCH", "1"), ("GIT_ALLOW_PROTOCOL", "none")]),
            Missing::Fetch => command.env("GIT_ALLOW_PROTOCOL", "file:https:ssh"),
        };
        command.arg("--no-pager").arg("-C").arg(&self.directory);
        for value in CONFIG {
            command.arg("-c").arg(value);
        }
        command.args(words);
        Ok(command)
    }

    /// Runs git with these arguments and returns its standard output.
    pub(super) fn ask<I: IntoIterator<Item: AsRef<OsStr>>>(&self, words: I, cx: &Context) -> Result<Vec<u8>> {
        let mut answer = Vec::new();
        run(&mut self.command(words)?, &Job::new(MAX_ANSWER), &mut answer, cx).map_err(failure)?;
        Ok(answer)
    }

    /// Runs git with these arguments and returns whether its exit status says yes.
    pub(super) fn says<I: IntoIterator<Item: AsRef<OsStr>>>(&self, words: I, cx: &Context) -> Result<bool> {
        succeeds(&mut self.command(words)?, &Job::new(MAX_ANSWER), cx).map_err(failure)
    }

    /// Starts a long-lived git process.
    pub(super) fn start<I: IntoIterator<Item: AsRef<OsStr>>>(&self, words: I, pipes: Pipes) -> Result<Child> {
        let limits = Limits { stall: Some(stall()), ..Limits::default() };
        Child::start(&mut self.command(words)?, pipes, limits).map_err(failure)
    }
}

/// An error of git; if git is missing, with the command that installs it.
pub(super) fn failure(error: lab_codec::Error) -> Error {
    match error.kind() {
        ErrorKind::MissingTool => Error::new(
            Code::Git,
            ErrorKind::MissingTool,
            "git is not installed (`apt-get install git` or `brew install git` does it)",
        ),
        ErrorKind::Tool => Error::new(Code::Git, ErrorKind::Tool, error.to_string()),
        _ => error.into(),
    }
}
