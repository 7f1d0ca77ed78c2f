//! Server-Timing: what the server knows of how long an answer took, for the tools of browsers.
//! (W3C Server Timing)

use std::fmt::Write as _;
use std::time::Duration;

use message::Request;
use server::{Peer, Vitals};

use super::traces;

/// What is said of this exchange, up to its answer's head:
///
/// - `answer`: how long it took to find the answer, from the head's last byte on;
/// - `rtt`: the round trip that the kernel measures, and how often it had to send a segment again;
/// - `tls`: the version, and whether a session was resumed;
/// - `traceparent`: by which the request is found in logs.
pub(crate) fn value(request: &Request, peer: &Peer<'_>) -> String {
    let mut value = String::new();
    if let Some(vitals) = peer.vitals {
        append_vitals(vitals, &mut value);
    }
    if let Some(tls) = peer.tls {
        let resumed = if tls.resumed { ", resumed" } else { "" };
        let _ = write!(value, "tls;desc=\"{}{resumed}\", ", tls.version);
    }
    let _ = write!(value, "traceparent;desc=\"{}\"", traces::traceparent(Some(request), peer));
    value
}

fn append_vitals(vitals: &dyn Vitals, value: &mut String) {
    let _ = write!(value, "answer;dur={:.3}, ", millis(vitals.age()));
    if let Some(tcp) = vitals.tcp() {
        let _ = write!(value, "rtt;dur={:.3}", millis(tcp.rtt));
        if tcp.retransmitted > 0 {
            let _ = write!(value, ";desc=\"{} segments sent again\"", tcp.retransmitted);
        }
        value.push_str(", ");
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
