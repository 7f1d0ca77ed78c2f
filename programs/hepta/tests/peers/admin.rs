//! What the program tells of itself at its admin listener.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use peers::{
    Conn, Program, Response, Server, Site, connect_with_small_window, random_bytes, run, tool,
    until,
};
use rustix::process::Signal;
use serde_json::Value;

use crate::HEPTA;
use crate::listening::{Successor, tell};
use crate::tls::certificate;

fn of(text: &str) -> Site {
    let text = format!("listen \"127.0.0.1:0\"\nworkers 2\n{text}");
    Site::new().with("www/hello.txt", "hello\n").with("hepta.kdl", text)
}

fn configured(site: &Site) -> Server {
    Program::configured(HEPTA, &site.path("hepta.kdl")).start()
}

/// Where the program says that its admin listener is.
fn admin(server: &Server) -> SocketAddr {
    until("it says where its admin listener is", || {
        let said = server.stdout();
        let line = said.lines().find(|line| line.ends_with("(admin)"))?;
        line.split('/').nth(2)?.parse().ok()
    })
}

fn ask(at: SocketAddr, target: &str, fields: &str) -> Response {
    let mut conn = Conn::to(at);
    conn.send(format!("GET {target} HTTP/1.1\r\nHost: {at}\r\n{fields}Connection: close\r\n\r\n"));
    let response = conn.response("GET");
    assert_eq!(response.field("cache-control"), Some("no-store"));
    response
}

fn json(at: SocketAddr, target: &str) -> Value {
    let response = ask(at, target, "");
    assert_eq!(response.field("content-type"), Some("application/json"));
    serde_json::from_slice(&response.body).unwrap()
}

/// Every sample by its name and labels; nothing stands there twice.
fn metrics(at: SocketAddr) -> BTreeMap<String, f64> {
    let response = ask(at, "/metrics", "");
    assert!(response.field("content-type").unwrap().starts_with("application/openmetrics-text"));
    let text = response.text();
    assert!(text.ends_with("# EOF\n"), "{text}");
    let mut samples = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        let before = samples.insert(name.to_owned(), value.parse().unwrap());
        assert!(before.is_none(), "{name} stands there twice");
    }
    samples
}

