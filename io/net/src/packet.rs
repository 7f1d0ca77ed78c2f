use std::ffi::CString;
use std::io::{self, IoSlice};
use std::mem::{size_of, zeroed};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use base::TxBuf;
use phys::{Device, Medium, Port, Received, RxChecksum, Segments, virtio};

use crate::config::{PortConfig, offloading};

/// Everything that comes over the interface, whatever it carries.
const ALL: u16 = (libc::ETH_P_ALL as u16).to_be();

/// An interface that the kernel has too: a copy of every frame that comes over it comes here, and
/// what is put in here goes out there. (`packet(7)`)
///
/// The kernel goes on using the interface; give it no address there, or both will answer. It cuts
/// segments and finishes checksums that were left open, or has the interface do it, and hands up what it
/// has merged ([`virtio`]).
#[derive(Debug)]
pub struct PacketSocket {
    fd: OwnedFd,
    device: Device,
    /// Whether frames have a header that says what was left open.
    has_headers: bool,
}

/// A frame that was read: how long it is, what stood in front of it, and what the kernel says of it.
struct Read {
    len: usize,
    header: [u8; virtio::LEN],
    status: u32,
}

/// Room for the one control message that we ask for, and aligned as it wants to be.
#[repr(align(8))]
struct Control([u8; 64]);

