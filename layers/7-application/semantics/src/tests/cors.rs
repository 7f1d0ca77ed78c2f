use expect_test::expect;
use message::{Fields, Method, Name, Status};
use proptest::prelude::*;

use super::{fields, film, with_cx};
use crate::cors::{self, Config, Decision, NAMES_LEN_MAX, NAMES_MAX, Policy, Verdict};
use crate::xray::Why;

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn config(origins: &[&str]) -> Config {
    Config { origins: texts(origins), ..Config::default() }
}

/// Two origins, more methods, some fields, credentials: one of everything.
fn full() -> Policy {
    let policy = Config {
        methods: vec![Method::Get, Method::Put, Method::from_bytes(b"PURGE").unwrap()],
        request_fields: texts(&["Content-Type", "X-Mood"]),
        exposed_fields: texts(&["ETag", "X-Count"]),
        with_credentials: true,
        age_max_s: Some(600),
        ..config(&["https://a.example", "https://*.b.example"])
    };
    Policy::new(&policy).unwrap()
}

/// A star, and any field.
fn open() -> Policy {
    let policy =
        Config { request_fields: texts(&["*"]), exposed_fields: texts(&["*"]), ..config(&["*"]) };
    Policy::new(&policy).unwrap()
}

fn decide(policy: &Policy, method: &str, lines: &str) -> Decision {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    with_cx(|cx| cors::decide(cx, policy, &method, &fields(lines)))
}

#[track_caller]
fn check(policy: &Policy, method: &str, lines: &str, verdict: Verdict, want: &str) {
    let decision = decide(policy, method, lines);
    assert_eq!(decision, Decision { verdict, fields: fields(want) }, "{method} {lines}");
}

/// Fetch, CORS protocol and HTTP caches: the answer to who sends no Origin would be another one for
/// who does, and has to say so; that of a star would not.
#[test]
fn no_origin_is_no_cors() {
    check(&full(), "GET", "", Verdict::NotCors, "Vary: Origin");
    check(&full(), "DELETE", "Host: a.example", Verdict::NotCors, "Vary: Origin");
    let preflight_without_origin = "Access-Control-Request-Method: PUT";
    check(&full(), "OPTIONS", preflight_without_origin, Verdict::NotCors, "Vary: Origin");
    let same = "Access-Control-Allow-Origin: * | Access-Control-Expose-Headers: *";
    check(&open(), "GET", "", Verdict::NotCors, same);
    check(&open(), "DELETE", "", Verdict::NotCors, "");
}

#[test]
fn an_allowed_page_may_read() {
    let want = "Vary: Origin | Access-Control-Allow-Credentials: true | \
        Access-Control-Expose-Headers: ETag, X-Count | Access-Control-Allow-Origin: ";
    for origin in ["https://a.example", "https://x.b.example", "https://x.b.example:443"] {
        for method in ["GET", "HEAD", "PUT", "PURGE"] {
            let want = format!("{want}{origin}");
            check(&full(), method, &format!("Origin: {origin}"), Verdict::Allowed, &want);
        }
    }
}

#[test]
fn an_answer_for_all_is_the_same_for_all() {
    let want = "Access-Control-Allow-Origin: * | Access-Control-Expose-Headers: *";
    for origin in ["https://a.example", "null", "what is this?"] {
        check(&open(), "POST", &format!("Origin: {origin}"), Verdict::Allowed, want);
    }
}

