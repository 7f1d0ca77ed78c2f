use expect_test::{Expect, expect};
use files::{Kind, Listed, Listing, Modified};
use message::{Fields, Name, Status};

use super::text::{Size, Utc, escaped};
use super::{Alternative, Form, Order, Page, STYLE, alternatives_page, directory_page, error_page};
use crate::words::{ENGLISH, LANGUAGES};

fn entry(name: impl AsRef<[u8]>, kind: Kind, len: u64, secs: i64) -> Listed {
    let modified = Modified { secs, nanos: 5 };
    Listed { name: name.as_ref().to_vec(), kind, len, modified }
}

fn file(name: impl AsRef<[u8]>, len: u64, secs: i64) -> Listed {
    entry(name, Kind::File, len, secs)
}

fn directory(name: impl AsRef<[u8]>, secs: i64) -> Listed {
    entry(name, Kind::Directory, 0, secs)
}

fn small() -> Listing {
    let entries = vec![
        file("page-10.html", 1_234_567, 1_700_000_000),
        file("Page-9.html", 999, 1_600_000_000),
        directory("images", 1_500_000_000),
        file("read me.txt", 0, 1_600_000_000),
    ];
    Listing { entries, truncated: false }
}

/// What is in the page besides the style.
fn content(page: &Page) -> String {
    page.body.replace(STYLE, "")
}

