//! What routers and hosts say of our segments, and how far it is believed. (RFC 5927)

use std::sync::Arc;

use base::Cx;

use crate::Seq;
use crate::machine::{Connection, Failure};
use crate::state::State;
use crate::xray::{Cause, MssCause, Seen, Why};

/// An ICMP error about a segment of ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct IcmpError {
    /// What it says.
    pub kind: IcmpKind,
    /// The sequence number of the segment that it quotes.
    pub seq: Seq,
}

/// What an ICMP error says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IcmpKind {
    /// The packet is too big (RFC 1191 §4, RFC 8201 §4); the largest that fits, in bytes with all
    /// headers.
    PacketTooBig {
        /// The next hop's MTU.
        mtu: u32,
    },
    /// Nobody is there, or not now (RFC 792, RFC 4443 §3.1).
    Unreachable(Failure),
    /// The time to live is over (RFC 792): a loop of routes.
    TimeExceeded,
    /// Something in the header is wrong (RFC 792).
    ParameterProblem,
}

/// What IPv4 and IPv6 need for headers, with TCP's own.
const HEADERS_V4: u32 = 40;
const HEADERS_V6: u32 = 60;

/// The smallest MTUs that are believed: every IPv6 link takes the one (RFC 8200 §5); below the
/// other, IPv4 paths are not real, and attackers like small segments (RFC 5927 §7.2).
const MTU_MIN_V4: u32 = 552;
const MTU_MIN_V6: u32 = 1280;

impl Connection {
    /// Takes an ICMP error that quotes a segment of this flow.
    pub fn handle_icmp(&mut self, cx: &mut Cx<'_>, error: &IcmpError) {
        // RFC 5927 §4.1: a router can only quote what is on its way.
        // An acknowledgement without data quotes the number behind everything that was sent.
        let is_outstanding = error.seq - self.send.una <= self.send.nxt - self.send.una;
        if !is_outstanding || self.state == State::Closed {
            cx.note(|| Seen::Ignored { why: Why::IcmpOutOfPlace });
            return;
        }
        match error.kind {
            IcmpKind::PacketTooBig { mtu } => self.handle_too_big(cx, mtu),
            IcmpKind::Unreachable(failure) => self.handle_unreachable(cx, failure),
            // RFC 9293 §3.9.2.2: these pass.
            IcmpKind::TimeExceeded | IcmpKind::ParameterProblem => {
                self.handle_unreachable(cx, Failure::HostUnreachable);
            }
        }
    }

    /// RFC 1191 §6.4, RFC 8201 §5.4: segments become smaller, and what was too large is sent again
    /// at once; that is no sign of congestion.
    fn handle_too_big(&mut self, cx: &mut Cx<'_>, mtu: u32) {
        let is_v6 = self.flow.remote.is_ipv6();
        let (min, headers) =
            if is_v6 { (MTU_MIN_V6, HEADERS_V6) } else { (MTU_MIN_V4, HEADERS_V4) };
        let mss = u16::try_from(mtu.max(min) - headers).unwrap_or(u16::MAX);
        let config = Arc::clone(&self.config);
        if !self.send.pmtu.lower(cx, &config, mss, MssCause::Router) {
            cx.note(|| Seen::Ignored { why: Why::IcmpSizeAbsurd });
            return;
        }
        self.send.note_too_large(cx);
    }

    /// RFC 5927 §5, RFC 9293 §3.9.2.2: before the handshake is done it ends the attempt; later it
    /// is remembered, in case nothing comes any more.
    fn handle_unreachable(&mut self, cx: &mut Cx<'_>, failure: Failure) {
        if matches!(self.state, State::SynSent | State::SynReceived) {
            return self.end(cx, Cause::GaveUp, Some(failure));
        }
        //= exception: RFC 9293 §3.9.2.2: errors that may not pass do not abort an established
        // connection either; RFC 5927 §5.2 says why.
        self.soft_error = Some(failure);
        self.life.report(failure);
        cx.note(|| Seen::Ignored { why: Why::IcmpSoft });
    }
}
