//! Pages, many at once, TLS, HTTP/2 and several workers.

use std::process::Command;
use std::time::Duration;

use peers::{Program, Site, run, tool, until};
use serde_json::json;

use super::{CLEAR, SECURE, curl, download, large, network, serve, site};
use crate::HEPTA;
use crate::chromium::{LOOK, browse, page};
use crate::commands::hepta;
use crate::net::in_namespace_over_each;

#[test]
fn curl_gets_a_site_over_our_own_tcp() {
    in_namespace_over_each("own_network::serving::curl_gets_a_site_over_our_own_tcp", |family| {
        let clear = &family.say(CLEAR);
        let site = site(family);
        family.make_network();
        let server = serve(&site, family);
        assert!(server.stdout().contains("over tap0"), "{}", server.stdout());
        assert_eq!(curl(&[&format!("{clear}/hello.txt")]), "hello\n");
        let head = curl(&["-I", &format!("{clear}/large.bin")]);
        assert!(head.contains("Content-Length: 10485760"), "{head}");
        let url = format!("{clear}/hello.txt");
        let connects = curl(&["-w", "%{num_connects} ", &url, &url, &url]);
        assert_eq!(connects, "hello\n1 hello\n0 hello\n0 ", "one connection for all");
        download(&site, clear, &[]);
        let part = curl(&["-r", "1000000-1000099", &format!("{clear}/large.bin")]);
        assert_eq!(part.len(), String::from_utf8_lossy(&large()[1_000_000..1_000_100]).len());
        // The kernel's pings are answered by the same stack, also those that come in parts.
        let ours = &family.say("10.77.0.2");
        for size in ["56", "1452", "4000"] {
            let mut ping = tool("ping");
            ping.args(["-c", "3", "-i", "0.05", "-s", size, ours]);
            let said = run(&mut ping).ok().text();
            assert!(said.contains("3 received, 0% packet loss"), "{said}");
        }
        let pinged = hepta(&["ping", ours, "-c", "2", "-i", "0.05"]).ok().text();
        assert!(pinged.contains("0% packet loss"), "{pinged}");
        let mut neighbors = Command::new("ip");
        let neighbors = run(neighbors.args(["neigh", "show", ours])).ok().text();
        assert!(neighbors.contains("lladdr 02:48:"), "{neighbors}");
        let log = server.until_file_has(&site.path("log"), "/hello.txt");
        assert!(log.starts_with(&family.say("10.77.0.1 - - [")), "{log}");
    });
}

#[test]
fn every_worker_has_a_queue_and_a_stack() {
    in_namespace_over_each(
        "own_network::serving::every_worker_has_a_queue_and_a_stack",
        |family| {
            let clear = &family.say(CLEAR);
            let file = r#"
            listen "10.77.0.2:80"
            admin "127.0.0.1:9900"
            workers 2
            default { files "www" }
            "#;
            let site = site(family).with("hepta.kdl", family.say(file));
            family.make_network();
            let _server = serve(&site, family);
            let mut h2load = tool("h2load");
            h2load.args(["--h1", "-n", "6400", "-c", "64", "http://localhost/page.html"]);
            h2load.arg(format!("--connect-to={}", family.say("10.77.0.2:80")));
            let said = run(&mut h2load).ok().text();
            assert!(said.contains("6400 succeeded, 0 failed, 0 errored"), "{said}");
            download(&site, clear, &[]);
            let metrics = curl(&["http://127.0.0.1:9900/metrics"]);
            assert!(metrics.contains("hepta_workers 2.0"), "{metrics}");
            // Who is at the other end is one neighbour, however many stacks know him.
            let seen = network();
            assert_eq!(seen["interfaces"].as_array().map(Vec::len), Some(1), "{seen}");
            // A device that was made for one queue has no second one.
            let _ = run(Command::new("ip").args("tuntap add dev tap1 mode tap".split(' '))).ok();
            let file = "listen 80\nworkers 2\nnet \"tap1\" { address \"10.78.0.2/24\" }\ndefault { files \"www\" }";
            let other = Site::new().with("www/hello.txt", "hello\n").with("hepta.kdl", file);
            let refused = hepta(&["serve", "--config", other.path("hepta.kdl").to_str().unwrap()]);
            let said = refused.stderr;
            assert!(
                said.contains("2 workers are one for each queue of tap1, which has one"),
                "{said}"
            );
            // Who asks for no number has one worker there.
            other.replace("hepta.kdl", file.replace("workers 2", "admin \"127.0.0.1:9901\""));
            let _server = Program::configured(HEPTA, &other.path("hepta.kdl")).start();
            let metrics = curl(&["http://127.0.0.1:9901/metrics"]);
            assert!(metrics.contains("hepta_workers 1.0"), "{metrics}");
        },
    );
}

