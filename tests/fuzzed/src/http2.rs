use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::{Cx, Instant, TxQueue, Wall, World};
use http2::{Closing, Config, Connection, PREFACE};
use message::{
    Event, ExchangeId, Fields, Head, Method, Name, Request, Reset, Response, Status, Target,
    Version,
};

/// Frames of any kind to a server, or to a client that has asked for something, cut anywhere.
///
/// Neither panics, answers without end, or tells its user what is out of order.
///
/// The first byte chooses who gets them, and how they are cut; then a frame is its type, its flags,
/// its stream, a length and so many bytes. A type of 255 stands for bytes that are no frame.
pub fn http2_frames(data: &[u8]) {
    let Some((&choice, mut rest)) = data.split_first() else { return };
    let config = Config { streams_max: 8, ..Config::default() };
    let mut side = if choice & 1 == 0 { Side::server(config) } else { Side::client(config) };
    if choice & 1 == 0 {
        side.receive(PREFACE);
    } else {
        side.open(request(0));
        side.open(request(2));
    }
    side.receive(&frame(4, 0, 0, &[]));
    let mut bytes = Vec::new();
    while let [kind, flags, stream, len, after @ ..] = rest {
        let (payload, after) = after.split_at(usize::from(*len).min(after.len()));
        rest = after;
        if *kind == 255 {
            bytes.extend_from_slice(payload);
        } else {
            bytes.extend(frame(kind % 18, *flags, u32::from(*stream), payload));
        }
    }
    let cut = usize::from(choice >> 1).max(1);
    for (number, part) in bytes.chunks(cut).enumerate() {
        side.receive(part);
        if number % 16 == 0 {
            side.answer_all();
        }
    }
    side.answer_all();
    side.pass(Duration::from_secs(100));
    side.check_order();
}

/// Our client against our server, over a network that cuts and, if the first byte says so, changes
/// bytes, while both users do what comes to their minds.
///
/// Whatever they do, neither side panics, each user is told messages in their order, and where nothing
/// was changed, what a body brings is what was sent.
pub fn http2_conversation(data: &[u8]) {
    let Some((&choice, steps)) = data.split_first() else { return };
    let config = Config {
        window: u32::from(choice & 0x7) * 20 + 5,
        streams_max: 4,
        push: choice & 8 != 0,
        body_window: usize::from(choice >> 4) * 16 + 16,
        transmit_len_max: 100,
        extended_connect: true,
        ..Config::default()
    };
    let mut stage = Stage {
        client: Side::client(config.clone()),
        server: Side::server(config),
        upstream: BTreeMap::new(),
        downstream: BTreeMap::new(),
        counter: 0,
        is_disturbed: false,
    };
    for pair in steps.chunks(2).take(400) {
        stage.step(pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0));
    }
    for side in [&stage.client, &stage.server] {
        side.check_order();
    }
    if !stage.is_disturbed {
        stage.server.check_bodies(&stage.upstream);
        stage.client.check_bodies(&stage.downstream);
    }
}

struct Stage {
    client: Side,
    server: Side,
    /// What each side has been asked to send as a body, by exchange.
    upstream: BTreeMap<u64, Vec<u8>>,
    downstream: BTreeMap<u64, Vec<u8>>,
    counter: u8,
    /// Bytes have been changed on their way.
    is_disturbed: bool,
}

impl Stage {
    /// The low four bits say what happens; the high four and the second byte to whom and how much.
    fn step(&mut self, step: u8, n: u8) {
        let id = u64::from(step >> 4);
        let size = usize::from(n);
        match step & 0xf {
            0 => carry(&mut self.client, &mut self.server, size * 3 + 1),
            1 => carry(&mut self.server, &mut self.client, size * 3 + 1),
            2 => carry(&mut self.client, &mut self.server, usize::MAX),
            3 => carry(&mut self.server, &mut self.client, usize::MAX),
            4 => self.client.open(request(n)),
            5 => send_data(&mut self.client, &mut self.upstream, &mut self.counter, id, size),
            6 => self.client.send(id, Event::End),
            7 => self.server.call(|c, cx| c.read_body(cx, ExchangeId(id))),
            8 => self.server.send(id, Event::Head(Head::Response(response(n)))),
            9 => send_data(&mut self.server, &mut self.downstream, &mut self.counter, id, size),
            10 => self.server.send(id, Event::End),
            11 => {
                self.client.call(|c, cx| c.release(cx, ExchangeId(id), size));
                self.server.call(|c, cx| c.release(cx, ExchangeId(id), size));
            }
            12 => {
                let side = if n.is_multiple_of(2) { &mut self.client } else { &mut self.server };
                side.send(
                    id,
                    Event::Trailers([("ETag", "a"), ("Host", "b")].into_iter().collect()),
                );
            }
            13 => {
                let time = Duration::from_millis(400 << (n % 8));
                self.client.pass(time);
                self.server.pass(time);
            }
            14 => self.rare(id, n),
            _ => {
                let side = if n.is_multiple_of(2) { &mut self.client } else { &mut self.server };
                let at = usize::from(n / 2);
                if let Some(byte) = side.sent.get_mut(at) {
                    *byte ^= 1 << (id % 8);
                    self.is_disturbed = true;
                }
            }
        }
    }

