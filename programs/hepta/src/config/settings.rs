//! What a configuration means, free of its text.

use std::collections::HashSet;
use std::io;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use server::{Address, Announcers};

use super::access_log::{AccessLog, access_log};
use super::net::{check_places, net};
use super::problem::{At, Problem, Problems};
use super::shown::shown;
use super::site::{HostPattern, Site, site};
use super::steps::body_rate;
use super::tree::{Node, all, one};
use crate::certificates::Pair;
use crate::network::Wanted;
use crate::serve::Place;

/// Everything that a server is told.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) listen: Vec<Listen>,
    pub(crate) admin: Option<Admin>,
    /// The network of our own that sites are served over, in place of the kernel's.
    pub(crate) net: Option<Wanted>,
    pub(crate) workers: Option<NonZeroU16>,
    /// How long a worker with nothing to do looks for more before it sleeps.
    pub(crate) busy_poll: Duration,
    /// Who the program becomes once it listens.
    pub(crate) identity: Option<Identity>,
    /// Where the process that serves writes its number.
    pub(crate) pid_file: Option<PathBuf>,
    /// The log of requests that belong to no site with a log of its own.
    pub(crate) access_log: Option<AccessLog>,
    pub(crate) limits: Limits,
    pub(crate) sites: Vec<Site>,
    /// What is served under names that no site has.
    pub(crate) default: Option<Site>,
    /// The text of it all, without secrets.
    pub(crate) shown: String,
}

/// A user of the machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Identity {
    pub(crate) user: String,
    /// The user's own where none is named.
    pub(crate) group: Option<String>,
}

/// An address to serve at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Listen {
    pub(crate) place: Place,
    /// Who may do what with a socket in the file system: the bits of `chmod(2)`.
    pub(crate) mode: Option<u32>,
    pub(crate) tls: Option<Tls>,
    /// Who says first, by the PROXY protocol, who its client is.
    pub(crate) proxies: Option<Proxies>,
    /// How the kernel's TCP avoids congestion there, if somebody has said so.
    pub(crate) congestion_control: Option<String>,
}

impl Listen {
    /// At a place, and everything else as usual.
    pub(crate) const fn at(place: Place) -> Self {
        Self { place, mode: None, tls: None, proxies: None, congestion_control: None }
    }
}

/// Where the server tells of itself, and to whom.
#[derive(Clone, Debug)]
pub(crate) struct Admin {
    pub(crate) listen: Listen,
    /// What somebody who asks must show.
    pub(crate) token: Option<String>,
}

/// Proxies that are believed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Proxies {
    networks: Vec<IpNet>,
    /// Whether who comes by a socket in the file system is one.
    by_file: bool,
}

impl Proxies {
    pub(crate) fn into_announcers(self) -> Announcers {
        Arc::new(move |address| match address {
            Some(address) => {
                let ip = address.ip().to_canonical();
                self.networks.iter().any(|network| network.contains(&ip))
            }
            None => self.by_file,
        })
    }
}

/// Whose certificates are shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Tls {
    /// One for localhost, from this machine's own authority.
    Local,
    Pairs(Vec<Pair>),
}

/// What strangers may use.
#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) http1: http1::Config,
    /// Nothing where HTTP/2 is not spoken.
    pub(crate) http2: Option<http2::Config>,
    pub(crate) sockets: server::Limits,
    pub(crate) grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            http1: http1::Config::default(),
            http2: Some(http2::Config::default()),
            sockets: server::Limits::default(),
            grace: Duration::from_secs(30),
        }
    }
}

/// What one part of a file leaves to no other.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) names: HashSet<HostPattern>,
    pub(super) logs: Vec<AccessLog>,
}

/// Makes sense of a tree. What it cannot mean is added to the problems, and then what is made of it is
/// of no use.
pub(super) fn from_tree(nodes: &[Node], problems: &mut Problems) -> Settings {
    let mut taken = Taken::default();
    let settings = Settings {
        listen: all(nodes, "listen").filter_map(|node| listen(node, problems)).collect(),
        admin: one(nodes, "admin").and_then(|node| admin(node, problems)),
        net: one(nodes, "net").and_then(|node| net(node, problems)),
        workers: one(nodes, "workers").and_then(|node| workers(node, problems)),
        busy_poll: one(nodes, "busy-poll").and_then(|node| node.time("time")).unwrap_or_default(),
        identity: one(nodes, "user").and_then(|node| {
            let group = node.text("group").map(str::to_owned);
            Some(Identity { user: node.text("name")?.to_owned(), group })
        }),
        pid_file: one(nodes, "pid-file").and_then(|node| node.path("file").map(Into::into)),
        access_log: access_log(nodes, &mut taken.logs, problems),
        limits: limits(one(nodes, "limits").map(|node| &*node.block), nodes, problems),
        sites: all(nodes, "site").map(|node| site(node, &mut taken, problems)).collect(),
        default: one(nodes, "default").map(|node| site(node, &mut taken, problems)),
        shown: shown(nodes),
    };
    match &settings.net {
        Some(wanted) => check_places(nodes, wanted, problems),
        None => check_listeners(nodes, problems),
    }
    if let (Some(node), Some(admin)) = (one(nodes, "admin"), &settings.admin)
        && settings.listen.iter().any(|listen| listen.place == admin.listen.place)
        && !is_any_port(&admin.listen.place)
    {
        let problem = Problem::at(&node.at, "sites are served there");
        problems.push(problem.with_hint("an admin listener has an address of its own"));
    }
    settings
}

