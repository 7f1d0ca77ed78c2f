//! How much memory a connection can be made to take, and how often a request asks for any.

use std::sync::Arc;

use base::{Cx, Instant, TxQueue, Wall, World};
use bytes::Bytes;
use http2::{Config, Connection, PREFACE};
use message::{Event, Fields, Head, Name, Response, Status};

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, len @ ..] = (payload.len() as u32).to_be_bytes();
    [&len[..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn shaken_hands(cx: &mut Cx<'_>, config: Config) -> Connection {
    let mut server = Connection::server(cx, Arc::new(config));
    server.handle_bytes(cx, PREFACE);
    server.handle_bytes(cx, &frame(4, 0, 0, &[]));
    server.handle_bytes(cx, &frame(4, 1, 0, &[]));
    transmit(&mut server, cx);
    server
}

fn transmit(server: &mut Connection, cx: &mut Cx<'_>) {
    let mut out = TxQueue::new();
    while server.poll_transmit(cx, &mut out) {
        out.clear(cx);
    }
}

/// The formula of `docs/http2.md`, without bodies that wait to be sent.
fn bound(config: &Config) -> u64 {
    let streams = u64::from(config.streams_max);
    let tables = 3 * u64::from(config.table_len_max + config.own_table_len_max);
    let stream = 2 * u64::from(config.head_len_max) + 2 * u64::from(config.window) + 1024;
    let growth = 2 * u64::from(config.window_growth_max);
    tables + streams * stream + growth + 2 * config.block_len_max as u64 + 128 * 1024
}

/// Everything that a client can fill at the same time: heads as long as they may be, bodies that
/// nobody reads, and a block that does not end.
#[test]
fn the_most_a_connection_takes() {
    let mut world = World::seeded(1);
    let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world);
    let config = Config { streams_max: 20, window_growth_max: 0, ..Config::default() };
    let bound = bound(&config);
    let mut server = shaken_hands(&mut cx, config);
    let mut events = Vec::new();
    let measured = allocation_counter::measure(|| {
        for id in (1..40).step_by(2) {
            // POST / with two fields of 30,000 bytes, in frames of 10,000.
            let mut block = vec![0x83, 0x86, 0x84];
            for name in [b'a', b'b'] {
                block.extend_from_slice(&[0x00, 0x01, name, 0x7f, 0xb1, 0xe9, 0x01]);
                block.extend_from_slice(&[b'x'; 30_000]);
            }
            let parts: Vec<&[u8]> = block.chunks(10_000).collect();
            for (at, part) in parts.iter().enumerate() {
                let ends = if at + 1 == parts.len() { 0x4 } else { 0 };
                let kind = if at == 0 { 1 } else { 9 };
                let bytes = frame(kind, ends, id, part);
                assert_eq!(server.handle_bytes(&mut cx, &bytes), bytes.len());
            }
            for _ in 0..13 {
                let bytes = frame(0, 0, id, &[b'x'; 5_000]);
                assert_eq!(server.handle_bytes(&mut cx, &bytes), bytes.len());
            }
            events.extend(std::iter::from_fn(|| server.poll_event()));
            transmit(&mut server, &mut cx);
        }
        let bytes = frame(1, 0, 41, &[0; 10_000]);
        server.handle_bytes(&mut cx, &bytes);
        for _ in 0..11 {
            server.handle_bytes(&mut cx, &frame(9, 0, 41, &[0; 10_000]));
        }
    });
    assert_eq!(events.len(), 20, "every request came");
    assert!(measured.bytes_max <= bound, "{} of {bound}", measured.bytes_max);
    // And it is no bound that is never come near.
    assert!(measured.bytes_max * 3 > bound, "{} of {bound}", measured.bytes_max);
}

/// A warm request asks for nothing, and its answer neither.
#[test]
fn a_warm_request() {
    let mut world = World::seeded(1);
    let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world);
    let mut server = shaken_hands(&mut cx, Config::default());
    server.handle_bytes(&mut cx, &frame(8, 0, 0, &[0x10, 0, 0, 0]));
    let fields: Fields =
        [(Name::ContentLength, "1024"), (Name::ContentType, "text/html")].into_iter().collect();
    let body = Bytes::from_static(&[b'x'; 1024]);
    let mut out = TxQueue::new();
    let mut id: u32 = 1;
    let mut serve = |server: &mut Connection, cx: &mut Cx<'_>, count: u32| {
        for _ in 0..count {
            // GET / of "example", with an agent: written in full, and not put into the table.
            let mut bytes = [0; 25];
            bytes[..9].copy_from_slice(&[0, 0, 16, 1, 5, 0, 0, (id >> 8) as u8, id as u8]);
            bytes[9..].copy_from_slice(b"\x82\x86\x84\x01\x07example\x0f\x2b\x01x");
            id += 2;
            server.handle_bytes(cx, &bytes);
        }
        while let Some((id, event)) = server.poll_event() {
            if let Event::Head(_) = event {
                let head = Head::Response(Response::new(Status::OK, fields.clone()));
                server.send(cx, id, Event::Head(head));
                server.send(cx, id, Event::Data(body.clone().into()));
                server.send(cx, id, Event::End);
            }
        }
        while server.poll_transmit(cx, &mut out) {
            let len = out.len();
            out.advance(cx, len);
        }
    };
    for _ in 0..10 {
        serve(&mut server, &mut cx, 32);
    }
    let counted = allocation_counter::measure(|| serve(&mut server, &mut cx, 32));
    assert_eq!(counted.count_total, 0);
}

/// A connection that rests keeps its tables, what it remembers, and itself.
#[test]
fn an_idle_connection() {
    assert!(size_of::<Connection>() <= 1280, "{}", size_of::<Connection>());
}
