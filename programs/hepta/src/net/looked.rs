//! What can be seen of a stack of our own, as tables for people and as JSON for programs.

use std::fmt::Write as _;
use std::time::Duration;

use ::net::Counts;
use base::Instant;
use host::{DnsSource, Host, LOOPBACK, Origin};
use ip::Kind;
use phys::Medium;
use serde_json::{Value, json};

/// How many connections are shown at most, so that a server with many has time for them.
const CONNECTIONS_MAX: usize = 1000;

/// Tables: columns, and lines of them.
pub(crate) struct Looked {
    tables: [Table; 8],
    /// Connections that are not shown, and flows in TIME-WAIT.
    more: usize,
    time_waits: usize,
    counts: Counts,
}

/// A table whose columns have names.
struct Table {
    name: &'static str,
    columns: &'static [&'static str],
    lines: Vec<Vec<String>>,
}

/// The columns of addresses: what is so now, who gave it, and for how many seconds it is used for what
/// is new, and is ours.
const ADDRESS: &[&str] = &["address", "state", "purpose", "from", "preferred_s", "valid_s"];

/// The columns of connections. Windows are in bytes, but for the congestion window, which is in
/// segments; times are in milliseconds.
const CONNECTION: &[&str] = &[
    "local",
    "peer",
    "state",
    "rtt_ms",
    "rto_ms",
    "cwnd",
    "ssthresh",
    "window_out",
    "window_in",
    "mss",
    "in_flight",
    "unsent",
    "unread",
    "again",
];

/// The columns of leases, and of who knows names. What is left of them is in seconds; nothing means for
/// ever.
const LEASE: &[&str] = &["interface", "state", "address", "server", "left_s"];
const NAME: &[&str] = &["kind", "value", "from", "left_s"];

/// Columns of what is left of a time. Stacks that were told the same have clocks of their own, so these are
/// not quite the same.
const TIMES: &[&str] = &["left_s", "preferred_s", "valid_s"];

/// Columns that are numbers to programs.
const NUMBERS: &[&str] = &[
    "mtu",
    "metric",
    "left_s",
    "preferred_s",
    "valid_s",
    "half_open",
    "waiting",
    "backlog",
    "rtt_ms",
    "rto_ms",
    "cwnd",
    "ssthresh",
    "window_out",
    "window_in",
    "mss",
    "in_flight",
    "unsent",
    "unread",
    "again",
];

impl Looked {
    /// Looks at a host. The loopback is the same everywhere, and left out.
    pub(crate) fn at(host: &Host, counts: Counts, now: Instant) -> Self {
        let all = host.tcp_connections().count();
        let table = |name, columns, lines| Table { name, columns, lines };
        let tables = [
            table("interfaces", &["name", "medium", "mac", "mtu"][..], interfaces(host)),
            table("addresses", ADDRESS, addresses(host, now)),
            table("routes", &["to", "via", "source", "metric"][..], routes(host)),
            table("leases", LEASE, leases(host, now)),
            table("names", NAME, names(host, now)),
            table("neighbors", &["address", "mac", "state"][..], neighbors(host)),
            table("listeners", &["local", "half_open", "waiting", "backlog"][..], listeners(host)),
            table("connections", CONNECTION, connections(host, now)),
        ];
        let more = all.saturating_sub(CONNECTIONS_MAX);
        Self { tables, more, time_waits: host.tcp_time_waits(), counts }
    }

    /// The same network as another worker sees it: what both have stands there once.
    pub(crate) fn and(mut self, other: Self) -> Self {
        let Self { tables, more, time_waits, counts } = other;
        for (own, other) in self.tables.iter_mut().zip(tables) {
            let known = own.lines.len();
            for line in other.lines {
                if !own.lines.iter().take(known).any(|there| is_same(own.columns, there, &line)) {
                    own.lines.push(line);
                }
            }
        }
        self.more += more;
        self.time_waits += time_waits;
        self.counts.received += counts.received;
        self.counts.sent += counts.sent;
        self.counts.lost += counts.lost;
        self
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let bold = anstyle::Style::new().bold();
        let mut text = String::new();
        for table in &self.tables {
            let _ = writeln!(text, "{bold}{}{bold:#}", table.name);
            table.write(&mut text);
        }
        if self.more + self.time_waits > 0 {
            let _ = writeln!(text, "  and {} more, {} in TIME-WAIT", self.more, self.time_waits);
        }
        let Counts { received, sent, lost } = self.counts;
        let _ = writeln!(
            text,
            "{bold}frames{bold:#}\n  {received} received, {sent} sent, {lost} of them lost"
        );
        text
    }

