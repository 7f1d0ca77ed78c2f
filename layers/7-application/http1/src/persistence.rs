//! Whether another message follows on the connection. (RFC 9112 §9.3)

use message::{Fields, Name, Version};

/// What a message says about the connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wish {
    /// Another message may follow.
    Persist,
    /// This is the last one.
    Close,
}

/// What a message with these fields wishes: 1.1 persists unless it says `close`, 1.0 closes unless
/// it says `keep-alive`.
pub fn wish(version: Version, fields: &Fields) -> Wish {
    if !fields.contains(Name::Connection) {
        return if version >= Version::HTTP_11 { Wish::Persist } else { Wish::Close };
    }
    // RFC 9112 §9.3: `close` wins over whatever else is said.
    let (mut close, mut keep_alive) = (false, version >= Version::HTTP_11);
    for option in fields.elements(Name::Connection) {
        close |= option.eq_ignore_ascii_case(b"close");
        keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
    }
    if keep_alive && !close { Wish::Persist } else { Wish::Close }
}

/// Whether the client wishes for another protocol and says so properly (RFC 9110 §7.8).
pub fn wishes_upgrade(version: Version, fields: &Fields) -> bool {
    version >= Version::HTTP_11
        && fields.contains(Name::Upgrade)
        && fields.has_element(Name::Connection, "upgrade")
}
