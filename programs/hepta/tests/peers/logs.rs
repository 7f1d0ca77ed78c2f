//! Access logs: where lines go, what they are, and that none is lost on the way.

use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use peers::{Program, Server, Site, run, run_with_input, tool, until};
use rustix::process::Signal;

use crate::HEPTA;
use crate::tls::certificate;

fn configured(site: &Site) -> Server {
    Program::configured(HEPTA, &site.path("hepta.kdl")).start()
}

/// What one worker serves, so that lines stand in the order of requests.
fn of(text: &str) -> Site {
    of_workers(1, text)
}

fn of_workers(workers: usize, text: &str) -> Site {
    let text = format!("listen \"127.0.0.1:0\"\nworkers {workers}\n{text}");
    Site::new().with("www/a.txt", "a\n").with("hepta.kdl", text)
}

fn stop(server: &mut Server) {
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0), "{}", server.stderr());
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Asks `count` times on one connection.
fn ask(server: &Server, target: &str, count: usize) {
    let mut conn = server.connect();
    for n in 0..count {
        conn.send(format!("GET {target}?{n} HTTP/1.1\r\nHost: a.example\r\n\r\n"));
        conn.response("GET");
    }
}

/// What a script of Python says of these lines.
fn python(script: &str, input: &str) -> String {
    run_with_input(tool("python").args(["-c", script]), input.as_bytes()).ok().text()
}