impl PacketSocket {
    /// Opens the Ethernet interface `name`.
    ///
    /// # Errors
    /// When there is no such interface, it carries something else, or the right to open it is missing (CAP_NET_RAW).
    pub fn open(name: &str, config: PortConfig) -> io::Result<Self> {
        let index = index_of(name)?;
        let fd = open_socket()?;
        let on: libc::c_int = 1;
        set_option(&fd, libc::PACKET_IGNORE_OUTGOING, &on)?;
        set_option(&fd, libc::PACKET_AUXDATA, &on)?;
        // Our hardware address is another than the interface's.
        let promiscuous = libc::packet_mreq {
            mr_ifindex: index,
            mr_type: libc::PACKET_MR_PROMISC as _,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        set_option(&fd, libc::PACKET_ADD_MEMBERSHIP, &promiscuous)?;
        bind(&fd, index)?;
        if !carries_ethernet(&fd)? {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        let plain = Device::plain(Medium::Ethernet, config.mtu);
        let has_headers =
            config.has_offloads && set_option(&fd, libc::PACKET_VNET_HDR, &on).is_ok();
        let device = if has_headers { offloading(plain) } else { plain };
        // Nobody says whether this kernel cuts datagrams.
        let segments = Segments { udp_len_max: 0, ..device.segments };
        Ok(Self { fd, device: Device { segments, ..device }, has_headers })
    }
}

impl PacketSocket {
    /// Opens the interface with `queues` sockets, for as many stacks ([`join`](crate::join)): the
    /// kernel gives each flow to one of them, by a hash of its addresses and ports.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_queues(name: &str, config: PortConfig, queues: u16) -> io::Result<Vec<Self>> {
        let mut all = Vec::new();
        let mut group = libc::PACKET_FANOUT_FLAG_UNIQUEID << 16;
        for _ in 0..queues {
            let mut socket = Self::open(name, config)?;
            socket.device.queues = queues;
            let how = group | libc::PACKET_FANOUT_HASH << 16;
            set_option(&socket.fd, libc::PACKET_FANOUT, &how)?;
            // The first is given a number that nobody has; the others join it.
            group = group_of(&socket.fd)?;
            all.push(socket);
        }
        Ok(all)
    }
}

impl Port for PacketSocket {
    fn device(&self) -> Device {
        self.device
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    fn receive(&mut self, into: &mut [u8]) -> io::Result<Option<Received>> {
        match receive(&self.fd, into, self.has_headers) {
            Ok(Read { len, header, status }) => {
                // Who sent it on this machine has left the checksum to a device that there is not.
                let checksum = match status {
                    status if status & libc::TP_STATUS_CSUMNOTREADY != 0 => RxChecksum::Open,
                    status if status & libc::TP_STATUS_CSUM_VALID != 0 => RxChecksum::Verified,
                    _ => RxChecksum::Unverified,
                };
                // What was merged by rules that we do not know is known by its length alone.
                let segmentation = virtio::parse(header).ok().and_then(|(_, merged)| merged);
                Ok(Some(Received { len: len.min(into.len()), checksum, segmentation }))
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(None),
                // The interface went down; it may come up again.
                _ if error.raw_os_error() == Some(libc::ENETDOWN) => Ok(None),
                _ => Err(error),
            },
        }
    }

    fn send(&mut self, frame: &TxBuf) -> io::Result<()> {
        if self.has_headers {
            let header = virtio::emit(frame, Medium::Ethernet);
            let parts = [IoSlice::new(&header), IoSlice::new(frame.as_slice())];
            rustix::io::writev(&self.fd, &parts)?;
        } else {
            rustix::io::write(&self.fd, frame.as_slice())?;
        }
        Ok(())
    }
}

/// The number of an interface.
#[allow(unsafe_code)]
fn index_of(name: &str) -> io::Result<libc::c_int> {
    let name = CString::new(name)?;
    // SAFETY: the name is a string that ends with a zero and lives through the call.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => Ok(index as libc::c_int),
    }
}

#[allow(unsafe_code)]
fn open_socket() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: no pointers are involved. Protocol 0: nothing comes before it is bound.
    let fd = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor has just been opened, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The number of the group of sockets that this one has joined.
#[allow(unsafe_code)]
fn group_of(fd: &OwnedFd) -> io::Result<libc::c_uint> {
    let mut value: libc::c_uint = 0;
    let mut len = size_of::<libc::c_uint>() as libc::socklen_t;
    let (level, option) = (libc::SOL_PACKET, libc::PACKET_FANOUT);
    // SAFETY: the pointer and the length are those of `value`, which lives through the call; the kernel
    // writes no more than that.
    let result = unsafe {
        libc::getsockopt(fd.as_raw_fd(), level, option, (&raw mut value).cast(), &raw mut len)
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(value & 0xffff) }
}

/// Sets an option of the level of packet sockets.
#[allow(unsafe_code)]
fn set_option<T>(fd: &OwnedFd, option: libc::c_int, value: &T) -> io::Result<()> {
    let (pointer, len) = (std::ptr::from_ref(value).cast(), size_of::<T>() as libc::socklen_t);
    // SAFETY: the pointer and the length are those of `value`, which lives through the call.
    let result =
        unsafe { libc::setsockopt(fd.as_raw_fd(), libc::SOL_PACKET, option, pointer, len) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[allow(unsafe_code)]
fn bind(fd: &OwnedFd, index: libc::c_int) -> io::Result<()> {
    // SAFETY: all fields of `sockaddr_ll` are integers, for which zero is a value.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    address.sll_family = libc::AF_PACKET as libc::c_ushort;
    address.sll_protocol = ALL;
    address.sll_ifindex = index;
    let len = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the pointer and the length are those of `address`, which lives through the call.
    let result = unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), len) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Whether the interface to which the socket is bound carries Ethernet.
#[allow(unsafe_code)]
fn carries_ethernet(fd: &OwnedFd) -> io::Result<bool> {
    // SAFETY: all fields of `sockaddr_ll` are integers, for which zero is a value.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    let mut len = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the pointer and the length are those of `address`, which lives through the call; the
    // kernel writes no more than that.
    let result =
        unsafe { libc::getsockname(fd.as_raw_fd(), (&raw mut address).cast(), &raw mut len) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(address.sll_hatype == libc::ARPHRD_ETHER)
}

/// Reads a frame, behind a header if it has one.
#[allow(unsafe_code)]
fn receive(fd: &OwnedFd, into: &mut [u8], has_header: bool) -> io::Result<Read> {
    let mut control = Control([0; 64]);
    let mut header = [0; virtio::LEN];
    let header_len = if has_header { virtio::LEN } else { 0 };
    let mut vectors = [
        libc::iovec { iov_base: header.as_mut_ptr().cast(), iov_len: header_len },
        libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() },
    ];
    // SAFETY: all fields of `msghdr` are integers and pointers, for which zero is a value.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = vectors.as_mut_ptr();
    message.msg_iovlen = vectors.len() as _;
    message.msg_control = (&raw mut control.0).cast();
    message.msg_controllen = control.0.len() as _;
    // SAFETY: the message points to two vectors, those to `header` and `into`, and to `control`; none
    // says that it is longer than it is, and all of them live through the call.
    let len = unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, libc::MSG_TRUNC) };
    if len < 0 {
        return Err(io::Error::last_os_error());
    }
    let len = (len as usize).saturating_sub(header_len);
    // SAFETY: the message is as the kernel has left it, and its control buffer still lives.
    let first = unsafe { libc::CMSG_FIRSTHDR(&raw const message).as_ref() };
    let is_ours = |first: &&libc::cmsghdr| {
        (first.cmsg_level, first.cmsg_type) == (libc::SOL_PACKET, libc::PACKET_AUXDATA)
    };
    let Some(first) = first.filter(is_ours) else { return Ok(Read { len, header, status: 0 }) };
    // SAFETY: the kernel put a whole `tpacket_auxdata` behind this header, which says so by level and
    // type; nothing is assumed of its alignment.
    let data = unsafe {
        let data = libc::CMSG_DATA(std::ptr::from_ref(first));
        data.cast::<libc::tpacket_auxdata>().read_unaligned()
    };
    Ok(Read { len, header, status: data.tp_status })
}
