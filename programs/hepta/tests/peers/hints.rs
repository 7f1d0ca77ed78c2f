//! What goes ahead of answers, and what is sent that nobody asked for.

use std::io::Read;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use peers::{Conn, Finished, Program, Server, Site, numbered_text, run, tool, until};

use crate::HEPTA;
use crate::tls::certificate;

const STYLE: &str = "</style.css>; rel=preload; as=style";
const CODE: &str = "</code.js>; rel=preload; as=script; nopush";
const FONT: &str =
    "</font.woff2>; rel=preload; as=font; crossorigin=anonymous; type=\"font/woff2\"";

fn site() -> Site {
    let site = Site::new()
        .with("www/index.html", "<!doctype html><link rel=stylesheet href=/style.css>")
        .with("www/style.css", "p { color: red }")
        .with("www/code.js", "1")
        .with("www/font.woff2", "no font")
        .with("www/text.txt", numbered_text(100_000))
        .with("hepta.kdl", configuration("#true push=#true"));
    certificate(&site, "pair", "localhost");
    site
}

fn configuration(http2: &str) -> String {
    format!(
        r#"
        http2 {http2}
        listen "127.0.0.1:0"
        listen "127.0.0.1:0" {{ certificate "pair.pem" key="pair.key" }}
        access-log "log"
        workers 1
        default {{
            files "www"
            route "/" {{
                files "www"
                preload "/style.css" as="style"
                preload "/code.js" as="script" push=#false
                preload "/font.woff2" as="font" type="font/woff2"
            }}
            route "/linked" {{
                respond 200 "linked"
                fields {{
                    add "Link" "</style.css>; rel=preload, <https://elsewhere.example/a>; rel=preload"
                    add "Link" "</next>; rel=next"
                }}
            }}
            route "/quiet" {{
                respond 200 "quiet"
                preload "/style.css" as="style"
                early-hints #false
            }}
            route "/wrong" {{
                respond 404
                preload "/style.css" as="style"
            }}
            route "/text.txt" {{
                files "www"
                preload "/style.css" as="style"
            }}
        }}
        "#
    )
}

fn serve(site: &Site) -> (Server, String, String) {
    let server = Program::configured(HEPTA, &site.path("hepta.kdl")).start();
    let urls = until("it says where it serves", || Some(server.urls()).filter(|u| u.len() == 2));
    let url = |at: usize| urls[at].trim_end_matches('/').to_owned();
    let (clear, secure) = (url(0), url(1));
    (server, clear, secure)
}

fn ask(server: &Server, head: &str) -> Conn {
    let mut conn = Conn::to(server.address());
    conn.send(format!("{head}\r\n\r\n"));
    conn
}

#[track_caller]
fn nghttp(args: &[&str]) -> String {
    run(tool("nghttp").args(args)).ok().text()
}

/// The paths that nghttp's statistics call pushed: those with a star.
fn pushed(statistics: &str) -> Vec<&str> {
    let lines = statistics.lines().skip_while(|line| !line.starts_with("id "));
    let pushed = lines.filter(|line| line.contains('*'));
    pushed.filter_map(|line| line.split_whitespace().last()).collect()
}

#[test]
fn hints_go_ahead_of_the_answer() {
    let site = site();
    let (server, ..) = serve(&site);
    let mut conn = ask(&server, "GET / HTTP/1.1\r\nHost: a");
    let early = conn.response("GET");
    assert_eq!(early.status, 103);
    assert_eq!(early.all("link").collect::<Vec<_>>(), [STYLE, CODE, FONT]);
    assert_eq!(early.fields.len(), 3, "{early}");
    let answer = conn.response("GET");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.all("link").collect::<Vec<_>>(), [STYLE, CODE, FONT]);
    assert!(answer.text().starts_with("<!doctype html>"));
    // What the operator adds to answers is seen, as far as it is of use early.
    conn.send("GET /linked HTTP/1.1\r\nHost: a\r\n\r\n");
    let early = conn.response("GET");
    assert_eq!((early.status, early.all("link").count()), (103, 1), "{early}");
    assert_eq!(conn.response("GET").all("link").count(), 2);
}

