//! TLS, seen by OpenSSL, curl and Python.

use std::path::{Path, PathBuf};
use std::process::Command;

use peers::{Finished, Program, Server, Site, random_bytes, run, run_with_input, tool, until};

use crate::{HEPTA, program};

/// A site, the program serving it over TLS with its local authority, and that authority.
fn local(site: &Site) -> (Server, PathBuf) {
    let server = program(site).args(&["--workers", "1", "--tls"]).start();
    let ca = authority(&server);
    (server, ca)
}

/// The authority that the program tells people to trust.
fn authority(server: &Server) -> PathBuf {
    until("the program says whom to trust", || {
        let stdout = server.stdout();
        let mut words = stdout.split_ascii_whitespace();
        words.find(|word| word.ends_with("ca.pem")).map(PathBuf::from)
    })
}

fn curl(ca: &Path, url: &str) -> Finished {
    run(tool("curl").args(["-sS", "--max-time", "30", "--cacert"]).arg(ca).arg(url))
}

/// What OpenSSL has to say about a session in which it asks for `/hello.txt`.
fn s_client(server: &Server, args: &[&str]) -> Finished {
    let mut command = tool("openssl");
    command.args(["s_client", "-connect", &server.address().to_string(), "-ign_eof"]).args(args);
    run_with_input(&mut command, b"GET /hello.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
}

/// Makes a certificate for a name.
pub(crate) fn certificate(site: &Site, file: &str, name: &str) -> [PathBuf; 2] {
    let [cert, key] = [site.path(&format!("{file}.pem")), site.path(&format!("{file}.key"))];
    let mut command = tool("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    command.args(["-nodes", "-days", "30", "-subj", &format!("/CN={name}")]);
    command.args(["-addext", &format!("subjectAltName=DNS:{name}")]);
    let _ = run(command.arg("-out").arg(&cert).arg("-keyout").arg(&key)).ok();
    [cert, key]
}

fn hello() -> Site {
    Site::new().with("hello.txt", "hello\n")
}

#[test]
fn the_local_authority_is_trusted_once() {
    let site = hello();
    let home = Site::new();
    let start = || program(&site).arg("--tls").home(home.root()).start();
    let server = start();
    let ca = authority(&server);
    let port = server.port();
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("https://{host}:{port}/hello.txt");
        assert_eq!(curl(&ca, &url).ok().text(), "hello\n", "{host}");
    }
    // Who does not trust it is not fooled: curl's 60 is a certificate it cannot verify.
    let stranger = run(tool("curl").arg("-sS").arg(server.url("/hello.txt")));
    assert_eq!(stranger.status.code(), Some(60), "{}", stranger.stderr);
    assert!(server.stdout().contains("trust"), "{}", server.stdout());
    drop(server);
    // The next time it is the same.
    let before = std::fs::read(&ca).unwrap();
    let server = start();
    assert_eq!(std::fs::read(&ca).unwrap(), before);
    assert_eq!(curl(&ca, &server.url("/hello.txt")).ok().text(), "hello\n");
    // And its key is nobody's business.
    use std::os::unix::fs::PermissionsExt;
    for entry in std::fs::read_dir(ca.parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().ends_with(".key") {
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{entry:?}");
        }
    }
}

#[test]
fn versions_1_3_and_1_2_are_spoken_and_no_older() {
    let site = hello();
    let (server, ca) = local(&site);
    let ca = ca.to_str().unwrap();
    for (arg, name) in [("-tls1_3", "TLSv1.3"), ("-tls1_2", "TLSv1.2")] {
        let said = s_client(&server, &[arg, "-CAfile", ca, "-verify_return_error"]).ok().text();
        assert!(said.contains(name) && said.contains("hello\n"), "{said}");
    }
    let said = s_client(&server, &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]);
    assert!(!said.text().contains("hello\n"), "{}", said.text());
}

