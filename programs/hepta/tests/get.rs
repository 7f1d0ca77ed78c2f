//! `hepta get` against `hepta serve`, against Python's server, which speaks HTTP/1.0, and against
//! servers that do what no server should.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use peers::{Program, Server, Site, numbered_text, random_bytes, until};

/// What came of a `hepta get`.
#[derive(Debug)]
struct Got {
    code: i32,
    stdout: Vec<u8>,
    stderr: String,
}

impl Got {
    fn text(&self) -> &str {
        str::from_utf8(&self.stdout).unwrap()
    }

    /// Its exit code, which is not 0, and what it said about it.
    #[track_caller]
    fn failed(&self, code: i32, said: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.stderr.contains(said), "{self:?}");
    }

    /// Its standard output; nothing was said beside it.
    #[track_caller]
    fn well(&self) -> &str {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "{self:?}");
        self.text()
    }
}

fn hepta(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hepta"));
    command.arg("get").current_dir(directory).env("HOME", directory).env("NO_COLOR", "1");
    command.env_remove("XDG_DATA_HOME").stdin(Stdio::null());
    command
}

fn get_in(directory: &Path, arguments: &[&str]) -> Got {
    let output = hepta(directory).args(arguments).output().unwrap();
    let code = output.status.code().unwrap_or_else(|| -output.status.signal().unwrap_or(0));
    let stderr = String::from_utf8(output.stderr).unwrap();
    Got { code, stdout: output.stdout, stderr }
}

fn get(arguments: &[&str]) -> Got {
    get_in(Site::new().root(), arguments)
}

fn serve(site: &Site) -> Server {
    Program::serve(env!("CARGO_BIN_EXE_hepta"), site.root()).arg("--workers").arg("1").start()
}

/// A client, as a server of the test sees it.
struct Client(BufReader<TcpStream>);

impl Client {
    /// The head of the next request; nothing when there is none.
    fn request(&mut self) -> Option<String> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head).unwrap_or(0) == 0 {
                return None;
            }
        }
        Some(head)
    }

    fn body(&mut self, len: usize) -> Vec<u8> {
        let mut body = vec![0; len];
        self.0.read_exact(&mut body).unwrap();
        body
    }

    fn say(&mut self, bytes: impl AsRef<[u8]>) {
        // The client may have had enough.
        let _ = self.0.get_mut().write_all(bytes.as_ref());
    }

    fn answer(&mut self, status: &str, fields: &str, body: &str) {
        let len = body.len();
        self.say(format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {len}\r\n\r\n{body}"));
    }
}

/// A server that treats each connection, with its number, as it is told; the base of its URLs.
fn scripted(mut treat: impl FnMut(usize, Client) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            treat(number, Client(BufReader::new(stream.unwrap())));
        }
    });
    base
}

/// A server that answers every request of every connection with these bytes, then closes.
fn saying(bytes: impl Into<Vec<u8>>) -> String {
    let bytes = bytes.into();
    scripted(move |_, mut client| {
        if client.request().is_some() {
            client.say(&bytes);
        }
    })
}

#[test]
fn a_file_comes_as_it_is() {
    let large = random_bytes(7, 3_000_000);
    let site = Site::new().with("hello.txt", "hello\n").with("large.bin", &large);
    site.write("text.txt", numbered_text(200_000));
    let server = serve(&site);
    assert_eq!(get(&[&server.url("/hello.txt")]).well(), "hello\n");
    assert_eq!(get(&[&server.url("/large.bin")]).stdout, large);
    assert_eq!(get(&["--range", "2-3", &server.url("/hello.txt")]).well(), "ll");
    let several = get(&["--range", "0-0,100000-100000", &server.url("/text.txt")]);
    assert_eq!(several.text().matches("Content-Range").count(), 2, "{several:?}");
    let head = get(&["-I", &server.url("/large.bin")]);
    assert!(head.well().starts_with("HTTP/1.1 200 OK\n"), "{head:?}");
    assert!(head.text().contains("\nContent-Length: 3000000\n"), "{head:?}");
    let both = get(&["-i", &server.url("/hello.txt")]);
    assert!(both.well().starts_with("HTTP/1.1 200 OK\n") && both.text().ends_with("\n\nhello\n"));
}