#[test]
fn not_everybody_gets_hints() {
    let site = site();
    let (server, ..) = serve(&site);
    for (head, status) in [
        ("GET / HTTP/1.0\r\nHost: a", 200),
        ("HEAD / HTTP/1.1\r\nHost: a", 200),
        ("OPTIONS / HTTP/1.1\r\nHost: a", 204),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0", 405),
        ("GET / HTTP/1.1\r\nHost: a\r\nSec-Fetch-Dest: image", 200),
        ("GET /style.css HTTP/1.1\r\nHost: a", 200),
        ("GET /quiet HTTP/1.1\r\nHost: a", 200),
        ("GET /wrong HTTP/1.1\r\nHost: a", 404),
    ] {
        let method = head.split(' ').next().unwrap();
        let answer = ask(&server, head).response(method);
        assert_eq!(answer.status, status, "{head}: {answer}");
    }
    let page = "GET / HTTP/1.1\r\nHost: a\r\nSec-Fetch-Dest: document";
    assert_eq!(ask(&server, page).response("GET").status, 103);
}

/// What takes time is what hints are for: they are there before the answer is, and once.
#[test]
fn hints_go_ahead_of_an_answer_that_takes_time() {
    let site = site();
    let (server, ..) = serve(&site);
    for _ in 0..3 {
        let mut conn = ask(&server, "GET /text.txt HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br");
        assert_eq!(conn.response("GET").status, 103);
        let answer = conn.response("GET");
        assert_eq!(answer.field("content-encoding"), Some("br"), "{answer}");
        assert_eq!(answer.field("link"), Some(STYLE));
    }
}

#[test]
fn curl_is_told_in_every_version() {
    let site = site();
    let (_server, clear, secure) = serve(&site);
    for (how, base, version) in [
        ("--http1.1", &clear, "HTTP/1.1"),
        ("--http2-prior-knowledge", &clear, "HTTP/2"),
        ("--http2", &clear, "HTTP/2"),
        ("--http2", &secure, "HTTP/2"),
    ] {
        let got = run(tool("curl").args(["-ski", how, &format!("{base}/")])).ok().text();
        let early = got.find(&format!("{version} 103")).unwrap_or_else(|| panic!("{how}: {got}"));
        let answer = got.find(&format!("{version} 200")).unwrap();
        assert!(early < answer, "{got}");
        let hint = got[early..answer].to_lowercase();
        assert!(hint.contains(&format!("link: {STYLE}")), "{got}");
    }
}

#[test]
fn nghttp_is_pushed_to_once_on_a_connection() {
    let site = site();
    let (server, clear, secure) = serve(&site);
    for base in [&clear, &secure] {
        let (page, linked) = (format!("{base}/"), format!("{base}/linked"));
        let said = nghttp(&["-ns", &page]);
        assert_eq!(pushed(&said), ["/style.css", "/font.woff2"], "{said}");
        // Both pages have the style sheet, and whoever has asked for it has it.
        let said = nghttp(&["-ns", &page, &linked]);
        assert_eq!(pushed(&said), ["/style.css", "/font.woff2"], "{said}");
        let said = nghttp(&["-ns", &format!("{base}/style.css"), &linked]);
        assert_eq!(pushed(&said), [""; 0], "{said}");
        let said = nghttp(&["-nv", &linked]);
        assert!(
            said.contains("recv PUSH_PROMISE frame") && said.contains(":path: /style.css"),
            "{said}"
        );
        // Promises come before hints, so that nobody asks for what is promised.
        let (promise, hint) = (said.find("PUSH_PROMISE"), said.find(":status: 103"));
        assert!(promise < hint && hint < said.find(":status: 200"), "{said}");
        for no in [
            vec!["--no-push", &page],
            vec!["--max-concurrent-streams=0", &page],
            vec!["-H", "if-none-match: \"x\"", &page],
            vec!["-H", "authorization: Basic eDp5", &page],
            vec!["-H", ":method: HEAD", &page],
        ] {
            let said = nghttp(&[&["-ns"], &no[..]].concat());
            assert_eq!(pushed(&said), [""; 0], "{no:?}: {said}");
        }
    }
    let log = server.until_file_has(&site.path("log"), "GET /font.woff2 HTTP/2.0");
    assert!(log.contains("\"GET /style.css HTTP/2.0\" 200 16 "), "{log}");
}

/// A browser's way: nghttp reads the page and asks for what belongs to it, unless it was pushed.
#[test]
fn nghttp_gets_a_page_with_its_parts() {
    let site = site();
    let (_server, clear, _) = serve(&site);
    let said = nghttp(&["-nas", &format!("{clear}/")]);
    assert_eq!(pushed(&said), ["/style.css", "/font.woff2"], "{said}");
    assert_eq!(said.lines().filter(|line| line.ends_with("/style.css")).count(), 1, "{said}");
}

#[test]
fn nothing_is_pushed_unless_the_operator_wants_it() {
    let site = site();
    site.write("hepta.kdl", configuration("#true"));
    let (_server, clear, _) = serve(&site);
    let said = nghttp(&["-nvs", &format!("{clear}/")]);
    assert!(!said.contains("PUSH_PROMISE") && said.contains(":status: 103"), "{said}");
    assert_eq!(pushed(&said), [""; 0], "{said}");
}

