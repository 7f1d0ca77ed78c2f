use super::*;

fn cited(text: &str) -> Vec<(u32, String, Kind, usize)> {
    cite::find("a.rs", text).into_iter().map(|c| (c.rfc, c.section, c.kind, c.line)).collect()
}

fn sections(text: &str) -> Vec<String> {
    cited(text).into_iter().map(|(rfc, section, ..)| format!("{rfc} {section}")).collect()
}

#[test]
fn citations_say_what_they_are() {
    let found = cited(
        "// RFC 9112 §5.1: no space before the colon.\n\
         x();\n\
         //= test RFC 9112 §5.1: refused\n\
         //= exception: RFC 9112 §2.2: bare LF is refused\n\
         /// The lines of a list (RFC 9110 §5.6.1).\n",
    );
    let expected = [
        (9112, "5.1", Kind::Obeyed, 1),
        (9112, "5.1", Kind::Tested, 3),
        (9112, "2.2", Kind::Excepted, 4),
        (9110, "5.6.1", Kind::Obeyed, 5),
    ];
    assert_eq!(found, expected.map(|(rfc, s, kind, line)| (rfc, s.to_owned(), kind, line)));
}

#[test]
fn citations_come_in_lists_and_over_lines() {
    let cases: [(&str, &[&str]); 12] = [
        ("// RFC 9112 §6.1, §6.3 (3) and §7.1.", &["9112 6.1", "9112 6.3", "9112 7.1"]),
        ("// RFC 9112 §3.2, RFC 3986 §3.2.2: the host.", &["9112 3.2", "3986 3.2.2"]),
        ("// as said in RFC 9112\n// §9.6: half-close", &["9112 9.6"]),
        ("// See RFC 9112. A page, §9 of it.", &[]),
        ("// §9 of the design", &[]),
        (
            "/// Dates (RFC 9110 §5.6.7); weak ones (RFC 9110 §8.8.1).",
            &["9110 5.6.7", "9110 8.8.1"],
        ),
        ("f(x); // RFC 8446 §D.4", &["8446 D.4"]),
        ("f(\"a // RFC 8446 §4\");", &[]),
        ("let rfc = \"RFC 9110 §5\";", &[]),
        ("// RFC 9293 §3.10.7.4 (MUST-58): out of window", &["9293 3.10.7.4"]),
        ("//! (RFC 9110 §5.1-5.5, RFC 9112)", &["9110 5.1"]),
        ("// RFC 9110 §x.y and §0.1", &[]),
    ];
    for (text, expected) in cases {
        assert_eq!(sections(text), expected, "{text}");
    }
}

#[test]
fn a_comment_keeps_its_kind_until_the_next_one_begins() {
    let kinds = |text| cited(text).into_iter().map(|(.., kind, _)| kind).collect::<Vec<_>>();
    let test_over_two_lines = "//= test RFC 9110 §13.1.1: strong,\n// RFC 9110 §13.1.2: weak\n";
    assert_eq!(kinds(test_over_two_lines), [Kind::Tested, Kind::Obeyed]);
    assert_eq!(kinds("//= test RFC 9110 §13.1.1,\n//= test RFC 9110 §13.1.2\n"), [Kind::Tested; 2]);
    assert_eq!(kinds("//= test RFC 9110\n// §13.1.1\n"), [Kind::Tested]);
    assert_eq!(kinds("//= other RFC 9110 §13.1.1\n"), []);
}

#[test]
fn tests_obey_nothing() {
    let text = "// RFC 9110 §5.1: a name\n\n//= test RFC 9110 §5.1: any case\n";
    for file in [
        "layers/7-application/x/src/tests.rs",
        "io/x/src/tests/a.rs",
        "lab/x/src/a.rs",
        "tests/peers/src/lib.rs",
    ] {
        let kinds: Vec<Kind> = cite::find(file, text).into_iter().map(|c| c.kind).collect();
        assert_eq!(kinds, [Kind::Mentioned, Kind::Tested], "{file}");
    }
}

