//! Failures of a fetch, as one line.

use std::path::Path;

use lab_codec::{Error, ErrorKind, Hint};

use crate::published::Sources;

/// Maximum failures in a message.
const MAX_SHOWN: usize = 6;

/// Addresses and paths that failed, with the reasons.
#[derive(Debug, Default)]
pub(super) struct Failures {
    tried: Vec<(String, String)>,
    /// Whether any content differed from the listed size or digest.
    pub has_wrong: bool,
}

impl Failures {
    /// Records that `what` failed, and why.
    pub(super) fn note(&mut self, what: &str, why: String) {
        self.tried.push((what.to_string(), why));
    }

    /// Whether there are no failures.
    pub(super) fn is_empty(&self) -> bool {
        self.tried.is_empty()
    }

    /// The error of a fetch that left `missing` files missing.
    pub(super) fn error(&self, sources: &Sources, missing: usize, from: Option<&Path>) -> Error {
        let kind = if self.has_wrong { ErrorKind::Corrupt } else { ErrorKind::Io };
        let (of, tried) = (sources.files.len(), self.text());
        let missing = format!("{missing} of {of} files are missing; tried {tried}");
        let error = match from {
            Some(from) => {
                let place = from.display();
                Error::new(kind, format!("{missing}; put the files or their archives into {place}"))
            }
            None => Error::new(kind, missing).with_hint(Hint::OtherSource),
        };
        error.at(sources.corpus.clone())
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (index, (what, why)) in self.tried.iter().enumerate().take(MAX_SHOWN) {
            let separator = if index == 0 { "" } else { ", " };
            text += &format!("{separator}{what}");
            // Failures with the same reason share its text.
            let next = self.tried.get(index + 1).filter(|_| index + 1 < MAX_SHOWN);
            if next.is_none_or(|(_, next)| next != why) {
                text += &format!(" ({why})");
            }
        }
        match self.tried.len() {
            0 => text += "nothing",
            n if n > MAX_SHOWN => text += &format!(", and {} more", n - MAX_SHOWN),
            _ => {}
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_reasons_are_said_once_and_many_are_counted() {
        let mut failures = Failures::default();
        assert_eq!(failures.text(), "nothing");
        for (what, why) in [("a", "x"), ("b", "x"), ("c", "y")] {
            failures.note(what, why.into());
        }
        assert_eq!(failures.text(), "a, b (x), c (y)");
        (0..6).for_each(|n| failures.note(&format!("d{n}"), "z".into()));
        assert_eq!(failures.text(), "a, b (x), c (y), d0, d1, d2 (z), and 3 more");
    }
}
