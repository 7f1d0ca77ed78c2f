//! Routers that name another one, in IPv4.

use base::checksum::Sum;
use ethernet::EtherType;
use ip::{Protocol, v4};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A host, 10.0.1.1, whose gateway is 10.0.1.254, with another router at 10.0.1.253.
fn scene() -> Net {
    let mut net = Net::new(&[Layer::Network]);
    let hosts = ["10.0.1.1/24", "10.0.1.254/24"].map(|address| net.add_host(&[address]));
    net.hosts[0].add_route(Route::via(Prefix::ALL_V4, IF1, ip("10.0.1.254"))).unwrap();
    net.cables.push(hosts.map(|host| (host, IF1)));
    net
}

/// The host hears from `from` that what it sent from `source` to `destination` goes better by `target`.
fn hear(net: &mut Net, from: &str, target: &str, (source, destination): (&str, &str)) {
    let v4 = |text: &str| text.parse::<std::net::Ipv4Addr>().unwrap();
    let mut quote = TxBuf::new();
    quote.append(&[0; 8]);
    v4::Header::new(v4(source), v4(destination), Protocol::UDP, 64).emit(&mut quote);
    let mut message = vec![5, 1, 0, 0];
    message.extend(v4(target).octets());
    message.extend(quote.as_slice());
    let mut sum = Sum::new();
    sum.add(&message);
    message[2..4].copy_from_slice(&sum.finish().to_be_bytes());
    let mut out = TxBuf::new();
    out.append(&message);
    v4::Header::new(v4(from), v4("10.0.1.1"), Protocol::ICMP, 255).emit(&mut out);
    let (destination, source) = (Mac([2, 0, 0, 0, 1, 1]), Mac([2, 0, 0, 0, 2, 1]));
    let (tag, ethertype) = (None, EtherType::Ipv4);
    ethernet::Header { destination, source, tag, ethertype }.emit(&mut out);
    let frame = RxFrame::new(out.as_slice());
    net.with(0, |cx, host| host.handle_frame(cx, IF1, &frame));
}

fn gateway(net: &Net, to: &str) -> Option<IpAddr> {
    net.hosts[0].route_to(ip(to)).unwrap().gateway
}

//= test RFC 1122 §3.2.2.2: a redirect is followed if the gateway that we use sends it, and names one of the
//= same link
#[test]
fn redirects_of_ipv4_are_followed_by_rule() {
    let mut net = scene();
    let ours = ("10.0.1.1", "192.0.2.1");
    // Another router says so; one of another link is named; or we have sent no such packet, or a packet
    // that another router has.
    hear(&mut net, "10.0.1.253", "10.0.1.253", ours);
    hear(&mut net, "10.0.1.254", "10.0.2.253", ours);
    hear(&mut net, "10.0.1.254", "10.0.1.1", ours);
    hear(&mut net, "10.0.1.254", "10.0.1.253", ("10.0.1.9", "192.0.2.1"));
    hear(&mut net, "10.0.1.254", "10.0.1.253", ("10.0.1.1", "10.0.1.7"));
    assert_eq!(gateway(&net, "192.0.2.1"), Some(ip("10.0.1.254")));
    assert_eq!(gateway(&net, "10.0.1.7"), None);
    assert_eq!(net.film().matches("why=Redirect").count(), 5, "{}", net.film());
    hear(&mut net, "10.0.1.254", "10.0.1.253", ours);
    assert_eq!(gateway(&net, "192.0.2.1"), Some(ip("10.0.1.253")));
    assert_eq!(gateway(&net, "192.0.2.2"), Some(ip("10.0.1.254")), "others go as before");
    // Nobody is there: back to the gateway.
    assert!(net.with(0, |cx, host| host.ping(cx, ip("192.0.2.1"), (7, 1), b"")));
    net.run(15 * SECOND);
    assert_eq!(gateway(&net, "192.0.2.1"), Some(ip("10.0.1.254")), "{}", net.film());
    // A liar makes neither many routes nor many changes.
    for n in 0..2000u16 {
        let [a, b] = n.to_be_bytes();
        let ours = ("10.0.1.1", &format!("198.18.{a}.{b}")[..]);
        hear(&mut net, "10.0.1.254", "10.0.1.253", ours);
        net.now = net.now.after(SECOND / 20);
    }
    assert!(net.hosts[0].routes().count() <= 64 + 4, "{}", net.hosts[0].routes().count());
}
