//! Who listens: half-open connections, their bound, and those that wait to be accepted. (RFC 9293
//! §3.10.7.2, RFC 4987)

mod cookie;
pub(crate) mod isn;
mod request;
mod saved;
mod third_step;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use base::{Cx, Instant, SipKey};

use crate::fast_open::{self, Unproven, Verdict};
use crate::machine::{Connection, Failure, Flow, Limits};
use crate::wire::{Cookie, Ecn, Flags, Header, Segment};
use crate::xray::{Seen, Why};
use crate::{Config, IcmpError, IcmpKind, Seq, answer, transmit};
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

/// Whether one end is a group of hosts, or none.
fn is_group(flow: &Flow) -> bool {
    let is_one = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => ip.is_multicast() || ip.is_broadcast() || ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_multicast() || ip.is_unspecified(),
    };
    is_one(flow.local.ip()) || is_one(flow.remote.ip())
}
