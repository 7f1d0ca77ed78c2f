//! How streams and the connection end. (RFC 9113 §5.4, §6.4, §6.8)

mod going;
mod watch;

pub(crate) use going::{GOING_AWAY, GoingAway};

use std::time::Duration;

use base::Cx;
use message::{Closing, Event, Reset};

use crate::fault::{Blame, Scope};
use crate::machine::{Connection, Role};
use crate::stream::{Asked, InPhase, OutPhase, State};
use crate::wire::{ErrorCode, Kind, emit_go_away, emit_reset};
use crate::{Fault, Seen, Timer, Why};

/// How long a connection without streams keeps what the next ones will need: longer than a client
/// takes to ask again for what it found in an answer.
const REST: Duration = Duration::from_secs(1);

/// The highest number of a stream.
pub(crate) const STREAM_MAX: u32 = (1 << 31) - 1;

impl Connection {
    /// An error has its consequences: for one stream, or for all.
    #[cold]
    pub(crate) fn fail(&mut self, cx: &mut Cx<'_>, fault: Fault) {
        if self.closing != Closing::Open {
            return;
        }
        match fault.scope {
            Scope::Stream(id) => {
                self.end_stream(cx, id, fault.why);
                if fault.blame == Blame::Peer
                    && let Err(fault) = self.abuse.count_reset(cx)
                {
                    self.fail_connection(cx, fault.why);
                }
            }
            Scope::Connection => self.fail_connection(cx, fault.why),
        }
    }

    /// RFC 9113 §5.4.1: the peer is told which streams were processed, and why it ends.
    fn fail_connection(&mut self, cx: &mut Cx<'_>, why: Why) {
        let (last, code) = (self.streams.last_peer, ErrorCode::from(why));
        cx.note(|| Seen::GoAwayOut { last, code, why });
        emit_go_away(last, code, why.explanation(), self.send.replies(cx));
        self.close(cx, why);
        self.abandon_all(cx, why);
    }

    /// RFC 9113 §5.4.2: we give a stream up. The user hears of it unless it did so itself.
    pub(crate) fn end_stream(&mut self, cx: &mut Cx<'_>, id: u32, why: Why) {
        let Some(slot) = self.streams.find(id) else { return };
        self.emit_reset(cx, id, why);
        self.streams.remember_reset(id);
        self.abandon(cx, slot, why, false);
        self.change(cx, slot, Kind::RstStream, State::reset);
        self.retire_if_closed(cx, slot);
    }

    pub(crate) fn emit_reset(&mut self, cx: &mut Cx<'_>, id: u32, why: Why) {
        let code = ErrorCode::from(why);
        cx.note(|| Seen::ResetOut { id, code, why });
        emit_reset(id, code, self.send.replies(cx));
    }

    /// RFC 9113 §6.4: the peer gives a stream up.
    pub(crate) fn stream_was_reset(
        &mut self,
        cx: &mut Cx<'_>,
        id: u32,
        code: ErrorCode,
    ) -> Result<(), Fault> {
        let Some(slot) = self.streams.find(id) else { return Ok(()) };
        cx.note(|| Seen::ResetIn { id, code });
        let is_refused = code == ErrorCode::REFUSED_STREAM;
        let why = if is_refused { Why::PeerRefused } else { Why::PeerReset };
        // RFC 9113 §8.1: a server that has answered may tell us to send no more of the request. What
        // it answered is complete.
        let is_answered = self.role == Role::Client
            && code == ErrorCode::NO_ERROR
            && self.streams.at(slot).is_some_and(|s| s.inbound.phase == InPhase::Complete);
        if is_answered {
            self.drop_pending(slot);
        } else {
            // RFC 9113 §8.7: what was refused has not been acted on.
            self.abandon(cx, slot, why, is_refused);
        }
        self.change(cx, slot, Kind::RstStream, State::reset);
        self.retire_if_closed(cx, slot);
        if self.role == Role::Server { self.abuse.count_reset(cx) } else { Ok(()) }
    }

    /// What a stream held is of no use any more; the user is told, if it knows of the stream and has
    /// not given it up itself.
    fn abandon(&mut self, cx: &mut Cx<'_>, slot: u32, why: Why, untouched: bool) {
        self.drop_pending(slot);
        let Some(stream) = self.streams.at_mut(slot) else { return };
        let id = stream.id;
        let is_server = self.role == Role::Server;
        stream.inbound.buffer = Vec::new();
        stream.inbound.is_announced = false;
        stream.inbound.held = crate::stream::Held::default();
        let was_disowned = std::mem::replace(&mut stream.is_disowned, true);
        let is_users = matches!(why, Why::UserReset | Why::UserError | Why::LengthBroken);
        if was_disowned || is_users || why == Why::BodyUnread {
            return;
        }
        // Of what was refused nothing is found there, however long one looks.
        let may_be_new = is_server && stream.asked != Asked::Refused;
        let never_heard = may_be_new && self.events.forget(id);
        if never_heard {
            // The request was taken back before anybody saw it.
            cx.note(|| Seen::Ignored { stream: id, why });
            return;
        }
        let reset = Reset { why: why.explanation(), status: None, untouched };
        self.events.push(id, Event::Reset(reset));
    }

