//! Version 1, rule by rule.

use std::net::SocketAddr;

use super::{assert_refused_at_end, whole};
use crate::{
    Addresses, Connection, Extras, Header, LINE_LEN_MAX, Parsed, Transport, Version, emit_v1, parse,
};

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn emitted(connection: Connection<'_>) -> String {
    let mut out = b"before ".to_vec();
    emit_v1(&connection, &mut out);
    String::from_utf8(out).unwrap().strip_prefix("before ").unwrap().to_owned()
}

#[test]
fn a_line_before_a_request() {
    let bytes = b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET / HTTP/1.1\r\n";
    let Ok(Parsed::Header { header, len }) = parse(bytes) else { panic!() };
    assert_eq!(&bytes[len..], b"GET / HTTP/1.1\r\n");
    assert_eq!((header.version, header.extras), (Version::One, Extras::default()));
    assert_eq!(header.source(), Some(address("192.168.0.1:56324")));
    assert_eq!(header.destination(), Some(address("192.168.0.11:443")));
}

#[test]
fn addresses() {
    for (line, source, destination) in [
        ("TCP4 0.0.0.0 255.255.255.255 0 65535", "0.0.0.0:0", "255.255.255.255:65535"),
        ("TCP6 ::1 :: 1 2", "[::1]:1", "[::]:2"),
        ("TCP6 1:2:3:4:5:6:7:8 1:2:3:4:5:6:7:: 1 2", "[1:2:3:4:5:6:7:8]:1", "[1:2:3:4:5:6:7:0]:2"),
        ("TCP6 ::2:3:4:5:6:7:8 1::8 1 2", "[0:2:3:4:5:6:7:8]:1", "[1::8]:2"),
        ("TCP6 2001:DB8::a 2001:0db8::000A 1 2", "[2001:db8::a]:1", "[2001:db8::a]:2"),
        (
            "TCP6 ::ffff:1.2.3.4 1:2:3:4:5:6:1.2.3.4 1 2",
            "[::ffff:102:304]:1",
            "[1:2:3:4:5:6:102:304]:2",
        ),
        ("TCP6 1:2:3:4:5::1.2.3.4 ::1.2.3.4 1 2", "[1:2:3:4:5::102:304]:1", "[::102:304]:2"),
    ] {
        let line = format!("PROXY {line}\r\n");
        let header = whole(line.as_bytes());
        assert_eq!(header.source(), Some(address(source)), "{line}");
        assert_eq!(header.destination(), Some(address(destination)), "{line}");
    }
}

#[test]
fn unknown_says_nothing() {
    let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LINE_LEN_MAX - 16));
    for line in [
        "PROXY UNKNOWN\r\n",
        "PROXY UNKNOWN \r\n",
        "PROXY UNKNOWN ffff::ffff what  ever \t\0\u{fc}\r\n",
        &longest,
    ] {
        let header = whole(line.as_bytes());
        assert_eq!(header.connection, Connection::Unknown, "{line:?}");
        assert_eq!((header.source(), header.destination()), (None, None));
    }
}

