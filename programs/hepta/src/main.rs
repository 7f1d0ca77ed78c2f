//! Hepta: a web server that owns all seven layers and can show each of them at work.

mod cli;
mod serve;

use clap::Parser;

fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    match cli::Cli::parse().command {
        cli::Command::Serve(options) => serve::run(&options),
    }
}
