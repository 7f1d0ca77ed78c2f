//! A connection that is played with, and what can be seen of it from outside.
//!
//! A script is a line a step:
//!
//! ```text
//!   > GET / HTTP/1.1\r\n        bytes from the peer; \r \n \t \0 \xhh stand for bytes, %9 times: (GET /)
//!   fin                         the peer will send nothing more
//!   10s   500ms                 time passes
//!   read   release 5            the user asks for the body; is done with five bytes of it
//!   pace 2s 4/1s   pace         the peer must keep another pace, with heads and with bodies; or not
//!   hold                        from now on the user releases nothing by itself
//!   answer 200 text             the user sends a whole response with a length
//!   head 200 name: value; …     the user sends a response's head
//!   interim 103 name: value     … an interim response
//!   data text   end             … a part of the body; the end
//!   trailers name: value        … trailers
//!   reset   reset 503           … gives up
//!   open GET /path name: value  … a request (clients)
//!   shut down                   the program ends
//!   look                        shows what the getters say
//!   @1 data text                the same for an exchange of another number
//! ```
//!
//! The film shows bytes to the peer (`<`, a line a line), events (`=>`), what becomes of the
//! connection (`--`), and of the x-ray those notes that give a reason (`~`).

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use base::xray::{self, Layer};
use base::{Cx, Instant, TxQueue, Wall, World};
use expect_test::Expect;
use http_scripts::{
    Reasons, bytes_of, duration_of, fields_of, pace_of, request_of, response_of, show_event,
};
use message::{Event, ExchangeId, Head, Name, Request, Reset, Status};

use crate::{Closing, Config, Connection};

/// Plays `script` on a server's end and compares the film with `want`.
#[track_caller]
pub(super) fn check(script: &str, want: Expect) {
    check_with(Config::default(), script, want);
}

/// The same with another configuration.
#[track_caller]
pub(super) fn check_with(config: Config, script: &str, want: Expect) {
    let mut stage = Stage::server(config);
    stage.play(script);
    want.assert_eq(&stage.film);
}

/// Plays `script` on a client's end and compares the film with `want`.
#[track_caller]
pub(super) fn check_client(script: &str, want: Expect) {
    let mut stage = Stage::client(Config::default());
    stage.play(script);
    want.assert_eq(&stage.film);
}

/// The notes that give a reason.
const REASONS: [&str; 9] = [
    "Closing",
    "Continued",
    "Discarding",
    "NotSent",
    "PeerFinished",
    "Refused",
    "TimedOut",
    "TrailerLeftOut",
    "Upgraded",
];

/// A connection, the bytes on their way to it, and the film so far.
pub(super) struct Stage {
    pub(super) connection: Connection,
    pub(super) film: String,
    /// Everything that was sent to the peer.
    pub(super) sent: Vec<u8>,
    /// Everything the user was told.
    pub(super) events: Vec<(ExchangeId, Event)>,
    /// Events that a test has moved here.
    pub(super) log: Vec<(ExchangeId, Event)>,
    world: World,
    now: Duration,
    inbox: Vec<u8>,
    fin: bool,
    holds: bool,
    exchange: ExchangeId,
    closing: Closing,
}

