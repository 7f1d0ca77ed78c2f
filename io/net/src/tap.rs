use std::ffi::CStr;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;

use base::TxBuf;
use phys::{Device, Medium, Port, Received, Segments, virtio};
use rustix::fs::{Mode as FileMode, OFlags};
use rustix::io::Errno;

use crate::config::{PortConfig, offloading};
use crate::napi;

/// How long an interface's name may be, without the zero behind it. (`IFNAMSIZ`)
const NAME_LEN_MAX: usize = libc::IFNAMSIZ - 1;

/// What the kernel may leave open for us: checksums, and segments of TCP.
const LEAVES_TCP: libc::c_uint =
    libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6 | libc::TUN_F_TSO_ECN;

/// Segments of UDP too, which kernels know since 6.2.
const LEAVES_ALL: libc::c_uint = LEAVES_TCP | libc::TUN_F_USO4 | libc::TUN_F_USO6;

/// What a device of the kernel carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// Ethernet frames.
    Tap,
    /// Packets of IP.
    Tun,
}

/// A TAP or TUN device: what the kernel sends to the interface comes out here, and what is put in
/// here the kernel receives there.
///
/// Neither end is on a cable. So checksums are left open, and up to 64 KiB of a stream cross as one
/// frame, which is cut only if it goes on over a real link ([`virtio`]).
#[derive(Debug)]
pub struct Tap {
    fd: OwnedFd,
    name: String,
    device: Device,
    /// Whether frames have a header that says what was left open.
    has_headers: bool,
    /// Keeps other programs like this one away from a device for several queues.
    claimed: Option<Arc<UnixDatagram>>,
}

impl Tap {
    /// Opens the device `name`, which is made if there is none and goes when this is dropped, unless
    /// it was made to stay. A `%d` in the name stands for the first number that is free.
    ///
    /// # Errors
    /// When there is no `/dev/net/tun`, the right to use it is missing (CAP_NET_ADMIN), the name is
    /// too long, or another has the device; when a thread of the kernel's is wanted, and the right to
    /// mount (CAP_SYS_ADMIN) or Linux 5.12 is missing.
    pub fn open(name: &str, mode: Mode, config: PortConfig) -> io::Result<Self> {
        match Self::open_as(name, mode, config, 0) {
            // Of a device that was made for several queues this is the only one.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                let mut all = match Self::open_queues(name, mode, config, 1) {
                    Err(other) if other.kind() == io::ErrorKind::InvalidInput => return Err(error),
                    opened => opened?,
                };
                all.pop().ok_or(error)
            }
            opened => opened,
        }
    }

    /// Opens `queues` queues of the device, for as many stacks ([`join`](crate::join)).
    ///
    /// The kernel gives each flow to one of them: by a hash, until a frame of the flow comes from one of
    /// them, and then to that one.
    ///
    /// # Errors
    /// As [`open`](Self::open), and when the device is there and was made for one queue only, or has no
    /// more.
    pub fn open_queues(
        name: &str,
        mode: Mode,
        config: PortConfig,
        queues: u16,
    ) -> io::Result<Vec<Self>> {
        // One that the kernel is to number cannot be anybody's yet.
        let known = (!name.contains('%')).then(|| claim(name)).transpose()?;
        let first = Self::open_as(name, mode, config, libc::IFF_MULTI_QUEUE)?;
        let name = first.name.clone();
        let claimed = Arc::new(match known {
            Some(claimed) => claimed,
            None => claim(&name)?,
        });
        let others = (1..queues).map(|_| Self::open_as(&name, mode, config, libc::IFF_MULTI_QUEUE));
        let mut all = std::iter::once(Ok(first)).chain(others).collect::<io::Result<Vec<_>>>()?;
        for tap in &mut all {
            tap.device.queues = queues;
            tap.claimed = Some(Arc::clone(&claimed));
        }
        Ok(all)
    }

    fn open_as(
        name: &str,
        mode: Mode,
        config: PortConfig,
        more_flags: libc::c_int,
    ) -> io::Result<Self> {
        if name.len() > NAME_LEN_MAX || name.contains('\0') {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the name of an interface"));
        }
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = rustix::fs::open("/dev/net/tun", flags, FileMode::empty())?;
        let knows_headers = config.has_offloads && features(&fd)? & libc::IFF_VNET_HDR != 0;
        let (kind, medium) = match mode {
            Mode::Tap => (libc::IFF_TAP, Medium::Ethernet),
            Mode::Tun => (libc::IFF_TUN, Medium::Ip),
        };
        let headers = if knows_headers { libc::IFF_VNET_HDR } else { 0 };
        let napi = if config.has_napi_thread { libc::IFF_NAPI } else { 0 };
        let name = attach(&fd, name, kind | libc::IFF_NO_PI | headers | napi | more_flags)?;
        if config.has_napi_thread {
            napi::use_thread(&name)?;
        }
        let plain = Device::plain(medium, config.mtu);
        if !knows_headers {
            // Who had the device before may have left it otherwise; an old kernel has nothing to leave.
            let _ = leave_open(&fd, 0);
            return Ok(Self { fd, name, device: plain, has_headers: false, claimed: None });
        }
        set_header_len(&fd, virtio::LEN)?;
        let leaves = [LEAVES_ALL, LEAVES_TCP, libc::TUN_F_CSUM, 0];
        let left = leaves.into_iter().find(|&flags| leave_open(&fd, flags).is_ok()).unwrap_or(0);
        let mut device = offloading(plain);
        if left & libc::TUN_F_TSO4 == 0 {
            device.segments = Segments::default();
        } else if left & libc::TUN_F_USO4 == 0 {
            device.segments.udp_len_max = 0;
        }
        Ok(Self { fd, name, device, has_headers: true, claimed: None })
    }

    /// What the kernel calls the interface.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn receive_with_header(&self, into: &mut [u8]) -> io::Result<Option<Received>> {
        let mut header = [0; virtio::LEN];
        let mut places = [IoSliceMut::new(&mut header), IoSliceMut::new(into)];
        loop {
            let len = match rustix::io::readv(&self.fd, &mut places) {
                Ok(len) => len,
                Err(Errno::AGAIN | Errno::INTR) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let [header, _] = &places;
            let known = header.first_chunk().map(|header| virtio::parse(*header));
            // What is cut by rules that nobody agreed on cannot be for us.
            if let (Some(len), Some(Ok((checksum, segmentation)))) =
                (len.checked_sub(virtio::LEN), known)
            {
                return Ok(Some(Received { len, checksum, segmentation }));
            }
        }
    }
}

