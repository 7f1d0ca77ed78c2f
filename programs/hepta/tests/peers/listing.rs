//! Directories without an index: HTML for people, JSON for programs.

use peers::{Response, Server, Site, run, tool};
use serde_json::Value;

use crate::{field, serve};

/// A directory of names that mean something to HTML, to URLs or to shells.
const NAMES: [&str; 11] = [
    "plain.txt",
    "<script>alert(1)<&>.txt",
    "\"quoted\" 'twice'.txt",
    "a&amp;b.txt",
    "100% sure?.txt",
    "hash#mark.txt",
    "javascript:alert(1)",
    "back\\slash.txt",
    "semi;colon=2.txt",
    "gr\u{fc}\u{df}e \u{65e5}\u{672c}.txt",
    "+plus &amp and.txt",
];

fn site() -> (Site, Server) {
    let mut site = Site::new().with("sub/inner.txt", "inner").with("big.bin", vec![0; 1_500_000]);
    for name in NAMES {
        site = site.with(name, name);
    }
    let server = serve(&site);
    (site, server)
}

fn json(response: &Response) -> Vec<Value> {
    assert_eq!(field(response, "content-type"), "application/json");
    let value: Value = serde_json::from_slice(&response.body).unwrap();
    value["entries"].as_array().unwrap().clone()
}

#[test]
fn a_listing_comes_in_the_form_that_is_asked_for() {
    let (_site, server) = site();
    let cases = [
        ("text/html", "text/html"),
        ("application/json", "application/json"),
        ("*/*", "text/html"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("application/json, text/html;q=0.5", "application/json"),
        ("text/html;q=0.1, application/*", "application/json"),
        ("application/json;q=0, */*", "text/html"),
    ];
    for (accept, expected) in cases {
        let response = server.ask("GET", "/", &[("Accept", accept)]);
        assert_eq!(response.status, 200, "{accept}: {response}");
        let found = field(&response, "content-type");
        assert_eq!(found.split(';').next(), Some(expected), "{accept}");
        assert!(response.lists("vary", "Accept"), "{accept}: {response}");
        let head = server.ask("HEAD", "/", &[("Accept", accept)]);
        assert_eq!(field(&head, "content-length"), response.body.len().to_string(), "{accept}");
        assert!(head.lists("vary", "Accept"), "{accept}: {head}");
    }
    let found = field(&server.get("/"), "content-type");
    assert!(found.starts_with("text/html"), "{found}");
}

#[test]
fn a_listing_for_programs_says_what_is_there() {
    let (site, server) = site();
    let entries = json(&server.ask("GET", "/", &[("Accept", "application/json")]));
    let mut names: Vec<_> = entries.iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    let mut expected: Vec<_> = NAMES.iter().copied().chain(["sub", "big.bin"]).collect();
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected);
    for entry in &entries {
        let name = entry["name"].as_str().unwrap();
        let target = format!("/{}", entry["href"].as_str().unwrap());
        if name == "sub" {
            assert_eq!(entry["type"], "directory");
            assert_eq!(target, "/sub/");
            continue;
        }
        let content = std::fs::read(site.path(name)).unwrap();
        assert_eq!(entry["size"], content.len(), "{name}");
        assert!(entry["modified"].as_str().unwrap().ends_with('Z'), "{name}");
        // Its link leads to it.
        assert!(server.get(&target).body == content, "{name}: {target}");
    }
}

