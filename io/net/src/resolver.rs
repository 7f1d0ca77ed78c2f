//! Names to addresses, by servers that the stack knows and over its own sockets. (RFC 1035, RFC 1123 §6.1)
//!
//! The protocol of the DNS is `hickory-resolver`'s: questions, retries, searching in domains, TCP where
//! an answer is cut short, what is remembered and for how long. Ours is over which sockets it talks
//! (`resolver/provider.rs`), whom it asks, how long people wait, and in which order addresses are tried.

mod provider;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::config::{
    LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::Name;

use self::provider::Provider;
use crate::stack::Stack;

/// How long one question may take before it is asked again: what `resolv.conf` has.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How often a question is asked again.
const ATTEMPTS: usize = 2;

/// How long anybody waits for an address, however many names are tried at however many servers.
const TIME_MAX: Duration = Duration::from_secs(15);

/// How many addresses of a name are kept: who tries addresses one after another has had enough then.
const ADDRESSES_MAX: usize = 64;

/// Finds the addresses of names. Clones share what is remembered.
#[derive(Clone)]
pub struct Resolver {
    stack: Stack,
    asking: Arc<Mutex<Option<Asking>>>,
}

/// Whom to ask, and who does.
struct Asking {
    servers: Servers,
    inner: Arc<hickory_resolver::Resolver<Provider>>,
}

/// Servers, in order, and domains in which names are looked for that are no whole ones.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Servers {
    addresses: Vec<IpAddr>,
    domains: Vec<String>,
}

impl Resolver {
    /// A resolver that asks those whom the stack knows at the time: as operators, servers of DHCP and
    /// routers have said. It needs a runtime of tokio to run in.
    pub fn new(stack: &Stack) -> Self {
        Self { stack: stack.clone(), asking: Arc::default() }
    }

    /// The addresses of `name`, the one to try first in front (RFC 6724 §6). An address as it is
    /// written, `localhost` (RFC 6761 §6.3) and what stands in `/etc/hosts` needs no server.
    ///
    /// # Errors
    /// [`NotFound`](io::ErrorKind::NotFound) if there is no such name, or it has no address;
    /// [`NotConnected`](io::ErrorKind::NotConnected) if nobody is known who could be asked;
    /// [`TimedOut`](io::ErrorKind::TimedOut) if nobody answers; otherwise what they say.
    pub async fn look_up(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        if let Some(known) = known(name) {
            return Ok(known);
        }
        let servers = self.servers();
        let has_servers = !servers.addresses.is_empty();
        let resolver = self.who_asks(servers)?;
        let asked = tokio::time::timeout(TIME_MAX, resolver.lookup_ip(name));
        let found = asked.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
        let found = found.map_err(|error| plain(&error, has_servers))?;
        let mut addresses: Vec<IpAddr> = found.iter().take(ADDRESSES_MAX).collect();
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        }
        self.stack.with(|_, host| host.order_destinations(&mut addresses));
        Ok(addresses)
    }

    /// Whom the stack knows now.
    fn servers(&self) -> Servers {
        self.stack.with(|cx, host| {
            let now = cx.now();
            Servers {
                addresses: host.dns_servers(now, None).map(|server| server.address).collect(),
                domains: host.dns_domains(now, None).map(|domain| domain.name.clone()).collect(),
            }
        })
    }

    /// Who asks `servers`; another one if they have changed.
    fn who_asks(&self, servers: Servers) -> io::Result<Arc<hickory_resolver::Resolver<Provider>>> {
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asking) = asking.as_ref().filter(|asking| asking.servers == servers) {
            return Ok(Arc::clone(&asking.inner));
        }
        let inner = Arc::new(build(&servers, &self.stack)?);
        *asking = Some(Asking { servers, inner: Arc::clone(&inner) });
        Ok(inner)
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver")
    }
}

fn build(servers: &Servers, stack: &Stack) -> io::Result<hickory_resolver::Resolver<Provider>> {
    // What is no name was not said by anybody who knows one.
    let domains = servers.domains.iter().filter_map(|name| Name::from_ascii(name).ok());
    let asked = servers.addresses.iter().copied().map(NameServerConfig::udp_and_tcp);
    let config = ResolverConfig::from_parts(None, domains.collect(), asked.collect());
    let mut builder = hickory_resolver::Resolver::builder_with_config(config, Provider::new(stack));
    let options: &mut ResolverOpts = builder.options_mut();
    options.timeout = TIMEOUT;
    options.attempts = ATTEMPTS;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.use_hosts_file = ResolveHosts::Always;
    options.edns0 = true;
    // RFC 5452 §9.2: our stack draws every port at random by itself.
    options.os_port_selection = true;
    builder.build().map_err(io::Error::other)
}

/// What is known of a name without asking.
fn known(name: &str) -> Option<Vec<IpAddr>> {
    if let Ok(address) = name.parse() {
        return Some(vec![address]);
    }
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    // RFC 6761 §6.3: it is the host itself, and nobody is asked.
    let is_local = name == "localhost" || name.ends_with(".localhost");
    is_local.then(|| vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()])
}

/// What went wrong, in words for people.
fn plain(error: &NetError, has_servers: bool) -> io::Error {
    use io::ErrorKind;
    let (kind, what) = match error {
        _ if !has_servers => (ErrorKind::NotConnected, "nobody is known who knows names"),
        error if error.is_nx_domain() => (ErrorKind::NotFound, "there is no such name"),
        error if error.is_no_records_found() => (ErrorKind::NotFound, "the name has no address"),
        NetError::Timeout => (ErrorKind::TimedOut, "no server of names answered in time"),
        other => return io::Error::other(other.to_string()),
    };
    io::Error::new(kind, what)
}
