use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use base::TxBuf;
use phys::{Device, Medium, Port, Received};
use rustix::fs::{Mode as FileMode, OFlags};

/// How long an interface's name may be, without the zero behind it. (`IFNAMSIZ`)
const NAME_LEN_MAX: usize = libc::IFNAMSIZ - 1;

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
#[derive(Debug)]
pub struct Tap {
    fd: OwnedFd,
    name: String,
    mode: Mode,
    mtu: usize,
}

impl Tap {
    /// Opens the device `name`, which is made if there is none and goes when this is dropped, unless
    /// it was made to stay. A `%d` in the name stands for the first number that is free.
    ///
    /// `mtu` is what the interface takes; the kernel's is 1500 until somebody says otherwise.
    ///
    /// # Errors
    /// When there is no `/dev/net/tun`, the right to use it is missing (CAP_NET_ADMIN), the name is
    /// too long, or another has the device.
    pub fn open(name: &str, mode: Mode, mtu: usize) -> io::Result<Self> {
        if name.len() > NAME_LEN_MAX || name.contains('\0') {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the name of an interface"));
        }
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = rustix::fs::open("/dev/net/tun", flags, FileMode::empty())?;
        let name = attach(&fd, name, mode)?;
        Ok(Self { fd, name, mode, mtu })
    }

    /// What the kernel calls the interface.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Port for Tap {
    fn device(&self) -> Device {
        let medium = match self.mode {
            Mode::Tap => Medium::Ethernet,
            Mode::Tun => Medium::Ip,
        };
        Device::plain(medium, self.mtu)
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    fn receive(&mut self, into: &mut [u8]) -> io::Result<Option<Received>> {
        match rustix::io::read(&self.fd, into) {
            Ok(len) => Ok(Some(Received::plain(len))),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn send(&mut self, frame: &TxBuf) -> io::Result<()> {
        rustix::io::write(&self.fd, frame.as_slice())?;
        Ok(())
    }
}

/// Ties the file to an interface; its name.
#[allow(unsafe_code)]
fn attach(fd: &OwnedFd, name: &str, mode: Mode) -> io::Result<String> {
    // SAFETY: all fields of `ifreq` are integers, arrays of them and pointers, for which zero is a
    // value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (place, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *place = byte as libc::c_char;
    }
    let kind = match mode {
        Mode::Tap => libc::IFF_TAP,
        Mode::Tun => libc::IFF_TUN,
    };
    request.ifr_ifru.ifru_flags = (kind | libc::IFF_NO_PI) as libc::c_short;
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
