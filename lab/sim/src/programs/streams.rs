//! Streams in both directions: each end writes bytes that follow from the stream's number, and knows
//! what it has to read.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use base::{Cx, Instant};
use host::{Event, Host, ListenerId, TcpEvent, TcpId};
use tcp::{Event as Tcp, State};

use super::{Program, byte_at};

/// How many bytes say which stream this is, at the beginning of what the client writes.
const NAME_LEN: u64 = 8;

/// How long a client waits before it tries again to connect.
const AGAIN: Duration = Duration::from_secs(3);

/// How often it tries.
const ATTEMPTS_MAX: u32 = 20;

/// What goes over a stream, known to both ends by the stream's number.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The stream's number.
    pub stream: u64,
    /// How many bytes the client writes, behind the stream's name.
    pub up: u64,
    /// How many bytes the server writes.
    pub down: u64,
    /// How much is written at a time.
    pub write_len: usize,
    /// How much is read at a time, and how long a reader rests after that.
    pub read: (usize, Duration),
    /// When the client begins.
    pub begins: Instant,
}

/// One end of a stream.
#[derive(Debug)]
pub struct End {
    plan: Plan,
    is_client: bool,
    written: u64,
    read: u64,
    has_shut_down: bool,
    rests_until: Instant,
    /// Both directions are complete.
    is_done: bool,
}

impl End {
    /// One end of what `plan` says.
    pub fn new(plan: Plan, is_client: bool) -> Self {
        let read = if is_client { 0 } else { NAME_LEN };
        Self {
            plan,
            is_client,
            written: 0,
            read,
            has_shut_down: false,
            rests_until: Instant::ORIGIN,
            is_done: false,
        }
    }

    fn to_write(&self) -> u64 {
        if self.is_client { NAME_LEN + self.plan.up } else { self.plan.down }
    }

    fn to_read(&self) -> u64 {
        if self.is_client { self.plan.down } else { NAME_LEN + self.plan.up }
    }

    /// Writes and reads what can be; whether anything was.
    fn run(&mut self, cx: &mut Cx<'_>, host: &mut Host, id: TcpId) -> Result<bool, String> {
        let wrote = self.write(cx, host, id);
        let read = self.read(cx, host, id)?;
        let Some(connection) = host.tcp(id) else { return Ok(wrote || read) };
        let has_begun = !matches!(connection.state(), State::SynSent | State::SynReceived);
        let is_over = has_begun && connection.is_read_out() && connection.failure().is_none();
        if is_over && !self.is_done {
            if self.read < self.to_read() {
                return Err(format!("{}: ends too early", self.describe()));
            }
            // Who leaves earlier leaves the rest to the host, which does not try for ever.
            let is_delivered = connection.unacknowledged() == 0 && connection.unsent() == 0;
            self.is_done = self.has_shut_down && is_delivered;
        }
        Ok(wrote || read)
    }

    fn write(&mut self, cx: &mut Cx<'_>, host: &mut Host, id: TcpId) -> bool {
        let mut has_written = false;
        while self.written < self.to_write() {
            let len = (self.to_write() - self.written).min(self.plan.write_len as u64);
            let bytes: Vec<u8> =
                (self.written..self.written + len).map(|at| self.mine(at)).collect();
            let taken = host.tcp_write_slice(cx, id, &bytes);
            self.written += taken as u64;
            has_written |= taken > 0;
            if taken < bytes.len() {
                return has_written;
            }
        }
        if !self.has_shut_down && host.tcp(id).is_some_and(|c| is_open(c.state())) {
            self.has_shut_down = true;
            host.tcp_shut_down(cx, id);
            return true;
        }
        has_written
    }

