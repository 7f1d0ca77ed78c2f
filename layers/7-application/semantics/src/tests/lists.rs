use message::{Method, Name};

use super::fields;
use crate::{allow, vary};

//= test RFC 9110 §10.2.1: the methods as a list, which may be empty.
#[test]
fn allow_lists_each_method_once() {
    let other = Method::from_bytes(b"PROPFIND").unwrap();
    for (methods, want) in [
        (&[][..], ""),
        (&[Method::Get], "GET"),
        (&[Method::Get, Method::Head, Method::Options], "GET, HEAD, OPTIONS"),
        (&[Method::Get, Method::Get, other.clone(), Method::Get, other], "GET, PROPFIND"),
    ] {
        assert_eq!(allow::value(methods), want);
    }
}

//= test RFC 9110 §12.5.5: a list of field names, in any case.
#[test]
fn vary_names_each_field_once() {
    for (before, want) in [
        ("", "Vary: Accept-Encoding"),
        ("Vary: Accept", "Vary: Accept, Accept-Encoding"),
        ("Vary: Accept | Vary: Origin", "Vary: Accept, Origin, Accept-Encoding"),
        ("Vary: accept-encoding", "Vary: accept-encoding"),
        ("Vary: Accept | Vary: ACCEPT-ENCODING, X", "Vary: Accept | Vary: ACCEPT-ENCODING, X"),
        ("Vary:", "Vary: Accept-Encoding"),
        ("Server: x | Vary: Accept", "Server: x | Vary: Accept, Accept-Encoding"),
    ] {
        let mut response = fields(before);
        vary::add(&mut response, Name::AcceptEncoding);
        assert_eq!(response, fields(want), "{before}");
        vary::add(&mut response, "accept-Encoding");
        assert_eq!(response, fields(want), "{before}, twice");
    }
}

//= test RFC 9110 §12.5.5: a star says that anything may have had a part in the choice.
#[test]
fn a_star_swallows_every_name() {
    let mut response = fields("Vary: Accept");
    vary::add_star(&mut response);
    assert_eq!(response, fields("Vary: *"));
    vary::add(&mut response, "X-Mood");
    assert_eq!(response, fields("Vary: *"));

    let mut mixed = fields("Vary: Accept, *");
    vary::add(&mut mixed, Name::Origin);
    assert_eq!(mixed, fields("Vary: Accept, *"));

    let mut none = fields("");
    vary::add_star(&mut none);
    assert_eq!(none, fields("Vary: *"));
}
