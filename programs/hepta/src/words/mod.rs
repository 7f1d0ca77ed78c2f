//! What our own pages say to people, in each language that they are written in.
//!
//! ```text
//!   Accept-Language ──▶ preferred ──▶ Words ─┬─ titles    of statuses
//!                                            ├─ errors    what went wrong
//!                                            └─ listing   what a directory holds
//! ```
//!
//! A language is one file with one table. A table without a sentence does not compile, and one that
//! needs a number is a function, since what a number does to a sentence is the language's own affair.
//! To add a language: write its file, and name it in [`LANGUAGES`].
//!
//! Sentences are text, not HTML: who puts them into a page escapes them. Blanks at which no line may
//! end are written as escapes, because nobody would see them otherwise.
//!
//! *Not here:* what programs read, which is the same in all languages: the status line, the names of
//! members of JSON, sizes and dates. The admin listener, whose readers are operators, speaks English.

mod digits;
mod english;
mod french;
mod german;
mod spanish;
mod titles;

use base::Cx;
use message::Fields;
use semantics::language::{AcceptLanguage, Nearness, Scheme};

pub(crate) use english::ENGLISH;
pub(crate) use titles::Titles;

#[cfg(test)]
mod tests;

/// All languages. The first is for who wants none of them.
pub(crate) static LANGUAGES: [&Words; 4] =
    [&ENGLISH, &german::GERMAN, &french::FRENCH, &spanish::SPANISH];

/// A language: all that our pages say in it.
pub(crate) struct Words {
    /// Its tag (RFC 5646), which Content-Language and `lang` have.
    pub(crate) tag: &'static str,
    /// What errors are called.
    pub(crate) titles: Titles,
    /// Why there is an error, and what can be done about it.
    pub(crate) errors: Errors,
    /// What stands around the names of files.
    pub(crate) listing: Listing,
}

/// A sentence in which a number stands: of bytes, of seconds.
pub(crate) type WithNumber = fn(u64) -> String;

/// A sentence in which a text stands that somebody else has written.
pub(crate) type WithText = fn(&str) -> String;

/// Sentences that explain an error, each with its full stop.
pub(crate) struct Errors {
    /// 400: escapes in the path, or where it leads, make it useless.
    pub(crate) path_unusable: &'static str,
    /// 401: there are no credentials, or not the right ones.
    pub(crate) login_needed: &'static str,
    /// 403: the operating system does not let us read it.
    pub(crate) not_readable: &'static str,
    /// 403: the client's address is not let in.
    pub(crate) address_refused: &'static str,
    /// 403: a page of another site has had a browser send it.
    pub(crate) cross_site: &'static str,
    /// 403: the client has shown no certificate.
    pub(crate) certificate_needed: &'static str,
    /// 403: pages of this origin may not send what a preflight announced.
    pub(crate) origin_refused: WithText,
    /// 404.
    pub(crate) nothing_here: &'static str,
    /// 405: the resource does not understand this method.
    pub(crate) method_refused: WithText,
    /// 406: no version has an acceptable type and language.
    pub(crate) nothing_acceptable: &'static str,
    /// 406: what stands in front of a list of those that there are.
    pub(crate) alternatives: &'static str,
    /// 406: none of these content codings is acceptable.
    pub(crate) no_coding_acceptable: WithText,
    /// 412.
    pub(crate) not_as_expected: &'static str,
    /// 413: a body may have so many bytes.
    pub(crate) body_too_long: WithNumber,
    /// 416: there are only so many bytes.
    pub(crate) range_outside: WithNumber,
    /// 421: there is no site of the name that was asked for.
    pub(crate) no_such_site: &'static str,
    /// 421: the connection was made to another name.
    pub(crate) other_site: &'static str,
    /// 429: the client is to wait for so many seconds.
    pub(crate) too_many_requests: WithNumber,
    /// 500: something cannot be read, for a reason that the log has.
    pub(crate) unreadable: &'static str,
    /// 500: rewriting does not come to an end.
    pub(crate) rewrites_go_round: &'static str,
    /// 501: nobody here knows the method.
    pub(crate) method_unknown: &'static str,
    /// 503: the system has no descriptors or memory left.
    pub(crate) exhausted: &'static str,
    /// 503: as many requests for this are under way as may be.
    pub(crate) too_many_at_once: &'static str,
    /// 503: as many passwords are looked at as may be.
    pub(crate) too_many_logins: &'static str,
}

/// What a listing says beside names, sizes and dates.
pub(crate) struct Listing {
    /// What stands in front of the directory's path, with a blank behind it.
    pub(crate) heading: &'static str,
    /// What the way from the top to the directory is called, for who hears the page.
    pub(crate) way: &'static str,
    /// What the first step of that way leads to.
    pub(crate) top: &'static str,
    /// The link to the directory above.
    pub(crate) parent: &'static str,
    /// The heads of the columns.
    pub(crate) name: &'static str,
    pub(crate) size: &'static str,
    pub(crate) modified: &'static str,
    /// So many of each, without a full stop.
    pub(crate) directories: WithNumber,
    pub(crate) files: WithNumber,
    pub(crate) bytes: WithNumber,
    /// There is nothing.
    pub(crate) empty: &'static str,
    /// There are more than can be shown.
    pub(crate) truncated: &'static str,
}

/// The language that the client likes best, of those that it names; English when it names none.
///
/// A star names no language, so it takes the default (RFC 4647 §3.4), and what is excluded is not
/// named either: a page in some language is better than none (RFC 9110 §12.5.4). Every page is there
/// in every language, so that its form, which Accept chooses, need not be weighed against it.
pub(crate) fn preferred(cx: &mut Cx<'_>, request: &Fields) -> &'static Words {
    let accepts = AcceptLanguage::read(cx, request);
    let fit = |words: &Words| accepts.fit(Scheme::Lookup, words.tag);
    let mut best = (&ENGLISH, fit(&ENGLISH));
    for words in LANGUAGES {
        let fit = fit(words);
        let is_wanted = fit.quality > 0 && fit.nearness != Nearness::Unnamed;
        if is_wanted && fit > best.1 {
            best = (words, fit);
        }
    }
    best.0
}
