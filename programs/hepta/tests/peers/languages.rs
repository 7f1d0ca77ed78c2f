//! In which language our own pages are: Accept-Language chooses it, and what depends on it says so.

use std::process::Command;

use peers::{Program, Response, Server, Site, run, tool, until};
use serde_json::Value;

use crate::{HEPTA, program};

/// What a reader of each language reads when there is nothing, after the code.
const NOT_FOUND: [(&str, &str, &str); 4] = [
    ("en", "Not Found", "There is nothing at this address."),
    ("de", "Nicht gefunden", "Unter dieser Adresse gibt es nichts."),
    ("fr", "Introuvable", "Il n’y a rien à cette adresse."),
    ("es", "No encontrado", "No hay nada en esta dirección."),
];

fn configured() -> (Site, Server) {
    let site = Site::new()
        .with("www/data.json", "[1]\n")
        .with("www/data.csv", "a,b\n")
        .with("www/a.txt", "a\n")
        .with("www/full/one.bin", vec![0; 1_234_567])
        .with("www/full/sub/two.txt", "2\n")
        .with(
            "hepta.kdl",
            r#"listen "127.0.0.1:0"
            site "localhost" "127.0.0.1" {
                files "www" { listing #true; negotiate #true }
                route "/denied" { respond 200; deny "127.0.0.0/8" }
                route "/login" { respond 200; basic-auth "r" {
                    user "anna" "$2b$04$abcdefghijklmnopqrstuuxKnUjKPz4vlNfJKl5Cv5/kdUOx9bfpS"
                } }
                route "/short" { respond 200; body-max "1KiB" }
                route "/often" { respond 200; rate "1/h" burst=1 }
                route "/same" { respond 200; cross-site }
                route "/shared" { respond 200; cors "https://friend.example" }
                route "/round" { rewrite "/round" }
                route "/gone" { respond 410 }
                route "/moved" { redirect "/a.txt" }
            }"#,
        );
    let server = Program::configured(HEPTA, &site.path("hepta.kdl")).start();
    (site, server)
}

/// What curl gets with these arguments.
#[track_caller]
fn curl(args: &[&str], url: &str) -> Response {
    let mut curl: Command = tool("curl");
    curl.args(["-sSi", "--path-as-is", "--max-time", "60"]).args(args).arg(url);
    let output = run(&mut curl).ok().stdout;
    let end = output.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&output[..end]);
    let mut lines = head.lines();
    let mut status = lines.next().unwrap().splitn(3, ' ');
    let (version, code) = (status.next().unwrap().to_owned(), status.next().unwrap());
    let fields = lines.map(|line| line.split_once(": ").unwrap());
    Response {
        version,
        status: code.parse().unwrap(),
        reason: status.next().unwrap_or_default().trim().to_owned(),
        fields: fields.map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned())).collect(),
        body: output[end + 4..].to_vec(),
    }
}

fn of(response: &Response) -> (Option<&str>, Option<&str>) {
    (response.field("content-language"), response.field("vary"))
}

#[test]
fn errors_are_in_the_language_that_curl_asks_for() {
    let (_site, server) = configured();
    let url = server.url("/missing");
    for (tag, title, sentence) in NOT_FOUND {
        let language = format!("Accept-Language: {tag}");
        for accept in ["*/*", "text/html", "application/json"] {
            let accept_field = format!("Accept: {accept}");
            let page = curl(&["-H", &language, "-H", &accept_field], &url);
            assert_eq!((page.status, &*page.reason), (404, "Not Found"), "the status line stays");
            assert_eq!(of(&page), (Some(tag), Some("Accept, Accept-Language")), "{page}");
            let text = page.text();
            if accept == "application/json" {
                let json: Value = serde_json::from_str(&text).unwrap();
                let want = serde_json::json!({"status": 404, "title": title, "detail": sentence});
                assert_eq!(json, want);
                continue;
            }
            assert!(text.contains(title) && text.contains(sentence), "{text}");
            let lang = format!("<html lang=\"{tag}\">");
            assert_eq!(text.contains(&lang), accept == "text/html", "{text}");
        }
    }
}

