use std::net::IpAddr;

use crate::wire::Error;

base::notes! {
    /// What ICMP tells the x-ray.
    pub enum Seen in Network {
        /// Somebody asked whether we are there.
        EchoRequestIn { from: IpAddr, id: u16, seq: u16, len: usize },
        /// Somebody whom we asked is there.
        EchoReplyIn { from: IpAddr, id: u16, seq: u16, len: usize },
        /// We asked whether somebody is there.
        EchoRequestOut { to: IpAddr, id: u16, seq: u16, len: usize },
        /// We told somebody that we are there.
        EchoReplyOut { to: IpAddr, id: u16, seq: u16, len: usize },
        /// Somebody told us that a packet did not arrive.
        ErrorIn { from: IpAddr, error: Error, about: IpAddr },
        /// We told somebody that their packet did not arrive.
        ErrorOut { to: IpAddr, error: Error },
        /// We did not tell somebody that their packet did not arrive.
        ErrorNotSent { to: IpAddr, error: Error, why: Why },
        /// A router said that another one is nearer to a destination, and we follow (RFC 1122 §3.2.2.2).
        Redirected { destination: IpAddr, by: IpAddr, to: IpAddr },
        /// We did nothing about what somebody sent.
        Ignored { from: IpAddr, why: Why },
        /// A message was not sent.
        NotSent { to: IpAddr, why: Why },
    }
}

/// Why something was not done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// The packet was an ICMP error itself (RFC 1122 §3.2.2, RFC 4443 §2.4 (e.1)).
    AboutError,
    /// The packet was for somebody else, whom its headers concern (RFC 8200 §4).
    NotForUs,
    /// The packet was for many (RFC 1122 §3.2.2, RFC 4443 §2.4 (e.3)).
    AboutGroup,
    /// The packet was a fragment, and not the first (RFC 1122 §3.2.2).
    AboutLaterFragment,
    /// The packet's source is not one host (RFC 1122 §3.2.2, RFC 4443 §2.4 (e.6)).
    AboutNobody,
    /// More than we send, or answer, in this time (RFC 1812 §4.3.2.8, RFC 4443 §2.4 (f)).
    TooMany,
    /// Answers came that nobody takes.
    NobodyReads,
    /// We have no address that it could come from (RFC 1122 §3.2.2.6).
    NoSource,
    /// A group was asked; who answered could be made to flood somebody (RFC 1122 §3.2.2.6).
    GroupAsked,
    /// Somebody said that another router is nearer, and is not the one that we use, or the other one is
    /// none of this link (RFC 1122 §3.2.2.2).
    Redirect,
    /// A message that we do not know (RFC 1122 §3.2.2, RFC 4443 §2.4 (b)).
    UnknownType,
    /// An error about a packet that we have not sent (RFC 5927 §4).
    NotOurs,
}
