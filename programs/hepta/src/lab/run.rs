//! Playing many scripts at once, and telling of them in order.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use anyhow::Context as _;
use scripts::{Outcome, Verdict};

use super::find;
use super::options::Run;
use super::report::{Form, Report};

/// The exit status when a script did not pass.
const NOT_ALL: u8 = 1;

/// The exit status when none was played.
const NOT_PLAYED: u8 = 2;

/// Plays what `options` say.
pub(super) fn run(options: &Run) -> ExitCode {
    match play_all(options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => NOT_ALL.into(),
        Err(error) => {
            crate::report(&error);
            NOT_PLAYED.into()
        }
    }
}

/// Whether all passed.
fn play_all(options: &Run) -> anyhow::Result<bool> {
    let how = options.for_scripts();
    scripts::check_settings(&how.settings).map_err(anyhow::Error::msg)?;
    let files = find::scripts(&options.paths)?;
    if let (Some(_), 2..) = (&options.pcap, files.len()) {
        anyhow::bail!("--pcap is for one script, and these are {}", files.len());
    }
    let form = match options.json {
        true => Form::Json,
        false => Form::Lines { is_quiet: options.quiet },
    };
    let mut report = Report::new(form);
    each_in_order(
        &files,
        options.jobs,
        |file| play(file, &how),
        |file, played| {
            if let (Some(path), Ok(outcome)) = (&options.pcap, &played) {
                let written = fs::write(path, &outcome.capture);
                written.with_context(|| format!("cannot write {}", path.display()))?;
            }
            Ok(report.add(file, played)?)
        },
    )?;
    Ok(report.finish()?)
}

/// Plays one script. Whatever it does to us, others are played too.
fn play(file: &Path, how: &scripts::Options) -> io::Result<Outcome> {
    let played = catch_unwind(AssertUnwindSafe(|| scripts::run_file(file, how)));
    played.unwrap_or_else(|_| {
        let what = "playing it made our own program fail: this is a mistake of ours".to_owned();
        let failure = scripts::Failure { at: scripts::Position::default(), what };
        Ok(Verdict::Failed(failure).into())
    })
}

/// Does something with each file, many at a time, and then something else in order.
fn each_in_order<T: Send>(
    files: &[PathBuf],
    jobs: Option<NonZeroUsize>,
    work: impl Fn(&Path) -> T + Sync,
    mut tell: impl FnMut(&Path, T) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let jobs = jobs.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let next = AtomicUsize::new(0);
    let (done, all_done) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs.min(files.len()) {
            let (done, next, work) = (done.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = files.get(n) else { break };
                    if done.send((n, work(file))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(done);
        let mut early = BTreeMap::new();
        let mut turn = 0;
        for (n, result) in all_done {
            early.insert(n, result);
            while let Some(result) = early.remove(&turn)
                && let Some(file) = files.get(turn)
            {
                turn += 1;
                tell(file, result)?;
            }
        }
        Ok(())
    })
}
