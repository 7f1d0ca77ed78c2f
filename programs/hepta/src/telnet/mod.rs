//! `hepta telnet`: a terminal on a TCP connection, over our own stack or the kernel's.
//!
//! ```text
//!   keyboard ─▶ Keyboard ─▶ Telnet::send ─▶ out ─▶ Stream
//!   screen   ◀───────────── Telnet::handle_bytes ◀─┘
//! ```
//!
//! [`protocol::Telnet`] is a machine: bytes of both sides go through it, and what it has to say for
//! itself comes out. Start reading at `conversation.rs`, which moves the bytes.

mod conversation;
mod protocol;
mod terminal;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::{Args, ValueHint};

use crate::network;
use crate::stream::Stream;
use conversation::Conversation;

#[cfg(test)]
mod tests;

const AFTER_HELP: &str = "\
Ctrl-] and then q ends the conversation; with s the connection is described, with d nothing more is \
sent, with any other key it goes on. Without a terminal, what is read is sent and what comes is \
printed, until the other side has said all.

Examples:
  hepta telnet towel.example 23
  printf 'GET / HTTP/1.0\\n\\n' | hepta telnet localhost 8080
  hepta telnet 10.77.0.1 7 --net tap0 --address 10.77.0.2/24";

/// Talk to a server: a terminal on a TCP connection
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Options {
    /// To whom: a name or an address
    #[arg(value_hint = ValueHint::Hostname)]
    host: String,
    /// The port
    #[arg(default_value_t = 23)]
    port: u16,

    /// Send and print bytes as they are: nothing of Telnet, and no changed ends of lines
    #[arg(long)]
    raw: bool,
    /// How long a connection may take to be made
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    connect_timeout: u64,

    #[command(flatten)]
    family: network::Family,
    #[command(flatten)]
    network: network::Options,
}

/// Talks until one side has had enough.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(talk(options));
    // A name that is still being looked up must not keep anybody waiting.
    runtime.shutdown_background();
    done
}

async fn talk(options: &Options) -> anyhow::Result<()> {
    let network = network::open(&options.network)?;
    let to =
        network::look_up(&options.host, options.port, options.family, network.as_ref()).await?;
    if let Some(network) = &network {
        network.source_for(to.ip())?;
    }
    let limit = Duration::from_secs(options.connect_timeout);
    let connecting = tokio::time::timeout(limit, Stream::connect(network.as_ref(), to));
    let stream = match connecting.await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(not_connected(to, &error, network.as_ref())),
        Err(_) => {
            let complaint = network.as_ref().and_then(network::Network::complaint);
            let why = complaint
                .unwrap_or_else(|| "is it online, and does a firewall stand between?".to_owned());
            return Err(anyhow!("{to} did not answer within {} s: {why}", limit.as_secs()));
        }
    };
    let done = Conversation::new(stream, options.raw).run().await;
    if let Some(network) = &network {
        network.finish().await;
    }
    done.context("the conversation broke off")
}

fn not_connected(
    to: SocketAddr,
    error: &std::io::Error,
    network: Option<&network::Network>,
) -> anyhow::Error {
    use std::io::ErrorKind;
    let complaint = network.and_then(network::Network::complaint);
    let hint = match (error.kind(), complaint) {
        (_, Some(complaint)) => format!(": {complaint}"),
        (ErrorKind::ConnectionRefused, _) => ": nobody listens there; is that the port?".to_owned(),
        (ErrorKind::HostUnreachable, _) => {
            ": nobody there has that address, or a router says so".to_owned()
        }
        (ErrorKind::NetworkUnreachable, _) => {
            ": there is no way there; is this machine online?".to_owned()
        }
        _ => String::new(),
    };
    let text = error.to_string();
    let what = text.split(" (os error").next().unwrap_or(&text).to_lowercase();
    anyhow!("cannot connect to {to}: {what}{hint}")
}
