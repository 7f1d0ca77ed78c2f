//! `hepta reload` and `hepta upgrade`: what an operator says to a server that runs.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, ValueHint};
use rustix::process::{Pid, Signal, kill_process};

use crate::config;

/// The options of both commands.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The configuration of the server, which says where its pid-file is
    #[arg(default_value = "hepta.kdl", value_hint = ValueHint::FilePath)]
    file: PathBuf,

    /// The server's process, if it has no pid-file
    #[arg(long, value_name = "NUMBER")]
    pid: Option<i32>,
}

/// Has the server read its configuration anew, if nothing is wrong with it.
pub(crate) fn reload(options: &Options) -> anyhow::Result<()> {
    tell(options, Signal::HUP, "reads its configuration anew")
}

/// Has the server start its program anew and hand over to it.
pub(crate) fn upgrade(options: &Options) -> anyhow::Result<()> {
    tell(options, Signal::USR2, "hands over to its program as it is now")
}

fn tell(options: &Options, signal: Signal, what: &str) -> anyhow::Result<()> {
    // What is wrong with the file is better said here than in the server's log.
    let settings = config::load(&options.file)?;
    let pid = match (options.pid, &settings.pid_file) {
        (Some(pid), _) => pid,
        (None, Some(file)) => {
            let pid = read(file)?;
            check_name(pid, file)?;
            pid
        }
        (None, None) => bail!(
            "{} has no pid-file that would say which process to tell; add one, or give --pid",
            options.file.display()
        ),
    };
    let process = Pid::from_raw(pid).filter(|_| pid > 0);
    let process = process.with_context(|| format!("{pid} is no number of a process"))?;
    kill_process(process, signal).with_context(|| format!("cannot tell process {pid}"))?;
    anstream::println!("process {pid} {what}; its log says what comes of it");
    Ok(())
}

/// Makes sure that the process is one of this program: a server that was killed leaves its pid-file, the
/// number may be somebody else's by now, and the signal would end most programs.
fn check_name(pid: i32, file: &Path) -> anyhow::Result<()> {
    let name_of = |process: &str| std::fs::read_to_string(format!("/proc/{process}/comm"));
    // Where nothing is known of processes, or of this one, the kernel says what is wrong.
    let (Ok(theirs), Ok(ours)) = (name_of(&pid.to_string()), name_of("self")) else {
        return Ok(());
    };
    ensure!(
        theirs == ours,
        "process {pid}, of which {} tells, is {}: the server does not run any more, or give --pid",
        file.display(),
        theirs.trim()
    );
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<i32> {
    let shown = file.display();
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read {shown}: does the server run?"))?;
    text.trim().parse().with_context(|| format!("there is no number in {shown}"))
}
