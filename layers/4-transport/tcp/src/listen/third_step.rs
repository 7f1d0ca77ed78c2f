//! The third step of the handshake, and whatever else comes for a request. (RFC 9293 §3.10.7.4 in
//! SYN-RECEIVED, as far as nothing is there yet but two numbers)

use std::sync::Arc;
use std::time::Duration;

use base::Cx;

use super::cookie::{self, Checked};
use super::request::Request;
use super::{ANSWERS_MAX, Listener};
use crate::Config;
use crate::machine::{Connection, Flow, Limits};
use crate::wire::{Ecn, Flags, Header, Options, Segment};
use crate::xray::{Seen, Why};

/// What becomes of a segment for a request.
enum Verdict {
    /// It opens the connection.
    Opens,
    /// It acknowledges our SYN, but only data opens the connection (`defer_accept`).
    Defers,
    /// It is the SYN once more: the peer did not get our answer.
    AnswerAgain,
    /// It is dropped.
    Drop(Why),
    /// It is out of place, and the peer is shown what we have.
    ShowWhatWeHave,
    /// The peer is to prove that it is the one.
    Challenge(Why),
    /// It gets a reset; the request stays.
    Refuse(Why),
    /// Back to LISTEN, as if nothing had been.
    Forget(Why),
    /// The same, and the peer hears of it.
    ForgetAndRefuse(Why),
}

impl Request {
    /// Judges a segment in the RFC's order, and keeps the newest timestamp.
    fn judge(&mut self, config: &Config, segment: &Segment<'_>) -> Verdict {
        if let Some(verdict) = self.judge_place(config, segment) {
            return verdict;
        }
        let Header { flags, seq, ack, .. } = segment.header;
        let expected = self.irs + 1;
        if let Some((value, _)) = segment.header.options.timestamps
            && seq.is_at_most(expected)
            && let Some(recent) = &mut self.timestamp
        {
            *recent = value;
        }
        // Fifth: the acknowledgement.
        if !flags.has(Flags::ACK) {
            Verdict::Drop(Why::NoAck)
        } else if ack != self.iss + 1 {
            Verdict::Refuse(Why::AckOfUnsent)
        } else if self.timeouts < config.handshake.defer_accept && segment.end() == expected {
            Verdict::Defers
        } else {
            Verdict::Opens
        }
    }

    /// First to fourth: the sequence number, RST and SYN. Nothing, if it goes on.
    fn judge_place(&self, config: &Config, segment: &Segment<'_>) -> Option<Verdict> {
        let Header { flags, seq, .. } = segment.header;
        let expected = self.irs + 1;
        let is_bare = flags.has(Flags::SYN) && !flags.has_any(Flags::RST | Flags::ACK | Flags::FIN);
        if is_bare && seq == self.irs {
            return Some(Verdict::AnswerAgain);
        }
        let window = config.buffers.receive_initial;
        let is_acceptable = seq == expected
            || (seq.is_at_most(expected + window) && segment.end().is_after(expected));
        if flags.has(Flags::RST) {
            return Some(match seq == expected {
                true => Verdict::Forget(Why::ResetForNobody),
                false if is_acceptable => Verdict::Challenge(Why::ResetOutOfPlace),
                false => Verdict::Drop(Why::OutOfWindow),
            });
        }
        let value = segment.header.options.timestamps.map(|(value, _)| value);
        let is_missed = self.timestamp.is_some() && value.is_none();
        if is_missed && config.handshake.requires_timestamps {
            return Some(Verdict::Drop(Why::NoTimestamp));
        }
        let is_old = self
            .timestamp
            .zip(value)
            .is_some_and(|(recent, value)| (value.wrapping_sub(recent) as i32) < 0);
        if !is_acceptable || is_old {
            return Some(Verdict::ShowWhatWeHave);
        }
        flags.has(Flags::SYN).then(|| match seq == self.irs {
            true => Verdict::Challenge(Why::SynInConnection),
            false => Verdict::ForgetAndRefuse(Why::SynInConnection),
        })
    }
}

