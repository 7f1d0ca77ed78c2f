//! Messages: bytes ⇄ values. (RFC 2131 §2, RFC 2132, RFC 3396)

use std::borrow::Cow;
use std::net::Ipv4Addr;

use base::{Mac, Malformed, TxBuf};

/// The port of clients. (RFC 2131 §4.1)
pub const CLIENT_PORT: u16 = 68;

/// The port of servers. (RFC 2131 §4.1)
pub const SERVER_PORT: u16 = 67;

/// The shortest message: relays of BOOTP drop what is less. (RFC 1542 §2.1)
const LEN_MIN: usize = 300;

/// RFC 2131 §3: these four bytes say that options follow.
const COOKIE: [u8; 4] = [99, 130, 83, 99];

/// Ethernet, among the types of hardware.
const ETHERNET: u8 = 1;

/// The flag that asks for answers to everybody. (RFC 2131 §2, figure 2)
const BROADCAST: u16 = 0x8000;

/// The codes of options. (RFC 2132)
pub mod option {
    #![allow(missing_docs, reason = "they are the names of RFC 2132")]
    pub const PAD: u8 = 0;
    pub const SUBNET_MASK: u8 = 1;
    pub const ROUTER: u8 = 3;
    pub const DNS_SERVERS: u8 = 6;
    pub const HOST_NAME: u8 = 12;
    pub const DOMAIN_NAME: u8 = 15;
    pub const INTERFACE_MTU: u8 = 26;
    pub const REQUESTED_ADDRESS: u8 = 50;
    pub const LEASE_TIME: u8 = 51;
    pub const OVERLOAD: u8 = 52;
    pub const MESSAGE_TYPE: u8 = 53;
    pub const SERVER_ID: u8 = 54;
    pub const PARAMETER_LIST: u8 = 55;
    pub const MESSAGE: u8 = 56;
    pub const MESSAGE_LEN_MAX: u8 = 57;
    pub const RENEWAL_TIME: u8 = 58;
    pub const REBINDING_TIME: u8 = 59;
    pub const CLIENT_ID: u8 = 61;
    /// RFC 3397
    pub const DOMAIN_SEARCH: u8 = 119;
    /// RFC 3442
    pub const CLASSLESS_ROUTES: u8 = 121;
    pub const END: u8 = 255;
}

/// What a message is for. (RFC 2132 §9.6)
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A client looks for servers.
    Discover,
    /// A server has an address to give.
    Offer,
    /// A client wants that address, or to keep its own.
    Request,
    /// A client has found out that somebody else has the address.
    Decline,
    /// The server agrees.
    Ack,
    /// The server does not.
    Nak,
    /// A client is done with its address.
    Release,
    /// A client has an address and wants the rest.
    Inform,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Discover,
        Self::Offer,
        Self::Request,
        Self::Decline,
        Self::Ack,
        Self::Nak,
        Self::Release,
        Self::Inform,
    ];

    /// The kind that has this number, from 1 on.
    pub fn of(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }
}

/// What every message has, by the names of RFC 2131 §2.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// Whether a server speaks.
    pub is_reply: bool,
    /// Which conversation it belongs to.
    pub xid: u32,
    /// For how many seconds the client has been trying.
    pub secs: u16,
    /// Whether the client hears only what is sent to everybody.
    pub wants_broadcast: bool,
    /// The address that the client has and answers for.
    pub ciaddr: Ipv4Addr,
    /// The address that it gets.
    pub yiaddr: Ipv4Addr,
    /// The server of the next step of starting; nothing here uses it.
    pub siaddr: Ipv4Addr,
    /// The relay that stands between.
    pub giaddr: Ipv4Addr,
    /// The client's hardware address.
    pub chaddr: Mac,
}

impl Header {
    /// A client's message of the conversation `xid`.
    pub const fn request(xid: u32, chaddr: Mac) -> Self {
        let nobody = Ipv4Addr::UNSPECIFIED;
        Self {
            is_reply: false,
            xid,
            secs: 0,
            wants_broadcast: false,
            ciaddr: nobody,
            yiaddr: nobody,
            siaddr: nobody,
            giaddr: nobody,
            chaddr,
        }
    }

    /// Reads a message: its header and its options.
    ///
    /// # Errors
    /// For what is too short, is not about Ethernet, has no options, or one that is longer than its
    /// place.
    pub fn parse(bytes: &[u8]) -> Result<(Self, Options<'_>), Malformed> {
        let mut rest = bytes;
        let [op, hardware, hardware_len, _hops] = *take(&mut rest)?;
        let xid = u32::from_be_bytes(*take(&mut rest)?);
        let secs = u16::from_be_bytes(*take(&mut rest)?);
        let flags = u16::from_be_bytes(*take(&mut rest)?);
        let (ciaddr, yiaddr) = (take::<4>(&mut rest)?, take::<4>(&mut rest)?);
        let (siaddr, giaddr) = (take::<4>(&mut rest)?, take::<4>(&mut rest)?);
        let (chaddr, _padding) = (take::<6>(&mut rest)?, take::<10>(&mut rest)?);
        let (sname, file) = (take::<64>(&mut rest)?, take::<128>(&mut rest)?);
        let cookie: &[u8; 4] = take(&mut rest)?;
        let is_reply = match op {
            1 => false,
            2 => true,
            _ => return Err(Malformed::new("neither request nor reply of BOOTP")),
        };
        if (hardware, hardware_len) != (ETHERNET, 6) {
            return Err(Malformed::new("not about Ethernet"));
        }
        if *cookie != COOKIE {
            return Err(Malformed::new("the cookie of DHCP"));
        }
        let header = Self {
            is_reply,
            xid,
            secs,
            wants_broadcast: flags & BROADCAST != 0,
            ciaddr: Ipv4Addr::from(*ciaddr),
            yiaddr: Ipv4Addr::from(*yiaddr),
            siaddr: Ipv4Addr::from(*siaddr),
            giaddr: Ipv4Addr::from(*giaddr),
            chaddr: Mac(*chaddr),
        };
        Ok((header, Options::parse(rest, file, sname)?))
    }

