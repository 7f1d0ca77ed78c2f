//! Conditional requests (RFC 9110 §13).

use crate::{field, lasting, strong_etag};

const FILES: [(&str, &[u8]); 1] = [("conditional.txt", b"what the conditions are about\n")];
const TARGET: &str = "/conditional.txt";

const BEFORE: &str = "Sat, 01 Jan 2000 00:00:00 GMT";

#[test]
fn conditions_are_evaluated_in_their_order() {
    let server = lasting(&FILES);
    let etag = &*strong_etag(&server, TARGET, &[]);
    let modified = &*field(&server.get(TARGET), "last-modified");
    let weak = &*format!("W/{etag}");
    let list = &*format!("\"x\", {etag}, \"y,z\"");
    let [im, inm] = ["If-Match", "If-None-Match"];
    let [ims, ius] = ["If-Modified-Since", "If-Unmodified-Since"];
    let cases: &[(&[(&str, &str)], u16)] = &[
        (&[(im, etag)], 200),
        (&[(im, "*")], 200),
        (&[(im, list)], 200),
        (&[(im, "\"x\"")], 412),
        // If-Match compares strongly.
        (&[(im, weak)], 412),
        (&[(ius, modified)], 200),
        (&[(ius, BEFORE)], 412),
        (&[(ius, "no date")], 200),
        // If-Match goes before If-Unmodified-Since.
        (&[(im, etag), (ius, BEFORE)], 200),
        (&[(im, "\"x\""), (ius, modified)], 412),
        (&[(inm, etag)], 304),
        (&[(inm, "*")], 304),
        (&[(inm, list)], 304),
        // If-None-Match compares weakly.
        (&[(inm, weak)], 304),
        (&[(inm, "\"x\"")], 200),
        (&[(inm, "\"x\""), (inm, etag)], 304),
        (&[(ims, modified)], 304),
        (&[(ims, BEFORE)], 200),
        (&[(ims, "no date")], 200),
        (&[(ims, "Sat, 01 Jan 2000 00:00:00 +0100")], 200),
        // If-None-Match goes before If-Modified-Since.
        (&[(inm, "\"x\""), (ims, modified)], 200),
        (&[(inm, etag), (ims, BEFORE)], 304),
        // What forbids goes before what saves.
        (&[(im, "\"x\""), (inm, etag)], 412),
        (&[(im, etag), (inm, etag)], 304),
        (&[(ius, BEFORE), (inm, etag)], 412),
        (&[(ius, modified), (ims, modified)], 304),
        // And all of it before ranges.
        (&[(inm, etag), ("Range", "bytes=0-3")], 304),
        (&[(im, "\"x\""), ("Range", "bytes=0-3")], 412),
        (&[(im, etag), ("Range", "bytes=0-3")], 206),
        (&[(inm, etag), ("Range", "bytes=999-")], 304),
    ];
    let mut failures = Vec::new();
    for (fields, expected) in cases {
        for method in ["GET", "HEAD"] {
            let is_range = fields.iter().any(|(name, _)| *name == "Range");
            let expected = match *expected {
                // Range has a meaning for GET only (RFC 9110 §14.2).
                206 if method == "HEAD" => 200,
                other => other,
            };
            let response = server.ask(method, TARGET, fields);
            if response.status != expected {
                failures.push(format!("{method} {fields:?}: not {expected} but {response}"));
            }
            assert!(is_range || response.field("content-range").is_none());
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn dates_come_in_three_formats() {
    let server = lasting(&FILES);
    let modified = field(&server.get(TARGET), "last-modified");
    // Sat, 21 Nov 2026 13:37:00 GMT, as RFC 850 and asctime had it.
    let words: Vec<&str> = modified.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let [weekday, day, month, year, time, _] = words[..] else { panic!("{modified}") };
    let long = match weekday {
        "Tue" => "Tuesday".to_owned(),
        "Wed" => "Wednesday".to_owned(),
        "Thu" => "Thursday".to_owned(),
        "Sat" => "Saturday".to_owned(),
        short => format!("{short}day"),
    };
    let padded = format!("{:>2}", day.trim_start_matches('0'));
    let dates = [
        modified.clone(),
        format!("{long}, {day}-{month}-{} {time} GMT", &year[2..]),
        format!("{weekday} {month} {padded} {time} {year}"),
    ];
    for date in &dates {
        let response = server.ask("GET", TARGET, &[("If-Modified-Since", date)]);
        assert_eq!(response.status, 304, "{date:?}: {response}");
    }
}

#[test]
fn not_modified_says_what_a_cache_needs() {
    let server = lasting(&FILES);
    let whole = server.get(TARGET);
    let etag = strong_etag(&server, TARGET, &[]);
    let response = server.ask("GET", TARGET, &[("If-None-Match", &etag)]);
    assert_eq!(response.status, 304);
    assert!(response.field("date").is_some(), "{response}");
    assert_eq!(field(&response, "etag"), etag);
    assert_eq!(response.field("vary"), whole.field("vary"));
    assert_eq!(response.field("cache-control"), whole.field("cache-control"));
    // What describes a body that is not there stays away; a length, if any, is that of a 200.
    assert!(response.field("content-type").is_none(), "{response}");
    assert!(response.field("content-encoding").is_none(), "{response}");
    let len = response.field("content-length");
    assert!(len.is_none() || len == whole.field("content-length"), "{response}");
}

#[test]
fn conditions_say_nothing_about_what_is_not_there() {
    let server = lasting(&FILES);
    for fields in [("If-None-Match", "*"), ("If-Match", "*"), ("If-Modified-Since", BEFORE)] {
        let response = server.ask("GET", "/never-there.txt", &[fields]);
        // RFC 9110 §13.2.1: what would have failed anyway fails as it would have.
        assert_eq!(response.status, 404, "{fields:?}: {response}");
    }
}

#[test]
fn a_file_that_changed_a_moment_ago_has_a_weak_validator() {
    let site = peers::Site::new();
    site.write("fresh.txt", "fresh");
    let server = crate::serve(&site);
    let etag = field(&server.get("/fresh.txt"), "etag");
    assert!(etag.starts_with("W/\""), "{etag}");
    // Good enough to save a transfer, not good enough to join parts.
    assert_eq!(server.ask("GET", "/fresh.txt", &[("If-None-Match", &etag)]).status, 304);
    let fields = [("Range", "bytes=0-1"), ("If-Range", &*etag)];
    assert_eq!(server.ask("GET", "/fresh.txt", &fields).status, 200);
    assert!(!strong_etag(&server, "/fresh.txt", &[]).starts_with("W/"));
}

#[test]
fn head_is_get_without_its_body() {
    let server = lasting(&FILES);
    let etag = strong_etag(&server, TARGET, &[]);
    let cases: [(&str, &[(&str, &str)]); 6] = [
        (TARGET, &[]),
        (TARGET, &[("Accept-Encoding", "gzip, br, zstd")]),
        (TARGET, &[("If-None-Match", &etag)]),
        (TARGET, &[("If-Match", "\"x\"")]),
        (TARGET, &[("Accept-Encoding", "identity;q=0, *;q=0")]),
        ("/never-there.txt", &[]),
    ];
    for (target, fields) in cases {
        let [get, head] = ["GET", "HEAD"].map(|method| server.ask(method, target, fields));
        assert_eq!(get.status, head.status, "{target} {fields:?}");
        assert!(head.body.is_empty());
        let without_date = |response: &peers::Response| {
            let mut fields = response.fields.clone();
            fields.retain(|(name, _)| name != "date");
            fields
        };
        assert_eq!(without_date(&get), without_date(&head), "{target} {fields:?}");
    }
}
