//! The two configurations of docs/from-nginx.md: the same files, the same questions, and the
//! answers of nginx and Hepta side by side.

mod differences;
mod tree;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use peers::{Broken, Conn, Nginx, Program, Response, Server, Site, run, run_with_input, tool};

use self::differences::{DIFFERENCES, Difference};
use crate::HEPTA;
use crate::tls::certificate;

const STATIC: &str = "example.org";
const APP: &str = "app.example.org";

/// As `htpasswd -B` makes it, of "pass".
const USERS: &str = "anna:$2y$05$Dg5TNX4PlF2MzdvdCOOdgOHUM1b4ZbyWeO4j3LOlkBfyCPxbXmw4W\n";

/// Where the files of a site are found: host, path, directory.
const PLACES: [(&str, &str, &str); 3] =
    [(STATIC, "/", "srv/example.org"), (STATIC, "/manual/", "srv/manual"), (APP, "/", "srv/app")];

/// One question for both.
#[derive(Clone, Debug)]
struct Question {
    method: &'static str,
    host: &'static str,
    target: String,
    fields: Vec<(&'static str, String)>,
}

/// Both servers, with one site.
struct Both {
    site: Site,
    ours: Server,
    theirs: Nginx,
}

/// A client that keeps its connection as long as it can.
struct Client {
    address: SocketAddr,
    conn: Option<Conn>,
    /// Whether a connection may end without having said so: nginx says `keep-alive` in its 412 and
    /// closes.
    may_lie: bool,
}

/// What was compared, and what was not the same.
#[derive(Default)]
struct Report {
    asked: usize,
    /// How often each of the known differences was seen.
    known: BTreeMap<&'static str, usize>,
    /// All others: what differs for which kind of question, with how often and the first.
    unknown: BTreeMap<String, (usize, String)>,
    /// What came in gzip, from us and from nginx, one behind the other, and what it must be.
    gzip: [Vec<u8>; 3],
}

impl Both {
    fn start() -> Self {
        let site = tree::grow();
        certificate(&site, "example.org", STATIC);
        site.write("srv/users", USERS);
        std::fs::create_dir(site.path("log")).unwrap();
        let theirs = Nginx::configured(|[clear, secure]| {
            let text = in_site(&document("from-nginx/nginx.conf"), &site, "/var/log/nginx");
            let text = text.replace("listen 80", &format!("listen {clear}"));
            text.replace("listen 443", &format!("listen {secure}"))
        });
        let text = in_site(&document("from-nginx/hepta.kdl"), &site, "/var/log/hepta");
        // Who runs tests stays who he is.
        let text = text.replace("user \"www-data\"\n", "");
        let text = text.replace("0.0.0.0:80", "127.0.0.1:0").replace("0.0.0.0:443", "127.0.0.1:0");
        site.write("hepta.kdl", text.replace("/run/", &format!("{}/", site.root().display())));
        let ours = Program::configured(HEPTA, &site.path("hepta.kdl")).start();
        Self { site, ours, theirs }
    }

    fn clients(&self) -> [Client; 2] {
        let client = |address, may_lie| Client { address, conn: None, may_lie };
        [client(self.ours.address(), false), client(self.theirs.addresses()[0], true)]
    }

    /// The target of every file, with its host and what is in it.
    fn files(&self) -> Vec<(&'static str, String, Vec<u8>)> {
        let mut files = Vec::new();
        for (host, prefix, directory) in PLACES {
            let directory = self.site.path(directory);
            for path in tree::walk(&directory) {
                let target = prefix.to_owned() + &escaped(path.strip_prefix(&directory).unwrap());
                files.push((host, target, std::fs::read(&path).unwrap_or_default()));
            }
        }
        files
    }

    /// The target of every directory, with a slash behind it.
    fn folders(&self) -> Vec<(&'static str, String)> {
        let mut folders = Vec::new();
        for (host, prefix, directory) in PLACES {
            let directory = self.site.path(directory);
            for path in tree::folders(&directory) {
                let rest = escaped(path.strip_prefix(&directory).unwrap());
                let slash = if rest.is_empty() { "" } else { "/" };
                folders.push((host, format!("{prefix}{rest}{slash}")));
            }
        }
        folders
    }
}

/// One of the two configurations as it is in docs/.
fn document(name: &str) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    std::fs::read_to_string(docs.join(name)).unwrap()
}

