//! Text that cannot break out of where it stands.

use lab_codec::text::base64;
pub use lab_codec::text::escape;
use lab_codec::{Error, ErrorKind, Result};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::text;

/// JSON for a script element: no character in it means anything to an HTML parser.
pub(crate) fn json(value: &impl Serialize) -> Result<String> {
    let json = serde_json::to_string(value)
        .map_err(|e| Error::new(ErrorKind::Io, format!("cannot write JSON: {e}")))?;
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            // Outside of strings this JSON has none of these, inside they may be written like this.
            c if matches!(c, '<' | '>' | '&') || c.is_control() || text::is_format(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    safe.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c => safe.push(c),
        }
    }
    Ok(safe)
}

/// The source expression that lets a content security policy accept exactly this script or style.
pub(crate) fn hash_source(text: &str) -> String {
    format!("'sha256-{}'", base64(&Sha256::digest(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out() {
        let hostile = "</script><!-- & \u{2028}\u{202e}\u{e0001}";
        let text = json(&hostile).unwrap();
        assert!(!text.contains(['<', '>', '&', '\u{2028}', '\u{202e}', '\u{e0001}']), "{text}");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), hostile);
    }
}
