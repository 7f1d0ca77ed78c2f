//! Where the program listens, and who takes over from it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use peers::{Conn, Program, Server, Site, random_bytes, run, tool, until};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::HEPTA;
use crate::tls::certificate;

fn configured(site: &Site) -> Server {
    Program::configured(HEPTA, &site.path("hepta.kdl")).start()
}

fn with(text: &str) -> Site {
    Site::new().with("www/hello.txt", "hello\n").with("hepta.kdl", text)
}

/// A port that nobody listens at.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What curl gets by a socket in the file system.
fn by_file(site: &Site, target: &str) -> String {
    let mut curl = tool("curl");
    curl.args(["-sS", "--unix-socket"]).arg(site.path("hepta.sock"));
    run(curl.arg(format!("http://localhost{target}"))).ok().text()
}

#[test]
fn a_socket_in_the_file_system() {
    let site = with(
        r#"listen "unix:hepta.sock" mode="0666"
        listen "127.0.0.1:0"
        workers 2
        access-log "log"
        default {
            files "www"
            route "/from" { redirect "/[{address}]" }
            route "/near/*" { respond 200; allow "127.0.0.0/8" }
        }"#,
    )
    .with("www/large.bin", random_bytes(3, 8 << 20));
    let mut server = configured(&site);
    for _ in 0..10 {
        assert_eq!(by_file(&site, "/hello.txt"), "hello\n");
    }
    let mode = || site.path("hepta.sock").metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o666);
    let text = std::fs::read_to_string(site.path("hepta.kdl")).unwrap();
    site.write("hepta.kdl", text.replace("0666", "600"));
    server.signal(Signal::HUP);
    until("a reload changes who may connect", || (mode() == 0o600).then_some(()));
    assert_eq!(server.get("/hello.txt").text(), "hello\n");
    assert_eq!(by_file(&site, "/from"), "308 Permanent Redirect: /[]\n");
    assert!(by_file(&site, "/near/").contains("403"), "who has no address is in no network");
    let mut large = UnixStream::connect(site.path("hepta.sock")).unwrap();
    large.write_all(b"GET /large.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut got = Vec::new();
    large.read_to_end(&mut got).unwrap();
    assert!(got.ends_with(&random_bytes(3, 8 << 20)));
    server.until_file_has(&site.path("log"), "unix: - - [");
    // Another one does not take it away; one that was left is replaced; none is left at the end.
    let second =
        Command::new(HEPTA).args(["serve", "--listen"]).arg(socket(&site)).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("cannot listen at unix:") && said.contains("another program"), "{said}");
    server.signal(Signal::KILL);
    server.wait();
    assert!(site.path("hepta.sock").exists());
    let mut server = configured(&site);
    assert_eq!(by_file(&site, "/hello.txt"), "hello\n");
    server.signal(Signal::TERM);
    server.wait();
    assert!(!site.path("hepta.sock").exists());
}

fn socket(site: &Site) -> String {
    format!("unix:{}", site.path("hepta.sock").display())
}

/// A configuration that listens at one port, with the rest of it.
fn at(port: u16, rest: &str) -> String {
    format!("listen \"127.0.0.1:{port}\"\ndefault {{ files \"www\" }}\n{rest}")
}

fn reload(site: &Site, server: &Server, text: &str) {
    let before = server.stderr().matches("was read anew").count();
    std::fs::write(site.path("hepta.kdl"), text).unwrap();
    server.signal(Signal::HUP);
    until("the configuration was read", || {
        (server.stderr().matches("was read anew").count() > before).then_some(())
    });
}

