//! A connection: a socket below, an [`Endpoint`] on it.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::time::Duration;

use base::{Cx, TxQueue, World};
use endpoint::{Closing, Endpoint};
use message::{Event, ExchangeId, Request, Reset};
use server::Clock;
use tokio::time::Instant;

use super::connect::plain;
use super::film::Reel;
use super::problem::Problem;
use super::pushes::{Pushes, Then};
use super::upload::Upload;
use crate::network::Network;
use crate::stream::Stream;

/// How much room a read has: what a socket brings in one go over a fast path.
const READ_LEN: usize = 128 * 1024;

/// How much may wait for the socket before no more of a body is made.
const UNSENT_LEN_MAX: u64 = 256 * 1024;

/// How many slices one vectored write takes at most.
const SLICES: usize = 16;

/// How many of the first bytes are remembered, to say what the server speaks when it is not what
/// was expected.
const FIRST_LEN: usize = 8;

/// What every connection needs: time, chance, and who watches.
#[derive(Debug)]
pub(super) struct Tools {
    clock: Clock,
    world: World,
    pub(super) film: Option<Reel>,
    /// How long nothing may come or go; for ever when it is nothing.
    stall_timeout: Option<Duration>,
}

/// One connection to a server, by which one exchange after the other is made.
#[derive(Debug)]
pub(super) struct Connection {
    number: u64,
    peer: SocketAddr,
    stream: Stream,
    endpoint: Endpoint,
    /// Bytes that were read and not taken.
    inbox: Vec<u8>,
    /// Bytes that the socket did not take yet.
    unsent: TxQueue,
    /// The first bytes that came.
    first: Vec<u8>,
    has_eof: bool,
    is_eof_told: bool,
    /// The socket takes nothing any more; what has been sent may still be answered.
    is_deaf: bool,
    /// Whether anything came since the last request.
    has_answered: bool,
    exchanges: u32,
    /// Whom we ask, as Host has it.
    authority: Box<str>,
    pushes: Pushes,
}

/// Why a connection is of no use any more.
#[derive(Debug)]
pub(super) enum Lost {
    /// The socket failed.
    Io(String),
    /// The server closed it.
    Closed,
    /// There is no session, or no more.
    Tls(tls::Fault),
    /// Nothing came or went for too long.
    Stalled(Duration),
    /// What was to be sent cannot be.
    Upload(Problem),
}

impl Tools {
    pub(super) fn new(film: Option<Reel>, stall_timeout: Duration) -> Self {
        use std::hash::{BuildHasher, Hasher};
        let seed = std::hash::RandomState::new().build_hasher().finish();
        let stall_timeout = Some(stall_timeout).filter(|timeout| !timeout.is_zero());
        Self { clock: Clock::start(), world: World::seeded(seed), film, stall_timeout }
    }

    /// Films the layers below too, if anything is filmed.
    pub(super) fn film_below(&mut self, network: &Network) {
        if let Some(film) = &mut self.film {
            film.add_below(network, &self.clock);
        }
    }

    pub(super) fn cx(&mut self, connection: u64) -> Cx<'_> {
        let now = self.clock.now();
        let cx = Cx::new(now, self.clock.wall(now), &mut self.world).in_connection(connection);
        match &mut self.film {
            Some(film) => cx.watched_by(film),
            None => cx,
        }
    }
}

impl Connection {
    /// A connection to `authority`, on a socket that is connected; with `tls`, to a server of that
    /// name.
    pub(super) fn new(
        tools: &mut Tools,
        number: u64,
        authority: &str,
        stream: Stream,
        http: &endpoint::Config,
        tls: Option<(&tls::ClientConfig, &str)>,
    ) -> Result<Self, Lost> {
        let peer = stream.peer_addr().map_err(|error| Lost::Io(plain(&error)))?;
        let endpoint = Endpoint::client(&mut tools.cx(number), http, tls).map_err(Lost::Tls)?;
        Ok(Self {
            number,
            peer,
            stream,
            endpoint,
            inbox: Vec::new(),
            unsent: TxQueue::new(),
            first: Vec::new(),
            has_eof: false,
            is_eof_told: false,
            is_deaf: false,
            has_answered: false,
            exchanges: 0,
            authority: authority.into(),
            pushes: Pushes::default(),
        })
    }

