//! Results in the formats that others read, one file per format.

mod csv;
mod json;
pub mod markdown;

use lab_codec::Result;

use super::results::Results;

pub use csv::{COLUMNS, Csv};
pub use json::Json;
pub use markdown::Markdown;

/// A format that results are written in.
pub trait Exporter: Sync {
    /// The usual name of the file.
    fn file_name(&self) -> &'static str;

    /// The file's text.
    ///
    /// # Errors
    /// Results that the format cannot express.
    fn export(&self, results: &Results) -> Result<String>;
}

/// The formats that every run is written in.
pub const EXPORTERS: &[&dyn Exporter] = &[&Json, &Csv, &Markdown];
