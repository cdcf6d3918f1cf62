//! A `lab` that knows `rotate`, with every command.

fn main() -> std::process::ExitCode {
    lab::run_cli(rotate::registry())
}