#[test]
fn several_urls_share_a_connection() {
    let site = Site::new().with("a", "1").with("b", "2");
    let server = serve(&site);
    let got = get(&["-v", &server.url("/a"), &server.url("/b"), &server.url("/c")]);
    assert_eq!((got.code, got.stderr.matches("-- connection").count()), (0, 1), "{got:?}");
    assert!(got.text().starts_with("12"), "{got:?}");
    assert!(got.stderr.contains("RequestOut id=3 method=Get target=\"/c\""), "{got:?}");
}

#[test]
fn errors_are_bodies_unless_a_file_is_to_be_written() {
    let server = serve(&Site::new());
    let url = server.url("/nothing");
    let shown = get(&[&url]);
    assert!(shown.well().starts_with("404 "), "{shown:?}");
    get(&["-f", &url]).failed(22, "404 Not Found");
    let place = Site::new();
    get_in(place.root(), &["-O", &url]).failed(22, "nothing was saved");
    assert_eq!(fs::read_dir(place.root()).unwrap().count(), 0);
}

#[test]
fn a_file_is_written_by_way_of_a_part() {
    let large = random_bytes(1, 1_000_000);
    let site = Site::new().with("a b.bin", &large);
    let (server, place) = (serve(&site), Site::new());
    assert_eq!(get_in(place.root(), &["-O", &server.url("/a%20b.bin")]).well(), "");
    assert_eq!(fs::read(place.path("a b.bin")).unwrap(), large);
    assert_eq!(get_in(place.root(), &["-o", "x", &server.url("/a%20b.bin")]).well(), "");
    assert_eq!(fs::read(place.path("x")).unwrap(), large);
    assert_eq!(get_in(place.root(), &["-o", "/dev/null", &server.url("/a%20b.bin")]).well(), "");
    assert_eq!(fs::read_dir(place.root()).unwrap().count(), 2, "no part is left");
    get_in(place.root(), &["-O", &server.url("/")]).failed(2, "has no file name");
    get_in(place.root(), &["-o", "none/x", &server.url("/a%20b.bin")]).failed(23, "make its");
}

#[test]
fn a_part_goes_on_where_it_ends() {
    let large = random_bytes(2, 1_000_000);
    let site = Site::new().with("f", &large);
    let (server, place) = (serve(&site), Site::new());
    // A file that has just changed may change again under the same times, so its tag is weak at first.
    let etag = until("the entity tag is strong", || {
        let head = get(&["-I", &server.url("/f")]);
        let tag = head.text().lines().find_map(|line| line.strip_prefix("ETag: "))?.to_owned();
        tag.starts_with('"').then_some(tag)
    });
    let resume = || get_in(place.root(), &["-v", "-C", "-O", &server.url("/f")]);
    let part = |len: usize, validator: &str| {
        place.write("f.part", &large[..len]);
        place.write("f.part.of", validator);
    };

    part(400_000, &etag);
    let got = resume();
    assert!(got.stderr.contains("status=206"), "{got:?}");
    assert_eq!(fs::read(place.path("f")).unwrap(), large);
    assert_eq!(fs::read_dir(place.root()).unwrap().count(), 1);

    // The part is the whole: 416 says so.
    part(1_000_000, &etag);
    let got = resume();
    assert!(got.code == 0 && got.stderr.contains("status=416"), "{got:?}");
    assert_eq!(fs::read(place.path("f")).unwrap(), large);

    // Another version, or nobody knows which: from the beginning.
    for validator in ["\"another\"", ""] {
        place.write("f.part", vec![b'x'; 500]);
        place.write("f.part.of", validator);
        let got = resume();
        assert!(got.code == 0 && got.stderr.contains("status=200"), "{got:?}");
        assert_eq!(fs::read(place.path("f")).unwrap(), large);
    }
}

#[test]
fn what_breaks_off_is_kept_and_continued() {
    let base = scripted(|number, mut client| {
        let request = client.request().unwrap_or_default();
        if number == 0 {
            return client.say("HTTP/1.1 200 OK\r\nETag: \"v\"\r\nContent-Length: 10\r\n\r\n01234");
        }
        assert!(request.contains("Range: bytes=5-\r\nIf-Range: \"v\"\r\n"), "{request}");
        client.answer("206 Partial Content", "Content-Range: bytes 5-9/10\r\n", "56789");
    });
    let place = Site::new();
    let url = format!("{base}/f");
    let first = get_in(place.root(), &["-O", &url]);
    first.failed(18, "5 of 10 bytes came, 5 are missing");
    assert!(first.stderr.contains("--continue"), "{first:?}");
    assert_eq!(fs::read_to_string(place.path("f.part")).unwrap(), "01234");
    assert_eq!(get_in(place.root(), &["-C", "-O", &url]).well(), "");
    assert_eq!(fs::read_to_string(place.path("f")).unwrap(), "0123456789");
}

