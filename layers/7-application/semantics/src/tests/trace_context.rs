use expect_test::expect;
use message::{Fields, Name};
use proptest::prelude::*;

use super::{fields, film, with_cx};
use crate::trace_context::{MEMBERS_MAX, STATE_LEN_MAX, TraceContext, Traceparent};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn value(version: &str, flags: &str) -> String {
    format!("{version}-{TRACE}-{PARENT}-{flags}")
}

fn parse(value: &str) -> Option<Traceparent> {
    Traceparent::parse(value.as_bytes()).ok()
}

fn state(lines: &str) -> Option<String> {
    let lines = format!("Traceparent: {} | {lines}", value("00", "01"));
    let context = with_cx(|cx| TraceContext::read(cx, &fields(&lines))).unwrap();
    context.state.map(|state| String::from_utf8(state).unwrap())
}

#[test]
fn a_traceparent() {
    let read = parse(&value("00", "01")).unwrap();
    assert_eq!(read.trace_id()[..3], [0x0a, 0xf7, 0x65]);
    assert_eq!(read.parent_id()[..3], [0xb7, 0xad, 0x6b]);
    assert!(read.is_sampled() && !read.is_random());
    assert_eq!(read.to_string(), value("00", "01"));
}

/// Trace Context level 2: the second bit says that the trace is random. Flags that nobody knows are
/// not passed on.
#[test]
fn flags() {
    for (flags, is_sampled, is_random, out) in [
        ("00", false, false, "00"),
        ("01", true, false, "01"),
        ("02", false, true, "02"),
        ("03", true, true, "03"),
        ("fc", false, false, "00"),
        ("ff", true, true, "03"),
    ] {
        let read = parse(&value("00", flags)).unwrap();
        assert_eq!((read.is_sampled(), read.is_random()), (is_sampled, is_random), "{flags}");
        assert_eq!(read.to_string(), value("00", out));
    }
}

#[test]
fn version_00_is_exactly_this() {
    let good = value("00", "01");
    for bad in [
        String::new(),
        good.to_uppercase(),
        good.replace("0af", "0Af"),
        good.replace("b7a", "B7a"),
        value("00", "0A"),
        value("00", "0"),
        value("00", "001"),
        value("00", "0g"),
        value("0", "01"),
        value("0x", "01"),
        format!("{good}-"),
        format!("{good}-extra"),
        format!("{good}x"),
        format!(" {good}"),
        good.replace('-', "_"),
        good.replacen('-', "", 1),
        good.replace("-b7", "b-7"),
        good.replace(TRACE, &"0".repeat(32)),
        good.replace(PARENT, &"0".repeat(16)),
        good.replace(TRACE, &TRACE[1..]),
        good.replace("0af7", "-af7"),
    ] {
        assert_eq!(parse(&bad), None, "{bad}");
    }
}

/// Trace Context, versioning: what is known of today's is read, what follows is left alone.
#[test]
fn versions_to_come() {
    for good in [
        value("01", "01"),
        value("01", "01-"),
        value("cc", "01-what-the-future-will-be-like"),
        value("fe", "01"),
    ] {
        assert_eq!(parse(&good).unwrap().to_string(), value("00", "01"), "{good}");
    }
    assert_eq!(parse(&value("01", "03")).unwrap().to_string(), value("00", "01"));
    for bad in [
        value("ff", "01"),
        value("ff", "01-x"),
        value("01", "01.x"),
        value("01", "012"),
        value("01", "0"),
        value("0G", "01"),
        value("01", "01").replace(TRACE, &"0".repeat(32)),
    ] {
        assert_eq!(parse(&bad), None, "{bad}");
    }
}

#[test]
fn a_trace_starts_and_goes_on() {
    let start = Traceparent::start([0xab; 16], [0xcd; 8], true);
    assert_eq!(start.to_string(), format!("00-{}-{}-03", "ab".repeat(16), "cd".repeat(8)));
    let unsampled = Traceparent::start([0xab; 16], [0xcd; 8], false);
    assert_eq!(unsampled.to_string(), format!("00-{}-{}-02", "ab".repeat(16), "cd".repeat(8)));
    let child = parse(&value("00", "01")).unwrap().child([0xef; 8]);
    assert_eq!(child.to_string(), value("00", "01").replace(PARENT, &"ef".repeat(8)));
}

#[test]
fn nothing_but_zeros_is_never_written() {
    let start = Traceparent::start([0; 16], [0; 8], false);
    assert_eq!(start.to_string(), format!("00-{:032x}-{:016x}-02", 1, 1));
    assert_eq!(start.child([0; 8]).to_string(), start.to_string());
}

