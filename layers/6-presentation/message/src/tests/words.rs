use crate::{Method, Name, Reset, Status, Version};

//= test RFC 9110 §9.1: methods are case-sensitive tokens.
#[test]
fn methods() {
    for name in ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"] {
        let method = Method::from_bytes(name.as_bytes()).unwrap();
        assert!(!matches!(method, Method::Other(_)), "{name}");
        assert_eq!(method.as_str(), name);
        let small = name.to_lowercase();
        assert_eq!(Method::from_bytes(small.as_bytes()), Some(Method::Other(small.into())));
    }
    assert_eq!(Method::from_bytes(b"M-SEARCH").unwrap().to_string(), "M-SEARCH");
    for bad in [&b""[..], b"GET ", b"G\0T", b"G:T", b"\xc3\xa4"] {
        assert_eq!(Method::from_bytes(bad), None);
    }
    assert!(Method::Get.is_safe() && Method::Put.is_idempotent());
    assert!(!Method::Put.is_safe() && !Method::Post.is_idempotent());
}

//= test RFC 9110 §15: three digits, of which the first is one to five.
#[test]
fn statuses() {
    for code in 0..1000 {
        let status = Status::new(code);
        assert_eq!(status.is_some(), (100..600).contains(&code), "{code}");
        let Some(status) = status else { continue };
        assert_eq!(str::from_utf8(&status.digits()).unwrap(), code.to_string());
        let classes = [
            status.is_informational(),
            status.is_successful(),
            status.is_redirection(),
            status.is_error(),
        ];
        assert_eq!(classes.iter().filter(|is| **is).count(), 1, "{code}");
    }
    assert_eq!(Status::NOT_FOUND.to_string(), "404 Not Found");
    assert!(Status::NO_CONTENT.is_bodiless() && !Status::OK.is_bodiless());
}

#[test]
fn versions_and_resets() {
    assert!(Version::HTTP_10 < Version::HTTP_11 && Version::HTTP_11 < Version::HTTP_2);
    assert_eq!(format!("{}", Version::HTTP_11), "HTTP/1.1");
    let reset = Reset { why: "TooSlow", status: Some(Status::REQUEST_TIMEOUT), untouched: true };
    assert_eq!(format!("{reset:?}"), "TooSlow (408) (untouched)");
}

//= test RFC 9110 §5.1: the names of fields have no case.
#[test]
fn names_are_found_in_any_case() {
    let by_looking = |bytes: &[u8]| {
        Name::ALL.iter().copied().find(|name| name.as_str().as_bytes().eq_ignore_ascii_case(bytes))
    };
    for name in Name::ALL {
        let text = name.as_str();
        assert_eq!(Name::from_bytes(text.as_bytes()), Some(*name));
        assert_eq!(Name::from_bytes(text.to_uppercase().as_bytes()), Some(*name));
        assert_eq!(Name::from_bytes(text.to_lowercase().as_bytes()), Some(*name));
        // What differs in a byte is another name or none.
        for at in 0..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            for bit in 0..8 {
                bytes[at] = text.as_bytes()[at] ^ 1 << bit;
                assert_eq!(
                    Name::from_bytes(&bytes),
                    by_looking(&bytes),
                    "{}",
                    bytes.escape_ascii()
                );
            }
        }
    }
    for other in [&b""[..], b"X", b"XY", b"XYZ", &[b'A'; 32], &[b'A'; 300], &[0xff; 7]] {
        assert_eq!(Name::from_bytes(other), None);
    }
}
