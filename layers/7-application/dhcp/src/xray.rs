use std::net::Ipv4Addr;

use ip::Cidr;

use crate::machine::{Lost, State};
use crate::wire::Kind;

base::notes! {
    /// What DHCP tells the x-ray.
    pub enum Seen in Application {
        /// A message of DHCP goes out.
        DhcpOut { kind: Kind, xid: u32, to: Ipv4Addr },
        /// A message of DHCP came in that is ours.
        DhcpIn { kind: Kind, xid: u32, from: Ipv4Addr },
        /// A client of DHCP is in another state.
        DhcpState { from: State, to: State },
        /// A server gave us an address, or more time with it; nothing for `seconds` means for ever.
        LeaseGranted { address: Cidr, server: Ipv4Addr, seconds: Option<u64> },
        /// We have the address no longer.
        LeaseLost { address: Cidr, why: Lost },
        /// A part of what a server said is of no use.
        OptionIgnored { code: u8, why: Why },
        /// We did nothing about a message of DHCP.
        DhcpDropped { from: Ipv4Addr, why: Why },
    }
}

/// Why a message, or a part of it, was ignored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// It is from a client: somebody else looks for servers (RFC 2131 §4.1).
    NotAReply,
    /// It is for another hardware address.
    ForAnother,
    /// It belongs to another conversation (RFC 2131 §4.4.1).
    OtherConversation,
    /// It is for another client that has our hardware address (RFC 6842 §3).
    OtherClient,
    /// It does not say what it is for (RFC 2132 §9.6).
    NoKind,
    /// Nobody waits for such a message in this state (RFC 2131 §4.4).
    NotExpected,
    /// It does not say which server speaks (RFC 2131 §4.3.1).
    NoServer,
    /// Another server was chosen (RFC 2131 §3.1).
    OtherServer,
    /// It gives an address that nobody asked for.
    OtherAddress,
    /// No host can have the address that it gives.
    NotAHost,
    /// It does not say for how long (RFC 2131 §4.3.1).
    NoLeaseTime,
    /// The time is too short to find out whether somebody has the address, and to use it.
    LeaseTooShort,
    /// A value has not the length or the form that its option has (RFC 2132).
    BadValue,
    /// A value names nobody who can do this: an address of a group, of the host itself, or of nobody.
    NotUsable,
    /// There are more values than we keep.
    TooMany,
    /// The link cannot be so narrow, or is not so wide.
    MtuOutOfRange,
    /// Classless routes stand in place of it (RFC 3442).
    ClasslessRoutesInstead,
    /// The times of renewal are in no order; those of the standard are taken (RFC 2131 §4.4.5).
    TimesOutOfOrder,
}
