use std::sync::Arc;
use std::time::Duration;

use message::{Fields, Method, Pace, Rate, Request, Response, Status, Target, Version};

/// The bytes a text stands for: escapes (`\r \n \t \0 \s \\ \xhh`), and `%5 times: (text)`.
///
/// # Panics
/// When an escape is not one.
pub fn bytes_of(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some((n, text)) = rest.strip_prefix('%').and_then(|r| r.split_once(" times: (")) {
            let (text, after) = text.split_once(')').unwrap();
            bytes.extend(bytes_of(text).repeat(n.parse().unwrap()));
            rest = after;
            continue;
        }
        let len = match first {
            '\\' if rest.starts_with("\\x") => 4,
            '\\' => 2,
            first => first.len_utf8(),
        };
        let (one, after) = rest.split_at(len);
        match one {
            "\\r" => bytes.push(b'\r'),
            "\\n" => bytes.push(b'\n'),
            "\\t" => bytes.push(b'\t'),
            "\\0" => bytes.push(0),
            "\\s" => bytes.push(b' '),
            "\\\\" => bytes.push(b'\\'),
            _ if len == 4 && first == '\\' => {
                bytes.push(u8::from_str_radix(&one[2..], 16).unwrap());
            }
            _ => bytes.extend_from_slice(one.as_bytes()),
        }
        rest = after;
    }
    bytes
}

/// `name: value; name: value`.
///
/// # Panics
/// When it is written otherwise.
pub fn fields_of(text: &str) -> Fields {
    let lines = text.split("; ").filter(|line| !line.is_empty());
    lines.map(|line| line.split_once(": ").unwrap()).map(|(n, v)| (n, bytes_of(v))).collect()
}

/// `200 name: value; name: value`.
///
/// # Panics
/// When it is written otherwise.
pub fn response_of(text: &str) -> Response {
    let (status, fields) = text.split_once(' ').unwrap_or((text, ""));
    Response::new(Status::new(status.parse().unwrap()).unwrap(), fields_of(fields))
}

/// `GET /path name: value; name: value`. A `CONNECT` with a path is an extended one (RFC 8441).
///
/// # Panics
/// When it is written otherwise.
pub fn request_of(text: &str) -> Request {
    let mut words = text.splitn(3, ' ');
    let method = Method::from_bytes(words.next().unwrap().as_bytes()).unwrap();
    let target = words.next().unwrap();
    let parsed_as = if target.starts_with('/') { &Method::Get } else { &method };
    let target = Target::parse(parsed_as, target.as_bytes()).unwrap();
    let fields = fields_of(words.next().unwrap_or_default());
    Request { method, target, version: Version::HTTP_11, fields }
}

/// `2s 4/1s`: the time for a head, and bytes of a body in a time; `-` where there is nothing, and
/// nothing at all without either.
///
/// # Panics
/// When it is written otherwise.
pub fn pace_of(text: &str) -> Option<Arc<Pace>> {
    let (head, body) = text.split_once(' ')?;
    let head = (head != "-").then(|| duration_of(head));
    let body = body
        .split_once('/')
        .map(|(len, interval)| Rate { len: len.parse().unwrap(), interval: duration_of(interval) });
    Some(Arc::new(Pace { head, body }))
}

/// `10s` or `500ms`.
///
/// # Panics
/// When it is written otherwise.
pub fn duration_of(text: &str) -> Duration {
    match text.strip_suffix("ms") {
        Some(ms) => Duration::from_millis(ms.parse().unwrap()),
        None => Duration::from_secs(text.strip_suffix('s').expect("a step").parse().unwrap()),
    }
}
