//! What passes once the handshake is done.

use proptest::prelude::*;

use super::cable::{End, client_config, connect, connected, server_config, talk, talk_in_pieces};
use crate::wire::{HEADER_LEN, PLAIN_LEN_MAX, record_len};
use crate::{Alert, ServerConfig, Version};

fn noise(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

#[test]
fn much_data_passes_both_ways() {
    for version in Version::ALL {
        let server = server_config(|options| options.versions = vec![version]);
        let (mut client, mut server) = connect(&client_config(|_| ()), &server, "localhost");
        let (up, down) = (noise(1_000_003), noise(2_000_001));
        assert_eq!(client.write(&up), up.len());
        assert_eq!(server.write(&down), down.len());
        talk_in_pieces(&mut client, &mut server, |_| 5_000);
        assert!(server.plain == up && client.plain == down, "{version}");
        assert!(client.rest.is_empty() && server.rest.is_empty());
    }
}

//= test RFC 8446 §5.1: records carry 16 KiB, and all of it is used.
#[test]
fn records_are_full() {
    let (mut client, _server) = connected();
    client.sent();
    assert_eq!(client.write(&noise(40_000)), 40_000);
    let sent = client.sent();
    let (mut rest, mut carried) = (sent.as_slice(), Vec::new());
    while let Some(len) = record_len(rest) {
        carried.push(len - HEADER_LEN - 1 - 16);
        rest = &rest[len..];
    }
    assert_eq!(carried, [PLAIN_LEN_MAX, PLAIN_LEN_MAX, 40_000 - 2 * PLAIN_LEN_MAX]);
}

#[test]
fn nothing_is_written_before_the_handshake_is_done() {
    let mut client = End::client(&client_config(|_| ()), "localhost");
    let mut server = End::server(&server_config(|_| ()));
    assert!(client.session.is_handshaking() && server.session.is_handshaking());
    assert_eq!((client.write(b"early"), server.write(b"early")), (0, 0));
    talk(&mut client, &mut server);
    assert!(!client.session.is_handshaking() && !server.session.is_handshaking());
    assert_eq!((client.write(b"now"), client.write(b"")), (3, 0));
    talk(&mut client, &mut server);
    assert_eq!(server.plain, b"now");
}

//= test RFC 8446 §6.1: close_notify ends one direction; the other goes on.
#[test]
fn one_direction_closes_and_the_other_goes_on() {
    let (mut client, mut server) = connected();
    client.write(b"GET");
    client.close();
    assert_eq!(client.write(b"more"), 0);
    talk(&mut client, &mut server);
    assert_eq!((server.heard().as_str(), server.plain.as_slice()), ("Closed", &b"GET"[..]));

    assert_eq!(server.write(b"answer"), 6);
    server.close();
    server.close();
    talk(&mut client, &mut server);
    assert_eq!((client.heard().as_str(), client.plain.as_slice()), ("Closed", &b"answer"[..]));
    client.eof();
    server.eof();
    assert_eq!((client.heard(), server.heard()), (String::new(), String::new()));
    assert_eq!(
        server.film.take(),
        "0.000000s Session Closed by=Peer\n0.000000s Session Closed by=Us\n"
    );
}

//= test RFC 8446 §6.1: what follows close_notify is ignored.
#[test]
fn what_comes_after_the_end_is_ignored() {
    let (mut client, mut server) = connected();
    client.close();
    let mut bytes = client.sent();
    bytes.extend_from_slice(b"anything at all");
    server.receive(&bytes);
    assert_eq!((server.heard().as_str(), server.rest.len()), ("Closed", 0));
    server.receive(b"and more");
    assert_eq!((server.heard().as_str(), server.rest.len()), ("", 0));
}

//= test RFC 8446 §6.1: an end without close_notify may be an attack.
#[test]
fn an_end_without_a_word_is_told() {
    let (mut client, mut server) = connected();
    server.write(b"half of it");
    talk(&mut client, &mut server);
    client.eof();
    client.eof();
    assert_eq!(client.heard(), "Truncated");
    assert_eq!(client.film.take(), "0.000000s Session Truncated\n");
}

#[test]
fn an_end_in_the_handshake_is_a_failure_and_before_it_is_none() {
    let mut client = End::client(&client_config(|_| ()), "localhost");
    client.eof();
    assert_eq!(client.heard(), "Failed(Peer Gone)");
    assert!(!client.session.is_handshaking());

    let mut server = End::server(&server_config(|_| ()));
    server.eof();
    assert_eq!(server.heard(), "Closed");
}

#[test]
fn closing_in_the_handshake_says_nothing() {
    let mut server = End::server(&server_config(|_| ()));
    server.close();
    assert!(server.sent().is_empty() && server.heard().is_empty());
    let mut client = End::client(&client_config(|_| ()), "localhost");
    client.sent();
    client.close();
    assert!(client.sent().is_empty() && client.heard().is_empty());
}

#[test]
fn alerts_have_names() {
    assert_eq!(format!("{:?} {:?}", Alert(120), Alert(99)), "no_application_protocol alert 99");
}

fn play(config: &ServerConfig, cuts: &[usize], up: &[u8], down: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut client = End::client(&client_config(|_| ()), "localhost");
    let mut server = End::server(config);
    let mut cuts = cuts.iter().cycle();
    let mut cut = |_: &[u8]| cuts.next().copied().unwrap_or(1);
    talk_in_pieces(&mut client, &mut server, &mut cut);
    client.write(up);
    server.write(down);
    client.close();
    talk_in_pieces(&mut client, &mut server, &mut cut);
    assert_eq!(
        (client.heard(), server.heard()),
        ("Established".into(), "Established, Closed".into())
    );
    (server.plain, client.plain)
}

#[test]
fn one_byte_at_a_time() {
    for version in Version::ALL {
        let config = server_config(|options| options.versions = vec![version]);
        let (up, down) = play(&config, &[1], b"one byte", &noise(20_000));
        assert!(up == b"one byte" && down == noise(20_000), "{version}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However the stream is cut, the same arrives.
    #[test]
    fn any_cut_gives_the_same(
        cuts in prop::collection::vec(1..40_000usize, 1..20),
        tls13: bool,
        up in 0..50_000usize,
        down in 0..50_000usize,
    ) {
        let version = if tls13 { Version::Tls13 } else { Version::Tls12 };
        let config = server_config(|options| options.versions = vec![version]);
        let (up, down) = (noise(up), noise(down));
        prop_assert!(play(&config, &cuts, &up, &down) == (up, down));
    }
}
