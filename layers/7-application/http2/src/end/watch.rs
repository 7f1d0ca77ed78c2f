//! Who is too slow: bodies that do not come, and windows that do not open.

use base::Cx;
use message::Status;

use crate::machine::{Connection, Role};
use crate::stream::{InPhase, OutPhase, Stream};
use crate::{Config, Fault, Seen, Timer, Why};

impl Connection {
    /// Looks at all streams after a while, if there is anything to look at. The time is the peer's,
    /// so only servers limit it; a client's user has its own.
    pub(crate) fn watch(&mut self, cx: &mut Cx<'_>) {
        if self.role == Role::Server && !self.timers.is_set(Timer::Watch) {
            self.timers.set(Timer::Watch, cx.now().after(self.config.body_rate_interval));
        }
    }

    /// An interval is over. Costs a look at each stream, once in an interval.
    pub(crate) fn watch_streams(&mut self, cx: &mut Cx<'_>) {
        if let Some(since) = self.send.blocked
            && cx.now().since(since) >= self.config.timeout_window
        {
            cx.note(|| Seen::TimedOut { timer: Timer::Watch });
            return self.fail(cx, Fault::connection(Why::WindowsAllStalled));
        }
        let mut is_of_use = self.send.blocked.is_some();
        for slot in self.streams.slots() {
            let Some(stream) = self.streams.at_mut(slot) else { continue };
            let id = stream.id;
            match slowness(cx, stream, &self.config) {
                Some(why) => {
                    cx.note(|| Seen::TimedOut { timer: Timer::Watch });
                    self.give_up_slow(cx, id, why);
                }
                None => {
                    is_of_use |= stream.awaits_body() || stream.outbound.blocked.is_some();
                    stream.inbound.in_interval = 0;
                    self.allow_sliver(cx, slot);
                }
            }
        }
        if is_of_use {
            self.watch(cx);
        }
    }

    fn give_up_slow(&mut self, cx: &mut Cx<'_>, id: u32, why: Why) {
        let can_answer =
            self.stream(id).is_some_and(|stream| stream.outbound.phase == OutPhase::Head);
        if can_answer && why == Why::BodyTooSlow {
            self.answer_refused(cx, id, why, Status::REQUEST_TIMEOUT);
        } else {
            self.end_stream(cx, id, why);
        }
    }
}

/// What is too slow about a stream, if something is.
fn slowness(cx: &Cx<'_>, stream: &Stream, config: &Config) -> Option<Why> {
    if let Some(since) = stream.outbound.blocked
        && cx.now().since(since) >= config.timeout_window
    {
        return Some(Why::WindowStalled);
    }
    // Once it is being answered, a client may take its time: that is how both sides talk at length.
    let is_before_answer = stream.outbound.phase == OutPhase::Head;
    let is_slow = stream.awaits_body()
        && stream.inbound.phase == InPhase::Body
        && stream.inbound.in_interval < config.body_rate_min;
    (is_before_answer && is_slow).then_some(Why::BodyTooSlow)
}
