//! A client: what its user and time do to it. (RFC 2131 §4.4)
//!
//! ```text
//!   start ─▶ Init ──────▶ Selecting ─▶ Requesting ─┐
//!            InitReboot ─▶ Rebooting ──────────────┴▶ Checking ─▶ Bound ─▶ Renewing ─▶ Rebinding
//!              ▲ refused, nobody answers, conflict, lease over                │  ▲ more time │
//!              └──────────────────────────────────────────────────────────────┴──┴───────────┘
//! ```
//!
//! A lease is kept from the acknowledgement on until it is over, refused, declined or released; at each
//! of these ends the user is told once. While it is kept, its end is looked at before anything else, so
//! that no state can outlast it, whatever servers do.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use base::{Cx, Instant, Mac};
use ip::Cidr;

use crate::config::{ClientId, Config};
use crate::lease::Lease;
use crate::requests::{Message, draw_xid};
use crate::times;
use crate::xray::Seen;

/// The shortest message that a client must take, and the least that it can say. (RFC 2132 §9.10)
const MESSAGE_LEN_MIN: u16 = 576;

/// How often a chosen server is asked before we look for another: 60 seconds. (RFC 2131 §3.1 (5))
const REQUESTS_MAX: u32 = 4;

/// How often it is asked whether an old address is still good: 12 seconds. Who is in another network
/// now hears nothing at all, and wants an address there soon. (RFC 2131 §4.4.2)
const CONFIRMATIONS_MAX: u32 = 2;

base::states! {
    /// How far a client is. (RFC 2131 §4.4, figure 5)
    pub enum State {
        /// It begins, after a wait.
        Init,
        /// The same, and it has had an address.
        InitReboot,
        /// It looks for servers.
        Selecting,
        /// It has asked one of them for what that offered.
        Requesting,
        /// It has asked whether its old address is good.
        Rebooting,
        /// It has an address, and its user finds out whether somebody else has it. (RFC 2131 §4.4.1)
        Checking,
        /// It has an address.
        Bound,
        /// It asks the server for more time.
        Renewing,
        /// It asks every server for more time.
        Rebinding,
        /// It does nothing.
        Stopped,
    }
    /// Everybody is asked.
    discover: Init => Selecting;
    /// Everybody is asked whether the old address is good.
    confirm: InitReboot => Rebooting;
    /// An offer was chosen.
    choose: Selecting => Requesting;
    /// A server agreed.
    grant: Requesting | Rebooting => Checking, Renewing | Rebinding => Bound;
    /// Nobody else has the address.
    settle: Checking => Bound;
    /// Half of the time is over.
    renew: Bound => Renewing;
    /// Most of it is over.
    rebind: Bound | Renewing => Rebinding;
    /// Everything begins anew.
    begin: Init | InitReboot | Selecting | Requesting | Rebooting | Checking | Bound | Renewing
        | Rebinding | Stopped => Init;
    /// Everything begins anew, with an old address.
    begin_known: Stopped => InitReboot;
    /// The user wants no address any more.
    stop: Init | InitReboot | Selecting | Requesting | Rebooting | Checking | Bound | Renewing
        | Rebinding => Stopped;
}

/// What the next deadline of a client is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Timer {
    /// The first message is sent.
    Begin,
    /// A message is sent again, or given up.
    Resend,
    /// The server is asked for more time (T1).
    Renew,
    /// Every server is (T2).
    Rebind,
    /// The lease is over.
    Expire,
}

/// What the user must learn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// There is an address. It is to be checked whether somebody has it, and then
    /// [`handle_claimed`](Client::handle_claimed) or [`handle_conflict`](Client::handle_conflict).
    Granted,
    /// There is more time. What belongs to the address may have changed.
    Renewed,
    /// This address is ours no longer.
    Lost {
        /// The address.
        address: Cidr,
        /// Why.
        why: Lost,
    },
}

/// Why an address is ours no longer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lost {
    /// Its time is over, and nobody gave more.
    Expired,
    /// A server says that it is not ours, or not good in this network.
    Refused,
    /// Somebody else has it.
    Conflict,
    /// The user gave it back.
    Released,
}

