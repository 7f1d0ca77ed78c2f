//! `hepta get` as a client: of our own server and of nginx.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use peers::{Finished, Nginx, Site, numbered_text, random_bytes, run, tool};

use crate::{HEPTA, lasting, program, serve, small};

/// `hepta get`, which asks nobody and knows no proxy.
fn get(args: &[&str]) -> Finished {
    let home = Site::new();
    run(Command::new(HEPTA).arg("get").args(args).env("HOME", home.root()))
}

/// A server that says these bytes to the first who asks, whatever is asked, and hangs up.
fn say(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        let _ = peer.read(&mut [0; 4096]);
        let _ = peer.write_all(bytes);
    });
    url
}

#[test]
fn get_writes_the_body_and_nothing_else() {
    let content = random_bytes(18, 2_000_000);
    let site = Site::new().with("large.bin", &content).with("empty.txt", "");
    let (ours, theirs) = (serve(&site), Nginx::serve(site.root(), ""));
    for url in [ours.url("/large.bin"), theirs.url("/large.bin")] {
        let got = get(&[&url]).ok();
        assert!(got.stdout == content, "{url}");
        assert_eq!(got.stderr, "", "no progress where nobody looks");
    }
    assert!(get(&[&ours.url("/empty.txt")]).ok().stdout.is_empty());
}

#[test]
fn get_films_the_exchange() {
    let (_site, server) = small();
    let got = get(&["-v", &server.url("/hello.txt")]).ok();
    assert_eq!(got.text(), "hello\n");
    for word in ["/hello.txt", "200", "Content-Length"] {
        assert!(got.stderr.contains(word), "{word} is not in {}", got.stderr);
    }
}

#[test]
fn get_writes_files_and_goes_on_where_it_stopped() {
    let content = random_bytes(11, 500_000);
    let server = lasting(&[("resume.bin", &content)]);
    let site = Site::new();
    let file = site.path("copy.bin");
    let (url, path) = (server.url("/resume.bin"), file.to_str().unwrap());
    let _ = get(&["-o", path, &url]).ok();
    assert!(std::fs::read(&file).unwrap() == content);
    // What an interrupted download leaves behind is a part that nobody takes for the whole.
    std::fs::remove_file(&file).unwrap();
    let log = site.path("access.log");
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lasting");
    let server = peers::Program::serve(HEPTA, &root).arg("--access-log").arg(&log).start();
    let url = server.url("/resume.bin");
    site.write("copy.bin.part", &content[..123_456]);
    let _ = get(&["-C", "-o", path, &url]).ok();
    assert!(std::fs::read(&file).unwrap() == content);
    assert!(!site.path("copy.bin.part").exists());
}

#[test]
fn get_asks_for_ranges() {
    let text = numbered_text(20_000);
    let site = Site::new().with("text.txt", &text);
    let (ours, theirs) = (serve(&site), Nginx::serve(site.root(), ""));
    for url in [ours.url("/text.txt"), theirs.url("/text.txt")] {
        assert_eq!(get(&["--range", "100-199", &url]).ok().text(), &text[100..200]);
        assert_eq!(get(&["--range", "-7", &url]).ok().text(), &text[text.len() - 7..]);
    }
}

#[test]
fn get_decodes_what_it_asked_for() {
    let text = numbered_text(100_000);
    let site = Site::new().with("text.html", &text);
    let (ours, theirs) =
        (serve(&site), Nginx::serve(site.root(), "gzip on; gzip_min_length 1; gzip_types *;"));
    for url in [ours.url("/text.html"), theirs.url("/text.html")] {
        assert_eq!(get(&["--compressed", &url]).ok().text(), text, "{url}");
        assert_eq!(get(&[&url]).ok().text(), text, "{url}");
    }
}

#[test]
fn get_trusts_whom_it_is_told_to() {
    let site = Site::new().with("hello.txt", "hello\n");
    let server = program(&site).arg("--tls").start();
    let ca = server.home().join(".local/share/hepta/ca.pem");
    let (ca, url) = (ca.to_str().unwrap(), server.url("/hello.txt"));
    assert_eq!(get(&["--cacert", ca, &url]).ok().text(), "hello\n");
    let insecure = get(&["--insecure", &url]).ok();
    assert_eq!(insecure.text(), "hello\n");
    let stranger = get(&[&url]);
    assert_eq!(stranger.status.code(), Some(60), "{}", stranger.stderr);
    assert!(stranger.stderr.contains("--cacert"), "{}", stranger.stderr);
}

#[test]
fn get_speaks_tls_with_nginx() {
    let site = Site::new().with("hello.txt", "hello\n");
    let keys = Site::new();
    let [cert, key] = [keys.path("a.pem"), keys.path("a.key")];
    let mut command = tool("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    command.args(["-nodes", "-days", "30", "-subj", "/CN=localhost", "-addext"]);
    command.arg("subjectAltName=DNS:localhost,IP:127.0.0.1");
    let _ = run(command.arg("-out").arg(&cert).arg("-keyout").arg(&key)).ok();
    for version in ["TLSv1.3", "TLSv1.2"] {
        let lines = format!(
            "ssl_certificate {}; ssl_certificate_key {}; ssl_protocols {version};",
            cert.display(),
            key.display()
        );
        let nginx = Nginx::serve_tls(site.root(), &lines);
        let got = get(&["--insecure", &nginx.url("/hello.txt")]).ok();
        assert_eq!(got.text(), "hello\n", "{version}");
    }
}

#[test]
fn get_never_takes_a_part_for_the_whole() {
    let site = Site::new();
    let file = site.path("copy.txt");
    let path = file.to_str().unwrap();
    let answers: [&[u8]; 5] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly a part",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nContent-Len",
        b"",
    ];
    for answer in answers {
        let got = get(&["-o", path, &say(answer)]);
        assert!(!got.status.success(), "{:?}", String::from_utf8_lossy(answer));
        assert!(!got.stderr.is_empty() && !got.stderr.contains("panicked"), "{}", got.stderr);
        assert!(!file.exists(), "{:?}", String::from_utf8_lossy(answer));
    }
    // Until the connection ends, in chunks, with interim responses, in HTTP/1.0: all whole.
    let answers: [&[u8]; 4] = [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nA: b\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
          HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ];
    for answer in answers {
        assert_eq!(get(&[&say(answer)]).ok().text(), "hello");
    }
}

#[test]
fn get_says_what_is_wrong_and_what_to_do() {
    let (_site, server) = small();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cases = [
        (vec![format!("http://{closed}/")], 7, "connect"),
        (vec!["http://no-such-host.invalid/".to_owned()], 6, "no-such-host.invalid"),
        (vec!["ftp://localhost/".to_owned()], 3, "http"),
        (vec!["--fail".to_owned(), server.url("/missing")], 22, "404"),
        (vec![server.url("/").replace("http:", "https:")], 35, "clear text"),
    ];
    for (args, code, word) in cases {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let got = get(&args);
        assert_eq!(got.status.code(), Some(code), "{args:?}: {}", got.stderr);
        assert!(got.stderr.contains(word), "{args:?}: {word} is not in {}", got.stderr);
        assert!(!got.stderr.contains('\x1b'), "colour in a pipe");
    }
}
