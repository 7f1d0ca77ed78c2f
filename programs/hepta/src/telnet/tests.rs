use super::protocol::Telnet;

const WILL: u8 = 251;
const WONT: u8 = 252;
const DO: u8 = 253;
const DONT: u8 = 254;
const IAC: u8 = 255;

/// What is printed and answered when these bytes come, in pieces of every length.
fn hear(bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let whole = hear_in_pieces(bytes, bytes.len().max(1));
    for len in 1..bytes.len() {
        assert_eq!(hear_in_pieces(bytes, len), whole, "in pieces of {len}");
    }
    whole
}

fn hear_in_pieces(bytes: &[u8], len: usize) -> (Vec<u8>, Vec<u8>) {
    let (mut telnet, mut screen, mut out) = (Telnet::default(), Vec::new(), Vec::new());
    bytes.chunks(len).for_each(|piece| telnet.handle_bytes(piece, &mut screen, &mut out));
    (screen, out)
}

fn sent(pieces: &[&[u8]]) -> Vec<u8> {
    let (mut telnet, mut out) = (Telnet::default(), Vec::new());
    pieces.iter().for_each(|piece| telnet.send(piece, &mut out));
    telnet.send_end(&mut out);
    out
}

//= test RFC 854: commands are no data, 255 twice is one byte of data, CR NUL is CR
#[test]
fn data_is_printed_and_commands_are_not() {
    let nop = [IAC, 241];
    let cases: [(&[u8], &[u8]); 7] = [
        (b"login: ", b"login: "),
        (b"a\r\nb", b"a\r\nb"),
        (b"a\r\0b\0", b"a\rb\0"),
        (&[b'a', IAC, IAC, b'b'], &[b'a', IAC, b'b']),
        (&[b'a', nop[0], nop[1], b'b'], b"ab"),
        (&[b'a', IAC, 249, b'b'], b"ab"),
        (&[b'a', IAC], b"a"),
    ];
    for (bytes, printed) in cases {
        assert_eq!(hear(bytes), (printed.to_vec(), Vec::new()), "{bytes:?}");
    }
}

//= test RFC 855: what belongs to an option ends with IAC SE, and a doubled IAC does not end it
#[test]
fn what_belongs_to_an_option_is_skipped() {
    let bytes = [b'a', IAC, 250, 24, 1, IAC, IAC, 240, b'x', IAC, 240, b'b'];
    assert_eq!(hear(&bytes), (b"ab".to_vec(), Vec::new()));
}

//= test RFC 1143 §7: what we do not do is refused, and what is off already is not spoken of
#[test]
fn options_are_refused_but_for_two() {
    for option in [0, 2, 24, 31, 34, 39, 255] {
        assert_eq!(hear(&[IAC, WILL, option]).1, [IAC, DONT, option]);
        assert_eq!(hear(&[IAC, DO, option]).1, [IAC, WONT, option]);
        assert!(hear(&[IAC, WONT, option]).1.is_empty());
        assert!(hear(&[IAC, DONT, option]).1.is_empty());
    }
    for option in [1, 3] {
        assert_eq!(hear(&[IAC, WILL, option]).1, [IAC, DO, option]);
        assert_eq!(hear(&[IAC, DO, option]).1, [IAC, WONT, option], "the server does, not we");
    }
}

//= test RFC 1143 §2: two sides never go on answering each other
#[test]
fn a_change_is_answered_once() {
    let (_, out) = hear(&[IAC, WILL, 1, IAC, WILL, 1, IAC, WONT, 1, IAC, WONT, 1]);
    assert_eq!(out, [IAC, DO, 1, IAC, DONT, 1]);
    let (mut telnet, mut out) = (Telnet::default(), Vec::new());
    telnet.handle_bytes(&[IAC, WILL, 1], &mut Vec::new(), &mut out);
    assert!(telnet.server_echoes());
    telnet.handle_bytes(&[IAC, WONT, 1], &mut Vec::new(), &mut out);
    assert!(!telnet.server_echoes());
}

//= test RFC 854: somebody who asks whether we are there sees that we are
#[test]
fn are_you_there_is_answered() {
    assert_eq!(hear(&[IAC, 246]), (Vec::new(), b"[yes]\r\n".to_vec()));
}

//= test RFC 854: a line ends with CR LF, a CR alone is CR NUL, 255 is doubled
#[test]
fn what_is_typed_is_sent_as_telnet_has_it() {
    assert_eq!(sent(&[b"GET /\n\n"]), b"GET /\r\n\r\n");
    assert_eq!(sent(&[b"GET /\r\n\r\n"]), b"GET /\r\n\r\n");
    assert_eq!(sent(&[b"a\r", b"\nb"]), b"a\r\nb", "in two pieces");
    assert_eq!(sent(&[b"a\rb\r"]), b"a\r\0b\r\0");
    assert_eq!(sent(&[b"\r\r\n"]), b"\r\0\r\n");
    assert_eq!(sent(&[&[1, IAC, 2]]), [1, IAC, IAC, 2]);
}

//= test RFC 1123 §3.3.1: the key that ends a line is not held back where the server echoes
#[test]
fn a_key_goes_at_once() {
    let (mut telnet, mut out) = (Telnet::default(), Vec::new());
    telnet.handle_bytes(&[IAC, WILL, 1], &mut Vec::new(), &mut out);
    out.clear();
    telnet.send(b"\r", &mut out);
    telnet.send(b"x", &mut out);
    assert_eq!(out, b"\r\0x");
}
