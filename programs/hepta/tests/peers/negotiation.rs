//! Which representation is sent (RFC 9110 §12): by type, language and coding together.

use peers::{Program, Response, Server, Site};

use crate::HEPTA;

fn configured() -> (Site, Server) {
    let site = Site::new()
        .with("www/index.de.html", "<p>Willkommen</p>\n")
        .with("www/index.en.html", "<p>Welcome</p>\n")
        .with("www/page.de.html", "<p>Seite</p>\n".repeat(200))
        .with("www/page.en.html", "<p>page</p>\n".repeat(200))
        .with("www/page.en.html.gz", "not looked at")
        .with("www/data.json", "[1]\n")
        .with("www/data.csv", "a,b\n")
        .with("www/only.txt", "only\n")
        .with("www/exact.html", "exact\n")
        .with("www/exact.de.html", "nicht\n")
        .with("www/a b:c.de.txt", "Leerzeichen\n")
        .with("www/errors/404.de.html", "<p>nicht da</p>\n")
        .with("www/errors/404.en.html", "<p>not there</p>\n")
        .with("www/errors/406.de.html", "<p>nichts davon</p>\n")
        .with("www/errors/406.en.html", "<p>none of them</p>\n")
        .with("own/404.de.html", "<p>fort</p>\n")
        .with("own/404.en.html", "<p>gone</p>\n")
        .with(
            "hepta.kdl",
            r#"listen "127.0.0.1:0"
            default {
                files "www" { negotiate #true; languages "en" "de" }
                error-page "/errors/404.html" 404
            }
            site "off.example" { files "www" }
            site "own.example" { files "own" { negotiate #true; languages "en" "de" } }
            site "errors.example" {
                files "www" { negotiate #true; languages "en" "de" }
                error-page "/errors/404.html" 404
                error-page "/errors/406.html" 406
            }"#,
        );
    let server = Program::configured(HEPTA, &site.path("hepta.kdl")).start();
    (site, server)
}

fn ask(server: &Server, target: &str, fields: &[(&str, &str)]) -> Response {
    server.ask("GET", target, fields)
}

#[test]
fn a_language_is_chosen() {
    let (_site, server) = configured();
    for (accepts, language) in [
        ("de", "de"),
        ("de-CH, fr;q=0.9", "de"),
        ("en;q=0.5, de", "de"),
        ("en-GB, en;q=0.8, de;q=0.7", "en"),
        ("fr", "en"),
        ("*, en;q=0", "de"),
        ("", "en"),
    ] {
        let fields: &[_] = if accepts.is_empty() { &[] } else { &[("Accept-Language", accepts)] };
        for target in ["/page", "/page.html", "/", "/page.html?x"] {
            let page = ask(&server, target, fields);
            assert_eq!(page.field("content-language"), Some(language), "{target} {accepts}");
            let name = if target == "/" { "index" } else { "page" };
            let location = format!("{name}.{language}.html");
            assert_eq!(page.field("content-location"), Some(&*location));
            assert!(page.lists("vary", "accept-language"), "{page}");
            assert!(!page.lists("vary", "accept"), "they differ in language only: {page}");
        }
    }
    let direct = ask(&server, "/page.de.html", &[("Accept-Language", "en")]);
    assert_eq!((direct.field("content-location"), direct.text().contains("Seite")), (None, true));
    assert_eq!(ask(&server, "/exact.html", &[("Accept-Language", "de")]).text(), "exact\n");
    let blank = ask(&server, "/a%20b%3Ac", &[]);
    assert_eq!(blank.field("content-location"), Some("./a%20b:c.de.txt"));
    let off = server.ask_host("off.example", "GET", "/page.html", &[]);
    assert_eq!(off.status, 404);
}

#[test]
fn a_type_is_chosen_or_all_are_listed() {
    let (_site, server) = configured();
    let accept = |value: &str| ask(&server, "/data", &[("Accept", value)]);
    assert_eq!(accept("application/json").text(), "[1]\n");
    assert_eq!(accept("text/csv, application/json;q=0.5").text(), "a,b\n");
    assert_eq!(accept("text/*").text(), "a,b\n");
    assert_eq!(accept("text/*;q=0.2, */*;q=0.1").text(), "a,b\n");
    assert!(accept("*/*").lists("vary", "accept"));
    let none = accept("image/png");
    assert_eq!(none.status, 406);
    assert!(none.lists("vary", "accept"));
    let text = none.text();
    assert!(text.contains("data.json  (application/json)"), "{text}");
    let json = accept("application/problem+json").text();
    assert!(json.contains("\"href\":\"data.csv\""), "{json}");
    let html = accept("text/html").text();
    assert!(html.contains("<a href=\"data.csv\" type=\"text/csv"), "{html}");
    // One representation alone is not refused for its type: there is nothing to choose from.
    assert_eq!(ask(&server, "/only", &[("Accept", "text/plain")]).text(), "only\n");
}

#[test]
fn coding_conditions_and_ranges_are_those_of_the_choice() {
    let (_site, server) = configured();
    let fields = [("Accept-Language", "de"), ("Accept-Encoding", "gzip")];
    let page = ask(&server, "/page", &fields);
    assert_eq!(page.field("content-encoding"), Some("gzip"));
    assert_eq!(page.field("content-language"), Some("de"));
    assert!(page.lists("vary", "accept-encoding") && page.lists("vary", "accept-language"));
    let etag = page.field("etag").unwrap();
    let again = ask(&server, "/page", &[fields[0], fields[1], ("If-None-Match", etag)]);
    assert_eq!((again.status, again.field("content-language")), (304, None));
    let other = ask(&server, "/page", &[("Accept-Language", "en"), ("If-None-Match", etag)]);
    assert_eq!(other.status, 200, "another language is another representation");
    let part = ask(&server, "/page", &[("Accept-Language", "de"), ("Range", "bytes=3-7")]);
    assert_eq!((part.status, part.text()), (206, "Seite".into()));
}

#[test]
fn errors_speak_the_clients_language() {
    let (_site, server) = configured();
    let german = ask(&server, "/missing", &[("Accept-Language", "de")]);
    assert_eq!((german.status, german.text()), (404, "<p>nicht da</p>\n".into()));
    assert_eq!(german.field("content-language"), Some("de"));
    assert!(german.lists("vary", "accept-language"));
    assert_eq!(german.field("content-location"), None);
    assert_eq!(ask(&server, "/missing", &[]).text(), "<p>not there</p>\n");
}

#[test]
fn the_own_404_speaks_the_clients_language() {
    let (_site, server) = configured();
    let ask = |accept: &str, language: &str| {
        let fields = [("Accept", accept), ("Accept-Language", language)];
        server.ask_host("own.example", "GET", "/missing", &fields)
    };
    for (language, tag, text) in [
        ("de-AT", "de", "<p>fort</p>\n"),
        ("en, de;q=0.9", "en", "<p>gone</p>\n"),
        ("fr", "en", "<p>gone</p>\n"),
    ] {
        let page = ask("text/html", language);
        assert_eq!((page.status, page.text()), (404, text.into()), "{language}");
        assert_eq!(page.field("content-language"), Some(tag));
        assert_eq!(page.field("vary"), Some("Accept, Accept-Language"));
        assert_eq!((page.field("content-location"), page.field("etag")), (None, None));
    }
    // Who would rather have text, or takes neither language, gets the server's own.
    let text = ask("text/plain", "de").text();
    assert!(text.starts_with("404 Nicht gefunden\n"), "{text}");
    let neither = ask("text/html", "fr, de;q=0, en;q=0");
    assert_eq!((neither.status, neither.field("content-language")), (404, Some("fr")));
}

#[test]
fn pages_of_errors_depend_on_what_the_error_depends_on() {
    let (_site, server) = configured();
    let ask = |target: &str, accept: &str| {
        let fields = [("Accept", accept), ("Accept-Language", "de")];
        server.ask_host("errors.example", "GET", target, &fields)
    };
    let none = ask("/data", "text/html, image/png");
    assert_eq!((none.status, none.text()), (406, "<p>nichts davon</p>\n".into()));
    assert_eq!(none.field("content-language"), Some("de"));
    assert!(none.lists("vary", "accept"), "other types would have been there: {none}");
    // The site's page is HTML. Who takes no HTML gets ours, and nobody is told that a page is missing.
    let json = ask("/missing", "application/json");
    assert_eq!(json.field("content-type"), Some("application/problem+json"));
    assert!(json.text().contains("Unter dieser Adresse gibt es nichts."), "{}", json.text());
    assert!(!server.stderr().contains("is not there"), "{}", server.stderr());
}

#[test]
fn a_new_language_is_there_at_once() {
    let (site, server) = configured();
    let french = || ask(&server, "/page", &[("Accept-Language", "de;q=0.5, en;q=0.1")]);
    assert_eq!(french().field("content-language"), Some("de"));
    std::fs::remove_file(site.path("www/page.de.html")).unwrap();
    assert_eq!(french().field("content-language"), Some("en"));
}
