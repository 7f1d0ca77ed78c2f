//! Waiting for an address from a server of DHCP, before there is a worker.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use base::{Cx, Instant, TxBuf, Wall};
use host::{DhcpNews, Event};
use ip::{Cidr, InterfaceId};
use phys::{FRAME_LEN_MAX, Outlet};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Network;

/// Runs `network` until an interface has an address; which, if it has one within `limit`.
pub(super) fn wait(
    network: &mut Network,
    interface: InterfaceId,
    limit: Duration,
) -> io::Result<Option<Cidr>> {
    let end = network.clock.now().after(limit);
    let mut frame = vec![0; FRAME_LEN_MAX];
    let mut out = TxBuf::new();
    loop {
        step(network, &mut frame, &mut out)?;
        while let Some(event) = network.host.poll_event() {
            match event {
                Event::Dhcp { interface: of, news: DhcpNews::Bound } if of == interface => {
                    let found = network.host.dhcp_clients().find(|of| of.interface == interface);
                    return Ok(found.and_then(|of| Some(of.lease?.address)));
                }
                Event::Dhcp { news: DhcpNews::Lost(why), .. } => {
                    tracing::warn!(?why, "an address from a server of DHCP cannot be used");
                }
                _ => {}
            }
        }
        let now = network.clock.now();
        if now >= end {
            return Ok(None);
        }
        let until = network.host.poll_timeout().unwrap_or(Instant::NEVER).min(end);
        sleep(network.ports.iter().map(|(_, port)| port.fd()), until.since(now))?;
    }
}

/// One round: what came in, what time brings, what goes out.
fn step(network: &mut Network, frame: &mut [u8], out: &mut TxBuf) -> io::Result<()> {
    let Network { host, world, clock, ports, .. } = network;
    for (interface, port) in &mut *ports {
        while let Some(received) = port.receive(frame)? {
            let mut cx = Cx::new(clock.now(), Wall(0), world);
            host.handle_frame(&mut cx, *interface, &received.frame(frame));
        }
    }
    let mut cx = Cx::new(clock.now(), Wall(0), world);
    host.handle_timeout(&mut cx);
    let mut outlet = Outlet::new();
    while let Some(interface) = host.poll_frame(&mut cx, out) {
        if let Some((_, port)) = ports.iter_mut().find(|(id, _)| *id == interface) {
            outlet.send(&mut cx, interface.0, port, out);
        }
    }
    Ok(())
}

/// Waits until a device has a frame, or `left` has passed.
pub(super) fn sleep<'a>(
    devices: impl Iterator<Item = BorrowedFd<'a>>,
    left: Duration,
) -> io::Result<()> {
    let mut polled: Vec<_> =
        devices.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
    let left = Timespec::try_from(left).ok();
    match poll(&mut polled, left.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
