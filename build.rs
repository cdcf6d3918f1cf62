//! Tells the program what built it: the compiler, and in release builds the commit.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    if let Some(version) = output(Command::new(rustc).arg("--version")) {
        println!("cargo::rustc-env=LAB_COMPILER={version}");
    }
    // Figures are published from release builds; a development build need not be repeated after every commit.
    if std::env::var("PROFILE").as_deref() != Ok("release") {
        return;
    }
    let git = |args: &[&str]| output(Command::new("git").args(args));
    if let (Some(revision), Some(log)) = (
        git(&["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]),
        git(&["rev-parse", "--git-path", "logs/HEAD"]),
    ) {
        println!("cargo::rustc-env=LAB_REVISION={revision}");
        for path in [log.as_str(), "src", "codecs", "crates", "Cargo.lock"] {
            println!("cargo::rerun-if-changed={path}");
        }
    }
}

/// What a command prints, where it succeeds.
fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_string()).filter(|text| !text.is_empty())
}
