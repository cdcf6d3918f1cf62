//! A byte range of the command line.

use lab_codec::{Error, Result, parse_size};

/// Bytes `start..end` of the content; without `end`, up to the end of the content.
#[derive(Debug, PartialEq)]
pub(super) struct Bounds {
    /// The first byte.
    pub start: u64,
    /// One past the last byte.
    pub end: Option<u64>,
}

impl Bounds {
    /// Parses a range such as `0..4096`, `1M..`, `..10` or `1G..+4K`.
    ///
    /// # Errors
    /// [`Usage`](lab_codec::ErrorKind::Usage).
    pub(super) fn parse(text: &str) -> Result<Self> {
        Self::read(text).ok_or_else(|| {
            Error::usage(format!("{text:?} is not a range; ranges look like 0..4096, 1M.., ..10 or 1G..+4K"))
        })
    }

    fn read(text: &str) -> Option<Self> {
        let (start, end) = text.split_once("..")?;
        let offset = |text: &str| match text.split_once('+') {
            Some((base, more)) => parse_size(base)?.checked_add(parse_size(more)?),
            None => parse_size(text),
        };
        let start = if start.is_empty() { 0 } else { offset(start)? };
        let end = match end.strip_prefix('+') {
            Some(len) => Some(start.checked_add(parse_size(len)?)?),
            None if end.is_empty() => None,
            None => Some(offset(end)?),
        };
        Some(Self { start, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let read = |text| Bounds::read(text).map(|b| (b.start, b.end));
        assert_eq!(read("0..4096"), Some((0, Some(4096))));
        assert_eq!(read("1K.."), Some((1024, None)));
        assert_eq!(read("..10"), Some((0, Some(10))));
        assert_eq!(read("1K..+4"), Some((1024, Some(1028))));
        assert_eq!(read("1K..1K+4"), Some((1024, Some(1028))));
        for bad in ["", "4", "a..b", "1..+", "1-2", "..-1"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
