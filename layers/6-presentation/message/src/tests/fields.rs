use proptest::collection::vec;
use proptest::prelude::*;

use crate::fields::{FieldName, Line};
use crate::{Fields, Name};

fn wire_form(fields: &Fields) -> Vec<u8> {
    let mut out = Vec::new();
    fields.append_wire_form(&mut out);
    out
}

fn text(fields: &Fields) -> String {
    String::from_utf8(wire_form(fields)).unwrap()
}

//= test RFC 9110 §5.3: order and duplicates are kept, and joined they are one list.
#[test]
fn lines_stay_as_they_came() {
    let mut fields = Fields::new();
    fields.push("X-One", "1");
    fields.push(Name::Accept, "text/html");
    fields.push("x-one", "2");
    fields.push(Name::Accept, "*/*;q=0.1");
    assert_eq!(text(&fields), "X-One: 1\r\nAccept: text/html\r\nx-one: 2\r\nAccept: */*;q=0.1\r\n");
    assert_eq!(fields.len(), 4);
    assert_eq!(fields.joined(Name::Accept).unwrap(), b"text/html, */*;q=0.1");
    assert_eq!(fields.get(Name::Accept), Some(&b"text/html"[..]));
    assert_eq!(fields.get_only(Name::Accept), None);
    assert_eq!(fields.get_named("X-ONE").collect::<Vec<_>>(), [b"1", b"2"]);
    assert_eq!(fields.get(Name::Host), None);
}

//= test RFC 9110 §5.1: names are known in any case.
#[test]
fn every_name_is_known_in_any_case() {
    for &name in Name::ALL {
        for text in
            [name.as_str().to_owned(), name.as_str().to_lowercase(), name.as_str().to_uppercase()]
        {
            assert_eq!(Name::from_bytes(text.as_bytes()), Some(name));
            assert_eq!(Name::from_bytes(format!("{text}x").as_bytes()), None);
            assert_eq!(Name::from_bytes(&text.as_bytes()[1..]), None);
        }
    }
}

#[test]
fn parsed_lines_are_copied_when_they_change() {
    let block = b"GET / HTTP/1.1\r\nhost:  a \r\nX-B:c\r\n\r\n".to_vec();
    let lines = vec![Line::new(Some(Name::Host), 16..20, 23..24), Line::new(None, 27..30, 31..32)];
    let parsed = Fields::from_parsed(block, lines);
    assert_eq!(text(&parsed), "host: a\r\nX-B: c\r\n");
    let mut changed = parsed.clone();
    changed.set(Name::Host, "b");
    assert_eq!(text(&changed), "X-B: c\r\nHost: b\r\n");
    assert_eq!(parsed.get(Name::Host), Some(&b"a"[..]));
}

//= test RFC 9110 §5.5: bytes that would end a line become spaces, or the value is refused.
#[test]
fn a_value_cannot_add_a_line() {
    let mut fields = Fields::new();
    fields.push("X-A", "1\r\nSet-Cookie: evil\0");
    assert_eq!(text(&fields), "X-A: 1  Set-Cookie: evil \r\n");
    assert!(fields.try_push("X-A", b"1\r\nSet-Cookie: evil").is_err());
    assert!(fields.try_push("X-A: 1\r\nX-B", b"").is_err());
    assert!(fields.try_push("", b"").is_err());
    assert!(fields.try_push(&"a".repeat(70_000), b"").is_err());
    assert_eq!(fields.len(), 1);
}

