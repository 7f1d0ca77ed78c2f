//! Who answers questions about names, and where names that are no whole ones are looked for: as
//! operators, routers (RFC 8106) and DHCP servers (RFC 2132 §3.8, §3.17) have said.
//!
//! The host only remembers; whoever resolves names asks it. What was said ends with its lifetime, is
//! replaced by the same source, and has a bound, for routers and servers may be strangers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base::Instant;
use ip::InterfaceId;

/// How many servers one source may name on an interface. (RFC 8106 §5.3.1: three suffice; `resolv.conf`
/// reads no more than that)
pub const DNS_SERVERS_MAX_EACH: usize = 4;

/// How many domains one source may name on an interface.
pub const DNS_DOMAINS_MAX_EACH: usize = 4;

/// How many of either an interface keeps. With 64 interfaces and 255 bytes a name at most 0.5 MiB.
pub const DNS_ENTRIES_MAX: usize = 16;

/// How long a name may be, in bytes. (RFC 1035 §2.3.4)
const NAME_LEN_MAX: usize = 255;

/// Who has said it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum DnsSource {
    /// The operator.
    Operator,
    /// A DHCP server.
    Dhcp(Ipv4Addr),
    /// A router, by its address on the link. (RFC 8106)
    Router(Ipv6Addr),
}

/// A server that answers questions about names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DnsServer {
    /// Its address; one of the link means the link of `interface`.
    pub address: IpAddr,
    /// On which interface it was named.
    pub interface: InterfaceId,
    /// By whom.
    pub source: DnsSource,
    /// Until when it may be asked.
    pub ends: Instant,
}

/// A domain in which names that are no whole ones are looked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DnsDomain {
    /// Its name, without a dot at the end.
    pub name: String,
    /// On which interface it was named.
    pub interface: InterfaceId,
    /// By whom.
    pub source: DnsSource,
    /// Until when it counts.
    pub ends: Instant,
}

/// All that was said, in the order in which it came.
#[derive(Debug, Default)]
pub(crate) struct Dns {
    servers: Vec<DnsServer>,
    domains: Vec<DnsDomain>,
}

impl Dns {
    /// Adds a server, or says anew until when it may be asked: not at all, if that is over. Whether
    /// there was room.
    pub(crate) fn add_server(&mut self, now: Instant, server: DnsServer) -> bool {
        let key = |s: &DnsServer| (s.interface, s.source, s.address);
        let (interface, source) = (server.interface, server.source);
        self.servers.retain(|old| old.ends > now);
        let place = self.servers.iter_mut().find(|old| key(old) == key(&server));
        match place {
            // RFC 8106 §5.1: a lifetime of zero ends it.
            _ if server.ends <= now => self.servers.retain(|old| key(old) != key(&server)),
            // In its place, so that the order in which servers are asked stays.
            Some(old) => *old = server,
            None => {
                let all = self.servers.iter().filter(|old| old.interface == interface);
                let each = all.clone().filter(|old| old.source == source).count();
                if each >= DNS_SERVERS_MAX_EACH || all.count() >= DNS_ENTRIES_MAX {
                    return false;
                }
                self.servers.push(server);
            }
        }
        true
    }

    /// Adds a domain, or says anew until when it counts. Whether there was room, and it is a name.
    pub(crate) fn add_domain(&mut self, now: Instant, domain: DnsDomain) -> bool {
        let key = |d: &DnsDomain| (d.interface, d.source, d.name.to_ascii_lowercase());
        let (interface, source) = (domain.interface, domain.source);
        if domain.name.is_empty() || domain.name.len() > NAME_LEN_MAX {
            return false;
        }
        self.domains.retain(|old| old.ends > now);
        let place = self.domains.iter_mut().find(|old| key(old) == key(&domain));
        match place {
            _ if domain.ends <= now => self.domains.retain(|old| key(old) != key(&domain)),
            Some(old) => *old = domain,
            None => {
                let all = self.domains.iter().filter(|old| old.interface == interface);
                let each = all.clone().filter(|old| old.source == source).count();
                if each >= DNS_DOMAINS_MAX_EACH || all.count() >= DNS_ENTRIES_MAX {
                    return false;
                }
                self.domains.push(domain);
            }
        }
        true
    }

    /// Forgets all that `source` has said on `interface`: a lease ended, a router left.
    pub(crate) fn remove_source(&mut self, interface: InterfaceId, source: DnsSource) {
        self.servers.retain(|old| (old.interface, old.source) != (interface, source));
        self.domains.retain(|old| (old.interface, old.source) != (interface, source));
    }

    /// Forgets all that routers have said on `interface`.
    pub(crate) fn remove_routers(&mut self, interface: InterfaceId) {
        let is_one = |of: InterfaceId, source: DnsSource| {
            of == interface && matches!(source, DnsSource::Router(_))
        };
        self.servers.retain(|old| !is_one(old.interface, old.source));
        self.domains.retain(|old| !is_one(old.interface, old.source));
    }

    /// Forgets all that was said on `interface`.
    pub(crate) fn remove_interface(&mut self, interface: InterfaceId) {
        self.servers.retain(|old| old.interface != interface);
        self.domains.retain(|old| old.interface != interface);
    }

    /// Servers that may be asked now: the operator's first, then in the order in which they came.
    pub(crate) fn servers(
        &self,
        now: Instant,
        interface: Option<InterfaceId>,
    ) -> impl Iterator<Item = DnsServer> {
        let is_meant = move |s: &&DnsServer| {
            s.ends > now && interface.is_none_or(|interface| s.interface == interface)
        };
        let of_operator = |s: &&DnsServer| s.source == DnsSource::Operator;
        let first = self.servers.iter().filter(of_operator);
        let then = self.servers.iter().filter(move |s| !of_operator(s));
        first.chain(then).filter(is_meant).copied()
    }

    /// Domains that count now, in the same order.
    pub(crate) fn domains(
        &self,
        now: Instant,
        interface: Option<InterfaceId>,
    ) -> impl Iterator<Item = &DnsDomain> {
        let is_meant = move |d: &&DnsDomain| {
            d.ends > now && interface.is_none_or(|interface| d.interface == interface)
        };
        let of_operator = |d: &&DnsDomain| d.source == DnsSource::Operator;
        let first = self.domains.iter().filter(of_operator);
        let then = self.domains.iter().filter(move |d| !of_operator(d));
        first.chain(then).filter(is_meant)
    }
}
