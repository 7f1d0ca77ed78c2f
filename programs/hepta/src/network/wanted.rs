//! A network of our own as somebody wants it, on the command line or in a configuration file.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use base::Mac;
use clap::ValueEnum;
use host::DNS_SERVERS_MAX_EACH;
use ip::{Cidr, Prefix};

use neighbor::Claim;

use super::check_host;

/// How long packets are where nobody says otherwise: Ethernet's.
pub(crate) const MTU_DEFAULT: u16 = 1500;

/// The shortest MTU: a datagram that every host takes. (RFC 1122 §3.3.2)
pub(crate) const MTU_MIN: u16 = 576;

/// The same for links of IPv6. (RFC 8200 §5)
const MTU_MIN_V6: u16 = 1280;

/// An address as it is given to us: the thing itself, or where it is to come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Given {
    /// This one.
    Fixed(Cidr),
    /// Those that follow from what routers of IPv6 say.
    Auto,
    /// One that a server of DHCP gives.
    Dhcp,
}

/// A device, and what we are there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Wanted {
    /// The interface's name.
    pub(crate) device: String,
    /// Our addresses there, as far as they are given; the first makes our hardware address.
    pub(crate) addresses: Vec<Cidr>,
    /// Whether there are addresses of what routers of IPv6 say.
    pub(crate) auto: bool,
    /// Whether a server of DHCP is to give us one.
    pub(crate) dhcp: bool,
    /// Who passes on what is for other networks; one for each version of IP.
    pub(crate) gateways: Vec<IpAddr>,
    /// Other networks, and who passes on what is for each; nobody, if it is on the link.
    pub(crate) routes: Vec<(Prefix, Option<IpAddr>)>,
    /// Neighbours whose hardware addresses are known.
    pub(crate) neighbors: Vec<(IpAddr, Mac)>,
    /// Who knows the addresses of names.
    pub(crate) dns: Vec<IpAddr>,
    /// The longest packet that the device takes, in bytes.
    pub(crate) mtu: u16,
    /// Where every frame is written to, as pcapng.
    pub(crate) capture: Option<PathBuf>,
    /// Whether it is asked first if somebody has our addresses.
    pub(crate) probe: Probe,
}

/// When it is asked on the link whether somebody has an address, before it is used. (RFC 5227)
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Probe {
    /// Where others than this machine's kernel can be: on an interface that it has too, and a device
    /// that belongs to a bridge
    #[default]
    Auto,
    /// On every link that has Ethernet's addresses
    Always,
    /// Nobody is asked, everybody is told
    Never,
}

impl Probe {
    /// How an address is taken on a link on which others than this machine's kernel may be, or not.
    pub(crate) const fn claim(self, is_shared: bool, is_v6: bool) -> Claim {
        match (self, is_shared) {
            (Self::Always, _) | (Self::Auto, true) => Claim::Probe,
            // RFC 4862 §5.1: DupAddrDetectTransmits may be zero. The only other host is this machine's
            // kernel, whose addresses are known; and as long as we were asking, we could not say where
            // we are (RFC 4429 §3.2), so that for a second nobody would answer us.
            (_, false) if is_v6 => Claim::Silent,
            (Self::Never, _) | (Self::Auto, false) => Claim::Announce,
        }
    }
}

/// Something in it that cannot be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Wrong {
    /// Where.
    pub(crate) part: Part,
    /// What is wrong.
    pub(crate) what: String,
    /// What would be right, unless `what` says it.
    pub(crate) hint: Option<String>,
}

/// A part of what is wanted: which of the addresses, gateways and so on, counted from zero.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    Address(usize),
    Gateway(usize),
    Route(usize),
    Neighbor(usize),
    Dns(usize),
    Mtu,
}

impl Wanted {
    /// Our addresses, without their networks.
    pub(crate) fn ips(&self) -> impl Iterator<Item = IpAddr> {
        self.addresses.iter().map(Cidr::address)
    }

    /// All that cannot be, whatever the device is.
    pub(crate) fn wrong(&self) -> Vec<Wrong> {
        let addresses = (0..).zip(&self.addresses).filter_map(|(n, cidr)| {
            let is_taken = self.ips().take(n).any(|before| before == cidr.address());
            let what = match check_host(*cidr) {
                Err(error) => error.to_string(),
                Ok(()) if is_taken => format!("{} is one of our addresses already", cidr.address()),
                Ok(()) => return None,
            };
            Some(Wrong { part: Part::Address(n), what, hint: None })
        });
        let gateways = (0..).zip(&self.gateways).filter_map(|(n, gateway)| {
            let (what, hint) = self.wrong_gateway(n, *gateway)?;
            Some(Wrong { part: Part::Gateway(n), what, hint })
        });
        let routes = (0..).zip(&self.routes).filter_map(|(n, (to, via))| {
            let (what, hint) = self.wrong_route(n, *to, *via)?;
            Some(Wrong { part: Part::Route(n), what, hint })
        });
        let neighbors = (0..).zip(&self.neighbors).filter_map(|(n, (address, mac))| {
            let what = self.wrong_neighbor(n, *address, *mac)?;
            Some(Wrong { part: Part::Neighbor(n), what, hint: None })
        });
        let dns = self.dns.get(DNS_SERVERS_MAX_EACH).map(|_| {
            let what = format!("there are more than {DNS_SERVERS_MAX_EACH} servers of names");
            Wrong { part: Part::Dns(DNS_SERVERS_MAX_EACH), what, hint: None }
        });
        let all = addresses.chain(gateways).chain(routes).chain(neighbors).chain(dns);
        all.chain(self.wrong_mtu()).collect()
    }