#[test]
fn who_is_not_allowed_is_answered_as_ever() {
    let refuse = |method: &str, lines: &str, why| {
        check(&full(), method, lines, Verdict::Refused(why), "Vary: Origin");
        assert_eq!(decide(&full(), method, lines).status(), None);
    };
    refuse("GET", "Origin: https://b.example", Why::OriginNotAllowed);
    refuse("GET", "Origin: http://a.example", Why::OriginNotAllowed);
    refuse("GET", "Origin: null", Why::OriginNotAllowed);
    refuse("GET", "Origin: a.example", Why::OriginMalformed);
    refuse("GET", "Origin: https://a.example https://a.example", Why::OriginMalformed);
    refuse("GET", "Origin: https://a.example, https://a.example", Why::OriginMalformed);
    refuse("GET", "Origin: https://a.example | Origin: https://a.example", Why::MoreThanOneLine);
    refuse("POST", "Origin: https://a.example", Why::MethodNotAllowed);
    refuse("put", "Origin: https://a.example", Why::MethodNotAllowed);
    check(&open(), "PUT", "Origin: null", Verdict::Refused(Why::MethodNotAllowed), "");
}

const VARY: &str = "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

fn preflight(asks: &str) -> String {
    format!("Origin: https://a.example | Access-Control-Request-Method: {asks}")
}

#[test]
fn a_preflight_is_told_what_may_come() {
    let want = format!(
        "{VARY} | Access-Control-Allow-Credentials: true | \
         Access-Control-Allow-Methods: GET, PUT, PURGE | \
         Access-Control-Allow-Headers: Content-Type, X-Mood | Access-Control-Max-Age: 600 | \
         Access-Control-Allow-Origin: https://a.example"
    );
    for asks in [
        "PUT",
        "HEAD",
        "PURGE | Access-Control-Request-Headers: content-type,x-mood",
        "PUT | Access-Control-Request-Headers: X-MOOD | Access-Control-Request-Headers:",
    ] {
        check(&full(), "OPTIONS", &preflight(asks), Verdict::PreflightAllowed, &want);
        let status = decide(&full(), "OPTIONS", &preflight(asks)).status();
        assert_eq!(status, Some(Status::NO_CONTENT));
    }
}

#[test]
fn a_preflight_is_an_options_with_a_method() {
    let asks = preflight("PUT");
    assert_eq!(decide(&full(), "PUT", &asks).verdict, Verdict::Allowed);
    let plain = decide(&full(), "OPTIONS", "Origin: https://a.example");
    assert_eq!(plain.verdict, Verdict::Refused(Why::MethodNotAllowed));
}

/// Fetch, CORS-preflight fetch: a star would not mean Authorization, so each name is said back.
#[test]
fn any_field_is_said_back() {
    let vary = "Vary: Access-Control-Request-Method, Access-Control-Request-Headers";
    let want = format!(
        "{vary} | Access-Control-Allow-Origin: * | Access-Control-Allow-Methods: GET, HEAD, POST"
    );
    check(&open(), "OPTIONS", &preflight("POST"), Verdict::PreflightAllowed, &want);
    let asks = preflight("POST | Access-Control-Request-Headers: authorization,,x-a , x-b");
    let want = format!("{want} | Access-Control-Allow-Headers: authorization, x-a, x-b");
    check(&open(), "OPTIONS", &asks, Verdict::PreflightAllowed, &want);
}

#[test]
fn a_preflight_is_refused() {
    let refuse = |lines: &str, why| {
        check(&full(), "OPTIONS", lines, Verdict::PreflightRefused(why), VARY);
        assert_eq!(decide(&full(), "OPTIONS", lines).status(), Some(Status::FORBIDDEN));
    };
    let stranger = preflight("PUT").replace("a.example", "c.example");
    refuse(&stranger, Why::OriginNotAllowed);
    refuse(&format!("{stranger} | Origin: https://a.example"), Why::MoreThanOneLine);
    for method in ["DELETE", "put", "", "PUT, GET", "P\u{fc}T"] {
        refuse(&preflight(method), Why::MethodNotAllowed);
    }
    refuse(&preflight("PUT | Access-Control-Request-Method: PUT"), Why::MoreThanOneLine);
    let names = |names: &str| preflight(&format!("PUT | Access-Control-Request-Headers: {names}"));
    refuse(&names("x-mood, authorization"), Why::FieldNotAllowed);
    refuse(&names("*"), Why::FieldNotAllowed);
    refuse(&names("x-mood x-mood"), Why::FieldNameMalformed);
    refuse(&names("\"x-mood\""), Why::FieldNameMalformed);
}

