//! Answers to segments that belong to no connection. (RFC 9293 §3.10.7.1)

use crate::wire::{Flags, Header, Segment};

/// The RST that answers a segment to nobody; nothing, if that was an RST itself.
pub fn to_nobody(segment: &Segment<'_>) -> Option<Header> {
    let header = &segment.header;
    if header.flags.has(Flags::RST) {
        return None;
    }
    let reply = Header {
        source: header.destination,
        destination: header.source,
        flags: Flags::RST,
        ..Header::default()
    };
    Some(if header.flags.has(Flags::ACK) {
        // It takes the number that the peer expects, so that it is believed.
        Header { seq: header.ack, ..reply }
    } else {
        Header { ack: segment.end(), flags: Flags::RST | Flags::ACK, ..reply }
    })
}
