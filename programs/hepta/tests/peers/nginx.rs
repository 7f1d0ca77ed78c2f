//! nginx as a second opinion: the same site, the same questions, the answers side by side.

use peers::{Nginx, Response, Server, Site, numbered_text, random_bytes};

use crate::{field, serve};

/// Where the two differ, and why: the question, what is different, the reason.
const DIFFERENCES: [(&str, &str, &str); 9] = [
    ("/script.js", "type", "text/javascript is the registered type (RFC 9239); nginx has the old"),
    ("/notes.md", "type", "text/markdown is registered (RFC 7763); nginx does not know it"),
    ("/module.mjs", "type", "text/javascript (RFC 9239); nginx does not know the name"),
    ("/table.csv", "type", "text/csv is registered (RFC 4180); nginx does not know it"),
    ("/data.yaml", "type", "application/yaml is registered (RFC 9512); nginx does not know it"),
    ("/.hidden", "status", "names with a dot are refused; nginx serves them"),
    ("bytes=5-4", "status", "a range that is none is ignored (RFC 9110 §14.2); nginx says 416"),
    ("bytes=abc", "status", "a range that is none is ignored (RFC 9110 §14.2); nginx says 416"),
    ("POST", "allow", "405 names what is allowed (RFC 9110 §15.5.6); nginx does not"),
];

/// One question to both, and how the answers differ.
struct Question<'a> {
    method: &'a str,
    target: &'a str,
    fields: Vec<(&'a str, String)>,
}

impl Question<'_> {
    fn answers(&self, ours: &Server, theirs: &Nginx) -> [Response; 2] {
        let fields: Vec<_> = self.fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        [ours.ask(self.method, self.target, &fields), theirs.ask(self.method, self.target, &fields)]
    }

    /// What is not the same, but for what is known to be different.
    fn differences(&self, ours: &Server, theirs: &Nginx) -> Vec<String> {
        let [our, their] = self.answers(ours, theirs);
        let mut found = Vec::new();
        let mut compare = |what: &str, our: String, their: String| {
            if our != their && !self.is_known(what) {
                found.push(format!(
                    "{} {} {:?}: {what}: ours {our}, nginx's {their}",
                    self.method, self.target, self.fields
                ));
            }
        };
        compare("status", our.status.to_string(), their.status.to_string());
        // What an error page says is everybody's own business, and a part of several has its own
        // boundary.
        if our.status == their.status && our.status < 300 {
            let essence = |r: &Response| {
                let whole = r.field("content-type").unwrap_or("none");
                whole.split(';').next().unwrap_or_default().to_owned()
            };
            compare("type", essence(&our), essence(&their));
            if essence(&our) != "multipart/byteranges" {
                for name in ["content-length", "content-range", "last-modified", "accept-ranges"] {
                    // nginx says it with a 200 only; with a 206 it goes without saying.
                    if name == "accept-ranges" && our.status == 206 {
                        continue;
                    }
                    let value = |r: &Response| r.field(name).unwrap_or("none").to_owned();
                    compare(name, value(&our), value(&their));
                }
                compare("body", hash(&our.body), hash(&their.body));
            }
        }
        if matches!(our.status, 405 | 416) {
            let name = if our.status == 405 { "allow" } else { "content-range" };
            let value = |r: &Response| r.field(name).unwrap_or("none").to_owned();
            compare(name, value(&our), value(&their));
        }
        found
    }

    fn is_known(&self, what: &str) -> bool {
        DIFFERENCES.iter().any(|(question, kind, _)| {
            let is_asked = self.target == *question
                || self.method == *question
                || self.fields.iter().any(|(_, value)| value == question);
            is_asked && *kind == what
        })
    }
}

fn hash(bytes: &[u8]) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{} bytes, {:x}", bytes.len(), hasher.finish())
}

const TARGETS: [&str; 31] = [
    "/",
    "/index.html",
    "/?query",
    "/style.css",
    "/script.js",
    "/module.mjs",
    "/notes.md",
    "/table.csv",
    "/data.yaml",
    "/data.json",
    "/image.svg",
    "/image.png",
    "/image.jpg",
    "/font.woff2",
    "/text.txt",
    "/feed.xml",
    "/movie.mp4",
    "/large.bin",
    "/empty.txt",
    "/a%20b.txt",
    "/%74ext.txt",
    "/folder/",
    "/folder/index.html",
    "/folder/../text.txt",
    "/folder//index.html",
    "/missing",
    "/missing/",
    "/text.txt/",
    "/.hidden",
    "/TEXT.txt",
    "/folder/missing?x",
];

