use base::Mac;

use crate::wire::EtherType;

base::notes! {
    /// What the link layer tells the x-ray.
    pub enum Seen in Link {
        /// A frame came in.
        FrameIn { from: Mac, to: Mac, carries: EtherType, len: usize },
        /// A frame goes out.
        FrameOut { from: Mac, to: Mac, carries: EtherType, len: usize },
        /// A frame that came in was dropped.
        Dropped { from: Mac, why: Why },
    }
}

/// Why a frame was dropped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// It is for another station, or for a group that nobody here has joined (RFC 1112 §7.2).
    NotForUs,
    /// It says that a group has sent it, which no group can (IEEE 802.3 §3.2.3).
    SourceIsGroup,
    /// It belongs to another virtual network (IEEE 802.1Q §6.9).
    OtherVlan(u16),
    /// Nobody here knows what it carries (RFC 894).
    UnknownType(u16),
}
