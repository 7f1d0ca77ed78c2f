//! What field values are made of: tokens, quoted strings, lists, parameters. (RFC 9110 §5.6)

use std::borrow::Cow;

use base::Malformed;

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

/// A parameter: `name=value` (RFC 9110 §5.6.6).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Parameter<'a> {
    /// The name as it came; its case means nothing.
    pub name: &'a str,
    /// The value: a token, or what a quoted string stands for. It may have non-ASCII bytes.
    pub value: Cow<'a, [u8]>,
}

impl Parameter<'_> {
    /// Whether this is the name, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// Splits a value from the parameters behind it: at the first semicolon outside quoted strings.
pub fn split_parameters(value: &[u8]) -> (&[u8], Parameters<'_>) {
    let first = split_outside_quotes(value, b';').next().unwrap_or_default();
    let rest = value.get(first.len()..).unwrap_or_default();
    (trim_ows(first), Parameters { rest })
}

/// The parameters in text that begins with a semicolon: the first one that is wrong is an error and
/// the last item.
#[derive(Clone, Debug)]
pub struct Parameters<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Parameters<'a> {
    type Item = Result<Parameter<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = std::mem::take(&mut self.rest);
        let at = rest.iter().position(|&b| !is_ows(b) && b != b';')?;
        // What is not behind a semicolon belongs to the parameter before, which it spoils.
        if !rest.get(..at).is_some_and(|gap| gap.contains(&b';')) {
            return Some(Err(Malformed::new("parameter")));
        }
        let parameter = parse_parameter(rest.get(at..).unwrap_or_default());
        if let Some((_, rest)) = &parameter {
            self.rest = rest;
        }
        Some(parameter.map(|(parameter, _)| parameter).ok_or(Malformed::new("parameter")))
    }
}

fn parse_parameter(text: &[u8]) -> Option<(Parameter<'_>, &[u8])> {
    // RFC 9110 §5.6.6: no white space around the equals sign.
    let (name, text) = split_token(text)?;
    let text = text.strip_prefix(b"=")?;
    if text.first() == Some(&b'"') {
        let (value, rest) = split_quoted(text)?;
        return Some((Parameter { name, value }, rest));
    }
    let (value, rest) = split_token(text)?;
    Some((Parameter { name, value: Cow::Borrowed(value.as_bytes()) }, rest))
}

/// Splits the token in front from what is behind it; nothing when there is none.
pub fn split_token(text: &[u8]) -> Option<(&str, &[u8])> {
    let len = text.iter().position(|&b| !is_token(b)).unwrap_or(text.len());
    let (token, rest) = text.split_at_checked(len).filter(|(token, _)| !token.is_empty())?;
    Some((str::from_utf8(token).ok()?, rest))
}

/// Splits the quoted string in front from what is behind it, and says what it stands for: without
/// its quotes and without the backslashes that escape (RFC 9110 §5.6.4). Nothing when there is
/// none, when it does not end, or when it holds control bytes.
pub fn split_quoted(text: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let text = text.strip_prefix(b"\"")?;
    let special = |text: &[u8]| text.iter().position(|b| matches!(b, b'"' | b'\\'));
    let (mut plain, mut rest) = text.split_at_checked(special(text)?)?;
    let mut unescaped = Vec::new();
    while let [b'\\', escaped, after @ ..] = rest {
        unescaped.extend_from_slice(plain);
        unescaped.push(*escaped);
        (plain, rest) = after.split_at_checked(special(after)?)?;
    }
    let rest = rest.strip_prefix(b"\"")?;
    let value = if unescaped.is_empty() {
        Cow::Borrowed(plain)
    } else {
        unescaped.extend_from_slice(plain);
        Cow::Owned(unescaped)
    };
    value.iter().all(|&b| is_in_value(b)).then_some((value, rest))
}

/// What a quoted string stands for, when that is all there is.
pub fn unquote(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    split_quoted(text).filter(|(_, rest)| rest.is_empty()).map(|(value, _)| value)
}