    fn wrong_route(
        &self,
        n: usize,
        to: Prefix,
        via: Option<IpAddr>,
    ) -> Option<(String, Option<String>)> {
        if self.routes.iter().take(n).any(|(before, _)| *before == to) {
            return Some((format!("there is a way to {to} already"), None));
        }
        let via = via?;
        if via.is_ipv4() != to.network().is_ipv4() {
            return Some((
                format!("{via} passes on nothing for {to}: one is IPv4, one IPv6"),
                None,
            ));
        }
        self.wrong_neighbor_address(via)
    }

    fn wrong_neighbor(&self, n: usize, address: IpAddr, mac: Mac) -> Option<String> {
        if self.neighbors.iter().take(n).any(|(before, _)| *before == address) {
            return Some(format!("{address} stands here a second time"));
        }
        if !mac.is_station() {
            return Some(format!("{mac} is no single station"));
        }
        let (what, _) = self.wrong_neighbor_address(address)?;
        Some(what)
    }

    /// Whether addresses of this version of IP come from elsewhere.
    pub(crate) const fn is_dynamic(&self, is_v6: bool) -> bool {
        if is_v6 { self.auto } else { self.dhcp }
    }

    fn wrong_gateway(&self, n: usize, gateway: IpAddr) -> Option<(String, Option<String>)> {
        let version = if gateway.is_ipv4() { "IPv4" } else { "IPv6" };
        let before = self.gateways.iter().take(n);
        if before.into_iter().any(|before| before.is_ipv4() == gateway.is_ipv4()) {
            return Some((format!("there is a gateway of {version} already"), None));
        }
        self.wrong_neighbor_address(gateway)
    }

    /// Why `gateway` is nobody on our link.
    fn wrong_neighbor_address(&self, gateway: IpAddr) -> Option<(String, Option<String>)> {
        let version = if gateway.is_ipv4() { "IPv4" } else { "IPv6" };
        if self.ips().any(|own| own == gateway) {
            let hint = "a gateway is a neighbour that passes packets on";
            return Some((format!("{gateway} is our own address"), Some(hint.to_owned())));
        }
        // Routers of IPv6 are known by addresses of this kind, which every link has.
        let is_link_local = matches!(gateway, IpAddr::V6(v6) if v6.is_unicast_link_local());
        let is_near = |own: &Cidr| own.network().contains(gateway);
        if is_link_local || self.addresses.iter().any(is_near) {
            return None;
        }
        let networks =
            self.addresses.iter().filter(|own| own.address().is_ipv4() == gateway.is_ipv4());
        let networks: BTreeSet<_> = networks.map(Cidr::network).collect();
        let networks: Vec<_> = networks.iter().map(ToString::to_string).collect();
        let hint = match &*networks {
            [] if self.is_dynamic(gateway.is_ipv6()) => {
                "whoever gives us an address says who passes packets on".to_owned()
            }
            [] => format!("we have no address of {version}"),
            _ => format!("a gateway is a neighbour: take one of {}", networks.join(" or ")),
        };
        Some((format!("{gateway} is on no network of ours"), Some(hint)))
    }

    fn wrong_mtu(&self) -> Option<Wrong> {
        let has_v6 = self.auto || self.ips().any(|own| own.is_ipv6());
        let least = if has_v6 { MTU_MIN_V6 } else { MTU_MIN };
        (self.mtu < least).then(|| Wrong {
            part: Part::Mtu,
            what: format!(
                "links of {} take at least {least} bytes",
                if has_v6 { "IPv6" } else { "IPv4" }
            ),
            hint: None,
        })
    }

    /// What of a network that runs would have to change to become this one and cannot, in words.
    pub(crate) fn difference(&self, running: &Self) -> Option<&'static str> {
        let Self { device, mtu, capture, .. } = self;
        let differences = [
            (*device != running.device, "the device"),
            (*mtu != running.mtu, "the MTU"),
            (*capture != running.capture, "the file of the capture"),
        ];
        differences.into_iter().find_map(|(differs, what)| differs.then_some(what))
    }
}
