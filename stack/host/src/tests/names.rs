//! Who answers questions about names.

use super::*;
use crate::{DNS_ENTRIES_MAX, DNS_SERVERS_MAX_EACH, DnsDomain, DnsServer, DnsSource};

const ROUTER: DnsSource = DnsSource::Router(std::net::Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1));
const DHCP: DnsSource = DnsSource::Dhcp(std::net::Ipv4Addr::new(10, 0, 0, 1));

fn server(address: &str, source: DnsSource, seconds: u64) -> DnsServer {
    let ends = Instant::from_millis(seconds * 1000);
    DnsServer { address: ip(address), interface: IF1, source, ends }
}

fn known(host: &Host, seconds: u64) -> Vec<String> {
    let now = Instant::from_millis(seconds * 1000);
    host.dns_servers(now, Some(IF1)).map(|server| server.address.to_string()).collect()
}

//= test RFC 8106 §5.1: servers end with their lifetime, which each advertisement says anew
//= test RFC 8106 §6.2: the latest does not change the order, and a lifetime of zero ends a server
#[test]
fn servers_end_with_their_lifetime() {
    let mut host = Host::new(Config::new([1; 16]));
    let now = Instant::ORIGIN;
    assert!(host.add_dns_server(now, server("fd00::53", ROUTER, 10)));
    assert!(host.add_dns_server(now, server("10.0.0.53", DHCP, 100)));
    assert!(host.add_dns_server(now, server("10.0.0.7", DnsSource::Operator, 1000)));
    assert_eq!(known(&host, 9), ["10.0.0.7", "fd00::53", "10.0.0.53"]);
    assert_eq!(known(&host, 10), ["10.0.0.7", "10.0.0.53"]);
    assert!(host.add_dns_server(now, server("fd00::53", ROUTER, 20)));
    assert_eq!(known(&host, 10), ["10.0.0.7", "fd00::53", "10.0.0.53"]);
    assert!(host.add_dns_server(now, server("fd00::53", ROUTER, 0)));
    host.remove_dns(IF1, DHCP);
    assert_eq!(known(&host, 1), ["10.0.0.7"]);
}

#[test]
fn nobody_fills_the_table_for_all() {
    let mut host = Host::new(Config::new([1; 16]));
    let router = |n: usize| {
        let [a, b] = (n as u16).to_be_bytes();
        DnsSource::Router([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b].into())
    };
    let add = |host: &mut Host, source, n: usize| {
        host.add_dns_server(Instant::ORIGIN, server(&format!("fd00::{n:x}"), source, 9))
    };
    let taken = (0..100).filter(|n| add(&mut host, router(1), *n)).count();
    assert_eq!(taken, DNS_SERVERS_MAX_EACH);
    let taken = (2..1000).filter(|n| add(&mut host, router(*n), 1)).count();
    assert_eq!(taken + DNS_SERVERS_MAX_EACH, DNS_ENTRIES_MAX);
    // What has ended makes room.
    let later = Instant::from_millis(9000);
    assert!(host.add_dns_server(later, server("fd00::9", DHCP, 20)));
    assert_eq!(known(&host, 10), ["fd00::9"]);
    let domain = |name: &str| {
        let (name, interface, ends) = (name.to_owned(), IF1, Instant::NEVER);
        DnsDomain { name, interface, source: DHCP, ends }
    };
    assert!(host.add_dns_domain(later, domain("example.com")));
    assert!(host.add_dns_domain(later, domain("EXAMPLE.com")));
    assert!(!host.add_dns_domain(later, domain(&"a".repeat(256))));
    assert!(!host.add_dns_domain(later, domain("")));
    let names = host.dns_domains(later, None).map(|domain| &domain.name[..]);
    assert_eq!(names.collect::<Vec<_>>(), ["EXAMPLE.com"]);
}
