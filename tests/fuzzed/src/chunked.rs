use http1::Config;
use message::{Event, list};

use crate::side::{Side, cut, transcript};

const HEAD: &[u8] = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Reads bytes as a body in chunks, and what is behind it.
///
/// How the bytes are cut changes nothing, nor does how much of the body a user holds before it lets
/// go. What is read is what a simple reader reads that has everything before it.
///
/// The first byte chooses where the rest is cut, the second how much the user holds.
pub fn chunked(data: &[u8]) {
    let Some((&[seed, window], bytes)) = data.split_first_chunk() else { return };
    let config = Config::default();
    let whole = serve(&config, &[bytes]);
    let small = Config { body_window: usize::from(window).max(1), ..Config::default() };
    for (config, pieces) in [
        (&config, cut(bytes, seed)),
        (&config, bytes.chunks(1).collect()),
        (&small, cut(bytes, seed)),
    ] {
        let other = serve(config, &pieces);
        assert_eq!(transcript(&whole.events), transcript(&other.events), "events");
        assert_eq!(whole.sent, other.sent, "bytes sent");
    }
    let body = whole.events.iter().take_while(|(_, event)| !matches!(event, Event::End));
    let ours: Vec<u8> = body
        .filter_map(
            |(_, event)| if let Event::Data(chunk) = event { chunk.as_bytes() } else { None },
        )
        .flatten()
        .copied()
        .collect();
    let has_ended = whole.events.iter().any(|(_, event)| matches!(event, Event::End));
    match read(bytes) {
        Some(Ok(theirs)) => {
            assert!(has_ended, "not taken for whole");
            assert_eq!(ours, theirs);
        }
        Some(Err(())) => assert!(!has_ended, "taken for whole"),
        None => assert!(!has_ended, "taken for whole before its end"),
    }
}

/// A server whose user lets go of each part as soon as it has it.
fn serve(config: &Config, pieces: &[&[u8]]) -> Side {
    let mut server = Side::server(config.clone());
    server.receive(HEAD);
    server.read();
    let mut seen = 0;
    for piece in pieces {
        server.receive(piece);
        while let Some((_, event)) = server.events.get(seen) {
            seen += 1;
            if let Event::Data(chunk) = event {
                let len = chunk.as_bytes().unwrap_or_default().len();
                server.release(len);
            }
        }
    }
    server
}

/// The body, or that it is wrong, or nothing while it is not all there (RFC 9112 §7.1).
fn read(mut rest: &[u8]) -> Option<Result<Vec<u8>, ()>> {
    let config = Config::default();
    let (mut data, mut extensions_len) = (Vec::new(), 0);
    loop {
        let (line, after) = split_line(rest)?;
        let Some(line) = line else { return Some(Err(())) };
        let digits = line.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        let (size, extensions) = line.split_at(digits);
        extensions_len += extensions.len();
        let too_long = line.len() + 2 > config.chunk_line_len_max
            || extensions_len > config.chunk_extensions_len_max;
        let size = str::from_utf8(size).ok().and_then(|size| u64::from_str_radix(size, 16).ok());
        let Some(size) = size.filter(|_| !too_long && are_extensions(extensions)) else {
            return Some(Err(()));
        };
        if size == 0 {
            return trailers(after).map(|verdict| verdict.map(|()| data));
        }
        let size = usize::try_from(size).ok()?;
        let (part, after) = after.split_at_checked(size)?;
        let (delimiter, after) = after.split_first_chunk()?;
        if delimiter != b"\r\n" {
            return Some(Err(()));
        }
        data.extend_from_slice(part);
        rest = after;
    }
}

/// The next line without its CRLF; no line when it ends with LF alone.
fn split_line(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let lf = bytes.iter().position(|&b| b == b'\n')?;
    let (line, rest) = bytes.split_at_checked(lf)?;
    Some((line.strip_suffix(b"\r"), rest.get(1..)?))
}

/// `*( BWS ";" BWS name [ BWS "=" BWS value ] )` (RFC 9112 §7.1.1)
fn are_extensions(mut text: &[u8]) -> bool {
    while !text.is_empty() {
        let Some(after) = behind_spaces(text).strip_prefix(b";") else { return false };
        let Some((_, after)) = list::split_token(behind_spaces(after)) else { return false };
        text = after;
        if let Some(after) = behind_spaces(after).strip_prefix(b"=") {
            let value = behind_spaces(after);
            let quoted = list::split_quoted(value).map(|(_, rest)| rest);
            let token = || list::split_token(value).map(|(_, rest)| rest);
            let Some(rest) = quoted.or_else(token) else { return false };
            text = rest;
        }
    }
    true
}

fn trailers(mut rest: &[u8]) -> Option<Result<(), ()>> {
    let config = Config::default();
    let (len, mut lines) = (rest.len(), 0);
    loop {
        let (line, after) = match split_line(rest) {
            Some(split) if len - split.1.len() <= config.head_len_max => split,
            _ if len > config.head_len_max => return Some(Err(())),
            _ => return None,
        };
        let Some(line) = line else { return Some(Err(())) };
        if line.is_empty() {
            return Some(Ok(()));
        }
        let colon = line.iter().position(|&b| b == b':');
        let parts = colon.and_then(|colon| line.split_at_checked(colon));
        let is_field = parts.is_some_and(|(name, value)| {
            !name.is_empty()
                && name.iter().all(|&b| list::is_token(b))
                && value.iter().skip(1).all(|&b| list::is_in_value(b))
        });
        lines += 1;
        if !is_field || lines > config.fields_max {
            return Some(Err(()));
        }
        rest = after;
    }
}

fn behind_spaces(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|&&b| list::is_ows(b)).count();
    text.get(spaces..).unwrap_or_default()
}
