//! The whole `lab` command with `rotate` in its registry.

fn main() -> std::process::ExitCode {
    lab::run_cli(rotate::registry())
}
