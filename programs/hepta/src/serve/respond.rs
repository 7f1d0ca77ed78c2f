//! From a selected representation to the response: conditions, ranges, fields.

use std::collections::VecDeque;
use std::sync::Arc;

use base::{Chunk, Cx, FileRange, Wall};
use bytes::Bytes;
use files::{Content, File};
use message::fields::FieldName;
use message::uri::percent;
use message::{Fields, Method, Name, Request, Response, Status, Target};
use semantics::byteranges::{Boundary, Byteranges};
use semantics::conditional::{self, Validators, Verdict};
use semantics::content_range::ContentRange;
use semantics::etag::EntityTag;
use semantics::range::{self, ByteRange, Selection};

use server::{Answer, Body};

use super::browsers::base_fields;
use super::pages;
use super::representation::Representation;

/// The representation that is sent: in one content coding, with its own validators.
pub(crate) struct Selected<'a> {
    pub(crate) content: &'a Content,
    pub(crate) len: u64,
    pub(crate) etag: &'a str,
    pub(crate) last_modified: Wall,
    pub(crate) content_type: &'a str,
    /// The fields of a 200.
    pub(crate) fields: &'a Fields,
}

impl<'a> Selected<'a> {
    /// The file as it is.
    pub(crate) fn identity(file: &'a File<Representation>) -> Self {
        let facts = &file.derived;
        Self {
            content: &file.content,
            len: file.len,
            etag: &facts.etag,
            last_modified: facts.last_modified,
            content_type: &facts.content_type,
            fields: &facts.fields,
        }
    }

    pub(super) fn validators(&self) -> Validators<'_> {
        Validators {
            etag: EntityTag::parse(self.etag.as_bytes()).ok(),
            last_modified: Some(self.last_modified),
            exists: true,
        }
    }

    /// A part of the content, to be sent.
    fn part(&self, first: u64, len: u64) -> Chunk {
        match self.content {
            Content::Memory(bytes) => bytes.slice(first as usize..(first + len) as usize).into(),
            Content::Open(file) => FileRange { file: Arc::clone(file), offset: first, len }.into(),
        }
    }

    #[inline(always)]
    fn whole(&self) -> Body {
        match self.content {
            Content::Memory(bytes) => Body::Memory(bytes.clone()),
            Content::Open(_) => Body::Parts(VecDeque::from([self.part(0, self.len)])),
        }
    }
}

/// Answers a GET or HEAD whose representation is selected.
#[inline]
pub(crate) fn with(cx: &mut Cx<'_>, request: &Request, selected: &Selected<'_>) -> Answer {
    if !conditional::is_conditional(&request.fields) {
        return whole(selected);
    }
    with_conditions(cx, request, selected)
}

/// Answers a request that has conditions or asks for a part. It is apart, so that others do not save
/// registers for its sake.
#[inline(never)]
fn with_conditions(cx: &mut Cx<'_>, request: &Request, selected: &Selected<'_>) -> Answer {
    let fields = &request.fields;
    let verdict = conditional::evaluate(cx, &request.method, fields, &selected.validators());
    match verdict {
        Verdict::Proceed { range_applies: false } => whole(selected),
        Verdict::Proceed { range_applies: true } => match range::select(cx, fields, selected.len) {
            Selection::Whole => whole(selected),
            Selection::One(range) => one_part(selected, range),
            Selection::Several(ranges) => several_parts(cx, selected, &ranges),
            Selection::Unsatisfiable => unsatisfiable(cx, request, selected),
        },
        Verdict::NotModified => not_modified(selected),
        Verdict::PreconditionFailed => vary_like(
            pages::error(cx, request, Status::PRECONDITION_FAILED, |say| say.not_as_expected),
            selected,
        ),
    }
}

/// All of it.
#[inline]
pub(super) fn whole(selected: &Selected<'_>) -> Answer {
    Answer { response: Response::new(Status::OK, selected.fields.clone()), body: selected.whole() }
}

/// A page of the site's own that says what is wrong: its validators are the page's, not those of
/// what was asked for, so they are left out.
pub(super) fn error_page(status: Status, selected: &Selected<'_>) -> Answer {
    let mut fields = base_fields();
    fields.push(Name::ContentType, selected.content_type);
    fields.push(Name::ContentLength, selected.len.to_string());
    fields.push(Name::Vary, "Accept");
    Answer { response: Response::new(status, fields), body: selected.whole() }
}

fn one_part(selected: &Selected<'_>, range: ByteRange) -> Answer {
    let mut fields = selected.fields.clone();
    fields.set(Name::ContentLength, range.length().to_string());
    fields.push(Name::ContentRange, ContentRange::of(range, selected.len).to_string());
    let body = Body::Parts(VecDeque::from([selected.part(range.first(), range.length())]));
    Answer { response: Response::new(Status::PARTIAL_CONTENT, fields), body }
}

