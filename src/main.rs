//! The `lab` command: the built-in registry behind the command line.

fn main() -> std::process::ExitCode {
    lab::run_cli(lab::registry::builtin())
}