/// A client of DHCP on one link.
///
/// | from      | call                                                                              |
/// |-----------|-----------------------------------------------------------------------------------|
/// | the wire  | [`handle_message`](Self::handle_message)                                           |
/// | the clock | [`handle_timeout`](Self::handle_timeout)                                           |
/// | the user  | [`start`](Self::start), [`renew`](Self::renew), [`release`](Self::release); [`handle_claimed`](Self::handle_claimed), [`handle_conflict`](Self::handle_conflict) |
///
/// After any of them, drain [`poll_transmit`](Self::poll_transmit), then
/// [`poll_event`](Self::poll_event), and read [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Client {
    pub(crate) config: Config,
    pub(crate) client_id: ClientId,
    pub(crate) mac: Mac,
    /// How long answers may be.
    pub(crate) message_len_max: u16,
    pub(crate) state: State,
    /// The conversation, when it began, and how many messages of this state were sent in it.
    pub(crate) xid: u32,
    pub(crate) began: Instant,
    pub(crate) sent: u32,
    /// When this state has waited long enough, apart from the lease.
    pub(crate) next: Option<Instant>,
    /// When what was asked for was asked for: leases are counted from here.
    pub(crate) asked: Instant,
    /// For how long we had tried when the conversation began, in seconds.
    pub(crate) secs: u16,
    /// What was offered and chosen.
    pub(crate) offer: Option<Lease>,
    pub(crate) held: Option<Held>,
    /// The address that we had last, which servers may give again.
    pub(crate) known: Option<Ipv4Addr>,
    /// How often in a row servers, or others who have the address, brought us back to the beginning.
    pub(crate) setbacks: u32,
    pub(crate) outgoing: VecDeque<Message>,
    pub(crate) events: VecDeque<Event>,
}

/// A lease, and when its parts are over; nothing means never.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) lease: Lease,
    renewal: Option<Instant>,
    pub(crate) rebinding: Option<Instant>,
    pub(crate) end: Option<Instant>,
}

/// What its clock and its user do to a client.
impl Client {
    /// A client that does nothing yet, on a link with our hardware address that takes packets of
    /// `mtu` bytes.
    pub fn new(config: Config, mac: Mac, mtu: usize) -> Self {
        Self {
            client_id: config.client_id.clone().unwrap_or_else(|| ClientId::of_link(mac)),
            mac,
            message_len_max: u16::try_from(mtu).unwrap_or(u16::MAX).max(MESSAGE_LEN_MIN),
            state: State::Stopped,
            xid: 0,
            began: Instant::ORIGIN,
            sent: 0,
            next: None,
            asked: Instant::ORIGIN,
            secs: 0,
            offer: None,
            held: None,
            known: config.known,
            setbacks: 0,
            outgoing: VecDeque::new(),
            events: VecDeque::new(),
            config,
        }
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        // What is over is over, whatever else was due before.
        let due = self.deadlines().into_iter().flatten().find(|(at, _)| *at <= cx.now());
        let Some((_, timer)) = due else { return };
        match timer {
            Timer::Begin => self.begin(cx),
            Timer::Resend => self.send_again(cx),
            Timer::Renew => self.ask_for_time(cx, State::renew),
            Timer::Rebind => self.ask_for_time(cx, State::rebind),
            Timer::Expire => {
                self.lose(cx, Lost::Expired);
                self.restart(cx, Duration::ZERO);
            }
        }
    }

    /// Wants an address from now on.
    pub fn start(&mut self, cx: &mut Cx<'_>) {
        if self.state != State::Stopped {
            return;
        }
        let is_known = self.config.known.take().is_some();
        self.go(cx, if is_known { State::begin_known } else { State::begin });
        let wait = times::random_below(cx, self.config.start_delay_max);
        self.next = Some(cx.now().after(wait));
    }

    /// Asks for more time now.
    pub fn renew(&mut self, cx: &mut Cx<'_>) {
        if self.state == State::Bound {
            self.ask_for_time(cx, State::renew);
        }
    }

    /// Nobody else has the address: it is in use from now on.
    pub fn handle_claimed(&mut self, cx: &mut Cx<'_>) {
        if self.state == State::Checking {
            self.go(cx, State::settle);
            self.setbacks = 0;
        }
    }

    /// Somebody else has the address: the server is told, and we ask for another.
    /// (RFC 2131 §3.1 (5), §4.4.1; RFC 5227 §2.1.1)
    pub fn handle_conflict(&mut self, cx: &mut Cx<'_>) {
        let Some(held) = &self.held else { return };
        let (server, address) = (held.lease.server, held.lease.ip());
        self.say_decline(cx, address, server);
        self.lose(cx, Lost::Conflict);
        self.known = None;
        self.setbacks += 1;
        let wait = times::after_decline(cx, self.setbacks);
        self.restart(cx, wait);
    }

    /// Wants no address any more, and gives back what there is. (RFC 2131 §4.4.6)
    pub fn release(&mut self, cx: &mut Cx<'_>) {
        if let Some(held) = &self.held {
            let (server, address) = (held.lease.server, held.lease.ip());
            self.say_release(cx, address, server);
        }
        self.lose(cx, Lost::Released);
        self.go(cx, State::stop);
        (self.next, self.offer) = (None, None);
    }

    /// The first message of a conversation.
    fn begin(&mut self, cx: &mut Cx<'_>) {
        let is_known = self.state == State::InitReboot;
        self.began = cx.now();
        self.converse(cx);
        self.go(cx, if is_known { State::confirm } else { State::discover });
        self.send(cx);
    }