#[test]
fn a_small_directory_as_html() {
    let page = directory_page(Form::Html, &ENGLISH, b"a/b", small(), Order::default());
    assert_eq!(page.media_type, "text/html; charset=utf-8");
    expect![[r#"
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>Index of /a/b/</title>
        <style>
        </style>
        </head>
        <body>
        <main>
        <nav aria-label="Breadcrumb">
        <h1><span class="label">Index of </span><a href="../../" title="Top directory">/</a><a href="../"><bdi>a</bdi></a>/<wbr><bdi aria-current="page">b</bdi>/</h1>
        </nav>
        <table>
        <thead>
        <tr><th scope="col" class="name" aria-sort="ascending"><a href="?sort=name&amp;order=desc">Name</a></th><th scope="col" class="size"><a href="?sort=size&amp;order=desc">Size</a></th><th scope="col" class="date"><a href="?sort=date&amp;order=desc">Modified</a> <small>UTC</small></th></tr>
        </thead>
        <tbody>
        <tr><td class="name"><a class="up" href="../">Parent directory</a></td><td></td><td></td></tr>
        <tr><td class="name"><a class="directory" href="images/"><bdi>images</bdi>/</a></td><td class="size"></td><td class="date"><time datetime="2017-07-14T02:40:00Z">2017-07-14<span> 02:40:00</span></time></td></tr>
        <tr><td class="name"><a class="file" href="Page-9.html"><bdi>Page-9.html</bdi></a></td><td class="size" title="999 bytes">999 B</td><td class="date"><time datetime="2020-09-13T12:26:40Z">2020-09-13<span> 12:26:40</span></time></td></tr>
        <tr><td class="name"><a class="file" href="page-10.html"><bdi>page-10.html</bdi></a></td><td class="size" title="1,234,567 bytes">1.2 MiB</td><td class="date"><time datetime="2023-11-14T22:13:20Z">2023-11-14<span> 22:13:20</span></time></td></tr>
        <tr><td class="name"><a class="file" href="read%20me.txt"><bdi>read me.txt</bdi></a></td><td class="size" title="0 bytes">0 B</td><td class="date"><time datetime="2020-09-13T12:26:40Z">2020-09-13<span> 12:26:40</span></time></td></tr>
        </tbody>
        </table>
        <p class="total">1 directory, 3 files, <span title="1,235,566 bytes">1.2 MiB</span></p>
        </main>
        <footer>Hepta</footer>
        </body>
        </html>
    "#]].assert_eq(&content(&page));
}

#[test]
fn a_small_directory_as_json() {
    let page = directory_page(Form::Json, &ENGLISH, b"a/b", small(), Order::default());
    assert_eq!(page.media_type, "application/json");
    expect![[r#"
        {"path":"/a/b/","entries":[
        {"name":"images","type":"directory","size":null,"modified":"2017-07-14T02:40:00Z","href":"images/"},
        {"name":"Page-9.html","type":"file","size":999,"modified":"2020-09-13T12:26:40Z","href":"Page-9.html"},
        {"name":"page-10.html","type":"file","size":1234567,"modified":"2023-11-14T22:13:20Z","href":"page-10.html"},
        {"name":"read me.txt","type":"file","size":0,"modified":"2020-09-13T12:26:40Z","href":"read%20me.txt"}
        ],"truncated":false}
    "#]].assert_eq(&page.body);
    let empty = directory_page(Form::Json, &ENGLISH, b"", Listing::default(), Order::default());
    assert_eq!(empty.body, "{\"path\":\"/\",\"entries\":[\n],\"truncated\":false}\n");
}

#[test]
fn the_root_has_no_parent_and_may_be_empty() {
    let page = directory_page(Form::Html, &ENGLISH, b"", Listing::default(), Order::default());
    let page = content(&page);
    assert!(!page.contains("../"), "{page}");
    assert!(
        page.contains("<title>Index of /</title>") && page.contains("This directory is empty.")
    );
}

#[test]
fn says_when_there_is_more() {
    let listing = Listing { truncated: true, ..small() };
    let page = directory_page(Form::Html, &ENGLISH, b"", listing.clone(), Order::default());
    assert!(page.body.contains("There are more"));
    let page = directory_page(Form::Json, &ENGLISH, b"", listing, Order::default());
    assert!(page.body.ends_with("],\"truncated\":true}\n"));
}

/// Names that try to become something else than text, in the page and in its links.
#[test]
fn hostile_names_stay_names() {
    let names: [&[u8]; 16] = [
        b"<script>alert(1)</script>",
        b"\" onmouseover=\"alert(1)",
        b"' onfocus='alert(1)",
        b"</td></table><h1>",
        b"&lt;b&gt;&amp;",
        b"javascript:alert(1)",
        b"data:text/html,x",
        b"\\\\evil.example\\x",
        b"what?#%2e%2e",
        b"%2e%2e%2fetc",
        b"caf\xe9\xff",
        "naïve \u{202e}txt.exe".as_bytes(),
        b"line\nbreak\r\ttab\x01\x7f",
        b" two  spaces ",
        b"]]>--><!--",
        b"...",
    ];
    for name in names {
        for kind in [Kind::File, Kind::Directory] {
            let listing = || Listing { entries: vec![entry(name, kind, 1, 0)], truncated: true };
            let path = [b"up/", name].concat();
            let in_language = |words| {
                content(&directory_page(Form::Html, words, &path, listing(), Order::default()))
            };
            LANGUAGES.map(in_language).iter().for_each(|html| check_markup(html));
            let html = in_language(&ENGLISH);
            let json =
                directory_page(Form::Json, &ENGLISH, &path, listing(), Order::default()).body;
            let json: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!(json["entries"][0]["name"], String::from_utf8_lossy(name).as_ref());

            let href = json["entries"][0]["href"].as_str().unwrap();
            assert!(html.contains(&format!(" href=\"{href}\">")), "{href}");
            let segment = href.strip_suffix('/').unwrap_or(href);
            assert!(segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
            let decoded = message::uri::percent::decode(segment.as_bytes()).unwrap();
            assert_eq!(&decoded[..], name, "the link leads to exactly this name");
            let base = url::Url::parse("http://h/up/here/").unwrap();
            let target = base.join(href).unwrap();
            assert_eq!(target.as_str(), format!("http://h/up/here/{href}"));
        }
    }
}

/// Tags and attributes are those that we write, whatever stands between them.
#[track_caller]
fn check_markup(html: &str) {
    const TAGS: [&str; 26] = [
        "!doctype", "html", "head", "meta", "title", "style", "body", "main", "nav", "h1", "span",
        "a", "bdi", "wbr", "table", "thead", "tbody", "tr", "th", "td", "small", "time", "p", "ul",
        "li", "footer",
    ];
    for tag in html.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("every tag is closed");
        let name = tag.trim_start_matches('/').split_whitespace().next().unwrap();
        assert!(TAGS.contains(&name), "<{tag}>");
        assert!(!tag.contains(" on") && !tag.contains('\''), "<{tag}>");
        assert_eq!(tag.matches('"').count() % 2, 0, "<{tag}>");
    }
    assert!(!html.contains("<script") && !html.contains('\x01') && !html.contains('\r'));
}

#[test]
fn orders() {
    check_order("", "images page-9 page-10 read");
    check_order("sort=name&order=asc", "images page-9 page-10 read");
    check_order("sort=name&order=desc", "images read page-10 page-9");
    check_order("sort=size&order=asc", "images read page-9 page-10");
    check_order("sort=size&order=desc", "images page-10 page-9 read");
    check_order("sort=date&order=asc", "images page-9 read page-10");
    check_order("order=desc&sort=date", "images page-10 page-9 read");
    check_order("sort=evil&order=%3Cscript%3E&x", "images page-9 page-10 read");
}

#[track_caller]
fn check_order(query: &str, want: &str) {
    let order = Order::from_query(Some(query.as_bytes()));
    let page = directory_page(Form::Json, &ENGLISH, b"", small(), order);
    let json: serde_json::Value = serde_json::from_str(&page.body).unwrap();
    let short = |entry: &serde_json::Value| {
        let name = entry["name"].as_str().unwrap();
        name.split(['.', ' ']).next().unwrap().to_ascii_lowercase()
    };
    let names: Vec<_> = json["entries"].as_array().unwrap().iter().map(short).collect();
    assert_eq!(names.join(" "), want, "{query}");
}

#[test]
fn names_are_sorted_as_people_do() {
    let mut names = vec![
        "b",
        "A",
        "a",
        "a10",
        "a9",
        "a09",
        "a1b",
        "a1",
        "2",
        "10",
        "1",
        "x100000000000000000000000",
        "x99999999999999999999999",
        "B",
    ];
    let entries = names.drain(..).map(|name| file(name, 0, 0)).collect();
    let listing = Listing { entries, truncated: false };
    let page = directory_page(Form::Json, &ENGLISH, b"", listing, Order::default());
    let json: serde_json::Value = serde_json::from_str(&page.body).unwrap();
    let sorted: Vec<_> =
        json["entries"].as_array().unwrap().iter().map(|e| e["name"].as_str().unwrap()).collect();
    expect!["1 2 10 A a a1 a1b a09 a9 a10 B b x99999999999999999999999 x100000000000000000000000"]
        .assert_eq(&sorted.join(" "));
}

#[test]
fn the_heads_of_columns_sort_and_turn() {
    let heads = |query: &str| {
        let order = Order::from_query(Some(query.as_bytes()));
        let page = content(&directory_page(Form::Html, &ENGLISH, b"a", small(), order));
        let head = page.split_once("<thead>").unwrap().1.split_once("</thead>").unwrap().0;
        let parts = head.split("<th scope=\"col\" ").skip(1);
        parts
            .map(|th| th.split_once("\">").unwrap().0.replace('"', ""))
            .collect::<Vec<_>>()
            .join("\n")
    };
    expect![[r#"
        class=name aria-sort=ascending
        class=size
        class=date"#]]
    .assert_eq(&heads(""));
    expect![[r#"
        class=name
        class=size aria-sort=descending
        class=date"#]]
    .assert_eq(&heads("sort=size&order=desc"));
}

#[test]
fn an_order_is_kept_on_the_way() {
    let order = Order::from_query(Some(b"sort=size&order=desc"));
    let page = directory_page(Form::Html, &ENGLISH, b"a/b", small(), order).body;
    for link in ["images/", "../", "../../"] {
        let link = format!("href=\"{link}?sort=size&amp;order=desc\"");
        assert!(page.contains(&link), "{link}");
    }
    assert!(page.contains("href=\"page-10.html\""));
}

#[test]
fn the_form_follows_accept() {
    let listing = [
        (None, Form::Html),
        (Some("*/*"), Form::Html),
        (Some("application/json"), Form::Json),
        (Some("application/json, text/html"), Form::Html),
        (Some("application/json, text/html;q=0.9"), Form::Json),
        (Some("text/html;q=0.1, */*;q=0.5"), Form::Json),
        (Some("application/*;q=0.2, text/html;q=0.1"), Form::Json),
        (Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Form::Html),
        (Some("application/json;q=0, */*"), Form::Html),
        (Some("image/png"), Form::Html),
        (Some("nonsense, , application/json"), Form::Json),
        (Some(""), Form::Html),
    ];
    for (accept, want) in listing {
        assert_eq!(Form::of_listing(&fields(accept)), want, "{accept:?}");
    }
    let errors = [
        (None, Form::Text),
        (Some("*/*"), Form::Text),
        (Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Form::Html),
        (Some("application/json"), Form::Json),
        (Some("application/json, text/plain, */*"), Form::Text),
        (Some("image/avif,image/webp,*/*;q=0.8"), Form::Text),
        (Some("text/plain;q=0, */*"), Form::Html),
    ];
    for (accept, want) in errors {
        assert_eq!(Form::of_error(&fields(accept)), want, "{accept:?}");
    }
}

fn fields(accept: Option<&str>) -> Fields {
    let mut fields = Fields::new();
    if let Some(accept) = accept {
        fields.push(Name::Accept, accept);
    }
    fields
}

/// What strangers can bring into an explanation stays text, in every language and form.
#[test]
fn hostile_explanations_stay_text() {
    const HOSTILE: &str = "</p><script>alert('1')</script>&amp;\"\u{1}\r\n\"}, \"x\": \u{202e}é";
    for words in LANGUAGES {
        let errors = &words.errors;
        let gaps = [errors.origin_refused, errors.method_refused, errors.no_coding_acceptable];
        for explanation in gaps.map(|says| says(HOSTILE)) {
            let page = |form| error_page(form, words, Status::FORBIDDEN, Some(&explanation));
            check_markup(&content(&page(Form::Html)));
            let json: serde_json::Value = serde_json::from_str(&page(Form::Json).body).unwrap();
            assert_eq!(json["detail"], explanation);
            assert_eq!(json.as_object().unwrap().len(), 3, "{json}");
            assert_eq!(page(Form::Text).media_type, "text/plain; charset=utf-8");
        }
    }
}

/// So do names, types and languages of files that are listed because none is acceptable.
#[test]
fn hostile_alternatives_stay_text() {
    const HOSTILE: &str = "javascript:\"><script>alert('1')</script>&lt;\u{1}";
    for words in LANGUAGES {
        let alternative =
            Alternative { name: HOSTILE, media_type: HOSTILE, language: Some(HOSTILE) };
        let page = |form| alternatives_page(form, words, std::slice::from_ref(&alternative));
        let html = content(&page(Form::Html));
        check_markup(&html);
        assert!(html.contains("<a href=\"./javascript:%22"), "{html}");
        let json: serde_json::Value = serde_json::from_str(&page(Form::Json).body).unwrap();
        assert_eq!(json["alternatives"][0]["type"], HOSTILE);
        assert_eq!(json["alternatives"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn every_page_says_its_language() {
    for words in LANGUAGES {
        let root = |form| directory_page(form, words, b"", small(), Order::default());
        let error = |form| error_page(form, words, Status::GONE, None);
        let all = alternatives_page(Form::Text, words, &[]);
        for page in [root(Form::Html), error(Form::Html), error(Form::Text), error(Form::Json), all]
        {
            assert_eq!(page.language, Some(words.tag), "{}", page.media_type);
            let is_html = page.media_type.starts_with("text/html");
            let says = page.body.contains(&format!("<html lang=\"{}\">", words.tag));
            assert_eq!(says, is_html, "{}", page.body);
        }
        let json = root(Form::Json);
        assert_eq!(json.language, None, "it has no words");
        let english = directory_page(Form::Json, &ENGLISH, b"", small(), Order::default());
        assert_eq!(json, english);
    }
}

#[test]
fn a_small_directory_in_each_language() {
    let said = |words| {
        let listing = Listing { truncated: true, ..small() };
        let page = content(&directory_page(Form::Html, words, b"a", listing, Order::default()));
        let mut said = Vec::new();
        for tag in page.split('<').skip(1) {
            let (tag, text) = tag.split_once('>').unwrap();
            for name in ["aria-label=\"", "title=\""] {
                said.extend(tag.split_once(name).and_then(|(_, value)| value.split('"').next()));
            }
            said.push(text.trim());
        }
        said.retain(|said| !said.is_empty() && !said.starts_with("20"));
        said.join(" | ").replace('\u{a0}', "_").replace('\u{202f}', "~")
    };
    expect![[r#"
        Index of /a/ | Breadcrumb | Index of | Top directory | / | a | / | Name | Size | Modified | UTC | Parent directory | images | / | 02:40:00 | Page-9.html | 999_bytes | 999 B | 12:26:40 | page-10.html | 1,234,567_bytes | 1.2 MiB | 22:13:20 | read me.txt | 0_bytes | 0 B | 12:26:40 | 1_directory, 3_files, | 1,235,566_bytes | 1.2 MiB | . There are more entries, but a page shows no more than these. | Hepta
        Inhalt von /a/ | Pfad | Inhalt von | Oberstes Verzeichnis | / | a | / | Name | Größe | Geändert | UTC | Übergeordnetes Verzeichnis | images | / | 02:40:00 | Page-9.html | 999_Byte | 999 B | 12:26:40 | page-10.html | 1~234~567_Byte | 1.2 MiB | 22:13:20 | read me.txt | 0_Byte | 0 B | 12:26:40 | 1_Verzeichnis, 3_Dateien, | 1~235~566_Byte | 1.2 MiB | . Es gibt weitere Einträge, doch eine Seite zeigt nicht mehr als diese. | Hepta
        Contenu de /a/ | Fil d’Ariane | Contenu de | Répertoire racine | / | a | / | Nom | Taille | Modifié | UTC | Répertoire parent | images | / | 02:40:00 | Page-9.html | 999_octets | 999 B | 12:26:40 | page-10.html | 1~234~567_octets | 1.2 MiB | 22:13:20 | read me.txt | 0_octet | 0 B | 12:26:40 | 1_répertoire, 3_fichiers, | 1~235~566_octets | 1.2 MiB | . Il y a d’autres éléments, mais une page n’en affiche pas davantage. | Hepta
        Contenido de /a/ | Ruta de navegación | Contenido de | Directorio raíz | / | a | / | Nombre | Tamaño | Modificado | UTC | Directorio superior | images | / | 02:40:00 | Page-9.html | 999_bytes | 999 B | 12:26:40 | page-10.html | 1~234~567_bytes | 1.2 MiB | 22:13:20 | read me.txt | 0_bytes | 0 B | 12:26:40 | 1_directorio, 3_archivos, | 1~235~566_bytes | 1.2 MiB | . Hay más elementos, pero una página no muestra más que estos. | Hepta"#]].assert_eq(&LANGUAGES.map(said).join("\n"));
}

#[test]
fn errors_in_three_forms() {
    let show = |form, explanation, want: Expect| {
        let page = error_page(form, &ENGLISH, Status::NOT_FOUND, explanation);
        want.assert_eq(&format!("{}\n{}", page.media_type, content(&page)));
    };
    let explanation = Some("Nothing is called \"<b>\" here.");
    show(
        Form::Html,
        explanation,
        expect![[r#"
        text/html; charset=utf-8
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>404 Not Found</title>
        <style>
        </style>
        </head>
        <body>
        <main>
        <h1 class="status"><span>404</span> Not Found</h1>
        <p class="explanation">Nothing is called &quot;&lt;b&gt;&quot; here.</p>
        </main>
        <footer>Hepta</footer>
        </body>
        </html>
    "#]],
    );
    show(
        Form::Text,
        explanation,
        expect![[r#"
        text/plain; charset=utf-8
        404 Not Found

        Nothing is called "<b>" here.
    "#]],
    );
    show(
        Form::Json,
        explanation,
        expect![[r#"
        application/problem+json
        {"status":404,"title":"Not Found","detail":"Nothing is called \"<b>\" here."}
    "#]],
    );
    show(
        Form::Text,
        None,
        expect![[r#"
        text/plain; charset=utf-8
        404 Not Found
    "#]],
    );
    show(
        Form::Json,
        None,
        expect![[r#"
        application/problem+json
        {"status":404,"title":"Not Found"}
    "#]],
    );
}

//= test RFC 9457 §4.2.1: the title of a status may be in the client's language.
#[test]
fn errors_in_four_languages() {
    let all: Vec<_> = LANGUAGES
        .iter()
        .map(|words| {
            let explanation = (words.errors.range_outside)(1_234_567);
            let status = Status::RANGE_NOT_SATISFIABLE;
            error_page(Form::Json, words, status, Some(&explanation)).body
        })
        .collect();
    expect![[r#"
        {"status":416,"title":"Range Not Satisfiable","detail":"The requested range lies outside the file, whose length is 1,234,567_bytes."}
        {"status":416,"title":"Bereich nicht verfügbar","detail":"Der angeforderte Bereich liegt außerhalb der Datei, die 1~234~567_Byte umfasst."}
        {"status":416,"title":"Plage non disponible","detail":"La plage demandée se trouve en dehors du fichier, dont la taille est de 1~234~567_octets."}
        {"status":416,"title":"Intervalo no disponible","detail":"El intervalo solicitado queda fuera del archivo, cuyo tamaño es de 1~234~567_bytes."}
    "#]].assert_eq(&all.concat().replace('\u{a0}', "_").replace('\u{202f}', "~"));
    // An error that nobody registered has no name in any language.
    let unknown = error_page(Form::Text, &ENGLISH, Status::new(499).unwrap(), None);
    assert_eq!(unknown.body, "499\n");
}

/// RFC 9110 §15.5.7: a list for people and for programs.
#[test]
fn alternatives_in_three_forms() {
    let german = LANGUAGES[1];
    let alternatives = [
        Alternative { name: "a b.de.html", media_type: "text/html", language: Some("de") },
        Alternative { name: "data.json", media_type: "application/json", language: None },
    ];
    let show = |form, want: Expect| {
        let page = content(&alternatives_page(form, german, &alternatives));
        want.assert_eq(page.split_once("<main>").map_or(&page, |(_, main)| main));
    };
    show(
        Form::Html,
        expect![[r#"

        <h1 class="status"><span>406</span> Nicht akzeptabel</h1>
        <p class="explanation">Keine der verfügbaren Fassungen entspricht dem, was die Anfrage akzeptiert.</p>
        <p class="explanation">Verfügbare Fassungen:</p>
        <ul>
        <li><a href="a%20b.de.html" type="text/html" hreflang="de">a b.de.html</a></li>
        <li><a href="data.json" type="application/json">data.json</a></li>
        </ul>
        </main>
        <footer>Hepta</footer>
        </body>
        </html>
    "#]],
    );
    show(
        Form::Text,
        expect![[r#"
        406 Nicht akzeptabel

        Keine der verfügbaren Fassungen entspricht dem, was die Anfrage akzeptiert.

        Verfügbare Fassungen:

        a%20b.de.html  (text/html, de)
        data.json  (application/json)
    "#]],
    );
    show(
        Form::Json,
        expect![[r#"
        {"status":406,"title":"Nicht akzeptabel","detail":"Keine der verfügbaren Fassungen entspricht dem, was die Anfrage akzeptiert.","alternatives":[
        {"href":"a%20b.de.html","type":"text/html","language":"de"},
        {"href":"data.json","type":"application/json","language":null}
        ]}
    "#]],
    );
}

#[test]
fn sizes() {
    let sizes = [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (10 * 1024, "10.0 KiB"),
        (102_348, "99.9 KiB"),
        (102_349, "100 KiB"),
        (1_048_063, "1023 KiB"),
        (1_048_064, "1.0 MiB"),
        (1 << 30, "1.0 GiB"),
        (u64::MAX, "16.0 EiB"),
    ];
    for (len, want) in sizes {
        assert_eq!(Size(len).to_string(), want, "{len}");
    }
}

//= test RFC 3339 §5.6: four digits of the year, a T, a Z.
#[test]
fn dates() {
    let dates = [
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
        (i64::MAX, "9999-12-31T23:59:59Z"),
        (i64::MIN, "0000-01-01T00:00:00Z"),
    ];
    for (secs, want) in dates {
        assert_eq!(Utc::new(Modified { secs, nanos: 999_999_999 }).to_string(), want);
    }
}

#[test]
fn escapes_only_what_must_be() {
    assert!(matches!(escaped("plain ünï"), std::borrow::Cow::Borrowed("plain ünï")));
    assert_eq!(
        escaped("<a href='x' b=\"y\">&\n"),
        "&lt;a href=&#39;x&#39; b=&quot;y&quot;&gt;&amp;\u{fffd}"
    );
}
