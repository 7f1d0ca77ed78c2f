//! Who listens: half-open connections, their bound, and those that wait to be accepted. (RFC 9293
//! §3.10.7.2, RFC 4987)

mod cookie;
pub(crate) mod isn;
mod request;
mod saved;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use base::{Cx, Instant, SipKey};

use crate::fast_open::{self, Unproven, Verdict};
use crate::machine::{Connection, Failure, Flow, Limits};
use crate::wire::{Cookie, Ecn, Flags, Header, Segment};
use crate::xray::{Seen, Why};
use crate::{Config, IcmpError, IcmpKind, Seq, answer, transmit};
use cookie::Checked;
use request::Request;
pub use saved::SynHeaders;

/// How many answers may wait to be sent, of 164 bytes each: a batch of frames, whole of SYNs, brings no
/// more. Whose SYN finds no room is not heard, so this is more than any driver takes at a time.
const ANSWERS_MAX: usize = 256;

/// A local address to which anybody may connect.
///
/// Half-open connections are kept here, each in a few dozen bytes; a connection begins with the
/// third step of the handshake. Then the host gives it a number, and
/// [`enqueue`](Self::enqueue)s that; [`accept`](Self::accept) gives the numbers out in order. A
/// peer that does not finish its handshake stands in nobody's way.
#[derive(Debug)]
pub struct Listener {
    config: Arc<Config>,
    /// In no order, for nobody goes through them: in a flood every SYN is looked up here.
    half_open: HashMap<Flow, Request, SipKey>,
    /// When each of them is sent its answer again.
    deadlines: BTreeSet<(Instant, Flow)>,
    /// How many connections may wait to be accepted.
    backlog: usize,
    accept: VecDeque<u64>,
    answers: VecDeque<(Flow, Header)>,
    /// Those that began with their SYN, and have not taken the third step.
    unproven: Arc<Unproven>,
    /// When the last cookie was sent: only for a while are cookies accepted.
    cookie_sent_at: Option<Instant>,
}

impl Listener {
    /// A listener for up to `backlog` connections that wait to be accepted.
    pub fn new(config: Arc<Config>, backlog: usize) -> Self {
        let half_open = HashMap::with_hasher(config.secret.derive(b"half open"));
        Self {
            config,
            half_open,
            deadlines: BTreeSet::new(),
            backlog,
            accept: VecDeque::new(),
            answers: VecDeque::new(),
            unproven: Arc::default(),
            cookie_sent_at: None,
        }
    }

    // From below.

    /// Takes a segment of a flow that has no connection. A connection comes out with the third step
    /// of the handshake, and has already taken the segment: drain it.
    ///
    /// `limits` is what the route to the peer takes. `isn` is what
    /// [`Returned::Reuse`](crate::Returned::Reuse) said, if it did.
    pub fn handle_segment(
        &mut self,
        cx: &mut Cx<'_>,
        flow: &Flow,
        limits: &Limits,
        segment: &Segment<'_>,
        ecn: Ecn,
        isn: Option<Seq>,
    ) -> Option<Connection> {
        let Header { flags, seq, ack, window, .. } = segment.header;
        let len = segment.payload.len();
        cx.note(|| Seen::SegmentIn { flags, seq, len, ack, window });
        if segment.header.options.is_signed && self.config.handshake.drops_signed {
            cx.note(|| Seen::dropped(segment, Why::SignedWithoutKey));
            return None;
        }
        if self.half_open.contains_key(flow) {
            return self.handle_third_step(cx, flow, segment, ecn);
        }
        // RFC 9293 §3.10.7.2. First: RST.
        if flags.has(Flags::RST) {
            cx.note(|| Seen::dropped(segment, Why::ResetForNobody));
            return None;
        }
        // Second: ACK, of a cookie or of nothing.
        if flags.has(Flags::ACK) {
            return self.handle_ack_of_cookie(cx, flow, limits, segment, ecn);
        }
        // Third: SYN; fourth: anything else.
        if flags.has(Flags::SYN | Flags::FIN) && self.config.handshake.drops_syn_fin {
            // Nobody begins by ending; those who ask so look for holes in filters.
            cx.note(|| Seen::dropped(segment, Why::SynWithFin));
        } else if flags.has(Flags::SYN) {
            return self.handle_syn(cx, flow, limits, segment, ecn, isn);
        } else {
            cx.note(|| Seen::dropped(segment, Why::NoSyn));
        }
        None
    }