    fn rare(&mut self, id: u64, n: u8) {
        let exchange = ExchangeId(id);
        let give_up = |status| Event::Reset(Reset { why: "given up", status, untouched: false });
        match n % 12 {
            0 => self.server.receive_fin(),
            1 => self.client.receive_fin(),
            2 => self.server.call(|c, cx| c.shut_down(cx)),
            3 => self.client.call(|c, cx| c.shut_down(cx)),
            4 => self.server.call(|c, cx| c.wind_down(cx)),
            5 => self.server.send(id, give_up(None)),
            6 => self.server.send(id, give_up(Some(Status::BAD_GATEWAY))),
            7 => self.client.send(id, give_up(None)),
            8 => self.server.call(|c, cx| c.reset(cx, exchange)),
            9 => self.client.call(|c, cx| c.reset(cx, exchange)),
            10 => {
                self.server.call(|c, cx| c.push(cx, exchange, request(0)));
            }
            _ => self.server.send(id, Event::Informational(response(7))),
        }
    }
}

fn carry(from: &mut Side, to: &mut Side, len: usize) {
    let len = len.min(from.sent.len());
    let bytes: Vec<u8> = from.sent.drain(..len).collect();
    to.receive(&bytes);
}

fn send_data(
    side: &mut Side,
    sent: &mut BTreeMap<u64, Vec<u8>>,
    counter: &mut u8,
    id: u64,
    len: usize,
) {
    let data: Vec<u8> = (0..len).map(|at| counter.wrapping_add(at as u8)).collect();
    *counter = counter.wrapping_add(len as u8);
    sent.entry(id).or_default().extend_from_slice(&data);
    side.send(id, Event::Data(data.into()));
}

fn request(n: u8) -> Request {
    let method = match n % 4 {
        0 => Method::Get,
        1 => Method::Head,
        2 => Method::Post,
        _ => Method::Connect,
    };
    let text = if method == Method::Connect { "x:1" } else { "/" };
    let target = Target::parse(&method, text.as_bytes()).expect("these are targets");
    let mut fields: Fields = [("Host", "x")].into_iter().collect();
    match n / 4 % 8 {
        0 | 1 => {}
        2 => fields.push(Name::ContentLength, "20"),
        3 => fields.push(Name::Priority, "u=1, i"),
        4 => fields.push(Name::Priority, "u=7"),
        5 => fields.push("X-Long", "x".repeat(20_000)),
        _ => fields.push(Name::Expect, "100-continue"),
    }
    Request { method, target, version: Version::HTTP_11, fields }
}

