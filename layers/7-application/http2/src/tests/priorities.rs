//! Who sends first. (RFC 9218)

use expect_test::expect;

use super::script::{Stage, check};
use crate::{Config, Priority};

/// A server whose answers wait until all of them are there; each has 20,000 bytes.
fn race(script: &str) -> String {
    let mut stage = Stage::server(Config::default());
    stage.shake_hands("INITIAL_WINDOW_SIZE=1000000");
    stage.play("> WINDOW_UPDATE 0 -- 1000000\nslow down");
    stage.play(script);
    stage.film.clear();
    stage.play("transmit");
    let sent = stage.film.lines().filter(|line| line.starts_with("< DATA"));
    sent.map(|line| line.replace("< DATA ", "").replace("END_STREAM ", "") + "\n").collect()
}

//= test RFC 9218 §10: by urgency, and in the order of streams within one
//= test RFC 9218 §4.1: 0 comes first, and 3 is what holds where nothing is said
#[test]
fn urgent_ones_first() {
    let told = race(
        "get 1 /
         get 3 / priority: u=5
         get 5 / priority: u=0
         get 7 /
         answer 1 200 %20000 times: (a)
         answer 3 200 %20000 times: (b)
         answer 5 200 %20000 times: (c)
         answer 7 200 %20000 times: (d)",
    );
    expect![[r#"
        5 -- cccccccccccccccccccc... 16375 bytes
        5 -- cccccccccccccccccccc... 3625 bytes
        1 -- aaaaaaaaaaaaaaaaaaaa... 16375 bytes
        1 -- aaaaaaaaaaaaaaaaaaaa... 3625 bytes
        7 -- dddddddddddddddddddd... 16375 bytes
        7 -- dddddddddddddddddddd... 3625 bytes
        3 -- bbbbbbbbbbbbbbbbbbbb... 16375 bytes
        3 -- bbbbbbbbbbbbbbbbbbbb... 3625 bytes
    "#]]
    .assert_eq(&told);
}

//= test RFC 9218 §4.2: incremental ones share
#[test]
fn incremental_ones_in_turn() {
    let told = race(
        "get 1 / priority: i
         get 3 / priority: i
         get 5 /
         answer 1 200 %40000 times: (a)
         answer 3 200 %40000 times: (b)
         answer 5 200 %20000 times: (c)",
    );
    expect![[r#"
        5 -- cccccccccccccccccccc... 16375 bytes
        5 -- cccccccccccccccccccc... 3625 bytes
        1 -- aaaaaaaaaaaaaaaaaaaa... 16375 bytes
        3 -- bbbbbbbbbbbbbbbbbbbb... 16375 bytes
        1 -- aaaaaaaaaaaaaaaaaaaa... 16375 bytes
        3 -- bbbbbbbbbbbbbbbbbbbb... 16375 bytes
        1 -- aaaaaaaaaaaaaaaaaaaa... 7250 bytes
        3 -- bbbbbbbbbbbbbbbbbbbb... 7250 bytes
    "#]]
    .assert_eq(&told);
}

//= test RFC 9218 §7: PRIORITY_UPDATE overrides the field, also when it comes first
//= test RFC 9218 §6: a client changes its mind
#[test]
fn updates() {
    let told = race(
        "> PRIORITY_UPDATE 0 -- 5 u=0
         get 1 /
         get 3 /
         get 5 / priority: u=7
         answer 1 200 %20000 times: (a)
         answer 3 200 %20000 times: (b)
         answer 5 200 %20000 times: (c)
         > PRIORITY_UPDATE 0 -- 1 u=6
         > PRIORITY_UPDATE 0 -- 3 nonsense=",
    );
    expect![[r#"
        5 -- cccccccccccccccccccc... 16375 bytes
        5 -- cccccccccccccccccccc... 3625 bytes
        3 -- bbbbbbbbbbbbbbbbbbbb... 16375 bytes
        3 -- bbbbbbbbbbbbbbbbbbbb... 3625 bytes
        1 -- aaaaaaaaaaaaaaaaaaaa... 16375 bytes
        1 -- aaaaaaaaaaaaaaaaaaaa... 3625 bytes
    "#]]
    .assert_eq(&told);
}

/// A small urgent response overtakes a large one at its next frame.
#[test]
fn overtaking() {
    let config = Config { transmit_len_max: 16_000, ..Config::default() };
    let mut stage = Stage::server(config);
    stage.shake_hands("");
    stage.play(
        "get 1 /
         get 3 / priority: u=1
         slow down
         answer 1 200 %50000 times: (a)",
    );
    stage.film.clear();
    let mut sent = String::new();
    for turn in 0..5 {
        if turn == 1 {
            stage.play("answer 3 200 quick");
        }
        sent.push_str(&stage.transmit_once());
    }
    expect![[r#"
        < HEADERS 1 END_HEADERS -- :status: 200; content-length: 50000
        < DATA 1 -- aaaaaaaaaaaaaaaaaaaa... 16375 bytes
        --
        < HEADERS 3 END_HEADERS -- :status: 200; content-length: 5
        < DATA 3 END_STREAM -- quick
        < DATA 1 -- aaaaaaaaaaaaaaaaaaaa... 16375 bytes
        --
        < DATA 1 -- aaaaaaaaaaaaaaaaaaaa... 16375 bytes
        --
        < DATA 1 END_STREAM -- aaaaaaaaaaaaaaaaaaaa... 875 bytes
        --
        --
    "#]]
    .assert_eq(&sent);
}

#[test]
fn more_priorities_of_streams_to_come_than_are_kept() {
    let mut script = String::new();
    for id in (1..40).step_by(2) {
        script.push_str(&format!("> PRIORITY_UPDATE 0 -- {id} u=1\n"));
    }
    script.push_str("get 39 /\nget 41 /");
    check(
        &script,
        expect![[r#"
            ~ Ignored stream=33 why=TooManyPriorities
            ~ Ignored stream=35 why=TooManyPriorities
            ~ Ignored stream=37 why=TooManyPriorities
            ~ Ignored stream=39 why=TooManyPriorities
            => #39 GET / HTTP/2.0 {Host: "x"}
            => #39 End
            => #41 GET / HTTP/2.0 {Host: "x"}
            => #41 End
        "#]],
    );
}

//= test RFC 9218 §4: what is unknown or of another type is ignored; what cannot be read voids all
#[test]
fn values() {
    let table: [(&str, Option<&str>); 24] = [
        ("", Some("u=3")),
        ("u=0", Some("u=0")),
        ("u=7, i", Some("u=7, i")),
        ("i", Some("u=3, i")),
        ("i=?0", Some("u=3")),
        ("i=?1,u=2", Some("u=2, i")),
        ("u=8", Some("u=3")),
        ("u=-1", Some("u=3")),
        ("u=1.5", Some("u=3")),
        ("u=a", Some("u=3")),
        ("u", Some("u=3")),
        ("i=1", Some("u=3")),
        ("u=1, u=2", Some("u=2")),
        (
            "u=1;x=y;z, x=\"a,b\", y=(1 2;a \"c\");d, z=:YQ==:, w=@5, v=%\"a%c3%a9\", a=*b/c:d",
            Some("u=1"),
        ),
        ("  u=1  ", Some("u=1")),
        ("u=1 ,\ti", Some("u=1, i")),
        ("u=1,", None),
        ("u=1 i", None),
        ("U=1", None),
        ("u=", None),
        ("u=(1", None),
        ("\tu=1", None),
        ("u=1;", None),
        ("u=1234567890123456", None),
    ];
    for (value, want) in table {
        let got = Priority::parse(value.as_bytes()).ok().map(|priority| format!("{priority:?}"));
        assert_eq!(got.as_deref(), want, "{value:?}");
    }
}

/// The vectors of the working group, where they are.
//= test RFC 9651 §4.2.2: dictionaries
#[test]
fn dictionaries_of_others() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared/data/structured-fields");
    let mut seen = 0;
    for name in ["dictionary", "param-dict", "key-generated", "examples", "number", "string"] {
        let Ok(text) = std::fs::read_to_string(format!("{folder}/{name}.json")) else { continue };
        let cases: serde_json::Value = serde_json::from_str(&text).unwrap();
        for case in cases.as_array().unwrap() {
            let kind = case["header_type"].as_str().unwrap();
            let raw: Vec<&str> =
                case["raw"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
            let value = raw.join(", ");
            let (value, is_item) = match kind {
                "dictionary" => (value, false),
                // An item is a member's value; white space around it is the item's own.
                "item" if !raw[0].contains([' ', '\t']) => (format!("a={value}"), true),
                _ => continue,
            };
            // Some items are parameters' or lists' beginnings, which a dictionary takes.
            if is_item && (value.contains([',', ';', '(']) || value == "a=") {
                continue;
            }
            let must_fail = case["must_fail"].as_bool().unwrap_or(false);
            let can_fail = case["can_fail"].as_bool().unwrap_or(false);
            let read = crate::structured::dictionary(value.as_bytes(), |_, _| ());
            if !can_fail {
                assert_eq!(read.is_err(), must_fail, "{}: {value:?}", case["name"]);
            }
            seen += 1;
        }
    }
    if seen == 0 {
        eprintln!("the vectors for structured fields are not there");
    }
}
