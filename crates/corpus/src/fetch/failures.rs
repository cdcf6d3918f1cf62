//! What a fetch tried in vain, as one line.

use std::path::Path;

use lab_codec::{Error, ErrorKind, Hint};

use crate::published::Sources;

/// So many failures are shown.
const SHOWN: usize = 6;

/// Addresses and paths with what came of them.
#[derive(Debug, Default)]
pub struct Failures {
    tried: Vec<(String, String)>,
    /// Whether anything came that was not as listed.
    pub has_wrong: bool,
}

impl Failures {
    /// Notes that `what` failed, and why.
    pub fn note(&mut self, what: &str, why: String) {
        self.tried.push((what.to_string(), why));
    }

    /// Whether nothing failed.
    pub fn is_empty(&self) -> bool {
        self.tried.is_empty()
    }

    /// The error of a fetch after which `missing` files are missing.
    pub fn error(&self, sources: &Sources, missing: usize, from: Option<&Path>) -> Error {
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
        for (index, (what, why)) in self.tried.iter().enumerate().take(SHOWN) {
            let separator = if index == 0 { "" } else { ", " };
            text += &format!("{separator}{what}");
            // Several that failed alike share the reason.
            let next = self.tried.get(index + 1).filter(|_| index + 1 < SHOWN);
            if next.is_none_or(|(_, next)| next != why) {
                text += &format!(" ({why})");
            }
        }
        match self.tried.len() {
            0 => text += "nothing",
            n if n > SHOWN => text += &format!(", and {} more", n - SHOWN),
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