impl Stage {
    pub(super) fn server(config: Config) -> Self {
        let mut world = World::seeded(1);
        let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world);
        let connection = Connection::server(&mut cx, Arc::new(config));
        Self::new(world, connection)
    }

    pub(super) fn client(config: Config) -> Self {
        Self::new(World::seeded(1), Connection::client(Arc::new(config)))
    }

    fn new(world: World, connection: Connection) -> Self {
        xray::watch(&[Layer::Application]);
        Self {
            connection,
            film: String::new(),
            sent: Vec::new(),
            events: Vec::new(),
            log: Vec::new(),
            world,
            now: Duration::ZERO,
            inbox: Vec::new(),
            fin: false,
            holds: false,
            exchange: ExchangeId(0),
            closing: Closing::Open,
        }
    }

    pub(super) fn play(&mut self, script: &str) {
        for step in script.lines().map(str::trim).filter(|step| !step.is_empty()) {
            self.step(step);
        }
    }

    fn step(&mut self, step: &str) {
        if let Some(rest) = step.strip_prefix('@') {
            let (id, rest) = rest.split_once(' ').unwrap();
            let current = std::mem::replace(&mut self.exchange, ExchangeId(id.parse().unwrap()));
            self.step(rest);
            self.exchange = current;
            return;
        }
        let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
        match verb {
            ">" => self.receive(&bytes_of(rest)),
            "fin" => self.receive_fin(),
            "read" => self.with(|c, cx, id| c.read_body(cx, id)),
            "release" => {
                let n = rest.parse().unwrap();
                self.with(|c, cx, id| c.release(cx, id, n));
            }
            "pace" => self.with(|c, _, _| c.keep_pace(pace_of(rest))),
            "hold" => self.holds = true,
            "answer" => self.answer(rest),
            "head" => self.send(Event::Head(Head::Response(response_of(rest)))),
            "interim" => self.send(Event::Informational(response_of(rest))),
            "data" => self.send(Event::Data(bytes_of(rest).into())),
            "end" => self.send(Event::End),
            "trailers" => self.send(Event::Trailers(fields_of(rest))),
            "reset" => {
                let status = rest.parse().ok().and_then(Status::new);
                self.send(Event::Reset(Reset {
                    why: "the script says so",
                    status,
                    untouched: false,
                }));
            }
            "open" => self.open(request_of(rest)),
            "shut" => self.with(|c, cx, _| c.shut_down(cx)),
            "wind" => self.with(|c, _, _| c.wind_down()),
            "look" => self.look(),
            _ => self.pass(duration_of(step)),
        }
    }

    /// Takes bytes from the peer, and lets the connection do with them what it likes.
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.inbox.extend_from_slice(bytes);
        self.pump();
    }

    pub(super) fn receive_fin(&mut self) {
        self.fin = true;
        self.pump();
    }

    pub(super) fn open(&mut self, request: Request) {
        let mut opened = None;
        self.with(|c, cx, _| opened = c.open(cx, request));
        match opened {
            Some(id) => self.exchange = id,
            None => self.film.push_str("-- not opened\n"),
        }
    }

    pub(super) fn send(&mut self, event: Event) {
        self.with(|c, cx, id| c.send(cx, id, event));
    }

    fn answer(&mut self, text: &str) {
        let (status, body) = text.split_once(' ').unwrap_or((text, ""));
        let body = bytes_of(body);
        let mut response = response_of(status);
        response.fields.push(Name::ContentLength, body.len().to_string());
        // As one act: what follows on the wire must not come between.
        self.with(|c, cx, id| {
            c.send(cx, id, Event::Head(Head::Response(response)));
            c.send(cx, id, Event::Data(body.into()));
            c.send(cx, id, Event::End);
        });
    }

    /// Lets time pass, and wakes the connection when it wants to be woken.
    pub(super) fn pass(&mut self, by: Duration) {
        let end = self.now + by;
        while let Some((at, _)) = self.connection.poll_timeout() {
            let at = Duration::from_nanos(at.as_nanos());
            if at > end {
                break;
            }
            self.now = self.now.max(at);
            self.with(|c, cx, _| c.handle_timeout(cx));
        }
        self.now = end;
    }

    fn look(&mut self) {
        let c = &self.connection;
        let timer =
            c.poll_timeout().map(|(at, timer)| (Duration::from_nanos(at.as_nanos()), timer));
        let waiting = self.inbox.len();
        let _ = writeln!(
            self.film,
            "-- idle={} reusable={} wants_bytes={} waiting={waiting} timer={timer:?}",
            c.is_idle(),
            c.is_reusable(),
            c.wants_bytes(),
        );
    }

    fn with(&mut self, act: impl FnOnce(&mut Connection, &mut Cx<'_>, ExchangeId)) {
        self.call(act);
        self.pump();
    }

    fn call<T>(&mut self, act: impl FnOnce(&mut Connection, &mut Cx<'_>, ExchangeId) -> T) -> T {
        let now = Instant::from_nanos(u64::try_from(self.now.as_nanos()).unwrap());
        let film = std::mem::take(&mut self.film);
        let mut reasons = Reasons { film, names: &REASONS };
        let mut cx = Cx::new(now, Wall(0), &mut self.world).watched_by(&mut reasons);
        let done = act(&mut self.connection, &mut cx, self.exchange);
        let mut out = TxQueue::new();
        self.connection.poll_transmit(&mut cx, &mut out);
        self.film = reasons.film;
        self.show_sent(out);
        self.show_events();
        if self.connection.closing() != self.closing {
            self.closing = self.connection.closing();
            let _ = writeln!(self.film, "-- {:?}", self.closing);
        }
        done
    }

    /// Shows the connection what waits for it, as a driver would.
    fn pump(&mut self) {
        self.call(|_, _, _| ());
        while self.connection.wants_bytes() && !self.inbox.is_empty() {
            let mut inbox = std::mem::take(&mut self.inbox);
            let taken = self.call(|c, cx, _| c.handle_bytes(cx, &inbox));
            inbox.drain(..taken);
            self.inbox = inbox;
            if taken == 0 {
                break;
            }
        }
        if self.fin && self.connection.wants_bytes() {
            self.fin = false;
            self.call(|c, cx, _| c.handle_eof(cx));
        }
    }

    fn show_sent(&mut self, mut out: TxQueue) {
        let mut bytes = Vec::new();
        while let Some(chunk) = out.pop() {
            bytes.extend_from_slice(chunk.as_bytes().unwrap());
        }
        self.sent.extend_from_slice(&bytes);
        for line in bytes.split_inclusive(|&b| b == b'\n') {
            // One test of its own looks at the date.
            if line != b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n" {
                let _ = writeln!(self.film, "< {}", line.escape_ascii());
            }
        }
    }

    fn show_events(&mut self) {
        let mut released = 0;
        while let Some((id, event)) = self.connection.poll_event() {
            show_event(&mut self.film, id, &event, 100);
            match &event {
                Event::Head(Head::Request(_)) => self.exchange = id,
                Event::Data(chunk) => released += chunk.len() as usize,
                _ => {}
            }
            self.events.push((id, event));
        }
        if released > 0 && !self.holds {
            self.call(|c, cx, id| c.release(cx, id, released));
        }
    }
}