impl Port for Tap {
    fn device(&self) -> Device {
        self.device
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    fn receive(&mut self, into: &mut [u8]) -> io::Result<Option<Received>> {
        if self.has_headers {
            return self.receive_with_header(into);
        }
        match rustix::io::read(&self.fd, into) {
            Ok(len) => Ok(Some(Received::plain(len))),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn send(&mut self, frame: &TxBuf) -> io::Result<()> {
        if self.has_headers {
            let header = virtio::emit(frame, self.device.medium);
            let parts = [IoSlice::new(&header), IoSlice::new(frame.as_slice())];
            rustix::io::writev(&self.fd, &parts)?;
        } else {
            rustix::io::write(&self.fd, frame.as_slice())?;
        }
        Ok(())
    }
}

impl Drop for Tap {
    /// A device that stays is left as it was found: who has it next may know no headers.
    fn drop(&mut self) {
        if self.has_headers {
            let _ = leave_open(&self.fd, 0);
        }
    }
}

/// Claims a device whose queues anybody may open, who would then be given some of its flows: by a name
/// that only one program of this network namespace can have, as long as it runs.
///
/// # Errors
/// `EBUSY`, as the kernel says it of a device for one queue, if another has it.
fn claim(name: &str) -> io::Result<UnixDatagram> {
    let address = SocketAddr::from_abstract_name(format!("hepta/device/{name}"))?;
    UnixDatagram::bind_addr(&address).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => io::Error::from_raw_os_error(libc::EBUSY),
        _ => error,
    })
}

/// What the kernel's devices can do, as flags of `TUNSETIFF`.
#[allow(unsafe_code)]
fn features(fd: &OwnedFd) -> io::Result<libc::c_int> {
    let mut flags: libc::c_int = 0;
    // SAFETY: TUNGETFEATURES writes one int, which is ours and lives through the call, and the
    // descriptor is open.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNGETFEATURES as _, &raw mut flags) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(flags) }
}

/// Says how long the header in front of each frame is.
#[allow(unsafe_code)]
fn set_header_len(fd: &OwnedFd, len: usize) -> io::Result<()> {
    let len = len as libc::c_int;
    // SAFETY: TUNSETVNETHDRSZ reads one int, which is ours and lives through the call, and the
    // descriptor is open.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETVNETHDRSZ as _, &raw const len) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Says what the kernel may leave open in frames for us.
#[allow(unsafe_code)]
fn leave_open(fd: &OwnedFd, flags: libc::c_uint) -> io::Result<()> {
    let flags = libc::c_ulong::from(flags);
    // SAFETY: TUNSETOFFLOAD takes its argument as a number, not as a pointer, and the descriptor is
    // open.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETOFFLOAD as _, flags) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Ties the file to an interface; its name.
#[allow(unsafe_code)]
fn attach(fd: &OwnedFd, name: &str, flags: libc::c_int) -> io::Result<String> {
    // SAFETY: all fields of `ifreq` are integers, arrays of them and pointers, for which zero is a
    // value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (place, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *place = byte as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one `ifreq`, which is ours and lives through the call, and
    // the descriptor is open. The name ends with a zero: it is shorter than the field.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETIFF as _, &raw mut request) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    let bytes = request.ifr_name.map(|byte| byte as u8);
    let name = CStr::from_bytes_until_nul(&bytes).map_err(io::Error::other)?;
    Ok(name.to_string_lossy().into_owned())
}