#[test]
fn requests_are_counted_by_site_and_route() {
    let site = of(r#"
        admin "127.0.0.1:0"
        site "a.example" "www.a.example" {
            files "www"
            route "/form" method="POST" { respond 200 "thanks" }
            route "/old/*" { rewrite "/hello.txt" }
            route "/wall" { close }
            error-page "/hello.txt" 404
        }
        site "*.b.example" { route "/only" { respond 204 } }
        "#);
    let server = configured(&site);
    let at = admin(&server);
    let ask =
        |host: &str, method: &str, target: &str| server.ask_host(host, method, target, &[]).status;
    for number in 0..20 {
        assert_eq!(ask("www.a.example", "GET", "/hello.txt"), 200);
        // What strangers choose makes no label.
        assert_eq!(ask("a.example", "GET", &format!("/nowhere/{number}")), 404);
        assert_eq!(ask(&format!("{number}.b.example"), "GET", &format!("/{number}")), 404);
        assert_eq!(ask(&format!("c{number}.example"), "GET", "/"), 421);
        assert_eq!(ask("a.example", &format!("METHOD{number}"), "/"), 501);
    }
    assert_eq!(ask("a.example", "POST", "/form"), 200);
    assert_eq!(ask("a.example", "HEAD", "/old/x"), 200);
    assert_eq!(ask("1.b.example", "GET", "/only"), 204);
    let mut wall = server.connect();
    wall.send("GET /wall HTTP/1.1\r\nHost: a.example\r\n\r\n");
    assert!(wall.try_response("GET").is_err());
    let mut unreadable = server.connect();
    unreadable.send("GET\r\n\r\n");
    assert_eq!(unreadable.response("GET").status, 400);
    drop((wall, unreadable));
    let idle = server.connect();

    let expected = [
        ("a.example", "/*", "GET", "2xx", 20.0),
        ("a.example", "/*", "GET", "4xx", 20.0),
        ("a.example", "/*", "HEAD", "2xx", 1.0),
        ("a.example", "/form", "POST", "2xx", 1.0),
        ("a.example", "/wall", "GET", "none", 1.0),
        ("*.b.example", "none", "GET", "4xx", 20.0),
        ("*.b.example", "/only", "GET", "2xx", 1.0),
        ("none", "none", "GET", "4xx", 20.0),
        ("none", "none", "other", "5xx", 20.0),
        ("none", "none", "none", "4xx", 1.0),
    ];
    let expected: BTreeMap<_, _> = expected
        .into_iter()
        .map(|(site, route, method, status, count)| {
            let labels = format!(
                "site=\"{site}\",route=\"{route}\",method=\"{method}\",status=\"{status}\""
            );
            (format!("hepta_requests_total{{{labels}}}"), count)
        })
        .collect();
    let all = until("everything is counted", || {
        let all = metrics(at);
        let (accepted, open) =
            (all["hepta_connections_accepted_total"], all["hepta_connections_open"]);
        ((accepted, open) == (106.0, 1.0)).then_some(all)
    });
    let requests: BTreeMap<_, _> =
        all.clone().into_iter().filter(|(name, _)| name.starts_with("hepta_requests_t")).collect();
    assert_eq!(requests, expected);
    let a = "{site=\"a.example\",route=\"/*\"}";
    // The page for an error is the file too.
    assert_eq!(all[&format!("hepta_response_body_bytes_total{a}")], 40.0 * 6.0);
    assert_eq!(all[&format!("hepta_request_duration_seconds_count{a}")], 41.0);
    let infinite = "{le=\"+Inf\",site=\"a.example\",route=\"/*\"}";
    assert_eq!(all[&format!("hepta_request_duration_seconds_bucket{infinite}")], 41.0);
    let wall = "{site=\"a.example\",route=\"/wall\"}";
    assert_eq!(all[&format!("hepta_requests_cut_short_total{wall}")], 1.0);
    assert_eq!(all["hepta_workers"], 2.0);
    // The older format has the same samples, under families that are called like them.
    let classic = self::ask(at, "/metrics", "Accept: text/plain;version=0.0.4\r\n");
    assert_eq!(classic.field("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let classic = classic.text();
    assert!(
        classic.contains("# TYPE hepta_requests_total counter\nhepta_requests_total{"),
        "{classic}"
    );
    assert!(classic.contains("# TYPE hepta_build_info gauge\n") && !classic.contains("# EOF"));
    let samples = classic.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(samples, all.len());
    drop(idle);
}

#[test]
fn handshakes_and_reloads_are_counted() {
    let site = of("");
    certificate(&site, "pair", "a.example");
    let text = r#"listen "127.0.0.1:0" { certificate "pair.pem" key="pair.key" }
        admin "127.0.0.1:0" { local-certificate; token "0123456789abcdef" }
        default { respond 200 "in\n" }"#;
    let site = site.with("hepta.kdl", text);
    let server = configured(&site);
    let admin = until("it says where its admin listener is", || {
        let said = server.stdout();
        let line = said.lines().find(|line| line.ends_with("(admin)"))?;
        line.trim().split(' ').next().map(str::to_owned)
    });
    let curl = |url: &str, more: &[&str]| {
        let mut curl = tool("curl");
        run(curl.args(["-sk", "-H", "Authorization: Bearer 0123456789abcdef"]).args(more).arg(url))
            .ok()
            .text()
    };
    for more in [["--tlsv1.3"].as_slice(), &["--tls-max", "1.2"]] {
        assert_eq!(curl(&server.url("/"), more), "in\n");
    }
    drop(server.connect());
    std::fs::write(site.path("hepta.kdl"), "nonsense").unwrap();
    server.signal(Signal::HUP);
    until("it is wrong", || server.stderr().contains("everything stays").then_some(()));
    let text = until("what is unfinished has ended", || {
        let text = curl(&format!("{admin}metrics"), &[]);
        text.contains("hepta_tls_handshakes_unfinished_total 1\n").then_some(text)
    });
    for line in [
        "hepta_tls_handshakes_total{version=\"TLS 1.3\",resumed=\"false\"} 1",
        "hepta_tls_handshakes_total{version=\"TLS 1.2\",resumed=\"false\"} 1",
        "hepta_config_reloads_total{result=\"ok\"} 0",
        "hepta_config_reloads_total{result=\"failed\"} 1",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

#[test]
fn strangers_need_a_token() {
    let open = of("admin \"0.0.0.0:0\"\ndefault { close }");
    let file = open.path("hepta.kdl");
    let file = file.to_str().unwrap();
    for args in [["check", file].as_slice(), &["serve", "--config", file]] {
        let said = crate::commands::hepta(args).stderr;
        assert!(said.contains("strangers could ask here for everything"), "{said}");
        assert!(said.contains("give it a `token`"), "{said}");
    }
    let site = of("admin \"0.0.0.0:0\" { token \"0123456789abcdef\" }\ndefault { close }");
    let server = configured(&site);
    let at = SocketAddr::from(([127, 0, 0, 1], admin(&server).port()));
    for (fields, status) in [
        ("", 401),
        ("Authorization: Bearer 0123456789abcdeg\r\n", 401),
        ("Authorization: Basic 0123456789abcdef\r\n", 401),
        ("Authorization: Bearer 0123456789abcdef\r\n", 200),
    ] {
        for target in ["/metrics", "/health", "/ready", "/config", "/connections"] {
            let answer = ask(at, target, fields);
            assert_eq!(answer.status, status, "{target} with {fields:?}");
            let challenge = (status == 401).then_some("Bearer realm=\"hepta\"");
            assert_eq!(answer.field("www-authenticate"), challenge);
        }
    }
}

#[test]
fn a_socket_in_the_file_system_tells_too() {
    let site = of("admin \"unix:admin.sock\"\ndefault { close }");
    let mut server = configured(&site);
    let by_file = |target: &str, name: &str| {
        let mut curl = tool("curl");
        curl.args(["-sS", "-o", "-", "-w", "%{http_code}", "--unix-socket"]);
        run(curl.arg(site.path("admin.sock")).arg(format!("http://{name}{target}"))).ok().text()
    };
    until("it is there", || site.path("admin.sock").exists().then_some(()));
    assert_eq!(by_file("/health", "localhost"), "running\n200");
    assert!(by_file("/", "127.0.0.1").contains("/metrics"));
    assert!(by_file("/config", "rebound.example").ends_with("421"), "a page from elsewhere");
    assert!(by_file("/nothing", "localhost").ends_with("404"));
    let mut conn = UnixStream::connect(site.path("admin.sock")).unwrap();
    std::io::Write::write_all(&mut conn, b"POST /ready HTTP/1.1\r\nHost: [::1]\r\n\r\n").unwrap();
    let mut head = [0; 64];
    let len = std::io::Read::read(&mut conn, &mut head).unwrap();
    assert!(String::from_utf8_lossy(&head[..len]).starts_with("HTTP/1.1 405"));
    server.signal(Signal::TERM);
    server.wait();
    assert!(!site.path("admin.sock").exists());
}

const DOWNLOAD: &str = "GET /large.bin?secret=no HTTP/1.1\r\nHost: a.example\r\n\r\n";

/// A download that goes on only when its reader does.
fn slow_download(server: &Server) -> Conn {
    let mut conn = connect_with_small_window(server.address());
    conn.send(DOWNLOAD);
    assert_eq!(conn.head().unwrap().status, 200);
    conn
}

#[test]
fn it_is_ready_until_a_stop_begins() {
    let site = of("admin \"127.0.0.1:0\"\ndefault { files \"www\" }")
        .with("www/large.bin", random_bytes(3, 8 << 20));
    let mut server = configured(&site);
    let at = admin(&server);
    assert_eq!(ask(at, "/ready", "").text(), "serving\n");
    let mut download = slow_download(&server);
    server.signal(Signal::TERM);
    until("it is not ready any more", || {
        let ready = ask(at, "/ready", "");
        (ready.status == 503 && ready.text() == "stopping\n").then_some(())
    });
    assert_eq!(ask(at, "/health", "").status, 200);
    assert_eq!(metrics(at)["hepta_ready"], 0.0);
    assert_eq!(download.take(8 << 20).unwrap().len(), 8 << 20);
    drop(download);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn connections_show_what_is_under_way() {
    let site = of("admin \"127.0.0.1:0\"\ndefault { files \"www\" }")
        .with("www/large.bin", random_bytes(3, 8 << 20));
    certificate(&site, "pair", "a.example");
    let text = std::fs::read_to_string(site.path("hepta.kdl")).unwrap();
    let tls = "\nlisten \"127.0.0.1:0\" { certificate \"pair.pem\" key=\"pair.key\" }\n";
    let site = site.with("hepta.kdl", text + tls);
    let server = configured(&site);
    let at = admin(&server);
    let download = slow_download(&server);
    let client = download.stream().local_addr().unwrap().to_string();
    let idle: Vec<_> = (0..3).map(|_| server.connect()).collect();
    let all = until("all are there", || {
        let all = json(at, "/connections");
        (all["connections"].as_array()?.len() == 4).then_some(all)
    });
    assert_eq!((&all["more"], &all["silent_workers"]), (&Value::from(0), &Value::from(0)));
    let busy = &all["connections"][0];
    assert_eq!(busy["client"], client, "who is busy comes first");
    assert_eq!(busy["server"], server.address().to_string());
    assert_eq!(busy["protocol"], "http/1.1");
    assert!(busy["tls"].is_null());
    assert!(busy["age_seconds"].is_f64());
    let request = &busy["requests"][0];
    assert_eq!(
        (&request["method"], &request["target"]),
        (&"GET".into(), &"/large.bin?secret=no".into())
    );
    let tcp = &busy["tcp"];
    assert!(tcp["rtt_seconds"].as_f64().unwrap() > 0.0, "{tcp}");
    assert!(tcp["congestion_window_segments"].as_u64().unwrap() > 0, "{tcp}");
    assert_eq!(tcp["received_bytes"], DOWNLOAD.len());
    assert!(tcp["unsent_bytes"].as_u64().unwrap() > 0, "{tcp}");
    assert_eq!(all["connections"][1]["requests"].as_array().unwrap().len(), 0);
    let html = ask(at, "/connections", "Accept: text/html\r\n");
    assert_eq!(html.field("content-type"), Some("text/html; charset=utf-8"));
    assert!(html.text().contains("GET /large.bin?secret=no"), "{}", html.text());
    drop((download, idle));

    let secure = server.stdout();
    let secure = secure.split_ascii_whitespace().find(|word| word.starts_with("https://")).unwrap();
    let mut client = tool("openssl")
        .args(["s_client", "-quiet", "-servername", "a.example", "-alpn", "http/1.1", "-connect"])
        .arg(secure.trim_start_matches("https://").trim_end_matches('/'))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let session = until("its handshake is done", || {
        let all = json(at, "/connections");
        let all = all["connections"].as_array()?.clone();
        all.into_iter().map(|connection| connection["tls"].clone()).find(|tls| !tls.is_null())
    });
    assert_eq!(session["version"], "TLS 1.3");
    assert_eq!(
        (&session["alpn"], &session["server_name"]),
        (&"http/1.1".into(), &"a.example".into())
    );
    assert!(session["suite"].as_str().unwrap().starts_with("TLS"), "{session}");
    client.kill().unwrap();
    client.wait().unwrap();
}

const HELLO: &str = "GET /hello.txt HTTP/1.1\r\nHost: a\r\nCookie: secret\r\n\r\n";

#[test]
fn one_connection_is_filmed() {
    let site = of("admin \"127.0.0.1:0\"\ndefault { files \"www\" }");
    let server = configured(&site);
    let at = admin(&server);
    let film = |accept: &'static str| {
        let (mut conn, mut other) = (server.connect(), server.connect());
        let number = until("it is there", || {
            let client = conn.stream().local_addr().unwrap().to_string();
            let all = json(at, "/connections");
            let all = all["connections"].as_array()?.clone();
            all.into_iter().find(|connection| connection["client"] == client)?["number"].as_u64()
        });
        std::thread::scope(|scope| {
            let target = format!("/connections/{number}/film?seconds=60");
            let film = scope.spawn(move || ask(at, &target, accept));
            until("it is filmed", || {
                let all = json(at, "/connections");
                let mut all = all["connections"].as_array()?.iter();
                all.find(|connection| connection["filmed"] == true).map(|_| ())
            });
            let second = ask(at, &format!("/connections/{number}/film"), "");
            assert_eq!(second.status, 404, "one film of one connection");
            for conn in [&mut conn, &mut other] {
                conn.send(HELLO);
                assert_eq!(conn.response("GET").text(), "hello\n");
            }
            drop(conn);
            film.join().unwrap()
        })
    };
    let text = film("").text();
    assert_eq!(text.matches("Transport Read len=").count(), 1, "of one only: {text}");
    assert!(text.contains("/hello.txt") && text.contains("Transport Ended"), "{text}");
    assert!(!text.contains("secret"), "{text}");
    let lines = film("Accept: application/jsonl\r\n");
    assert_eq!(lines.field("content-type"), Some("application/jsonl"));
    let lines: Vec<Value> =
        lines.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let read = lines.iter().find(|line| line["note"] == "Read").unwrap();
    assert_eq!(
        (&read["layer"], &read["len"]),
        (&"Transport".into(), &HELLO.len().to_string().into())
    );
    // It ends in time, and without a film nobody is watched.
    let idle = server.connect();
    // Those before may be there for a moment more.
    let client = idle.stream().local_addr().unwrap().to_string();
    let number = until("it is there", || {
        let all = json(at, "/connections");
        let mut all = all["connections"].as_array()?.iter();
        all.find(|connection| connection["client"] == client)?["number"].as_u64()
    });
    let film = ask(at, &format!("/connections/{number}/film?seconds=1"), "");
    assert_eq!((film.status, film.text()), (200, String::new()));
    drop(idle);
    assert_eq!(ask(at, "/connections/4711/film", "").status, 404);
    for wrong in ["x/film", "1/film?seconds=61", "1/film?seconds=0", "1/film?x"] {
        assert_eq!(ask(at, &format!("/connections/{wrong}"), "").status, 400, "{wrong}");
    }
}

#[test]
fn the_live_configuration_has_no_secrets() {
    let token = "admin \"127.0.0.1:0\" { token \"0123456789abcdef\" }";
    let text = |token: &str, name: &str| {
        format!(
            "listen \"127.0.0.1:0\"\n{token}\nsite \"{name}\" {{\n respond 200 \"${{HOME}}\"\n \
             basic-auth \"r\" {{ user \"anna\" \
             \"$2b$04$abcdefghijklmnopqrstuuxKnUjKPz4vlNfJKl5Cv5/kdUOx9bfpS\" }}\n}}\n"
        )
    };
    let site = Site::new().with("hepta.kdl", text(token, "one.example"));
    let server = configured(&site);
    let at = admin(&server);
    let mut kept = Conn::to(at);
    let config = |conn: &mut Conn, token: &str| {
        conn.send(format!(
            "GET /config HTTP/1.1\r\nHost: {at}\r\nAuthorization: Bearer {token}\r\n\r\n"
        ));
        conn.try_response("GET").map(|response| response.text())
    };
    let shown = config(&mut kept, "0123456789abcdef").unwrap();
    assert!(shown.contains("site \"one.example\" {"), "{shown}");
    assert!(shown.contains("token \"(hidden)\"") && shown.contains("user \"anna\" \"(hidden)\""));
    assert!(shown.contains("respond 200 \"${HOME}\""), "{shown}");
    for secret in ["0123456789abcdef", "$2b$", server.home().to_str().unwrap()] {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
    let reload = |text: String| {
        let before = server.stderr().matches("was read anew").count();
        std::fs::write(site.path("hepta.kdl"), text).unwrap();
        server.signal(Signal::HUP);
        until("the configuration was read", || {
            (server.stderr().matches("was read anew").count() > before).then_some(())
        });
    };
    reload(text(token, "two.example"));
    until("the connection tells of the new one", || {
        config(&mut kept, "0123456789abcdef").unwrap().contains("two.example").then_some(())
    });
    // Who has the old token is let go, also who is connected.
    reload(text(&token.replace("abcdef", "fedcba"), "two.example"));
    until("the old connection is over", || {
        config(&mut kept, "0123456789abcdef").is_err().then_some(())
    });
    let mut conn = Conn::to(at);
    assert!(config(&mut conn, "0123456789abcdef").unwrap().contains("401"));
    assert!(config(&mut conn, "0123456789fedcba").unwrap().contains("two.example"));
    // Without it, nobody tells; and it comes back.
    reload(text("", "two.example"));
    until("nobody listens there", || std::net::TcpStream::connect(at).is_err().then_some(()));
    reload(text(&format!("admin \"{at}\""), "two.example"));
    let name = server.ask_host("two.example", "GET", "/", &[]);
    assert_eq!(name.status, 401);
    until("it is counted", || {
        let all = metrics(at);
        let labels: BTreeSet<_> = all.keys().filter(|name| name.contains("two.example")).collect();
        (!labels.is_empty()).then_some(())
    });
}

#[test]
fn an_upgrade_takes_it_along() {
    let site = of("pid-file \"pid\"\nadmin \"127.0.0.1:0\"\ndefault { files \"www\" }")
        .with("www/large.bin", random_bytes(3, 8 << 20));
    let mut server = configured(&site);
    let at = admin(&server);
    let mut kept = Conn::to(at);
    let mut ready = |text: &str| {
        kept.send(format!("GET /ready HTTP/1.1\r\nHost: {at}\r\n\r\n"));
        let response = kept.response("GET");
        assert_eq!(response.text(), text);
        response.lists("connection", "close")
    };
    assert!(!ready("serving\n"));
    let download = slow_download(&server);
    tell(&site, "upgrade");
    let _successor = Successor::of(&site, server.pid());
    until("the first hands over", || server.stderr().contains("has taken over").then_some(()));
    assert!(ready("handing over\n"), "who is connected is told so, and then let go");
    assert_eq!(ask(at, "/ready", "").text(), "serving\n", "the second tells now");
    let uptime = metrics(at)["hepta_uptime_seconds"];
    assert!(uptime < 10.0, "{uptime}");
    drop(download);
    assert_eq!(server.wait().code(), Some(0));
    assert_eq!(ask(at, "/ready", "").text(), "serving\n");
}
