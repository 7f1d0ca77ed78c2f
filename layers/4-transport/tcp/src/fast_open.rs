//! TCP Fast Open: data with the SYN. (RFC 7413)
//!
//! ```text
//!   client                                    server
//!   SYN, cookie? ───────────────────────────▶           the first time: it asks for a cookie
//!        ◀─────────────────── SYN, ACK, cookie          a keyed hash of both addresses
//!   SYN, cookie, data ──────────────────────▶           each time after that:
//!        ◀──────────────── SYN, ACK of the data         its user reads and answers already
//! ```
//!
//! The cookie shows that the client once received what was sent to its address, so that nobody makes a
//! server work for a client that is not there. A SYN is answered with one segment whatever it carries,
//! and what a server may send before the third step is bounded by the number of connections that may be
//! unproven at a time (RFC 7413 §5.1).

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use base::{Cx, Instant, SipKey};

use crate::config::Config;
use crate::machine::{Connection, Flow};
use crate::state::State;
use crate::wire::{Cookie, Header, OPTIONS_LEN_MAX};
use crate::xray::Seen;

/// How long a connection that was reset before it was proven counts as if it were there: whoever sends
/// SYNs in somebody else's name has that host reset them, and shall not gain by it (RFC 7413 §5.1).
const RESET_COUNTS_FOR: Duration = Duration::from_secs(60);

/// What an operator chooses of TCP Fast Open.
#[derive(Clone, Debug, Default)]
pub struct FastOpen {
    /// Whether clients may ask for cookies and use them; their user still has to say so.
    pub client: bool,
    /// Whether clients send data without a cookie.
    pub client_without_cookie: bool,
    /// Whether listeners take data with SYNs, and give cookies.
    pub server: bool,
    /// How many connections of a listener may be unproven at a time: with data, and without the third
    /// step (RFC 7413 §5.1). Zero is none.
    pub pending_max: usize,
    /// Whether zero is instead as many as may wait to be accepted.
    pub pending_follows_backlog: bool,
    /// Whether data is taken without a cookie: only where nobody can send in somebody else's name.
    pub server_without_cookie: bool,
    /// Whether any cookie is good: the same, for clients that insist on one.
    pub server_takes_any_cookie: bool,
    /// Whether cookies say which client they are for, and not which of our addresses (FreeBSD).
    pub cookie_of_client_only: bool,
    /// What cookies are made with; several servers that stand for one must have the same. Otherwise it
    /// comes from the stack's secret.
    pub key: Option<SipKey>,
    /// What they were made with before: such a cookie is good, and is replaced.
    pub key_before: Option<SipKey>,
}

impl FastOpen {
    /// The cookie for who sends from `flow.remote` to `flow.local`: SipHash-2-4 of both addresses, lowest
    /// byte first, as Linux makes it, or of the first as FreeBSD does. (RFC 7413 §4.1.2)
    pub(crate) fn cookie(&self, key: &SipKey, flow: &Flow) -> Option<Cookie> {
        let mut bytes = [0; 32];
        let len = match (flow.remote.ip(), flow.local.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                *bytes.first_chunk_mut()? = from.octets();
                bytes.get_mut(4..8)?.copy_from_slice(&to.octets());
                8
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                *bytes.first_chunk_mut()? = from.octets();
                bytes.get_mut(16..)?.copy_from_slice(&to.octets());
                32
            }
            _ => return None,
        };
        let len = if self.cookie_of_client_only { len / 2 } else { len };
        Cookie::new(&key.hash(bytes.get(..len)?).to_le_bytes())
    }

    /// How many may be unproven at a listener with this `backlog`.
    pub(crate) fn most(&self, backlog: usize) -> usize {
        match (self.server, self.pending_max) {
            (false, _) => 0,
            (true, 0) if self.pending_follows_backlog => backlog,
            (true, most) => most,
        }
    }

    fn key_now(&self, config: &Config) -> SipKey {
        self.key.unwrap_or_else(|| config.secret.derive(b"fast open"))
    }
}

/// The connections of a listener that are unproven: each holds a share of this.
#[derive(Debug, Default)]
pub(crate) struct Unproven {
    /// Those that were reset, and when the last of them was.
    resets: AtomicUsize,
    reset_at: AtomicU64,
}

impl Unproven {
    /// How many there are; `self` is the listener's share.
    fn count(self: &Arc<Self>, now: Instant) -> usize {
        let reset_at = Instant::from_nanos(self.reset_at.load(Ordering::Relaxed));
        if now.since(reset_at) >= RESET_COUNTS_FOR {
            self.resets.store(0, Ordering::Relaxed);
        }
        Arc::strong_count(self) - 1 + self.resets.load(Ordering::Relaxed)
    }

    fn note_reset(&self, now: Instant) {
        self.resets.fetch_add(1, Ordering::Relaxed);
        self.reset_at.store(now.as_nanos(), Ordering::Relaxed);
    }
}

