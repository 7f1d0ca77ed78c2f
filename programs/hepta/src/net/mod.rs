//! `hepta net`: devices for our own network, what can be seen of it, and what an address means.

mod device;
mod explain;
mod looked;
mod show;

use std::io::{self, Write as _};

use clap::{Args, Subcommand};
use ip::Cidr;

use crate::network;

pub(crate) use looked::Looked;

#[cfg(test)]
mod tests;

const AFTER_HELP: &str = "\
The kernel has one end of a TAP or TUN device, and hepta the other:

  sudo hepta net up tap0 10.77.0.1/24
  sudo hepta ping 10.77.0.1 --net tap0 --address 10.77.0.2/24
  sudo hepta net down tap0";

/// Devices for our own network, and what can be seen of it
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(device::UpOptions),
    Down(device::DownOptions),
    Show(Box<show::Options>),
    /// Say what an address and its prefix mean: network, host part, broadcast, hosts, purpose
    Explain {
        /// Which
        #[arg(value_name = "ADDRESS/PREFIX", required = true, value_parser = network::parse_address)]
        addresses: Vec<Cidr>,

        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Does what is asked.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    match &options.command {
        Command::Up(options) => device::up(options),
        Command::Down(options) => device::down(options),
        Command::Show(options) => print(&show::run(options)?),
        Command::Explain { addresses, json: true } => {
            let all: Vec<_> = addresses.iter().map(|address| explain::json(*address)).collect();
            print(&format!("{:#}\n", serde_json::Value::Array(all)))
        }
        Command::Explain { addresses, json: false } => {
            let all: Vec<_> = addresses.iter().map(|address| explain::text(*address)).collect();
            print(&all.join("\n"))
        }
    }
}

/// Writes to standard output. Who closed the pipe knows why; nothing is said.
fn print(text: &str) -> anyhow::Result<()> {
    match anstream::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
