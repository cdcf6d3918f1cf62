//! The embedded font of the charts: they look alike on every machine and need no installed font.
//!
//! Noto Sans, Copyright Google, under the SIL Open Font License 1.1; see docs/charts.md.

use std::sync::OnceLock;

use lab_codec::{Error, ErrorKind, Result};
use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};

/// The registered font name. It is also the SVG's font list, so browsers fall back to their own fonts.
pub const FAMILY: &str = "Noto Sans, system-ui, sans-serif";

/// Registers the embedded font, once.
///
/// # Errors
/// Where the font cannot be read.
pub fn register() -> Result<()> {
    static DONE: OnceLock<bool> = OnceLock::new();
    let done = DONE.get_or_init(|| {
        register_font(FAMILY, FontStyle::Normal, notosans::REGULAR_TTF).is_ok()
            && register_font(FAMILY, FontStyle::Bold, notosans::BOLD_TTF).is_ok()
    });
    if *done { Ok(()) } else { Err(unusable(FAMILY)) }
}

/// Checks that the font is registered before drawing: without it, drawing fails in the middle of a picture.
///
/// # Errors
/// Where it is not registered.
pub fn check(family: &str) -> Result<()> {
    let font = FontDesc::new(FontFamily::Name(family), 12.0, FontStyle::Normal);
    font.layout_box("x").map(|_| ()).map_err(|_| unusable(family))
}

fn unusable(family: &str) -> Error {
    Error::new(ErrorKind::Io, format!("cannot draw charts: the font {family:?} is not registered"))
}

/// The width of a text in pixels.
pub fn width(text: &str, size: f64) -> f64 {
    let font = FontDesc::new(FontFamily::Name(FAMILY), size, FontStyle::Normal);
    font.layout_box(text).map_or(0.0, |((left, _), (right, _))| f64::from(right - left))
}
