use std::fmt;
use std::sync::Arc;

use base::Chunk;

use crate::{Fields, Head, Request, Response, Status};

/// One exchange of a request and its response, on one connection. In HTTP/2 it is the stream.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ExchangeId(pub u64);

/// What an exchange is made of, in both directions, for clients and servers, in every version.
///
/// A message is `Head`, any number of `Data`, perhaps `Trailers`, then `End`; before the head of a
/// response there may be `Informational` ones. `Reset` ends it at any point. `Promise` comes to
/// clients only, and only from HTTP/2.
#[derive(Clone, Debug)]
pub enum Event {
    /// The request or the final response begins.
    Head(Head),
    /// A 1xx response; the final one is still to come (RFC 9110 §15.2).
    Informational(Response),
    /// A part of the body. Received parts are always in memory; a part to send may be a range of a
    /// file where the connection takes them.
    Data(Chunk),
    /// The trailer section (RFC 9110 §6.5).
    Trailers(Fields),
    /// The message is complete.
    End,
    /// The exchange ended before the message did.
    Reset(Reset),
    /// The server promises the response to this request, which nobody made (RFC 9113 §8.4). It comes
    /// under the number of this event; who does not want it resets it.
    Promise(Arc<Request>),
}

/// Why an exchange ended early, in words that every version understands.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Reset {
    /// The reason, as the x-ray names it.
    pub why: &'static str,
    /// What a request would have been answered with, if it may still be answered.
    pub status: Option<Status>,
    /// Whether the peer has certainly not acted on the request, so that it may be sent again.
    pub untouched: bool,
}

impl fmt::Debug for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.why)?;
        if let Some(status) = self.status {
            write!(f, " ({})", status.code())?;
        }
        if self.untouched {
            f.write_str(" (untouched)")?;
        }
        Ok(())
    }
}
