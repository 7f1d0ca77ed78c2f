//! Chromium as a client, driven by `browse.mjs`.

use peers::{Program, Server, Site, numbered_text, random_bytes, run, tool};
use serde_json::{Value, json};

use crate::{HEPTA, lasting, program, strong_etag};

/// What came of some steps in a browser of its own, which had nothing to complain of.
#[track_caller]
pub(crate) fn browse(steps: &Value) -> Value {
    let seen = look(steps);
    assert_eq!(seen["problems"], json!([]), "the browser complains");
    seen
}

/// What came of some steps, and what the browser complained of.
#[track_caller]
fn look(steps: &Value) -> Value {
    let folder = Site::new();
    folder.write("browse.mjs", include_str!("browse.mjs"));
    let mut command = tool("node");
    command.arg(folder.path("browse.mjs")).arg(tool("chromium").get_program());
    command.arg(folder.path("profile")).arg(steps.to_string());
    let said = run(&mut command).ok();
    serde_json::from_slice(&said.stdout).unwrap()
}

/// Eight by eight pixels, all red.
const IMAGE: &str = "<svg xmlns='http://www.w3.org/2000/svg' width='8' height='8'>\
    <rect width='8' height='8' fill='red'/></svg>";

pub(crate) fn page() -> Site {
    let png = include_bytes!("../../site/files/spectrum.png");
    Site::new()
        .with(
            "index.html",
            "<!doctype html><title>Page</title><link rel=icon href=image.svg>\
             <link rel=stylesheet href=style.css><p id=p>text</p>\
             <img id=svg src=image.svg><img id=png src=picture.png>\
             <script src=script.js></script><script type=module src=module.mjs></script>",
        )
        .with("style.css", "p { color: rgb(1, 2, 3); }")
        .with("script.js", "window.fromScript = 7;")
        .with("module.mjs", "import { value } from './other.mjs'; window.fromModule = value;")
        .with("other.mjs", "export const value = 8;")
        .with("image.svg", IMAGE)
        .with("picture.png", png)
        .with("large.bin", random_bytes(14, 2_000_000))
        .with("text.txt", numbered_text(50_000))
        .with("folder/inner.txt", "inner text")
        .with("folder/deeper/file.txt", "deep text")
}

/// What a page with all its parts looks like from inside.
pub(crate) const LOOK: &str = "[getComputedStyle(document.querySelector('#p')).color, window.fromScript, \
    window.fromModule, document.querySelector('#svg').naturalWidth, \
    document.querySelector('#png').naturalWidth > 0, document.characterSet]";

#[test]
fn chromium_shows_a_page_with_all_its_parts() {
    let site = page();
    let server = program(&site).arg("--workers").arg("2").start();
    let seen = browse(&json!([{ "goto": server.url("/") }, { "eval": LOOK }]));
    assert_eq!(seen["results"][0], json!(["rgb(1, 2, 3)", 7, 8, 8, true, "UTF-8"]));
    for response in seen["responses"].as_array().unwrap() {
        assert_eq!(response["status"], 200, "{response}");
        assert_eq!(response["protocol"], "http/1.1", "{response}");
    }
}

#[test]
fn chromium_fetches_parts() {
    let site = page();
    let server = program(&site).start();
    let range = "(async () => {
        const r = await fetch('/large.bin', { headers: { Range: 'bytes=1000-1999' } });
        return [r.status, r.headers.get('Content-Range'), (await r.arrayBuffer()).byteLength];
    })()";
    let coded = "(async () => {
        const r = await fetch('/text.txt');
        return [r.headers.has('Content-Encoding'), (await r.text()).split('\\n')[1]];
    })()";
    let many = "Promise.all(Array.from({ length: 60 }, async (_, n) =>
            (await (await fetch('/large.bin?' + n)).arrayBuffer()).byteLength))
        .then(all => all.every(len => len === 2000000))";
    let seen = browse(&json!([
        { "goto": server.url("/") }, { "eval": range }, { "eval": coded }, { "eval": many },
    ]));
    assert_eq!(seen["results"][0], json!([206, "bytes 1000-1999/2000000", 1000]));
    assert_eq!(seen["results"][1], json!([true, "line 1 of a text"]));
    assert_eq!(seen["results"][2], json!(true));
}

