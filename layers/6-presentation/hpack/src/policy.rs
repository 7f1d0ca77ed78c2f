//! Which fields are worth a place in the table, and which must not have one.

use crate::static_table::find_name;

/// What becomes of a field that is written.
///
/// | in the static table with its value        | its index, unless it is `Never`           |
/// |-------------------------------------------|-------------------------------------------|
/// | in the dynamic table                      | its index, if `Incremental` or `Repeated` |
/// | in neither                                | literally, and what the variant says      |
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Indexing {
    /// It goes into the table, if it takes a quarter of it at most: larger ones would drive out more
    /// than they save (RFC 7541 §6.2.1).
    Incremental,
    /// It goes into the table when it comes a second time before too many others did; so what changes
    /// each time drives nothing out, and what repeats itself costs one byte from the third time on.
    Repeated,
    /// It stays outside (RFC 7541 §6.2.2).
    Without,
    /// It stays outside, here and wherever it is passed on to: what is in a table can be guessed, value
    /// by value, by somebody who may add fields and sees how long blocks are (RFC 7541 §6.2.3, §7.1).
    Never,
}

/// The longest query of a path that may come again.
const QUERY_LEN_MAX: usize = 16;

/// The longest path that may come again.
const PATH_LEN_MAX: usize = 128;

/// The names that are compared here. The static table knows most of them by number.
mod known {
    pub(super) const PATH: u8 = 4;
    pub(super) const AGE: u8 = 21;
    pub(super) const AUTHORIZATION: u8 = 23;
    pub(super) const CONTENT_LENGTH: u8 = 28;
    pub(super) const CONTENT_LOCATION: u8 = 29;
    pub(super) const CONTENT_RANGE: u8 = 30;
    pub(super) const COOKIE: u8 = 32;
    pub(super) const DATE: u8 = 33;
    pub(super) const ETAG: u8 = 34;
    pub(super) const EXPIRES: u8 = 36;
    pub(super) const IF_MATCH: u8 = 39;
    pub(super) const IF_MODIFIED_SINCE: u8 = 40;
    pub(super) const IF_NONE_MATCH: u8 = 41;
    pub(super) const IF_RANGE: u8 = 42;
    pub(super) const IF_UNMODIFIED_SINCE: u8 = 43;
    pub(super) const LAST_MODIFIED: u8 = 44;
    pub(super) const LOCATION: u8 = 46;
    pub(super) const PROXY_AUTHENTICATE: u8 = 48;
    pub(super) const PROXY_AUTHORIZATION: u8 = 49;
    pub(super) const RANGE: u8 = 50;
    pub(super) const REFERER: u8 = 51;
    pub(super) const RETRY_AFTER: u8 = 53;
    pub(super) const SET_COOKIE: u8 = 55;
    pub(super) const WWW_AUTHENTICATE: u8 = 61;
}

impl Indexing {
    /// What is sensible for a field, by its name in lower case and sometimes by its value.
    pub fn for_field(name: &[u8], value: &[u8]) -> Self {
        use known::*;
        match find_name(name) {
            0 => Self::for_other(name),
            AUTHORIZATION | COOKIE | PROXY_AUTHORIZATION | SET_COOKIE => Self::Never,
            PATH => Self::for_path(value),
            // They belong to the resource, or to the second: they come again with it, or never.
            AGE | CONTENT_LENGTH | DATE | ETAG | EXPIRES | IF_MODIFIED_SINCE | IF_NONE_MATCH
            | LAST_MODIFIED | REFERER => Self::Repeated,
            // They belong to one exchange.
            CONTENT_LOCATION | CONTENT_RANGE | IF_MATCH | IF_RANGE | IF_UNMODIFIED_SINCE
            | LOCATION | PROXY_AUTHENTICATE | RANGE | RETRY_AFTER | WWW_AUTHENTICATE => {
                Self::Without
            }
            _ => Self::Incremental,
        }
    }

    fn for_path(path: &[u8]) -> Self {
        let query =
            path.split(|&byte| byte == b'?').skip(1).map(|part| part.len() + 1).sum::<usize>();
        if query > QUERY_LEN_MAX || path.len() > PATH_LEN_MAX {
            return Self::Without;
        }
        Self::Repeated
    }

    /// Names that the static table does not have.
    fn for_other(name: &[u8]) -> Self {
        match name {
            // RFC 7541 §7.1.3: secrets, and short ones most of all.
            b"authentication-info"
            | b"proxy-authentication-info"
            | b"x-api-key"
            | b"x-auth-token"
            | b"x-csrf-token"
            | b"x-xsrf-token" => Self::Never,
            b"content-digest"
            | b"repr-digest"
            | b"request-id"
            | b"sec-websocket-accept"
            | b"sec-websocket-key"
            | b"server-timing"
            | b"traceparent"
            | b"tracestate"
            | b"x-amzn-trace-id"
            | b"x-correlation-id"
            | b"x-request-id"
            | b"x-runtime" => Self::Without,
            _ => Self::Incremental,
        }
    }
}

/// Whether the x-ray must not show a value, whoever has put it into a table.
pub(crate) fn is_secret(name: &[u8]) -> bool {
    Indexing::for_field(name, b"") == Indexing::Never
}
