//! What people see of the program: where it serves, logs, films, help, errors.

use std::process::Command;

use peers::{Finished, Site, run};

use crate::{HEPTA, program, program_in, small};

pub(crate) fn hepta(args: &[&str]) -> Finished {
    run(Command::new(HEPTA).args(args).env_remove("RUST_BACKTRACE"))
}

#[test]
fn it_says_where_it_serves_so_that_people_can_click() {
    let site = Site::new().with("hello.txt", "hello\n");
    let server = program(&site).listen("127.0.0.1:0").listen("[::1]:0").start();
    assert!(server.urls().len() >= 2, "{}", server.stdout());
    for url in server.urls() {
        let got = run(peers::tool("curl").args(["-sS", "-g"]).arg(format!("{url}hello.txt"))).ok();
        assert_eq!(got.text(), "hello\n", "{url}");
    }
    // Plain text to a pipe.
    assert!(!server.stdout().contains('\x1b'), "{:?}", server.stdout());
    assert!(server.stdout().contains(site.root().to_str().unwrap()), "{}", server.stdout());
}

#[test]
fn without_a_directory_it_serves_its_own_site() {
    let server = peers::Program::serve_default_site(HEPTA).start();
    let response = server.get("/");
    assert_eq!(response.status, 200);
    assert!(response.text().contains("Hepta"), "{}", response.text());
    assert_eq!(server.get("/files/layers.json").status, 200);
}

#[test]
fn several_workers_serve_the_same() {
    let site = Site::new().with("hello.txt", "hello\n");
    for workers in ["1", "2", "5"] {
        let server = program(&site).args(&["--workers", workers]).start();
        for _ in 0..20 {
            assert_eq!(server.get("/hello.txt").text(), "hello\n");
        }
    }
}

#[test]
fn the_access_log_has_a_line_for_each_request() {
    let site = Site::new().with("hello.txt", "hello\n");
    let log = Site::new();
    let path = log.path("access.log");
    let mut server =
        program(&site).arg("--access-log").arg(&path).args(&["--workers", "1"]).start();
    server.ask("GET", "/hello.txt?a=b", &[("Referer", "http://a/")]);
    server.ask("HEAD", "/hello.txt", &[("User-Agent", "me \"and\" you")]);
    server.get("/missing");
    let mut conn = server.connect();
    conn.send("GET /nonsense HTTP/1.1\r\n\r\n");
    conn.response("GET");
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.wait().code(), Some(0), "{}", server.stderr());
    // At the end everything is there, the last line too.
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[0].starts_with("127.0.0.1 - - ["), "{text}");
    assert!(
        lines[0].contains("\"GET /hello.txt?a=b HTTP/1.1\" 200 6 \"http://a/\" \"-\""),
        "{text}"
    );
    assert!(lines[1].contains("\"HEAD /hello.txt HTTP/1.1\" 200 0 "), "{text}");
    assert!(!lines[1].contains("me \"and\" you"), "what a stranger wrote ends its field: {text}");
    assert!(lines[2].contains("\"GET /missing HTTP/1.1\" 404 "), "{text}");
    assert!(lines[3].contains(" 400 "), "{text}");
}

#[test]
fn the_film_shows_what_happened_on_a_connection() {
    let site = Site::new().with("hello.txt", "hello\n");
    let server = program(&site).arg("--film").start();
    let fields = [("Cookie", "of-the-user"), ("Authorization", "Basic c2VjcmV0")];
    server.ask("GET", "/hello.txt", &fields);
    server.ask("BREW", "/pot", &[]);
    peers::until("the film is printed", || server.stderr().contains("501").then_some(()));
    let film = server.stderr();
    for word in ["connection", "/hello.txt", "200", "BREW"] {
        assert!(film.contains(word), "{word} is not in {film}");
    }
    // What is nobody's business is not in it.
    assert!(!film.contains("of-the-user") && !film.contains("c2VjcmV0"), "{film}");
    // Without being asked it says nothing.
    let (_site, server) = small();
    server.get("/hello.txt");
    assert!(!server.stderr().contains("/hello.txt"), "{}", server.stderr());
}

#[test]
fn a_film_shows_the_layers_that_were_asked_for() {
    let site = Site::new().with("hello.txt", "hello\n");
    let server = program(&site).arg("--film=application").start();
    server.get("/hello.txt");
    peers::until("the film is printed", || server.stderr().contains("/hello.txt").then_some(()));
    assert!(!server.stderr().contains(" Session "), "{}", server.stderr());
}