    /// Writes the message behind what `out` holds. A value of more than 255 bytes is cut into several
    /// options of its code. (RFC 3396 §5)
    pub fn emit<'o>(&self, options: impl IntoIterator<Item = (u8, &'o [u8])>, out: &mut TxBuf) {
        let before = out.len();
        let op = if self.is_reply { 2 } else { 1 };
        out.append(&[op, ETHERNET, 6, 0]);
        out.append(&self.xid.to_be_bytes());
        out.append(&self.secs.to_be_bytes());
        out.append(&(if self.wants_broadcast { BROADCAST } else { 0 }).to_be_bytes());
        for address in [self.ciaddr, self.yiaddr, self.siaddr, self.giaddr] {
            out.append(&address.octets());
        }
        out.append(&self.chaddr.0);
        // The rest of chaddr, then sname and file.
        out.append_zeroed(10 + 64 + 128);
        out.append(&COOKIE);
        for (code, value) in options {
            for part in value.chunks(255) {
                out.append(&[code, part.len() as u8]);
                out.append(part);
            }
        }
        out.append(&[option::END]);
        let len = out.len() - before;
        out.append_zeroed(LEN_MIN.saturating_sub(len));
    }
}

/// The options of a message, as they came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Options<'a> {
    /// The options' own place, then those that they may fill too.
    parts: [&'a [u8]; 3],
}

impl<'a> Options<'a> {
    /// RFC 2131 §4.1, RFC 2132 §9.3: options may go on in `file`, then in `sname`, if they say so.
    fn parse(own: &'a [u8], file: &'a [u8], sname: &'a [u8]) -> Result<Self, Malformed> {
        let mut options = Self { parts: [check(own)?, &[], &[]] };
        let overload = options.iter().find(|(code, _)| *code == option::OVERLOAD);
        let (in_file, in_sname) = match overload {
            None => (false, false),
            Some((_, [1])) => (true, false),
            Some((_, [2])) => (false, true),
            Some((_, [3])) => (true, true),
            Some(_) => return Err(Malformed::new("option overload")),
        };
        let [_, more, last] = &mut options.parts;
        if in_file {
            *more = check(file)?;
        }
        if in_sname {
            *last = check(sname)?;
        }
        Ok(options)
    }

    /// Every option, in order, as it came; one that was cut comes in its parts.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &'a [u8])> {
        self.parts.into_iter().flat_map(|part| Walk { rest: part })
    }

    /// The value of an option; its parts are joined. (RFC 3396 §7, RFC 2131 §4.1)
    pub fn find(&self, code: u8) -> Option<Cow<'a, [u8]>> {
        let mut parts = self.iter().filter(|(of, _)| *of == code).map(|(_, value)| value);
        let first = parts.next()?;
        let Some(second) = parts.next() else { return Some(Cow::Borrowed(first)) };
        let mut whole = [first, second].concat();
        parts.for_each(|part| whole.extend_from_slice(part));
        Some(Cow::Owned(whole))
    }

    /// An option that is one address.
    pub fn address(&self, code: u8) -> Option<Ipv4Addr> {
        self.array(code).map(Ipv4Addr::from)
    }

    /// An option that is a number of 32 bits.
    pub fn number(&self, code: u8) -> Option<u32> {
        self.array(code).map(u32::from_be_bytes)
    }

    /// An option that has `N` bytes.
    pub fn array<const N: usize>(&self, code: u8) -> Option<[u8; N]> {
        self.find(code).and_then(|value| <[u8; N]>::try_from(&*value).ok())
    }

    /// What the message is for, if it says so. (RFC 2132 §9.6)
    pub fn kind(&self) -> Option<Kind> {
        self.array(option::MESSAGE_TYPE).and_then(|[number]| Kind::of(number))
    }
}

/// The same bytes, if no option in them is longer than they are. An end is not asked for: some leave
/// it out.
fn check(bytes: &[u8]) -> Result<&[u8], Malformed> {
    let mut walk = Walk { rest: bytes };
    walk.by_ref().for_each(drop);
    match walk.rest.is_empty() {
        true => Ok(bytes),
        false => Err(Malformed::new("an option of DHCP is longer than its place")),
    }
}

/// Options, one after another; what is left in the end could not be read.
struct Walk<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Walk<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match *self.rest {
                [option::PAD, ref rest @ ..] => self.rest = rest,
                [option::END, ..] => self.rest = &[],
                [code, len, ref rest @ ..] => {
                    let (value, rest) = rest.split_at_checked(usize::from(len))?;
                    self.rest = rest;
                    return Some((code, value));
                }
                [_] | [] => return None,
            }
        }
    }
}

/// The next `N` bytes of what stands in front of the options.
fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], Malformed> {
    let (taken, after) =
        rest.split_first_chunk().ok_or(Malformed::new("shorter than a message of DHCP"))?;
    *rest = after;
    Ok(taken)
}
