//! Lists of fields ⇄ requests, responses and trailers. (RFC 9113 §8.2, §8.3)

mod collect;
mod control;
mod emit;

pub(crate) use collect::Collector;
pub(crate) use emit::{Extra, RequestLine, emit_fields, emit_request, is_own};

use std::sync::Arc;

use message::{Fields, Request, Response};

use crate::priority::Priority;

/// What the list of fields is expected to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Expected {
    Request,
    Response,
    Trailers,
    /// Nobody will look at it; it is read because it changes the table.
    Nothing,
}

/// A request that passed every check, and what was read on the way.
#[derive(Clone, Debug)]
pub(crate) struct RequestHead {
    pub(crate) request: Arc<Request>,
    /// What Content-Length says.
    pub(crate) length: Option<u64>,
    /// What the field `priority` says.
    pub(crate) priority: Priority,
    /// The field `priority` is there and cannot be read.
    pub(crate) has_bad_priority: bool,
    /// The client waits for a 100 (Continue).
    pub(crate) expects_continue: bool,
}

/// What a list of fields turned out to be.
#[derive(Debug)]
pub(crate) enum Head {
    Request(RequestHead),
    Response(Response, Option<u64>),
    Trailers(Fields),
    Nothing,
}
