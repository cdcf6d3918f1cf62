//! The user's configuration file: which commands there are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lab_codec::{Error, ErrorKind, Result, nearest};
use serde::Deserialize;

/// The variable that names another file.
const VARIABLE: &str = "LAB_CONFIG";
/// More than any configuration file has.
const LONGEST: u64 = 1 << 20;

/// Stands for a file that holds the input of a command that does not read its standard input.
pub const IN: &str = "{in}";
/// Stands for the file into which a command writes that does not write to its standard output.
pub const OUT: &str = "{out}";

/// One command, both ways.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// Program and arguments that encode.
    pub encode: Vec<String>,
    /// Program and arguments that decode.
    pub decode: Vec<String>,
    /// Seconds for one segment.
    #[serde(default = "sixty")]
    timeout_seconds: u64,
    /// Bytes that encoding one segment may yield; without it, twice the segment and a mebibyte.
    pub output_limit: Option<u64>,
}

fn sixty() -> u64 {
    60
}

impl Command {
    /// The time for one segment.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }
}

/// Other parts of the program may have tables of their own in the file.
#[derive(Default, Deserialize)]
struct Config {
    #[serde(default)]
    exec: BTreeMap<String, Command>,
}

/// Where the file is: `LAB_CONFIG`, or `lab/config.toml` below the directory for configuration.
fn place() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    set(VARIABLE).or_else(|| {
        let directory = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))?;
        Some(directory.join("lab").join("config.toml"))
    })
}

/// The command called `name` in the user's configuration file.
///
/// # Errors
/// [`MissingResource`](ErrorKind::MissingResource) where there is no such file or command,
/// [`Usage`](ErrorKind::Usage) where the file is malformed.
pub fn command(name: &str) -> Result<Command> {
    let missing = |what: String| Error::new(ErrorKind::MissingResource, what);
    let path = place().ok_or_else(|| missing(format!("no configuration file; name one with {VARIABLE}")))?;
    let shown = path.display().to_string();
    let text = read(&path).map_err(|e| match e.io_kind() {
        Some(std::io::ErrorKind::NotFound) => {
            missing(format!("there is no {shown} with a table [exec.{name}] that says what to run"))
        }
        _ => e.at(shown.clone()),
    })?;
    find(&text, name).map_err(|e| e.at(shown))
}

fn read(path: &Path) -> Result<String> {
    let length = std::fs::metadata(path)?.len();
    if length > LONGEST {
        return Err(Error::limit(format!("a configuration file of {length} bytes exceeds {LONGEST}")));
    }
    Ok(std::fs::read_to_string(path)?)
}

fn find(text: &str, name: &str) -> Result<Command> {
    let config: Config =
        toml::from_str(text).map_err(|e| Error::usage(e.message().lines().collect::<Vec<_>>().join(" ")))?;
    let Some(command) = config.exec.get(name) else {
        let hint = match nearest(name, config.exec.keys().map(String::as_str)) {
            Some(near) => format!("; did you mean {near:?}?"),
            None => String::new(),
        };
        return Err(Error::new(
            ErrorKind::MissingResource,
            format!("no table [exec.{name}] says what to run{hint}"),
        ));
    };
    for (key, argv) in [("encode", &command.encode), ("decode", &command.decode)] {
        if argv.first().is_none_or(String::is_empty) {
            return Err(Error::usage(format!("[exec.{name}] {key} names no program")));
        }
    }
    Ok(command.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        [colours]
        theme = "dark"
        [exec.gzip9]
        encode = ["gzip", "-9"]
        decode = ["gzip", "-d"]
        [exec.slow]
        encode = ["x"]
        decode = ["y", "{in}", "{out}"]
        timeout_seconds = 5
        output_limit = 1000
    "#;

    #[test]
    fn a_command_is_found_with_its_limits() {
        let gzip = find(TEXT, "gzip9").unwrap();
        assert_eq!(
            (gzip.encode.len(), gzip.timeout(), gzip.output_limit),
            (2, Duration::from_secs(60), None)
        );
        let slow = find(TEXT, "slow").unwrap();
        assert_eq!((slow.timeout(), slow.output_limit), (Duration::from_secs(5), Some(1000)));
    }

    #[test]
    fn mistakes_are_named() {
        let message = |text: &str, name: &str| find(text, name).unwrap_err().to_string();
        assert!(message(TEXT, "gzip").contains("\"gzip9\""));
        assert!(message("[exec.a]\nencode = []\ndecode = [\"x\"]", "a").contains("encode names no program"));
        assert!(message("[exec.a]\nencode = [\"x\"]", "a").contains("decode"));
        assert!(message("[exec.a]\nencode = \"x\"\ndecode = [\"x\"]", "a").contains("sequence"));
        assert!(message("[exec.a]\nencode=[\"x\"]\ndecode=[\"x\"]\nshell=true", "a").contains("shell"));
    }
}