#[test]
fn private_values_are_not_shown() {
    let mut fields = Fields::new();
    fields.push(Name::Authorization, "Basic aHVudGVyMg==");
    fields.push(Name::Host, "a");
    assert_eq!(format!("{fields:?}"), r#"{Authorization: <18 private bytes>, Host: "a"}"#);
}

/// What a list of lines does, in the plainest way: the oracle.
#[derive(Clone, Debug, Default)]
struct Plain(Vec<(String, Vec<u8>)>);

impl Plain {
    fn push(&mut self, name: &str, value: &[u8]) {
        let is_kept = |b: u8| b == b'\t' || (b >= 0x20 && b != 0x7f);
        let value = value.iter().map(|&b| if is_kept(b) { b } else { b' ' }).collect();
        // Known names are written in the one way HTTP/1.1 has.
        self.0.push((FieldName::from(name).as_str().to_owned(), value));
    }

    fn remove(&mut self, name: &str) {
        self.0.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
    }

    fn wire_form(&self) -> Vec<u8> {
        let lines = self.0.iter();
        lines.flat_map(|(name, value)| [name.as_bytes(), b": ", value, b"\r\n"].concat()).collect()
    }
}

#[derive(Clone, Debug)]
enum Op {
    Push(String, Vec<u8>),
    Set(String, Vec<u8>),
    Remove(String),
}

fn op() -> impl Strategy<Value = Op> {
    let name = || {
        prop_oneof![
            proptest::sample::select(&["Host", "accept", "ETAG", "x-a", "X-A", "X-b"][..])
                .prop_map(str::to_owned),
            "[a-z!#$%&'*+.^_`|~-]{1,8}",
        ]
    };
    let value = || vec(prop_oneof![any::<u8>(), Just(b'\r'), Just(b'\n'), Just(0)], 0..12);
    prop_oneof![
        3 => (name(), value()).prop_map(|(name, value)| Op::Push(name, value)),
        1 => (name(), value()).prop_map(|(name, value)| Op::Set(name, value)),
        1 => name().prop_map(Op::Remove),
    ]
}

proptest! {
    #[test]
    fn fields_are_a_list_of_lines(ops in vec(op(), 0..20), reparse_at in 0..20_usize) {
        let (mut fields, mut plain) = (Fields::new(), Plain::default());
        for (i, op) in ops.iter().enumerate() {
            let before = (fields.clone(), plain.clone());
            match op {
                Op::Push(name, value) => {
                    fields.push(name.as_str(), value);
                    plain.push(name, value);
                }
                Op::Set(name, value) => {
                    fields.set(name.as_str(), value);
                    plain.remove(name);
                    plain.push(name, value);
                }
                Op::Remove(name) => {
                    fields.remove(name.as_str());
                    plain.remove(name);
                }
            }
            // A clone never changes with the original.
            prop_assert_eq!(wire_form(&before.0), before.1.wire_form());
            if i == reparse_at {
                fields = reparsed(&fields);
            }
        }
        let wire = wire_form(&fields);
        prop_assert_eq!(&wire, &plain.wire_form());
        prop_assert_eq!(fields.len(), plain.0.len());
        prop_assert_eq!(fields.is_empty(), plain.0.is_empty());
        for (name, _) in &plain.0 {
            let values = plain.0.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
            let values = values.map(|(_, value)| value.as_slice()).collect::<Vec<_>>();
            prop_assert_eq!(fields.get_named(name).collect::<Vec<_>>(), values.clone());
            if let Some(name) = Name::from_bytes(name.as_bytes()) {
                prop_assert_eq!(fields.get_all(name).collect::<Vec<_>>(), values);
                prop_assert!(fields.contains(name));
            }
        }
        // Each line ends once, and nothing else looks like an end.
        let ends = wire.windows(2).filter(|pair| pair == b"\r\n").count();
        prop_assert_eq!(ends, fields.len());
        prop_assert_eq!(wire.iter().filter(|b| matches!(b, b'\r' | b'\n' | 0)).count(), 2 * ends);
    }
}

/// The same fields as a parser leaves them: with other bytes before and behind.
fn reparsed(fields: &Fields) -> Fields {
    let mut block = b"GET / HTTP/1.1\r\n".to_vec();
    let mut lines = Vec::new();
    for (name, value) in fields.iter() {
        let name_at = block.len();
        block.extend_from_slice(name.as_str().as_bytes());
        let name_end = block.len();
        block.push(b':');
        let value_at = block.len();
        block.extend_from_slice(value);
        lines.push(Line::new(
            Name::from_bytes(name.as_str().as_bytes()),
            name_at..name_end,
            value_at..block.len(),
        ));
        block.extend_from_slice(b"\r\n");
    }
    block.extend_from_slice(b"\r\n");
    Fields::from_parsed(block, lines)
}
