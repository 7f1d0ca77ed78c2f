//! Peers that do not speak TLS, or not well.

use std::sync::Arc;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::cable::{End, authority, certificates, client_config, connected, server_config, talk};

#[test]
fn a_request_in_clear_text_is_told_apart() {
    check(
        b"GET / HTTP/1.1\r\n",
        expect![[r#"
            0.000000s Session Refused why=ClearText detail=""
            => Failed(Peer ClearText), 0 bytes to the peer
        "#]],
    );
    check(
        b"GE",
        expect![[r#"
            => , 0 bytes to the peer
        "#]],
    );
}

#[test]
fn what_is_no_tls_is_refused() {
    check(
        b"\x00\x00\x00\x00\x00",
        expect![[r#"
            0.000000s Session AlertSent alert=decode_error
            0.000000s Session Refused why=NotTls detail="received corrupt message of type InvalidContentType"
            => Failed(Peer NotTls), 7 bytes to the peer
        "#]],
    );
    check(
        b"SSH-2.0-OpenSSH_9.2\r\n",
        expect![[r#"
            0.000000s Session AlertSent alert=decode_error
            0.000000s Session Refused why=NotTls detail="received corrupt message of type InvalidContentType"
            => Failed(Peer NotTls), 7 bytes to the peer
        "#]],
    );
    check(
        b"\x16\x03\x01\x00\x02\x01\x00",
        expect![[r#"
            => , 0 bytes to the peer
        "#]],
    );
}

//= test RFC 8446 §5.2: a record that is too long is refused before it is there.
#[test]
fn a_record_that_is_too_long_is_not_waited_for() {
    check(
        b"\x16\x03\x01\xff\xff",
        expect![[r#"
            0.000000s Session AlertSent alert=decode_error
            0.000000s Session Refused why=RecordTooLong detail="received corrupt message of type MessageTooLarge"
            => Failed(Peer RecordTooLong), 7 bytes to the peer
        "#]],
    );
}

#[test]
fn a_handshake_message_without_end_is_refused() {
    // A ClientHello of 16 MiB, in records of one byte each.
    let mut server = End::server(&server_config(|_| ()));
    server.receive(b"\x16\x03\x01\x00\x06\x01\x00\xf0\x00\x03\x03");
    let mut bytes = 0;
    while server.events.is_empty() && bytes < 1_000_000 {
        server.receive(b"\x16\x03\x01\x00\x01x");
        bytes += 6;
    }
    assert_eq!(server.heard(), "Failed(Peer MessageTooLong)");
    assert!(bytes < 40_000 && server.rest.is_empty(), "{bytes}");
}

//= test RFC 8446 §5.1: handshake messages may span records.
#[test]
fn a_hello_in_many_records() {
    let mut client = End::client(&client_config(|_| ()), "localhost");
    let mut server = End::server(&server_config(|_| ()));
    let hello = client.sent();
    for piece in hello[5..].chunks(7) {
        assert!(server.sent().is_empty());
        server.receive(&[0x16, 3, 1, 0, piece.len() as u8]);
        // A server that closes, or has something to say, does not look for what it does not have.
        assert_eq!(server.write(b"too early"), 0);
        server.receive(piece);
    }
    talk(&mut client, &mut server);
    assert_eq!(server.heard(), "Established");
    assert_eq!(server.facts().server_name, None);
}

/// A server that cuts its messages into records of 32 bytes, tickets after the handshake too. While
/// a piece of a message is held, nothing may be asked of rustls that makes it look for that piece.
#[test]
fn tickets_in_many_records() {
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_cert_resolver(certificates());
    config.max_fragment_size = Some(32);
    let mut server = rustls::ServerConnection::new(Arc::new(config)).unwrap();
    let client = client_config(|options| options.alpn.clear());
    let mut client = End::client(&client, "localhost");
    let (mut blocked, mut written) = (0, 0);
    loop {
        let from_client = client.sent();
        if !from_client.is_empty() {
            server.read_tls(&mut from_client.as_slice()).unwrap();
            server.process_new_packets().unwrap();
        }
        let mut from_server = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut from_server).unwrap();
        }
        if from_client.is_empty() && from_server.is_empty() {
            break;
        }
        for piece in from_server.chunks(10) {
            client.receive(piece);
            if client.session.facts().is_some() {
                let taken = client.write(b"x");
                (blocked, written) = (blocked + 1 - taken, written + taken);
            }
        }
    }
    assert_eq!((client.heard().as_str(), client.rest.len()), ("Established", 0));
    assert!(blocked > 10 && written > 1, "{blocked} {written}");
    assert_eq!(client.write(b"done"), 4);
}

#[test]
fn closing_while_a_piece_is_held() {
    let mut server = End::server(&server_config(|_| ()));
    server.receive(b"\x16\x03\x01\x00\x04\x01\x00\x00\xff");
    server.close();
    server.eof();
    assert_eq!((server.sent().len(), server.write(b"x")), (0, 0));
}

//= test RFC 8446 §5.2: a record that was changed on its way ends the session with bad_record_mac.
#[test]
fn a_record_that_was_changed_is_refused() {
    let (mut client, mut server) = connected();
    client.write(b"pay Alice 5");
    let mut record = client.sent();
    *record.last_mut().unwrap() ^= 1;
    server.receive(&record);
    assert_eq!((server.heard().as_str(), server.plain.len()), ("Failed(Peer Undecryptable)", 0));
    assert_eq!(server.write(b"after that"), 0);
    client.receive(&server.sent());
    assert_eq!(client.heard(), "Failed(Peer Alert(bad_record_mac))");
}

/// Renegotiation was taken out of TLS for a reason; a client of 1.2 that asks for it is told no.
#[test]
fn a_second_hello_is_out_of_place() {
    let mut client = End::client(&client_config(|_| ()), "localhost");
    let mut server = End::server(&server_config(|_| ()));
    let hello = client.sent();
    server.receive(&hello);
    assert!(!server.sent().is_empty());
    server.receive(&hello);
    assert!(server.heard().starts_with("Failed(Peer "), "a second hello was taken");
}

#[test]
fn a_fault_is_explained() {
    let mut client = End::client(&client_config(|_| ()), "localhost");
    client.receive(b"HTTP/1.1 400 Bad Request\r\n");
    assert_eq!(client.heard(), "Failed(Peer NotTls)");
    let names = authority().certify(&["a.test"]);
    assert_eq!(names.chain().len(), 1);
}

#[track_caller]
fn check(bytes: &[u8], want: Expect) {
    let mut server = End::server(&server_config(|_| ()));
    server.receive(bytes);
    let (film, heard, sent) = (server.film.take(), server.heard(), server.sent().len());
    want.assert_eq(&format!("{film}=> {heard}, {sent} bytes to the peer\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Nothing that strangers send makes us panic, before, during or after the handshake.
    #[test]
    fn noise_is_survived(
        noise in prop::collection::vec(any::<u8>(), 0..600),
        phase in 0..3u8,
        header: bool,
        kind in 20..25u8,
        cut in 1..600usize,
    ) {
        let mut bytes = noise;
        if header && let Ok(len) = u16::try_from(bytes.len()) {
            let [high, low] = len.to_be_bytes();
            bytes.splice(0..0, [kind, 3, 3, high, low]);
        }
        let (mut client, mut server) = match phase {
            2 => connected(),
            phase => {
                let mut client = End::client(&client_config(|_| ()), "localhost");
                let mut server = End::server(&server_config(|_| ()));
                if phase == 1 {
                    server.receive(&client.sent());
                    server.sent();
                }
                (client, server)
            }
        };
        for end in [&mut client, &mut server] {
            for piece in bytes.chunks(cut) {
                end.receive(piece);
                end.write(b"something");
            }
            end.close();
            end.eof();
            end.sent();
        }
    }

    /// A hello with bytes changed, left out or doubled is refused or served; nothing else.
    #[test]
    fn a_hello_that_was_damaged_is_survived(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..8),
        cut in 1..600usize,
    ) {
        let mut hello = End::client(&client_config(|_| ()), "localhost").sent();
        for (place, byte, change) in changes {
            let at = place.index(hello.len());
            match change {
                0 => hello[at] = byte,
                1 => hello.truncate(at.max(1)),
                _ => hello.insert(at, byte),
            }
        }
        let mut server = End::server(&server_config(|_| ()));
        for piece in hello.chunks(cut) {
            server.receive(piece);
        }
        server.eof();
    }
}
