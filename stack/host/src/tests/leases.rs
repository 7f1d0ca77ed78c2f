//! Addresses from a server of DHCP, in virtual time. The server takes its questions from the cable: our
//! own hosts hear nobody who has no address.

use std::net::Ipv4Addr;

use base::Mac;
use dhcp::wire::{Header, Kind, option};
use ethernet::EtherType;
use expect_test::expect;
use ip::{Cidr, Packet, Protocol, v4};

use super::*;
use crate::{AddError, DhcpConfig, DhcpNews};

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const CLIENT_MAC: Mac = Mac([2, 0, 0, 0, 9, 9]);
pub(super) const SERVER_MAC: Mac = Mac([2, 0, 0, 0, 2, 1]);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub(super) const GIVEN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);

/// A client's host, a server's, and a cable between them. Hosts that follow the client's may stand behind
/// other queues of its device.
pub(super) struct Office {
    pub(super) net: Net,
    /// What the server answers to each question, if it is one that it answers.
    offers: Vec<(u8, Vec<u8>)>,
    given: Ipv4Addr,
    pub(super) is_silent: bool,
    /// What was asked: the kind, from where, to where.
    pub(super) heard: Vec<(Kind, String)>,
    /// Which host the device gives the server's answers to.
    pub(super) answers_at: usize,
    /// How much of what befell the lease those were told who follow.
    told: usize,
}

impl Office {
    pub(super) fn new(layers: &[Layer], claim: Claim) -> Self {
        let mut net = Net::new(layers);
        let client = net.add_host(&[]);
        let server = net.add_host(&["10.0.0.1/24"]);
        net.cables.push([(client, IF1), (server, IF1)]);
        let config = InterfaceConfig::ethernet("eth", CLIENT_MAC, 1500);
        assert_eq!(net.hosts[client].add_interface(config), Some(IF1));
        let offers = vec![
            (option::SERVER_ID, vec![10, 0, 0, 1]),
            (option::LEASE_TIME, 600u32.to_be_bytes().to_vec()),
            (option::SUBNET_MASK, vec![255, 255, 255, 0]),
            (option::ROUTER, vec![10, 0, 0, 1]),
            (option::DNS_SERVERS, vec![10, 0, 0, 1, 10, 0, 0, 2]),
            (option::DOMAIN_NAME, b"office.test".to_vec()),
        ];
        let (is_silent, heard, answers_at, told) = (false, Vec::new(), 0, 0);
        let mut office = Self { net, offers, given: GIVEN, is_silent, heard, answers_at, told };
        office.start(claim).unwrap();
        office
    }

    pub(super) fn start(&mut self, claim: Claim) -> Result<(), AddError> {
        let client = dhcp::Config { start_delay_max: Duration::ZERO, ..dhcp::Config::default() };
        self.net.with(0, |cx, host| host.dhcp(cx, IF1, DhcpConfig { client, claim }))
    }

    pub(super) fn say(&mut self, code: u8, value: &[u8]) {
        self.offers.retain(|(other, _)| *other != code);
        self.offers.push((code, value.to_vec()));
    }

    /// Lets `duration` pass. The server looks at what is on the cable before it arrives.
    pub(super) fn run(&mut self, duration: Duration) {
        let end = self.net.now.after(duration);
        loop {
            self.net.run(Duration::ZERO);
            self.look();
            self.share();
            if self.net.now >= end {
                return;
            }
            let timers = self.net.hosts.iter().filter_map(Host::poll_timeout);
            let next = timers.min().unwrap_or(end).min(end).since(self.net.now);
            let is_idle = self.net.in_flight.is_empty();
            self.net.run(if is_idle { next } else { DELAY / 2 });
        }
    }

    fn look(&mut self) {
        let frames = std::mem::take(&mut self.net.in_flight);
        for (due, to, interface, frame) in frames {
            match question(&frame.bytes).filter(|_| to == 1) {
                Some((bytes, ends)) => self.answer(bytes, ends),
                None => self.net.in_flight.push_back((due, to, interface, frame)),
            }
        }
    }

