use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use base::{Cx, Instant, Mac, TxBuf, Wall, World};
use host::{Config, Event, Host, InterfaceConfig, TcpEvent};
use ip::{Cidr, InterfaceId};
use neighbor::Claim;
use phys::{Device, Medium, RxChecksum, RxFrame};

/// The interface of each host.
pub const INTERFACE: InterfaceId = InterfaceId(1);

/// Two hosts, a client and a server, and nothing between them: what one sends the other has. For
/// measuring what the hosts themselves cost; weather is [`Net`](crate::Net)'s.
#[derive(Debug)]
pub struct Pair {
    now: Instant,
    world: World,
    hosts: [Host; 2],
    out: TxBuf,
    /// What the device is said to have found of checksums.
    checksum: RxChecksum,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// The one that connects.
    Client = 0,
    /// The one that listens.
    Server = 1,
}

impl Side {
    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

impl Pair {
    /// Two hosts on an Ethernet of 1,500 bytes that know where the other one is. `has_offload`: the
    /// device finishes checksums and looks at them.
    ///
    /// # Panics
    /// If an address is refused, which no adjustment can bring about.
    pub fn new(has_offload: bool, adjust: impl Fn(&mut Config)) -> Self {
        let (mut world, now) = (World::seeded(1), Instant::from_millis(1000));
        let mut device = Device::plain(Medium::Ethernet, 1500);
        device.checksums.any = has_offload;
        let hosts = [Side::Client, Side::Server].map(|side| {
            let mut config = Config::new([1 + side as u8; 16]);
            adjust(&mut config);
            let mut host = Host::new(config);
            let mut cx = Cx::new(now, Wall(0), &mut world);
            let interface = InterfaceConfig::on("eth0", mac_of(side), device);
            let id = host.add_interface(interface).expect("it is the first");
            let own = Cidr::new(address_of(side), 8).expect("a prefix that there is");
            host.add_address(&mut cx, id, own, Claim::Silent).expect("it is the first");
            let (there, mac) = (address_of(side.other()), mac_of(side.other()));
            assert!(host.add_neighbor(&mut cx, id, there, mac), "it is the first");
            host
        });
        let checksum = if has_offload { RxChecksum::Open } else { RxChecksum::Unverified };
        Self { now, world, hosts, out: TxBuf::new(), checksum }
    }

    /// The time.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Does something with one of the hosts.
    pub fn with<T>(&mut self, side: Side, run: impl FnOnce(&mut Cx<'_>, &mut Host) -> T) -> T {
        let [client, server] = &mut self.hosts;
        let host = if side == Side::Client { client } else { server };
        run(&mut Cx::new(self.now, Wall(0), &mut self.world), host)
    }

    /// Looks at one of the hosts.
    pub const fn host(&self, side: Side) -> &Host {
        let [client, server] = &self.hosts;
        match side {
            Side::Client => client,
            Side::Server => server,
        }
    }

    /// Lets time pass, without a frame.
    pub fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
        for side in [Side::Client, Side::Server] {
            self.with(side, |cx, host| host.handle_timeout(cx));
        }
    }

    /// Hands the next frame of one host to `take`, if it has one.
    pub fn send(&mut self, from: Side, take: impl FnOnce(&[u8])) -> bool {
        let [client, server] = &mut self.hosts;
        let host = if from == Side::Client { client } else { server };
        let mut cx = Cx::new(self.now, Wall(0), &mut self.world);
        let has_one = host.poll_frame(&mut cx, &mut self.out).is_some();
        if has_one {
            take(self.out.as_slice());
        }
        has_one
    }

    /// Gives a frame to one of the hosts.
    pub fn receive(&mut self, to: Side, frame: &[u8]) {
        let frame = RxFrame { checksum: self.checksum, ..RxFrame::new(frame) };
        self.with(to, |cx, host| host.handle_frame(cx, INTERFACE, &frame));
    }

    /// Lets frames go both ways until nobody has any; says how many there were. Events are heard and
    /// forgotten, but for who waits to be accepted: `acceptable` is told.
    pub fn settle(&mut self, mut acceptable: impl FnMut(&mut Self, host::ListenerId)) -> usize {
        let mut frames = 0;
        loop {
            let before = frames;
            for from in [Side::Client, Side::Server] {
                frames += self.carry(from);
                while let Some(event) = self.with(from.other(), |_, host| host.poll_event()) {
                    if let Event::Tcp(TcpEvent::Acceptable(listener)) = event {
                        acceptable(self, listener);
                    }
                }
            }
            if frames == before {
                return frames;
            }
        }
    }

    /// Carries every frame that one host has to the other.
    fn carry(&mut self, from: Side) -> usize {
        let mut frames = 0;
        while self.carry_one(from) {
            frames += 1;
        }
        frames
    }

    /// Carries the next frame that one host has to the other, if it has one.
    #[inline]
    pub fn carry_one(&mut self, from: Side) -> bool {
        let [client, server] = &mut self.hosts;
        let (from, to) = if from == Side::Client { (client, server) } else { (server, client) };
        let mut cx = Cx::new(self.now, Wall(0), &mut self.world);
        if from.poll_frame(&mut cx, &mut self.out).is_none() {
            return false;
        }
        let frame = RxFrame { checksum: self.checksum, ..RxFrame::new(self.out.as_slice()) };
        to.handle_frame(&mut cx, INTERFACE, &frame);
        true
    }
}

/// The address of a host.
pub const fn address_of(side: Side) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1 + side as u8))
}

/// Where a host listens.
pub const fn end_of(side: Side, port: u16) -> SocketAddr {
    SocketAddr::new(address_of(side), port)
}

/// The hardware address of a host.
pub const fn mac_of(side: Side) -> Mac {
    Mac([2, 0, 0, 0, 0, 1 + side as u8])
}