#[test]
fn lists_are_read() {
    let spec = spec::parse(
        "# why\nrfc 9112 HTTP/1.1\n\n2.2  lines\n2.10 more\n7.2 later: codings\nA.1 x\n",
    );
    let section = |number: &str, title: &str, later| Section {
        number: number.to_owned(),
        title: title.to_owned(),
        later,
    };
    let sections = vec![
        section("2.2", "lines", false),
        section("2.10", "more", false),
        section("7.2", "codings", true),
        section("A.1", "x", false),
    ];
    let expected = Spec { number: 9112, title: "HTTP/1.1".to_owned(), sections };
    assert_eq!(spec, Ok(expected));

    let by_name = spec::parse_by_name("# why\n1952  gzip\n7932  br\n").unwrap();
    assert!(by_name.iter().all(|spec| spec.may_be_cited("2.3.1")));
    assert_eq!(by_name.iter().map(|spec| spec.number).collect::<Vec<_>>(), [1952, 7932]);
}

#[test]
fn lists_that_cannot_be_right_are_refused() {
    let cases = [
        ("", 1),
        ("2.2 lines\n", 1),
        ("rfc many HTTP\n", 1),
        ("rfc 9112 HTTP/1.1\n", 1),
        ("rfc 9112 HTTP/1.1\n2.2 lines\n2.1 before\n", 3),
        ("rfc 9112 HTTP/1.1\n2.2 lines\n2.2 again\n", 3),
        ("rfc 9112 HTTP/1.1\n2.2\n", 2),
        ("rfc 9112 HTTP/1.1\n2.2 later:\n", 2),
        ("rfc 9112 HTTP/1.1\n2.x lines\n", 2),
        ("rfc 9112 HTTP/1.1\nHost lines\n", 2),
    ];
    for (text, line) in cases {
        assert_eq!(spec::parse(text).map_err(|(line, _)| line), Err(line), "{text:?}");
    }
    for text in ["1952\n", "gzip 1952\n", "7932 br\n1952 gzip\n", "1952 gzip\n1952 gzip\n"] {
        assert!(spec::parse_by_name(text).is_err(), "{text:?}");
    }
}

#[test]
fn what_is_not_listed_is_a_slip_of_the_pen() {
    let spec =
        spec::parse("rfc 9112 HTTP/1.1\n2.2 lines\n6.1 codings\n6.2 later: lengths\n").unwrap();
    let specs = BTreeMap::from([(9112, spec)]);
    let complaints = |text| check(&specs, &cite::find("a.rs", text));
    assert_eq!(complaints("// RFC 9112 §2.2"), Vec::<String>::new());
    assert_eq!(
        complaints("// RFC 9112 §6"),
        Vec::<String>::new(),
        "a chapter that holds listed ones"
    );
    assert_eq!(complaints("// RFC 9112 §2.3").len(), 1, "no such section");
    assert_eq!(complaints("// RFC 9112 §2.2.1").len(), 1, "no such section");
    assert_eq!(complaints("// RFC 9112 §3").len(), 1, "no such chapter");
    assert_eq!(complaints("//= test RFC 9112 §2.3").len(), 1);
    assert_eq!(complaints("// RFC 9121 §2.2").len(), 1, "no such list");
}

#[test]
fn sections_nobody_cites_are_open() {
    let spec =
        spec::parse("rfc 9112 HTTP/1.1\n2.2 lines\n6.1 codings\n6.2 lengths\n6.3 later: x\n")
            .unwrap();
    let citations = cite::find("a.rs", "// RFC 9112 §2.2\n\n//= exception: RFC 9112 §6.1: no\n");
    let tally = Tally::of(&spec, &citations);
    let open: Vec<&str> =
        spec.sections.iter().filter(|s| tally.is_open(s)).map(|s| s.number.as_str()).collect();
    assert_eq!(open, ["6.2"]);
}

#[test]
fn arguments() {
    let parse =
        |args: &[&str]| Args::parse(&args.iter().map(|&a| a.to_owned()).collect::<Vec<_>>());
    assert_eq!(parse(&[]), Ok(Args::default()));
    assert_eq!(parse(&["9110", "--open"]), Ok(Args { number: Some(9110), view: View::Open }));
    let section = View::Section("5.1".to_owned());
    assert_eq!(
        parse(&["--section", "§5.1", "9110"]),
        Ok(Args { number: Some(9110), view: section })
    );
    for wrong in [&["--section", "5.1"][..], &["--section"], &["--opne"], &["http"]] {
        assert!(parse(wrong).is_err(), "{wrong:?}");
    }
}
