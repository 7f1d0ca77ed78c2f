//! Media types and ranges of them. (RFC 9110 §8.3.1, §12.5.1)

use std::borrow::Cow;
use std::fmt;

use base::Malformed;

use crate::list::{self, Parameter, Parameters};

/// A media type: `text/html; charset=utf-8`. A view into the value it was read from.
#[derive(Clone, Debug)]
pub struct MediaType<'a> {
    essence: Essence<'a>,
    parameters: Parameters<'a>,
}

/// What an element of Accept asks for: `*/*`, `text/*` or a type, with parameters and a quality.
#[derive(Clone, Debug)]
pub struct MediaRange<'a> {
    essence: Essence<'a>,
    parameters: Parameters<'a>,
    /// How much it is liked, in thousandths, 0 to 1000: not at all at 0, and 1000 when nothing is
    /// said (RFC 9110 §12.4.2).
    pub quality: u16,
}

/// How closely a range describes what it matches: the greater one decides (RFC 9110 §12.5.1).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Specificity {
    /// `*/*`
    Anything,
    /// `text/*`
    TopLevel,
    /// `text/plain`, and how many parameters.
    Exact(usize),
}

impl<'a> MediaType<'a> {
    /// Reads the value of Content-Type, or an element of a list; errs when it is no media type, and
    /// when one of its parameters is wrong.
    pub fn parse(value: &'a [u8]) -> Result<Self, Malformed> {
        let (essence, parameters) = list::split_parameters(value);
        let essence = Essence::parse(essence)?;
        parameters.clone().try_for_each(|parameter| parameter.map(drop))?;
        Ok(Self { essence, parameters })
    }

    /// Type and subtype with their slash, as they came.
    pub fn essence(&self) -> &'a str {
        self.essence.text
    }

    /// The type, as it came: `text`.
    pub fn top_level(&self) -> &'a str {
        self.essence.top_level()
    }

    /// The subtype, as it came: `html`, or `atom+xml`.
    pub fn subtype(&self) -> &'a str {
        self.essence.subtype()
    }

    /// What stands behind the subtype's last plus: `xml` of `atom+xml` (RFC 6838 §4.2.8).
    pub fn suffix(&self) -> Option<&'a str> {
        self.subtype().rsplit_once('+').map(|(_, suffix)| suffix)
    }

    /// Whether type and subtype are these, in any case; parameters do not matter.
    pub fn is(&self, essence: &str) -> bool {
        self.essence().eq_ignore_ascii_case(essence)
    }

    /// The parameters in their order.
    pub fn parameters(&self) -> impl Iterator<Item = Parameter<'a>> + Clone + use<'a> {
        self.parameters.clone().flatten()
    }

    /// The value of the first parameter of this name, in any case.
    pub fn parameter(&self, name: &str) -> Option<Cow<'a, [u8]>> {
        self.parameters().find(|parameter| parameter.is(name)).map(|parameter| parameter.value)
    }

    /// Writes it behind `out` in the one way to write it: names small, values as tokens where they
    /// are tokens.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend(self.essence().bytes().map(|b| b.to_ascii_lowercase()));
        for Parameter { name, value } in self.parameters() {
            list::append_parameter(out, &name.to_ascii_lowercase(), &value);
        }
    }
}

impl<'a> MediaRange<'a> {
    /// Reads an element of Accept; errs when it is no range, and when a parameter or the quality is
    /// wrong. A `*` without a slash is no range, though old Java sends one.
    pub fn parse(element: &'a [u8]) -> Result<Self, Malformed> {
        let (essence, parameters) = list::split_parameters(element);
        let essence = Essence::parse(essence)?;
        if essence.top_level() == "*" && essence.subtype() != "*" {
            return Err(Malformed::new("media range"));
        }
        let mut quality = 1000;
        for parameter in parameters.clone() {
            let parameter = parameter?;
            if parameter.is("q") {
                quality = list::qvalue(&parameter.value).ok_or(Malformed::new("quality"))?;
            }
        }
        Ok(Self { essence, parameters, quality })
    }

    /// Type and subtype with their slash, as they came; either may be `*`.
    pub fn essence(&self) -> &'a str {
        self.essence.text
    }

    /// The parameters in their order, without the quality, which may stand anywhere among them
    /// (RFC 9110 §12.5.1).
    pub fn parameters(&self) -> impl Iterator<Item = Parameter<'a>> + Clone + use<'a> {
        self.parameters.clone().flatten().filter(|parameter| !parameter.is("q"))
    }

    /// How closely it says what it wants.
    pub fn specificity(&self) -> Specificity {
        match (self.essence.top_level(), self.essence.subtype()) {
            ("*", _) => Specificity::Anything,
            (_, "*") => Specificity::TopLevel,
            _ => Specificity::Exact(self.parameters().count()),
        }
    }

    /// Whether the type is in this range: it has every parameter that the range has, and perhaps
    /// more.
    pub fn matches(&self, media: &MediaType<'_>) -> bool {
        let (top_level, subtype) = (self.essence.top_level(), self.essence.subtype());
        (top_level == "*" || top_level.eq_ignore_ascii_case(media.top_level()))
            && (subtype == "*" || subtype.eq_ignore_ascii_case(media.subtype()))
            && self.parameters().all(|wanted| media.parameters().any(|has| is_same(&wanted, &has)))
    }
}

/// Type and subtype: two tokens with a slash between.
#[derive(Clone, Copy, Debug)]
struct Essence<'a> {
    text: &'a str,
    slash: usize,
}

impl<'a> Essence<'a> {
    fn parse(text: &'a [u8]) -> Result<Self, Malformed> {
        let parse = || {
            let (top_level, rest) = list::split_token(text)?;
            let (_, rest) = list::split_token(rest.strip_prefix(b"/")?)?;
            let text = str::from_utf8(text).ok().filter(|_| rest.is_empty())?;
            Some(Self { text, slash: top_level.len() })
        };
        parse().ok_or(Malformed::new("media type"))
    }

    fn top_level(self) -> &'a str {
        self.text.get(..self.slash).unwrap_or_default()
    }

    fn subtype(self) -> &'a str {
        self.text.get(self.slash + 1..).unwrap_or_default()
    }
}

/// Whether both parameters say the same. Values are compared as they are but those of `charset`,
/// whose case means nothing (RFC 9110 §8.3.2).
fn is_same(a: &Parameter<'_>, b: &Parameter<'_>) -> bool {
    let same_value =
        if a.is("charset") { a.value.eq_ignore_ascii_case(&b.value) } else { a.value == b.value };
    a.is(b.name) && same_value
}

/// The same type, subtype and parameters, whatever their case, order and quotes.
impl PartialEq for MediaType<'_> {
    fn eq(&self, other: &Self) -> bool {
        let has_all = |a: &Self, b: &Self| {
            a.parameters().all(|wanted| b.parameters().any(|has| is_same(&wanted, &has)))
        };
        self.is(other.essence()) && has_all(self, other) && has_all(other, self)
    }
}

impl Eq for MediaType<'_> {}

/// As [`MediaType::emit`] writes it; non-ASCII bytes that are no UTF-8 are replaced.
impl fmt::Display for MediaType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::new();
        self.emit(&mut out);
        f.pad(&String::from_utf8_lossy(&out))
    }
}
