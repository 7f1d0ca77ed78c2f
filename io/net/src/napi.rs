//! A thread of the kernel's that takes frames from a TAP or TUN device.
//!
//! By itself the kernel takes a frame while whoever writes it waits: a whole packet's way through
//! its layers for each. With NAPI frames wait in a queue for a thread, which takes many at a time and
//! merges those of one stream that follow on each other (GRO), as it does for a network card.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

/// Has a thread of the kernel's take what is written to the device `name` of this network namespace,
/// which was opened with `IFF_NAPI`.
///
/// # Errors
/// Without the right to mount (CAP_SYS_ADMIN), and before Linux 5.12.
pub(crate) fn use_thread(name: &str) -> io::Result<()> {
    let path = format!("class/net/{name}/threaded");
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(sysfs()?, path, flags, Mode::empty())?;
    rustix::io::write(&file, b"1")?;
    Ok(())
}

/// The system's files of this network namespace. Those at `/sys` are of the namespace in which they
/// were mounted, and may show another device of the same name.
fn sysfs() -> io::Result<OwnedFd> {
    let context = fsopen("sysfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&context)?;
    Ok(fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?)
}
