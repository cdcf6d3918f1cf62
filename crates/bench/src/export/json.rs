//! Results as JSON, in the schema that `lab report` and `lab compare` read.

use lab_codec::{Error, ErrorKind, Result};

use super::Exporter;
use crate::results::Results;

/// The exporter.
pub struct Json;

impl Exporter for Json {
    fn file_name(&self) -> &'static str {
        "results.json"
    }

    fn export(&self, results: &Results) -> Result<String> {
        let json = serde_json::to_string_pretty(results)
            .map_err(|e| Error::new(ErrorKind::Io, format!("cannot write JSON: {e}")))?;
        Ok(json + "\n")
    }
}
