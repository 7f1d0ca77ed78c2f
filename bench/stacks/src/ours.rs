//! Our stack, in one thread: frames in, the user's turn, frames out; then it sleeps.

use std::error::Error;
use std::time::Duration;

use base::{Cx, Instant, Mac, TxBuf, Wall, World};
use bytes::Bytes;
use host::{Config, Event, Host, InterfaceConfig, ListenerId, TcpEvent, TcpId};
use ip::InterfaceId;
use neighbor::Claim;
use net::{Mode, Port, PortConfig, Tap};
use phys::{Merger, Outlet, RxFrame};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{ADDRESS, CHUNK_LEN, Role};

/// How many frames are taken before the user has a turn.
const BATCH: usize = 64;

/// A host, its one port, and who uses it.
pub(crate) struct Node<P> {
    pub(crate) host: Host,
    pub(crate) port: P,
    id: InterfaceId,
    frame: Vec<u8>,
    out: TxBuf,
    listener: Option<ListenerId>,
    pub(crate) user: Option<(TcpId, Option<Role>)>,
    buffer: Vec<u8>,
    chunk: Bytes,
    /// What was read.
    pub(crate) received: usize,
    pub(crate) outlet: Outlet,
    merger: Merger,
}

/// Serves until it is ended; `looks_busily` never sleeps.
pub(crate) fn serve(
    device: &str,
    config: PortConfig,
    looks_busily: bool,
) -> Result<(), Box<dyn Error>> {
    let port = Tap::open(device, Mode::Tap, config)?;
    let mut world = World::seeded(1);
    let began = std::time::Instant::now();
    let now = || Instant::from_millis(1000).after(began.elapsed());
    let mut node = Node::new(&mut Cx::new(now(), Wall(0), &mut world), port, [10, 80, 0, 2])?;
    node.listen()?;
    println!("ready");
    loop {
        let mut cx = Cx::new(now(), Wall(0), &mut world);
        let is_busy = node.turn(&mut cx);
        if !is_busy && !looks_busily {
            let left = node.host.poll_timeout().map(|at| at.since(now()));
            node.wait(left)?;
        }
    }
}

/// What went wrong, as text.
pub(crate) fn said(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

impl<P: Port> Node<P> {
    pub(crate) fn new(cx: &mut Cx<'_>, port: P, address: [u8; 4]) -> Result<Self, Box<dyn Error>> {
        let mut config = Config::new([address[3]; 16]);
        config.tcp.each.nagle = false;
        let mut host = Host::new(config);
        let mac = Mac([2, 0, 0, 0, 0, address[3]]);
        let id =
            host.add_interface(InterfaceConfig::on("net0", mac, port.device().with_software()));
        let id = id.ok_or("no room")?;
        let [a, b, c, d] = address;
        let cidr = format!("{a}.{b}.{c}.{d}/24").parse().map_err(said)?;
        host.add_address(cx, id, cidr, Claim::Announce).map_err(said)?;
        Ok(Self {
            host,
            port,
            id,
            frame: vec![0; 65_600],
            out: TxBuf::new(),
            listener: None,
            user: None,
            buffer: vec![0; CHUNK_LEN],
            chunk: Bytes::from(vec![7; CHUNK_LEN]),
            received: 0,
            outlet: Outlet::new(),
            merger: Merger::new(),
        })
    }

    pub(crate) fn listen(&mut self) -> Result<(), Box<dyn Error>> {
        self.listener = Some(self.host.tcp_listen(ADDRESS.into(), 8).map_err(said)?);
        Ok(())
    }

    /// One turn; whether anything happened.
    pub(crate) fn turn(&mut self, cx: &mut Cx<'_>) -> bool {
        let mut is_busy = false;
        let medium = self.port.device().medium;
        let mut up = |frame: &RxFrame<'_>| self.host.handle_frame(cx, self.id, frame);
        for _ in 0..BATCH {
            let Ok(Some(received)) = self.port.receive(&mut self.frame) else { break };
            is_busy = true;
            self.outlet.counts.received += 1;
            self.merger.handle_frame(medium, received.frame(&self.frame), &mut up);
        }
        self.merger.flush(up);
        self.host.handle_timeout(cx);
        while let Some(event) = self.host.poll_event() {
            if let (Event::Tcp(TcpEvent::Acceptable(_)), Some(listener)) = (event, self.listener) {
                self.user = self.host.tcp_accept(listener).map(|id| (id, None)).or(self.user);
            }
        }
        self.use_connection(cx);
        while self.host.poll_frame(cx, &mut self.out).is_some() {
            self.outlet.send(cx, 1, &mut self.port, &mut self.out);
        }
        is_busy
    }

    fn use_connection(&mut self, cx: &mut Cx<'_>) {
        let Some((id, role)) = self.user else { return };
        let Some(role) = role else {
            let mut first = [0];
            if self.host.tcp_read(cx, id, &mut first) == 1 {
                self.user = Some((id, Some(Role::of(first[0]))));
                self.use_connection(cx);
            }
            return;
        };
        match role {
            Role::Send => {
                while self.host.tcp_write(cx, id, self.chunk.clone()) == self.chunk.len() {}
            }
            Role::Receive | Role::Echo => loop {
                let len = self.host.tcp_read(cx, id, &mut self.buffer);
                self.received += len;
                if len == 0 {
                    break;
                }
                if role == Role::Echo {
                    self.host.tcp_write_slice(cx, id, &self.buffer[..len]);
                }
            },
        }
        let is_over = self
            .host
            .tcp(id)
            .is_none_or(|connection| connection.failure().is_some() || connection.is_read_out());
        if is_over {
            self.host.tcp_close(cx, id);
            self.user = None;
        }
    }

    fn wait(&self, left: Option<Duration>) -> Result<(), Box<dyn Error>> {
        let left = left.map(Timespec::try_from).transpose()?;
        let fd = self.port.fd();
        poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::IN)], left.as_ref())?;
        Ok(())
    }
}
