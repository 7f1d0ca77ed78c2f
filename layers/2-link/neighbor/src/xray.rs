use std::net::{IpAddr, Ipv4Addr};

use base::Mac;

use crate::state::State;

base::notes! {
    /// What the neighbour layer tells the x-ray.
    pub enum Seen in Link {
        /// We asked who has an address: one station, or everybody.
        Asked { target: IpAddr, to: Option<Mac>, attempt: u32 },
        /// We would have asked, but not now.
        NotAsked { target: IpAddr, why: Why },
        /// We know where an address is, or are less sure of it.
        Learned { ip: IpAddr, mac: Mac, state: State },
        /// Somebody asked for us and we answered.
        Answered { to: Ipv4Addr, at: Mac },
        /// An address could not be found.
        GaveUp { target: IpAddr, why: Why },
        /// A packet that waited for a neighbour will not be sent.
        PacketLost { to: IpAddr, why: Why },
        /// We asked whether somebody has an address that we want.
        Probed { ip: Ipv4Addr, nth: u32 },
        /// We told everybody that an address is ours.
        Announced { ip: Ipv4Addr, nth: u32 },
        /// Somebody else used our address, and was told.
        Defended { ip: Ipv4Addr, against: Mac },
        /// Somebody else has the address, and we let go of it.
        AddressLost { ip: Ipv4Addr, to: Mac },
        /// We did nothing about what somebody sent.
        Dropped { from: IpAddr, why: Why },
    }
}

/// Why something was dropped, or not done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// More questions wait for an answer, or were asked in this second, than we keep up with
    /// (RFC 1122 §2.3.2.1).
    TooManyQuestions,
    /// It tells of somebody in whom nobody here is interested (RFC 826, RFC 4861 §7.2.5).
    NobodyAsked,
    /// It does not say where its sender is, and we do not know it either (RFC 4861 §7.2.5).
    SaysNotWhere,
    /// An operator has said where that neighbour is.
    EntryIsPermanent,
    /// Every place in the table is taken by somebody who is needed more.
    TableFull,
    /// As many packets wait for this neighbour as we keep; the oldest made room (RFC 4861 §7.2.2).
    TooManyWait,
    /// Every question was repeated, and nobody answered (RFC 4861 §7.3.3).
    NobodyAnswered,
    /// We have sent it ourselves.
    Echo,
    /// Its sender's hardware address is a group or nobody's.
    SenderIsNoStation,
    /// Its sender's address is a group, everybody, or nobody's (RFC 1812 §3.3.2).
    SenderIsNobody,
    /// The address was defended a moment ago (RFC 5227 §2.4).
    DefendedLately,
    /// Another host behind the same hardware address defends this address, or lets go of it (RFC 5227 §2.4).
    AnotherDefends,
}