fn several_parts(cx: &mut Cx<'_>, selected: &Selected<'_>, ranges: &[ByteRange]) -> Answer {
    let multipart = Byteranges {
        boundary: Boundary::draw(cx),
        content_type: Some(selected.content_type.as_bytes()),
        complete: selected.len,
        ranges,
    };
    let mut fields = selected.fields.clone();
    fields.set(Name::ContentType, multipart.response_content_type());
    fields.set(Name::ContentLength, multipart.content_length().to_string());
    let mut parts = VecDeque::with_capacity(ranges.len() * 2 + 1);
    for (index, range) in ranges.iter().enumerate() {
        let mut head = Vec::new();
        multipart.part_head(index, &mut head);
        parts.push_back(head.into());
        parts.push_back(selected.part(range.first(), range.length()));
    }
    let mut closing = Vec::new();
    multipart.closing(&mut closing);
    parts.push_back(closing.into());
    Answer { response: Response::new(Status::PARTIAL_CONTENT, fields), body: Body::Parts(parts) }
}

/// RFC 9110 §15.5.17: says how long the representation is, so that the client can ask again.
#[cold]
fn unsatisfiable(cx: &mut Cx<'_>, request: &Request, selected: &Selected<'_>) -> Answer {
    let status = Status::RANGE_NOT_SATISFIABLE;
    let mut answer = pages::error(cx, request, status, |say| (say.range_outside)(selected.len));
    let range = ContentRange::Unsatisfied { complete: selected.len };
    answer.response.fields.push(Name::ContentRange, range.to_string());
    vary_like(answer, selected)
}

fn not_modified(selected: &Selected<'_>) -> Answer {
    let stays = |name| match name {
        FieldName::Known(name) => conditional::stays_in_not_modified(name, true),
        FieldName::Other(_) => true,
    };
    let fields = selected.fields.iter().filter(|(name, _)| stays(*name)).collect();
    Answer { response: Response::new(Status::NOT_MODIFIED, fields), body: Body::Empty }
}

/// An error about a representation that could have been another depends on the same fields.
fn vary_like(mut answer: Answer, selected: &Selected<'_>) -> Answer {
    for name in selected.fields.elements(Name::Vary) {
        if let Ok(name) = str::from_utf8(name) {
            semantics::vary::add(&mut answer.response.fields, name);
        }
    }
    answer
}

/// RFC 9110 §9.3.7: what can be done here, or anywhere on this server.
pub(crate) fn options(methods: &[Method]) -> Answer {
    let mut fields = base_fields();
    fields.push(Name::Allow, semantics::allow::value(methods));
    Answer { response: Response::new(Status::NO_CONTENT, fields), body: Body::Empty }
}

/// RFC 9110 §15.5.6: not this method, but these.
#[cold]
pub(crate) fn not_allowed(cx: &mut Cx<'_>, request: &Request, methods: &[Method]) -> Answer {
    let (status, method) = (Status::METHOD_NOT_ALLOWED, request.method.to_string());
    let mut answer = pages::error(cx, request, status, |say| (say.method_refused)(&method));
    answer.response.fields.push(Name::Allow, semantics::allow::value(methods));
    answer
}

/// A directory's address ends with a slash, so that what is in it can be named relative to it.
pub(crate) fn redirect_to_slash(target: &Target) -> Answer {
    // Made of the normal path, which has no empty segments: `//host` would lead to another server.
    let path = target.normal_path().unwrap_or_default();
    let mut location = format!("{}/", percent::encode(&path, percent::PATH));
    if let Some(query) = target.query() {
        location.push('?');
        location.push_str(query);
    }
    redirect(Status::MOVED_PERMANENTLY, location.as_bytes())
}

/// Elsewhere. What cannot stand in a URI (RFC 9110 §10.2.2) is escaped: a blank in the configuration, or
/// what a client sent and a template put in.
pub(crate) fn redirect(status: Status, location: &[u8]) -> Answer {
    let location = percent::encode(location, percent::REFERENCE);
    let mut fields = base_fields();
    fields.push(Name::Location, &*location);
    fields.push(Name::ContentType, "text/plain; charset=utf-8");
    Answer::whole(status, fields, Bytes::from(format!("{status}: {location}\n")))
}

/// A text of the operator's own.
pub(crate) fn text(status: Status, text: &str) -> Answer {
    let mut fields = base_fields();
    fields.push(Name::ContentType, "text/plain; charset=utf-8");
    Answer::whole(status, fields, Bytes::copy_from_slice(text.as_bytes()))
}