    /// Nobody has answered in time.
    fn send_again(&mut self, cx: &mut Cx<'_>) {
        let most = match self.state {
            State::Requesting => REQUESTS_MAX,
            State::Rebooting => CONFIRMATIONS_MAX,
            _ => u32::MAX,
        };
        if self.sent >= most {
            return self.restart(cx, Duration::ZERO);
        }
        self.send(cx);
    }

    /// RFC 2131 §4.4.5: at T1 the server, at T2 everybody is asked for more time.
    fn ask_for_time(&mut self, cx: &mut Cx<'_>, step: fn(&mut State) -> bool) {
        self.began = cx.now();
        self.converse(cx);
        self.go(cx, step);
        self.send(cx);
    }
}

/// What answers do to a client, beside `answers.rs`.
impl Client {
    /// Begins a conversation.
    fn converse(&mut self, cx: &mut Cx<'_>) {
        self.xid = draw_xid(cx);
        self.sent = 0;
    }

    /// Another state, in which nothing was said yet.
    pub(crate) fn go(&mut self, cx: &mut Cx<'_>, step: fn(&mut State) -> bool) {
        let from = self.state;
        let is_allowed = step(&mut self.state);
        debug_assert!(is_allowed || from == State::Stopped, "no such way from {from:?}");
        let to = self.state;
        (self.sent, self.next) = (0, None);
        if from != to {
            cx.note(|| Seen::DhcpState { from, to });
        }
    }

    /// Everything begins anew after `wait`.
    pub(crate) fn restart(&mut self, cx: &mut Cx<'_>, wait: Duration) {
        self.go(cx, State::begin);
        self.offer = None;
        self.next = Some(cx.now().after(wait));
    }

    /// Asks the server that has made `offer`, in the same conversation. (RFC 2131 §4.4.1)
    pub(crate) fn choose(&mut self, cx: &mut Cx<'_>, offer: Lease) {
        self.offer = Some(offer);
        self.go(cx, State::choose);
        self.send(cx);
    }

    /// A server agreed.
    pub(crate) fn keep(&mut self, cx: &mut Cx<'_>, lease: Lease) {
        let times = lease.times;
        let (address, server) = (lease.address, lease.server);
        let seconds = times.lease.map(|time| time.as_secs());
        cx.note(|| Seen::LeaseGranted { address, server, seconds });
        // RFC 2131 §4.4.1, §4.4.5: its time began when we asked.
        let after = |time: Option<Duration>| time.map(|time| self.asked.after(time));
        let (renewal, rebinding) = (after(times.renewal), after(times.rebinding));
        self.held = Some(Held { renewal, rebinding, end: after(times.lease), lease });
        let is_new = matches!(self.state, State::Requesting | State::Rebooting);
        self.events.push_back(if is_new { Event::Granted } else { Event::Renewed });
        self.offer = None;
        self.go(cx, State::grant);
    }

    /// The lease is over, if there is one.
    pub(crate) fn lose(&mut self, cx: &mut Cx<'_>, why: Lost) {
        let Some(Held { lease, .. }) = self.held.take() else { return };
        let address = lease.address;
        self.known = Some(lease.ip());
        cx.note(|| Seen::LeaseLost { address, why });
        self.events.push_back(Event::Lost { address, why });
    }
}

/// What a client has to say, and what is known of it.
impl Client {
    /// The next thing the user must learn, if any.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), and for what, if ever.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        self.deadlines().into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// How far it is.
    pub const fn state(&self) -> State {
        self.state
    }

    /// The lease, while there is one.
    pub fn lease(&self) -> Option<&Lease> {
        self.held.as_ref().map(|held| &held.lease)
    }

    /// When the lease is over; nothing, if never, or if there is none.
    pub fn lease_ends(&self) -> Option<Instant> {
        self.held.as_ref()?.end
    }

    /// Whether everything that it had to say was said.
    pub fn is_silent(&self) -> bool {
        self.outgoing.is_empty()
    }

    /// Everything that time brings, the most final first.
    fn deadlines(&self) -> [Option<(Instant, Timer)>; 4] {
        let held = self.held.as_ref();
        let end = held.and_then(|held| held.end);
        let rebinding = held.and_then(|held| held.rebinding);
        let renewal = held.and_then(|held| held.renewal);
        let (can_rebind, can_renew) = match self.state {
            State::Bound => (true, true),
            State::Renewing => (true, false),
            _ => (false, false),
        };
        let is_first = matches!(self.state, State::Init | State::InitReboot);
        let next = if is_first { Timer::Begin } else { Timer::Resend };
        [
            end.map(|at| (at, Timer::Expire)),
            rebinding.filter(|_| can_rebind).map(|at| (at, Timer::Rebind)),
            renewal.filter(|_| can_renew).map(|at| (at, Timer::Renew)),
            self.next.map(|at| (at, next)),
        ]
    }
}

impl Lease {
    /// The address without its prefix.
    pub(crate) fn ip(&self) -> Ipv4Addr {
        match self.address.address() {
            IpAddr::V4(ip) => ip,
            IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
        }
    }
}
