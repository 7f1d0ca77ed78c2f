use base::Cx;
use hpack::{Encoder, Indexing};
use message::fields::FieldName;
use message::{Fields, Name, Request};

/// The fields by which a connection of HTTP/1.1 speaks for itself (RFC 9113 §8.2.2).
const OWN: [Name; 5] = [
    Name::Connection,
    Name::KeepAlive,
    Name::ProxyConnection,
    Name::TransferEncoding,
    Name::Upgrade,
];

/// Whether a field has no place in HTTP/2.
pub(crate) fn is_own(name: FieldName<'_>, value: &[u8]) -> bool {
    match name {
        FieldName::Known(Name::Te) => !value.eq_ignore_ascii_case(b"trailers"),
        FieldName::Known(Name::Http2Settings) => true,
        FieldName::Known(known) => OWN.contains(&known),
        FieldName::Other(_) => false,
    }
}

/// The control data of a request (RFC 9113 §8.3.1).
pub(crate) struct RequestLine<'a> {
    pub(crate) scheme: Option<&'a [u8]>,
    pub(crate) authority: Option<&'a [u8]>,
    pub(crate) path: Option<&'a [u8]>,
    pub(crate) protocol: Option<&'a [u8]>,
}

/// What stands in a response beside the user's fields.
#[derive(Default)]
pub(crate) struct Extra {
    pub(crate) status: Option<[u8; 3]>,
    pub(crate) date: Option<[u8; 29]>,
}

/// Appends the block of a request; Host has become `:authority`.
pub(crate) fn emit_request(
    cx: &mut Cx<'_>,
    encoder: &mut Encoder,
    request: &Request,
    line: &RequestLine<'_>,
    out: &mut Vec<u8>,
) {
    let method = (&b":method"[..], request.method.as_str().as_bytes(), Indexing::Incremental);
    let control = [
        (&b":scheme"[..], line.scheme),
        (b":authority", line.authority),
        (b":path", line.path),
        (b":protocol", line.protocol),
    ];
    let control = control.into_iter().filter_map(|(name, value)| {
        value.map(|value| (name, value, Indexing::for_field(name, value)))
    });
    let lowered = Lowered::of(&request.fields);
    let fields = lowered.iter(&request.fields).filter(|(name, ..)| *name != b"host");
    encoder.encode(cx, std::iter::once(method).chain(control).chain(fields), out);
}

/// Appends the block of a response or a trailer section.
pub(crate) fn emit_fields(
    cx: &mut Cx<'_>,
    encoder: &mut Encoder,
    extra: &Extra,
    fields: &Fields,
    out: &mut Vec<u8>,
) {
    let named = |name: &'static [u8], value| (name, value, Indexing::for_field(name, value));
    let status = extra.status.as_ref().map(|digits| named(b":status", &digits[..]));
    let date = extra.date.as_ref().map(|date| named(b"date", &date[..]));
    let lowered = Lowered::of(fields);
    encoder.encode(cx, status.into_iter().chain(date).chain(lowered.iter(fields)), out);
}

/// Names that we do not know and that are written with capitals, in lower case.
struct Lowered(Vec<u8>);

impl Lowered {
    fn of(fields: &Fields) -> Self {
        let mut text = Vec::new();
        for (name, _) in fields.iter() {
            if let FieldName::Other(name) = name
                && has_capital(name)
            {
                text.extend(name.bytes().map(|b| b.to_ascii_lowercase()));
            }
        }
        Self(text)
    }

    fn iter<'a>(
        &'a self,
        fields: &'a Fields,
    ) -> impl Iterator<Item = (&'a [u8], &'a [u8], Indexing)> {
        let mut rest = &self.0[..];
        fields.iter().filter(|(name, value)| !is_own(*name, value)).map(move |(name, value)| {
            let name = match name {
                FieldName::Known(known) => known.as_lower_str().as_bytes(),
                FieldName::Other(name) if has_capital(name) => {
                    let (lowered, after) = rest.split_at_checked(name.len()).unwrap_or_default();
                    rest = after;
                    lowered
                }
                FieldName::Other(name) => name.as_bytes(),
            };
            (name, value, Indexing::for_field(name, value))
        })
    }
}

fn has_capital(name: &str) -> bool {
    name.bytes().any(|b| b.is_ascii_uppercase())
}
