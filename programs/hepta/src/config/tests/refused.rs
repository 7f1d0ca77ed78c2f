//! What a file may not say, and what is said of it.

use expect_test::expect;

use super::{Files, HostPattern, Settings, errors, load};

#[test]
fn what_is_no_text_is_shown_where_it_is() {
    let files = Files::with("utf8", &[]);
    std::fs::write(files.0.join("hepta.kdl"), b"listen 8080\nsite \"b\xfccher\" { close }\n")
        .unwrap();
    expect![[r#"
        hepta.kdl:2:8: this is not UTF-8
          2 | site "b�cher" { close }
            |        ^ save the file in UTF-8"#]]
    .assert_eq(&files.load("hepta.kdl").unwrap_err());
    expect![[r#"
        hepta.kdl:1:32: `true` is no value by itself
          1 | site "a" { files "x" { listing true } }
            |                                ^^^^ write #true"#]]
    .assert_eq(&errors("keyword", "site \"a\" { files \"x\" { listing true } }\n"));
}

/// A slip in one place does not hide what is wrong in another.
#[test]
fn what_is_written_wrong_hides_nothing_that_cannot_be_meant() {
    let text = r#"site "a" { ruote "/x" { close }; redirect "/x" status=200 }
site "b" { redirect "/x" status=200 }
wokers 2
site "c"
"#;
    expect![[r#"
        hepta.kdl:1:12: `ruote` is no key of `site`
          1 | site "a" { ruote "/x" { close }; redirect "/x" status=200 }
            |            ^^^^^ did you mean `route`?

        hepta.kdl:2:12: 200 leads nowhere
          2 | site "b" { redirect "/x" status=200 }
            |            ^^^^^^^^ the statuses of redirects are 301, 302, 303, 307, 308

        hepta.kdl:3:1: `wokers` is no key of the file
          3 | wokers 2
            | ^^^^^^ did you mean `workers`?

        hepta.kdl:4:1: this site serves nothing
          4 | site "c"
            | ^^^^ give it `files`, `respond`, `redirect` or a `route`"#]]
    .assert_eq(&errors("both", text));
}

#[test]
fn permissions_are_octal_and_of_sockets_in_the_file_system() {
    let said = |mode: &str| {
        errors("mode", &format!("listen \"unix:a.sock\" mode={mode}\ndefault {{ close }}"))
    };
    for wrong in ["660", "\"66\"", "\"1660\"", "\"668\"", "\"rw-rw----\""] {
        assert!(said(wrong).contains("this takes permissions in octal and in quotes"), "{wrong}");
    }
    let said = errors("mode-port", "listen 8080 mode=\"660\"\ndefault { close }");
    assert!(said.contains("only a socket in the file system has a `mode`"), "{said}");
}

#[test]
fn hosts_that_no_request_has_are_refused() {
    let host = |name: &str| errors("hosts", &format!("site \"{name}\" {{ close }}"));
    for (name, hint) in [
        ("bücher.example", "in ASCII"),
        ("*.bücher.example", "in ASCII"),
        ("*", "`default`"),
        ("::1", "in brackets"),
        ("[::1", "without a port"),
        (".example.org", "*.example.org"),
        ("a..b", "*.example.org"),
        ("a:80", "without a port"),
        ("https://a", "without a port"),
    ] {
        let said = host(name);
        assert!(said.contains("this is no host") && said.contains(hint), "{name}: {said}");
    }
    // What means the same is the same.
    let text = "site \"A.example.\" \"[0:0::1]\" \"*.B.example.\" { close }";
    let settings = Files::with("hosts-alike", &[("hepta.kdl", text)]).load("hepta.kdl").unwrap();
    assert_eq!(
        settings.sites[0].names,
        [
            HostPattern::Exactly("a.example".into()),
            HostPattern::Exactly("[::1]".into()),
            HostPattern::Below("b.example".into()),
        ]
    );
}

#[test]
fn what_would_never_be_answered_is_refused() {
    let text = r#"listen 8080
listen "127.0.0.1:8080"
listen "[::]:8080"
listen "unix:a.sock"
listen "unix:a.sock"
limits { connections-max 0; timeout-idle "0s"; head-max 0; body-rate 0 per="0s"; grace "0s" }
site "a" {
    route "/1" method="get" { close }
    route "/2" method="PURGE" { close }
    route "/3" method="HEAD" { close }
    route "/4" { respond 100 }
    route "/5" { respond 304 }
    route "/6" { respond 444 }
    route "/7" { respond 204 "text" }
    route "/8" { redirect "" }
    route "/10" { respond 200; cors "https://a.example" { methods "GET" "put" "PURGE" } }
    route "/9" { respond 200; at-once 0; rate "1/s" burst=0 }
    files "." {
        index "a/b.html"
        try "{path}" "{uri}" "$uri" "=404" "{path}.$x"
        languages "de" "x!"
    }
}
"#;
    expect![[r#"
        hepta.kdl:2:1: there this server listens already
          2 | listen "127.0.0.1:8080"
            | ^^^^^^ the first is in line 1

        hepta.kdl:3:1: there this server listens already
          3 | listen "[::]:8080"
            | ^^^^^^ the first is in line 1

        hepta.kdl:5:1: there this server listens already
          5 | listen "unix:a.sock"
            | ^^^^^^ the first is in line 4

        hepta.kdl:6:10: with connections-max 0 nobody would be answered
          6 | limits { connections-max 0; timeout-idle "0s"; head-max 0; body-rate 0 per="0s"; grace "0s" }
            |          ^^^^^^^^^^^^^^^

        hepta.kdl:6:29: with timeout-idle "0s" nobody would be answered
          6 | limits { connections-max 0; timeout-idle "0s"; head-max 0; body-rate 0 per="0s"; grace "0s" }
            |                             ^^^^^^^^^^^^

        hepta.kdl:6:48: with head-max 0 nobody would be answered
          6 | limits { connections-max 0; timeout-idle "0s"; head-max 0; body-rate 0 per="0s"; grace "0s" }
            |                                                ^^^^^^^^

        hepta.kdl:6:60: nothing comes in no time
          6 | limits { connections-max 0; timeout-idle "0s"; head-max 0; body-rate 0 per="0s"; grace "0s" }
            |                                                            ^^^^^^^^^

        hepta.kdl:8:16: no request with this method comes to a route
          8 |     route "/1" method="get" { close }
            |                ^^^^^^^^^^^^ did you mean GET?

        hepta.kdl:9:16: no request with this method comes to a route
          9 |     route "/2" method="PURGE" { close }
            |                ^^^^^^^^^^^^^^ there are: GET, POST, PUT, DELETE, OPTIONS, TRACE, PATCH

        hepta.kdl:10:16: HEAD has no routes of its own
          10 |     route "/3" method="HEAD" { close }
             |                ^^^^^^^^^^^^^ write method="GET", which is also for HEAD

        hepta.kdl:11:18: 100: this is no answer by itself
          11 |     route "/4" { respond 100 }
             |                  ^^^^^^^ write another status

        hepta.kdl:12:18: 304: this is no answer by itself
          12 |     route "/5" { respond 304 }
             |                  ^^^^^^^ write another status

        hepta.kdl:13:18: 444: this is what nginx calls silence
          13 |     route "/6" { respond 444 }
             |                  ^^^^^^^ write `close`

        hepta.kdl:14:18: 204: this answer has no content
          14 |     route "/7" { respond 204 "text" }
             |                  ^^^^^^^ leave the text out

        hepta.kdl:15:18: there is nowhere that this leads to
          15 |     route "/8" { redirect "" }
             |                  ^^^^^^^^

        hepta.kdl:16:73: no page asks with this method
          16 |     route "/10" { respond 200; cors "https://a.example" { methods "GET" "put" "PURGE" } }
             |                                                                         ^^^^^ did you mean PUT?

        hepta.kdl:17:31: with requests 0 nobody would be answered
          17 |     route "/9" { respond 200; at-once 0; rate "1/s" burst=0 }
             |                               ^^^^^^^

        hepta.kdl:17:42: with burst 0 nobody would be answered
          17 |     route "/9" { respond 200; at-once 0; rate "1/s" burst=0 }
             |                                          ^^^^

        hepta.kdl:19:15: this is no name of a file in a directory
          19 |         index "a/b.html"
             |               ^^^^^^^^^^ write a name alone, as "index.html"

        hepta.kdl:20:22: there is no such file to try
          20 |         try "{path}" "{uri}" "$uri" "=404" "{path}.$x"
             |                      ^^^^^^^ `{path}` is all that can be put in, and once

        hepta.kdl:20:30: there is no such file to try
          20 |         try "{path}" "{uri}" "$uri" "=404" "{path}.$x"
             |                              ^^^^^^ `{path}` is the path that was asked for

        hepta.kdl:20:37: there is no such file to try
          20 |         try "{path}" "{uri}" "$uri" "=404" "{path}.$x"
             |                                     ^^^^^^ what is not found is 404; another answer has a `route` or an `error-page`

        hepta.kdl:21:24: this is no tag of a language
          21 |         languages "de" "x!"
             |                        ^^^^ write "de" or "pt-BR""#]].assert_eq(&errors("never", text));
}

/// A line of a file of users is not shown: it has a password in it.
#[test]
fn lines_of_users_are_counted() {
    let files = Files::with(
        "users",
        &[
            ("hepta.kdl", "site \"a\" { close; basic-auth \"x\" { users-file \"users\" } }"),
            ("users", "# of the office\n\nanna:secret\nbert\n"),
        ],
    );
    let said = files.load("hepta.kdl").unwrap_err();
    expect![[r#"
        hepta.kdl:1:36: users:3: the password of "anna" is no hash
          1 | site "a" { close; basic-auth "x" { users-file "users" } }
            |                                    ^^^^^^^^^^ `hepta passwd` makes one; argon2 and bcrypt are read

        hepta.kdl:1:36: users:4: a line has no colon
          1 | site "a" { close; basic-auth "x" { users-file "users" } }
            |                                    ^^^^^^^^^^ a line is NAME:HASH"#]].assert_eq(&said);
}

#[test]
fn what_is_named_and_not_there_is_said_where_it_is_named() {
    let text = r#"listen "unix:no-directory/a.sock" { certificate "a.pem" key="no.key" }
user "nobody-has-this-name" group="nor-this"
pid-file "no-directory/pid"
access-log "no-directory/log"
site "a" {
    files "no-directory"
    route "/x/*" { files "a.pem" }
    access-log "."
}
"#;
    let files = Files::with("around", &[("hepta.kdl", text), ("a.pem", "no certificate")]);
    let said = |problems: Result<Settings, crate::config::Problems>| {
        problems.unwrap_err().to_string().replace(&format!("{}/", files.0.display()), "")
    };
    let path = files.0.join("hepta.kdl");
    expect![[r#"
        hepta.kdl:1:1: there is no directory no-directory
          1 | listen "unix:no-directory/a.sock" { certificate "a.pem" key="no.key" }
            | ^^^^^^ make it first

        hepta.kdl:1:57: cannot read no.key: No such file or directory (os error 2)
          1 | listen "unix:no-directory/a.sock" { certificate "a.pem" key="no.key" }
            |                                                         ^^^^^^^^^^^^ paths are relative to the file that they stand in

        hepta.kdl:2:6: this machine has no such user
          2 | user "nobody-has-this-name" group="nor-this"
            |      ^^^^^^^^^^^^^^^^^^^^^^

        hepta.kdl:2:29: this machine has no such group
          2 | user "nobody-has-this-name" group="nor-this"
            |                             ^^^^^^^^^^^^^^^^

        hepta.kdl:3:10: there is no directory no-directory
          3 | pid-file "no-directory/pid"
            |          ^^^^^^^^^^^^^^^^^^ make it first

        hepta.kdl:4:1: there is no directory no-directory
          4 | access-log "no-directory/log"
            | ^^^^^^^^^^ make it first

        hepta.kdl:6:11: cannot read no-directory: No such file or directory (os error 2)
          6 |     files "no-directory"
            |           ^^^^^^^^^^^^^^ paths are relative to the file that they stand in

        hepta.kdl:7:26: this is no directory
          7 |     route "/x/*" { files "a.pem" }
            |                          ^^^^^^^

        hepta.kdl:8:5: . is a directory
          8 |     access-log "."
            |     ^^^^^^^^^^"#]].assert_eq(&said(load(&path)));
    // Who is about to start it reads the certificate too.
    std::fs::write(files.0.join("no.key"), "").unwrap();
    assert!(!said(load(&path)).contains("hepta.kdl:1:37"), "{}", said(load(&path)));
    let said = said(crate::config::check(&path));
    assert!(said.contains("hepta.kdl:1:37: there is no certificate in a.pem"), "{said}");
}
