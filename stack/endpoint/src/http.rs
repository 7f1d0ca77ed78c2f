//! Layer 7: one version of HTTP or the other, as the beginning of the connection decides.
//!
//! A server begins with HTTP/1.1, and goes over to HTTP/2 where the client asks for that in one of
//! three ways: by ALPN in the handshake of TLS (RFC 9113 §3.2), by beginning with HTTP/2's preface
//! in clear text (§3.3), or by a first request with `Upgrade: h2c` (RFC 7540 §3.2; RFC 9113 has let
//! that go, and clients still do it). A client goes by ALPN alone.

use std::sync::Arc;

use base::{Chunk, Cx, Instant, TxQueue};
use message::{Closing, Event, ExchangeId, Fields, Head, Name, Pace, Request, Response, Status};

use crate::{Config, Timer};

/// The machine of layer 7.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "who speaks HTTP/1.1 needs no memory of its own")]
pub(crate) enum Http {
    One(One),
    Two(Box<Two>),
}

/// HTTP/1.1, and whether it may still become something else.
#[derive(Debug)]
pub(crate) struct One {
    http: http1::Connection,
    /// By what HTTP/2 would begin; nothing once it cannot any more.
    may_become: Option<Arc<http2::Config>>,
    is_server: bool,
    is_secure: bool,
}

/// HTTP/2.
#[derive(Debug)]
pub(crate) struct Two {
    http: http2::Connection,
    /// What HTTP/1.1 said before it.
    ahead: TxQueue,
    /// Whether nothing else is said before the client speaks HTTP/2: what follows the 101 at once is
    /// more than some clients keep (curl 7 has 32 KiB for it).
    is_silent: bool,
}

impl Http {
    pub(crate) fn server(cx: &mut Cx<'_>, config: &Config, is_secure: bool) -> Self {
        let http = http1::Connection::server(cx, Arc::clone(&config.http1));
        Self::One(One { http, may_become: config.http2.clone(), is_server: true, is_secure })
    }

    pub(crate) fn client(config: &Config, is_secure: bool) -> Self {
        let http = http1::Connection::client(Arc::clone(&config.http1));
        // Without a session nobody could say that the server speaks HTTP/2.
        let may_become = config.http2.clone().filter(|_| is_secure);
        Self::One(One { http, may_become, is_server: false, is_secure })
    }

    /// The handshake of TLS has agreed on a protocol, or on none.
    pub(crate) fn agree(&mut self, cx: &mut Cx<'_>, alpn: Option<tls::Alpn>) {
        let Self::One(one) = self else { return };
        let config = one.may_become.take().filter(|_| alpn == Some(tls::Alpn::H2));
        if let Some(config) = config {
            let mut http = match one.is_server {
                true => http2::Connection::server(cx, config),
                false => http2::Connection::client(cx, config),
            };
            http.set_secure(true);
            *self = Self::two(http, TxQueue::new());
        }
    }

    fn two(http: http2::Connection, ahead: TxQueue) -> Self {
        let is_silent = !ahead.is_empty();
        Self::Two(Box::new(Two { http, ahead, is_silent }))
    }

    /// Whether it is not known yet which version it will be, so that no exchange can begin.
    pub(crate) fn is_undecided(&self) -> bool {
        matches!(self, Self::One(One { may_become: Some(_), is_server: false, .. }))
    }