/// `hepta get`, which trusts anybody.
fn get(args: &[&str]) -> Finished {
    let home = Site::new();
    run(Command::new(HEPTA).args(["get", "-k"]).args(args).env("HOME", home.root())).ok()
}

#[test]
fn get_shows_hints_and_takes_pushes_if_it_is_told_to() {
    let site = site();
    let (_server, _, secure) = serve(&site);
    let url = secure.replace("127.0.0.1", "localhost") + "/";
    let got = get(&[&url]);
    assert!(got.stdout.starts_with(b"<!doctype html>"));
    assert!(got.stderr.contains(&format!("note: early hint: {STYLE}\n")), "{}", got.stderr);
    assert!(!got.stderr.contains("pushed"), "{}", got.stderr);
    assert_eq!(get(&["-s", &url]).stderr, "");
    let got = get(&["--push", &url]);
    assert!(got.stdout.starts_with(b"<!doctype html>"));
    let line = format!("note: pushed: {url}style.css: 200 OK, 16 bytes\n");
    assert!(got.stderr.contains(&line), "{line}{}", got.stderr);
    let got = get(&["--push", "-v", &url]);
    for word in ["PromiseIn id=2 parent=1", "status=103", "/font.woff2"] {
        assert!(got.stderr.contains(word), "{word} is not in {}", got.stderr);
    }
}

/// A program that serves the directory over TLS at a port that it says nothing of.
struct Theirs(Child);

impl Drop for Theirs {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn get_takes_what_nghttpd_pushes_and_says_behind_the_body() {
    let site = site();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut nghttpd = tool("nghttpd");
    nghttpd.args(["-a", "127.0.0.1", "-p/index.html=/style.css,/code.js", "--trailer", "x-sum: 1"]);
    nghttpd.arg("-d").arg(site.path("www")).arg(port.to_string());
    nghttpd.arg(site.path("pair.key")).arg(site.path("pair.pem"));
    let _theirs = Theirs(nghttpd.stdout(Stdio::null()).spawn().unwrap());
    until("nghttpd serves", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
    let url = format!("https://localhost:{port}/index.html");
    let got = get(&["--push", "-v", &url]);
    assert!(got.stdout.starts_with(b"<!doctype html>"));
    for word in ["style.css: 200 OK, 16 bytes\n", "code.js: 200 OK, 1 bytes\n", "x-sum"] {
        assert!(got.stderr.contains(word), "{word} is not in {}", got.stderr);
    }
    let got = get(&["-v", &url]);
    assert!(got.stderr.contains("ENABLE_PUSH value=0"), "{}", got.stderr);
    assert!(!got.stderr.contains("PromiseIn"), "{}", got.stderr);
}

/// What Node says ahead of its answer, and a push for somebody else's site.
#[test]
fn get_shows_what_node_hints_and_refuses_what_is_not_nodes() {
    let site = site();
    let script = "
import fs from 'node:fs';
import http2 from 'node:http2';
const [cert, key] = process.argv.slice(1).map((file) => fs.readFileSync(file));
const server = http2.createSecureServer({ cert, key });
server.on('stream', (stream) => {
  stream.additionalHeaders({ ':status': 103, link: '</a>; rel=preload' });
  stream.pushStream({ ':path': '/theirs', ':authority': 'other.example' }, (error, push) => {
    push.on('error', () => {});
    push.respond({ ':status': 200 });
    setTimeout(() => push.end('theirs'), 100);
  });
  stream.respond({ ':status': 200 }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '1' }));
  stream.end('ours');
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
";
    let mut node = tool("node");
    node.args(["--input-type=module", "-e", script]);
    node.arg(site.path("pair.pem")).arg(site.path("pair.key")).stdout(Stdio::piped());
    let mut theirs = Theirs(node.spawn().unwrap());
    let mut port = String::new();
    let mut out = theirs.0.stdout.take().unwrap();
    while !port.ends_with('\n') {
        let mut byte = [0];
        assert_eq!(out.read(&mut byte).unwrap(), 1, "node ended");
        port.push(char::from(byte[0]));
    }
    let got = get(&["--push", "-v", &format!("https://localhost:{}/", port.trim())]);
    assert_eq!(got.text(), "ours");
    for word in [
        "note: early hint: </a>; rel=preload\n",
        "https://other.example/theirs: refused, it is not localhost:",
        "ResetOut id=2 code=CANCEL",
        "TrailersIn",
    ] {
        assert!(got.stderr.contains(word), "{word} is not in {}", got.stderr);
    }
}