    /// Waits until there is a session.
    pub(super) async fn shake_hands(&mut self, tools: &mut Tools) -> Result<(), Lost> {
        while self.endpoint.facts().tls.is_none() {
            self.turn(tools, None).await?;
        }
        Ok(())
    }

    /// Begins an exchange.
    pub(super) fn open(&mut self, tools: &mut Tools, request: Request) -> Option<ExchangeId> {
        self.has_answered = false;
        self.exchanges += 1;
        self.endpoint.open(&mut tools.cx(self.number), request)
    }

    /// The next event of the exchange under way; its request's body goes out beside it.
    pub(super) async fn next(
        &mut self,
        tools: &mut Tools,
        id: ExchangeId,
        upload: &mut Upload,
    ) -> Result<Event, Lost> {
        loop {
            while let Some((of, event)) = self.endpoint.poll_event() {
                if of == id {
                    return Ok(event);
                }
                self.take_pushed(tools, of, event);
            }
            self.turn(tools, Some((id, &mut *upload))).await?;
        }
    }

    /// Waits until everything has come that was pushed, if anything was.
    pub(super) async fn await_pushes(&mut self, tools: &mut Tools) -> Result<(), Lost> {
        loop {
            while let Some((of, event)) = self.endpoint.poll_event() {
                self.take_pushed(tools, of, event);
            }
            if !self.pushes.are_under_way() {
                return Ok(());
            }
            self.turn(tools, None).await?;
        }
    }

    fn take_pushed(&mut self, tools: &mut Tools, id: ExchangeId, event: Event) {
        match self.pushes.take(&self.authority, id, event) {
            Then::GoOn => {}
            Then::Release(len) => self.release(tools, id, len),
            Then::Refuse => {
                let why = "the server may not answer for that";
                let reset = Reset { why, status: None, untouched: false };
                self.endpoint.send(&mut tools.cx(self.number), id, Event::Reset(reset));
            }
        }
    }

    /// Says what was pushed.
    pub(super) fn report_pushes(&mut self, silent: bool) {
        self.pushes.report(silent);
    }

    /// Says that `len` bytes of the body are done with.
    pub(super) fn release(&mut self, tools: &mut Tools, id: ExchangeId, len: usize) {
        self.endpoint.release(&mut tools.cx(self.number), id, len);
    }

    /// Says what can be said for an end, as far as the socket takes it now.
    pub(super) fn close(mut self, tools: &mut Tools) {
        self.endpoint.shut_down(&mut tools.cx(self.number));
        self.go_down(tools);
        self.write(tools);
        self.print_film(tools);
    }

    /// Whether another exchange may be begun: nobody has ended the connection, and nothing has come
    /// that nobody asked for.
    pub(super) fn is_reusable(&self) -> bool {
        self.stream.is_quiet()
            && self.inbox.is_empty()
            && !self.has_eof
            && !self.is_deaf
            && self.endpoint.is_reusable()
    }

    /// Whether it was used before the exchange under way.
    pub(super) fn is_reused(&self) -> bool {
        self.exchanges > 1
    }

    /// Whether anything came since the last request.
    pub(super) fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// What was agreed in TLS.
    pub(super) fn tls(&self) -> Option<&tls::Facts> {
        self.endpoint.facts().tls
    }

    /// Whether the stream ended without the word of TLS that it would.
    pub(super) fn is_truncated(&self) -> bool {
        self.endpoint.is_truncated()
    }

