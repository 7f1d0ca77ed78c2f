//! What this layer tells the x-ray.

use std::fmt;

use base::xray::Text;

use crate::fault::Why;
use crate::wire::{Alert, ClientHello};

base::notes! {
    /// What the session layer tells the x-ray.
    pub enum Seen<'a> in Session {
        /// A client opens the conversation; its first message is in clear text.
        ClientHello { by: By, server_name: Name<'a>, alpn: Offered<'a>, versions: Versions<'a>, suites: usize, resumes: bool },
        /// A client that speaks of protocols by NPN, which is never answered; what decides instead.
        NpnUnanswered { because: &'static str, instead: &'static str },
        /// Both sides have proved what they must; from here on bytes of the application pass.
        Established { version: crate::Version, suite: &'static str, group: Or<&'static str>, alpn: Or<crate::Alpn>, server_name: Name<'a>, resumed: bool },
        /// The server's certificate is not one to trust, and we were told not to mind.
        Distrusted { problem: &'a str },
        /// Tickets with which the client may come back for less (RFC 8446 §4.6.1).
        TicketsSent { len: usize },
        /// The other side ended it, and says why.
        AlertReceived { alert: Alert },
        /// We ended it and told the other side why; the name shows only when it left in clear text.
        AlertSent { alert: Or<Alert> },
        /// One side will send nothing more, and says so.
        Closed { by: By },
        /// The stream ended without the word that it would; what came last may be missing.
        Truncated,
        /// There is no session, or no more.
        Refused { why: Why, detail: &'a str },
        /// Bytes that came after the end, and went.
        Ignored { len: usize },
    }
}

/// Which side.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(missing_docs)]
pub enum By {
    Us,
    Peer,
}

/// Something that may not be there; a hyphen when it is not.
#[derive(Clone, Copy)]
pub struct Or<T>(pub Option<T>);

impl<T: fmt::Debug> fmt::Debug for Or<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("-"),
        }
    }
}

/// The name of a server, as bytes from the wire.
#[derive(Clone, Copy)]
pub struct Name<'a>(pub Option<&'a [u8]>);

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => fmt::Debug::fmt(&Text(name), f),
            None => f.write_str("-"),
        }
    }
}

/// The application protocols of a ClientHello.
#[derive(Clone, Copy)]
pub struct Offered<'a>(pub ClientHello<'a>);

impl fmt::Debug for Offered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.alpn().map(Text)).finish()
    }
}

/// The versions of a ClientHello; values that mean nothing (RFC 8701) are left out.
#[derive(Clone, Copy)]
pub struct Versions<'a>(pub ClientHello<'a>);

impl fmt::Debug for Versions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.versions().filter_map(|version| match version {
            0x0304 => Some("1.3"),
            0x0303 => Some("1.2"),
            0x0302 => Some("1.1"),
            0x0301 => Some("1.0"),
            _ => None,
        });
        f.debug_list().entries(names).finish()
    }
}
