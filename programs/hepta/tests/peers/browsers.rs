//! What answers say to browsers.

use peers::{Conn, Program, Response, Server, Site, run, tool};

use crate::HEPTA;
use crate::tls::certificate;

fn configured(text: &str) -> (Site, Server) {
    let site = Site::new()
        .with("www/index.html", "home\n")
        .with("www/data.json", "{}\n")
        .with("hepta.kdl", format!("listen \"127.0.0.1:0\"\n{text}"));
    let server = Program::configured(HEPTA, &site.path("hepta.kdl")).start();
    (site, server)
}

fn ask(server: &Server, target: &str) -> Response {
    server.ask_host("a.example", "GET", target, &[])
}

/// The values of a field, joined.
fn joined(response: &Response, name: &str) -> String {
    response.all(name).collect::<Vec<_>>().join(" | ")
}

#[test]
fn every_answer_has_what_cannot_harm() {
    let (_site, server) = configured("default { files \"www\" { listing #true } }");
    for target in ["/", "/data.json", "/missing", "/%00"] {
        let answer = ask(&server, target);
        assert_eq!(joined(&answer, "x-content-type-options"), "nosniff", "{target}");
        assert_eq!(joined(&answer, "referrer-policy"), "strict-origin-when-cross-origin");
        assert_eq!(joined(&answer, "x-xss-protection"), "0");
        assert_eq!(answer.field("strict-transport-security"), None);
    }
}

