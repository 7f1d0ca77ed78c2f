//! How often a request asks for memory. The count is exact, so that one more is seen at once.

use std::sync::Arc;

use base::{Cx, Instant, TxQueue, Wall, World};
use http1::{Config, Connection};
use message::{Event, Fields, Head, Name, Response, Status};

fn counted(act: impl FnOnce()) -> u64 {
    allocation_counter::measure(act).count_total
}

const REQUEST: &[u8] =
    b"GET /index.html HTTP/1.1\r\nHost: example.com\r\nUser-Agent: curl/7.88.1\r\n\
    Accept: */*\r\nAccept-Encoding: gzip, br\r\nX-Own: 1\r\n\r\n";

/// Takes the requests in `bytes` and answers each; what goes out is thrown away.
fn serve(server: &mut Connection, world: &mut World, fields: &Fields, bytes: &[u8]) {
    let mut cx = Cx::new(Instant::ORIGIN, Wall(0), world);
    let mut out = TxQueue::new();
    let mut taken = 0;
    while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
        taken += server.handle_bytes(&mut cx, rest);
        while let Some((id, event)) = server.poll_event() {
            if matches!(event, Event::End) {
                let head = Head::Response(Response::new(Status::OK, fields.clone()));
                server.send(&mut cx, id, Event::Head(head));
                server.send(&mut cx, id, Event::Data(vec![b'x'; 5].into()));
                server.send(&mut cx, id, Event::End);
            }
        }
        server.poll_transmit(&mut cx, &mut out);
    }
    out.clear(&mut cx);
}

/// A request whose head came before asks for nothing; the test's own body does, once.
#[test]
fn a_warm_request() {
    let mut world = World::seeded(1);
    let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world);
    let config = Config { requests_max: u32::MAX, ..Config::default() };
    let mut server = Connection::server(&mut cx, Arc::new(config));
    let fields: Fields = [(Name::ContentLength, "5")].into_iter().collect();
    serve(&mut server, &mut world, &fields, REQUEST);
    let one = counted(|| serve(&mut server, &mut world, &fields, REQUEST));
    assert_eq!(one, 1);
    let batch = REQUEST.repeat(16);
    serve(&mut server, &mut world, &fields, &batch);
    let sixteen = counted(|| serve(&mut server, &mut world, &fields, &batch));
    assert_eq!(sixteen, 16);
}

/// A head that comes a byte at a time asks once for what it remembers between them.
#[test]
fn a_head_in_pieces() {
    let mut world = World::seeded(1);
    let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world);
    let mut server = Connection::server(&mut cx, Arc::new(Config::default()));
    let count = counted(|| {
        for end in 1..REQUEST.len() {
            assert_eq!(server.handle_bytes(&mut cx, &REQUEST[..end]), 0);
        }
    });
    assert_eq!(
        count, 5,
        "the memory of heads (2), the parser, the target, the places of the lines"
    );
}

/// An idle connection keeps nothing beside itself, and has room for two events.
#[test]
fn an_idle_connection() {
    assert!(size_of::<Connection>() <= 280, "{}", size_of::<Connection>());
}