/// What a listener makes of a SYN.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// The connection begins at once; its answer may have a new cookie.
    Opens(Option<Cookie>),
    /// It begins with the third step; the answer may have a cookie for the next time.
    Waits(Option<Cookie>),
}

/// What happened to a fast opening.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FastOpenStep {
    /// The peer gets a cookie (RFC 7413 §4.1.2).
    CookieGranted,
    /// The peer's cookie is not ours, or of a key that is gone: it gets another, and its data is not
    /// taken (RFC 7413 §4.1.2).
    CookieWrong,
    /// Too many are unproven: data is not taken, and no cookie given (RFC 7413 §5.1).
    TooManyUnproven,
    /// There is data without a cookie, and nobody allows that (RFC 7413 §4.2.2).
    CookieMissing,
    /// The connection is there before the third step (RFC 7413 §4.2.2).
    Opened,
    /// We ask for a cookie (RFC 7413 §4.2.1).
    CookieAsked,
    /// Our SYN has data (RFC 7413 §4.2.1).
    DataSent,
    /// The peer has taken it (RFC 7413 §4.2.1).
    DataTaken,
    /// The peer has not: it goes once more (RFC 7413 §4.2.1).
    DataNotTaken,
    /// The SYN was lost: it goes once more by itself (RFC 7413 §4.1.3).
    FallenBack,
}

/// RFC 7413 §4.2.2: what a listener does with a SYN that asks for a cookie, has one, or has data.
pub(crate) fn judge(
    cx: &mut Cx<'_>,
    config: &Config,
    (unproven, most): (&Arc<Unproven>, usize),
    flow: &Flow,
    (given, has_data): (Option<Cookie>, bool),
) -> Verdict {
    let fast = &config.fast_open;
    if most == 0 || (given.is_none() && !has_data) {
        return Verdict::Waits(None);
    }
    if unproven.count(cx.now()) >= most {
        cx.note(|| Seen::FastOpen { step: FastOpenStep::TooManyUnproven });
        return Verdict::Waits(None);
    }
    if fast.server_without_cookie {
        cx.note(|| Seen::FastOpen { step: FastOpenStep::Opened });
        return Verdict::Opens(None);
    }
    let Some(given) = given else {
        cx.note(|| Seen::FastOpen { step: FastOpenStep::CookieMissing });
        return Verdict::Waits(None);
    };
    let is =
        |cookie: Option<Cookie>| cookie.is_some_and(|cookie| cookie.as_slice() == given.as_slice());
    let cookie = fast.cookie(&fast.key_now(config), flow);
    let reply = cookie.map(|cookie| cookie.in_form_of(&given));
    let before = || fast.key_before.and_then(|key| fast.cookie(&key, flow));
    let (step, verdict) = if given.is_empty() {
        (FastOpenStep::CookieGranted, Verdict::Waits(reply))
    } else if is(cookie) || fast.server_takes_any_cookie {
        (FastOpenStep::Opened, Verdict::Opens(None))
    } else if is(before()) {
        (FastOpenStep::Opened, Verdict::Opens(reply))
    } else {
        (FastOpenStep::CookieWrong, Verdict::Waits(reply))
    };
    cx.note(|| Seen::FastOpen { step });
    verdict
}

/// What a client knows of a server from earlier connections (RFC 7413 §4.1.3).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Known {
    /// Its cookie; none or an empty one asks for it, in the form that this has.
    pub cookie: Option<Cookie>,
    /// Its largest segment, in bytes of payload and options.
    pub mss: Option<u16>,
}

/// A connection that opens fast, until it is open.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    /// What the next SYN says of cookies.
    option: Option<Cookie>,
    /// The listener counts it; nothing once it is proven.
    unproven: Option<Arc<Unproven>>,
    /// We connect, and the SYN asked for a cookie or had data.
    is_client: bool,
    /// How the SYN asked for a cookie, if it did.
    asked: Option<Cookie>,
    /// How many bytes may go with the SYN, as long as that was not sent.
    room: u16,
    /// Data went with the SYN, and whether the peer took it.
    has_data: bool,
    is_data_taken: bool,
    /// What the peer's SYN has taught us.
    learned: Option<Known>,
}

// A server.

impl Connection {
    /// The peer may be sent data before the third step; `option` is for its next connection.
    pub(crate) fn open_unproven(
        &mut self,
        cx: &mut Cx<'_>,
        option: Option<Cookie>,
        unproven: &Arc<Unproven>,
    ) {
        let unproven = Some(Arc::clone(unproven));
        self.life.set_opening(Opening { option, unproven, ..Opening::default() });
        self.send.nagle.is_early = true;
        let config = Arc::clone(&self.config);
        self.send.begin(cx, &config, (false, true));
        self.send.start_handshake();
    }

    /// What came with the SYN is for the user already.
    pub(crate) fn note_early_data(&mut self) {
        if let Some(opening) = self.life.opening_mut() {
            opening.has_data = true;
            opening.is_data_taken = true;
        }
    }

    /// Whether this is a server's that began with the SYN, and no third step has come.
    pub(crate) fn is_unproven(&self) -> bool {
        self.send.nagle.is_early && self.send.una == self.send.iss
    }