    #[inline]
    pub(crate) fn handle_bytes(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> usize {
        match self {
            Self::One(one) if one.may_become.is_none() => one.http.handle_bytes(cx, bytes),
            Self::One(_) => self.handle_first_bytes(cx, bytes),
            Self::Two(two) => two.handle_bytes(cx, bytes),
        }
    }

    /// Takes the bytes with which a client's connection begins, and sees what they are.
    #[cold]
    fn handle_first_bytes(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> usize {
        let Self::One(one) = self else { return 0 };
        if !one.is_server || one.is_secure {
            // That is for ALPN to say, and it has been or will be asked.
            return one.http.handle_bytes(cx, bytes);
        }
        match begins_preface(bytes) {
            // RFC 9113 §3.4: nothing else begins like this, but not all of it is here.
            Some(false) => return 0,
            Some(true) => {
                if let Some(config) = one.may_become.take() {
                    *self = Self::two(http2::Connection::server(cx, config), TxQueue::new());
                    return self.handle_bytes(cx, bytes);
                }
                return 0;
            }
            None => {}
        }
        let taken = one.http.handle_bytes(cx, bytes);
        if taken == 0 {
            return 0;
        }
        if let Some(two) = one.upgraded(cx) {
            *self = two;
        } else if !one.http.is_idle() || one.http.closing() != Closing::Open {
            // Only a first request upgrades, and this one has not.
            one.may_become = None;
        }
        taken
    }

    #[inline(always)]
    pub(crate) fn poll_transmit(&mut self, cx: &mut Cx<'_>, out: &mut TxQueue) -> bool {
        match self {
            Self::One(one) => one.http.poll_transmit(cx, out),
            Self::Two(two) => two.poll_transmit(cx, out),
        }
    }

    #[inline]
    pub(crate) fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match self {
            Self::One(one) => one.http.poll_timeout().map(|(at, timer)| (at, Timer::Http1(timer))),
            Self::Two(two) => two.poll_timeout(),
        }
    }

    #[inline]
    pub(crate) fn room(&mut self, cx: &mut Cx<'_>, id: ExchangeId) -> u64 {
        match self {
            Self::One(one) => one.http.room(),
            Self::Two(two) => two.room(cx, id),
        }
    }

    #[inline(always)]
    pub(crate) fn send_whole(
        &mut self,
        cx: &mut Cx<'_>,
        id: ExchangeId,
        response: Response,
        body: Chunk,
    ) {
        match self {
            Self::One(one) => {
                one.http.send(cx, id, Event::Head(Head::Response(response)));
                one.http.send(cx, id, Event::Data(body));
                one.http.send(cx, id, Event::End);
            }
            Self::Two(two) => two.send_whole(cx, id, response, body),
        }
    }

    #[inline]
    pub(crate) fn poll_room(&mut self) -> Option<ExchangeId> {
        match self {
            Self::One(_) => None,
            Self::Two(two) => two.http.poll_room(),
        }
    }

    pub(crate) fn is_reusable(&self) -> bool {
        match self {
            Self::One(one) => !self.is_undecided() && one.http.is_reusable(),
            Self::Two(two) => two.http.is_reusable(),
        }
    }

    pub(crate) fn keep_pace(&mut self, id: ExchangeId, pace: Option<Arc<Pace>>) {
        match self {
            Self::One(one) => one.http.keep_pace(pace),
            Self::Two(two) => two.http.keep_pace(id, pace),
        }
    }

    pub(crate) fn wind_down(&mut self, cx: &mut Cx<'_>) {
        match self {
            Self::One(one) => one.http.wind_down(),
            Self::Two(two) => two.http.wind_down(cx),
        }
    }

    pub(crate) fn push(
        &mut self,
        cx: &mut Cx<'_>,
        parent: ExchangeId,
        request: Request,
    ) -> Option<ExchangeId> {
        match self {
            Self::One(_) => None,
            Self::Two(two) => two.http.push(cx, parent, request),
        }
    }

    #[inline]
    pub(crate) const fn is_windowed(&self) -> bool {
        matches!(self, Self::Two(_))
    }

    /// Whether `poll_transmit` has more to say when what it said is gone.
    #[inline]
    pub(crate) fn has_more(&self) -> bool {
        match self {
            Self::One(_) => false,
            Self::Two(two) => two.has_more(),
        }
    }
}

/// What both versions call by the same name. HTTP/1.1 is inlined where it is used, HTTP/2 is called:
/// which of them it is, is asked a dozen times for each request, and so costs little.
macro_rules! both {
    ($(fn $name:ident(&mut self $(, $argument:ident: $kind:ty)*) $(-> $out:ty)?;)*) => {
        impl Http {
            $(#[inline(always)]
            pub(crate) fn $name(&mut self $(, $argument: $kind)*) $(-> $out)? {
                match self {
                    Self::One(one) => one.http.$name($($argument),*),
                    Self::Two(two) => two.$name($($argument),*),
                }
            })*
        }
        impl Two {
            $(#[inline(never)]
            fn $name(&mut self $(, $argument: $kind)*) $(-> $out)? {
                self.http.$name($($argument),*)
            })*
        }
    };
    (look: $(fn $name:ident(&self) -> $out:ty;)*) => {
        impl Http {
            $(#[inline(always)]
            pub(crate) fn $name(&self) -> $out {
                match self {
                    Self::One(one) => one.http.$name(),
                    Self::Two(two) => two.$name(),
                }
            })*
        }
        impl Two {
            $(#[inline(never)]
            fn $name(&self) -> $out {
                self.http.$name()
            })*
        }
    };
}

both! {
    fn handle_eof(&mut self, cx: &mut Cx<'_>);
    fn handle_timeout(&mut self, cx: &mut Cx<'_>);
    fn open(&mut self, cx: &mut Cx<'_>, request: Request) -> Option<ExchangeId>;
    fn send(&mut self, cx: &mut Cx<'_>, id: ExchangeId, event: Event);
    fn read_body(&mut self, cx: &mut Cx<'_>, id: ExchangeId);
    fn release(&mut self, cx: &mut Cx<'_>, id: ExchangeId, n: usize);
    fn shut_down(&mut self, cx: &mut Cx<'_>);
    fn poll_event(&mut self) -> Option<(ExchangeId, Event)>;
}

both! {
    look:
    fn wants_bytes(&self) -> bool;
    fn is_idle(&self) -> bool;
    fn closing(&self) -> Closing;
    fn waiting_len(&self) -> u64;
}

impl Two {
    #[inline(never)]
    fn send_whole(&mut self, cx: &mut Cx<'_>, id: ExchangeId, response: Response, body: Chunk) {
        self.http.send_whole(cx, id, response, body);
    }

    #[inline(never)]
    fn handle_bytes(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> usize {
        let taken = self.http.handle_bytes(cx, bytes);
        self.is_silent &= taken == 0;
        taken
    }

    #[inline(never)]
    fn poll_transmit(&mut self, cx: &mut Cx<'_>, out: &mut TxQueue) -> bool {
        let was_ahead = !self.ahead.is_empty();
        if was_ahead {
            out.append(cx, &mut self.ahead);
        }
        (!self.is_silent && self.http.poll_transmit(cx, out)) || was_ahead
    }

    #[inline(never)]
    fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        self.http.poll_timeout().map(|(at, timer)| (at, Timer::Http2(timer)))
    }

    #[inline(never)]
    fn room(&mut self, cx: &mut Cx<'_>, id: ExchangeId) -> u64 {
        self.http.room(cx, id)
    }

    #[inline(never)]
    fn has_more(&self) -> bool {
        !self.is_silent && self.http.has_more()
    }
}

impl One {
    /// HTTP/2, if the request that has come asks for it and is all here (RFC 7540 §3.2): it is
    /// answered on stream 1. One with a body is answered in HTTP/1.1, which is allowed.
    fn upgraded(&mut self, cx: &mut Cx<'_>) -> Option<Http> {
        let request = self.http.upgrade_wished().filter(|request| asks_for_h2c(&request.fields))?;
        let settings = decode_settings(request.fields.get_only(Name::Http2Settings)?)?;
        let request = Request::clone(request);
        let config = self.may_become.clone()?;
        let http = http2::Connection::server_upgraded(cx, config, request, &settings).ok()?;
        // The request has been handed over, and is not shown twice.
        let (id, _) = self.http.poll_event()?;
        while self.http.poll_event().is_some() {}
        let mut fields = Fields::new();
        fields.push(Name::Upgrade, "h2c");
        let switching = Response::new(Status::SWITCHING_PROTOCOLS, fields);
        self.http.send(cx, id, Event::Head(Head::Response(switching)));
        let mut ahead = TxQueue::new();
        self.http.poll_transmit(cx, &mut ahead);
        Some(Http::two(http, ahead))
    }
}

/// Whether these are the first bytes of HTTP/2's preface, and all of it.
fn begins_preface(bytes: &[u8]) -> Option<bool> {
    let preface = http2::PREFACE;
    let len = bytes.len().min(preface.len());
    (len > 0 && bytes.get(..len) == preface.get(..len)).then_some(len == preface.len())
}

/// RFC 7540 §3.2.1: the field with the settings is for this connection, and says so.
fn asks_for_h2c(fields: &Fields) -> bool {
    fields.has_element(Name::Upgrade, "h2c")
        && fields.has_element(Name::Connection, Name::Http2Settings.as_str())
}

/// Base64 with the alphabet for addresses and without padding (RFC 7540 §3.2.1, RFC 4648 §5).
fn decode_settings(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0);
    let unpadded = text.strip_suffix(b"=").map_or(text, |t| t.strip_suffix(b"=").unwrap_or(t));
    for &letter in unpadded {
        let six = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    // What is left over is less than a byte, and nothing.
    (count < 6 && bits & ((1 << count) - 1) == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_decoded() {
        assert_eq!(
            decode_settings(b"AAMAAABkAAQAAP__").unwrap(),
            b"\0\x03\0\0\0\x64\0\x04\0\0\xff\xff"
        );
        assert_eq!(decode_settings(b"").unwrap(), b"");
        assert_eq!(decode_settings(b"AAM=").unwrap(), b"\0\x03");
        for wrong in [&b"AAMAAABkAAQAAP//"[..], b"A", b"AB", b"AA M"] {
            assert_eq!(decode_settings(wrong), None);
        }
    }

    #[test]
    fn a_preface_is_known_by_its_bytes() {
        assert_eq!(begins_preface(b""), None);
        assert_eq!(begins_preface(b"P"), Some(false));
        assert_eq!(begins_preface(b"POST"), None);
        assert_eq!(begins_preface(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0"), Some(true));
        assert_eq!(begins_preface(b"PRI * HTTP/2.0\r\n\r\nXX"), None);
    }
}
