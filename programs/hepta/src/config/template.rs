//! Texts with something from the request in them: `"https://{host}{path}{query}"`.

use std::borrow::Cow;

/// A text in which facts of a request are put.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Template(Vec<Part>);

/// A piece of a template.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    Text(String),
    Fact(Fact),
}

/// What a template can have put in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Fact {
    /// The path as it was asked for.
    Path,
    /// What of the path follows the route's own; empty or with a slash in front.
    Rest,
    /// The query with its question mark, or nothing.
    Query,
    /// The name that was asked for, without a port.
    Host,
    Method,
    /// `https` or `http`.
    Scheme,
    /// The client's address, without a port.
    Address,
    /// The answer's status. In an answer's fields only.
    Status,
    /// The name of the trace that the request belongs to.
    Trace,
    /// Our own name in that trace.
    Span,
    /// Both, as whoever is asked on behalf of the request is told.
    Traceparent,
    /// A field of the request; its first line, or nothing.
    Field(String),
    /// What is known when the exchange is over. In lines of logs only.
    Logged(LogFact),
}

/// What a line of a log can have put in besides.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LogFact {
    Time,
    Date,
    Target,
    Version,
    Bytes,
    Seconds,
    Site,
    Tls,
    Sni,
    Sample,
    Why,
}

/// The facts that have a name of their own, and what they are, for the documentation.
pub(crate) const FACTS: &[(&str, Fact, &str)] = &[
    ("path", Fact::Path, "the path that was asked for, as it was written"),
    ("rest", Fact::Rest, "what of the path follows the route's own, with its slash, or nothing"),
    ("query", Fact::Query, "the query with its question mark, or nothing"),
    ("host", Fact::Host, "the name that was asked for, without its port"),
    ("method", Fact::Method, "the method"),
    ("scheme", Fact::Scheme, "`https` or `http`"),
    ("address", Fact::Address, "the client's address, without its port"),
    ("status", Fact::Status, "the answer's status; in `fields` and in logs only"),
    (
        "trace",
        Fact::Trace,
        "the name of the trace that it belongs to: the one that it came with in \
         `Traceparent`, or one that begins here",
    ),
    ("span", Fact::Span, "this server's own name in that trace, another one for each request"),
    ("traceparent", Fact::Traceparent, "both, as `Traceparent` tells the next server"),
];

/// The facts that lines of logs can have besides.
pub(crate) const LOG_FACTS: &[(&str, LogFact, &str)] = &[
    ("time", LogFact::Time, "when it was over, as 2026-11-21T13:37:00Z (RFC 3339)"),
    ("date", LogFact::Date, "the same, as 21/Nov/2026:13:37:00 +0000"),
    ("target", LogFact::Target, "the target of the request, as it was written"),
    ("version", LogFact::Version, "the version, as HTTP/1.1"),
    ("bytes", LogFact::Bytes, "how many bytes of the answer's body were handed on"),
    ("seconds", LogFact::Seconds, "how long it took, as 0.000123"),
    ("site", LogFact::Site, "the site that answered, by its first name, or `default`"),
    ("tls", LogFact::Tls, "the version of TLS, as 1.3"),
    ("sni", LogFact::Sni, "the name by which the client called the server in its TLS handshake"),
    ("sample", LogFact::Sample, "how many requests this line stands for"),
    ("why", LogFact::Why, "why it was cut short, if it was"),
];

/// How the facts are written that are fields.
const FIELD: &str = "field:";

impl Template {
    /// Reads `text`, in which `{{` is a brace that stands for itself.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and what would be right.
    pub(crate) fn parse(text: &str) -> Result<Self, (String, String)> {
        Self::parse_with(text, fact)
    }

    /// As [`parse`](Self::parse), of a line of a log.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and what would be right.
    pub(crate) fn parse_line(text: &str) -> Result<Self, (String, String)> {
        Self::parse_with(text, fact_of_line)
    }

    fn parse_with(
        text: &str,
        fact: impl Fn(&str) -> Result<Fact, (String, String)>,
    ) -> Result<Self, (String, String)> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            plain.push_str(before);
            if let Some(after) = after.strip_prefix('{') {
                plain.push('{');
                rest = after;
                continue;
            }
            let Some((name, behind)) = after.split_once('}') else {
                let hint = "write {{ for a brace that stands for itself";
                return Err(("`{` has no `}` behind it".into(), hint.into()));
            };
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::Fact(fact(name)?));
            rest = behind;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self(parts))
    }

    /// Puts in what `look_up` says of each fact.
    pub(crate) fn fill<'f>(&self, look_up: impl Fn(&Fact) -> Cow<'f, [u8]>) -> Vec<u8> {
        let mut filled = Vec::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => filled.extend_from_slice(text.as_bytes()),
                Part::Fact(fact) => filled.extend_from_slice(&look_up(fact)),
            }
        }
        filled
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.0
    }

    /// Whether anything is to be put in.
    pub(crate) fn has_facts(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Fact(_)))
    }

    /// Whether this fact is to be put in.
    pub(crate) fn has(&self, fact: &Fact) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Fact(f) if f == fact))
    }
}

fn fact(name: &str) -> Result<Fact, (String, String)> {
    if let Some(field) = name.strip_prefix(FIELD) {
        return Ok(Fact::Field(field.to_owned()));
    }
    let found = FACTS.iter().find(|(known, ..)| *known == name);
    found.map(|(_, fact, _)| fact.clone()).ok_or_else(|| {
        let is_logged = LOG_FACTS.iter().any(|(known, ..)| *known == name);
        let what = if is_logged { "is known in logs only" } else { NOTHING };
        no_fact(name, what, FACTS.iter().map(|(name, ..)| *name))
    })
}

fn fact_of_line(name: &str) -> Result<Fact, (String, String)> {
    if let Some((_, fact, _)) = LOG_FACTS.iter().find(|(known, ..)| *known == name) {
        return Ok(Fact::Logged(*fact));
    }
    // Of the route nothing is known any more.
    fact(name).ok().filter(|fact| *fact != Fact::Rest).ok_or_else(|| {
        let others = FACTS.iter().filter(|(_, fact, _)| *fact != Fact::Rest);
        let names = LOG_FACTS.iter().map(|(name, ..)| *name).chain(others.map(|(name, ..)| *name));
        no_fact(name, NOTHING, names)
    })
}

const NOTHING: &str = "is nothing that could be put in";

fn no_fact<'n>(name: &str, what: &str, names: impl Iterator<Item = &'n str>) -> (String, String) {
    let names: Vec<_> = names.map(|name| format!("{{{name}}}")).collect();
    let hint = format!("there are {}, {{{FIELD}NAME}}", names.join(", "));
    (format!("`{{{name}}}` {what}"), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_facts_alternate() {
        let template = Template::parse("https://{host}{path}{{x}?{field:X-Id}").unwrap();
        let filled = template.fill(|fact| match fact {
            Fact::Host => b"a".into(),
            Fact::Path => b"/b".into(),
            Fact::Field(name) => name.as_bytes().to_vec().into(),
            other => panic!("{other:?}"),
        });
        assert_eq!(String::from_utf8(filled).unwrap(), "https://a/b{x}?X-Id");
    }

    #[test]
    fn what_is_not_there_cannot_be_put_in() {
        assert!(Template::parse("{hots}").unwrap_err().0.contains("{hots}"));
        assert!(Template::parse("{host").is_err());
        assert!(Template::parse("").unwrap().parts().is_empty());
    }
}
