//! A line as an object of JSON. Its keys are always the same; what there is nothing to say of is
//! `null`.

use std::io::Write as _;
use std::net::IpAddr;

use base::Wall;
use message::{Name, Request, list};
use server::Record;

use super::escape::push_json;
use super::{Lines, chosen};
use crate::serve::traces;

/// Adds a line that stands for `sample` requests.
pub(super) fn push(record: &Record<'_>, site: Option<&str>, sample: u32, lines: &mut Lines) {
    lines.begin(record, begin);
    let text = &mut lines.text;
    push_key("site", text);
    push_value(site.map(str::as_bytes), text);
    push_request(record.request, text);
    push_key("status", text);
    match record.status {
        Some(status) => text.extend_from_slice(&status.digits()),
        None => text.extend_from_slice(b"null"),
    }
    push_key("bytes", text);
    list::append_digits(record.body_len, text);
    push_key("seconds", text);
    chosen::push_seconds(record.took, text);
    let fields = record.request.map(|request| &request.fields);
    push_key("referer", text);
    push_value(fields.and_then(|fields| fields.get(Name::Referer)), text);
    push_key("user_agent", text);
    push_value(fields.and_then(|fields| fields.get(Name::UserAgent)), text);
    push_key("tls", text);
    push_value(record.peer.tls.map(|tls| chosen::tls_version(tls.version).as_bytes()), text);
    push_key("sni", text);
    let name = record.peer.tls.and_then(|tls| tls.server_name.as_deref());
    push_value(name.map(str::as_bytes), text);
    let trace = traces::traceparent(record.request, &record.peer);
    push_key("trace", text);
    push_value(Some(traces::trace_id(trace).as_bytes()), text);
    push_key("span", text);
    push_value(Some(traces::span_id(trace).as_bytes()), text);
    push_key("why", text);
    push_value(record.cut_short.map(str::as_bytes), text);
    push_key("sample", text);
    list::append_digits(sample.into(), text);
    text.extend_from_slice(b"}\n");
}

fn begin(ip: Option<IpAddr>, wall: Wall, text: &mut Vec<u8>) {
    text.extend_from_slice(b"{\"time\":\"");
    chosen::push_time(wall, text);
    text.extend_from_slice(b"\",\"address\":");
    let _ = match ip {
        Some(ip) => write!(text, "\"{ip}\""),
        None => write!(text, "null"),
    };
}

fn push_request(request: Option<&Request>, text: &mut Vec<u8>) {
    let Some(request) = request else {
        return text
            .extend_from_slice(b",\"host\":null,\"method\":null,\"target\":null,\"version\":null");
    };
    push_key("host", text);
    push_value(request.authority().map(|authority| authority.host.as_bytes()), text);
    push_key("method", text);
    push_json(request.method.as_str().as_bytes(), text);
    push_key("target", text);
    push_json(request.target.as_bytes(), text);
    text.extend_from_slice(b",\"version\":\"");
    chosen::push_version(request, text);
    text.push(b'"');
}

fn push_key(key: &str, text: &mut Vec<u8>) {
    text.extend_from_slice(b",\"");
    text.extend_from_slice(key.as_bytes());
    text.extend_from_slice(b"\":");
}

fn push_value(value: Option<&[u8]>, text: &mut Vec<u8>) {
    match value {
        Some(value) => push_json(value, text),
        None => text.extend_from_slice(b"null"),
    }
}
