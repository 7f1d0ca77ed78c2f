use std::fmt;

/// The headers of a SYN, of IP and of TCP, as they came: who reads them knows a good deal of the system
/// that sent them. (Linux' `TCP_SAVE_SYN`)
#[derive(Clone, Eq, PartialEq)]
pub struct SynHeaders {
    len: u8,
    bytes: [u8; Self::LEN_MAX],
}

impl SynHeaders {
    /// The longest that are kept, in bytes: those of IPv4 and of TCP with all their options. IPv6's has 40,
    /// and what has extensions beyond that is not kept.
    pub const LEN_MAX: usize = 60 + 60;

    /// Keeps a copy, unless it is too long.
    pub fn new(headers: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::LEN_MAX];
        bytes.get_mut(..headers.len())?.copy_from_slice(headers);
        Some(Self { len: headers.len() as u8, bytes })
    }

    /// The bytes, from the first of IP's header on.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl fmt::Debug for SynHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SynHeaders({} bytes)", self.len)
    }
}
