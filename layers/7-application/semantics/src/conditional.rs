//! Conditional requests: does the client want it, in the state that it is in? (RFC 9110 §13)

use base::{Cx, Wall};
use message::{Fields, Method, Name, date, list};

use crate::etag::{self, EntityTag};
use crate::xray::{Seen, Why};

/// What is known of the selected representation: the one that a GET would be answered with, in the
/// content coding that it would have.
#[derive(Clone, Copy, Debug)]
pub struct Validators<'a> {
    /// Its tag, as ETag would say.
    pub etag: Option<EntityTag<'a>>,
    /// When it was modified, as Last-Modified would say: never later than Date (RFC 9110 §8.8.2.1).
    pub last_modified: Option<Wall>,
    /// Whether there is a representation at all; a PUT may be about to make one.
    pub exists: bool,
}

/// What to do about a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Do what the method says.
    Proceed {
        /// Whether there is a Range and it is to be obeyed; see [`range::select`](crate::range::select).
        range_applies: bool,
    },
    /// 304: the client has it already. [`stays_in_not_modified`] says which fields remain.
    NotModified,
    /// 412: it is not what the client thinks. Nothing may be changed. Who can tell that the change
    /// asked for has been made already may answer 2xx instead (RFC 9110 §13.1.1).
    PreconditionFailed,
}

impl Verdict {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Proceed { range_applies: false } => "proceed",
            Self::Proceed { range_applies: true } => "proceed with ranges",
            Self::NotModified => "not modified",
            Self::PreconditionFailed => "precondition failed",
        }
    }
}

/// Evaluates the conditions of a request in the order of RFC 9110 §13.2.2, as an origin server.
///
/// Ask when the answer would otherwise be 2xx: a request that fails anyway fails for its own reason
/// (RFC 9110 §13.2.1). `cx` says what date it is, for If-Range.
///
/// What cannot be read never does harm: in If-Match it matches nothing, so that nothing is changed;
/// in the If-None-Match of a GET it matches nothing, so that all is sent; in the If-None-Match of
/// another method it fails the request, so that nothing is overwritten; a date that is none is
/// ignored, as the RFC says.
#[inline]
pub fn evaluate(
    cx: &mut Cx<'_>,
    method: &Method,
    fields: &Fields,
    validators: &Validators<'_>,
) -> Verdict {
    if !is_conditional(fields) {
        return Verdict::Proceed { range_applies: false };
    }
    evaluate_present(cx, method, fields, validators)
}

/// Whether a request has a condition or a range at all. Most have none, and then the validators
/// need not be known; it is a few tests of bits.
#[inline]
pub fn is_conditional(fields: &Fields) -> bool {
    fields.contains_any(&[
        Name::IfMatch,
        Name::IfUnmodifiedSince,
        Name::IfNoneMatch,
        Name::IfModifiedSince,
        Name::IfRange,
        Name::Range,
    ])
}

fn evaluate_present(
    cx: &mut Cx<'_>,
    method: &Method,
    fields: &Fields,
    validators: &Validators<'_>,
) -> Verdict {
    let (verdict, because) = decide(cx, method, fields, validators);
    cx.note(|| Seen::Decided { what: verdict.as_str(), because });
    verdict
}

fn decide(
    cx: &mut Cx<'_>,
    method: &Method,
    fields: &Fields,
    validators: &Validators<'_>,
) -> (Verdict, Why) {
    let proceed = Verdict::Proceed { range_applies: false };
    let reads = matches!(method, Method::Get | Method::Head);
    // RFC 9110 §13.2.1: these neither select nor change a representation.
    if matches!(method, Method::Connect | Method::Options | Method::Trace) {
        return (proceed, Why::MethodHasNoConditions);
    }
    // RFC 9110 §13.2.1: reading what is not there fails with or without conditions.
    if reads && !validators.exists {
        return (proceed, Why::NothingSelected);
    }
    if let Some(because) = fails_guard(cx, fields, validators) {
        return (Verdict::PreconditionFailed, because);
    }
    if let Some(because) = is_had_already(cx, reads, fields, validators) {
        let verdict = if reads { Verdict::NotModified } else { Verdict::PreconditionFailed };
        return (verdict, because);
    }
    let range_applies = does_range_apply(cx, method, fields, validators);
    (Verdict::Proceed { range_applies }, Why::EveryConditionHolds)
}

