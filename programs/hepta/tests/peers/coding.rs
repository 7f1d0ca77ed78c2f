//! Content codings (RFC 9110 §8.4, §12.5.3), undone by the tools that define them.

use std::process::Command;

use peers::{Response, Server, Site, numbered_text, random_bytes, run_with_input, tool};

use crate::{field, lasting, serve, strong_etag};

const CODINGS: [&str; 3] = ["br", "zstd", "gzip"];

/// The program that does this coding.
fn coder(coding: &str) -> Command {
    match coding {
        "br" => tool("brotli"),
        other => tool(other),
    }
}

fn decoded(coding: &str, bytes: &[u8]) -> Vec<u8> {
    run_with_input(coder(coding).args(["-d", "-c"]), bytes).ok().stdout
}

fn encoded(coding: &str, bytes: &[u8]) -> Vec<u8> {
    run_with_input(coder(coding).arg("-c"), bytes).ok().stdout
}

fn suffix(coding: &str) -> &'static str {
    match coding {
        "br" => ".br",
        "zstd" => ".zst",
        _ => ".gz",
    }
}

fn accept(server: &Server, target: &str, codings: &str) -> Response {
    server.ask("GET", target, &[("Accept-Encoding", codings)])
}

#[test]
fn files_that_lie_ready_are_sent_as_they_are() {
    let text = numbered_text(50_000);
    let mut site = Site::new().with("page.html", &text);
    let ready = CODINGS.map(|coding| encoded(coding, text.as_bytes()));
    for (coding, bytes) in CODINGS.iter().zip(&ready) {
        site = site.with(&format!("page.html{}", suffix(coding)), bytes);
    }
    let server = serve(&site);
    for (coding, bytes) in CODINGS.iter().zip(&ready) {
        let response = accept(&server, "/page.html", coding);
        assert_eq!(field(&response, "content-encoding"), *coding);
        assert_eq!(field(&response, "content-type"), "text/html; charset=utf-8");
        assert!(response.lists("vary", "Accept-Encoding"), "{response}");
        assert!(response.body == *bytes, "{coding}");
    }
    assert_eq!(accept(&server, "/page.html", "identity").text(), text);
    assert_eq!(server.get("/page.html").text(), text);
    //= test RFC 9110 §12.5.3: the coding with the highest weight is preferred, also to one that lies ready
    for (wish, expected) in [
        ("gzip;q=0.1, identity;q=0.9", None),
        ("gzip;q=0.9, br;q=0.1, identity;q=0.5", Some("gzip")),
        ("zstd;q=0.2, gzip;q=0.1, identity;q=0", Some("zstd")),
    ] {
        let response = accept(&server, "/page.html", wish);
        assert_eq!(response.field("content-encoding"), expected, "{wish}: {response}");
    }
    // One that is older than its original is not its coding any more.
    site.write("page.html", "new");
    for coding in CODINGS {
        let response = accept(&server, "/page.html", coding);
        let body = match response.field("content-encoding") {
            Some(coding) => decoded(coding, &response.body),
            None => response.body.clone(),
        };
        assert_eq!(body, b"new", "{coding}: {response}");
    }
}

#[test]
fn text_is_compressed_on_the_way() {
    let text = numbered_text(200_000);
    let site = ["a.html", "a.css", "a.js", "a.json", "a.svg", "a.txt", "a.xml", "a.wasm"]
        .iter()
        .fold(Site::new(), |site, name| site.with(name, &text));
    let server = serve(&site);
    for name in ["a.html", "a.css", "a.js", "a.json", "a.svg", "a.txt", "a.xml"] {
        for coding in CODINGS {
            let response = accept(&server, &format!("/{name}"), coding);
            assert_eq!(field(&response, "content-encoding"), coding, "{name}: {response}");
            assert!(response.lists("vary", "Accept-Encoding"), "{name}: {response}");
            assert!(response.body.len() < text.len() / 3, "{name} {coding}: {response}");
            assert!(decoded(coding, &response.body) == text.as_bytes(), "{name} {coding}");
        }
    }
}

