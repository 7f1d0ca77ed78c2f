//! Our client against our server: the events sent are the events received.

use message::{Event, Fields, Head, Name, Response, Status, list};
use proptest::collection::vec;
use proptest::prelude::*;

use super::script::Stage;
use crate::{Closing, Config};

/// A message as its sender means it.
#[derive(Clone, Debug)]
struct Message {
    fields: Vec<(String, Vec<u8>)>,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    None,
    Length(Vec<Vec<u8>>),
    Chunked(Vec<Vec<u8>>, Vec<(String, Vec<u8>)>),
}

fn lines() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let name = prop_oneof![
        "[A-Za-z][A-Za-z0-9!#$%&'*+.^_`|~-]{0,9}",
        Just("Accept".to_owned()),
        Just("ETag".to_owned())
    ];
    let value = vec(prop_oneof![Just(b'\t'), 0x20..=0x7eu8, 0x80..=0xffu8], 0..20);
    let line = (
        name.prop_map(|name| format!("X-{name}")),
        value.prop_map(|v| list::trim_ows(&v).to_vec()),
    );
    vec(line, 0..6)
}

fn message() -> impl Strategy<Value = Message> {
    let parts = || vec(vec(any::<u8>(), 0..40), 0..5);
    let body = prop_oneof![
        Just(Body::None),
        parts().prop_map(Body::Length),
        (parts(), lines()).prop_map(|(parts, trailers)| Body::Chunked(parts, trailers)),
    ];
    (lines(), body).prop_map(|(fields, body)| Message { fields, body })
}

impl Message {
    fn fields(&self, is_request: bool) -> Fields {
        let mut fields: Fields = self.fields.iter().map(|(n, v)| (n.as_str(), v)).collect();
        match &self.body {
            Body::Length(parts) => {
                fields.push(Name::ContentLength, parts.concat().len().to_string())
            }
            Body::Chunked(..) if is_request => fields.push(Name::TransferEncoding, "chunked"),
            // A response that says nothing of its length is chunked.
            Body::None if !is_request => fields.push(Name::ContentLength, "0"),
            _ => {}
        }
        if is_request {
            fields.push(Name::Host, "x");
        }
        fields
    }

    fn send(&self, stage: &mut Stage) {
        let (parts, trailers) = match &self.body {
            Body::None => (&[][..], &[][..]),
            Body::Length(parts) => (&parts[..], &[][..]),
            Body::Chunked(parts, trailers) => (&parts[..], &trailers[..]),
        };
        for part in parts {
            stage.send(Event::Data(part.clone().into()));
        }
        if !trailers.is_empty() {
            stage.send(Event::Trailers(trailers.iter().map(|(n, v)| (n.as_str(), v)).collect()));
        }
        stage.send(Event::End);
    }

    /// What must arrive: fields, body, trailers.
    fn arrives(&self, to_head: bool) -> (Fields, Vec<u8>, Fields) {
        let fields = self.fields.iter().map(|(n, v)| (n.as_str(), v)).collect();
        match &self.body {
            Body::Length(parts) if !to_head => (fields, parts.concat(), Fields::new()),
            Body::Chunked(parts, trailers) if !to_head => {
                (fields, parts.concat(), trailers.iter().map(|(n, v)| (n.as_str(), v)).collect())
            }
            _ => (fields, Vec::new(), Fields::new()),
        }
    }
}

/// What has arrived, and whether it is whole.
fn arrived(stage: &Stage) -> (Fields, Vec<u8>, Fields, bool) {
    let (mut fields, mut body, mut trailers, mut whole) =
        (Fields::new(), Vec::new(), Fields::new(), false);
    for (_, event) in &stage.events {
        match event {
            Event::Head(Head::Request(r)) => fields = r.fields.clone(),
            Event::Head(Head::Response(r)) => fields = r.fields.clone(),
            Event::Data(chunk) => body.extend_from_slice(chunk.as_bytes().unwrap()),
            Event::Trailers(fields) => trailers = fields.clone(),
            Event::End => whole = true,
            other => panic!("{other:?}"),
        }
    }
    // What the machines say for themselves.
    for name in [
        Name::Host,
        Name::Date,
        Name::Connection,
        Name::KeepAlive,
        Name::ContentLength,
        Name::TransferEncoding,
    ] {
        fields.remove(name);
    }
    (fields, body, trailers, whole)
}

/// Moves what one side has sent to the other, in pieces of this length.
fn carry(from: &mut Stage, to: &mut Stage, piece: usize) {
    for part in std::mem::take(&mut from.sent).chunks(piece) {
        to.receive(part);
        to.play("read");
    }
}

proptest! {
    /// The events sent are the events received: our client against our server, several exchanges on
    /// one connection.
    #[test]
    fn what_is_sent_arrives(
        exchanges in vec((prop::sample::select(vec!["GET", "POST", "HEAD", "PURGE"]), message(), message()), 1..4),
        piece in 1usize..100,
    ) {
        let (mut client, mut server) = (Stage::client(Config::default()), Stage::server(Config::default()));
        for (method, request, response) in &exchanges {
            let method = message::Method::from_bytes(method.as_bytes()).unwrap();
            let target = message::Target::origin("/a?b").unwrap();
            let to_head = method == message::Method::Head;
            let fields = request.fields(true);
            client.open(message::Request { method, target, version: message::Version::HTTP_11, fields });
            request.send(&mut client);
            carry(&mut client, &mut server, piece);
            let (fields, body, trailers) = request.arrives(false);
            prop_assert_eq!(arrived(&server), (fields, body, trailers, true));
            server.events.clear();

            server.send(Event::Head(Head::Response(Response::new(Status::OK, response.fields(false)))));
            response.send(&mut server);
            carry(&mut server, &mut client, piece);
            let (fields, body, trailers) = response.arrives(to_head);
            prop_assert_eq!(arrived(&client), (fields, body, trailers, true));
            client.events.clear();
            prop_assert!(client.connection.is_reusable());
            prop_assert!(server.connection.is_reusable());
        }
        prop_assert_eq!(client.connection.closing(), Closing::Open);
    }
}
