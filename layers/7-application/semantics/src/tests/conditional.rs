use base::Wall;
use expect_test::expect;
use message::{Fields, Method, Name};
use proptest::prelude::*;

use super::{NOW, fields, film, http_date, with_cx};
use crate::conditional::{Validators, Verdict, evaluate, stays_in_not_modified};
use crate::etag::EntityTag;

const PROCEED: Verdict = Verdict::Proceed { range_applies: false };
const WITH_RANGES: Verdict = Verdict::Proceed { range_applies: true };
const FAILED: Verdict = Verdict::PreconditionFailed;
const NOT_MODIFIED: Verdict = Verdict::NotModified;

/// Tagged "ours", modified a hundred seconds ago.
fn validators() -> Validators<'static> {
    let etag = EntityTag::strong(b"ours").ok();
    Validators { etag, last_modified: Some(Wall(NOW.0 - 100)), exists: true }
}

fn nothing() -> Validators<'static> {
    Validators { etag: None, last_modified: None, exists: false }
}

/// `GET Name: value | Name: value` against validators.
fn verdict(request: &str, validators: &Validators<'_>) -> Verdict {
    let (method, lines) = request.split_once(' ').unwrap_or((request, ""));
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    with_cx(|cx| evaluate(cx, &method, &fields(lines), validators))
}

#[track_caller]
fn check_with(validators: &Validators<'_>, table: &[(&str, Verdict)]) {
    for (request, want) in table {
        assert_eq!(verdict(request, validators), *want, "{request}");
    }
}

#[track_caller]
fn check(table: &[(&str, Verdict)]) {
    check_with(&validators(), table);
}

#[test]
fn without_conditions() {
    check(&[
        ("GET", PROCEED),
        ("PUT", PROCEED),
        ("GET Accept: */*", PROCEED),
        ("GET Range: bytes=0-1", WITH_RANGES),
    ]);
}

//= test RFC 9110 §13.1.1: if none matches strongly the request fails, whatever its method.
#[test]
fn if_match() {
    check(&[
        ("PUT If-Match: \"ours\"", PROCEED),
        ("PUT If-Match: \"a\", \"ours\"", PROCEED),
        ("PUT If-Match: \"a\" | If-Match: \"ours\"", PROCEED),
        ("PUT If-Match: *", PROCEED),
        ("PUT If-Match: \"theirs\"", FAILED),
        ("PUT If-Match: W/\"ours\"", FAILED),
        ("GET If-Match: \"theirs\"", FAILED),
        ("HEAD If-Match: \"theirs\"", FAILED),
        ("DELETE If-Match: \"ours\"", PROCEED),
        ("PROPPATCH If-Match: \"theirs\"", FAILED),
        ("PUT If-Match:", FAILED),
    ]);
    check_with(&nothing(), &[("PUT If-Match: *", FAILED), ("PUT If-Match: \"ours\"", FAILED)]);
    let weak = Validators { etag: EntityTag::weak(b"ours").ok(), ..validators() };
    check_with(
        &weak,
        &[
            ("PUT If-Match: \"ours\"", FAILED),
            ("PUT If-Match: W/\"ours\"", FAILED),
            ("PUT If-Match: *", PROCEED),
        ],
    );
}

#[test]
fn an_if_match_that_cannot_be_read_changes_nothing() {
    check(&[
        ("PUT If-Match: ours", FAILED),
        ("PUT If-Match: *, \"theirs\"", FAILED),
        ("PUT If-Match: *, *", FAILED),
        ("PUT If-Match: \"ours", FAILED),
        ("PUT If-Match: nonsense, \"ours\"", PROCEED),
    ]);
}