#[test]
fn frames_and_policies_are_as_the_operator_says() {
    let (_site, server) = configured(
        r#"default {
            files "www"
            security { hsts "365d" subdomains=#true }
            route "/none/*" { respond 200; security { frame "nobody"; referrer "no-referrer" } }
            route "/some/*" {
                respond 200
                security { frame "self" "https://b.example"; opener "same-origin" }
            }
            route "/off/*" { respond 200; security "off" }
            route "/wide/*" { files "www" { listing #true }; security { resource "cross-origin" } }
        }"#,
    );
    let home = ask(&server, "/");
    assert_eq!(joined(&home, "x-frame-options"), "SAMEORIGIN");
    assert_eq!(joined(&home, "content-security-policy"), "frame-ancestors 'self'");
    assert_eq!(home.field("strict-transport-security"), None, "not in clear text");
    let none = ask(&server, "/none/");
    assert_eq!(joined(&none, "x-frame-options"), "DENY");
    assert_eq!(joined(&none, "content-security-policy"), "frame-ancestors 'none'");
    assert_eq!(joined(&none, "referrer-policy"), "no-referrer");
    let some = ask(&server, "/some/");
    assert_eq!(joined(&some, "x-frame-options"), "");
    let ancestors = "frame-ancestors 'self' https://b.example";
    assert_eq!(joined(&some, "content-security-policy"), ancestors);
    assert_eq!(joined(&some, "cross-origin-opener-policy"), "same-origin");
    let off = ask(&server, "/off/");
    assert_eq!(joined(&off, "x-content-type-options") + &joined(&off, "x-frame-options"), "");
    let missing = server.ask("GET", "/wide/missing", &[("Accept", "text/html")]);
    let policies = joined(&missing, "content-security-policy");
    assert!(policies.ends_with(" | frame-ancestors 'self'"), "beside the page's own: {policies}");
    assert_eq!(joined(&missing, "cross-origin-resource-policy"), "cross-origin");
}

#[test]
fn clear_text_is_sent_to_tls() {
    let site = Site::new();
    certificate(&site, "pair", "a.example");
    let site = site.with(
        "hepta.kdl",
        r#"listen "127.0.0.1:0" { certificate "pair.pem" key="pair.key" }
        listen "127.0.0.1:0"
        default {
            respond 200 "in\n"
            https-only
            security { hsts "1h" preload=#true }
            route "/.well-known/acme-challenge/*" { respond 200 "here\n"; https-only #false }
            route "/other/*" { respond 200; https-only port=8443 }
        }"#,
    );
    let server = Program::configured(HEPTA, &site.path("hepta.kdl")).start();
    let get = |which: usize, target: &str| {
        let url = server.urls()[which].trim_end_matches('/').to_owned() + target;
        let mut curl = tool("curl");
        curl.args(["-sk", "-H", "Host: a.example", "-o", "-", "-w"]);
        curl.args(["%{http_code} %header{location} %header{strict-transport-security}", &url]);
        run(&mut curl).ok().text()
    };
    let (tls, clear) = if server.urls()[0].starts_with("https") { (0, 1) } else { (1, 0) };
    assert_eq!(get(tls, "/x"), "in\n200  max-age=3600; preload");
    assert!(get(clear, "//x?y").ends_with("308 https://a.example/x?y "), "{}", get(clear, "//x?y"));
    assert!(get(clear, "/other/").ends_with("308 https://a.example:8443/other/ "));
    assert_eq!(get(clear, "/.well-known/acme-challenge/t"), "here\n200  ");
    // Who does not say whom he asks cannot be sent anywhere.
    let address = server.urls()[clear].trim_start_matches("http://").trim_end_matches('/').parse();
    let mut conn = Conn::to(address.unwrap());
    conn.send("GET / HTTP/1.0\r\n\r\n");
    let answer = conn.response("GET");
    assert_eq!((answer.status, answer.field("location")), (400, None));
}

#[test]
fn answers_are_kept_as_long_as_the_operator_says() {
    let (_site, server) = configured(
        r#"default {
            files "www"
            cache-control "no-cache"
            route "/assets/*" {
                files "www"
                cache-control "public, max-age=31536000, immutable"
            }
            route "/hour/*" { files "www"; expires "1h" }
        }"#,
    );
    assert_eq!(joined(&ask(&server, "/"), "cache-control"), "no-cache");
    let asset = ask(&server, "/assets/data.json");
    assert_eq!(joined(&asset, "cache-control"), "public, max-age=31536000, immutable");
    let same = server.ask("GET", "/assets/data.json", &[("If-None-Match", "*")]);
    assert_eq!((same.status, same.field("cache-control").is_some()), (304, true));
    assert_eq!(ask(&server, "/assets/missing").field("cache-control"), None);
    let hour = ask(&server, "/hour/data.json");
    assert_eq!(joined(&hour, "cache-control"), "max-age=3600");
    let (date, expires) = (hour.field("date").unwrap(), hour.field("expires").unwrap());
    let seconds = |text: &str| {
        let mut python = tool("python");
        let code =
            "import sys,email.utils as u;print(u.parsedate_to_datetime(sys.argv[1]).timestamp())";
        run(python.args(["-c", code, text])).ok().text().trim().parse::<f64>().unwrap()
    };
    let lasts = seconds(expires) - seconds(date);
    assert!((3599.0..=3601.0).contains(&lasts), "{lasts}");
}

const CORS: &str = r#"default {
    files "www"
    route "/open/*" { files "www"; cors "*" { expose "ETag" } }
    route "/api/*" method="PUT" {
        respond 200 "put\n"
        cors "https://a.example" "https://*.b.example" {
            methods "PUT"
            request-fields "X-Token"
            credentials #true
            max-age "1h"
        }
    }
}"#;

#[test]
fn pages_of_other_origins_may_read_what_they_may() {
    let (_site, server) = configured(CORS);
    let from = |origin: &str, method: &str, target: &str| {
        server.ask(method, target, &[("Origin", origin)])
    };
    let open = from("https://x.example", "GET", "/open/data.json");
    assert_eq!((open.status, open.text()), (200, "{}\n".into()));
    assert_eq!(joined(&open, "access-control-allow-origin"), "*");
    assert_eq!(joined(&open, "access-control-expose-headers"), "ETag");
    assert!(!open.lists("vary", "origin"));
    let put = from("https://sub.b.example", "PUT", "/api/x");
    assert_eq!(joined(&put, "access-control-allow-origin"), "https://sub.b.example");
    assert_eq!(joined(&put, "access-control-allow-credentials"), "true");
    assert!(put.lists("vary", "origin"));
    let refused = from("https://evil.example", "PUT", "/api/x");
    assert_eq!((refused.status, refused.field("access-control-allow-origin")), (200, None));
    assert!(refused.lists("vary", "origin"));
    assert!(ask(&server, "/open/").field("access-control-allow-origin").is_some());
    assert!(ask(&server, "/").field("access-control-allow-origin").is_none());
}

#[test]
fn preflights_are_answered_for_the_route_they_announce() {
    let (_site, server) = configured(CORS);
    let ask_first = |origin: &str, method: &str, names: &str| {
        let mut fields = vec![("Origin", origin), ("Access-Control-Request-Method", method)];
        if !names.is_empty() {
            fields.push(("Access-Control-Request-Headers", names));
        }
        server.ask("OPTIONS", "/api/x", &fields)
    };
    let yes = ask_first("https://a.example", "PUT", "x-token");
    assert_eq!((yes.status, yes.body.len()), (204, 0));
    assert_eq!(joined(&yes, "access-control-allow-origin"), "https://a.example");
    assert!(yes.lists("access-control-allow-methods", "PUT"));
    assert!(yes.lists("access-control-allow-headers", "x-token"));
    assert_eq!(joined(&yes, "access-control-max-age"), "3600");
    for (origin, method, names) in [
        ("https://evil.example", "PUT", ""),
        ("https://b.example", "PUT", ""),
        ("http://a.example", "PUT", ""),
        ("https://a.example", "PUT", "X-Other"),
    ] {
        let no = ask_first(origin, method, names);
        assert_eq!(no.status, 403, "{origin} {names}");
        assert_eq!(no.field("access-control-allow-methods"), None);
    }
    let other = ask_first("https://a.example", "DELETE", "");
    assert_eq!(other.field("access-control-allow-origin"), None, "{other}");
}

#[test]
fn pages_of_other_sites_change_nothing() {
    let (_site, server) = configured(
        r#"default {
            respond 200 "done\n"
            cross-site { trust "https://friend.example" }
            route "/api/*" { respond 200; cross-site { same-site #true }; cors "https://app.example" }
        }"#,
    );
    let status = |method: &str, target: &str, fields: &[(&str, &str)]| {
        server.ask_host("a.example", method, target, fields).status
    };
    for (method, target, fields, expected) in [
        ("GET", "/", &[("Sec-Fetch-Site", "cross-site")][..], 200),
        ("POST", "/", &[("Sec-Fetch-Site", "cross-site")], 403),
        ("POST", "/", &[("Sec-Fetch-Site", "same-site")], 403),
        ("POST", "/api/", &[("Sec-Fetch-Site", "same-site")], 200),
        ("POST", "/", &[("Sec-Fetch-Site", "same-origin")], 200),
        ("POST", "/", &[("Sec-Fetch-Site", "none")], 200),
        ("DELETE", "/", &[("Origin", "https://evil.example")], 403),
        ("POST", "/", &[("Origin", "http://a.example")], 200),
        ("POST", "/", &[("Origin", "https://friend.example")], 200),
        ("POST", "/api/", &[("Origin", "https://app.example")], 200),
        ("POST", "/", &[], 200),
    ] {
        assert_eq!(status(method, target, fields), expected, "{method} {target} {fields:?}");
    }
}
