//! Pages that the server writes itself: what a directory holds, and what went wrong.
//!
//! Each is made in the [`Form`] and in the language that the client prefers, which are in the values
//! that it is made of. Who sends one says so in Vary, since another client would have got another
//! page, and [`CONTENT_SECURITY_POLICY`] with the HTML: the pages need nothing but their own style, so
//! whatever a file's name might smuggle in stays dead.

mod alternatives;
mod directory;
mod error;
mod json;
mod order;
mod text;

use message::media::{MediaRange, MediaType, Specificity};
use message::{Fields, Name, list};

pub(crate) use alternatives::{Alternative, alternatives_page, relative};
pub(crate) use directory::directory_page;
pub(crate) use error::error_page;
pub(crate) use order::Order;
pub(crate) use text::escaped;

use crate::words::Words;

#[cfg(test)]
mod tests;

/// What the HTML pages need: their own style. No script, no picture, no form, no frame.
pub(crate) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// How every page looks.
const STYLE: &str = include_str!("style.css");

/// A page, ready to be sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Page {
    /// The value of its Content-Type.
    pub(crate) media_type: &'static str,
    /// The value of its Content-Language; nothing where it has no sentences, and is the same in all.
    pub(crate) language: Option<&'static str>,
    /// Its bytes.
    pub(crate) body: String,
}

/// For whom a page is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// For people in a browser.
    Html,
    /// For people at a terminal.
    Text,
    /// For programs.
    Json,
}

impl Form {
    /// In which form to list a directory: HTML, unless JSON is liked better.
    pub(crate) fn of_listing(request: &Fields) -> Self {
        Self::preferred(request, [Self::Html, Self::Json])
    }

    /// In which form to report to an operator: JSON, unless HTML is liked better.
    pub(crate) fn of_report(request: &Fields) -> Self {
        Self::preferred(request, [Self::Json, Self::Html])
    }

    /// In which form to say what went wrong: plain text, unless another is liked better. Browsers
    /// ask for HTML by name; `curl` and its kind take anything.
    pub(crate) fn of_error(request: &Fields) -> Self {
        Self::preferred(request, [Self::Text, Self::Html, Self::Json])
    }

    /// The form that the request likes best; the first of those it likes the same. When it likes
    /// none, the first as well: a page is better than none (RFC 9110 §12.5.1 leaves it to us).
    fn preferred<const N: usize>(request: &Fields, forms: [Self; N]) -> Self {
        let [first, ..] = forms.as_slice() else { return Self::Html };
        let mut best = (*first, 0);
        for form in forms {
            let quality = form.quality(request);
            if quality > best.1 {
                best = (form, quality);
            }
        }
        best.0
    }

    /// How much the request likes this form, in thousandths.
    fn quality(self, request: &Fields) -> u16 {
        if !request.contains(Name::Accept) {
            return 1000;
        }
        self.essences().iter().map(|essence| quality(essence, request)).max().unwrap_or(0)
    }

    /// The types by which it is asked for; the second of JSON is that of errors (RFC 9457).
    const fn essences(self) -> &'static [&'static str] {
        match self {
            Self::Html => &["text/html"],
            Self::Text => &["text/plain"],
            Self::Json => &["application/json", "application/problem+json"],
        }
    }
}

/// How much the request likes a media type, in thousandths: the range that describes it most closely
/// says so (RFC 9110 §12.5.1). Ranges that cannot be read say nothing.
pub(crate) fn quality(media_type: &str, request: &Fields) -> u16 {
    let Ok(media) = MediaType::parse(media_type.as_bytes()) else { return 0 };
    let mut closest: Option<(Specificity, u16)> = None;
    for element in request.get_all(Name::Accept).flat_map(list::elements) {
        let Ok(range) = MediaRange::parse(element) else { continue };
        let is_closer = closest.is_none_or(|(known, _)| range.specificity() > known);
        if is_closer && range.matches(&media) {
            closest = Some((range.specificity(), range.quality));
        }
    }
    closest.map_or(0, |(_, quality)| quality)
}

/// An HTML page around `content`, which is HTML in the language of these words; the title is text.
pub(crate) fn html_page(words: &Words, title: &str, content: &str) -> Page {
    let (title, tag) = (escaped(title), words.tag);
    let body = format!(
        "<!doctype html>\n<html lang=\"{tag}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{content}</main>\n\
         <footer>Hepta</footer>\n</body>\n</html>\n",
    );
    Page { media_type: "text/html; charset=utf-8", language: Some(tag), body }
}