fn site() -> Site {
    let mut site = Site::new()
        .with("large.bin", random_bytes(15, 700_000))
        .with("empty.txt", "")
        .with("a b.txt", "blank")
        .with("index.html", "<p>index")
        .with("folder/index.html", "<p>inner")
        .with(".hidden", "hidden")
        .with("text.txt", numbered_text(10_000));
    for name in
        ["style.css", "script.js", "module.mjs", "notes.md", "table.csv", "data.yaml", "data.json"]
    {
        site = site.with(name, numbered_text(300));
    }
    for name in ["image.svg", "image.png", "image.jpg", "font.woff2", "feed.xml", "movie.mp4"] {
        site = site.with(name, numbered_text(400));
    }
    site
}

#[track_caller]
fn check(questions: &[Question<'_>], ours: &Server, theirs: &Nginx) {
    let found: Vec<String> = questions.iter().flat_map(|q| q.differences(ours, theirs)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn nginx_says_the_same_of_files() {
    let site = site();
    let (ours, theirs) = (serve(&site), Nginx::serve(site.root(), ""));
    let questions: Vec<Question<'_>> = TARGETS
        .iter()
        .flat_map(|target| ["GET", "HEAD"].map(|method| (method, *target)))
        .chain([("POST", "/text.txt"), ("GET", "/folder")])
        .map(|(method, target)| Question { method, target, fields: Vec::new() })
        .collect();
    check(&questions, &ours, &theirs);
}

#[test]
fn nginx_says_the_same_of_ranges() {
    let site = site();
    let (ours, theirs) = (serve(&site), Nginx::serve(site.root(), ""));
    let ranges = [
        "bytes=0-0",
        "bytes=0-99",
        "bytes=100-",
        "bytes=-1",
        "bytes=-100",
        "bytes=0-999999999",
        "bytes=9999999-",
        "bytes=-0",
        "bytes=5-4",
        "bytes=abc",
        "bytes=0-9,900-909",
        "bytes=0-9, -9",
        "bytes=-999999999",
    ];
    let questions: Vec<Question<'_>> = ranges
        .iter()
        .flat_map(|range| ["/text.txt", "/large.bin"].map(|target| (range, target)))
        .map(|(range, target)| Question {
            method: "GET",
            target,
            fields: vec![("Range", (*range).to_owned())],
        })
        .collect();
    check(&questions, &ours, &theirs);
}

#[test]
fn nginx_says_the_same_of_conditions() {
    let site = site();
    let (ours, theirs) = (serve(&site), Nginx::serve(site.root(), ""));
    let modified = field(&ours.get("/text.txt"), "last-modified");
    let before = "Sat, 01 Jan 2000 00:00:00 GMT";
    // Each has its own entity tags, so only what needs none of them.
    let cases: [&[(&str, &str)]; 13] = [
        &[("If-None-Match", "*")],
        &[("If-None-Match", "\"x\"")],
        &[("If-Match", "*")],
        &[("If-Match", "\"x\"")],
        &[("If-Modified-Since", &modified)],
        &[("If-Modified-Since", before)],
        &[("If-Unmodified-Since", &modified)],
        &[("If-Unmodified-Since", before)],
        &[("If-None-Match", "\"x\""), ("If-Modified-Since", &modified)],
        &[("If-Match", "\"x\""), ("If-None-Match", "*")],
        &[("If-Range", &modified), ("Range", "bytes=0-9")],
        &[("If-Range", before), ("Range", "bytes=0-9")],
        &[("If-Range", "\"x\""), ("Range", "bytes=0-9")],
    ];
    let questions: Vec<Question<'_>> = cases
        .iter()
        .map(|fields| Question {
            method: "GET",
            target: "/text.txt",
            fields: fields.iter().map(|(n, v)| (*n, (*v).to_owned())).collect(),
        })
        .collect();
    check(&questions, &ours, &theirs);
}
