//! An output file for a chart.

use std::io::Write;
use std::path::{Path, PathBuf};

use lab_codec::{Error, Result};

use lab_report::draw;
use lab_report::figure::Figure;
use lab_stream::output::Output;

/// A chart's output file. It is opened before the work starts, so a wrong name fails at once.
pub(super) struct Chart {
    path: PathBuf,
    form: Form,
    output: Output,
}

#[derive(Clone, Copy)]
enum Form {
    Svg,
    Png,
}

impl Chart {
    /// Opens a file; its extension, .svg or .png, selects the format.
    ///
    /// # Errors
    /// [`Usage`](lab_codec::ErrorKind::Usage) for other extensions; those of [`Output::open`].
    pub(super) fn open(path: &Path, force: bool) -> Result<Self> {
        let form = match path.extension().and_then(|ending| ending.to_str()) {
            Some("svg") => Form::Svg,
            Some("png") => Form::Png,
            _ => return Err(Error::usage(format!("{} ends in neither .svg nor .png", path.display()))),
        };
        Ok(Self { path: path.to_path_buf(), form, output: Output::open(path, force)? })
    }

    /// Draws the chart.
    ///
    /// # Errors
    /// I/O errors; a missing font.
    pub(super) fn draw(mut self, figure: &Figure) -> Result<()> {
        let bytes = match self.form {
            Form::Svg => draw::svg(figure)?.into_bytes(),
            Form::Png => draw::png(figure)?,
        };
        let at = |e: std::io::Error| Error::from(e).at(self.path.display().to_string());
        self.output.sink()?.write_all(&bytes).map_err(at)?;
        self.output.commit()
    }
}