/// Looks for places where the kernel would not let us listen, because another `listen` does.
fn check_listeners(nodes: &[Node], problems: &mut Problems) {
    let mut taken: Vec<(Address, &At)> = Vec::new();
    for (at, place) in all(nodes, "listen").filter_map(|n| Some((&n.at, n.address("address")?))) {
        // The second address of a port of this machine may be had by somebody else.
        let (first, also) = place.addresses();
        if let Some((_, before)) = taken.iter().find(|(taken, _)| cannot_both(taken, &first)) {
            let problem = Problem::at(at, "there this server listens already");
            let hint = format!("the first is in {}", before.place_seen_from(at));
            problems.push(problem.with_hint(hint));
        }
        taken.extend([Some(first), also.map(Address::Ip)].into_iter().flatten().map(|a| (a, at)));
    }
}

/// Whether only one of two may listen: they are the same, or one has all addresses of its kind.
fn cannot_both(a: &Address, b: &Address) -> bool {
    match (a, b) {
        (Address::Ip(a), Address::Ip(b)) => {
            let is_any = a.ip().is_unspecified() || b.ip().is_unspecified();
            a.port() == b.port()
                && a.port() != 0
                && a.is_ipv4() == b.is_ipv4()
                && (a.ip() == b.ip() || is_any)
        }
        (Address::Unix(a), Address::Unix(b)) => a == b,
        _ => false,
    }
}

/// Whether the kernel chooses the port.
fn is_any_port(place: &Place) -> bool {
    place.addresses().0.port() == Some(0)
}

fn listen(node: &Node, problems: &mut Problems) -> Option<Listen> {
    let pairs: Vec<_> = all(&node.block, "certificate")
        .filter_map(|certificate| {
            let file = certificate.path("file")?;
            let Some(key) = certificate.path("key") else {
                let problem = Problem::at(&certificate.at, "this certificate lacks its key");
                problems.push(problem.with_hint("write key=\"FILE\" behind it"));
                return None;
            };
            Some(Pair { certificate: file.into(), key: key.into() })
        })
        .collect();
    let local = one(&node.block, "local-certificate");
    if let (Some(local), false) = (local, pairs.is_empty()) {
        let what = "a listener has certificates of its own or the local one";
        problems.push(Problem::at(&local.at, what));
    }
    let tls = match local {
        Some(_) => Some(Tls::Local),
        None => (!pairs.is_empty()).then_some(Tls::Pairs(pairs)),
    };
    let proxies = one(&node.block, "proxy-protocol").map(|node| proxies(node, problems));
    let place = node.address("address")?;
    let congestion_control = one(&node.block, "congestion-control");
    let congestion_control = congestion_control.and_then(|key| congestion(key, &place, problems));
    let mode = node.number("mode").and_then(|mode| u32::try_from(mode).ok());
    if mode.is_some() && !matches!(place, Place::Address(Address::Unix(_))) {
        let what = "only a socket in the file system has a `mode`";
        problems.push(Problem::at(&node.at, what));
    }
    Some(Listen { place, mode, tls, proxies, congestion_control })
}

/// The congestion control of a listener, which is to be there.
fn congestion(node: &Node, place: &Place, problems: &mut Problems) -> Option<String> {
    let (name, at) = node.texts("name").next()?;
    if matches!(place, Place::Address(Address::Unix(_))) {
        let what = "a socket in the file system has no congestion";
        problems.push(Problem::at(&node.at, what).with_hint("leave this away"));
    } else if let Err(error) = server::check_congestion_control(name) {
        let why = match error.kind() {
            io::ErrorKind::PermissionDenied => "this program may not use this congestion control",
            _ => "this machine has no such congestion control",
        };
        let problem = Problem::at(at, why);
        let known = server::known_congestion_controls();
        problems.push(match known.is_empty() {
            true => problem,
            false => problem.with_hint(format!("it has {known}")),
        });
    }
    Some(name.to_owned())
}

/// The shortest token: 16 characters of 64 kinds are 96 bits that nobody guesses.
const TOKEN_LEN_MIN: usize = 16;

