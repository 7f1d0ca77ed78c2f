//! From paths to files: what is found, what is refused, and what changes.

use std::os::unix::fs::symlink;
use std::time::Duration;

use peers::{Conn, Server, Site, connect_with_small_window, random_bytes, run, tool};

use crate::{field, program, program_in, serve};

/// The body of a GET over a connection that stays.
#[track_caller]
fn body(conn: &mut Conn, target: &str) -> (u16, Vec<u8>) {
    conn.send(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    let response = conn.response("GET");
    (response.status, response.body)
}

#[test]
fn names_of_every_kind_are_found() {
    let names = [
        ("plain.txt", "/plain.txt"),
        ("a name with blanks.txt", "/a%20name%20with%20blanks.txt"),
        ("100%.txt", "/100%25.txt"),
        ("a+b.txt", "/a+b.txt"),
        ("a+b.txt", "/a%2Bb.txt"),
        ("question?.txt", "/question%3F.txt"),
        ("hash#.txt", "/hash%23.txt"),
        ("semi;colon=1.txt", "/semi;colon=1.txt"),
        ("quote\"'.txt", "/quote%22'.txt"),
        ("back\\slash.txt", "/back%5Cslash.txt"),
        ("gr\u{fc}\u{df}e \u{65e5}\u{672c}.txt", "/gr%C3%BC%C3%9Fe%20%E6%97%A5%E6%9C%AC.txt"),
        ("two..dots.txt", "/two..dots.txt"),
        ("deep/er/still/file.txt", "/deep/er/still/file.txt"),
        ("deep/er/still/file.txt", "/deep//er/./x/../still/file.txt"),
        ("plain.txt", "/%70%6c%61%69%6e%2e%74%78%74"),
        ("no-extension", "/no-extension"),
        (".well-known/security.txt", "/.well-known/security.txt"),
    ];
    let site = names.iter().fold(Site::new(), |site, (name, _)| site.with(name, name));
    let server = serve(&site);
    for (name, target) in names {
        let response = server.get(target);
        assert_eq!((response.status, response.text()), (200, name.to_owned()), "{target}");
    }
    assert_eq!(server.get("/plain.txt/").status, 404, "a file is no directory");
    assert_eq!(server.get("/Plain.txt").status, 404, "case matters");
}

#[test]
fn an_index_stands_for_its_directory() {
    let site = Site::new().with("index.html", "top").with("folder/index.html", "inner");
    let server = serve(&site);
    assert_eq!(server.get("/").text(), "top");
    assert_eq!(server.get("/folder/").text(), "inner");
    assert_eq!(server.get("/folder/?query").text(), "inner");
    assert_eq!(server.get("/folder/index.html").text(), "inner");
    assert!(field(&server.get("/folder/"), "content-type").starts_with("text/html"));
}

#[test]
fn a_directory_without_slash_is_redirected_and_nowhere_else() {
    let site = Site::new()
        .with("folder/index.html", "inner")
        .with("evil.example/index.html", "evil")
        .with("evil.example/folder/index.html", "evil")
        .with("a b\u{e9}/index.html", "blank");
    let server = serve(&site);
    let cases = [
        ("/folder", "/folder/"),
        ("/folder?a=b&c", "/folder/?a=b&c"),
        ("/a%20b%C3%A9", "/a%20b%C3%A9/"),
        ("//evil.example", "/evil.example/"),
        ("///evil.example", "/evil.example/"),
        ("//evil.example/folder", "/evil.example/folder/"),
        ("/./evil.example", "/evil.example/"),
        ("//x/..//evil.example", "/evil.example/"),
    ];
    for (target, expected) in cases {
        let response = server.get(target);
        assert_eq!(response.status, 301, "{target}: {response}");
        let location = field(&response, "location");
        let path = location.strip_prefix("http://localhost").unwrap_or(&location);
        assert_eq!(path, expected, "{target}");
    }
    // What looks like a host or a line break never reaches the answer's head.
    for target in ["/folder%0d%0aSet-Cookie:a=b", "/%2f%2fevil.example", "/folder?%0d%0aX:y"] {
        let response = server.get(target);
        assert!(response.field("set-cookie").is_none() && response.field("x").is_none());
        let location = response.field("location").unwrap_or("/folder/");
        assert!(location.starts_with("/folder/"), "{target}: {response}");
    }
}

#[test]
fn hidden_files_are_refused() {
    let site = Site::new()
        .with(".htpasswd", "SECRET")
        .with(".git/config", "SECRET")
        .with("folder/.env", "SECRET")
        .with("folder/.private/key.txt", "SECRET")
        .with("folder/.well-known/x.txt", "SECRET")
        .with("folder/open.txt", "open");
    let server = serve(&site);
    let targets = [
        "/.htpasswd",
        "/%2ehtpasswd",
        "/%2Ehtpasswd",
        "/.git/config",
        "/.git/",
        "/.git",
        "/.git/../.git/config",
        "/folder/.env",
        "/folder/%2eenv",
        "/folder//.env",
        "/folder/.private/key.txt",
        "/folder/.well-known/x.txt",
    ];
    for target in targets {
        let response = server.get(target);
        assert!(matches!(response.status, 403 | 404), "{target}: {response}");
        assert!(!response.text().contains("SECRET"), "{target}");
    }
    // And nothing tells that they are there.
    let [there, missing] = ["/.htpasswd", "/.nothing"].map(|target| server.get(target));
    assert_eq!((there.status, there.text()), (missing.status, missing.text()));
    let listing = server.get("/folder/").text();
    assert!(listing.contains("open.txt") && !listing.contains(".env"), "{listing}");
}

#[test]
fn no_path_leaves_the_root() {
    let site = Site::new()
        .with("secret.txt", "SECRET")
        .with("root-twin/secret.txt", "SECRET")
        .with("root/hello.txt", "hello")
        .with("root/folder/inner.txt", "inner");
    let server = program_in(&site.path("root")).start();
    let ups = [
        "/../secret.txt",
        "/../../secret.txt",
        "/folder/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/%2E./secret.txt",
        "/.%2e/secret.txt",
        "/..%2fsecret.txt",
        "/..%2Fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/folder%2f..%2f..%2fsecret.txt",
        "/..%5csecret.txt",
        "/..%5C..%5Csecret.txt",
        "/%5c../secret.txt",
        "/%252e%252e/secret.txt",
        "/%252e%252e%252fsecret.txt",
        "/%c0%ae%c0%ae/secret.txt",
        "/%c0%ae%c0%ae%c0%afsecret.txt",
        "/%e0%80%ae%e0%80%ae/secret.txt",
        "/%uff0e%uff0e/secret.txt",
        "/..;/secret.txt",
        "/.../secret.txt",
        "/..%00/secret.txt",
        "/..%0d/secret.txt",
        "//../secret.txt",
        "/./../secret.txt",
        "/folder/./.././../secret.txt",
        "/../root-twin/secret.txt",
        "http://localhost/../secret.txt",
        "http://localhost/%2e%2e/secret.txt",
        "/hello.txt/../../secret.txt",
        "/hello.txt%00.html",
        "/%00",
        "/hello.txt%2f..%2f..%2fsecret.txt",
        "/proc/self/environ",
        "//proc/self/environ",
        "/..//..//..//..//..//..//etc/passwd",
        "/%2fetc%2fpasswd",
        "file:///etc/passwd",
    ];
    for target in ups {
        let response = server.get(target);
        assert!(matches!(response.status, 400 | 403 | 404), "{target}: {response}");
        let text = response.text();
        assert!(!text.contains("SECRET") && !text.contains("root:"), "{target}: {text}");
    }
    // What climbs and comes back stays inside.
    assert_eq!(server.get("/folder/../hello.txt").text(), "hello");
}

#[test]
fn no_link_leaves_the_root() {
    let site = Site::new()
        .with("secret.txt", "SECRET")
        .with("outside/secret.txt", "SECRET")
        .with("root/hello.txt", "hello")
        .with("root/folder/inner.txt", "inner");
    let secret = site.path("secret.txt");
    let links = [
        (secret.to_str().unwrap(), "root/absolute.txt"),
        ("../secret.txt", "root/relative.txt"),
        ("../outside", "root/outside"),
        ("../../outside", "root/folder/outside"),
        ("/etc/passwd", "root/passwd"),
        ("/proc/self/environ", "root/environ"),
        ("/dev/zero", "root/zero"),
        ("loop", "root/loop"),
        ("hello.txt", "root/link.txt"),
        ("folder", "root/linked"),
        ("../hello.txt", "root/folder/up.txt"),
    ];
    for (target, link) in links {
        symlink(target, site.path(link)).unwrap();
    }
    let server = program_in(&site.path("root")).start();
    let outside = [
        "/absolute.txt",
        "/relative.txt",
        "/outside/secret.txt",
        "/outside/",
        "/outside",
        "/folder/outside/secret.txt",
        "/passwd",
        "/environ",
        "/zero",
        "/loop",
    ];
    for target in outside {
        let response = server.get(target);
        assert!(matches!(response.status, 403 | 404), "{target}: {response}");
        assert!(!response.text().contains("SECRET"), "{target}");
    }
    for (target, expected) in
        [("/link.txt", "hello"), ("/linked/inner.txt", "inner"), ("/folder/up.txt", "hello")]
    {
        assert_eq!(server.get(target).text(), expected, "{target}");
    }
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    let site = Site::new().with("hello.txt", "hello");
    let _ = run(std::process::Command::new("mkfifo").arg(site.path("fifo"))).ok();
    let _socket = std::os::unix::net::UnixListener::bind(site.path("socket")).unwrap();
    let server = serve(&site);
    for target in ["/fifo", "/socket"] {
        assert!(matches!(server.get(target).status, 403 | 404), "{target}");
    }
    assert_eq!(server.get("/hello.txt").text(), "hello");
}

#[test]
fn media_types_are_those_of_the_registry() {
    let site = Site::new();
    let types = [
        ("a.html", "text/html; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.csv", "text/csv; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.md", "text/markdown; charset=utf-8"),
        ("a.json", "application/json"),
        ("a.svg", "image/svg+xml"),
        ("a.png", "image/png"),
        ("a.jpg", "image/jpeg"),
        ("a.webp", "image/webp"),
        ("a.avif", "image/avif"),
        ("a.gif", "image/gif"),
        ("a.woff2", "font/woff2"),
        ("a.wasm", "application/wasm"),
        ("a.pdf", "application/pdf"),
        ("a.mp4", "video/mp4"),
        ("a.webm", "video/webm"),
        ("a.mp3", "audio/mpeg"),
        ("a.zip", "application/zip"),
        ("a.m3u8", "application/vnd.apple.mpegurl"),
        ("a.ts", "video/mp2t"),
        ("a.MJS", "text/javascript; charset=utf-8"),
        ("a.PNG", "image/png"),
        ("a.unheard-of", "application/octet-stream"),
        ("a", "application/octet-stream"),
    ];
    for (name, _) in types {
        site.write(name, "content");
    }
    let server = serve(&site);
    for (name, expected) in types {
        let found = field(&server.get(&format!("/{name}")), "content-type");
        assert!(found.eq_ignore_ascii_case(expected), "{name}: {found}, not {expected}");
    }
}

#[test]
fn charset_is_said_only_where_it_is_true() {
    let site = Site::new()
        .with("utf8.txt", "gr\u{fc}\u{df}e")
        .with("latin1.txt", b"gr\xfc\xdfe")
        .with("utf8.html", "<p>\u{e9}")
        .with("latin1.html", b"<meta charset=iso-8859-1><p>\xe9");
    let server = serve(&site);
    for (target, is_utf8) in
        [("/utf8.txt", true), ("/utf8.html", true), ("/latin1.txt", false), ("/latin1.html", false)]
    {
        let found = field(&server.get(target), "content-type").to_ascii_lowercase();
        assert_eq!(found.contains("charset=utf-8"), is_utf8, "{target}: {found}");
    }
}

#[test]
fn changes_are_seen_at_once() {
    let site = Site::new().with("file.txt", "0").with("folder/other.txt", "other");
    let server = serve(&site);
    let mut conn = server.connect();
    for round in 0..100 {
        // In place, to the same length.
        let content = format!("in place {round:05}");
        site.write("file.txt", &content);
        assert_eq!(body(&mut conn, "/file.txt"), (200, content.into_bytes()));
        // Another file in its place, of the same length again.
        let content = format!("replaced {round:05}");
        site.replace("file.txt", &content);
        assert_eq!(body(&mut conn, "/file.txt"), (200, content.into_bytes()));
        // Shorter, and longer.
        site.write("file.txt", "short");
        assert_eq!(body(&mut conn, "/file.txt"), (200, b"short".to_vec()));
        let long = "long".repeat(100 + round);
        site.write("file.txt", &long);
        assert_eq!(body(&mut conn, "/file.txt"), (200, long.into_bytes()));
        // Gone, and back.
        std::fs::remove_file(site.path("file.txt")).unwrap();
        assert_eq!(body(&mut conn, "/file.txt").0, 404);
        site.write("file.txt", "back");
        assert_eq!(body(&mut conn, "/file.txt"), (200, b"back".to_vec()));
        // A whole directory, moved away and back.
        assert_eq!(body(&mut conn, "/folder/other.txt").0, 200);
        std::fs::rename(site.path("folder"), site.path("moved")).unwrap();
        assert_eq!(body(&mut conn, "/folder/other.txt").0, 404);
        assert_eq!(body(&mut conn, "/moved/other.txt").0, 200);
        std::fs::rename(site.path("moved"), site.path("folder")).unwrap();
        assert_eq!(body(&mut conn, "/folder/other.txt").0, 200);
    }
}

#[test]
fn changes_in_large_files_are_seen_at_once() {
    let site = Site::new();
    let server = serve(&site);
    let mut conn = server.connect();
    for seed in 0..20 {
        let content = random_bytes(seed, 1_000_000 + seed as usize);
        if seed % 2 == 0 {
            site.write("large.bin", &content);
        } else {
            site.replace("large.bin", &content);
        }
        assert!(body(&mut conn, "/large.bin").1 == content, "{seed}");
    }
}

#[test]
fn an_index_that_comes_and_goes_is_seen_at_once() {
    let site = Site::new().with("folder/file.txt", "x");
    let server = serve(&site);
    for round in 0..10 {
        assert!(server.get("/folder/").text().contains("file.txt"));
        site.write("folder/index.html", format!("index {round}"));
        assert_eq!(server.get("/folder/").text(), format!("index {round}"));
        std::fs::remove_file(site.path("folder/index.html")).unwrap();
    }
}

#[test]
fn changes_that_nobody_tells_of_are_seen_in_time() {
    // Through another name of the same file, or behind a link: inotify says nothing there.
    let site = Site::new().with("elsewhere/file.txt", "before").with("root/hello.txt", "hello");
    std::fs::hard_link(site.path("elsewhere/file.txt"), site.path("root/hard.txt")).unwrap();
    let server = program_in(&site.path("root")).start();
    let mut conn = server.connect();
    assert_eq!(body(&mut conn, "/hard.txt"), (200, b"before".to_vec()));
    site.write("elsewhere/file.txt", "after!");
    peers::until("the change is seen", || {
        (body(&mut conn, "/hard.txt").1 == b"after!").then_some(())
    });
    // A link that is turned to another directory, as deployments do.
    site.write("root/releases/1/page.txt", "one");
    site.write("root/releases/2/page.txt", "two");
    symlink("releases/1", site.path("root/current")).unwrap();
    assert_eq!(body(&mut conn, "/current/page.txt"), (200, b"one".to_vec()));
    symlink("releases/2", site.path("root/next")).unwrap();
    std::fs::rename(site.path("root/next"), site.path("root/current")).unwrap();
    peers::until("the link has turned", || {
        (body(&mut conn, "/current/page.txt").1 == b"two").then_some(())
    });
}

#[test]
fn every_worker_sees_a_change_at_once() {
    let site = Site::new().with("file.txt", "0");
    let server = program(&site).arg("--workers").arg("2").start();
    for round in 0..50 {
        let content = format!("round {round}");
        site.write("file.txt", &content);
        // Connections are spread over the workers.
        for _ in 0..4 {
            assert_eq!(server.get("/file.txt").text(), content);
        }
    }
}

/// Asks for a file, slowly, and lets it become shorter meanwhile.
fn shrink_while_it_is_read(site: &Site, server: &Server, content: &[u8], len: usize) {
    let mut conn = connect_with_small_window(server.address());
    conn.send("GET /shrinks.bin HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let head = conn.head().unwrap();
    assert_eq!(field(&head, "content-length"), content.len().to_string());
    let mut seen = conn.take(1000).unwrap();
    let file = std::fs::File::options().write(true).open(site.path("shrinks.bin")).unwrap();
    file.set_len(len as u64).unwrap();
    // The rest must not look complete: nothing is made up, and nothing follows.
    seen.extend(conn.rest());
    assert!(seen.len() < content.len(), "{} bytes of {}", seen.len(), content.len());
    // What was on its way when the file became shorter may have become zeros behind its new end:
    // the kernel sends from its own copy of the file, and empties that.
    let is_same =
        |(at, (seen, sent)): (usize, (&u8, &u8))| seen == sent || (at >= len && *seen == 0);
    assert!(seen.iter().zip(content).enumerate().all(is_same), "bytes that were never in the file");
}

#[test]
fn a_file_that_shrinks_never_looks_complete() {
    let content = random_bytes(5, 24 << 20);
    let site = Site::new().with("shrinks.bin", &content);
    let server = serve(&site);
    for len in [1 << 20, 0] {
        site.write("shrinks.bin", &content);
        shrink_while_it_is_read(&site, &server, &content, len);
        // The next one finds what is there now.
        assert_eq!(server.get("/shrinks.bin").body.len(), len);
    }
}

#[test]
fn a_file_that_is_replaced_while_it_is_read_stays_whole() {
    let content = random_bytes(6, 16 << 20);
    let site = Site::new().with("file.bin", &content);
    let server = serve(&site);
    let mut conn = connect_with_small_window(server.address());
    conn.send("GET /file.bin HTTP/1.1\r\nHost: localhost\r\n\r\n");
    conn.head().unwrap();
    let mut seen = conn.take(1000).unwrap();
    site.replace("file.bin", "something else");
    seen.extend(conn.take(content.len() - 1000).unwrap());
    assert!(seen == content);
    assert_eq!(server.get("/file.bin").text(), "something else");
}

#[test]
fn large_files_arrive_to_the_byte() {
    let content = random_bytes(7, (40 << 20) + 12_345);
    let site = Site::new().with("large.bin", &content);
    let server = serve(&site);
    let response = server.get("/large.bin");
    assert!(response.body == content);
    // Twice on one connection, and in the middle.
    let mut conn = server.connect();
    for _ in 0..2 {
        assert!(body(&mut conn, "/large.bin").1 == content);
    }
    let fields = [("Range", "bytes=1000000-39999999")];
    let part = server.ask("GET", "/large.bin", &fields);
    assert_eq!(part.status, 206);
    assert!(part.body == content[1_000_000..40_000_000]);
}

#[test]
fn files_of_every_size_arrive_to_the_byte() {
    let mut site = Site::new();
    // Around every size at which something could change: buffers, pages, what is kept in memory.
    let edges = [0, 1, 1024, 4096, 16_384, 32_768, 65_536, 131_072, 262_144, 1 << 20];
    let sizes: Vec<usize> =
        edges.iter().flat_map(|&edge| [edge.max(1) - 1, edge, edge + 1]).collect();
    for size in &sizes {
        site = site.with(&format!("{size}.bin"), random_bytes(*size as u64, *size));
    }
    let server = serve(&site);
    let mut conn = server.connect();
    for size in sizes {
        let (status, found) = body(&mut conn, &format!("/{size}.bin"));
        assert_eq!((status, found.len()), (200, size));
        assert!(found == random_bytes(size as u64, size), "{size}");
    }
}

#[test]
fn a_download_that_breaks_off_costs_nothing() {
    let site = Site::new().with("large.bin", random_bytes(8, 20 << 20)).with("hello.txt", "hello");
    let server = serve(&site);
    for _ in 0..20 {
        let mut conn = connect_with_small_window(server.address());
        conn.send("GET /large.bin HTTP/1.1\r\nHost: localhost\r\n\r\n");
        conn.head().unwrap();
    }
    assert_eq!(server.get("/hello.txt").text(), "hello");
    // Nothing stays open: neither connections nor files.
    peers::until("sockets are given back", || (server.open_sockets() < 15).then_some(()));
}

#[test]
fn last_modified_is_the_files_own_to_the_second() {
    let site = Site::new().with("file.txt", "x");
    site.age("file.txt", Duration::from_secs(90_061));
    let server = serve(&site);
    let found = field(&server.get("/file.txt"), "last-modified");
    let expected = run(tool("python").arg("-c").arg(format!(
        "from email.utils import formatdate; print(formatdate({}, usegmt=True))",
        site.modified_secs("file.txt")
    )));
    assert_eq!(found, expected.ok().text().trim());
    // A date to come is no date of a change: not later than the answer's own (RFC 9110 §8.8.2.1).
    let file = std::fs::File::options().append(true).open(site.path("file.txt")).unwrap();
    file.set_modified(std::time::SystemTime::now() + Duration::from_secs(86_400)).unwrap();
    let response = server.get("/file.txt");
    if let Some(modified) = response.field("last-modified") {
        let script = "import sys; from email.utils import parsedate_to_datetime as d; \
                      sys.exit(d(sys.argv[1]) > d(sys.argv[2]))";
        let date = field(&response, "date");
        let _ = run(tool("python").args(["-c", script, modified, &date])).ok();
    }
}