#[test]
fn alpn_is_answered_and_1_0_alone_is_served() {
    let site = hello();
    let (server, _) = local(&site);
    let cases = [
        ("http/1.1", Some("http/1.1")),
        ("http/1.0", None),
        ("http/1.0,http/1.1", Some("http/1.1")),
    ];
    for (offer, chosen) in cases {
        let said = s_client(&server, &["-alpn", offer]).text();
        assert!(said.contains("hello\n"), "{offer}: {said}");
        if let Some(chosen) = chosen {
            assert!(said.contains(&format!("ALPN protocol: {chosen}")), "{offer}: {said}");
        }
    }
    for offer in ["h2", "h2,http/1.1", "http/1.1,h2"] {
        let said = s_client(&server, &["-alpn", offer]).text();
        assert!(said.contains("ALPN protocol: h2") && !said.contains("hello\n"), "{said}");
    }
    assert!(s_client(&server, &[]).text().contains("hello\n"), "without ALPN");
}

#[test]
fn sessions_are_resumed_with_tickets() {
    let site = hello();
    let (server, _) = local(&site);
    for version in ["-tls1_3", "-tls1_2"] {
        let session = site.path("session.pem");
        let session = session.to_str().unwrap();
        let first = s_client(&server, &[version, "-sess_out", session]).text();
        assert!(first.contains("New, TLS") && first.contains("hello\n"), "{first}");
        let second = s_client(&server, &[version, "-sess_in", session]).text();
        assert!(second.contains("Reused, TLS") && second.contains("hello\n"), "{second}");
    }
}

#[test]
fn the_certificate_is_chosen_by_name_and_reloaded_when_it_changes() {
    let site = hello();
    let keys = Site::new();
    let [cert_a, key_a] = certificate(&keys, "a", "a.example");
    let [cert_b, key_b] = certificate(&keys, "b", "b.example");
    let server = program(&site)
        .arg("--cert")
        .arg(&cert_a)
        .arg("--key")
        .arg(&key_a)
        .arg("--cert")
        .arg(&cert_b)
        .arg("--key")
        .arg(&key_b)
        .start();
    let subject = |name: &str| {
        let said = s_client(&server, &["-servername", name]).text();
        assert!(said.contains("hello\n"), "{said}");
        let subject = said.lines().find_map(|line| line.strip_prefix("subject="));
        subject.unwrap().replace(' ', "").replace("CN=", "")
    };
    assert_eq!(subject("a.example"), "a.example");
    assert_eq!(subject("b.example"), "b.example");
    assert_eq!(subject("unknown.example"), "a.example");
    // What is half written, or nonsense, changes nothing.
    let good = std::fs::read(&cert_b).unwrap();
    std::fs::write(&cert_b, "nonsense").unwrap();
    std::fs::write(&cert_b, good).unwrap();
    certificate(&keys, "b", "c.example");
    until("the new certificate is used", || (subject("c.example") == "c.example").then_some(()));
    assert_eq!(subject("b.example"), "a.example", "the old one is gone");
    std::fs::write(&cert_b, "nonsense").unwrap();
    until("the operator is told", || (!server.stderr().is_empty()).then_some(()));
    assert_eq!(subject("c.example"), "c.example");
}

#[test]
fn clear_text_on_a_tls_port_gets_a_readable_400() {
    let site = hello();
    let (server, _) = local(&site);
    for request in ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD /x HTTP/1.0\r\n\r\n"] {
        let mut conn = server.connect();
        conn.send(request);
        let response = conn.response(request.split(' ').next().unwrap());
        assert_eq!(response.status, 400, "{response}");
        if !request.starts_with("HEAD") {
            let text = response.text();
            assert!(text.contains("https") || text.contains("TLS"), "{text}");
        }
    }
}