#[test]
fn lines_of_json_are_read_by_python() {
    let site = of(r#"
        access-log "log" { format "json" }
        site "a.example" "b.example" { files "www" }
        default { respond 404 }
    "#);
    let mut server = configured(&site);
    let mut conn = server.connect();
    conn.send(b"GET /a.txt?%22\\x HTTP/1.1\r\nHost: b.example\r\nReferer: \"\\\"}\r\nUser-Agent: ");
    conn.send(b"\xc3\xa4\xff\t{\xe2\x80\xa8}\r\n\r\n");
    assert_eq!(conn.response("GET").text(), "a\n");
    conn.send(b"GET /%0a%00\r\n\r\n HTTP/1.1\r\nHost: a.example\r\n\r\n");
    conn.rest();
    server.ask_host("c.example", "POST", "/", &[]);
    stop(&mut server);
    let script = "
import datetime, json, sys
for line in sys.stdin.buffer.read().decode('ascii').splitlines():
    entry = json.loads(line)
    datetime.datetime.fromisoformat(entry.pop('time'))
    assert entry.pop('seconds') < 60 and entry['address'] == '127.0.0.1'
    print([entry[k] for k in ['site', 'host', 'method', 'target', 'version', 'status', 'bytes']])
    print(ascii([entry[k] for k in ['referer', 'user_agent', 'tls', 'sni', 'sample']]))
    print(entry['why'] is None)
";
    let said = python(script, &read(&site.path("log")));
    let lines: Vec<&str> = said.lines().collect();
    let expected = [
        r#"['a.example', 'b.example', 'GET', '/a.txt?%22\\x', 'HTTP/1.1', 200, 2]"#,
        r#"['"\\"}', '\xe4\ufffd\t{\u2028}', None, None, 1]"#,
        "True",
    ];
    assert_eq!(lines[..3], expected);
    assert!(lines[3].starts_with("[None, None, None, None, None, 400, "), "{said}");
    assert_eq!(lines[5], "False", "a request that cannot be read has a reason");
    assert!(lines[6].starts_with("['default', 'c.example', 'POST', '/', "), "{said}");
    assert_eq!(lines.len(), 9, "{said}");
}

#[test]
fn a_line_of_ones_own_has_what_was_chosen() {
    let site = of(r#"
        access-log "log" { format "{address} {target} {field:User-Agent} \"{field:X}\" {status}" }
        default { files "www" }
    "#);
    let mut server = configured(&site);
    let fields = &[("User-Agent", "me 200 \"/x"), ("X", "a b\" \\")];
    server.ask("GET", "/a.txt", fields);
    server.get("/missing");
    stop(&mut server);
    assert_eq!(
        read(&site.path("log")),
        "127.0.0.1 /a.txt me\\x20200\\x20\\x22/x \"a b\\x22 \\x5c\" 200\n\
         127.0.0.1 /missing - \"-\" 404\n"
    );
}

#[test]
fn a_site_has_a_log_of_its_own_or_none() {
    let site = of(r#"
        access-log "common"
        site "a.example" { files "www"; access-log "own" }
        site "b.example" { files "www"; access-log "off" }
        site "c.example" { files "www" }
    "#);
    let mut server = configured(&site);
    for host in ["a.example", "b.example", "c.example", "d.example"] {
        server.ask_host(host, "GET", &format!("/{host}"), &[]);
    }
    let mut conn = server.connect();
    conn.send("nonsense\r\n\r\n");
    conn.rest();
    stop(&mut server);
    let (common, own) = (read(&site.path("common")), read(&site.path("own")));
    assert_eq!(own.lines().count(), 1, "{own}");
    assert!(own.contains("/a.example"));
    assert_eq!(common.lines().count(), 3, "{common}");
    assert!(["/c.example", "/d.example", "\"-\" 400"].iter().all(|what| common.contains(what)));
    assert!(!site.path("off").exists());
}

#[test]
fn of_what_succeeds_one_of_many_is_logged() {
    let site = of(r#"
        access-log "log" { format "{status} {sample}"; sample 10 }
        default { files "www" }
    "#);
    let mut server = configured(&site);
    ask(&server, "/a.txt", 100);
    ask(&server, "/missing", 20);
    stop(&mut server);
    let log = read(&site.path("log"));
    let count = |line: &str| log.lines().filter(|l| *l == line).count();
    assert_eq!((count("200 10"), count("404 1")), (10, 20), "{log}");
}

/// Has eight clients ask `count` times each, and `meanwhile` happen.
fn load(server: &Server, count: usize, meanwhile: impl FnOnce()) {
    std::thread::scope(|scope| {
        for client in 0..8 {
            scope.spawn(move || ask(server, &format!("/{client}"), count));
        }
        meanwhile();
    });
}

/// The lines of every file whose name begins with `log`; each is whole, and none is there twice.
fn lines(site: &Site) -> usize {
    let mut targets = Vec::new();
    for entry in std::fs::read_dir(site.root()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with("log") {
            let text = read(&path);
            assert!(text.is_empty() || text.ends_with('\n'), "{}", path.display());
            targets.extend(text.lines().map(|line| line.split(' ').nth(6).unwrap().to_owned()));
        }
    }
    targets.sort();
    let all = targets.len();
    targets.dedup();
    assert_eq!(targets.len(), all, "a line is there twice");
    all
}

#[test]
fn rotation_under_load_loses_no_line() {
    let site = of_workers(
        4,
        r#"
        access-log "log" { rotate size="16KiB" keep=1000 }
        default { respond 200 }
    "#,
    );
    let mut server = configured(&site);
    load(&server, 500, || {});
    stop(&mut server);
    assert_eq!(lines(&site), 8 * 500, "{}", server.stderr());
    assert!(site.path("log.5").exists());
    // Who reads is told where to find it, and old ones go.
    let few = of(r#"
        access-log "log" { rotate size="1KiB" keep=2 }
        default { respond 200 }
    "#);
    let mut server = configured(&few);
    for number in 0..5 {
        ask(&server, &format!("/{number}"), 20);
        server.until_file_has(&few.path("log"), &format!("/{number}?19 "));
    }
    stop(&mut server);
    assert!(read(&few.path("log")).contains("/4?19 "));
    assert!(few.path("log.2").exists() && !few.path("log.3").exists());
}

#[test]
fn a_log_that_was_moved_away_begins_anew() {
    let site = of_workers(4, "access-log \"log\"\ndefault { respond 200 }");
    let mut server = configured(&site);
    load(&server, 500, || {
        for number in 0..3 {
            until("there is a log", || site.path("log").exists().then_some(()));
            std::fs::rename(site.path("log"), site.path(&format!("log-{number}"))).unwrap();
        }
    });
    // It is noticed also when nobody asks for anything.
    until("there is a log", || site.path("log").exists().then_some(()));
    stop(&mut server);
    assert_eq!(lines(&site), 8 * 500, "{}", server.stderr());
}

#[test]
fn a_signal_opens_the_log_anew() {
    let site = of("access-log \"log\"\ndefault { respond 200 }");
    let server = configured(&site);
    ask(&server, "/before", 1);
    server.until_file_has(&site.path("log"), "/before");
    let is_open = |path: &Path| {
        let open = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().flatten();
        open.filter_map(|fd| std::fs::read_link(fd.path()).ok()).any(|link| link == path)
    };
    let since = Instant::now();
    for number in 0..20 {
        let moved = site.path(&format!("log-{number}"));
        std::fs::rename(site.path("log"), &moved).unwrap();
        server.signal(Signal::USR1);
        until("there is a log", || site.path("log").exists().then_some(()));
        until("the old one is closed", || (!is_open(&moved)).then_some(()));
    }
    // Without the signal each would be noticed only after a second.
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    ask(&server, "/after", 1);
    server.until_file_has(&site.path("log"), "/after");
}

#[test]
fn a_log_that_cannot_be_written_holds_nobody_up() {
    let site = of("access-log \"/dev/full\"\ndefault { files \"www\" }");
    let mut server = configured(&site);
    let since = Instant::now();
    while since.elapsed() < Duration::from_millis(2500) {
        ask(&server, "/a.txt", 100);
    }
    assert_eq!(server.get("/a.txt").text(), "a\n");
    stop(&mut server);
    let said = server.stderr();
    let lines: Vec<_> = said.lines().filter(|line| line.contains("cannot be written")).collect();
    let most = since.elapsed().as_secs() as usize + 2;
    assert!((2..=most).contains(&lines.len()), "{said}");
    assert!(lines.iter().all(|line| line.contains("/dev/full") && line.contains("No space left")));
    assert_eq!(said.lines().count(), lines.len(), "and nothing else: {said}");
}

#[test]
fn a_log_that_nobody_takes_holds_nobody_up() {
    let site = of("access-log \"pipe\"\ndefault { respond 200 }");
    let pipe = site.path("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
    // Both ends, so that nobody waits for the other to open it.
    let mut reader = std::fs::File::options().read(true).write(true).open(&pipe).unwrap();
    let mut server = configured(&site);
    let agent = "a".repeat(8000);
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: {agent}\r\n\r\n");
    let ask = |count: usize| {
        let mut conn = server.connect();
        for _ in 0..count {
            conn.send(&head);
            assert_eq!(conn.response("GET").status, 200);
        }
    };
    // More than waits, and than the pipe holds.
    ask(1200);
    until("the error log says it", || server.stderr().contains("lines of access").then_some(()));
    // What comes out when somebody takes it is whole lines, and new ones come again.
    let mut text = String::new();
    let mut buffer = vec![0; 1 << 20];
    until("a new line comes", || {
        server.get("/new");
        let len = reader.read(&mut buffer).unwrap();
        let came = str::from_utf8(&buffer[..len]).unwrap();
        text.push_str(came);
        came.contains("/new").then_some(())
    });
    let (whole, _) = text.rsplit_once('\n').unwrap();
    let end = format!("\"{agent}\" 0.");
    let is_line = |line: &str| line.starts_with("127.0.0.1 - - [") && line.contains(&end);
    let lines: Vec<_> = whole.lines().filter(|line| !line.contains("/new")).collect();
    assert!(lines.len() > 500 && lines.iter().all(|line| is_line(line) && line.len() < 8200));
    // The end waits for a while, and no longer.
    ask(100);
    let since = Instant::now();
    stop(&mut server);
    assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
    let said = server.stderr();
    assert_eq!(said.lines().count(), said.matches("lines of access logs are lost").count());
    assert!((2..=20).contains(&said.lines().count()), "{said}");
}

#[test]
fn a_log_belongs_to_the_user_who_writes_it() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("NOT RUN: only root can give a file away");
    }
    let site = of(r#"
        user "nobody"
        access-log "log"
        site "old.example" { respond 200; access-log "old" }
        default { respond 200 }
    "#)
    .with("old", "");
    std::fs::set_permissions(site.root(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let server = configured(&site);
    let owner = |name: &str| std::fs::metadata(site.path(name)).ok().map(|file| file.uid());
    assert_eq!((owner("log"), owner("old")), (Some(65534), Some(0)), "what was there stays");
    std::fs::rename(site.path("log"), site.path("moved")).unwrap();
    server.signal(Signal::USR1);
    until("the log is made anew", || (owner("log") == Some(65534)).then_some(()));
    ask(&server, "/after", 1);
    server.until_file_has(&site.path("log"), "/after");
}

#[test]
fn lines_say_what_tls_agreed_on() {
    let site = Site::new().with("www/a.txt", "a\n").with(
        "hepta.kdl",
        r#"
        listen "127.0.0.1:0" { certificate "pair.pem" key="pair.key" }
        access-log "log" { format "{scheme} {tls} {sni} {site}" }
        site "a.example" { files "www" }
        site "b.example" { files "www"; access-log "json" { format "json" } }
        "#,
    );
    certificate(&site, "pair", "a.example");
    let mut server = configured(&site);
    let port = server.port();
    for (host, version) in [("a.example", "1.3"), ("b.example", "1.2")] {
        let mut curl = tool("curl");
        curl.args(["-sk", "--tls-max", version, "--resolve", &format!("*:{port}:127.0.0.1")]);
        assert_eq!(run(curl.arg(format!("https://{host}:{port}/a.txt"))).ok().text(), "a\n");
    }
    stop(&mut server);
    assert_eq!(read(&site.path("log")), "https 1.3 a.example a.example\n");
    let json = read(&site.path("json"));
    assert!(json.contains(r#""tls":"1.2","sni":"b.example""#), "{json}");
}

#[test]
fn reading_anew_keeps_logs_and_loses_no_line() {
    let rest = |format: &str| {
        format!(
            "listen \"127.0.0.1:0\"\nworkers 4\naccess-log \"log\" {{ format \"{format}\" }}\n\
             default {{ respond 200 }}\n"
        )
    };
    let line = "{address} - - - - - {target} -";
    let site = Site::new().with("hepta.kdl", rest(line));
    let mut server = configured(&site);
    load(&server, 500, || {
        for text in ["combined", line, "combined"] {
            let before = server.stderr().matches("was read anew").count();
            std::fs::write(site.path("hepta.kdl"), rest(text)).unwrap();
            server.signal(Signal::HUP);
            until("the configuration was read", || {
                (server.stderr().matches("was read anew").count() > before).then_some(())
            });
        }
    });
    stop(&mut server);
    assert_eq!(lines(&site), 8 * 500, "{}", server.stderr());
    assert!(!server.stderr().contains("ERROR"), "{}", server.stderr());
}

/// Server-Timing as the tools of browsers read it: names with a duration and a text.
fn timings(answer: &peers::Response) -> Vec<(String, Option<f64>, Option<String>)> {
    let mut timings = Vec::new();
    for metric in answer.all("server-timing").flat_map(|value| value.split(", ")) {
        let mut parts = metric.split(';');
        let name = parts.next().unwrap().to_owned();
        let (mut duration, mut text) = (None, None);
        for part in parts {
            match part.split_once('=').unwrap() {
                ("dur", value) => duration = Some(value.parse().unwrap()),
                ("desc", value) => text = Some(value.trim_matches('"').to_owned()),
                other => panic!("{other:?}"),
            }
        }
        timings.push((name, duration, text));
    }
    timings
}

#[test]
fn a_trace_is_passed_on_or_begun_and_answers_logs_and_fields_call_it_the_same() {
    let site = of(r#"
        access-log "log" { format "{target} {trace} {span}" }
        default {
            files "www"
            fields { set "traceresponse" "{traceparent}" }
            server-timing
            route "/quiet/*" { respond 200; server-timing #false }
            route "/passed/*" {
                request-fields { set "traceparent" "{traceparent}" }
                redirect "/{field:traceparent}"
            }
        }
    "#);
    let mut server = configured(&site);
    let came = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    let ask = |target, fields: &[(&str, &str)]| server.ask_host("a.example", "GET", target, fields);
    let begun = ask("/a.txt", &[]);
    let passed = ask("/a.txt?passed", &[("Traceparent", came)]);
    let found = ask("/passed/x", &[("Traceparent", came)]);
    let quiet = ask("/quiet/x", &[]);
    stop(&mut server);

    let trace = |answer: &peers::Response| answer.field("traceresponse").unwrap().to_owned();
    for (answer, log) in [&begun, &passed].into_iter().zip(read(&site.path("log")).lines()) {
        let trace = trace(answer);
        let parts: Vec<_> = trace.split('-').collect();
        let [_, trace_id, span, _] = *parts else { panic!("{trace}") };
        let of_line: Vec<_> = log.split(' ').skip(1).collect();
        assert_eq!(of_line, [trace_id, span], "{log}");
        let [(answered, Some(took), None), (rtt, Some(there), _), (name, None, Some(text))] =
            &timings(answer)[..]
        else {
            panic!("{answer:?}")
        };
        assert_eq!((&**answered, &**rtt, &**name), ("answer", "rtt", "traceparent"));
        assert!((0.0..5e3).contains(took) && (0.0..5e3).contains(there), "{took} {there}");
        assert_eq!(*text, trace);
    }
    assert!(trace(&passed).starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
    assert!(trace(&passed).ends_with("-00"), "whether it is recorded was decided before");
    assert_ne!(trace(&passed), came, "whoever is asked next is asked by us");
    assert_ne!(trace(&begun)[..35], trace(&passed)[..35]);
    assert_eq!(found.field("location"), Some(&*format!("/{}", trace(&found))));
    assert_eq!(quiet.field("server-timing"), None);
}