#[test]
fn a_state_is_passed_on_as_it_came() {
    for good in [
        "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7",
        "congo=t61 ,\trojo=1",
        "fw529a3039@dt=FfAAAA,0tenant@sys=x",
        "a-_*/@9=!\"#$%&'()*+-./09:;<>?@AZ[\\]^_`az{|}~",
        "a=1,,b=2",
        "a=1,a=2",
        "a= b",
    ] {
        assert_eq!(state(&format!("Tracestate: {good}")).as_deref(), Some(good));
    }
    assert_eq!(state("Tracestate: a=1 | Tracestate: b=2").as_deref(), Some("a=1, b=2"));
}

#[test]
fn a_state_that_cannot_be_read_is_dropped() {
    for bad in ["a", "=1", "a=", "A=1", "a b=1", "a =1", "a=1=2", "_a=1", "a=1,b", "a=\u{fc}"] {
        assert_eq!(state(&format!("Tracestate: {bad}")), None, "{bad}");
    }
    for empty in ["", ",", " , ,"] {
        assert_eq!(state(&format!("Tracestate: {empty}")), None);
    }
}

#[test]
fn a_state_has_bounds() {
    let of = |text: String| state(&format!("Tracestate: {text}"));
    let members = |n: usize| vec!["a=1"; n].join(",");
    assert!(of(members(MEMBERS_MAX)).is_some() && of(members(MEMBERS_MAX + 1)).is_none());
    let (key, long) = ("k".repeat(256), "v".repeat(256));
    assert!(of(format!("{key}=v")).is_some() && of(format!("k{key}=v")).is_none());
    assert!(of(format!("k={long}")).is_some() && of(format!("k={long}v")).is_none());
    let full = format!("k={},k={}", "v".repeat(252), "v".repeat(STATE_LEN_MAX - 257));
    assert_eq!(full.len(), STATE_LEN_MAX);
    assert!(of(full.clone()).is_some() && of(format!("{full}v")).is_none());
}

#[test]
fn what_leaves_replaces_what_came() {
    let came = fields(&format!("Traceparent: {} | Tracestate: a=1 | A: b", value("00", "01")));
    let mut leaves = came.clone();
    let context = with_cx(|cx| TraceContext::read(cx, &came)).unwrap();
    context.child([0xef; 8]).write_to(&mut leaves);
    let parent = value("00", "01").replace(PARENT, &"ef".repeat(8));
    assert_eq!(leaves, fields(&format!("A: b | Traceparent: {parent} | Tracestate: a=1")));
    let started = TraceContext::start([0xab; 16], [0xcd; 8], false);
    started.write_to(&mut leaves);
    assert_eq!(leaves, fields(&format!("A: b | Traceparent: {}", started.parent)));
}

#[test]
fn the_film_says_why() {
    let good = value("00", "01");
    let mut films = String::new();
    for lines in [
        String::new(),
        format!("Traceparent: {good}"),
        "Tracestate: a=1".to_owned(),
        "Traceparent: 00-nonsense | Tracestate: a=1".to_owned(),
        format!("Traceparent: {good} | Traceparent: {good}"),
        format!("Traceparent: {good} | Tracestate: a"),
        format!("Traceparent: {good} | Tracestate: a={}", "x".repeat(600)),
    ] {
        films.push_str(&film(|cx| {
            let context = TraceContext::read(cx, &fields(&lines));
            context.map(|context| (context.parent.is_sampled(), context.state))
        }));
    }
    expect![[r#"
        => None
        => Some((true, None))
        Ignored field=Tracestate because=NoTraceparent
        => None
        Ignored field=Traceparent because=TraceparentMalformed
        Ignored field=Tracestate because=NoTraceparent
        => None
        Ignored field=Traceparent because=MoreThanOneLine
        => None
        Ignored field=Tracestate because=TracestateMalformed
        => Some((true, None))
        Ignored field=Tracestate because=TracestateTooLong
        => Some((true, None))
    "#]]
    .assert_eq(&films);
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(trace: [u8; 16], parent: [u8; 8], is_sampled: bool) {
        let started = Traceparent::start(trace, parent, is_sampled);
        prop_assert_eq!(parse(&started.to_string()), Some(started));
    }

    #[test]
    fn what_is_read_is_written_the_same(
        text in "0[0-1]-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]|00-[0-9a-fA-]{31,33}-[0-9a-f-]{16}-0[0-3]",
    ) {
        match parse(&text) {
            Some(read) if text.starts_with("00") => prop_assert_eq!(read.to_string(), text),
            Some(read) => prop_assert_eq!(parse(&read.to_string()), Some(read)),
            None => {}
        }
    }

    #[test]
    fn any_bytes(
        parent in proptest::collection::vec(any::<u8>(), 0..70),
        state in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let _ = Traceparent::parse(&parent);
        let good = value("00", "01").into_bytes();
        for parent in [parent, good] {
            let fields: Fields =
                [(Name::Traceparent, &parent), (Name::Tracestate, &state)].into_iter().collect();
            if let Some(context) = with_cx(|cx| TraceContext::read(cx, &fields)) {
                prop_assert!(context.state.is_none_or(|state| state.len() <= STATE_LEN_MAX));
            }
        }
    }
}
