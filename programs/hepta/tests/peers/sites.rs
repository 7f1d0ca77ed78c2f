//! Several sites from a configuration file.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use peers::{Program, Server, Site, run, tool, until};
use rustix::process::Signal;

use crate::HEPTA;
use crate::tls::certificate;

/// A directory with a configuration, and the program that serves it.
fn configured(site: &Site) -> Server {
    Program::configured(HEPTA, &site.path("hepta.kdl")).start()
}

/// Two sites, a default, and routes of every kind.
fn two_sites() -> Site {
    Site::new()
        .with("one/index.html", "one\n")
        .with("one/a.txt", "a of one\n")
        .with("docs/index.html", "docs\n")
        .with("docs/deep/b.txt", "b\n")
        .with("app/index.html", "app\n")
        .with("app/script.js", "script\n")
        .with(
            "hepta.kdl",
            r#"
            listen "127.0.0.1:0"
            site "one.example" "www.one.example" {
                files "one"
                route "/docs/*" { files "docs" { listing #true } }
                route "/docs/deep/secret.txt" { respond 403 }
                route "/moved" { redirect "https://{host}/a{path}{query}" status=302 }
                route "/form" method="POST" { respond 200 "thanks\n" }
                route "/gone/*" { respond 410 "it was here\n" }
                route "/wall" { close }
            }
            site "*.app.example" {
                files "app" { try "{path}" "/index.html" }
            }
            default { respond 404 "no such site\n" }
            "#,
        )
}

fn body(server: &Server, host: &str, target: &str) -> String {
    server.ask_host(host, "GET", target, &[]).text()
}

#[test]
fn the_name_chooses_the_site() {
    let site = two_sites();
    let server = configured(&site);
    assert_eq!(body(&server, "one.example", "/"), "one\n");
    assert_eq!(body(&server, "ONE.example:8080", "/a.txt"), "a of one\n");
    assert_eq!(body(&server, "www.one.example.", "/"), "one\n");
    assert_eq!(body(&server, "x.app.example", "/"), "app\n");
    assert_eq!(body(&server, "x.y.app.example", "/"), "app\n");
    for unknown in ["two.example", "app.example", "127.0.0.1"] {
        assert_eq!(body(&server, unknown, "/"), "no such site\n", "{unknown}");
    }
    assert_eq!(body(&server, "two.example", "http://one.example/"), "one\n", "the target's own");
}

#[test]
fn the_most_specific_route_answers() {
    let site = two_sites();
    let server = configured(&site);
    let at = |target: &str| body(&server, "one.example", target);
    assert_eq!(at("/docs/"), "docs\n");
    assert_eq!(at("/docs/deep/b.txt"), "b\n");
    assert_eq!(at("/docs/%64eep/./b.txt"), "b\n", "paths are compared decoded");
    assert_eq!(at("/gone/with/the/wind"), "it was here\n");
    assert_eq!(at("/gone"), "it was here\n");
    assert_eq!(server.ask_host("one.example", "GET", "/docs/deep/secret.txt", &[]).status, 403);
    assert_eq!(server.ask_host("one.example", "GET", "/gonewith", &[]).status, 404);
    let slash = server.ask_host("one.example", "GET", "/docs", &[]);
    assert_eq!((slash.status, slash.field("location")), (301, Some("/docs/")));
    let listing = at("/docs/deep/");
    assert!(listing.contains("b.txt"), "{listing}");
    assert_eq!(server.ask_host("one.example", "GET", "/nothing/", &[]).status, 404, "no listing");
}

#[test]
fn a_method_chooses_among_routes() {
    let site = two_sites();
    let server = configured(&site);
    let ask = |method: &str| server.ask_host("one.example", method, "/form", &[]);
    assert_eq!(ask("POST").text(), "thanks\n");
    assert_eq!(ask("GET").status, 404, "the directory answers what is not a POST");
}

//= test RFC 9110 §10.2.1: Allow names every method of the resource, those of routes of their own too
//= test RFC 9110 §15.5.6: a 405 says which methods there are
#[test]
fn every_method_of_a_path_is_named() {
    let site = Site::new().with("one/a.txt", "a\n").with(
        "hepta.kdl",
        r#"
        listen "127.0.0.1:0"
        site "files.example" {
            files "one"
            route "/form" method="POST" { respond 200 }
            route "/api/*" method="PUT" { respond 200 }
            route "/api/*" method="GET" { files "one" }
        }
        site "api.example" {
            route "/*" method="GET" { respond 200 }
            route "/form" method="POST" { respond 200 }
        }
        "#,
    );
    let server = configured(&site);
    for (host, target, allowed) in [
        ("files.example", "/a.txt", "GET, HEAD, OPTIONS"),
        ("files.example", "/form", "GET, HEAD, OPTIONS, POST"),
        ("files.example", "/api/x", "GET, HEAD, OPTIONS, PUT"),
        ("api.example", "/x", "GET, HEAD, OPTIONS"),
        ("api.example", "/form", "POST, GET, HEAD, OPTIONS"),
    ] {
        for (method, status) in [("OPTIONS", 204), ("DELETE", 405)] {
            let response = server.ask_host(host, method, target, &[]);
            assert_eq!(response.status, status, "{method} {host}{target}: {response}");
            assert_eq!(response.field("allow"), Some(allowed), "{method} {host}{target}");
        }
    }
}

#[test]
fn elsewhere_with_what_was_asked_for() {
    let site = two_sites();
    let server = configured(&site);
    let moved = server.ask_host("one.example", "GET", "/moved?x=1", &[]);
    assert_eq!(moved.status, 302);
    assert_eq!(moved.field("location"), Some("https://one.example/a/moved?x=1"));
}

//= test RFC 9110 §10.2.2: Location is a URI reference, whatever stands in the configuration or in the request
#[test]
fn what_is_no_uri_is_escaped_in_a_redirect() {
    let site = Site::new().with(
        "hepta.kdl",
        r#"
        listen "127.0.0.1:0"
        default {
            route "/a" { redirect "https://a.example/größe 1?x=%20#[y]" }
            route "/b" { redirect "/c/{field:X-Name}" }
        }
        "#,
    );
    let server = configured(&site);
    let location = |target, name| {
        let response = server.ask("GET", target, &[("X-Name", name)]);
        response.field("location").unwrap().to_owned()
    };
    assert_eq!(location("/a", "x"), "https://a.example/gr%C3%B6%C3%9Fe%201?x=%20#[y]");
    assert_eq!(location("/b", "a \"b\" <c>"), "/c/a%20%22b%22%20%3Cc%3E");
}

#[test]
fn a_single_page_application() {
    let site = two_sites();
    let server = configured(&site);
    assert_eq!(body(&server, "my.app.example", "/script.js"), "script\n");
    assert_eq!(body(&server, "my.app.example", "/some/view"), "app\n");
}

/// Whatever is found without `try` is found with it.
#[test]
fn listings_and_languages_are_tried_too() {
    let site = Site::new()
        .with("app/index.html", "app\n")
        .with("app/about.de.html", "über\n")
        .with("app/about.en.html", "about\n")
        .with("app/pictures/one.png", "one")
        .with("app/texts/index.de.html", "Texte\n")
        .with("app/texts/index.en.html", "texts\n")
        .with(
            "hepta.kdl",
            r#"
            listen "127.0.0.1:0"
            default {
                files "app" {
                    try "{path}" "/index.html"
                    listing #true
                    negotiate #true
                    languages "en" "de"
                }
            }
            "#,
        );
    let server = configured(&site);
    let get = |target| server.ask("GET", target, &[("Accept-Language", "de")]);
    assert_eq!(get("/about").text(), "über\n");
    assert_eq!(get("/about.html").field("content-language"), Some("de"));
    assert_eq!(get("/texts/").text(), "Texte\n");
    assert_eq!(get("/texts").field("location"), Some("/texts/"));
    assert!(get("/pictures/").text().contains("one.png"));
    assert_eq!(get("/pictures").field("location"), Some("/pictures/"));
    assert_eq!(get("/nothing/").text(), "app\n");
    assert_eq!(get("/").text(), "app\n");
}

/// A page in place of a file that is there would be taken, and kept by caches, for the file.
#[test]
fn what_cannot_be_opened_is_not_replaced_by_the_next() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can become a user who may not read its files");
        return;
    }
    let site = Site::new()
        .with("app/index.html", "app\n")
        .with("app/locked.js", "script\n")
        .with("app/shut/index.html", "shut\n")
        .with("app/shut/index.htm", "other\n")
        .with(
            "hepta.kdl",
            r#"
            listen "127.0.0.1:0"
            user "nobody"
            site "try.example" { files "app" { try "{path}" "/index.html" } }
            site "index.example" {
                files "app" { index "index.html" "index.htm"; listing #true }
            }
            "#,
        );
    for locked in ["app/locked.js", "app/shut/index.html"] {
        std::fs::set_permissions(site.path(locked), Permissions::from_mode(0o000)).unwrap();
    }
    std::fs::set_permissions(site.root(), Permissions::from_mode(0o755)).unwrap();
    let server = configured(&site);
    let status = |host, target| server.ask_host(host, "GET", target, &[]).status;
    assert_eq!(status("try.example", "/locked.js"), 403);
    assert_eq!(status("try.example", "/shut/"), 403);
    assert_eq!(status("try.example", "/nothing"), 200);
    assert_eq!(status("index.example", "/shut/"), 403);
    assert_eq!(status("index.example", "/"), 200);
    until("the operator is told", || {
        let said = server.stderr();
        (said.contains("cannot be read") && said.contains("/locked.js")).then_some(())
    });
}

#[test]
fn without_a_word() {
    let site = two_sites();
    let server = configured(&site);
    let mut conn = server.connect();
    conn.send("GET /wall HTTP/1.1\r\nHost: one.example\r\n\r\n");
    assert!(conn.try_response("GET").is_err());
    assert_eq!(body(&server, "one.example", "/"), "one\n", "others do not notice");
}

#[test]
fn a_signal_reads_the_file_anew() {
    let site = two_sites();
    let server = configured(&site);
    let mut kept = server.connect();
    kept.send("GET / HTTP/1.1\r\nHost: one.example\r\n\r\n");
    assert_eq!(kept.response("GET").text(), "one\n");
    let text = std::fs::read_to_string(site.path("hepta.kdl")).unwrap();
    let changed = text.replace("files \"one\"", "files \"docs\"");

    std::fs::write(site.path("hepta.kdl"), changed.replace("default", "defualt")).unwrap();
    server.signal(Signal::HUP);
    until("it says what is wrong", || {
        server.stderr().contains("did you mean `default`").then_some(())
    });
    assert!(server.stderr().contains("everything stays as it is"), "{}", server.stderr());
    assert_eq!(body(&server, "one.example", "/"), "one\n");

    std::fs::write(site.path("hepta.kdl"), changed).unwrap();
    server.signal(Signal::HUP);
    until("it serves by the new file", || {
        (body(&server, "one.example", "/") == "docs\n").then_some(())
    });
    // Its worker may be another one, which comes to it a moment later.
    until("connections stay", || {
        kept.send("GET / HTTP/1.1\r\nHost: one.example\r\n\r\n");
        (kept.response("GET").text() == "docs\n").then_some(())
    });
    // What the new handler listens to is heard.
    std::fs::write(site.path("docs/index.html"), "new docs\n").unwrap();
    assert_eq!(body(&server, "one.example", "/"), "new docs\n");
}

#[test]
fn reading_anew_loses_no_request() {
    let site = two_sites().with("one/large.bin", peers::random_bytes(3, 32 << 20));
    let server = configured(&site);
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let order = std::sync::atomic::Ordering::Relaxed;
    std::thread::scope(|scope| {
        let download = scope.spawn(|| {
            let got = server.ask_host("one.example", "GET", "/large.bin", &[]);
            assert_eq!(got.body.len(), 32 << 20);
        });
        for _ in 0..2 {
            scope.spawn(|| {
                let mut conn = server.connect();
                while !is_over.load(order) {
                    conn.send("GET / HTTP/1.1\r\nHost: one.example\r\n\r\n");
                    assert_eq!(conn.response("GET").text(), "one\n");
                    assert_eq!(body(&server, "one.example", "/a.txt"), "a of one\n");
                }
            });
        }
        for times in 1..=20 {
            server.signal(Signal::HUP);
            until("the configuration was read", || {
                (server.stderr().matches("was read anew").count() >= times).then_some(())
            });
        }
        is_over.store(true, order);
        download.join().unwrap();
    });
}

/// What listens to changes of files is closed beside the worker, which must not wait for it: in the
/// end it is closed all the same.
#[test]
fn what_was_served_before_is_closed() {
    let site = two_sites();
    let server = configured(&site);
    let listening = || {
        let open = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().flatten();
        let links = open.filter_map(|fd| std::fs::read_link(fd.path()).ok());
        links.filter(|link| link.to_string_lossy().contains("inotify")).count()
    };
    let before = listening();
    for times in 1..10 {
        server.signal(Signal::HUP);
        until("the file was read anew", || {
            (server.stderr().matches("was read anew").count() == times).then_some(())
        });
    }
    assert_eq!(body(&server, "one.example", "/"), "one\n");
    until("nothing is left of what was served before", || (listening() <= before).then_some(()));
}

#[test]
fn what_belongs_to_another_tls_name_is_misdirected() {
    let site = Site::new();
    certificate(&site, "pair", "one.example");
    let site = site.with(
        "hepta.kdl",
        r#"
        workers 1
        listen "127.0.0.1:0" { certificate "pair.pem" key="pair.key" }
        site "one.example" "www.one.example" { files "www" }
        site "two.example" { respond 200 "two\n" }
        default { respond 200 "default\n" }
        "#,
    );
    let site = site.with("www/index.html", "one\n");
    let server = configured(&site);
    let port = server.address().port();
    let ask = |came_under: &str, host: &str| {
        let mut curl = tool("curl");
        curl.args(["-sk", "-o", "/dev/null", "-w", "%{http_code}", "-H", &format!("Host: {host}")]);
        curl.args(["--resolve", &format!("*:{port}:127.0.0.1")]);
        run(curl.arg(format!("https://{came_under}:{port}/"))).ok().text()
    };
    for (came_under, host, status) in [
        ("one.example", "one.example", "200"),
        ("one.example", "ONE.example:8443", "200"),
        ("one.example", "www.one.example", "200"),
        ("one.example", "two.example", "421"),
        // The same bytes as above, on another connection.
        ("two.example", "one.example", "421"),
        ("one.example", "one.example", "200"),
        ("one.example", "unknown.example", "421"),
        ("unknown.example", "two.example", "421"),
        ("unknown.example", "another.example", "200"),
        // An address is no name: the client said nothing of one (RFC 6066 §3).
        ("127.0.0.1", "two.example", "200"),
    ] {
        assert_eq!(ask(came_under, host), status, "{host} under {came_under}");
    }
}

#[test]
fn a_file_that_is_wrong_serves_nothing() {
    let site = Site::new().with("hepta.kdl", "site \"a\" {\n    fils \"x\"\n}\n");
    let file = site.path("hepta.kdl");
    let file = file.to_str().unwrap();
    for args in [["check", file].as_slice(), &["serve", "--config", file]] {
        let said = crate::commands::hepta(args).stderr;
        assert!(said.contains("hepta.kdl:2:5: `fils` is no key of `site`"), "{said}");
        assert!(said.contains("did you mean `files`?"), "{said}");
    }
    let right = Site::new().with("hepta.kdl", "site \"a\" { close }\n");
    let file = right.path("hepta.kdl");
    let said = crate::commands::hepta(&["check", file.to_str().unwrap()]).ok().text();
    assert!(said.contains("is in order: 1 site with 1 route"), "{said}");
}
