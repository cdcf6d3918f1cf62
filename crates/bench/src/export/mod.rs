//! Exports results to other formats, one file per format.

mod csv;
mod json;
pub mod markdown;

use lab_codec::Result;

use super::results::Results;

pub use csv::{COLUMNS, Csv};
pub use json::Json;
pub use markdown::Markdown;

/// An output format of results.
pub trait Exporter: Sync {
    /// Default file name.
    fn file_name(&self) -> &'static str;

    /// Renders the results as text.
    ///
    /// # Errors
    /// If the format cannot express the results.
    fn export(&self, results: &Results) -> Result<String>;
}

/// All formats that a run writes.
pub const EXPORTERS: &[&dyn Exporter] = &[&Json, &Csv, &Markdown];
