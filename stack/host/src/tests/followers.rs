//! Hosts that follow the lease of another one, behind other queues of the same device.

use dhcp::wire::{Kind, option};
use neighbor::wire::{Operation, Packet};
use udp::Header;

use super::leases::{CLIENT_MAC, GIVEN, Office, SECOND, SERVER_MAC};
use super::*;
use crate::{AddError, DhcpConfig, DhcpNews, concerns_all_queues};

/// Whoever follows.
const FOLLOWER: usize = 2;

impl Office {
    /// One more host with the client's hardware address, and no cable: it hears what the device gives it.
    fn add_follower(&mut self) {
        let number = self.net.add_host(&[]);
        let config = InterfaceConfig::ethernet("eth", CLIENT_MAC, 1500);
        let host = &mut self.net.hosts[number];
        assert_eq!(host.add_interface(config), Some(IF1));
        for station in [0, number] {
            assert!(self.net.hosts[station].share_interface(IF1));
        }
        self.net.frames = Some(Vec::new());
    }

    /// Everything that a lease brings, at a host.
    fn brought(&self, host: usize) -> (Vec<ip::Cidr>, Vec<String>, Vec<String>, usize) {
        let mtu = self.net.hosts[host].network.interface(IF1).unwrap().mtu(false);
        (self.addresses_of(host), self.routes_of(host), self.dns_of(host), mtu)
    }

    /// How many frames a host has sent so far.
    fn sent_by(&self, host: usize) -> usize {
        self.net.frames.iter().flatten().filter(|(from, _)| *from == host).count()
    }
}

//= test RFC 2131 §4.1: a server's answer is heard wherever the device gives it
#[test]
fn who_follows_has_what_the_leader_leases() {
    let mut office = Office::new(&[Layer::Network, Layer::Application], Claim::Probe);
    office.add_follower();
    office.answers_at = FOLLOWER;
    office.run(SECOND * 3);
    assert!(office.brought(FOLLOWER).0.is_empty(), "it is not in use before it was probed");
    office.run(SECOND * 9);
    assert_eq!(office.news(), [DhcpNews::Bound]);
    assert_eq!(office.addresses_of(0), ["10.0.0.9/24".parse().unwrap()]);
    assert_eq!(office.brought(FOLLOWER), office.brought(0));
    // In the middle of its time the server says something else, also of the network.
    office.say(option::DNS_SERVERS, &[10, 0, 0, 3]);
    office.say(option::SUBNET_MASK, &[255, 255, 0, 0]);
    office.say(option::INTERFACE_MTU, &[2, 88]);
    office.run(SECOND * 301);
    assert_eq!(office.heard.last().unwrap().0, Kind::Request);
    assert_eq!(office.news(), [DhcpNews::Renewed]);
    assert_eq!(office.routes_of(0), ["0.0.0.0/0 10.0.0.1", "10.0.0.0/16 link"]);
    assert_eq!(office.brought(0).3, 600);
    assert_eq!(office.brought(FOLLOWER), office.brought(0));
    // Nobody answers any more.
    office.is_silent = true;
    office.run(SECOND * 601);
    assert_eq!(office.news(), [DhcpNews::Lost(dhcp::Lost::Expired)]);
    assert_eq!(office.brought(FOLLOWER), (vec![], vec![], vec![], 1500));
    assert_eq!(office.sent_by(FOLLOWER), 0, "it has said nothing");
    assert_eq!(office.net.film().matches("HandedOver").count(), 3, "offer, and yes twice");
}

#[test]
fn who_comes_late_has_what_is_left() {
    let mut office = Office::new(&[Layer::Application], Claim::Announce);
    office.run(SECOND * 100);
    office.add_follower();
    let leased = office.client().leased(office.net.now, IF1).unwrap();
    // It is counted from when it was asked for, which is a frame's time later here.
    assert_eq!(leased.left, Some(SECOND * 500 + DELAY));
    // The other host's clock shows something else.
    office.net.now = office.net.now.after(SECOND * 1000);
    for _ in 0..2 {
        let followed = |cx: &mut Cx<'_>, host: &mut Host| host.follow_lease(cx, IF1, Some(&leased));
        office.net.with(FOLLOWER, followed).unwrap();
        let ends = office.net.now.after(SECOND * 500 + DELAY);
        let host = &office.net.hosts[FOLLOWER];
        assert!(host.dns_servers(office.net.now, None).all(|server| server.ends == ends));
        assert_eq!(host.leased_address(IF1).map(|own| own.address()), Some(GIVEN.into()));
    }
    // Whose it is, is his who leads.
    let config = DhcpConfig::default();
    let begun = office.net.with(FOLLOWER, |cx, host| host.dhcp(cx, IF1, config));
    assert_eq!(begun, Err(AddError::Exists));
    for (interface, why) in [(IF1, AddError::Exists), (InterfaceId(9), AddError::NoInterface)] {
        let followed =
            office.net.with(0, |cx, host| host.follow_lease(cx, interface, Some(&leased)));
        assert_eq!(followed, Err(why));
    }
    // An address that it has by other means stays, and nothing of the lease is there.
    office.net.with(FOLLOWER, |cx, host| host.follow_lease(cx, IF1, None)).unwrap();
    assert!(office.brought(FOLLOWER).0.is_empty());
    let own = "10.0.0.9/8".parse().unwrap();
    office.net.with(FOLLOWER, |cx, host| host.add_address(cx, IF1, own, Claim::Silent)).unwrap();
    let followed = office.net.with(FOLLOWER, |cx, host| host.follow_lease(cx, IF1, Some(&leased)));
    assert_eq!(followed, Err(AddError::Exists));
    assert_eq!(office.brought(FOLLOWER), (vec![own], vec!["10.0.0.0/8 link".into()], vec![], 1500));
}

