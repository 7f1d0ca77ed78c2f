//! The two configurations of docs/from-nginx.md: the same files, the same questions, and the
//! answers of nginx and Hepta side by side.

mod both;
mod differences;
mod report;
mod tree;

use peers::{Response, run, run_with_input, tool};

use self::both::{Both, Client, Question, document};
use self::report::{Report, shown};

const STATIC: &str = "example.org";
const APP: &str = "app.example.org";

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
