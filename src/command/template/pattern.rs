//! Arguments of `search` and `count`: the pattern, the file, and shared options.

use std::ffi::OsString;
use std::path::PathBuf;

use lab_codec::{Error, Result};
use lab_template::partial::Pattern;

use super::segments::Segments;
use super::{App, options};

/// The pattern and the file to search.
#[derive(clap::Args)]
pub(super) struct Query {
    /// The bytes to find
    pattern: OsString,
    /// The encoded file
    input: PathBuf,
    /// The pattern is in hexadecimal; blanks between bytes are ignored
    #[arg(long)]
    hex: bool,
    #[command(flatten)]
    work: options::Work,
    #[command(flatten)]
    pub talk: options::Talk,
}

impl Query {
    /// The path of the file, as shown.
    pub(super) fn path(&self) -> String {
        self.input.display().to_string()
    }

    /// Opens the file and prepares the pattern for matching.
    ///
    /// # Errors
    /// [`Usage`](lab_codec::ErrorKind::Usage) where the pattern is empty, or not hexadecimal; those of
    /// [`Segments::open`].
    pub(super) fn open(&self, app: &App) -> Result<(Pattern, Segments)> {
        let pattern = self.pattern()?;
        Ok((pattern, Segments::open(&self.input, &self.work, self.talk.quiet, app)?))
    }

    fn pattern(&self) -> Result<Pattern> {
        let bytes = self.pattern.as_encoded_bytes();
        if !self.hex {
            return Pattern::new(bytes);
        }
        let bytes = Pattern::hex(bytes).ok_or_else(|| {
            Error::usage(format!(
                "{:?} is not hexadecimal; a pattern looks like 0d0a or '0d 0a'",
                self.pattern
            ))
        })?;
        Pattern::new(&bytes)
    }
}
