//! Waiting for an address from a server of DHCP, before there are workers.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use base::{Cx, TxBuf, Wall};
use host::{DhcpNews, Event};
use ip::{Cidr, InterfaceId};
use phys::{FRAME_LEN_MAX, Outlet};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Network, is_inlet};

/// Waits for the address that a server of DHCP gives to an interface of `networks`, of which the first
/// leads and the others [follow](Network::follow): which, once it is in use by all of them; nothing, if that
/// takes longer than `limit`.
///
/// # Errors
///
/// A device fails, or one that follows cannot have the address.
pub fn wait_for_lease(
    networks: &mut [Network],
    interface: InterfaceId,
    limit: Duration,
) -> io::Result<Option<Cidr>> {
    let mut frame = vec![0; FRAME_LEN_MAX];
    let mut out = TxBuf::new();
    let mut end = None;
    loop {
        // Answers may come at the queue of any of them.
        for network in &mut *networks {
            step(network, &mut frame, &mut out)?;
        }
        let Some((first, others)) = networks.split_first_mut() else { return Ok(None) };
        if has_lease(first, interface) {
            return share_lease(first, others, interface);
        }
        let now = first.clock.now();
        let end = *end.get_or_insert_with(|| now.after(limit));
        if now >= end {
            return Ok(None);
        }
        // Each has a clock of its own.
        let left =
            networks.iter().filter_map(|of| Some(of.host.poll_timeout()?.since(of.clock.now())));
        let left = left.fold(end.since(now), Duration::min);
        let ports = networks.iter().flat_map(|of| &of.ports);
        sleep(ports.map(|(_, port)| port.fd()), left)?;
    }
}

/// Whether an address has come into use.
fn has_lease(network: &mut Network, interface: InterfaceId) -> bool {
    while let Some(event) = network.host.poll_event() {
        match event {
            Event::Dhcp { interface: of, news: DhcpNews::Bound } if of == interface => return true,
            Event::Dhcp { news: DhcpNews::Lost(why), .. } => {
                tracing::warn!(?why, "an address from a server of DHCP cannot be used");
            }
            _ => {}
        }
    }
    false
}

/// Gives what the first has leased to those that follow; its address.
fn share_lease(
    first: &Network,
    others: &mut [Network],
    interface: InterfaceId,
) -> io::Result<Option<Cidr>> {
    let leased = first.host.leased(first.clock.now(), interface);
    for Network { host, world, clock, .. } in others {
        let mut cx = Cx::new(clock.now(), Wall(0), world);
        host.follow_lease(&mut cx, interface, leased.as_ref())?;
    }
    Ok(leased.map(|leased| leased.lease.address))
}

/// One round: what came in, what time brings, what goes out.
fn step(network: &mut Network, frame: &mut [u8], out: &mut TxBuf) -> io::Result<()> {
    let Network { host, world, clock, ports, .. } = network;
    for number in 0..ports.len() {
        let is_inlet = is_inlet(ports, number);
        let Some((interface, port)) = ports.get_mut(number) else { continue };
        while let Some(received) = port.receive(frame)? {
            let mut cx = Cx::new(clock.now(), Wall(0), world);
            match is_inlet {
                true => host.handle_stray(&mut cx, *interface, &received.frame(frame)),
                false => host.handle_frame(&mut cx, *interface, &received.frame(frame)),
            }
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
    while let Some(interface) = host.poll_stray(out) {
        // The inlet stands behind the device.
        if let Some((_, inlet)) = ports.iter_mut().rev().find(|(id, _)| *id == interface) {
            outlet.send(&mut cx, interface.0, inlet, out);
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
