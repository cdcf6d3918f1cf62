//! Progress on a terminal: the only file that knows one.

use std::io::IsTerminal;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lab_codec::{Observer, Silent};

/// A bar with rate and remaining time on standard error, where that is a terminal and `quiet` is not asked for.
/// Without a known `total`, a counter with a rate. The bar disappears with the last clone of the observer.
pub fn bar(label: &str, total: Option<u64>, quiet: bool) -> Arc<dyn Observer> {
    if quiet || !std::io::stderr().is_terminal() {
        return Arc::new(Silent);
    }
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "{prefix} {wide_bar} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} ETA {eta}{msg}",
        ),
        None => (
            ProgressBar::no_length(),
            "{prefix} {spinner} {binary_bytes} {binary_bytes_per_sec} {elapsed}{msg}",
        ),
    };
    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_prefix(label.to_string());
    Arc::new(Bar(bar))
}

/// A bar that counts finished things, with the remaining time and the name of the one at hand; as [`bar`] otherwise.
pub fn steps(label: &str, total: u64, quiet: bool) -> Steps {
    let bar = if quiet || !std::io::stderr().is_terminal() {
        ProgressBar::hidden()
    } else {
        ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(10))
    };
    if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} ETA {eta} {wide_msg}") {
        bar.set_style(style);
    }
    bar.set_prefix(label.to_string());
    bar.enable_steady_tick(std::time::Duration::from_secs(1));
    Steps(bar)
}

/// A bar of [`steps`]; it disappears when it is dropped.
pub struct Steps(ProgressBar);

impl Steps {
    /// Names what is at hand.
    pub fn begin(&self, name: &str) {
        self.0.set_message(name.escape_debug().to_string());
    }

    /// One more is done.
    pub fn advance(&self, steps: u64) {
        self.0.inc(steps);
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// The metric that a bar shows: frames of a video that are done.
const FRAMES: &str = "frames";

struct Bar(ProgressBar);

impl Observer for Bar {
    fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    fn metric(&self, name: &'static str, value: f64) {
        if name == FRAMES {
            self.0.set_message(format!(" {value} frames"));
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
