//! Several queues of one device, each with a stack of its own.
//!
//! ```text
//!   queue 0 ─▶ Queue ── every frame ─▶ stack 0 ── of no flow here ─▶ Inlet
//!                └────── what concerns all ──────▶ Inlet ─▶ stack 1, 2 … ◀─┘
//! ```
//!
//! The kernel gives a flow to one queue, and leaves it there: at a TAP or TUN device to the one that
//! its hash says, which is also the one from which our first answer comes; at packet sockets by the same
//! hash (`PACKET_FANOUT_HASH`). So no flow changes its stack, and stacks share nothing but what
//! [`host::concerns_all_queues`] says: it is copied to the inlets of the others. That is a few frames a
//! minute. Packets that came in parts are the exception: only their addresses are seen, so they come to
//! another queue than the rest of their flow. A stack that has put one together and has no such flow
//! sends it by its inlet to the others ([`host::Host::poll_stray`]), and so does a stack without a client of
//! DHCP with what is for one.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use base::TxBuf;
use phys::{Device, Port, Received};

use crate::letterbox::Letterbox;

/// One queue of a device that has several.
#[derive(Debug)]
pub struct Queue<P> {
    port: P,
    /// Those of the other queues' stacks.
    others: Vec<Arc<Letterbox>>,
}

/// A port over which frames come that arrived at another queue; what is sent goes to the stacks of all
/// others, and not to the device.
#[derive(Debug)]
pub struct Inlet {
    frames: Arc<Letterbox>,
    /// Those of the other queues' stacks.
    others: Vec<Arc<Letterbox>>,
    device: Device,
}

/// Joins the queues of one device: for each a port, and the inlet that belongs to the same interface
/// of the same stack.
///
/// # Errors
/// When the system has no more descriptors.
pub fn join<P: Port>(ports: Vec<P>) -> io::Result<Vec<(Queue<P>, Inlet)>> {
    let boxes = ports.iter().map(|_| Letterbox::new().map(Arc::new));
    let boxes: Vec<_> = boxes.collect::<io::Result<_>>()?;
    let joined = ports.into_iter().zip(&boxes).map(|(port, own)| {
        let others = boxes.iter().filter(|other| !Arc::ptr_eq(other, own)).cloned();
        let others: Vec<_> = others.collect();
        let (frames, device) = (Arc::clone(own), port.device());
        let inlet = Inlet { frames, others: others.clone(), device };
        (Queue { port, others }, inlet)
    });
    Ok(joined.collect())
}

impl<P: Port> Port for Queue<P> {
    fn device(&self) -> Device {
        self.port.device()
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.port.fd()
    }

    fn receive(&mut self, into: &mut [u8]) -> io::Result<Option<Received>> {
        let Some(received) = self.port.receive(into)? else { return Ok(None) };
        let frame = received.frame(into).bytes;
        if host::concerns_all_queues(self.port.device().medium, frame) {
            for other in &self.others {
                // One that is full will ask by itself for what it needs.
                let _ = other.push(frame, received);
            }
        }
        Ok(Some(received))
    }

    fn send(&mut self, frame: &TxBuf) -> io::Result<()> {
        self.port.send(frame)
    }
}

impl Port for Inlet {
    fn device(&self) -> Device {
        self.device
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.frames.fd()
    }

    fn receive(&mut self, into: &mut [u8]) -> io::Result<Option<Received>> {
        Ok(self.frames.pop(into))
    }

    fn send(&mut self, frame: &TxBuf) -> io::Result<()> {
        let received = Received::plain(frame.len());
        let pushed = self.others.iter().map(|other| other.push(frame.as_slice(), received));
        // Each is tried: one that is full takes nothing from another.
        pushed.fold(Ok(()), io::Result::and)
    }
}