#[test]
fn a_listing_for_people_is_what_a_parser_of_html_reads() {
    let (_site, server) = site();
    let html = server.get("/").text();
    // Not our own reading of it: Python's.
    let script = "
import sys, html.parser, json
class P(html.parser.HTMLParser):
    tags, links, now = [], {}, None
    def handle_starttag(self, tag, attrs):
        self.tags.append([tag, dict(attrs)])
        if tag == 'a': self.now = dict(attrs).get('href'); self.links[self.now] = ''
    def handle_endtag(self, tag):
        if tag == 'a': self.now = None
    def handle_data(self, data):
        if self.now is not None: self.links[self.now] += data
p = P(); p.feed(sys.stdin.read()); p.close()
print(json.dumps({'tags': p.tags, 'links': p.links}))";
    let parsed = peers::run_with_input(tool("python").args(["-c", script]), html.as_bytes());
    let parsed: Value = serde_json::from_slice(&parsed.ok().stdout).unwrap();
    let tags: Vec<&str> =
        parsed["tags"].as_array().unwrap().iter().filter_map(|tag| tag[0].as_str()).collect();
    assert!(!tags.contains(&"script"), "a name has become an element");
    let links = parsed["links"].as_object().unwrap();
    for name in NAMES {
        let found = links.iter().find(|(_, text)| text.as_str().unwrap().trim() == name);
        let (href, _) = found.unwrap_or_else(|| panic!("{name:?} is not in {links:?}"));
        assert_eq!(server.get(&format!("/{href}")).text(), name, "{href}");
    }
    // Readable on a telephone.
    assert!(html.contains("name=\"viewport\""), "{html}");
    assert!(html.contains("1.4 MiB"), "sizes are for people: {html}");
}

#[test]
fn a_listing_can_be_sorted() {
    let site = Site::new().with("b.txt", "1").with("a.txt", "333").with("c.txt", "22");
    for (name, hours) in [("a.txt", 3), ("b.txt", 1), ("c.txt", 2)] {
        site.age(name, std::time::Duration::from_secs(3600 * hours));
    }
    let server = serve(&site);
    let order = |query: &str| {
        let response = server.ask("GET", &format!("/{query}"), &[("Accept", "application/json")]);
        let names = json(&response);
        names
            .iter()
            .map(|entry| entry["name"].as_str().unwrap()[..1].to_owned())
            .collect::<String>()
    };
    assert_eq!(order(""), "abc");
    assert_eq!(order("?sort=name&order=desc"), "cba");
    assert_eq!(order("?sort=size&order=asc"), "bca");
    assert_eq!(order("?sort=size&order=desc"), "acb");
    assert_eq!(order("?sort=date&order=asc"), "acb");
    assert_eq!(order("?sort=date&order=desc"), "bca");
    assert_eq!(order("?sort=%00&nonsense"), "abc");
    // And the page has links that do.
    let html = server.get("/").text();
    for by in ["name", "size", "date"] {
        assert!(html.contains(&format!("sort={by}")), "{html}");
    }
}

#[test]
fn a_listing_of_many_is_whole() {
    let mut site = Site::new();
    for n in 0..2000 {
        site = site.with(&format!("{n:05}.txt"), "x");
    }
    let server = serve(&site);
    let entries = json(&server.ask("GET", "/", &[("Accept", "application/json")]));
    assert_eq!(entries.len(), 2000);
    site.write("one-more.txt", "x");
    let entries = json(&server.ask("GET", "/", &[("Accept", "application/json")]));
    assert_eq!(entries.len(), 2001, "a listing is never old");
}

#[test]
fn errors_come_in_the_form_that_is_asked_for() {
    let (_site, server) = site();
    for (accept, expected) in [
        ("*/*", "text/plain"),
        ("text/html,*/*;q=0.8", "text/html"),
        ("application/json", "application/problem+json"),
    ] {
        let response = server.ask("GET", "/%3Cmissing%3E", &[("Accept", accept)]);
        assert_eq!(response.status, 404);
        let found = field(&response, "content-type");
        assert!(found.starts_with(expected), "{accept}: {response}");
        assert!(response.lists("vary", "Accept"), "{response}");
        assert!(!response.text().contains("<missing"), "{}", response.text());
    }
}

#[test]
fn a_listing_is_read_by_curl_too() {
    let (_site, server) = site();
    let output =
        run(tool("curl").args(["-sS", "-H", "Accept: application/json"]).arg(server.url("/sub/")));
    let value: Value = serde_json::from_slice(&output.ok().stdout).unwrap();
    assert_eq!(value["path"], "/sub/");
    assert_eq!(value["entries"][0]["name"], "inner.txt");
}
