//! Pages of our own: errors and listings.

use bytes::Bytes;
use files::Listing;
use message::{Name, Request, Status};
use server::Answer;

use super::browsers::base_fields;
use crate::listing::{self, Alternative, Form, Order, Page};

/// A page that says what is wrong, in the form that the client likes best.
pub(crate) fn error(request: &Request, status: Status, explanation: &str) -> Answer {
    let form = Form::of_error(&request.fields);
    answer(status, form, listing::error_page(form, status, explanation))
}

/// A page that says that there is no place now, and may be one in a second (RFC 9110 §15.6.4).
pub(crate) fn busy(request: &Request, explanation: &str) -> Answer {
    let mut answer = error(request, Status::SERVICE_UNAVAILABLE, explanation);
    answer.response.fields.push(Name::RetryAfter, "1");
    answer
}

/// A page that says that nothing is acceptable, and what there is (RFC 9110 §15.5.7).
pub(crate) fn alternatives(request: &Request, alternatives: &[Alternative<'_>]) -> Answer {
    let form = Form::of_error(&request.fields);
    answer(Status::NOT_ACCEPTABLE, form, listing::alternatives_page(form, alternatives))
}

/// A page that shows what the directory `path` holds.
pub(crate) fn directory(request: &Request, path: &[u8], listing: Listing) -> Answer {
    let form = Form::of_listing(&request.fields);
    let order = Order::from_query(request.target.query().map(str::as_bytes));
    answer(Status::OK, form, listing::directory_page(form, path, listing, order))
}

fn answer(status: Status, form: Form, page: Page) -> Answer {
    let mut fields = base_fields();
    fields.push(Name::ContentType, page.media_type);
    if form == Form::Html {
        fields.push(Name::ContentSecurityPolicy, listing::CONTENT_SECURITY_POLICY);
    }
    fields.push(Name::Vary, "Accept");
    Answer::whole(status, fields, Bytes::from(page.body))
}
