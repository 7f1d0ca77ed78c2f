//! What went wrong.

use message::Status;

use super::json::quoted;
use super::text::escaped;
use super::{Form, Page, html_page};

/// Says what went wrong: a status, and what whoever reads it can do about it, as text.
pub(crate) fn error_page(form: Form, status: Status, explanation: &str) -> Page {
    let (code, reason) = (status.code(), status.reason());
    let title = if reason.is_empty() { code.to_string() } else { format!("{code} {reason}") };
    match form {
        Form::Html => html(&title, code, reason, explanation),
        Form::Text => Page {
            media_type: "text/plain; charset=utf-8",
            body: format!("{title}\n\n{explanation}\n"),
        },
        // RFC 9457 §3.1: the title is the status's own, since there is no narrower type.
        Form::Json => Page {
            media_type: "application/problem+json",
            body: format!(
                "{{\"status\":{code},\"title\":{},\"detail\":{}}}\n",
                quoted(reason),
                quoted(explanation),
            ),
        },
    }
}

fn html(title: &str, code: u16, reason: &str, explanation: &str) -> Page {
    let (reason, explanation) = (escaped(reason), escaped(explanation));
    let content = format!(
        "<h1 class=\"status\"><span>{code}</span> {reason}</h1>\n\
         <p class=\"explanation\">{explanation}</p>\n",
    );
    html_page(title, &content)
}