#[test]
fn strangers_bytes_on_a_tls_port_end_nothing_but_their_connection() {
    let site = hello();
    let (server, ca) = local(&site);
    for seed in 0..100 {
        let mut bytes = random_bytes(seed, 400);
        if seed % 2 == 0 {
            // A record of a handshake, by its header.
            bytes.splice(..5, [0x16, 3, 1, 1, 0x80]);
        }
        let mut conn = server.connect();
        conn.send(bytes);
        conn.finish();
        let _ = conn.rest();
    }
    assert_eq!(curl(&ca, &server.url("/hello.txt")).ok().text(), "hello\n");
}

#[test]
fn files_arrive_to_the_byte_over_tls() {
    let content = random_bytes(9, (10 << 20) + 77);
    let site = hello().with("large.bin", &content);
    let (server, ca) = local(&site);
    assert!(curl(&ca, &server.url("/large.bin")).ok().stdout == content);
    let mut command = tool("curl");
    command.args(["-sS", "-r", "1000000-8999999", "--cacert"]).arg(&ca);
    let part = run(command.arg(server.url("/large.bin"))).ok().stdout;
    assert!(part == content[1_000_000..9_000_000]);
}

#[test]
fn a_file_that_shrinks_over_tls_never_looks_complete() {
    let site = hello().with("shrinks.bin", random_bytes(10, 24 << 20));
    let (server, ca) = local(&site);
    let copy = site.path("copy.bin");
    let mut command = tool("curl");
    command.args(["-sS", "--limit-rate", "4M", "--cacert"]).arg(&ca).arg("-o").arg(&copy);
    command.arg(server.url("/shrinks.bin"));
    let download = std::thread::spawn(move || run(&mut command));
    let has_begun = || std::fs::metadata(&copy).is_ok_and(|copy| copy.len() > 0).then_some(());
    until("the download has begun", has_begun);
    let file = std::fs::File::options().write(true).open(site.path("shrinks.bin")).unwrap();
    file.set_len(1000).unwrap();
    let download = download.join().unwrap();
    assert!(!download.status.success(), "curl believes that it has everything");
}

