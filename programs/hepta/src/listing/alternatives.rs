use message::Status;
use message::uri::percent;

use super::json::quoted;
use super::text::escaped;
use super::{Form, Page, error};
use crate::words::Words;

/// A representation that the client did not ask for, and can have by its own address.
#[derive(Clone, Debug)]
pub(crate) struct Alternative<'a> {
    /// Its name in the directory of what was asked for.
    pub(crate) name: &'a str,
    pub(crate) media_type: &'a str,
    pub(crate) language: Option<&'a str>,
}

/// Says that nothing is acceptable, and what there is instead (RFC 9110 §15.5.7).
pub(crate) fn alternatives_page(
    form: Form,
    words: &Words,
    alternatives: &[Alternative<'_>],
) -> Page {
    let status = Status::NOT_ACCEPTABLE;
    let (explanation, lead) = (Some(words.errors.nothing_acceptable), words.errors.alternatives);
    match form {
        Form::Html => {
            let items: String = alternatives.iter().map(item).collect();
            let list =
                format!("<p class=\"explanation\">{}</p>\n<ul>\n{items}</ul>\n", escaped(lead));
            error::html(words, status, explanation, &list)
        }
        Form::Text => {
            let lines: String = alternatives.iter().map(line).collect();
            error::text(words, status, explanation, &format!("\n{lead}\n\n{lines}"))
        }
        Form::Json => {
            let objects: Vec<_> = alternatives.iter().map(object).collect();
            let member = format!(",\"alternatives\":[\n{}\n]", objects.join(",\n"));
            error::json(words, status, explanation, &member)
        }
    }
}

fn item(alternative: &Alternative<'_>) -> String {
    let lang = alternative.language.map(|tag| format!(" hreflang=\"{}\"", escaped(tag)));
    format!(
        "<li><a href=\"{}\" type=\"{}\"{}>{}</a></li>\n",
        escaped(&alternative.href()),
        escaped(alternative.media_type),
        lang.unwrap_or_default(),
        escaped(alternative.name),
    )
}

fn line(alternative: &Alternative<'_>) -> String {
    let language = alternative.language.map(|tag| format!(", {tag}")).unwrap_or_default();
    format!("{}  ({}{language})\n", alternative.href(), alternative.media_type)
}

fn object(alternative: &Alternative<'_>) -> String {
    let language = alternative.language.map_or_else(|| "null".to_owned(), quoted);
    format!(
        "{{\"href\":{},\"type\":{},\"language\":{language}}}",
        quoted(&alternative.href()),
        quoted(alternative.media_type),
    )
}

impl Alternative<'_> {
    /// Its address, relative to what was asked for.
    pub(crate) fn href(&self) -> String {
        relative(self.name)
    }
}

/// The address of a file in the same directory; a colon in its first segment would make a scheme
/// (RFC 3986 §4.2).
pub(crate) fn relative(name: &str) -> String {
    let escaped = percent::encode(name.as_bytes(), percent::SEGMENT);
    if escaped.contains(':') { format!("./{escaped}") } else { escaped.into_owned() }
}