    /// For programs: each table as a list of objects. What there is not is null.
    pub(crate) fn json(&self) -> Value {
        let tables = self.tables.iter().map(|table| (table.name.to_owned(), table.json()));
        let mut all: serde_json::Map<String, Value> = tables.collect();
        let Counts { received, sent, lost } = self.counts;
        let frames = json!({ "received": received, "sent": sent, "lost": lost });
        all.insert("connections_more".to_owned(), self.more.into());
        all.insert("time_waits".to_owned(), self.time_waits.into());
        all.insert("frames".to_owned(), frames);
        Value::Object(all)
    }
}

impl Table {
    fn write(&self, text: &mut String) {
        if self.lines.is_empty() {
            text.push_str("  none\n");
            return;
        }
        let header = self.columns.iter().map(|&column| column.to_owned()).collect();
        let lines: Vec<&Vec<String>> = [&header].into_iter().chain(&self.lines).collect();
        let width = |n: usize| lines.iter().filter_map(|line| line.get(n)).map(String::len).max();
        let widths: Vec<usize> = (0..self.columns.len()).map_while(width).collect();
        for line in &lines {
            let mut shown = String::new();
            for (cell, width) in line.iter().zip(&widths) {
                let _ = write!(shown, "  {cell:<width$}");
            }
            let _ = writeln!(text, "{}", shown.trim_end());
        }
    }

    fn json(&self) -> Value {
        let objects = self.lines.iter().map(|line| {
            let cells = self.columns.iter().zip(line).map(|(column, cell)| {
                let value = match cell.as_str() {
                    "-" => Value::Null,
                    number if NUMBERS.contains(column) => {
                        serde_json::from_str(number).unwrap_or(Value::Null)
                    }
                    text => text.into(),
                };
                ((*column).to_owned(), value)
            });
            Value::Object(cells.collect())
        });
        objects.collect()
    }
}

/// Whether two lines say the same, but for how long.
fn is_same(columns: &[&str], one: &[String], other: &[String]) -> bool {
    let mut cells = columns.iter().zip(one.iter().zip(other));
    cells.all(|(column, (one, other))| one == other || TIMES.contains(column))
}

fn interfaces(host: &Host) -> Vec<Vec<String>> {
    let interfaces = host.interfaces().filter(|found| found.id != LOOPBACK).map(|found| {
        let medium = match found.device.medium {
            Medium::Ethernet => "Ethernet",
            Medium::Ip => "IP",
        };
        let mac = (found.device.medium == Medium::Ethernet).then(|| found.mac.to_string());
        vec![found.name.to_owned(), medium.to_owned(), or_none(mac), found.device.mtu.to_string()]
    });
    interfaces.collect()
}

fn addresses(host: &Host, now: Instant) -> Vec<Vec<String>> {
    let addresses = host.addresses().iter().filter(|own| own.interface != LOOPBACK).map(|own| {
        let state = match (own.is_ready, own.is_deprecated, own.is_temporary) {
            (false, ..) => "being probed",
            (_, true, _) => "deprecated",
            (.., true) => "temporary",
            _ => "ready",
        };
        let from = match own.origin {
            Origin::Operator => "given",
            Origin::LinkLocal => "the link",
            Origin::Router => "a router",
        };
        let kind = Kind::of(own.cidr.address()).to_string();
        let (state, from) = (state.to_owned(), from.to_owned());
        let (preferred, valid) = (own.preferred_until, own.valid_until);
        let times = [preferred, valid].map(|until| or_none(seconds(now, until)));
        [vec![own.cidr.to_string(), state, kind, from], times.to_vec()].concat()
    });
    addresses.collect()
}

