//! The network stack of our own at which sites are served (`--net`).

use std::net::{IpAddr, SocketAddr};

use anyhow::{anyhow, bail, ensure};
use server::{Address, Listener};

use super::options::Place;
use crate::network::{self, ForServer, Wanted};

/// A network of our own, before a worker runs it and after.
pub(super) struct OwnNetwork {
    /// What its device is called.
    pub(super) device: String,
    /// What it was made from.
    wanted: Wanted,
    addresses: Vec<IpAddr>,
    /// Those that are used only when nobody else turns out to have them.
    probed: Vec<IpAddr>,
    /// How many workers there are, each with a stack at a queue of the device.
    pub(super) workers: usize,
    /// Until workers have them.
    networks: Vec<server::Network>,
}

impl OwnNetwork {
    /// Opens the device that is wanted, and sets up what is to run there: a stack for each of `workers`.
    ///
    /// # Errors
    ///
    /// What is missing, and what to do about it.
    pub(super) fn open(wanted: &Wanted, workers: usize) -> anyhow::Result<Self> {
        let ForServer { networks, device, addresses, probed } =
            network::for_server(wanted, workers)?;
        let wanted = wanted.clone();
        Ok(Self { device, wanted, addresses, probed, workers: networks.len(), networks })
    }

    /// What people who start it should know.
    pub(super) fn notice(&self) -> Option<String> {
        let (are, have) = if self.probed.len() > 1 { ("are", "them") } else { ("is", "it") };
        let probed: Vec<_> = self.probed.iter().map(ToString::to_string).collect();
        (!probed.is_empty()).then(|| {
            format!(
                "{} {are} used within seven seconds, unless somebody on {} has {have}.",
                probed.join(", "),
                self.device
            )
        })
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
                None => return Ok(()),
            },
        };
        bail!("{what}: that takes a start, not a reload")
    }

    /// The networks, for the workers that are to run them.
    pub(super) fn take(&mut self) -> Vec<server::Network> {
        std::mem::take(&mut self.networks)
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
