//! curl as a client.

use std::process::Command;

use peers::{Site, numbered_text, random_bytes, run, tool};

use crate::{lasting, serve, small};

fn curl() -> Command {
    let mut curl = tool("curl");
    curl.args(["-sS", "--max-time", "60"]);
    curl
}

#[test]
fn curl_gets_files_and_heads() {
    let (site, server) = small();
    let got = run(curl().arg(server.url("/hello.txt"))).ok();
    assert_eq!(got.text(), "hello\n");
    let head = run(curl().arg("-I").arg(server.url("/hello.txt"))).ok().text();
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("Content-Length: 6"),
        "{head}"
    );
    let got = run(curl().arg("-0").arg(server.url("/hello.txt"))).ok();
    assert_eq!(got.text(), "hello\n");
    // -R gives the file the server's date.
    let copy = site.path("copy.txt");
    let _ = run(curl().arg("-R").arg("-o").arg(&copy).arg(server.url("/hello.txt"))).ok();
    assert_eq!(site.modified_secs("copy.txt"), site.modified_secs("hello.txt"));
    // -f makes an error of one.
    let missing = run(curl().arg("-f").arg(server.url("/missing")));
    assert_eq!(missing.status.code(), Some(22), "{}", missing.stderr);
}

#[test]
fn curl_follows_to_the_slash() {
    let site = Site::new().with("folder/index.html", "inner");
    let server = serve(&site);
    let got = run(curl().args(["-L", "-w", "%{url_effective}"]).arg(server.url("/folder"))).ok();
    assert_eq!(got.text(), format!("inner{}", server.url("/folder/")));
}

#[test]
fn curl_resumes_where_it_stopped() {
    let content = random_bytes(11, 500_000);
    let server = lasting(&[("resume.bin", &content)]);
    let site = Site::new();
    site.write("part.bin", &content[..123_456]);
    let part = site.path("part.bin");
    let _ = run(curl().args(["-C", "-"]).arg("-o").arg(&part).arg(server.url("/resume.bin"))).ok();
    assert!(std::fs::read(&part).unwrap() == content);
    // With everything there already, there is nothing to get (curl sees the 416 and is content).
    let again = run(curl().args(["-C", "-"]).arg("-o").arg(&part).arg(server.url("/resume.bin")));
    assert!(std::fs::read(&part).unwrap() == content, "{}", again.stderr);
}

#[test]
fn curl_gets_ranges() {
    let text = numbered_text(20_000);
    let site = Site::new().with("text.txt", &text);
    let server = serve(&site);
    for (range, expected) in [
        ("0-99", &text[..100]),
        ("100-199", &text[100..200]),
        ("19000-", &text[19_000..]),
        ("-7", &text[text.len() - 7..]),
    ] {
        let got = run(curl().args(["--range", range]).arg(server.url("/text.txt"))).ok();
        assert_eq!(got.text(), expected, "{range}");
    }
    let several = run(curl().args(["-i", "-r", "0-9,500-509"]).arg(server.url("/text.txt"))).ok();
    assert!(several.text().contains("multipart/byteranges"), "{}", several.text());
}

#[test]
fn curl_decodes_what_it_asked_for() {
    let text = numbered_text(200_000);
    let site = Site::new().with("text.html", &text);
    let server = serve(&site);
    for codings in ["gzip", "br", "zstd", "gzip, br, zstd"] {
        let mut command = curl();
        command.args(["--compressed", "-w", "%{size_download}", "-H"]);
        command.arg(format!("Accept-Encoding: {codings}")).arg(server.url("/text.html"));
        let got = run(&mut command).ok().text();
        let size: usize = got[text.len()..].parse().unwrap();
        assert!(got.starts_with(&text), "{codings}");
        assert!(size < text.len() / 3, "{codings}: {size}");
    }
}

#[test]
fn curl_saves_what_has_not_changed() {
    let server = lasting(&[("conditional.txt", b"what the conditions are about\n")]);
    let site = Site::new();
    let [etag, body] = [site.path("etag"), site.path("body")];
    let status = |extra: &[&str]| {
        let mut command = curl();
        command.args(["-w", "%{http_code}", "-o"]).arg(&body).args(extra);
        run(command.arg(server.url("/conditional.txt"))).ok().text()
    };
    crate::strong_etag(&server, "/conditional.txt", &[]);
    let etag = etag.to_str().unwrap();
    assert_eq!(status(&["--etag-save", etag]), "200");
    assert_eq!(status(&["--etag-compare", etag]), "304");
    assert_eq!(status(&["-z", body.to_str().unwrap()]), "304", "by the date of the file");
    assert_eq!(status(&["-z", "Sat, 01 Jan 2000 00:00:00 GMT"]), "200");
}

#[test]
fn curl_uploads_nothing_where_nothing_is_wanted() {
    let site = Site::new().with("hello.txt", "hello\n").with("upload.bin", vec![b'u'; 5_000_000]);
    let server = serve(&site);
    let upload = format!("@{}", site.path("upload.bin").display());
    for expect in ["Expect: 100-continue", "Expect:"] {
        let mut command = curl();
        command.args([
            "--http1.1",
            "--expect100-timeout",
            "10",
            "-w",
            "%{http_code} %{size_upload}",
        ]);
        command.args(["-o", "/dev/null", "-H", expect, "--data-binary", &upload]);
        let got = run(command.arg(server.url("/hello.txt")));
        let text = got.text();
        assert!(text.starts_with("405 "), "{expect}: {text} {}", got.stderr);
        if expect.ends_with("continue") {
            assert_eq!(text, "405 0", "who asks before it sends needs not send");
        }
    }
}

#[test]
fn curl_keeps_its_connection() {
    let (_site, server) = small();
    let mut command = curl();
    command.args(["-w", "%{num_connects}\n", "-o", "/dev/null"]).arg(server.url("/hello.txt"));
    for _ in 0..4 {
        command.args(["-o", "/dev/null"]).arg(server.url("/hello.txt"));
    }
    assert_eq!(run(&mut command).ok().text(), "1\n0\n0\n0\n0\n");
}

#[test]
fn curl_gets_many_at_once() {
    let mut site = Site::new();
    for n in 0..60 {
        site = site.with(&format!("{n}.bin"), random_bytes(n, 100_000 + n as usize));
    }
    let server = serve(&site);
    let copies = Site::new();
    let mut command = curl();
    command.args(["--parallel", "--parallel-max", "20", "--fail"]);
    for n in 0..60 {
        command
            .arg("-o")
            .arg(copies.path(&format!("{n}.bin")))
            .arg(server.url(&format!("/{n}.bin")));
    }
    let _ = run(&mut command).ok();
    for n in 0..60 {
        let copy = std::fs::read(copies.path(&format!("{n}.bin"))).unwrap();
        assert!(copy == random_bytes(n, 100_000 + n as usize), "{n}");
    }
}