#[test]
fn lists_of_strangers_are_bounded() {
    let verdict = |names: &str| {
        let lines = preflight(&format!("GET | Access-Control-Request-Headers: {names}"));
        decide(&open(), "OPTIONS", &lines).verdict
    };
    let too_many = Verdict::PreflightRefused(Why::TooManyFieldNames);
    assert_eq!(verdict(&"a,".repeat(NAMES_MAX)), Verdict::PreflightAllowed);
    assert_eq!(verdict(&"a,".repeat(NAMES_MAX + 1)), too_many);
    assert_eq!(verdict(&"a".repeat(NAMES_LEN_MAX)), Verdict::PreflightAllowed);
    assert_eq!(verdict(&"a".repeat(NAMES_LEN_MAX + 1)), too_many);
    let half = "a".repeat(NAMES_LEN_MAX / 2);
    assert_eq!(verdict(&format!("{half} | Access-Control-Request-Headers: b{half}")), too_many);
}

//= test RFC 9110 §9.1: methods are compared letter by letter.
#[test]
fn patch_as_a_script_typed_it() {
    let patch = Config { methods: vec![Method::Patch], ..config(&["https://a.example"]) };
    let policy = Policy::new(&patch).unwrap();
    let asks = |method: &str| decide(&policy, "OPTIONS", &preflight(method)).verdict;
    assert_eq!(asks("PATCH"), Verdict::PreflightAllowed);
    assert_eq!(asks("patch"), Verdict::PreflightRefused(Why::MethodNotAllowed));
}

#[test]
fn an_answer_has_one_opinion() {
    let mut response = fields(
        "Vary: Accept | Access-Control-Allow-Origin: * | ETag: \"x\" | Access-Control-Max-Age: 5",
    );
    decide(&full(), "GET", "Origin: https://evil.example").add_to(&mut response);
    assert_eq!(response, fields("ETag: \"x\" | Vary: Accept, Origin"));
    decide(&full(), "GET", "Origin: https://a.example").add_to(&mut response);
    let want = "ETag: \"x\" | Vary: Accept, Origin | Access-Control-Allow-Credentials: true | \
        Access-Control-Expose-Headers: ETag, X-Count | \
        Access-Control-Allow-Origin: https://a.example";
    assert_eq!(response, fields(want));
    let mut preflighted = Fields::new();
    decide(&full(), "OPTIONS", &preflight("DELETE")).add_to(&mut preflighted);
    assert_eq!(preflighted, fields(VARY));
}

#[test]
fn contradictions_are_told() {
    let credentials = |origins: &[&str], exposed: &[&str]| Config {
        with_credentials: true,
        exposed_fields: texts(exposed),
        ..config(origins)
    };
    let named = config(&["https://a.example"]);
    for (config, want) in [
        (config(&[]), "no origin is allowed: name one, or leave CORS out"),
        (
            Config { methods: Vec::new(), ..named.clone() },
            "no method is allowed: name one, or leave CORS out",
        ),
        (
            Config { request_fields: texts(&["X Mood"]), ..named.clone() },
            "\"X Mood\" is not the name of a field",
        ),
        (Config { exposed_fields: texts(&[""]), ..named }, "\"\" is not the name of a field"),
        (config(&["a.example"]), "the origin \"a.example\" cannot be used: scheme is missing"),
        (
            credentials(&["*"], &[]),
            "credentials are not possible for every origin (*): name the origins",
        ),
        (
            credentials(&["https://a.example", "null"], &[]),
            "credentials are not possible for the origin null: any site can make a page with it",
        ),
        (
            credentials(&["https://a.example"], &["*"]),
            "with credentials, * does not mean every field: name those that pages may read",
        ),
    ] {
        assert_eq!(Policy::new(&config).unwrap_err().to_string(), want);
    }
    assert!(Policy::new(&config(&["null"])).is_ok());
}

