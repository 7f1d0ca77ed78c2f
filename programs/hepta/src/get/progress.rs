//! How far a file is.

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use indicatif::{BinaryBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

const KNOWN: &str =
    "{prefix} [{bar:24}] {percent:>3}%  {bytes}/{total_bytes}  {binary_bytes_per_sec}  {eta} left";
const UNKNOWN: &str = "{prefix} {spinner}  {bytes}  {binary_bytes_per_sec}";

/// A bar on standard error; nothing where that is no terminal.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    /// What was there before.
    at: u64,
}

impl Progress {
    /// A bar for `file`, of which `at` bytes are there and `complete` are to be, if that is known.
    pub(super) fn begin(is_wanted: bool, file: &Path, at: u64, complete: Option<u64>) -> Self {
        if !is_wanted || !std::io::stderr().is_terminal() {
            return Self { bar: ProgressBar::hidden(), at };
        }
        let bar = ProgressBar::with_draw_target(complete, ProgressDrawTarget::stderr());
        bar.set_style(style(if complete.is_some() { KNOWN } else { UNKNOWN }));
        bar.set_prefix(shown(file));
        bar.set_position(at);
        // What was there before says nothing about the rate.
        bar.reset_eta();
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, at }
    }

    pub(super) fn advance(&self, len: usize) {
        self.bar.inc(len as u64);
    }

    /// Leaves a line that says how it went in place of the bar.
    pub(super) fn finish(&self) {
        if self.bar.is_hidden() {
            return;
        }
        let (name, took) = (self.bar.prefix(), self.bar.elapsed());
        let len = self.bar.position();
        let rate = (len - self.at) as f64 / took.as_secs_f64().max(1e-9);
        self.bar.finish_and_clear();
        anstream::eprintln!(
            "{name}: {}, {}/s, {:.1} s",
            BinaryBytes(len),
            BinaryBytes(rate as u64),
            took.as_secs_f64()
        );
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if !self.bar.is_finished() {
            // Whoever gave up says how far it got.
            self.bar.finish_and_clear();
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
