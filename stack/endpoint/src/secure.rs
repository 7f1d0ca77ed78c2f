//! Layer 5, where it is used: records of TLS below, bytes of HTTP above.

use base::{Chunk, Cx, TxQueue};

use crate::http::Http;

/// What is said to somebody who speaks HTTP in clear text where TLS is spoken.
const CLEAR_TEXT_ON_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 79\r\n\
    Connection: close\r\n\
    \r\n\
    400 Bad Request: this port speaks TLS; write https:// in front of the address.\n";

/// A session, and what waits on either side of it.
#[derive(Debug)]
pub(crate) struct Secure {
    pub(crate) session: tls::Session,
    /// Bytes that are out of their records and wait for HTTP.
    pub(crate) plain: Vec<u8>,
    /// What HTTP sent before there was a session.
    pub(crate) early: TxQueue,
    /// The peer has said that nothing more will come.
    pub(crate) is_closed: bool,
    /// It has ended without saying so.
    pub(crate) is_truncated: bool,
    /// Our own last word has been said.
    pub(crate) has_said_close: bool,
    /// The session is of no use any more.
    pub(crate) is_broken: bool,
    /// What goes out is for somebody who speaks clear text.
    is_in_clear: bool,
    /// Why there is no session.
    pub(crate) fault: Option<Box<tls::Fault>>,
}

impl Secure {
    pub(crate) fn new(session: tls::Session) -> Box<Self> {
        Box::new(Self {
            session,
            plain: Vec::new(),
            early: TxQueue::new(),
            is_closed: false,
            is_truncated: false,
            has_said_close: false,
            is_broken: false,
            is_in_clear: false,
            fault: None,
        })
    }

    /// What the session has to say; once it says which protocol was agreed on, HTTP is that one.
    pub(crate) fn handle_session_events(&mut self, cx: &mut Cx<'_>, http: &mut Http) {
        while let Some(event) = self.session.poll_event() {
            match event {
                tls::Event::Established(facts) => http.agree(cx, facts.alpn),
                tls::Event::Closed => self.is_closed = true,
                tls::Event::Truncated => (self.is_closed, self.is_truncated) = (true, true),
                tls::Event::Failed(fault) => {
                    self.is_broken = true;
                    self.is_in_clear = fault.why == tls::Why::ClearText;
                    self.early.clear(cx);
                    if self.is_in_clear {
                        self.early.tail(cx).extend_from_slice(CLEAR_TEXT_ON_TLS);
                    }
                    self.fault = Some(Box::new(fault));
                }
            }
        }
    }

    pub(crate) fn move_up(&mut self, cx: &mut Cx<'_>, http: &mut Http) {
        if !self.plain.is_empty() {
            let taken = http.handle_bytes(cx, &self.plain);
            if taken == self.plain.len() {
                self.plain.clear();
            } else {
                self.plain.drain(..taken);
            }
        }
        if self.plain.is_empty() {
            cx.recycle(std::mem::take(&mut self.plain));
        }
    }

    /// Seals what HTTP sent, as soon as there is a session.
    pub(crate) fn move_down(&mut self, cx: &mut Cx<'_>, out: &mut TxQueue) -> bool {
        if self.early.is_empty() {
            return false;
        }
        if self.is_in_clear {
            out.append(cx, &mut self.early);
            return true;
        }
        if self.is_broken {
            // What was meant for a session never leaves without one.
            self.early.clear(cx);
            return false;
        }
        if self.session.is_handshaking() {
            return false;
        }
        while let Some(chunk) = self.early.pop() {
            debug_assert!(!matches!(chunk, Chunk::File(_)), "see `takes_files`");
            let mut rest = chunk.as_bytes().unwrap_or_default();
            let records = out.tail(cx);
            while !rest.is_empty() {
                match self.session.write(cx, rest, records) {
                    0 => break,
                    taken => rest = rest.get(taken..).unwrap_or_default(),
                }
            }
            if let Chunk::Owned(buffer) = chunk {
                cx.recycle(buffer);
            }
        }
        true
    }
}
