use std::sync::Arc;

use base::{Cx, Instant, TxQueue, Wall, World};
use message::{Event, Fields, Head, Name, Response, Status};

use crate::{Config, Connection};

#[test]
fn smoke() {
    let mut world = World::seeded(1);
    let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world);
    let mut server = Connection::server(&mut cx, Arc::new(Config::default()));
    let request = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut at = 0;
    let mut out = TxQueue::new();
    for _ in 0..2 {
        let n = server.handle_bytes(&mut cx, &request[at..]);
        at += n;
        let Some((id, Event::Head(Head::Request(r)))) = server.poll_event() else { panic!() };
        assert!(matches!(server.poll_event(), Some((_, Event::End))));
        assert!(server.poll_event().is_none());
        let mut fields = Fields::new();
        fields.push(Name::ContentLength, "2");
        server.send(&mut cx, id, Event::Head(Head::Response(Response::new(Status::OK, fields))));
        server.send(&mut cx, id, Event::Data(r.target.path().as_bytes().to_vec().into()));
        server.send(&mut cx, id, Event::End);
        server.poll_transmit(&mut cx, &mut out);
    }
    assert_eq!(at, request.len());
    println!("{}", String::from_utf8_lossy(out.as_one_slice().unwrap()));
    println!("{}", size_of::<Connection>());
}
