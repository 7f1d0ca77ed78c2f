use std::net::Ipv6Addr;

use base::Mac;

use crate::wire::Preference;

base::notes! {
    /// What neighbour discovery tells the x-ray.
    pub enum Seen in Network {
        /// Somebody asked who has an address.
        SolicitationIn { from: Ipv6Addr, target: Ipv6Addr },
        /// Somebody said that they have an address.
        AdvertisementIn { from: Ipv6Addr, target: Ipv6Addr, mac: Option<Mac>, solicited: bool },
        /// We asked who has an address.
        SolicitationOut { target: Ipv6Addr, from: Ipv6Addr },
        /// We said that an address is ours.
        AdvertisementOut { target: Ipv6Addr, to: Ipv6Addr },
        /// We asked whether somebody has an address that we want.
        ProbeOut { target: Ipv6Addr, nth: u32 },
        /// A probe of ours came back to us: the link is looped (RFC 7527 §4.2).
        ProbeCameBack { target: Ipv6Addr },
        /// An address is ours.
        AddressTaken { address: Ipv6Addr },
        /// Somebody else has an address that we wanted, or have.
        AddressLost { address: Ipv6Addr, to: Mac },
        /// Somebody else says that they have an address of ours, which we keep.
        AddressDisputed { address: Ipv6Addr, by: Mac },
        /// We asked for routers.
        RouterSolicitationOut { nth: u32 },
        /// A router said what is so on the link.
        RouterAdvertisementIn { from: Ipv6Addr, lifetime: u16, preference: Preference },
        /// We made an address of a prefix that a router advertised.
        AddressMade { address: Ipv6Addr, temporary: bool },
        /// An address is to be used for nothing new (RFC 4862 §5.5.4).
        AddressDeprecated { address: Ipv6Addr },
        /// An address has ended.
        AddressEnded { address: Ipv6Addr },
        /// A router is a default router no longer.
        RouterGone { router: Ipv6Addr, why: Why },
        /// A router said that another one is nearer to a destination, and we follow.
        Redirected { destination: Ipv6Addr, by: Ipv6Addr, to: Ipv6Addr },
        /// What somebody sent was dropped, or a part of it.
        Dropped { from: Ipv6Addr, why: Why },
    }
}

/// Why something was dropped, or ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// Its hop limit is not 255: it may come from anywhere (RFC 4861 §7.1.1).
    PassedOn,
    /// It came in parts, behind which anything can hide (RFC 6980 §5).
    InParts,
    /// Its code is not zero (RFC 4861 §7.1.1).
    UnknownCode,
    /// It is shorter than its kind (RFC 4861 §7.1.1).
    TooShort,
    /// An option has no length, or one that is not there (RFC 4861 §4.6).
    OptionLength,
    /// It is about a group, where it must be about one host (RFC 4861 §7.1.1).
    TargetIsGroup,
    /// Its sender has no address, but says where it is (RFC 4861 §7.1.1).
    NobodyWithAddress,
    /// It asks for nobody's sake, but not those who must be asked (RFC 4861 §7.1.1).
    ProbeElsewhere,
    /// It says that it answers one question, and was sent to many (RFC 4861 §7.1.2).
    AnswerToAll,
    /// A router speaks by its address of the link, and this is none (RFC 4861 §6.1.2, §8.1).
    NotFromLink,
    /// It sends us to somebody who is neither the destination nor a router of the link
    /// (RFC 4861 §8.1).
    TargetIsNoRouter,
    /// It was not sent by the router that we use for the destination (RFC 4861 §8.1).
    NotFromGateway,
    /// It asks about an address that is not ours; we speak for nobody else (RFC 4861 §7.2.3).
    NotOurs,
    /// The address is not ours yet, so we are silent (RFC 4862 §5.4.3).
    Tentative,
    /// We are no router (RFC 4861 §6.2.6), or are one, and follow none (RFC 4861 §6.3.4, §8.3).
    NotOurRole,
    /// More than we heed in this time.
    TooMany,
    /// There are as many as we keep.
    TableFull,
    /// Its lifetimes contradict each other, or its prefix is none that hosts may use
    /// (RFC 4862 §5.5.3).
    PrefixUnfit,
    /// What it says is out of the range that we obey.
    OutOfRange,
    /// Its lifetime is over, or it said so itself (RFC 4861 §6.3.4).
    Expired,
    /// It says that it is no router any more (RFC 4861 §7.2.5).
    NoRouter,
}
