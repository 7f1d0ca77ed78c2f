//! Who is too slow: bodies that do not come, and windows that do not open.

use std::sync::Arc;
use std::time::Duration;

use base::Cx;
use message::{ExchangeId, Pace, Status};

use crate::machine::{Connection, Role};
use crate::stream::{OutPhase, Stream};
use crate::{Config, Fault, Seen, Timer, Why};

impl Connection {
    /// From now on the client must keep this pace, or without one, that of the configuration: with
    /// the heads that begin from now on, and with the body of this exchange.
    pub fn keep_pace(&mut self, id: ExchangeId, pace: Option<Arc<Pace>>) {
        let stream = u32::try_from(id.0).ok().and_then(|id| self.streams.get_mut(id));
        if let Some(stream) = stream {
            stream.inbound.rate_min = pace.as_ref().and_then(|pace| pace.body);
        }
        self.pace = pace;
    }

    pub(crate) fn timeout_head(&self) -> Duration {
        let own = self.pace.as_ref().and_then(|pace| pace.head);
        own.unwrap_or(self.config.timeout_head)
    }

    /// Looks at all streams after a while, if there is anything to look at. The time is the peer's,
    /// so only servers limit it; a client's user has its own.
    pub(crate) fn watch(&mut self, cx: &mut Cx<'_>) {
        if self.role == Role::Server && !self.timers.is_set(Timer::Watch) {
            self.timers.set(Timer::Watch, cx.now().after(self.config.body_rate_min.interval));
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
    if !stream.awaits_body() || !stream.inbound.is_slow(config.body_rate_min) {
        return None;
    }
    match stream.outbound.phase {
        OutPhase::Head => Some(Why::BodyTooSlow),
        // It was answered, and what is still to come is forgotten.
        _ if stream.is_disowned => Some(Why::BodyUnread),
        // Once it is being answered, a client may take its time: that is how both sides talk at length.
        _ => None,
    }
}