//= test RFC 9110 §13.1.4: fails when it was modified after the date; ignored beside If-Match, and
//= when it is not one date, and when we have none.
#[test]
fn if_unmodified_since() {
    check(&[
        ("PUT If-Unmodified-Since: {NOW}", PROCEED),
        ("PUT If-Unmodified-Since: {NOW-100}", PROCEED),
        ("PUT If-Unmodified-Since: {NOW-101}", FAILED),
        ("GET If-Unmodified-Since: {NOW-101}", FAILED),
        ("PUT If-Unmodified-Since: yesterday", PROCEED),
        ("PUT If-Unmodified-Since: {NOW-101}, {NOW-101}", PROCEED),
        ("PUT If-Unmodified-Since: {NOW-101} | If-Unmodified-Since: {NOW-101}", PROCEED),
        ("PUT If-Match: \"ours\" | If-Unmodified-Since: {NOW-101}", PROCEED),
        ("PUT If-Match: \"theirs\" | If-Unmodified-Since: {NOW}", FAILED),
    ]);
    let undated = Validators { last_modified: None, ..validators() };
    check_with(&undated, &[("PUT If-Unmodified-Since: {NOW-101}", PROCEED)]);
    check_with(&nothing(), &[("PUT If-Unmodified-Since: {NOW-101}", PROCEED)]);
}

//= test RFC 9110 §13.1.2: one that matches weakly is 304 for GET and HEAD, 412 for others.
#[test]
fn if_none_match() {
    check(&[
        ("GET If-None-Match: \"ours\"", NOT_MODIFIED),
        ("GET If-None-Match: W/\"ours\"", NOT_MODIFIED),
        ("HEAD If-None-Match: \"a\",\"ours\"", NOT_MODIFIED),
        ("GET If-None-Match: \"a\" | If-None-Match: \"ours\"", NOT_MODIFIED),
        ("GET If-None-Match: *", NOT_MODIFIED),
        ("GET If-None-Match: \"theirs\"", PROCEED),
        ("GET If-None-Match:", PROCEED),
        ("PUT If-None-Match: \"ours\"", FAILED),
        ("PUT If-None-Match: *", FAILED),
        ("PUT If-None-Match: \"theirs\"", PROCEED),
        ("POST If-None-Match: W/\"ours\"", FAILED),
    ]);
    check_with(
        &nothing(),
        &[("PUT If-None-Match: *", PROCEED), ("PUT If-None-Match: \"ours\"", PROCEED)],
    );
    let untagged = Validators { etag: None, ..validators() };
    check_with(
        &untagged,
        &[("GET If-None-Match: \"ours\"", PROCEED), ("GET If-None-Match: *", NOT_MODIFIED)],
    );
}

#[test]
fn an_if_none_match_that_cannot_be_read_does_no_harm() {
    check(&[
        ("GET If-None-Match: ours", PROCEED),
        ("GET If-None-Match: *, \"theirs\"", PROCEED),
        ("GET If-None-Match: nonsense, \"ours\"", NOT_MODIFIED),
        ("PUT If-None-Match: *, \"theirs\"", FAILED),
        ("PUT If-None-Match: theirs", FAILED),
    ]);
}

//= test RFC 9110 §13.1.3: for GET and HEAD; ignored beside If-None-Match, and when it is not one
//= date, and when we have none.
#[test]
fn if_modified_since() {
    check(&[
        ("GET If-Modified-Since: {NOW-100}", NOT_MODIFIED),
        ("GET If-Modified-Since: {NOW}", NOT_MODIFIED),
        ("GET If-Modified-Since: {NOW+100}", NOT_MODIFIED),
        ("HEAD If-Modified-Since: {NOW-100}", NOT_MODIFIED),
        ("GET If-Modified-Since: {NOW-101}", PROCEED),
        ("PUT If-Modified-Since: {NOW-100}", PROCEED),
        ("GET If-Modified-Since: 0", PROCEED),
        ("GET If-Modified-Since: {NOW}, {NOW}", PROCEED),
        ("GET If-Modified-Since: {NOW} | If-Modified-Since: {NOW}", PROCEED),
        ("GET If-None-Match: \"theirs\" | If-Modified-Since: {NOW}", PROCEED),
        ("GET If-None-Match: \"ours\" | If-Modified-Since: {NOW-101}", NOT_MODIFIED),
    ]);
    let undated = Validators { last_modified: None, ..validators() };
    check_with(&undated, &[("GET If-Modified-Since: {NOW}", PROCEED)]);
}