    fn answer(&mut self, bytes: &[u8], ends: String) {
        let (question, options) = Header::parse(bytes).unwrap();
        let kind = options.kind().unwrap();
        self.heard.push((kind, ends));
        let answer = match kind {
            Kind::Discover => Kind::Offer,
            Kind::Request => Kind::Ack,
            _ => return,
        };
        if self.is_silent {
            return;
        }
        let header = Header { is_reply: true, yiaddr: self.given, ..question };
        let mut out = TxBuf::new();
        let kind = [answer.number()];
        let options = self.offers.iter().map(|(code, value)| (*code, &value[..]));
        header.emit([(option::MESSAGE_TYPE, &kind[..])].into_iter().chain(options), &mut out);
        // RFC 2131 §4.1: to the hardware address, whatever address that has by now.
        let (from, to) = (SERVER.into(), self.given.into());
        udp::Header { source_port: 67, destination_port: 68 }.emit(from, to, &mut out);
        v4::Header::new(SERVER, self.given, Protocol::UDP, 64).emit(&mut out);
        let ethertype = EtherType::Ipv4;
        ethernet::Header { destination: CLIENT_MAC, source: SERVER_MAC, tag: None, ethertype }
            .emit(&mut out);
        // The checksum is left open, as a kernel leaves it that has the other end of a device.
        let frame = Frame { bytes: out.as_slice().to_vec(), open: out.offload() };
        let due = self.net.now.after(DELAY);
        self.net.in_flight.push_back((due, self.answers_at, IF1, frame));
    }

    /// Those behind the other queues hear what is handed to them, and what became of the lease.
    fn share(&mut self) {
        let stations: Vec<usize> = (0..self.net.hosts.len()).filter(|host| *host != 1).collect();
        let mut out = TxBuf::new();
        for from in &stations {
            while self.net.hosts[*from].poll_stray(&mut out) == Some(IF1) {
                let frame = RxFrame::new(out.as_slice());
                for to in stations.iter().filter(|to| *to != from) {
                    self.net.with(*to, |cx, host| host.handle_stray(cx, IF1, &frame));
                }
            }
        }
        let is_news =
            |(host, event): &&(usize, Event)| *host == 0 && matches!(event, Event::Dhcp { .. });
        let news = self.net.events.iter().filter(is_news).count();
        if news != std::mem::replace(&mut self.told, news) {
            let leased = self.client().leased(self.net.now, IF1);
            for to in stations.iter().skip(1) {
                self.net.with(*to, |cx, host| host.follow_lease(cx, IF1, leased.as_ref())).unwrap();
            }
        }
    }

    pub(super) fn news(&mut self) -> Vec<DhcpNews> {
        let events = std::mem::take(&mut self.net.events);
        self.told = 0;
        let of = |(host, event)| match event {
            Event::Dhcp { interface: IF1, news } if host == 0 => Some(news),
            _ => None,
        };
        events.into_iter().filter_map(of).collect()
    }

    pub(super) fn client(&self) -> &Host {
        &self.net.hosts[0]
    }

    fn addresses(&self) -> Vec<Cidr> {
        self.addresses_of(0)
    }

    fn routes(&self) -> Vec<String> {
        self.routes_of(0)
    }

    fn dns(&self) -> Vec<String> {
        self.dns_of(0)
    }

    pub(super) fn addresses_of(&self, host: usize) -> Vec<Cidr> {
        let own = self.net.hosts[host].addresses().iter().filter(|own| own.interface == IF1);
        own.map(|own| own.cidr).collect()
    }

    pub(super) fn routes_of(&self, host: usize) -> Vec<String> {
        let line = |route: &Route| match route.gateway {
            Some(gateway) => format!("{} {gateway}", route.to),
            None => format!("{} link", route.to),
        };
        let routes = self.net.hosts[host].routes();
        routes.filter(|route| route.interface == IF1).map(line).collect()
    }

    pub(super) fn dns_of(&self, host: usize) -> Vec<String> {
        let host = &self.net.hosts[host];
        let servers = host.dns_servers(self.net.now, None);
        let domains = host.dns_domains(self.net.now, None);
        let servers = servers.map(|server| server.address.to_string());
        servers.chain(domains.map(|domain| domain.name.clone())).collect()
    }
}

/// What a frame says to servers of DHCP, if it does, and from where to where.
fn question(frame: &[u8]) -> Option<(&[u8], String)> {
    let (header, packet) = ethernet::Header::parse(frame).ok()?;
    let packet = (header.ethertype == EtherType::Ipv4).then(|| Packet::parse(packet).ok())??;
    let (from, to) = (packet.source, packet.destination);
    let is_udp = packet.protocol == Protocol::UDP;
    let datagram = is_udp.then(|| udp::Header::parse(packet.payload, from, to, false).ok())??;
    (datagram.0.destination_port == 67).then(|| (datagram.1, format!("{from} to {to}")))
}

