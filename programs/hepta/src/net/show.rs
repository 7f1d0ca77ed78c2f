//! `hepta net show`: a moment's look at a stack of our own.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::bail;
use clap::Args;

use super::Looked;
use crate::network::{self, Network};

/// How long somebody who is asked has to answer.
const ASKED_FOR: Duration = Duration::from_secs(2);

/// Start a stack on a device for a moment, and show its addresses, routes, neighbours and sockets
///
/// Neighbours are found when somebody talks to them: gateways, and who is asked with --ask. What a
/// server has (hepta serve --net), with its connections, is shown at its admin listener, at /network.
#[derive(Args, Debug)]
pub(super) struct Options {
    /// Ask this neighbour whether it is there, before looking
    #[arg(long, value_name = "ADDRESS")]
    ask: Vec<IpAddr>,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    network: network::Options,
}

/// What can be seen.
pub(super) fn run(options: &Options) -> anyhow::Result<String> {
    let Some(network) = network::open(&options.network)? else {
        bail!("say which device to look at: --net tap0 --address 10.77.0.2/24");
    };
    let asked: Vec<IpAddr> = options.network.gateway.iter().chain(&options.ask).copied().collect();
    for to in &asked {
        network.source_for(*to)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(ask(&network, &asked));
    let counts = network.stack.counts();
    network.stack.with(|cx, host| {
        let looked = Looked::at(host, counts, cx.now());
        Ok(if options.json { format!("{:#}\n", looked.json()) } else { looked.text() })
    })
}

/// Asks everybody at once, so that it takes as long as the slowest. Whether they answered is seen in
/// the table of neighbours.
async fn ask(network: &Network, all: &[IpAddr]) {
    let mut asked = tokio::task::JoinSet::new();
    for to in all {
        let (stack, to) = (network.stack.clone(), *to);
        asked.spawn(async move {
            let _ = tokio::time::timeout(ASKED_FOR, stack.ping(to, &[])).await;
        });
    }
    while asked.join_next().await.is_some() {}
}