    fn read(&mut self, cx: &mut Cx<'_>, host: &mut Host, id: TcpId) -> Result<bool, String> {
        let mut into = vec![0; self.plan.read.0];
        let mut has_read = false;
        if self.rests_until <= cx.now() {
            self.rests_until = Instant::ORIGIN;
        }
        while self.rests_until <= cx.now() {
            let len = host.tcp_read(cx, id, &mut into);
            if len == 0 {
                break;
            }
            has_read = true;
            for (at, byte) in (self.read..).zip(into.iter().take(len)) {
                if *byte != self.peers(at) {
                    return Err(format!("{}: byte {at} is not what was written", self.describe()));
                }
            }
            self.read += len as u64;
            if self.read > self.to_read() {
                return Err(format!("{}: more comes than was written", self.describe()));
            }
            if !self.plan.read.1.is_zero() {
                self.rests_until = cx.now().after(self.plan.read.1);
            }
        }
        Ok(has_read)
    }

    /// What stands at a place of what this end writes.
    fn mine(&self, at: u64) -> u8 {
        self.content(self.is_client, at)
    }

    fn peers(&self, at: u64) -> u8 {
        self.content(!self.is_client, at)
    }

    fn content(&self, by_client: bool, at: u64) -> u8 {
        match by_client && at < NAME_LEN {
            true => self.plan.stream.to_be_bytes().get(at as usize).copied().unwrap_or(0),
            false => byte_at(self.plan.stream << 1 | u64::from(by_client), at),
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let is_resting = self.rests_until > Instant::ORIGIN && self.read < self.to_read();
        is_resting.then_some(self.rests_until)
    }

    fn describe(&self) -> String {
        let who = if self.is_client { "client" } else { "server" };
        format!(
            "stream {} of the {who} (wrote {} of {}, read {} of {})",
            self.plan.stream,
            self.written,
            self.to_write(),
            self.read,
            self.to_read()
        )
    }
}

/// Whether a FIN may follow what was written: before the handshake is done it would end the attempt.
fn is_open(state: State) -> bool {
    matches!(state, State::Established | State::CloseWait)
}

/// Connects, says what its plan says, and wants to hear what it says.
#[derive(Debug)]
pub struct Client {
    remote: SocketAddr,
    end: End,
    socket: Option<TcpId>,
    attempts: u32,
    next_attempt: Instant,
    failure: Option<String>,
}

impl Client {
    /// A client of the server at `remote`.
    pub fn new(remote: SocketAddr, plan: Plan) -> Self {
        Self {
            remote,
            end: End::new(plan, true),
            socket: None,
            attempts: 0,
            next_attempt: plan.begins,
            failure: None,
        }
    }

    fn connect(&mut self, cx: &mut Cx<'_>, host: &mut Host) -> Result<bool, String> {
        if self.end.is_done || cx.now() < self.next_attempt {
            return Ok(false);
        }
        if self.attempts == ATTEMPTS_MAX {
            return Err(format!("{}: cannot connect", self.end.describe()));
        }
        self.attempts += 1;
        self.next_attempt = Instant::NEVER;
        let socket = host.tcp_connect(cx, None, self.remote);
        self.socket = Some(socket.map_err(|error| format!("cannot connect: {error:?}"))?);
        Ok(true)
    }
}

impl Program for Client {
    fn handle_event(&mut self, cx: &mut Cx<'_>, host: &mut Host, event: &Event) {
        let Event::Tcp(TcpEvent::Connection(socket, event)) = event else { return };
        if self.socket != Some(*socket) {
            return;
        }
        let acked = |host: &Host| host.tcp(*socket).map(|c| c.info(cx.now()).bytes_acked);
        match event {
            // Until something was acknowledged, the other end may have forgotten our SYN: if an error
            // said that we were not there, it answers what comes later with a reset.
            Tcp::Failed(failure) if acked(host) > Some(0) => {
                self.failure = Some(format!("{}: {failure:?}", self.end.describe()));
            }
            // Nobody answered, or the neighbour could not be found: the weather was too bad.
            Tcp::Failed(_) => {
                host.tcp_close(cx, *socket);
                self.socket = None;
                self.end = End::new(self.end.plan, true);
                self.next_attempt = cx.now().after(AGAIN);
            }
            _ => {}
        }
    }

    fn run(&mut self, cx: &mut Cx<'_>, host: &mut Host) -> Result<bool, String> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let Some(socket) = self.socket else { return self.connect(cx, host) };
        let worked = self.end.run(cx, host, socket)?;
        if self.end.is_done {
            host.tcp_close(cx, socket);
            self.socket = None;
        }
        Ok(worked)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self.socket {
            Some(_) => self.end.poll_timeout(),
            None if self.end.is_done => None,
            None => Some(self.next_attempt),
        }
    }

