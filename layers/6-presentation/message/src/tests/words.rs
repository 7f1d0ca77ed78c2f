use crate::{Method, Reset, Status, Version};

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
