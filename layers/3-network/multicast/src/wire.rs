//! Messages of IGMP and MLD: bytes ⇄ values. (RFC 3376 §4, RFC 2236 §2, RFC 3810 §5, RFC 2710 §3)
//!
//! IGMP has a checksum of its own, over the message alone. MLD is ICMPv6, which has written type, code
//! and checksum in front of what is read and written here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use base::{Malformed, checksum};

/// Where reports of the newest version go. (RFC 3376 §4.2.14, RFC 3810 §5.2.14)
pub const REPORTS_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 22);

/// The same for MLD.
pub const REPORTS_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);

/// Every host on the link. (RFC 1112 §4)
pub const ALL_SYSTEMS_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);

/// The same of IPv6. (RFC 4291 §2.7.1)
pub const ALL_NODES_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// Every router on the link; they hear of those who leave. (RFC 2236 §9)
pub const ALL_ROUTERS_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 2);

/// The same of IPv6. (RFC 4291 §2.7.1, RFC 2710 §8)
pub const ALL_ROUTERS_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// Types of IGMP.
const IGMP_QUERY: u8 = 0x11;
const IGMP_REPORT_V1: u8 = 0x12;
const IGMP_REPORT_V2: u8 = 0x16;
const IGMP_LEAVE: u8 = 0x17;
const IGMP_REPORT_V3: u8 = 0x22;

/// Types of ICMPv6.
const MLD_QUERY: u8 = 130;
const MLD_REPORT_V1: u8 = 131;
const MLD_DONE: u8 = 132;
const MLD_REPORT_V2: u8 = 143;

/// As whom routers and we speak. MLD has no number of its own for what IGMPv1 was.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Version {
    /// IGMPv1: nobody says that they leave.
    Oldest,
    /// IGMPv2, MLDv1.
    Older,
    /// IGMPv3, MLDv2.
    Newest,
}

/// A message that a host heeds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Message {
    /// Who listens?
    Query(Query),
    /// A host listens to a group, in an older version.
    Report(IpAddr),
    /// What only routers heed.
    ForRouters,
    /// Something else.
    Other,
}

/// A router's question. (RFC 3376 §4.1, RFC 3810 §5.1)
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Query {
    /// In which version it is asked.
    pub version: Version,
    /// About which group; nothing, if about all.
    pub group: Option<IpAddr>,
    /// Within which time it is to be answered.
    pub within: Duration,
    /// How often reports are to be repeated, so that one may be lost; 0 says nothing.
    pub robustness: u8,
}

/// What a record says of a group. (RFC 3376 §4.2.12, RFC 3810 §5.2.12)
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Record {
    /// We listen to it, whoever sends: MODE_IS_EXCLUDE {}.
    Listens,
    /// We listen to it from now on: CHANGE_TO_EXCLUDE_MODE {}.
    Joined,
    /// We listen to it no longer: CHANGE_TO_INCLUDE_MODE {}.
    Left,
}

/// What is to be sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Report {
    /// Records of several groups, in the newest version.
    Records(Vec<(IpAddr, Record)>),
    /// We listen to a group, in an older version.
    Listens(IpAddr, Version),
    /// We listen to a group no longer, in an older version.
    Left(IpAddr),
}

impl Message {
    /// Reads a message of IGMP.
    ///
    /// # Errors
    /// For what is too short, and a wrong checksum.
    pub fn parse_igmp(bytes: &[u8]) -> Result<Self, Malformed> {
        let short = Malformed::new("shorter than an IGMP message");
        let ([kind, code, _, _, a, b, c, d], rest) = bytes.split_first_chunk::<8>().ok_or(short)?;
        if checksum::of(bytes) != 0 {
            return Err(Malformed::new("IGMP checksum"));
        }
        let group = Ipv4Addr::new(*a, *b, *c, *d);
        Ok(match *kind {
            IGMP_QUERY => {
                // RFC 3376 §7.1: the version shows in the length, and in a code of zero.
                let version = match (rest.len(), code) {
                    (0, 0) => Version::Oldest,
                    (0, _) => Version::Older,
                    (4.., _) => Version::Newest,
                    _ => return Err(short),
                };
                let tenths = match version {
                    // RFC 2236 §4: IGMPv1 waits ten seconds.
                    Version::Oldest => 100,
                    Version::Older => u32::from(*code),
                    Version::Newest => float(u32::from(*code), 7, 4),
                };
                Self::Query(Query {
                    version,
                    group: (!group.is_unspecified()).then_some(group.into()),
                    within: Duration::from_millis(100) * tenths,
                    robustness: rest.first().map_or(0, |flags| flags & 7),
                })
            }
            IGMP_REPORT_V1 | IGMP_REPORT_V2 => Self::Report(group.into()),
            IGMP_LEAVE | IGMP_REPORT_V3 => Self::ForRouters,
            _ => Self::Other,
        })
    }

