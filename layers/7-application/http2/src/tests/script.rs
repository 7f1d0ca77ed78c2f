//! A connection that is played with, and what can be seen of it from outside.
//!
//! A script is a line a step:
//!
//! ```text
//!   > HEADERS 1 END_STREAM -- …  a frame from the peer, see [`notation`](super::notation)
//!   get 1 /path name: value; …   a whole request from the client; post 1 … has a body to come
//!   respond 1 200 name: value; … a response's head from the server, behind which a body may come
//!   hold back                    the next frames wait, and arrive together with `arrive`
//!   fin                          the peer will send nothing more
//!   10s   500ms                  time passes
//!   read 1   release 1 5         the user asks for a body; is done with five bytes of it
//!   release nothing              from now on the user releases nothing by itself
//!   answer 1 200 text            the user sends a whole response with a length
//!   head 1 200 name: value; …    the user sends a response's head
//!   interim 1 103 name: value    … an interim response
//!   data 1 text   end 1          … a part of the body; the end
//!   file 1 5000                  … a part of a file, of so many bytes
//!   trailers 1 name: value       … trailers
//!   reset 1   give up 1 503      … cancels; … gives up, with an answer
//!   open GET /path name: value   … a request (clients)
//!   push 1 GET /path name: value … a promise (servers)
//!   room 1                       how much of a body it may hand in
//!   wind down   shut down        the program ends
//!   slow down                    nothing is asked for to be sent until `transmit`
//!   look                         shows what the getters say
//! ```
//!
//! The film shows frames to the peer (`<`), events (`=>`), what becomes of the connection (`--`), and
//! of the x-ray those notes that give a reason (`~`).

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use base::xray::{self, Layer};
use base::{Chunk, Cx, FileRange, Instant, TxQueue, Wall, World};
use expect_test::Expect;
use http_scripts::{
    Reasons, bytes_of, duration_of, fields_of, pace_of, request_of, response_of, show_event,
};
use message::{Event, ExchangeId, Head, Name, Request, Reset, Status};

use super::notation::{Peer, frames};
use crate::{Closing, Config, Connection, PREFACE};

/// Plays `script` on a server's end that has shaken hands, and compares the film with `want`.
#[track_caller]
pub(super) fn check(script: &str, want: Expect) {
    check_with(Config::default(), script, want);
}

/// The same with another configuration.
#[track_caller]
pub(super) fn check_with(config: Config, script: &str, want: Expect) {
    let mut stage = Stage::server(config);
    stage.shake_hands("");
    stage.play(script);
    want.assert_eq(&stage.film);
}

/// Plays `script` on a client's end that has shaken hands, and compares the film with `want`.
#[track_caller]
pub(super) fn check_client(script: &str, want: Expect) {
    check_client_with(Config::default(), script, want);
}

/// The same with another configuration.
#[track_caller]
pub(super) fn check_client_with(config: Config, script: &str, want: Expect) {
    let mut stage = Stage::client(config);
    stage.shake_hands("");
    stage.play(script);
    want.assert_eq(&stage.film);
}

/// The notes that give a reason.
const REASONS: [&str; 14] = [
    "Closing",
    "Continued",
    "FieldLeftOut",
    "GoAwayOut",
    "HeadRemembered",
    "Ignored",
    "NotSent",
    "PeerFinished",
    "Prioritised",
    "Refused",
    "ResetOut",
    "TimedOut",
    "Waits",
    "WindowGrows",
];

/// A connection, the bytes on their way to it, and the film so far.
pub(super) struct Stage {
    pub(super) connection: Connection,
    pub(super) film: String,
    pub(super) peer: Peer,
    /// Everything the user was told.
    pub(super) events: Vec<(ExchangeId, Event)>,
    /// How many bytes it has sent.
    pub(super) sent: usize,
    world: World,
    now: Duration,
    inbox: Vec<u8>,
    held_back: Option<Vec<u8>>,
    fin: bool,
    releases: bool,
    transmits: bool,
    closing: Closing,
    is_server: bool,
}

