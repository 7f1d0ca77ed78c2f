//! What stands around handlers: who is let in, fields, pages for errors, rewriting.

use std::io::Write as _;
use std::process::{Command, Stdio};

use peers::{Program, Server, Site, connect_from, random_bytes, run_with_input, tool, until};
use rustix::process::Signal;

use crate::HEPTA;

fn configured(site: &Site) -> Server {
    Program::configured(HEPTA, &site.path("hepta.kdl")).start()
}

fn of(text: &str) -> Site {
    let text = format!("listen \"127.0.0.1:0\"\n{text}");
    Site::new()
        .with("www/index.html", "home\n")
        .with("www/a.txt", "a\n")
        .with("www/errors/404.html", "<p>lost</p>\n")
        .with("hepta.kdl", text)
}

fn ask(server: &Server, target: &str) -> peers::Response {
    server.ask_host("a.example", "GET", target, &[])
}

#[test]
fn fields_are_set_added_and_removed() {
    let site = of(r#"
        default {
            files "www"
            fields {
                set "X-Frame-Options" "DENY"
                set "X-Asked" "{method} {scheme}://{host}{path}{query} {status} {address}"
                add "Link" "</a.css>; rel=next"
                remove "Server"
            }
            route "/b/*" {
                respond 200 "b\n"
                fields {
                    set "X-Frame-Options" "SAMEORIGIN"
                    set "X-Rest" "{rest} {field:X-Name} {{}"
                    add "Link" "</b.css>; rel=next"
                }
            }
        }"#);
    let server = configured(&site);
    let a = ask(&server, "/a.txt?x");
    assert_eq!(a.text(), "a\n");
    assert_eq!(a.field("x-frame-options"), Some("DENY"));
    assert_eq!(a.field("x-asked"), Some("GET http://a.example/a.txt?x 200 127.0.0.1"));
    assert_eq!(a.field("server"), None);
    let b = server.ask_host("a.example", "GET", "/b/%C3%A4/c", &[("X-Name", "me")]);
    assert_eq!(b.all("x-frame-options").collect::<Vec<_>>(), ["SAMEORIGIN"]);
    assert_eq!(b.field("x-rest"), Some("/%C3%A4/c me {}"));
    let links: Vec<_> = b.all("link").collect();
    assert_eq!(links, ["</a.css>; rel=next", "</b.css>; rel=next"]);
    let missing = ask(&server, "/missing");
    assert_eq!((missing.status, missing.field("x-frame-options")), (404, Some("DENY")));
}

#[test]
fn compressed_answers_have_the_fields_too() {
    let site = of("default { files \"www\"; fields { set \"X-A\" \"b\" } }")
        .with("www/long.txt", "so it goes\n".repeat(10_000));
    let server = configured(&site);
    // The first is promised, because it is compressed beside the worker; the second is remembered.
    for _ in 0..2 {
        let long = server.ask_host("a.example", "GET", "/long.txt", &[("Accept-Encoding", "gzip")]);
        assert_eq!(long.field("content-encoding"), Some("gzip"));
        assert_eq!(long.field("x-a"), Some("b"));
    }
}

#[test]
fn handlers_see_the_fields_that_were_set() {
    let site = of(r#"
        default {
            files "www"
            request-fields { remove "Range"; set "If-None-Match" "*" }
            route "/told" {
                redirect "/{field:X-A}/{field:X-B}"
                request-fields { set "X-A" "{host}"; remove "X-B"; remove "If-None-Match" }
            }
        }"#);
    let server = configured(&site);
    let told = server.ask_host("a.example", "GET", "/told", &[("X-A", "1"), ("X-B", "2")]);
    assert_eq!(told.field("location"), Some("/a.example/"));
    assert_eq!(server.ask_host("a.example", "GET", "/a.txt", &[("Range", "bytes=9-")]).status, 304);
}

#[test]
fn addresses_are_allowed_and_denied() {
    let site = of(r#"
        default {
            files "www"
            route "/others/*" { respond 200; allow "192.0.2.0/24" "2001:db8::/32" }
            route "/us/*" { respond 200; allow "127.0.0.0/8" }
            route "/not-us/*" { respond 200; allow "127.0.0.0/8"; deny "127.0.0.1" }
        }"#);
    let server = configured(&site);
    let statuses = ["/", "/others/", "/us/", "/not-us/"].map(|path| ask(&server, path).status);
    assert_eq!(statuses, [200, 403, 200, 403]);
}

#[test]
fn errors_have_pages_of_the_site() {
    let site = of(r#"
        default {
            files "www"
            error-page "/errors/404.html" 404 410
            error-page "/errors/missing.html" 403
            fields { set "X-Status" "{status}" }
            route "/gone" { respond 410 }
            route "/forbidden" { respond 403 }
            route "/closed/*" {
                respond 200
                allow "192.0.2.1"
                error-page "/errors/404.html" 403
            }
            route "/form" method="POST" { respond 200; error-page "/errors/404.html" 405 }
        }"#);
    let server = configured(&site);
    for (target, status) in [("/nothing", 404), ("/gone", 410), ("/closed/x", 403)] {
        let fields = &[("Range", "bytes=0-1"), ("If-None-Match", "*")];
        let page = server.ask_host("a.example", "GET", target, fields);
        assert_eq!((page.status, page.text()), (status, "<p>lost</p>\n".into()), "{target}");
        assert_eq!(page.field("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(page.field("x-status"), Some(&*status.to_string()));
        assert_eq!((page.field("etag"), page.field("last-modified")), (None, None));
        //= test RFC 9110 §12.5.5: the page is never compressed, so no coding chooses it
        assert_eq!(page.field("vary"), None);
        let head = server.ask_host("a.example", "HEAD", target, &[]);
        assert_eq!((head.status, head.field("content-length")), (status, Some("12")));
    }
    let forbidden = ask(&server, "/forbidden");
    assert_eq!(forbidden.status, 403, "without a page there is the usual one");
    until("it is said that there is no such page", || {
        server.stderr().contains("/errors/missing.html").then_some(())
    });
    // Who asks often does not fill the log.
    for _ in 0..100 {
        assert_eq!(ask(&server, "/forbidden").status, 403);
    }
    let said = server.stderr().matches("/errors/missing.html").count();
    assert!(said < 20, "{said} times");
    let ways = ask(&server, "/errors/404.html");
    assert_eq!((ways.status, ways.field("etag").is_some()), (200, true), "it is a page as others");
}

#[test]
fn clients_ask_as_often_as_they_may() {
    let site = of(r#"
        default {
            respond 200
            rate "1/m" burst=5
            route "/own" { respond 200; rate "1/h" }
            route "/same" { rewrite "/" }
        }"#);
    let site = with_proxies(site);
    let server = configured(&site);
    let from = |address: &str, target: &str| {
        let mut conn = server.connect();
        conn.send(format!(
            "PROXY TCP4 {address} 127.0.0.1 1 80\r\n\
             GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        ));
        conn.response("GET")
    };
    for n in 0..5 {
        let target = if n % 2 == 0 { "/" } else { "/same" };
        assert_eq!(from("192.0.2.1", target).status, 200, "{n}");
    }
    let refused = from("192.0.2.1", "/same");
    assert_eq!(refused.status, 429);
    let wait: u32 = refused.field("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(from("192.0.2.2", "/").status, 200, "others do not notice");
    assert_eq!(from("192.0.2.1", "/own").status, 200, "a limit of its own");
    assert_eq!(from("192.0.2.1", "/own").status, 429);
    // A reload forgives nobody, but where the limit is another one.
    let text = std::fs::read_to_string(site.path("hepta.kdl")).unwrap();
    site.write("hepta.kdl", text.replace("1/h", "2/h"));
    server.signal(Signal::HUP);
    until("it is read anew", || server.stderr().contains("was read anew").then_some(()));
    until("it is served", || (from("192.0.2.1", "/own").status == 200).then_some(()));
    for target in ["/", "/same"] {
        assert_eq!(from("192.0.2.1", target).status, 429, "{target}");
    }
    for _ in 0..4 {
        assert_eq!(from("192.0.2.2", "/").status, 200);
    }
    assert_eq!(from("192.0.2.2", "/").status, 429);
}

#[test]
fn clients_connect_as_often_as_they_may() {
    let site = of("workers 2\nlimits { connections-per-client 5 }\ndefault { files \"www\" }");
    let server = configured(&site);
    let connect = |address: [u8; 4]| {
        let mut conn = connect_from((address, 0).into(), server.address());
        let _ = conn.try_send("GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n");
        let status = conn.try_response("GET").map_or(0, |response| response.status);
        (conn, status)
    };
    let mut held: Vec<_> = (0..5).map(|_| connect([127, 0, 0, 7])).collect();
    assert!(held.iter().all(|(_, status)| *status == 200));
    assert_eq!(connect([127, 0, 0, 7]).1, 503);
    assert_eq!(connect([127, 0, 0, 8]).1, 200, "others do not notice");
    held.pop();
    until("a place is free again", || (connect([127, 0, 0, 7]).1 == 200).then_some(()));
}

#[test]
fn clients_behind_a_proxy_connect_as_often_as_they_may() {
    let site = of("limits { connections-per-client 3 }\ndefault { respond 200 \"in\\n\" }");
    let server = configured(&with_proxies(site));
    let connect = |announced: &str| {
        let mut conn = server.connect();
        conn.send(format!("PROXY {announced}\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        let response = conn.response("GET");
        (conn, response.status)
    };
    let [one, two] = [7, 8].map(|n| format!("TCP4 192.0.2.{n} 203.0.113.1 4711 80"));
    let mut held: Vec<_> = (0..3).map(|_| connect(&one)).collect();
    assert!(held.iter().all(|(_, status)| *status == 200));
    assert_eq!(connect(&one).1, 503);
    assert_eq!(connect(&two).1, 200, "others do not notice");
    // The proxy asks for itself whether we are there, as often as it likes.
    let own: Vec<_> = (0..5).map(|_| connect("UNKNOWN")).collect();
    assert!(own.iter().all(|(_, status)| *status == 200));
    held.pop();
    until("a place is free again", || (connect(&one).1 == 200).then_some(()));
}

#[test]
fn so_many_requests_are_under_way_at_once() {
    let site = of(r#"
        default {
            files "www"
            at-once 3 per-client=2
            route "/other/*" { respond 200; at-once 1 }
            route "/rewritten/*" { rewrite "/a.txt" }
        }"#)
    .with("www/large.bin", random_bytes(3, 8 << 20));
    let server = configured(&site);
    let ask = |address: [u8; 4], target: &str| {
        let mut conn = connect_from((address, 0).into(), server.address());
        conn.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        (conn.head().unwrap(), conn)
    };
    let status = |address, target| ask(address, target).0.status;
    let [one, two, three] = [7, 8, 9].map(|n| [127, 0, 0, n]);
    // Who does not read what it asked for has it under way.
    let first = ask(one, "/large.bin");
    assert_eq!(status(one, "/rewritten/x"), 200, "a request that is rewritten counts once");
    let second = ask(one, "/large.bin");
    let (refused, _) = ask(one, "/a.txt");
    assert_eq!((refused.status, refused.field("retry-after")), (503, Some("1")));
    assert_eq!(status(one, "/other/x"), 200, "another limit");
    assert_eq!(status(two, "/a.txt"), 200, "others do not notice");
    let third = ask(two, "/large.bin");
    assert_eq!(status(three, "/a.txt"), 503);
    drop((first, second, third));
    until("there is a place again", || (status(one, "/a.txt") == 200).then_some(()));
}

/// The same, where this machine says who its clients are.
fn with_proxies(site: Site) -> Site {
    let text = std::fs::read_to_string(site.path("hepta.kdl")).unwrap();
    let proxies = "listen \"127.0.0.1:0\" { proxy-protocol \"127.0.0.1\" }";
    site.with("hepta.kdl", text.replace("listen \"127.0.0.1:0\"", proxies))
}

#[test]
fn bodies_are_as_long_as_they_may_be() {
    let site = of(r#"
        default {
            respond 200
            body-max "1KiB"
            route "/more" { respond 200; body-max "1MiB" }
        }"#);
    let server = configured(&site);
    let post = |target: &str, len: usize| {
        let mut conn = server.connect();
        let head = format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {len}\r\n\r\n");
        conn.send([head.as_bytes(), &random_bytes(1, len)].concat());
        conn.response("POST").status
    };
    assert_eq!([post("/", 1024), post("/", 1025), post("/more", 1025)], [200, 413, 200]);
}

#[test]
fn bodies_of_unknown_length_are_as_long_as_they_may_be() {
    let site = of(r#"
        default {
            respond 200
            body-max "100KiB"
            route "/once/*" { rewrite "/few"; body-max "50KiB" }
            route "/few" { respond 200; body-max "1KiB" }
        }"#);
    let server = configured(&site);
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let upload = |target: &str, len: usize| {
            let mut curl = tool("curl");
            // From standard input, so that curl does not know the length either.
            curl.args(["-sS", version, "-o", "/dev/null", "-w", "%{http_code}", "-X", "POST"]);
            curl.args(["-T", "-", "-H", "Expect:"]).arg(server.url(target));
            run_with_input(&mut curl, &random_bytes(1, len)).text()
        };
        for (target, len, want) in [
            ("/", 0, "200"),
            ("/", 100 << 10, "200"),
            ("/", (100 << 10) + 1, "413"),
            ("/", 1 << 20, "413"),
            ("/few", 1024, "200"),
            ("/few", 1025, "413"),
            // Each step has its own.
            ("/once/x", 1024, "200"),
            ("/once/x", 1025, "413"),
            ("/once/x", 51 << 10, "413"),
        ] {
            assert_eq!(upload(target, len), want, "{version} {target} {len}");
        }
    }
    // Who keeps to it goes on on the same connection; who does not, does not.
    let mut conn = server.connect();
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for _ in 0..3 {
        conn.send(format!("{chunked}5\r\nhello\r\n"));
        conn.send("6\r\n world\r\n0\r\n\r\n");
        assert_eq!(conn.response("POST").status, 200);
    }
    conn.send(format!("{chunked}{:x}\r\n", 200 << 10));
    conn.send(random_bytes(6, 150 << 10));
    let refused = conn.response("POST");
    assert_eq!((refused.status, refused.field("connection")), (413, Some("close")));
    // Who awaits leave to send is let; who never goes on is not waited for.
    let mut conn = server.connect();
    conn.send(chunked.replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n"));
    assert_eq!(conn.head().unwrap().status, 100);
    conn.send("0\r\n\r\n");
    assert_eq!(conn.response("POST").status, 200);
}

#[test]
fn requests_are_rewritten() {
    let site = of(r#"
        default {
            files "www"
            route "/old/*" { rewrite "{rest}" }
            route "/one" { rewrite "/two" }
            route "/two" { rewrite "/old/a.txt" }
            route "/circle" { rewrite "/circle?{host}" }
            route "/shown/*" { redirect "/at{rest}{query}" status=302 }
            route "/q/*" { rewrite "/shown{rest}" }
            route "/fixed" { rewrite "/shown/x?fixed" }
        }"#);
    let server = configured(&site);
    assert_eq!(ask(&server, "/old/a.txt").text(), "a\n");
    assert_eq!(ask(&server, "/old/../a.txt").text(), "a\n");
    assert_eq!(ask(&server, "/one").text(), "a\n");
    assert_eq!(ask(&server, "/old").text(), "home\n");
    assert_eq!(ask(&server, "/circle").status, 500);
    assert_eq!(ask(&server, "/q/%2e/x%20y?a=b").field("location"), Some("/at/x%20y?a=b"));
    assert_eq!(ask(&server, "/q/y?a=b").field("location"), Some("/at/y?a=b"));
    assert_eq!(ask(&server, "/fixed?a=b").field("location"), Some("/at/x?fixed"));
}

/// Makes a hash with `hepta passwd`.
fn passwd(arguments: &[&str], password: &str) -> String {
    let mut child = Command::new(HEPTA)
        .arg("passwd")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{password}").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn names_and_passwords_let_in() {
    let site = of("");
    let users = site.path("users");
    passwd(&["bob", "--file", users.to_str().unwrap()], "old");
    passwd(&["bob", "--file", users.to_str().unwrap()], "secret of bob");
    assert_eq!(std::fs::read_to_string(&users).unwrap().lines().count(), 1);
    // As `htpasswd -B` makes it, of "pass".
    let bcrypt = "$2y$05$Dg5TNX4PlF2MzdvdCOOdgOHUM1b4ZbyWeO4j3LOlkBfyCPxbXmw4W";
    let text = format!(
        r#"listen "127.0.0.1:0"
        default {{
            files "www"
            route "/private/*" {{
                rewrite "{{rest}}"
                basic-auth "the cellar" {{
                    {anna}
                    user "carl" "{bcrypt}"
                    users-file "users"
                }}
                error-page "/errors/404.html" 401
            }}
        }}"#,
        anna = passwd(&["anna"], "a:b ä").trim(),
    );
    std::fs::write(site.path("hepta.kdl"), text).unwrap();
    let server = configured(&site);
    let curl = |user: Option<&str>| {
        let mut curl = tool("curl");
        curl.args(["-s", "-w", "%{http_code}"]);
        if let Some(user) = user {
            curl.args(["-u", user]);
        }
        let output = curl.arg(format!("http://{}/private/a.txt", server.address())).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    for _ in 0..2 {
        assert_eq!(curl(Some("anna:a:b ä")), "a\n200");
        assert_eq!(curl(Some("bob:secret of bob")), "a\n200");
        assert_eq!(curl(Some("carl:pass")), "a\n200");
        for wrong in ["anna:b", "bob:old", "carl:", "nobody:a:b ä", ":", "anna:"] {
            assert_eq!(curl(Some(wrong)), "<p>lost</p>\n401", "{wrong}");
        }
    }
    let refused = server.ask_host("a", "GET", "/private/a.txt", &[]);
    let challenge = "Basic realm=\"the cellar\", charset=\"UTF-8\"";
    assert_eq!((refused.status, refused.field("www-authenticate")), (401, Some(challenge)));
    for unreadable in ["Basic", "Basic !", "Basic Zm9v", "Bearer x", "Basic /////w=="] {
        let fields = &[("Authorization", unreadable)];
        let refused = server.ask_host("a", "GET", "/private/a.txt", fields);
        assert_eq!(refused.status, 401, "{unreadable}");
    }
    assert_eq!(ask(&server, "/a.txt").status, 200);
}

/// While a password is looked at for the first time, its request waits; it is one request all the
/// same.
#[test]
fn a_login_is_one_request() {
    let site = of("");
    let anna = passwd(&["anna"], "secret");
    let text = format!(
        "listen \"127.0.0.1:0\"\nworkers 1\ndefault {{
            respond 200
            rate \"1/h\" burst=2
            basic-auth \"x\" {{ {} }}
        }}",
        anna.trim()
    );
    std::fs::write(site.path("hepta.kdl"), text).unwrap();
    let server = configured(&site);
    // Anna's name and password.
    let fields = &[("Authorization", "Basic YW5uYTpzZWNyZXQ=")];
    let statuses = [(); 3].map(|()| server.ask_host("a", "GET", "/", fields).status);
    assert_eq!(statuses, [200, 200, 429]);
}

/// Guessing costs the server a processor's time for each guess; others must not notice.
#[test]
fn guessing_passwords_holds_nobody_up() {
    let site = of("");
    let anna = passwd(&["anna"], "secret");
    let text = format!(
        "listen \"127.0.0.1:0\"\nworkers 1\ndefault {{
            files \"www\"
            route \"/private/*\" {{ respond 200; basic-auth \"x\" {{ {} }} }}
        }}",
        anna.trim()
    );
    std::fs::write(site.path("hepta.kdl"), text).unwrap();
    let server = configured(&site);
    // "a:" and a number in base64, without padding trouble.
    let guesses: Vec<_> = (0..60)
        .map(|n| {
            let mut conn = server.connect();
            let (tens, ones) = (n / 10, n % 10);
            let pair = [b'a', b':', b'0' + tens, b'0' + ones, b'x', b'y'];
            let coded = base64(&pair);
            conn.send(format!(
                "GET /private/ HTTP/1.1\r\nHost: a\r\nAuthorization: Basic {coded}\r\n\r\n"
            ));
            conn
        })
        .collect();
    assert_eq!(ask(&server, "/a.txt").text(), "a\n");
    let statuses: Vec<_> =
        guesses.into_iter().map(|mut conn| conn.response("GET").status).collect();
    assert!(statuses.iter().all(|status| matches!(status, 401 | 503)), "{statuses:?}");
    assert!(statuses.contains(&503), "only so many wait: {statuses:?}");
    let fields = &[("Authorization", "Basic YW5uYTpzZWNyZXQ=")];
    until("the right one is let in", || {
        (server.ask_host("a", "GET", "/private/", fields).status == 200).then_some(())
    });
}

/// Base64 of six bytes.
fn base64(bytes: &[u8; 6]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = bytes.iter().fold(0_u64, |bits, &b| bits << 8 | u64::from(b));
    (0..8).map(|at| char::from(ALPHABET[(bits >> (42 - 6 * at)) as usize & 63])).collect()
}