#[test]
fn no_language_is_refused() {
    let (_site, server) = configured();
    for (accepts, tag) in [
        ("de-CH", "de"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("en;q=0.3, es-419;q=0.4", "es"),
        ("ja", "en"),
        ("*", "en"),
        ("*;q=0", "en"),
        ("de;q=0, *", "en"),
        ("en;q=0", "en"),
        ("%%%, \u{1f600}", "en"),
        ("", "en"),
    ] {
        let missing = server.ask("GET", "/missing", &[("Accept-Language", accepts)]);
        assert_eq!((missing.status, missing.field("content-language")), (404, Some(tag)));
        let accept = [("Accept", "text/html"), ("Accept-Language", accepts)];
        let listing = server.ask("GET", "/", &accept);
        assert_eq!((listing.status, listing.field("content-language")), (200, Some(tag)));
    }
    let without = server.get("/missing");
    assert_eq!(of(&without), (Some("en"), Some("Accept, Accept-Language")));
}

#[test]
fn listings_are_in_the_language_that_curl_asks_for() {
    let (_site, server) = configured();
    let url = server.url("/full/sub/");
    for (tag, parent, modified, total) in [
        ("en", "Parent directory", "Modified", "1\u{a0}file"),
        ("de", "Übergeordnetes Verzeichnis", "Geändert", "1\u{a0}Datei"),
        ("fr", "Répertoire parent", "Modifié", "1\u{a0}fichier"),
        ("es", "Directorio superior", "Modificado", "1\u{a0}archivo"),
    ] {
        let language = format!("Accept-Language: {tag}");
        let page = curl(&["-H", &language], &url);
        let vary = "Accept, Accept-Language, Accept-Encoding";
        assert_eq!(of(&page), (Some(tag), Some(vary)), "{page}");
        let text = page.text();
        assert!(text.contains(&format!("<html lang=\"{tag}\">")), "{text}");
        for word in [parent, modified, total] {
            assert!(text.contains(word), "{word} is not in {text}");
        }
        // Programs read the same whatever their users speak, and the answer says so.
        let json = curl(&["-H", &language, "-H", "Accept: application/json"], &url);
        assert_eq!(of(&json), (None, Some("Accept")), "{json}");
        let json: Value = serde_json::from_slice(&json.body).unwrap();
        assert_eq!(json["entries"][0]["name"], "two.txt");
    }
    let german = server.ask("GET", "/full/", &[("Accept-Language", "de")]).text();
    assert!(german.contains("title=\"1\u{202f}234\u{202f}567\u{a0}Byte\">1.2 MiB<"), "{german}");
}

#[test]
fn what_is_not_acceptable_is_said_in_the_clients_language() {
    let (_site, server) = configured();
    let url = server.url("/data");
    let ask = |accept: &str| {
        let accept = format!("Accept: {accept}");
        let page = curl(&["-H", "Accept-Language: de", "-H", &accept], &url);
        assert_eq!(page.status, 406);
        // By their charset the files differ too.
        let vary = "Accept, Accept-Language, Accept-Charset";
        assert_eq!(of(&page), (Some("de"), Some(vary)), "{page}");
        page.text()
    };
    let sentence = "Keine der verfügbaren Fassungen entspricht dem, was die Anfrage akzeptiert.";
    let text = ask("text/plain");
    assert!(text.starts_with(&format!("406 Nicht akzeptabel\n\n{sentence}\n\n")), "{text}");
    assert!(text.contains("\ndata.json  (application/json)\n"), "{text}");
    let html = ask("text/html");
    assert!(html.contains("<h1 class=\"status\"><span>406</span> Nicht akzeptabel</h1>"), "{html}");
    let json: Value = serde_json::from_str(&ask("application/problem+json")).unwrap();
    assert_eq!((&json["title"], &json["detail"]), (&"Nicht akzeptabel".into(), &sentence.into()));
    assert_eq!(json["alternatives"].as_array().unwrap().len(), 2);
    let codings = [("Accept-Language", "fr"), ("Accept-Encoding", "identity;q=0, *;q=0")];
    let none = server.ask("GET", "/full/one.bin", &codings);
    assert_eq!((none.status, none.field("content-language")), (406, Some("fr")));
    assert!(none.lists("vary", "accept-encoding") && none.lists("vary", "accept-language"));
}

/// Every refusal that a site can be made to give, as a German reads it.
#[test]
fn every_refusal_is_in_the_clients_language() {
    let (_site, server) = configured();
    let ask = |method: &str, target: &str, field: (&str, &str), body: &str| {
        let mut conn = server.connect();
        let host = if field.0 == "Host" { field.1 } else { "localhost" };
        let field = if field.0 == "Host" { ("X", "") } else { field };
        conn.send(format!(
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\n{}: {}\r\nAccept-Language: de\r\n\
             Connection: close\r\n\r\n{body}",
            field.0, field.1
        ));
        conn.response(method)
    };
    assert_eq!(ask("GET", "/often", ("X", ""), "").status, 200);
    for (method, target, field, status, sentence) in [
        ("GET", "/%2f", ("X", ""), 400, "Der Pfad dieser Adresse ist unzulässig"),
        ("GET", "/login", ("X", ""), 401, "sind Benutzername und Passwort erforderlich."),
        ("GET", "/denied", ("X", ""), 403, "von Ihrer Adresse aus ist nicht gestattet."),
        ("POST", "/same", ("Sec-Fetch-Site", "cross-site"), 403, "von der Seite einer anderen"),
        ("DELETE", "/a.txt", ("X", ""), 405, "Die Methode DELETE ist hier nicht erlaubt."),
        ("GET", "/a.txt", ("If-Match", "\"x\""), 412, "nicht die Fassung, die die Anfrage"),
        ("GET", "/short", ("Content-Length", "4000"), 413, "darf hier höchstens 1024\u{a0}Byte"),
        ("GET", "/a.txt", ("Range", "bytes=9-"), 416, "außerhalb der Datei, die 2\u{a0}Byte"),
        ("GET", "/", ("Host", "other.example"), 421, "gibt es keine Website dieses Namens."),
        ("GET", "/often", ("X", ""), 429, "Sekunden erneut."),
        ("GET", "/round", ("X", ""), 500, "bilden eine Endlosschleife."),
        ("BREW", "/", ("X", ""), 501, "kennt die Methode der Anfrage nicht."),
    ] {
        let page = ask(method, target, field, "");
        assert_eq!(page.status, status, "{method} {target}: {page}");
        assert_eq!(page.field("content-language"), Some("de"), "{page}");
        assert!(page.lists("vary", "accept-language"), "{page}");
        assert!(page.text().contains(sentence), "{target}: {}", page.text());
    }
    let gone = ask("GET", "/gone", ("X", ""), "");
    assert_eq!((gone.status, gone.text()), (410, "410 Nicht mehr vorhanden\n".into()));
    let preflight = [
        ("Origin", "https://<b>.example"),
        ("Access-Control-Request-Method", "PUT"),
        ("Accept-Language", "es"),
        ("Accept", "text/html"),
    ];
    let refused = server.ask("OPTIONS", "/shared", &preflight);
    assert_eq!((refused.status, refused.field("content-language")), (403, Some("es")));
    assert!(refused.text().contains("Las páginas de https://&lt;b&gt;.example no pueden"));
}

#[test]
fn only_own_pages_speak_of_languages() {
    let (_site, server) = configured();
    let fields = [("Accept-Language", "de")];
    for (method, target, status) in [
        ("GET", "/a.txt", 200),
        ("HEAD", "/a.txt", 200),
        ("GET", "/full", 301),
        ("GET", "/moved", 308),
        ("OPTIONS", "/a.txt", 204),
    ] {
        let answer = server.ask(method, target, &fields);
        assert_eq!(answer.status, status, "{answer}");
        assert_eq!(answer.field("content-language"), None, "{answer}");
        assert!(!answer.lists("vary", "accept-language"), "{answer}");
    }
}

#[test]
fn head_says_what_get_says() {
    let (_site, server) = configured();
    for target in ["/missing", "/", "/data", "/gone", "/login"] {
        for accept in ["text/html", "text/plain", "application/problem+json"] {
            let fields = [("Accept", accept), ("Accept-Language", "fr")];
            let (get, head) =
                (server.ask("GET", target, &fields), server.ask("HEAD", target, &fields));
            let of = |response: &Response| -> Vec<_> {
                let fields = response.fields.iter().filter(|(name, _)| name != "date");
                fields.cloned().collect()
            };
            assert_eq!((get.status, of(&get)), (head.status, of(&head)), "{target} {accept}");
            assert!(head.body.is_empty());
            let len = get.body.len().to_string();
            assert_eq!(get.field("content-length"), Some(&*len), "bytes, and not letters");
        }
    }
}

#[test]
fn both_versions_of_http_say_the_same() {
    let (_site, server) = configured();
    for target in ["/missing", "/full/", "/data", "/gone"] {
        for accept in ["Accept: text/html", "Accept: text/plain", "Accept: application/json;q=0"] {
            let with = |version: &str| {
                let args = [version, "-H", "Accept-Language: es-MX, en;q=0.1", "-H", accept];
                curl(&args, &server.url(target))
            };
            let (old, new) = (with("--http1.1"), with("--http2-prior-knowledge"));
            assert_eq!((&*old.version, &*new.version), ("HTTP/1.1", "HTTP/2"));
            assert_eq!((old.status, of(&old)), (new.status, of(&new)), "{target} {accept}");
            assert_eq!(old.text(), new.text());
        }
    }
}

#[test]
fn the_film_says_what_was_written_and_why() {
    let site = Site::new().with("a.txt", "a\n");
    let server = program(&site).arg("--film=application").start();
    let fields = [("Accept", "text/html"), ("Accept-Language", "de_DE, fr-FR;q=0.5")];
    assert_eq!(server.ask("GET", "/a%2Fb", &fields).status, 400);
    for note in [
        "PathRefused what=\"slash in a name\"",
        "Ignored field=Accept-Language because=MemberMalformed",
        "PageWritten form=Html language=\"fr\"",
    ] {
        until(&format!("{note} is in the film"), || server.stderr().contains(note).then_some(()));
    }
}
