//! Opening the device that `--net` names.

use std::fs::File;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io;
use std::net::IpAddr;
use std::path::Path;

use ::net::{self, Captured, Inlet, Mode, PacketSocket, Port, PortConfig, Tap, is_bridged};
use anyhow::anyhow;
use base::{Mac, SipKey};
use phys::Medium;

use super::Wanted;

/// A device that is open.
pub(super) struct Device {
    /// What it is called: the kernel numbers what was asked for as tap%d.
    pub(super) name: String,
    pub(super) port: Box<dyn Port>,
    /// Whether others than this machine's kernel may be on its link.
    pub(super) is_shared: bool,
}

/// One queue of a device, and what it hears of the others, if there are.
pub(super) type Queue = (Device, Option<Inlet>);

impl Device {
    /// Opens a device as what it is; a new one as its name says.
    pub(super) fn open(name: &str, mtu: usize) -> anyhow::Result<Self> {
        open(name, mtu).map_err(|error| cannot_open(name, &error))
    }

    /// Opens so many queues of a device, each with what it hears of the others; nothing if it has only one.
    pub(super) fn open_queues(
        name: &str,
        mtu: usize,
        queues: usize,
    ) -> anyhow::Result<Option<Vec<Queue>>> {
        open_queues(name, mtu, queues).map_err(|error| cannot_open(name, &error))
    }

    /// Whether it carries Ethernet.
    pub(super) fn has_ethernet(&self) -> bool {
        self.port.device().medium == Medium::Ethernet
    }

    /// Our hardware address there.
    pub(super) fn mac(&self, wanted: &Wanted) -> Mac {
        wanted.ips().next().map_or_else(|| mac_of_device(&self.name), mac_for)
    }

    /// The same device, whose frames are also written to a file, each at once.
    pub(super) fn captured(self, file: &Path) -> io::Result<Self> {
        let Self { name, port, is_shared } = self;
        let port = Box::new(Captured::new(port, &name, File::create(file)?)?);
        Ok(Self { name, port, is_shared })
    }
}

/// The kinds that a device may be of, the one first that a new one of this name is made as.
fn modes(name: &str) -> [Mode; 2] {
    match name.starts_with("tun") {
        true => [Mode::Tun, Mode::Tap],
        false => [Mode::Tap, Mode::Tun],
    }
}

/// The kernel says so of a device that is there and of another kind.
fn is_other(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidInput
}

/// The queues of a device; nothing if it has only one.
fn open_queues(name: &str, mtu: usize, queues: usize) -> io::Result<Option<Vec<Queue>>> {
    let config = PortConfig { mtu, ..PortConfig::default() };
    let count = u16::try_from(queues).unwrap_or(u16::MAX);
    for mode in modes(name) {
        match Tap::open_queues(name, mode, config, count) {
            Err(error) if is_other(&error) => {}
            Err(error) => return Err(error),
            Ok(taps) => {
                let name = taps.first().map_or(name, Tap::name).to_owned();
                let is_shared = is_bridged(&name).unwrap_or(true);
                return joined(&name, taps, is_shared).map(Some);
            }
        }
    }
    // A TAP or TUN device for one program at a time is opened by this, and closed again.
    for mode in modes(name) {
        match Tap::open(name, mode, config) {
            Err(error) if is_other(&error) => {}
            opened => return opened.map(|_| None),
        }
    }
    joined(name, PacketSocket::open_queues(name, config, count)?, true).map(Some)
}

fn joined<P: Port + 'static>(name: &str, ports: Vec<P>, is_shared: bool) -> io::Result<Vec<Queue>> {
    let joined = net::join(ports)?.into_iter().map(|(queue, inlet)| {
        (Device { name: name.to_owned(), port: Box::new(queue), is_shared }, Some(inlet))
    });
    Ok(joined.collect())
}

fn open(name: &str, mtu: usize) -> io::Result<Device> {
    let [guess, other] = modes(name);
    let config = PortConfig { mtu, ..PortConfig::default() };
    let tap = match Tap::open(name, guess, config) {
        Err(error) if is_other(&error) => Tap::open(name, other, config),
        opened => opened,
    };
    match tap {
        Ok(tap) => {
            let name = tap.name().to_owned();
            // Who does not know takes the careful way.
            let is_shared = is_bridged(&name).unwrap_or(true);
            Ok(Device { name, port: Box::new(tap), is_shared })
        }
        Err(error) if is_other(&error) => {
            let port = Box::new(PacketSocket::open(name, config)?);
            Ok(Device { name: name.to_owned(), port, is_shared: true })
        }
        Err(error) => Err(error),
    }
}

/// What is missing, and what to do about it.
pub(super) fn cannot_open(name: &str, error: &io::Error) -> anyhow::Error {
    use rustix::io::Errno;
    match Errno::from_io_error(error) {
        Some(Errno::NOENT | Errno::NODEV | Errno::NXIO) => anyhow!(
            "there is no /dev/net/tun, by which {name} would be opened: load the kernel's module (`modprobe tun`), or \
             give the device to the container (`--device /dev/net/tun`)"
        ),
        Some(Errno::PERM | Errno::ACCESS) => anyhow!(
            "{name} may not be opened by this user: be root or have CAP_NET_ADMIN, or have root make the device for \
             you with `hepta net up {name} ADDRESS/PREFIX --user NAME`"
        ),
        Some(Errno::BUSY) => {
            anyhow!("another program has {name} open: end it, or use another device")
        }
        Some(Errno::INVAL) => anyhow!(
            "{name} is there, and is neither a TAP nor a TUN device, nor does it carry Ethernet: `hepta net up` makes a \
             device of another name"
        ),
        _ => anyhow!("{name} cannot be opened: {error}"),
    }
}

/// Our hardware address where a server is to give us an address: always the same for a device of this
/// machine, so that the server gives the same again.
fn mac_of_device(name: &str) -> Mac {
    let machine = std::fs::read("/etc/machine-id").unwrap_or_default();
    let mut hasher = SipKey::new(*b"a device's hwadr").build_hasher();
    hasher.write(&machine);
    hasher.write(name.as_bytes());
    let [a, b, c, d, ..] = hasher.finish().to_be_bytes();
    Mac([2, b'H', a, b, c, d])
}

/// Our hardware address. It follows from our address, so that neighbours who knew us a moment ago
/// still do; the second bit says that nobody else has given it away (RFC 9542 §2.1).
pub(super) fn mac_for(address: IpAddr) -> Mac {
    let bits = match address {
        IpAddr::V4(address) => address.to_bits(),
        IpAddr::V6(address) => address.to_bits() as u32,
    };
    let [a, b, c, d] = bits.to_be_bytes();
    Mac([2, b'H', a, b, c, d])
}