impl Listener {
    /// A segment for a request; a connection, if it opens one.
    pub(super) fn handle_third_step(
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
        let is_full = self.is_full();
        let request = self.half_open.get_mut(flow)?;
        match request.judge(&config, segment) {
            // The peer thinks that it is connected; it will hear our answer again.
            Verdict::Opens if is_full => {
                cx.note(|| Seen::dropped(segment, Why::AcceptQueueFull));
            }
            Verdict::Opens => {
                let request = self.forget(flow)?;
                return Some(begin(cx, config, *flow, request, segment, ecn));
            }
            Verdict::Defers => {
                request.is_acknowledged = true;
                cx.note(|| Seen::dropped(segment, Why::AcceptDeferred));
            }
            Verdict::AnswerAgain => self.answer_once_more(cx, flow),
            Verdict::Drop(why) => cx.note(|| Seen::dropped(segment, why)),
            Verdict::ShowWhatWeHave => {
                cx.note(|| Seen::dropped(segment, Why::OutOfWindow));
                self.show_what_we_have(cx, flow, segment);
            }
            Verdict::Challenge(why) => self.challenge(cx, flow, why),
            Verdict::Refuse(why) => {
                cx.note(|| Seen::dropped(segment, why));
                self.refuse(flow, segment);
            }
            Verdict::Forget(why) => {
                cx.note(|| Seen::dropped(segment, why));
                self.forget(flow);
            }
            Verdict::ForgetAndRefuse(why) => {
                cx.note(|| Seen::dropped(segment, why));
                self.forget(flow);
                self.refuse(flow, segment);
            }
        }
        None
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

    /// An acknowledgement of nothing that is kept here: of a cookie, perhaps. (RFC 4987 §3.6)
    pub(super) fn handle_ack_of_cookie(
        &mut self,
        cx: &mut Cx<'_>,
        flow: &Flow,
        limits: &Limits,
        segment: &Segment<'_>,
        ecn: Ecn,
    ) -> Option<Connection> {
        // Two minutes after the last cookie, none is out any more.
        let now = cx.now();
        let is_out = self.cookie_sent_at.is_some_and(|at| now.since(at) < Duration::from_secs(128));
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

    /// The request that is to be answered now, unless one was just now, or too much waits to leave.
    fn request_due_an_answer(&mut self, cx: &mut Cx<'_>, flow: &Flow) -> Option<&mut Request> {
        let interval = self.config.out_of_window_interval;
        let now = cx.now();
        let request = self.half_open.get_mut(flow)?;
        let is_early = request.answered_at.is_some_and(|at| now.since(at) < interval);
        if is_early || self.answers.len() >= ANSWERS_MAX {
            cx.note(|| Seen::Ignored { why: Why::AnsweredJustNow });
            return None;
        }
        request.answered_at = Some(now);
        Some(request)
    }

    fn challenge(&mut self, cx: &mut Cx<'_>, flow: &Flow, why: Why) {
        let config = Arc::clone(&self.config);
        let Some(request) = self.request_due_an_answer(cx, flow) else { return };
        cx.note(|| Seen::Challenged { why });
        let timestamps = request.timestamp.map(|echo| (request.ts_now(cx, &config), echo));
        let mut header = request.answer(cx, &config, flow, false);
        header.flags = Flags::ACK;
        header.seq = request.iss + 1;
        let layout = config.handshake.layout;
        header.options = Options { timestamps, layout, ..Options::default() };
        let scale = if request.scale.is_some() { config.window_scale() } else { 0 };
        header.window >>= scale;
        self.answers.push_back((*flow, header));
    }

    /// The peer did not get our answer: it gets it again, though not for every copy of its SYN, and
    /// the next one by the clock is as far away as after the last.
    fn answer_once_more(&mut self, cx: &mut Cx<'_>, flow: &Flow) {
        let config = Arc::clone(&self.config);
        let Some(request) = self.request_due_an_answer(cx, flow) else { return };
        request.copies = request.copies.saturating_add(1);
        let answer = request.answer(cx, &config, flow, false);
        let due_at = cx.now().after(request.timeout(&config));
        let before = std::mem::replace(&mut request.due_at, due_at);
        self.answers.push_back((*flow, answer));
        self.deadlines.remove(&(before, *flow));
        self.deadlines.insert((due_at, *flow));
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
