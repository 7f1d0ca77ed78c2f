use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base::Mac;
use host::{AddError, AutoConfig, Config, DhcpConfig, InterfaceConfig};
use ip::{Cidr, InterfaceId, Route};
use neighbor::Claim;
use phys::Port;
use rustix::event::{EventfdFlags, eventfd};

use super::{Handle, Inner, Shared, Stack};

/// Makes a [`Stack`]: its ports, addresses and routes.
pub struct Builder {
    inner: Inner,
    busy_poll: Duration,
}

impl Builder {
    /// A stack without ports. The secret in `config` should be good randomness.
    pub fn new(config: Config) -> Self {
        Self { inner: Inner::new(config), busy_poll: Duration::ZERO }
    }

    /// Has the stack's thread look for frames for so long, again and again, before it sleeps: it then
    /// answers sooner by the time that it takes to wake a core, which is busy that long after each frame.
    pub const fn busy_poll(&mut self, time: Duration) {
        self.busy_poll = time;
    }

    /// Adds a port as an interface of this name; where there is Ethernet, with this hardware
    /// address.
    ///
    /// # Errors
    /// When there are as many interfaces as there may be.
    pub fn add_port(
        &mut self,
        name: &str,
        mac: Mac,
        port: impl Port + 'static,
    ) -> io::Result<InterfaceId> {
        let config = InterfaceConfig::on(name, mac, port.device().with_software());
        let id = self.inner.host.add_interface(config).ok_or(AddError::TooMany)?;
        self.inner.ports.push((id, Box::new(port)));
        Ok(id)
    }

    /// Adds a port that joins an interface, which has one already, to the stacks behind the other queues
    /// of its device ([`join`](crate::join())).
    pub fn add_inlet(&mut self, interface: InterfaceId, port: impl Port + 'static) {
        self.inner.host.share_interface(interface);
        self.inner.ports.push((interface, Box::new(port)));
    }

    /// Gives an interface an address.
    ///
    /// # Errors
    /// When no host can have it, or it is there already.
    pub fn add_address(
        &mut self,
        interface: InterfaceId,
        address: Cidr,
        claim: Claim,
    ) -> io::Result<()> {
        let (mut cx, host) = self.inner.parts();
        Ok(host.add_address(&mut cx, interface, address, claim)?)
    }

    /// Gets an address for an interface from a server of DHCP, and keeps it.
    ///
    /// # Errors
    /// When it carries no Ethernet, or does so already.
    pub fn dhcp(&mut self, interface: InterfaceId, config: DhcpConfig) -> io::Result<()> {
        let (mut cx, host) = self.inner.parts();
        Ok(host.dhcp(&mut cx, interface, config)?)
    }

    /// Asks for routers of IPv6 on an interface from now on, and makes addresses and routes of what
    /// they say.
    ///
    /// # Errors
    /// When it carries no Ethernet.
    pub fn autoconfigure(&mut self, interface: InterfaceId, wanted: AutoConfig) -> io::Result<()> {
        let (mut cx, host) = self.inner.parts();
        let is_on = host.autoconfigure(&mut cx, interface, wanted);
        Ok(is_on.then_some(()).ok_or(AddError::NoEthernet)?)
    }

    /// Adds a route.
    ///
    /// # Errors
    /// When its gateway is on no link of the interface.
    pub fn add_route(&mut self, route: Route) -> io::Result<()> {
        Ok(self.inner.host.add_route(route)?)
    }

    /// Starts the stack, in a thread of its own.
    ///
    /// # Errors
    /// When the system has no more threads or descriptors.
    pub fn start(self) -> io::Result<Stack> {
        let bell = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        let stops = AtomicBool::new(false);
        let Self { inner, busy_poll } = self;
        let shared = Arc::new(Shared { inner: Mutex::new(inner), bell, busy_poll, stops });
        let for_thread = Arc::clone(&shared);
        let thread = thread::Builder::new().name("hepta-net".to_owned());
        let thread = Mutex::new(Some(thread.spawn(move || for_thread.run())?));
        Ok(Stack(Arc::new(Handle { shared, thread })))
    }
}