fn admin(node: &Node, problems: &mut Problems) -> Option<Admin> {
    let listen = listen(node, problems)?;
    let mut token = None;
    if let Some((text, at)) = one(&node.block, "token").and_then(|node| node.texts("text").next()) {
        if !is_token(text) {
            let problem = Problem::at(at, "this is no token");
            problems.push(problem.with_hint(
                "write at least 16 letters, digits or -._~+/=, as `openssl rand -hex 16` makes them",
            ));
        }
        token = Some(text.to_owned());
    } else if !is_private(&listen.place) {
        let problem = Problem::at(&node.at, "strangers could ask here for everything");
        problems.push(problem.with_hint(
            "give it a `token` in braces, or an address of this machine: a port or \"unix:PATH\"",
        ));
    }
    Some(Admin { listen, token })
}

/// Whether this can stand behind `Bearer` (RFC 6750 §2.1), and cannot be guessed.
fn is_token(text: &str) -> bool {
    let is_fine = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    text.len() >= TOKEN_LEN_MIN && text.bytes().all(is_fine)
}

/// Whether only this machine comes there.
fn is_private(place: &Place) -> bool {
    match place {
        Place::Local(_) | Place::Address(Address::Unix(_)) => true,
        Place::Address(Address::Ip(address)) => address.ip().to_canonical().is_loopback(),
    }
}

fn proxies(node: &Node, problems: &mut Problems) -> Proxies {
    let mut proxies = Proxies::default();
    for (text, at) in node.texts("from") {
        match (text, super::value::network_of(text)) {
            ("unix", _) => proxies.by_file = true,
            (_, Some(network)) => proxies.networks.push(network),
            (_, None) => {
                let problem = Problem::at(at, "this is no address");
                problems.push(problem.with_hint("write \"192.0.2.7\", \"10.0.0.0/8\" or \"unix\""));
            }
        }
    }
    proxies
}

fn workers(node: &Node, problems: &mut Problems) -> Option<NonZeroU16> {
    let count = node.number("count")?;
    let workers = u16::try_from(count).ok().and_then(NonZeroU16::new);
    if workers.is_none() {
        problems.push(Problem::at(&node.at, "there is at least one worker, and at most 65535"));
    }
    workers
}

fn limits(block: Option<&[Node]>, file: &[Node], problems: &mut Problems) -> Limits {
    let block = block.unwrap_or_default();
    check_limits(block, problems);
    let (mut limits, mut http2) = (Limits::default(), http2::Config::default());
    let size = |name| one(block, name).and_then(|node| node.number("size")).map(as_usize);
    let count = |name| one(block, name).and_then(|node| node.number("count"));
    let time = |name| one(block, name).and_then(|node| node.time("time"));
    let http1 = &mut limits.http1;
    set(&mut http1.request_line_len_max, size("request-line-max"));
    set(&mut http1.head_len_max, size("head-max"));
    set(&mut http2.head_len_max, size("head-max").map(|size| as_u32(size as u64)));
    set(&mut http1.fields_max, count("fields-max").map(as_usize));
    set(&mut http2.fields_max, count("fields-max").map(as_usize));
    set(&mut http1.requests_max, count("requests-max").map(as_u32));
    set(&mut http2.requests_max, count("requests-max").map(as_u32));
    set(&mut http2.streams_max, count("streams-max").map(as_u32));
    set(&mut http1.timeout_idle, time("timeout-idle"));
    set(&mut http2.timeout_idle, time("timeout-idle"));
    set(&mut http1.timeout_head, time("timeout-head"));
    set(&mut http2.timeout_head, time("timeout-head"));
    let rate = one(block, "body-rate").and_then(|node| body_rate(node, problems));
    set(&mut http1.body_rate_min, rate);
    set(&mut http2.body_rate_min, rate);
    set(&mut limits.sockets.timeout_write, time("timeout-write"));
    let buffers = one(block, "buffers-max").and_then(|node| node.number("size"));
    set(&mut limits.sockets.buffers_len_max, buffers);
    set(&mut limits.sockets.connections_max, count("connections-max").map(as_usize));
    let most = count("connections-per-client").map(as_usize);
    limits.sockets.connections_per_client_max = most;
    set(&mut limits.grace, time("grace"));
    let spoken = one(file, "http2");
    set(&mut http2.push, spoken.and_then(|node| node.flag("push")));
    let speaks_http2 = spoken.and_then(|node| node.flag("on")) != Some(false);
    limits.http2 = speaks_http2.then_some(http2);
    limits
}

/// Limits under which nobody would ever be answered.
fn check_limits(block: &[Node], problems: &mut Problems) {
    for node in block {
        match node.key.name {
            // Nobody has to be fast, and nobody is waited for: both can be meant.
            "body-rate" | "grace" => {}
            name if node.time("time") == Some(Duration::ZERO) => {
                let what = format!("with {name} \"0s\" nobody would be answered");
                problems.push(Problem::at(&node.at, what));
            }
            name if [node.number("count"), node.number("size")].contains(&Some(0)) => {
                let what = format!("with {name} 0 nobody would be answered");
                problems.push(Problem::at(&node.at, what));
            }
            _ => {}
        }
    }
}

pub(super) fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn as_u32(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn as_usize(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