#[test]
fn every_error_says_what_to_do() {
    let site = Site::new().with("file.txt", "x");
    let file = site.path("file.txt");
    let root = site.root().to_str().unwrap();
    let cases: [(&[&str], &str); 13] = [
        (&["serve", "/nowhere-at-all"], "/nowhere-at-all"),
        (&["serve", file.to_str().unwrap()], "directory"),
        (&["serve", root, "--listen", "nonsense"], "127.0.0.1:8080"),
        (&["serve", root, "--listen", "127.0.0.1"], "port"),
        (&["serve", root, "--listen", "127.0.0.1:99999"], "--listen"),
        (&["serve", root, "--listen", "192.0.2.1:0"], "address"),
        (&["serve", root, "--film=nonsense"], "session"),
        (&["serve", root, "--workers", "0"], "--workers"),
        (&["serve", root, "--cert", "x.pem"], "--key"),
        (&["serve", root, "--cert", "x.pem", "--key", "x.key"], "x.pem"),
        (&["serve", root, "--access-log", "/nowhere-at-all/log"], "/nowhere-at-all/log"),
        (&["serve", root, "--nonsense"], "--nonsense"),
        (&["brew"], "brew"),
    ];
    for (args, word) in cases {
        let said = hepta(args);
        assert!(!said.status.success(), "{args:?}");
        assert!(said.stderr.contains(word), "{args:?}: {word} is not in {}", said.stderr);
        assert!(said.stderr.contains("error"), "{args:?}: {}", said.stderr);
        assert!(!said.stderr.contains("panicked"), "{args:?}: {}", said.stderr);
        assert!(!said.stderr.contains('\x1b'), "colour in a pipe: {:?}", said.stderr);
    }
}

#[test]
fn help_completions_and_manual_pages_come_from_one_definition() {
    let help = hepta(&["--help"]).ok().text();
    assert!(help.contains("serve") && help.contains("get"), "{help}");
    let help = hepta(&["serve", "--help"]).ok().text();
    for option in ["--listen", "--tls", "--workers", "--access-log", "--cert", "--key", "--film"] {
        assert!(help.contains(option), "{option} is not in {help}");
    }
    let help = hepta(&["get", "--help"]).ok().text();
    for option in ["--output", "--range", "--continue", "--insecure", "--cacert", "-v"] {
        assert!(help.contains(option), "{option} is not in {help}");
    }
    assert!(hepta(&["--version"]).ok().text().starts_with("hepta "));
    for shell in ["bash", "zsh", "fish"] {
        let script = hepta(&["completions", shell]).ok().text();
        assert!(script.contains("access-log"), "{shell}");
        if shell == "bash" {
            let _ = peers::run_with_input(Command::new("bash").arg("-n"), script.as_bytes()).ok();
        }
    }
    let site = Site::new();
    let _ = hepta(&["man", site.root().to_str().unwrap()]).ok();
    let page = std::fs::read_to_string(site.path("hepta-serve.1")).unwrap();
    assert!(page.starts_with(".ie") || page.contains(".TH"), "{page}");
    assert!(page.contains("access\\-log"), "{page}");
}

#[test]
fn a_directory_that_goes_away_does_not_end_the_server() {
    let site = Site::new().with("root/hello.txt", "hello\n");
    let mut server = program_in(&site.path("root")).start();
    assert_eq!(server.get("/hello.txt").status, 200);
    std::fs::remove_dir_all(site.path("root")).unwrap();
    assert_eq!(server.get("/hello.txt").status, 404);
    assert!(server.is_running());
}

/// What a command shows in a terminal, until it ends or has shown `enough`.
fn in_terminal(args: &[&str], environment: &[(&str, &str)], enough: &str) -> String {
    let script = "
import os, pty, sys
pid, fd = pty.fork()
if pid == 0: os.execv(sys.argv[2], sys.argv[2:])
shown = b''
while sys.argv[1].encode() not in shown:
    try: piece = os.read(fd, 65536)
    except OSError: break
    if not piece: break
    shown += piece
try: os.kill(pid, 9)
except ProcessLookupError: pass
sys.stdout.buffer.write(shown)";
    let home = Site::new();
    let mut command = peers::tool("python");
    command.args(["-c", script, enough, HEPTA]).args(args).env_remove("NO_COLOR");
    command.env("HOME", home.root()).env("TERM", "xterm").envs(environment.iter().copied());
    run(&mut command).ok().text()
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    let site = Site::new();
    let args = ["serve", site.root().to_str().unwrap(), "--listen", "127.0.0.1:0"];
    let shown = in_terminal(&args, &[], "Ctrl-C");
    assert!(shown.contains("http://127.0.0.1:") && shown.contains('\x1b'), "{shown:?}");
    let shown = in_terminal(&args, &[("NO_COLOR", "1")], "Ctrl-C");
    assert!(shown.contains("http://127.0.0.1:") && !shown.contains('\x1b'), "{shown:?}");
    let shown = in_terminal(&["serve", "/nowhere-at-all"], &[("NO_COLOR", "1")], "never");
    assert!(shown.contains("error") && !shown.contains('\x1b'), "{shown:?}");
}

#[test]
fn a_download_shows_its_progress_in_a_terminal() {
    let site = Site::new().with("large.bin", vec![0; 30 << 20]);
    let server = program(&site).start();
    let copy = site.path("copy.bin");
    let url = server.url("/large.bin");
    let args = ["get", "-o", copy.to_str().unwrap(), &url];
    let shown = in_terminal(&args, &[("NO_COLOR", "1")], "never");
    assert!(shown.contains("MiB"), "{shown:?}");
    assert_eq!(std::fs::metadata(&copy).unwrap().len(), 30 << 20);
}
