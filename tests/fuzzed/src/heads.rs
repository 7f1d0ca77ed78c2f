use http1::Config;
use message::{Event, Head, Method, Request, Target, Version};

use crate::side::{Side, cut, transcript};

/// Reads bytes as requests, or as responses.
///
/// How the bytes are cut changes nothing. What we take for a request, `httparse` takes for the same
/// one. A user is told no more than the bytes are worth.
///
/// The first byte chooses: its lowest bit the role, the next small limits; the second byte where
/// the rest is cut.
pub fn heads(data: &[u8]) {
    let Some((&[choice, seed], bytes)) = data.split_first_chunk() else { return };
    let config = if choice & 2 == 0 {
        Config::default()
    } else {
        // Small limits are met more often.
        Config { request_line_len_max: 40, head_len_max: 100, fields_max: 4, ..Config::default() }
    };
    let play = if choice & 1 == 0 { serve } else { ask };
    let whole = play(&config, &[bytes]);
    for pieces in [cut(bytes, seed), bytes.chunks(1).collect()] {
        let other = play(&config, &pieces);
        assert_eq!(transcript(&whole.events), transcript(&other.events), "events");
        assert_eq!(whole.sent, other.sent, "bytes sent");
        assert_eq!(whole.connection.closing(), other.connection.closing(), "closing");
    }
    assert!(whole.events.len() <= bytes.len() + 3, "{} events", whole.events.len());
    if choice & 1 == 0
        && let Some((_, Event::Head(Head::Request(ours)))) = whole.events.first()
    {
        agree_with_httparse(bytes, ours);
    }
}

/// A server whose user reads and answers everything at once.
fn serve(config: &Config, pieces: &[&[u8]]) -> Side {
    let mut server = Side::server(config.clone());
    let mut seen = 0;
    for piece in pieces {
        server.receive(piece);
        while let Some((_, event)) = server.events.get(seen) {
            seen += 1;
            match event {
                Event::Head(_) => server.read(),
                Event::End => server.answer(b"ok"),
                Event::Data(chunk) => {
                    let len = chunk.as_bytes().unwrap_or_default().len();
                    server.release(len);
                }
                _ => {}
            }
        }
    }
    server
}

/// A client that has asked once, and waits for the answer.
fn ask(config: &Config, pieces: &[&[u8]]) -> Side {
    let mut client = Side::client(config.clone());
    if let Ok(target) = Target::origin("/") {
        let fields = [("Host", "x")].into_iter().collect();
        client.open(Request { method: Method::Get, target, version: Version::HTTP_11, fields });
        client.send(Event::End);
    }
    for piece in pieces {
        client.receive(piece);
    }
    client.receive_fin();
    client
}

fn agree_with_httparse(bytes: &[u8], ours: &Request) {
    // RFC 9110 §2.5: a higher minor version is not an error; httparse takes it for one.
    if ours.version.minor > 1 {
        return;
    }
    let mut lines = [httparse::EMPTY_HEADER; 128];
    let mut theirs = httparse::Request::new(&mut lines);
    let verdict = theirs.parse(bytes);
    assert!(matches!(verdict, Ok(httparse::Status::Complete(_))), "{verdict:?}");
    assert_eq!(theirs.method, Some(ours.method.as_str()));
    assert_eq!(theirs.path, Some(ours.target.as_str()));
    assert_eq!(theirs.version, Some(ours.version.minor));
    assert_eq!(theirs.headers.len(), ours.fields.len());
    for (theirs, (name, value)) in theirs.headers.iter().zip(ours.fields.iter()) {
        assert!(theirs.name.eq_ignore_ascii_case(name.as_str()), "{} {name:?}", theirs.name);
        assert_eq!(message::list::trim_ows(theirs.value), value);
    }
}
