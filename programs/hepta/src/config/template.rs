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
    /// A field of the request; its first line, or nothing.
    Field(String),
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
    ("status", Fact::Status, "the answer's status; in `fields` only"),
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
        let names: Vec<_> = FACTS.iter().map(|(name, ..)| format!("{{{name}}}")).collect();
        let what = format!("`{{{name}}}` is nothing that could be put in");
        (what, format!("there are {}, {{{FIELD}NAME}}", names.join(", ")))
    })
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