#[test]
fn chromium_asks_whether_it_has_changed() {
    let files: [(&str, &[u8]); 1] = [("page.html", b"<!doctype html><title>Page</title><p>text")];
    // The site of all tests has a shared place; its own log is this test's.
    let server = lasting(&files);
    let etag = strong_etag(&server, "/page.html", &[]);
    drop(server);
    let log = Site::new();
    let path = log.path("access.log");
    let root = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("lasting");
    let server = Program::serve(HEPTA, &root).arg("--access-log").arg(&path).start();
    let seen = browse(&json!([
        { "goto": server.url("/page.html") },
        { "reload": true },
        { "eval": "document.querySelector('p').textContent" },
        { "eval": "fetch('/page.html', { cache: 'no-cache' }).then(r => r.text())" },
    ]));
    assert_eq!(seen["results"][0], "text", "{etag}");
    let log = server.until_file_has(&path, "\"GET /page.html HTTP/1.1\" 304 0 ");
    assert!(log.contains("\"GET /page.html HTTP/1.1\" 200 "), "{log}");
    assert!(log.contains("Chrome/"), "{log}");
}

#[test]
fn chromium_reads_a_listing_and_follows_it() {
    let site = page();
    let server = program(&site).start();
    let seen = browse(&json!([
        { "goto": server.url("/folder/") },
        { "eval": "[...document.querySelectorAll('tbody a')].map(a => a.textContent.trim())" },
        { "eval": "document.documentElement.scrollWidth <= innerWidth" },
        { "click": "a[href^='inner.txt']" },
        { "eval": "document.body.textContent.trim()" },
        { "goto": server.url("/folder") },
        { "click": "a[href^='deeper/']" },
        { "click": "a[href^='file.txt']" },
        { "eval": "[location.pathname, document.body.textContent.trim()]" },
        { "goto": server.url("/folder/") },
        { "click": "a[href*='sort=size']" },
        { "eval": "location.search" },
    ]));
    let shown = seen["results"][0].to_string();
    assert!(shown.contains("inner.txt") && shown.contains("deeper"), "{shown}");
    assert_eq!(seen["results"][1], json!(true), "a listing needs no scrolling sideways");
    assert_eq!(seen["results"][2], "inner text");
    assert_eq!(seen["results"][3], json!(["/folder/deeper/file.txt", "deep text"]));
    assert!(seen["results"][4].as_str().unwrap().contains("sort=size"));
}

#[test]
fn chromium_reads_a_listing_in_its_language() {
    let site = page();
    let server = program(&site).start();
    let look = "[navigator.language, document.documentElement.lang, document.title, \
        ...[...document.querySelectorAll('th a, a.up')].map(a => a.textContent), \
        document.querySelector('.total').firstChild.data].join('|').replace(/\\u00a0/g, '_')";
    let fits = "document.documentElement.scrollWidth <= innerWidth";
    let mut steps = Vec::new();
    for languages in ["de-CH,de,en", "fr-CA", "es-419,es", "ja"] {
        steps.push(json!({ "languages": languages }));
        steps.push(json!({ "goto": server.url("/folder/") }));
        steps.extend([json!({ "eval": look }), json!({ "eval": fits })]);
    }
    let seen = browse(&json!(steps));
    let want = [
        "de-CH|de|Inhalt von /folder/|Name|Größe|Geändert|Übergeordnetes Verzeichnis|\
         1_Verzeichnis, 1_Datei, ",
        "fr-CA|fr|Contenu de /folder/|Nom|Taille|Modifié|Répertoire parent|\
         1_répertoire, 1_fichier, ",
        "es-419|es|Contenido de /folder/|Nombre|Tamaño|Modificado|Directorio superior|\
         1_directorio, 1_archivo, ",
        "ja|en|Index of /folder/|Name|Size|Modified|Parent directory|1_directory, 1_file, ",
    ];
    for (language, want) in want.iter().enumerate() {
        assert_eq!(seen["results"][2 * language], *want);
        assert_eq!(seen["results"][2 * language + 1], true, "no scrolling sideways: {want}");
    }
}

