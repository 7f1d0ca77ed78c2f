use std::net::IpAddr;

use crate::protocol::Protocol;
use crate::route::InterfaceId;

base::notes! {
    /// What the network layer tells the x-ray.
    pub enum Seen in Network {
        /// A packet came in.
        PacketIn { from: IpAddr, to: IpAddr, carries: Protocol, len: usize },
        /// A packet goes out.
        PacketOut { from: IpAddr, to: IpAddr, carries: Protocol, len: usize },
        /// A part of a packet came in.
        FragmentIn { from: IpAddr, identification: u32, offset: usize, len: usize, is_last: bool },
        /// All parts of a packet are here.
        Reassembled { from: IpAddr, identification: u32, len: usize },
        /// Parts of a packet were given up.
        NotReassembled { from: IpAddr, identification: u32, why: Why },
        /// A packet goes out in parts, because a link or the path takes no longer ones.
        Fragmented { to: IpAddr, len: usize, mtu: usize },
        /// The path to somebody takes no longer packets than this.
        PathMtu { to: IpAddr, mtu: usize, before: usize },
        /// A packet was passed on.
        Forwarded { from: IpAddr, to: IpAddr, interface: InterfaceId, hop_limit: u8 },
        /// A packet was not sent.
        NotSent { to: IpAddr, why: Why },
        /// A packet that came in parts, of no flow here, was handed to the hosts behind other queues.
        HandedOver { from: IpAddr, to: IpAddr, carries: Protocol, len: usize },
        /// A packet that came in was dropped.
        Dropped { from: IpAddr, to: IpAddr, why: Why },
    }
}

/// Why a packet was dropped, or something else not done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// Its source was our address, and is no longer (RFC 1122 §3.2.1.3).
    SourceGone,
    /// It came at another queue of the device, and nobody at this one has its flow: whether somebody
    /// has is known nowhere, so nobody is told.
    NotAtThisQueue,
    /// It is for somebody else, and we are no router (RFC 1122 §3.2.1.3).
    NotForUs,
    /// Its source can be nobody's (RFC 1122 §3.2.1.3, RFC 1812 §5.3.7).
    MartianSource,
    /// Its destination can be nobody's, or not from outside (RFC 1122 §3.2.1.3, RFC 1812 §5.3.7).
    MartianDestination,
    /// It says that we have sent it, but it came from outside (RFC 1812 §5.3.8).
    FromOurselves,
    /// Its options do not fit one another (RFC 791 §3.1, RFC 8200 §4.2).
    OptionsMalformed,
    /// An option that says: who does not know me drops the packet (RFC 8200 §4.2).
    OptionUnknown,
    /// Its sender chose the route; no host needs that (RFC 7126 §4.3, RFC 5095 §3).
    SourceRoute,
    /// A header stands where it may not (RFC 8200 §4.1).
    HeaderOutOfPlace,
    /// The chain of headers ends in the middle, or not in the first fragment (RFC 7112 §5).
    HeadersCutShort,
    /// More headers, or options, than anybody needs (RFC 8504 §5.3).
    TooManyHeaders,
    /// It says itself that nothing is inside (RFC 8200 §4.7).
    NothingInside,
    /// Nobody here knows what it carries (RFC 1122 §3.2.2.1, RFC 8200 §4).
    UnknownProtocol,
    /// A fragment that is not the last has a length that no fragment can have (RFC 8200 §4.5).
    FragmentLength,
    /// A fragment made to hide a header (RFC 1858 §3, RFC 3128 §3).
    TinyFragment,
    /// Two fragments say different things about the same bytes, so the packet is nobody's
    /// (RFC 5722 §4).
    FragmentsOverlap,
    /// A part of a packet of which another part was refused (RFC 5722 §4).
    PacketWasRefused,
    /// Two fragments both say that they are the last, or one lies behind the last (RFC 8200 §4.5).
    FragmentsDisagree,
    /// The fragments have more gaps between them than we keep.
    TooManyGaps,
    /// Other packets' fragments need the place (RFC 8200 §5).
    ReassemblyFull,
    /// Not all fragments came in time (RFC 1122 §3.3.2, RFC 8200 §4.5).
    ReassemblyTimeout,
    /// Some fragments met congestion, but others say that their sender does not know ECN
    /// (RFC 3168 §5.3).
    EcnDisagrees,
    /// There is no route to its destination (RFC 1122 §3.3.1.2).
    NoRoute,
    /// There is no address of ours that it could come from (RFC 1122 §3.3.4.3).
    NoSource,
    /// The neighbour that would take it is not there (RFC 1122 §2.3.2.2).
    NeighborUnreachable,
    /// It is too long for a link, and may not be cut (RFC 791 §2.3, RFC 8200 §5).
    TooBig,
    /// It has been passed on as often as it may (RFC 1812 §5.3.1, RFC 8200 §3).
    HopLimitUsedUp,
    /// It would be passed on out of a scope that it must stay in (RFC 1812 §5.3.4, RFC 4007 §9).
    LeavesScope,
    /// The interface that would send it is gone, or down.
    InterfaceDown,
    /// More packets wait to be sent than we keep.
    QueueFull,
}
