//! Frames as text, and back.
//!
//! ```text
//!   KIND stream FLAG FLAG pad=3 -- payload
//!
//!   HEADERS 1 END_STREAM END_HEADERS -- :method: GET; :path: /; accept: */*
//!   PUSH_PROMISE 1 END_HEADERS -- 2; :method: GET; :path: /style.css
//!   DATA 1 END_STREAM -- hello         \r \n \0 \xhh stand for bytes, %9 times: (hello)
//!   SETTINGS 0 -- INITIAL_WINDOW_SIZE=10 0x99=1
//!   RST_STREAM 1 -- CANCEL             a name, or a number
//!   WINDOW_UPDATE 0 -- 100
//!   PRIORITY 1 -- 3                    the stream it depends on
//!   PRIORITY_UPDATE 0 -- 1 u=2, i
//!   PING 0 -- eight by
//!   GOAWAY 0 -- 7 NO_ERROR and words
//!   0x2a 1 -- anything                 an unknown type
//!   KIND stream -- hex 00ff            any payload
//! ```

use std::fmt::Write as _;

use base::{Cx, Instant, Wall, World};
use hpack::{Decoder, Encoder, Indexing};
use http_scripts::bytes_of;

use crate::wire::{FrameHeader, HEADER_LEN};

/// The peer's tables.
pub(super) struct Peer {
    pub(super) encoder: Encoder,
    pub(super) decoder: Decoder,
    pub(super) shows_date: bool,
    world: World,
}

const KINDS: [&str; 17] = [
    "DATA",
    "HEADERS",
    "PRIORITY",
    "RST_STREAM",
    "SETTINGS",
    "PUSH_PROMISE",
    "PING",
    "GOAWAY",
    "WINDOW_UPDATE",
    "CONTINUATION",
    "ALTSVC",
    "0x0b",
    "ORIGIN",
    "0x0d",
    "0x0e",
    "0x0f",
    "PRIORITY_UPDATE",
];

const CODES: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

const SETTINGS: [&str; 10] = [
    "0x0",
    "HEADER_TABLE_SIZE",
    "ENABLE_PUSH",
    "MAX_CONCURRENT_STREAMS",
    "INITIAL_WINDOW_SIZE",
    "MAX_FRAME_SIZE",
    "MAX_HEADER_LIST_SIZE",
    "0x7",
    "ENABLE_CONNECT_PROTOCOL",
    "NO_RFC7540_PRIORITIES",
];

impl Peer {
    pub(super) fn new() -> Self {
        Self {
            encoder: Encoder::new(4096),
            decoder: Decoder::new(4096),
            shows_date: false,
            world: World::seeded(2),
        }
    }

    /// The bytes of a frame that is written as text.
    pub(super) fn frame(&mut self, text: &str) -> Vec<u8> {
        let (head, payload) = text.split_once(" -- ").unwrap_or((text, ""));
        let mut words = head.split(' ');
        let kind = words.next().unwrap();
        let stream: u32 = words.next().unwrap().parse().unwrap();
        let (mut flags, mut padding) = (0, None);
        for word in words {
            match word {
                "ACK" | "END_STREAM" => flags |= 0x1,
                "END_HEADERS" => flags |= 0x4,
                "PRIORITY" => flags |= 0x20,
                word => match word.strip_prefix("pad=") {
                    Some(len) => {
                        flags |= 0x8;
                        padding = Some(len.parse::<u8>().unwrap());
                    }
                    None => flags |= u8::try_from(number(word)).unwrap(),
                },
            }
        }
        let mut body = match payload.strip_prefix("hex") {
            Some(digits) => hex(digits),
            None => self.payload(kind, payload),
        };
        if let Some(padding) = padding {
            body.insert(0, padding);
            body.resize(body.len() + usize::from(padding), 0);
        }
        let kind = KINDS.iter().position(|name| *name == kind).unwrap_or_else(|| number(kind));
        frame(u8::try_from(kind).unwrap(), flags, stream, &body)
    }

    fn payload(&mut self, kind: &str, text: &str) -> Vec<u8> {
        match kind {
            "HEADERS" | "CONTINUATION" => self.block(text),
            "PUSH_PROMISE" => {
                let (promised, fields) = text.split_once("; ").unwrap_or((text, ""));
                let mut payload = promised.parse::<u32>().unwrap().to_be_bytes().to_vec();
                payload.extend(self.block(fields));
                payload
            }
            "SETTINGS" => {
                let mut payload = Vec::new();
                for setting in text.split(' ').filter(|word| !word.is_empty()) {
                    let (name, value) = setting.split_once('=').unwrap();
                    let id = SETTINGS.iter().position(|known| *known == name);
                    let id = id.unwrap_or_else(|| number(name));
                    payload.extend_from_slice(&(id as u16).to_be_bytes());
                    payload.extend_from_slice(&value.parse::<u32>().unwrap().to_be_bytes());
                }
                payload
            }
            "RST_STREAM" => code(text).to_be_bytes().to_vec(),
            "WINDOW_UPDATE" => text.parse::<u32>().unwrap().to_be_bytes().to_vec(),
            "PRIORITY" => {
                let mut payload = text.parse::<u32>().unwrap().to_be_bytes().to_vec();
                payload.push(15);
                payload
            }
            "PRIORITY_UPDATE" => {
                let (stream, value) = text.split_once(' ').unwrap_or((text, ""));
                let mut payload = stream.parse::<u32>().unwrap().to_be_bytes().to_vec();
                payload.extend_from_slice(value.as_bytes());
                payload
            }
            "GOAWAY" => {
                let mut words = text.splitn(3, ' ');
                let last: u32 = words.next().unwrap().parse().unwrap();
                let mut payload = last.to_be_bytes().to_vec();
                payload.extend_from_slice(&code(words.next().unwrap()).to_be_bytes());
                payload.extend_from_slice(words.next().unwrap_or_default().as_bytes());
                payload
            }
            _ => bytes_of(text),
        }
    }