    /// The third step has come: this one does not count any more.
    pub(crate) fn note_proven(&mut self) {
        if let Some(opening) = self.life.opening_mut() {
            opening.unproven = None;
        }
    }

    /// It was reset before.
    pub(crate) fn note_reset_unproven(&mut self, now: Instant) {
        let opening = self.life.opening_mut();
        if let Some(unproven) = opening.and_then(|opening| opening.unproven.take()) {
            unproven.note_reset(now);
        }
    }
}

// A client.

impl Connection {
    /// What is written until the SYN leaves goes with it, as far as what is `known` of the server and the
    /// configuration allow; otherwise the SYN asks for a cookie. To be called before anything is sent.
    /// (RFC 7413 §4.2.1)
    pub fn open_fast(&mut self, cx: &mut Cx<'_>, known: &Known) {
        let fast = &self.config.fast_open;
        if !fast.client || self.state != State::SynSent || !self.send.sent.is_empty() {
            return;
        }
        let given = known.cookie.filter(|cookie| !cookie.is_empty());
        let may_send = fast.client_without_cookie || given.is_some();
        let option = match fast.client_without_cookie {
            true => None,
            false => Some(known.cookie.unwrap_or_default()),
        };
        let mut room = 0;
        if may_send {
            // Whatever else the header carries, the whole is no longer than the peer and the path take.
            let mss = known.mss.unwrap_or(crate::syn_sent::MSS_DEFAULT_V4);
            room = mss.min(self.send.pmtu.mss()).saturating_sub(OPTIONS_LEN_MAX as u16);
        } else {
            cx.note(|| Seen::FastOpen { step: FastOpenStep::CookieAsked });
        }
        let asked = option.filter(Cookie::is_empty);
        let opening = Opening { option, asked, room, is_client: true, ..Opening::default() };
        self.life.set_opening(opening);
    }

    /// What the next SYN says of cookies: the first does, and what is sent again does not, in case that
    /// was the trouble (RFC 7413 §4.1.3).
    pub(crate) fn take_fast_open_option(&mut self) -> Option<Cookie> {
        self.life.opening_mut().and_then(|opening| opening.option.take())
    }

    /// Our SYN leaves with so many bytes.
    pub(crate) fn note_syn_data(&mut self, cx: &mut Cx<'_>, len: u32, is_again: bool) {
        let Some(opening) = self.life.opening_mut().filter(|opening| opening.is_client) else {
            return;
        };
        opening.room = 0;
        if len > 0 {
            opening.has_data = true;
            cx.note(|| Seen::FastOpen { step: FastOpenStep::DataSent });
        } else if is_again && opening.has_data {
            cx.note(|| Seen::FastOpen { step: FastOpenStep::FallenBack });
        }
    }

    /// The server's SYN acknowledges ours, and perhaps what went with it; the rest goes once more.
    pub(crate) fn finish_fast_open(&mut self, cx: &mut Cx<'_>, header: &Header) {
        let was_lost = self.send.totals.retransmitted > 0;
        let is_all = self.send.una == self.send.nxt;
        let Some(opening) = self.life.opening_mut().filter(|opening| opening.is_client) else {
            return;
        };
        let cookie = header.options.fast_open.filter(|cookie| !cookie.is_empty());
        // A server that answered only what was sent again has not seen the cookie.
        let asked_in_vain = opening.asked.filter(|_| cookie.is_none() && !was_lost);
        let other_form = asked_in_vain.map(|asked| asked.in_other_form());
        opening.learned = Some(Known { cookie: cookie.or(other_form), mss: header.options.mss });
        if !opening.has_data {
            return;
        }
        opening.is_data_taken = is_all;
        let step = if is_all { FastOpenStep::DataTaken } else { FastOpenStep::DataNotTaken };
        cx.note(|| Seen::FastOpen { step });
        if is_all {
            // It was one segment, and is two entries of the scoreboard.
            self.send.totals.delivered = self.send.totals.delivered.saturating_sub(1);
        } else {
            self.send.take_back_unacknowledged(cx);
        }
    }

    /// What was learned of the server for its next connection, once; a cookie that is empty says in which
    /// form to ask, none leaves the one that is known.
    pub fn take_fast_open(&mut self) -> Option<Known> {
        self.life.opening_mut().and_then(|opening| opening.learned.take())
    }

    /// Whether data that went with a SYN, ours or the peer's, was taken.
    pub(crate) fn has_syn_data(&self) -> bool {
        self.life.opening().is_some_and(|opening| opening.has_data && opening.is_data_taken)
    }

    /// How much may be written that goes with our SYN.
    pub fn syn_room(&self) -> usize {
        self.life.opening().map_or(0, |opening| opening.room.into())
    }

    /// Whether the user may read and write: both sides have agreed, or the peer is a client with a cookie.
    pub fn is_open(&self) -> bool {
        self.state.is_synchronized() || self.is_unproven()
    }
}
