//! `hepta lab`: our own TCP as something to look at and to try out, in virtual time.
//!
//! ```text
//!   files ─▶ find ─▶ run: a script for each thread ─▶ scripts::run_file ─▶ report: lines, table, JSON
//! ```
//!
//! Start reading at [`run::run`].

mod find;
mod options;
mod report;
mod run;

use std::process::ExitCode;

use clap::{Args, Subcommand};

const AFTER_HELP: &str = "\
What a script may say, and how its conversation is played, is described in docs/scripts.md.";

/// Play written conversations to our own TCP, in virtual time
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<options::Run>),
}

/// Does what is asked; the exit status is 0 only if all scripts passed.
pub(crate) fn run(options: &Options) -> ExitCode {
    match &options.command {
        Command::Run(options) => run::run(options),
    }
}