#[test]
fn tls_and_http2_are_the_same_over_it() {
    in_namespace_over_each("own_network::serving::tls_and_http2_are_the_same_over_it", |family| {
        let clear = &family.say(CLEAR);
        let secure = &family.say(SECURE);
        let site = site(family);
        family.make_network();
        let _server = serve(&site, family);
        assert!(download(&site, secure, &["--http1.1"]).starts_with("1.1 "));
        assert!(download(&site, secure, &["--http2"]).starts_with("2 "));
        assert!(download(&site, clear, &["--http2-prior-knowledge"]).starts_with("2 "));
        let mut h2load = tool("h2load");
        h2load.args(["-n", "2000", "-c", "8", "-m", "16", "https://localhost/hello.txt"]);
        // By name: it writes an address of IPv6 into requests without its brackets.
        h2load.arg(format!("--connect-to={}", family.say("10.77.0.2:443")));
        let said = run(&mut h2load).ok().text();
        assert!(said.contains("2000 succeeded, 0 failed, 0 errored"), "{said}");
    });
}

#[test]
fn a_hundred_at_once_and_those_who_leave_early() {
    in_namespace_over_each(
        "own_network::serving::a_hundred_at_once_and_those_who_leave_early",
        |family| {
            let clear = &family.say(CLEAR);
            let site = site(family);
            family.make_network();
            let server = serve(&site, family);
            let urls = format!("{clear}/page.html?[1-100]");
            let parallel = ["--parallel", "--parallel-immediate", "--parallel-max", "100"];
            let said = curl(
                &[&parallel[..], &["-o", "/dev/null", "-w", "%{size_download}\n", &urls]].concat(),
            );
            let len = std::fs::metadata(site.path("www/page.html")).unwrap().len();
            assert_eq!(said, format!("{len}\n").repeat(100));
            // Who hears a part and goes away costs nobody else anything, nor memory.
            let before = server.resident_kib();
            for _ in 0..30 {
                let mut leaves = tool("curl");
                leaves.args(["-sS", "--max-time", "0.05", "--limit-rate", "1M", "-o", "/dev/null"]);
                let said = run(leaves.arg(format!("{clear}/large.bin")));
                assert_eq!(said.status.code(), Some(28), "{}", said.stderr);
            }
            download(&site, clear, &[]);
            let after = server.resident_kib();
            assert!(after < before + 16 * 1024, "{before} KiB, then {after} KiB");
            until("nobody is left", || {
                let seen = network();
                seen["connections"].as_array().unwrap().is_empty().then_some(())
            });
        },
    );
}

#[test]
fn wrk_finds_no_errors() {
    in_namespace_over_each("own_network::serving::wrk_finds_no_errors", |family| {
        let clear = &family.say(CLEAR);
        let site = site(family);
        family.make_network();
        let server = serve(&site, family);
        let mut wrk = tool("wrk");
        wrk.args(["-t", "1", "-c", "64", "-d", "3", &format!("{clear}/hello.txt")]);
        let said = run(&mut wrk).ok().text();
        assert!(said.contains("Requests/sec"), "{said}");
        assert!(!said.contains("Socket errors") && !said.contains("Non-2xx"), "{said}");
        assert_eq!(curl(&[&format!("{clear}/hello.txt")]), "hello\n");
        // Idle, it uses no processor.
        std::thread::sleep(Duration::from_millis(200));
        let before = server.cpu_time();
        std::thread::sleep(Duration::from_secs(1));
        assert!(server.cpu_time() - before < Duration::from_millis(50));
    });
}

#[test]
fn chromium_shows_a_page_over_our_own_tcp() {
    in_namespace_over_each(
        "own_network::serving::chromium_shows_a_page_over_our_own_tcp",
        |family| {
            let site = page();
            family.make_network();
            let program = Program::serve(HEPTA, site.root()).args(&family.ours());
            let server = program.listen(&family.say("10.77.0.2:80")).start();
            // Chromium gives up what it loads when an address comes, as the kernel's own does on the device
            // some time after somebody is at its other end.
            until("the kernel has its addresses", || {
                let shown = |which: &str| {
                    let mut ip = Command::new("ip");
                    run(ip.args(["-6", "address", "show", "dev", "tap0", which])).ok().text()
                };
                let is_settled =
                    shown("-tentative").contains("scope link") && shown("tentative").is_empty();
                is_settled.then_some(())
            });
            let seen = browse(&json!([{ "goto": server.url("/") }, { "eval": LOOK }]));
            assert_eq!(seen["results"][0], json!(["rgb(1, 2, 3)", 7, 8, 8, true, "UTF-8"]));
            for response in seen["responses"].as_array().unwrap() {
                assert_eq!(response["status"], 200, "{response}");
            }
        },
    );
}