#[test]
fn chromium_speaks_tls() {
    let site = page();
    let server = program(&site).arg("--tls").start();
    let url = server.url("/").replace("127.0.0.1", "localhost");
    let seen = browse(&json!([
        { "goto": url },
        { "eval": LOOK },
        { "eval": "isSecureContext" },
        { "eval": "fetch('/large.bin').then(r => r.arrayBuffer()).then(b => b.byteLength)" },
    ]));
    assert_eq!(seen["results"][0], json!(["rgb(1, 2, 3)", 7, 8, 8, true, "UTF-8"]));
    assert_eq!(seen["results"][1], json!(true));
    assert_eq!(seen["results"][2], json!(2_000_000));
    for response in seen["responses"].as_array().unwrap() {
        assert_eq!((&response["status"], &response["protocol"]), (&json!(200), &json!("h2")));
    }
}

#[test]
fn chromium_gets_along_with_early_hints() {
    // Long enough to be compressed: the hints are there before the answer is.
    let long = format!(
        "<!doctype html><title>Page</title><link rel=icon href=image.svg>\
        <link rel=stylesheet href=style.css><p id=p>text</p><!-- {} -->",
        numbered_text(500_000)
    );
    let site = page().with("index.html", long).with(
        "hepta.kdl",
        r#"listen "127.0.0.1:0" { local-certificate }
        default {
            files "."
            route "/" { files "."; preload "/style.css" as="style" }
        }"#,
    );
    let server = Program::configured(HEPTA, &site.path("hepta.kdl")).start();
    let url = server.url("/").replace("127.0.0.1", "localhost");
    let colour = "getComputedStyle(document.querySelector('#p')).color";
    let seen = browse(&json!([{ "goto": url }, { "eval": colour }]));
    assert_eq!(seen["results"], json!(["rgb(1, 2, 3)"]), "{seen}");
    let responses = seen["responses"].as_array().unwrap();
    let ends_with = |response: &Value, end| response["url"].as_str().unwrap().ends_with(end);
    let styles = responses.iter().filter(|response| ends_with(response, "/style.css"));
    assert_eq!(styles.count(), 1, "what was hinted at is fetched once: {seen}");
}

#[test]
fn chromium_shows_the_site_of_the_project() {
    let server = Program::serve_default_site(HEPTA).start();
    let seen = browse(&json!([{ "goto": server.url("/") }, { "eval": "document.title" }]));
    assert!(seen["results"][0].as_str().unwrap().contains("Hepta"), "{seen}");
    for response in seen["responses"].as_array().unwrap() {
        assert_eq!(response["status"], 200, "{response}");
    }
}