/// How long it is until then; nothing, if for ever.
fn seconds(now: Instant, until: Instant) -> Option<String> {
    (until < Instant::NEVER).then(|| until.since(now).as_secs().to_string())
}

fn routes(host: &Host) -> Vec<Vec<String>> {
    let routes = host.routes().filter(|route| route.interface != LOOPBACK).map(|route| {
        let by = route.gateway.map_or_else(|| "the link".to_owned(), |by| by.to_string());
        let source = or_none(route.source.map(|source| source.to_string()));
        vec![route.to.to_string(), by, source, route.metric.to_string()]
    });
    routes.collect()
}

/// What servers of DHCP gave.
fn leases(host: &Host, now: Instant) -> Vec<Vec<String>> {
    let leases = host.dhcp_clients().map(|client| {
        let name = host.interfaces().find(|of| of.id == client.interface);
        let state = format!("{:?}", client.state).to_lowercase();
        let address = or_none(client.lease.map(|lease| lease.address.to_string()));
        let server = or_none(client.lease.map(|lease| lease.server.to_string()));
        let left = or_none(client.ends.and_then(|ends| seconds(now, ends)));
        vec![or_none(name.map(|of| of.name.to_owned())), state, address, server, left]
    });
    leases.collect()
}

/// Who knows names, and in which domains they are looked for.
fn names(host: &Host, now: Instant) -> Vec<Vec<String>> {
    let line = |kind: &str, value: String, source: DnsSource, ends: Instant| {
        let from = match source {
            DnsSource::Operator => "the operator".to_owned(),
            DnsSource::Dhcp(server) => format!("DHCP, {server}"),
            DnsSource::Router(router) => format!("router {router}"),
        };
        vec![kind.to_owned(), value, from, or_none(seconds(now, ends))]
    };
    let servers = host.dns_servers(now, None);
    let servers = servers.map(|of| line("server", of.address.to_string(), of.source, of.ends));
    let domains = host.dns_domains(now, None);
    servers.chain(domains.map(|of| line("domain", of.name.clone(), of.source, of.ends))).collect()
}

fn neighbors(host: &Host) -> Vec<Vec<String>> {
    let neighbors = host.neighbors().map(|found| {
        let mac = or_none(found.mac.map(|mac| mac.to_string()));
        vec![found.address.to_string(), mac, format!("{:?}", found.state).to_lowercase()]
    });
    neighbors.collect()
}

/// Where connections come to: how many wait for the third step of the handshake, how many for the
/// program, and how many may.
fn listeners(host: &Host) -> Vec<Vec<String>> {
    let listeners = host.tcp_listeners().map(|(_, local, listener)| {
        let counts = [listener.half_open(), listener.waiting(), listener.backlog()];
        [local.to_string()].into_iter().chain(counts.map(|count| count.to_string())).collect()
    });
    listeners.collect()
}

fn connections(host: &Host, now: Instant) -> Vec<Vec<String>> {
    let connections = host.tcp_connections().take(CONNECTIONS_MAX).map(|(_, connection)| {
        let (flow, info) = (connection.flow(), connection.info(now));
        let ssthresh = (info.ssthresh < i32::MAX as u32).then(|| info.ssthresh.to_string());
        vec![
            flow.local.to_string(),
            flow.remote.to_string(),
            format!("{:?}", info.state),
            or_none((!info.rtt.is_zero()).then(|| millis(info.rtt))),
            millis(info.rto),
            info.cwnd.to_string(),
            or_none(ssthresh),
            info.window_send.to_string(),
            info.window_receive.to_string(),
            info.mss.to_string(),
            info.unacked.to_string(),
            info.unsent.to_string(),
            info.readable.to_string(),
            info.retransmitted_total.to_string(),
        ]
    });
    connections.collect()
}

fn millis(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64() * 1000.0)
}

fn or_none(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}
