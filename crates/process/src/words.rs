//! The end of what a child says on standard error.

use std::process::ExitStatus;

use std::os::unix::process::ExitStatusExt;

/// How much is kept.
const KEPT: usize = 2000;

/// The end of standard error.
#[derive(Debug, Clone, Default)]
pub struct LastWords(Vec<u8>);

impl LastWords {
    /// Appends, and forgets what came too long before.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(&bytes[bytes.len().saturating_sub(KEPT)..]);
        self.0.drain(..self.0.len().saturating_sub(KEPT));
    }

    /// What was said, in one line, behind `; it said: `; empty where nothing was.
    pub fn quoted(&self) -> String {
        let words = String::from_utf8_lossy(&self.0);
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        if words.is_empty() { words } else { format!("; it said: {words}") }
    }

    /// How a child ended, and what it said.
    pub fn verdict(&self, status: ExitStatus) -> String {
        let how = match (status.code(), status.signal()) {
            (Some(code), _) => format!("ended with status {code}"),
            (None, Some(signal)) => format!("was ended by signal {signal}"),
            (None, None) => "failed".to_string(),
        };
        format!("{how}{}", self.quoted())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_is_kept() {
        let mut words = LastWords::default();
        words.push(&vec![b'x'; 10 * KEPT]);
        words.push(b"\n the end \n");
        assert_eq!(words.0.len(), KEPT);
        assert!(words.quoted().starts_with("; it said: xxx") && words.quoted().ends_with("x the end"));
        assert_eq!(LastWords::default().quoted(), "");
    }
}