    /// Takes an ICMP error that quotes an answer of ours.
    pub fn handle_icmp(&mut self, cx: &mut Cx<'_>, flow: &Flow, error: &IcmpError) {
        let is_ours = self.half_open.get(flow).is_some_and(|request| error.seq == request.iss);
        if !is_ours {
            cx.note(|| Seen::Ignored { why: Why::IcmpOutOfPlace });
        } else if let IcmpKind::Unreachable(why) = error.kind
            && !matches!(why, Failure::HostUnreachable | Failure::NetworkUnreachable)
        {
            // RFC 9293 §3.9.2.2 (MUST-56): hosts and networks come back, so these two pass.
            self.forget(flow);
        } else {
            cx.note(|| Seen::Ignored { why: Why::IcmpSoft });
        }
    }

    /// Lets time pass: answers are sent again, or requests forgotten.
    pub fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        let now = cx.now();
        while let Some(&(at, flow)) = self.deadlines.first()
            && at <= now
            && self.answers.len() < ANSWERS_MAX
        {
            self.deadlines.remove(&(at, flow));
            self.answer_again(cx, &flow);
        }
    }

    fn answer_again(&mut self, cx: &mut Cx<'_>, flow: &Flow) {
        let config = Arc::clone(&self.config);
        let Some(request) = self.half_open.get_mut(flow) else { return };
        if request.is_over(&config.handshake) {
            self.half_open.remove(flow);
            return;
        }
        let leaves = request.is_to_be_answered_again(&config.handshake);
        request.timeouts = request.timeouts.saturating_add(1);
        request.due_at = cx.now().after(request.timeout(&config));
        self.deadlines.insert((request.due_at, *flow));
        if leaves {
            request.retries = request.retries.saturating_add(1);
            let header = request.answer(cx, &config, flow, false);
            self.answers.push_back((*flow, header));
        }
    }

    // From above.

    /// A connection that came out of [`handle_segment`](Self::handle_segment) waits to be accepted
    /// under this number.
    pub fn enqueue(&mut self, connection: u64) {
        self.accept.push_back(connection);
    }

    /// The number of the connection that waits longest, if one waits.
    pub fn accept(&mut self) -> Option<u64> {
        self.accept.pop_front()
    }

    /// Another configuration, for who comes from now on.
    pub fn configure(&mut self, config: Arc<Config>) {
        self.config = config;
    }

    /// Another bound for [`accept`](Self::accept)'s queue.
    pub fn set_backlog(&mut self, backlog: usize) {
        self.backlog = backlog;
    }

    // Out.

    /// The next segment that leaves, and to whom.
    pub fn poll_transmit(&mut self, cx: &mut Cx<'_>) -> Option<(Flow, Header)> {
        let (flow, header) = self.answers.pop_front()?;
        transmit::note_out(cx, &header, 0);
        Some((flow, header))
    }

    // When.

    /// When to call [`handle_timeout`](Self::handle_timeout), if ever.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    // Look.

    /// How many connections wait to be accepted.
    pub fn waiting(&self) -> usize {
        self.accept.len()
    }

    /// How many half-open connections there are.
    pub fn half_open(&self) -> usize {
        self.half_open.len()
    }

    /// How many connections may wait to be accepted.
    pub fn backlog(&self) -> usize {
        self.backlog
    }

    /// Whether the headers of SYNs are kept.
    pub fn saves_syn(&self) -> bool {
        self.config.handshake.saves_syn
    }

    /// Keeps the headers of the SYN that came for `flow`, if that is half-open by it.
    pub fn keep_syn(&mut self, flow: &Flow, headers: &[u8]) {
        if let Some(request) = self.half_open.get_mut(flow).filter(|request| request.syn.is_none())
        {
            request.syn = SynHeaders::new(headers).map(Box::new);
        }
    }

    fn is_full(&self) -> bool {
        self.accept.len() > self.backlog
    }

    /// RFC 9293 §3.10.7.2, third.
    fn handle_syn(
        &mut self,
        cx: &mut Cx<'_>,
        flow: &Flow,
        limits: &Limits,
        segment: &Segment<'_>,
        ecn: Ecn,
        isn: Option<Seq>,
    ) -> Option<Connection> {
        // RFC 9293 §3.9.2.3: nobody connects from, or to, a group.
        if is_group(flow) {
            cx.note(|| Seen::dropped(segment, Why::NotUnicast));
            return None;
        }
        if self.is_full() {
            cx.note(|| Seen::dropped(segment, Why::AcceptQueueFull));
            return None;
        }
        if self.answers.len() >= ANSWERS_MAX {
            cx.note(|| Seen::dropped(segment, Why::SynQueueFull));
            return None;
        }
        let config = Arc::clone(&self.config);
        let mut request = Request::new(cx, &config, flow, &segment.header, limits, isn);
        // RFC 3168 §6.1.1: a SYN is not marked as capable; one that is came through something that
        // writes into these bits, so what they say later means nothing.
        request.ecn &= ecn == Ecn::NotEct;
        let most = match config.handshake.syn_queue_follows_backlog {
            true => config.handshake.syn_queue_max.min(self.backlog),
            false => config.handshake.syn_queue_max,
        };
        if self.half_open.len() >= most {
            if !config.handshake.syn_cookies {
                cx.note(|| Seen::dropped(segment, Why::SynQueueFull));
                return None;
            }
            let (iss, mss) = cookie::make(&config, cx.now(), flow, request.irs, request.mss);
            request.iss = iss;
            cx.note(|| Seen::CookieSent { mss });
            self.cookie_sent_at = Some(cx.now());
            self.answers.push_back((*flow, request.answer(cx, &config, flow, true)));
            return None;
        }
        let given = (segment.header.options.fast_open, !segment.payload.is_empty());
        let unproven = (&self.unproven, config.fast_open.most(self.backlog));
        let cookie = match fast_open::judge(cx, &config, unproven, flow, given) {
            Verdict::Opens(cookie) => {
                return Some(self.open_fast(cx, flow, &request, cookie, segment));
            }
            Verdict::Waits(cookie) => cookie,
        };
        let mut answer = request.answer(cx, &config, flow, false);
        answer.options.fast_open = cookie;
        self.answers.push_back((*flow, answer));
        self.deadlines.insert((request.due_at, *flow));
        self.half_open.insert(*flow, request);
        let waiting = self.half_open.len();
        cx.note(|| Seen::HalfOpen { waiting });
        None
    }

    /// RFC 7413 §4.2.2: the connection begins with the SYN, and answers it. `cookie` is for the peer's
    /// next one.
    fn open_fast(
        &self,
        cx: &mut Cx<'_>,
        flow: &Flow,
        request: &Request,
        cookie: Option<Cookie>,
        segment: &Segment<'_>,
    ) -> Connection {
        let mut connection = request.to_unanswered(cx, Arc::clone(&self.config), *flow);
        connection.open_unproven(cx, cookie, &self.unproven);
        if !segment.payload.is_empty() {
            connection.note_early_data();
            connection.take_rest_of_syn(cx, segment);
        }
        connection
    }

    /// A segment for a request: RFC 9293 §3.10.7.4 in SYN-RECEIVED, as far as nothing is there yet
    /// but two numbers.
    fn handle_third_step(
        &mut self,
        cx: &mut Cx<'_>,
        flow: &Flow,
        segment: &Segment<'_>,
        ecn: Ecn,
    ) -> Option<Connection> {
        let config = Arc::clone(&self.config);
        if config.handshake.answers_as_syn_cache && self.is_done_by_cache(cx, flow, segment) {
            return None;
        }
        let request = self.half_open.get_mut(flow)?;
        let Header { flags, seq, ack, .. } = segment.header;
        let expected = request.irs + 1;
        let is_bare = flags.has(Flags::SYN) && !flags.has_any(Flags::RST | Flags::ACK | Flags::FIN);
        if is_bare && seq == request.irs {
            self.answer_once_more(cx, flow);
            return None;
        }
        let window = config.buffers.receive_initial;
        let is_acceptable = seq == expected
            || (seq.is_at_most(expected + window) && segment.end().is_after(expected));
        if flags.has(Flags::RST) {
            if seq == expected {
                // RFC 9293 §3.10.7.4, second: back to LISTEN, as if nothing had been.
                cx.note(|| Seen::dropped(segment, Why::ResetForNobody));
                self.forget(flow);
            } else if is_acceptable {
                self.challenge(cx, flow, Why::ResetOutOfPlace);
            } else {
                cx.note(|| Seen::dropped(segment, Why::OutOfWindow));
            }
            return None;
        }
        let value = segment.header.options.timestamps.map(|(value, _)| value);
        let is_missed = request.timestamp.is_some() && value.is_none();
        if is_missed && config.handshake.requires_timestamps {
            cx.note(|| Seen::dropped(segment, Why::NoTimestamp));
            return None;
        }
        let is_old = request
            .timestamp
            .zip(value)
            .is_some_and(|(recent, value)| (value.wrapping_sub(recent) as i32) < 0);
        if !is_acceptable || is_old {
            cx.note(|| Seen::dropped(segment, Why::OutOfWindow));
            self.show_what_we_have(cx, flow, segment);
            return None;
        }
        if flags.has(Flags::SYN) && seq == request.irs {
            self.challenge(cx, flow, Why::SynInConnection);
            return None;
        }
        if flags.has(Flags::SYN) {
            // RFC 9293 §3.10.7.4, fourth: back to LISTEN, as if nothing had been; the peer hears of
            // it.
            cx.note(|| Seen::dropped(segment, Why::SynInConnection));
            self.forget(flow);
            self.refuse(flow, segment);
            return None;
        }
        if let Some(value) = value.filter(|_| seq.is_at_most(expected))
            && let Some(recent) = &mut request.timestamp
        {
            *recent = value;
        }
        if !flags.has(Flags::ACK) {
            cx.note(|| Seen::dropped(segment, Why::NoAck));
            return None;
        }
        if ack != request.iss + 1 {
            // RFC 9293 §3.10.7.4, fifth.
            cx.note(|| Seen::dropped(segment, Why::AckOfUnsent));
            self.refuse(flow, segment);
            return None;
        }
        if request.timeouts < config.handshake.defer_accept && segment.end() == expected {
            request.is_acknowledged = true;
            cx.note(|| Seen::dropped(segment, Why::AcceptDeferred));
            return None;
        }
        if self.is_full() {
            // The peer thinks that it is connected; it will hear our answer again.
            cx.note(|| Seen::dropped(segment, Why::AcceptQueueFull));
            return None;
        }
        let request = self.forget(flow)?;
        Some(begin(cx, config, *flow, request, segment, ecn))
    }

    /// What FreeBSD's SYN cache does otherwise than RFC 9293 §3.10.7.4: whether nothing is left to
    /// do.
    fn is_done_by_cache(&mut self, cx: &mut Cx<'_>, flow: &Flow, segment: &Segment<'_>) -> bool {
        let Some(request) = self.half_open.get(flow) else { return false };
        let Header { flags, seq, ack, .. } = segment.header;
        let window = self.config.buffers.receive_initial;
        let is_acceptable = seq.is_after(request.irs) && seq.is_at_most(request.irs + window);
        let is_ours = ack == request.iss + 1;
        let why = if flags.has(Flags::RST) {
            // What resets an answer to a SYN carries nothing else.
            if !flags.has_any(Flags::ACK | Flags::SYN | Flags::FIN) {
                return false;
            }
            Why::ResetOutOfPlace
        } else if flags.has(Flags::SYN | Flags::ACK) {
            self.forget(flow);
            self.refuse(flow, segment);
            Why::SynInConnection
        } else if flags.has(Flags::SYN) {
            self.answer_once_more(cx, flow);
            return true;
        } else if !flags.has(Flags::ACK) {
            Why::NoAck
        } else if !is_ours {
            self.refuse(flow, segment);
            Why::AckOfUnsent
        } else if !is_acceptable {
            Why::OutOfWindow
        } else {
            return false;
        };
        cx.note(|| Seen::dropped(segment, why));
        true
    }

    fn handle_ack_of_cookie(
        &mut self,
        cx: &mut Cx<'_>,
        flow: &Flow,
        limits: &Limits,
        segment: &Segment<'_>,
        ecn: Ecn,
    ) -> Option<Connection> {
        // Two minutes after the last cookie, none is out any more.
        let now = cx.now();
        let is_out = self
            .cookie_sent_at
            .is_some_and(|at| now.since(at) < std::time::Duration::from_secs(128));
        let config = Arc::clone(&self.config);
        let checked = match is_out && !segment.header.flags.has(Flags::SYN) {
            true => cookie::check(&config, now, flow, &segment.header),
            false => Checked::Wrong,
        };
        let mss = match checked {
            Checked::Ours(mss) => mss,
            // A bare acknowledgement overtakes nobody: it is what the cookie was to come with.
            Checked::Early if !segment.is_empty() => {
                cx.note(|| Seen::dropped(segment, Why::CookieEarly));
                return None;
            }
            Checked::Early | Checked::Wrong => {
                let why = if is_out { Why::CookieWrong } else { Why::NoConnection };
                cx.note(|| Seen::dropped(segment, why));
                self.refuse(flow, segment);
                return None;
            }
        };
        if self.is_full() {
            cx.note(|| Seen::dropped(segment, Why::AcceptQueueFull));
            return None;
        }
        cx.note(|| Seen::CookieAccepted { mss });
        let request = Request::from_cookie(cx, &config, flow, &segment.header, limits, mss);
        Some(begin(cx, config, *flow, request, segment, ecn))
    }

    /// Shows the peer what we have, not too often (RFC 5961 §7).
    /// Who sends data out of place waits for an answer, and gets it however many there were.
    fn show_what_we_have(&mut self, cx: &mut Cx<'_>, flow: &Flow, segment: &Segment<'_>) {
        let Some(request) = self.half_open.get_mut(flow).filter(|_| !segment.payload.is_empty())
        else {
            return self.challenge(cx, flow, Why::OutOfWindow);
        };
        let before = request.answered_at.take();
        self.challenge(cx, flow, Why::OutOfWindow);
        if let Some(request) = self.half_open.get_mut(flow) {
            request.answered_at = before;
        }
    }

    fn challenge(&mut self, cx: &mut Cx<'_>, flow: &Flow, why: Why) {
        let interval = self.config.out_of_window_interval;
        let now = cx.now();
        let Some(request) = self.half_open.get_mut(flow) else { return };
        let is_early = request.answered_at.is_some_and(|at| now.since(at) < interval);
        if is_early || self.answers.len() >= ANSWERS_MAX {
            cx.note(|| Seen::Ignored { why: Why::AnsweredJustNow });
            return;
        }
        request.answered_at = Some(now);
        cx.note(|| Seen::Challenged { why });
        let timestamps = request.timestamp.map(|echo| (request.ts_now(cx, &self.config), echo));
        let mut header = request.answer(cx, &self.config, flow, false);
        header.flags = Flags::ACK;
        header.seq = request.iss + 1;
        header.options = crate::wire::Options {
            timestamps,
            layout: self.config.handshake.layout,
            ..crate::wire::Options::default()
        };
        let scale = if request.scale.is_some() { self.config.window_scale() } else { 0 };
        header.window >>= scale;
        self.answers.push_back((*flow, header));
    }

    /// The peer did not get our answer: it gets it again, though not for every copy of its SYN, and
    /// the next one by the clock is as far away as after the last.
    fn answer_once_more(&mut self, cx: &mut Cx<'_>, flow: &Flow) {
        let config = Arc::clone(&self.config);
        let now = cx.now();
        let Some(request) = self.half_open.get_mut(flow) else { return };
        let is_early =
            request.answered_at.is_some_and(|at| now.since(at) < config.out_of_window_interval);
        if is_early || self.answers.len() >= ANSWERS_MAX {
            cx.note(|| Seen::Ignored { why: Why::AnsweredJustNow });
            return;
        }
        request.answered_at = Some(now);
        request.copies = request.copies.saturating_add(1);
        self.answers.push_back((*flow, request.answer(cx, &config, flow, false)));
        self.deadlines.remove(&(request.due_at, *flow));
        request.due_at = now.after(request.timeout(&config));
        self.deadlines.insert((request.due_at, *flow));
    }

    /// Answers what nobody wants with a reset, if there is room for one more answer.
    fn refuse(&mut self, flow: &Flow, segment: &Segment<'_>) {
        if self.answers.len() < ANSWERS_MAX {
            self.answers.extend(answer::to_nobody(segment).map(|header| (*flow, header)));
        }
    }

    fn forget(&mut self, flow: &Flow) -> Option<Request> {
        let request = self.half_open.remove(flow)?;
        self.deadlines.remove(&(request.due_at, *flow));
        Some(request)
    }
}

/// The third step: from here on it is a connection, and the segment is its first.
fn begin(
    cx: &mut Cx<'_>,
    config: Arc<Config>,
    flow: Flow,
    request: Request,
    segment: &Segment<'_>,
    ecn: Ecn,
) -> Connection {
    let mut connection = request.into_connection(cx, config, flow);
    connection.handle_unseen_segment(cx, segment, ecn);
    connection
}

/// Whether one end is a group of hosts, or none.
fn is_group(flow: &Flow) -> bool {
    let is_one = |ip: std::net::IpAddr| match ip {
        std::net::IpAddr::V4(ip) => ip.is_multicast() || ip.is_broadcast() || ip.is_unspecified(),
        std::net::IpAddr::V6(ip) => ip.is_multicast() || ip.is_unspecified(),
    };
    is_one(flow.local.ip()) || is_one(flow.remote.ip())
}