/// Steps 1 and 2: is it no longer what the client has seen?
fn fails_guard(cx: &mut Cx<'_>, fields: &Fields, validators: &Validators<'_>) -> Option<Why> {
    if fields.contains(Name::IfMatch) {
        // RFC 9110 §13.1.4: the date has no say beside the tags.
        note_ignored_if_present(cx, fields, Name::IfUnmodifiedSince, Why::IfMatchDecides);
        let holds = validators.exists
            && (etag::is_any(fields, Name::IfMatch)
                || lists(cx, fields, Name::IfMatch, validators, |ours, theirs| {
                    ours.matches_strongly(theirs)
                }));
        return (!holds).then_some(Why::IfMatchFails);
    }
    // RFC 9110 §13.1.4: true when it was modified at that date, or earlier.
    let (modified, date) = dates(cx, fields, Name::IfUnmodifiedSince, validators)?;
    (modified > date).then_some(Why::ModifiedSince)
}

/// Steps 3 and 4: does the client have it, or want that nobody does?
fn is_had_already(
    cx: &mut Cx<'_>,
    reads: bool,
    fields: &Fields,
    validators: &Validators<'_>,
) -> Option<Why> {
    if fields.contains(Name::IfNoneMatch) {
        // RFC 9110 §13.1.3: the date has no say beside the tags.
        note_ignored_if_present(cx, fields, Name::IfModifiedSince, Why::IfNoneMatchDecides);
        return fails_if_none_match(cx, reads, fields, validators);
    }
    if !reads {
        note_ignored_if_present(cx, fields, Name::IfModifiedSince, Why::NotGetOrHead);
        return None;
    }
    // RFC 9110 §13.1.3: false when it was modified at that date, or earlier.
    let (modified, date) = dates(cx, fields, Name::IfModifiedSince, validators)?;
    (modified <= date).then_some(Why::NotModifiedSince)
}

fn fails_if_none_match(
    cx: &mut Cx<'_>,
    reads: bool,
    fields: &Fields,
    validators: &Validators<'_>,
) -> Option<Why> {
    const NAME: Name = Name::IfNoneMatch;
    if etag::is_any(fields, NAME) {
        return validators.exists.then_some(Why::IfNoneMatchMatches);
    }
    // The RFC does not say what a list means that cannot be read whole. Who guards a change with it
    // wants nothing overwritten; a `*` among the tags is the likeliest mistake.
    if !reads && etag::listed(fields, NAME).any(|tag| tag.is_err()) {
        return Some(Why::IfNoneMatchUnreadable);
    }
    let matches = validators.exists
        && lists(cx, fields, NAME, validators, |ours, theirs| ours.matches_weakly(theirs));
    matches.then_some(Why::IfNoneMatchMatches)
}

/// Step 5: is the Range to be obeyed?
fn does_range_apply(
    cx: &mut Cx<'_>,
    method: &Method,
    fields: &Fields,
    validators: &Validators<'_>,
) -> bool {
    if !fields.contains(Name::Range) {
        // RFC 9110 §13.1.5: without a Range it is about nothing.
        note_ignored_if_present(cx, fields, Name::IfRange, Why::NoRange);
        return false;
    }
    let because = if !matches!(method, Method::Get) {
        Some(Why::NotGet)
    } else if fields.contains(Name::IfRange) {
        fails_if_range(cx.wall(), fields, validators)
    } else {
        None
    };
    if let Some(because) = because {
        cx.note(|| Seen::Ignored { field: Name::Range, because });
    }
    because.is_none()
}

