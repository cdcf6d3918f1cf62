//! Progress bars. No other file draws on the terminal.

use std::io::IsTerminal;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lab_codec::{Observer, Silent};

/// A byte bar with rate and remaining time; shown only if standard error is a terminal and `quiet` is false.
/// Without a `total`, it counts bytes and shows the rate. Dropping the last clone of the observer removes it.
pub(crate) fn bar(label: &str, total: Option<u64>, quiet: bool) -> Arc<dyn Observer> {
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

/// A bar that counts finished steps, with the remaining time and the name of the current step; otherwise as
/// [`bar`].
pub(crate) fn steps(label: &str, total: u64, quiet: bool) -> Steps {
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

/// A bar of [`steps`]; dropping it removes it from the terminal.
pub(crate) struct Steps(ProgressBar);

impl Steps {
    /// Names the current step.
    pub(crate) fn begin(&self, name: &str) {
        self.0.set_message(name.escape_debug().to_string());
    }

    /// Counts one finished step.
    pub(crate) fn advance(&self, steps: u64) {
        self.0.inc(steps);
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Name of the metric that the bar shows beside bytes: finished video frames.
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