//= test RFC 9110 §5.6.7: dates of old are understood.
#[test]
fn dates_in_their_three_formats() {
    check(&[
        ("GET If-Modified-Since: Sun, 06 Nov 1994 08:47:57 GMT", NOT_MODIFIED),
        ("GET If-Modified-Since: Sunday, 06-Nov-94 08:47:57 GMT", NOT_MODIFIED),
        ("GET If-Modified-Since: Sun Nov  6 08:47:57 1994", NOT_MODIFIED),
        ("GET If-Modified-Since: Sun Nov  6 08:47:56 1994", PROCEED),
    ]);
}

//= test RFC 9110 §13.1.5: a Range is ignored unless the validator is the same, compared strongly.
#[test]
fn if_range() {
    check(&[
        ("GET Range: bytes=0-1 | If-Range: \"ours\"", WITH_RANGES),
        ("GET Range: bytes=0-1 | If-Range: \"theirs\"", PROCEED),
        ("GET Range: bytes=0-1 | If-Range: W/\"ours\"", PROCEED),
        ("GET Range: bytes=0-1 | If-Range: \"ours\", \"theirs\"", PROCEED),
        ("GET Range: bytes=0-1 | If-Range: *", PROCEED),
        ("GET Range: bytes=0-1 | If-Range:", PROCEED),
        ("GET Range: bytes=0-1 | If-Range: ours", PROCEED),
        ("GET Range: bytes=0-1 | If-Range: \"ours\" | If-Range: \"ours\"", PROCEED),
        ("GET Range: bytes=0-1 | If-Range: {NOW-100}", WITH_RANGES),
        ("GET Range: bytes=0-1 | If-Range: {NOW-101}", PROCEED),
        ("GET Range: bytes=0-1 | If-Range: {NOW-99}", PROCEED),
        ("GET If-Range: \"theirs\"", PROCEED),
    ]);
    let weak = Validators { etag: EntityTag::weak(b"ours").ok(), ..validators() };
    check_with(
        &weak,
        &[
            ("GET Range: bytes=0-1 | If-Range: \"ours\"", PROCEED),
            ("GET Range: bytes=0-1 | If-Range: W/\"ours\"", PROCEED),
        ],
    );
    let bare = Validators { etag: None, last_modified: None, exists: true };
    check_with(
        &bare,
        &[
            ("GET Range: bytes=0-1 | If-Range: \"ours\"", PROCEED),
            ("GET Range: bytes=0-1 | If-Range: {NOW-100}", PROCEED),
        ],
    );
}

//= test RFC 9110 §8.8.2.2: a date is strong once its second has passed.
#[test]
fn a_young_date_is_weak() {
    for (age, want) in [(2, WITH_RANGES), (1, WITH_RANGES), (0, PROCEED), (-1, PROCEED)] {
        let young = Validators { last_modified: Some(Wall(NOW.0 - age)), ..validators() };
        let request = format!("GET Range: bytes=0-1 | If-Range: {{NOW{:+}}}", -age);
        check_with(&young, &[(&request, want)]);
    }
}

//= test RFC 9110 §14.2: a Range is for GET alone.
#[test]
fn ranges_are_for_get() {
    check(&[
        ("HEAD Range: bytes=0-1", PROCEED),
        ("PUT Range: bytes=0-1", PROCEED),
        ("SEARCH Range: bytes=0-1 | If-Range: \"ours\"", PROCEED),
    ]);
}

//= test RFC 9110 §13.2.2: what comes earlier in the order decides.
#[test]
fn the_order() {
    check(&[
        ("GET If-Match: \"theirs\" | If-None-Match: \"ours\"", FAILED),
        ("GET If-Match: \"ours\" | If-None-Match: \"ours\"", NOT_MODIFIED),
        ("GET If-Unmodified-Since: {NOW-101} | If-None-Match: \"ours\"", FAILED),
        ("GET If-Unmodified-Since: {NOW} | If-Modified-Since: {NOW}", NOT_MODIFIED),
        ("GET If-None-Match: \"ours\" | Range: bytes=0-1 | If-Range: \"ours\"", NOT_MODIFIED),
        ("GET If-None-Match: \"a\" | Range: bytes=0-1 | If-Range: \"ours\"", WITH_RANGES),
        ("GET If-Match: \"ours\" | Range: bytes=0-1", WITH_RANGES),
    ]);
}