#[test]
fn the_first_wrong_byte_of_a_line() {
    const V4: &str = "IPv4 address";
    const V6: &str = "IPv6 address";
    const SPACE: &str = "space between two fields";
    for (line, what) in [
        ("p", "signature"),
        ("G", "signature"),
        ("\x16", "signature"),
        (" ", "signature"),
        ("PO", "keyword PROXY"),
        ("Pr", "keyword PROXY"),
        ("PROXY\t", "keyword PROXY"),
        ("PROXY\r", "keyword PROXY"),
        ("PROXY  ", "protocol"),
        ("PROXY t", "protocol"),
        ("PROXY TCP5", "protocol"),
        ("PROXY TCPv", "protocol"),
        ("PROXY UD", "protocol"),
        ("PROXY UNKNOWNX", "protocol"),
        ("PROXY UNKNOWN\n", "protocol"),
        ("PROXY TCP4\t", SPACE),
        ("PROXY TCP4  ", V4),
        ("PROXY TCP4 a", V4),
        ("PROXY TCP4 .", V4),
        ("PROXY TCP4 -", V4),
        ("PROXY TCP4 256", V4),
        ("PROXY TCP4 1000", V4),
        ("PROXY TCP4 00", "leading zero"),
        ("PROXY TCP4 1.2.3.01", "leading zero"),
        ("PROXY TCP4 1..", V4),
        ("PROXY TCP4 1.2.3 ", V4),
        ("PROXY TCP4 1.2.3.4.", SPACE),
        ("PROXY TCP4 1.2.3.4:", SPACE),
        ("PROXY TCP4 :", V4),
        ("PROXY TCP4 1.2.3.4  ", V4),
        ("PROXY TCP4 1.2.3.4\r", SPACE),
        ("PROXY TCP4 1.2.3.4 5.6.7.8\r", SPACE),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 +", "port"),
        ("PROXY TCP4 1.2.3.4 5.6.7.8  ", "port"),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 00", "leading zero"),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 65536", "port"),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 655350", "port"),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1\r", SPACE),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1 2 ", "end of the line"),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", "end of the line"),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\r", "end of the line"),
        ("PROXY TCP6 1.", V6),
        ("PROXY TCP6  ", V6),
        ("PROXY TCP6 :1", V6),
        ("PROXY TCP6 :::", V6),
        ("PROXY TCP6 1:2:::", V6),
        ("PROXY TCP6 1::2::", V6),
        ("PROXY TCP6 1: ", V6),
        ("PROXY TCP6 1::2: ", V6),
        ("PROXY TCP6 g", V6),
        ("PROXY TCP6 ::12345", SPACE),
        ("PROXY TCP6 12345", V6),
        ("PROXY TCP6 [", V6),
        ("PROXY TCP6 fe80::1%", SPACE),
        ("PROXY TCP6 1:2:3:4:5:6:7 ", V6),
        ("PROXY TCP6 1:2:3:4:5:6:7:8:", V6),
        ("PROXY TCP6 1::3:4:5:6:7:8:", V6),
        ("PROXY TCP6 1:2:3:4:5:6:7::8", V6),
        ("PROXY TCP6 1:2:3:4:5:1.", V6),
        ("PROXY TCP6 1:2:3:4:5:6:7:1.", V6),
        ("PROXY TCP6 1::2:3:4:5:6:1.", V6),
        ("PROXY TCP6 ::ffff:1f.", V4),
        ("PROXY TCP6 ::ffff:256.", V4),
        ("PROXY TCP6 ::ffff:01.", "leading zero"),
        ("PROXY TCP6 ::ffff:1.2.3 ", V4),
        ("PROXY TCP6 ::1.2.3.4:", SPACE),
    ] {
        assert_refused_at_end(line.as_bytes(), what);
    }
}

/// The longest line has 107 bytes. The one whose 106th is not CR is refused with that one.
#[test]
fn a_line_that_is_too_long() {
    let full = format!("PROXY UNKNOWN {}", "x".repeat(LINE_LEN_MAX - 16));
    whole(format!("{full}\r\n").as_bytes());
    assert_refused_at_end(format!("{full}x").as_bytes(), "line of more than 107 bytes");
    assert_refused_at_end(format!("{full}\r\r").as_bytes(), "end of the line");
    let (a, b) = ("0000:0000:0000:0000:0000:0000:255.255.255.255", "0:0:0:0:0:0:255.255.255.255");
    whole(format!("PROXY TCP6 {a} {b} 65535 65535\r\n").as_bytes());
    let long = format!("PROXY TCP6 {a} {a} ");
    assert_refused_at_end(format!("{long}123").as_bytes(), "line of more than 107 bytes");
}

#[test]
fn a_bare_end_of_line_behind_unknown() {
    assert_refused_at_end(b"PROXY UNKNOWN a\n", "end of the line");
    assert_refused_at_end(b"PROXY UNKNOWN a\rb", "end of the line");
    assert_refused_at_end(b"PROXY UNKNOWN\rb", "end of the line");
}

#[test]
fn written_lines() {
    let tcp = |from, to| emitted(Connection::tcp(address(from), address(to)));
    for (from, to, want) in [
        ("192.0.2.1:56324", "0.0.0.0:0", "TCP4 192.0.2.1 0.0.0.0 56324 0"),
        ("[2001:db8::a]:1", "[::]:443", "TCP6 2001:db8::a :: 1 443"),
        ("[::ffff:192.0.2.1]:1", "192.0.2.2:2", "TCP4 192.0.2.1 192.0.2.2 1 2"),
        ("192.0.2.1:1", "[2001:db8::a]:2", "TCP6 ::ffff:c000:201 2001:db8::a 1 2"),
    ] {
        assert_eq!(tcp(from, to), format!("PROXY {want}\r\n"));
    }
}

/// What version 1 has no words for is unknown.
#[test]
fn connections_without_a_word() {
    let (source, destination) = (&b"/run/a"[..], &b"/run/b"[..]);
    let unix = Addresses::Unix { source, destination };
    let udp = Addresses::between(address("1.2.3.4:5"), address("6.7.8.9:10"));
    for connection in [
        Connection::Local,
        Connection::Unknown,
        Connection::Relayed { transport: Transport::Stream, addresses: unix },
        Connection::Relayed { transport: Transport::Datagram, addresses: udp },
    ] {
        assert_eq!(emitted(connection), "PROXY UNKNOWN\r\n");
        let header = Header { version: Version::One, connection, extras: Extras::default() };
        assert_eq!(header.source().is_some(), connection.addresses() == Some(udp));
    }
}
