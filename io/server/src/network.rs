//! A network stack of a worker's own, in place of the kernel's.
//!
//! ```text
//!   device ── frames ──▶ ┌───────┐ ── news of connections ──▶ their turns
//!                        │ Stack │ ◀── read, write_front ──── OwnSocket
//!   device ◀── frames ── └───────┘
//! ```
//!
//! A worker has a stack as it has a heap: nobody else sees it, so nothing is locked, and a request
//! goes from its frame to the frames of its answer in one round of the worker's loop
//! (`worker/own.rs`). A connection does not know which kind of socket it stands on.

mod claims;
mod reels;
mod settings;
mod socket;
mod stack;
mod waiting;

use std::io;
use std::net::SocketAddr;

use base::{Cx, Instant, Mac, Wall, World};
use host::{AddError, Config, Host, InterfaceConfig};
use ip::InterfaceId;
use phys::Port;

use self::claims::Claims;
pub use self::settings::NetworkSettings;
pub(crate) use self::socket::OwnSocket;
pub(crate) use self::stack::Stack;
pub use self::waiting::wait_for_lease;
use crate::Clock;
use crate::listen::{BACKLOG, Listener};

/// When the clock of a stack begins: nothing has happened at zero, and layers take that for never.
const BEGIN: Instant = Instant::from_millis(1000);

/// Whether a port is an inlet: the first of an interface is its device.
fn is_inlet(ports: &[(InterfaceId, Box<dyn Port>)], at: usize) -> bool {
    let (before, from) = ports.split_at_checked(at).unwrap_or_default();
    let own = from.first().map(|(id, _)| *id);
    before.iter().any(|(id, _)| Some(*id) == own)
}

/// A network stack that is about to be a worker's own: its ports, addresses and routes.
pub struct Network {
    host: Host,
    world: World,
    clock: Clock,
    ports: Vec<(InterfaceId, Box<dyn Port>)>,
    claims: Claims,
    /// The interface that an operator has set up, and how.
    settings: Option<(InterfaceId, NetworkSettings)>,
}

impl Network {
    /// A stack without ports. The secret in `config` should be good randomness.
    pub fn new(mut config: Config) -> Self {
        // What is written is whole: nothing is won by waiting for more.
        config.tcp.each.nagle = false;
        let seed = u64::from_le_bytes(config.secret.first_chunk().copied().unwrap_or_default());
        Self {
            host: Host::new(config),
            world: World::seeded(seed),
            clock: Clock::start_at(BEGIN),
            ports: Vec::new(),
            claims: Claims::default(),
            settings: None,
        }
    }

    /// Adds a port as an interface of this name; where there is Ethernet, with this hardware
    /// address.
    ///
    /// # Errors
    ///
    /// There are as many interfaces as there may be.
    pub fn add_port(
        &mut self,
        name: &str,
        mac: Mac,
        port: Box<dyn Port>,
    ) -> io::Result<InterfaceId> {
        let config = InterfaceConfig::on(name, mac, port.device().with_software());
        let id = self.host.add_interface(config).ok_or(AddError::TooMany)?;
        self.ports.push((id, port));
        Ok(id)
    }

    /// Adds a port that joins an interface, which has one already, to the stacks behind the other queues
    /// of its device.
    pub fn add_inlet(&mut self, interface: InterfaceId, port: Box<dyn Port>) {
        self.host.share_interface(interface);
        self.ports.push((interface, port));
    }

    /// Gives an interface what an operator wants of it, once; a worker changes it while it runs. An address
    /// that is probed may be listened at, and is used once it has turned out that nobody else has it.
    ///
    /// # Errors
    ///
    /// Something of it cannot be.
    pub fn set_up(&mut self, interface: InterfaceId, settings: NetworkSettings) -> io::Result<()> {
        let mut cx = Cx::new(self.clock.now(), Wall(0), &mut self.world);
        let parts = (&mut self.host, &mut self.claims);
        let before = NetworkSettings::default();
        let wrong = settings::follow(&mut cx, parts, interface, &before, &settings);
        self.settings = Some((interface, settings));
        wrong.into_iter().next().map_or(Ok(()), Err)
    }

    /// Has another stack behind the same device, with the same addresses, lead: that one says in the log
    /// what becomes of them, and has the client of DHCP, whose lease this one has too. It is the first of
    /// those that a server is started on; to be said before anything is set up.
    pub const fn follow(&mut self) {
        self.claims.follow();
    }

    /// Listens at `address`; with port 0, at one that is free. The worker that gets this network
    /// serves there when the listener is among its places.
    ///
    /// # Errors
    ///
    /// The address is not ours, or in use.
    pub fn listen(&mut self, address: SocketAddr) -> io::Result<Listener> {
        let id = self.host.tcp_listen(address, BACKLOG as usize)?;
        let local = self.host.tcp_listener(id).map_or(address, |(local, _)| local);
        Ok(Listener::of_own_network(local))
    }
}