//= test RFC 9110 §13.2.1: conditions are not for these methods, nor for what fails anyway.
#[test]
fn where_conditions_have_no_say() {
    check(&[
        ("OPTIONS If-Match: \"theirs\"", PROCEED),
        ("TRACE If-None-Match: *", PROCEED),
        ("CONNECT If-Unmodified-Since: {NOW-101}", PROCEED),
    ]);
    check_with(
        &nothing(),
        &[
            ("GET If-Match: *", PROCEED),
            ("HEAD If-None-Match: *", PROCEED),
            ("GET Range: bytes=0-1", PROCEED),
        ],
    );
}

//= test RFC 9110 §15.4.5: what a 304 must have, and what it should not.
#[test]
fn the_fields_of_a_304() {
    for name in [
        Name::ContentLocation,
        Name::Date,
        Name::ETag,
        Name::Vary,
        Name::CacheControl,
        Name::Expires,
        Name::Server,
        Name::SetCookie,
        Name::AccessControlAllowOrigin,
    ] {
        assert!(
            stays_in_not_modified(name, true) && stays_in_not_modified(name, false),
            "{name:?}"
        );
    }
    for name in [
        Name::ContentType,
        Name::ContentLength,
        Name::ContentEncoding,
        Name::ContentLanguage,
        Name::ContentRange,
        Name::AcceptRanges,
        Name::TransferEncoding,
        Name::Trailer,
    ] {
        assert!(
            !stays_in_not_modified(name, true) && !stays_in_not_modified(name, false),
            "{name:?}"
        );
    }
    assert!(!stays_in_not_modified(Name::LastModified, true));
    assert!(stays_in_not_modified(Name::LastModified, false));
}

