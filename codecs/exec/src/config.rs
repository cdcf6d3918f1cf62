//! Finds and reads the user's configuration file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lab_codec::{Error, ErrorKind, Result, nearest};
use serde::Deserialize;

/// Environment variable with the path of another configuration file.
const VARIABLE: &str = "LAB_CONFIG";
/// Maximum size of the configuration file, in bytes.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// Placeholder for an input file, for a command that does not read standard input.
pub(crate) const IN: &str = "{in}";
/// Placeholder for an output file, for a command that does not write to standard output.
pub(crate) const OUT: &str = "{out}";

/// One configured codec: the commands of both directions and their limits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Command {
    /// Program and arguments that encode.
    pub encode: Vec<String>,
    /// Program and arguments that decode.
    pub decode: Vec<String>,
    /// Maximum run time for one segment, in seconds.
    #[serde(default = "default_timeout")]
    timeout_seconds: u64,
    /// Maximum bytes that encoding one segment may produce; by default twice the segment plus 1 MiB.
    pub output_limit: Option<u64>,
}

fn default_timeout() -> u64 {
    60
}

impl Command {
    /// Maximum run time for one segment.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }
}

/// Unknown tables are allowed: other parts of the program may add theirs to the file.
#[derive(Default, Deserialize)]
struct Config {
    #[serde(default)]
    exec: BTreeMap<String, Command>,
}

/// Path of the file: `LAB_CONFIG`, or `lab/config.toml` in the user's configuration directory.
fn config_path() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    set(VARIABLE).or_else(|| {
        let directory = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))?;
        Some(directory.join("lab").join("config.toml"))
    })
}

/// The command called `name` in the user's configuration file.
///
/// # Errors
/// [`MissingResource`](ErrorKind::MissingResource) if the file or its table is missing,
/// [`Usage`](ErrorKind::Usage) if the file is malformed.
pub(crate) fn command(name: &str) -> Result<Command> {
    let missing = |what: String| Error::new(ErrorKind::MissingResource, what);
    let path =
        config_path().ok_or_else(|| missing(format!("no configuration file; set {VARIABLE} to its path")))?;
    let shown = path.display().to_string();
    let text = read(&path).map_err(|e| match e.io_kind() {
        Some(std::io::ErrorKind::NotFound) => {
            missing(format!("{shown} is missing; create it with a table [exec.{name}]"))
        }
        _ => e.at(shown.clone()),
    })?;
    find(&text, name).map_err(|e| e.at(shown))
}

fn read(path: &Path) -> Result<String> {
    let length = std::fs::metadata(path)?.len();
    if length > MAX_CONFIG_BYTES {
        return Err(Error::limit(format!(
            "a configuration file of {length} bytes exceeds {MAX_CONFIG_BYTES}"
        )));
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
        return Err(Error::new(ErrorKind::MissingResource, format!("table [exec.{name}] is missing{hint}")));
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