#[test]
fn what_is_compressed_is_kept() {
    let text = numbered_text(300_000);
    let site = Site::new().with("a.html", &text);
    let server = serve(&site);
    for coding in CODINGS {
        let first = accept(&server, "/a.html", coding);
        // When it is there it has a length, and the same bytes for everybody.
        let kept = peers::until("the compressed form is kept", || {
            let again = accept(&server, "/a.html", coding);
            again.field("content-length").is_some().then_some(again)
        });
        assert_eq!(decoded(coding, &kept.body), decoded(coding, &first.body), "{coding}");
        assert_eq!(accept(&server, "/a.html", coding).body, kept.body);
        // It goes when the file changes.
        let changed = format!("{coding} {text}");
        site.write("a.html", &changed);
        let response = accept(&server, "/a.html", coding);
        assert!(decoded(coding, &response.body) == changed.as_bytes(), "{coding}");
        site.write("a.html", &text);
    }
}

#[test]
fn what_does_not_become_smaller_is_left_alone() {
    let site = Site::new()
        .with("tiny.html", "<p>")
        .with("photo.jpg", random_bytes(1, 100_000))
        .with("data.zip", numbered_text(100_000));
    let server = serve(&site);
    for target in ["/tiny.html", "/photo.jpg", "/data.zip"] {
        let response = accept(&server, target, "gzip, br, zstd");
        assert!(response.field("content-encoding").is_none(), "{target}: {response}");
        assert_eq!(response.body, std::fs::read(site.path(target)).unwrap());
    }
}

#[test]
fn the_clients_wishes_are_obeyed() {
    let text = numbered_text(50_000);
    let site = Site::new().with("a.html", &text).with("a.png", random_bytes(2, 5000));
    let server = serve(&site);
    let cases = [
        ("gzip", Some("gzip")),
        ("GZIP", Some("gzip")),
        ("x-gzip", Some("gzip")),
        ("br", Some("br")),
        ("zstd", Some("zstd")),
        ("gzip;q=1, br;q=0.1", Some("gzip")),
        ("br;q=0.2, zstd;q=0.3, gzip;q=0.1", Some("zstd")),
        ("gzip;q=0", None),
        ("gzip;q=0.000, br", Some("br")),
        ("*;q=0, gzip", Some("gzip")),
        ("identity", None),
        ("identity;q=1, gzip;q=0.5", None),
        ("deflate, compress, unheard-of", None),
        ("gzip;q=0, br;q=0, zstd;q=0", None),
        ("identity;q=0, gzip", Some("gzip")),
        ("", None),
    ];
    for (wish, expected) in cases {
        let response = accept(&server, "/a.html", wish);
        assert_eq!(response.status, 200, "{wish}: {response}");
        assert_eq!(response.field("content-encoding"), expected, "{wish}: {response}");
        assert!(response.lists("vary", "Accept-Encoding"), "{wish}: {response}");
    }
    // Any coding at all is what a star and a ban of the plain form ask for.
    for wish in ["*", "identity;q=0, *", "identity;q=0, *;q=0.1"] {
        let response = accept(&server, "/a.html", wish);
        assert_eq!(response.status, 200, "{wish}: {response}");
        let is_coded = response.field("content-encoding").is_some();
        assert!(is_coded || wish == "*", "{wish}: {response}");
    }
    // Where nothing is left, nothing is sent.
    let nothing_left = [
        ("/a.html", "*;q=0"),
        // Codings that are not listed are not wished for (RFC 9110 §12.5.3).
        ("/a.html", "identity;q=0"),
        ("/a.html", "identity;q=0, *;q=0"),
        ("/a.html", "deflate, identity;q=0, *;q=0"),
        ("/a.png", "identity;q=0"),
        ("/a.png", "gzip, br, zstd, identity;q=0"),
    ];
    for (target, wish) in nothing_left {
        let response = accept(&server, target, wish);
        assert_eq!(response.status, 406, "{target} {wish}: {response}");
        assert!(response.lists("vary", "Accept-Encoding"), "{target} {wish}: {response}");
    }
}

