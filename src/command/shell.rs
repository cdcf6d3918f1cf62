//! `lab completions` and `lab man`: completion scripts and manual pages.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap_complete::Shell;
use lab_codec::{Error, Result};

use super::options;

/// Print a completion script for a shell
#[derive(clap::Args)]
#[command(after_help = "Example:\n  lab completions bash > ~/.local/share/bash-completion/completions/lab")]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Print the manual page, or write one page per command
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  lab man | man -l -\n  lab man -o ~/.local/share/man/man1")]
pub(super) struct ManArgs {
    /// Write one page per command into this directory
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    #[command(flatten)]
    write: options::Write,
}

/// The command tree without hidden commands, which completions would offer otherwise.
fn visible(command: &clap::Command) -> clap::Command {
    let shown = command.get_subcommands().filter(|c| !c.is_hide_set()).cloned();
    let about = command.get_about().cloned().unwrap_or_default();
    clap::Command::new("lab")
        .about(about)
        .version(env!("CARGO_PKG_VERSION"))
        .args(command.get_arguments().cloned())
        .subcommands(shown)
}

pub(super) fn completions(args: &CompletionsArgs, command: &clap::Command) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut visible(command), "lab", &mut script);
    super::print(&String::from_utf8_lossy(&script))
}

pub(super) fn man(args: &ManArgs, command: clap::Command) -> Result<()> {
    match &args.output {
        Some(dir) => {
            let in_dir = |e: io::Error| Error::from(e).at(dir.display().to_string());
            fs::create_dir_all(dir).map_err(in_dir)?;
            if dir.join("lab.1").exists() && !args.write.force {
                return Err(Error::usage(format!(
                    "{} exists; use --force to replace it",
                    dir.join("lab.1").display()
                )));
            }
            clap_mangen::generate_to(command, dir).map_err(in_dir)
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page)?;
            super::print(&String::from_utf8_lossy(&page))
        }
    }
}