/// The configuration with the directories of a test in place of those of a machine.
fn in_site(text: &str, site: &Site, log: &str) -> String {
    let root = site.root().display().to_string();
    let keys = "/etc/letsencrypt/live/example.org";
    let text = text.replace("/srv/", &format!("{root}/srv/")).replace(log, &format!("{root}/log"));
    let text = text.replace(&format!("{keys}/fullchain.pem"), &format!("{root}/example.org.pem"));
    text.replace(&format!("{keys}/privkey.pem"), &format!("{root}/example.org.key"))
}

/// A path as a URL has it.
fn escaped(path: &Path) -> String {
    let mut text = String::new();
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

impl Client {
    /// The answer; none if the connection ends without a word.
    fn ask(&mut self, question: &Question) -> Option<Response> {
        let was_used = self.conn.is_some();
        let answer = self.try_to_ask(question);
        if answer.is_none() && was_used && self.may_lie {
            return self.try_to_ask(question);
        }
        answer
    }

    fn try_to_ask(&mut self, question: &Question) -> Option<Response> {
        let Question { method, host, target, fields } = question;
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n");
        for (name, value) in fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut conn = self.conn.take().unwrap_or_else(|| Conn::to(self.address));
        conn.try_send(head + "\r\n").ok()?;
        match conn.try_response(method) {
            Ok(response) => {
                if !response.lists("connection", "close") {
                    self.conn = Some(conn);
                }
                Some(response)
            }
            Err(Broken::Closed | Broken::CutShort(None)) => None,
            Err(broken) => panic!("{question:?}: {broken:?}"),
        }
    }
}

impl Question {
    fn get(host: &'static str, target: impl Into<String>) -> Self {
        Self { method: "GET", host, target: target.into(), fields: Vec::new() }
    }

    fn with(&self, name: &'static str, value: impl Into<String>) -> Self {
        let mut this = self.clone();
        this.fields.push((name, value.into()));
        this
    }

    fn asks(&self, name: &str) -> bool {
        self.fields.iter().any(|(known, _)| *known == name)
    }

    /// The target without its query.
    fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// How many kinds of differences are told.
const SHOWN_MAX: usize = 40;

/// The fields that are compared.
const FIELDS: [&str; 20] = [
    "accept-ranges",
    "allow",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-range",
    "content-security-policy",
    "content-type",
    "expires",
    "last-modified",
    "location",
    "referrer-policy",
    "retry-after",
    "strict-transport-security",
    "vary",
    "www-authenticate",
    "x-content-type-options",
    "x-frame-options",
    "x-xss-protection",
    "connection",
];

/// What of an answer is compared, by its name.
fn aspects(response: Option<&Response>) -> Vec<(&'static str, String)> {
    let Some(response) = response else { return vec![("status", "nothing at all".into())] };
    let mut aspects = vec![("status", response.status.to_string())];
    for name in FIELDS {
        let values: Vec<_> = response.all(name).collect();
        let value = match (name, &*values) {
            // The two were not asked in the same second.
            ("expires", [_]) => "a date".to_owned(),
            _ => values.join(", "),
        };
        aspects.push((name, value));
    }
    let is_coded = response.field("content-encoding").is_some();
    let body = if is_coded { "coded".to_owned() } else { shown(&response.body) };
    aspects.push(("body", body));
    aspects
}

/// A body in a few words that no other has.
fn shown(bytes: &[u8]) -> String {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let start: String = String::from_utf8_lossy(bytes).chars().take(20).collect();
    format!("{} bytes, {:x}, {start:?}", bytes.len(), hasher.finish())
}

impl Report {
    /// Asks both, and compares; their answers.
    fn compare(&mut self, clients: &mut [Client; 2], question: &Question) -> [Option<Response>; 2] {
        self.compare_both(clients, &[question.clone(), question.clone()])
    }

    /// The same, where each is asked in its own words.
    fn compare_both(
        &mut self,
        clients: &mut [Client; 2],
        questions: &[Question; 2],
    ) -> [Option<Response>; 2] {
        self.asked += 1;
        let [our_client, their_client] = clients;
        let [question, their_question] = questions;
        let answers = [our_client.ask(question), their_client.ask(their_question)];
        let [ours, theirs] = answers.each_ref().map(|answer| aspects(answer.as_ref()));
        for (name, our) in &ours {
            let their = theirs.iter().find(|(known, _)| known == name);
            let their = their.map_or("", |(_, value)| value.as_str());
            if our != their {
                self.differs(question, name, our, their, &answers);
            }
            // Without the same status nothing else need be the same.
            if *name == "status" && our != their {
                break;
            }
        }
        answers
    }

    fn differs(
        &mut self,
        question: &Question,
        aspect: &str,
        our: &str,
        their: &str,
        answers: &[Option<Response>; 2],
    ) {
        let is_it = |difference: &&Difference| {
            let [Some(ours), Some(theirs)] = answers else { return false };
            difference.aspects.contains(&aspect) && (difference.is_it)(question, ours, theirs)
        };
        match DIFFERENCES.iter().find(is_it) {
            Some(difference) => *self.known.entry(difference.what).or_default() += 1,
            None => {
                let names: Vec<_> = question.fields.iter().map(|(name, _)| *name).collect();
                let what = format!("{aspect} with {names:?}");
                let first = || (0, format!("ours {our}, nginx's {their}: {question:?}"));
                self.unknown.entry(what).or_insert_with(first).0 += 1;
            }
        }
    }

    /// Keeps what came in gzip, if it did from both, to be undone later all at once.
    fn keep_gzip(&mut self, answers: &[Option<Response>; 2], content: &[u8]) {
        let coded = answers.each_ref().map(|answer| answer.as_ref().filter(is_gzip));
        if let [Some(ours), Some(theirs)] = coded {
            for (all, part) in self.gzip.iter_mut().zip([&ours.body, &theirs.body, content]) {
                all.extend_from_slice(part);
            }
        }
    }

    /// Fails unless all that differs is known, and all that is known was seen.
    #[track_caller]
    fn end(self) {
        let Self { asked, known, unknown, .. } = self;
        let shown: String = unknown
            .iter()
            .take(SHOWN_MAX)
            .map(|(what, (times, first))| format!("{times} times {what}\n    as in {first:.300}\n"))
            .collect();
        assert!(unknown.is_empty(), "of {asked} questions {} kinds:\n{shown}", unknown.len());
        let is_seen = |what: &str| known.contains_key(what);
        let unseen: Vec<_> = DIFFERENCES.iter().map(|d| d.what).filter(|w| !is_seen(w)).collect();
        assert!(unseen.is_empty(), "these are differences no more: {unseen:#?}");
    }
}

fn is_gzip(response: &&Response) -> bool {
    response.field("content-encoding") == Some("gzip")
}

#[test]
fn nginx_answers_the_same_but_for_what_is_meant() {
    let both = Both::start();
    let mut report = Report::default();
    files(&both, &mut report);
    folders(&both, &mut report);
    conditions_ranges_and_codings(&both, &mut report);
    routes_and_errors(&both, &mut report);
    report.end();
}

/// Every file, as it is and in gzip.
fn files(both: &Both, report: &mut Report) {
    let mut clients = both.clients();
    let files = both.files();
    assert!(files.len() > 4_000, "{}", files.len());
    for (host, target, content) in &files {
        let plain = Question::get(host, target);
        report.compare(&mut clients, &plain);
        let answers = report.compare(&mut clients, &plain.with("Accept-Encoding", "gzip"));
        if !target.contains("forgotten") {
            report.keep_gzip(&answers, content);
        }
    }
    let [ours, theirs, plain] = std::mem::take(&mut report.gzip);
    for all in [ours, theirs] {
        assert!(run_with_input(tool("gzip").arg("-dc"), &all).ok().stdout == plain);
    }
}

/// Every directory, with its slash and without, and what its listing leads to.
fn folders(both: &Both, report: &mut Report) {
    let mut clients = both.clients();
    for (host, target) in both.folders() {
        let without_slash = target.trim_end_matches('/');
        for target in [target.clone(), format!("{target}?a=b"), format!("{without_slash}?a=/")] {
            let target = if target.starts_with('?') { "/".to_owned() + &target } else { target };
            let answers = report.compare(&mut clients, &Question::get(host, &target));
            if let ([Some(ours), Some(theirs)], true) = (answers, target.starts_with("/downloads"))
            {
                assert_eq!(names_in(&ours), names_in(&theirs), "{target}");
            }
        }
    }
}

/// What a listing leads to, but for the ways to sort it and to what is above.
fn names_in(listing: &Response) -> Vec<String> {
    let text = listing.text();
    let links = text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let names = links.filter(|link| !link.starts_with(['?', '/', '.', '#']));
    // Which bytes need no escape is seen differently.
    let mut names: Vec<_> = names.map(|name| unescaped(&name.replace("&amp;", "&"))).collect();
    names.sort();
    names
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digits: Vec<u8> = if byte == b'%' { rest.by_ref().take(2).collect() } else { vec![] };
        let escaped = str::from_utf8(&digits).ok().and_then(|d| u8::from_str_radix(d, 16).ok());
        bytes.push(escaped.unwrap_or(byte));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Some files of every kind: each 61st, and each of those that have an odd name.
fn some(both: &Both) -> Vec<(&'static str, String)> {
    let files = both.files().into_iter().enumerate();
    let wanted = files.filter(|(at, (_, target, _))| at % 61 == 0 || target.contains("/odd/"));
    wanted.map(|(_, (host, target, _))| (host, target)).collect()
}

fn conditions_ranges_and_codings(both: &Both, report: &mut Report) {
    let mut clients = both.clients();
    for (host, target) in some(both) {
        let plain = Question::get(host, &target);
        report.compare(&mut clients, &Question { method: "HEAD", ..plain.clone() });
        for range in ["bytes=0-0", "bytes=0-99", "bytes=100-", "bytes=-50", "bytes=0-999999999"] {
            report.compare(&mut clients, &plain.with("Range", range));
        }
        for range in ["bytes=99999999-", "items=0-1", "bytes=0-1,4-5"] {
            report.compare(&mut clients, &plain.with("Range", range));
        }
        for codings in ["gzip, deflate, br, zstd", "br", "zstd;q=0.5, gzip", "identity", "gzip;q=0"]
        {
            report.compare(&mut clients, &plain.with("Accept-Encoding", codings));
        }
        for coding in ["", "gzip"] {
            let plain = match coding {
                "" => plain.clone(),
                _ => plain.with("Accept-Encoding", coding),
            };
            conditions(report, &mut clients, &plain);
        }
    }
}

/// Asks with conditions; each server is asked with its own validators.
fn conditions(report: &mut Report, clients: &mut [Client; 2], plain: &Question) {
    let answers = clients.each_mut().map(|client| client.ask(plain).unwrap());
    let of = |name: &str| answers.each_ref().map(|answer| answer.field(name).map(str::to_owned));
    let before = "Sat, 01 Jan 2000 00:00:00 GMT";
    let mut ask = |fields: &[(&'static str, [Option<String>; 2])]| {
        let questions = [0, 1].map(|side| {
            fields.iter().fold(plain.clone(), |question, (name, values)| match &values[side] {
                Some(value) => question.with(name, value),
                None => question,
            })
        });
        report.compare_both(clients, &questions);
    };
    let same = |value: &str| [Some(value.to_owned()), Some(value.to_owned())];
    ask(&[("If-None-Match", of("etag"))]);
    ask(&[("If-None-Match", same("\"another\""))]);
    ask(&[("If-None-Match", same("*"))]);
    ask(&[("If-Match", of("etag"))]);
    ask(&[("If-Match", same("\"another\""))]);
    ask(&[("If-Modified-Since", of("last-modified"))]);
    ask(&[("If-Modified-Since", same(before))]);
    ask(&[("If-Unmodified-Since", of("last-modified"))]);
    ask(&[("If-Unmodified-Since", same(before))]);
    ask(&[("If-None-Match", of("etag")), ("If-Modified-Since", same(before))]);
    ask(&[("If-Range", of("etag")), ("Range", same("bytes=0-9"))]);
    ask(&[("If-Range", of("last-modified")), ("Range", same("bytes=0-9"))]);
    ask(&[("If-Range", same("\"another\"")), ("Range", same("bytes=0-9"))]);
}

fn routes_and_errors(both: &Both, report: &mut Report) {
    let mut clients = both.clients();
    let mut ask = |question: &Question| {
        report.compare(&mut clients, question);
    };
    for (host, targets) in QUESTIONS {
        for target in targets {
            for method in ["GET", "HEAD"] {
                ask(&Question { method, ..Question::get(host, *target) });
            }
        }
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "TRACE", "BREW"] {
        ask(&Question { method, ..Question::get(STATIC, "/index.html") });
    }
    let members = Question::get(STATIC, "/members/letter-7.html");
    // anna:pass, anna:wrong, nobody:pass
    for login in
        ["Basic YW5uYTpwYXNz", "Basic YW5uYTp3cm9uZw==", "Basic bm9ib2R5OnBhc3M=", "Basic !"]
    {
        ask(&members.with("Authorization", login));
    }
    let large = Question { method: "POST", ..Question::get(STATIC, "/index.html") };
    ask(&large.with("Content-Length", "2000000"));
    for length in [7_000, 9_000, 70_000] {
        ask(&Question::get(STATIC, format!("/{}", "a".repeat(length))));
        ask(&Question::get(STATIC, "/").with("X-Long", "a".repeat(length)));
    }
    ask(&Question::get(STATIC, "/").with("Host", "two.example.org"));
    ask(&Question::get(STATIC, "/").with("Connection", "close"));
    ask(&Question::get(STATIC, "/").with("Expect", "200-ok"));
}

/// What is asked beside files: host, targets.
const QUESTIONS: [(&str, &[&str]); 7] = [
    ("www.example.org", &["/", "/a/b?c=d", "/%C3%BC", "/a//b/../c"]),
    ("intern.example.org", &["/", "/a?b"]),
    ("WWW.EXAMPLE.ORG", &["/a"]),
    ("unknown.example", &["/"]),
    ("127.0.0.1", &["/"]),
    ("deep.view.app.example.org", &["/", "/assets/part-1.js"]),
    (
        STATIC,
        &[
            "/health",
            "/health/",
            "/health?a=b",
            "/old.html",
            "/old.html?a=b",
            "/new.html",
            "/blog/2001/02/article-101.html",
            "/blog/2001/02",
            "/blog/2001/02/",
            "/blog/none",
            "/blog",
            "/missing",
            "/missing/",
            "/articles/missing.html",
            "/index.html/",
            "/index.html/more",
            "/downloads/missing",
            "/downloads/9/.hidden",
            "/assets/missing.css",
            "/members/",
            "/members/missing",
            "/members/letter-1.html",
            "/office/file-1.html",
            "/office/missing",
            "/errors/404.html",
            "/manual",
            "/manual/",
            "/manualnot",
            "/odd/.env",
            "/odd/.git/config",
            "/odd/.git",
            "/.well-known/",
            "/.well-known/missing",
            "/odd/folder/.hidden.html",
            "/%2e%2e/srv/users",
            "/../users",
            "/a/../index.html",
            "/a/%2e%2e/index.html",
            "/odd/%2e%2e/%2e%2e/users",
            "/odd/..%2f..%2fusers",
            "/odd/..\\..\\users",
            "//index.html",
            "/odd//plain.html",
            "/./index.html",
            "/odd/./plain.html",
            "/%69ndex.html",
            "/index.html%00",
            "/index.html%",
            "/%zz",
            "/odd/a+b.html",
            "/odd/a b.html",
            "/odd/plain.html#part",
            "/odd%2Fplain.html",
            "/?",
            "/??",
            "http://example.org/new.html",
            "http://app.example.org/index.html",
            "index.html",
            "*",
        ],
    ),
];

#[test]
fn who_asks_too_often_is_told_so_as_by_nginx() {
    let both = Both::start();
    for client in &mut both.clients() {
        let question = Question::get(STATIC, "/search/index.html");
        let statuses: Vec<_> =
            (0..12).map(|_| client.ask(&question).map_or(0, |answer| answer.status)).collect();
        assert!(statuses.starts_with(&[200; 6]), "{statuses:?}");
        assert!(statuses.contains(&429), "{statuses:?}");
    }
}

#[test]
fn tls_is_answered_as_by_nginx() {
    let both = Both::start();
    let secure = both.ours.urls()[1].trim_end_matches('/').rsplit(':').next().unwrap().to_owned();
    let ports = [secure, both.theirs.addresses()[1].port().to_string()];
    for (host, target) in [
        (STATIC, "/"),
        (STATIC, "/large.bin"),
        (STATIC, "/missing"),
        ("intern.example.org", "/"),
        ("www.example.org", "/a?b"),
        (APP, "/some/view"),
        ("unknown.example", "/"),
    ] {
        let [ours, theirs] = ports.each_ref().map(|port| {
            let mut curl = tool("curl");
            // What stands in a redirect's body is everybody's own business.
            let what = if host.starts_with("www") { "/dev/null" } else { "-" };
            curl.args(["-sk", "-o", what, "-w", "%{http_code} %{redirect_url}", "--resolve"]);
            curl.arg(format!("*:{port}:127.0.0.1")).arg(format!("https://{host}:{port}{target}"));
            shown(&run(&mut curl).stdout)
        });
        assert_eq!(ours, theirs, "{host} {target}");
    }
}

/// Each piece of configuration on the page stands in the files that the tests above start.
#[test]
fn the_page_shows_what_is_tested() {
    let page = document("from-nginx.md");
    for (kind, file) in [("nginx", "from-nginx/nginx.conf"), ("kdl", "from-nginx/hepta.kdl")] {
        let whole = words(&document(file));
        let pieces: Vec<_> = page.split(&format!("```{kind}\n")).skip(1).collect();
        assert!(pieces.len() > 5, "{}", pieces.len());
        for piece in pieces {
            let piece = piece.split("```").next().unwrap();
            assert!(whole.contains(&words(piece)), "{file} has not:\n{piece}");
        }
    }
}

fn words(text: &str) -> String {
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}
