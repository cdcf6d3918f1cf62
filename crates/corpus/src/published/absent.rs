//! Corpora that are described but not fetched, with the command that fetches them.

use std::path::{Path, PathBuf};

use super::{Sources, catalogue};
use crate::manifest::FILE_NAME;

/// A corpus that was not fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absent {
    /// Name of the corpus.
    pub sources: Sources,
    /// Command that fetches the corpus.
    pub command: String,
}

/// Default directory of corpora.
pub const DIRECTORY: &str = "corpora";

/// The corpus that a file describes, if the directory beside the file has no manifest.
pub fn beside(description: &Path, sources: Sources) -> Option<Absent> {
    let directory = description.parent().map(PathBuf::from).unwrap_or_default();
    if is_here(&sources, &directory) {
        return None;
    }
    let is_known = catalogue::find(&sources.corpus).is_ok_and(|known| known == sources);
    let mut command = match known(&sources.corpus) {
        Some(command) if is_known => command,
        _ => format!("lab corpus fetch --manifest {}", quoted(description)),
    };
    if directory != Path::new(DIRECTORY) {
        command += &format!(" -o {}", quoted(&directory));
    }
    Some(Absent { sources, command })
}

/// The command that fetches the corpus `name`, if the program knows it.
pub fn known(name: &str) -> Option<String> {
    catalogue::names().any(|known| known == name).then(|| format!("lab corpus fetch {name}"))
}

/// Whether the corpus was fetched into its directory below `into`.
pub fn is_here(sources: &Sources, into: &Path) -> bool {
    super::directory(sources, into).join(FILE_NAME).is_file()
}

/// Quotes a path for a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,@%~".contains(c);
    match text.as_str() {
        "" => ".".to_string(),
        _ if text.chars().all(is_plain) => text,
        _ => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_says_all_that_is_needed_and_no_more() {
        let sources = catalogue::find("kodak").unwrap();
        let command = |path: &str| beside(Path::new(path), sources.clone()).unwrap().command;
        assert_eq!(command("corpora/kodak.toml"), "lab corpus fetch kodak");
        assert_eq!(command("my data/kodak.toml"), "lab corpus fetch kodak -o 'my data'");
        let own = Sources { corpus: "own".into(), ..sources.clone() };
        let command = beside(Path::new("corpora/x.toml"), own).unwrap().command;
        assert_eq!(command, "lab corpus fetch --manifest corpora/x.toml");
        assert_eq!((known("kodak").is_some(), known("own").is_some()), (true, false));
    }
}