#[test]
fn listings_are_compressed_too() {
    let site = (0..200).fold(Site::new(), |site, n| site.with(&format!("file-{n}.txt"), "x"));
    let server = serve(&site);
    for form in ["text/html", "application/json"] {
        let get = |codings: &str| {
            server.ask("GET", "/", &[("Accept", form), ("Accept-Encoding", codings)])
        };
        let plain = get("identity");
        for coding in CODINGS {
            let coded = get(coding);
            assert_eq!(coded.field("content-encoding"), Some(coding), "{coded}");
            assert!(decoded(coding, &coded.body) == plain.body, "{coding}");
            assert!(coded.body.len() * 4 < plain.body.len(), "{coding}");
            let wishes = [("Accept", form), ("Accept-Encoding", coding)];
            let head = server.ask("HEAD", "/", &wishes);
            assert_eq!(head.field("content-length"), coded.field("content-length"));
        }
        // A page is better than none.
        for wish in ["", "deflate", "identity;q=0", "*;q=0"] {
            let response = get(wish);
            assert_eq!(
                (response.status, response.field("content-encoding")),
                (200, None),
                "{wish}"
            );
            assert!(response.lists("vary", "Accept-Encoding"), "{response}");
        }
    }
}

#[test]
fn vary_is_right_in_every_answer() {
    let server = lasting(&[("vary.html", numbered_text(20_000).as_bytes())]);
    let etag = strong_etag(&server, "/vary.html", &[]);
    let cases: [(&[(&str, &str)], u16); 8] = [
        (&[], 200),
        (&[("Accept-Encoding", "gzip")], 200),
        (&[("Accept-Encoding", "identity")], 200),
        (&[("If-None-Match", &etag)], 304),
        (&[("If-Match", "\"x\"")], 412),
        (&[("Range", "bytes=0-9")], 206),
        (&[("Range", "bytes=999999-")], 416),
        (&[("Accept-Encoding", "*;q=0")], 406),
    ];
    for (fields, status) in cases {
        for method in ["GET", "HEAD"] {
            let response = server.ask(method, "/vary.html", fields);
            let expected = if (method, status) == ("HEAD", 206) || (method, status) == ("HEAD", 416)
            {
                200
            } else {
                status
            };
            assert_eq!(response.status, expected, "{method} {fields:?}: {response}");
            assert!(response.lists("vary", "Accept-Encoding"), "{method} {fields:?}: {response}");
        }
    }
}

#[test]
fn codings_never_share_a_strong_validator() {
    let server = lasting(&[("etag.html", numbered_text(30_000).as_bytes())]);
    let wishes = ["identity", "br", "zstd", "gzip"];
    let etags = wishes.map(|wish| {
        let response = accept(&server, "/etag.html", wish);
        let found = response.field("content-encoding").unwrap_or("identity").to_owned();
        assert_eq!(found, wish);
        field(&response, "etag")
    });
    for (at, etag) in etags.iter().enumerate() {
        for (other, wish) in wishes.iter().enumerate() {
            assert!(at == other || *etag != etags[other], "{etag} for {wish} too");
            let fields = [("Accept-Encoding", *wish), ("If-None-Match", etag)];
            let response = server.ask("GET", "/etag.html", &fields);
            let expected = if at == other { 304 } else { 200 };
            assert_eq!(response.status, expected, "{etag} with {wish}: {response}");
            // A part of one is never joined to a part of another.
            let fields = [("Accept-Encoding", *wish), ("If-Range", etag), ("Range", "bytes=0-9")];
            let response = server.ask("GET", "/etag.html", &fields);
            assert!(at == other || response.status == 200, "{etag} with {wish}: {response}");
        }
    }
}

#[test]
fn a_range_of_a_coding_is_a_range_of_its_bytes() {
    let text = numbered_text(50_000);
    let ready = encoded("gzip", text.as_bytes());
    let server = lasting(&[("part.html", text.as_bytes()), ("part.html.gz", &ready)]);
    let fields = [("Accept-Encoding", "gzip"), ("Range", "bytes=100-299")];
    let response = server.ask("GET", "/part.html", &fields);
    match response.status {
        206 => {
            assert_eq!(field(&response, "content-encoding"), "gzip");
            assert_eq!(field(&response, "content-range"), format!("bytes 100-299/{}", ready.len()));
            assert!(response.body == ready[100..300]);
        }
        // Or the whole of it.
        200 => assert!(decoded("gzip", &response.body) == text.as_bytes()),
        _ => panic!("{response}"),
    }
}
