//! `net`: the network of our own that sites are served over.

use std::net::IpAddr;

use base::Mac;
use clap::ValueEnum;
use ip::Prefix;
use server::Address;

use super::problem::{At, Problem, Problems};
use super::tree::{Node, all, one};
use crate::network::{Given, MTU_DEFAULT, MTU_MIN, Part, Probe, Wanted};
use crate::serve::Place;

/// Makes sense of the block.
pub(super) fn net(node: &Node, problems: &mut Problems) -> Option<Wanted> {
    let block = &node.block;
    let given: Vec<_> = all(block, "address").flat_map(|node| node.given("address")).collect();
    let has = |wanted| given.iter().any(|(given, _)| *given == wanted);
    let fixed = given.iter().filter_map(|(given, at)| match given {
        Given::Fixed(cidr) => Some((*cidr, *at)),
        Given::Auto | Given::Dhcp => None,
    });
    let (addresses, address_at): (Vec<_>, Vec<&At>) = fixed.unzip();
    let (gateways, gateway_at): (Vec<_>, Vec<&At>) =
        all(block, "gateway").flat_map(|node| node.ips("address")).unzip();
    let (dns, dns_at): (Vec<_>, Vec<&At>) =
        all(block, "dns").flat_map(|node| node.ips("address")).unzip();
    let (routes, route_at): (Vec<_>, Vec<&At>) =
        all(block, "route").filter_map(|node| Some((read_route(node)?, &node.at))).unzip();
    let (neighbors, neighbor_at): (Vec<_>, Vec<&At>) = all(block, "neighbor")
        .filter_map(|node| Some((read_neighbor(node, problems)?, &node.at)))
        .unzip();
    let mtu = one(block, "mtu");
    let capture = one(block, "capture").and_then(|node| node.path("file").map(Into::into));
    let wanted = Wanted {
        device: node.text("device")?.to_owned(),
        addresses,
        auto: has(Given::Auto),
        dhcp: has(Given::Dhcp),
        gateways,
        routes,
        neighbors,
        dns,
        mtu: mtu.map_or(MTU_DEFAULT, |node| read_mtu(node, problems)),
        capture,
        probe: one(block, "probe").map_or(Probe::Auto, |node| read_probe(node, problems)),
    };
    // An address that cannot be read has its own problem.
    if all(block, "address").next().is_none() {
        let problem = Problem::at(&node.at, format!("we have no address on {}", wanted.device));
        problems.push(problem.with_hint(
            "add address \"10.77.0.2/24\", or another of its network, \"auto\" or \"dhcp\"",
        ));
    }
    for wrong in wanted.wrong() {
        let at = match wrong.part {
            Part::Address(n) => address_at.get(n).copied(),
            Part::Gateway(n) => gateway_at.get(n).copied(),
            Part::Route(n) => route_at.get(n).copied(),
            Part::Neighbor(n) => neighbor_at.get(n).copied(),
            Part::Dns(n) => dns_at.get(n).copied(),
            Part::Mtu => mtu.map(|node| &node.at),
        };
        let problem = Problem::at(at.unwrap_or(&node.at), wrong.what);
        problems.push(match wrong.hint {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        });
    }
    Some(wanted)
}

/// A network, and who passes on what is for it.
fn read_route(node: &Node) -> Option<(Prefix, Option<IpAddr>)> {
    let to = node.networks("to").into_iter().next()?;
    let via = node.ips("via").next().map(|(via, _)| via);
    Some((Prefix::new(to.network(), to.prefix_len())?, via))
}

/// A neighbour, and where it is.
fn read_neighbor(node: &Node, problems: &mut Problems) -> Option<(IpAddr, Mac)> {
    let (address, _) = node.ips("address").next()?;
    let mac = node.mac("mac");
    if mac.is_none() {
        let problem = Problem::at(&node.at, format!("where is {address}?"));
        problems
            .push(problem.with_hint("write its hardware address, as mac=\"02:00:5e:10:00:01\""));
    }
    Some((address, mac?))
}

/// How long packets are; what is no length has the usual one and a problem.
fn read_mtu(node: &Node, problems: &mut Problems) -> u16 {
    let Some(bytes) = node.number("bytes") else { return MTU_DEFAULT };
    match u16::try_from(bytes).ok().filter(|mtu| *mtu >= MTU_MIN) {
        Some(mtu) => mtu,
        None => {
            let what = format!("packets have {MTU_MIN} to {} bytes", u16::MAX);
            problems.push(Problem::at(&node.at, what));
            MTU_DEFAULT
        }
    }
}

/// When addresses are probed, in the words of the command line.
fn read_probe(node: &Node, problems: &mut Problems) -> Probe {
    let Some((text, at)) = node.texts("when").next() else { return Probe::Auto };
    Probe::from_str(text, false).unwrap_or_else(|_| {
        let all = Probe::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let all: Vec<_> = all.map(|value| format!("\"{}\"", value.get_name())).collect();
        let problem = Problem::at(at, format!("there is no time called {text:?}"));
        problems.push(problem.with_hint(format!("write one of {}", all.join(", "))));
        Probe::Auto
    })
}

/// Sites are served at addresses of ours, and at sockets in the file system.
pub(super) fn check_places(nodes: &[Node], wanted: &Wanted, problems: &mut Problems) {
    for node in all(nodes, "listen") {
        if let Some(key) = one(&node.block, "congestion-control") {
            let what = "our own TCP always uses CUBIC";
            problems.push(Problem::at(&key.at, what).with_hint("leave this away, or `net`"));
        }
        let Some(Place::Address(Address::Ip(asked))) = node.address("address") else { continue };
        let is_ours = asked.ip().is_unspecified() || wanted.ips().any(|own| own == asked.ip());
        // What routers and servers give is known when they have given it.
        let is_known = !wanted.is_dynamic(asked.is_ipv6()) && !wanted.addresses.is_empty();
        if !is_ours && is_known {
            let what = format!("`net` has no address {}", asked.ip());
            let own: Vec<_> = wanted.ips().map(|own| own.to_string()).collect();
            let problem = Problem::at(&node.at, what);
            problems.push(problem.with_hint(format!("it has {}", own.join(", "))));
        }
    }
}