#[test]
fn a_repeat_continues_by_itself() {
    let base = scripted(|number, mut client| {
        client.request();
        match number {
            0 => client.say("HTTP/1.1 200 OK\r\nETag: \"v\"\r\nContent-Length: 4\r\n\r\nab"),
            _ => client.answer("206 Partial Content", "Content-Range: bytes 2-3/4\r\n", "cd"),
        }
    });
    let place = Site::new();
    let got = get_in(place.root(), &["--retry", "2", "-o", "f", &base]);
    assert!(got.code == 0 && got.stderr.contains("trying again in 1 s"), "{got:?}");
    assert_eq!(fs::read_to_string(place.path("f")).unwrap(), "abcd");
}

#[test]
fn a_wrong_part_is_refused_and_harms_nothing() {
    for range in ["bytes 4-9/10", "bytes 0-9/10", "bytes 5-9", "lines 5-9/10", "bytes 5-20/10"] {
        let base = saying(format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Range: {range}\r\nContent-Length: 5\r\n\r\n56789"
        ));
        let place = Site::new();
        place.write("f.part", "01234");
        place.write("f.part.of", "\"v\"");
        get_in(place.root(), &["-C", "-o", "f", &base]).failed(33, "cannot be continued");
        assert_eq!(fs::read_to_string(place.path("f.part")).unwrap(), "01234");
    }
    let unasked = saying("HTTP/1.1 206 Partial Content\r\nContent-Length: 1\r\n\r\nx");
    get(&[&unasked]).failed(8, "nobody asked");
}

#[test]
fn what_is_cut_short_is_never_complete() {
    for (answer, code, said) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", 18, "7 are missing"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 18, "3 bytes came"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nx\r\n", 8, "chunk"),
        ("HTTP/1.1 200 OK\r\nContent-Le", 56, "in the middle of its answer's head"),
        ("", 52, "answered nothing"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 8, "differ"),
        ("SSH-2.0-OpenSSH_9.2p1\r\n", 8, "cannot be understood"),
        ("\x15\x03\x01\0\x02\x02\x46", 8, "speaks TLS"),
    ] {
        let got = get(&[&saying(answer)]);
        got.failed(code, said);
        if answer.contains("\r\nabc") {
            assert_eq!(got.text(), "abc");
        }
    }
    let until_close = saying("HTTP/1.0 200 OK\r\n\r\nall of it");
    assert_eq!(get(&[&until_close]).well(), "all of it");
}

#[test]
fn interims_and_trailers_are_taken() {
    //= test RFC 9110 §15.2: a client takes any number of interim responses, within reason
    let interims = |count| {
        let hint = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(count);
        saying(format!(
            "{hint}HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n\
             3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n"
        ))
    };
    let got = get(&[&interims(20)]);
    assert_eq!((got.code, got.text()), (0, "abc"), "{got:?}");
    assert_eq!(got.stderr, "note: early hint: </a>\n", "said once");
    let got = get(&["-v", &interims(1)]);
    assert!(got.stderr.contains("status=103") && got.stderr.contains("TrailersIn"), "{got:?}");
    get(&[&interims(500)]).failed(8, "too many interim responses");
}

#[test]
fn redirects_are_followed_within_limits() {
    let site = Site::new().with("d/index.html", "index");
    let server = serve(&site);
    assert_eq!(get(&[&server.url("/d")]).well(), "index");
    assert!(get(&["--no-location", &server.url("/d")]).well().starts_with("301"));

    let circle = scripted(|_, mut client| {
        while client.request().is_some() {
            client.answer("302 Found", "Location: /again\r\n", "");
        }
    });
    get(&[&circle]).failed(47, "more than 10 redirects");
    let nowhere = saying("HTTP/1.1 302 Found\r\nLocation: ftp://x/\r\nContent-Length: 0\r\n\r\n");
    get(&[&nowhere]).failed(47, "leads nowhere");
    let place = Site::new();
    get_in(place.root(), &["--no-location", "-o", "f", &server.url("/d")]).failed(22, "leads to");
}

