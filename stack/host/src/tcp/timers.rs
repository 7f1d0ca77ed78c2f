//! When each connection, listener and TIME-WAIT is to be woken.

use base::{Cx, Instant, Key};
use tcp::{Flow, TimeWait};

use super::{Entry, ListenerId, Socket, Tcp, Wake};

impl Tcp {
    /// Lets time pass.
    pub(crate) fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        let mut woken = std::mem::take(&mut self.woken);
        self.timers.expire(cx.now(), &mut woken);
        for wake in woken.drain(..) {
            match wake {
                Wake::Connection(key) => self.wake_connection(cx, key),
                Wake::Listener(key) => self.wake_listener(cx, key),
                Wake::TimeWait(key) => self.wake_time_wait(cx.now(), key),
            }
        }
        self.woken = woken;
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if ever.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Sets the next deadline, if it is earlier than the one that is set.
    pub(super) fn arm(&mut self, key: Key<Box<Socket>>) {
        let Some(socket) = self.sockets.get_mut(key) else { return };
        let Some((at, _)) = socket.connection.poll_timeout() else { return };
        if socket.wakes_at.is_none_or(|wakes_at| at < wakes_at) {
            socket.wakes_at = Some(at);
            self.timers.set(at, Wake::Connection(key));
        }
    }

    pub(super) fn arm_listener(&mut self, key: ListenerId) {
        let Some(of) = self.listeners.get_mut(key) else { return };
        let Some(at) = of.listener.poll_timeout() else { return };
        if of.wakes_at.is_none_or(|wakes_at| at < wakes_at) {
            of.wakes_at = Some(at);
            self.timers.set(at, Wake::Listener(key));
        }
    }

    pub(super) fn wake_connection(&mut self, cx: &mut Cx<'_>, key: Key<Box<Socket>>) {
        let Some(socket) = self.sockets.get_mut(key) else { return };
        // An earlier deadline was set after this one, or this one was moved: look again.
        if socket.wakes_at.is_some_and(|at| at > cx.now()) {
            return;
        }
        socket.wakes_at = None;
        let is_due = socket.connection.poll_timeout().is_some_and(|(at, _)| at <= cx.now());
        if is_due {
            let flow = *socket.connection.flow();
            self.attribute(cx, &flow);
            if let Some(socket) = self.sockets.get_mut(key) {
                socket.connection.handle_timeout(cx);
            }
            cx.attribute(|| None);
            self.touch(key);
        } else {
            self.arm(key);
        }
    }

    pub(super) fn wake_listener(&mut self, cx: &mut Cx<'_>, key: ListenerId) {
        let Some(of) = self.listeners.get_mut(key) else { return };
        if of.wakes_at.is_some_and(|at| at > cx.now()) {
            return;
        }
        of.wakes_at = None;
        of.listener.handle_timeout(cx);
        self.touch_listener(key);
    }

    pub(super) fn wake_time_wait(&mut self, now: Instant, key: Key<(Flow, TimeWait)>) {
        let Some((flow, waiting)) = self.time_waits.get(key) else { return };
        let (flow, until) = (*flow, waiting.until());
        if until > now {
            return self.timers.set(until, Wake::TimeWait(key));
        }
        self.time_waits.remove(key);
        if matches!(self.flows.get(&flow), Some(Entry::TimeWait(of)) if *of == key) {
            self.flows.remove(&flow);
        }
    }
}
