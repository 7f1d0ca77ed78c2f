//! Pages of our own: errors and listings.

use base::Cx;
use bytes::Bytes;
use files::Listing;
use message::{Fields, Name, Request, Status};
use server::Answer;

/// A page that says what is wrong.
pub(crate) fn error(_request: &Request, status: Status, explanation: &str) -> Answer {
    let mut fields = Fields::new();
    fields.push(Name::Server, "Hepta");
    fields.push(Name::ContentType, "text/plain; charset=utf-8");
    Answer::whole(status, fields, Bytes::from(format!("{status}: {explanation}\n")))
}

/// A page that shows what a directory holds.
pub(crate) fn listing(
    _cx: &mut Cx<'_>,
    request: &Request,
    _directory: &[u8],
    _listing: &Listing,
) -> Answer {
    error(request, Status::FORBIDDEN, "not yet")
}
