use std::collections::BTreeMap;
use std::time::Duration;

use http1::Config;
use message::{
    Event, ExchangeId, Fields, Head, Method, Name, Request, Response, Status, Target, Version,
};

use crate::side::Side;

/// Our client against our server, over a network that cuts, while both users do what comes to their
/// minds.
///
/// Whatever they do, neither side panics, each user is told messages in their order (head, data,
/// trailers, end), and what a body brings is what was sent, up to where it was given up.
///
/// The first byte chooses a window; each byte behind it is a step.
pub fn conversation(data: &[u8]) {
    let Some((&choice, steps)) = data.split_first() else { return };
    let config = Config {
        body_window: usize::from(choice & 0xf) * 8 + 8,
        requests_max: 4,
        body_unread_max: 40,
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
    for &step in steps.iter().take(400) {
        stage.step(step);
    }
    check_order(&stage.client.events);
    check_order(&stage.server.events);
    if !stage.is_disturbed {
        check_bodies(&stage.server.events, &stage.upstream);
        check_bodies(&stage.client.events, &stage.downstream);
    }
}

struct Stage {
    client: Side,
    server: Side,
    /// What each side has been asked to send as a body, by exchange.
    upstream: BTreeMap<u64, Vec<u8>>,
    downstream: BTreeMap<u64, Vec<u8>>,
    counter: u8,
    /// Bytes have come between that nobody sent.
    is_disturbed: bool,
}

impl Stage {
    /// The low four bits say what happens, the high four how much of it.
    fn step(&mut self, step: u8) {
        let n = usize::from(step >> 4);
        match step & 0xf {
            0 => self.carry_up(n * 3 + 1),
            1 => self.carry_down(n * 3 + 1),
            2 => self.carry_up(usize::MAX),
            3 => self.carry_down(usize::MAX),
            4 => self.client.open(request(n)),
            5 => send_data(&mut self.client, &mut self.upstream, &mut self.counter, n),
            6 => self.client.send(Event::End),
            7 => self.server.read(),
            8 => self.server.send(Event::Head(Head::Response(response(n)))),
            9 => send_data(&mut self.server, &mut self.downstream, &mut self.counter, n),
            10 => self.server.send(Event::End),
            11 => {
                self.client.release(n);
                self.server.release(n);
            }
            12 => {
                let side = if n.is_multiple_of(2) { &mut self.client } else { &mut self.server };
                side.send(Event::Trailers([("ETag", "a"), ("Host", "b")].into_iter().collect()));
            }
            13 => {
                let time = Duration::from_millis(400 << n.min(8));
                self.client.pass(time);
                self.server.pass(time);
            }
            14 => match n {
                0 => self.server.receive_fin(),
                1 => self.client.receive_fin(),
                2 => self.server.shut_down(),
                3 => self.client.shut_down(),
                4 => self.server.give_up(None),
                5 => self.server.give_up(Some(Status::BAD_GATEWAY)),
                6 => self.client.give_up(None),
                _ => self.server.send(Event::Informational(response(15))),
            },
            _ => self.disturb(n),
        }
    }

    fn disturb(&mut self, n: usize) {
        let strays =
            [&b"\r\n"[..], b"HTTP/1.1 200 OK\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"];
        let side = if n.is_multiple_of(2) { &mut self.client } else { &mut self.server };
        if let Some(stray) = strays.get(n / 2) {
            side.sent.extend_from_slice(stray);
            self.is_disturbed = true;
        }
    }

    fn carry_up(&mut self, len: usize) {
        if !self.client.has_aborted() {
            let len = len.min(self.client.sent.len());
            let bytes: Vec<u8> = self.client.sent.drain(..len).collect();
            self.server.receive(&bytes);
        }
    }

    fn carry_down(&mut self, len: usize) {
        if !self.server.has_aborted() {
            let len = len.min(self.server.sent.len());
            let bytes: Vec<u8> = self.server.sent.drain(..len).collect();
            self.client.receive(&bytes);
        }
    }
}

fn request(n: usize) -> Request {
    let method = match n % 4 {
        0 => Method::Get,
        1 => Method::Head,
        2 => Method::Post,
        _ => Method::Connect,
    };
    let text = if method == Method::Connect { "x:1" } else { "/" };
    let target = Target::parse(&method, text.as_bytes()).expect("these are targets");
    let mut fields: Fields = [("Host", "x")].into_iter().collect();
    match n / 4 {
        0 => {}
        1 => fields.push(Name::ContentLength, "20"),
        2 => fields.push(Name::TransferEncoding, "chunked"),
        _ => {
            fields.push(Name::Upgrade, "other");
            fields.push(Name::Connection, "upgrade");
            fields.push(Name::ContentLength, "3");
            fields.push(Name::Expect, "100-continue");
        }
    }
    Request { method, target, version: Version::HTTP_11, fields }
}

fn response(n: usize) -> Response {
    let status = match n % 4 {
        0 | 1 => Status::OK,
        2 => Status::NO_CONTENT,
        _ => Status::SWITCHING_PROTOCOLS,
    };
    let status = if n == 15 { Status::EARLY_HINTS } else { status };
    let mut fields = Fields::new();
    match n / 4 {
        0 => {}
        1 => fields.push(Name::ContentLength, "10"),
        2 => fields.push(Name::Upgrade, "other"),
        _ => fields.push(Name::Connection, "close"),
    }
    Response::new(status, fields)
}

fn send_data(side: &mut Side, sent: &mut BTreeMap<u64, Vec<u8>>, counter: &mut u8, len: usize) {
    let data: Vec<u8> = (0..len).map(|at| counter.wrapping_add(at as u8)).collect();
    *counter = counter.wrapping_add(len as u8);
    sent.entry(side.exchange.0).or_default().extend_from_slice(&data);
    side.send(Event::Data(data.into()));
}

/// A message is told in order: heads, data, trailers, an end, and in a tunnel data and an end again.
fn check_order(events: &[(ExchangeId, Event)]) {
    #[derive(Clone, Copy, Debug, Eq, PartialEq)]
    enum At {
        Start,
        Body,
        Trailers,
        End,
        TunnelEnd,
        Reset,
    }
    let mut places: BTreeMap<u64, At> = BTreeMap::new();
    for (id, event) in events {
        let at = places.entry(id.0).or_insert(At::Start);
        *at = match (*at, event) {
            (At::Start, Event::Informational(_)) => At::Start,
            (At::Start, Event::Head(_)) => At::Body,
            (At::Body, Event::Data(_)) => At::Body,
            (At::Body, Event::Trailers(_)) => At::Trailers,
            (At::Body | At::Trailers, Event::End) => At::End,
            (At::End, Event::Data(_)) => At::End,
            (At::End, Event::End) => At::TunnelEnd,
            (At::Start | At::Body | At::Trailers | At::End, Event::Reset(_)) => At::Reset,
            (at, event) => panic!("{event:?} at {at:?}"),
        };
    }
}

/// What was told of a body was sent, in that order. A user's attempts may have been left out, when
/// they came out of turn or were more than announced.
fn check_bodies(events: &[(ExchangeId, Event)], sent: &BTreeMap<u64, Vec<u8>>) {
    let mut rests: BTreeMap<u64, &[u8]> = sent.iter().map(|(id, sent)| (*id, &sent[..])).collect();
    for (id, event) in events {
        if let Event::Head(Head::Response(response)) = event
            && response.status.is_error()
        {
            // Our users send none: the machine speaks for itself.
            return;
        }
        let Event::Data(chunk) = event else { continue };
        let rest = rests.entry(id.0).or_default();
        for b in chunk.as_bytes().unwrap_or_default() {
            let at = rest.iter().position(|sent| sent == b).expect("this was never sent");
            *rest = rest.get(at + 1..).unwrap_or_default();
        }
    }
}