    fn is_done(&self) -> bool {
        self.end.is_done
    }

    fn describe(&self) -> String {
        format!("{}, {} attempts", self.end.describe(), self.attempts)
    }
}

/// Listens, and does its part of every plan.
#[derive(Debug)]
pub struct Server {
    local: SocketAddr,
    plans: BTreeMap<u64, Plan>,
    listener: Option<ListenerId>,
    /// Connections that have not said yet which stream they are.
    nameless: Vec<TcpId>,
    streams: Vec<(TcpId, End)>,
    done: usize,
    failure: Option<String>,
}

impl Server {
    /// A server at `local` for these plans.
    pub fn new(local: SocketAddr, plans: impl IntoIterator<Item = Plan>) -> Self {
        Self {
            local,
            plans: plans.into_iter().map(|plan| (plan.stream, plan)).collect(),
            listener: None,
            nameless: Vec::new(),
            streams: Vec::new(),
            done: 0,
            failure: None,
        }
    }

    fn accept(&mut self, cx: &mut Cx<'_>, host: &mut Host) -> Result<bool, String> {
        let listener = match self.listener {
            Some(listener) => listener,
            None => {
                let listener = host.tcp_listen(self.local, 64);
                *self
                    .listener
                    .insert(listener.map_err(|error| format!("cannot listen: {error:?}"))?)
            }
        };
        let mut has_worked = false;
        while let Some(socket) = host.tcp_accept(listener) {
            self.nameless.push(socket);
            has_worked = true;
        }
        for socket in std::mem::take(&mut self.nameless) {
            match self.name(cx, host, socket)? {
                Some(end) => {
                    self.streams.push((socket, end));
                    has_worked = true;
                }
                // A client that gave up before it had said anything.
                None if host.tcp(socket).is_none_or(|c| c.failure().is_some()) => {
                    host.tcp_close(cx, socket);
                }
                None => self.nameless.push(socket),
            }
        }
        Ok(has_worked)
    }

    /// Reads which stream a connection is.
    fn name(&self, cx: &mut Cx<'_>, host: &mut Host, socket: TcpId) -> Result<Option<End>, String> {
        let mut name = [0; NAME_LEN as usize];
        if host.tcp(socket).is_none_or(|c| (c.readable() as u64) < NAME_LEN) {
            return Ok(None);
        }
        host.tcp_read(cx, socket, &mut name);
        let stream = u64::from_be_bytes(name);
        match self.plans.get(&stream) {
            Some(plan) => Ok(Some(End::new(*plan, false))),
            None => Err(format!("a stream {stream} that nobody has begun")),
        }
    }
}

impl Program for Server {
    fn handle_event(&mut self, _: &mut Cx<'_>, _: &mut Host, event: &Event) {
        let Event::Tcp(TcpEvent::Connection(socket, Tcp::Failed(failure))) = event else { return };
        let failed = self.streams.iter().find(|(of, end)| of == socket && !end.is_done);
        if let Some((_, end)) = failed {
            self.failure = Some(format!("{}: {failure:?}", end.describe()));
        }
    }

    fn run(&mut self, cx: &mut Cx<'_>, host: &mut Host) -> Result<bool, String> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let mut has_worked = self.accept(cx, host)?;
        for (socket, end) in &mut self.streams {
            has_worked |= end.run(cx, host, *socket)?;
            if end.is_done {
                host.tcp_close(cx, *socket);
                self.done += 1;
            }
        }
        self.streams.retain(|(_, end)| !end.is_done);
        Ok(has_worked)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.streams.iter().filter_map(|(_, end)| end.poll_timeout()).min()
    }

    fn is_done(&self) -> bool {
        self.done == self.plans.len()
    }

    fn describe(&self) -> String {
        let streams: Vec<_> = self.streams.iter().map(|(_, end)| end.describe()).collect();
        format!("server: {} of {} done, {streams:?}", self.done, self.plans.len())
    }
}
