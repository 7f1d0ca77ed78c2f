use std::sync::Arc;
use std::time::Duration;

use base::{Cx, Instant, TxQueue, Wall, World};
use http1::{Closing, Config, Connection};
use message::{Event, ExchangeId, Fields, Head, Name, Request, Reset, Response, Status};

/// One end of a connection, what waits in front of it and what came out of it.
pub(crate) struct Side {
    pub(crate) connection: Connection,
    /// Bytes that it has sent and that nobody has taken yet.
    pub(crate) sent: Vec<u8>,
    pub(crate) events: Vec<(ExchangeId, Event)>,
    /// The exchange that its user is at.
    pub(crate) exchange: ExchangeId,
    world: World,
    now: Duration,
    inbox: Vec<u8>,
    fin: bool,
    taken_len: usize,
}

impl Side {
    pub(crate) fn server(config: Config) -> Self {
        let mut world = World::seeded(1);
        let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world);
        let connection = Connection::server(&mut cx, Arc::new(config));
        Self::new(world, connection)
    }

    pub(crate) fn client(config: Config) -> Self {
        Self::new(World::seeded(1), Connection::client(Arc::new(config)))
    }

    fn new(world: World, connection: Connection) -> Self {
        Self {
            connection,
            sent: Vec::new(),
            events: Vec::new(),
            exchange: ExchangeId(0),
            world,
            now: Duration::ZERO,
            inbox: Vec::new(),
            fin: false,
            taken_len: 0,
        }
    }

    /// Bytes arrive.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        self.inbox.extend_from_slice(bytes);
        self.pump();
    }

    /// The peer has finished.
    pub(crate) fn receive_fin(&mut self) {
        self.fin = true;
        self.pump();
    }

    pub(crate) fn open(&mut self, request: Request) {
        let opened = self.call(|c, cx, _| c.open(cx, request));
        self.exchange = opened.unwrap_or(self.exchange);
        self.pump();
    }

    pub(crate) fn send(&mut self, event: Event) {
        self.call(|c, cx, id| c.send(cx, id, event));
        self.pump();
    }

    pub(crate) fn read(&mut self) {
        self.call(|c, cx, id| c.read_body(cx, id));
        self.pump();
    }

    pub(crate) fn release(&mut self, n: usize) {
        self.call(|c, cx, id| c.release(cx, id, n));
        self.pump();
    }

    pub(crate) fn shut_down(&mut self) {
        self.call(|c, cx, _| c.shut_down(cx));
        self.pump();
    }

    /// A whole response at once.
    pub(crate) fn answer(&mut self, body: &[u8]) {
        let length = body.len().to_string();
        let fields: Fields = [(Name::ContentLength, length)].into_iter().collect();
        let head = Head::Response(Response::new(Status::OK, fields));
        self.call(|c, cx, id| {
            c.send(cx, id, Event::Head(head));
            c.send(cx, id, Event::Data(body.to_vec().into()));
            c.send(cx, id, Event::End);
        });
        self.pump();
    }

    pub(crate) fn give_up(&mut self, status: Option<Status>) {
        self.send(Event::Reset(Reset { why: "given up", status, untouched: false }));
    }

    /// Time passes.
    pub(crate) fn pass(&mut self, by: Duration) {
        let end = self.now + by;
        while let Some((at, _)) = self.connection.poll_timeout() {
            let at = Duration::from_nanos(at.as_nanos());
            if at > end {
                break;
            }
            self.now = self.now.max(at);
            self.call(|c, cx, _| c.handle_timeout(cx));
            let next = self.connection.poll_timeout().map(|(at, _)| at.as_nanos());
            assert!(next.is_none_or(|next| u128::from(next) > self.now.as_nanos()), "no progress");
        }
        self.now = end;
        self.pump();
    }

    /// Whether it has reset the connection.
    pub(crate) fn has_aborted(&self) -> bool {
        self.connection.closing() == Closing::Abort
    }

    fn pump(&mut self) {
        while self.connection.wants_bytes() && !self.inbox.is_empty() {
            let mut inbox = std::mem::take(&mut self.inbox);
            let taken = self.call(|c, cx, _| c.handle_bytes(cx, &inbox));
            assert!(taken <= inbox.len(), "more was taken than shown");
            inbox.drain(..taken);
            self.inbox = inbox;
            self.taken_len += taken;
            if taken == 0 {
                break;
            }
        }
        if self.fin && self.connection.wants_bytes() {
            self.fin = false;
            self.call(|c, cx, _| c.handle_eof(cx));
        }
    }

    fn call<T>(&mut self, act: impl FnOnce(&mut Connection, &mut Cx<'_>, ExchangeId) -> T) -> T {
        let now = Instant::from_nanos(u64::try_from(self.now.as_nanos()).unwrap_or(u64::MAX));
        let mut cx = Cx::new(now, Wall(0), &mut self.world);
        let done = act(&mut self.connection, &mut cx, self.exchange);
        let mut out = TxQueue::new();
        self.connection.poll_transmit(&mut cx, &mut out);
        while let Some(chunk) = out.pop() {
            self.sent.extend_from_slice(chunk.as_bytes().unwrap_or_default());
        }
        while let Some((id, event)) = self.connection.poll_event() {
            if matches!(event, Event::Head(Head::Request(_))) {
                self.exchange = id;
            }
            self.events.push((id, event));
        }
        done
    }
}

/// What a user was told, with the parts of each body put together.
pub(crate) fn transcript(events: &[(ExchangeId, Event)]) -> Vec<String> {
    let mut told = Vec::new();
    let mut body = Vec::new();
    for (id, event) in events {
        if let Event::Data(chunk) = event {
            body.extend_from_slice(chunk.as_bytes().unwrap_or_default());
            continue;
        }
        if !body.is_empty() {
            told.push(format!("{} {}", id.0, std::mem::take(&mut body).escape_ascii()));
        }
        told.push(format!("{} {event:?}", id.0));
    }
    told.push(body.escape_ascii().to_string());
    told
}

/// Cuts bytes into pieces whose lengths follow from `seed`; a seed of zero cuts nothing.
pub(crate) fn cut(mut bytes: &[u8], mut seed: u8) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let len = if seed == 0 { bytes.len() } else { usize::from(seed % 16) + 1 };
        let (piece, rest) = bytes.split_at(len.min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
        seed = if seed == 0 { 0 } else { seed.wrapping_mul(167).wrapping_add(13).max(1) };
    }
    pieces
}
