//! Files of which one answers for all: `page.de.html` and `page.en.html` for `page` and `page.html`,
//! `data.json` and `data.csv` for `data`.

use std::rc::Rc;

use base::Cx;
use files::{Entry, File, Kind, Root};
use message::media::MediaType;
use message::{Fields, Name, Request, Status};
use semantics::negotiation::{self, Decision, OtherLanguages, Selecting};
use server::{Answer, Reply};

use super::pages;
use super::representation::Representation;
use crate::config::FilesSettings;
use crate::listing::{Alternative, relative};

/// How many files may answer for one name; the first in the order of their names.
const VARIANTS_MAX: usize = 64;

/// Endings that say how a file is coded, and not what it is.
const CODINGS: [&str; 3] = ["br", "gz", "zst"];

/// Files that may answer for a name.
pub(super) struct Variants(Vec<Variant>);

/// One of them.
struct Variant {
    path: Vec<u8>,
    name: String,
    language: Option<String>,
    file: Rc<File<Representation>>,
}

/// What is to be said of the file that was chosen.
pub(super) struct Choice {
    language: Option<String>,
    location: String,
    depends_on: Selecting,
}

/// What came of it.
pub(super) enum Chosen {
    /// This file, at this path.
    File(Vec<u8>, Rc<File<Representation>>, Choice),
    /// None is acceptable.
    None(Answer),
}

impl Variants {
    /// The files that may answer for `path`; nothing when there are none. They are looked for each
    /// time: the directory is read.
    pub(super) fn find(
        cx: &Cx<'_>,
        root: &Root<Representation>,
        settings: &FilesSettings,
        path: &[u8],
    ) -> Option<Self> {
        let path = str::from_utf8(path).ok()?;
        let (directory, asked) = path.rsplit_once('/').unwrap_or(("", path));
        if asked.is_empty() {
            return None;
        }
        let listing = root.list(directory.as_bytes()).ok()?;
        let mut names: Vec<_> = listing
            .entries
            .iter()
            .filter(|entry| entry.kind == Kind::File)
            .filter_map(|entry| str::from_utf8(&entry.name).ok())
            .filter_map(|name| Some((language_of(asked, name, &settings.languages)?, name)))
            .collect();
        let rank = |language: &Option<String>| match language {
            Some(tag) => settings.languages.iter().position(|known| known == tag),
            None => Some(0),
        };
        names.sort_by(|(a, first), (b, second)| {
            let rank = |tag| rank(tag).unwrap_or(usize::MAX);
            (rank(a), first).cmp(&(rank(b), second))
        });
        names.truncate(VARIANTS_MAX);
        let variants: Vec<_> = names
            .into_iter()
            .filter_map(|(language, name)| {
                let path = match directory {
                    "" => name.as_bytes().to_vec(),
                    _ => [directory, "/", name].concat().into_bytes(),
                };
                match root.lookup(&path, cx.now()) {
                    Ok(Entry::File(file)) => {
                        Some(Variant { path, name: name.to_owned(), language, file })
                    }
                    _ => None,
                }
            })
            .collect();
        (!variants.is_empty()).then_some(Self(variants))
    }

    /// Chooses one for this request (RFC 9110 §12.1).
    pub(super) fn choose(mut self, cx: &mut Cx<'_>, request: &Request) -> Option<Chosen> {
        let offered: Vec<_> = self.0.iter().filter_map(Variant::offer).collect();
        if offered.len() < self.0.len() {
            return None;
        }
        let others = OtherLanguages::BetterThanNothing;
        let negotiated = negotiation::choose(cx, &request.fields, &offered, others);
        let depends_on = negotiated.depends_on;
        match negotiated.decision {
            Decision::Chosen(index) => {
                let Variant { path, name, language, file } = self.0.swap_remove(index);
                let choice = Choice { language, location: relative(&name), depends_on };
                Some(Chosen::File(path, file, choice))
            }
            Decision::NotAcceptable(_) => {
                let alternatives: Vec<_> = self.0.iter().map(Variant::as_alternative).collect();
                let mut answer = pages::alternatives(cx, request, &alternatives);
                depends_on.add_to_vary(&mut answer.response.fields);
                Some(Chosen::None(answer))
            }
        }
    }
}

