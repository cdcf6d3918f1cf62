//! The `lab` command: the built-in registry behind the command line.

/// Without memory, one line and exit code 5.
#[global_allocator]
static ALLOCATOR: lab_process::memory::Orderly = lab_process::memory::Orderly;

fn main() -> std::process::ExitCode {
    lab::run_cli(lab::registry::builtin())
}