#[test]
fn clients_show_certificates_where_they_are_needed() {
    let site = Site::new();
    certificate(&site, "pair", "a.example");
    for (authority, client) in [("staff-ca", "staff"), ("strangers-ca", "stranger")] {
        certificate(&site, authority, &format!("{authority}.example"));
        let mut openssl = tool("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        openssl.args(["-nodes", "-days", "30", "-subj", &format!("/CN={client}")]);
        openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        openssl.arg("-CA").arg(site.path(&format!("{authority}.pem")));
        openssl.arg("-CAkey").arg(site.path(&format!("{authority}.key")));
        openssl.arg("-out").arg(site.path(&format!("{client}.pem")));
        let _ = run(openssl.arg("-keyout").arg(site.path(&format!("{client}.key")))).ok();
    }
    let site = site.with(
        "hepta.kdl",
        r#"listen "127.0.0.1:0" { certificate "pair.pem" key="pair.key" }
        site "in.example" "*.in.example" {
            respond 200 "in\n"
            client-authorities "staff-ca.pem"
            client-certificate
            route "/all" { respond 200 "all\n"; client-certificate #false }
        }
        site "a.example" { respond 200 "open\n" }"#,
    );
    let mut command = Command::new(HEPTA);
    command.env("HEPTA_LOG", "debug");
    let server = Program::configured_under(command, &site.path("hepta.kdl")).start();
    let port = server.address().port();
    let ask = |version: &str, host: &str, path: &str, pair: Option<&str>| {
        let mut curl = tool("curl");
        curl.args(["-sk", "--resolve", &format!("*:{port}:127.0.0.1")]);
        curl.args(["-o", "/dev/null", "-w", "%{http_code}", "--tls-max", version]);
        if let Some(pair) = pair {
            curl.arg("--cert").arg(site.path(&format!("{pair}.pem")));
            curl.arg("--key").arg(site.path(&format!("{pair}.key")));
        }
        run(curl.arg(format!("https://{host}:{port}{path}"))).text()
    };
    for version in ["1.2", "1.3"] {
        let ask = |host: &str, path: &str, pair| ask(version, host, path, pair);
        assert_eq!(ask("in.example", "/", Some("staff")), "200", "{version}");
        assert_eq!(ask("deep.in.example", "/", Some("staff")), "200");
        assert_eq!(ask("in.example", "/", None), "403");
        assert_eq!(ask("in.example", "/all", None), "200");
        assert_eq!(ask("in.example", "/all", Some("stranger")), "000", "TLS ends it");
        assert_eq!(ask("a.example", "/", Some("stranger")), "200", "nobody asked");
    }
    // Who wants to know why finds it in the log.
    until("the log says why", || {
        let said = server.stderr();
        let has = |part: &str| said.contains(part);
        (has("no TLS handshake client=127.0.0.1:") && has("certificate cannot be trusted"))
            .then_some(())
    });
    // A session of the open site does not lead into the other one.
    let tickets = site.path("session");
    let s_client = |name: &str, how: &str, host: &str| {
        let mut openssl = tool("openssl");
        openssl.args(["s_client", "-connect", &server.address().to_string(), "-servername", name]);
        openssl.args(["-tls1_2", "-ign_eof", how]).arg(&tickets);
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        run_with_input(&mut openssl, request.as_bytes()).text()
    };
    assert!(s_client("a.example", "-sess_out", "a.example").contains("open\n"));
    let again = s_client("in.example", "-sess_in", "in.example");
    assert!(again.contains("403 Forbidden") && !again.contains("Reused"), "{again}");
}

/// NPN is what there was before ALPN: nobody answers it any more, and the film says so.
#[test]
fn npn_is_explained_and_not_answered() {
    let site = hello();
    let server = program(&site).args(&["--tls", "--film=session"]).start();
    let mut openssl = tool("openssl");
    openssl.args(["s_client", "-tls1_2", "-nextprotoneg", "h2,http/1.1", "-connect"]);
    let said = run_with_input(openssl.arg(server.address().to_string()), b"Q\n").text();
    assert!(said.contains("Next protocol: (0)") || !said.contains("Next protocol"), "{said}");
    let film = until("the film is printed", || {
        Some(server.stderr()).filter(|film| film.contains("Established"))
    });
    assert!(film.contains("NpnUnanswered because=\"ALPN (RFC 7301) took its place"), "{film}");
    assert!(film.contains("instead=\"nothing: without ALPN it is HTTP/1.1\""), "{film}");
}

#[test]
fn http_is_the_same_inside_tls() {
    let site = hello().with("index.html", "<h1>index</h1>");
    let (server, ca) = local(&site);
    let script = "
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[1])
def connect():
    return context.wrap_socket(socket.create_connection(('127.0.0.1', int(sys.argv[2]))),
                               server_hostname='localhost')
def everything(s):
    return b''.join(iter(lambda: s.recv(65536), b''))
get = b'GET /hello.txt HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n'
last = b'GET /hello.txt HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n'
s = connect(); s.sendall(get * 49 + last)
assert everything(s).count(b'\\r\\n\\r\\nhello\\n') == 50, 'pipelined'
s = connect()
for b in last: s.send(bytes([b]))
assert everything(s).endswith(b'\\r\\n\\r\\nhello\\n'), 'byte by byte'
s = connect(); s.sendall(b'GET / HTTP/1.1\\r\\nHost: a\\r\\nHost: b\\r\\n\\r\\n')
assert everything(s).startswith(b'HTTP/1.1 400 '), 'two hosts'
s = connect(); s.sendall(b'POST / HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 1000000000\\r\\n\\r\\n')
try:
    for _ in range(64): s.sendall(b'u' * 65536)
except OSError: pass
assert s.recv(65536).startswith(b'HTTP/1.1 405 '), 'upload goes on'
";
    let mut command = tool("python");
    command.args(["-c", script]).arg(&ca).arg(server.port().to_string());
    let _ = run(&mut command).ok();
}
