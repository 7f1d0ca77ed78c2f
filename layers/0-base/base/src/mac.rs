use std::fmt;
use std::str::FromStr;

use crate::Malformed;

/// A hardware address of 48 bits. (IEEE 802, RFC 9542 §2)
#[derive(Clone, Copy, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Everybody on the link.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Nobody: what a request for an unknown address holds in its place.
    pub const UNSPECIFIED: Self = Self([0; 6]);

    /// Whether it names a group (the broadcast is one).
    #[inline]
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// Whether somebody chose it, instead of a manufacturer.
    pub const fn is_local(self) -> bool {
        self.0[0] & 2 != 0
    }

    /// Whether a station can have it: neither a group nor nobody.
    #[inline]
    pub const fn is_station(self) -> bool {
        !self.is_group() && !matches!(self, Self::UNSPECIFIED)
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Mac {
    type Err = Malformed;

    /// Reads six bytes of two hexadecimal digits, all between colons or all between hyphens.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        const WRONG: Malformed = Malformed::new("a hardware address is xx:xx:xx:xx:xx:xx");
        let separator = if text.contains('-') { '-' } else { ':' };
        let mut mac = [0; 6];
        let mut parts = text.split(separator);
        for byte in &mut mac {
            let part = parts.next().ok_or(WRONG)?;
            if part.len() != 2 || !part.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(WRONG);
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| WRONG)?;
        }
        if parts.next().is_some() { Err(WRONG) } else { Ok(Self(mac)) }
    }
}
