//! Going away without losing a request. (RFC 9113 §6.8)
//!
//! First the peer is told that we are going, with a last stream that no stream is above; and asked,
//! with a PING. When it answers, it knows: whatever it opens from then on is above the last stream
//! that it has opened until then, and that one is named.

use base::Cx;
use message::{Closing, Event, Reset};

use super::STREAM_MAX;
use crate::machine::{Connection, Role};
use crate::stream::State;
use crate::wire::{ErrorCode, Kind, emit_go_away, emit_ping};
use crate::{Fault, Seen, Timer, Why};

/// What the PING behind the first GOAWAY says.
pub(crate) const GOING_AWAY: [u8; 8] = *b"goingoff";

/// How far we are, and what the peer has said.
#[derive(Debug, Default)]
pub(crate) struct GoingAway {
    ours: Step,
    /// The last of our streams that the peer processes.
    theirs: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Step {
    #[default]
    Staying,
    /// The peer has been told, and may not know yet.
    Announced,
    /// It has been told the last stream.
    Said,
}

impl GoingAway {
    /// Whether either side goes.
    pub(crate) fn has_begun(&self) -> bool {
        self.ours != Step::Staying || self.theirs.is_some()
    }

    /// Whether what the peer opens now is not processed.
    pub(crate) fn has_said_last(&self) -> bool {
        self.ours == Step::Said
    }

    /// Whether the connection ends when no stream is left.
    pub(crate) fn is_due(&self) -> bool {
        self.ours == Step::Said || self.theirs.is_some()
    }
}

impl Connection {
    /// The first step; the second follows when the peer knows, or when it has had time to.
    pub(crate) fn go_away(&mut self, cx: &mut Cx<'_>) {
        if self.going.ours != Step::Staying {
            return;
        }
        self.going.ours = Step::Announced;
        let (code, why) = (ErrorCode::NO_ERROR, Why::ShuttingDown);
        cx.note(|| Seen::GoAwayOut { last: STREAM_MAX, code, why });
        let replies = self.send.replies(cx);
        emit_go_away(STREAM_MAX, code, "", replies);
        emit_ping(false, GOING_AWAY, replies);
        self.timers.set(Timer::GoAway, cx.now().after(self.config.timeout_go_away));
    }

    /// The second step.
    pub(crate) fn say_last_stream(&mut self, cx: &mut Cx<'_>) {
        if self.going.ours != Step::Announced || self.closing != Closing::Open {
            return;
        }
        self.going.ours = Step::Said;
        self.timers.clear(Timer::GoAway);
        let (last, code, why) = (self.streams.last_peer, ErrorCode::NO_ERROR, Why::ShuttingDown);
        cx.note(|| Seen::GoAwayOut { last, code, why });
        emit_go_away(last, code, "", self.send.replies(cx));
        if self.streams.active() == 0 {
            self.settle(cx);
        }
    }

    /// The peer has used up what we give it, or what there is (RFC 9113 §5.1.1).
    #[inline]
    pub(crate) fn go_away_if_used_up(&mut self, cx: &mut Cx<'_>, id: u32) {
        if id / 2 + 1 >= self.config.requests_max {
            self.go_away(cx);
        }
    }

    /// The peer goes: it opens no more streams, and processes ours up to `last`.
    pub(crate) fn peer_goes_away(&mut self, cx: &mut Cx<'_>, last: u32) -> Result<(), Fault> {
        // RFC 9113 §6.8: it may take back, and not give.
        if self.going.theirs.is_some_and(|before| last > before) {
            return Err(Fault::connection(Why::GoAwayGrows));
        }
        self.going.theirs = Some(last);
        for slot in self.streams.slots() {
            let Some(stream) = self.streams.at(slot) else { continue };
            let id = stream.id;
            if !self.streams.is_own(id) || id <= last || stream.state == State::Closed {
                continue;
            }
            // RFC 9113 §8.7: nothing has been done for it.
            self.drop_pending(slot);
            if self.role == Role::Client {
                let why = Why::PeerRefused.explanation();
                let reset = Reset { why, status: None, untouched: true };
                self.events.push(id, Event::Reset(reset));
            }
            self.change(cx, slot, Kind::GoAway, State::reset);
            self.retire_if_closed(cx, slot);
        }
        if self.streams.active() == 0 {
            self.settle(cx);
        }
        Ok(())
    }
}
