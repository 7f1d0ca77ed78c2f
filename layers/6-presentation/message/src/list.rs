//! What field values are made of: tokens, quoted strings, lists, parameters. (RFC 9110 §5.6)

/// Whether `b` may stand in a token (RFC 9110 §5.6.2).
#[inline]
pub const fn is_token(b: u8) -> bool {
    has_class(b, TOKEN)
}

/// Whether `b` may stand in a field value: visible, space, tab, or one of the old non-ASCII bytes
/// (RFC 9110 §5.5).
#[inline]
pub const fn is_in_value(b: u8) -> bool {
    has_class(b, VALUE)
}

/// Optional white space: spaces and tabs (RFC 9110 §5.6.3).
pub const fn is_ows(b: u8) -> bool {
    matches!(b, b' ' | b'\t')
}

/// The value without the white space around it.
pub fn trim_ows(mut value: &[u8]) -> &[u8] {
    while let [rest @ .., last] = value {
        if !is_ows(*last) {
            break;
        }
        value = rest;
    }
    while let [first, rest @ ..] = value {
        if !is_ows(*first) {
            break;
        }
        value = rest;
    }
    value
}

/// The elements of a list: trimmed, without empty ones. A comma inside a quoted string separates
/// nothing (RFC 9110 §5.6.1, §5.6.4).
pub fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    split_outside_quotes(value, b',').map(trim_ows).filter(|element| !element.is_empty())
}

/// Splits `value` at every `separator` that stands outside quoted strings.
pub fn split_outside_quotes(value: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> + Clone {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let value = rest?;
        let (mut in_quotes, mut escaped) = (false, false);
        let end = value.iter().position(|&b| {
            if escaped {
                escaped = false;
            } else if in_quotes && b == b'\\' {
                escaped = true;
            } else if b == b'"' {
                in_quotes = !in_quotes;
            } else {
                return b == separator && !in_quotes;
            }
            false
        });
        let (part, after) = match end {
            Some(end) => (value.get(..end), value.get(end + 1..)),
            None => (Some(value), None),
        };
        rest = after;
        part
    })
}

const TOKEN: u8 = 1;
const VALUE: u8 = 2;

/// One byte of classes for each byte.
#[allow(clippy::indexing_slicing, reason = "checked when the table is compiled")]
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut b = 0;
    while b < 256 {
        let c = b as u8;
        if c.is_ascii_alphanumeric()
            || matches!(
                c,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            )
        {
            classes[b] |= TOKEN;
        }
        if c == b'\t' || (c >= b' ' && c != 0x7f) {
            classes[b] |= VALUE;
        }
        b += 1;
    }
    classes
};

#[allow(clippy::indexing_slicing, reason = "a byte indexes 256 places")]
#[inline]
const fn has_class(b: u8, class: u8) -> bool {
    CLASSES[b as usize] & class != 0
}
