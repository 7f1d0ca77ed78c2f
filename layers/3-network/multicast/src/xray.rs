use std::net::IpAddr;
use std::time::Duration;

use crate::wire::Version;

base::notes! {
    /// What the membership of groups tells the x-ray.
    pub enum Seen in Network {
        /// A router asked who listens: to anything, or to one group.
        QueryIn { from: IpAddr, group: Option<IpAddr>, version: Version, within: Duration },
        /// We said to which groups we listen, or listen no longer.
        ReportOut { groups: usize, version: Version },
        /// We told routers of an older version that we listen to a group.
        GroupReported { group: IpAddr, version: Version },
        /// We told routers of an older version that we listen to a group no longer.
        GroupLeft { group: IpAddr, version: Version },
        /// Somebody else told routers that the group has listeners, so we need not.
        ReportedByOther { group: IpAddr, by: IpAddr },
        /// A router of another version is heard; we speak as it does.
        VersionChanged { from: Version, to: Version },
        /// What somebody sent was dropped.
        Dropped { from: IpAddr, why: Why },
    }
}

/// Why something was dropped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// Only routers on the link ask, and it was passed on, or does not come from there
    /// (RFC 3810 §6.2, RFC 3376 §4).
    NotFromLink,
    /// It asks about something that is no group (RFC 3376 §4.1.4).
    NoGroup,
    /// Its sender is a host as we are; only routers heed it (RFC 3376 §4.2).
    ForRouters,
    /// A message that we do not know (RFC 3376 §4).
    UnknownType,
}