    /// Reads what stands behind the checksum of a message of ICMPv6.
    ///
    /// # Errors
    /// For what is too short.
    pub fn parse_mld(kind: u8, body: &[u8]) -> Result<Self, Malformed> {
        let short = Malformed::new("shorter than an MLD message");
        if matches!(kind, MLD_DONE | MLD_REPORT_V2) {
            return Ok(Self::ForRouters);
        }
        let ([c, d, _, _], rest) = body.split_first_chunk::<4>().ok_or(short)?;
        let (group, rest) = rest.split_first_chunk::<16>().ok_or(short)?;
        let (code, group) = (u32::from(u16::from_be_bytes([*c, *d])), Ipv6Addr::from(*group));
        Ok(match kind {
            MLD_QUERY => {
                // RFC 3810 §8.1: the version shows in the length.
                let (version, millis) = match rest.len() {
                    0 => (Version::Older, code),
                    4.. => (Version::Newest, float(code, 15, 12)),
                    _ => return Err(short),
                };
                Self::Query(Query {
                    version,
                    group: (!group.is_unspecified()).then_some(group.into()),
                    within: Duration::from_millis(millis.into()),
                    robustness: rest.first().map_or(0, |flags| flags & 7),
                })
            }
            MLD_REPORT_V1 => Self::Report(group.into()),
            _ => Self::Other,
        })
    }
}

/// Whether a type of ICMPv6 is one of MLD's.
pub const fn is_mld(kind: u8) -> bool {
    matches!(kind, MLD_QUERY..=MLD_DONE | MLD_REPORT_V2)
}

impl Report {
    /// Where it goes.
    pub fn destination(&self, is_v6: bool) -> IpAddr {
        match (self, is_v6) {
            (Self::Records(_), false) => REPORTS_V4.into(),
            (Self::Records(_), true) => REPORTS_V6.into(),
            (Self::Listens(group, _), _) => *group,
            (Self::Left(_), false) => ALL_ROUTERS_V4.into(),
            (Self::Left(_), true) => ALL_ROUTERS_V6.into(),
        }
    }

    /// The whole message of IGMP.
    pub fn to_igmp(&self) -> Vec<u8> {
        let mut bytes = match self {
            Self::Records(records) => {
                let mut bytes = vec![IGMP_REPORT_V3, 0, 0, 0];
                emit_records(records, &mut bytes);
                bytes
            }
            Self::Listens(group, version) => {
                let kind = match version {
                    Version::Oldest => IGMP_REPORT_V1,
                    _ => IGMP_REPORT_V2,
                };
                one_group(vec![kind, 0, 0, 0], *group)
            }
            Self::Left(group) => one_group(vec![IGMP_LEAVE, 0, 0, 0], *group),
        };
        let sum = checksum::of(&bytes).to_be_bytes();
        if let Some(place) = bytes.get_mut(2..4) {
            place.copy_from_slice(&sum);
        }
        bytes
    }

    /// The type of ICMPv6, and what stands behind its checksum.
    pub fn to_mld(&self) -> (u8, Vec<u8>) {
        match self {
            Self::Records(records) => {
                let mut body = Vec::new();
                emit_records(records, &mut body);
                (MLD_REPORT_V2, body)
            }
            Self::Listens(group, _) => (MLD_REPORT_V1, one_group(vec![0; 4], *group)),
            Self::Left(group) => (MLD_DONE, one_group(vec![0; 4], *group)),
        }
    }
}

/// RFC 3376 §4.2.4, RFC 3810 §5.2.4: two reserved bytes, the number of records, and each without
/// sources.
fn emit_records(records: &[(IpAddr, Record)], out: &mut Vec<u8>) {
    out.extend([0, 0]);
    out.extend((records.len() as u16).to_be_bytes());
    for (group, record) in records {
        let kind = match record {
            Record::Listens => 2,
            Record::Left => 3,
            Record::Joined => 4,
        };
        out.extend([kind, 0, 0, 0]);
        put_address(out, *group);
    }
}

fn one_group(mut bytes: Vec<u8>, group: IpAddr) -> Vec<u8> {
    put_address(&mut bytes, group);
    bytes
}

fn put_address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => out.extend(address.octets()),
        IpAddr::V6(address) => out.extend(address.octets()),
    }
}

/// RFC 3376 §4.1.1, RFC 3810 §5.1.3: a code whose highest bit is set has three bits of exponent and
/// `mantissa_bits` of mantissa.
const fn float(code: u32, high_bit: u32, mantissa_bits: u32) -> u32 {
    if code >> high_bit == 0 {
        return code;
    }
    let (exponent, mantissa) = (code >> mantissa_bits & 7, code & ((1 << mantissa_bits) - 1));
    (mantissa | 1 << mantissa_bits) << (exponent + 3)
}