impl Stage {
    pub(super) fn server(config: Config) -> Self {
        let mut world = World::seeded(1);
        let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world);
        let connection = Connection::server(&mut cx, Arc::new(config));
        Self::new(world, connection, true)
    }

    pub(super) fn client(config: Config) -> Self {
        let mut world = World::seeded(1);
        let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world);
        let connection = Connection::client(&mut cx, Arc::new(config));
        Self::new(world, connection, false)
    }

    pub(super) fn new(world: World, connection: Connection, is_server: bool) -> Self {
        xray::watch(&[Layer::Application]);
        Self {
            connection,
            film: String::new(),
            peer: Peer::new(),
            events: Vec::new(),
            sent: 0,
            world,
            now: Duration::ZERO,
            inbox: Vec::new(),
            held_back: None,
            fin: false,
            releases: true,
            transmits: true,
            closing: Closing::Open,
            is_server,
        }
    }

    /// Both sides say what they must, and nobody looks.
    pub(super) fn shake_hands(&mut self, settings: &str) {
        if self.is_server {
            self.receive(PREFACE);
        }
        self.step(&format!("> SETTINGS 0 -- {settings}"));
        self.step("> SETTINGS 0 ACK");
        self.film.clear();
    }

    pub(super) fn play(&mut self, script: &str) {
        for step in script.lines().map(str::trim).filter(|step| !step.is_empty()) {
            self.step(step);
        }
    }

    pub(super) fn step(&mut self, step: &str) {
        let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
        let (id, text) = rest.split_once(' ').unwrap_or((rest, ""));
        let id = ExchangeId(id.parse().unwrap_or(0));
        match verb {
            ">" => {
                let frame = self.peer.frame(rest);
                self.receive(&frame);
            }
            "get" | "post" => self.request(verb, id, text),
            "respond" => {
                let (status, fields) = text.split_once(' ').unwrap_or((text, ""));
                let separator = if fields.is_empty() { "" } else { "; " };
                let line =
                    format!("HEADERS {} END_HEADERS -- :status: {status}{separator}{fields}", id.0);
                let frame = self.peer.frame(&line);
                self.receive(&frame);
            }
            "preface" => self.receive(PREFACE),
            "bytes" => self.receive(&bytes_of(rest)),
            "hold" => self.held_back = Some(Vec::new()),
            "arrive" => {
                let bytes = self.held_back.take().unwrap();
                self.receive(&bytes);
            }
            "fin" => {
                self.fin = true;
                self.pump();
            }
            "read" => self.with(|c, cx| c.read_body(cx, id)),
            "pace" => self.with(|c, _| c.keep_pace(id, pace_of(text))),
            "release" if rest == "nothing" => self.releases = false,
            "release" => {
                let n = text.parse().unwrap();
                self.with(|c, cx| c.release(cx, id, n));
            }
            "answer" => self.answer(id, text),
            "head" => self.send(id, Event::Head(Head::Response(response_of(text)))),
            "interim" => self.send(id, Event::Informational(response_of(text))),
            "data" => self.send(id, Event::Data(bytes_of(text).into())),
            "file" => {
                let file = Arc::new(std::fs::File::open("/dev/zero").unwrap());
                let range = FileRange { file, offset: 0, len: text.parse().unwrap() };
                self.send(id, Event::Data(range.into()));
            }
            "end" => self.send(id, Event::End),
            "trailers" => self.send(id, Event::Trailers(fields_of(text))),
            "reset" => self.with(|c, cx| c.reset(cx, id)),
            "give" => {
                let mut words = rest.split(' ').skip(1);
                let id = ExchangeId(words.next().unwrap().parse().unwrap());
                let status = words.next().and_then(|code| Status::new(code.parse().unwrap()));
                let why = "the script says so";
                self.send(id, Event::Reset(Reset { why, status, untouched: false }));
            }
            "open" => {
                self.open(request_of(rest));
            }
            "push" => {
                let request = request_of(text);
                let pushed = self.with(|c, cx| c.push(cx, id, request));
                if pushed.is_none() {
                    self.film.push_str("-- not pushed\n");
                }
            }
            "room" => {
                let room = self.with(|c, cx| c.room(cx, id));
                let _ = writeln!(self.film, "-- room {room}");
            }
            "shut" => self.with(|c, cx| c.shut_down(cx)),
            "wind" => self.with(|c, cx| c.wind_down(cx)),
            "secure" => self.connection.set_secure(true),
            "slow" => self.transmits = false,
            "transmit" => {
                self.transmits = true;
                self.with(|_, _| ());
            }
            "look" => self.look(),
            "clear" => self.film.clear(),
            _ => self.pass(duration_of(step)),
        }
    }

    fn request(&mut self, verb: &str, id: ExchangeId, text: &str) {
        let (path, fields) = text.split_once(' ').unwrap_or((text, ""));
        let (method, ends) =
            if verb == "get" { ("GET", "END_STREAM END_HEADERS") } else { ("POST", "END_HEADERS") };
        let line = format!(
            "HEADERS {} {ends} -- :method: {method}; :scheme: http; :path: {path}; \
             :authority: x; {fields}",
            id.0
        );
        let frame = self.peer.frame(&line);
        self.receive(&frame);
    }

    /// Takes bytes from the peer, and lets the connection do with them what it likes.
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        match &mut self.held_back {
            Some(held_back) => held_back.extend_from_slice(bytes),
            None => {
                self.inbox.extend_from_slice(bytes);
                self.pump();
            }
        }
    }

    /// The same, and nobody looks at what it says: it may be cut in the middle of a block.
    pub(super) fn receive_in_silence(&mut self, bytes: &[u8]) {
        let transmits = std::mem::replace(&mut self.transmits, false);
        self.receive(bytes);
        self.discard_sent();
        self.transmits = transmits;
    }

    fn discard_sent(&mut self) {
        let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut self.world);
        let mut out = TxQueue::new();
        while self.connection.poll_transmit(&mut cx, &mut out) {
            out.clear(&mut cx);
        }
    }

    /// Whatever has been said so far, a peer that finishes ends the connection in the end.
    pub(super) fn connection_must_end(&mut self) {
        self.transmits = false;
        self.fin = true;
        for _ in 0..100 {
            self.inbox.clear();
            self.pump();
            self.discard_sent();
            self.pass(Duration::from_secs(20));
            for (id, _) in std::mem::take(&mut self.events) {
                self.send(id, Event::Head(Head::Response(response_of("204"))));
                self.send(id, Event::End);
            }
        }
        assert!(matches!(self.connection.closing(), Closing::Now | Closing::Abort));
    }

    pub(super) fn open(&mut self, request: Request) -> Option<ExchangeId> {
        let opened = self.with(|c, cx| c.open(cx, request));
        if opened.is_none() {
            self.film.push_str("-- not opened\n");
        }
        opened
    }

    pub(super) fn send(&mut self, id: ExchangeId, event: Event) {
        self.with(|c, cx| c.send(cx, id, event));
    }

    fn answer(&mut self, id: ExchangeId, text: &str) {
        let (status, body) = text.split_once(' ').unwrap_or((text, ""));
        let body = bytes_of(body);
        let mut response = response_of(status);
        response.fields.push(Name::ContentLength, body.len().to_string());
        // As one act: what follows on the wire must not come between.
        self.with(|c, cx| {
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
            self.with(|c, cx| c.handle_timeout(cx));
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

    pub(super) fn with<T>(&mut self, act: impl FnOnce(&mut Connection, &mut Cx<'_>) -> T) -> T {
        let done = self.call(act);
        self.pump();
        done
    }

    fn call<T>(&mut self, act: impl FnOnce(&mut Connection, &mut Cx<'_>) -> T) -> T {
        let now = Instant::from_nanos(u64::try_from(self.now.as_nanos()).unwrap());
        let film = std::mem::take(&mut self.film);
        let mut reasons = Reasons { film, names: &REASONS };
        let mut cx = Cx::new(now, Wall(0), &mut self.world).watched_by(&mut reasons);
        let done = act(&mut self.connection, &mut cx);
        let mut sent = Vec::new();
        while self.transmits {
            let mut out = TxQueue::new();
            if !self.connection.poll_transmit(&mut cx, &mut out) {
                break;
            }
            while let Some(chunk) = out.pop() {
                match chunk {
                    Chunk::File(range) => sent.resize(sent.len() + range.len as usize, b'f'),
                    chunk => sent.extend_from_slice(chunk.as_bytes().unwrap()),
                }
            }
        }
        self.film = reasons.film;
        self.sent += sent.len();
        for (header, payload) in frames(&sent) {
            let shown = self.peer.show(&header, payload);
            let _ = writeln!(self.film, "< {shown}");
        }
        self.show_events();
        while let Some(id) = self.connection.poll_room() {
            let _ = writeln!(self.film, "-- #{} has room", id.0);
        }
        if self.connection.closing() != self.closing {
            self.closing = self.connection.closing();
            let _ = writeln!(self.film, "-- {:?}", self.closing);
        }
        done
    }

    /// What one call of `poll_transmit` gives.
    pub(super) fn transmit_once(&mut self) -> String {
        let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut self.world);
        let mut out = TxQueue::new();
        self.connection.poll_transmit(&mut cx, &mut out);
        let mut sent = Vec::new();
        while let Some(chunk) = out.pop() {
            sent.extend_from_slice(chunk.as_bytes().unwrap());
        }
        let shown = frames(&sent)
            .into_iter()
            .map(|(header, payload)| format!("< {}\n", self.peer.show(&header, payload)));
        shown.collect::<String>() + "--\n"
    }

    /// Shows the connection what waits for it, as a driver would.
    fn pump(&mut self) {
        self.call(|_, _| ());
        while self.connection.wants_bytes() && !self.inbox.is_empty() {
            let mut inbox = std::mem::take(&mut self.inbox);
            let taken = self.call(|c, cx| c.handle_bytes(cx, &inbox));
            inbox.drain(..taken);
            self.inbox = inbox;
            if taken == 0 {
                break;
            }
        }
        if self.fin && self.connection.wants_bytes() {
            self.fin = false;
            self.call(|c, cx| c.handle_eof(cx));
        }
    }

    fn show_events(&mut self) {
        let mut released = Vec::new();
        while let Some((id, event)) = self.connection.poll_event() {
            show_event(&mut self.film, id, &event, 60);
            if let Event::Data(chunk) = &event {
                released.push((id, chunk.len() as usize));
            }
            self.events.push((id, event));
        }
        for (id, len) in released {
            if self.releases {
                self.call(|c, cx| c.release(cx, id, len));
            }
        }
    }
}

/// What becomes of each of these scripts, on an end of its own: what is reset, who hears of it, and
/// whether the connection goes on.
pub(super) fn outcomes(client: bool, scripts: &[&str]) -> String {
    outcomes_with(&Config::default(), client, scripts)
}

/// The same with another configuration.
pub(super) fn outcomes_with(config: &Config, client: bool, scripts: &[&str]) -> String {
    let mut told = String::new();
    for script in scripts {
        let config = config.clone();
        let mut stage = if client { Stage::client(config) } else { Stage::server(config) };
        stage.shake_hands("");
        stage.play(script);
        let lines: Vec<&str> = script.lines().map(str::trim).collect();
        let mut title = lines.join(" | ");
        title.truncate(120);
        title.truncate(title.trim_end().len());
        let _ = writeln!(told, "{title}");
        let shown = stage.film.lines().filter(|line| {
            ["< GOAWAY", "< RST", "=> ", "--", "~ Ignored", "< PING"]
                .iter()
                .any(|start| line.starts_with(start))
        });
        for line in shown {
            let _ = writeln!(told, "    {line}");
        }
    }
    told
}