/// Why the parts that the client has may be of another version, if so.
fn fails_if_range(now: Wall, fields: &Fields, validators: &Validators<'_>) -> Option<Why> {
    let Some(value) = fields.get_only(Name::IfRange).map(list::trim_ows) else {
        return Some(Why::MoreThanOneLine);
    };
    // RFC 9110 §13.1.5: a quote among the first three bytes tells a tag from a date.
    if value.iter().take(3).any(|&b| b == b'"') {
        let Ok(tag) = EntityTag::parse(value) else { return Some(Why::IfRangeUnreadable) };
        let same = validators.etag.is_some_and(|ours| ours.matches_strongly(tag));
        return (!same).then_some(Why::IfRangeFails);
    }
    let Some(date) = date::parse_at(value, now) else {
        return Some(Why::IfRangeUnreadable);
    };
    match validators.last_modified {
        Some(modified) if modified != date => Some(Why::IfRangeFails),
        // RFC 9110 §8.8.2.2: within the second in which it was modified it may be modified again,
        // and the date would be the same.
        Some(modified) => (modified >= now).then_some(Why::DateIsWeak),
        None => Some(Why::IfRangeFails),
    }
}

/// Whether the field lists our tag.
fn lists(
    cx: &mut Cx<'_>,
    fields: &Fields,
    field: Name,
    validators: &Validators<'_>,
    matches: impl Fn(EntityTag<'_>, EntityTag<'_>) -> bool,
) -> bool {
    etag::listed(fields, field).any(|theirs| match (theirs, validators.etag) {
        (Ok(theirs), Some(ours)) => matches(ours, theirs),
        (Ok(_), None) => false,
        (Err(_), _) => {
            cx.note(|| Seen::Ignored { field, because: Why::NotAnEntityTag });
            false
        }
    })
}

/// When it was modified and what the client says about that, where both are known.
fn dates(
    cx: &mut Cx<'_>,
    fields: &Fields,
    field: Name,
    validators: &Validators<'_>,
) -> Option<(Wall, Wall)> {
    if !fields.contains(field) {
        return None;
    }
    // RFC 9110 §13.1.3, §13.1.4: ignored when we have no date, or when theirs is not one date.
    let Some(modified) = validators.last_modified.filter(|_| validators.exists) else {
        cx.note(|| Seen::Ignored { field, because: Why::NoModificationDate });
        return None;
    };
    let now = cx.wall();
    let date = fields.get_only(field).and_then(|value| date::parse_at(list::trim_ows(value), now));
    if date.is_none() {
        cx.note(|| Seen::Ignored { field, because: Why::NotADate });
    }
    Some((modified, date?))
}

fn note_ignored_if_present(cx: &mut Cx<'_>, fields: &Fields, field: Name, because: Why) {
    if fields.contains(field) {
        cx.note(|| Seen::Ignored { field, because });
    }
}

/// Whether a field of the 200 response is sent with a 304 too (RFC 9110 §15.4.5).
///
/// Content-Location, Date, ETag, Vary, Cache-Control and Expires must stay. What describes content
/// that is not sent goes: the client has it. Last-Modified stays where there is no ETag to
/// tell the versions apart. Fields that do not describe the representation (Server, Set-Cookie,
/// those of CORS) are none of a 304's business and stay.
pub const fn stays_in_not_modified(name: Name, has_etag: bool) -> bool {
    match name {
        Name::AcceptRanges
        | Name::ContentDisposition
        | Name::ContentEncoding
        | Name::ContentLanguage
        | Name::ContentLength
        | Name::ContentRange
        | Name::ContentType
        | Name::Trailer
        | Name::TransferEncoding => false,
        Name::LastModified => !has_etag,
        _ => true,
    }
}