/// A second of a tone, as a WAV file that is long enough to be fetched in parts.
fn tone() -> Vec<u8> {
    let samples: Vec<u8> = (0..4_000_000_u32).map(|n| (n / 32 % 2 * 40 + 100) as u8).collect();
    let mut wav = Vec::new();
    wav.extend(b"RIFF");
    wav.extend((36 + samples.len() as u32).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend(8000_u32.to_le_bytes());
    wav.extend(8000_u32.to_le_bytes());
    wav.extend(b"\x01\0\x08\0data");
    wav.extend((samples.len() as u32).to_le_bytes());
    wav.extend(samples);
    wav
}

/// A site as people configure it, over TLS at two origins: `localhost` and `127.0.0.1`.
fn configured_site() -> (Site, Server) {
    let mut page = String::from("<!doctype html><title>Fifty</title><link rel=icon href=0.svg>");
    let mut site = Site::new();
    for n in 0..50 {
        page += &format!("<img src={n}.svg>");
        site = site.with(&format!("www/{n}.svg"), IMAGE);
    }
    page += "<audio src=tone.wav preload=auto></audio>";
    let site = site
        .with("www/index.html", page)
        .with("www/tone.wav", tone())
        .with("www/files/one.txt", "one")
        .with("www/hello.en.txt", "hello")
        .with("www/hello.de.txt", "hallo")
        .with("hepta.kdl", "");
    let mut hepta = std::process::Command::new(HEPTA);
    hepta.arg("passwd").arg("anna");
    let anna = peers::run_with_input(&mut hepta, b"secret\n").ok().text();
    site.write(
        "hepta.kdl",
        format!(
            r#"listen "127.0.0.1:0" {{ local-certificate }}
            default {{
                files "www" {{ listing #true; negotiate #true }}
                security
                route "/open/*" {{ respond 200 "open"; cors "*" }}
                route "/shut/*" {{ respond 200 "shut"; cors "https://friend.example" }}
                route "/private/*" {{ respond 200 "welcome"; basic-auth "private" {{ {anna} }} }}
            }}"#,
            anna = anna.trim()
        ),
    );
    let server = Program::configured(HEPTA, &site.path("hepta.kdl")).start();
    (site, server)
}

#[test]
fn chromium_uses_a_configured_site_over_tls() {
    let (_site, server) = configured_site();
    let here = server.url("/").replace("127.0.0.1", "localhost");
    let seen = browse(&json!([
        { "goto": here },
        { "eval": "[...document.images].filter(i => i.naturalWidth === 8).length" },
        { "eval": "fetch('hello', { headers: { 'Accept-Language': 'de' } }).then(r => r.text())" },
        { "eval": "fetch('hello', { headers: { 'Accept-Language': 'fr, en' } }).then(r => r.text())" },
        // The end of a sound is fetched as a part, when somebody wants to hear it.
        { "eval": "new Promise((done, failed) => {
            const sound = document.querySelector('audio');
            sound.onerror = failed;
            sound.onseeked = () => done(Math.round(sound.currentTime));
            const seek = () => { sound.currentTime = 490; };
            if (sound.readyState > 0) seek(); else sound.onloadedmetadata = seek;
        })" },
        { "goto": format!("{here}files/") },
        { "click": "a[href^='one.txt']" },
        { "eval": "document.body.textContent.trim()" },
        { "goto": format!("{}private/", here.replace("https://", "https://anna:secret@")) },
        { "eval": "document.body.textContent.trim()" },
    ]));
    assert_eq!(seen["results"], json!([50, "hallo", "hello", 490, "one", "welcome"]));
    let responses = seen["responses"].as_array().unwrap();
    let was = |path: &str, status: u16| {
        responses.iter().any(|response| {
            response["url"].as_str().unwrap().ends_with(path) && response["status"] == status
        })
    };
    assert!(was("/tone.wav", 206), "{responses:?}");
    assert!(was("/49.svg", 200) && was("/private/", 200));
}

#[test]
fn chromium_keeps_origins_apart_as_the_site_says() {
    let (_site, server) = configured_site();
    // Two names of one machine are two origins.
    let (here, there) = (server.url("/").replace("127.0.0.1", "localhost"), server.url("/"));
    let fetch = |path: &str| {
        format!("fetch('{there}{path}').then(r => r.text()).catch(e => 'refused: ' + e.name)")
    };
    let frame = |url: &str| {
        format!(
            "new Promise(done => {{
                const frame = document.createElement('iframe');
                frame.onload = () => done(frame.contentDocument?.title ?? 'nothing to see');
                frame.src = '{url}';
                document.body.append(frame);
            }})"
        )
    };
    let seen = look(&json!([
        { "goto": here },
        { "eval": fetch("open/") },
        { "eval": fetch("shut/") },
        { "eval": frame(&here) },
        { "eval": frame(&there) },
    ]));
    assert_eq!(
        seen["results"],
        json!(["open", "refused: TypeError", "Fifty", "nothing to see"]),
        "{seen}"
    );
    let problems = seen["problems"].to_string();
    assert!(problems.contains("Access-Control-Allow-Origin"), "{problems}");
    assert!(problems.contains("frame-ancestors"), "{problems}");
}