fn is_served(port: u16) -> bool {
    let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut conn = Conn::over(stream);
    conn.send("GET /hello.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    conn.try_response("GET").is_ok_and(|response| response.text() == "hello\n")
}

#[test]
fn listeners_come_and_go() {
    let (first, second) = (free_port(), free_port());
    let site = with(&at(first, ""));
    certificate(&site, "pair", "a.example");
    let server = configured(&site);
    let mut kept = server.connect();
    kept.send("GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(kept.response("GET").text(), "hello\n");

    reload(&site, &server, &at(first, &format!("listen \"127.0.0.1:{second}\"\n")));
    until("the second is served", || is_served(second).then_some(()));
    assert!(is_served(first));

    let tls = "{ certificate \"pair.pem\" key=\"pair.key\" }";
    reload(&site, &server, &at(second, &format!("listen \"unix:hepta.sock\" {tls}\n")));
    until("nobody listens at the first", || (!is_served(first)).then_some(()));
    assert!(is_served(second));
    assert!(site.path("hepta.sock").exists());
    kept.send("GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(kept.response("GET").text(), "hello\n", "who was connected stays so");

    // One that cannot be opened changes nothing.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().port();
    std::fs::write(site.path("hepta.kdl"), at(taken, "")).unwrap();
    server.signal(Signal::HUP);
    until("it says why", || server.stderr().contains("another program does").then_some(()));
    assert!(is_served(second));

    reload(&site, &server, &at(second, ""));
    assert!(!site.path("hepta.sock").exists(), "a socket that is no more leaves no file");
}

/// How the kernel avoids congestion on the connections that a port has.
fn congestion_control(port: u16) -> String {
    let mut ss = tool("ss");
    let text = run(ss.args(["-tiHOn", "sport", "=", &format!(":{port}")])).ok().text();
    // Behind the state, how many bytes wait, and the addresses.
    text.split_whitespace().nth(5).unwrap_or_default().to_owned()
}

#[test]
fn a_listener_has_a_congestion_control_of_its_own() {
    let port = free_port();
    let with_key = |key: &str| {
        format!("listen \"127.0.0.1:{port}\" {{ {key}; }}\ndefault {{ files \"www\" }}\n")
    };
    let site = with(&with_key("congestion-control \"reno\""));
    let server = configured(&site);
    let kept = server.connect();
    assert_eq!(congestion_control(port), "reno");
    drop(kept);

    std::fs::write(site.path("hepta.kdl"), with_key("congestion-control \"vegetables\"")).unwrap();
    server.signal(Signal::HUP);
    let text = until("it says why", || {
        let text = server.stderr();
        text.contains("has no such congestion control").then_some(text)
    });
    assert!(text.contains("congestion control\n"), "{text}");
    assert!(is_served(port));
}

#[test]
fn proxies_say_who_their_clients_are() {
    let site = with(
        r#"listen "127.0.0.1:0" { proxy-protocol "127.0.0.1" }
        listen "unix:hepta.sock" { proxy-protocol "unix" }
        access-log "log"
        limits { timeout-head "1s" }
        default {
            respond 200 "in\n"
            allow "192.0.2.0/24" "2001:db8::/32"
        }"#,
    );
    let server = configured(&site);
    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let ask = |head: &[u8], at_once: bool| {
        let mut conn = server.connect();
        if at_once {
            conn.send([head, GET].concat());
        } else {
            head.iter().for_each(|b| conn.send([*b]));
            conn.send(GET);
        }
        conn.try_response("GET").map_or(0, |response| response.status)
    };
    let v1 = b"PROXY TCP4 192.0.2.7 203.0.113.1 4711 80\r\n".to_vec();
    let v1_denied = b"PROXY TCP4 198.51.100.7 203.0.113.1 4711 80\r\n".to_vec();
    let mut v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24".to_vec();
    v2.extend("2001:db8::7".parse::<std::net::Ipv6Addr>().unwrap().octets());
    v2.extend([0; 16]);
    v2.extend([0x12, 0x67, 0, 80]);
    for at_once in [true, false] {
        assert_eq!(ask(&v1, at_once), 200);
        assert_eq!(ask(&v2, at_once), 200);
        assert_eq!(ask(&v1_denied, at_once), 403);
        assert_eq!(ask(b"PROXY UNKNOWN\r\n", at_once), 403, "the proxy itself");
    }
    // Who should have said it and did not, or not in time, is not served.
    assert_eq!(ask(b"", true), 0);
    assert_eq!(ask(b"PROXY TCP4 1.2.3.4\r\n", true), 0);
    let mut silent = server.connect();
    silent.send("PROXY TCP4 ");
    assert!(silent.try_response("GET").is_err());
    // The operator of both learns that one of them is set up wrongly.
    until("the log says it", || {
        let said = server.stderr();
        let has = |part: &str| said.contains(part);
        (has("was to begin with the PROXY protocol") && has("from=127.0.0.1:")).then_some(())
    });
    let log = server.until_file_has(&site.path("log"), "2001:db8::7 - - [");
    assert!(log.contains("192.0.2.7 - - ["), "{log}");
    // curl speaks version 1 itself, for its own address.
    let mut curl = tool("curl");
    curl.args(["-sS", "--haproxy-protocol", "--unix-socket"]).arg(site.path("hepta.sock"));
    let by_file = run(curl.arg("http://localhost/")).ok().text();
    assert!(by_file.contains("403"), "it says that it is at its own address: {by_file}");
    // Elsewhere nobody is believed.
    let other = configured(&with(
        "listen \"127.0.0.1:0\" { proxy-protocol \"192.0.2.1\" }\ndefault { close }",
    ));
    let mut conn = other.connect();
    conn.send([&*v1, GET].concat());
    assert_eq!(conn.response("GET").status, 400);
}

/// The program that took over: it is nobody's child that the harness knows.
pub(crate) struct Successor(Pid);

impl Successor {
    pub(crate) fn of(site: &Site, before: u32) -> Self {
        let pid = until("another process serves", || {
            let text = std::fs::read_to_string(site.path("pid")).ok()?;
            text.trim().parse::<u32>().ok().filter(|pid| *pid != before)
        });
        Self(Pid::from_raw(pid as i32).unwrap())
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::TERM);
    }
}

/// A signal would end this test: its number stands in a pid-file that a server left.
#[test]
fn a_pid_file_that_was_left_harms_nobody() {
    let site = with("pid-file \"pid\"\ndefault { close }")
        .with("pid", format!("{}\n", std::process::id()));
    let file = site.path("hepta.kdl");
    for command in ["reload", "upgrade"] {
        let said = crate::commands::hepta(&[command, file.to_str().unwrap()]);
        assert!(!said.status.success());
        assert!(said.stderr.contains("the server does not run any more"), "{}", said.stderr);
    }
}

fn upgraded() -> Site {
    with(
        r#"listen "127.0.0.1:0"
        listen "unix:hepta.sock"
        workers 2
        pid-file "pid"
        default { files "www" }"#,
    )
}

pub(crate) fn tell(site: &Site, command: &str) {
    let file = site.path("hepta.kdl");
    let said = crate::commands::hepta(&[command, file.to_str().unwrap()]).ok().text();
    assert!(said.contains("process "), "{said}");
}

#[test]
fn a_new_program_takes_over_and_nobody_notices() {
    let content = random_bytes(7, 64 << 20);
    let site = upgraded().with("www/large.bin", &content);
    let mut server = configured(&site);
    let (address, before) = (server.address(), server.pid());
    let mut download = server.connect();
    download.send("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    download.head().unwrap();
    let mut got = download.take(1000).unwrap();
    let is_over = AtomicBool::new(false);
    let served = std::thread::scope(|scope| {
        let clients: Vec<_> =
            (0..4).map(|_| scope.spawn(|| ask_until(address, &is_over))).collect();
        std::thread::sleep(std::time::Duration::from_millis(300));
        tell(&site, "upgrade");
        let successor = Successor::of(&site, before);
        // The first one goes on for who is connected, and leaves the rest to the second.
        tell(&site, "reload");
        std::thread::sleep(std::time::Duration::from_millis(300));
        got.extend(download.take(content.len() - 1000).unwrap());
        is_over.store(true, Ordering::Relaxed);
        let served: usize = clients.into_iter().map(|client| client.join().unwrap()).sum();
        drop(download);
        assert_eq!(server.wait().code(), Some(0), "{}", server.stderr());
        assert_eq!(by_file(&site, "/hello.txt"), "hello\n", "its file is there");
        assert!(test_kill_process(successor.0).is_ok());
        until("the second has read the configuration", || {
            server.stderr().contains("was read anew").then_some(())
        });
        served
    });
    assert!(got == content);
    assert!(served > 100, "{served}");
    until("the second has ended", || (!is_served(address.port())).then_some(()));
}

/// Asks again and again, on a connection as long as it lasts; every answer must come.
fn ask_until(address: SocketAddr, is_over: &AtomicBool) -> usize {
    let mut served = 0;
    while !is_over.load(Ordering::Relaxed) {
        let mut conn = Conn::to(address);
        loop {
            conn.send("GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n");
            let response = conn.response("GET");
            assert_eq!(response.text(), "hello\n");
            served += 1;
            if response.lists("connection", "close") || is_over.load(Ordering::Relaxed) {
                break;
            }
        }
    }
    served
}

#[test]
fn a_new_program_that_does_not_serve_changes_nothing() {
    let site = upgraded();
    let mut server = configured(&site);
    let text = std::fs::read_to_string(site.path("hepta.kdl")).unwrap();
    std::fs::write(site.path("hepta.kdl"), text.replace("default", "defualt")).unwrap();
    let file = site.path("hepta.kdl");
    let said = crate::commands::hepta(&["upgrade", file.to_str().unwrap()]).stderr;
    assert!(said.contains("did you mean `default`"), "it is said at once: {said}");
    server.signal(Signal::USR2);
    until("it says why", || {
        server.stderr().contains("the new program ended before it served").then_some(())
    });
    assert_eq!(server.get("/hello.txt").text(), "hello\n");
    assert!(server.is_running());
    let pid = std::fs::read_to_string(site.path("pid")).unwrap();
    assert_eq!(pid.trim(), server.pid().to_string());
    server.signal(Signal::TERM);
    server.wait();
    assert!(!site.path("pid").exists());
}

#[test]
fn root_is_given_up_for_good() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("NOT RUN: only root can give up root");
    }
    let site = with(
        r#"listen "127.0.0.1:0"
        listen "unix:hepta.sock" mode="660"
        user "nobody"
        pid-file "pid"
        default {
            files "www"
            route "/secret/*" { files "secret" }
        }"#,
    )
    .with("secret/a.txt", "secret\n");
    // The directory of the site is for everybody, the file is for root.
    let mode = |path: &str, mode: u32| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(site.path(path), mode).unwrap();
    };
    mode("", 0o755);
    mode("secret/a.txt", 0o600);
    let mut server = configured(&site);
    assert_eq!(server.get("/hello.txt").text(), "hello\n");
    assert_eq!(server.get("/secret/a.txt").status, 403);
    let socket = site.path("hepta.sock").metadata().unwrap();
    assert_eq!((socket.uid(), socket.gid(), socket.mode() & 0o777), (65534, 65534, 0o660));
    for task in std::fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap() {
        let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let line = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        assert!(line("Uid:").iter().all(|uid| uid == "65534"), "{status}");
        assert!(line("Gid:").iter().all(|gid| gid == "65534"), "{status}");
        assert!(!line("Groups:").contains(&"0".to_owned()), "{status}");
        assert_eq!(line("CapEff:"), ["0000000000000000"]);
    }
    // It can still take over from itself.
    let before = server.pid();
    tell(&site, "upgrade");
    let successor = Successor::of(&site, before);
    server.wait();
    assert_eq!(server.get("/hello.txt").text(), "hello\n");
    drop(successor);
}

