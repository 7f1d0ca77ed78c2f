//! smoltcp, in one thread, as its own examples drive it.

use std::collections::VecDeque;
use std::error::Error;
use std::os::fd::AsRawFd as _;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium, TunTapInterface};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

use crate::{ADDRESS, CHUNK_LEN, Role};

/// What each socket keeps each way. As much as our windows grow to.
const BUFFER_LEN: usize = 4 << 20;

/// An interface, its one socket, and who uses it.
pub(crate) struct Node<D> {
    interface: Interface,
    pub(crate) device: D,
    sockets: SocketSet<'static>,
    socket: SocketHandle,
    pub(crate) role: Option<Role>,
    buffer: Vec<u8>,
    /// What was read.
    pub(crate) received: usize,
}

pub(crate) fn serve(device: &str, looks_busily: bool) -> Result<(), Box<dyn Error>> {
    let device = TunTapInterface::new(device, Medium::Ethernet)?;
    let fd = device.as_raw_fd();
    let mut node = Node::new(device, [10, 80, 0, 2]);
    node.listen()?;
    println!("ready");
    loop {
        let now = Instant::now();
        let is_busy = node.turn(now)?;
        if !is_busy && !looks_busily {
            phy::wait(fd, node.interface.poll_delay(now, &node.sockets))?;
        }
    }
}

impl<D: Device> Node<D> {
    pub(crate) fn new(mut device: D, address: [u8; 4]) -> Self {
        let mac = EthernetAddress([2, 0, 0, 0, 0, address[3]]);
        let mut interface = Interface::new(Config::new(mac.into()), &mut device, Instant::now());
        let [a, b, c, d] = address;
        interface.update_ip_addrs(|all| {
            let _ = all.push(IpCidr::new(IpAddress::v4(a, b, c, d), 24));
        });
        let buffer = || tcp::SocketBuffer::new(vec![0; BUFFER_LEN]);
        let mut socket = tcp::Socket::new(buffer(), buffer());
        socket.set_nagle_enabled(false);
        let mut sockets = SocketSet::new(Vec::new());
        let socket = sockets.add(socket);
        let buffer = vec![7; CHUNK_LEN];
        Self { interface, device, sockets, socket, role: None, buffer, received: 0 }
    }

    pub(crate) fn listen(&mut self) -> Result<(), Box<dyn Error>> {
        self.sockets.get_mut::<tcp::Socket<'_>>(self.socket).listen(ADDRESS.port())?;
        Ok(())
    }

    pub(crate) fn connect(&mut self) -> Result<(), Box<dyn Error>> {
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(self.socket);
        let to = (IpAddress::Ipv4(*ADDRESS.ip()), ADDRESS.port());
        socket.connect(self.interface.context(), to, 40_000)?;
        Ok(())
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let _ = self.sockets.get_mut::<tcp::Socket<'_>>(self.socket).send_slice(bytes);
    }

    pub(crate) fn may_send(&mut self) -> bool {
        self.sockets.get_mut::<tcp::Socket<'_>>(self.socket).may_send()
    }

    /// One turn; whether anything happened.
    pub(crate) fn turn(&mut self, now: Instant) -> Result<bool, Box<dyn Error>> {
        let came = self.interface.poll(now, &mut self.device, &mut self.sockets);
        let is_used = self.use_socket()?;
        if is_used {
            self.interface.poll(now, &mut self.device, &mut self.sockets);
        }
        Ok(is_used || came == smoltcp::iface::PollResult::SocketStateChanged)
    }

    /// Whether anything was written or read.
    fn use_socket(&mut self) -> Result<bool, Box<dyn Error>> {
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(self.socket);
        if self.role.is_none() && socket.can_recv() {
            let mut first = [0];
            socket.recv_slice(&mut first)?;
            self.role = Some(Role::of(first[0]));
        }
        let mut is_used = false;
        match self.role {
            Some(Role::Send) => {
                while socket.can_send() {
                    is_used |= socket.send_slice(&self.buffer)? > 0;
                }
            }
            Some(role) => {
                while socket.can_recv() {
                    let len = socket.recv_slice(&mut self.buffer)?;
                    is_used |= len > 0;
                    self.received += len;
                    if role == Role::Echo {
                        socket.send_slice(&self.buffer[..len])?;
                    }
                }
            }
            None => {}
        }
        if self.role.is_some() && !socket.may_recv() {
            if socket.is_active() {
                socket.close();
            } else {
                self.role = None;
                socket.listen(ADDRESS.port())?;
            }
            is_used = true;
        }
        Ok(is_used)
    }
}

/// One end of a cable of memory.
pub(crate) struct End {
    pub(crate) incoming: VecDeque<Vec<u8>>,
    pub(crate) outgoing: VecDeque<Vec<u8>>,
    /// Frames that were read, and memory for those that are written.
    pub(crate) read: Vec<Vec<u8>>,
    pub(crate) spare: Vec<Vec<u8>>,
    mtu: usize,
}

impl End {
    pub(crate) fn new(mtu: usize) -> Self {
        let (incoming, outgoing) = (VecDeque::new(), VecDeque::new());
        Self { incoming, outgoing, read: Vec::new(), spare: Vec::new(), mtu }
    }
}

impl Device for End {
    type RxToken<'a> = Rx<'a>;
    type TxToken<'a> = Tx<'a>;

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        // With the header of the link.
        capabilities.max_transmission_unit = self.mtu + 14;
        capabilities.medium = Medium::Ethernet;
        capabilities
    }

    fn receive(&mut self, _: Instant) -> Option<(Rx<'_>, Tx<'_>)> {
        let frame = self.incoming.pop_front()?;
        Some((Rx(frame, &mut self.read), Tx(&mut self.outgoing, &mut self.spare)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Tx<'_>> {
        // As many as fit onto ours.
        (self.outgoing.len() < 1024).then_some(Tx(&mut self.outgoing, &mut self.spare))
    }
}

pub(crate) struct Rx<'a>(Vec<u8>, &'a mut Vec<Vec<u8>>);

impl phy::RxToken for Rx<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let result = f(&self.0);
        self.1.push(self.0);
        result
    }
}

pub(crate) struct Tx<'a>(&'a mut VecDeque<Vec<u8>>, &'a mut Vec<Vec<u8>>);

impl phy::TxToken for Tx<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = self.1.pop().unwrap_or_default();
        frame.resize(len, 0);
        let result = f(&mut frame);
        self.0.push_back(frame);
        result
    }
}