fn response(n: u8) -> Response {
    let status = match n % 8 {
        0..=3 => Status::OK,
        4 => Status::NO_CONTENT,
        5 => Status::NOT_FOUND,
        6 => Status::SWITCHING_PROTOCOLS,
        _ => Status::EARLY_HINTS,
    };
    let mut fields = Fields::new();
    match n / 8 % 4 {
        0 => {}
        1 => fields.push(Name::ContentLength, "10"),
        2 => fields.push(Name::Connection, "close"),
        _ => fields.push("X-Long", "x".repeat(20_000)),
    }
    Response::new(status, fields)
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, len @ ..] = (payload.len() as u32).to_be_bytes();
    [&len[..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// One end of a connection, what waits in front of it and what came out of it.
struct Side {
    connection: Connection,
    /// Bytes that it has sent and that nobody has taken yet.
    sent: Vec<u8>,
    events: Vec<(ExchangeId, Event)>,
    answered: usize,
    world: World,
    now: Duration,
    inbox: Vec<u8>,
    fin: bool,
}

impl Side {
    fn server(config: Config) -> Self {
        Self::new(|cx| Connection::server(cx, Arc::new(config)))
    }

    fn client(config: Config) -> Self {
        Self::new(|cx| Connection::client(cx, Arc::new(config)))
    }

    fn new(make: impl FnOnce(&mut Cx<'_>) -> Connection) -> Self {
        let mut world = World::seeded(1);
        let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world);
        let connection = make(&mut cx);
        Self {
            connection,
            sent: Vec::new(),
            events: Vec::new(),
            answered: 0,
            world,
            now: Duration::ZERO,
            inbox: Vec::new(),
            fin: false,
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.inbox.extend_from_slice(bytes);
        self.pump();
    }

    fn receive_fin(&mut self) {
        self.fin = true;
        self.pump();
    }

    fn open(&mut self, request: Request) {
        self.call(|c, cx| c.open(cx, request));
    }

    fn send(&mut self, id: u64, event: Event) {
        self.call(|c, cx| c.send(cx, ExchangeId(id), event));
    }

    /// Reads every body and answers every request.
    fn answer_all(&mut self) {
        while let Some((id, event)) = self.events.get(self.answered).cloned() {
            self.answered += 1;
            match event {
                Event::Head(Head::Request(_)) => {
                    self.call(|c, cx| c.read_body(cx, id));
                    self.send(id.0, Event::Head(Head::Response(response(0))));
                    self.send(id.0, Event::Data(vec![b'x'; 100].into()));
                }
                Event::Data(chunk) => {
                    self.call(|c, cx| c.release(cx, id, chunk.len() as usize));
                }
                Event::End => self.send(id.0, Event::End),
                _ => {}
            }
        }
    }

    fn pass(&mut self, by: Duration) {
        let end = self.now + by;
        while let Some((at, _)) = self.connection.poll_timeout() {
            let at = Duration::from_nanos(at.as_nanos());
            if at > end {
                break;
            }
            self.now = self.now.max(at);
            self.call(|c, cx| c.handle_timeout(cx));
            let next = self.connection.poll_timeout().map(|(at, _)| at.as_nanos());
            assert!(next.is_none_or(|next| u128::from(next) > self.now.as_nanos()), "no progress");
        }
        self.now = end;
        self.pump();
    }

    fn pump(&mut self) {
        while self.connection.wants_bytes() && !self.inbox.is_empty() {
            let inbox = std::mem::take(&mut self.inbox);
            let taken = self.call(|c, cx| c.handle_bytes(cx, &inbox));
            assert!(taken <= inbox.len(), "more was taken than shown");
            self.inbox = inbox.get(taken..).unwrap_or_default().to_vec();
            if taken == 0 {
                break;
            }
        }
        if self.fin && self.connection.wants_bytes() {
            self.fin = false;
            self.call(|c, cx| c.handle_eof(cx));
        }
    }

    fn call<T>(&mut self, act: impl FnOnce(&mut Connection, &mut Cx<'_>) -> T) -> T {
        let now = Instant::from_nanos(u64::try_from(self.now.as_nanos()).unwrap_or(u64::MAX));
        let mut cx = Cx::new(now, Wall(0), &mut self.world);
        let before = self.connection.closing();
        let done = act(&mut self.connection, &mut cx);
        let mut out = TxQueue::new();
        while self.connection.poll_transmit(&mut cx, &mut out) {
            while let Some(chunk) = out.pop() {
                self.sent.extend_from_slice(chunk.as_bytes().unwrap_or_default());
            }
        }
        assert!(!self.connection.has_more(), "there was nothing more");
        while let Some(event) = self.connection.poll_event() {
            self.events.push(event);
        }
        while let Some(id) = self.connection.poll_room() {
            self.connection.room(&mut cx, id);
        }
        let after = self.connection.closing();
        assert!(before == Closing::Open || after != Closing::Open, "what is closed stays closed");
        done
    }

    /// A message is told in order: heads, data, trailers, an end; and nothing behind a reset.
    fn check_order(&self) {
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        enum At {
            Start,
            Body,
            Trailers,
            End,
            Reset,
        }
        let mut places: BTreeMap<u64, At> = BTreeMap::new();
        for (id, event) in &self.events {
            let at = places.entry(id.0).or_insert(At::Start);
            *at = match (*at, event) {
                (At::Start, Event::Informational(_) | Event::Promise(_)) => At::Start,
                (At::Start, Event::Head(_)) => At::Body,
                (At::Body, Event::Data(_)) => At::Body,
                (At::Body, Event::Trailers(_)) => At::Trailers,
                (At::Body | At::Trailers, Event::End) => At::End,
                (At::Start | At::Body | At::Trailers | At::End, Event::Reset(_)) => At::Reset,
                (at, event) => panic!("{}: {event:?} at {at:?}", id.0),
            };
        }
    }

    /// What was told of a body was sent, in that order. A user's attempts may have been left out, when
    /// they came out of turn or were more than announced.
    fn check_bodies(&self, sent: &BTreeMap<u64, Vec<u8>>) {
        let mut rests: BTreeMap<u64, &[u8]> =
            sent.iter().map(|(id, sent)| (*id, &sent[..])).collect();
        let mut refused = Vec::new();
        for (id, event) in &self.events {
            if let Event::Head(Head::Response(response)) = event
                && response.status.is_error()
                && response.status != Status::NOT_FOUND
            {
                // The machine speaks for itself.
                refused.push(*id);
            }
            let Event::Data(chunk) = event else { continue };
            if refused.contains(id) {
                continue;
            }
            let rest = rests.entry(id.0).or_default();
            for b in chunk.as_bytes().unwrap_or_default() {
                let at = rest.iter().position(|sent| sent == b).expect("this was never sent");
                *rest = rest.get(at + 1..).unwrap_or_default();
            }
        }
    }
}