    /// A block of fields; nothing of it goes into the table.
    pub(super) fn block(&mut self, text: &str) -> Vec<u8> {
        let fields: Vec<(Vec<u8>, Vec<u8>)> = text
            .split("; ")
            .filter(|line| !line.is_empty())
            .map(|line| {
                // The colon of a pseudo-field is not the one that separates.
                let colon = line.get(1..).unwrap().find(':').expect(line) + 1;
                let (name, value) = (&line[..colon], &line[colon + 1..]);
                (bytes_of(name), bytes_of(value.strip_prefix(' ').unwrap_or(value)))
            })
            .collect();
        let fields = fields.iter().map(|(n, v)| (&n[..], &v[..], Indexing::Without));
        let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut self.world);
        let mut out = Vec::new();
        self.encoder.encode(&mut cx, fields, &mut out);
        out
    }

    /// A frame that came to the peer, as text.
    pub(super) fn show(&mut self, header: &FrameHeader, payload: &[u8]) -> String {
        let mut text = format!("{:?} {}", header.kind, header.stream);
        if header.flags.bits != 0 {
            let _ = write!(text, " {:?}", header.flags);
        }
        let kind = format!("{:?}", header.kind);
        let shown = match (kind.as_str(), payload) {
            ("DATA", payload) => show_bytes(payload),
            ("HEADERS", payload) => self.fields(payload),
            ("PUSH_PROMISE", [a, b, c, d, rest @ ..]) => {
                format!("{}; {}", u32::from_be_bytes([*a, *b, *c, *d]), self.fields(rest))
            }
            ("RST_STREAM", payload) => word(payload, 0).map(show_code).unwrap_or_default(),
            ("WINDOW_UPDATE", payload) => word(payload, 0).unwrap().to_string(),
            ("SETTINGS", payload) => {
                let (settings, _) = payload.as_chunks::<6>();
                let shown = settings.iter().map(|s| {
                    let id = usize::from(u16::from_be_bytes([s[0], s[1]]));
                    format!("{}={}", SETTINGS[id], word(&s[2..], 0).unwrap())
                });
                shown.collect::<Vec<_>>().join(" ")
            }
            ("GOAWAY", payload) => {
                let (last, code) = (word(payload, 0).unwrap(), word(payload, 4).unwrap());
                let debug = payload[8..].escape_ascii().to_string();
                format!("{last} {} {debug}", show_code(code))
            }
            ("CONTINUATION", payload) => format!("{} bytes of a block", payload.len()),
            (_, payload) => payload.escape_ascii().to_string(),
        };
        if !shown.is_empty() {
            let _ = write!(text, " -- {}", shown.trim_end());
        }
        text
    }

    fn fields(&mut self, block: &[u8]) -> String {
        let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut self.world);
        let mut lines = Vec::new();
        let read = self.decoder.decode(&mut cx, block, |field| {
            // One test of its own looks at the date.
            if field.name != b"date" || self.shows_date {
                let (name, value) = (field.name.escape_ascii(), field.value.escape_ascii());
                lines.push(format!("{name}: {value}"));
            }
        });
        match read {
            Ok(()) => lines.join("; "),
            // A block in pieces is shown in pieces.
            Err(_) => format!("{} bytes of a block", block.len()),
        }
    }
}

/// The bytes of a frame.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// The frames in these bytes, all of them whole.
pub(super) fn frames(mut bytes: &[u8]) -> Vec<(FrameHeader, &[u8])> {
    bytes = bytes.strip_prefix(crate::PREFACE).unwrap_or(bytes);
    let mut frames = Vec::new();
    while let Some(header) = FrameHeader::parse(bytes) {
        let (payload, rest) = bytes[HEADER_LEN..].split_at(header.len as usize);
        frames.push((header, payload));
        bytes = rest;
    }
    assert!(bytes.is_empty(), "a frame was cut");
    frames
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().unwrap()))
}

fn code(text: &str) -> u32 {
    let known = CODES.iter().position(|code| *code == text);
    known.unwrap_or_else(|| number(text)) as u32
}

fn show_code(code: u32) -> String {
    CODES.get(code as usize).map_or_else(|| format!("{code:#x}"), |name| (*name).to_owned())
}

fn number(text: &str) -> usize {
    let digits = text.strip_prefix("0x").unwrap_or_else(|| panic!("{text} is no word of ours"));
    usize::from_str_radix(digits, 16).unwrap()
}

fn hex(digits: &str) -> Vec<u8> {
    let digits = digits.replace(' ', "");
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

fn show_bytes(bytes: &[u8]) -> String {
    if bytes.len() <= 60 {
        return bytes.escape_ascii().to_string();
    }
    format!("{}... {} bytes", bytes[..20].escape_ascii(), bytes.len())
}
