//! Finds programs on PATH.

use std::env::{join_paths, split_paths, var_os};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use lab_codec::{Error, ErrorKind, Result};

/// Finds the program `name` in the absolute directories of PATH. Relative entries such as `.` are skipped:
/// they would run whatever the current directory holds.
pub fn find(name: impl AsRef<Path>) -> Option<PathBuf> {
    find_in(&var_os("PATH")?, name.as_ref())
}

fn find_in(path: &OsStr, name: &Path) -> Option<PathBuf> {
    let is_program = |file: &PathBuf| {
        file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    absolute(path).map(|directory| directory.join(name)).find(is_program)
}

fn absolute(path: &OsStr) -> impl Iterator<Item = PathBuf> {
    split_paths(path).filter(|directory| directory.is_absolute())
}

/// Makes a command from a program and its arguments. A program without a slash is looked up with [`find`].
/// The child's PATH holds only the absolute entries.
///
/// # Errors
/// [`Usage`](ErrorKind::Usage) for an empty list, [`MissingTool`](ErrorKind::MissingTool) if the program is
/// not on PATH.
pub fn command<I: IntoIterator<Item: Into<OsString>>>(argv: I) -> Result<Command> {
    let mut argv = argv.into_iter().map(Into::into);
    let name: OsString = argv.next().ok_or_else(|| Error::usage("the command is empty; name a program"))?;
    let program = match name.as_bytes().contains(&b'/') {
        true => PathBuf::from(name),
        false => find(&name).ok_or_else(|| {
            Error::new(
                ErrorKind::MissingTool,
                format!("program {:?} not found on PATH", name.to_string_lossy()),
            )
        })?,
    };
    let mut command = Command::new(program);
    command.args(argv);
    // Cannot fail: these entries came from splitting a list.
    if let Some(Ok(path)) = var_os("PATH").map(|path| join_paths(absolute(&path))) {
        command.env("PATH", path);
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_entries_and_files_that_are_not_executable_are_skipped() {
        let dir = tempfile::tempdir().unwrap();
        let place = |directory: &str, mode: u32| {
            let directory = dir.path().join(directory);
            std::fs::create_dir_all(&directory).unwrap();
            std::fs::write(directory.join("tool"), "").unwrap();
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(directory.join("tool"), mode).unwrap();
            directory
        };
        let (plain, program) = (place("plain", 0o644), place("program", 0o755));
        let here = std::env::current_dir().unwrap();
        let up: PathBuf = here.components().skip(1).map(|_| "..").collect();
        let relative = up.join(program.strip_prefix("/").unwrap());
        assert!(relative.join("tool").is_file());
        let path = |entries: &[&Path]| join_paths(entries).unwrap();
        let found = |entries: &[&Path]| find_in(&path(entries), Path::new("tool"));
        assert_eq!(found(&[&relative, Path::new("."), Path::new(""), &plain]), None);
        assert_eq!(found(&[&relative, &plain, &program]), Some(program.join("tool")));
    }
}
