//! The network stack of our own at which sites are served (`--net`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{anyhow, bail, ensure};
use ip::{Cidr, InterfaceId};
use neighbor::Claim;
use server::{Address, Listener, NetworkSettings};

use super::options::Place;
use crate::network::{self, ForServer, Wanted};

/// A network of our own, before a worker runs it and after.
pub(super) struct OwnNetwork {
    /// What its device is called.
    pub(super) device: String,
    /// What it is now.
    wanted: Wanted,
    interface: InterfaceId,
    is_shared: bool,
    has_ethernet: bool,
    /// What a server of DHCP gave us at the start.
    leased: Option<IpAddr>,
    /// How many workers there are, each with a stack at a queue of the device.
    pub(super) workers: usize,
    /// Until workers have them.
    networks: Vec<server::Network>,
}

impl OwnNetwork {
    /// Opens the device that is wanted, and sets up what is to run there: a stack for each worker: as many as were
    /// `asked` for, or one for each core.
    ///
    /// # Errors
    ///
    /// What is missing, and what to do about it.
    pub(super) fn open(wanted: &Wanted, asked: Option<usize>) -> anyhow::Result<Self> {
        let ForServer { networks, device, interface, is_shared, has_ethernet, leased } =
            network::for_server(wanted, asked)?;
        let (wanted, workers) = (wanted.clone(), networks.len());
        Ok(Self { device, wanted, interface, is_shared, has_ethernet, leased, workers, networks })
    }

    /// What people who start it should know.
    pub(super) fn notice(&self) -> Option<String> {
        let probed = |own: &IpAddr| {
            let claim = self.wanted.probe.claim(self.is_shared, own.is_ipv6());
            self.has_ethernet && claim == Claim::Probe
        };
        let probed: Vec<_> = self.wanted.ips().filter(probed).map(|own| own.to_string()).collect();
        let (are, have) = if probed.len() > 1 { ("are", "them") } else { ("is", "it") };
        let of_probed = (!probed.is_empty()).then(|| {
            format!(
                "{} {are} used within seven seconds, unless somebody on {} has {have}.",
                probed.join(", "),
                self.device
            )
        });
        let of_auto = self.wanted.auto.then(|| {
            format!("Routers on {} say which addresses we have there; the log tells.", self.device)
        });
        let all: Vec<String> = of_probed.into_iter().chain(of_auto).collect();
        (!all.is_empty()).then(|| all.join("\n"))
    }

    /// Whether `running`, if there is one, can go on as what is `wanted` now.
    ///
    /// # Errors
    ///
    /// What only a start can change.
    pub(super) fn check_change(
        running: Option<&Self>,
        wanted: Option<&Wanted>,
    ) -> anyhow::Result<()> {
        let what = match (running, wanted) {
            (None, None) => return Ok(()),
            (None, Some(wanted)) => format!(
                "sites are served over the kernel's network, and `net` wants {} instead",
                wanted.device
            ),
            (Some(running), None) => {
                format!("sites are served over {}, and there is no `net` any more", running.device)
            }
            (Some(running), Some(wanted)) => match wanted.difference(&running.wanted) {
                Some(what) => {
                    format!("sites are served over {}, and `net` changes {what}", running.device)
                }
                None => return running.check_addresses(wanted),
            },
        };
        bail!("{what}: that takes a start, not a reload")
    }

    /// Whether its addresses, and where they come from, can be those of `wanted`.
    fn check_addresses(&self, wanted: &Wanted) -> anyhow::Result<()> {
        let new = |own: &Cidr| !self.wanted.addresses.contains(own);
        let addresses = wanted.addresses.iter().copied().filter(new).collect();
        network::check(&Wanted { addresses, ..wanted.clone() })?;
        self.settings(wanted).map(|_| ())
    }

    /// What its workers are told, for it to be what is `wanted`.
    ///
    /// # Errors
    ///
    /// The device is none on which addresses come by themselves.
    pub(super) fn settings(&self, wanted: &Wanted) -> anyhow::Result<NetworkSettings> {
        wanted.settings(self.is_shared, self.has_ethernet, self.interface)
    }

    /// It is what is `wanted` from now on.
    pub(super) fn adopt(&mut self, wanted: Wanted) {
        self.wanted = wanted;
    }

    /// The networks, for the workers that are to run them.
    pub(super) fn take(&mut self) -> Vec<server::Network> {
        std::mem::take(&mut self.networks)
    }

    /// Where that is on this network, when it is what is `wanted`; nothing for what only the kernel has.
    pub(super) fn places(&self, place: &Place, wanted: &Wanted) -> Option<Vec<SocketAddr>> {
        match place {
            Place::Local(port) => {
                Some(ours(wanted).into_iter().map(|ip| SocketAddr::new(ip, *port)).collect())
            }
            Place::Address(Address::Ip(address)) => Some(vec![*address]),
            Place::Address(Address::Unix(_)) => None,
        }
    }

    /// Where people find what listens at `address`.
    pub(super) fn shown(&self, address: SocketAddr) -> Vec<SocketAddr> {
        let all = self.wanted.ips().chain(self.leased);
        let known = all.filter(|ip| ip.is_ipv4() == address.is_ipv4());
        let known: Vec<_> = known.map(|ip| SocketAddr::new(ip, address.port())).collect();
        if address.ip().is_unspecified() && !known.is_empty() { known } else { vec![address] }
    }

    /// Listens at an address, when the network is what is `wanted`.
    ///
    /// # Errors
    ///
    /// The address is not ours.
    pub(super) fn listen(
        &mut self,
        address: SocketAddr,
        wanted: &Wanted,
    ) -> anyhow::Result<Listener> {
        let device = &self.device;
        let own: Vec<IpAddr> = wanted.ips().chain(self.leased).collect();
        let is_ours = address.ip().is_unspecified() || own.contains(&address.ip());
        let own: Vec<_> = own.iter().map(ToString::to_string).collect();
        ensure!(
            is_ours,
            "cannot listen at {address}: with --net sites are served at addresses of our own, and {device} has {}",
            own.join(", ")
        );
        let cannot = |error| anyhow!("cannot listen at {address} of {device}: {error}");
        match self.networks.as_mut_slice() {
            [first, others @ ..] => {
                let listener = first.listen(address).map_err(cannot)?;
                // A port that the first has chosen is the port of all.
                let port = listener.address.port().unwrap_or_else(|| address.port());
                for other in others {
                    other.listen(SocketAddr::new(address.ip(), port)).map_err(cannot)?;
                }
                Ok(listener)
            }
            // Workers have them, and listen when they are told to.
            [] => {
                ensure!(
                    address.port() != 0,
                    "cannot listen at {address}: say which port, a network of our own that runs chooses none"
                );
                Ok(Listener::of_own_network(address))
            }
        }
    }
}

/// Where a port of this machine is: at each of its addresses here, or, of a version of IP whose addresses
/// come and go, at whatever they are.
fn ours(wanted: &Wanted) -> Vec<IpAddr> {
    let any: [(bool, IpAddr); 2] =
        [(false, Ipv4Addr::UNSPECIFIED.into()), (true, Ipv6Addr::UNSPECIFIED.into())];
    let any = any.into_iter().filter(|(is_v6, _)| wanted.is_dynamic(*is_v6)).map(|(_, ip)| ip);
    any.chain(wanted.ips().filter(|ip| !wanted.is_dynamic(ip.is_ipv6()))).collect()
}
