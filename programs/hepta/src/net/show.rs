//! `hepta net show`: a moment's look at a stack of our own.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use ::net::Counts;
use anyhow::bail;
use clap::Args;
use host::Host;
use ip::{InterfaceId, Kind};
use phys::Medium;
use serde_json::{Value, json};

use crate::network::{self, Network};

/// How long somebody who is asked has to answer.
const ASKED_FOR: Duration = Duration::from_secs(2);

/// Start a stack on a device for a moment, and show its addresses, routes and neighbours
///
/// Neighbours are found when somebody talks to them: gateways, and who is asked with --ask.
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
    network.stack.with(|_, host| {
        let looked = Looked::at(host, network.device(), counts);
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

/// Four tables: columns, and lines of them.
pub(super) struct Looked {
    tables: [Table; 4],
    counts: Counts,
}

/// A table whose columns have names.
struct Table {
    name: &'static str,
    columns: &'static [&'static str],
    lines: Vec<Vec<String>>,
}

impl Looked {
    pub(super) fn at(host: &Host, device: &str, counts: Counts) -> Self {
        // The loopback is the same everywhere.
        let id = host.interfaces().find(|interface| interface.name == device).map(|found| found.id);
        let is_here = |interface: InterfaceId| Some(interface) == id;
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let interfaces = host.interfaces().filter(|found| is_here(found.id)).map(|found| {
            let medium = match found.device.medium {
                Medium::Ethernet => "Ethernet",
                Medium::Ip => "IP",
            };
            let mac = (found.device.medium == Medium::Ethernet).then(|| found.mac.to_string());
            vec![
                found.name.to_owned(),
                medium.to_owned(),
                or_none(mac),
                found.device.mtu.to_string(),
            ]
        });
        let addresses = host.addresses().iter().filter(|own| is_here(own.interface)).map(|own| {
            let state = if own.is_ready { "ready" } else { "being probed" };
            let kind = Kind::of(own.cidr.address()).to_string();
            vec![own.cidr.to_string(), state.to_owned(), kind]
        });
        let routes = host.routes().filter(|route| is_here(route.interface)).map(|route| {
            let by = route.gateway.map_or_else(|| "the link".to_owned(), |by| by.to_string());
            let source = or_none(route.source.map(|source| source.to_string()));
            vec![route.to.to_string(), by, source, route.metric.to_string()]
        });
        let neighbors = host.neighbors().filter(|found| is_here(found.interface)).map(|found| {
            let mac = or_none(found.mac.map(|mac| mac.to_string()));
            vec![found.address.to_string(), mac, format!("{:?}", found.state).to_lowercase()]
        });
        let table = |name, columns, lines| Table { name, columns, lines };
        let tables = [
            table("interfaces", &["name", "medium", "mac", "mtu"][..], interfaces.collect()),
            table("addresses", &["address", "state", "purpose"][..], addresses.collect()),
            table("routes", &["to", "via", "source", "metric"][..], routes.collect()),
            table("neighbors", &["address", "mac", "state"][..], neighbors.collect()),
        ];
        Self { tables, counts }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let bold = anstyle::Style::new().bold();
        let mut text = String::new();
        for table in &self.tables {
            let _ = writeln!(text, "{bold}{}{bold:#}", table.name);
            if table.lines.is_empty() {
                text += "  none\n";
                continue;
            }
            let header = table.columns.iter().map(|&column| column.to_owned()).collect();
            let lines: Vec<&Vec<String>> = [&header].into_iter().chain(&table.lines).collect();
            for line in &lines {
                let mut shown = String::new();
                for (n, cell) in line.iter().enumerate() {
                    let width = lines.iter().filter_map(|line| line.get(n)).map(String::len).max();
                    let _ = write!(shown, "  {cell:<width$}", width = width.unwrap_or_default());
                }
                let _ = writeln!(text, "{}", shown.trim_end());
            }
        }
        let Counts { received, sent, lost } = self.counts;
        let _ = writeln!(
            text,
            "{bold}frames{bold:#}\n  {received} received, {sent} sent, {lost} of them lost"
        );
        text
    }

    /// For programs: each table as a list of objects. What there is not is null.
    pub(super) fn json(&self) -> Value {
        let mut all = serde_json::Map::new();
        for table in &self.tables {
            let objects = table.lines.iter().map(|line| {
                let cells = table.columns.iter().zip(line).map(|(column, cell)| {
                    let value = match (*column, cell.as_str()) {
                        (_, "-") => Value::Null,
                        ("mtu" | "metric", number) => {
                            number.parse::<u64>().map_or(Value::Null, Value::from)
                        }
                        (_, text) => text.into(),
                    };
                    ((*column).to_owned(), value)
                });
                Value::Object(cells.collect())
            });
            all.insert(table.name.to_owned(), objects.collect());
        }
        let Counts { received, sent, lost } = self.counts;
        all.insert(
            "frames".to_owned(),
            json!({ "received": received, "sent": sent, "lost": lost }),
        );
        Value::Object(all)
    }
}
