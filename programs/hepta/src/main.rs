//! Hepta: a web server that owns its protocols and can show each of them at work.

mod admin;
mod certificates;
mod cli;
mod config;
mod control;
mod get;
mod lab;
mod listing;
mod net;
mod network;
mod passwd;
mod passwords;
mod ping;
mod serve;
mod stream;
mod telnet;
mod words;

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("HEPTA_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let is_coloured = std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(is_coloured)
        .with_target(false)
        .init();
    let done = match cli::Cli::parse().command {
        cli::Command::Serve(options) => serve::run(&options),
        cli::Command::Get(options) => return get::run(*options),
        cli::Command::Net(options) => net::run(&options),
        cli::Command::Telnet(options) => telnet::run(&options),
        cli::Command::Ping(options) => return ping::run(&options),
        cli::Command::Lab(options) => return lab::run(&options),
        cli::Command::Check { keys: true, .. } => {
            anstream::print!("{}", config::reference());
            Ok(())
        }
        cli::Command::Check { file, keys: false } => cli::check(&file),
        cli::Command::Reload(options) => control::reload(&options),
        cli::Command::Upgrade(options) => control::upgrade(&options),
        cli::Command::Passwd(options) => passwd::run(&options),
        cli::Command::Completions { shell } => {
            cli::print_completions(shell);
            Ok(())
        }
        cli::Command::Man { directory } => cli::write_manual(&directory)
            .with_context(|| format!("cannot write to {}", directory.display())),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

/// Says what went wrong, and below it what caused it.
fn report(error: &anyhow::Error) {
    let red = anstyle::AnsiColor::Red.on_default().bold();
    anstream::eprintln!("{red}error{red:#}: {error}");
    for cause in error.chain().skip(1) {
        anstream::eprintln!("  because {cause}");
    }
}
