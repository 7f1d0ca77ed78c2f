//! Packets in the notation of scripts.

use crate::language::packets::ACC_ECN_ORDERS;
use crate::language::script::{Body, Numbering, Tcp, TcpOption};
use crate::packet::Carried;

/// A packet as a script would have it, without its direction.
pub(crate) fn show(body: &Body) -> String {
    match body {
        Body::Tcp(segment) => show_segment(segment),
        Body::Udp(len) => format!("udp ({len})"),
        Body::Icmp(message) => format!("icmp type_{} code_{}", message.kind, message.code),
    }
}

impl Carried {
    /// The same of a packet that was seen.
    pub(crate) fn show(&self) -> String {
        match self {
            Self::Tcp { segment, .. } => show_segment(segment),
            Self::Udp { len, .. } => format!("udp ({len})"),
            Self::Icmp { kind, code } => format!("icmp type_{kind} code_{code}"),
        }
    }
}

fn show_segment(segment: &Tcp) -> String {
    let Tcp { flags, seq, len, ack, window, urgent, options, .. } = segment;
    let end = seq.wrapping_add(u32::from(*len));
    let mut text = match segment.seq_is {
        Numbering::Any => format!("{flags:?} ...({len})"),
        Numbering::Relative => format!("{flags:?} {seq}:{end}({len})"),
        Numbering::Absolute => format!("{flags:?} {seq}:{end}({len})!"),
    };
    if flags.has(tcp::Flags::ACK) || *ack != 0 {
        text += &format!(" ack {}", show_number(*ack, segment.ack_is));
    }
    if let Some(window) = window {
        text += &format!(" win {window}");
    }
    if *urgent != 0 {
        text += &format!(" urg {urgent}");
    }
    match options {
        None => text += " <...>",
        Some(options) if options.is_empty() => {}
        Some(options) => {
            let options: Vec<_> = options.iter().map(show_option).collect();
            text += &format!(" <{}>", options.join(","));
        }
    }
    text
}

fn show_number(number: u32, numbering: Numbering) -> String {
    match numbering {
        Numbering::Any => "...".to_owned(),
        Numbering::Relative => number.to_string(),
        Numbering::Absolute => format!("{number}!"),
    }
}

pub(super) fn show_option(option: &TcpOption) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let text = match option {
        TcpOption::End => "eol".to_owned(),
        TcpOption::Nop => "nop".to_owned(),
        TcpOption::Mss(mss) => format!("mss {mss}"),
        TcpOption::WindowScale(shift) => format!("wscale {shift}"),
        TcpOption::SackOk => "sackOK".to_owned(),
        TcpOption::Sack(blocks) => {
            let blocks: Vec<_> = blocks.iter().map(|(l, r)| format!("{l}:{r}")).collect();
            format!("sack {}", blocks.join(" "))
        }
        TcpOption::Timestamps { value, is_any, echo, echo_is } => {
            let numbering = if *is_any { Numbering::Any } else { Numbering::Relative };
            let (value, echo) = (show_number(*value, numbering), show_number(*echo, *echo_is));
            format!("TS val {value} ecr {echo}")
        }
        TcpOption::FastOpen(cookie) => format!("FO {}", hex(cookie)),
        TcpOption::FastOpenExperiment(cookie) => format!("FOEXP {}", hex(cookie)),
        TcpOption::Md5(digest) => format!("md5 {}", hex(digest)),
        TcpOption::Authentication(rest) => format!("tcp_ao {}", hex(rest)),
        TcpOption::AccEcn { order, counters } => {
            let names = ACC_ECN_ORDERS.get(usize::from(*order)).copied().unwrap_or_default();
            let counters = names.iter().zip(counters).map(|(name, n)| format!(" {name} {n}"));
            format!("ECN{}", counters.collect::<String>())
        }
        TcpOption::Other(kind, body) => format!("kind {kind} {}", hex(body)),
    };
    text.trim_end().to_owned()
}
