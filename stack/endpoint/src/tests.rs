//! Two ends in memory: what one sends the other receives, in clear text and over TLS.

use std::sync::{Arc, OnceLock};

use base::{Cx, Instant, TxQueue, Wall, World};
use expect_test::expect;
use message::{Event, ExchangeId, Fields, Head, Method, Name, Request, Response, Status};
use message::{Target, Version};
use tls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::{Closing, Config, Endpoint};

/// A date at which the certificate of these tests is valid.
const NOW: Wall = Wall(1_800_000_000);

#[test]
fn an_exchange_in_clear_text() {
    let conversation = exchange(Pair::in_clear());
    expect![[r#"
        server: GET /a HTTP/1.1 {Host: "localhost"}
        server: end
        client: 200 {Date: "Fri, 15 Jan 2027 08:00:00 GMT", Connection: "keep-alive", Keep-Alive: "timeout=15, max=9999", Content-Length: "5"}
        client: data "hello"
        client: end
        client may go on: true
    "#]]
    .assert_eq(&conversation);
}

#[test]
fn an_exchange_over_tls_is_the_same() {
    assert_eq!(exchange(Pair::over_tls(true)), exchange(Pair::in_clear()));
}

#[test]
fn a_body_larger_than_a_record_arrives_over_tls() {
    let mut pair = Pair::over_tls(true);
    let body: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
    let id = pair.client(|client, cx| {
        let id = client.open(cx, request("/large")).unwrap();
        client.send(cx, id, Event::End);
        id
    });
    pair.settle();
    pair.server(|server, cx| {
        while server.poll_event().is_some() {}
        let mut fields = Fields::new();
        fields.push(Name::ContentLength, body.len().to_string());
        let head = Response::new(Status::OK, fields);
        server.send(cx, id, Event::Head(Head::Response(head)));
        server.send(cx, id, Event::Data(body.clone().into()));
        server.send(cx, id, Event::End);
    });
    let mut received = Vec::new();
    for _ in 0..10 {
        pair.settle();
        pair.client(|client, cx| {
            while let Some((id, event)) = client.poll_event() {
                if let Event::Data(chunk) = event {
                    received.extend_from_slice(chunk.as_bytes().unwrap());
                    client.release(cx, id, chunk.len() as usize);
                }
            }
        });
    }
    assert!(received == body, "{} bytes", received.len());
}

/// What was not taken waits inside, and is not lost: the second request is answered when the first
/// one is.
#[test]
fn pipelined_requests_wait_inside_their_records() {
    let mut pair = Pair::over_tls(true);
    pair.settle();
    let requests = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut session = {
        let config = client_config(true);
        let mut world = World::seeded(1);
        let mut cx = Cx::new(Instant::ORIGIN, NOW, &mut world);
        tls::Session::client(&mut cx, &config, "localhost").unwrap()
    };
    let mut server = Half::server(Some(&server_config()));
    let mut world = World::seeded(2);
    // The handshake, then both requests in one record.
    let (mut to_server, mut to_client, mut plain) = (TxQueue::new(), TxQueue::new(), Vec::new());
    for _ in 0..6 {
        let mut cx = Cx::new(Instant::ORIGIN, NOW, &mut world);
        session.poll_transmit(&mut cx, &mut to_server);
        server.take(&mut bytes_of(&mut to_server));
        server.transmit(&mut to_client);
        session.handle_bytes(&mut cx, &mut bytes_of(&mut to_client), &mut plain);
    }
    let mut cx = Cx::new(Instant::ORIGIN, NOW, &mut world);
    let mut records = Vec::new();
    assert_eq!(session.write(&mut cx, requests, &mut records), requests.len());
    server.take(&mut records);

    assert_eq!(server.targets(), ["/a"]);
    assert!(server.endpoint.has_waiting_bytes() && !server.endpoint.wants_bytes());
    server.answer(ExchangeId(1));
    server.take(&mut []);
    assert_eq!(server.targets(), ["/b"]);
    assert!(!server.endpoint.has_waiting_bytes());
}

#[test]
fn clear_text_on_a_tls_port_gets_a_readable_answer() {
    let mut server = Half::server(Some(&server_config()));
    server.take(&mut b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec());
    let mut out = TxQueue::new();
    server.transmit(&mut out);
    let answer = String::from_utf8(bytes_of(&mut out)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    assert!(answer.contains("https://"), "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{answer}");
    assert_eq!(server.endpoint.closing(), Closing::Now);
    assert!(server.endpoint.poll_event().is_none());
}

/// What was meant for a session must not leave without one.
#[test]
fn a_request_never_leaves_in_clear_text_when_there_is_no_session() {
    let mut pair = Pair::over_tls(false);
    pair.client(|client, cx| {
        let id = client.open(cx, request("/secret")).unwrap();
        client.send(cx, id, Event::End);
    });
    let sent = pair.settle();
    let needle = b"/secret";
    assert!(!sent.windows(needle.len()).any(|window| window == needle));
    pair.client(|client, _| {
        assert!(client.fault().is_some());
        assert_eq!(client.closing(), Closing::Now);
    });
}

#[test]
fn a_server_that_goes_down_says_goodbye_in_words_of_tls() {
    let mut pair = Pair::over_tls(true);
    pair.settle();
    pair.server(|server, cx| server.shut_down(cx));
    pair.settle();
    pair.client(|client, _| assert!(client.is_closed_by_peer()));
}

fn exchange(mut pair: Pair) -> String {
    let mut film = String::new();
    let id = pair.client(|client, cx| {
        let id = client.open(cx, request("/a")).unwrap();
        client.send(cx, id, Event::End);
        id
    });
    pair.settle();
    pair.server(|server, cx| {
        describe("server", server, &mut film);
        let mut fields = Fields::new();
        fields.push(Name::ContentLength, "5");
        let head = Response::new(Status::OK, fields);
        server.send(cx, id, Event::Head(Head::Response(head)));
        server.send(cx, id, Event::Data(b"hello".to_vec().into()));
        server.send(cx, id, Event::End);
    });
    pair.settle();
    pair.client(|client, _| {
        describe("client", client, &mut film);
        film.push_str(&format!("client may go on: {}\n", client.is_reusable()));
    });
    film
}

fn describe(who: &str, endpoint: &mut Endpoint, film: &mut String) {
    while let Some((_, event)) = endpoint.poll_event() {
        let line = match event {
            Event::Head(Head::Request(r)) => {
                format!("{} {} {} {:?}", r.method, r.target, r.version, r.fields)
            }
            Event::Head(Head::Response(r)) => format!("{} {:?}", r.status.code(), r.fields),
            Event::Data(chunk) => format!("data {:?}", base::xray::Text(chunk.as_bytes().unwrap())),
            Event::End => "end".to_owned(),
            other => format!("{other:?}"),
        };
        film.push_str(&format!("{who}: {line}\n"));
    }
}

fn request(path: &str) -> Request {
    let mut fields = Fields::new();
    fields.push(Name::Host, "localhost");
    Request {
        method: Method::Get,
        target: Target::origin(path).unwrap(),
        version: Version::HTTP_11,
        fields,
    }
}

/// One end, and the world it lives in.
struct Half {
    endpoint: Endpoint,
    world: World,
    /// What it has not taken yet.
    inbox: Vec<u8>,
}

impl Half {
    fn new(make: impl FnOnce(&mut Cx<'_>) -> Endpoint) -> Self {
        let mut world = World::seeded(7);
        let endpoint = make(&mut Cx::new(Instant::ORIGIN, NOW, &mut world));
        Self { endpoint, world, inbox: Vec::new() }
    }

    fn server(tls: Option<&tls::ServerConfig>) -> Self {
        Self::new(|cx| Endpoint::server(cx, &Config::default(), tls).unwrap())
    }

    fn call<T>(&mut self, run: impl FnOnce(&mut Endpoint, &mut Cx<'_>) -> T) -> T {
        run(&mut self.endpoint, &mut Cx::new(Instant::ORIGIN, NOW, &mut self.world))
    }

    fn take(&mut self, bytes: &mut [u8]) {
        self.inbox.extend_from_slice(bytes);
        let mut inbox = std::mem::take(&mut self.inbox);
        let taken = self.call(|endpoint, cx| endpoint.handle_bytes(cx, &mut inbox));
        inbox.drain(..taken);
        self.inbox = inbox;
    }

    fn transmit(&mut self, out: &mut TxQueue) {
        self.call(|endpoint, cx| while endpoint.poll_transmit(cx, out) {});
    }

    fn targets(&mut self) -> Vec<String> {
        let mut targets = Vec::new();
        while let Some((_, event)) = self.endpoint.poll_event() {
            if let Event::Head(Head::Request(request)) = event {
                targets.push(request.target.to_string());
            }
        }
        targets
    }

    fn answer(&mut self, id: ExchangeId) {
        self.call(|endpoint, cx| {
            let head = Response::new(Status::NO_CONTENT, Fields::new());
            endpoint.send(cx, id, Event::Head(Head::Response(head)));
            endpoint.send(cx, id, Event::End);
        });
    }
}

/// Two ends and nothing between them.
struct Pair {
    client: Half,
    server: Half,
}

impl Pair {
    fn in_clear() -> Self {
        let client = Half::new(|cx| Endpoint::client(cx, &Config::default(), None).unwrap());
        Self { client, server: Half::server(None) }
    }

    fn over_tls(is_trusted: bool) -> Self {
        let config = client_config(is_trusted);
        let client = Half::new(|cx| {
            Endpoint::client(cx, &Config::default(), Some((&config, "localhost"))).unwrap()
        });
        Self { client, server: Half::server(Some(&server_config())) }
    }

    fn client<T>(&mut self, run: impl FnOnce(&mut Endpoint, &mut Cx<'_>) -> T) -> T {
        self.client.call(run)
    }

    fn server<T>(&mut self, run: impl FnOnce(&mut Endpoint, &mut Cx<'_>) -> T) -> T {
        self.server.call(run)
    }

    /// Carries bytes until nobody has any; what the client sent.
    fn settle(&mut self) -> Vec<u8> {
        let (mut sent, mut out) = (Vec::new(), TxQueue::new());
        loop {
            self.client.transmit(&mut out);
            let mut up = bytes_of(&mut out);
            self.server.transmit(&mut out);
            let mut down = bytes_of(&mut out);
            if up.is_empty() && down.is_empty() {
                // What waits inside moves on when there is room again.
                self.client.take(&mut []);
                self.server.take(&mut []);
                return sent;
            }
            sent.extend_from_slice(&up);
            self.server.take(&mut up);
            self.client.take(&mut down);
        }
    }
}

fn bytes_of(queue: &mut TxQueue) -> Vec<u8> {
    std::iter::from_fn(|| queue.pop()).flat_map(|c| c.as_bytes().unwrap().to_vec()).collect()
}

/// A certificate for `localhost`, made once.
fn certificate() -> &'static (CertificateDer<'static>, Vec<u8>) {
    static MADE: OnceLock<(CertificateDer<'static>, Vec<u8>)> = OnceLock::new();
    MADE.get_or_init(|| {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        (made.cert.der().clone(), made.signing_key.serialize_der())
    })
}

fn server_config() -> tls::ServerConfig {
    let (chain, key) = certificate();
    let key = PrivateKeyDer::try_from(key.clone()).unwrap();
    let key = tls::CertifiedKey::new(vec![chain.clone()], key).unwrap();
    let certificates = Arc::new(tls::Certificates::new(tls::Table::new(key)));
    tls::ServerConfig::new(certificates, &tls::ServerOptions::default()).unwrap()
}

fn client_config(is_trusted: bool) -> tls::ClientConfig {
    let somebody_else = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let root = if is_trusted { &certificate().0 } else { somebody_else.cert.der() };
    let roots = vec![root.clone()];
    let options = tls::ClientOptions { roots, ..tls::ClientOptions::default() };
    tls::ClientConfig::new(&options).unwrap()
}