impl Variant {
    fn offer(&self) -> Option<negotiation::Variant<'_>> {
        let media = MediaType::parse(self.file.derived.content_type.as_bytes()).ok()?;
        let language = self.language.as_deref();
        Some(negotiation::Variant { language, ..negotiation::Variant::new(media) })
    }

    fn as_alternative(&self) -> Alternative<'_> {
        let media_type = &self.file.derived.content_type;
        Alternative { name: &self.name, media_type, language: self.language.as_deref() }
    }
}

impl Choice {
    /// Says what was chosen, now or when the answer is there.
    pub(super) fn describe(self, reply: Reply) -> Reply {
        match reply {
            Reply::Now(mut answer) => {
                self.add_to(answer.response.status, &mut answer.response.fields);
                answer.into()
            }
            Reply::Later(promise) => Reply::Later(Box::pin(async move {
                let mut answer = promise.await;
                self.add_to(answer.response.status, &mut answer.response.fields);
                answer
            })),
            other => other,
        }
    }

    /// Says what was chosen to be shown for an error. The page's own address is not that of what was
    /// asked for, so it is not said.
    pub(super) fn describe_page(&self, fields: &mut Fields) {
        self.depends_on.add_to_vary(fields);
        if let Some(tag) = &self.language {
            fields.set(Name::ContentLanguage, tag);
        }
    }

    fn add_to(&self, status: Status, fields: &mut Fields) {
        self.depends_on.add_to_vary(fields);
        if status.is_error() {
            return;
        }
        // RFC 9110 §8.7: where this one can be had without choosing.
        fields.set(Name::ContentLocation, &self.location);
        if let (Some(tag), true) = (&self.language, status != Status::NOT_MODIFIED) {
            fields.set(Name::ContentLanguage, tag);
        }
    }
}

/// Whether the file `name` may answer for `asked`, and in which language it is: as it is written in
/// `languages`, or, where none are listed, a tag that begins with two letters.
///
/// The last ending is what the file is, the one before it may be a language: `page.de.html`.
fn language_of(asked: &str, name: &str, languages: &[String]) -> Option<Option<String>> {
    let (stem, kind) = name.rsplit_once('.')?;
    if CODINGS.contains(&kind) || mime_guess::from_ext(kind).is_empty() {
        return None;
    }
    let tagged = stem.rsplit_once('.').and_then(|(bare, tag)| Some((bare, known(tag, languages)?)));
    let Some((bare, tag)) = tagged else { return (asked == stem).then_some(None) };
    let is_meant = asked == bare
        || asked == stem
        || asked.rsplit_once('.').is_some_and(|(asked, end)| asked == bare && end == kind);
    is_meant.then_some(Some(tag))
}

fn known(tag: &str, languages: &[String]) -> Option<String> {
    if !languages.is_empty() {
        return languages.iter().find(|known| known.eq_ignore_ascii_case(tag)).cloned();
    }
    let mut parts = tag.split('-');
    let is_primary = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_alphabetic());
    let is_more =
        |part: &str| matches!(part.len(), 1..=8) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    (parts.next().is_some_and(is_primary) && parts.all(is_more)).then(|| tag.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_a_file_is_and_in_which_language() {
        let known = ["de".to_owned(), "en-GB".to_owned()];
        for (asked, name, any, listed) in [
            ("page", "page.html", Some(""), Some("")),
            ("page", "page.de.html", Some("de"), Some("de")),
            ("page.html", "page.de.html", Some("de"), Some("de")),
            ("page.de", "page.de.html", Some("de"), Some("de")),
            ("page", "page.fr.html", Some("fr"), None),
            ("page", "page.EN-gb.html", Some("EN-gb"), Some("en-GB")),
            ("page.fr", "page.fr.html", Some("fr"), Some("")),
            ("page.html", "page.html", None, None),
            ("page.htm", "page.de.html", None, None),
            ("app.js", "app.min.js", None, None),
            ("page", "page.html.gz", None, None),
            ("page", "page.zz-what", None, None),
            ("page", "pages.html", None, None),
            ("page", "page", None, None),
        ] {
            let found = |languages: &[String]| {
                language_of(asked, name, languages).map(Option::unwrap_or_default)
            };
            assert_eq!(found(&[]).as_deref(), any, "{asked} {name}");
            assert_eq!(found(&known).as_deref(), listed, "{asked} {name}");
        }
    }
}
