//! The end of what a child writes to standard error.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// Bytes kept.
const MAX_TAIL: usize = 2000;

/// The last 2,000 bytes of a child's standard error.
#[derive(Debug, Clone, Default)]
pub struct StderrTail(Vec<u8>);

impl StderrTail {
    /// Appends `bytes` and drops all but the last 2,000 bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(&bytes[bytes.len().saturating_sub(MAX_TAIL)..]);
        self.0.drain(..self.0.len().saturating_sub(MAX_TAIL));
    }

    /// The text on one line.
    pub fn line(&self) -> String {
        String::from_utf8_lossy(&self.0).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The text on one line after `; it said: `; empty if the child wrote nothing.
    pub fn quoted(&self) -> String {
        let line = self.line();
        if line.is_empty() { line } else { format!("; it said: {line}") }
    }

    /// The exit status in words, with the text.
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
        let mut tail = StderrTail::default();
        tail.push(&vec![b'x'; 10 * MAX_TAIL]);
        tail.push(b"\n the end \n");
        assert_eq!(tail.0.len(), MAX_TAIL);
        assert!(tail.quoted().starts_with("; it said: xxx") && tail.quoted().ends_with("x the end"));
        assert_eq!(StderrTail::default().quoted(), "");
    }
}
