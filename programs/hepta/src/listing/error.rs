//! What went wrong.

use message::Status;

use super::json::quoted;
use super::text::escaped;
use super::{Form, Page, html_page};
use crate::words::Words;

/// Says what went wrong: a status, and if there is more to say, what whoever reads it can do about
/// it, as text.
pub(crate) fn error_page(
    form: Form,
    words: &Words,
    status: Status,
    explanation: Option<&str>,
) -> Page {
    match form {
        Form::Html => html(words, status, explanation, ""),
        Form::Text => text(words, status, explanation, ""),
        Form::Json => json(words, status, explanation, ""),
    }
}

/// The error as HTML; `more` is HTML too.
pub(super) fn html(words: &Words, status: Status, explanation: Option<&str>, more: &str) -> Page {
    let (code, title) = (status.code(), escaped(words.titles.of(status)));
    let explanation = explanation.map_or_else(String::new, |explanation| {
        format!("<p class=\"explanation\">{}</p>\n", escaped(explanation))
    });
    let content =
        format!("<h1 class=\"status\"><span>{code}</span> {title}</h1>\n{explanation}{more}");
    html_page(words, &heading(words, status), &content)
}

/// The error as text; `more` are lines.
pub(super) fn text(words: &Words, status: Status, explanation: Option<&str>, more: &str) -> Page {
    let heading = heading(words, status);
    let explanation = explanation.map_or_else(String::new, |text| format!("\n{text}\n"));
    Page {
        media_type: "text/plain; charset=utf-8",
        language: Some(words.tag),
        body: format!("{heading}\n{explanation}{more}"),
    }
}

/// The error as JSON; `more` are members, each with a comma in front.
///
/// RFC 9457 §4.2.1: the title is the status's own, since there is no narrower type, and may be in the
/// client's language.
pub(super) fn json(words: &Words, status: Status, explanation: Option<&str>, more: &str) -> Page {
    let (code, title) = (status.code(), quoted(words.titles.of(status)));
    let detail =
        explanation.map_or_else(String::new, |text| format!(",\"detail\":{}", quoted(text)));
    Page {
        media_type: "application/problem+json",
        language: Some(words.tag),
        body: format!("{{\"status\":{code},\"title\":{title}{detail}{more}}}\n"),
    }
}

/// The code and the title, as text; codes that nobody registered have no title.
fn heading(words: &Words, status: Status) -> String {
    match words.titles.of(status) {
        "" => status.code().to_string(),
        title => format!("{} {title}", status.code()),
    }
}