/// Opens a socket as systemd does, and starts the program with it.
const ACTIVATE: &str = "
import os, socket, sys
s = socket.create_server(('127.0.0.1', 0))
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[1], sys.argv[1:])
";

/// The same with a socket in the file system, at the place that is named first.
const ACTIVATE_BY_FILE: &str = "
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES='hepta.socket')
os.execv(sys.argv[2], sys.argv[2:])
";

/// systemd listens there when we are gone; without its file nobody would come to it.
#[test]
fn the_file_of_a_socket_of_systemd_stays() {
    let site = with(
        r#"listen "127.0.0.1:0"
        listen "unix:hepta.sock"
        listen "unix:own.sock"
        pid-file "pid"
        default { files "www" }"#,
    );
    let mut command = tool("python");
    command.args(["-c", ACTIVATE_BY_FILE]).arg(site.path("hepta.sock")).arg(HEPTA);
    let mut server = Program::configured_under(command, &site.path("hepta.kdl")).start();
    let before = server.pid();
    assert_eq!(by_file(&site, "/hello.txt"), "hello\n");
    tell(&site, "upgrade");
    let successor = Successor::of(&site, before);
    server.wait();
    assert_eq!(by_file(&site, "/hello.txt"), "hello\n");
    drop(successor);
    until("the second is gone", || (!site.path("own.sock").exists()).then_some(()));
    assert!(site.path("hepta.sock").exists());
}

#[test]
fn sockets_that_systemd_opened_are_used_and_it_is_told() {
    let site = Site::new().with("hello.txt", "hello\n");
    let notify = UnixDatagram::bind(site.path("notify")).unwrap();
    notify.set_nonblocking(true).unwrap();
    let heard = |what: &str| {
        until(&format!("systemd hears {what}"), || {
            let mut text = [0; 512];
            let len = notify.recv(&mut text).ok()?;
            String::from_utf8_lossy(&text[..len]).contains(what).then_some(())
        });
    };
    let mut command = tool("python");
    command.env("NOTIFY_SOCKET", site.path("notify")).args(["-c", ACTIVATE, HEPTA]);
    let mut server = Program::serve_under(command, site.root()).as_it_is().start();
    heard("READY=1");
    assert_eq!(server.get("/hello.txt").text(), "hello\n");
    server.signal(Signal::HUP);
    heard("RELOADING=1\nMONOTONIC_USEC=");
    heard("READY=1");
    server.signal(Signal::TERM);
    heard("STOPPING=1");
    server.wait();
}
