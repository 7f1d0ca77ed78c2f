use base::{Cx, Instant, Wall, World};
use message::{Fields, Method, Name};
use semantics::conditional::{self, Validators, Verdict};
use semantics::etag::EntityTag;

/// The fields that conditions are made of.
const NAMES: [Name; 6] = [
    Name::IfMatch,
    Name::IfNoneMatch,
    Name::IfModifiedSince,
    Name::IfUnmodifiedSince,
    Name::IfRange,
    Name::Range,
];

/// Reads lines of bytes as conditional fields, and asks what becomes of a request that has them.
///
/// A verdict fits the method and the fields, and does not change when it is asked for again. A tag
/// is written as it was read.
///
/// The first byte chooses the method, what exists and its tag; each line's first byte its name.
pub fn conditionals(data: &[u8]) {
    let Some((&choice, rest)) = data.split_first() else { return };
    let method = match choice % 4 {
        0 => Method::Get,
        1 => Method::Head,
        2 => Method::Put,
        _ => Method::Delete,
    };
    let mut fields = Fields::new();
    for line in rest.split(|&b| b == b'\n') {
        let Some((&name, value)) = line.split_first() else { continue };
        let Some(name) = NAMES.get(usize::from(name) % NAMES.len()) else { continue };
        // What cannot come from the wire cannot be pushed either.
        let _ = fields.try_push(name.as_str(), value);
        check_tag(value);
    }
    let tag = match choice >> 2 & 3 {
        0 => None,
        1 => EntityTag::weak(b"a").ok(),
        _ => EntityTag::strong(b"a").ok(),
    };
    let validators = Validators {
        etag: tag,
        last_modified: (choice & 0x10 != 0).then_some(Wall(784_111_777)),
        exists: choice & 0x20 == 0,
    };
    let mut world = World::seeded(1);
    let mut cx = Cx::new(Instant::ORIGIN, Wall(800_000_000), &mut world);
    let verdict = conditional::evaluate(&mut cx, &method, &fields, &validators);
    assert_eq!(verdict, conditional::evaluate(&mut cx, &method, &fields, &validators));
    check_verdict(verdict, &method, &fields, &validators);
}

fn check_verdict(verdict: Verdict, method: &Method, fields: &Fields, of: &Validators<'_>) {
    let has = |name| fields.contains(name);
    let reads = matches!(method, Method::Get | Method::Head);
    let guards = has(Name::IfMatch) || has(Name::IfUnmodifiedSince);
    match verdict {
        Verdict::Proceed { range_applies } => {
            assert!(!range_applies || has(Name::Range) && *method == Method::Get && of.exists);
        }
        Verdict::NotModified => {
            assert!(reads && of.exists, "304 to {method}");
            assert!(has(Name::IfNoneMatch) || has(Name::IfModifiedSince));
        }
        Verdict::PreconditionFailed => {
            assert!(guards || !reads && has(Name::IfNoneMatch), "412 without a condition");
        }
    }
    // RFC 9110 §13.1.1, §13.1.2: a star is about existence.
    if !reads && !of.exists && fields.get_only(Name::IfMatch) == Some(b"*") {
        assert_eq!(verdict, Verdict::PreconditionFailed);
    }
    if of.exists && !guards && fields.get_only(Name::IfNoneMatch) == Some(b"*") {
        let expected = if reads { Verdict::NotModified } else { Verdict::PreconditionFailed };
        assert_eq!(verdict, expected);
    }
}

fn check_tag(value: &[u8]) {
    if let Ok(tag) = EntityTag::parse(value) {
        let mut written = Vec::new();
        tag.emit(&mut written);
        assert_eq!(written, value);
        assert!(tag.matches_weakly(tag));
        assert_eq!(tag.matches_strongly(tag), !tag.is_weak());
    }
}
