//! The network stack of our own at which sites are served (`--net`).

use std::net::{IpAddr, SocketAddr};

use anyhow::{anyhow, ensure};
use server::{Address, Listener};

use super::options::Place;
use crate::network::ForServer;

/// A network of our own, before a worker runs it and after.
pub(super) struct OwnNetwork {
    /// What its device is called.
    pub(super) device: String,
    addresses: Vec<IpAddr>,
    /// Until a worker has it.
    network: Option<server::Network>,
}

impl From<ForServer> for OwnNetwork {
    fn from(opened: ForServer) -> Self {
        let ForServer { network, device, addresses } = opened;
        Self { device, addresses, network: Some(network) }
    }
}

impl OwnNetwork {
    /// The network, for the worker that is to run it.
    pub(super) fn take(&mut self) -> Option<server::Network> {
        self.network.take()
    }

    /// Where that is on this network; nothing for what only the kernel has.
    pub(super) fn places(&self, place: &Place) -> Option<impl Iterator<Item = SocketAddr> + use<>> {
        let places = match place {
            // A port of this machine is one of each address that it has here.
            Place::Local(port) => {
                self.addresses.iter().map(|ip| SocketAddr::new(*ip, *port)).collect()
            }
            Place::Address(Address::Ip(address)) => vec![*address],
            Place::Address(Address::Unix(_)) => return None,
        };
        Some(places.into_iter())
    }

    /// Listens at an address.
    ///
    /// # Errors
    ///
    /// The address is not ours.
    pub(super) fn listen(&mut self, address: SocketAddr) -> anyhow::Result<Listener> {
        let device = &self.device;
        let own: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        let is_ours = address.ip().is_unspecified() || self.addresses.contains(&address.ip());
        ensure!(
            is_ours,
            "cannot listen at {address}: with --net sites are served at addresses of our own, and {device} has {}",
            own.join(", ")
        );
        match &mut self.network {
            Some(network) => network
                .listen(address)
                .map_err(|error| anyhow!("cannot listen at {address} of {device}: {error}")),
            // A worker has it, and listens when it is told to.
            None => {
                ensure!(
                    address.port() != 0,
                    "cannot listen at {address}: say which port, a network of our own that runs chooses none"
                );
                Ok(Listener::of_own_network(address))
            }
        }
    }
}