//= test RFC 2131 §4.4.4: one host declines what somebody else has, however many have heard of it
//= test RFC 5227 §2.4: one host defends it before
#[test]
fn who_follows_leaves_conflicts_to_the_leader() {
    let mut office = Office::new(&[Layer::Application], Claim::Announce);
    office.add_follower();
    office.run(SECOND * 5);
    assert_eq!(office.news(), [DhcpNews::Bound]);
    let announcement = {
        let (operation, theirs) = (Operation::Request, (SERVER_MAC, GIVEN));
        let mut out = TxBuf::new();
        Packet { operation, sender: theirs, target: (Mac::UNSPECIFIED, GIVEN) }.emit(&mut out);
        let (destination, source) = (Mac::BROADCAST, SERVER_MAC);
        let ethertype = ethernet::EtherType::Arp;
        ethernet::Header { destination, source, tag: None, ethertype }.emit(&mut out);
        out.as_slice().to_vec()
    };
    assert!(concerns_all_queues(phys::Medium::Ethernet, &announcement));
    // Those who follow hear it first; the leader gets to know it later, or not at all.
    for (times, is_there) in [(3, true), (2, false)] {
        let frame = RxFrame::new(&announcement);
        for n in 0..times {
            office.net.with(FOLLOWER, |cx, host| host.handle_stray(cx, IF1, &frame));
            if n < 2 && !is_there {
                office.net.with(0, |cx, host| host.handle_frame(cx, IF1, &frame));
            }
            office.run(SECOND);
        }
        assert_eq!(office.net.hosts[FOLLOWER].leased_address(IF1).is_some(), is_there);
    }
    assert_eq!(office.news(), [DhcpNews::Lost(dhcp::Lost::Conflict)]);
    let declined = office.heard.iter().filter(|(kind, _)| *kind == Kind::Decline).count();
    assert_eq!((declined, office.sent_by(FOLLOWER)), (1, 0));
    assert_eq!(office.brought(FOLLOWER), (vec![], vec![], vec![], 1500));
}

#[test]
fn what_is_for_clients_is_answered_by_nobody_who_shares_a_device() {
    let mut office = Office::new(&[Layer::Network], Claim::Announce);
    office.add_follower();
    office.run(SECOND);
    assert!(office.net.with(0, |cx, host| host.dhcp_release(cx, IF1)));
    office.run(SECOND);
    assert_eq!(office.news().last(), Some(&DhcpNews::Lost(dhcp::Lost::Released)));
    let sent = [0, FOLLOWER].map(|host| office.sent_by(host));
    // Nobody has a client any more. Each hands it to the other, and neither back.
    let mut out = TxBuf::new();
    out.append(b"to whom it may concern");
    let (from, to) = (ip("10.0.0.1"), IpAddr::from(GIVEN));
    Header { source_port: 67, destination_port: 68 }.emit(from, to, &mut out);
    ip::v4::Header::new([10, 0, 0, 1].into(), GIVEN, ip::Protocol::UDP, 64).emit(&mut out);
    let (destination, source, ethertype) = (CLIENT_MAC, SERVER_MAC, ethernet::EtherType::Ipv4);
    ethernet::Header { destination, source, tag: None, ethertype }.emit(&mut out);
    out.finish_checksum();
    let frame = RxFrame::new(out.as_slice());
    for station in [0, FOLLOWER] {
        let own = "10.0.0.9/24".parse().unwrap();
        office.net.with(station, |cx, host| host.add_address(cx, IF1, own, Claim::Silent)).unwrap();
        office.net.with(station, |cx, host| host.handle_frame(cx, IF1, &frame));
        office.run(SECOND);
    }
    let film = office.net.film();
    assert_eq!(film.matches("HandedOver").count(), 2, "{film}");
    assert_eq!([0, FOLLOWER].map(|host| office.sent_by(host)), sent);
}