#[test]
fn the_film_says_why() {
    let mut films = String::new();
    for (method, lines) in [
        (Method::Get, ""),
        (Method::Get, "If-None-Match: W/\"ours\" | If-Modified-Since: {NOW-101}"),
        (Method::Put, "If-Match: ours | If-Unmodified-Since: {NOW}"),
        (Method::Put, "If-None-Match: *, \"a\" | If-Modified-Since: {NOW}"),
        (Method::Get, "If-Modified-Since: soon | Range: bytes=0-1 | If-Range: {NOW}"),
        (Method::Get, "Range: bytes=0-1 | If-Range: W/\"ours\""),
        (Method::Get, "Range: bytes=0-1 | If-Range: ours"),
        (Method::Head, "If-Range: \"ours\""),
        (Method::Head, "Range: bytes=0-1"),
        (Method::Options, "Range: bytes=0-1"),
    ] {
        films.push_str(&film(|cx| evaluate(cx, &method, &fields(lines), &validators())));
    }
    expect![[r#"
        => Proceed { range_applies: false }
        Ignored field=If-Modified-Since because=IfNoneMatchDecides
        Decided what="not modified" because=IfNoneMatchMatches
        => NotModified
        Ignored field=If-Unmodified-Since because=IfMatchDecides
        Ignored field=If-Match because=NotAnEntityTag
        Decided what="precondition failed" because=IfMatchFails
        => PreconditionFailed
        Ignored field=If-Modified-Since because=IfNoneMatchDecides
        Decided what="precondition failed" because=IfNoneMatchUnreadable
        => PreconditionFailed
        Ignored field=If-Modified-Since because=NotADate
        Ignored field=Range because=IfRangeFails
        Decided what="proceed" because=EveryConditionHolds
        => Proceed { range_applies: false }
        Ignored field=Range because=IfRangeFails
        Decided what="proceed" because=EveryConditionHolds
        => Proceed { range_applies: false }
        Ignored field=Range because=IfRangeUnreadable
        Decided what="proceed" because=EveryConditionHolds
        => Proceed { range_applies: false }
        Ignored field=If-Range because=NoRange
        Decided what="proceed" because=EveryConditionHolds
        => Proceed { range_applies: false }
        Ignored field=Range because=NotGet
        Decided what="proceed" because=EveryConditionHolds
        => Proceed { range_applies: false }
        Decided what="proceed" because=MethodHasNoConditions
        => Proceed { range_applies: false }
    "#]]
    .assert_eq(&films);
}

/// A value of If-Match or If-None-Match, before it is written.
#[derive(Clone, Debug)]
enum Tags {
    Any,
    List(Vec<(bool, u8)>),
}

/// A value of a field that holds a date, before it is written.
#[derive(Clone, Copy, Debug)]
enum Date {
    At(i64),
    Nonsense,
    Twice(i64),
}

#[derive(Clone, Debug)]
enum Either {
    Tag(bool, u8),
    Date(Date),
}

/// A request and what it is about, before it is written.
#[derive(Clone, Debug)]
struct Case {
    method: &'static str,
    if_match: Option<Tags>,
    if_unmodified_since: Option<Date>,
    if_none_match: Option<Tags>,
    if_modified_since: Option<Date>,
    has_range: bool,
    if_range: Option<Either>,
    etag: Option<(bool, u8)>,
    modified: Option<i64>,
    exists: bool,
}

/// RFC 9110 §13.2.2 with the definitions of §13.1, sentence by sentence, on values that need no
/// parsing.
fn oracle(case: &Case) -> Verdict {
    let is_get_or_head = case.method == "GET" || case.method == "HEAD";
    // §13.2.1.
    if ["OPTIONS", "TRACE", "CONNECT"].contains(&case.method) || (is_get_or_head && !case.exists) {
        return PROCEED;
    }
    let etag = case.etag.filter(|_| case.exists);
    let modified = case.modified.filter(|_| case.exists);
    let single = |date: Option<Date>| match date {
        Some(Date::At(at)) => Some(at),
        _ => None,
    };
    // Step 1.
    if let Some(tags) = &case.if_match {
        let holds = match tags {
            Tags::Any => case.exists,
            Tags::List(tags) => etag.is_some_and(|(weak, n)| !weak && tags.contains(&(false, n))),
        };
        if !holds {
            return FAILED;
        }
    }
    // Step 2.
    if case.if_match.is_none()
        && let (Some(date), Some(modified)) = (single(case.if_unmodified_since), modified)
        && modified > date
    {
        return FAILED;
    }
    // Step 3.
    if let Some(tags) = &case.if_none_match {
        let holds = match tags {
            Tags::Any => !case.exists,
            Tags::List(tags) => etag.is_none_or(|(_, n)| tags.iter().all(|(_, m)| *m != n)),
        };
        if !holds {
            return if is_get_or_head { NOT_MODIFIED } else { FAILED };
        }
    }
    // Step 4.
    if is_get_or_head
        && case.if_none_match.is_none()
        && let (Some(date), Some(modified)) = (single(case.if_modified_since), modified)
        && modified <= date
    {
        return NOT_MODIFIED;
    }
    // Step 5, and §14.2.
    let range_applies = case.method == "GET"
        && case.has_range
        && match &case.if_range {
            None => true,
            Some(Either::Tag(weak, n)) => !weak && etag == Some((false, *n)),
            Some(Either::Date(Date::At(at))) => modified == Some(*at) && *at < NOW.0,
            Some(Either::Date(_)) => false,
        };
    Verdict::Proceed { range_applies }
}

impl Tags {
    fn written(&self) -> String {
        match self {
            Self::Any => "*".to_owned(),
            Self::List(tags) => {
                tags.iter().map(|(w, n)| tag(*w, *n)).collect::<Vec<_>>().join(", ")
            }
        }
    }
}

impl Date {
    fn written(self) -> String {
        match self {
            Self::At(at) => http_date(at),
            Self::Nonsense => "a while ago".to_owned(),
            Self::Twice(at) => format!("{0}, {0}", http_date(at)),
        }
    }
}

fn tag(is_weak: bool, n: u8) -> String {
    format!("{}\"{n}\"", if is_weak { "W/" } else { "" })
}

fn written(case: &Case) -> Fields {
    let tags = |tags: &Option<Tags>| tags.as_ref().map(Tags::written);
    let lines = [
        (Name::IfMatch, tags(&case.if_match)),
        (Name::IfUnmodifiedSince, case.if_unmodified_since.map(Date::written)),
        (Name::IfNoneMatch, tags(&case.if_none_match)),
        (Name::IfModifiedSince, case.if_modified_since.map(Date::written)),
        (Name::Range, case.has_range.then(|| "bytes=0-1".to_owned())),
        (
            Name::IfRange,
            case.if_range.as_ref().map(|either| match either {
                Either::Tag(is_weak, n) => tag(*is_weak, *n),
                Either::Date(date) => date.written(),
            }),
        ),
    ];
    lines.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn tags() -> impl Strategy<Value = Tags> {
    let tag = (any::<bool>(), 0..3_u8);
    prop_oneof![
        1 => Just(Tags::Any),
        4 => proptest::collection::vec(tag, 0..3).prop_map(Tags::List),
    ]
}

fn at() -> impl Strategy<Value = i64> {
    (-3..2_i64).prop_map(|offset| NOW.0 + offset)
}

fn date() -> impl Strategy<Value = Date> {
    prop_oneof![
        6 => at().prop_map(Date::At),
        1 => Just(Date::Nonsense),
        1 => at().prop_map(Date::Twice),
    ]
}

fn either() -> impl Strategy<Value = Either> {
    prop_oneof![
        (any::<bool>(), 0..3_u8).prop_map(|(is_weak, n)| Either::Tag(is_weak, n)),
        date().prop_map(Either::Date),
    ]
}

prop_compose! {
    fn case()(
        method in proptest::sample::select(&["GET", "GET", "HEAD", "PUT", "DELETE", "OPTIONS"][..]),
        if_match in proptest::option::weighted(0.3, tags()),
        if_unmodified_since in proptest::option::weighted(0.3, date()),
        if_none_match in proptest::option::weighted(0.3, tags()),
        if_modified_since in proptest::option::weighted(0.3, date()),
        has_range: bool,
        if_range in proptest::option::of(either()),
        etag in proptest::option::weighted(0.8, (any::<bool>(), 0..3_u8)),
        modified in proptest::option::weighted(0.8, at()),
        exists in proptest::bool::weighted(0.8),
    ) -> Case {
        Case {
            method, if_match, if_unmodified_since, if_none_match, if_modified_since, has_range,
            if_range, etag, modified, exists,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    //= test RFC 9110 §13.2.2: the steps, in their order.
    #[test]
    fn agrees_with_the_rules_as_they_stand(case in case()) {
        let opaque = case.etag.map(|(_, n)| n.to_string());
        let etag = case.etag.zip(opaque.as_ref()).map(|((is_weak, _), opaque)| {
            let opaque = opaque.as_bytes();
            if is_weak { EntityTag::weak(opaque) } else { EntityTag::strong(opaque) }.unwrap()
        });
        let (last_modified, exists) = (case.modified.map(Wall), case.exists);
        let validators = Validators { etag, last_modified, exists };
        let method = Method::from_bytes(case.method.as_bytes()).unwrap();
        let verdict = with_cx(|cx| evaluate(cx, &method, &written(&case), &validators));
        prop_assert_eq!(verdict, oracle(&case));
    }
}

proptest! {
    #[test]
    fn strangers_cannot_make_it_panic(
        lines in proptest::collection::vec(
            (0..6_usize, prop_oneof!["[W/\"*, \\\\ours]{0,20}", "[ -~]{0,30}", "\\PC{0,10}"]), 0..8),
        method in proptest::sample::select(&["GET", "HEAD", "PUT"][..]),
        exists: bool,
    ) {
        const NAMES: [Name; 6] = [
            Name::IfMatch, Name::IfUnmodifiedSince, Name::IfNoneMatch, Name::IfModifiedSince,
            Name::IfRange, Name::Range,
        ];
        let fields: Fields = lines.iter().map(|(n, value)| (NAMES[*n], value)).collect();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let validators = Validators { exists, ..validators() };
        with_cx(|cx| evaluate(cx, &method, &fields, &validators));
    }
}