#[test]
fn redirects_take_no_secrets_along_and_change_methods_as_they_should() {
    let other = scripted(|_, mut client| {
        let request = client.request().unwrap_or_default();
        client.answer("200 OK", "", &request);
    });
    let first = scripted(move |_, mut client| {
        while let Some(request) = client.request() {
            let len = if request.contains("Content-Length: 3") { 3 } else { 0 };
            client.body(len);
            let status =
                if request.contains(" /303") { "303 See Other" } else { "307 Temporary Redirect" };
            client.answer(status, &format!("Location: {other}/there\r\n"), "");
        }
    });
    let url = |path: &str| format!("{first}{path}");
    let got = get(&["--user", "a:b", "-H", "Cookie: c", "-H", "X-Mine: d", &url("/307")]);
    assert!(got.well().contains("X-Mine: d"), "{got:?}");
    assert!(!got.text().contains("Authorization") && !got.text().contains("Cookie"), "{got:?}");
    let got = get(&["-v", "--user", "name:secret", "-H", "Cookie: secret", &url("/307")]);
    assert!(got.stderr.contains("private bytes") && !got.stderr.contains("secret"), "{got:?}");
    assert!(!got.stderr.contains("bmFtZTpzZWNyZXQ"), "{got:?}");
    let got = get(&["-L", "-d", "abc", &url("/307")]);
    assert!(got.well().starts_with("POST /there ") && got.text().contains("Length: 3"), "{got:?}");
    let got = get(&["-L", "-d", "abc", &url("/303")]);
    assert!(got.well().starts_with("GET /there ") && !got.text().contains("Length"), "{got:?}");
    // Without -L a POST stays where it is.
    assert_eq!(get(&["-d", "abc", &url("/303")]).well(), "");
}

#[test]
fn bodies_are_sent() {
    let base = scripted(|_, mut client| {
        let request = client.request().unwrap_or_default();
        let line = request.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let len = line.unwrap().parse().unwrap();
        if request.contains("Expect: 100-continue") {
            client.say("HTTP/1.1 100 Continue\r\n\r\n");
        }
        let body = client.body(len);
        let sum: u64 = body.iter().map(|&b| u64::from(b)).sum();
        let method = request.split(' ').next().unwrap();
        client.answer("200 OK", "", &format!("{method} {len} {sum}"));
    });
    let place = Site::new();
    let large = random_bytes(3, 5_000_000);
    let sum: u64 = large.iter().map(|&b| u64::from(b)).sum();
    place.write("large", &large);
    assert_eq!(get(&["-d", "abc", &base]).well(), "POST 3 294");
    assert_eq!(get(&["-X", "PUT", "-d", "", &base]).well(), "PUT 0 0");
    let got = get_in(place.root(), &["-d", "@large", &base]);
    assert_eq!(got.well(), format!("POST 5000000 {sum}"));
    get(&["-d", "@none", &base]).failed(26, "none cannot be sent");
}

