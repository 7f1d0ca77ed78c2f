use std::fmt;
use std::net::SocketAddr;

base::notes! {
    /// What a socket of the kernel tells the x-ray.
    pub enum Seen in Transport {
        /// A connection was accepted.
        Accepted { from: Or, with_tls: bool },
        /// The proxy in front of us said who the client is.
        Announced { client: Or, by: Or },
        /// What came first does not say who the client is.
        AnnouncementRefused { because: &'static str },
        /// Bytes came in.
        Read { len: usize },
        /// Bytes went out.
        Wrote { len: usize },
        /// The socket's buffer is full; so much waits.
        WriteWaits { unsent: u64 },
        /// The peer has closed its side.
        FinReceived,
        /// We have closed our side.
        FinSent,
        /// The connection is over.
        Ended { why: Why },
    }
}

base::notes! {
    /// What a server tells the x-ray of answers that are not there yet.
    pub enum Answering in Application {
        /// The exchange waits for its handler.
        HandlerAwaited { id: u64, what: Awaited },
    }
}

/// What a handler is still to give.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Awaited {
    /// The answer that it has promised.
    Answer,
    /// What it must find out before it can be asked again.
    Question,
    /// The next part of a body.
    PartOfBody,
    /// What it wants to know the length of: the request's body.
    RequestBody,
}

/// Where a client is; a hyphen when nobody knows.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Or(pub Option<SocketAddr>);

impl fmt::Debug for Or {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("-"),
        }
    }
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// Everything was said.
    Closed,
    /// The message cannot be finished, and nobody may take it for whole.
    Aborted,
    /// The socket failed: the peer reset it, or the path broke.
    Broken,
    /// The peer took nothing for too long.
    WriteStalled,
    /// It should have begun with who the client is, and did not.
    NotAnnounced,
    /// Its client has as many connections as it may.
    TooMany,
}

impl Why {
    /// What an access log says of an exchange that ended with the connection.
    pub(crate) const fn explanation(self) -> &'static str {
        match self {
            Self::Closed => "the connection was closed",
            Self::Aborted => "the connection was aborted",
            Self::Broken => "the connection broke",
            Self::WriteStalled => "the peer took nothing for too long",
            Self::NotAnnounced => "the proxy did not say who the client is",
            Self::TooMany => "its client has as many connections as it may",
        }
    }
}