    /// The first bytes that came.
    pub(super) fn first(&self) -> &[u8] {
        &self.first
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Prints what the layers have said.
    pub(super) fn print_film(&self, tools: &mut Tools) {
        if let Some(film) = &mut tools.film {
            film.print(self.number, || format!("connection {} to {}", self.number, self.peer));
        }
    }

    /// Does what can be done, once, in one order: what came goes up, what is to be sent goes down;
    /// waits for the socket only when neither led anywhere.
    async fn turn(
        &mut self,
        tools: &mut Tools,
        mut upload: Option<(ExchangeId, &mut Upload)>,
    ) -> Result<(), Lost> {
        if self.go_up(tools) {
            return Ok(());
        }
        if let Some((id, upload)) = &mut upload
            && self.unsent.len() < UNSENT_LEN_MAX
        {
            let mut cx = tools.cx(self.number);
            upload.go_on(&mut cx, &mut self.endpoint, *id).map_err(Lost::Upload)?;
        }
        self.go_down(tools);
        let has_written = self.write(tools);
        self.print_film(tools);
        if let Some(fault) = self.endpoint.fault() {
            return Err(Lost::Tls(fault.clone()));
        }
        if has_written && self.unsent.is_empty() && self.wants_to_send(upload.as_ref()) {
            return Ok(());
        }
        let until = upload.and_then(|(_, upload)| upload.waits_until);
        self.wait(tools, until).await
    }

    /// Whether more of the request could be made at once.
    fn wants_to_send(&self, upload: Option<&(ExchangeId, &mut Upload)>) -> bool {
        upload.is_some_and(|(_, upload)| !upload.is_complete() && upload.waits_until.is_none())
    }

    /// Shows what came to the layers; whether that led to anything.
    fn go_up(&mut self, tools: &mut Tools) -> bool {
        let mut cx = tools.cx(self.number);
        if !self.inbox.is_empty() || self.endpoint.has_waiting_bytes() {
            let taken = self.endpoint.handle_bytes(&mut cx, &mut self.inbox);
            self.inbox.drain(..taken.min(self.inbox.len()));
            if taken > 0 {
                return true;
            }
        }
        let is_over = self.has_eof || self.endpoint.is_closed_by_peer();
        if is_over && !self.is_eof_told && self.endpoint.wants_bytes() {
            self.is_eof_told = true;
            self.endpoint.handle_eof(&mut cx);
            return true;
        }
        false
    }

    fn go_down(&mut self, tools: &mut Tools) {
        let mut cx = tools.cx(self.number);
        while self.endpoint.poll_transmit(&mut cx, &mut self.unsent) {}
        if self.is_deaf {
            self.unsent.clear(&mut cx);
        }
    }

    /// Writes what the socket takes; whether it took anything.
    fn write(&mut self, tools: &mut Tools) -> bool {
        let mut has_written = false;
        while !self.unsent.is_empty() && !self.is_deaf {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let filled = self.unsent.fill_slices(&mut slices);
            match self.stream.try_write_vectored(slices.get(..filled).unwrap_or_default()) {
                Ok(len) => {
                    has_written = true;
                    self.unsent.advance(&mut tools.cx(self.number), len as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    // RFC 9112 §9.5: the server may have answered before it closed.
                    self.is_deaf = true;
                    self.unsent.clear(&mut tools.cx(self.number));
                }
            }
        }
        has_written
    }

    /// Waits for the socket, and reads what it brings.
    async fn wait(&mut self, tools: &Tools, until: Option<Instant>) -> Result<(), Lost> {
        let reads = !self.has_eof && self.endpoint.wants_bytes();
        let writes = !self.is_deaf && !self.unsent.is_empty();
        if !reads && !writes {
            return Err(Lost::Closed);
        }
        if self.endpoint.closing() == Closing::Abort {
            return Err(Lost::Closed);
        }
        let stalled_at = tools.stall_timeout.map(|timeout| Instant::now() + timeout);
        let ready = self.stream.ready(reads, writes);
        let ready = match stalled_at.into_iter().chain(until).min() {
            None => ready.await,
            Some(at) => match tokio::time::timeout_at(at, ready).await {
                Ok(ready) => ready,
                Err(_) if until.is_some() => return Ok(()),
                Err(_) => return Err(Lost::Stalled(tools.stall_timeout.unwrap_or_default())),
            },
        };
        let is_readable = ready.map_err(|error| Lost::Io(plain(&error)))?;
        if is_readable { self.read() } else { Ok(()) }
    }

    fn read(&mut self) -> Result<(), Lost> {
        self.inbox.reserve(READ_LEN);
        match self.stream.try_read_buf(&mut self.inbox) {
            Ok(0) => self.has_eof = true,
            Ok(_) => {
                self.has_answered = true;
                if self.first.is_empty() {
                    let first = self.inbox.get(..FIRST_LEN.min(self.inbox.len()));
                    self.first.extend_from_slice(first.unwrap_or_default());
                }
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => {}
                _ => return Err(Lost::Io(plain(&error))),
            },
        }
        Ok(())
    }
}