//= test RFC 2131 §4.1: from nobody to everybody, and the answer comes before the address is ours
#[test]
fn a_host_without_an_address_gets_one() {
    let mut office = Office::new(&[Layer::Application, Layer::Network], Claim::Announce);
    office.run(SECOND);
    expect![[r#"
        0.000000s Application DhcpState from=Stopped to=Init
        0.000000s Application DhcpState from=Init to=Selecting
        0.000000s Application DhcpOut kind=Discover xid=871202015 to=255.255.255.255
        0.000000s Network PacketOut from=0.0.0.0 to=255.255.255.255 carries=UDP len=308
        0.001000s Network PacketIn from=10.0.0.1 to=10.0.0.9 carries=UDP len=308
        0.001000s Application DhcpIn kind=Offer xid=871202015 from=10.0.0.1
        0.001000s Application DhcpState from=Selecting to=Requesting
        0.001000s Application DhcpOut kind=Request xid=871202015 to=255.255.255.255
        0.001000s Network PacketOut from=0.0.0.0 to=255.255.255.255 carries=UDP len=308
        0.002000s Network PacketIn from=10.0.0.1 to=10.0.0.9 carries=UDP len=308
        0.002000s Application DhcpIn kind=Ack xid=871202015 from=10.0.0.1
        0.002000s Application LeaseGranted address=10.0.0.9/24 server=10.0.0.1 seconds=Some(600)
        0.002000s Application DhcpState from=Requesting to=Checking
        0.002000s Application DhcpState from=Checking to=Bound
    "#]]
    .assert_eq(&office.net.film());
    assert_eq!(office.news(), [DhcpNews::Bound]);
    assert_eq!(office.addresses(), ["10.0.0.9/24".parse().unwrap()]);
    assert_eq!(office.routes(), ["0.0.0.0/0 10.0.0.1", "10.0.0.0/24 link"]);
    assert_eq!(office.dns(), ["10.0.0.1", "10.0.0.2", "office.test"]);
    assert_eq!(office.start(Claim::Announce), Err(AddError::Exists));
    // The address works.
    assert!(office.net.with(0, |cx, host| host.ping(cx, ip("10.0.0.1"), (1, 1), b"there?")));
    office.run(SECOND);
    assert!(
        office.net.events.iter().any(|(host, event)| *host == 0 && matches!(event, Event::Pong(_)))
    );
}

//= test RFC 2131 §4.4.1: it is asked first whether somebody has the address
//= test RFC 2131 §4.4.4: who finds somebody tells the server
#[test]
fn an_address_that_somebody_has_is_declined() {
    let mut office = Office::new(&[Layer::Application], Claim::Probe);
    let taken = "10.0.0.9/24".parse().unwrap();
    office.net.with(1, |cx, host| host.add_address(cx, IF1, taken, Claim::Silent)).unwrap();
    office.run(SECOND * 5);
    assert_eq!(office.heard.last().unwrap(), &(Kind::Decline, "0.0.0.0 to 255.255.255.255".into()));
    assert_eq!(
        (office.addresses(), office.news()),
        (vec![], vec![DhcpNews::Lost(dhcp::Lost::Conflict)])
    );
    office.given = Ipv4Addr::new(10, 0, 0, 10);
    office.run(SECOND * 20);
    assert_eq!(office.addresses(), ["10.0.0.10/24".parse().unwrap()]);
    assert_eq!(office.news(), [DhcpNews::Bound]);
}

//= test RFC 5227 §2.4: who is found later wins, if defending does not help; the server is told too
#[test]
fn an_address_is_lost_to_somebody_who_insists() {
    let mut office = Office::new(&[Layer::Application], Claim::Announce);
    office.run(SECOND * 5);
    assert_eq!(office.news(), [DhcpNews::Bound]);
    let taken = "10.0.0.9/24".parse().unwrap();
    for _ in 0..2 {
        office.net.with(1, |cx, host| host.add_address(cx, IF1, taken, Claim::Announce)).unwrap();
        office.run(SECOND);
        office.net.hosts[1].remove_address(GIVEN.into());
    }
    assert_eq!(office.news(), [DhcpNews::Lost(dhcp::Lost::Conflict)]);
    assert_eq!(office.heard.last().unwrap().0, Kind::Decline);
    assert!(office.addresses().is_empty() && office.routes().is_empty() && office.dns().is_empty());
}

//= test RFC 2131 §4.4.5: the server is asked at half of the time, alone; what it says then counts
#[test]
fn a_lease_is_renewed_and_follows_what_the_server_says() {
    let mut office = Office::new(&[Layer::Application], Claim::Announce);
    office.run(SECOND);
    let fixed = Route::via("192.0.2.0/24".parse().unwrap(), IF1, ip("10.0.0.3"));
    office.net.hosts[0].add_route(fixed).unwrap();
    // 198.51.100/24 is behind 10.0.0.7, 203.0.113/24 on the link; somebody else knows names.
    let routes = [&[24, 198, 51, 100, 10, 0, 0, 7][..], &[24, 203, 0, 113, 0, 0, 0, 0]].concat();
    office.say(option::CLASSLESS_ROUTES, &routes);
    office.say(option::DNS_SERVERS, &[10, 0, 0, 3]);
    office.say(option::INTERFACE_MTU, &[2, 88]);
    office.run(SECOND * 301);
    assert_eq!(office.heard.last().unwrap(), &(Kind::Request, "10.0.0.9 to 10.0.0.1".into()));
    assert_eq!(office.news(), [DhcpNews::Bound, DhcpNews::Renewed]);
    let expected = [
        "10.0.0.0/24 link",
        "192.0.2.0/24 10.0.0.3",
        "198.51.100.0/24 10.0.0.7",
        "203.0.113.0/24 link",
    ];
    assert_eq!(office.routes(), expected);
    assert_eq!(office.dns(), ["10.0.0.3", "office.test"]);
    let own = office.client().network.interface(IF1).unwrap();
    assert_eq!((own.mtu(false), own.mtu(true)), (600, 1500), "for IPv4");
    // Nobody answers any more: it ends, and all that came with it; what is the operator's stays.
    office.is_silent = true;
    office.run(SECOND * 599);
    assert!(office.heard.contains(&(Kind::Request, "0.0.0.0 to 255.255.255.255".into())));
    assert_eq!(office.news(), [DhcpNews::Lost(dhcp::Lost::Expired)]);
    assert!(office.addresses().is_empty() && office.dns().is_empty());
    assert_eq!(office.routes(), ["192.0.2.0/24 10.0.0.3"]);
    assert_eq!(office.client().network.interface(IF1).unwrap().mtu(false), 1500);
}

//= test RFC 2131 §4.4.6: what is given back is gone once the server was told, from the address itself
#[test]
fn an_address_is_given_back() {
    let mut office = Office::new(&[Layer::Application], Claim::Announce);
    office.run(SECOND);
    assert!(office.net.with(0, |cx, host| host.dhcp_release(cx, IF1)));
    office.run(SECOND);
    assert_eq!(office.heard.last().unwrap(), &(Kind::Release, "10.0.0.9 to 10.0.0.1".into()));
    assert_eq!(office.news(), [DhcpNews::Bound, DhcpNews::Lost(dhcp::Lost::Released)]);
    assert!(office.addresses().is_empty() && office.routes().is_empty());
    // And it can be had again.
    office.start(Claim::Announce).unwrap();
    office.run(SECOND);
    assert_eq!(office.news(), [DhcpNews::Bound]);
}

/// Cloud providers give networks of one address, with a router outside.
#[test]
fn a_network_of_one_has_its_router_on_the_link() {
    let mut office = Office::new(&[Layer::Application], Claim::Announce);
    office.say(option::SUBNET_MASK, &[255; 4]);
    office.run(SECOND);
    let expected = ["0.0.0.0/0 10.0.0.1", "10.0.0.1/32 link", "10.0.0.9/32 link"];
    assert_eq!(office.routes(), expected);
    assert!(office.net.with(0, |cx, host| host.ping(cx, ip("10.0.0.1"), (1, 1), b"there?")));
    office.run(SECOND);
    let is_pong = |(host, event): &(usize, Event)| *host == 0 && matches!(event, Event::Pong(_));
    assert!(office.net.events.iter().any(is_pong));
}

#[test]
fn only_a_client_hears_what_is_for_clients() {
    let mut office = Office::new(&[Layer::Network, Layer::Transport], Claim::Announce);
    office.run(SECOND);
    assert!(office.net.hosts[0].remove_interface(IF1), "and its client with it");
    assert_eq!(office.client().dhcp_clients().count(), 0);
    office.run(SECOND);
    // A host that no client listens on treats the port like any other.
    let mut net = Net::pair(&[Layer::Transport]);
    let socket = net.hosts[0].udp_bind(at("0.0.0.0:67")).unwrap();
    net.hosts[0].udp_send(socket, Some(at("10.0.0.2:68")), b"x").unwrap();
    net.run(SECOND);
    assert!(net.film().contains("to=10.0.0.2:68 why=NobodyListens"), "{}", net.film());
    let client = DhcpConfig::default();
    let tun = net.hosts[0].add_interface(InterfaceConfig::point_to_point("tun", 1400)).unwrap();
    for (interface, error) in [(InterfaceId(9), AddError::NoInterface), (tun, AddError::NoEthernet)]
    {
        let client = client.clone();
        assert_eq!(net.with(0, |cx, host| host.dhcp(cx, interface, client)), Err(error));
    }
}
