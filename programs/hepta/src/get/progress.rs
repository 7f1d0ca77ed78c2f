//! How far a file is.

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const KNOWN: &str =
    "{prefix} [{bar:24}] {percent:>3}%  {bytes}/{total_bytes}  {binary_bytes_per_sec}  {eta} left";
const UNKNOWN: &str = "{prefix} {spinner}  {bytes}  {binary_bytes_per_sec}";
const DONE: &str = "{prefix}  {bytes} in {elapsed}  {binary_bytes_per_sec}";

/// A bar on standard error; nothing where that is no terminal.
#[derive(Debug)]
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// A bar for `file`, of which `at` bytes are there and `complete` are to be, if that is known.
    pub(super) fn begin(is_wanted: bool, file: &Path, at: u64, complete: Option<u64>) -> Self {
        if !is_wanted || !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(complete, ProgressDrawTarget::stderr());
        bar.set_style(style(if complete.is_some() { KNOWN } else { UNKNOWN }));
        bar.set_prefix(shown(file));
        bar.set_position(at);
        // What was there before says nothing about the rate.
        bar.reset_eta();
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    pub(super) fn advance(&self, len: usize) {
        self.0.inc(len as u64);
    }

    /// Leaves a line that says how it went.
    pub(super) fn finish(&self) {
        self.0.set_style(style(DONE));
        self.0.finish();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if !self.0.is_finished() {
            // The bar stays as it is: it shows how far it got.
            self.0.abandon();
        }
    }
}

/// The file's name without what could do something to a terminal.
fn shown(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}