/// Writes a value behind `out` as a quoted string. Control bytes, which have no place in one, become
/// spaces.
pub fn append_quoted(out: &mut Vec<u8>, value: &[u8]) {
    out.push(b'"');
    for &b in value {
        if matches!(b, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(if is_in_value(b) { b } else { b' ' });
    }
    out.push(b'"');
}

/// Writes a parameter behind `out`, with `; ` before it: the value as a token where it is one, else
/// quoted (RFC 9110 §5.6.6). The name must be a token.
pub fn append_parameter(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    debug_assert!(!name.is_empty() && name.bytes().all(is_token), "a parameter's name is a token");
    out.extend_from_slice(b"; ");
    out.extend_from_slice(name.as_bytes());
    out.push(b'=');
    if !value.is_empty() && value.iter().all(|&b| is_token(b)) {
        out.extend_from_slice(value);
    } else {
        append_quoted(out, value);
    }
}

/// A quality in thousandths, 0 to 1000 (RFC 9110 §12.4.2); nothing when it is not written as one.
pub fn qvalue(text: &[u8]) -> Option<u16> {
    let (whole, fraction) = match text {
        [whole @ (b'0' | b'1')] => (whole, &[][..]),
        [whole @ (b'0' | b'1'), b'.', fraction @ ..] if fraction.len() <= 3 => (whole, fraction),
        _ => return None,
    };
    let mut thousandths = u16::from(whole - b'0');
    for place in 0..3 {
        let digit = fraction.get(place).map_or(Some(0), |b| digit(*b))?;
        thousandths = thousandths * 10 + u16::from(digit);
    }
    (thousandths <= 1000).then_some(thousandths)
}

/// Writes a number in decimal digits: what [`digits`] reads.
#[inline]
pub fn append_digits(n: u64, out: &mut Vec<u8>) {
    if (1_000..10_000).contains(&n) {
        // Most lengths of small files, and most counts of what a connection may still do.
        let ([a, b], [c, d]) = (pair(n / 100), pair(n % 100));
        out.extend_from_slice(&[a, b, c, d]);
    } else {
        append_any_digits(n, out);
    }
}

/// The same, and the end of a line.
#[inline]
pub fn append_digits_line(n: u64, out: &mut Vec<u8>) {
    if (1_000..10_000).contains(&n) {
        let ([a, b], [c, d]) = (pair(n / 100), pair(n % 100));
        out.extend_from_slice(&[a, b, c, d, b'\r', b'\n']);
    } else {
        append_any_digits(n, out);
        out.extend_from_slice(b"\r\n");
    }
}

fn append_any_digits(mut n: u64, out: &mut Vec<u8>) {
    // 20 digits are enough for any, two at a time from the end.
    let mut pairs = [[0; 2]; 10];
    let mut at = 20;
    for digits in pairs.iter_mut().rev() {
        let rest = n % 100;
        n /= 100;
        *digits = pair(rest);
        at -= 2;
        if n == 0 {
            at += usize::from(rest < 10);
            break;
        }
    }
    out.extend_from_slice(pairs.as_flattened().get(at..).unwrap_or_default());
}

/// A number below 100 in two digits.
#[inline]
fn pair(n: u64) -> [u8; 2] {
    PAIRS.get(n as usize).copied().unwrap_or_default()
}

/// The numbers below 100 in two digits.
#[allow(clippy::indexing_slicing, reason = "checked when the table is compiled")]
static PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut n = 0;
    while n < 100 {
        pairs[n] = [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
        n += 1;
    }
    pairs
};

/// A number in decimal digits: no sign, no space, at least one digit. Nothing when it is not one or
/// does not fit.
pub fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |n, &b| n.checked_mul(10)?.checked_add(u64::from(digit(b)?)))
}

/// The value of a decimal digit.
#[inline]
pub(crate) const fn digit(b: u8) -> Option<u8> {
    if b.is_ascii_digit() { Some(b - b'0') } else { None }
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
