//! Pages of our own: errors and listings.
//!
//! Each page is there in every form and every language, so Accept chooses the one and Accept-Language
//! the other; together they choose what they would choose alone (RFC 9110 §12.1).
//!
//! They are cold, so that answers that need none of them do not save registers for their sake.

use std::borrow::Cow;

use base::Cx;
use bytes::Bytes;
use files::Listing;
use message::{Name, Request, Status};
use server::Answer;

use super::browsers::base_fields;
use super::xray::Seen;
use crate::listing::{self, Alternative, Form, Order, Page};
use crate::words::{self, Errors, Words};

/// A page that says what is wrong, in the form and the language that the client likes best. `say`
/// takes the sentence from those of that language.
#[cold]
pub(crate) fn error<T: Into<Cow<'static, str>>>(
    cx: &mut Cx<'_>,
    request: &Request,
    status: Status,
    say: impl FnOnce(&'static Errors) -> T,
) -> Answer {
    let words = words::preferred(cx, &request.fields);
    explained(cx, request, words, status, Some(&say(&words.errors).into()))
}

/// The same where there is no more to say than the status.
#[cold]
pub(crate) fn bare_error(cx: &mut Cx<'_>, request: &Request, status: Status) -> Answer {
    let words = words::preferred(cx, &request.fields);
    explained(cx, request, words, status, None)
}

/// A page that says that there is no place now, and may be one in a second (RFC 9110 §15.6.4).
pub(crate) fn busy(
    cx: &mut Cx<'_>,
    request: &Request,
    say: impl FnOnce(&'static Errors) -> &'static str,
) -> Answer {
    let mut answer = error(cx, request, Status::SERVICE_UNAVAILABLE, say);
    answer.response.fields.push(Name::RetryAfter, "1");
    answer
}

/// A page that says that nothing is acceptable, and what there is (RFC 9110 §15.5.7).
#[cold]
pub(crate) fn alternatives(
    cx: &mut Cx<'_>,
    request: &Request,
    alternatives: &[Alternative<'_>],
) -> Answer {
    let words = words::preferred(cx, &request.fields);
    let form = Form::of_error(&request.fields);
    let page = listing::alternatives_page(form, words, alternatives);
    negotiated(cx, Status::NOT_ACCEPTABLE, form, page)
}

/// A page that shows what the directory `path` holds.
#[cold]
pub(crate) fn directory(
    cx: &mut Cx<'_>,
    request: &Request,
    path: &[u8],
    listing: Listing,
) -> Answer {
    let words = words::preferred(cx, &request.fields);
    let form = Form::of_listing(&request.fields);
    let order = Order::from_query(request.target.query().map(str::as_bytes));
    let page = listing::directory_page(form, words, path, listing, order);
    negotiated(cx, Status::OK, form, page)
}

/// A page for an operator that says what is wrong, in the form that the client likes best, and in
/// English.
pub(crate) fn error_for_operators(request: &Request, status: Status, explanation: &str) -> Answer {
    let form = Form::of_error(&request.fields);
    let page = listing::error_page(form, &words::ENGLISH, status, Some(explanation));
    answer(status, form, page, "Accept")
}

fn explained(
    cx: &mut Cx<'_>,
    request: &Request,
    words: &Words,
    status: Status,
    explanation: Option<&str>,
) -> Answer {
    let form = Form::of_error(&request.fields);
    let page = listing::error_page(form, words, status, explanation);
    negotiated(cx, status, form, page)
}

/// A page as an answer that says what it was chosen by: what is the same in all languages was chosen by
/// its form alone (RFC 9110 §12.5.5).
fn negotiated(cx: &mut Cx<'_>, status: Status, form: Form, page: Page) -> Answer {
    let Some(language) = page.language else { return answer(status, form, page, "Accept") };
    cx.note(|| Seen::PageWritten { form, language });
    answer(status, form, page, "Accept, Accept-Language")
}

fn answer(status: Status, form: Form, page: Page, chosen_by: &str) -> Answer {
    let mut fields = base_fields();
    fields.push(Name::ContentType, page.media_type);
    if let Some(tag) = page.language {
        fields.push(Name::ContentLanguage, tag);
    }
    if form == Form::Html {
        fields.push(Name::ContentSecurityPolicy, listing::CONTENT_SECURITY_POLICY);
    }
    fields.push(Name::Vary, chosen_by);
    Answer::whole(status, fields, Bytes::from(page.body))
}
