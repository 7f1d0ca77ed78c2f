//! What is compared of two answers, and what came of it.

use std::collections::BTreeMap;

use peers::Response;

use super::both::{Client, Question};
use super::differences::{DIFFERENCES, Difference};

/// What was compared, and what was not the same.
#[derive(Default)]
pub(super) struct Report {
    pub(super) asked: usize,
    /// How often each of the known differences was seen.
    pub(super) known: BTreeMap<&'static str, usize>,
    /// All others: what differs for which kind of question, with how often and the first.
    pub(super) unknown: BTreeMap<String, (usize, String)>,
    /// What came in gzip, from us and from nginx, one behind the other, and what it must be.
    pub(super) gzip: [Vec<u8>; 3],
}

/// How many kinds of differences are told.
const SHOWN_MAX: usize = 40;

/// The fields that are compared.
const FIELDS: [&str; 20] = [
    "accept-ranges",
    "allow",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-range",
    "content-security-policy",
    "content-type",
    "expires",
    "last-modified",
    "location",
    "referrer-policy",
    "retry-after",
    "strict-transport-security",
    "vary",
    "www-authenticate",
    "x-content-type-options",
    "x-frame-options",
    "x-xss-protection",
    "connection",
];

/// What of an answer is compared, by its name.
fn aspects(response: Option<&Response>) -> Vec<(&'static str, String)> {
    let Some(response) = response else { return vec![("status", "nothing at all".into())] };
    let mut aspects = vec![("status", response.status.to_string())];
    for name in FIELDS {
        let values: Vec<_> = response.all(name).collect();
        let value = match (name, &*values) {
            // The two were not asked in the same second.
            ("expires", [_]) => "a date".to_owned(),
            _ => values.join(", "),
        };
        aspects.push((name, value));
    }
    let is_coded = response.field("content-encoding").is_some();
    let body = if is_coded { "coded".to_owned() } else { shown(&response.body) };
    aspects.push(("body", body));
    aspects
}

/// A body in a few words that no other has.
pub(super) fn shown(bytes: &[u8]) -> String {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let start: String = String::from_utf8_lossy(bytes).chars().take(20).collect();
    format!("{} bytes, {:x}, {start:?}", bytes.len(), hasher.finish())
}

impl Report {
    /// Asks both, and compares; their answers.
    pub(super) fn compare(
        &mut self,
        clients: &mut [Client; 2],
        question: &Question,
    ) -> [Option<Response>; 2] {
        self.compare_both(clients, &[question.clone(), question.clone()])
    }

    /// The same, where each is asked in its own words.
    pub(super) fn compare_both(
        &mut self,
        clients: &mut [Client; 2],
        questions: &[Question; 2],
    ) -> [Option<Response>; 2] {
        self.asked += 1;
        let [our_client, their_client] = clients;
        let [question, their_question] = questions;
        let answers = [our_client.ask(question), their_client.ask(their_question)];
        let [ours, theirs] = answers.each_ref().map(|answer| aspects(answer.as_ref()));
        for (name, our) in &ours {
            let their = theirs.iter().find(|(known, _)| known == name);
            let their = their.map_or("", |(_, value)| value.as_str());
            if our != their {
                self.differs(question, name, our, their, &answers);
            }
            // Without the same status nothing else need be the same.
            if *name == "status" && our != their {
                break;
            }
        }
        answers
    }

    fn differs(
        &mut self,
        question: &Question,
        aspect: &str,
        our: &str,
        their: &str,
        answers: &[Option<Response>; 2],
    ) {
        let is_it = |difference: &&Difference| {
            let [Some(ours), Some(theirs)] = answers else { return false };
            difference.aspects.contains(&aspect) && (difference.is_it)(question, ours, theirs)
        };
        match DIFFERENCES.iter().find(is_it) {
            Some(difference) => *self.known.entry(difference.what).or_default() += 1,
            None => {
                let names: Vec<_> = question.fields.iter().map(|(name, _)| *name).collect();
                let what = format!("{aspect} with {names:?}");
                let first = || (0, format!("ours {our}, nginx's {their}: {question:?}"));
                self.unknown.entry(what).or_insert_with(first).0 += 1;
            }
        }
    }

    /// Keeps what came in gzip, if it did from both, to be undone later all at once.
    pub(super) fn keep_gzip(&mut self, answers: &[Option<Response>; 2], content: &[u8]) {
        let coded = answers.each_ref().map(|answer| answer.as_ref().filter(is_gzip));
        if let [Some(ours), Some(theirs)] = coded {
            for (all, part) in self.gzip.iter_mut().zip([&ours.body, &theirs.body, content]) {
                all.extend_from_slice(part);
            }
        }
    }

    /// Fails unless all that differs is known, and all that is known was seen.
    #[track_caller]
    pub(super) fn end(self) {
        let Self { asked, known, unknown, .. } = self;
        let shown: String = unknown
            .iter()
            .take(SHOWN_MAX)
            .map(|(what, (times, first))| format!("{times} times {what}\n    as in {first:.300}\n"))
            .collect();
        assert!(unknown.is_empty(), "of {asked} questions {} kinds:\n{shown}", unknown.len());
        let is_seen = |what: &str| known.contains_key(what);
        let unseen: Vec<_> = DIFFERENCES.iter().map(|d| d.what).filter(|w| !is_seen(w)).collect();
        assert!(unseen.is_empty(), "these are differences no more: {unseen:#?}");
    }
}

fn is_gzip(response: &&Response) -> bool {
    response.field("content-encoding") == Some("gzip")
}