#[test]
fn the_film_says_why() {
    let mut films = String::new();
    for (method, lines) in [
        ("GET", ""),
        ("GET", "Origin: https://a.example"),
        ("GET", "Origin: https://evil.example"),
        ("OPTIONS", &preflight("PUT")),
        ("OPTIONS", &preflight("PUT | Access-Control-Request-Headers: x-a")),
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        films.push_str(&film(|cx| cors::decide(cx, &full(), &method, &fields(lines)).verdict));
    }
    expect![[r#"
        => NotCors
        Decided what="CORS allowed" because=OriginAllowed
        => Allowed
        Decided what="CORS refused" because=OriginNotAllowed
        => Refused(OriginNotAllowed)
        Decided what="preflight allowed" because=OriginAllowed
        => PreflightAllowed
        Decided what="preflight refused" because=FieldNotAllowed
        => PreflightRefused(FieldNotAllowed)
    "#]]
    .assert_eq(&films);
}

fn any_request() -> impl Strategy<Value = (Method, Fields)> {
    let method = proptest::sample::select(&["GET", "OPTIONS", "PUT", "DELETE"][..]);
    let name = proptest::sample::select(
        &[Name::Origin, Name::AccessControlRequestMethod, Name::AccessControlRequestHeaders][..],
    );
    let known = "(https?://)?(a|x[.]b|evil)[.]example(:443)?|null|PUT|GET|x-mood(, ?x-mood)?";
    let value = prop_oneof![
        known.prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..20),
    ];
    let lines = proptest::collection::vec((name, value), 0..5);
    (method, lines).prop_map(|(method, lines)| {
        (Method::from_bytes(method.as_bytes()).unwrap(), lines.into_iter().collect())
    })
}

proptest! {
    #[test]
    fn whatever_strangers_send((method, fields) in any_request()) {
        for policy in [full(), open()] {
            let decision = with_cx(|cx| cors::decide(cx, &policy, &method, &fields));
            let allowed = decision.fields.get(Name::AccessControlAllowOrigin);
            let is_allowed =
                matches!(decision.verdict, Verdict::Allowed | Verdict::PreflightAllowed);
            // Who is refused reads nothing, and is not in the answer.
            prop_assert!(allowed.is_none() || is_allowed || allowed == Some(&b"*"[..]));
            if !is_allowed && let Some(origin) = fields.get(Name::Origin) {
                prop_assert!(!decision.fields.iter().any(|(_, value)| value == origin));
            }
            // Who is allowed was named.
            if let Some(origin) = allowed.filter(|origin| *origin != b"*") {
                prop_assert_eq!(fields.get_only(Name::Origin), Some(origin));
                let text = str::from_utf8(origin).unwrap();
                let text = text.strip_suffix(":443").unwrap_or(text);
                prop_assert!(["https://a.example", "https://x.b.example"].contains(&text));
            }
        }
    }

    #[test]
    fn vary_names_origin_where_it_has_a_say((method, fields) in any_request()) {
        for (policy, has_a_say) in [(full(), true), (open(), false)] {
            let decision = with_cx(|cx| cors::decide(cx, &policy, &method, &fields));
            prop_assert_eq!(decision.fields.has_element(Name::Vary, "Origin"), has_a_say);
        }
    }

    #[test]
    fn a_star_says_the_same_to_everybody(
        (method, fields) in any_request(),
        with_credentials: bool,
    ) {
        let is_preflight = fields.contains(Name::AccessControlRequestMethod);
        prop_assume!(method != Method::Options || !is_preflight);
        let mut without = fields.clone();
        without.remove(Name::Origin);
        let of = |fields| with_cx(|cx| cors::decide(cx, &open(), &method, fields)).fields;
        prop_assert_eq!(of(&fields), of(&without));
        let star = Policy::new(&Config { with_credentials, ..config(&["*"]) });
        prop_assert_eq!(star.is_err(), with_credentials);
    }
}
