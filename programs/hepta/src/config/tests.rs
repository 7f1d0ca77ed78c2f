mod net;
mod refused;

use std::path::Path;

use expect_test::{expect, expect_file};

use super::{
    AccessLog, Action, HostPattern, LogFormat, LogPlace, PathPattern, Rotate, Settings, load,
    load_text, reference,
};

/// A directory of its own, with these files in it; gone when the test is over.
struct Files(std::path::PathBuf);

impl Files {
    fn with(name: &str, files: &[(&str, &str)]) -> Self {
        let directory = std::env::temp_dir().join(format!("hepta-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        for (path, text) in files {
            std::fs::write(directory.join(path), text).unwrap();
        }
        Self(directory)
    }

    fn load(&self, path: &str) -> Result<Settings, String> {
        load_text(&self.0.join(path))
            .map_err(|problems| problems.to_string().replace(&format!("{}/", self.0.display()), ""))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn errors(name: &str, text: &str) -> String {
    Files::with(name, &[("hepta.kdl", text)]).load("hepta.kdl").unwrap_err()
}

#[test]
fn what_a_file_says_is_what_is_meant() {
    let text = r#"
        listen "127.0.0.1:8080"
        workers 2
        limits { head-max "16KiB"; timeout-idle "1m"; connections-max 500 }
        site "Example.org" "*.example.net" {
            files "www" { index "start.html"; listing #true }
            route "/old" { redirect "/new" status=302 }
            route "/api/*" method="POST" { respond 403 "not yet" }
        }
        default { close }
    "#;
    let files = Files::with("meant", &[("hepta.kdl", text)]);
    let settings = files.load("hepta.kdl").unwrap();
    assert_eq!(settings.workers.unwrap().get(), 2);
    assert_eq!(settings.limits.http1.head_len_max, 16 * 1024);
    assert_eq!(settings.limits.http1.timeout_idle.as_secs(), 60);
    assert_eq!(settings.limits.sockets.connections_max, 500);
    let [site] = &*settings.sites else { panic!("{:?}", settings.sites) };
    assert_eq!(
        site.names,
        [HostPattern::Exactly("example.org".into()), HostPattern::Below("example.net".into())]
    );
    let [files_route, old, api] = &*site.routes else { panic!("{:?}", site.routes) };
    let Action::Files(www) = &files_route.action else { panic!("{files_route:?}") };
    assert_eq!(www.directory, files.0.join("www"), "relative to the file");
    assert!(www.has_listing);
    assert_eq!(www.index, ["start.html"]);
    assert_eq!(old.path, PathPattern::Exactly("/old".into()));
    assert_eq!(api.path, PathPattern::Below("/api".into()));
    assert!(matches!(settings.default.unwrap().routes[0].action, Action::Close));
}

#[test]
fn a_slip_of_the_pen_is_shown_where_it_is() {
    expect![[r#"
        hepta.kdl:2:5: `ruote` is no key of `site`
          2 |     ruote "/old" { close }
            |     ^^^^^ did you mean `route`?"#]]
    .assert_eq(&errors("slip", "site \"a\" {\n    ruote \"/old\" { close }\n    close\n}\n"));
}

#[test]
fn preloads_are_links() {
    let text = r#"http2 #true push=#true
site "a" {
    preload "/style.css" as="style"
    close
    route "/a" {
        preload "https://b.example/font" as="font" type="font/woff2" push=#false
        preload "/data" as="fetch" crossorigin="use-credentials"
        early-hints #false
        close
    }
}
"#;
    let files = Files::with("preloads", &[("hepta.kdl", text)]);
    let settings = files.load("hepta.kdl").unwrap();
    assert!(settings.limits.http2.unwrap().push);
    let [site, route] = &*settings.sites[0].routes else { panic!("{:?}", settings.sites) };
    assert_eq!(site.steps.preloads, ["</style.css>; rel=preload; as=style"]);
    assert!(!site.steps.keeps_hints && route.steps.keeps_hints);
    assert_eq!(
        route.steps.preloads[1..],
        [
            "<https://b.example/font>; rel=preload; as=font; crossorigin=anonymous; \
             type=\"font/woff2\"; nopush",
            "</data>; rel=preload; as=fetch; crossorigin=use-credentials"
        ]
    );
}

#[test]
fn preloads_that_are_wrong() {
    let text = r#"site "a" {
    preload "/style.css"
    preload "/a b" as="style"
    preload "/style.css" as="css"
    preload "/style.css" as="style" crossorigin="yes"
    close
}
"#;
    expect![[r#"
        hepta.kdl:2:5: `preload` lacks what it is for
          2 |     preload "/style.css"
            |     ^^^^^^^ as in preload "/style.css" as="style"

        hepta.kdl:3:13: this is no URL
          3 |     preload "/a b" as="style"
            |             ^^^^^^ write "/style.css" or "https://example.org/code.js"

        hepta.kdl:4:26: browsers preload no "css"
          4 |     preload "/style.css" as="css"
            |                          ^^^^^^^^ write one of audio, document, embed, fetch, font, image, json, object, script, style, track, video, worker

        hepta.kdl:5:37: there is no mode "yes"
          5 |     preload "/style.css" as="style" crossorigin="yes"
            |                                     ^^^^^^^^^^^^^^^^^ write one of anonymous, use-credentials"#]].assert_eq(&errors("preloads-wrong", text));
}

#[test]
fn everything_that_is_written_wrong_is_said_at_once() {
    let text = r#"listen "127.0.0.1"
workers 2
workers 3
limits { head-max "many"; timeout-idle 15 }
site "a" { respond 999; files; close "now" }
pid-file "pid" { }
colour "red"
"#;
    expect![[r#"
        hepta.kdl:1:8: a port is missing, as in 127.0.0.1:8080
          1 | listen "127.0.0.1"
            |        ^^^^^^^^^^^

        hepta.kdl:3:1: `workers` stands here a second time
          3 | workers 3
            | ^^^^^^^ the first is in line 2

        hepta.kdl:4:19: this takes a number of bytes, or "8KiB", "1MiB"
          4 | limits { head-max "many"; timeout-idle 15 }
            |                   ^^^^^^

        hepta.kdl:4:40: this takes a time, as "500ms", "15s", "2m", "1h" or "30d"
          4 | limits { head-max "many"; timeout-idle 15 }
            |                                        ^^

        hepta.kdl:5:20: this takes a status, as 404
          5 | site "a" { respond 999; files; close "now" }
            |                    ^^^

        hepta.kdl:5:25: `files` lacks its directory
          5 | site "a" { respond 999; files; close "now" }
            |                         ^^^^^ it is written files DIRECTORY { … }

        hepta.kdl:5:38: this is more than the key takes
          5 | site "a" { respond 999; files; close "now" }
            |                                      ^^^^^ it is written close

        hepta.kdl:6:1: `pid-file` takes no braces
          6 | pid-file "pid" { }
            | ^^^^^^^^

        hepta.kdl:7:1: `colour` is no key of the file
          7 | colour "red"
            | ^^^^^^ there are: include, listen, admin, net, http2, workers, busy-poll, user, pid-file, access-log, limits, site, default"#]]
    .assert_eq(&errors("all", text));
}

#[test]
fn everything_that_cannot_be_meant_is_said_at_once() {
    let text = r#"listen 443 { certificate "a.pem" }
workers 0
site "a" "a" { close }
site "b:80" { close; files "x" }
site "c"
default {
    route "about" { close }
    route "/a" { close }
    route "/a" { close }
    route "/b"
    route "/c/*/d" { close }
    route "/e/../f" { close }
    redirect "/x" status=200
}
"#;
    expect![[r#"
        hepta.kdl:1:14: this certificate lacks its key
          1 | listen 443 { certificate "a.pem" }
            |              ^^^^^^^^^^^ write key="FILE" behind it

        hepta.kdl:2:1: there is at least one worker, and at most 65535
          2 | workers 0
            | ^^^^^^^

        hepta.kdl:3:10: a site before this one has this name
          3 | site "a" "a" { close }
            |          ^^^

        hepta.kdl:4:6: this is no host
          4 | site "b:80" { close; files "x" }
            |      ^^^^^^ write "example.org" or "*.example.org", without a port

        hepta.kdl:4:22: `close` answers already
          4 | site "b:80" { close; files "x" }
            |                      ^^^^^ there is one handler for a path

        hepta.kdl:5:1: this site serves nothing
          5 | site "c"
            | ^^^^ give it `files`, `respond`, `redirect` or a `route`

        hepta.kdl:7:11: a path begins with a slash
          7 |     route "about" { close }
            |           ^^^^^^^

        hepta.kdl:9:11: this path is taken by what stands before
          9 |     route "/a" { close }
            |           ^^^^

        hepta.kdl:10:5: this route serves nothing
          10 |     route "/b"
             |     ^^^^^ give it `files`, `respond`, `redirect` or `close`

        hepta.kdl:11:11: a star stands at the end only
          11 |     route "/c/*/d" { close }
             |           ^^^^^^^^ "/docs/*" is /docs and all below it

        hepta.kdl:12:11: no request is found at this path
          12 |     route "/e/../f" { close }
             |           ^^^^^^^^^ write it decoded, without dot segments or a query

        hepta.kdl:13:5: 200 leads nowhere
          13 |     redirect "/x" status=200
             |     ^^^^^^^^ the statuses of redirects are 301, 302, 303, 307, 308"#]]
    .assert_eq(&errors("meaning", text));
}

#[test]
fn what_stands_around_handlers_is_looked_through() {
    let text = r#"site "a" {
    respond 200
    basic-auth "x" { user "anna" "secret"; users-file "no-users" }
    fields { set "Content-Length" "1"; set "X y" "1"; add "X" "{hots}"; set "X" "\n"; set "X" "{" }
    request-fields { set "X" "{status}" }
    error-page "/x?" 200
    route "/a" { redirect "{status}" }
    route "/b" { rewrite "{host}" }
}
site "b" { rewrite "/c" }
"#;
    expect![[r#"
        hepta.kdl:3:34: the password of "anna" is no hash
          3 |     basic-auth "x" { user "anna" "secret"; users-file "no-users" }
            |                                  ^^^^^^^^ `hepta passwd` makes one; argon2 and bcrypt are read

        hepta.kdl:3:44: cannot read no-users: No such file or directory (os error 2)
          3 |     basic-auth "x" { user "anna" "secret"; users-file "no-users" }
            |                                            ^^^^^^^^^^

        hepta.kdl:4:18: Content-Length is set by what is sent, and cannot be chosen
          4 |     fields { set "Content-Length" "1"; set "X y" "1"; add "X" "{hots}"; set "X" "\n"; set "X" "{" }
            |                  ^^^^^^^^^^^^^^^^

        hepta.kdl:4:44: "X y" is no field's name
          4 |     fields { set "Content-Length" "1"; set "X y" "1"; add "X" "{hots}"; set "X" "\n"; set "X" "{" }
            |                                            ^^^^^

        hepta.kdl:4:63: `{hots}` is nothing that could be put in
          4 |     fields { set "Content-Length" "1"; set "X y" "1"; add "X" "{hots}"; set "X" "\n"; set "X" "{" }
            |                                                               ^^^^^^^^ there are {path}, {rest}, {query}, {host}, {method}, {scheme}, {address}, {status}, {trace}, {span}, {traceparent}, {field:NAME}

        hepta.kdl:4:81: there are control characters in it
          4 |     fields { set "Content-Length" "1"; set "X y" "1"; add "X" "{hots}"; set "X" "\n"; set "X" "{" }
            |                                                                                 ^^^^

        hepta.kdl:4:95: `{` has no `}` behind it
          4 |     fields { set "Content-Length" "1"; set "X y" "1"; add "X" "{hots}"; set "X" "\n"; set "X" "{" }
            |                                                                                               ^^^ write {{ for a brace that stands for itself

        hepta.kdl:5:30: a request has no `{status}`
          5 |     request-fields { set "X" "{status}" }
            |                              ^^^^^^^^^^

        hepta.kdl:6:5: 200 is no error
          6 |     error-page "/x?" 200
            |     ^^^^^^^^^^

        hepta.kdl:6:16: this is no path
          6 |     error-page "/x?" 200
            |                ^^^^^ the site's own path to the page, as "/errors/404.html"

        hepta.kdl:7:27: there is no `{status}` yet
          7 |     route "/a" { redirect "{status}" }
            |                           ^^^^^^^^^^

        hepta.kdl:8:18: a path begins with a slash
          8 |     route "/b" { rewrite "{host}" }
            |                  ^^^^^^^

        hepta.kdl:10:1: every path would lead to this `rewrite` again
          10 | site "b" { rewrite "/c" }
             | ^^^^ give it a `route` of its own"#]].assert_eq(&errors("steps", text));
}

#[test]
fn what_browsers_are_told_is_looked_through() {
    let text = r#"default {
    respond 200
    https-only port=99999
    cors "*" { credentials #true }
    cross-site { trust "*" }
    cache-control "a\nb"
    security "of"
    route "/a" { close; cors "https://a.example/path"; security { frame "nobody" "self"; referrer "none" } }
    route "/b" { close; cors "null" { methods "G T"; expose "a b" }; security { frame "example.org" } }
    route "/c" { close; security "off" { opener "same-origin" } }
}
"#;
    expect![[r#"
        hepta.kdl:3:5: ports are numbers from 1 to 65535
          3 |     https-only port=99999
            |     ^^^^^^^^^^

        hepta.kdl:4:5: credentials are not possible for every origin (*): name the origins
          4 |     cors "*" { credentials #true }
            |     ^^^^

        hepta.kdl:5:5: the origin "*" cannot be used: any site can make a page with it
          5 |     cross-site { trust "*" }
            |     ^^^^^^^^^^

        hepta.kdl:6:19: there are control characters in it
          6 |     cache-control "a\nb"
            |                   ^^^^^^

        hepta.kdl:7:14: this is no mode of `security`
          7 |     security "of"
            |              ^^^^ write "off", or nothing

        hepta.kdl:8:25: the origin "https://a.example/path" cannot be used: path behind the host
          8 |     route "/a" { close; cors "https://a.example/path"; security { frame "nobody" "self"; referrer "none" } }
            |                         ^^^^

        hepta.kdl:8:67: nobody is nobody: nobody else can stand beside it
          8 |     route "/a" { close; cors "https://a.example/path"; security { frame "nobody" "self"; referrer "none" } }
            |                                                                   ^^^^^

        hepta.kdl:8:99: this is no Referrer-Policy
          8 |     route "/a" { close; cors "https://a.example/path"; security { frame "nobody" "self"; referrer "none" } }
            |                                                                                                   ^^^^^^ there are: no-referrer, no-referrer-when-downgrade, origin, origin-when-cross-origin, same-origin, strict-origin, strict-origin-when-cross-origin, unsafe-url

        hepta.kdl:9:25: "a b" is not the name of a field
          9 |     route "/b" { close; cors "null" { methods "G T"; expose "a b" }; security { frame "example.org" } }
            |                         ^^^^

        hepta.kdl:9:47: a method is a token, as GET or POST
          9 |     route "/b" { close; cors "null" { methods "G T"; expose "a b" }; security { frame "example.org" } }
            |                                               ^^^^^

        hepta.kdl:9:87: the origin "example.org" cannot be used: scheme is missing
          9 |     route "/b" { close; cors "null" { methods "G T"; expose "a b" }; security { frame "example.org" } }
            |                                                                                       ^^^^^^^^^^^^^

        hepta.kdl:10:34: what is off has nothing in braces
          10 |     route "/c" { close; security "off" { opener "same-origin" } }
             |                                  ^^^^^"#]].assert_eq(&errors("browsers", text));
}

#[test]
fn a_route_has_what_its_site_has_where_it_says_nothing() {
    let text = r#"default {
        close
        allow "10.0.0.0/8"
        deny "10.0.0.1"
        fields { set "A" "1" }
        error-page "/site" 404
        route "/a" { close; deny "10.0.0.2"; fields { remove "A" }; error-page "/route" 404 }
        route "/b" { close; allow "192.0.2.7/24" }
    }"#;
    let settings = Files::with("outer", &[("hepta.kdl", text)]).load("hepta.kdl").unwrap();
    let site = settings.default.unwrap();
    let [_, a, b] = &*site.routes else { panic!("{site:?}") };
    let access = |route: &super::Route| {
        let show = |networks: &[ipnet::IpNet]| {
            networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        let access = &route.steps.access;
        (show(&access.allow), show(&access.deny))
    };
    assert_eq!(access(a), ("10.0.0.0/8".into(), "10.0.0.1/32 10.0.0.2/32".into()));
    assert_eq!(access(b), ("192.0.2.0/24".into(), "10.0.0.1/32".into()));
    assert_eq!(a.steps.fields.len(), 2);
    assert_eq!(a.steps.error_pages[0].path, "/route", "its own comes first");
    assert_eq!(b.steps.fields.len(), 1);
}

#[test]
fn a_route_may_be_for_everybody() {
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$mRGak2rXrFdyBJmfuoqFNg$7gY23v28KQ8ZjOyMPG6UelNCyrQQh7JbXfNbMesYc5c";
    let text = format!(
        r#"site "a" {{
    close
    basic-auth "here" {{ user "anna" "{hash}" }}
    route "/health" {{ close; basic-auth "off" }}
    route "/other" {{ close }}
}}"#
    );
    let settings = Files::with("off", &[("hepta.kdl", &text)]).load("hepta.kdl").unwrap();
    let routes = &settings.sites[0].routes;
    let logins: Vec<_> = routes.iter().map(|route| route.steps.login.is_some()).collect();
    assert_eq!(logins, [true, false, true]);
    let said = errors("off-not", &text.replace("\"here\"", "\"off\""));
    assert!(said.contains("hepta.kdl:3:16: what is off has nothing in braces"), "{said}");
}

#[test]
fn logs_are_where_and_as_they_are_asked_for() {
    let text = r#"access-log "-"
    site "a" { close; access-log "off" }
    site "b" {
        close
        access-log "logs/b" { format "json"; sample 10; rotate size="1MiB" keep=3 }
    }
    site "c" { close }
    default { close; access-log "./off" { format "{time} {field:X} {why}"; rotate size="1KiB" } }
    "#;
    let files = Files::with("logs", &[("hepta.kdl", text)]);
    let settings = files.load("hepta.kdl").unwrap();
    assert_eq!(settings.access_log, Some(AccessLog::to(LogPlace::Stdout)));
    let [a, b, c] = &*settings.sites else { panic!("{:?}", settings.sites) };
    assert_eq!(a.access_log, Some(AccessLog::to(LogPlace::Nowhere)));
    let b = b.access_log.as_ref().unwrap();
    assert_eq!(b.place, LogPlace::File(files.0.join("logs/b")), "relative to the file");
    assert_eq!((&b.format, b.sample.get()), (&LogFormat::Json, 10));
    assert_eq!(b.rotate, Some(Rotate { len_max: 1 << 20, keep: 3 }));
    assert_eq!(c.access_log, None);
    let default = settings.default.unwrap().access_log.unwrap();
    assert_eq!(default.place, LogPlace::File(files.0.join("./off")));
    assert!(matches!(default.format, LogFormat::Line(_)));
    assert_eq!(default.rotate.unwrap().keep, 7);
}

#[test]
fn logs_that_cannot_be_meant_are_said_to_be_so() {
    let text = r#"access-log "a" { format "{hots} {time}" }
site "a" { close; access-log "b" { format "common"; sample 0 } }
site "b" { close; access-log "c" { rotate keep=3; format "{rest}" } }
site "c" { close; access-log "d" { rotate size=1 keep=0; format "{path}\n" } }
site "d" { close; access-log "-" { rotate size="1MiB" } }
site "e" { close; access-log "e" }
site "f" { close; access-log "e" { format "json" } }
site "g" { close; access-log "off" { format "json" } }
site "h" { close; fields { set "X" "{bytes}" } }
"#;
    expect![[r#"
        hepta.kdl:1:25: `{hots}` is nothing that could be put in
          1 | access-log "a" { format "{hots} {time}" }
            |                         ^^^^^^^^^^^^^^^ there are {time}, {date}, {target}, {version}, {bytes}, {seconds}, {site}, {tls}, {sni}, {sample}, {why}, {path}, {query}, {host}, {method}, {scheme}, {address}, {status}, {trace}, {span}, {traceparent}, {field:NAME}

        hepta.kdl:2:43: this says nothing of a request
          2 | site "a" { close; access-log "b" { format "common"; sample 0 } }
            |                                           ^^^^^^^^ write "combined", "json" or a line such as "{address} {target} {status}"

        hepta.kdl:2:53: it is one of at least one request
          2 | site "a" { close; access-log "b" { format "common"; sample 0 } }
            |                                                     ^^^^^^

        hepta.kdl:3:58: `{rest}` is nothing that could be put in
          3 | site "b" { close; access-log "c" { rotate keep=3; format "{rest}" } }
            |                                                          ^^^^^^^^ there are {time}, {date}, {target}, {version}, {bytes}, {seconds}, {site}, {tls}, {sni}, {sample}, {why}, {path}, {query}, {host}, {method}, {scheme}, {address}, {status}, {trace}, {span}, {traceparent}, {field:NAME}

        hepta.kdl:4:36: a file has at least 1KiB before it is rotated
          4 | site "c" { close; access-log "d" { rotate size=1 keep=0; format "{path}\n" } }
            |                                    ^^^^^^

        hepta.kdl:4:36: at least one file is kept, and at most 1000
          4 | site "c" { close; access-log "d" { rotate size=1 keep=0; format "{path}\n" } }
            |                                    ^^^^^^

        hepta.kdl:4:65: there are control characters in it
          4 | site "c" { close; access-log "d" { rotate size=1 keep=0; format "{path}\n" } }
            |                                                                 ^^^^^^^^^^

        hepta.kdl:5:36: standard output has no other file to go on in
          5 | site "d" { close; access-log "-" { rotate size="1MiB" } }
            |                                    ^^^^^^

        hepta.kdl:7:19: another log goes to this file in another way
          7 | site "f" { close; access-log "e" { format "json" } }
            |                   ^^^^^^^^^^ give both the same braces, or each a file of its own

        hepta.kdl:8:19: there is no log that this could be about
          8 | site "g" { close; access-log "off" { format "json" } }
            |                   ^^^^^^^^^^

        hepta.kdl:9:36: `{bytes}` is known in logs only
          9 | site "h" { close; fields { set "X" "{bytes}" } }
            |                                    ^^^^^^^^^ there are {path}, {rest}, {query}, {host}, {method}, {scheme}, {address}, {status}, {trace}, {span}, {traceparent}, {field:NAME}"#]].assert_eq(&errors("no-logs", text));
}

#[test]
fn text_that_is_not_kdl() {
    expect![[r#"
        hepta.kdl:1:10: No closing '}' for child block
          1 | site "a" {
            |          ^ not closed

        hepta.kdl:1:11: Closing '}' was not found after nodes
          1 | site "a" {
            |           ^ not closed"#]]
    .assert_eq(&errors("kdl", "site \"a\" {\n    close\n"));
}

#[test]
fn files_include_files_but_not_themselves() {
    let files = Files::with(
        "include",
        &[
            ("hepta.kdl", "include \"sites.kdl\"\nlisten 8080\n"),
            ("sites.kdl", "site \"a\" { close }\nsite \"b\" { close }\n"),
            ("loop.kdl", "include \"loop.kdl\"\n"),
            ("broken.kdl", "include \"wrong.kdl\"\n"),
            ("wrong.kdl", "\nsiet \"a\" { close }\n"),
            ("twice.kdl", "workers 1\ninclude \"more.kdl\"\n"),
            ("more.kdl", "site \"c\" { close }\nworkers 2\n"),
        ],
    );
    assert_eq!(files.load("hepta.kdl").unwrap().sites.len(), 2);
    expect![[r#"
        loop.kdl:1:1: this file includes itself
          1 | include "loop.kdl"
            | ^^^^^^^"#]]
    .assert_eq(&files.load("loop.kdl").unwrap_err());
    expect![[r#"
        wrong.kdl:2:1: `siet` is no key of the file
          2 | siet "a" { close }
            | ^^^^ did you mean `site`?"#]]
    .assert_eq(&files.load("broken.kdl").unwrap_err());
    expect![[r#"
        more.kdl:2:1: `workers` stands here a second time
          2 | workers 2
            | ^^^^^^^ the first is in twice.kdl:1"#]]
    .assert_eq(&files.load("twice.kdl").unwrap_err());
    expect!["cannot read missing.kdl: No such file or directory (os error 2)"]
        .assert_eq(&files.load("missing.kdl").unwrap_err());
}

#[test]
fn a_star_includes_all_that_have_such_a_name() {
    let site = |name: &str| format!("site \"{name}\" {{ close }}\n");
    let (a, b, c) = (site("a"), site("b"), site("c"));
    let files = Files::with(
        "include-star",
        &[
            ("hepta.kdl", "include \"site-*.kdl\"\ninclude \"none-*.kdl\"\n"),
            ("site-b.kdl", &b),
            ("site-a.kdl", &a),
            ("site-c.kdl~", &c),
            (".site-c.kdl", &c),
            ("loop.kdl", "include \"*.kdl\"\n"),
            ("missing.kdl", "include \"no-directory/*.kdl\"\n"),
        ],
    );
    let settings = files.load("hepta.kdl").unwrap();
    let names: Vec<_> = settings.sites.iter().map(super::Site::name).collect();
    assert_eq!(names, ["a", "b"], "in the order of the names");
    let said = files.load("loop.kdl").unwrap_err();
    assert!(said.contains("loop.kdl:1:1: this file includes itself"), "{said}");
    // It is one file, by whatever name.
    let other = "include \"./other-name.kdl\"\nsite \"a\" { close }\n";
    std::fs::write(files.0.join("other-name.kdl"), other).unwrap();
    let said = files.load("other-name.kdl").unwrap_err();
    assert_eq!(said.matches("this file includes itself").count(), 1, "{said}");
    assert!(!said.contains("has this name"), "{said}");
    let said = files.load("missing.kdl").unwrap_err();
    assert!(said.contains("missing.kdl:1:1: cannot read"), "{said}");
}

#[test]
fn the_environment_is_put_in() {
    // Cargo sets this one.
    let text = "site \"a\" { respond 200 \"${CARGO_PKG_NAME}!\" }";
    let settings = Files::with("env", &[("hepta.kdl", text)]).load("hepta.kdl").unwrap();
    let Action::Respond { text, .. } = &settings.sites[0].routes[0].action else { panic!() };
    assert_eq!(text.as_deref(), Some("hepta!"));
    // A variable has neither numbers nor #true; it says what would be written.
    let text = r#"workers "${CARGO_PKG_VERSION_MINOR}"
        limits { head-max "1${CARGO_PKG_VERSION_MAJOR}240" }
        site "a" { respond "20${CARGO_PKG_VERSION_MAJOR}" }"#;
    let settings = Files::with("env-number", &[("hepta.kdl", text)]).load("hepta.kdl").unwrap();
    assert_eq!(settings.workers.unwrap().to_string(), env!("CARGO_PKG_VERSION_MINOR"));
    let major = env!("CARGO_PKG_VERSION_MAJOR");
    assert_eq!(settings.limits.http1.head_len_max.to_string(), format!("1{major}240"));
    let Action::Respond { status, .. } = settings.sites[0].routes[0].action else { panic!() };
    assert_eq!(status.code().to_string(), format!("20{major}"));
    expect![[r#"
        hepta.kdl:1:6: the environment has no variable `HEPTA_HAS_NO_SUCH_VARIABLE`
          1 | site "${HEPTA_HAS_NO_SUCH_VARIABLE}" { close }
            |      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"#]]
    .assert_eq(&errors("env-missing", "site \"${HEPTA_HAS_NO_SUCH_VARIABLE}\" { close }"));
}

/// The page in `docs/` has every key, and nothing that is no key any more.
#[test]
fn the_documentation_is_what_the_schema_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration-keys.md");
    let head = "# Every key of the configuration\n\nMade from the definitions in \
                `programs/hepta/src/config/schema.rs`; `hepta check --keys` prints the same. \
                [configuration.md](configuration.md) shows how they go together.\n\n";
    expect_file![page].assert_eq(&format!("{head}{}", reference()));
}

/// The example in `docs/` works as it is.
#[test]
fn the_example_is_in_order() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/hepta.kdl");
    let settings = load(&example).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(settings.sites.len() > 1);
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let said = format!("docs/hepta.kdl is in order: {}\n", crate::cli::extent(&settings));
    assert!(std::fs::read_to_string(page).unwrap().contains(&said), "{said}");
}

#[test]
fn strangers_cannot_ask_the_admin_listener_without_a_token() {
    for (number, place) in
        ["9000", "\"127.0.0.1:0\"", "\"[::1]:9000\"", "\"unix:a\""].into_iter().enumerate()
    {
        let text = format!("admin {place}\ndefault {{ close }}");
        let files = Files::with(&format!("admin-{number}"), &[("hepta.kdl", &text)]);
        assert!(files.load("hepta.kdl").unwrap().admin.unwrap().token.is_none());
    }
    let text = "admin \"[::]:9000\" { token \"0123456789abcdef\" }\ndefault { close }";
    let settings = Files::with("admin-token", &[("hepta.kdl", text)]).load("hepta.kdl").unwrap();
    assert_eq!(settings.admin.unwrap().token.as_deref(), Some("0123456789abcdef"));
    expect![[r#"
        hepta.kdl:1:1: strangers could ask here for everything
          1 | admin "0.0.0.0:9000"
            | ^^^^^ give it a `token` in braces, or an address of this machine: a port or "unix:PATH""#]].assert_eq(&errors("admin-open", "admin \"0.0.0.0:9000\"\ndefault { close }"));
    expect![[r#"
        hepta.kdl:2:1: sites are served there
          2 | admin 9000 { token "secret" }
            | ^^^^^ an admin listener has an address of its own

        hepta.kdl:2:20: this is no token
          2 | admin 9000 { token "secret" }
            |                    ^^^^^^^^ write at least 16 letters, digits or -._~+/=, as `openssl rand -hex 16` makes them"#]].assert_eq(&errors(
        "admin-short",
        "listen 9000\nadmin 9000 { token \"secret\" }\ndefault { close }",
    ));
}

#[test]
fn only_the_kernels_tcp_has_a_choice_of_congestion_controls() {
    let text = "listen 80 { congestion-control \"reno\"; }\ndefault { close }";
    let settings = Files::with("congestion", &[("hepta.kdl", text)]).load("hepta.kdl").unwrap();
    assert_eq!(settings.listen[0].congestion_control.as_deref(), Some("reno"));
    expect![[r#"
        hepta.kdl:1:19: a socket in the file system has no congestion
          1 | listen "unix:a" { congestion-control "reno"; }
            |                   ^^^^^^^^^^^^^^^^^^ leave this away"#]]
    .assert_eq(&errors(
        "congestion-file",
        "listen \"unix:a\" { congestion-control \"reno\"; }\ndefault { close }",
    ));
    expect![[r#"
        hepta.kdl:2:13: our own TCP always uses CUBIC
          2 | listen 80 { congestion-control "reno"; }
            |             ^^^^^^^^^^^^^^^^^^ leave this away, or `net`"#]].assert_eq(&errors(
        "congestion-own",
        "net \"tap0\" { address \"10.0.0.2/24\"; }\nlisten 80 { congestion-control \"reno\"; }\ndefault { close }",
    ));
}

/// What is shown can be read again and means the same, but for secrets and the environment.
#[test]
fn a_configuration_is_shown_without_secrets() {
    let hash = "$2b$04$abcdefghijklmnopqrstuuxKnUjKPz4vlNfJKl5Cv5/kdUOx9bfpS";
    let text = format!(
        r#"// A comment is not shown.
include "sites.kdl"
listen "127.0.0.1:0" {{ certificate "a.pem" key="a.key"; }}; listen "unix:hepta.sock"
admin "0.0.0.0:9000" {{ token "0123456789-${{CARGO_PKG_NAME}}" }}
limits {{ head-max "16KiB"; timeout-idle "1m" }}
default {{
    basic-auth "r" {{ user "anna" "{hash}" }}
    fields {{ set "X-Key" "${{CARGO_PKG_NAME}}-1" }}
    route "/a" method="POST" {{ respond 200 "a \"b\"\n" }}
    files "www" {{ listing #true }}
}}
"#
    );
    let sites = "site \"a\" \"*.a\" { redirect \"/b\" status=302 }\n";
    let files = Files::with("shown", &[("hepta.kdl", &text), ("sites.kdl", sites)]);
    let shown = files.load("hepta.kdl").unwrap().shown;
    let relative = shown.replace(&format!("{}/", files.0.display()), "DIR/");
    expect![[r#"
        site "a" "*.a" {
            redirect "/b" status=302
        }
        listen "127.0.0.1:0" {
            certificate "DIR/a.pem" key="DIR/a.key"
        }
        listen "unix:DIR/hepta.sock"
        admin "0.0.0.0:9000" {
            token "(hidden)"
        }
        limits {
            head-max "16KiB"
            timeout-idle "1m"
        }
        default {
            basic-auth "r" {
                user "anna" "(hidden)"
            }
            fields {
                set "X-Key" "${CARGO_PKG_NAME}-1"
            }
            route "/a" method="POST" {
                respond 200 "a \"b\"\n"
            }
            files "DIR/www" {
                listing #true
            }
        }
    "#]]
    .assert_eq(&relative);
    let again = shown
        .replace("token \"(hidden)\"", "token \"0123456789abcdef\"")
        .replace("\"(hidden)\"", &format!("\"{hash}\""));
    let again = Files::with("shown-again", &[("hepta.kdl", &again)]);
    assert_eq!(again.load("hepta.kdl").unwrap().shown, shown);
}