#[test]
fn leave_to_send_is_not_waited_for_long_and_may_be_refused() {
    let place = Site::new();
    place.write("large", vec![b'x'; 2_000_000]);
    let silent = scripted(|_, mut client| {
        client.request();
        let body = client.body(2_000_000);
        client.answer("200 OK", "", &body.len().to_string());
    });
    assert_eq!(get_in(place.root(), &["-d", "@large", &silent]).well(), "2000000");
    let refusing = saying("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
    assert_eq!(get_in(place.root(), &["-d", "@large", &refusing]).well(), "no");
    //= test RFC 9110 §10.1.1: after 417 the request is sent again without the expectation
    let old = scripted(|_, mut client| {
        let request = client.request().unwrap_or_default();
        if request.contains("Expect") {
            return client.answer("417 Expectation Failed", "Connection: close\r\n", "");
        }
        let body = client.body(2_000_000);
        client.answer("200 OK", "", &body.len().to_string());
    });
    assert_eq!(get_in(place.root(), &["-d", "@large", &old]).well(), "2000000");
}

#[test]
fn a_kept_connection_may_have_been_closed() {
    // Each connection answers once, promises to stay, and goes.
    let base = scripted(|number, mut client| {
        if client.request().is_some() {
            client.answer("200 OK", "", &number.to_string());
        }
    });
    let got = get(&[&base, &base, &base]);
    assert_eq!(got.well(), "012");
    // It goes when the second request is there already: sent again once, since GET may be.
    let base = scripted(|number, mut client| {
        if client.request().is_some() {
            client.answer("200 OK", "", &number.to_string());
            client.request();
        }
    });
    assert_eq!(get(&[&base, &base]).well(), "01");
}

#[test]
fn servers_that_are_busy_are_asked_again() {
    let busy = |times: usize| {
        scripted(move |number, mut client| {
            client.request();
            if number < times {
                let fields = "Retry-After: 0\r\nConnection: close\r\n";
                client.answer("503 Service Unavailable", fields, "busy");
            } else {
                client.answer("200 OK", "", "done");
            }
        })
    };
    let got = get(&["--retry", "3", &busy(2)]);
    assert!(got.code == 0 && got.text() == "done", "{got:?}");
    assert_eq!(got.stderr.matches("trying again").count(), 2, "{got:?}");
    assert_eq!(get(&["--retry", "1", "-s", &busy(9)]).text(), "busy");
    get(&["--retry", "1", "-f", &busy(9)]).failed(22, "503");
}

#[test]
fn time_limits_hold() {
    let silent = scripted(|_, mut client| {
        client.request();
        client.request();
    });
    get(&["--max-time", "0.2", &silent]).failed(28, "--max-time");
    get(&["--stall-timeout", "0.2", &silent]).failed(28, "--stall-timeout");
    let slow = scripted(|_, mut client| {
        client.request();
        client.say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
        client.request();
    });
    get(&["--stall-timeout", "0.2", &slow]).failed(28, "nothing came or went for 0.2 s");
}

#[test]
fn codings_are_undone_when_they_were_asked_for() {
    let text = "all work and no play makes a dull page\n".repeat(5_000);
    let site = Site::new().with("t.txt", &text);
    let server = serve(&site);
    let got = get(&["--compressed", "-v", &server.url("/t.txt")]);
    assert_eq!((got.code, got.text()), (0, text.as_str()), "{}", got.stderr);
    assert_eq!(get(&[&server.url("/t.txt")]).well(), text);
    let damaged =
        saying("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd");
    get(&["--compressed", &damaged]).failed(61, "damaged");
    let unknown = saying("HTTP/1.1 200 OK\r\nContent-Encoding: x\r\nContent-Length: 1\r\n\r\na");
    get(&["--compressed", &unknown]).failed(61, "unknown");
    assert_eq!(get(&[&unknown]).well(), "a");
}

#[test]
fn tls_is_trusted_when_it_should_be() {
    let site = Site::new().with("hello.txt", "hello\n");
    let server = Program::serve(env!("CARGO_BIN_EXE_hepta"), site.root()).arg("--tls").start();
    let https = server.urls().iter().find(|url| url.starts_with("https://")).unwrap();
    let url = format!("{}/hello.txt", https.trim_end_matches('/'));
    let place = Site::new();
    let got = get_in(place.root(), &[&url]);
    got.failed(60, "UnknownIssuer");
    assert!(got.stderr.contains("--cacert") && got.stderr.contains("--insecure"), "{got:?}");
    let got = get_in(place.root(), &["-k", &url]);
    assert!(got.text() == "hello\n" && got.stderr.contains("UnknownIssuer"), "{got:?}");
    // The authority of `hepta serve --tls` is trusted by the user who made it.
    let got = get_in(server.home(), &[&url, &url]);
    assert_eq!(got.well(), "hello\nhello\n");
    let ca = server.home().join(".local/share/hepta/ca.pem");
    assert_eq!(get_in(place.root(), &["--cacert", ca.to_str().unwrap(), &url]).well(), "hello\n");
    get_in(place.root(), &["--cacert", "none", &url]).failed(60, "none");
    // Clear text where TLS is spoken, and the other way round.
    let clear = serve(&site);
    let wrong = clear.url("/hello.txt").replace("http://", "https://");
    get(&[&wrong]).failed(35, "try http://");
}

#[test]
fn a_body_that_ends_with_the_connection_must_end_the_session_too() {
    //= test RFC 9112 §9.8: without a proper end of TLS the body may have been cut short
    let site = Site::new();
    for (ends_session, code) in [(true, 0), (false, 18)] {
        let secure = Secure::saying(&site, "HTTP/1.1 200 OK\r\n\r\nabc", ends_session);
        let got = get(&["--cacert", &secure.certificate, &secure.url]);
        assert_eq!((got.code, got.text()), (code, "abc"), "{got:?}");
    }
}

#[test]
fn a_redirect_into_clear_text_is_refused() {
    let site = Site::new();
    let clear = saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let answer = format!("HTTP/1.1 301 Moved\r\nLocation: {clear}/\r\nContent-Length: 0\r\n\r\n");
    let secure = Secure::saying(&site, &answer, true);
    let refused = get(&["--cacert", &secure.certificate, &secure.url]);
    refused.failed(47, "--allow-clear-redirect");
    let secure = Secure::saying(&site, &answer, true);
    let arguments = ["--cacert", &secure.certificate, "--allow-clear-redirect", &secure.url];
    assert_eq!(get(&arguments).well(), "ok");
}

/// A server of Python's that speaks TLS, once.
struct Secure {
    _python: Python,
    url: String,
    certificate: String,
}

impl Secure {
    /// Answers one request like this, then closes, with or without the word of TLS.
    fn saying(site: &Site, answer: &str, ends_session: bool) -> Self {
        let (key, certificate) = (site.path("key.pem"), site.path("cert.pem"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .stderr(Stdio::null())
            .status()
            .expect("openssl is one of the tests' peers: apt-get install openssl");
        assert!(made.success());
        let end = if ends_session { "stream.unwrap()" } else { "pass" };
        let script = format!(
            "import socket, ssl\n\
             context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n\
             context.load_cert_chain({certificate:?}, {key:?})\n\
             listener = socket.create_server(('127.0.0.1', 0))\n\
             print(listener.getsockname()[1], flush=True)\n\
             raw, _ = listener.accept()\n\
             stream = context.wrap_socket(raw, server_side=True)\n\
             stream.recv(65536)\n\
             stream.send({answer:?}.encode())\n\
             {end}\n\
             stream.close()\n"
        );
        let mut python = Python::start(&["-c", &script]);
        let url = format!("https://localhost:{}/", python.line().trim());
        Self { _python: python, url, certificate: certificate.to_str().unwrap().to_owned() }
    }
}

/// A script of Python's, which ends with the test.
struct Python(std::process::Child);

impl Python {
    fn start(arguments: &[&str]) -> Self {
        let child = Command::new("/usr/bin/python3")
            .arg("-u")
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python is one of the tests' peers: apt-get install python3");
        Self(child)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn pythons_server_is_understood() {
    let large = random_bytes(4, 400_000);
    let site = Site::new().with("f.bin", &large).with("d/x.txt", "x");
    let directory = site.root().to_str().unwrap();
    let arguments = ["-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", directory];
    let mut python = Python::start(&arguments);
    // Serving HTTP on 127.0.0.1 port 34567 (http://127.0.0.1:34567/) ...
    let line = python.line();
    let url = line.split(['(', ')']).nth(1).unwrap().trim_end_matches('/').to_owned();
    assert_eq!(get(&[&format!("{url}/f.bin")]).stdout, large);
    let got = get(&[&format!("{url}/d/x.txt"), &format!("{url}/d/x.txt"), &format!("{url}/d")]);
    assert!(got.well().starts_with("xx<!DOCTYPE HTML"), "{got:?}");
    get(&["-f", &format!("{url}/none")]).failed(22, "404");
    // It knows no ranges: what was begun is begun anew.
    let place = Site::new();
    place.write("f.bin.part", &large[..1000]);
    place.write("f.bin.part.of", "Mon, 02 Jan 2006 15:04:05 GMT");
    assert_eq!(get_in(place.root(), &["-C", "-O", &format!("{url}/f.bin")]).well(), "");
    assert_eq!(fs::read(place.path("f.bin")).unwrap(), large);
    let got = get(&["--range", "0-1", &format!("{url}/d/x.txt")]);
    assert!(got.text() == "x" && got.stderr.contains("gives no parts"), "{got:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_error_to_talk_about() {
    let site = Site::new().with("f", random_bytes(5, 2_000_000));
    let server = serve(&site);
    let mut child = hepta(site.root())
        .arg(server.url("/f"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(23));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn connections_that_fail_say_why() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    get(&[&format!("http://{free}/")]).failed(7, "connection refused");
    get(&["http://name.invalid/"]).failed(6, "no address is known for name.invalid");
    get(&["-s", "http://name.invalid/"]).failed(6, "");
    get(&["ftp://name.invalid/"]).failed(3, "http or https");
    get(&["-C", "http://name.invalid/"]).failed(2, "only a file");
    get(&["-o", "x", "http://name.invalid/", "http://name.invalid/"]).failed(2, "--remote-name");
    // One that works is not spoilt by one that does not.
    let base = saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let got = get(&["http://name.invalid/", &base]);
    assert_eq!((got.code, got.text()), (6, "ok"), "{got:?}");
}