    /// What a stream was to send is forgotten.
    pub(crate) fn drop_pending(&mut self, slot: u32) {
        self.unschedule(slot);
        let Some(stream) = self.streams.at_mut(slot) else { return };
        let outbound = &mut stream.outbound;
        self.send.forget_pending(outbound.pending.len());
        outbound.pending.clear();
        outbound.trailers = None;
        outbound.blocked = None;
        outbound.phase = OutPhase::Complete;
    }

    fn abandon_all(&mut self, cx: &mut Cx<'_>, why: Why) {
        for slot in self.streams.slots() {
            let is_over = self.streams.at(slot).is_none_or(|stream| stream.state == State::Closed);
            if !is_over {
                self.abandon(cx, slot, why, false);
                self.change(cx, slot, Kind::GoAway, State::reset);
                self.retire_if_closed(cx, slot);
            }
        }
    }

    /// A stream that may be closed by now.
    #[inline]
    pub(crate) fn retire_if_closed(&mut self, cx: &mut Cx<'_>, slot: u32) {
        if self.streams.at(slot).is_some_and(|stream| stream.state == State::Closed) {
            self.retire(cx, slot);
        }
    }

    /// A stream that is closed counts no longer; it stays as long as the user has not got its body.
    #[inline]
    pub(crate) fn retire(&mut self, cx: &mut Cx<'_>, slot: u32) {
        let Some(stream) = self.streams.at(slot) else { return };
        let (id, is_announced) = (stream.id, stream.inbound.is_announced);
        self.recv.give_back_growth(&stream.inbound.window);
        cx.note(|| Seen::StreamGone { id });
        self.streams.retire(id);
        if !is_announced {
            self.streams.remove(slot);
        }
        if self.streams.active() == 0 {
            self.settle(cx);
        }
    }

    /// No stream is left: the connection rests, or ends.
    pub(crate) fn settle(&mut self, cx: &mut Cx<'_>) {
        self.timers.clear(Timer::Watch);
        self.send.blocked = None;
        self.timers.set(Timer::Rest, cx.now().after(REST));
        if self.closing != Closing::Open {
            return;
        }
        if self.recv.is_finished() || self.going.has_said_last() {
            self.close(cx, Why::SaidClose);
        } else if self.going.is_due() {
            // RFC 9113 §6.8: the peer goes; who closes says so.
            self.fail_connection(cx, Why::SaidClose);
        } else {
            self.begin_idle(cx);
        }
    }

    /// A connection that rests keeps no memory that it can have again.
    pub(crate) fn let_go(&mut self) {
        if self.streams.len() == 0 {
            self.streams.let_go();
            self.send.let_go();
            self.events.let_go();
        }
    }

    /// A server does not wait forever for the next request.
    // RFC 9113 §9.1: connections are kept as long as they may be of use.
    pub(crate) fn begin_idle(&mut self, cx: &mut Cx<'_>) {
        if self.role == Role::Server && self.streams.active() == 0 {
            self.timers.clear(Timer::Head);
            self.timers.set(Timer::Idle, cx.now().after(self.config.timeout_idle));
        }
    }

    /// The peer will send nothing more. What it asked for completely is still answered, as far as the
    /// windows go.
    pub(crate) fn take_eof(&mut self, cx: &mut Cx<'_>) {
        let is_lingering = self.closing != Closing::Open;
        self.recv.finish();
        if is_lingering {
            return self.end_with(Closing::Now);
        }
        for slot in self.streams.slots() {
            let Some(stream) = self.streams.at(slot) else { continue };
            let is_cut = stream.state.may_receive() || stream.state == State::ReservedRemote;
            if is_cut && stream.state != State::Closed {
                self.abandon(cx, slot, Why::CutShort, false);
                self.change(cx, slot, Kind::GoAway, State::reset);
                self.retire_if_closed(cx, slot);
            }
        }
        if self.closing == Closing::Open && self.streams.active() == 0 {
            self.close(cx, Why::SaidClose);
        }
    }

    /// Ends the connection when everything has been sent.
    pub(crate) fn close(&mut self, cx: &mut Cx<'_>, why: Why) {
        if self.closing != Closing::Open {
            return;
        }
        cx.note(|| Seen::Closing { why });
        // A client has nothing to lose; and when the peer has finished, nothing is to wait for.
        if self.role == Role::Client || self.recv.is_finished() {
            return self.end_with(Closing::Now);
        }
        self.end_with(Closing::Fin);
        self.recv.linger();
        self.timers.set(Timer::Linger, cx.now().after(self.config.timeout_linger));
    }

    pub(crate) fn end_with(&mut self, how: Closing) {
        self.closing = how;
        self.timers.clear_all();
    }
}
