//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use base::xray::Layer;
use clap::{Args, Parser, Subcommand};

/// A web server that owns all seven layers and can show each of them at work.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Put a directory on the web
    Serve(ServeOptions),
}

#[derive(Args, Debug)]
pub(crate) struct ServeOptions {
    /// The directory to serve
    #[arg(default_value = ".")]
    pub(crate) directory: PathBuf,
    /// Where to listen; may be given several times
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) listen: Vec<SocketAddr>,
    /// How many threads serve; one for each core unless told otherwise
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<std::num::NonZeroU16>,
    /// Add a line for each request to FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) access_log: Option<PathBuf>,
    /// Print what happens on each connection, layer by layer
    #[arg(long, value_name = "LAYERS", num_args = 0..=1, require_equals = true, value_delimiter = ',', default_missing_value = "session,presentation,application", value_parser = parse_layer)]
    pub(crate) film: Option<Vec<Layer>>,
}

fn parse_layer(name: &str) -> Result<Layer, String> {
    Layer::ALL
        .into_iter()
        .find(|layer| format!("{layer:?}").eq_ignore_ascii_case(name))
        .ok_or_else(|| "no such layer".to_owned())
}
